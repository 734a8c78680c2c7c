//! What somebody asked to be changed, in JSON's words.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::{MAX_PAGE, Query, QueryError, moment::Rfc3339};
use crate::{model::AuditEntry, store, units::WallMs};

/// What somebody asked to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AuditPage {
    /// Newest first.
    pub entries: Vec<AuditShape>,
}

/// A change that somebody asked for over HTTP, or refusals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AuditShape {
    /// When it was answered.
    pub at: Rfc3339,
    /// The same, milliseconds since 1970.
    pub at_ms: WallMs,
    /// Who asked; `null` where nobody knows.
    pub who: Option<Arc<str>>,
    /// How that is known: `token`, `session`, `shared` for the one token of all, `open` where none is wanted;
    /// `refused` for wrong tokens.
    pub how: Arc<str>,
    /// From where; of IPv6 the network of 64 bits. Of several refusals the last.
    pub peer: Option<Arc<str>>,
    /// What was asked, on what: method and path.
    pub what: Arc<str>,
    /// The status of the answer.
    pub status: u16,
    /// How many it stands for: wrong tokens within a minute are one entry.
    pub times: u64,
}

impl From<AuditEntry> for AuditShape {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { at, who, how, peer, what, status, times, .. } = entry;
        Self { at: Rfc3339(at), at_ms: at, who, how, peer, what, status, times }
    }
}

impl Query {
    /// What somebody asked to be changed in a span, newest first; nothing in a limited scope.
    ///
    /// # Errors
    /// [`QueryError::Store`].
    pub async fn audit(&self, span: store::Span, limit: usize) -> Result<AuditPage, QueryError> {
        let entries = self.store.audit(span, limit.min(MAX_PAGE)).await?;
        Ok(AuditPage { entries: entries.into_iter().map(AuditShape::from).collect() })
    }
}
