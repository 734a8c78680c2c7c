//! The path that a proxy has the server below.

use std::fmt;

use super::setting_type::TextSetting;

/// The longest such path, bytes.
pub const MAX_BASE_PATH_BYTES: usize = 256;

/// A path such as `/mon`, without a slash at its end; the root is an empty text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Default)]
pub struct BasePath(String);

impl BasePath {
    /// Reads a path. Its parts are of letters, digits and `-._~` (RFC 3986 section 2.3): these no proxy
    /// writes in another way.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let path = text.trim().trim_end_matches('/');
        if path.is_empty() {
            return Some(Self::default());
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        let is_part =
            |part: &str| !part.is_empty() && part != "." && part != ".." && part.chars().all(plain);
        let is_path = path.strip_prefix('/')?.split('/').all(is_part);
        (is_path && path.len() <= MAX_BASE_PATH_BYTES).then(|| Self(path.to_owned()))
    }

    /// The path, which begins with a slash; empty for the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TextSetting for BasePath {
    const EXPECTED: &'static str = "\"\" for none, or a path such as \"/mon\", of letters, digits and \"-._~\" between its slashes";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_with_and_without_its_last_slash_and_nothing_else_is() {
        let read = |text: &str| BasePath::parse(text).map(|path| path.to_string());
        for (given, path) in [
            ("", ""),
            ("/", ""),
            ("/mon", "/mon"),
            ("/mon/", "/mon"),
            (" /a/b-c.d_e~1/ ", "/a/b-c.d_e~1"),
        ] {
            assert_eq!(read(given).as_deref(), Some(path), "{given:?}");
        }
        for bad in [
            "mon",
            "//mon",
            "/a//b",
            "/a/../b",
            "/.",
            "/a b",
            "/a?b",
            "/a#b",
            "/%41",
            "/{a}",
            "/ä",
            "http://a/mon",
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        let long = format!("/{}", "x".repeat(MAX_BASE_PATH_BYTES - 1));
        assert_eq!(read(&long).as_deref(), Some(&*long));
        assert_eq!(read(&format!("{long}x")), None);
    }
}
