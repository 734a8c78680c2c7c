//! What an answer becomes: every value in its unit, and what is not there unknown.

use super::*;
use crate::model::{Counter, Space};

#[test]
fn every_value_of_a_full_answer_arrives_in_its_unit() {
    insta::assert_debug_snapshot!(decode(&full()).unwrap());
}

#[test]
fn no_counter_is_forgotten_or_taken_for_another() {
    let counters = decode(&full()).unwrap().counters;
    let mut values: Vec<u64> =
        Counter::ALL.iter().map(|c| counters.get(*c).unwrap_or_else(|| panic!("{c:?}"))).collect();
    values.sort_unstable();
    values.dedup();
    assert_eq!(values.len(), Counter::ALL.len());
}

#[test]
fn what_an_older_probe_leaves_out_is_unknown() {
    let decoded = decode(&least()).unwrap();
    assert_eq!(decoded.view, View::Unknown);
    assert_eq!(decoded.facts, Facts::default());
    assert!(decoded.reports.is_empty());
    assert_eq!(decoded.cpu, [None; 10]);
    let known: Vec<_> = decoded.gauges.iter().filter(|(_, value)| value.is_some()).collect();
    assert_eq!(known, []);
    assert!(Counter::ALL.iter().all(|counter| decoded.counters.get(*counter).is_none()));
}

#[test]
fn what_a_newer_probe_adds_is_passed_by() {
    let mut wire = least();
    wire.view = 99;
    wire.reports = vec![
        v1::FamilyReport { family: 77, status: 1, ..v1::FamilyReport::default() },
        v1::FamilyReport { family: 1, status: 88, ..v1::FamilyReport::default() },
    ];
    // Field 99 of a newer contract, as varint.
    let mut bytes = wire.encode_to_vec();
    bytes.extend([0x98, 0x06, 0x01]);
    let decoded = snapshot(bytes.as_slice()).unwrap();
    assert_eq!(decoded.view, View::Unknown);
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
