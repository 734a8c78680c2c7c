//! One rule on one host over polls that were kept: judged as they were judged when they were made, as far
//! as what that takes is kept.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{
    judge::Judge,
    rule::Rule,
    rule_set::RuleSets,
    seen::{Budget, Judged, Subject},
};
use crate::{
    model::{Cause, GroupName, HostId, HostName, Labels, Record, State, Transition},
    schedule::Pace,
    units::WallMs,
};

/// How many of the last gaps between polls say what the interval is.
const GAPS: usize = 9;

/// What is known of a host today.
#[derive(Debug, Clone, Copy)]
pub struct TrialHost<'a> {
    /// Its number.
    pub id: HostId,
    /// Its name.
    pub name: &'a HostName,
    /// Its group.
    pub group: Option<&'a GroupName>,
    /// Its labels.
    pub labels: &'a Labels,
    /// The version of its probe.
    pub probe_version: Option<&'a str>,
    /// The longest time that it is left alone while it is down.
    pub backoff_cap: Duration,
}

/// A rule that is judged on a host's polls, oldest first. At the first one nothing is known.
#[derive(Debug)]
pub struct Trial<'a> {
    host: TrialHost<'a>,
    judge: Judge,
    budget: Budget,
    cause: Option<Cause>,
    is_flapping: bool,
    is_isolated: bool,
    gaps: VecDeque<Duration>,
    last: Option<(WallMs, bool)>,
    /// Failed polls in a row of the host while it is down.
    failed: u32,
}

impl<'a> Trial<'a> {
    /// That of a rule on a host; no change comes of it when the rule is not for this host.
    #[must_use]
    pub fn new(rule: &Arc<Rule>, host: TrialHost<'a>) -> Self {
        let judge = Judge::new(host.id, Vec::new(), None);
        let mut new = Self {
            host,
            judge,
            budget: Budget::default(),
            cause: None,
            is_flapping: false,
            is_isolated: false,
            gaps: VecDeque::with_capacity(GAPS),
            last: None,
            failed: 0,
        };
        let subject = new.subject(Duration::ZERO, false);
        // Without alarms nothing ends here.
        let mut rules = RuleSets::new([Arc::clone(rule)].into());
        let _ = new.judge.install(&mut rules, &subject, WallMs(0), &mut new.budget);
        new
    }

    fn subject(&self, interval: Duration, is_frozen: bool) -> Subject<'a> {
        let TrialHost { name, group, labels, probe_version, .. } = self.host;
        Subject {
            name,
            group,
            labels,
            interval,
            cause: self.cause,
            is_flapping: self.is_flapping,
            // It is not kept.
            certificate_left_s: None,
            probe_version,
            server_version: env!("CARGO_PKG_VERSION"),
            is_frozen,
        }
    }

    /// Takes in a row of `event`: of the host, before the poll that caused it is judged; or of the server.
    pub fn moved(&mut self, row: &Transition) {
        match row.cause {
            Cause::Isolated => self.is_isolated = true,
            Cause::Connected => self.is_isolated = false,
            _ if row.host == HostId::SERVER => {}
            Cause::Flapping => self.is_flapping = true,
            Cause::Settled => self.is_flapping = false,
            // As it was judged: what no poll caused changes the cause with the next poll that does.
            cause if row.slot.is_some() => self.cause = Some(cause),
            _ => {}
        }
    }

    /// Judges a poll.
    pub fn poll(&mut self, record: &Record) -> Judged {
        let interval = self.interval(record);
        let left_alone = matches!(record.state, State::Paused | State::Retired);
        let subject = self.subject(interval, left_alone || self.is_isolated);
        self.judge.judge(record, &subject, record.started, &mut self.budget)
    }

    /// The host leaves the inventory.
    pub fn retire(&mut self, at: WallMs) -> Judged {
        self.judge.retire(self.host.name, at, &mut self.budget)
    }

    /// The time from poll to poll: the inventory of then is not read, so it is what the last gaps between
    /// polls with values mostly are. A host that is down is left alone for longer, as long as its name and
    /// its failed polls say.
    fn interval(&mut self, record: &Record) -> Duration {
        let has_values = record.values.is_some();
        let failed = match record.state == State::Down && !has_values {
            true => self.failed.saturating_add(1),
            false => 0,
        };
        let failed = std::mem::replace(&mut self.failed, failed);
        let Some((last, had_values)) = self.last.replace((record.slot, has_values)) else {
            return Duration::ZERO;
        };
        let gap = record.slot.since(last);
        if has_values && had_values && !gap.is_zero() {
            if self.gaps.len() == GAPS {
                self.gaps.pop_front();
            }
            self.gaps.push_back(gap);
        }
        let mut sorted: Vec<Duration> = self.gaps.iter().copied().collect();
        sorted.sort_unstable();
        let base = sorted.get(sorted.len() / 2).copied().unwrap_or(gap);
        let pace = Pace { base, cap: self.host.backoff_cap };
        if failed > 0 { base.max(pace.wait(self.host.name, failed)) } else { base }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alert::{
            judge::tests::{failed, record},
            parse,
        },
        model::{AlarmState, Column, Values},
    };

    fn rule(text: &str) -> Arc<Rule> {
        let text = format!("[[alert]]\nname = \"tried\"\n{text}\n");
        let rules = parse("alerts.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        Arc::clone(&rules.list[0])
    }

    fn busy(slot_s: i64, pct: f64) -> Record {
        let mut values = Values::default();
        values.set(Column::CpuBusyPct, pct);
        Record { values: Some(values), ..record(slot_s) }
    }

    struct Bench {
        name: HostName,
        labels: Labels,
    }

    impl Bench {
        fn new() -> Self {
            Self { name: HostName::new("db-1").unwrap(), labels: Labels::new() }
        }

        fn trial(&self, text: &str) -> Trial<'_> {
            let Self { name, labels } = self;
            let id = HostId(1);
            let host = TrialHost {
                id,
                name,
                group: None,
                labels,
                probe_version: None,
                backoff_cap: Duration::from_secs(60),
            };
            Trial::new(&rule(text), host)
        }
    }

    fn row(host: HostId, slot_s: Option<i64>, cause: Cause) -> Transition {
        Transition {
            host,
            name: HostName::new("db-1").unwrap(),
            at: WallMs(0),
            slot: slot_s.map(|slot| WallMs(slot * 1_000)),
            from: State::Up,
            to: State::Up,
            cause,
            outcome: None,
            reason: "".into(),
        }
    }

    /// The states that the polls lead to, each with its slot in seconds.
    fn told(trial: &mut Trial<'_>, polls: &[Record]) -> Vec<(i64, AlarmState)> {
        let events = polls.iter().flat_map(|poll| trial.poll(poll).events);
        events.map(|event| (event.slot.0 / 1_000, event.to)).collect()
    }

    #[test]
    fn time_off_is_told_by_how_far_polls_are_mostly_apart() {
        let bench = Bench::new();
        let mut trial = bench.trial("when = \"cpu_busy_pct > 90\"\nfor = \"60s\"");
        // Every ten seconds; then nothing for a minute, which does not count; then on.
        let slots = [0, 10, 20, 30, 90, 100, 110, 120, 130];
        let polls = slots.map(|slot| busy(slot, if slot < 20 { 5.0 } else { 95.0 }));
        assert_eq!(told(&mut trial, &polls), []);
        assert_eq!(told(&mut trial, &[busy(140, 95.0)]), [(140, AlarmState::Firing)]);
    }

    #[test]
    fn another_interval_is_taken_up() {
        let bench = Bench::new();
        let mut trial = bench.trial("when = \"cpu_busy_pct > 90\"\nfor = \"10m\"");
        let every_ten = (0..20).map(|turn| busy(turn * 10, 5.0));
        let every_minute = (0..30).map(|turn| busy(200 + turn * 60, 95.0));
        let polls: Vec<Record> = every_ten.chain(every_minute).collect();
        // The first five gaps are time off; with the sixth the interval is a minute.
        let firing = told(&mut trial, &polls);
        assert_eq!(firing, [(200 + 4 * 60 + 10 * 60, AlarmState::Firing)]);
    }

    #[test]
    fn the_time_for_which_a_host_is_down_counts_though_it_is_asked_seldom() {
        let bench = Bench::new();
        let mut trial = bench.trial("when = 'state == \"down\"'\nfor = \"10m\"");
        let up: Vec<Record> = (0..9).map(|turn| busy(turn * 10, 5.0)).collect();
        assert_eq!(told(&mut trial, &up), []);
        let pace = Pace { base: Duration::from_secs(10), cap: Duration::from_secs(60) };
        let (mut slot, mut slots) = (90, Vec::new());
        for failed in 1..40 {
            slots.push(slot);
            // The next slot of the grid after the wait.
            slot += i64::try_from(pace.wait(&bench.name, failed).as_secs() / 10 * 10 + 10).unwrap();
        }
        let down: Vec<Record> = slots.iter().map(|slot| failed(*slot, State::Down)).collect();
        let first = slots.iter().copied().find(|slot| *slot >= 90 + 600).unwrap();
        assert_eq!(told(&mut trial, &down), [(first, AlarmState::Firing)]);
    }

    #[test]
    fn what_was_left_alone_is_not_judged() {
        let bench = Bench::new();
        let firing = [(30, AlarmState::Firing)];
        let polls = |state| {
            let at = |slot| Record {
                state: if slot < 30 { state } else { State::Up },
                ..busy(slot, 99.0)
            };
            [0, 10, 20, 30].map(at)
        };
        for state in [State::Paused, State::Retired] {
            let mut trial = bench.trial("when = \"cpu_busy_pct > 90\"");
            assert_eq!(told(&mut trial, &polls(state)), firing, "{state}");
        }
        let mut trial = bench.trial("when = \"cpu_busy_pct > 90\"");
        trial.moved(&row(HostId::SERVER, None, Cause::Isolated));
        assert_eq!(told(&mut trial, &polls(State::Up)[..3]), []);
        trial.moved(&row(HostId::SERVER, None, Cause::Connected));
        assert_eq!(told(&mut trial, &polls(State::Up)[3..]), firing);
    }

    #[test]
    fn words_are_those_of_the_rows_of_then() {
        let bench = Bench::new();
        let down = |slot| failed(slot, State::Down);
        let mut trial = bench.trial("when = 'state == \"down\" and cause == \"poll_failed\"'");
        trial.moved(&row(HostId(1), None, Cause::Added));
        assert_eq!(told(&mut trial, &[down(0)]), []);
        trial.moved(&row(HostId(1), Some(10), Cause::PollFailed));
        assert_eq!(told(&mut trial, &[down(10)]), [(10, AlarmState::Firing)]);
        let mut trial = bench.trial("when = \"flapping\"");
        trial.moved(&row(HostId(1), Some(10), Cause::Flapping));
        assert_eq!(told(&mut trial, &[busy(10, 1.0)]), [(10, AlarmState::Firing)]);
        trial.moved(&row(HostId(1), Some(20), Cause::Settled));
        assert_eq!(told(&mut trial, &[busy(20, 1.0)]), [(20, AlarmState::Ok)]);
    }

    #[test]
    fn a_host_that_is_retired_ends_its_alarm() {
        let bench = Bench::new();
        let mut trial = bench.trial("when = \"cpu_busy_pct > 90\"");
        assert_eq!(told(&mut trial, &[busy(10, 95.0)]), [(10, AlarmState::Firing)]);
        let over = trial.retire(WallMs(15_000)).events;
        assert_eq!(
            over.iter().map(|e| (e.slot.0, e.to)).collect::<Vec<_>>(),
            [(15_000, AlarmState::Ok)]
        );
    }
}
