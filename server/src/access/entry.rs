//! Tokens: what each is known by, what it may do, until when.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{
    model::{GroupName, Role, Scope},
    units::WallMs,
};

/// What every token begins with, so that scanners of source code find one that was put there.
pub const PREFIX: &str = "rm_";

/// Random bytes in a token, and in the id of a session.
pub const RANDOM_BYTES: usize = 32;

/// The SHA-256 of a secret. All have one length, so that comparing them does not tell the secret's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of a secret.
    #[must_use]
    pub fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// As it stands in a file: 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(2 * at..2 * at + 2)?;
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            *byte = u8::from_str_radix(digits, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// Whether both are the same, in a time that does not tell where they differ.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("expected 64 hexadecimal digits"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A secret of random bytes, as it is shown once: `rm_` and 43 characters that no shell, URL or header
/// minds.
#[must_use]
pub fn secret(random: &[u8; RANDOM_BYTES]) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random))
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whose.
    pub name: Arc<str>,
    /// What it may do.
    pub role: Role,
    /// What it may see.
    pub scope: Scope,
    /// From when on it is refused; none: never.
    pub expires: Option<WallMs>,
    /// What the token is known by.
    pub digest: Digest,
}

impl Entry {
    /// Whether it is refused by now.
    #[must_use]
    pub fn is_expired(&self, now: WallMs) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// Somebody whom a proxy names, without a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserEntry {
    /// As the proxy calls them.
    pub name: Arc<str>,
    /// What they may do.
    pub role: Role,
    /// What they may see.
    pub scope: Scope,
    /// From when on they are refused; none: never.
    pub expires: Option<WallMs>,
}

impl UserEntry {
    /// Whether they are refused by now.
    #[must_use]
    pub fn is_expired(&self, now: WallMs) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// What whoever is in a group of the provider may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberEntry {
    /// The group, as the provider calls it.
    pub member_of: Arc<str>,
    /// What they may do.
    pub role: Role,
    /// What they may see.
    pub scope: Scope,
}

impl MemberEntry {
    /// What a session is known to follow from: an entry that says something else is another one.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let groups = self.scope.groups().into_iter().flatten().map(GroupName::as_str);
        let groups: Vec<&str> = groups.collect();
        let Self { member_of, role, scope } = self;
        Digest::of(format!("{member_of:?} {role} {} {groups:?}", scope.is_limited()).as_bytes())
    }
}

/// All entries of a file, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entries {
    pub(super) tokens: Vec<Entry>,
    pub(super) users: Vec<UserEntry>,
    pub(super) members: Vec<MemberEntry>,
}

impl Entries {
    /// Each token.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.tokens.iter()
    }

    /// Each user without a token.
    pub fn users(&self) -> impl Iterator<Item = &UserEntry> {
        self.users.iter()
    }

    /// What each group of the provider may do.
    pub fn members(&self) -> impl Iterator<Item = &MemberEntry> {
        self.members.iter()
    }

    /// The token that is known by `digest`, expired or not. All are compared, whichever it is.
    #[must_use]
    pub fn find(&self, digest: &Digest) -> Option<&Entry> {
        let mut found = None;
        for entry in &self.tokens {
            if entry.digest.is(digest) {
                found = Some(entry);
            }
        }
        found
    }

    /// What a user whom a proxy names may do, expired or not.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<&UserEntry> {
        self.users.iter().find(|user| *user.name == *name)
    }

    /// What somebody in these groups of the provider may do: the first entry of the file counts that is about
    /// one of them. Several are not added up: what each gives is all that it gives.
    #[must_use]
    pub fn member(&self, groups: &[String]) -> Option<&MemberEntry> {
        self.members.iter().find(|entry| groups.iter().any(|group| **group == *entry.member_of))
    }

    /// What a session that follows from an entry may do, while there is one that says the same.
    #[must_use]
    pub fn same_member(&self, digest: &Digest) -> Option<&MemberEntry> {
        self.members.iter().find(|entry| entry.digest().is(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_written_and_nothing_else_is_one() {
        let digest = Digest::of(b"abc");
        // FIPS 180-2, appendix B.1.
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), known);
        assert_eq!(Digest::parse(known), Some(digest));
        assert_eq!(Digest::parse(&known.to_uppercase()), Some(digest));
        for bad in [
            "",
            "ab",
            &known[1..],
            &format!("{known}0"),
            &known.replace('b', "g"),
            &known.replace("ba", "+a"),
        ] {
            assert_eq!(Digest::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_secret_has_all_its_random_bits_and_goes_into_a_header() {
        let text = secret(&[0xff; RANDOM_BYTES]);
        assert_eq!(text.len(), PREFIX.len() + 43);
        assert!(text.starts_with(PREFIX) && text.bytes().all(|byte| byte.is_ascii_graphic()));
        assert_ne!(secret(&[0; RANDOM_BYTES]), text);
    }
}
