//! The state machine: what comes in, what goes out, and what is looked at when.

mod consider;
mod deliver;
mod flush;
mod index;
mod look;
mod people;
mod rows;

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
};

use super::{
    Change, Facts,
    channel::{Channel, Outcome, Waiting},
    group::{Group, GroupKey},
    held::{Blamed, Ended, Held},
    journal::Journal,
    message::Message,
    own::{is_own, overflow},
    settings::Routes,
    silence::Silence,
    storm::Whole,
    timers::Timers,
};
use crate::{
    model::{AlarmKey, Delivery, HostId},
    units::WallMs,
};

pub use look::{Backlog, Followed};
pub use rows::{Row, RowKey};

/// The most alarms that are followed at one time; beyond, nobody is told of new ones, and that is an
/// alarm itself.
pub const MAX_ACTIVE: usize = 100_000;
/// The most alarms in messages that are not taken yet, counted once for each channel; beyond, alarms
/// wait as what they are, one state each, and not as messages.
pub const MAX_WAITING: usize = 100_000;
/// Of how many alarms that are over the way is kept.
pub const MAX_ENDED: usize = 1_000;

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// An alarm changed its state or its severity. The same change again changes nothing.
    Changed(Box<Change>),
    /// What is known of a host is something else now.
    Host {
        /// Which host.
        host: HostId,
        /// Its facts; of these `behind` is not taken, for it belongs to an alarm.
        facts: Box<Facts>,
    },
    /// A host's rest began or ended: it is paused or in a maintenance window.
    Resting {
        /// Which host.
        host: HostId,
        /// Whether it rests now.
        resting: bool,
    },
    /// A host that is a parent fails now, or no longer.
    Parent {
        /// Which host.
        host: HostId,
        /// Whether it is suspect or down.
        fails: bool,
    },
    /// A host was polled. Asked for only of hosts that [`Router::awaits`].
    Polled {
        /// Which host.
        host: HostId,
        /// When the poll began.
        began: WallMs,
        /// Whether it failed.
        failed: bool,
    },
    /// What became of a message that was handed over. Each message has one outcome for each time.
    Sent {
        /// Its id.
        message: Arc<str>,
        /// The outcome.
        outcome: Outcome,
    },
    /// A silence was ended by a person.
    EndSilence(Arc<str>),
    /// An acknowledgement was taken back.
    EndAck(AlarmKey),
    /// Other routes are in force.
    Routes(Arc<Routes>),
    /// Time has passed, see [`Router::next`].
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send this message, once, and say with [`Input::Sent`] what became of it. The same message is
    /// handed over again when it is to be tried again.
    Send(Box<Message>),
    /// A message that was not taken is not handed over again: another one may take its place.
    Withdrawn(Arc<str>),
    /// What became of a message; nothing more is to be done about it.
    Ended(Arc<Delivery>),
    /// A silence is over.
    SilenceEnded(Arc<str>),
    /// An acknowledgement holds no longer.
    AckEnded(AlarmKey),
}

/// What is looked at when its moment comes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Route(Arc<str>),
    Silence(Arc<str>),
    Alarm(AlarmKey),
    Message(Arc<str>),
    Group(GroupKey),
}

/// Who is told what, when. See the module.
#[derive(Debug)]
pub struct Router {
    routes: Arc<Routes>,
    now: WallMs,
    alarms: BTreeMap<AlarmKey, Held>,
    groups: BTreeMap<GroupKey, Group>,
    wholes: BTreeMap<Arc<str>, Whole>,
    waiting: BTreeMap<Arc<str>, Waiting>,
    /// Which message a channel has not taken yet of a group: one at most.
    lanes: BTreeMap<(GroupKey, Arc<str>), Arc<str>>,
    /// How many alarms the waiting messages tell of.
    tells: usize,
    channels: BTreeMap<Arc<str>, Channel>,
    silences: BTreeMap<Arc<str>, Silence>,
    resting: BTreeSet<HostId>,
    failing: BTreeSet<HostId>,
    of_host: BTreeMap<HostId, BTreeSet<AlarmKey>>,
    of_parent: BTreeMap<HostId, BTreeSet<AlarmKey>>,
    /// Alarms that were over lately, and their order.
    ended: BTreeMap<AlarmKey, Ended>,
    ended_at: BTreeSet<(WallMs, AlarmKey)>,
    timers: Timers<Timer>,
    outputs: Vec<Output>,
    changed: BTreeSet<RowKey>,
    /// New alarms that were not followed, for [`MAX_ACTIVE`] were.
    overflown: u64,
}

impl Router {
    /// A router that knows of nothing yet.
    #[must_use]
    pub fn new(routes: Arc<Routes>, now: WallMs) -> Self {
        let mut router = Self {
            routes,
            now,
            alarms: BTreeMap::new(),
            groups: BTreeMap::new(),
            wholes: BTreeMap::new(),
            waiting: BTreeMap::new(),
            lanes: BTreeMap::new(),
            tells: 0,
            channels: BTreeMap::new(),
            silences: BTreeMap::new(),
            resting: BTreeSet::new(),
            failing: BTreeSet::new(),
            of_host: BTreeMap::new(),
            of_parent: BTreeMap::new(),
            ended: BTreeMap::new(),
            ended_at: BTreeSet::new(),
            timers: Timers::new(),
            outputs: Vec::new(),
            changed: BTreeSet::new(),
            overflown: 0,
        };
        router.look_at_routes();
        router
    }

    /// Takes in what happened, looks at all that is due, and answers what is to be done, in order.
    /// A `now` that is earlier than the last counts as the last.
    pub fn take(&mut self, input: Input, now: WallMs) -> Vec<Output> {
        self.now = self.now.max(now);
        match input {
            Input::Changed(change) => self.change(*change),
            Input::Host { host, facts } => self.host(host, &facts),
            Input::Resting { host, resting } => {
                let changed = match resting {
                    true => self.resting.insert(host),
                    false => self.resting.remove(&host),
                };
                if changed {
                    self.changed.insert(RowKey::Hosts);
                    self.consider_all(self.of_host.get(&host).cloned());
                }
            }
            Input::Parent { host, fails } => {
                let changed = match fails {
                    true => self.failing.insert(host),
                    false => self.failing.remove(&host),
                };
                if changed {
                    self.changed.insert(RowKey::Hosts);
                    self.consider_all(self.of_parent.get(&host).cloned());
                }
            }
            Input::Polled { host, began, failed } => self.polled(host, began, failed),
            Input::Sent { message, outcome } => self.sent(&message, outcome),
            Input::EndSilence(id) => self.end_silence(&id),
            Input::EndAck(key) => self.end_ack(&key, "taken back"),
            Input::Routes(routes) => self.reroute(routes),
            Input::Tick => {}
        }
        self.run();
        mem::take(&mut self.outputs)
    }

    /// When it is to be asked again at the latest; none: when something happens.
    #[must_use]
    pub fn next(&self) -> Option<WallMs> {
        self.timers.next()
    }

    /// The routes in force.
    #[must_use]
    pub fn routes(&self) -> Arc<Routes> {
        Arc::clone(&self.routes)
    }

    /// The way of an alarm that is followed, or was lately.
    #[must_use]
    pub fn journal(&self, key: &AlarmKey) -> Option<&Journal> {
        let over = || self.ended.get(key).map(|ended| &ended.journal);
        self.alarms.get(key).map(|held| &held.journal).or_else(over)
    }

    /// Whether polls of this host decide of an alarm that its parent answered for.
    #[must_use]
    pub fn awaits(&self, host: HostId) -> bool {
        let mut alarms = self.of_host.get(&host).into_iter().flatten();
        alarms.any(|key| self.alarms.get(key).is_some_and(|held| held.blamed.is_some()))
    }

    /// How many alarms are followed.
    #[must_use]
    pub fn followed(&self) -> usize {
        self.alarms.len()
    }

    /// How many alarms messages tell of that are not taken yet, counted once for each channel.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.tells
    }

    /// How many new alarms were not followed since the start, because [`MAX_ACTIVE`] were.
    #[must_use]
    pub fn overflown(&self) -> u64 {
        self.overflown
    }

    /// All that is due.
    fn run(&mut self) {
        while let Some(timer) = self.timers.pop(self.now) {
            match timer {
                Timer::Route(route) => self.look_at(&route),
                Timer::Silence(id) => self.end_silence(&id),
                Timer::Alarm(key) => self.consider(&key),
                Timer::Message(id) => self.retry(&id),
                Timer::Group(unit) => self.flush(&unit, false),
            }
        }
    }

    fn change(&mut self, change: Change) {
        let Change { event, facts } = change;
        let key = event.key.clone();
        let known = self.alarms.remove(&key);
        let is_new = known.is_none();
        if is_new && (!event.to.is_active() || !self.has_room(&key)) {
            return;
        }
        let before = if is_new { self.forget(&key) } else { Ended::default() };
        let mut held = known.unwrap_or_else(|| Held::new(&event, facts.clone(), before, self.now));
        let same = (held.slot, held.state, held.severity) == (event.slot, event.to, event.severity);
        if !is_new && same {
            self.alarms.insert(key, held);
            return;
        }
        self.unindex(&held);
        held.facts = facts;
        let begins = held.judged(&event, self.now);
        if begins {
            held.blamed = None;
        }
        let is_over = !event.to.is_active();
        let silences = if is_over { self.until_clear(&held) } else { Vec::new() };
        if let Some(ack) = &held.ack
            && (is_over || held.severity > ack.severity)
        {
            self.drop_ack(
                &mut held,
                if is_over { "the alarm is over" } else { "it matters more now" },
            );
        }
        self.index(&held);
        self.reseat(&mut held);
        let routes: Vec<Arc<str>> = held.seats.iter().map(|s| Arc::clone(&s.group.route)).collect();
        self.alarms.insert(key.clone(), held);
        self.consider(&key);
        if begins {
            for route in routes {
                self.count(&route, &key);
            }
        }
        self.end_cleared(silences);
    }

    /// Whether a new alarm can be followed; that there are too many is an alarm itself.
    fn has_room(&mut self, key: &AlarmKey) -> bool {
        if is_own(key) || self.alarms.len() < MAX_ACTIVE {
            return true;
        }
        self.overflown += 1;
        let overflow = overflow(MAX_ACTIVE, true, self.now);
        if !self.alarms.contains_key(&overflow.event.key) {
            self.change(overflow);
        }
        false
    }

    fn host(&mut self, host: HostId, facts: &Facts) {
        for key in self.of_host.get(&host).cloned().unwrap_or_default() {
            let Some(mut held) = self.alarms.remove(&key) else { continue };
            let behind = held.facts.behind.take();
            held.facts = Facts { behind, ..facts.clone() };
            self.reseat(&mut held);
            self.alarms.insert(key.clone(), held);
            self.consider(&key);
        }
    }

    fn polled(&mut self, host: HostId, began: WallMs, failed: bool) {
        for key in self.of_host.get(&host).cloned().unwrap_or_default() {
            let Some(held) = self.alarms.get_mut(&key) else { continue };
            if failed && matches!(held.blamed, Some(Blamed::Until(back)) if began >= back) {
                held.blamed = None;
                self.consider(&key);
            }
        }
    }
}
