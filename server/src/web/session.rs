//! Signing in and out with a browser, who one is then, and who has a token.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Site,
    asked::NothingAsked,
    audit::AuditedChange,
    body::{Body, Nothing, read},
    failure::Failure,
    params::RequestParams,
    places::PeerNetwork,
    who::Who,
};
use crate::{
    access::{Entry, How, Identity},
    model::Role,
    query::Rfc3339,
    units::WallMs,
};

/// What somebody signs in with.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    /// A token.
    token: String,
}

/// Somebody who asks.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct IdentityShape {
    /// The name; `null` for who has none: who knows the shared token, or asks a server without one.
    name: Option<Arc<str>>,
    /// What they may do.
    role: Role,
    /// The groups whose hosts they may see; `null` is all hosts.
    groups: Option<Vec<Arc<str>>>,
    /// How that is known.
    how: How,
}

impl From<&Identity> for IdentityShape {
    fn from(who: &Identity) -> Self {
        let groups = who.scope.groups();
        Self {
            name: who.person().cloned(),
            role: who.role,
            groups: groups.map(|all| all.iter().map(|group| group.as_str().into()).collect()),
            how: who.how,
        }
    }
}

/// Everybody who has a token.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TokensPage {
    /// In the order of their file.
    tokens: Vec<TokenShape>,
}

/// A token, without what it is known by.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TokenShape {
    /// Whose.
    name: Arc<str>,
    /// What it may do.
    role: Role,
    /// The groups whose hosts it may see; `null` is all hosts.
    groups: Option<Vec<Arc<str>>>,
    /// From when on it is refused; `null` is never.
    expires: Option<Rfc3339>,
    /// Whether it is refused by now.
    is_expired: bool,
    /// When it was used last; `null` is not since the server started.
    last_used: Option<Rfc3339>,
}

impl TokenShape {
    fn new(entry: &Entry, last_used: Option<WallMs>, now: WallMs) -> Self {
        let IdentityShape { role, groups, .. } =
            IdentityShape::from(&Identity::of_entry(entry, How::Token));
        Self {
            name: Arc::clone(&entry.name),
            role,
            groups,
            expires: entry.expires.map(Rfc3339),
            is_expired: entry.is_expired(now),
            last_used: last_used.map(Rfc3339),
        }
    }
}

/// `POST /api/v1/session`: a token against a cookie.
pub(super) async fn sign_in(
    State(site): State<Arc<Site>>,
    peer: Option<Extension<PeerNetwork>>,
    request: HeaderMap,
    _: RequestParams<NothingAsked>,
    body: Body<SignIn>,
) -> Result<Response, Failure> {
    let SignIn { token } =
        read(body, "a JSON object (content-type application/json) with \"token\"")?;
    let peer = peer.map(|Extension(peer)| peer);
    let (who, cookie) = site.access.sign_in(&site, peer, &request, token.trim()).await?;
    let mut answer = Json(IdentityShape::from(&who)).into_response();
    if let Some(cookie) = cookie {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
        AuditedChange::sign_in(who, peer, "POST /api/v1/session".to_owned())
            .note(&site, StatusCode::OK);
    }
    Ok(answer)
}

/// `GET /api/v1/session`.
pub(super) async fn whoami(Who(who): Who, _: RequestParams<NothingAsked>) -> Json<IdentityShape> {
    Json(IdentityShape::from(&*who))
}

/// `POST /api/v1/session/end`.
pub(super) async fn sign_out(
    State(site): State<Arc<Site>>,
    request: HeaderMap,
    _: Nothing,
) -> Response {
    let cookie = site.access.sign_out(&request, site.base_path.as_str()).await;
    let mut answer = StatusCode::NO_CONTENT.into_response();
    if let Some(cookie) = cookie {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer
}

/// `GET /api/v1/tokens`.
pub(super) async fn tokens(
    State(site): State<Arc<Site>>,
    RequestParams(NothingAsked {}, now): RequestParams<NothingAsked>,
) -> Json<TokensPage> {
    let keyring = site.access.keyring();
    let entries = keyring.entries().unwrap_or_default();
    let shape = |entry: &Entry| TokenShape::new(entry, keyring.last_used(entry.digest), now);
    Json(TokensPage { tokens: entries.iter().map(shape).collect() })
}
