//! What somebody asked to be changed, and who was refused: one row of `audit`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::units::WallMs;

/// A change that somebody asked for, or a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// What the row is known by: drawn at random.
    pub id: Arc<str>,
    /// When it was answered, on the server's clock.
    pub at: WallMs,
    /// Who asked; none where nobody knows.
    pub who: Option<Arc<str>>,
    /// How that is known; `refused` where it is not.
    pub how: Arc<str>,
    /// From where, as far as an address tells: of IPv6 the network of 64 bits.
    pub peer: Option<Arc<str>>,
    /// What was asked, on what: method and path.
    pub what: Arc<str>,
    /// The status of the answer.
    pub status: u16,
    /// How many it stands for: refusals within a minute are one row.
    pub times: u64,
}
