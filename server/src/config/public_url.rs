//! Where people find the page.

use std::fmt;

use super::{hook_url::HookUrl, setting_type::TextSetting};

/// The longest such URL, bytes.
pub const MAX_PUBLIC_URL_BYTES: usize = 512;

/// A URL such as `https://monitor.example.org/mon`, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// Reads a URL. One with a user, a query or a fragment is refused.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches('/');
        let is_page = HookUrl::parse(text).is_some() && !text.contains('?');
        (is_page && text.len() <= MAX_PUBLIC_URL_BYTES).then(|| Self(text.to_owned()))
    }

    /// The address of what is below it; `path` begins with a slash.
    #[must_use]
    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TextSetting for PublicUrl {
    const EXPECTED: &'static str =
        "\"https://host:port/path\" or http://, without a user, a query or a fragment";

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
    fn an_address_is_read_without_its_last_slash_and_nothing_else_is() {
        for (given, page) in [
            ("https://monitor.example.org", "https://monitor.example.org/alerts"),
            ("https://monitor.example.org/", "https://monitor.example.org/alerts"),
            (" http://10.0.0.1:8080/mon/ ", "http://10.0.0.1:8080/mon/alerts"),
            ("http://[::1]:8080", "http://[::1]:8080/alerts"),
        ] {
            let page_of = PublicUrl::parse(given).map(|url| url.page("/alerts"));
            assert_eq!(page_of.as_deref(), Some(page), "{given}");
        }
        let long = format!("https://{}", "a".repeat(MAX_PUBLIC_URL_BYTES));
        for bad in
            ["", "/", "monitor", "ftp://a", "https://u@a", "https://a?b", "https://a#b", &long]
        {
            assert_eq!(PublicUrl::parse(bad), None, "{bad}");
        }
    }
}
