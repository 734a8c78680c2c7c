//! A counter's growth per second, and when there is none: of the host, its probe and its processes.

use super::*;

fn switches(boot: &str, seconds: u64, count: u64) -> Snapshot {
    snapshot(boot, seconds).counter(Column::ContextSwitchesPerS, count)
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
        .counter(Column::PagedInBytesPerS, 10)
        .counter(Column::PressureIoSomePct, 7_000_000);
    let after = snapshot("a", 110)
        .counter(Column::PagedInBytesPerS, 30)
        .counter(Column::PressureIoSomePct, 7_500_000);
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
fn what_cannot_exceed_100_does_not() {
    let before = snapshot("a", 100)
        .counter(Column::PressureCpuSomePct, 0)
        .counter(Column::ProbeCpuPct, 0)
        .disks(&[("sda", [0; 17])]);
    let mut disk = [0; 17];
    disk[9] = 1_003;
    let after = snapshot("a", 101)
        .counter(Column::PressureCpuSomePct, 1_002_000)
        .counter(Column::ProbeCpuPct, 1_500_000)
        .disks(&[("sda", disk)]);
    let rates = rates(Some(&before), &after);
    assert_eq!(value(&rates, Column::PressureCpuSomePct), Some(100.0));
    assert_eq!(value(&rates, Column::DiskBusyMaxPct), Some(100.0));
    assert_eq!(value(&rates, Column::ProbeCpuPct), Some(150.0), "of one core: may exceed 100");
}

#[test]
fn a_probe_that_was_restarted_has_no_cpu_share() {
    let mut before = switches("a", 100, 5_000).counter(Column::ProbeCpuPct, 1_000);
    before.cost.peak_rss_bytes = 5_000_000;
    let mut after = switches("a", 110, 6_000).counter(Column::ProbeCpuPct, 9_000);
    after.cost.peak_rss_bytes = 4_000_000;
    let rates = rates(Some(&before), &after);
    assert_eq!(value(&rates, Column::ProbeCpuPct), None);
    assert_eq!(value(&rates, Column::ContextSwitchesPerS), Some(100.0), "the host's go on");
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
    // More than all CPUs of the host have in that time.
    (before.facts.cpus, after.facts.cpus) = (Some(1), Some(1));
    after.processes = vec![process(7, 1, 1 << 60)];
    let rows = rates(Some(&before), &after).detail.processes;
    assert_eq!(row(&rows, "7").values.get(ProcessColumn::CpuPct), None);
}

#[test]
fn datagrams_of_both_families_are_one_rate() {
    use crate::model::{Family, FamilyReport, Status};
    let rate = |v4: [Option<u64>; 2], v6: [Option<u64>; 2], status: Status| {
        let machine = |seconds, at: usize| {
            let mut machine = snapshot("a", seconds);
            machine.counters.set(Counter::place(Column::UdpInDatagramsPerS, false), v4[at]);
            machine.counters.set(Counter::place(Column::UdpInDatagramsPerS, true), v6[at]);
            let family = Family::Sockets;
            machine.reports = vec![FamilyReport { family, status, spent_us: 1, error: "".into() }];
            machine
        };
        value(&rates(Some(&machine(1, 0)), &machine(11, 1)), Column::UdpInDatagramsPerS)
    };
    let (v4, v6) = ([Some(0), Some(30)], [Some(5), Some(55)]);
    assert_eq!(rate(v4, v6, Status::Ok), Some(8.0));
    // A kernel without IPv6, and one where it could not be read.
    assert_eq!(rate(v4, [None, None], Status::Ok), Some(3.0));
    assert_eq!(rate(v4, [None, None], Status::Partial), None);
    // It came meanwhile, with all that it counted since the boot; it started over.
    assert_eq!(rate(v4, [None, Some(1 << 40)], Status::Ok), None);
    assert_eq!(rate(v4, [Some(9), Some(8)], Status::Ok), None);
    assert_eq!(rate([None, Some(30)], v6, Status::Ok), None);
}
