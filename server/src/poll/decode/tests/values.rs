//! What an answer becomes: every value in its unit, and what is not there unknown.

use super::*;
use crate::model::{Column, Counter, Counters, Space};

#[test]
fn every_value_of_a_full_answer_arrives_in_its_unit() {
    insta::assert_debug_snapshot!(decode(&full()).unwrap());
}

#[test]
fn no_counter_is_forgotten_or_taken_for_another() {
    let counters = decode(&full()).unwrap().counters;
    let mut values: Vec<u64> = counters
        .all()
        .iter()
        .zip(Counter::ALL)
        .map(|(value, c)| value.unwrap_or_else(|| panic!("{c:?}")))
        .collect();
    values.sort_unstable();
    values.dedup();
    assert_eq!(values.len(), Counter::ALL.len());
}

#[test]
fn what_an_older_probe_leaves_out_is_unknown() {
    let decoded = decode(&least()).unwrap();
    assert_eq!(decoded.view, ProbeView::Unknown);
    assert_eq!(decoded.facts, Facts::default());
    assert!(decoded.reports.is_empty());
    assert_eq!(decoded.cpu, [None; 10]);
    let known: Vec<_> = decoded.gauges.iter().filter(|(_, value)| value.is_some()).collect();
    assert_eq!(known, []);
    assert_eq!(decoded.counters, Counters::default());
}

#[test]
fn what_a_newer_probe_adds_is_passed_by() {
    let mut wire = least();
    wire.view = 99;
    wire.reports = vec![
        v1::FamilyReport { family: 77, status: 1, ..v1::FamilyReport::default() },
        v1::FamilyReport { family: 1, status: 88, ..v1::FamilyReport::default() },
    ];
    // Field 99 of a newer contract, as varint: of the answer, and of a message in it.
    const FIELD_99: [u8; 3] = [0x98, 0x06, 0x01];
    wire.sockets = Some(v1::Sockets { used: Some(7), ..v1::Sockets::default() });
    let mut bytes = wire.encode_to_vec();
    bytes.extend(FIELD_99);
    const SOCKETS: u32 = 20;
    prost::encoding::bytes::encode(SOCKETS, &FIELD_99.to_vec(), &mut bytes);
    let decoded = snapshot(bytes.as_slice()).unwrap();
    assert_eq!(decoded.view, ProbeView::Unknown);
    assert_eq!(decoded.gauges.get(Column::SocketsUsed), Some(7.0));
    let [report] = decoded.reports.as_slice() else { panic!("{:?}", decoded.reports) };
    assert_eq!((report.family, report.status), (Family::Cpu, Status::Partial));
    assert_eq!(report.error, "the probe reports status 88, not known here");
}

#[test]
fn only_what_tells_machines_apart_is_a_machine_id() {
    assert_eq!(
        machine_id(" 0123456789ABCDEF0123456789abcdef\n").as_deref(),
        Some("0123456789abcdef0123456789abcdef")
    );
    for bad in [
        "",
        "uninitialized",
        "00000000000000000000000000000000",
        "0123",
        "g123456789abcdef0123456789abcdef",
    ] {
        assert_eq!(machine_id(bad), None, "{bad}");
    }
}

#[test]
fn sizes_that_cannot_be_are_unknown() {
    let mut wire = full();
    wire.filesystem.as_mut().unwrap().blocks[0] = u64::MAX;
    let mounts = decode(&wire).unwrap().mounts;
    assert_eq!(mounts[0].space, None, "more bytes than can be counted");
    let image = Space { size_bytes: 1_310_720, free_bytes: 0, available_bytes: 0, inodes: None };
    assert_eq!(mounts[1].space, Some(image), "without inodes, and not spoilt by the first");
}

/// What one answer held must not show in the next, whichever of its parts that one lacks, and
/// however the first one ended.
#[test]
fn nothing_is_left_of_the_answer_before() {
    let full = full().encode_to_vec();
    let least = least().encode_to_vec();
    let cut = &full[..full.len() - 1];
    let mut wire = Wire::default();
    for bytes in [&full[..], &least, &full, cut, &least, &full, &full] {
        assert_eq!(wire.snapshot(bytes), snapshot(bytes));
    }
}

/// The value of a host-wide column after a change of a full answer.
fn after(column: Column, change: impl FnOnce(&mut v1::Snapshot)) -> Option<f64> {
    let mut wire = full();
    change(&mut wire);
    decode(&wire).unwrap().gauges.get(column)
}

#[test]
fn a_value_that_cannot_be_is_unknown() {
    let unknown: [(Column, Change); 21] = [
        (Column::Load1, |s| s.load.as_mut().unwrap().load1_hundredths = Some(u32::MAX)),
        (Column::LoadRunnableTasks, |s| s.load.as_mut().unwrap().runnable_tasks = Some(u32::MAX)),
        (Column::LoadTotalTasks, |s| s.load.as_mut().unwrap().total_tasks = Some(4_194_305)),
        (Column::MemTotalBytes, |s| s.memory.as_mut().unwrap().total_kib = Some(u64::MAX)),
        (Column::MemTotalBytes, |s| s.memory.as_mut().unwrap().total_kib = Some(1 << 54)),
        (Column::MemFreeBytes, |s| s.memory.as_mut().unwrap().free_kib = Some(8_000_001)),
        (Column::MemAvailableBytes, |s| s.memory.as_mut().unwrap().total_kib = Some(1_999_999)),
        (Column::SwapFreeBytes, |s| s.memory.as_mut().unwrap().swap_free_kib = Some(1001)),
        (Column::HugePagesFree, |s| s.memory.as_mut().unwrap().huge_pages_total = Some(0)),
        (Column::MemCachedBytes, |s| s.memory.as_mut().unwrap().cached_kib = Some(u64::MAX)),
        (Column::HugePagesTotal, |s| s.memory.as_mut().unwrap().huge_pages_total = Some(u64::MAX)),
        (Column::BootTimeS, |s| s.system.as_mut().unwrap().boot_time_s = Some(u64::MAX)),
        (Column::ProcsRunning, |s| s.system.as_mut().unwrap().procs_running = Some(1 << 40)),
        (Column::ProcsBlocked, |s| s.system.as_mut().unwrap().procs_blocked = Some(u64::MAX)),
        (Column::FileHandles, |s| s.system.as_mut().unwrap().file_handles = Some(u64::MAX)),
        (Column::EntropyBits, |s| s.system.as_mut().unwrap().entropy_bits = Some(u64::MAX)),
        (Column::PressureIoSomeAvg10Pct, |s| {
            let stall = s.pressure.as_mut().unwrap().io_some.as_mut().unwrap();
            stall.avg10_hundredths = 10_001;
        }),
        (Column::SocketsUsed, |s| s.sockets.as_mut().unwrap().used = Some(u64::MAX)),
        (Column::TcpMemoryBytes, |s| {
            s.sockets.as_mut().unwrap().tcp_memory_pages = Some(u64::MAX);
        }),
        (Column::TcpMemoryBytes, |s| s.identity.as_mut().unwrap().page_size_bytes = 4097),
        (Column::Threads, |s| s.processes.as_mut().unwrap().threads = u32::MAX),
    ];
    for (position, (column, change)) in unknown.into_iter().enumerate() {
        assert!(
            after(column, |_| ()).is_some(),
            "{position}: {column:?} is not in the full answer"
        );
        assert_eq!(after(column, change), None, "{position}: {column:?}");
    }
    let mut wire = full();
    wire.identity.as_mut().unwrap().cpus = Some(8193);
    assert_eq!(decode(&wire).unwrap().facts.cpus, None);
    // As systemd sets it, to be without a limit.
    let most = after(Column::FileHandlesMax, |s| {
        s.system.as_mut().unwrap().file_handles_max = Some(i64::MAX.unsigned_abs());
    });
    assert_eq!(most, Some(9_223_372_036_854_775_808.0));
}

#[test]
fn a_filesystem_whose_parts_exceed_it_has_no_sizes() {
    let after = |change: fn(&mut v1::Filesystem)| {
        let mut wire = full();
        change(wire.filesystem.as_mut().unwrap());
        let decoded = decode(&wire).unwrap();
        assert_eq!(decoded.reports, decode(&full()).unwrap().reports);
        decoded.mounts[0].space
    };
    assert!(after(|_| ()).is_some());
    assert_eq!(after(|fs| fs.blocks_available[0] = 301), None);
    assert_eq!(after(|fs| fs.blocks_free[0] = 1001), None);
    assert_eq!(after(|fs| fs.block_size_bytes[0] = 0), None);
    assert_eq!(after(|fs| fs.block_size_bytes[0] = (1 << 30) + 1), None);
    assert_eq!(after(|fs| fs.blocks[0] = 1 << 51), None, "2^63 bytes");
    let space = after(|fs| fs.inodes_free[0] = 501).unwrap();
    assert_eq!((space.size_bytes, space.inodes), (4_096_000, None));
}

#[test]
fn a_report_says_when_sums_go_by_names() {
    let of_network = |wire: &v1::Snapshot| {
        let snapshot = decode(wire).unwrap();
        let report = snapshot.reports.iter().find(|report| report.family == Family::Network);
        report.map(|report| (report.status, report.error.clone())).unwrap()
    };
    let mut wire = full();
    wire.reports.push(v1::FamilyReport {
        family: v1::Family::Network.into(),
        status: v1::Status::Ok.into(),
        ..v1::FamilyReport::default()
    });
    assert_eq!(of_network(&wire), (Status::Ok, String::new()));
    wire.network.as_mut().unwrap().layer.clear();
    let (status, words) = of_network(&wire);
    assert_eq!(status, Status::Ok, "it is no fault");
    assert!(words.contains("sums go by names"), "{words}");
}

/// What a row of the table of columns names must fill that column: after two full answers of one boot no
/// column is without a value.
#[test]
fn two_full_answers_fill_every_column() {
    let mut answers = [full_from(1_000), full_from(5_000)];
    for (wire, seconds) in answers.iter_mut().zip([1_000, 1_200]) {
        wire.clocks.as_mut().unwrap().boottime_ns = seconds * 1_000_000_000;
        let total = wire.cpu.as_mut().unwrap().total.as_mut().unwrap();
        total.guest_nice = Some(seconds);
    }
    let [before, now] = answers.map(|wire| decode(&wire).unwrap());
    let values = crate::rates::rates(Some(&before), &now).values;
    let empty: Vec<_> = values.iter().filter(|(_, value)| value.is_none()).collect();
    assert_eq!(empty, []);
}
