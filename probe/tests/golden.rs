//! One golden answer per fixture machine: what the probe says of it, every value of it. Run with
//! `INSTA_UPDATE=always` to write them anew, and read the difference.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod fixture;

use fixture::{everything, many_cores, render, replay, report, tree};
use roundsman_proto::v1::{Family, Filter, GetMetricsRequest, Layer, Status, View};

fn golden(machine: &str) {
    let tree = tree(machine);
    insta::assert_snapshot!(machine, render(&replay(&tree, &everything()), &tree));
}

#[test]
fn debian_12() {
    golden("debian-12");
    let answer = replay(&tree("debian-12"), &everything());
    for family in &answer.reports {
        assert_eq!(family.status(), Status::Ok, "{family:?}");
    }
    assert_eq!(answer.view(), View::Host);
    // lo, ifb0, ifb1, eth0: nothing but the last has a device behind it.
    let layers: Vec<Layer> = answer.network.unwrap().layer().collect();
    assert_eq!(layers, [Layer::Virtual, Layer::Virtual, Layer::Virtual, Layer::Physical]);
}

#[test]
fn old_kernel() {
    golden("old-kernel");
    let answer = replay(&tree("old-kernel"), &everything());
    assert_eq!(answer.view(), View::Host);
    assert_eq!(report(&answer, Family::Pressure).0, Status::Absent);
    // What 2.6.32 lacks is absent, and no fault.
    for family in [Family::Cpu, Family::Memory, Family::Softirq, Family::Disk, Family::Vmstat] {
        assert_eq!(report(&answer, family), (Status::Ok, ""), "{family:?}");
    }
    assert_eq!(answer.memory.unwrap().available_kib, None);
}

#[test]
fn container_view() {
    golden("container-view");
    let answer = replay(&tree("container-view"), &everything());
    // Its second process calls itself kthreadd, and is none.
    assert_eq!(answer.view(), View::Container);
    assert_eq!(report(&answer, Family::Pressure), (Status::Ok, ""));
    // Its interface is one end of a pair, and all that it has.
    let layers: Vec<Layer> = answer.network.unwrap().layer().collect();
    assert_eq!(layers, [Layer::Virtual, Layer::Uplink]);
}

#[test]
fn no_psi() {
    golden("no-psi");
    let answer = replay(&tree("no-psi"), &everything());
    assert_eq!(answer.view(), View::Host);
    assert_eq!(report(&answer, Family::Filesystem).0, Status::Partial);
    // What a user keeps to himself by FUSE is denied to root, too, and is no flaw.
    let mounts = Some(Filter { include: vec!["^/home/".to_owned()], ..Filter::default() });
    let answer = replay(&tree("no-psi"), &GetMetricsRequest { mounts, ..everything() });
    let table = answer.filesystem.as_ref().unwrap();
    assert_eq!((table.mount_point.len(), table.status[0]), (1, Status::Denied.into()));
    assert_eq!(report(&answer, Family::Filesystem), (Status::Ok, ""));
}

#[test]
fn hidepid() {
    golden("hidepid");
    let answer = replay(&tree("hidepid"), &everything());
    assert_eq!(answer.view(), View::Unknown);
    for family in [Family::Network, Family::Filesystem, Family::Sockets] {
        assert_eq!(report(&answer, family).0, Status::Denied, "{family:?}");
    }
    assert_eq!((answer.network, answer.filesystem, answer.sockets), (None, None, None));
}

#[test]
fn broken() {
    golden("broken");
}

#[test]
fn many_cores() {
    let dir = tempfile::tempdir().unwrap();
    many_cores::write(dir.path());
    let families = [Family::Cpu, Family::Load, Family::Softirq].map(i32::from).to_vec();
    let request = GetMetricsRequest { families, ..GetMetricsRequest::default() };
    let answer = replay(dir.path(), &request);
    insta::assert_snapshot!("many-cores", render(&answer, dir.path()));
    assert_eq!(answer.view(), View::Host);
    let (cores, softirq) = (answer.cpu.unwrap().cores.unwrap(), answer.softirq.unwrap());
    assert_eq!((cores.core.len(), softirq.core.len()), (126, 128));
    // Core 8 stands at row 7, and is still core 8.
    assert_eq!((cores.core[7], cores.user[7]), (8, 60_008));
    assert_eq!(answer.identity.unwrap().cpus, Some(126));
}
