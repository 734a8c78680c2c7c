//! When a rule would have fired: the polls that are kept, judged as they were when they were made, host
//! after host.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::Serialize;

use super::{Query, QueryError, moment::Rfc3339, poll_shape::json_bytes};
use crate::{
    alert::{Measure, Rule, Spell, SpellTotals, Spells, Trial, TrialHost},
    model::{AlarmCause, HostId, Record, Severity, Transition},
    rollup::Tier,
    store::{HostQuery, HostSummary, MAX_PAGE, ReadOrder, SeriesAsk, Span},
    units::WallMs,
};

/// The most polls that are read at once; fewer of large machines.
pub const MAX_STEP_POLLS: usize = 500;

/// The most hosts that are read at once.
pub const MAX_STEP_HOSTS: usize = 100;

/// Bytes that are read at once, reckoned as JSON.
const STEP_BYTES: usize = 4 << 20;

/// How long after its slot a poll has ended and what it changed is a row.
const ENDED_WITHIN: Duration = Duration::from_secs(600);

/// Among so many rows before the span is looked for what held at its begin.
const LOOKED_BACK: usize = 200;

const DAY: Duration = Duration::from_secs(86_400);

/// What is to be judged again.
#[derive(Debug, Clone)]
pub struct BacktestAsk {
    /// By which rule; not one over the server.
    pub rule: Arc<Rule>,
    /// Where that stands; none when it is one of those that come along.
    pub source: Option<String>,
    /// From this slot on.
    pub from: WallMs,
    /// Before this slot.
    pub to: WallMs,
    /// Only polls of this host.
    pub host: Option<String>,
    /// The longest time that a host is left alone while it is down.
    pub backoff_cap: Duration,
}

/// When a rule would have fired.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BacktestShape {
    /// The rule.
    pub rule: Arc<str>,
    /// The file that it stands in; `null` when it is one of those that come along.
    pub source: Option<String>,
    /// First moment of what was asked for.
    pub from: Rfc3339,
    /// First moment after it.
    pub to: Rfc3339,
    /// All alarms in numbers.
    pub totals: BacktestTotals,
    /// By host, then by begin.
    pub alarms: Vec<SpellShape>,
    /// The hosts that the rule is for, by name.
    pub hosts: Vec<BacktestHost>,
}

/// All alarms in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BacktestTotals {
    /// Polls that were judged.
    pub polls: u64,
    /// Alarms that would have fired, listed or not.
    pub alarms: u64,
    /// Hosts that would have had one.
    pub hosts: u64,
    /// Alarms that went on at the last poll of their host.
    pub open: u64,
    /// Alarms of a row that began again within ten minutes after the one before was over.
    pub flaps: u64,
    /// How long all of them lasted, one after the other, milliseconds.
    pub lasted_ms: u64,
}

/// A host that the rule is for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BacktestHost {
    /// Its name.
    pub host: Arc<str>,
    /// How many polls of it were judged.
    pub polls: u64,
    /// The slot of the first; `null` without one.
    pub first: Option<Rfc3339>,
    /// The slot of the last.
    pub last: Option<Rfc3339>,
    /// Before the first there were polls of which only hours in short are kept: those were not judged.
    pub only_hours_before: bool,
}

/// An alarm that would have fired.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpellShape {
    /// Whose.
    pub host: Arc<str>,
    /// The row; empty for the host as a whole.
    pub row: Arc<str>,
    /// The slot of the poll with which it would have fired.
    pub begin: Rfc3339,
    /// The same, milliseconds since 1970.
    pub begin_ms: WallMs,
    /// The slot of the poll with which it would have been over; `null`: it went on at the last poll.
    pub end: Option<Rfc3339>,
    /// The same, milliseconds since 1970.
    pub end_ms: Option<WallMs>,
    /// Why it would have been over.
    pub end_cause: Option<AlarmCause>,
    /// How long it lasted: to its end, or to the last poll.
    pub lasted_ms: u64,
    /// How much it mattered at its worst.
    pub severity: Severity,
    /// The first value that the rule compares, when it fired; `null` is unknown.
    pub value: Option<f64>,
    /// The value's unit; `null` for a plain number.
    pub unit: Option<&'static str>,
    /// What would have been said.
    pub summary: Arc<str>,
}

fn ms(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

impl SpellShape {
    fn new(spell: Spell, unit: Option<&'static str>) -> Self {
        let (end, end_cause) = spell.end.unzip();
        Self {
            host: spell.host.as_str().into(),
            row: spell.row,
            begin: Rfc3339(spell.begin),
            begin_ms: spell.begin,
            end: end.map(Rfc3339),
            end_ms: end,
            end_cause,
            lasted_ms: ms(spell.lasted),
            severity: spell.severity,
            value: spell.value,
            unit,
            summary: spell.summary,
        }
    }
}

/// Rows of `event` by what they are known by, oldest first.
type Moves = BTreeMap<WallMs, Vec<Transition>>;

impl Query {
    /// Judges the kept polls of every host that a rule is for, and tells after each step how many hosts and
    /// polls are done. Memory does not grow with the span: polls are read in steps of
    /// [`MAX_STEP_POLLS`], and alarms are listed up to [`MAX_SPELLS`](crate::alert::MAX_SPELLS).
    ///
    /// What is not kept is as it is now: groups, labels, the version of the probe.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn backtest(
        &self,
        ask: &BacktestAsk,
        mut progress: impl FnMut(usize, u64),
    ) -> Result<BacktestShape, QueryError> {
        let (mut spells, mut hosts, mut polls) = (Spells::default(), Vec::new(), 0);
        let mut next = HostQuery { limit: MAX_STEP_HOSTS, ..HostQuery::all() };
        loop {
            let some = match &ask.host {
                Some(name) => vec![self.kept_host(name).await?],
                None => self.store.hosts(next.clone()).await?,
            };
            for host in &some {
                if !ask.rule.hosts.matches(&host.name, host.group.as_ref(), &host.labels) {
                    continue;
                }
                let told = |of: u64| progress(hosts.len(), polls + of);
                let tried = self.backtest_host(ask, host, &mut spells, told).await?;
                polls += tried.polls;
                hosts.push(tried);
            }
            match some.last().filter(|_| ask.host.is_none() && some.len() == MAX_STEP_HOSTS) {
                Some(last) => next.after = Some(last.name.clone()),
                None => break,
            }
        }
        let (list, SpellTotals { alarms, hosts: having, open, flaps, lasted }) =
            spells.into_parts();
        let unit = ask.rule.when.value.as_ref().and_then(Measure::unit);
        Ok(BacktestShape {
            rule: Arc::clone(&ask.rule.name),
            source: ask.source.clone(),
            from: Rfc3339(ask.from),
            to: Rfc3339(ask.to),
            totals: BacktestTotals {
                polls,
                alarms,
                hosts: having,
                open,
                flaps,
                lasted_ms: ms(lasted),
            },
            alarms: list.into_iter().map(|spell| SpellShape::new(spell, unit)).collect(),
            hosts,
        })
    }

    async fn backtest_host(
        &self,
        ask: &BacktestAsk,
        host: &HostSummary,
        spells: &mut Spells,
        mut told: impl FnMut(u64),
    ) -> Result<BacktestHost, QueryError> {
        let of = TrialHost {
            id: host.id,
            name: &host.name,
            group: host.group.as_ref(),
            labels: &host.labels,
            probe_version: host.facts.probe_version.as_deref(),
            backoff_cap: ask.backoff_cap,
        };
        let mut trial = Trial::new(&ask.rule, of);
        self.look_back(host.id, ask.from, &mut trial).await?;
        let (mut polls, mut first, mut last) = (0, None, None);
        let (mut from, mut step, mut own_from) = (ask.from, 1, ask.from);
        loop {
            let span = Span { from, to: ask.to };
            let read = self.store.polls(host.id, span, ReadOrder::OldestFirst, step).await?;
            let (Some(oldest), Some(newest)) = (read.first(), read.last()) else { break };
            let is_last = read.len() < step;
            let moves = self.moves(host.id, oldest.slot, newest.slot.plus(ENDED_WITHIN)).await?;
            let until = newest.started.plus(Duration::from_millis(1));
            let mut own = self.moves(HostId::SERVER, own_from, until).await?;
            own_from = own_from.max(until);
            for record in &read {
                let later = own.split_off(&record.started.plus(Duration::from_millis(1)));
                let before = std::mem::replace(&mut own, later);
                let of_poll = moves.get(&record.slot).into_iter().flatten();
                before.values().flatten().chain(of_poll).for_each(|row| trial.moved(row));
                spells.take(&host.name, &trial.poll(record).events);
            }
            polls += u64::try_from(read.len()).unwrap_or(u64::MAX);
            (first, last) = (first.or(Some(oldest.slot)), Some(newest.slot));
            told(polls);
            if is_last {
                break;
            }
            from = newest.slot.plus(Duration::from_millis(1));
            step = next_step(&read);
        }
        if let (Some(last), Some(at)) = (last, host.retired_at)
            && (last..ask.to).contains(&at)
        {
            spells.take(&host.name, &trial.retire(at).events);
        }
        spells.end_host(last.unwrap_or(ask.from));
        let only_hours_before = self.has_hours(host.id, ask.from, first.unwrap_or(ask.to)).await?;
        Ok(BacktestHost {
            host: host.name.as_str().into(),
            polls,
            first: first.map(Rfc3339),
            last: last.map(Rfc3339),
            only_hours_before,
        })
    }

    /// What held at the begin of a span: the cause, whether the host flapped, whether the server was cut off.
    async fn look_back(
        &self,
        host: HostId,
        from: WallMs,
        trial: &mut Trial<'_>,
    ) -> Result<(), QueryError> {
        let before = Span { from: Span::ALL.from, to: from };
        for host in [host, HostId::SERVER] {
            let newest = ReadOrder::NewestFirst;
            let rows = self.store.transitions(host, before, newest, LOOKED_BACK).await?;
            rows.iter().rev().for_each(|row| trial.moved(row));
        }
        Ok(())
    }

    /// What changed in a span; there are no more changes than polls in a step, and a few.
    async fn moves(&self, host: HostId, from: WallMs, to: WallMs) -> Result<Moves, QueryError> {
        let (span, oldest) = (Span { from, to }, ReadOrder::OldestFirst);
        let mut moves = Moves::new();
        for row in self.store.transitions(host, span, oldest, MAX_PAGE).await? {
            moves.entry(row.of_moment()).or_default().push(row);
        }
        Ok(moves)
    }

    /// Whether there were polls in a span of which only hours in short are kept.
    async fn has_hours(&self, host: HostId, from: WallMs, to: WallMs) -> Result<bool, QueryError> {
        let span = Span { from, to: to.minus(Duration::from_secs(3_600)) };
        if span.is_empty() {
            return Ok(false);
        }
        let ask = SeriesAsk { host, columns: Arc::default(), span, step: DAY, tier: Tier::Hours };
        let hours = self.store.series(ask).await?;
        Ok(hours.iter().any(|bucket| bucket.polls > 0))
    }
}

/// How many polls are read next, by how large the largest of these is.
fn next_step(read: &[Record]) -> usize {
    let largest = read.iter().step_by(50).map(json_bytes).max().unwrap_or(1);
    (STEP_BYTES / largest.max(1)).clamp(2, MAX_STEP_POLLS)
}
