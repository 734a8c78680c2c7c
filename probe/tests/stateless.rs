//! An answer is a function of the roots, the request and the clocks: nothing is kept between calls.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod fixture;

use fixture::{MACHINES, ask, everything, replay, tree};
use roundsman_probe::{collect::Collector, root::Root};
use roundsman_proto::v1::{Family, Filter, GetMetricsRequest};

fn narrow() -> GetMetricsRequest {
    GetMetricsRequest {
        families: vec![Family::Disk.into(), Family::Network.into(), Family::Filesystem.into()],
        devices: Some(Filter { include: vec!["^sd".into()], exclude: vec!["1$".into()] }),
        mounts: Some(Filter { include: vec![], exclude: vec!["^/mnt/".into()] }),
        interfaces: Some(Filter { include: vec![], exclude: vec!["^lo$".into()] }),
        ..GetMetricsRequest::default()
    }
}

#[test]
fn two_collectors_over_one_host_answer_alike_whatever_was_asked_before() {
    for machine in MACHINES {
        let root = Root::captured(&tree(machine));
        let fresh = |request| ask(&Collector::new(root.clone()), request);
        let (all, some) = (fresh(&everything()), fresh(&narrow()));
        let (first, second) = (Collector::new(root.clone()), Collector::new(root.clone()));
        // Two servers, in turn, at different rates, with different wishes.
        for turn in 0..12 {
            assert_eq!(ask(&first, &everything()), all, "{machine}, turn {turn}");
            if turn % 3 == 0 {
                assert_eq!(ask(&second, &narrow()), some, "{machine}, turn {turn}");
                assert_eq!(ask(&first, &narrow()), some, "{machine}, turn {turn}");
            }
        }
    }
}

#[test]
fn a_change_of_the_host_is_seen_by_the_next_call() {
    let dir = tempfile::tempdir().unwrap();
    fixture::many_cores::write(dir.path());
    let collector = Collector::new(Root::captured(dir.path()));
    let before = ask(&collector, &everything());
    std::fs::write(dir.path().join("proc/loadavg"), "0.01 0.02 0.03 1/2 3\n").unwrap();
    let after = ask(&collector, &everything());
    assert_eq!(before.load.unwrap().load1_hundredths, Some(13_150));
    assert_eq!(after.load.unwrap().load1_hundredths, Some(1));
}

#[test]
fn names_are_filtered() {
    let answer = replay(&tree("old-kernel"), &narrow());
    assert_eq!(answer.disk.unwrap().device, ["sda"]);
    assert_eq!(answer.network.unwrap().interface, ["eth0"]);
    let answer = replay(&tree("no-psi"), &narrow());
    let mounts = answer.filesystem.unwrap().mount_point;
    assert_eq!(mounts, ["/run", "/", "/boot/efi", "/home/ann/.gvfs"]);
}
