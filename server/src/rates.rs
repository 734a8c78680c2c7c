//! What changed between two snapshots of one boot, per second and as shares.
//!
//! Pure: no clock, no I/O, no logging. It must not know hosts, polls, states or the wire; it sees
//! two snapshots and the time that the *probe's* boottime clock says lies between them, so it does
//! not matter when, how often or by whom else the probe is asked.
//!
//! **No value** (never 0, never negative, never NaN) where nothing was measured:
//!
//! * there is no earlier snapshot, or it is not provably of the same boot (`since`);
//! * the boottime clock did not advance;
//! * the counter is unknown on either side, or the row was not there before (a device that
//!   vanished and came back counts as new);
//! * the counter went backwards, whether by a reset or a wrap: which of the two cannot be told
//!   from two numbers, so neither is guessed. A row of a table has one origin: when one of its
//!   counters went backwards the device was replaced or reset, and counters that happen to have
//!   grown past their old value prove nothing, so no counter of that row has a value. (CPU lines
//!   have their own rule, see `cpu`; times of disks wrap by contract, see `tables`.)
//!
//! Differences are taken in `u64`; floating point begins after the subtraction, so a counter near
//! its end is as exact as a young one.

mod containers;
mod cpu;
mod physical;
mod space;
mod tables;
mod total;
mod standing;

use crate::model::{
    Column, ColumnSet as _, Counter, Detail, Family, FamilyReport, Process, ProcessColumn, Row,
    Snapshot, Status, Values, host_wide,
};

pub use cpu::held;
pub use standing::{counters_of, find_row, row_total, total};
pub use total::Total;

/// What one poll is worth in columns: the host-wide values and what repeats.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rates {
    /// The time over which rates are taken, on the probe's boottime clock, ns; none where there are none.
    pub elapsed_ns: Option<u64>,
    /// Gauges of the snapshot, gauges derived from it, and rates.
    pub values: Values<Column>,
    /// Rows per core, interface, disk, mount, process and container. A row without an earlier one is listed
    /// with its gauges alone.
    pub detail: Detail,
}

/// What the table of columns says to be computed here, is: the compiler looks for each function.
macro_rules! computed {
    ($($family:ident: $message:ident from $source:literal { $(
        $Column:ident = $name:literal, $kind:ident, $unit:ident, [$($made:tt)*],
            $(since $since:literal,)? $(node $node:literal,)? $doc:literal;
    )* })*) => {
        const _: () = { $($( computed!(@ $($made)*); )*)* };
    };
    (@ $metric:ident in $function:path) => { let _ = $function; };
    (@ $($read:tt)*) => {};
}
host_wide!(computed);

/// The earlier snapshot, once it is certain that rates may be taken over it.
#[derive(Clone, Copy)]
struct Since<'a> {
    snapshot: &'a Snapshot,
    /// Time between the two snapshots on the probe's boottime clock; more than 0.
    seconds: f64,
    ns: u64,
}

impl Since<'_> {
    /// `delta` per second.
    fn per_second(self, delta: u64) -> f64 {
        real(delta) / self.seconds
    }

    /// `delta_ms` of the milliseconds that passed, in percent. The device's clock and the probe's
    /// are read a moment apart, so a busy device shows a little over 100: capped.
    fn percent_of_ms(self, delta_ms: u64) -> f64 {
        (real(delta_ms) / (self.seconds * 1e3) * 100.0).min(100.0)
    }
}

/// Computes every column of `current`; see the module for what has no value.
///
/// `previous` is the last snapshot of the same host, if there is one.
#[must_use]
pub fn rates(previous: Option<&Snapshot>, current: &Snapshot) -> Rates {
    let since = previous.and_then(|previous| since(previous, current));
    let mut values = current.gauges.clone();
    let mut detail = Detail::default();

    space::fill(current, &mut values);
    detail.filesystems = space::filesystems(current, &mut values);
    if let Some(since) = since {
        counters(since, current, &mut values);
        cpu::total(since, current, &mut values);
    }
    detail.cores = cpu::cores(since, current);
    detail.softirqs = tables::softirqs(since, current);
    detail.interfaces = tables::interfaces(since, current, &mut values);
    detail.disks = tables::disks(since, current, &mut values);
    detail.processes = processes(since, current);
    detail.containers = containers::rows(since, current);
    Rates { elapsed_ns: since.map(|since| since.ns), values, detail }
}

/// Whether rates may be taken from `previous` to `current`, and over which time.
///
/// The same boot must be provable. Equal boot ids prove it. Where an id is unknown on either side
/// (no `/proc/sys/kernel/random`), the same `btime` of `/proc/stat` does: a reboot moves it by at
/// least the time that the reboot took. A wall clock that is stepped moves it too, and then one
/// poll goes without rates rather than with wrong ones. Two known machine ids that differ (a cloned
/// virtual machine shares its boot id with the original) disprove it in any case.
fn since<'a>(previous: &'a Snapshot, current: &Snapshot) -> Option<Since<'a>> {
    let (before, now) = (&previous.facts, &current.facts);
    if let (Some(a), Some(b)) = (&before.machine_id, &now.machine_id)
        && a != b
    {
        return None;
    }
    let same_boot = match (&before.boot_id, &now.boot_id) {
        (Some(a), Some(b)) => a == b,
        (None, _) | (_, None) => {
            let btime = |s: &Snapshot| s.gauges.get(Column::BootTimeS);
            btime(previous).is_some() && btime(previous) == btime(current)
        }
    };
    if !same_boot {
        return None;
    }
    let ns = current.clocks.boottime_ns.checked_sub(previous.clocks.boottime_ns)?;
    (ns > 0).then(|| Since { snapshot: previous, seconds: real(ns) / 1e9, ns })
}

/// How reading a family went, if it was asked for.
fn report(snapshot: &Snapshot, family: Family) -> Option<&FamilyReport> {
    snapshot.reports.iter().find(|report| report.family == family)
}

/// Whether something that is there may be missing.
fn is_incomplete(report: &FamilyReport) -> bool {
    report.status != Status::Ok
}

/// By how much a counter grew; none when it is unknown on either side or went backwards.
fn grown(before: Option<u64>, now: Option<u64>) -> Option<u64> {
    now?.checked_sub(before?)
}

/// Host-wide counters, each into its own column.
fn counters(since: Since<'_>, current: &Snapshot, values: &mut Values<Column>) {
    // The probe's own counter starts over with the probe. It would be seen to go backwards, unless
    // the new one has already used more; the largest memory so far can only fall by a new start.
    let probe_restarted = current.cost.peak_rss_bytes < since.snapshot.cost.peak_rss_bytes;
    let raw = since.snapshot.counters.all().iter().zip(current.counters.all());
    for (Counter { column, scale, is_of_ipv6 }, (&before, &now)) in
        Counter::ALL.into_iter().zip(raw)
    {
        if column == Column::ProbeCpuPct && probe_restarted {
            continue;
        }
        let rate = grown(before, now).map(|delta| since.per_second(delta) * scale);
        if is_of_ipv6 {
            let is_not_there = before.is_none() && now.is_none();
            if !is_not_there || report(current, column.spec().family).is_some_and(is_incomplete) {
                values.set(column, values.get(column).zip(rate).map(|(v4, v6)| v4 + v6));
            }
            continue;
        }
        let Some(rate) = rate else { continue };
        // Stall times are brought up to date when they are read, after the clock was: a host that
        // stalls all the time shows a little over 100.
        let stall = column.spec().family == Family::Pressure;
        values.set(column, if stall { rate.min(100.0) } else { rate });
    }
}

/// Rows of the largest processes. The CPU share is of one core, so it may exceed 100; it is known
/// for a process that was among the largest before, told by number and start time.
fn processes(since: Option<Since<'_>>, current: &Snapshot) -> Vec<Row<ProcessColumn>> {
    let used = |process: &Process| {
        let since = since?;
        let before = since
            .snapshot
            .processes
            .iter()
            .find(|p| p.pid == process.pid && p.start_ticks == process.start_ticks)?;
        let ticks = grown(Some(before.cpu_ticks), Some(process.cpu_ticks))?;
        cpu::is_possible(since, current, ticks)
            .then(|| since.per_second(ticks) / f64::from(current.ticks_per_second) * 100.0)
    };
    current
        .processes
        .iter()
        .map(|process| {
            let mut values = Values::default();
            values.set(ProcessColumn::CpuPct, used(process));
            values.set(ProcessColumn::RssBytes, real(process.rss_bytes));
            values.set(ProcessColumn::Threads, f64::from(process.threads));
            let labels =
                vec![process.pid.to_string().into(), process.comm.clone(), process.state.clone()];
            Row { labels: labels.into(), values }
        })
        .collect()
}

/// A whole number as a measured one: exact to 2^53, the precision of a column.
fn real(whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "columns are exact to 2^53 by contract")]
    let real = whole as f64;
    real
}

#[cfg(test)]
pub(crate) mod machine;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
