//! What is said of one thing that was looked at.

use std::fmt;

use serde::Serialize;

/// How good something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli) enum Verdict {
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
pub(in crate::cli) struct Check {
    /// What.
    pub(in crate::cli) subject: &'static str,
    /// How good it is.
    pub(in crate::cli) verdict: Verdict,
    /// What was found.
    pub(in crate::cli) words: String,
    /// What to do.
    pub(in crate::cli) remedy: Option<String>,
}
