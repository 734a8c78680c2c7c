//! Who is told of which alarm, when, and why not.
//!
//! A [`Router`] is fed with what rules judge ([`Change`]), what people say ([`Silence`], [`Ack`]), what
//! is known of hosts and parents, and what became of each message. It answers with messages to send
//! ([`Message`]) and keeps a [`Journal`] of each alarm's way.
//!
//! It compares, for each alarm and channel, what is true with what the channel was told, and tells the
//! difference: so a channel that was told of an alarm is told of its end whatever happened between, and
//! one that was not is not; and nothing is told twice because something else happened.
//!
//! Pure: `now` is an argument, and never goes back; the caller sends, keeps the rows and asks for
//! [`Router::next`].

mod channel;
mod file;
mod group;
mod held;
mod journal;
mod matcher;
mod message;
mod own;
mod pairs;
pub(crate) mod read;
mod router;
mod settings;
mod silence;
mod storm;
mod timers;

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::model::{AlarmEvent, GroupName, HostId, HostName, Labels};

pub use channel::{CHANNEL_FAILS_AFTER, GIVE_UP_AFTER, MAX_RETRY_AFTER, MAX_RETRY_PAUSE, Outcome};
pub use file::{Alerting, parse_all, parse_all_bytes};
pub use held::{END_AGAIN, FLAPPING_CALM, FLAPPING_CHANGES, FLAPPING_WITHIN};
pub use journal::{Entry, Hold, Journal, MAX_STEPS_KEPT, Step};
pub use matcher::Matcher;
pub use message::{Item, Kind, MAX_ITEMS, Message, Said, Tell};
pub use own::{CHANNEL_RULE, OVERFLOW_RULE};
pub use read::parse;
pub use router::{
    Backlog, Followed, Input, MAX_ACTIVE, MAX_ENDED, MAX_WAITING, Output, Router, Row, RowKey,
};
pub use settings::{
    DEFAULT_EVERY, DEFAULT_REPEAT, DEFAULT_WAIT, Further, GroupBy, MAX_CHANNELS, MAX_ROUTES,
    MAX_STEPS, Pace, Quiet, Route, Routes,
};
pub use silence::{
    Ack, MAX_REASON_BYTES, MAX_SILENCE, MAX_SILENCE_TERMS, MAX_SILENCES, Silence, SilenceError,
};
pub use storm::{MAX_SINGLE, STORM_CALM, STORM_WITHIN};

/// What routes know of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Its name; the server's own for what is about the server.
    pub host: HostName,
    /// Its group.
    pub group: Option<GroupName>,
    /// Its labels.
    pub labels: Arc<Labels>,
    /// What may answer for the alarm; given for alarms that say that the host does not answer.
    pub behind: Option<Behind>,
}

/// The hosts without which a host cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behind {
    /// All of them must fail to answer for it; at least one.
    pub parents: Vec<HostId>,
    /// How long the alarm waits for them to fail first, see [`Behind::grace`].
    pub grace: Duration,
}

impl Behind {
    /// How long a host's alarm waits for its parent's: two polls by the slower of both, and the polls in a
    /// row that `fall` asks for.
    #[must_use]
    pub fn grace(own: Duration, parent: Duration, fall: u32) -> Duration {
        own.max(parent).saturating_mul(fall.saturating_add(2))
    }
}

/// A change of an alarm, with what is known of its host.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The change.
    pub event: AlarmEvent,
    /// The host.
    pub facts: Facts,
}

#[cfg(test)]
mod tests;
