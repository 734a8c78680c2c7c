//! One alarm on its way: what is true of it, what each channel was told, and what keeps it back.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Facts,
    channel::GIVE_UP_AFTER,
    group::GroupKey,
    journal::{Hold, Journal, Step},
    message::{Item, Said},
    pairs,
    silence::Ack,
};
use crate::{
    model::{AlarmCause, AlarmEvent, AlarmKey, AlarmState, Severity},
    units::WallMs,
};

/// So many begins and ends within [`FLAPPING_WITHIN`] are flapping.
pub const FLAPPING_CHANGES: usize = 6;
/// See [`FLAPPING_CHANGES`].
pub const FLAPPING_WITHIN: Duration = Duration::from_secs(15 * 60);
/// Flapping ends after so long without a begin or an end.
pub const FLAPPING_CALM: Duration = Duration::from_secs(15 * 60);

/// An end that a channel refused is told to it again after so long, for a day.
pub const END_AGAIN: Duration = Duration::from_secs(3600);

/// What one channel was told of an alarm.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Told {
    /// What the channel took last; none: nothing of this firing.
    pub(super) taken: Option<Said>,
    /// What was handed over and is not taken yet, and in which message.
    pub(super) waits: Option<(Said, Arc<str>)>,
    /// A try failed: whether the channel knows is not certain, so that the end is told too.
    pub(super) tried: bool,
    /// What was handed over, otherwise than what was taken, and then withdrawn: the channel may have taken
    /// that, too. So what is true then is told, also where it is what was taken for certain.
    #[serde(default)]
    pub(super) unsure: Option<Said>,
    /// Since when it is not told what is true now, for it refused it, or took nothing for a day. Told
    /// again when something changes, when it takes another message, or when it is time to repeat.
    pub(super) given_up: Option<WallMs>,
}

impl Told {
    /// Notes that a message which was handed over is withdrawn; `fires`: the alarm does.
    pub(super) fn withdrawn(&mut self, said: Said, fires: bool) {
        // It was handed over, so that the channel may know.
        (self.waits, self.tried) = (None, true);
        if self.taken.is_some_and(|taken| taken != said) {
            self.unsure = Some(said);
        }
        if fires {
            self.fires_again();
        }
    }

    /// Where the channel may have been told that the alarm is over, it knows nothing of this firing.
    fn fires_again(&mut self) {
        let in_hand = self.waits.as_ref().map(|(said, _)| *said);
        if in_hand.into_iter().chain(self.unsure).any(|said| !said.firing) {
            (self.taken, self.tried, self.unsure) = (None, true, None);
        }
    }
}

/// What a channel has not been told yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lack {
    /// That it fires.
    New,
    /// That it matters more than it was told.
    Worse,
    /// That it matters less, that its values are missing or back, that it flaps or no longer does.
    Differs,
    /// That it is over.
    Over,
    /// That it fired and is over: the channel was away.
    Late,
}

impl Lack {
    /// Whether it ends something, which nothing but quiet hours keeps back.
    pub(super) fn is_end(self) -> bool {
        matches!(self, Self::Over | Self::Late)
    }
}

/// How long an alarm has been waiting for somebody: it stands still while the alarm is kept back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct StepClock {
    ran_ms: u64,
    since: Option<WallMs>,
}

impl StepClock {
    /// Runs from now on, or stands.
    pub(super) fn run(&mut self, runs: bool, now: WallMs) {
        match (runs, self.since) {
            (true, None) => self.since = Some(now),
            (false, Some(_)) => *self = Self { ran_ms: millis(self.ran(now)), since: None },
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// What it shows.
    pub(super) fn ran(&self, now: WallMs) -> Duration {
        let running = self.since.map_or(Duration::ZERO, |since| now.since(since));
        Duration::from_millis(self.ran_ms).saturating_add(running)
    }

    /// When it will show that; none while it stands.
    pub(super) fn reaches(&self, length: Duration, now: WallMs) -> Option<WallMs> {
        self.since.map(|_| now.plus(length.saturating_sub(self.ran(now))))
    }
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// An alarm's place in one route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Seat {
    pub(super) group: GroupKey,
    pub(super) hold: Option<Hold>,
    pub(super) clock: StepClock,
    /// How many steps of the route were reached.
    pub(super) reached: usize,
}

impl Seat {
    pub(super) fn new(group: GroupKey) -> Self {
        Self { group, hold: None, clock: StepClock::default(), reached: 0 }
    }
}

/// Where an alarm stands behind the fault of its host's parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Blamed {
    /// Its parents fail.
    Now,
    /// They failed until then, and no poll of its own has failed since.
    Until(WallMs),
}

/// What is remembered of an alarm that is over, and that nobody is owed anything of.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) at: WallMs,
    /// So that one that comes back soon is seen to flap.
    pub(super) flips: Vec<WallMs>,
    pub(super) journal: Journal,
}

/// One alarm that is followed: it fires, or a channel is owed its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) key: AlarmKey,
    pub(super) facts: Facts,
    pub(super) state: AlarmState,
    pub(super) severity: Severity,
    pub(super) cause: AlarmCause,
    /// The slot with which it began to fire.
    pub(super) since: WallMs,
    /// The slot with which it was over.
    pub(super) until: Option<WallMs>,
    /// The slot of the last change.
    pub(super) slot: WallMs,
    /// When it began, and when it was over, by the clock of the routes.
    pub(super) begun: WallMs,
    pub(super) over: WallMs,
    pub(super) value: Option<f64>,
    pub(super) summary: Arc<str>,
    pub(super) ack: Option<Ack>,
    /// Begins and ends within [`FLAPPING_WITHIN`], oldest first.
    pub(super) flips: Vec<WallMs>,
    pub(super) flapping: bool,
    /// A channel took a message that tells of it.
    pub(super) taken: bool,
    pub(super) blamed: Option<Blamed>,
    #[serde(with = "pairs")]
    pub(super) told: BTreeMap<Arc<str>, Told>,
    pub(super) seats: Vec<Seat>,
    pub(super) journal: Journal,
}

impl Held {
    /// An alarm that begins; `before` is what is remembered of it when it began before.
    pub(super) fn new(event: &AlarmEvent, facts: Facts, before: Ended, now: WallMs) -> Self {
        Self {
            key: event.key.clone(),
            facts,
            state: AlarmState::Ok,
            severity: event.severity,
            cause: event.cause,
            since: event.slot,
            until: None,
            slot: event.slot,
            begun: now,
            over: now,
            value: None,
            summary: Arc::clone(&event.summary),
            ack: None,
            flips: before.flips,
            flapping: false,
            taken: false,
            blamed: None,
            told: BTreeMap::new(),
            seats: Vec::new(),
            journal: before.journal,
        }
    }

    /// Takes in what the rule judged. Answers whether it began to fire.
    pub(super) fn judged(&mut self, event: &AlarmEvent, now: WallMs) -> bool {
        let (was, is) = (self.state.is_active(), event.to.is_active());
        let begins = is && !was;
        if begins {
            (self.since, self.until, self.begun) = (event.slot, None, now);
        } else if was && !is {
            (self.until, self.over) = (Some(event.slot), now);
        }
        if was != is {
            self.flips.retain(|flip| now.since(*flip) < FLAPPING_WITHIN);
            self.flips.push(now);
            if self.flips.len() >= FLAPPING_CHANGES {
                let surplus = self.flips.len() - FLAPPING_CHANGES;
                self.flips.drain(..surplus);
                if !std::mem::replace(&mut self.flapping, true) {
                    self.journal.note(now, Step::Flapping);
                }
            }
        }
        for told in self.told.values_mut() {
            told.given_up = None;
            if begins {
                told.fires_again();
            }
        }
        (self.state, self.severity, self.cause) = (event.to, event.severity, event.cause);
        self.slot = event.slot;
        (self.value, self.summary) = (event.value, Arc::clone(&event.summary));
        let AlarmEvent { from, to, severity, cause, value, .. } = *event;
        self.journal.note(now, Step::Judged { from, to, severity, cause, value });
        begins
    }

    /// When it stands still if nothing more happens; none when it does.
    pub(super) fn settles(&self) -> Option<WallMs> {
        self.flips.last().filter(|_| self.flapping).map(|last| last.plus(FLAPPING_CALM))
    }

    /// Notes that it stands still.
    pub(super) fn settle(&mut self, now: WallMs) {
        if self.settles().is_some_and(|at| at <= now) {
            (self.flapping, self.flips) = (false, Vec::new());
            self.journal.note(now, Step::Settled);
        }
    }

    /// What is to be said of it now. One that flaps is said to fire until it stands still.
    pub(super) fn said(&self) -> Said {
        Said {
            firing: self.state.is_active() || self.flapping,
            severity: self.severity,
            unknown: self.state == AlarmState::Unknown,
            flapping: self.flapping,
        }
    }

    /// What a channel has not been told; nothing while a message to it is on its way.
    pub(super) fn lack(&self, channel: &str) -> Option<Lack> {
        let now = self.said();
        let Some(told) = self.told.get(channel) else { return now.firing.then_some(Lack::New) };
        if told.waits.is_some() || told.given_up.is_some() {
            return None;
        }
        match (told.taken.filter(|taken| taken.firing), now.firing) {
            (None, true) => Some(Lack::New),
            (None, false) => told.tried.then_some(Lack::Late),
            (Some(_), false) => Some(Lack::Over),
            // One that flaps says so once, whatever it does meanwhile.
            (Some(taken), true) if taken.flapping && now.flapping => {
                (now.severity > taken.severity).then_some(Lack::Worse)
            }
            (Some(taken), true) if now.severity > taken.severity => Some(Lack::Worse),
            (Some(taken), true) => {
                let may_differ = told.unsure.is_some_and(|said| said != now);
                (taken != now || may_differ).then_some(Lack::Differs)
            }
        }
    }

    /// Whether a channel believes that it fires.
    pub(super) fn is_told(&self, channel: &str) -> bool {
        self.told.get(channel).is_some_and(|told| told.taken.is_some_and(|taken| taken.firing))
    }

    /// Whether any channel was told that it fires, or is being told.
    pub(super) fn is_known(&self) -> bool {
        let firing = |said: Said| said.firing;
        self.told.values().any(|told| {
            told.taken.is_some_and(firing)
                || told.waits.as_ref().is_some_and(|(said, _)| firing(*said))
        })
    }

    /// Whether there is anything left to do for it.
    pub(super) fn is_done(&self) -> bool {
        !self.said().firing && self.told.is_empty()
    }

    /// Forgets channels that are owed nothing once it is over: those that never knew, and those that have
    /// refused its end for too long. Answers when an end that was refused is told again.
    pub(super) fn let_go(&mut self, now: WallMs) -> Option<WallMs> {
        let over = self.over;
        let mut again = None;
        for told in self.told.values_mut() {
            let Some(since) = told.given_up else { continue };
            let at = since.plus(END_AGAIN);
            if now >= over.plus(GIVE_UP_AFTER) {
                (told.taken, told.tried) = (None, false);
            } else if now >= at {
                told.given_up = None;
            } else {
                again = Some(again.map_or(at, |again: WallMs| again.min(at)));
            }
        }
        self.told.retain(|_, told| {
            let knows = told.taken.is_some_and(|taken| taken.firing);
            told.waits.is_some() || told.tried || knows
        });
        again
    }

    /// As a message to a channel lists it.
    pub(super) fn item(&self, new: bool, late: bool) -> Item {
        let said = self.said();
        Item {
            key: self.key.clone(),
            host: self.facts.host.clone(),
            group: self.facts.group.clone(),
            labels: Arc::clone(&self.facts.labels),
            state: self.state,
            said,
            cause: self.cause,
            since: self.since,
            until: self.until,
            value: self.value,
            summary: Arc::clone(&self.summary),
            new,
            late,
            acked_by: self.ack.as_ref().map(|ack| Arc::clone(&ack.who)),
        }
    }
}
