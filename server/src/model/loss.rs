//! Polls that were made and could not be kept, or not for as long as they should: the ledger's account of its
//! own gaps.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::words::words;
use crate::units::WallMs;

words! {
    /// Why polls were lost.
    LossReason {
        /// Neither the store nor the spool took rows, and the queue in memory was full.
        QueueFull = "queue_full";
        /// The store took no rows, and the spool on disk had reached its limit.
        SpoolFull = "spool_full";
        /// The store can never keep the row.
        Refused = "refused";
        /// Another attempt holds the slot: the server's clock was set back.
        Conflict = "conflict";
        /// The server stopped, and neither the store nor the spool took them in time.
        Shutdown = "shutdown";
        /// The store had taken them and has them no longer: it was removed, damaged, or replaced by
        /// an older one.
        StoreLost = "store_lost";
        /// The row in the spool could not be read again.
        Unreadable = "unreadable";
        /// Given up for want of room: the oldest polls, when the history takes more than it may.
        Budget = "budget";
        /// Likewise the oldest summaries of days.
        BudgetSummaries = "budget_summaries";
        /// Likewise the oldest hours in short; their polls had gone before, and none is counted here.
        BudgetHours = "budget_hours";
    }
}

/// In one line, for logs and people.
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, hosts, polls, reason, .. } = self;
        write!(f, "{polls} polls of {hosts} hosts, due from {from} to {to}: {reason}")
    }
}

/// Polls that were lost for one reason, in one stretch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Slot of the first poll that was lost.
    pub from: WallMs,
    /// Slot of the last one.
    pub to: WallMs,
    /// How many hosts they were of.
    pub hosts: u64,
    /// How many polls.
    pub polls: u64,
    /// Why.
    pub reason: LossReason,
    /// When it was noted; with the reason and `from` what the row is known by.
    pub noted_at: WallMs,
}
