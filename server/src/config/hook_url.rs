//! Where the web hook posts to, and the export. Its path may hold a token, so it is never shown.

use std::fmt;

use http::Uri;

use super::setting_type::TextSetting;

/// The longest URL of a hook, bytes.
pub const MAX_HOOK_URL_BYTES: usize = 2048;

/// The port of HTTP where the URL names none.
const HTTP_PORT: u16 = 80;

/// The same of HTTP over TLS.
const HTTPS_PORT: u16 = 443;

/// An `http://` or `https://` URL. `Debug` and `Display` show its host and port alone.
#[derive(Clone, PartialEq, Eq, PartialOrd)]
pub struct HookUrl {
    https: bool,
    host: String,
    port: u16,
    path: String,
}

impl HookUrl {
    /// Whether it is spoken to in TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The name or address to connect to, an IPv6 one without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, as they are sent. May hold a secret.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `host:port`, an IPv6 address in brackets.
    #[must_use]
    pub fn authority(&self) -> String {
        authority(&self.host, self.port)
    }

    /// Reads a URL. One with a user or a password is refused: a token has a setting of its own.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // Uri takes the fragment off in silence.
        if text.len() > MAX_HOOK_URL_BYTES || text.contains('#') {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        let https = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        if authority.as_str().contains('@') {
            return None;
        }
        // A port that is no number reads as none.
        let host = authority.host();
        let rest = authority.as_str().strip_prefix(host)?;
        let port = match rest.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port != 0)?,
            None if https => HTTPS_PORT,
            None => HTTP_PORT,
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return None;
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Some(Self { https, host: host.to_owned(), port, path: path.to_owned() })
    }
}

/// `host:port`, an IPv6 address in brackets.
#[must_use]
pub fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

impl fmt::Display for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = if self.path == "/" { "/" } else { "/***" };
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}{hidden}", self.authority())
    }
}

impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TextSetting for HookUrl {
    const SECRET: bool = true;
    const EXPECTED: &'static str =
        "\"https://host:port/path\" or http:// without a user (a token goes into token_file)";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (text, authority, path) in [
            ("http://alerts", "alerts:80", "/"),
            ("http://alerts:9000/in?x=1", "alerts:9000", "/in?x=1"),
            ("http://[::1]:9/", "[::1]:9", "/"),
            ("http://10.0.0.1/a/b", "10.0.0.1:80", "/a/b"),
            ("https://alerts/in", "alerts:443", "/in"),
            ("HTTPS://alerts:9/in", "alerts:9", "/in"),
        ] {
            let url = HookUrl::parse(text).unwrap();
            assert_eq!((url.authority().as_str(), url.path()), (authority, path), "{text}");
        }
        let long = format!("http://a/{}", "x".repeat(MAX_HOOK_URL_BYTES));
        for bad in [
            "alerts:80/in",
            "ftp://alerts/in",
            "//alerts/in",
            "http://",
            "http://u:p@alerts/in",
            "http://alerts:port/",
            "http://alerts:0/",
            "http://alerts:/",
            "http://al erts/",
            "http://alerts/#part",
            &long,
        ] {
            assert_eq!(HookUrl::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_may_be_a_token_is_not_shown() {
        for scheme in ["http", "https"] {
            let text = format!("{scheme}://alerts:9000/services/hunter2?k=hunter2");
            let url = HookUrl::parse(&text).unwrap();
            for shown in [format!("{url:?}"), url.to_string(), url.show()] {
                assert_eq!(shown, format!("{scheme}://alerts:9000/***"));
            }
        }
    }
}
