//! The words of health: states, what moves a host between them, and the row such a move leaves.
//! The table of moves itself is `crate::health`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{HostId, HostName, Outcome, words::words};
use crate::units::WallMs;

words! {
    /// A host's health.
    State {
        /// In the inventory, never answered yet.
        Pending = "pending";
        /// Answers, and nothing is wrong with the answers.
        Up = "up";
        /// Answers, but something is wrong with the answers: see the cause.
        Degraded = "degraded";
        /// Was up; the last polls failed, fewer than `fall`.
        Suspect = "suspect";
        /// `fall` polls in a row failed.
        Down = "down";
        /// Its state is frozen because the operator said so, or a maintenance window is open.
        Paused = "paused";
        /// Taken out of the inventory; its history stays.
        Retired = "retired";
    }
}

words! {
    /// Why a host changed its state, or is degraded.
    Cause {
        /// Enough good polls in a row.
        Answered = "answered";
        /// A poll failed; the outcome says how.
        PollFailed = "poll_failed";
        /// A family could not be read in full.
        PartialAnswer = "partial_answer";
        /// The probe's own health check says NOT_SERVING.
        NotServing = "not_serving";
        /// The probe's wall clock is further off than the limit.
        ClockSkew = "clock_skew";
        /// The probe's certificate ends soon, or has ended.
        Certificate = "certificate";
        /// The probe reports a container's values, not the host's.
        WrongView = "wrong_view";
        /// Another host is the same machine.
        Duplicate = "duplicate";
        /// The operator accepts another machine.
        Accepted = "accepted";
        /// Paused by the inventory.
        /// Its parent, without which it cannot be reached, fails.
        ParentDown = "parent_down";
        /// Paused by the inventory or an operator.
        Paused = "paused";
        /// A maintenance window opened.
        Maintenance = "maintenance";
        /// No longer paused.
        Resumed = "resumed";
        /// Gone from the inventory.
        Retired = "retired";
        /// In the inventory (again).
        Added = "added";
        /// It changes too often; the state before and after is the same.
        Flapping = "flapping";
        /// It no longer changes too often; the state before and after is the same.
        Settled = "settled";
        /// The server itself: most hosts fell silent at once, so it considers itself cut off.
        Isolated = "isolated";
        /// The server itself: most hosts are heard again.
        Connected = "connected";
        /// The server itself: its wall clock stepped; the state before and after is the same.
        ClockStepped = "clock_stepped";
    }
}

/// A change of state; one row in `event`. Two kinds of row are no host's change of state: that a host
/// began or ended flapping (`from` and `to` are the same), and that the server found itself cut off
/// or connected again, or its clock stepped (the host is [`HostId::SERVER`], from up to suspect and
/// back, or up as before).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// The host's number.
    pub host: HostId,
    /// The host's name when it happened.
    pub name: HostName,
    /// When, on the server's clock.
    pub at: WallMs,
    /// The slot of the poll that caused it, when a poll did.
    #[serde(default)]
    pub slot: Option<WallMs>,
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// Why.
    pub cause: Cause,
    /// The outcome of the poll that caused it, when a poll did.
    pub outcome: Option<Outcome>,
    /// Why in words, for people: the poll's error, the family, the skew.
    pub reason: Arc<str>,
}

impl Transition {
    /// With the host and both states what the row is known by: the slot of the poll that caused it, or
    /// else the moment. So it is one row, however often and by however many servers it is written.
    #[must_use]
    pub fn of_moment(&self) -> WallMs {
        self.slot.unwrap_or(self.at)
    }
}
