//! What became of a message to a channel: one row of `delivery`, written once that is known.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{AlarmKey, Severity, words::words};
use crate::units::WallMs;

/// The most alarms that a row names of its message; further ones are counted.
pub const MAX_TOLD: usize = 1_000;

words! {
    /// How a message ended.
    DeliveryState {
        /// The channel took it.
        Sent = "sent";
        /// The channel refused it, or did not take it for a day.
        GivenUp = "given_up";
        /// It was not taken, and no longer true: what is true took its place.
        Withdrawn = "withdrawn";
    }
}

/// An alarm of which a message tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldAlarm {
    /// Which.
    pub key: AlarmKey,
    /// The message says that it fires; else that it is over.
    pub firing: bool,
    /// How much it matters, as the message says.
    pub severity: Severity,
}

/// A message to a channel that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The message's id: the same in every try, and with the channel what the row is known by.
    pub message: Arc<str>,
    /// The name of the channel.
    pub channel: Arc<str>,
    /// The name of the route.
    pub route: Arc<str>,
    /// What kind of message it was: `firing`, `resolved`, `repeat` …
    pub kind: Arc<str>,
    /// When it was made, on the server's clock.
    pub made: WallMs,
    /// When it, or one whose place it took, was first handed to the channel.
    pub first_tried: WallMs,
    /// When it ended.
    pub ended: WallMs,
    /// How.
    pub state: DeliveryState,
    /// How often it was tried, with those whose place it took.
    pub tries: u32,
    /// What the channel answered last, without secrets; none where nothing was answered.
    pub answer: Option<Arc<str>>,
    /// The first [`MAX_TOLD`] alarms of which it tells.
    pub alarms: Vec<ToldAlarm>,
    /// Of how many it tells.
    pub told: u32,
}
