//! Who may ask: everybody, or who knows the one secret, as a bearer token (RFC 6750) or as the
//! password of whatever user (RFC 7617, which browsers ask for); and never a page of another site.
//!
//! It never logs what was sent. `/healthz` is open: it says that the process lives, and no more.

use std::sync::{Arc, PoisonError, RwLock};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    Site,
    denials::{Denials, WRONG_AGAIN},
    failure::Failure,
    origin::{self, OwnNames},
    places::PeerNetwork,
};
use crate::config::{Secret, SiteName};

/// What is answered to everybody.
pub(super) const OPEN_PATH: &str = "/healthz";

/// What a request may be refused with before it is looked into.
pub(super) const REFUSALS: [StatusCode; 4] = [
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::MISDIRECTED_REQUEST,
    StatusCode::TOO_MANY_REQUESTS,
];

/// Who may ask. A clone is the same: what is changed holds for all.
#[derive(Clone, Default)]
pub struct Access {
    rules: Arc<RwLock<Arc<Rules>>>,
    denials: Arc<Denials>,
}

#[derive(Default)]
struct Rules {
    /// A digest has one length, so that comparing it does not tell the secret's.
    secret: Option<[u8; 32]>,
    /// Names that this server is known by, where no secret is wanted.
    hosts: Vec<String>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("secret", &self.is_guarded()).finish()
    }
}

fn digest(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

impl Access {
    /// For who knows `secret`; without one, for everybody who asks this server by an address,
    /// `localhost` or one of `hosts`.
    #[must_use]
    pub fn new(secret: Option<&Secret>, hosts: &[SiteName]) -> Self {
        let access = Self::default();
        access.change(secret, hosts);
        access
    }

    /// From now on for these.
    pub fn change(&self, secret: Option<&Secret>, hosts: &[SiteName]) {
        let secret = secret.map(|secret| digest(secret.expose().as_bytes()));
        let hosts = hosts.iter().map(|name| name.as_str().to_owned()).collect();
        let rules = Arc::new(Rules { secret, hosts });
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether there is a secret to know.
    pub(super) fn is_guarded(&self) -> bool {
        self.rules().secret.is_some()
    }
}

/// What a request shows of the secret.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    Right,
    Nothing,
    Wrong,
}

impl Rules {
    fn shown(&self, headers: &HeaderMap) -> Shown {
        let Some(secret) = &self.secret else { return Shown::Right };
        let Some(given) = headers.get(header::AUTHORIZATION) else { return Shown::Nothing };
        let password = given.to_str().ok().and_then(password);
        match password.is_some_and(|password| digest(&password).ct_eq(secret).into()) {
            true => Shown::Right,
            false => Shown::Wrong,
        }
    }

    fn names(&self) -> OwnNames<'_> {
        if self.secret.is_some() { OwnNames::Any } else { OwnNames::These(&self.hosts) }
    }
}

/// The secret in an `Authorization`.
fn password(authorization: &str) -> Option<Vec<u8>> {
    let (scheme, rest) = authorization.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().as_bytes().to_vec());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = STANDARD.decode(rest.trim()).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

/// Lets a request through, or says what it lacks.
pub(super) async fn check(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    if request.uri().path() == OPEN_PATH {
        return next.run(request).await;
    }
    let rules = site.access.rules();
    let judged = origin::judge(request.method(), request.uri(), request.headers(), rules.names());
    match judged.and_then(|()| admit(&site, &rules, &request)) {
        Ok(()) => next.run(request).await,
        Err(failure) => refuse(failure),
    }
}

/// Whether a request shows the secret. A peer that is wrong again and again is not heard for a while.
fn admit(site: &Site, rules: &Rules, request: &Request) -> Result<(), Failure> {
    let denials = &site.access.denials;
    let peer = request.extensions().get::<PeerNetwork>().copied();
    let now = site.clock.now().mono;
    let shows_some = request.headers().contains_key(header::AUTHORIZATION);
    if rules.secret.is_some() && shows_some && peer.is_some_and(|peer| !denials.hears(peer, now)) {
        site.metrics.http_denied.inc();
        let words = "too many wrong tokens from this address: try again in a second";
        return Err(Failure::refused(StatusCode::TOO_MANY_REQUESTS, words.to_owned()));
    }
    match rules.shown(request.headers()) {
        Shown::Right => {
            if let Some(peer) = peer.filter(|_| rules.secret.is_some()) {
                denials.right(peer, now);
            }
            return Ok(());
        }
        Shown::Nothing => {}
        Shown::Wrong => {
            site.metrics.http_denied.inc();
            if let Some(peer) = peer
                && let Some(requests) = denials.wrong(peer, now)
            {
                tracing::warn!(requests, last = %peer, "requests over HTTP with a wrong token or password");
            }
        }
    }
    let words = "this server wants its token: \"Authorization: Bearer TOKEN\", or as the password of any user";
    Err(Failure::unauthorized(words))
}

fn refuse(failure: Failure) -> Response {
    let mut answer = failure.into_response();
    match answer.status() {
        StatusCode::UNAUTHORIZED => {
            for challenge in
                ["Basic realm=\"Roundsman\", charset=\"UTF-8\"", "Bearer realm=\"Roundsman\""]
            {
                let challenge = HeaderValue::from_static(challenge);
                answer.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
            }
        }
        StatusCode::TOO_MANY_REQUESTS => {
            let wait = HeaderValue::from(WRONG_AGAIN.as_secs());
            answer.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        _ => {}
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(authorization: Option<&str>) -> Shown {
        let mut headers = HeaderMap::new();
        if let Some(text) = authorization {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(text).unwrap());
        }
        Access::new(Some(&Secret::new("a:b c")), &[]).rules().shown(&headers)
    }

    #[test]
    fn the_secret_opens_as_a_token_and_as_a_password_and_nothing_else_does() {
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        for good in ["Bearer a:b c", "bearer  a:b c", &basic("me:a:b c"), &basic(":a:b c")] {
            assert_eq!(shown(Some(good)), Shown::Right, "{good}");
        }
        let bad = [
            "",
            "Bearer",
            "Bearer ",
            "Bearer a:b",
            "Bearer a:b cd",
            "Digest a:b c",
            "a:b c",
            "Basic a:b c",
            "Basic ====",
            &basic("a:b c:"),
            &basic("a:b"),
            &basic("no colon"),
        ];
        for bad in bad {
            assert_eq!(shown(Some(bad)), Shown::Wrong, "{bad}");
        }
        assert_eq!(shown(None), Shown::Nothing);
        assert_eq!(Access::default().rules().shown(&HeaderMap::new()), Shown::Right);
    }

    #[test]
    fn it_does_not_show_its_secret() {
        assert_eq!(
            format!("{:?}", Access::new(Some(&Secret::new("x")), &[])),
            "Access { secret: true }"
        );
    }
}
