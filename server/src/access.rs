//! Who may ask the server over HTTP: tokens as their file has them, what each may do and see, and the
//! sessions of browsers. Pure: it is told the time, and random bytes come from outside.
//!
//! A token is 256 random bits, so a plain SHA-256 of it can be kept: nobody finds a token from that.

mod entry;
mod file;
mod identity;
mod sessions;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

pub use entry::{Digest, Entries, Entry, MemberEntry, PREFIX, RANDOM_BYTES, UserEntry, secret};
pub use file::{
    MAX_MEMBER_OF_BYTES, MAX_TOKEN_GROUPS, MAX_TOKEN_NAME_BYTES, MAX_TOKENS, parse, parse_bytes,
    token_name,
};
pub use identity::{How, Identity};
pub use sessions::{IDLE, LIFE, MAX_SESSIONS, MAX_SESSIONS_EACH, Member, SessionOwner, Sessions};

use crate::units::WallMs;

/// The tokens in force, shared: who changes them changes them for all.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    entries: Arc<RwLock<Option<Arc<Entries>>>>,
    used: Arc<Mutex<HashMap<Digest, WallMs>>>,
}

impl Keyring {
    /// From now on these.
    pub fn change(&self, entries: Entries) {
        let kept: Vec<Digest> = entries.iter().map(|entry| entry.digest).collect();
        self.used.lock().unwrap_or_else(PoisonError::into_inner).retain(|of, _| kept.contains(of));
        *self.entries.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(entries));
    }

    /// The tokens in force; none where there is no file of them.
    #[must_use]
    pub fn entries(&self) -> Option<Arc<Entries>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that a token was used.
    pub fn used(&self, digest: Digest, now: WallMs) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, now);
    }

    /// When a token was used last since the start.
    #[must_use]
    pub fn last_used(&self, digest: Digest) -> Option<WallMs> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).copied()
    }
}
