//! What is sent: the state of a group at this moment, not a log of changes.

use std::{cmp::Reverse, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    model::{AlarmCause, AlarmKey, AlarmState, GroupName, HostName, Labels, Severity},
    text::natural,
    units::WallMs,
};

/// The most alarms that a message lists; the others are counted.
pub const MAX_ITEMS: usize = 20;

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something fires, or fires differently.
    Firing,
    /// What was told is over, and nothing new fires.
    Resolved,
    /// Many things at once: after a storm or after quiet hours.
    Digest,
    /// Nothing new: it still fires.
    Repeat,
    /// Told to further people, because nobody has acknowledged it.
    Escalation,
}

impl Kind {
    /// The word of JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
            Self::Digest => "digest",
            Self::Repeat => "repeat",
            Self::Escalation => "escalation",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a channel is told of an alarm, or was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Whether it fires; else it is over.
    pub firing: bool,
    /// How much it matters.
    pub severity: Severity,
    /// Its values are missing for too long.
    pub unknown: bool,
    /// It changes so often that single changes are not told.
    pub flapping: bool,
}

/// An alarm of which a message tells, listed in it or only counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tell {
    /// Which alarm.
    pub key: AlarmKey,
    /// What the message says of it.
    pub said: Said,
    /// The channel is told of it for the first time, and it is over already: it was away meanwhile.
    pub late: bool,
}

/// One alarm as a message lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// What it is known by.
    pub key: AlarmKey,
    /// The name of its host.
    pub host: HostName,
    /// The group of its host.
    pub group: Option<GroupName>,
    /// The labels of its host.
    pub labels: Arc<Labels>,
    /// Its state now.
    pub state: AlarmState,
    /// What is said of it.
    pub said: Said,
    /// Why it is in this state.
    pub cause: AlarmCause,
    /// The slot of the poll with which it began to fire.
    pub since: WallMs,
    /// The slot of the poll with which it was over; none: it fires.
    pub until: Option<WallMs>,
    /// The value of the last change, in the unit of its column: of one that is over, the value that
    /// ended it. None is unknown.
    pub value: Option<f64>,
    /// What the rule says of it.
    pub summary: Arc<str>,
    /// This message is the first that says so.
    pub new: bool,
    /// As [`Tell::late`]: "was firing 12:03-12:09, told late".
    pub late: bool,
    /// Who acknowledged it.
    pub acked_by: Option<Arc<str>>,
}

impl Item {
    /// Firing first, then by severity, host, rule and row.
    fn place(&self) -> (bool, Reverse<Severity>, String, &AlarmKey) {
        (!self.said.firing, Reverse(self.said.severity), natural(self.host.as_str()), &self.key)
    }
}

/// A message for one channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The same in every try, and of no other message.
    pub id: Arc<str>,
    /// The name of the channel.
    pub channel: Arc<str>,
    /// What kind of message.
    pub kind: Kind,
    /// Nothing in it begins or gets worse: it need not wake anybody.
    pub low: bool,
    /// The name of the route.
    pub route: Arc<str>,
    /// What all its alarms have in common: pairs of a name of `group_by` and its value. Empty for a
    /// message over a whole route.
    pub group: Vec<(Arc<str>, Arc<str>)>,
    /// The alarms, those that fire first, by severity, then host: at most [`MAX_ITEMS`].
    pub items: Vec<Item>,
    /// How many more there are.
    pub more: usize,
    /// How many fire, listed or not.
    pub firing: usize,
    /// How many are over, listed or not.
    pub over: usize,
    /// All of which the message tells something new, listed or not; of a repeat, all that fire.
    pub tells: Vec<Tell>,
    /// When it was made.
    pub at: WallMs,
}

impl Message {
    /// Makes a message of all that it is to show.
    pub(super) fn new(
        head: Head<'_>,
        kind: Kind,
        low: bool,
        mut items: Vec<Item>,
        tells: Vec<Tell>,
    ) -> Self {
        let firing = items.iter().filter(|item| item.said.firing).count();
        let over = items.len() - firing;
        // What is new is listed before what is known already, whatever the place of either.
        let place = |item: &Item| {
            let (over, severity, host, key) = item.place();
            (over, severity, host, key.clone())
        };
        let more = items.len().saturating_sub(MAX_ITEMS);
        if more > 0 {
            items.sort_by_cached_key(|item| (!item.new, place(item)));
            items.truncate(MAX_ITEMS);
        }
        items.sort_by_cached_key(place);
        let Head { channel, route, group, at } = head;
        let id = name(&channel, &route, kind, &tells, at);
        Self {
            id,
            channel,
            kind,
            low,
            route,
            group: group.to_vec(),
            items,
            more,
            firing,
            over,
            tells,
            at,
        }
    }
}

/// Where a message goes and of what it is.
pub(super) struct Head<'a> {
    pub(super) channel: Arc<str>,
    pub(super) route: Arc<str>,
    pub(super) group: &'a [(Arc<str>, Arc<str>)],
    pub(super) at: WallMs,
}

/// Names a message by what is in it and when it was made: another one that says the same again has
/// another moment, and another one of the same moment says something else.
fn name(channel: &str, route: &str, kind: Kind, tells: &[Tell], at: WallMs) -> Arc<str> {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    for part in [channel, route, kind.as_str()] {
        hash.update(part.as_bytes());
        hash.update(&[0]);
    }
    for Tell { key, said, late } in tells {
        hash.update(&key.host.0.to_le_bytes());
        for part in [&*key.rule, &*key.row, said.severity.as_str()] {
            hash.update(part.as_bytes());
            hash.update(&[0]);
        }
        hash.update(&[u8::from(said.firing), u8::from(said.unknown), u8::from(*late)]);
    }
    format!("{kind}/{}/{:016x}", at.0, hash.digest()).into()
}
