//! Containers: a row for each name. Several of one name are one row: what each did is summed up, of
//! stalls and of the nearness to a limit the worst counts. Those that are not sent in full are a row of
//! their own.
//!
//! Rates are of one group, told by its id: a container that was started again has none until it was seen
//! twice, whatever it is called. One that fell back is taken for another, as in `tables`.

use std::{collections::HashMap, sync::Arc};

use super::{Since, cpu, real, space::larger};
use crate::model::{
    CONTAINER_COUNTERS, CONTAINER_GAUGES, Container, ContainerColumn, Containers, Row, RowLabels,
    Snapshot, Values,
};

/// The row of all that are not sent in full. No engine takes a bracket for a name.
const OTHERS: &str = "(other)";
/// Microseconds per second into percent.
const US: f64 = 1e-4;

/// How several of one name are one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Together {
    Sum,
    Most,
}

/// The columns of the counters, what a rate per second of each is multiplied by, and how several are one.
const COUNTERS: [(ContainerColumn, f64, Together); CONTAINER_COUNTERS] = {
    use ContainerColumn as C;
    use Together::{Most, Sum};
    [
        (C::CpuPct, US, Sum),
        (C::CpuUserPct, US, Sum),
        (C::CpuSystemPct, US, Sum),
        (C::ThrottledPct, US, Sum),
        (C::ThrottlesPerS, 1.0, Sum),
        (C::MemoryHighPerS, 1.0, Sum),
        (C::MemoryMaxPerS, 1.0, Sum),
        (C::OomsPerS, 1.0, Sum),
        (C::OomKillsPerS, 1.0, Sum),
        (C::ReadBytesPerS, 1.0, Sum),
        (C::WrittenBytesPerS, 1.0, Sum),
        (C::ReadsPerS, 1.0, Sum),
        (C::WritesPerS, 1.0, Sum),
        (C::PressureCpuSomePct, US, Most),
        (C::PressureCpuFullPct, US, Most),
        (C::PressureMemorySomePct, US, Most),
        (C::PressureMemoryFullPct, US, Most),
        (C::PressureIoSomePct, US, Most),
        (C::PressureIoFullPct, US, Most),
    ]
};

/// The columns of the gauges, and whether a sum over some without it says nothing: a limit.
const GAUGES: [(ContainerColumn, bool); CONTAINER_GAUGES] = [
    (ContainerColumn::MemoryBytes, false),
    (ContainerColumn::WorkingSetBytes, false),
    (ContainerColumn::AnonBytes, false),
    (ContainerColumn::SwapBytes, false),
    (ContainerColumn::MemoryLimitBytes, true),
    (ContainerColumn::Pids, false),
    (ContainerColumn::PidsLimit, true),
];
const CPU: usize = 0;
const MEMORY: usize = 0;
const WORKING_SET: usize = 1;
const LIMIT: usize = 4;

/// What is being summed up for one name.
struct OfName<'a> {
    /// That of them with the most memory.
    largest: &'a Container,
    containers: u32,
    counters: [Option<f64>; CONTAINER_COUNTERS],
    gauges: [Option<u64>; CONTAINER_GAUGES],
    /// The gauges that one of them lacks.
    lacking: [bool; CONTAINER_GAUGES],
    used: Option<f64>,
}

/// A row for each name, in their order, and one for those that are not sent in full.
pub(super) fn rows(since: Option<Since<'_>>, current: &Snapshot) -> Vec<Row<ContainerColumn>> {
    let all = &current.containers;
    let before = since.map(|since| Before::of(&since.snapshot.containers));
    let mut places: HashMap<&str, usize> = HashMap::with_capacity(all.top.len());
    let mut gathered: Vec<OfName<'_>> = Vec::with_capacity(all.top.len());
    for container in &all.top {
        let place = *places.entry(&container.name).or_insert(gathered.len());
        if place == gathered.len() {
            gathered.push(OfName::new(container));
        }
        let rates = since.zip(before.as_ref());
        let rates = rates.map(|(since, before)| rates_of(since, before, current, container));
        gathered[place].add(container, &rates.unwrap_or([None; CONTAINER_COUNTERS]));
    }
    gathered.sort_unstable_by(|a, b| a.largest.name.cmp(&b.largest.name));
    let mut rows: Vec<_> = gathered.into_iter().map(OfName::row).collect();
    rows.extend(others(since.zip(before.as_ref()), current));
    rows
}

/// The containers of the snapshot before, by their ids.
struct Before<'a> {
    top: HashMap<u64, &'a Container>,
    /// CPU time of all.
    cpu: HashMap<u64, Option<u64>>,
}

impl<'a> Before<'a> {
    fn of(all: &'a Containers) -> Self {
        let top: HashMap<_, _> = all.top.iter().map(|one| (one.id, one)).collect();
        let of_top = all.top.iter().map(|one| (one.id, one.counters[CPU]));
        let of_others = all.others.iter().map(|(id, cpu_us, _)| (*id, Some(*cpu_us)));
        Self { top, cpu: of_top.chain(of_others).collect() }
    }
}

/// What each counter of a container grew by per second, in the units of its column.
fn rates_of(
    since: Since<'_>,
    before: &Before<'_>,
    current: &Snapshot,
    now: &Container,
) -> [Option<f64>; CONTAINER_COUNTERS] {
    let mut rates = [None; CONTAINER_COUNTERS];
    let Some(then) = before.top.get(&now.id) else {
        rates[CPU] = cpu_pct(since, before, current, now.id, now.counters[CPU]);
        return rates;
    };
    let both = || then.counters.iter().zip(&now.counters);
    if both().any(|(then, now)| then.zip(*now).is_some_and(|(then, now)| now < then)) {
        return rates;
    }
    for (((then, now), (_, scale, together)), rate) in both().zip(COUNTERS).zip(&mut rates) {
        let grown = now.zip(*then).map(|(now, then)| now - then);
        let of_time = grown.map(|grown| since.per_second(grown) * scale);
        // Stalls are brought up to date when they are read, after the clock was.
        *rate =
            if together == Together::Most { of_time.map(|pct| pct.min(100.0)) } else { of_time };
    }
    for part in &mut rates[CPU..=CPU + 2] {
        *part = part.filter(|pct| is_possible(since, current, *pct));
    }
    rates
}

/// CPU time since the poll before, which is known of every container, in percent of a core.
fn cpu_pct(
    since: Since<'_>,
    before: &Before<'_>,
    current: &Snapshot,
    id: u64,
    now: Option<u64>,
) -> Option<f64> {
    let grown = now?.checked_sub((*before.cpu.get(&id)?)?)?;
    Some(since.per_second(grown) * US).filter(|pct| is_possible(since, current, *pct))
}

/// Whether the host has as much CPU.
fn is_possible(since: Since<'_>, current: &Snapshot, pct: f64) -> bool {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "what is too large is not possible"
    )]
    let ticks = (pct / 100.0 * since.seconds * f64::from(current.ticks_per_second)) as u64;
    cpu::is_possible(since, current, ticks)
}

impl<'a> OfName<'a> {
    fn new(first: &'a Container) -> Self {
        Self {
            largest: first,
            containers: 0,
            counters: [None; CONTAINER_COUNTERS],
            gauges: [None; CONTAINER_GAUGES],
            lacking: [false; CONTAINER_GAUGES],
            used: None,
        }
    }

    fn add(&mut self, one: &'a Container, rates: &[Option<f64>; CONTAINER_COUNTERS]) {
        self.containers += 1;
        if one.gauges[MEMORY] > self.largest.gauges[MEMORY] {
            self.largest = one;
        }
        for ((sum, rate), (_, _, together)) in self.counters.iter_mut().zip(rates).zip(COUNTERS) {
            match together {
                Together::Sum => *sum = rate.map_or(*sum, |rate| Some(sum.unwrap_or(0.0) + rate)),
                Together::Most => *sum = larger(*sum, *rate),
            }
        }
        for ((sum, gauge), lacking) in self.gauges.iter_mut().zip(one.gauges).zip(&mut self.lacking)
        {
            match gauge {
                Some(gauge) => *sum = Some(sum.unwrap_or(0).saturating_add(gauge)),
                None => *lacking = true,
            }
        }
        let limit = one.gauges[LIMIT].filter(|limit| *limit > 0);
        let used = one.gauges[WORKING_SET].zip(limit);
        self.used = larger(self.used, used.map(|(used, limit)| real(used) / real(limit) * 100.0));
    }

    fn row(self) -> Row<ContainerColumn> {
        let mut values = Values::default();
        values.set(ContainerColumn::Containers, f64::from(self.containers));
        for (rate, (column, ..)) in self.counters.into_iter().zip(COUNTERS) {
            values.set(column, rate);
        }
        for ((gauge, lacking), (column, is_limit)) in
            self.gauges.into_iter().zip(self.lacking).zip(GAUGES)
        {
            values.set(column, gauge.filter(|_| !(is_limit && lacking)).map(real));
        }
        values.set(ContainerColumn::MemoryUsedPct, self.used);
        let of = self.largest;
        // Of several, no id stands for all.
        let id = if self.containers == 1 { of.short_id.clone() } else { "".into() };
        let labels = [of.name.clone(), id, of.image.clone(), of.engine.clone()];
        Row { labels: RowLabels::from_iter(labels), values }
    }
}

/// Those that are not sent in full.
fn others(
    since: Option<(Since<'_>, &Before<'_>)>,
    current: &Snapshot,
) -> Option<Row<ContainerColumn>> {
    let Containers { others, beside, .. } = &current.containers;
    if *beside == 0 {
        return None;
    }
    let used = others.iter().filter_map(|(id, cpu_us, _)| {
        let (since, before) = since?;
        cpu_pct(since, before, current, *id, Some(*cpu_us))
    });
    let mut values = Values::default();
    values.set(ContainerColumn::Containers, real(*beside));
    values.set(ContainerColumn::CpuPct, used.fold(None, |sum, pct| Some(sum.unwrap_or(0.0) + pct)));
    let memory = others.iter().filter_map(|(_, _, memory)| *memory);
    let memory =
        memory.fold(None, |sum: Option<u64>, part| Some(sum.unwrap_or(0).saturating_add(part)));
    values.set(ContainerColumn::MemoryBytes, memory.map(real));
    let none: Arc<str> = "".into();
    let labels = [OTHERS.into(), none.clone(), none.clone(), none];
    Some(Row { labels: RowLabels::from_iter(labels), values })
}
