//! Every column that a poll can fill, once: name, unit, family and meaning.
//!
//! The names are those of the SQL columns, of the views and of the JSON; each carries its unit at
//! its end. A column is never filled with a guess: what is not known has no value, and NULL in SQL.

mod metric_name;
mod table;
mod host_wide;
mod repeating;
mod tables;

use std::{fmt, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{Family, words::words};

pub use host_wide::Column;
pub(crate) use host_wide::host_wide;
pub use repeating::{
    ContainerColumn, CoreColumn, DiskColumn, FilesystemColumn, NetColumn, ProcessColumn,
    SoftirqColumn,
};
pub use tables::DetailTable;

/// Whether a column holds whole numbers or measured ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Whole, exact to 2^53; a BIGINT in SQL.
    Whole,
    /// Measured, kept to a thousandth of its unit.
    Real,
}

impl ColumnKind {
    /// A value as a column of this kind keeps it: whole, or to a thousandth.
    #[must_use]
    pub fn tidy(self, value: f64) -> f64 {
        match self {
            Self::Whole => round(value),
            Self::Real => round(value * 1000.0) / 1000.0,
        }
    }
}

/// `f64::round`, which is a call into the mathematics library on a plain x86-64 and is done to some
/// hundred values of every poll.
fn round(value: f64) -> f64 {
    /// From here on (2^52) every number is whole.
    const WHOLE: f64 = 4_503_599_627_370_496.0;
    if value.abs() >= WHOLE || value.is_nan() {
        return value;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is what is wanted, and it fits")]
    let whole = value as i64;
    #[expect(clippy::cast_precision_loss, reason = "less than 2^52")]
    let whole = whole as f64;
    // Exact: the two are within 1 of each other.
    let rest = value - whole;
    if rest >= 0.5 {
        whole + 1.0
    } else if rest <= -0.5 {
        whole - 1.0
    } else {
        whole
    }
}

/// What one unit of a column means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// No unit.
    Number,
    /// A number of things.
    Count,
    /// 0 to 100.
    Percent,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
    /// Events a second.
    PerSecond,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
}

impl Unit {
    /// The most that a value can be on any machine. What is more was not measured but made up (a
    /// counter that jumped, -1 printed unsigned), and is unknown.
    #[must_use]
    pub const fn max(self) -> f64 {
        match self {
            // Tasks that wait and requests in flight: both are an `int` of the kernel.
            Self::Number => 2_147_483_647.0,
            // 2^63, for which a column takes the largest `long` (some of the kernel's own limits are set
            // to it); what is beyond was below zero and is printed unsigned.
            Self::Count | Self::Bytes => 9_223_372_036_854_775_808.0,
            // Of one core, on a machine with as many as the kernel knows (NR_CPUS).
            Self::Percent => 100.0 * 8192.0,
            // 80 terabits: many times the memory bandwidth of the largest machines.
            Self::BytesPerSecond => 1e13,
            // An event for each cycle of a hundred cores, or a page for each microsecond of thousands.
            Self::PerSecond => 1e12,
            // The end of the year 9999, the last that RFC 3339 can write.
            Self::Seconds => 253_402_300_799.0,
            // The kernel's times of requests have 32 bits.
            Self::Milliseconds | Self::Microseconds => 4_294_967_295.0,
        }
    }
}

words! {
    /// What a value says of the time between two polls.
    Metric {
        /// How it was at the moment of the poll.
        Gauge = "gauge";
        /// How much one or more counters grew since the poll before: per second, or as a mean.
        Counter = "counter";
        /// What part of the time since the poll before.
        Share = "share";
    }
}

/// What there is to know about a column.
#[derive(Debug)]
pub struct ColumnSpec {
    /// Name in SQL and JSON.
    pub name: &'static str,
    /// What it says of the time between two polls.
    pub metric: Metric,
    /// Whole or measured.
    pub kind: ColumnKind,
    /// Its unit.
    pub unit: Unit,
    /// The family it comes from.
    pub family: Family,
    /// The file of the kernel, or the system call, that it comes from.
    pub source: &'static str,
    /// The first kernel that has it; none: 2.6.32 and every later one.
    pub since: Option<&'static str>,
    /// The metric of node_exporter that is the same, or that it is made of: the counter of a rate, the
    /// devices' parts of a sum.
    pub node_exporter: Option<&'static str>,
    /// What it means, in a line.
    pub doc: &'static str,
    /// How many host-wide counters are kept for it from poll to poll; the second is IPv6's.
    pub(super) counters: u8,
    /// What their rate per second is multiplied by to be in the column's unit.
    pub(super) scale: f64,
    /// Whether it is a sum, or the most, of rates of what the host has several of: no counter stands behind it.
    pub(super) is_sum: bool,
}

impl ColumnSpec {
    /// What a row does not say. A constant and no function: how many counters there are is part of a type, and the
    /// compiler must be able to tell without looking into any function, for they are of that type.
    const PLAIN: Self = Self {
        name: "",
        metric: Metric::Gauge,
        kind: ColumnKind::Real,
        unit: Unit::Number,
        family: Family::System,
        source: "",
        since: None,
        node_exporter: None,
        doc: "",
        counters: 0,
        scale: 1.0,
        is_sum: false,
    };

    /// Whether it is a sum, or the most, of rates: no counter stands behind it.
    #[must_use]
    pub fn is_sum(&self) -> bool {
        self.is_sum
    }

    /// Whether it has a second counter, of what IPv6 adds.
    #[must_use]
    pub fn has_ipv6(&self) -> bool {
        self.counters > 1
    }

    /// What its counters' rate per second is multiplied by to be in its unit.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }
}

/// A closed list of columns of one table.
pub trait ColumnSet: Copy + 'static {
    /// Every column, in the order of the table.
    const ALL: &'static [Self];
    /// The texts that name a row, before its values. Empty for host-wide columns.
    const LABELS: &'static [&'static str];
    /// What holds one value of each.
    type Cells: Cells;
    /// What there is to know about each, in the same order.
    const SPECS: &'static [ColumnSpec];
    /// Its position in [`ColumnSet::ALL`].
    fn index(self) -> usize;
    /// What there is to know about this column.
    fn spec(self) -> &'static ColumnSpec {
        &Self::SPECS[self.index()]
    }
}

/// Room for one value per column. Rows hold theirs in place, so that a table of many rows is one
/// piece of memory.
pub trait Cells: Clone {
    /// How many it holds, where that is a matter of its type.
    const LENGTH: Option<usize>;
    /// `count` cells without a value, or as many as it holds.
    fn unknown(count: usize) -> Self;
    /// All of them.
    fn all(&self) -> &[f64];
    /// All of them, to be set.
    fn all_mut(&mut self) -> &mut [f64];
}

impl<const N: usize> Cells for [f64; N] {
    const LENGTH: Option<usize> = Some(N);

    fn unknown(_count: usize) -> Self {
        [f64::NAN; N]
    }

    fn all(&self) -> &[f64] {
        self
    }

    fn all_mut(&mut self) -> &mut [f64] {
        self
    }
}

impl Cells for Box<[f64]> {
    const LENGTH: Option<usize> = None;

    fn unknown(count: usize) -> Self {
        vec![f64::NAN; count].into()
    }

    fn all(&self) -> &[f64] {
        self
    }

    fn all_mut(&mut self) -> &mut [f64] {
        self
    }
}

/// One value per column of `C`, or none.
#[derive(Clone)]
pub struct Values<C: ColumnSet> {
    /// NaN is none: half the memory of an `Option`, and there are hundreds for each host.
    cells: C::Cells,
}

impl<C: ColumnSet> Default for Values<C> {
    fn default() -> Self {
        Self { cells: C::Cells::unknown(C::ALL.len()) }
    }
}

/// None is equal to none.
impl<C: ColumnSet> PartialEq for Values<C> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().map(|(_, value)| value).eq(other.iter().map(|(_, value)| value))
    }
}

fn known(cell: f64) -> Option<f64> {
    (!cell.is_nan()).then_some(cell)
}

impl<C: ColumnSet> Values<C> {
    /// The value of a column; none is unknown.
    #[must_use]
    pub fn get(&self, column: C) -> Option<f64> {
        known(self.cells.all()[column.index()])
    }

    /// Sets a column. A value that is negative, no number, or more than its unit can be
    /// ([`Unit::max`]) is no measurement and is kept as none; a measured one is rounded to a
    /// thousandth.
    pub fn set(&mut self, column: C, value: impl Into<Option<f64>>) {
        let spec = column.spec();
        let measured = value.into().filter(|v| *v >= 0.0 && *v <= spec.unit.max());
        self.cells.all_mut()[column.index()] = measured.map_or(f64::NAN, |v| spec.kind.tidy(v));
    }

    /// The values in the order of the columns; NaN is unknown.
    pub(crate) fn cells(&self) -> &[f64] {
        self.cells.all()
    }

    /// Every column with its value.
    pub fn iter(&self) -> impl Iterator<Item = (C, Option<f64>)> + '_ {
        C::ALL.iter().copied().zip(self.cells.all().iter().map(|cell| known(*cell)))
    }

    /// Takes over every value that `other` has.
    pub fn merge(&mut self, other: &Self) {
        for (cell, new) in self.cells.all_mut().iter_mut().zip(other.cells.all()) {
            if !new.is_nan() {
                *cell = *new;
            }
        }
    }
}

impl<C: ColumnSet> fmt::Debug for Values<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.iter().filter_map(|(c, v)| Some((c.spec().name, v?)));
        f.debug_map().entries(known).finish()
    }
}

/// The texts that name a row. Most rows have one, which then needs no memory of its own.
pub type RowLabels = SmallVec<[Arc<str>; 1]>;

/// One row of something that repeats: the texts that name it, and its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<C: ColumnSet> {
    /// One text per entry of [`ColumnSet::LABELS`].
    pub labels: RowLabels,
    /// Its values.
    pub values: Values<C>,
}

/// What repeats, of one poll. An empty list: the family was not read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Detail {
    /// CPU shares per core.
    pub cores: Vec<Row<CoreColumn>>,
    /// Soft interrupts per core.
    pub softirqs: Vec<Row<SoftirqColumn>>,
    /// Per network interface.
    pub interfaces: Vec<Row<NetColumn>>,
    /// Per block device.
    pub disks: Vec<Row<DiskColumn>>,
    /// Per mounted filesystem.
    pub filesystems: Vec<Row<FilesystemColumn>>,
    /// Per named process.
    pub processes: Vec<Row<ProcessColumn>>,
    /// Per container.
    pub containers: Vec<Row<ContainerColumn>>,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn names<C: ColumnSet>() -> Vec<&'static str> {
        C::ALL.iter().map(|c| c.spec().name).collect()
    }

    fn assert_units_end_names<C: ColumnSet>() {
        for column in C::ALL {
            let spec = column.spec();
            let ending = match spec.unit {
                Unit::Percent => "_pct",
                Unit::Bytes => "_bytes",
                Unit::BytesPerSecond => "_bytes_per_s",
                Unit::PerSecond => "_per_s",
                Unit::Seconds => "_s",
                Unit::Milliseconds => "_ms",
                Unit::Microseconds => "_us",
                Unit::Number | Unit::Count => "",
            };
            assert!(spec.name.ends_with(ending), "{} is in {:?}", spec.name, spec.unit);
        }
    }

    #[test]
    fn names_are_unique_and_end_in_their_unit() {
        let all = names::<Column>();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert_units_end_names::<Column>();
        assert_units_end_names::<CoreColumn>();
        assert_units_end_names::<SoftirqColumn>();
        assert_units_end_names::<NetColumn>();
        assert_units_end_names::<DiskColumn>();
        assert_units_end_names::<FilesystemColumn>();
        assert_units_end_names::<ProcessColumn>();
        assert_units_end_names::<ContainerColumn>();
    }

    fn assert_rows_are_sound<C: ColumnSet>() {
        for spec in C::SPECS {
            let name = spec.name;
            assert!(!spec.source.is_empty() && !spec.doc.is_empty(), "{name}");
            assert!(spec.metric != Metric::Share || spec.unit == Unit::Percent, "{name}");
            assert!(spec.metric != Metric::Counter || spec.unit != Unit::Percent, "{name}");
            let number = |part: &str| part.parse::<u32>().is_ok();
            assert!(spec.since.is_none_or(|kernel| kernel.split('.').all(number)), "{name}");
            assert!(spec.node_exporter.is_none_or(|node| node.starts_with("node_")), "{name}");
        }
    }

    #[test]
    fn every_row_says_what_its_column_is() {
        assert_rows_are_sound::<Column>();
        assert_rows_are_sound::<CoreColumn>();
        assert_rows_are_sound::<SoftirqColumn>();
        assert_rows_are_sound::<NetColumn>();
        assert_rows_are_sound::<DiskColumn>();
        assert_rows_are_sound::<FilesystemColumn>();
        assert_rows_are_sound::<ProcessColumn>();
        assert_rows_are_sound::<ContainerColumn>();
    }

    #[test]
    fn rounding_is_that_of_the_standard_library() {
        let halves = [0.0, 0.3, 0.5, 0.499_999_999_999_999_94, 1.5, 2.5, 1e9 + 0.5, 4.5e15, 1e300];
        let odd = [f64::INFINITY, 4_503_599_627_370_495.5, 4_503_599_627_370_497.0];
        for value in halves.into_iter().chain(odd) {
            for value in [value, -value] {
                // Only the sign of a zero may differ, which no column shows.
                assert_eq!(round(value), value.round(), "{value}");
            }
        }
        assert!(round(f64::NAN).is_nan());
    }

    #[test]
    fn what_is_no_measurement_is_not_kept() {
        let mut values = Values::<Column>::default();
        for bad in [f64::NAN, f64::INFINITY, -0.5] {
            values.set(Column::CpuBusyPct, bad);
            assert_eq!(values.get(Column::CpuBusyPct), None);
        }
        // The first counter of a host that says 2^64 - 1 in its next answer.
        let rows = Values::<NetColumn>::default();
        for (bad, good) in [(1.8e19, 1e13), (1e13 + 1.0, 0.0)] {
            let mut row = rows.clone();
            row.set(NetColumn::RxBytesPerS, good);
            assert_eq!(row.get(NetColumn::RxBytesPerS), Some(good));
            row.set(NetColumn::RxBytesPerS, bad);
            assert_eq!(row.get(NetColumn::RxBytesPerS), None);
        }
        values.set(Column::CpuBusyPct, 12.345_67);
        assert_eq!(values.get(Column::CpuBusyPct), Some(12.346));
        values.set(Column::MemTotalBytes, 8_589_934_592.0);
        assert_eq!(values.get(Column::MemTotalBytes), Some(8_589_934_592.0));
    }
}
