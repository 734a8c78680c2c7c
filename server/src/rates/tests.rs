use super::machine::{snapshot, table};
use super::*;
use crate::model::{
    ColumnSet, CoreColumn, DiskColumn, FamilyReport, FilesystemColumn, Mount, NetColumn,
    SoftirqColumn, Space, Status, Table,
};

/// user nice system idle iowait irq softirq steal guest guest_nice
const TICKS: [u64; 10] = [1000, 100, 500, 8000, 200, 10, 40, 30, 300, 20];

fn grow<const N: usize>(mut counters: [u64; N], by: [u64; N]) -> [u64; N] {
    for (counter, by) in counters.iter_mut().zip(by) {
        *counter += by;
    }
    counters
}

fn value(rates: &Rates, column: Column) -> Option<f64> {
    rates.values.get(column)
}

fn known<C: ColumnSet>(row: &Row<C>) -> Vec<&'static str> {
    row.values.iter().filter_map(|(c, v)| v.map(|_| c.spec().name)).collect()
}

fn row<'a, C: ColumnSet>(rows: &'a [Row<C>], key: &str) -> &'a Row<C> {
    rows.iter().find(|row| row.labels[0].as_ref() == key).unwrap()
}

fn switches(boot: &str, seconds: u64, count: u64) -> Snapshot {
    snapshot(boot, seconds).counter(Counter::ContextSwitches, count)
}

fn switch_rate(previous: &Snapshot, current: &Snapshot) -> Option<f64> {
    value(&rates(Some(previous), current), Column::ContextSwitchesPerS)
}

#[test]
fn a_counter_is_its_growth_per_second_of_the_probes_clock() {
    assert_eq!(switch_rate(&switches("a", 100, 5000), &switches("a", 110, 6000)), Some(100.0));
    assert_eq!(switch_rate(&switches("a", 100, 5000), &switches("a", 110, 5000)), Some(0.0));
}

#[test]
fn scales_bring_a_rate_into_the_unit_of_its_column() {
    let before = snapshot("a", 100)
        .counter(Counter::PagedInKib, 10)
        .counter(Counter::PressureIoSomeUs, 7_000_000);
    let after = snapshot("a", 110)
        .counter(Counter::PagedInKib, 30)
        .counter(Counter::PressureIoSomeUs, 7_500_000);
    let rates = rates(Some(&before), &after);
    assert_eq!(value(&rates, Column::PagedInBytesPerS), Some(2048.0));
    assert_eq!(value(&rates, Column::PressureIoSomePct), Some(5.0));
}

#[test]
fn no_value_without_two_snapshots_of_one_boot() {
    let now = switches("a", 110, 6000);
    assert_eq!(value(&rates(None, &now), Column::ContextSwitchesPerS), None);
    assert_eq!(switch_rate(&switches("b", 100, 5000), &now), None, "another boot");
    assert_eq!(switch_rate(&switches("a", 110, 5000), &now), None, "no time passed");
    assert_eq!(switch_rate(&switches("a", 111, 5000), &now), None, "time went backwards");
    assert_eq!(switch_rate(&switches("a", 100, 6001), &now), None, "the counter went backwards");
    assert_eq!(switch_rate(&snapshot("a", 100), &now), None, "unknown before");
    assert_eq!(switch_rate(&now, &snapshot("a", 120)), None, "unknown now");
    let mut clone = switches("a", 100, 5000);
    clone.facts.machine_id = Some("ffffffffffffffffffffffffffffffff".into());
    assert_eq!(switch_rate(&clone, &now), None, "a clone of the machine");
}

#[test]
fn without_a_boot_id_the_boot_time_proves_the_boot() {
    let anonymous = |seconds, count, btime: Option<f64>| {
        let mut snapshot = switches("", seconds, count);
        snapshot.facts.boot_id = None;
        snapshot.gauges.set(Column::BootTimeS, btime);
        snapshot
    };
    let before = anonymous(100, 5000, Some(1_700_000_000.0));
    let same = anonymous(110, 6000, Some(1_700_000_000.0));
    assert_eq!(switch_rate(&before, &same), Some(100.0));
    let rebooted = anonymous(110, 6000, Some(1_700_000_300.0));
    assert_eq!(switch_rate(&before, &rebooted), None);
    assert_eq!(switch_rate(&anonymous(100, 5000, None), &anonymous(110, 6000, None)), None);
    // An id on one side only proves nothing by itself either.
    assert_eq!(switch_rate(&before, &switches("a", 110, 6000)), None);
}

#[test]
fn cpu_shares_are_of_the_ticks_between() {
    let by = [20, 5, 10, 50, 5, 2, 3, 5, 8, 1];
    let before = snapshot("a", 100).cpu(TICKS).cores(&[("0", TICKS), ("2", TICKS)]);
    let after = snapshot("a", 101).cpu(grow(TICKS, by)).cores(&[
        ("0", grow(TICKS, by)),
        ("1", TICKS),
        ("2", grow(TICKS, [0; 10])),
    ]);
    let rates = rates(Some(&before), &after);
    // Guest is in user and guest_nice in nice: the sum is 100 without them.
    let expected = [
        (Column::CpuUserPct, 20.0),
        (Column::CpuNicePct, 5.0),
        (Column::CpuSystemPct, 10.0),
        (Column::CpuIdlePct, 50.0),
        (Column::CpuIowaitPct, 5.0),
        (Column::CpuIrqPct, 2.0),
        (Column::CpuSoftirqPct, 3.0),
        (Column::CpuStealPct, 5.0),
        (Column::CpuGuestPct, 8.0),
        (Column::CpuGuestNicePct, 1.0),
        (Column::CpuBusyPct, 40.0),
    ];
    for (column, share) in expected {
        assert_eq!(value(&rates, column), Some(share), "{column:?}");
    }
    assert_eq!(row(&rates.detail.cores, "0").values.get(CoreColumn::BusyPct), Some(40.0));
    assert!(known(row(&rates.detail.cores, "1")).is_empty(), "was offline before");
    assert!(known(row(&rates.detail.cores, "2")).is_empty(), "no tick passed");
    assert_eq!(value(&rates, Column::CpusOnline), Some(3.0));
}

#[test]
fn an_iowait_that_falls_is_unknown_and_the_rest_is_computed_without_it() {
    let mut now = grow(TICKS, [20, 0, 20, 40, 0, 0, 0, 20, 0, 0]);
    now[4] -= 150;
    let rates = rates(Some(&snapshot("a", 1).cpu(TICKS)), &snapshot("a", 2).cpu(now));
    assert_eq!(value(&rates, Column::CpuIowaitPct), None);
    assert_eq!(value(&rates, Column::CpuUserPct), Some(20.0));
    assert_eq!(value(&rates, Column::CpuStealPct), Some(20.0));
    assert_eq!(value(&rates, Column::CpuBusyPct), Some(40.0));
}

#[test]
fn a_steal_or_guest_that_falls_is_unknown_alone() {
    for (state, column) in [(7, Column::CpuStealPct), (8, Column::CpuGuestPct)] {
        let mut now = grow(TICKS, [25, 0, 25, 50, 0, 0, 0, 0, 0, 0]);
        now[state] -= 1;
        let rates = rates(Some(&snapshot("a", 1).cpu(TICKS)), &snapshot("a", 2).cpu(now));
        assert_eq!(value(&rates, column), None);
        assert_eq!(value(&rates, Column::CpuBusyPct), Some(50.0));
    }
}

#[test]
fn a_firm_state_that_falls_takes_the_whole_line_along() {
    for state in [0, 1, 2, 3, 5, 6] {
        let mut now = grow(TICKS, [50; 10]);
        now[state] = TICKS[state] - 1;
        let rates = rates(Some(&snapshot("a", 1).cpu(TICKS)), &snapshot("a", 2).cpu(now));
        for column in [Column::CpuBusyPct, Column::CpuUserPct, Column::CpuGuestPct] {
            assert_eq!(value(&rates, column), None, "state {state}");
        }
    }
}

#[test]
fn a_state_that_the_kernel_lacks_is_left_out() {
    let line = |by: u64| {
        let mut line = TICKS.map(|ticks| Some(ticks + by));
        line[7] = None;
        line[8] = None;
        line
    };
    let (before, after) = (snapshot("a", 1).cpu_line(line(0)), snapshot("a", 2).cpu_line(line(10)));
    let rates = rates(Some(&before), &after);
    assert_eq!(value(&rates, Column::CpuStealPct), None);
    assert_eq!(value(&rates, Column::CpuGuestPct), None);
    assert_eq!(value(&rates, Column::CpuUserPct), Some(14.286));
    // Without one that every kernel has it is no line, and shares of the rest would be too large.
    let broken = |by: u64| {
        let mut line = line(by);
        line[3] = None;
        line
    };
    let after = snapshot("a", 2).cpu_line(broken(10));
    let rates = super::rates(Some(&snapshot("a", 1).cpu_line(broken(0))), &after);
    assert_eq!(value(&rates, Column::CpuUserPct), None);
}

#[test]
fn ticks_are_exact_after_a_year_on_64_cores_and_at_the_end_of_u64() {
    // 64 cores * 100 ticks/s * one year is 2.0e11; the rest is beyond what f64 can tell apart.
    let year = 64 * 100 * 365 * 86_400;
    for start in [year, 1 << 53, (1 << 60) + 1, u64::MAX - 3] {
        let mut before = [start; 10];
        let mut after = before;
        after[0] += 1; // user
        after[3] += 3; // idle
        before[7] = 0;
        after[7] = 0;
        let rates = rates(Some(&snapshot("a", 10).cpu(before)), &snapshot("a", 20).cpu(after));
        assert_eq!(value(&rates, Column::CpuUserPct), Some(25.0), "from {start}");
        assert_eq!(value(&rates, Column::CpuIdlePct), Some(75.0), "from {start}");
        assert_eq!(value(&rates, Column::CpuSystemPct), Some(0.0), "from {start}");
    }
}

#[test]
fn a_sum_of_eight_huge_states_does_not_wrap() {
    let mut all = [u64::MAX; 10];
    all[8] = 0;
    all[9] = 0;
    let rates = rates(Some(&snapshot("a", 1).cpu([0; 10])), &snapshot("a", 2).cpu(all));
    assert_eq!(value(&rates, Column::CpuUserPct), Some(12.5));
    assert_eq!(value(&rates, Column::CpuBusyPct), Some(62.5));
}

#[test]
fn what_cannot_exceed_100_does_not() {
    let before = snapshot("a", 100)
        .counter(Counter::PressureCpuSomeUs, 0)
        .counter(Counter::ProbeCpuUs, 0)
        .disks(&[("sda", [0; 17])]);
    let mut disk = [0; 17];
    disk[9] = 1_003;
    let after = snapshot("a", 101)
        .counter(Counter::PressureCpuSomeUs, 1_002_000)
        .counter(Counter::ProbeCpuUs, 1_500_000)
        .disks(&[("sda", disk)]);
    let rates = rates(Some(&before), &after);
    assert_eq!(value(&rates, Column::PressureCpuSomePct), Some(100.0));
    assert_eq!(value(&rates, Column::DiskBusyMaxPct), Some(100.0));
    assert_eq!(value(&rates, Column::ProbeCpuPct), Some(150.0), "of one core: may exceed 100");
}

#[test]
fn a_probe_that_was_restarted_has_no_cpu_share() {
    let mut before = switches("a", 100, 5_000).counter(Counter::ProbeCpuUs, 1_000);
    before.cost.peak_rss_bytes = 5_000_000;
    let mut after = switches("a", 110, 6_000).counter(Counter::ProbeCpuUs, 9_000);
    after.cost.peak_rss_bytes = 4_000_000;
    let rates = rates(Some(&before), &after);
    assert_eq!(value(&rates, Column::ProbeCpuPct), None);
    assert_eq!(value(&rates, Column::ContextSwitchesPerS), Some(100.0), "the host's go on");
}

#[test]
fn interfaces_have_rows_and_the_physical_ones_are_summed() {
    let before = snapshot("a", 100).interfaces(&[
        ("lo", [7; 16]),
        ("eth0", [1000; 16]),
        ("eth1", [0; 16]),
        ("docker0", [0; 16]),
    ]);
    let after = snapshot("a", 110).interfaces(&[
        ("lo", [107; 16]),
        ("eth1", [10; 16]), // moved up
        ("eth0", [1500; 16]),
        ("docker0", [500; 16]),
        ("eth2", [9999; 16]), // new
    ]);
    let rates = rates(Some(&before), &after);
    let rx = |name| row(&rates.detail.interfaces, name).values.get(NetColumn::RxBytesPerS);
    assert_eq!((rx("lo"), rx("eth0"), rx("eth1")), (Some(10.0), Some(50.0), Some(1.0)));
    assert_eq!((rx("docker0"), rx("eth2")), (Some(50.0), None));
    for column in NET_COLUMNS_SUMMED {
        assert_eq!(value(&rates, column), Some(51.0), "{column:?}");
    }
}

const NET_COLUMNS_SUMMED: [Column; 8] = [
    Column::NetRxBytesPerS,
    Column::NetRxPacketsPerS,
    Column::NetRxErrorsPerS,
    Column::NetRxDroppedPerS,
    Column::NetTxBytesPerS,
    Column::NetTxPacketsPerS,
    Column::NetTxErrorsPerS,
    Column::NetTxDroppedPerS,
];

#[test]
fn every_column_of_an_interface_comes_from_its_own_counter() {
    let after: [u64; 16] = std::array::from_fn(|column| column as u64 + 1);
    let (before, after) = (
        snapshot("a", 1).interfaces(&[("eth0", [0; 16])]),
        snapshot("a", 2).interfaces(&[("eth0", after)]),
    );
    let rates = rates(Some(&before), &after);
    let row = row(&rates.detail.interfaces, "eth0");
    for (index, column) in NetColumn::ALL.iter().enumerate() {
        assert_eq!(row.values.get(*column), Some(index as f64 + 1.0), "{column:?}");
    }
    assert_eq!(value(&rates, Column::NetTxDroppedPerS), Some(12.0));
}

#[test]
fn a_reset_device_has_no_value_and_makes_its_sum_unknown() {
    let mut replaced = [50; 16];
    replaced[2] = 2000; // errors grew, which proves nothing
    let before = snapshot("a", 100).interfaces(&[("eth0", [1000; 16]), ("eth1", [0; 16])]);
    let after = snapshot("a", 110).interfaces(&[("eth0", replaced), ("eth1", [10; 16])]);
    let rates = rates(Some(&before), &after);
    assert!(known(row(&rates.detail.interfaces, "eth0")).is_empty());
    assert_eq!(known(row(&rates.detail.interfaces, "eth1")).len(), 16);
    assert_eq!(value(&rates, Column::NetRxBytesPerS), None);
    assert_eq!(value(&rates, Column::NetRxErrorsPerS), None);
}

#[test]
fn a_reset_device_outside_the_sum_does_not_spoil_it() {
    let before = snapshot("a", 100).interfaces(&[("veth1", [1000; 16]), ("eth0", [0; 16])]);
    let after = snapshot("a", 110).interfaces(&[("veth1", [1; 16]), ("eth0", [10; 16])]);
    assert_eq!(value(&rates(Some(&before), &after), Column::NetRxBytesPerS), Some(1.0));
    // A mapping that is made anew under its old name, on a disk that went on.
    let before = snapshot("a", 100).disks(&[("dm-0", [1000; 17]), ("sda", [0; 17])]);
    let after = snapshot("a", 110).disks(&[("dm-0", [1; 17]), ("sda", [10; 17])]);
    let rates = rates(Some(&before), &after);
    assert_eq!(value(&rates, Column::DiskReadsPerS), Some(1.0));
    assert_eq!(value(&rates, Column::DiskBusyMaxPct), Some(0.1));
}

#[test]
fn a_sum_over_nothing_is_unknown() {
    let before = snapshot("a", 100).interfaces(&[("lo", [0; 16])]).disks(&[("loop0", [0; 17])]);
    let after = snapshot("a", 110)
        .interfaces(&[("lo", [10; 16]), ("eth0", [10; 16])])
        .disks(&[("loop0", [10; 17])]);
    let rates = rates(Some(&before), &after);
    assert_eq!(value(&rates, Column::NetRxBytesPerS), None);
    assert_eq!(value(&rates, Column::DiskReadsPerS), None);
    assert_eq!(value(&rates, Column::DiskBusyMaxPct), None);
}

#[test]
fn a_vanished_device_adds_nothing() {
    let before = snapshot("a", 100).interfaces(&[("eth0", [0; 16]), ("eth1", [0; 16])]);
    let after = snapshot("a", 110).interfaces(&[("eth0", [10; 16])]);
    assert_eq!(value(&rates(Some(&before), &after), Column::NetRxBytesPerS), Some(1.0));
}

#[test]
fn disk_columns() {
    // reads merged sectors ms, writes merged sectors ms, in flight, io, weighted, discards merged
    // sectors ms, flushes ms
    let by = [20, 4, 160, 100, 0, 0, 0, 0, 0, 2_500, 15_000, 5, 1, 16, 50, 10, 30];
    let mut now = grow([100; 17], by);
    now[8] = 3; // in flight: a gauge, may fall
    let before = snapshot("a", 100).disks(&[("sda", [100; 17]), ("sda1", [0; 17])]);
    let after = snapshot("a", 110).disks(&[("sda", now), ("sda1", [0; 17])]);
    let rates = rates(Some(&before), &after);
    let disk = &row(&rates.detail.disks, "sda").values;
    let expected = [
        (DiskColumn::ReadsPerS, Some(2.0)),
        (DiskColumn::ReadsMergedPerS, Some(0.4)),
        (DiskColumn::ReadBytesPerS, Some(8192.0)),
        (DiskColumn::ReadAwaitMs, Some(5.0)),
        (DiskColumn::WritesPerS, Some(0.0)),
        (DiskColumn::WriteAwaitMs, None), // no write, so no time of a write
        (DiskColumn::InFlight, Some(3.0)),
        (DiskColumn::BusyPct, Some(25.0)),
        (DiskColumn::Queue, Some(1.5)),
        (DiskColumn::DiscardsPerS, Some(0.5)),
        (DiskColumn::DiscardsMergedPerS, Some(0.1)),
        (DiskColumn::DiscardedBytesPerS, Some(819.2)),
        (DiskColumn::DiscardAwaitMs, Some(10.0)),
        (DiskColumn::FlushesPerS, Some(1.0)),
        (DiskColumn::FlushAwaitMs, Some(3.0)),
    ];
    for (column, expected) in expected {
        assert_eq!(disk.get(column), expected, "{column:?}");
    }
    // The partition is in the disk already.
    assert_eq!(value(&rates, Column::DiskReadBytesPerS), Some(8192.0));
    assert_eq!(value(&rates, Column::DiskBusyMaxPct), Some(25.0));
}

#[test]
fn a_reset_disk_makes_the_busiest_unknown_too() {
    let before = snapshot("a", 100).disks(&[("sda", [100; 17]), ("sdb", [100; 17])]);
    let after = snapshot("a", 110).disks(&[("sda", [99; 17]), ("sdb", [200; 17])]);
    let rates = rates(Some(&before), &after);
    assert_eq!(value(&rates, Column::DiskBusyMaxPct), None);
    assert_eq!(value(&rates, Column::DiskReadsPerS), None);
}

#[test]
fn columns_that_an_old_kernel_lacks_are_unknown_in_rows_that_are_not() {
    let old = |n: u64| {
        let known = [n];
        let columns = std::array::from_fn(|c| if c < 11 { &known[..] } else { &[] });
        Table::<17>::new(vec!["sda".into()], columns).unwrap()
    };
    let (mut before, mut after) = (snapshot("a", 100), snapshot("a", 110));
    (before.disks, after.disks) = (old(0), old(10));
    let rates = rates(Some(&before), &after);
    let disk = &row(&rates.detail.disks, "sda").values;
    assert_eq!(disk.get(DiskColumn::ReadsPerS), Some(1.0));
    assert_eq!(disk.get(DiskColumn::FlushesPerS), None);
    assert_eq!(disk.get(DiskColumn::DiscardAwaitMs), None);
}

#[test]
fn an_in_flight_below_zero_is_unknown() {
    let mut disk = [0; 17];
    disk[8] = u64::from(u32::MAX);
    let rates = rates(None, &snapshot("a", 1).disks(&[("sda", disk)]));
    assert_eq!(row(&rates.detail.disks, "sda").values.get(DiskColumn::InFlight), None);
}

#[test]
fn soft_interrupts_per_core() {
    let before = snapshot("a", 100).softirqs(&[("0", [0; 10]), ("1", [90; 10])]);
    let after = snapshot("a", 110).softirqs(&[("0", [50; 10]), ("1", [80; 10])]);
    let rates = rates(Some(&before), &after);
    let core = row(&rates.detail.softirqs, "0");
    assert!(SoftirqColumn::ALL.iter().all(|&c| core.values.get(c) == Some(5.0)));
    assert!(known(row(&rates.detail.softirqs, "1")).is_empty());
}

fn process(pid: u32, start_ticks: u64, cpu_ticks: u64) -> Process {
    Process {
        pid,
        comm: "postgres".into(),
        state: "S".into(),
        cpu_ticks,
        rss_bytes: 4096,
        start_ticks,
        threads: 2,
    }
}

#[test]
fn a_process_is_told_by_number_and_start() {
    let (mut before, mut after) = (snapshot("a", 100), snapshot("a", 110));
    before.processes = vec![process(8, 1, 300), process(7, 1, 100)];
    after.processes = vec![process(8, 5, 2000), process(7, 1, 1600), process(9, 9, 50)];
    let rows = rates(Some(&before), &after).detail.processes;
    let cpu = |pid| row(&rows, pid).values.get(ProcessColumn::CpuPct);
    assert_eq!(cpu("7"), Some(150.0));
    assert_eq!(cpu("8"), None, "the number was used again");
    assert_eq!(cpu("9"), None, "was not among the largest before");
    assert_eq!(row(&rows, "9").values.get(ProcessColumn::RssBytes), Some(4096.0));
    assert_eq!(row(&rows, "9").labels[1].as_ref(), "postgres");
    // Ticks are as long as the probe says.
    (before.ticks_per_second, after.ticks_per_second) = (250, 250);
    let rows = rates(Some(&before), &after).detail.processes;
    assert_eq!(row(&rows, "7").values.get(ProcessColumn::CpuPct), Some(60.0));
}

fn mount(point: &str, fs_type: &str, space: Option<Space>, status: Status) -> Mount {
    Mount {
        mount_point: point.into(),
        device: "/dev/x".into(),
        fs_type: fs_type.into(),
        status,
        read_only: fs_type == "squashfs",
        space,
    }
}

#[test]
fn filesystems_and_their_maxima() {
    let space = |size, free, available, inodes| {
        Some(Space { size_bytes: size, free_bytes: free, available_bytes: available, inodes })
    };
    let mut now = snapshot("a", 1);
    now.mounts = vec![
        // 1000 in all, 400 used, 100 kept for root: 400 of 900.
        mount("/", "ext4", space(1000, 600, 500, Some((100, 25))), Status::Ok),
        mount("/snap/x", "squashfs", space(50, 0, 0, Some((10, 0))), Status::Ok),
        mount("/nfs", "nfs4", None, Status::Hung),
        mount("/boot/efi", "vfat", space(100, 80, 80, None), Status::Ok),
        mount("/broken", "fuse.x", space(10, 20, 20, Some((5, 9))), Status::Ok),
        mount("/root/mnt", "fuse.y", None, Status::Denied),
    ];
    let rates = rates(None, &now);
    assert_eq!(value(&rates, Column::FsUsedMaxPct), Some(44.444));
    assert_eq!(value(&rates, Column::FsInodesUsedMaxPct), Some(75.0));
    assert_eq!(value(&rates, Column::FsMounts), Some(6.0));
    assert_eq!(value(&rates, Column::FsHung), Some(1.0));
    assert_eq!(value(&rates, Column::FsReadOnly), Some(1.0));
    let rows = &rates.detail.filesystems;
    assert_eq!(row(rows, "/snap/x").values.get(FilesystemColumn::UsedPct), Some(100.0));
    assert_eq!(known(row(rows, "/nfs")), ["read_only"]);
    assert_eq!(row(rows, "/nfs").labels[3].as_ref(), "hung");
    assert_eq!(row(rows, "/boot/efi").values.get(FilesystemColumn::InodesUsedPct), None);
    assert_eq!(row(rows, "/broken").values.get(FilesystemColumn::UsedPct), None);
}

#[test]
fn no_mounts_are_zero_only_when_the_family_was_read() {
    let mut now = snapshot("a", 1);
    assert_eq!(value(&rates(None, &now), Column::FsMounts), None);
    let report = |status| FamilyReport {
        family: Family::Filesystem,
        status,
        spent_us: 1,
        error: String::new(),
    };
    now.reports = vec![report(Status::Timeout)];
    assert_eq!(value(&rates(None, &now), Column::FsMounts), None);
    now.reports = vec![report(Status::Ok)];
    assert_eq!(value(&rates(None, &now), Column::FsMounts), Some(0.0));
    assert_eq!(value(&rates(None, &now), Column::FsUsedMaxPct), None);
}

#[test]
fn gauges_are_carried_over_and_completed() {
    let now = snapshot("a", 86_400)
        .gauge(Column::Load1, 0.25)
        .gauge(Column::MemTotalBytes, 1000.0)
        .gauge(Column::MemAvailableBytes, 250.0)
        .gauge(Column::SwapTotalBytes, 0.0)
        .gauge(Column::SwapFreeBytes, 0.0);
    let rates = rates(None, &now);
    assert_eq!(value(&rates, Column::Load1), Some(0.25));
    assert_eq!(value(&rates, Column::MemUsedPct), Some(75.0));
    assert_eq!(value(&rates, Column::SwapUsedPct), None, "no swap: a share of nothing");
    assert_eq!(value(&rates, Column::UptimeS), Some(86_400.0));
    let set = now.gauge(Column::UptimeS, 5.0).gauge(Column::SwapTotalBytes, 200.0);
    let rates = super::rates(None, &set.gauge(Column::SwapFreeBytes, 150.0));
    assert_eq!(value(&rates, Column::UptimeS), Some(5.0), "set already");
    assert_eq!(value(&rates, Column::SwapUsedPct), Some(25.0));
}

#[test]
fn what_one_snapshot_does_not_tell_is_unknown() {
    let nothing = snapshot("a", 0);
    let found = rates(None, &nothing);
    assert_eq!(value(&found, Column::UptimeS), None);
    assert_eq!(value(&found, Column::CpusOnline), None, "no core was read");
    let more_than_all = nothing
        .gauge(Column::MemTotalBytes, 1_000.0)
        .gauge(Column::MemAvailableBytes, 1_001.0)
        .cores(&[("0", TICKS), ("1", TICKS)]);
    let found = rates(None, &more_than_all);
    assert_eq!(value(&found, Column::MemUsedPct), None, "a share under 0");
    assert_eq!(value(&found, Column::CpusOnline), Some(2.0), "as many as were read");
    let mut told = more_than_all;
    told.facts.cpus = Some(64);
    let online = value(&rates(None, &told), Column::CpusOnline);
    assert_eq!(online, Some(64.0), "the kernel's own word counts, not what a filter left");
}

#[test]
fn an_empty_family_leaves_an_empty_list() {
    let rates = rates(Some(&snapshot("a", 1)), &snapshot("a", 2));
    assert_eq!(rates.detail, Detail::default());
    let empty: Table<1> = table(&[]);
    assert!(empty.keys().is_empty());
}
