//! The alarms that are told together, and when they may be told of next.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::settings::Pace;
use crate::{
    model::{AlarmKey, Severity},
    units::WallMs,
};

/// A group of a route, by what its alarms have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct GroupKey {
    /// The name of the route.
    pub(super) route: Arc<str>,
    /// The values of `group_by`; none: the whole route, as digests tell it.
    pub(super) by: Option<Vec<Arc<str>>>,
}

impl GroupKey {
    /// Of all alarms of a route.
    pub(super) fn whole(route: &Arc<str>) -> Self {
        Self { route: Arc::clone(route), by: None }
    }
}

/// How soon a change is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    /// After `wait`, and not before `every` since the last message.
    Grouped,
    /// After `wait`: it is worse than all that was told.
    Soon,
    /// Now.
    AtOnce,
}

/// A group's one clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) key: GroupKey,
    /// Its alarms; made of their seats, so it is not kept.
    #[serde(skip)]
    pub(super) members: BTreeSet<AlarmKey>,
    /// When changes were told last.
    pub(super) last: Option<WallMs>,
    /// When changes are told next.
    pub(super) due: Option<WallMs>,
    /// When `repeat` is next looked at.
    pub(super) repeats: Option<WallMs>,
    /// When each channel was last sent a message that lists what fires.
    pub(super) sent: BTreeMap<Arc<str>, WallMs>,
    /// The most that anything told of it mattered.
    pub(super) worst: Option<Severity>,
}

impl Group {
    pub(super) fn new(key: GroupKey) -> Self {
        Self {
            key,
            members: BTreeSet::new(),
            last: None,
            due: None,
            repeats: None,
            sent: BTreeMap::new(),
            worst: None,
        }
    }

    /// Has changes told in time. Answers when.
    pub(super) fn touch(&mut self, urgency: Urgency, pace: &Pace, now: WallMs) -> WallMs {
        let waited = now.plus(pace.wait);
        let at = match urgency {
            Urgency::AtOnce => now,
            Urgency::Soon => waited,
            Urgency::Grouped => self.last.map_or(waited, |last| last.plus(pace.every).max(waited)),
        };
        let at = self.due.map_or(at, |due| due.min(at));
        self.due = Some(at);
        at
    }

    /// Changes were told.
    pub(super) fn told(&mut self, now: WallMs) {
        self.last = Some(now);
    }

    /// Looks at `repeat` again, for something that could not be repeated may be now.
    pub(super) fn wake_repeats(&mut self, pace: &Pace) {
        let first = self.sent.values().min().copied();
        self.repeats = first.zip(pace.repeat).map(|(sent, repeat)| sent.plus(repeat));
    }

    /// Looks at `repeat` with the next channel that is due later: those that are due now have been
    /// looked at.
    pub(super) fn sleep_repeats(&mut self, pace: &Pace, now: WallMs) {
        let due = |sent: &WallMs| pace.repeat.map(|repeat| sent.plus(repeat));
        self.repeats = self.sent.values().filter_map(due).filter(|at| *at > now).min();
    }

    /// Whether a channel is to hear again that something still fires.
    pub(super) fn is_repeat_due(&self, channel: &str, pace: &Pace, now: WallMs) -> bool {
        let sent = self.sent.get(channel);
        sent.zip(pace.repeat).is_some_and(|(sent, repeat)| sent.plus(repeat) <= now)
    }

    /// The next moment at which it is looked at.
    pub(super) fn next(&self) -> Option<WallMs> {
        [self.due, self.repeats].into_iter().flatten().min()
    }
}
