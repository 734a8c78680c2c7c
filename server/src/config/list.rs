//! Settings that have several values: what each can be, and how all of them are written.

use std::{
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
};

use figment::{Figment, value::Value};
use http::{
    HeaderName, HeaderValue,
    header::{
        AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST,
        TRANSFER_ENCODING, USER_AGENT,
    },
};

use super::{
    secret::Secret,
    setting_type::{Parsed, SettingType, TextSetting, Wrong, take},
};
use crate::model::{Family, Severity, State};

/// What a setting can have several of.
pub(super) trait ListItem: TextSetting {
    /// So many at least and at most.
    const COUNT: RangeInclusive<usize>;

    /// All of them in words, with an example of two.
    const ALL: &'static str;
}

/// Several: an array of the file, or one text with commas between them, which is what a variable and a
/// flag can give.
impl<T: ListItem> SettingType for Vec<T> {
    const SECRET: bool = <T as TextSetting>::SECRET;

    fn expected() -> String {
        format!("a list of {}, or one text with commas between them", T::ALL)
    }

    fn expected_entry() -> &'static str {
        T::EXPECTED
    }

    fn extract(merged: &Figment, key: &str) -> Result<Self, Wrong> {
        let all: Vec<Parsed<T>> = take(merged, key)?;
        if T::COUNT.contains(&all.len()) {
            Ok(all.into_iter().map(|parsed| parsed.0).collect())
        } else {
            Err(Wrong { entry: None })
        }
    }

    fn value(&self) -> Value {
        Value::from(self.iter().map(T::show).collect::<Vec<_>>())
    }
}

impl ListItem for SocketAddr {
    const COUNT: RangeInclusive<usize> = 0..=8;
    const ALL: &'static str =
        "up to 8 IP addresses with ports such as [\"10.0.0.2:53\", \"[fd00::2]:53\"]";
}

/// A name that a server is asked by, in small letters, without a port and a point at its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd)]
pub struct SiteName(String);

impl SiteName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TextSetting for SiteName {
    const EXPECTED: &'static str = "a name without a port such as \"monitor.example.org\"";

    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        (!name.is_empty() && name.chars().all(plain)).then_some(Self(name))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

impl ListItem for SiteName {
    const COUNT: RangeInclusive<usize> = 0..=16;
    const ALL: &'static str =
        "up to 16 names without ports such as [\"monitor.example.org\", \"monitor\"]";
}

/// Where a proxy connects from whose word is taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd)]
pub enum ProxyAddress {
    /// The socket of this machine.
    Unix,
    /// The addresses that begin with so many bits of this one.
    Network(IpAddr, u32),
}

impl ProxyAddress {
    /// Whether a connection from this address is from there; none is one of the socket.
    #[must_use]
    pub fn has(&self, address: Option<IpAddr>) -> bool {
        match (self, address.map(|address| address.to_canonical())) {
            (Self::Unix, address) => address.is_none(),
            (Self::Network(IpAddr::V4(network), bits), Some(IpAddr::V4(address))) => {
                let differ = network.to_bits() ^ address.to_bits();
                differ.checked_shr(32 - bits).unwrap_or(0) == 0
            }
            (Self::Network(IpAddr::V6(network), bits), Some(IpAddr::V6(address))) => {
                let differ = network.to_bits() ^ address.to_bits();
                differ.checked_shr(128 - bits).unwrap_or(0) == 0
            }
            (Self::Network(..), _) => false,
        }
    }
}

impl TextSetting for ProxyAddress {
    const EXPECTED: &'static str = "an IP address, a network such as \"10.1.0.0/24\", or \"unix\"";

    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "unix" {
            return Some(Self::Unix);
        }
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
        // Of an IPv4 network in the form of IPv6 nobody knows what the bits count.
        let is_plain = address.to_canonical() == address;
        (is_plain && bits <= most).then_some(Self::Network(address, bits))
    }

    fn show(&self) -> String {
        match self {
            Self::Unix => "unix".to_owned(),
            Self::Network(address, bits) => format!("{address}/{bits}"),
        }
    }
}

impl ListItem for ProxyAddress {
    const COUNT: RangeInclusive<usize> = 0..=16;
    const ALL: &'static str =
        "up to 16 IP addresses and networks such as [\"10.0.0.7\", \"10.1.0.0/24\"], or \"unix\"";
}

impl TextSetting for State {
    const EXPECTED: &'static str =
        "one of \"pending\", \"up\", \"degraded\", \"suspect\", \"down\", \"paused\", \"retired\"";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text.trim())
    }

    fn show(&self) -> String {
        self.as_str().to_owned()
    }
}

impl TextSetting for Severity {
    const EXPECTED: &'static str = "one of \"info\", \"warning\", \"critical\"";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text.trim())
    }

    fn show(&self) -> String {
        self.as_str().to_owned()
    }
}

/// A header field that a request has beside its own. Its value is never shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd)]
pub struct HeaderField {
    name: String,
    value: Secret,
}

impl HeaderField {
    /// Those that the client itself makes; what is an authorization has settings of its own.
    const OWN: [HeaderName; 8] = [
        AUTHORIZATION,
        CONNECTION,
        CONTENT_ENCODING,
        CONTENT_LENGTH,
        CONTENT_TYPE,
        HOST,
        TRANSFER_ENCODING,
        USER_AGENT,
    ];

    /// As a request has it; none is never the answer for a field that was read.
    #[must_use]
    pub fn pair(&self) -> Option<(HeaderName, HeaderValue)> {
        let name = HeaderName::from_bytes(self.name.as_bytes()).ok()?;
        let mut value = HeaderValue::from_str(self.value.expose()).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    }
}

impl TextSetting for HeaderField {
    const SECRET: bool = true;
    const EXPECTED: &'static str = "\"Name: value\", and not a field that each request has (Authorization, Content-Type, Host ...)";

    fn read(text: &str) -> Option<Self> {
        let (name, value) = text.split_once(':')?;
        let (name, value) = (name.trim().to_ascii_lowercase(), Secret::new(value.trim()));
        let is_own = Self::OWN.iter().any(|own| own.as_str() == name);
        let field = Self { name, value };
        (!is_own && !field.value.expose().is_empty() && field.pair().is_some()).then_some(field)
    }

    fn show(&self) -> String {
        format!("{}: {}", self.name, self.value)
    }
}

impl ListItem for HeaderField {
    const COUNT: RangeInclusive<usize> = 0..=16;
    const ALL: &'static str =
        "up to 16 header fields such as [\"X-Scope-OrgID: fleet\", \"X-Region: eu\"]";
}

impl TextSetting for Family {
    const EXPECTED: &'static str = "one of \"cpu\", \"load\", \"memory\", \"softirq\", \"network\", \"disk\", \"filesystem\", \"system\", \"pressure\", \"vmstat\", \"sockets\", \"processes\", \"containers\"";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text.trim())
    }

    fn show(&self) -> String {
        self.as_str().to_owned()
    }
}

impl ListItem for Family {
    const COUNT: RangeInclusive<usize> = 0..=Self::ALL.len();
    const ALL: &'static str = "families such as [\"cpu\", \"memory\"]";
}

impl ListItem for State {
    const COUNT: RangeInclusive<usize> = 1..=Self::ALL.len();
    const ALL: &'static str = "states such as [\"down\", \"degraded\"]; there are pending, up, degraded, suspect, down, paused, retired";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_known_by_its_whole_address_or_its_network() {
        let has =
            |text: &str, address: &str| ProxyAddress::read(text).unwrap().has(address.parse().ok());
        for (text, address, expected) in [
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.8", false),
            ("10.0.0.7", "::ffff:10.0.0.7", true),
            ("10.1.0.0/24", "10.1.0.255", true),
            ("10.1.0.0/24", "10.1.1.0", false),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::7", "2001:db8::7", true),
            ("2001:db8::7", "2001:db8::8", false),
            ("2001:db8::/64", "2001:db8::8", true),
            ("::/0", "2001:db8::1", true),
            ("unix", "127.0.0.1", false),
            ("127.0.0.1", "the socket", false),
            ("0.0.0.0/0", "the socket", false),
            ("unix", "the socket", true),
        ] {
            assert_eq!(has(text, address), expected, "{text} {address}");
        }
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0.0/x", "localhost", "::ffff:10.0.0.7"] {
            assert_eq!(ProxyAddress::read(bad), None, "{bad}");
        }
    }
}
