//! What a request brings. It must be JSON and say so, even to say nothing: a page of another site can
//! make a browser send a form, but not that, so it can neither pause anybody's hosts nor accept
//! somebody's machine.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts as _, Request, rejection::JsonRejection},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Site, asked::NothingAsked, failure::Failure, params::RequestParams};

/// A body as it came, read or not.
pub(super) type Body<T> = Result<Json<T>, JsonRejection>;

/// What was brought, or what was expected in its place.
pub(super) fn read<T>(body: Body<T>, expected: &str) -> Result<T, Failure> {
    match body {
        Ok(Json(asked)) => Ok(asked),
        Err(rejection) => {
            let why = rejection.body_text();
            let words = format!("the body cannot be read: {why}; expected {expected}");
            Err(Failure::bad_body(rejection.status(), words))
        }
    }
}

/// What a request brings that says nothing but its path: no parameters, and an empty object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

impl FromRequest<Arc<Site>> for Nothing {
    type Rejection = Failure;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        RequestParams::<NothingAsked>::from_request_parts(&mut parts, site).await?;
        let body = Json::from_request(Request::from_parts(parts, body), site).await;
        read(body, "an empty JSON object, {} (content-type application/json)")
    }
}
