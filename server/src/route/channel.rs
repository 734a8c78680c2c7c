//! A message that waits for its channel, and a channel that does not take messages.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{group::GroupKey, message::Message};
use crate::units::WallMs;

/// The pause after the first failed try; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two tries.
pub const MAX_RETRY_PAUSE: Duration = Duration::from_secs(300);
/// The longest pause that a channel may ask for.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// A message is tried for so long.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 3600);
/// A channel that has taken nothing for so long is an alarm on the other channels.
pub const CHANNEL_FAILS_AFTER: Duration = Duration::from_secs(300);

/// What became of one try to send a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The channel took it; what it answered.
    Taken(Arc<str>),
    /// It may go better later.
    Failed {
        /// Why.
        why: Arc<str>,
        /// How long the channel asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// It will not go better: the channel refuses it.
    Refused(Arc<str>),
}

/// A message that was handed over and is not taken yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) message: Message,
    pub(super) unit: GroupKey,
    /// When it, or one that it took the place of, was first handed over.
    pub(super) first: WallMs,
    /// Failed tries, of those before it too.
    pub(super) tries: u32,
    /// When it is tried again; none: it is in hand.
    pub(super) next: Option<WallMs>,
    /// There is more to tell the channel, which waits for this message.
    pub(super) more: bool,
}

impl Waiting {
    /// Notes a failed try. Answers whether it is tried again.
    pub(super) fn failed(&mut self, retry_after: Option<Duration>, now: WallMs) -> bool {
        self.tries = self.tries.saturating_add(1);
        let doublings = (self.tries - 1).min(16);
        let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(MAX_RETRY_PAUSE);
        let asked = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
        self.next = Some(now.plus(pause.max(asked)));
        now.since(self.first) < GIVE_UP_AFTER
    }
}

/// How a channel does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Channel {
    pub(super) name: Arc<str>,
    /// Since when it has taken nothing.
    pub(super) failing: Option<WallMs>,
    /// That is an alarm.
    pub(super) alarmed: bool,
}

impl Channel {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self { name, failing: None, alarmed: false }
    }

    /// Notes a failed try. Answers whether an alarm begins.
    pub(super) fn failed(&mut self, for_good: bool, now: WallMs) -> bool {
        let since = *self.failing.get_or_insert(now);
        let fails = for_good || now.since(since) >= CHANNEL_FAILS_AFTER;
        fails && !std::mem::replace(&mut self.alarmed, true)
    }

    /// Notes that it took a message. Answers whether an alarm ends.
    pub(super) fn took(&mut self) -> bool {
        self.failing = None;
        std::mem::take(&mut self.alarmed)
    }
}
