//! How a channel does, in numbers.

use std::sync::Arc;

use crate::units::WallMs;

/// How one channel does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChannelStats {
    /// Messages and heartbeats that it took since the start.
    pub sent: u64,
    /// Tries that failed since the start.
    pub failed: u64,
    /// Messages that it has not taken yet.
    pub waiting: usize,
    /// When the oldest of them was first handed over.
    pub oldest: Option<WallMs>,
    /// Since when it takes nothing, where that is an alarm itself.
    pub failing: Option<WallMs>,
    /// Why the last try failed; none once one succeeds.
    pub last_error: Option<Arc<str>>,
}
