//! Polls of a fleet as hosts give them: 2 to 64 cores, most of what there is idle, counters that move,
//! gauges that drift, rates over an interval that is never quite ten seconds.

use std::sync::Arc;

use roundsman::{
    model::{
        Column, ColumnKind, ColumnSet, Detail, Outcome, Record, Row, State, Timings, Unit, Values,
        VersionId,
    },
    store::KnownHost,
    units::{Micros, WallMs},
};

/// Of 40 hosts: cores.
const CORES: [usize; 40] = [
    2, 4, 2, 8, 2, 2, 4, 2, 16, 2, 4, 2, 2, 8, 2, 4, 2, 64, 2, 4, 8, 2, 2, 4, 2, 8, 2, 4, 2, 32, 2,
    4, 8, 2, 16, 4, 2, 8, 4, 2,
];

/// Parts of names of what almost never moves.
const STILL: [&str; 42] = [
    "error",
    "dropped",
    "fifo",
    "frame",
    "compressed",
    "multicast",
    "carrier",
    "collisions",
    "nice",
    "guest",
    "irq_pct",
    "hi_per_s",
    "irq_poll",
    "hrtimer",
    "tasklet",
    "huge",
    "swap",
    "oom",
    "stall",
    "refault",
    "direct",
    "kswapd",
    "orphan",
    "overflow",
    "drops",
    "discard",
    "corrupted",
    "hung",
    "read_only",
    "blocked",
    "writeback",
    "full",
    "no_ports",
    "syn_retrans",
    "attempt_fails",
    "paged_in",
    "major",
    "udp6",
    "steal",
    "mlocked",
    "in_flight",
    "net_tx_per_s",
];

/// Numbers without a pattern, the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From 0 to 1, without 1.
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A host that is polled.
pub(crate) struct Host {
    known: KnownHost,
    numbers: Numbers,
    cores: usize,
    /// How busy it is, 0 to 1; drifts.
    load: f64,
    /// What its slow gauges have been at, 0 to 1.
    level: f64,
    /// Length of this interval, seconds.
    seconds: f64,
    /// Ticks of a core in it.
    all_ticks: f64,
}

impl Host {
    pub(crate) fn new(number: usize, known: KnownHost) -> Self {
        let seed = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(u64::try_from(number).unwrap_or(0) + 1);
        let mut numbers = Numbers(seed | 1);
        let load = numbers.unit() * 0.4;
        let level = numbers.unit();
        Self {
            known,
            numbers,
            cores: CORES[number % CORES.len()],
            load,
            level,
            seconds: 10.0,
            all_ticks: 1e3,
        }
    }

    /// The next poll.
    #[expect(clippy::cast_precision_loss, reason = "ten seconds")]
    pub(crate) fn poll(&mut self, slot: i64) -> Record {
        self.load = (self.load + (self.numbers.unit() - 0.5) * 0.02).clamp(0.01, 0.9);
        self.level = (self.level + (self.numbers.unit() - 0.5) * 0.001).clamp(0.05, 0.95);
        let elapsed_ns = 9_998_000_000 + self.numbers.next() % 4_000_000;
        self.seconds = elapsed_ns as f64 / 1e9;
        let jitter = self.numbers.next() % 900;
        Record {
            host: self.known.id,
            name: self.known.name.clone(),
            slot: WallMs(slot),
            started: WallMs(slot + i64::try_from(jitter % 3).unwrap_or(0)),
            inventory: VersionId(1),
            outcome: Outcome::Ok,
            state: State::Up,
            timings: Timings {
                late_us: Micros(600 + jitter),
                queue_us: Micros(3 + jitter % 11),
                call_us: Some(Micros(1_900 + 3 * jitter)),
                ..Timings::default()
            },
            answer_bytes: Some(2_600 + jitter % 90),
            address: Some(format!("{}:50051", self.known.name).into()),
            error: None,
            boot_id: Some("0d0f6a2c-1111-2222-3333-444455556666".into()),
            clock_skew_ms: Some(i64::try_from(jitter % 5).unwrap_or(0) - 2),
            elapsed_ns: Some(elapsed_ns),
            values: Some(self.values(1.0)),
            detail: Some(self.detail()),
        }
    }

    fn detail(&mut self) -> Detail {
        let cores = self.cores;
        let core = |number: usize| vec![Arc::from(number.to_string())];
        let row = |labels: &[&str]| labels.iter().map(|label| Arc::from(*label)).collect();
        let disks: &[(&str, f64)] = match cores {
            0..=2 => &[("vda", 1.0)],
            3..=8 => &[("nvme0n1", 1.0), ("sda", 0.0)],
            _ => &[("nvme0n1", 1.0), ("sda", 0.3), ("sdb", 0.0), ("sdc", 0.0)],
        };
        let mounts: &[&[&str]] = &[
            &["/", "/dev/vda1", "ext4", "ok"],
            &["/boot/efi", "/dev/vda15", "vfat", "ok"],
            &["/var/lib/docker", "/dev/vdb1", "xfs", "ok"],
        ];
        Detail {
            cores: (0..cores)
                .map(|n| Row { labels: core(n).into(), values: self.values(1.0) })
                .collect(),
            softirqs: (0..cores)
                .map(|n| Row { labels: core(n).into(), values: self.values(1.0) })
                .collect(),
            interfaces: [("lo", 0.05), ("eth0", 1.0)]
                .map(|(name, busy)| Row { labels: row(&[name]), values: self.values(busy) })
                .into(),
            disks: disks
                .iter()
                .map(|(name, busy)| Row { labels: row(&[name]), values: self.values(*busy) })
                .collect(),
            filesystems: mounts
                .iter()
                .map(|labels| Row { labels: row(labels), values: self.values(1.0) })
                .collect(),
            processes: Vec::new(),
            containers: Vec::new(),
        }
    }

    /// A value for each column; `busy` is how much of the host's load falls on this row.
    #[expect(clippy::cast_precision_loss, reason = "a few")]
    fn values<C: ColumnSet>(&mut self, busy: f64) -> Values<C> {
        self.all_ticks = 999.0 + (self.numbers.next() % 3) as f64;
        let mut values = Values::default();
        for column in C::ALL {
            let spec = column.spec();
            values.set(*column, self.value(spec.name, spec.unit, spec.kind, busy));
        }
        values
    }

    fn value(&mut self, name: &str, unit: Unit, kind: ColumnKind, busy: f64) -> Option<f64> {
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        // Not asked for, or not known to the kernel or the machine.
        if name.starts_with("processes_") || name == "threads" || has(&["irq_full", "swap_used"]) {
            return None;
        }
        if has(&STILL) {
            return Some(0.0);
        }
        let quiet = busy <= 0.0 || self.numbers.unit() > 0.4 + self.load * busy;
        match unit {
            Unit::Percent if has(&["idle_pct"]) => Some(self.ticks(1.0 - self.load)),
            Unit::Percent if has(&["busy_pct", "user_pct", "system_pct"]) => {
                let share = self.load * busy * if name.contains("system") { 0.2 } else { 0.7 };
                Some(self.ticks(share))
            }
            Unit::Percent if has(&["used"]) => Some(self.level * 100.0),
            Unit::Percent if quiet => Some(0.0),
            Unit::Percent => Some(self.ticks(0.004)),
            Unit::Milliseconds if quiet => None,
            Unit::Milliseconds => Some(0.2 + self.numbers.unit()),
            Unit::PerSecond | Unit::BytesPerSecond if quiet && has(&["block", "reset", "read"]) => {
                Some(0.0)
            }
            Unit::BytesPerSecond => Some(self.rate(busy * self.load * 3e6)),
            Unit::PerSecond => Some(self.rate(busy * self.load * 2e3)),
            Unit::Bytes | Unit::Count if kind == ColumnKind::Whole => Some(self.gauge(name, unit)),
            Unit::Seconds if kind == ColumnKind::Whole => Some(1_774_000_000.0),
            Unit::Seconds => Some(7e5 + self.numbers.unit()),
            _ => Some(self.load * 4.0 * (0.9 + 0.2 * self.numbers.unit())),
        }
    }

    /// A share of the ticks of an interval, of which there are a thousand or one more or less.
    fn ticks(&mut self, share: f64) -> f64 {
        let all = self.all_ticks;
        let spread = 0.6 + 0.8 * self.numbers.unit();
        (share * spread * all).round().clamp(0.0, all) / all * 100.0
    }

    /// A counter's difference by the interval's length.
    fn rate(&mut self, about: f64) -> f64 {
        let spread = 0.5 + self.numbers.unit();
        (about * spread * self.seconds).round() / self.seconds
    }

    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    fn gauge(&mut self, name: &str, unit: Unit) -> f64 {
        let size = name.len() as f64 / 40.0;
        let fixed = ["total", "limit", "max", "size", "inodes", "online", "mounts", "entropy"];
        if fixed.iter().any(|word| name.ends_with(word) || name.contains("total_bytes")) {
            return if unit == Unit::Bytes { 8_589_934_592.0 } else { 512.0 * size.ceil() };
        }
        let moved = if self.numbers.unit() < 0.5 { self.level } else { self.level + 0.0001 };
        match unit {
            // The kernel counts these in KiB.
            Unit::Bytes => (moved * size * 2e6).round() * 1024.0,
            _ => (self.load * size * 90.0 * (0.8 + 0.4 * self.numbers.unit())).round(),
        }
    }
}

/// Number of values of a record that are known.
pub(crate) fn values(record: &Record) -> usize {
    fn known<C: ColumnSet>(values: &Values<C>) -> usize {
        values.iter().filter(|(_, value)| value.is_some()).count()
    }
    fn rows<C: ColumnSet>(rows: &[Row<C>]) -> usize {
        rows.iter().map(|row| known(&row.values)).sum()
    }
    let wide = record.values.as_ref().map_or(0, known::<Column>);
    let detail = record.detail.as_ref().map_or(0, |detail| {
        rows(&detail.cores)
            + rows(&detail.softirqs)
            + rows(&detail.interfaces)
            + rows(&detail.disks)
            + rows(&detail.filesystems)
            + rows(&detail.processes)
            + rows(&detail.containers)
    });
    wide + detail
}
