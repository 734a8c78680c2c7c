//! What a host is called, and what is known about its machine.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The store's number for a host; stays the same over renames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostId(pub i64);

impl HostId {
    /// The server itself, in rows that are about no host. No store gives this number to a host.
    pub const SERVER: Self = Self(0);
}

/// The store's number for a loaded inventory version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VersionId(pub i64);

/// The longest host or group name, bytes (RFC 1035 section 2.3.4).
pub(super) const MAX_NAME_BYTES: usize = 253;

/// The longest name of an interface, bytes: Linux's IFNAMSIZ, less the zero at its end.
const MAX_ZONE_BYTES: usize = 15;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("a name must not be empty")]
    Empty,
    /// Over 253 bytes.
    #[error("a name has at most {MAX_NAME_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// Not a letter, digit, `-`, `_`, `.` or `:`.
    #[error("a name may hold letters, digits, '-', '_', '.' and ':', not {0:?}")]
    BadCharacter(char),
}

fn check_name(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > MAX_NAME_BYTES {
        return Err(NameError::TooLong(text.len()));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    // An IPv6 address with its interface is a name as it stands.
    let plain = split_zone(text).map_or(text, |(ip, _)| ip);
    match plain.chars().find(|c| !allowed(*c)) {
        Some(bad) => Err(NameError::BadCharacter(bad)),
        None => Ok(()),
    }
}

macro_rules! name {
    ($(#[$meta:meta])* $Name:ident, $canonical:expr) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $Name(Arc<str>);

        impl $Name {
            /// Checks the text and makes a name of it.
            ///
            /// # Errors
            /// [`NameError`] when it is empty, too long or holds another character than ASCII
            /// letters, digits, `-`, `_`, `.` and `:`.
            pub fn new(text: &str) -> Result<Self, NameError> {
                let canonical: fn(&str) -> &str = $canonical;
                let text = canonical(text);
                check_name(text)?;
                Ok(Self(text.into()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl TryFrom<String> for $Name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }

        impl From<$Name> for String {
            fn from(name: $Name) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl std::borrow::Borrow<str> for $Name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// A host's name in the inventory: unique, and the key of its phase. The dot at the end of an
    /// absolute DNS name is no part of it.
    HostName, without_root
}

impl HostName {
    /// What the server itself ([`HostId::SERVER`]) is called in rows.
    #[must_use]
    pub fn server() -> Self {
        Self("roundsman:server".into())
    }
}
name! {
    /// A group's name in the inventory.
    GroupName, |text| text
}

/// A DNS name without the dot of the root at its end (RFC 1034 section 3.1): the same name.
fn without_root(text: &str) -> &str {
    text.strip_suffix('.').unwrap_or(text)
}

/// An IPv6 address and the interface that it is on, RFC 4007 section 11: `fe80::1` and `eth0` of
/// `fe80::1%eth0`. None for anything else.
#[must_use]
pub fn split_zone(text: &str) -> Option<(&str, &str)> {
    let (ip, zone) = text.split_once('%')?;
    let allowed = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '%' | '[' | ']' | ':');
    let good = (1..=MAX_ZONE_BYTES).contains(&zone.len()) && zone.chars().all(allowed);
    (good && ip.parse::<Ipv6Addr>().is_ok()).then_some((ip, zone))
}

/// Why no host can be at this address; none when one can. IPv6 that holds an IPv4 address is taken
/// for that one.
#[must_use]
pub fn unfit(ip: IpAddr) -> Option<String> {
    let why = match ip.to_canonical() {
        canonical if canonical.is_unspecified() => "it stands for any address of one's own",
        canonical if canonical.is_multicast() => "it is a multicast address",
        IpAddr::V4(Ipv4Addr::BROADCAST) => "it is the broadcast address",
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            return Some(format!(
                "{ip} is a link-local address, which needs its interface: \"{ip}%eth0\""
            ));
        }
        IpAddr::V4(_) | IpAddr::V6(_) => return None,
    };
    Some(format!("{ip} is no address of a host: {why}"))
}

/// Where a probe listens: a name or an IP address, and a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// A DNS name, an IPv4 address, or an IPv6 address without brackets and with the interface that
    /// it is on, when it says one: `fe80::1%eth0`. A name with a dot at its end is asked for as it
    /// is, without the search list of resolv.conf(5).
    pub host: Arc<str>,
    /// TCP port, never 0.
    pub port: u16,
}

/// `name:port`, with brackets around an IPv6 address and without the dot at the end of a name: so two
/// addresses with the same text are the same place.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", without_root(&self.host), self.port)
        }
    }
}

/// Labels of a host, from its group and itself.
pub type Labels = BTreeMap<String, String>;

/// What is known of the machine behind a host, from its last good answer. Absent is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    /// 32 hex digits of `/etc/machine-id`.
    pub machine_id: Option<Arc<str>>,
    /// The kernel's boot id.
    pub boot_id: Option<Arc<str>>,
    /// What the machine calls itself.
    pub hostname: Option<Arc<str>>,
    /// Kernel release.
    pub kernel: Option<Arc<str>>,
    /// Name of the distribution.
    pub os: Option<Arc<str>>,
    /// Hardware name, `x86_64`.
    pub architecture: Option<Arc<str>>,
    /// Version of the probe that answered.
    pub probe_version: Option<Arc<str>>,
    /// CPUs online.
    pub cpus: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        assert_eq!(HostName::new("web-01.example:9").unwrap().as_str(), "web-01.example:9");
        assert_eq!(HostName::new(""), Err(NameError::Empty));
        assert_eq!(HostName::new("a b"), Err(NameError::BadCharacter(' ')));
        assert_eq!(HostName::new(&"a".repeat(254)), Err(NameError::TooLong(254)));
        assert_eq!(HostName::new("fe80::1%br-lan.5").unwrap().as_str(), "fe80::1%br-lan.5");
        for bad in ["web%eth0", "fe80::1%", "fe80::1%a/b", "fe80::1%1234567890123456"] {
            assert_eq!(HostName::new(bad), Err(NameError::BadCharacter('%')), "{bad}");
        }
    }

    #[test]
    fn the_dot_of_the_root_is_no_part_of_a_name() {
        assert_eq!(HostName::new("db.example."), HostName::new("db.example"));
        assert_eq!(HostName::new("."), Err(NameError::Empty));
        let at = |host: &str| Address { host: host.into(), port: 7 }.to_string();
        assert_eq!(at("db.example."), at("db.example"));
    }

    #[test]
    fn some_addresses_are_no_host_in_whatever_form() {
        for (ip, words) in [
            ("0.0.0.0", "0.0.0.0 is no address of a host"),
            ("::", ":: is no address of a host"),
            ("::ffff:0.0.0.0", "::ffff:0.0.0.0 is no address of a host"),
            ("255.255.255.255", "broadcast"),
            ("::ffff:255.255.255.255", "broadcast"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.255", "multicast"),
            ("::ffff:224.0.0.1", "multicast"),
            ("ff02::1", "multicast"),
            ("fe80::1", "link-local address, which needs its interface"),
        ] {
            let why = unfit(ip.parse().unwrap()).unwrap_or_default();
            assert!(why.contains(words), "{ip}: {why}");
        }
        for ip in ["127.0.0.1", "::1", "10.0.0.1", "::ffff:10.0.0.1", "fd00::7", "169.254.1.1"] {
            assert_eq!(unfit(ip.parse().unwrap()), None, "{ip}");
        }
    }
}
