//! Whether a browser asks on behalf of another site.
//!
//! Whoever opens a page lets it send requests from their machine. Two things keep other pages from
//! using that: a request tells which name it is for (`Host`), and what it was caused by
//! (`Sec-Fetch-*`, W3C Fetch Metadata; `Origin`, RFC 6454).
//!
//! * **DNS rebinding**: a page of `evil.example` has its own name lead to this server, and is then of
//!   one origin with it. Its requests still bear its name. An IP address cannot be led elsewhere, nor
//!   can `localhost` (RFC 6761), so where no token is wanted these are taken, and the names of
//!   `http.hosts`.
//! * **Requests across sites**: what a browser says of itself is believed. A link to the page is
//!   followed; all else that another site causes is refused.

use std::net::IpAddr;

use axum::http::{HeaderMap, Method, StatusCode, Uri, header, uri::Authority};

use super::failure::Failure;

/// Which names are taken for this server's own.
#[derive(Debug, Clone, Copy)]
pub(super) enum OwnNames<'a> {
    /// All: who asks shows a token.
    Any,
    /// Addresses, `localhost`, and these.
    These(&'a [String]),
}

/// Refuses what comes from a page of another site.
pub(super) fn judge(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    names: OwnNames<'_>,
) -> Result<(), Failure> {
    if let OwnNames::These(names) = names {
        // Browsers send one, always.
        let given = headers.get_all(header::HOST).iter();
        let given = given.map(|host| host.to_str().unwrap_or_default());
        for host in given.chain(uri.authority().map(Authority::as_str)) {
            if !is_own(host, names) {
                let words = format!(
                    "this server is not known as {host:?}; ask it by an IP address or localhost, name it in http.hosts (so for a \
                     proxy that passes on the name it is asked by), or set http.token_file"
                );
                return Err(Failure::refused(StatusCode::MISDIRECTED_REQUEST, words));
            }
        }
    }
    if is_of_another_site(method, headers) {
        let words = "a page of another site may not ask this server; behind a proxy, pass on the Host header with its port (nginx: \
                     proxy_set_header Host $http_host)";
        return Err(Failure::refused(StatusCode::FORBIDDEN, words.to_owned()));
    }
    Ok(())
}

/// Whether a `Host` is an address, this machine, or one of `names`.
fn is_own(host: &str, names: &[String]) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let host = authority.host();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if bare.parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || names.contains(&name)
}

fn is_of_another_site(method: &Method, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if let Some(site) = text("sec-fetch-site") {
        // A link that is followed; not a frame, and nothing that a page gets to see.
        let follows = reads
            && text("sec-fetch-mode") == Some("navigate")
            && text("sec-fetch-dest") == Some("document");
        return !matches!(site, "same-origin" | "none") && !follows;
    }
    // Browsers keep the above from servers that are asked without TLS by other names than localhost.
    // What only reads they do not show to a page of another site.
    let Some(origin) = text("origin") else { return false };
    let own = text("host").unwrap_or_default();
    let of_origin = origin.split_once("://").map(|(_, authority)| authority);
    !reads && !of_origin.is_some_and(|authority| authority.eq_ignore_ascii_case(own))
}

/// Whether a browser says that a page of this very server asks.
pub(super) fn is_own_page(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match text("sec-fetch-site") {
        Some(site) => site == "same-origin",
        // `judge` held it against the `Host`.
        None => text("origin").is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn status(method: Method, names: OwnNames<'_>, fields: &[(&str, &str)]) -> u16 {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        judge(&method, &Uri::from_static("/"), &headers, names)
            .map_or_else(|f| f.status(), |()| 200)
    }

    #[test]
    fn without_a_token_only_names_that_cannot_be_led_elsewhere_are_taken() {
        let names = ["monitor.example".to_owned()];
        let host = |host| status(Method::GET, OwnNames::These(&names), &[("host", host)]);
        for good in [
            "localhost",
            "LOCALHOST:8080",
            "a.localhost.",
            "127.0.0.1:8080",
            "127.8.8.8",
            "[::1]:8080",
            "10.1.2.3:8080",
            "monitor.example:8443",
            "Monitor.Example.",
        ] {
            assert_eq!(host(good), 200, "{good}");
        }
        for bad in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "notlocalhost",
            "evil.example:127.0.0.1",
            "",
            "evil.example@127.0.0.1 ",
            "other.monitor.example",
        ] {
            assert_eq!(host(bad), 421, "{bad}");
        }
        let two = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(status(Method::GET, OwnNames::These(&[]), &two), 421);
        assert_eq!(status(Method::GET, OwnNames::These(&[]), &[]), 200, "HTTP/1.0 needs none");
        let absolute = Uri::from_static("http://evil.example/");
        let judged = judge(&Method::GET, &absolute, &HeaderMap::new(), OwnNames::These(&[]));
        assert_eq!(judged.unwrap_err().status(), 421);
        assert_eq!(status(Method::GET, OwnNames::Any, &[("host", "evil.example")]), 200);
    }

    #[test]
    fn another_site_may_link_here_and_nothing_else() {
        let from = |method: Method, site: &str, mode: &str, dest: &str| {
            let fields =
                [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
            status(method, OwnNames::Any, &fields)
        };
        for site in ["cross-site", "same-site", "something new"] {
            assert_eq!(from(Method::GET, site, "navigate", "document"), 200, "a link");
            assert_eq!(from(Method::GET, site, "navigate", "iframe"), 403);
            assert_eq!(from(Method::GET, site, "cors", "empty"), 403);
            assert_eq!(from(Method::GET, site, "no-cors", "image"), 403);
            assert_eq!(from(Method::POST, site, "navigate", "document"), 403, "a form");
        }
        for site in ["same-origin", "none"] {
            assert_eq!(from(Method::POST, site, "cors", "empty"), 200);
        }
    }

    #[test]
    fn where_a_browser_says_no_more_its_origin_decides_what_may_change_something() {
        let from = |method: Method, origin: &str| {
            let fields = [("host", "10.0.0.1:8080"), ("origin", origin)];
            status(method, OwnNames::Any, &fields)
        };
        assert_eq!(from(Method::POST, "http://10.0.0.1:8080"), 200);
        for other in ["http://evil.example", "http://10.0.0.1:8081", "null", "10.0.0.1:8080"] {
            assert_eq!(from(Method::POST, other), 403, "{other}");
            assert_eq!(from(Method::GET, other), 200, "{other}");
        }
    }
}
