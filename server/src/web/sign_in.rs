//! Signing in at a provider: there and back. What is under way is known to the browser alone: a cookie holds its
//! secret, from which `state`, `nonce` and verifier follow, when it began, and where its user wanted to go.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Extension,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;

use super::{
    Site,
    access::random_secret,
    audit::{self, AuditedChange},
    cookie::{MAX_SIGN_IN, SIGN_IN},
    failure::Failure,
    places::PeerNetwork,
};
use crate::{
    access::Digest,
    error_report::error_chain,
    oidc::{OidcError, Person, Provider, state},
    text::percent_encode,
    units::WallMs,
};

/// The longest address that is kept to go to after signing in, bytes; with a longer one it is the first page.
const MAX_TO_BYTES: usize = 1_024;

/// Why nobody is signed in, as the page where one signs in has words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// It took too long, or began in another browser or at another address.
    Again,
    /// The provider did not do its part.
    Provider,
    /// It knows them, and no group of theirs has an entry.
    Access,
    /// Too many were wrong from there.
    Often,
}

impl Wrong {
    fn word(self) -> &'static str {
        match self {
            Self::Again => "again",
            Self::Provider => "provider",
            Self::Access => "access",
            Self::Often => "often",
        }
    }
}

/// A sign-in that is under way.
#[derive(Debug, PartialEq, Eq)]
struct Pending {
    secret: String,
    began: WallMs,
    /// Percent-encoded.
    to: String,
}

impl Pending {
    /// As the cookie has it. When it began is in what `state` follows from.
    fn cookie(&self) -> String {
        format!("{}.{}", self.bound(), self.to)
    }

    fn bound(&self) -> String {
        format!("{}.{}", self.secret, self.began.0)
    }

    fn read(cookie: &str) -> Option<Self> {
        let mut parts = cookie.splitn(3, '.');
        let (secret, began, to) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            secret: secret.to_owned(),
            began: WallMs(began.parse().ok()?),
            to: to.to_owned(),
        })
    }

    /// Whether an answer with this `state` is one to it, and in time.
    fn is_answered(&self, given: &str, now: WallMs) -> bool {
        let is_now = now.since(self.began) <= MAX_SIGN_IN && now >= self.began;
        is_now && Digest::of(given.as_bytes()).is(&Digest::of(state(&self.bound()).as_bytes()))
    }
}

/// Leads a browser to a place, which its own address does not depend on.
fn lead(to: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> Response {
    let Ok(place) = HeaderValue::try_from(to) else {
        return Failure::internal("the address cannot be written".to_owned()).into_response();
    };
    let mut answer = (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response();
    for cookie in cookies {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    answer
}

/// Back to where one signs in, from so far below it.
fn back(up: &str, query: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> Response {
    lead(&format!("{up}login?{query}"), cookies)
}

/// `GET /login/oidc`: to the provider.
pub(super) async fn begin(
    State(site): State<Arc<Site>>,
    request: HeaderMap,
    asked: Result<Query<HashMap<String, String>>, QueryRejection>,
) -> Response {
    let Some(provider) = site.access.provider() else {
        return back("../", "", None);
    };
    let to = asked.ok().and_then(|Query(mut asked)| asked.remove("to")).unwrap_or_default();
    let to = Some(percent_encode(&to)).filter(|to| to.len() <= MAX_TO_BYTES).unwrap_or_default();
    let secret = match random_secret() {
        Ok(secret) => secret,
        Err(failure) => return failure.into_response(),
    };
    let pending = Pending { secret, began: site.clock.now().wall, to };
    match provider.begin(&pending.bound()).await {
        Ok(there) => {
            let cookie = SIGN_IN.given(&request, site.base_path.as_str(), Some(&pending.cookie()));
            lead(&there, cookie)
        }
        Err(error) => {
            tracing::warn!(error = error_chain(&error), "nobody can sign in at the provider");
            back("../", &format!("wrong={}&to={}", Wrong::Provider.word(), pending.to), None)
        }
    }
}

/// What the provider sends with the browser (RFC 6749, section 4.1.2; RFC 9207).
#[derive(Deserialize)]
pub(super) struct Returned {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// `GET /login/oidc/callback`: from the provider.
pub(super) async fn finish(
    State(site): State<Arc<Site>>,
    peer: Option<Extension<PeerNetwork>>,
    request: HeaderMap,
    returned: Result<Query<Returned>, QueryRejection>,
) -> Response {
    let base_path = site.base_path.as_str();
    let peer = peer.map(|Extension(peer)| peer);
    let pending = SIGN_IN.shown(&request, base_path).and_then(Pending::read);
    let to = pending.as_ref().map(|pending| pending.to.clone()).unwrap_or_default();
    let over = SIGN_IN.given(&request, base_path, None);
    let returned = returned.ok().map(|Query(returned)| returned);
    let signed_in = match (site.access.provider(), pending, returned) {
        (Some(provider), Some(pending), Some(returned)) => {
            sign_in(&site, provider, peer, &request, pending, returned).await
        }
        _ => Err(Wrong::Again),
    };
    match signed_in {
        // The browser sends the cookie with what a page of ours asks for: not with this way back.
        Ok(session) => back("../../", &format!("to={to}"), [over, session].into_iter().flatten()),
        Err(wrong) => back("../../", &format!("wrong={}&to={to}", wrong.word()), over),
    }
}

async fn sign_in(
    site: &Site,
    provider: &Provider,
    peer: Option<PeerNetwork>,
    request: &HeaderMap,
    pending: Pending,
    returned: Returned,
) -> Result<Option<HeaderValue>, Wrong> {
    let Returned { code, state, iss, error } = returned;
    if !pending.is_answered(&state.unwrap_or_default(), site.clock.now().wall) {
        return Err(Wrong::Again);
    }
    let is_ours = iss.is_none_or(|iss| provider.is_issuer(&iss));
    let Some(code) = code.filter(|_| is_ours && error.is_none()) else {
        tracing::info!(
            is_ours,
            error = error.map(tracing::field::debug),
            "the provider signed nobody in"
        );
        return Err(Wrong::Provider);
    };
    let person = known(site, peer, provider.sign_in(&pending.bound(), &code)).await?;
    match site.access.sign_in_person(site, request, &person).await {
        Ok(Some((who, session))) => {
            let what = format!("sign in at {} as sub {}", provider.name(), person.sub);
            AuditedChange::sign_in(who, peer, what).note(site, StatusCode::OK);
            Ok(session)
        }
        Ok(None) => {
            AuditedChange::refused_person(site, peer, provider.name(), &person);
            Err(Wrong::Access)
        }
        Err(_no_random_numbers) => Err(Wrong::Provider),
    }
}

/// Who the provider says that is. A peer for whom it has no good word again and again is not heard for a while, as
/// one that shows wrong tokens.
async fn known(
    site: &Site,
    peer: Option<PeerNetwork>,
    signing_in: impl Future<Output = Result<Person, OidcError>>,
) -> Result<Person, Wrong> {
    let denials = site.access.denials();
    if peer.is_some_and(|peer| !denials.hears(peer, site.clock.now().mono)) {
        site.metrics.http_denied.inc();
        return Err(Wrong::Often);
    }
    let error = match signing_in.await {
        Ok(person) => return Ok(person),
        Err(OidcError::Busy) => return Err(Wrong::Often),
        Err(error) => error,
    };
    tracing::warn!(error = error_chain(&error), "nobody is signed in by the provider");
    if matches!(error, OidcError::Refused(_) | OidcError::Token(_)) {
        site.metrics.http_denied.inc();
        if let Some(peer) = peer
            && let Some(requests) = denials.wrong(peer, site.clock.now().mono)
        {
            audit::refusals(site, requests, peer);
        }
    }
    Err(Wrong::Provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_is_answered_by_its_own_state_and_within_ten_minutes() {
        let began = WallMs(1_774_747_800_000);
        let pending = Pending { secret: "rm_x-_".to_owned(), began, to: "%2Fa.b".to_owned() };
        let read = Pending::read(&pending.cookie()).unwrap();
        assert_eq!(read, pending);
        let own = state(&pending.bound());
        let last = began.plus(MAX_SIGN_IN);
        assert!(read.is_answered(&own, began) && read.is_answered(&own, last));
        assert!(
            !read.is_answered(&own, WallMs(last.0 + 1))
                && !read.is_answered(&own, WallMs(began.0 - 1))
        );
        for other in ["", "x", &state("rm_x-_"), &own.to_uppercase()] {
            assert!(!read.is_answered(other, began), "{other}");
        }
        // Who says that it began later has another state.
        let later = Pending { began: last, ..read };
        assert!(!later.is_answered(&own, last));
        for bad in ["", "a", "a.1", "a.b.c", "a.1e3.c"] {
            assert_eq!(Pending::read(bad), None, "{bad}");
        }
    }
}
