//! Who signs people in: a provider of OpenID Connect, by its issuer identifier (OpenID Connect Core 1.0,
//! section 2).

use std::{cmp::Ordering, net::IpAddr};

use super::{hook_url::HookUrl, setting_type::TextSetting};

/// An issuer identifier, exactly as it was written: the provider has to call itself the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerUrl {
    text: String,
    url: HookUrl,
}

impl IssuerUrl {
    /// Reads an identifier: `https://`, or `http://` on this machine alone.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let url = HookUrl::parse(text).filter(|_| !text.contains('?'))?;
        // The page shows the name.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        let is_fit = url.host().chars().all(plain) && (url.is_https() || is_loopback(&url));
        is_fit.then(|| Self { text: text.to_owned(), url })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &HookUrl {
        &self.url
    }

    /// An address that the provider names, if it is no less protected than the provider itself: encrypted, or
    /// on this machine like it.
    #[must_use]
    pub fn endpoint(&self, text: &str) -> Option<HookUrl> {
        let url = HookUrl::parse(text)?;
        let is_fit = url.is_https() || (!self.url.is_https() && is_loopback(&url));
        is_fit.then_some(url)
    }
}

impl PartialOrd for IssuerUrl {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.text.partial_cmp(&other.text)
    }
}

fn is_loopback(url: &HookUrl) -> bool {
    url.host() == "localhost" || url.host().parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl TextSetting for IssuerUrl {
    const EXPECTED: &'static str = "\"https://host/path\" without a query, or http:// on 127.0.0.1";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn show(&self) -> String {
        self.text.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_spoken_to_over_tls_or_on_this_machine() {
        for good in [
            "https://login.example.org",
            "https://login.example.org/",
            "https://login.example.org:8443/realms/main",
            "http://127.0.0.1:5556/dex",
            "http://[::1]:5556",
            "http://localhost:5556",
        ] {
            assert_eq!(IssuerUrl::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "login.example.org",
            "http://login.example.org",
            "http://localhost.evil.example",
            "http://10.0.0.1",
            "https://u@a",
            "https://a?b",
            "https://a#b",
            "https://a'b",
        ] {
            assert_eq!(IssuerUrl::parse(bad), None, "{bad}");
        }
        let secure = IssuerUrl::parse("https://a").unwrap();
        let local = IssuerUrl::parse("http://127.0.0.1:1").unwrap();
        for (of, text, is_fit) in [
            (&secure, "https://b/token", true),
            (&secure, "http://b/token", false),
            (&secure, "http://127.0.0.1/token", false),
            (&local, "http://127.0.0.1:2/token", true),
            (&local, "http://10.0.0.1/token", false),
            (&local, "javascript:alert(1)", false),
        ] {
            assert_eq!(of.endpoint(text).is_some(), is_fit, "{text}");
        }
    }
}
