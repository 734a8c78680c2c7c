//! The router's memory as rows: which have changed, and a router made of them.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Router, Timer};
use crate::{
    model::{AlarmKey, HostId},
    route::{
        channel::{Channel, Waiting},
        group::{Group, GroupKey},
        held::{Ended, Held},
        settings::Routes,
        silence::Silence,
        storm::Whole,
    },
    units::WallMs,
};

/// What a row is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowKey {
    /// Hosts that rest, and parents that fail: one row.
    Hosts,
    /// A route as a whole, by its name.
    Whole(Arc<str>),
    /// A channel, by its name.
    Channel(Arc<str>),
    /// A silence, by its id.
    Silence(Arc<str>),
    /// A group of a route.
    Group {
        /// The name of the route.
        route: Arc<str>,
        /// The values of `group_by`; none: the whole route.
        by: Option<Vec<Arc<str>>>,
    },
    /// An alarm that is followed, or was over lately.
    Alarm(AlarmKey),
    /// A message that is not taken yet, by its id.
    Message(Arc<str>),
}

impl RowKey {
    pub(super) fn of(unit: &GroupKey) -> Self {
        Self::Group { route: Arc::clone(&unit.route), by: unit.by.clone() }
    }
}

/// What a row holds; as JSON it is read again by the same version alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Row(Kept);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kept {
    Hosts { resting: BTreeSet<HostId>, failing: BTreeSet<HostId> },
    Whole(Whole),
    Channel(Channel),
    Silence(Silence),
    Group(Group),
    Alarm(Box<Held>),
    Ended(AlarmKey, Ended),
    Message(Box<Waiting>),
}

impl Router {
    /// The rows that have changed since the last time; none for one that is gone. Kept before the
    /// messages of the same input are sent, a message is sent again after a crash, and none is lost.
    pub fn take_changed(&mut self) -> Vec<(RowKey, Option<Row>)> {
        let keys = std::mem::take(&mut self.changed);
        keys.into_iter().map(|key| (key.clone(), self.row(&key).map(Row))).collect()
    }

    /// All rows, as a store would hold them.
    pub(crate) fn take_all(&mut self) -> Vec<(RowKey, Row)> {
        let all = self.alarms.keys().cloned().map(RowKey::Alarm);
        let all = all.chain(self.ended.keys().cloned().map(RowKey::Alarm));
        let all = all.chain(self.groups.keys().map(RowKey::of));
        let all = all.chain(self.wholes.keys().cloned().map(RowKey::Whole));
        let all = all.chain(self.channels.keys().cloned().map(RowKey::Channel));
        let all = all.chain(self.silences.keys().cloned().map(RowKey::Silence));
        let all = all.chain(self.waiting.keys().cloned().map(RowKey::Message));
        let all: Vec<RowKey> = all.chain([RowKey::Hosts]).collect();
        all.into_iter().filter_map(|key| Some((key.clone(), Row(self.row(&key)?)))).collect()
    }

    fn row(&self, key: &RowKey) -> Option<Kept> {
        match key {
            RowKey::Hosts => {
                Some(Kept::Hosts { resting: self.resting.clone(), failing: self.failing.clone() })
            }
            RowKey::Whole(route) => self.wholes.get(route).cloned().map(Kept::Whole),
            RowKey::Channel(name) => self.channels.get(name).cloned().map(Kept::Channel),
            RowKey::Silence(id) => self.silences.get(id).cloned().map(Kept::Silence),
            RowKey::Group { route, by } => {
                let unit = GroupKey { route: Arc::clone(route), by: by.clone() };
                self.groups.get(&unit).cloned().map(Kept::Group)
            }
            RowKey::Alarm(key) => {
                let over = || Some(Kept::Ended(key.clone(), self.ended.get(key)?.clone()));
                self.alarms.get(key).cloned().map(Box::new).map(Kept::Alarm).or_else(over)
            }
            RowKey::Message(id) => self.waiting.get(id).cloned().map(Box::new).map(Kept::Message),
        }
    }

    /// A router that goes on where another one was when these rows were kept. Messages that were in hand
    /// are handed over again with the first tick. What happened meanwhile is told to it as ever; what it
    /// knows already changes nothing.
    #[must_use]
    pub fn restore(routes: Arc<Routes>, rows: impl IntoIterator<Item = Row>, now: WallMs) -> Self {
        let mut router = Self::new(Arc::clone(&routes), now);
        for Row(kept) in rows {
            router.restore_one(kept, now);
        }
        router.rejoin();
        router.changed.clear();
        router
    }

    fn restore_one(&mut self, kept: Kept, now: WallMs) {
        match kept {
            Kept::Hosts { resting, failing } => (self.resting, self.failing) = (resting, failing),
            Kept::Whole(whole) => drop(self.wholes.insert(Arc::clone(&whole.route), whole)),
            Kept::Channel(channel) => {
                self.channels.insert(Arc::clone(&channel.name), channel);
            }
            Kept::Silence(silence) => {
                self.timers.set(Timer::Silence(Arc::clone(&silence.id)), Some(silence.until));
                self.silences.insert(Arc::clone(&silence.id), silence);
            }
            Kept::Group(group) => drop(self.groups.insert(group.key.clone(), group)),
            Kept::Alarm(held) => {
                self.index(&held);
                self.alarms.insert(held.key.clone(), *held);
            }
            Kept::Ended(key, ended) => self.remember(key, ended),
            Kept::Message(mut waiting) => {
                let id = Arc::clone(&waiting.message.id);
                let next = *waiting.next.get_or_insert(now);
                self.timers.set(Timer::Message(Arc::clone(&id)), Some(next));
                let lane = (waiting.unit.clone(), Arc::clone(&waiting.message.channel));
                self.lanes.insert(lane, Arc::clone(&id));
                self.tells += waiting.message.tells.len();
                self.waiting.insert(id, *waiting);
            }
        }
    }

    /// Gives all alarms their places again.
    fn rejoin(&mut self) {
        let keys: Vec<AlarmKey> = self.alarms.keys().cloned().collect();
        for key in &keys {
            let Some(mut held) = self.alarms.remove(key) else { continue };
            self.reseat(&mut held);
            self.alarms.insert(key.clone(), held);
        }
        let empty = |group: &Group| group.members.is_empty() && group.key.by.is_some();
        let gone: BTreeSet<GroupKey> = self
            .groups
            .values()
            .filter(|group| empty(group))
            .map(|group| group.key.clone())
            .collect();
        for unit in gone {
            self.groups.remove(&unit);
            self.rearm(&unit);
        }
        let units: Vec<GroupKey> = self.groups.keys().cloned().collect();
        for unit in units {
            self.rearm(&unit);
        }
        self.look_at_routes();
        self.consider_all(Some(keys.into_iter().collect()));
    }

    /// Other routes are in force: channels that are gone are owed nothing, others learn what is true.
    pub(super) fn reroute(&mut self, routes: Arc<Routes>) {
        self.routes = Arc::clone(&routes);
        let there: BTreeSet<&Arc<str>> = routes.channels().iter().collect();
        let lost = |channel: &Arc<str>| !there.contains(channel);
        let messages = self.waiting.values().filter(|waiting| lost(&waiting.message.channel));
        for id in messages.map(|waiting| Arc::clone(&waiting.message.id)).collect::<Vec<_>>() {
            self.withdraw(&id);
        }
        for held in self.alarms.values_mut() {
            held.told.retain(|channel, _| !lost(channel));
            // What a channel refused may have been mended with them.
            held.told.values_mut().for_each(|told| told.given_up = None);
        }
        let names: Vec<Arc<str>> =
            self.channels.keys().filter(|name| lost(name)).cloned().collect();
        for name in names {
            if self.channels.get(&name).is_some_and(|channel| channel.alarmed) {
                self.change(crate::route::own::channel(&name, None, self.now));
            }
            self.channels.remove(&name);
            self.changed.insert(super::RowKey::Channel(name));
        }
        self.rejoin();
    }
}
