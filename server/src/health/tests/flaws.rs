//! What is wrong with a good answer.

use super::*;
use crate::model::{
    CPU_STATES, Clocks, Cost, CounterTable, Counters, Facts, FamilyReport, ProbeView, Snapshot,
    Values,
};

fn answer(view: ProbeView, reports: &[(Family, Status, &str)]) -> Snapshot {
    let report = |&(family, status, error): &(Family, Status, &str)| FamilyReport {
        family,
        status,
        spent_us: 1,
        error: error.to_owned(),
    };
    Snapshot {
        facts: Facts::default(),
        clocks: Clocks { wall_ns: 0, boottime_ns: 1 },
        view,
        ticks_per_second: 100,
        certificate_ends: None,
        reports: reports.iter().map(report).collect(),
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
        containers: crate::model::Containers::default(),
    }
}

fn words(snapshot: &Snapshot, outcome: Outcome, skew: Option<i64>) -> Vec<String> {
    let skew = skew.map(|ms| Skew { ms, bound_ms: 0 });
    crate::health::flaws(snapshot, outcome, skew, &POLICY)
        .iter()
        .map(|flaw| format!("{}: {flaw}", flaw.cause()))
        .collect()
}

#[test]
fn a_whole_answer_has_none() {
    let whole = answer(ProbeView::Host, &[(Family::Cpu, Status::Ok, "")]);
    assert!(words(&whole, Outcome::Ok, Some(12)).is_empty());
    assert!(words(&whole, Outcome::Ok, None).is_empty());
}

#[test]
fn what_the_kernel_never_had_is_none() {
    let old = answer(ProbeView::Host, &[(Family::Pressure, Status::Absent, "no /proc/pressure")]);
    assert!(words(&old, Outcome::Ok, None).is_empty());
    // The poll says partial and nothing else explains it: it was there before.
    assert_eq!(
        words(&old, Outcome::Partial, None),
        ["partial_answer: pressure is absent (no /proc/pressure)"]
    );
    let other = answer(
        ProbeView::Host,
        &[
            (Family::Pressure, Status::Absent, "no /proc/pressure"),
            (Family::Disk, Status::Denied, ""),
        ],
    );
    assert_eq!(words(&other, Outcome::Partial, None), ["partial_answer: disk is denied"]);
    // What was read is not blamed, and a container's values do not explain what is missing.
    let contained = answer(
        ProbeView::Container,
        &[(Family::Cpu, Status::Ok, ""), (Family::Pressure, Status::Absent, "")],
    );
    assert_eq!(
        words(&contained, Outcome::Partial, None),
        [
            "wrong_view: the probe sees a container, not the host",
            "partial_answer: pressure is absent"
        ]
    );
}

#[test]
fn every_status_but_ok_and_absent_is_one() {
    for status in
        [Status::Partial, Status::Denied, Status::Timeout, Status::Hung, Status::Malformed]
    {
        let bad = answer(ProbeView::Host, &[(Family::Filesystem, status, "/nfs")]);
        let told = words(&bad, Outcome::Partial, None);
        assert_eq!(told, [format!("partial_answer: filesystem is {} (/nfs)", status.as_str())]);
    }
}

#[test]
fn a_skew_over_the_limit_either_way() {
    let whole = answer(ProbeView::Host, &[]);
    assert!(words(&whole, Outcome::Ok, Some(5_000)).is_empty());
    assert!(words(&whole, Outcome::Ok, Some(-5_000)).is_empty());
    assert_eq!(
        words(&whole, Outcome::Ok, Some(5_001)),
        ["clock_skew: clock 5.00 s ahead, limit 5s"]
    );
    assert_eq!(
        words(&whole, Outcome::Ok, Some(-7_200_000)),
        ["clock_skew: clock 2 h behind, limit 5s"]
    );
    assert_eq!(words(&whole, Outcome::Ok, Some(i64::MIN)).len(), 1);
}

#[test]
fn a_certificate_that_ends_soon_or_has_ended() {
    const DAY_MS: i64 = 86_400_000;
    let mut whole = answer(ProbeView::Host, &[]);
    let mut told = |left_ms| {
        whole.clocks.wall_ns = 1_800_000_000_000_000_000;
        whole.certificate_ends = Some(crate::units::WallMs(1_800_000_000_000 + left_ms));
        words(&whole, Outcome::Ok, None)
    };
    assert!(told(14 * DAY_MS).is_empty());
    assert_eq!(
        told(14 * DAY_MS - 1),
        ["certificate: its probe's certificate ends in 13 days; roundsman ca renew issues another"]
    );
    assert_eq!(
        told(-1),
        ["certificate: its probe's certificate has ended; roundsman ca renew issues another"]
    );
    assert_eq!(told(i64::MAX - 1_800_000_000_000), Vec::<String>::new());
}

#[test]
fn a_skew_that_may_be_within_the_limit_is_none() {
    let whole = answer(ProbeView::Host, &[]);
    let told = |ms, bound_ms| {
        crate::health::flaws(&whole, Outcome::Ok, Some(Skew { ms, bound_ms }), &POLICY)
    };
    assert!(told(6_500, 1_500).is_empty());
    assert!(told(-6_500, 1_500).is_empty());
    assert_eq!(
        told(6_501, 1_500)[0].to_string(),
        "clock 6.50 s ahead (give or take 1.50 s), limit 5s"
    );
}

#[test]
fn a_second_host_of_one_machine_names_the_first_and_how_they_are_one() {
    let other = HostName::new("web-1").unwrap();
    let flaw = |copied| Flaw::Duplicate { other: other.clone(), copied };
    assert_eq!(flaw(false).cause(), Cause::Duplicate);
    assert_eq!(flaw(false).to_string(), "host web-1 is the same machine; take one of them out");
    assert!(flaw(true).to_string().contains("a copied image"), "{}", flaw(true));
}

#[test]
fn a_containers_values_are_one_and_a_view_that_cannot_be_told_is_not() {
    assert_eq!(
        words(&answer(ProbeView::Container, &[]), Outcome::Ok, None),
        ["wrong_view: the probe sees a container, not the host"]
    );
    assert!(words(&answer(ProbeView::Unknown, &[]), Outcome::Ok, None).is_empty());
}

#[test]
fn the_gravest_comes_first_and_all_are_told() {
    let bad = answer(ProbeView::Container, &[(Family::Disk, Status::Denied, "")]);
    let skew = Some(Skew { ms: 60_000, bound_ms: 0 });
    let all = crate::health::flaws(&bad, Outcome::Partial, skew, &POLICY);
    let (_, moved) = step(
        &health(Up, 1, 0),
        Input::Poll { outcome: Outcome::Partial, flaws: &all, error: None },
        &POLICY,
        NOW,
    );
    let moved = moved.unwrap();
    assert_eq!(moved.cause, Cause::WrongView);
    assert_eq!(
        moved.reason,
        "the probe sees a container, not the host; disk is denied; clock 60 s ahead, \
         limit 5s"
    );
}

#[test]
fn not_serving_names_the_service() {
    let flaw = |service: &str| Flaw::NotServing { service: service.to_owned() };
    assert_eq!(flaw("").to_string(), "the probe says NOT_SERVING");
    assert_eq!(
        flaw("roundsman.v1.Probe/disk").to_string(),
        "the probe says NOT_SERVING for roundsman.v1.Probe/disk"
    );
    assert_eq!(flaw("").cause(), Cause::NotServing);
}
