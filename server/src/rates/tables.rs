//! Rates of what repeats (soft interrupts, interfaces, disks) and the host's sums over it.
//!
//! **A sum with an unknown part.** A device that is new or gone adds nothing: it carried nothing
//! that was measured, and a sum that is unknown on every plug of a cable would be of no use. A
//! device that is there on both sides but was reset did carry something, and nobody knows how much:
//! the sums that it belongs to are unknown for that poll. A sum over no device at all is unknown,
//! not 0.

use std::sync::Arc;

use super::{
    Since,
    physical::{counted_interfaces, counts_disk},
    real,
    space::larger,
    total::Total,
};
use crate::model::{
    Column, ColumnSet, CounterTable, DISK_COLUMNS, DiskColumn, NET_COLUMNS, NetColumn, Row,
    RowLabels, SOFTIRQ_COLUMNS, Snapshot, SoftirqColumn, Values,
};

// Rows are filled by position: the tables and their columns must stay in step.
const _: () = assert!(NetColumn::ALL.len() == NET_COLUMNS);
const _: () = assert!(SoftirqColumn::ALL.len() == SOFTIRQ_COLUMNS);

/// How a row of a table went on since the snapshot before.
enum Course<const N: usize> {
    /// It was not there before, or there is no before.
    New,
    /// A counter went backwards: it is another device's, or was started over.
    Reset,
    /// By how much each counter grew; none where the column is unknown on either side.
    Steady([Option<u64>; N]),
}

/// How a column of a table grows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Growth {
    /// A counter: when it falls, the device started over.
    Counter,
    /// A counter of milliseconds that the kernel prints as 32 bits on every machine
    /// (block/genhd.c, `diskstats_show`): a fall of it alone is a wrap, and is undone.
    Milliseconds32,
    /// A gauge, which may fall.
    Gauge,
}

/// How far a counter of 32 bits grew when it is known to have wrapped; none when that is more than
/// half of its range, as serial numbers are compared (RFC 1982): then it was started over.
fn unwrapped(before: u64, now: u64) -> Option<u64> {
    const RANGE: u64 = 1 << 32;
    let grown = RANGE.checked_sub(before)?.checked_add(now)?;
    (grown < RANGE / 2).then_some(grown)
}

/// The course of row `row`, whose columns grow as `growth` says.
fn course<const N: usize>(
    before: Option<&CounterTable<N>>,
    now: &CounterTable<N>,
    row: usize,
    key: &str,
    growth: &[Growth; N],
) -> Course<N> {
    let Some((before, old)) = before.and_then(|table| Some((table, table.find(key, row)?))) else {
        return Course::New;
    };
    let mut deltas = [None; N];
    for (column, (delta, growth)) in deltas.iter_mut().zip(growth).enumerate() {
        let (Some(was), Some(is)) = (before.get(old, column), now.get(row, column)) else {
            continue;
        };
        let grown = match growth {
            Growth::Gauge => continue,
            Growth::Milliseconds32 if is < was => unwrapped(was, is),
            Growth::Counter | Growth::Milliseconds32 => is.checked_sub(was),
        };
        let Some(grown) = grown else { return Course::Reset };
        *delta = Some(grown);
    }
    Course::Steady(deltas)
}

/// A host-wide sum over some rows of a table.
#[derive(Clone, Copy, Default)]
struct Sum {
    total: Option<f64>,
    spoiled: bool,
}

impl Sum {
    fn add(&mut self, part: Option<f64>) {
        if let Some(part) = part {
            *self.total.get_or_insert(0.0) += part;
        }
    }

    fn spoil(&mut self) {
        self.spoiled = true;
    }

    fn value(self) -> Option<f64> {
        self.total.filter(|_| !self.spoiled)
    }
}

fn labels(key: &Arc<str>) -> RowLabels {
    [key.clone()].into()
}

/// A row per core of `/proc/softirqs`.
pub(super) fn softirqs(since: Option<Since<'_>>, current: &Snapshot) -> Vec<Row<SoftirqColumn>> {
    let (table, before) = (&current.softirqs, since.map(|since| &since.snapshot.softirqs));
    let row = |(row, core): (usize, &Arc<str>)| {
        let mut values = Values::default();
        if let (Some(since), Course::Steady(deltas)) =
            (since, course(before, table, row, core, &[Growth::Counter; SOFTIRQ_COLUMNS]))
        {
            fill(since, SoftirqColumn::ALL, &deltas, &mut values);
        }
        Row { labels: labels(core), values }
    };
    table.keys().iter().enumerate().map(row).collect()
}

/// Sets column after column to its rate per second.
fn fill<C: ColumnSet>(
    since: Since<'_>,
    columns: &[C],
    deltas: &[Option<u64>],
    values: &mut Values<C>,
) {
    for (&column, delta) in columns.iter().zip(deltas) {
        values.set(column, delta.map(|delta| since.per_second(delta)));
    }
}

/// What is summed over the physical interfaces.
const NET_SUMS: [(NetColumn, Column); 8] = [
    (NetColumn::RxBytesPerS, Column::NetRxBytesPerS),
    (NetColumn::RxPacketsPerS, Column::NetRxPacketsPerS),
    (NetColumn::RxErrorsPerS, Column::NetRxErrorsPerS),
    (NetColumn::RxDroppedPerS, Column::NetRxDroppedPerS),
    (NetColumn::TxBytesPerS, Column::NetTxBytesPerS),
    (NetColumn::TxPacketsPerS, Column::NetTxPacketsPerS),
    (NetColumn::TxErrorsPerS, Column::NetTxErrorsPerS),
    (NetColumn::TxDroppedPerS, Column::NetTxDroppedPerS),
];

/// A row per interface, and the sums over the physical ones.
pub(super) fn interfaces(
    since: Option<Since<'_>>,
    current: &Snapshot,
    host: &mut Values<Column>,
) -> Vec<Row<NetColumn>> {
    let (table, before) = (&current.interfaces, since.map(|since| &since.snapshot.interfaces));
    let mut sums = [Sum::default(); NET_SUMS.len()];
    let mut rows = Vec::with_capacity(table.keys().len());
    for ((row, name), physical) in table.keys().iter().enumerate().zip(counted_interfaces(table)) {
        let mut values = Values::default();
        match (since, course(before, table, row, name, &[Growth::Counter; NET_COLUMNS])) {
            (Some(since), Course::Steady(deltas)) => {
                fill(since, NetColumn::ALL, &deltas, &mut values);
                if physical {
                    for (sum, (part, _)) in sums.iter_mut().zip(NET_SUMS) {
                        sum.add(values.get(part));
                    }
                }
            }
            (Some(_), Course::Reset) if physical => sums.iter_mut().for_each(Sum::spoil),
            (_, Course::New | Course::Reset) | (None, Course::Steady(_)) => {}
        }
        rows.push(Row { labels: labels(name), values });
    }
    for (sum, (_, column)) in sums.into_iter().zip(NET_SUMS) {
        host.set(column, sum.value());
    }
    rows
}

/// Bytes in a sector of `/proc/diskstats`, whatever the device's own sector size is.
const SECTOR_BYTES: f64 = 512.0;

/// Requests in flight above this are a kernel's small negative number printed unsigned (seen on
/// multi-queue devices before 4.20).
const MAX_IN_FLIGHT: u64 = i32::MAX as u64;

/// Columns of the table, in the order of `/proc/diskstats`.
mod stat {
    pub(super) const READS: usize = 0;
    pub(super) const READS_MERGED: usize = 1;
    pub(super) const READ_SECTORS: usize = 2;
    pub(super) const READ_MS: usize = 3;
    pub(super) const WRITES: usize = 4;
    pub(super) const WRITES_MERGED: usize = 5;
    pub(super) const WRITTEN_SECTORS: usize = 6;
    pub(super) const WRITE_MS: usize = 7;
    pub(super) const IN_FLIGHT: usize = 8;
    pub(super) const IO_MS: usize = 9;
    pub(super) const WEIGHTED_IO_MS: usize = 10;
    pub(super) const DISCARDS: usize = 11;
    pub(super) const DISCARDS_MERGED: usize = 12;
    pub(super) const DISCARDED_SECTORS: usize = 13;
    pub(super) const DISCARD_MS: usize = 14;
    pub(super) const FLUSHES: usize = 15;
    pub(super) const FLUSH_MS: usize = 16;
}

/// How each column of the table grows.
const DISK_GROWTH: [Growth; DISK_COLUMNS] = {
    let mut growth = [Growth::Counter; DISK_COLUMNS];
    growth[stat::READ_MS] = Growth::Milliseconds32;
    growth[stat::WRITE_MS] = Growth::Milliseconds32;
    growth[stat::IN_FLIGHT] = Growth::Gauge;
    growth[stat::IO_MS] = Growth::Milliseconds32;
    growth[stat::WEIGHTED_IO_MS] = Growth::Milliseconds32;
    growth[stat::DISCARD_MS] = Growth::Milliseconds32;
    growth[stat::FLUSH_MS] = Growth::Milliseconds32;
    growth
};

/// Columns of a disk that are a rate times a factor.
const DISK_RATES: [(usize, DiskColumn, f64); 10] = [
    (stat::READS, DiskColumn::ReadsPerS, 1.0),
    (stat::READS_MERGED, DiskColumn::ReadsMergedPerS, 1.0),
    (stat::READ_SECTORS, DiskColumn::ReadBytesPerS, SECTOR_BYTES),
    (stat::WRITES, DiskColumn::WritesPerS, 1.0),
    (stat::WRITES_MERGED, DiskColumn::WritesMergedPerS, 1.0),
    (stat::WRITTEN_SECTORS, DiskColumn::WrittenBytesPerS, SECTOR_BYTES),
    (stat::DISCARDS, DiskColumn::DiscardsPerS, 1.0),
    (stat::DISCARDS_MERGED, DiskColumn::DiscardsMergedPerS, 1.0),
    (stat::DISCARDED_SECTORS, DiskColumn::DiscardedBytesPerS, SECTOR_BYTES),
    (stat::FLUSHES, DiskColumn::FlushesPerS, 1.0),
];

/// Columns of a disk that are a time per operation: time, operations, column.
const DISK_WAITS: [(usize, usize, DiskColumn); 4] = [
    (stat::READ_MS, stat::READS, DiskColumn::ReadAwaitMs),
    (stat::WRITE_MS, stat::WRITES, DiskColumn::WriteAwaitMs),
    (stat::DISCARD_MS, stat::DISCARDS, DiskColumn::DiscardAwaitMs),
    (stat::FLUSH_MS, stat::FLUSHES, DiskColumn::FlushAwaitMs),
];

/// What is summed over the whole physical disks.
const DISK_SUMS: [(DiskColumn, Column); 4] = [
    (DiskColumn::ReadsPerS, Column::DiskReadsPerS),
    (DiskColumn::WritesPerS, Column::DiskWritesPerS),
    (DiskColumn::ReadBytesPerS, Column::DiskReadBytesPerS),
    (DiskColumn::WrittenBytesPerS, Column::DiskWrittenBytesPerS),
];

/// A row per block device, the sums over the whole physical disks and the busiest of them.
pub(super) fn disks(
    since: Option<Since<'_>>,
    current: &Snapshot,
    host: &mut Values<Column>,
) -> Vec<Row<DiskColumn>> {
    let (table, before) = (&current.disks, since.map(|since| &since.snapshot.disks));
    let mut sums = [Sum::default(); DISK_SUMS.len()];
    let (mut busiest, mut reset) = (None, false);
    let mut rows = Vec::with_capacity(table.keys().len());
    for (row, name) in table.keys().iter().enumerate() {
        let mut values = Values::default();
        let in_flight = table.get(row, stat::IN_FLIGHT).filter(|n| *n <= MAX_IN_FLIGHT);
        values.set(DiskColumn::InFlight, in_flight.map(real));
        let whole = counts_disk(table, row, name);
        match (since, course(before, table, row, name, &DISK_GROWTH)) {
            (Some(since), Course::Steady(deltas)) => {
                disk(since, &deltas, &mut values);
                if whole {
                    for (sum, (part, _)) in sums.iter_mut().zip(DISK_SUMS) {
                        sum.add(values.get(part));
                    }
                    busiest = larger(busiest, values.get(DiskColumn::BusyPct));
                }
            }
            (Some(_), Course::Reset) if whole => {
                reset = true;
                sums.iter_mut().for_each(Sum::spoil);
            }
            (_, Course::New | Course::Reset) | (None, Course::Steady(_)) => {}
        }
        rows.push(Row { labels: labels(name), values });
    }
    for (sum, (_, column)) in sums.into_iter().zip(DISK_SUMS) {
        host.set(column, sum.value());
    }
    host.set(Column::DiskBusyMaxPct, busiest.filter(|_| !reset));
    rows
}

/// What the counter of a disk's column stands at.
pub(super) fn total_of_disk(
    table: &CounterTable<DISK_COLUMNS>,
    row: usize,
    column: usize,
) -> Option<Total> {
    if let Some((stat, _, factor)) = DISK_RATES.iter().find(|(_, of, _)| of.index() == column) {
        return table.get(row, *stat).map(|raw| Total::scaled(raw, *factor));
    }
    let waits = DISK_WAITS.iter().map(|(time, _, of)| (*time, *of));
    let times = waits
        .chain([(stat::IO_MS, DiskColumn::BusyPct), (stat::WEIGHTED_IO_MS, DiskColumn::Queue)]);
    let (stat, _) = times.into_iter().find(|(_, of)| of.index() == column)?;
    table.get(row, stat).map(Total::of_ms)
}

/// The columns of one disk (Documentation/admin-guide/iostats.rst).
fn disk(since: Since<'_>, deltas: &[Option<u64>; DISK_COLUMNS], values: &mut Values<DiskColumn>) {
    for (stat, column, factor) in DISK_RATES {
        values.set(column, deltas[stat].map(|delta| since.per_second(delta) * factor));
    }
    for (time, operations, column) in DISK_WAITS {
        // Without an operation there was no wait: unknown, not 0.
        let wait = match (deltas[time], deltas[operations]) {
            (Some(ms), Some(done)) if done > 0 => Some(real(ms) / real(done)),
            (_, _) => None,
        };
        values.set(column, wait);
    }
    values.set(DiskColumn::BusyPct, deltas[stat::IO_MS].map(|ms| since.percent_of_ms(ms)));
    let queue = deltas[stat::WEIGHTED_IO_MS].map(|ms| since.per_second(ms) / 1e3);
    values.set(DiskColumn::Queue, queue);
}
