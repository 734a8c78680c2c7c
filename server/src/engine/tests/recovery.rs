//! A fleet over simulated time, without a network: the poll queue hands out slots, entries decide which
//! of them are polled and what follows, as the engine has them do.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;

use super::super::{
    alarms::subject,
    entry::{Flight, HostEntry},
};
use crate::{
    alert::{self, Budget, Judge, RuleSets},
    health::{Health, Pause, PauseReason, Policy},
    inventory,
    model::{AlarmState, Facts, HostId, Outcome, State, VersionId},
    poll::Attempt,
    schedule::{BATCH, PollQueue},
    units::{Mono, Now, WallMs},
};

const START: Now = Now { wall: WallMs(1_774_747_800_000), mono: Mono(Duration::from_secs(100)) };

fn policy() -> Policy {
    Policy::default()
}

fn attempt(outcome: Outcome, now: Now) -> Attempt {
    Attempt::without_answer(outcome, "as the test has it", now)
}

struct Fleet {
    now: Now,
    poll_queue: PollQueue,
    hosts: BTreeMap<HostId, HostEntry>,
    ticks: u64,
    /// Attempts by whole second since the start.
    attempts: BTreeMap<u64, usize>,
    /// When each host came up.
    up_at: BTreeMap<HostId, Mono>,
    passed_over: u64,
    /// Of each host that is judged, its alarms, and when each began to fire.
    judges: BTreeMap<HostId, (Judge, Vec<Mono>)>,
}

impl Fleet {
    fn new(hosts: usize, interval: &str, state: State) -> Self {
        let text = format!(
            "[defaults]\ninterval = \"{interval}\"\ntimeout = \"500ms\"\n\
             [[group]]\nname = \"web\"\nhosts = [\"web-[0001-{hosts:04}]\"]\n"
        );
        let inventory = inventory::parse("test", &text).unwrap();
        let mut poll_queue = PollQueue::new();
        let entries = inventory.hosts.values().zip(1..).map(|(spec, number)| {
            let id = HostId(number);
            poll_queue.add(id, &spec.name, &spec.schedule, START);
            let health = Health::known(state, START.wall);
            (id, HostEntry::new(id, spec.clone(), health, Facts::default(), None))
        });
        let hosts = entries.collect();
        let (attempts, up_at) = (BTreeMap::new(), BTreeMap::new());
        let judges = BTreeMap::new();
        Self { now: START, poll_queue, hosts, ticks: 0, attempts, up_at, passed_over: 0, judges }
    }

    fn run(&mut self, length: Duration, outcome: Outcome) {
        for _ in 0..length.as_millis() / BATCH.as_millis() {
            if self.ticks.is_multiple_of(50) {
                self.poll_queue.open(self.now);
            }
            self.ticks += 1;
            for due in self.poll_queue.due(self.now) {
                let Some(entry) = self.hosts.get_mut(&due.host) else { continue };
                if entry.passes_over(due.due) {
                    self.passed_over += 1;
                    continue;
                }
                let flight = Flight {
                    host: due.host,
                    name: entry.spec.name.clone(),
                    slot: due.slot,
                    due: due.due,
                    version: VersionId(1),
                    asked: false,
                };
                let second = self.now.mono.since(START.mono).as_secs();
                *self.attempts.entry(second).or_default() += 1;
                let before = entry.health.state;
                let end = attempt(outcome, self.now);
                let settled =
                    entry.settle(&flight, end, (None, None), &policy(), self.now.wall, false);
                if let Some((judge, fired)) = self.judges.get_mut(&due.host) {
                    let subject = subject(entry, None, false);
                    let budget = &mut Budget::default();
                    let judged = judge.judge(&settled.record, &subject, self.now.wall, budget);
                    let begun = judged.events.iter().filter(|e| e.to == AlarmState::Firing);
                    fired.extend(begun.map(|_| self.now.mono));
                }
                if before != State::Up && entry.health.state == State::Up {
                    self.up_at.insert(due.host, self.now.mono);
                }
            }
            self.now = Now { wall: self.now.wall.plus(BATCH), mono: self.now.mono.plus(BATCH) };
        }
    }

    /// The most attempts in one second of the stretch.
    fn most_per_second(&self, from: u64, to: u64) -> usize {
        self.attempts.range(from..to).map(|(_, count)| *count).max().unwrap_or(0)
    }

    fn all_are(&self, state: State) -> bool {
        self.hosts.values().all(|entry| entry.health.state == state)
    }
}

#[test]
fn a_fleet_that_comes_back_at_once_makes_no_burst_and_is_up_within_the_cap_and_two_slots() {
    let (interval, cap) = (Duration::from_secs(10), policy().backoff_cap);
    let mut fleet = Fleet::new(2_000, "10s", State::Up);
    fleet.run(Duration::from_secs(60), Outcome::Ok);
    let steady = fleet.most_per_second(0, 60);
    fleet.run(Duration::from_secs(300), Outcome::Refused);
    assert!(fleet.all_are(State::Down));
    // Far fewer questions to those that are down: 2,000 at a minute instead of at 10 s.
    let dead: usize = fleet.attempts.range(240..360).map(|(_, count)| *count).sum();
    assert!(dead < 2_000 * 120 / 30, "{dead} attempts in two minutes");
    assert!(fleet.passed_over > 0);

    let back = fleet.now.mono;
    fleet.run(cap + 3 * interval, Outcome::Ok);
    assert!(fleet.all_are(State::Up));
    let last = fleet.up_at.values().map(|up| up.since(back)).max().unwrap();
    assert!(last <= cap + 2 * interval + BATCH, "the last was up after {last:?}");
    let most = fleet.most_per_second(360, 1_000);
    assert!(most <= steady, "{most} polls in one second, {steady} is the steady rate");
}

#[test]
fn the_time_for_which_a_host_is_down_counts_though_it_is_asked_seldom() {
    let (interval, cap) = (Duration::from_secs(2), policy().backoff_cap);
    let mut fleet = Fleet::new(20, "2s", State::Up);
    let rules = "[[alert]]\nname = \"long-down\"\nwhen = 'state == \"down\"'\nfor = \"10m\"\n";
    let mut rules = RuleSets::new(alert::parse("alerts.toml", rules).unwrap().list);
    for (id, entry) in &fleet.hosts {
        let mut judge = Judge::new(*id, Vec::new(), None);
        let (subject, budget) = (subject(entry, None, false), &mut Budget::default());
        judge.install(&mut rules, &subject, START.wall, budget);
        fleet.judges.insert(*id, (judge, Vec::new()));
    }
    fleet.run(Duration::from_secs(60), Outcome::Ok);
    let gone = fleet.now.mono;
    let wait = Duration::from_secs(600);
    fleet.run(wait + 2 * cap, Outcome::Refused);
    for (_, fired) in fleet.judges.values() {
        let [fired] = fired[..] else { panic!("it fires once: {fired:?}") };
        let after = fired.since(gone);
        assert!((wait..=wait + cap + 5 * interval).contains(&after), "{after:?}");
    }
}

#[test]
fn who_is_not_down_is_asked_at_every_slot() {
    let mut fleet = Fleet::new(100, "10s", State::Up);
    fleet.run(Duration::from_secs(100), Outcome::Partial);
    assert_eq!((fleet.passed_over, fleet.attempts.values().sum::<usize>()), (0, 1_000));
}

#[test]
fn a_host_that_is_down_is_asked_for_its_health_until_it_answers() {
    let mut fleet = Fleet::new(1, "10s", State::Down);
    let checked = |fleet: &Fleet| fleet.hosts.values().all(HostEntry::is_checked_first);
    let failing = |fleet: &Fleet| fleet.hosts.values().all(HostEntry::is_failing);
    fleet.run(Duration::from_secs(20), Outcome::Deadline);
    assert!(checked(&fleet) && failing(&fleet));
    // Once is one short of `rise`: polled in full from here on, at its own pace.
    let entry = fleet.hosts.values_mut().next().unwrap();
    let flight = Flight {
        host: entry.id,
        name: entry.spec.name.clone(),
        slot: fleet.now.wall,
        due: fleet.now.mono,
        version: VersionId(1),
        asked: false,
    };
    entry.settle(
        &flight,
        attempt(Outcome::Ok, fleet.now),
        (None, None),
        &policy(),
        fleet.now.wall,
        false,
    );
    assert!(!entry.is_checked_first() && !entry.passes_over(fleet.now.mono));
    assert_eq!(entry.health.state, State::Down);
}

fn outcomes() -> impl Strategy<Value = Vec<Outcome>> {
    prop::collection::vec(prop::sample::select(Outcome::ALL), 0..60)
}

proptest! {
    /// While the server is cut off, nothing that a poll says moves or counts.
    #[test]
    fn health_is_frozen_while_isolated(
        before in outcomes(), during in outcomes(), window in any::<bool>(),
    ) {
        let mut fleet = Fleet::new(1, "10s", State::Pending);
        let entry = fleet.hosts.values_mut().next().unwrap();
        if window {
            let pause = Pause { since: WallMs(0), until: None, reason: "".into() };
            entry.set_pause_reason(Some(PauseReason::Asked(pause)), &policy(), START.wall);
        }
        let mut now = START;
        let mut settle = |entry: &mut HostEntry, outcome: Outcome, frozen| {
            now = Now { wall: WallMs(now.wall.0 + 10_000), mono: now.mono };
            let flight = Flight {
                host: entry.id,
                name: entry.spec.name.clone(),
                slot: now.wall,
                due: now.mono,
                version: VersionId(1),
                asked: false,
            };
            entry.settle(&flight, attempt(outcome, now), (None, None), &policy(), now.wall, frozen)
        };
        for outcome in before {
            settle(entry, outcome, false);
            prop_assert!(!window || entry.health.state == State::Paused);
        }
        let frozen = entry.health;
        for outcome in during {
            let settled = settle(entry, outcome, true);
            prop_assert!(settled.transition.is_none() && settled.flapping.is_none());
            prop_assert_eq!(settled.record.state, frozen.state);
            prop_assert_eq!(settled.record.outcome, outcome);
            prop_assert_eq!(entry.health, frozen);
        }
    }
}
