//! What a probe said, decoded and checked: identity, clocks, gauges, raw counters.
//!
//! Still raw: nothing here is a rate. Gauges are already in the unit of their [`Column`]; counters
//! wait for a second snapshot of the same boot (`crate::rates`).

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Column, Containers, Counters, Facts, Family, Values, words::words};
use crate::units::WallMs;

words! {
    /// How a family, or one mount, could be read.
    Status {
        /// All of it.
        Ok = "ok";
        /// Some of it.
        Partial = "partial";
        /// This kernel does not have it.
        Absent = "absent";
        /// Permission denied.
        Denied = "denied";
        /// Not ready within the call's deadline.
        Timeout = "timeout";
        /// A mount does not answer.
        Hung = "hung";
        /// Not in a form that is understood.
        Malformed = "malformed";
    }
}

impl Status {
    /// Whether something could not be read that is there. A kernel without it is no fault.
    #[must_use]
    pub fn is_fault(self) -> bool {
        match self {
            Self::Ok | Self::Absent => false,
            Self::Partial | Self::Denied | Self::Timeout | Self::Hung | Self::Malformed => true,
        }
    }
}

/// How reading one family went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FamilyReport {
    /// The family.
    pub family: Family,
    /// How it went.
    pub status: Status,
    /// Wall time spent, microseconds.
    pub spent_us: u32,
    /// What was wrong; empty when all is well.
    pub error: String,
}

/// Whose values an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeView {
    /// The host's.
    Host,
    /// A container's.
    Container,
    /// It cannot be told.
    Unknown,
}

/// The probe's clocks at the start of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// CLOCK_REALTIME, nanoseconds since 1970.
    pub wall_ns: i64,
    /// CLOCK_BOOTTIME, nanoseconds since boot: what rates are computed over.
    pub boottime_ns: u64,
}

/// What the probe has used; the rest of it is in columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Largest resident memory since it started, bytes: falls only when it is started again.
    pub peak_rss_bytes: u64,
    /// Wall time this answer took to collect, microseconds.
    pub collect_us: u32,
}

/// Number of CPU states in [`CpuTicks`].
pub const CPU_STATES: usize = 10;

/// CPU time per state since boot, ticks, in the kernel's order: user, nice, system, idle, iowait,
/// irq, softirq, steal, guest (also in user), guest_nice (also in nice).
pub type CpuTicks = [Option<u64>; CPU_STATES];

/// A column of a table is neither empty nor as long as its keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column} has {found} entries, its table has {expected} rows")]
pub struct UnevenColumn {
    /// Position of the column in its table, from 0.
    pub column: usize,
    /// Its length.
    pub found: usize,
    /// Number of keys.
    pub expected: usize,
}

/// Where the bytes of an interface or a disk are counted: what the host's sums go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layer {
    /// The probe could not tell: an older one, or no sysfs.
    #[default]
    Unknown,
    /// A device whose bytes no other row counts.
    Physical,
    /// Carries what another row carries, or what never leaves the machine.
    Virtual,
    /// Virtual, and a default route leaves through it.
    Uplink,
}

/// Counters of things that repeat, by column: `N` columns, one row per key.
#[derive(Clone, PartialEq, Eq)]
pub struct CounterTable<const N: usize> {
    keys: Vec<Arc<str>>,
    /// Per row; empty where nothing is known of any.
    layers: Box<[Layer]>,
    /// Where in `cells` each known column begins.
    starts: [Option<usize>; N],
    /// Column after column: one piece of memory per table, for as long as a snapshot is kept.
    cells: Box<[u64]>,
}

impl<const N: usize> Default for CounterTable<N> {
    fn default() -> Self {
        Self { keys: Vec::new(), layers: Box::default(), starts: [None; N], cells: Box::default() }
    }
}

impl<const N: usize> fmt::Debug for CounterTable<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = |start: usize| &self.cells[start..start + self.keys.len()];
        let columns = self.starts.map(|start| start.map_or(&[][..], cells));
        let mut table = f.debug_struct("Table");
        table.field("keys", &self.keys);
        if !self.layers.is_empty() {
            table.field("layers", &self.layers);
        }
        table.field("columns", &columns).finish()
    }
}

impl<const N: usize> CounterTable<N> {
    /// Checks that every column is empty (unknown) or as long as `keys`.
    ///
    /// # Errors
    /// [`UnevenColumn`] names the first column that is not.
    pub fn new(keys: Vec<Arc<str>>, columns: [&[u64]; N]) -> Result<Self, UnevenColumn> {
        let expected = keys.len();
        let mut starts = [None; N];
        let mut cells = Vec::with_capacity(columns.iter().map(|column| column.len()).sum());
        for (column, values) in columns.into_iter().enumerate() {
            if values.is_empty() {
                continue;
            }
            if values.len() != expected {
                return Err(UnevenColumn { column, found: values.len(), expected });
            }
            starts[column] = Some(cells.len());
            cells.extend_from_slice(values);
        }
        Ok(Self { keys, layers: Box::default(), starts, cells: cells.into() })
    }

    /// The same with the layer of each row; without entries nothing is known of any.
    ///
    /// # Errors
    /// [`UnevenColumn`] when there is neither none nor one per row.
    pub fn with_layers(self, layers: Vec<Layer>) -> Result<Self, UnevenColumn> {
        let (found, expected) = (layers.len(), self.keys.len());
        if found != 0 && found != expected {
            return Err(UnevenColumn { column: N, found, expected });
        }
        Ok(Self { layers: layers.into(), ..self })
    }

    /// The same with these rows alone, in this order; what is no row of it is passed by.
    #[must_use]
    pub fn of_rows(&self, rows: &[usize]) -> Self {
        let all = self.keys.len();
        let rows = || rows.iter().copied().filter(|row| *row < all);
        let kept = rows().count();
        let mut cells = Vec::with_capacity(self.cells.len());
        let starts = self.starts.map(|start| {
            let column = self.cells.get(start?..)?;
            cells.extend(rows().filter_map(|row| column.get(row)));
            Some(cells.len() - kept)
        });
        Self {
            keys: rows().map(|row| Arc::clone(&self.keys[row])).collect(),
            layers: rows().filter_map(|row| self.layers.get(row).copied()).collect(),
            starts,
            cells: cells.into(),
        }
    }

    /// Whether the layer of every row is known.
    #[must_use]
    pub fn has_layers(&self) -> bool {
        (0..self.keys.len()).all(|row| self.layer(row) != Layer::Unknown)
    }

    /// The layer of a row.
    #[must_use]
    pub fn layer(&self, row: usize) -> Layer {
        self.layers.get(row).copied().unwrap_or_default()
    }

    /// The keys, in the order of the rows.
    #[must_use]
    pub fn keys(&self) -> &[Arc<str>] {
        &self.keys
    }

    /// One value; none where the kernel does not have the column, or there is no such row.
    #[must_use]
    pub fn get(&self, row: usize, column: usize) -> Option<u64> {
        let start = (*self.starts.get(column)?)?;
        self.cells.get(start..start + self.keys.len())?.get(row).copied()
    }

    /// Sets one value of a column that is known; what is no cell of the table is passed by.
    pub fn set(&mut self, row: usize, column: usize, value: Option<u64>) {
        let start = self.starts.get(column).copied().flatten().filter(|_| row < self.keys.len());
        let cell = start.and_then(|start| self.cells.get_mut(start + row));
        if let (Some(cell), Some(value)) = (cell, value) {
            *cell = value;
        }
    }

    /// The row of a key. `hint` is where it was last time: devices seldom move.
    #[must_use]
    pub fn find(&self, key: &str, hint: usize) -> Option<usize> {
        match self.keys.get(hint) {
            Some(found) if found.as_ref() == key => Some(hint),
            _ => self.keys.iter().position(|found| found.as_ref() == key),
        }
    }
}

/// One mounted filesystem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where the host sees it.
    pub mount_point: Arc<str>,
    /// Mount source.
    pub device: Arc<str>,
    /// Type, `ext4`.
    pub fs_type: Arc<str>,
    /// Whether it could be asked; the sizes are absent unless `Ok`.
    pub status: Status,
    /// Mounted or remounted read-only.
    pub read_only: bool,
    /// Nobody can write to the filesystem, through whichever mount; none from an older probe.
    pub superblock_read_only: Option<bool>,
    /// Sizes, when the mount answered.
    pub space: Option<Space>,
}

/// Room on a filesystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Size, bytes.
    pub size_bytes: u64,
    /// Free for root, bytes.
    pub free_bytes: u64,
    /// Free for everybody, bytes.
    pub available_bytes: u64,
    /// Inodes in all and free; none where the filesystem has no fixed number.
    pub inodes: Option<(u64, u64)>,
}

/// One of the largest processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Process number.
    pub pid: u32,
    /// Command name.
    pub comm: Arc<str>,
    /// State letter.
    pub state: Arc<str>,
    /// User and system time, ticks, a counter.
    pub cpu_ticks: u64,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    /// Ticks after boot when it started: tells a reused number.
    pub start_ticks: u64,
    /// Threads.
    pub threads: u32,
}

/// Columns of [`Snapshot::softirqs`]: HI TIMER NET_TX NET_RX BLOCK IRQ_POLL TASKLET SCHED HRTIMER RCU.
pub const SOFTIRQ_COLUMNS: usize = 10;
/// Columns of [`Snapshot::interfaces`], as in `NetColumn` and `/proc/net/dev`.
pub const NET_COLUMNS: usize = 16;
/// Columns of [`Snapshot::disks`], as in `/proc/diskstats`: reads, reads_merged, read_sectors,
/// read_ms, writes, writes_merged, written_sectors, write_ms, in_flight (a gauge), io_ms,
/// weighted_io_ms, discards, discards_merged, discarded_sectors, discard_ms, flushes, flush_ms.
pub const DISK_COLUMNS: usize = 17;

/// A probe's answer, decoded and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Who answered.
    pub facts: Facts,
    /// Its clocks.
    pub clocks: Clocks,
    /// Whose values these are.
    pub view: ProbeView,
    /// USER_HZ of that machine; never 0.
    pub ticks_per_second: u32,
    /// The last second at which the probe's TLS certificate is valid; none without TLS.
    pub certificate_ends: Option<WallMs>,
    /// One report per family asked for.
    pub reports: Vec<FamilyReport>,
    /// What the probe itself uses.
    pub cost: Cost,
    /// Host-wide columns that need no earlier snapshot, in their unit.
    pub gauges: Values<Column>,
    /// Host-wide counters.
    pub counters: Counters,
    /// CPU time of all cores together.
    pub cpu: CpuTicks,
    /// CPU time per core; the key is N of `cpuN`, the columns as [`CpuTicks`].
    pub cores: CounterTable<CPU_STATES>,
    /// Soft interrupts per core.
    pub softirqs: CounterTable<SOFTIRQ_COLUMNS>,
    /// Counters per interface.
    pub interfaces: CounterTable<NET_COLUMNS>,
    /// Counters per block device.
    pub disks: CounterTable<DISK_COLUMNS>,
    /// Mounted filesystems.
    pub mounts: Vec<Mount>,
    /// The largest processes.
    pub processes: Vec<Process>,
    /// Containers.
    pub containers: Containers,
}

impl Snapshot {
    /// How long the probe's certificate was valid yet by the probe's own clock, milliseconds; less than 0 when
    /// it had ended. None without TLS.
    #[must_use]
    pub fn certificate_left_ms(&self) -> Option<i64> {
        Some(self.certificate_ends?.0.saturating_sub(self.clocks.wall_ns / 1_000_000))
    }

    /// The same in seconds.
    #[must_use]
    pub fn certificate_left_s(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "less than 2^53 ms")]
        let left_ms = self.certificate_left_ms()? as f64;
        Some(left_ms / 1e3)
    }
}
