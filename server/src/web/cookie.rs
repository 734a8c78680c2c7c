//! The cookie of a session, and of signing in at a provider (RFC 6265bis): scripts do not see them, other sites do
//! not send them, and over TLS nobody without TLS can set them.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};

use crate::access::LIFE;

/// A cookie of ours.
#[derive(Debug)]
pub(super) struct Cookie {
    /// Its name where the connection has no TLS.
    plain: &'static str,
    /// Its names where it has: a browser takes them over TLS alone, the first only for the whole host.
    of_host: &'static str,
    secure: &'static str,
    same_site: &'static str,
    life: Duration,
}

/// What a session is known by.
pub(super) const SESSION: Cookie = Cookie {
    plain: "roundsman",
    of_host: "__Host-roundsman",
    secure: "__Secure-roundsman",
    same_site: "Strict",
    life: LIFE,
};

/// How long signing in at a provider may take.
pub(super) const MAX_SIGN_IN: Duration = Duration::from_secs(600);

/// What a sign-in at a provider is known by, who sends the browser back: a page of another site does.
pub(super) const SIGN_IN: Cookie = Cookie {
    plain: "roundsman-sign-in",
    of_host: "__Host-roundsman-sign-in",
    secure: "__Secure-roundsman-sign-in",
    same_site: "Lax",
    life: MAX_SIGN_IN,
};

/// Whether the browser's end of the connection has TLS, as the proxy says that ends it. Who lies says so of
/// their own cookie alone; and a page of another site cannot send this field.
fn is_secure(request: &HeaderMap) -> bool {
    let said = request.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    said.is_some_and(|said| said.trim().eq_ignore_ascii_case("https"))
}

impl Cookie {
    fn name(&self, request: &HeaderMap, base_path: &str) -> &'static str {
        match (is_secure(request), base_path.is_empty()) {
            (true, true) => self.of_host,
            (true, false) => self.secure,
            (false, _) => self.plain,
        }
    }

    /// What a request shows.
    pub(super) fn shown<'r>(&self, request: &'r HeaderMap, base_path: &str) -> Option<&'r str> {
        let name = self.name(request, base_path);
        let all = request.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs =
            all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(known, _)| *known == name).map(|(_, value)| value);
        let value = values.next()?;
        // Somebody put a second one there, and nobody can say which is whose.
        values.next().is_none().then_some(value)
    }

    /// The field that gives a browser `value`, or takes it away.
    pub(super) fn given(
        &self,
        request: &HeaderMap,
        base_path: &str,
        value: Option<&str>,
    ) -> Option<HeaderValue> {
        let path = if base_path.is_empty() { "/" } else { base_path };
        let secure = if is_secure(request) { "; Secure" } else { "" };
        let life = if value.is_some() { self.life.as_secs() } else { 0 };
        let (name, value) = (self.name(request, base_path), value.unwrap_or_default());
        let site = self.same_site;
        let field = format!(
            "{name}={value}; Path={path}; Max-Age={life}; HttpOnly; SameSite={site}{secure}"
        );
        let mut field = HeaderValue::try_from(field).ok()?;
        field.set_sensitive(true);
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn over_tls_the_cookie_has_a_name_that_nobody_without_tls_can_set() {
        let tls = [("x-forwarded-proto", "https")];
        let text = |fields: &[_], path, id| {
            SESSION.given(&request(fields), path, id).unwrap().to_str().unwrap().to_owned()
        };
        let plain = "roundsman=x; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict";
        assert_eq!(text(&[], "", Some("x")), plain);
        assert_eq!(text(&tls, "", Some("x")), format!("__Host-{plain}; Secure"));
        let below = plain.replace("Path=/", "Path=/mon");
        assert_eq!(text(&tls, "/mon", Some("x")), format!("__Secure-{below}; Secure"));
        assert!(text(&[], "", None).starts_with("roundsman=; Path=/; Max-Age=0;"));
    }

    #[test]
    fn a_session_is_shown_by_the_cookie_of_its_connection_and_there_is_one() {
        let x = Some("x");
        let shown =
            |request: &HeaderMap, path: &str| SESSION.shown(request, path).map(str::to_owned);
        for fields in [
            &[("cookie", "a=b; roundsman=x; c=d")][..],
            &[("cookie", "a=b"), ("cookie", "roundsman=x")],
        ] {
            assert_eq!(shown(&request(fields), "").as_deref(), x);
        }
        for (fields, path) in [
            (&[("cookie", "Roundsman=x")][..], ""),
            (&[("cookie", "roundsman-sign-in=x")], ""),
            (&[("cookie", "roundsman=x; roundsman=y")], ""),
            (&[("cookie", "roundsman=x"), ("x-forwarded-proto", "https")], ""),
            (&[("cookie", "__Secure-roundsman=x"), ("x-forwarded-proto", "https")], ""),
            (&[("cookie", "__Host-roundsman=x"), ("x-forwarded-proto", "https")], "/mon"),
            (&[("cookie", "__Host-roundsman=x")], ""),
            (&[], ""),
        ] {
            assert_eq!(shown(&request(fields), path), None, "{fields:?} {path}");
        }
        let tls = [("cookie", "__Host-roundsman=x; roundsman=y"), ("x-forwarded-proto", "HTTPS")];
        assert_eq!(shown(&request(&tls), "").as_deref(), x);
    }
}
