use std::collections::BTreeSet;

use super::{
    super::{
        ServerCells,
        judge::tests::{Bench, failed, record, row},
        parse,
    },
    *,
};
use crate::model::{
    AlarmState, Cause, Column, Detail, DiskColumn, FilesystemColumn, HostId, NetColumn, Outcome,
    Record, State,
};

/// What a host says in one poll, and what is known of it.
struct Scene {
    bench: Bench,
    record: Record,
}

type Column3<C> = (C, f64, f64);

/// One rule: its name, and what sets a scene in which it holds, or in which it nearly does. The number is that
/// of the poll.
struct Case(&'static str, Set);

type Set = Box<dyn Fn(&mut Scene, bool, i64)>;

fn host(name: &'static str, values: &'static [Column3<Column>]) -> Case {
    Case(
        name,
        Box::new(move |scene, holds, _| {
            let Some(cells) = &mut scene.record.values else { return };
            for (column, firing, quiet) in values {
                cells.set(*column, if holds { *firing } else { *quiet });
            }
        }),
    )
}

fn told<C: Copy>(values: &[Column3<C>], holds: bool) -> Vec<(C, f64)> {
    values
        .iter()
        .map(|(column, firing, quiet)| (*column, if holds { *firing } else { *quiet }))
        .collect()
}

fn filesystem(name: &'static str, values: &'static [Column3<FilesystemColumn>]) -> Case {
    Case(
        name,
        Box::new(move |scene, holds, _| {
            let filesystems = vec![row(&["/srv", "/dev/sda", "ext4", "ok"], &told(values, holds))];
            scene.record.detail = Some(Detail { filesystems, ..Detail::default() });
        }),
    )
}

fn interface(name: &'static str, values: &'static [Column3<NetColumn>]) -> Case {
    Case(
        name,
        Box::new(move |scene, holds, _| {
            let interfaces = vec![row(&["eth0"], &told(values, holds))];
            scene.record.detail = Some(Detail { interfaces, ..Detail::default() });
        }),
    )
}

fn of_hosts() -> Vec<Case> {
    vec![
        Case(
            "host-down",
            Box::new(|scene, holds, poll| {
                let state = if holds { State::Down } else { State::Suspect };
                scene.record = failed(poll * 10, state);
            }),
        ),
        Case(
            "host-degraded",
            Box::new(|scene, holds, poll| {
                // Five minutes less one poll.
                if holds || poll % 30 != 0 {
                    scene.record.state = State::Degraded;
                    scene.record.outcome = Outcome::Partial;
                    scene.bench.cause = Some(Cause::PartialAnswer);
                }
            }),
        ),
        Case("host-flapping", Box::new(|scene, holds, _| scene.bench.flapping = holds)),
        Case(
            "two-hosts-one-machine",
            Box::new(|scene, holds, poll| {
                if holds || poll == 9 {
                    scene.record.state = State::Degraded;
                    scene.bench.cause = Some(Cause::Duplicate);
                }
            }),
        ),
        Case(
            "certificate-ends",
            Box::new(|scene, holds, poll| {
                if holds || poll == 9 {
                    scene.record.state = State::Degraded;
                    scene.bench.cause = Some(Cause::Certificate);
                }
            }),
        ),
        Case(
            "rebooted",
            Box::new(|scene, holds, poll| {
                let boot = if holds && poll > 5 { "two" } else { "one" };
                scene.record.boot_id = Some(boot.into());
            }),
        ),
        Case(
            "clock-skew",
            Box::new(|scene, holds, _| {
                scene.record.clock_skew_ms = Some(if holds { -2_001 } else { -2_000 });
            }),
        ),
        Case(
            "probe-old",
            Box::new(|scene, holds, _| {
                scene.bench.probe_version = if holds { "0.9.12" } else { "1.0.0" };
            }),
        ),
    ]
}

fn of_processors_and_memory() -> Vec<Case> {
    vec![
        host("cpu-pressure", &[(Column::PressureCpuSomeAvg10Pct, 61.0, 60.0)]),
        host("cpu-steal", &[(Column::CpuStealPct, 11.0, 10.0)]),
        host(
            "load-high",
            &[
                (Column::Load5, 9.0, 9.0),
                (Column::Load15, 7.0, 6.0),
                (Column::CpusOnline, 4.0, 4.0),
            ],
        ),
        host("memory-pressure", &[(Column::PressureMemoryFullAvg10Pct, 6.0, 5.0)]),
        host("memory-low", &[(Column::MemUsedPct, 95.1, 95.0)]),
        host(
            "swap-storm",
            &[
                (Column::SwappedInPagesPerS, 501.0, 9_000.0),
                (Column::SwappedOutPagesPerS, 501.0, 500.0),
            ],
        ),
        host("oom-kill", &[(Column::OomKillsPerS, 0.1, 0.0)]),
        host("memory-broken", &[(Column::MemHardwareCorruptedBytes, 4_096.0, 0.0)]),
        host("io-pressure", &[(Column::PressureIoFullAvg10Pct, 41.0, 40.0)]),
        host(
            "tcp-retransmits",
            &[
                (Column::TcpOutSegmentsPerS, 101.0, 100.0),
                (Column::TcpRetransmittedSegmentsPerS, 6.0, 6.0),
            ],
        ),
        host("tcp-listen-drops", &[(Column::TcpListenDropsPerS, 1.1, 1.0)]),
        host(
            "conntrack-full",
            // No limit is no share of it.
            &[(Column::ConntrackEntries, 95.0, 95.0), (Column::ConntrackLimit, 100.0, 0.0)],
        ),
        host(
            "file-handles-low",
            &[(Column::FileHandles, 91.0, 90.0), (Column::FileHandlesMax, 100.0, 100.0)],
        ),
        host(
            "tasks-blocked",
            &[(Column::ProcsBlocked, 11.0, 11.0), (Column::CpusOnline, 4.0, 8.0)],
        ),
    ]
}

fn of_rows() -> Vec<Case> {
    use FilesystemColumn::{AvailableBytes, InodesUsedPct, ReadOnly, UsedPct};
    vec![
        Case(
            "disk-filling",
            Box::new(|scene, holds, poll| {
                // Of 100,000 bytes 10,000 are left: gone in 7 hours at 4 a poll, or in 28 at 1.
                let gone = if holds { 4 * poll } else { poll };
                let left = f64::from(i32::try_from(10_000 - gone).unwrap());
                let values = [(UsedPct, 90.0), (AvailableBytes, left), (ReadOnly, 0.0)];
                let filesystems = vec![row(&["/srv", "/dev/sda", "ext4", "ok"], &values)];
                scene.record.detail = Some(Detail { filesystems, ..Detail::default() });
            }),
        ),
        filesystem("disk-full", &[(UsedPct, 95.1, 100.0), (ReadOnly, 0.0, 1.0)]),
        filesystem("inodes-low", &[(InodesUsedPct, 90.1, 90.0)]),
        Case(
            "disk-read-only",
            Box::new(|scene, holds, poll| {
                let read_only = if holds { f64::from(u8::from(poll > 20)) } else { 1.0 };
                let labels = ["/srv", "/dev/sda", "ext4", "ok"];
                let filesystems = vec![row(&labels, &[(ReadOnly, read_only)])];
                scene.record.detail = Some(Detail { filesystems, ..Detail::default() });
            }),
        ),
        Case(
            "mount-hung",
            Box::new(|scene, holds, poll| {
                let status = if holds || poll % 2 == 0 { "hung" } else { "ok" };
                let filesystems = vec![row(&["/srv", "nas:/srv", "nfs", status], &[])];
                scene.record.detail = Some(Detail { filesystems, ..Detail::default() });
            }),
        ),
        Case(
            "disk-slow",
            Box::new(|scene, holds, _| {
                let slow = if holds { 101.0 } else { 100.0 };
                let values = [
                    (DiskColumn::BusyPct, 99.0),
                    (DiskColumn::WriteAwaitMs, slow),
                    (DiskColumn::ReadAwaitMs, 1.0),
                ];
                let disks = vec![row(&["sda"], &values)];
                scene.record.detail = Some(Detail { disks, ..Detail::default() });
            }),
        ),
        interface(
            "nic-errors",
            &[(NetColumn::RxErrorsPerS, 0.6, 0.5), (NetColumn::TxErrorsPerS, 0.5, 0.5)],
        ),
        interface(
            "nic-drops",
            &[(NetColumn::RxDroppedPerS, 11.0, 11.0), (NetColumn::RxPacketsPerS, 1_000.0, 2_000.0)],
        ),
    ]
}

fn server_cells() -> ServerCells {
    ServerCells {
        rows_lost: 0.0,
        store_away_s: 0.0,
        late_ms: 0.0,
        spool_rows: 0.0,
        isolated: 0.0,
        certificate_left_s: f64::NAN,
    }
}

type ServerCase = (&'static str, fn(&mut ServerCells, bool));

const OF_THE_SERVER: [ServerCase; 5] = [
    ("server-polls-lost", |cells, holds| cells.rows_lost = if holds { 1.0 } else { 0.0 }),
    ("server-store-away", |cells, holds| cells.store_away_s = if holds { 61.0 } else { 60.0 }),
    ("server-late", |cells, holds| cells.late_ms = if holds { 1_001.0 } else { 1_000.0 }),
    ("server-isolated", |cells, holds| cells.isolated = f64::from(u8::from(holds))),
    ("server-certificate-ends", |cells, holds| {
        cells.certificate_left_s = 14.0 * 86_400.0 - if holds { 1.0 } else { 0.0 };
    }),
];

/// Two hours of polls, every ten seconds: the names of the rules that fired.
fn fired(case: &Case, holds: bool) -> BTreeSet<String> {
    let mut scene = Scene { bench: Bench::new(HostId(1), SHIPPED), record: record(0) };
    let mut fired = BTreeSet::new();
    for poll in 1..720 {
        scene.record = record(poll * 10);
        scene.bench.cause = None;
        (case.1)(&mut scene, holds, poll);
        let judged = scene.bench.poll(&scene.record);
        let firing = judged.events.iter().filter(|event| event.to == AlarmState::Firing);
        fired.extend(firing.map(|event| event.key.rule.to_string()));
    }
    fired
}

#[test]
fn each_rule_fires_when_it_should_and_only_then() {
    let rules = parse("shipped.toml", SHIPPED).unwrap_or_else(|e| panic!("{e}"));
    assert!(rules.list.len() >= 24 && rules.disabled.is_empty());
    let mut tried = BTreeSet::new();
    for case in [of_hosts(), of_processors_and_memory(), of_rows()].into_iter().flatten() {
        assert_eq!(fired(&case, true), [case.0.to_owned()].into());
        assert_eq!(fired(&case, false), BTreeSet::new(), "{}", case.0);
        tried.insert(case.0.to_owned());
    }
    for (name, set) in OF_THE_SERVER {
        for holds in [true, false] {
            let mut bench = Bench::new(HostId::SERVER, SHIPPED);
            let mut cells = server_cells();
            set(&mut cells, holds);
            let events = (1..60).flat_map(|poll| bench.server(poll * 10, &cells).events);
            let fired: BTreeSet<String> = events.map(|event| event.key.rule.to_string()).collect();
            let expected = if holds { BTreeSet::from([name.to_owned()]) } else { BTreeSet::new() };
            assert_eq!(fired, expected);
        }
        tried.insert(name.to_owned());
    }
    let all: BTreeSet<String> = rules.list.iter().map(|rule| rule.name.to_string()).collect();
    assert_eq!(tried, all, "each rule has its case");
}

#[test]
fn each_rule_says_how_it_reads_and_no_line_is_too_long() {
    let rules = parse("shipped.toml", SHIPPED).unwrap();
    let described = SHIPPED.matches("\nsummary = \"").count();
    assert_eq!(described, rules.list.len());
    for line in SHIPPED.lines() {
        assert!(line.chars().count() <= 125, "{line}");
    }
}
