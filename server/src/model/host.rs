//! What a host is called, and what is known about its machine.

use std::{collections::BTreeMap, fmt, sync::Arc};

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
    match text.chars().find(|c| !allowed(*c)) {
        Some(bad) => Err(NameError::BadCharacter(bad)),
        None => Ok(()),
    }
}

macro_rules! name {
    ($(#[$meta:meta])* $Name:ident) => {
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
    /// A host's name in the inventory: unique, and the key of its phase.
    HostName
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
    GroupName
}

/// Where a probe listens: a name or an IP address, and a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// A DNS name, an IPv4 address, or an IPv6 address without brackets.
    pub host: Arc<str>,
    /// TCP port, never 0.
    pub port: u16,
}

/// `name:port`, with brackets around an IPv6 address.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
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
    }
}
