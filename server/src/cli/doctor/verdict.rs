//! What is said of one thing that was looked at.

use std::fmt;

use serde::Serialize;

/// How good something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// Nothing to do.
    Ok,
    /// Worth to know.
    Note,
    /// Something to do.
    Wrong,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Wrong => "WRONG",
        })
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Check {
    /// What.
    pub(super) subject: &'static str,
    /// How good it is.
    pub(super) verdict: Verdict,
    /// What was found.
    pub(super) words: String,
    /// What to do.
    pub(super) remedy: Option<String>,
}
