//! Who asks, for handlers: the identity that the gate found, and the answers that it may see.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::{Site, failure::Failure};
use crate::{access::Identity, query::Query};

/// Somebody who asks.
#[derive(Debug)]
pub(super) struct Who(pub(super) Arc<Identity>);

impl<S: Send + Sync> FromRequestParts<S> for Who {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let who = parts.extensions.get::<Arc<Identity>>().cloned();
        who.map(Self).ok_or_else(|| Failure::internal("nobody asks".to_owned()))
    }
}

/// The answers that somebody who asks may see.
#[derive(Debug)]
pub(super) struct Scoped(pub(super) Query);

impl FromRequestParts<Arc<Site>> for Scoped {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Failure> {
        let Who(who) = Who::from_request_parts(parts, site).await?;
        Ok(Self(site.answers.within(&who.scope)))
    }
}
