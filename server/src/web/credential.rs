//! What a request shows of who asks: a token (RFC 6750), one as the password of whatever user (RFC 7617), the word of
//! a proxy, or the cookie of a session. Knows nobody.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::cookie;
use crate::access::Digest;

/// What a request shows of who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// Nothing.
    Nothing,
    /// What a token is known by; none where what stands in its place is no token.
    Token(Option<Digest>),
    /// The name that a proxy says; none where it says none that can be read, or several.
    Proxied(Option<Arc<str>>),
    /// What a session is known by.
    Session(Digest),
}

impl Credential {
    /// Of a request; `proxied` is the header field of a proxy whose word is taken. A token counts before that, and
    /// that before a cookie.
    pub(super) fn of(request: &HeaderMap, base_path: &str, proxied: Option<&str>) -> Self {
        if let token @ Self::Token(_) = Self::token(request) {
            return token;
        }
        if let Some(field) = proxied
            && request.contains_key(field)
        {
            let mut names = request.get_all(field).iter().map(|name| name.to_str().ok());
            let name = names.next().flatten().filter(|_| names.next().is_none());
            return Self::Proxied(name.map(Arc::from));
        }
        let cookie = cookie::SESSION.shown(request, base_path);
        cookie.map_or(Self::Nothing, |id| Self::Session(Digest::of(id.as_bytes())))
    }

    /// Of a request that can show a token alone.
    pub(super) fn token(request: &HeaderMap) -> Self {
        let Some(given) = request.get(header::AUTHORIZATION) else { return Self::Nothing };
        let password = given.to_str().ok().and_then(password);
        Self::Token(password.map(|password| Digest::of(&password)))
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

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn request(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_token_counts_before_the_word_of_a_proxy_and_that_before_a_cookie() {
        let of = |fields: &[_], proxied| Credential::of(&request(fields), "", proxied);
        let (token, user, cookie) =
            (("authorization", "Bearer x"), ("x-user", "ann"), ("cookie", "roundsman=x"));
        let digest = Digest::of(b"x");
        let ann = Credential::Proxied(Some("ann".into()));
        assert_eq!(of(&[token, user, cookie], Some("x-user")), Credential::Token(Some(digest)));
        assert_eq!(of(&[user, cookie], Some("x-user")), ann);
        assert_eq!(of(&[user, cookie], None), Credential::Session(digest));
        assert_eq!(of(&[user], None), Credential::Nothing);
        assert_eq!(of(&[], Some("x-user")), Credential::Nothing);
        let two = [user, ("x-user", "root"), cookie];
        assert_eq!(of(&two, Some("x-user")), Credential::Proxied(None));
        assert_eq!(of(&[("authorization", "x"), user], Some("x-user")), Credential::Token(None));
    }
}
