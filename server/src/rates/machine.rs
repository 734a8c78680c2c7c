//! An imitation machine for the tests: counters that grow, and snapshots of them.

use crate::model::{
    CPU_STATES, Clocks, Column, Containers, Cost, Counter, CounterTable, Counters, CpuTicks,
    DISK_COLUMNS, Facts, NET_COLUMNS, ProbeView, SOFTIRQ_COLUMNS, Snapshot, Values,
};

/// A snapshot with nothing in it, `seconds` after the boot named `boot`.
pub(crate) fn snapshot(boot: &str, seconds: u64) -> Snapshot {
    Snapshot {
        facts: Facts {
            machine_id: Some("0123456789abcdef0123456789abcdef".into()),
            boot_id: Some(boot.into()),
            ..Facts::default()
        },
        clocks: Clocks { wall_ns: 0, boottime_ns: seconds * 1_000_000_000 },
        view: ProbeView::Host,
        ticks_per_second: 100,
        certificate_ends: None,
        reports: Vec::new(),
        cost: Cost::default(),
        gauges: Values::default(),
        counters: Counters::default(),
        cpu: [None; CPU_STATES],
        cores: CounterTable::default(),
        softirqs: CounterTable::default(),
        interfaces: CounterTable::default(),
        disks: CounterTable::default(),
        mounts: Vec::new(),
        processes: Vec::new(),
        containers: Containers::default(),
    }
}

impl Snapshot {
    pub(super) fn counter(mut self, column: Column, value: u64) -> Self {
        self.counters.set(Counter::place(column, false), Some(value));
        self
    }

    pub(super) fn gauge(mut self, column: Column, value: f64) -> Self {
        self.gauges.set(column, value);
        self
    }

    pub(super) fn cpu(mut self, ticks: [u64; CPU_STATES]) -> Self {
        self.cpu = ticks.map(Some);
        self
    }

    pub(super) fn cpu_line(mut self, ticks: CpuTicks) -> Self {
        self.cpu = ticks;
        self
    }

    pub(super) fn cores(mut self, cores: &[(&str, [u64; CPU_STATES])]) -> Self {
        self.cores = table(cores);
        self
    }

    pub(super) fn softirqs(mut self, cores: &[(&str, [u64; SOFTIRQ_COLUMNS])]) -> Self {
        self.softirqs = table(cores);
        self
    }

    pub(super) fn interfaces(mut self, interfaces: &[(&str, [u64; NET_COLUMNS])]) -> Self {
        self.interfaces = table(interfaces);
        self
    }

    pub(super) fn disks(mut self, disks: &[(&str, [u64; DISK_COLUMNS])]) -> Self {
        self.disks = table(disks);
        self
    }
}

/// A table of rows, laid out by column as the wire has it.
pub(super) fn table<const N: usize>(rows: &[(&str, [u64; N])]) -> CounterTable<N> {
    let keys = rows.iter().map(|(key, _)| (*key).into()).collect();
    let columns: [Vec<u64>; N] =
        std::array::from_fn(|c| rows.iter().map(|(_, values)| values[c]).collect());
    CounterTable::new(keys, columns.each_ref().map(Vec::as_slice)).unwrap()
}
