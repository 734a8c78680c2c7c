//! Who may ask: everybody, or who knows the one secret, as a bearer token (RFC 6750) or as the
//! password of whatever user (RFC 7617, which browsers ask for).
//!
//! It never logs what was sent. `/healthz` is open: it says that the process lives, and no more.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::failure::Failure;
use crate::config::Secret;

/// What is answered to everybody.
pub(super) const OPEN_PATH: &str = "/healthz";

/// Who may ask.
#[derive(Clone, Default)]
pub struct Access {
    /// A digest has one length, so that comparing it does not tell the secret's.
    secret: Option<Arc<[u8; 32]>>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("secret", &self.secret.is_some()).finish()
    }
}

fn digest(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

impl Access {
    /// For who knows `secret`; without one, for everybody.
    #[must_use]
    pub fn new(secret: Option<&Secret>) -> Self {
        Self { secret: secret.map(|secret| Arc::new(digest(secret.expose().as_bytes()))) }
    }

    /// Whether there is a secret to know.
    pub(super) fn is_guarded(&self) -> bool {
        self.secret.is_some()
    }

    fn allows(&self, headers: &HeaderMap) -> bool {
        let Some(secret) = &self.secret else { return true };
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(password) = given.and_then(password) else { return false };
        digest(&password).ct_eq(secret.as_ref()).into()
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
pub(super) async fn check(State(access): State<Access>, request: Request, next: Next) -> Response {
    if request.uri().path() == OPEN_PATH || access.allows(request.headers()) {
        return next.run(request).await;
    }
    let words = "this server wants its token: \"Authorization: Bearer TOKEN\", or as the password of any user";
    let mut answer = Failure::unauthorized(words).into_response();
    for challenge in ["Basic realm=\"Roundsman\", charset=\"UTF-8\"", "Bearer realm=\"Roundsman\""]
    {
        let challenge = HeaderValue::from_static(challenge);
        answer.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(authorization: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(text) = authorization {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(text).unwrap());
        }
        Access::new(Some(&Secret::new("a:b c"))).allows(&headers)
    }

    #[test]
    fn the_secret_opens_as_a_token_and_as_a_password_and_nothing_else_does() {
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        for good in ["Bearer a:b c", "bearer  a:b c", &basic("me:a:b c"), &basic(":a:b c")] {
            assert!(allows(Some(good)), "{good}");
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
            assert!(!allows(Some(bad)), "{bad}");
        }
        assert!(!allows(None));
        assert!(Access::default().allows(&HeaderMap::new()));
    }

    #[test]
    fn it_does_not_show_its_secret() {
        assert_eq!(
            format!("{:?}", Access::new(Some(&Secret::new("x")))),
            "Access { secret: true }"
        );
    }
}
