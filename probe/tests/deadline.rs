//! A family that is not begun in time is a timeout, and who the machine is is said all the same.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod fixture;

use fixture::{CLOCKS, everything, tree};
use roundsman_probe::{
    clock,
    collect::{Collector, Wanted},
    root::Root,
};
use roundsman_proto::v1::{Family, GetMetricsRequest, Status};

#[test]
fn past_the_deadline_every_family_is_a_timeout() {
    let collector = Collector::new(Root::captured(&tree("debian-12")));
    let wanted = Wanted::new(&everything()).unwrap();
    let answer = collector.collect(&wanted, CLOCKS, clock::now());
    assert_eq!(answer.reports.len(), 13);
    for report in &answer.reports {
        assert_eq!(report.status(), Status::Timeout, "{report:?}");
        assert_eq!(report.error, "not begun: the deadline has passed");
    }
    assert_eq!((answer.cpu, answer.filesystem, answer.processes), (None, None, None));
    assert_eq!(answer.identity.unwrap().hostname.as_deref(), Some("web-1"));
}

#[test]
fn reports_are_in_order_and_a_newer_servers_family_is_absent() {
    let collector = Collector::new(Root::captured(&tree("debian-12")));
    let families = vec![77, Family::Memory.into(), Family::Cpu.into()];
    let request = GetMetricsRequest { families, ..GetMetricsRequest::default() };
    let answer = fixture::ask(&collector, &request);
    let reports: Vec<_> =
        answer.reports.iter().map(|report| (report.family, report.status())).collect();
    assert_eq!(reports, [(1, Status::Ok), (3, Status::Ok), (77, Status::Absent)]);
    assert!(answer.reports[2].error.ends_with("has no family 77"));
    assert_eq!(answer.load, None);
}

#[test]
fn the_default_is_everything_but_processes_and_the_dear_file() {
    let answer = fixture::replay(&tree("no-psi"), &GetMetricsRequest::default());
    assert_eq!(answer.reports.len(), 11);
    assert_eq!(answer.processes, None);
    let sockets = answer.sockets.unwrap();
    assert_eq!((sockets.tcp_listen_drops, sockets.tcp_in_segments), (None, Some(8_123_456)));
}
