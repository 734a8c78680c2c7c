//! What a router knows, for those who send its messages and those who ask.

use std::{collections::BTreeMap, sync::Arc};

use super::Router;
use crate::{
    model::{AlarmKey, AlarmState, HostId, Severity},
    route::{Facts, held::Held, message::Item, message::Message},
    units::WallMs,
};

/// An alarm that is followed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Followed<'a> {
    /// Which.
    pub key: &'a AlarmKey,
    /// Its state.
    pub state: AlarmState,
    /// How much it matters.
    pub severity: Severity,
    /// What is known of its host.
    pub facts: &'a Facts,
}

impl<'a> From<&'a Held> for Followed<'a> {
    fn from(held: &'a Held) -> Self {
        let Held { key, state, severity, facts, .. } = held;
        Self { key, state: *state, severity: *severity, facts }
    }
}

/// Messages that a channel has not taken yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// How many.
    pub messages: usize,
    /// When the oldest of them was first handed over.
    pub oldest: WallMs,
}

impl Router {
    /// All alarms that are followed, by their keys.
    pub fn all(&self) -> impl Iterator<Item = Followed<'_>> {
        self.alarms.values().map(Followed::from)
    }

    /// One alarm that is followed.
    #[must_use]
    pub fn get(&self, key: &AlarmKey) -> Option<Followed<'_>> {
        self.alarms.get(key).map(Followed::from)
    }

    /// The hosts of the alarms that are followed.
    pub fn hosts(&self) -> impl Iterator<Item = HostId> {
        self.of_host.keys().copied()
    }

    /// The hosts that alarms of others wait for.
    pub fn parents(&self) -> impl Iterator<Item = HostId> {
        self.of_parent.keys().copied()
    }

    /// All alarms of which a message tells, as they are now: also those that it only counts.
    #[must_use]
    pub fn items(&self, message: &Message) -> Vec<Item> {
        let tells = message.tells.iter();
        let held = tells.filter_map(|tell| Some((self.alarms.get(&tell.key)?, tell.late)));
        held.map(|(held, late)| held.item(true, late)).collect()
    }

    /// What a channel was told that fires, and that does.
    #[must_use]
    pub fn told(&self, channel: &str) -> Vec<Item> {
        let told = self.alarms.values().filter(|held| held.said().firing && held.is_told(channel));
        told.map(|held| held.item(false, false)).collect()
    }

    /// Whether a message was handed over and is neither taken nor given up.
    #[must_use]
    pub fn has(&self, message: &Arc<str>) -> bool {
        self.waiting.contains_key(message)
    }

    /// What each channel has not taken yet; channels of which nothing waits are left out.
    #[must_use]
    pub fn backlogs(&self) -> BTreeMap<Arc<str>, Backlog> {
        let mut all: BTreeMap<Arc<str>, Backlog> = BTreeMap::new();
        for waiting in self.waiting.values() {
            let none = Backlog { messages: 0, oldest: waiting.first };
            let backlog = all.entry(Arc::clone(&waiting.message.channel)).or_insert(none);
            backlog.messages += 1;
            backlog.oldest = backlog.oldest.min(waiting.first);
        }
        all
    }

    /// Channels that are an alarm themselves, and since when they have taken nothing.
    pub fn failing(&self) -> impl Iterator<Item = (&Arc<str>, Option<WallMs>)> {
        let alarmed = self.channels.values().filter(|channel| channel.alarmed);
        alarmed.map(|channel| (&channel.name, channel.failing))
    }
}
