//! One golden answer per fixture machine: what the probe says of it, every value of it. Run with
//! `INSTA_UPDATE=always` to write them anew, and read the difference.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod fixture;

use fixture::{containers, everything, many_cores, render, replay, report, tree};
use roundsman_proto::v1::{
    Containers, Family, Filter, GetMetricsRequest, Layer, Snapshot, Status, View,
};

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

/// What is read of containers, and nothing else of the tree.
fn containers_of(machine: &str) -> (Containers, Status, String) {
    let tree = tree(machine);
    let answer = replay(&tree, &containers());
    let (status, error) = report(&answer, Family::Containers);
    let shown = Snapshot {
        containers: answer.containers.clone(),
        reports: answer.reports.clone(),
        ..Snapshot::default()
    };
    insta::assert_snapshot!(machine, render(&shown, &tree));
    (answer.containers.clone().unwrap(), status, error.to_owned())
}

fn names(containers: &Containers) -> Vec<&str> {
    containers.top.iter().map(|one| one.name.as_deref().unwrap_or("-")).collect()
}

#[test]
fn docker_by_systemd() {
    let (all, status, error) = containers_of("docker-systemd");
    assert_eq!((status, error.as_str()), (Status::Ok, ""));
    assert_eq!(names(&all), ["burner", "shop-db-1", "web.2.k3j2h5g6f7d8s9a0q1w2e3r4t", "-"]);
    let [burner, db, web, _] = &all.top[..] else { panic!("{all:?}") };
    // Page cache that was not used lately is more than all memory was a moment before.
    assert_eq!(burner.working_set_bytes, Some(0));
    assert_eq!((burner.oom_kills, burner.throttled_us), (Some(1), Some(81_000_000)));
    assert_eq!(db.working_set_bytes, Some(1_610_612_736 - 402_653_184));
    // The mapped disk lies on the other, and both count the same bytes.
    assert_eq!((db.read_bytes, db.writes), (Some(73_400_320), Some(640)));
    assert_eq!((web.service.as_deref(), web.pids_limit), (Some("web"), Some(512)));
}

#[test]
fn docker_by_cgroupfs() {
    let (all, status, error) = containers_of("docker-cgroupfs");
    assert_eq!((status, error.as_str()), (Status::Ok, ""));
    assert_eq!(names(&all), ["api", "quirky_wozniak"]);
    // A kernel without PSI and without accounting of swap.
    assert_eq!((all.top[0].cpu_some_us, all.top[0].swap_bytes), (None, None));
}

#[test]
fn kubernetes() {
    let (all, status, error) = containers_of("kubernetes");
    assert_eq!((status, error.as_str()), (Status::Ok, ""));
    // What only holds a pod's namespaces is none, nor is what watches over a container.
    assert_eq!(names(&all), ["app", "etcd", "batch", "sidecar"]);
    assert_eq!(all.total, 4);
    let app = &all.top[0];
    assert_eq!(app.pod.as_deref(), Some("checkout-7d4b9c6f5d-x2x7q"));
    assert_eq!(app.pod_uid.as_deref(), Some("1f4c3a5e-0b2d-4e6f-8a9b-0c1d2e3f4a5b"));
}

#[test]
fn podman_and_lxc() {
    let (all, status, error) = containers_of("podman-lxc");
    assert_eq!((status, error.as_str()), (Status::Ok, ""));
    let of: Vec<_> = all.top.iter().map(|one| (&*one.engine, one.name.as_deref())).collect();
    assert_eq!(of, [("lxc", None), ("podman", Some("pihole")), ("podman", None)]);
    assert_eq!(all.top[0].container_id, "mail");
}

#[test]
fn containers_broken() {
    let (all, status, error) = containers_of("containers-broken");
    assert_eq!(status, Status::Partial);
    assert!(error.len() <= 512 && error.contains("not understood"), "{error}");
    // One without `cpu.stat` has ended; every other is there, whatever is wrong with it.
    assert_eq!((all.total, all.top.len()), (9, 8));
    let texts = all.top.iter().flat_map(|one| [&one.name, &one.image, &one.service]);
    assert!(texts.flatten().all(|text| text.len() <= 256));
}

#[test]
fn a_host_of_the_first_version_of_groups_has_no_containers_to_tell_of() {
    let (status, error) = {
        let answer = replay(&tree("old-kernel"), &containers());
        let (status, error) = report(&answer, Family::Containers);
        (status, error.to_owned())
    };
    assert_eq!(status, Status::Absent, "{error}");
    // One of version 2 without any has none.
    let answer = replay(&tree("debian-12"), &containers());
    assert_eq!(answer.containers, Some(Containers::default()));
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
