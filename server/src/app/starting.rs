//! How far a start is, for who is told to stop meanwhile.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

/// What a start does at the moment; its `Display` goes on after "while".
pub(super) struct Starting(Mutex<String>);

impl Default for Starting {
    fn default() -> Self {
        Self(Mutex::new("taking its addresses and locks".to_owned()))
    }
}

impl Starting {
    /// From now on it does this.
    pub(super) fn comes_to(&self, words: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }
}

impl fmt::Display for Starting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
