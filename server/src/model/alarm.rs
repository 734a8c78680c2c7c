//! What an alert rule says of a host, or of one row of it: its state now, and how that changed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{HostId, words::words};
use crate::units::WallMs;

words! {
    /// How much an alarm matters.
    Severity {
        /// Worth knowing.
        Info = "info";
        /// Needs somebody soon.
        Warning = "warning";
        /// Needs somebody now.
        Critical = "critical";
    }
}

words! {
    /// The state of an alarm.
    AlarmState {
        /// The condition does not hold.
        Ok = "ok";
        /// It holds, but not for long enough yet.
        Pending = "pending";
        /// It has held for long enough.
        Firing = "firing";
        /// It no longer holds, but not for long enough yet.
        Clearing = "clearing";
        /// Its values have been missing for longer than the rule allows.
        Unknown = "unknown";
    }
}

words! {
    /// Why an alarm changed its state.
    AlarmCause {
        /// The values of a poll.
        Values = "values";
        /// The values that it needs are missing.
        Missing = "missing";
        /// The row that it is about (a filesystem, an interface) is gone.
        RowGone = "row_gone";
        /// The rule says something else now.
        RuleChanged = "rule_changed";
        /// The rule is gone, or does not apply to the host any longer.
        RuleRemoved = "rule_removed";
        /// The host was taken out of the inventory.
        HostRetired = "host_retired";
        /// The rule has more alarms than one rule may have.
        Overflow = "overflow";
    }
}

impl AlarmState {
    /// Whether an alarm in this state was told as firing, and is not over.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Firing | Self::Clearing | Self::Unknown)
    }
}

/// What an alarm is known by, for as long as there is its rule and its host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AlarmKey {
    /// The name of the rule.
    pub rule: Arc<str>,
    /// The host; [`HostId::SERVER`] for what is about the server itself.
    pub host: HostId,
    /// The labels of the row (a mount point, a device), joined by `/` where there are several; empty for
    /// a rule over host-wide values.
    pub row: Arc<str>,
}

/// An alarm that is not `ok`, or was until this poll: one row of `alert`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// What it is known by.
    pub key: AlarmKey,
    /// Its state after the poll of `slot`.
    pub state: AlarmState,
    /// How much it matters.
    pub severity: Severity,
    /// The slot of the poll with which this state began.
    pub since: WallMs,
    /// The slot of the poll with which it began to fire; none before that.
    pub fired: Option<WallMs>,
    /// The slot of the poll that was judged last.
    pub slot: WallMs,
    /// What speaks for leaving this state: of `when` in `pending`, of `clear` in `clearing`, of a severity
    /// that falls in `firing`. Polls in a row; milliseconds where the rule gives a time; of "N of M
    /// polls" the last M as bits, the newest last.
    pub polls: u32,
    /// The slot of the last poll whose values were known; since then they are missing.
    pub known: WallMs,
    /// The first value that the condition compares, in the unit of its column; none is unknown.
    pub value: Option<f64>,
    /// Hash of what the rule says: another hash is another rule under the same name.
    pub rule_hash: u64,
}

/// A change of an alarm that somebody may want to know of later: one row of `alert_event`.
///
/// With the key, `slot` and `to` name it: two servers that judge the same poll write one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmEvent {
    /// Whose it is.
    pub key: AlarmKey,
    /// The slot of the poll that caused it; the moment of the change where no poll did.
    pub slot: WallMs,
    /// When it was judged, on the server's clock.
    pub at: WallMs,
    /// The state before.
    pub from: AlarmState,
    /// The state after.
    pub to: AlarmState,
    /// Why.
    pub cause: AlarmCause,
    /// How much the alarm matters.
    pub severity: Severity,
    /// The value that caused it, in the unit of its column; none is unknown.
    pub value: Option<f64>,
    /// What the rule says of it, with its placeholders filled in.
    pub summary: Arc<str>,
}
