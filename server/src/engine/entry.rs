//! What the engine knows of one host, and what a settled poll does to it. Pure but for the link,
//! which is only handed on.

mod view;

use std::{sync::Arc, time::Duration};

use tokio::sync::oneshot;

use super::measured::measure;
use crate::{
    health::{self, FailingParent, Flaw, Health, Input, PauseReason, Policy, Skew, StateChange},
    inventory::Host,
    live::{AttemptSummary, Gathered, Recent},
    model::{
        Cause, Facts, Family, HostId, HostName, Outcome, Record, Snapshot, State, Status, Timings,
        Transition, VersionId,
    },
    newcomers::Newcomers,
    poll::{Attempt, Link},
    rates::{self, Rates},
    schedule::{Backoff, Claims, Pace},
    units::{Micros, Mono, Now, WallMs},
};

/// One poll under way, or to be made.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    pub(super) host: HostId,
    pub(super) name: HostName,
    pub(super) slot: WallMs,
    pub(super) due: Mono,
    pub(super) version: VersionId,
    /// Somebody asked for it: no slot of the schedule.
    pub(super) asked: bool,
}

/// What a settled poll leaves: the row, and what else is to be kept.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) record: Arc<Record>,
    pub(super) transition: Option<Transition>,
    /// That it began or ended flapping.
    pub(super) flapping: Option<Transition>,
    /// The machine's facts, when they are new.
    pub(super) facts: Option<Facts>,
}

/// A host's settings in words: a view is made for every poll, and these change with the inventory.
#[derive(Debug)]
struct Shown {
    addresses: Arc<[Arc<str>]>,
    schedule: Arc<str>,
    /// Why a host is up with nothing more to say: nearly always the words of the poll before.
    up: Option<(WallMs, Arc<str>)>,
}

impl Shown {
    fn of(spec: &Host) -> Self {
        Self {
            addresses: spec.addresses.iter().map(|a| Arc::from(a.to_string())).collect(),
            schedule: spec.schedule.to_string().into(),
            up: None,
        }
    }
}

/// What the engine knows of one host.
#[derive(Debug)]
pub(super) struct HostEntry {
    pub(super) id: HostId,
    pub(super) spec: Arc<Host>,
    shown: Shown,
    pub(super) link: Arc<Link>,
    pub(super) health: Health,
    pub(super) facts: Arc<Facts>,
    pub(super) in_flight: bool,
    /// Why it is left alone, when it is.
    pub(super) pause_reason: Option<PauseReason>,
    /// The host that it is behind and that fails.
    pub(super) parent: Option<FailingParent>,
    /// What was wrong with its last answer that was not without a flaw.
    flaws: Option<Arc<str>>,
    backoff: Backoff,
    /// How long it was left alone before its last poll, being down.
    rested: Duration,
    /// Its last poll failed.
    failing: bool,
    /// Who asked for a poll and waits for its row.
    pub(super) waiting: Vec<oneshot::Sender<Arc<Record>>>,
    /// Under which moments its polls are kept.
    pub(super) claims: Claims,
    previous: Option<Arc<Snapshot>>,
    /// What its last poll that brought values said, as it is shown: the same memory as above, but where the
    /// kernel took CPU time back, or that poll was not the last.
    answer: Option<Arc<Snapshot>>,
    newcomers: Newcomers,
    last: Option<Arc<Record>>,
    last_good: Option<Arc<Record>>,
    recent: Recent,
    gathered: Gathered,
}

impl HostEntry {
    /// A host as the store remembers it, polled before up to `polled_to`, if at all.
    pub(super) fn new(
        id: HostId,
        spec: Arc<Host>,
        health: Health,
        facts: Facts,
        polled_to: Option<WallMs>,
    ) -> Self {
        Self {
            id,
            link: Link::of(&spec),
            shown: Shown::of(&spec),
            spec,
            health,
            facts: facts.into(),
            in_flight: false,
            pause_reason: None,
            parent: None,
            flaws: None,
            backoff: Backoff::default(),
            rested: Duration::ZERO,
            failing: false,
            waiting: Vec::new(),
            claims: Claims::default(),
            previous: None,
            answer: None,
            newcomers: Newcomers::default(),
            last: None,
            last_good: None,
            recent: Recent::default(),
            gathered: Gathered::after(polled_to),
        }
    }

    /// Other settings for it; the link is the caller's to renew.
    pub(super) fn update_settings(&mut self, spec: &Arc<Host>) {
        self.spec = Arc::clone(spec);
        self.shown = Shown::of(spec);
    }

    /// Its last poll.
    pub(super) fn last(&self) -> Option<&Record> {
        self.last.as_deref()
    }

    /// Whether a slot that is due at `due` is passed over, because the host is down and left alone
    /// or still being asked.
    pub(super) fn passes_over(&self, due: Mono) -> bool {
        self.health.state == State::Down && (self.backoff.holds(due) || self.in_flight)
    }

    /// Whether it may take only a place of those kept for hosts that are not well.
    pub(super) fn is_failing(&self) -> bool {
        self.failing || matches!(self.health.state, State::Suspect | State::Down)
    }

    /// Whether the probe's health service is asked before a poll: it is down, and has not answered.
    pub(super) fn is_checked_first(&self) -> bool {
        self.health.state == State::Down && self.health.good == 0
    }

    /// The longest time from the poll before its last one to that: its interval, or more while it is down.
    pub(super) fn pace(&self) -> Duration {
        self.spec.schedule.shortest_gap().max(self.rested)
    }

    fn back_off(&mut self, flight: &Flight, outcome: Outcome, policy: &Policy) {
        let Some(answered) = health::answered(outcome) else { return };
        self.failing = !answered;
        self.rested = self.backoff.wait();
        if answered || self.health.state != State::Down {
            self.backoff = Backoff::default();
        } else if !flight.asked {
            let base = self.spec.schedule.shortest_gap();
            let pace = Pace { base, cap: policy.backoff_cap };
            self.backoff = self.backoff.failed(&pace, &self.spec.name, flight.due);
        }
    }

    /// What a poll that ended does to this host. While `frozen`, its health stays as it is. What the
    /// answer is worth beside the fleet's comes along: how far off its clock is, and the flaw that
    /// another host gives it, too.
    pub(super) fn settle(
        &mut self,
        flight: &Flight,
        mut attempt: Attempt,
        (skew, claim): (Option<Skew>, Option<Flaw>),
        policy: &Policy,
        now: WallMs,
        frozen: bool,
    ) -> Settled {
        let rates = measure(&mut attempt, self.previous.as_deref(), &mut self.newcomers);
        let mut flaws = attempt
            .snapshot
            .as_deref()
            .map(|snapshot| health::flaws(snapshot, attempt.outcome, skew, policy))
            .unwrap_or_default();
        flaws.extend(claim);
        let input = Input::Poll {
            outcome: attempt.outcome,
            flaws: &flaws,
            error: attempt.error.as_deref(),
        };
        if attempt.outcome.has_values()
            && (!flaws.is_empty() || attempt.outcome == Outcome::Partial)
        {
            let words = health::flawed(&flaws, attempt.error.as_deref());
            if self.flaws.as_deref() != Some(&words) {
                self.flaws = Some(words.into());
            }
        }
        let flapped = self.health.flapping.is_on();
        let mut transition = None;
        if !frozen {
            let (health, mut change) = health::step(&self.health, input, policy, now);
            self.health = health;
            if let (Some(parent), Some(change)) = (&self.parent, &mut change) {
                parent.answers_for(change);
            }
            let slot = Some(flight.slot);
            transition = change.map(|change| self.transition(change, slot, now));
        }
        let flaps = self.health.flapping.is_on();
        let flapping = (flaps != flapped).then(|| self.flap(flaps, flight.slot, now));
        self.back_off(flight, attempt.outcome, policy);

        let health = self.health;
        let record = record(flight, &attempt, rates, health.state);
        let mut facts = None;
        let unread = attempt.snapshot.as_deref().map(unread);
        if let Some(mut snapshot) = attempt.snapshot {
            if snapshot.facts.machine_id.is_none() {
                // An answer without one does not undo the pin; the store says the same.
                snapshot.facts.machine_id.clone_from(&self.facts.machine_id);
            }
            if snapshot.facts != *self.facts {
                self.facts = Arc::new(snapshot.facts.clone());
                facts = Some(snapshot.facts.clone());
            }
            let snapshot = Arc::<Snapshot>::from(snapshot);
            if record.outcome.has_values() {
                let shown = self.answer.take();
                let held = shown.and_then(|shown| rates::held(&shown, &snapshot));
                self.answer = Some(held.map_or_else(|| Arc::clone(&snapshot), Arc::from));
            }
            self.previous = Some(snapshot);
        }
        self.gathered.add(&record);
        let record = Arc::new(record);
        self.remember(&record, unread);
        Settled { record, transition, flapping, facts }
    }

    /// Applies an input that is no poll: paused, resumed, retired, added.
    pub(super) fn decide(
        &mut self,
        input: Input<'_>,
        policy: &Policy,
        now: WallMs,
    ) -> Option<Transition> {
        let (health, change) = health::step(&self.health, input, policy, now);
        self.health = health;
        change.map(|change| self.transition(change, None, now))
    }

    /// Forgets the machine: its facts, and its counters, which another machine's are not compared
    /// with.
    pub(super) fn accept(&mut self, policy: &Policy, now: WallMs) -> Option<Transition> {
        self.facts = Arc::default();
        self.previous = None;
        self.answer = None;
        self.decide(Input::Accept, policy, now)
    }

    /// How long its probe's certificate was valid yet at its last answer, seconds; none without one.
    pub(super) fn certificate_left_s(&self) -> Option<f64> {
        self.previous.as_deref()?.certificate_left_s()
    }

    /// Until when it is left alone; none when it is not.
    pub(super) fn asked_again(&self, now: Now) -> Option<WallMs> {
        let until = self.backoff.until().filter(|until| *until > now.mono)?;
        Some(now.wall.plus(until.since(now.mono)))
    }

    /// The row that says that it began or ended flapping.
    fn flap(&self, on: bool, slot: WallMs, at: WallMs) -> Transition {
        let cause = if on { Cause::Flapping } else { Cause::Settled };
        let (state, reason) = (self.health.state, self.health.flapping.to_string());
        let change = StateChange { from: state, to: state, cause, outcome: None, reason };
        self.transition(change, Some(slot), at)
    }

    fn transition(&self, change: StateChange, slot: Option<WallMs>, at: WallMs) -> Transition {
        Transition {
            host: self.id,
            name: self.spec.name.clone(),
            at,
            slot,
            from: change.from,
            to: change.to,
            cause: change.cause,
            outcome: change.outcome,
            reason: change.reason.into(),
        }
    }

    fn remember(&mut self, record: &Arc<Record>, unread: Option<Box<[(Family, Status)]>>) {
        self.recent.push(AttemptSummary { unread, ..AttemptSummary::from(&**record) });
        if record.outcome.has_values() {
            self.last_good = Some(Arc::clone(record));
        }
        self.last = Some(Arc::clone(record));
        // A slot that was overrun is not the poll that they wait for: that one is under way.
        if record.outcome != Outcome::Overrun {
            for asked in self.waiting.drain(..) {
                // Whoever asked may have gone away.
                let _ = asked.send(Arc::clone(record));
            }
        }
    }
}

/// The families of an answer that could not be read in full.
fn unread(snapshot: &Snapshot) -> Box<[(Family, Status)]> {
    let faulty = snapshot.reports.iter().filter(|report| report.status.is_fault());
    faulty.map(|report| (report.family, report.status)).collect()
}

/// The row of a poll, of a host that may be gone from the inventory by now.
pub(super) fn record(
    flight: &Flight,
    attempt: &Attempt,
    rates: Option<Rates>,
    state: State,
) -> Record {
    let snapshot = attempt.snapshot.as_deref().filter(|_| rates.is_some());
    let elapsed_ns = rates.as_ref().and_then(|rates| rates.elapsed_ns);
    let (values, detail) = rates.map(|rates| (rates.values, rates.detail)).unzip();
    Record {
        host: flight.host,
        name: flight.name.clone(),
        slot: flight.slot,
        started: attempt.started.wall,
        inventory: flight.version,
        outcome: attempt.outcome,
        state,
        timings: Timings {
            late_us: Micros::from(attempt.started.mono.since(flight.due)),
            ..attempt.timings
        },
        answer_bytes: attempt.answer_bytes,
        address: attempt.address.clone(),
        error: attempt.error.clone(),
        boot_id: snapshot.and_then(|s| s.facts.boot_id.clone()),
        clock_skew_ms: attempt.clock_skew_ms,
        elapsed_ns,
        values,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{inventory, live::RECENT_ATTEMPTS, rates::machine};

    fn entry() -> (HostEntry, Now) {
        let inventory = inventory::parse("test", "[[host]]\nname = \"a\"\n").unwrap();
        let spec = inventory.hosts.into_values().next().unwrap();
        let now = Now::default();
        (HostEntry::new(HostId(1), spec, Health::new(now.wall), Facts::default(), None), now)
    }

    fn settle(entry: &mut HostEntry, attempt: Attempt, now: Now) {
        let slot = entry.claims.asked(now.wall, |_| false);
        let flight = Flight {
            host: HostId(1),
            name: entry.spec.name.clone(),
            slot,
            due: now.mono,
            version: VersionId(1),
            asked: false,
        };
        entry.settle(&flight, attempt, (None, None), &Policy::default(), now.wall, false);
    }

    #[test]
    fn of_the_attempts_only_the_last_are_kept() {
        let (mut entry, now) = entry();
        for _ in 0..RECENT_ATTEMPTS + 5 {
            settle(&mut entry, Attempt::without_answer(Outcome::Refused, "refused", now), now);
        }
        let recent = entry.view(&Policy::default(), None, None, now).recent.list();
        let slots: Vec<i64> = recent.iter().map(|attempt| attempt.slot.0).collect();
        assert_eq!(slots, (5..=24).collect::<Vec<i64>>());
        assert_eq!(recent[19].state, State::Down);
    }

    /// What is shown of an answer is the memory that rates are taken from, and outlives a poll that failed.
    #[test]
    fn an_answer_is_shown_without_memory_of_its_own_until_the_next_good_one() {
        let (mut entry, now) = entry();
        let answered = |seconds, idle| {
            let mut snapshot = machine::snapshot("boot", seconds);
            snapshot.cpu[3] = Some(idle);
            let mut attempt = Attempt::without_answer(Outcome::Ok, "", now);
            attempt.snapshot = Some(Box::new(snapshot));
            attempt
        };
        let idle = |entry: &mut HostEntry| {
            let answer = entry.view(&Policy::default(), None, None, now).answer;
            answer.and_then(|answer| answer.cpu[3])
        };
        let is_shared = |entry: &HostEntry| {
            let both = entry.answer.as_ref().zip(entry.previous.as_ref());
            both.is_some_and(|(shown, last)| Arc::ptr_eq(shown, last))
        };
        assert_eq!(idle(&mut entry), None);
        settle(&mut entry, answered(10, 500), now);
        assert_eq!((idle(&mut entry), is_shared(&entry)), (Some(500), true));
        settle(&mut entry, Attempt::without_answer(Outcome::Refused, "refused", now), now);
        assert_eq!((idle(&mut entry), is_shared(&entry)), (Some(500), true));
        // The kernel took some back: it is shown as it stood, and rates are taken of what it says.
        settle(&mut entry, answered(20, 480), now);
        assert_eq!((idle(&mut entry), is_shared(&entry)), (Some(500), false));
        assert_eq!(entry.previous.as_ref().unwrap().cpu[3], Some(480));
        settle(&mut entry, answered(30, 700), now);
        assert_eq!((idle(&mut entry), is_shared(&entry)), (Some(700), true));
        entry.accept(&Policy::default(), now.wall);
        assert_eq!(idle(&mut entry), None);
    }
}
