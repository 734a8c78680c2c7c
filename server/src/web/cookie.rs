//! The cookie of a session (RFC 6265bis): scripts do not see it, other sites do not send it, and over TLS
//! nobody without TLS can set it.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::access::{Digest, LIFE};

/// Its name where the connection has no TLS.
const PLAIN: &str = "roundsman";

/// Its names where it has: a browser takes them over TLS alone, the first only for the whole host.
const OF_HOST: &str = "__Host-roundsman";
const SECURE: &str = "__Secure-roundsman";

/// Whether the browser's end of the connection has TLS, as the proxy says that ends it. Who lies says so of
/// their own cookie alone; and a page of another site cannot send this field.
fn is_secure(request: &HeaderMap) -> bool {
    let said = request.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    said.is_some_and(|said| said.trim().eq_ignore_ascii_case("https"))
}

fn name(request: &HeaderMap, base_path: &str) -> &'static str {
    match (is_secure(request), base_path.is_empty()) {
        (true, true) => OF_HOST,
        (true, false) => SECURE,
        (false, _) => PLAIN,
    }
}

/// What the session that a request shows is known by.
pub(super) fn shown(request: &HeaderMap, base_path: &str) -> Option<Digest> {
    let name = name(request, base_path);
    let all = request.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut ids = pairs.filter(|(known, _)| *known == name).map(|(_, id)| id);
    let id = ids.next()?;
    // Somebody put a second one there, and nobody can say which is whose.
    ids.next().is_none().then(|| Digest::of(id.as_bytes()))
}

/// The field that gives a browser the session `id`, or takes it away.
pub(super) fn given(request: &HeaderMap, base_path: &str, id: Option<&str>) -> Option<HeaderValue> {
    let path = if base_path.is_empty() { "/" } else { base_path };
    let secure = if is_secure(request) { "; Secure" } else { "" };
    let life = if id.is_some() { LIFE.as_secs() } else { 0 };
    let (name, id) = (name(request, base_path), id.unwrap_or_default());
    let field =
        format!("{name}={id}; Path={path}; Max-Age={life}; HttpOnly; SameSite=Strict{secure}");
    let mut field = HeaderValue::try_from(field).ok()?;
    field.set_sensitive(true);
    Some(field)
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
            given(&request(fields), path, id).unwrap().to_str().unwrap().to_owned()
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
        let x = Some(Digest::of(b"x"));
        assert_eq!(shown(&request(&[("cookie", "a=b; roundsman=x; c=d")]), ""), x);
        assert_eq!(shown(&request(&[("cookie", "a=b"), ("cookie", "roundsman=x")]), ""), x);
        for (fields, path) in [
            (&[("cookie", "Roundsman=x")][..], ""),
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
        assert_eq!(shown(&request(&tls), ""), x);
    }
}
