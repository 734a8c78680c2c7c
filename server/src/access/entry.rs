//! Tokens: what each is known by, what it may do, until when.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{
    model::{Role, Scope},
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

/// All tokens of a file, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entries(Vec<Entry>);

impl Entries {
    pub(super) fn new(list: Vec<Entry>) -> Self {
        Self(list)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }

    /// The token that is known by `digest`, expired or not. All are compared, whichever it is.
    #[must_use]
    pub fn find(&self, digest: &Digest) -> Option<&Entry> {
        let mut found = None;
        for entry in &self.0 {
            if entry.digest.is(digest) {
                found = Some(entry);
            }
        }
        found
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
