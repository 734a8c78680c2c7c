//! In a container, whose network, mount, UTS and pid namespaces are its own, with the host's `/proc`
//! bound elsewhere: the answer is the host's.
//!
//! The test starts itself again in fresh namespaces (unshare(1)). That needs root, or a kernel that
//! gives users namespaces; and ip(8), to make an interface that only the namespace has.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod fixture;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use fixture::{ask, everything};
use roundsman_probe::{collect::Collector, root::Root};
use roundsman_proto::v1::{Layer, Snapshot, Status, View};

/// Set in the namespaces only: the directory that holds the host's `/proc` and `/`.
const INSIDE: &str = "ROUNDSMAN_TEST_NAMESPACE";
/// What the test outside says of the host: names of interfaces, and whether its view is the host's.
const OUTSIDE: &str = "ROUNDSMAN_TEST_OUTSIDE";
/// An interface of the namespace alone.
const OWN_INTERFACE: &str = "rounds0";

/// Makes the namespaces what a container has: its own /proc, the host's /proc and / bound below $1,
/// and an image of its own. Its interfaces are a pair, one end in a bridge, and a tunnel.
const ENTER: &str = r#"
    set -e
    mount --rbind / "$1/host"
    mount --rbind /proc "$1/proc"
    mount -t tmpfs image "$1/image"
    mount -t proc proc /proc
    ip link add rounds0 type veth peer name rounds1
    ip link add rounds2 type bridge
    ip link set rounds1 master rounds2
    ip tuntap add dev rounds3 mode tun
    ip addr add 192.0.2.2/24 dev rounds0
    ip link set rounds1 up; ip link set rounds2 up; ip link set rounds0 up
    ip route add default via 192.0.2.1 dev rounds0
    exec "$2" --exact the_hosts_interfaces_and_mounts_are_seen_from_a_container --nocapture
"#;

#[test]
fn the_hosts_interfaces_and_mounts_are_seen_from_a_container() {
    match std::env::var_os(INSIDE) {
        Some(dir) => inside(Path::new(&dir), &std::env::var(OUTSIDE).unwrap()),
        None => outside(),
    }
}

fn interfaces(file: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let names = text.lines().skip(2).filter_map(|line| line.split_once(':'));
    names.map(|(name, _)| name.trim().to_owned()).collect()
}

fn outside() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["host", "proc", "image"] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
    }
    let mut unshare = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    let view = Collector::new(Root::default()).view();
    let names: Vec<String> = interfaces("/proc/1/net/dev").into_iter().collect();
    let output = unshare
        .args(["--net", "--mount", "--uts", "--pid", "--fork", "sh", "-c", ENTER, "sh"])
        .arg(dir.path())
        .arg(std::env::current_exe().unwrap())
        .env(INSIDE, dir.path())
        .env(OUTSIDE, format!("{:?} {}", view.view, names.join(" ")))
        .output()
        .expect("this test needs unshare(1) of util-linux");
    assert!(
        output.status.success(),
        "{}: namespaces need root, CAP_SYS_ADMIN or user namespaces, and ip(8)\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("1 passed"), "the test did not run inside: {said}");
}

fn inside(dir: &Path, outside: &str) {
    let mut words = outside.split(' ').map(str::to_owned);
    let hosts_view = words.next().unwrap();
    let hosts_interfaces: BTreeSet<String> = words.collect();
    assert!(interfaces("/proc/self/net/dev").contains(OWN_INTERFACE), "the namespace is not new");

    // As a container is meant to be started.
    let proc = dir.join("proc");
    let answer = ask(&Collector::new(Root::new(&proc, dir.join("host"))), &everything());
    let found = answer.network.clone().unwrap().interface;
    assert_eq!(BTreeSet::from_iter(found), hosts_interfaces);
    assert!(!hosts_interfaces.contains(OWN_INTERFACE));
    // The host's /sys is below its /, and shows the host's interfaces.
    let told = layers(&answer);
    assert_eq!(told.len(), hosts_interfaces.len());
    for (name, layer) in told {
        // There is a device behind a real one alone.
        let device = dir.join("host/sys/class/net").join(&name).join("device");
        assert_eq!(layer == Layer::Physical, device.exists(), "{name}: {layer:?}");
    }
    if hosts_view == "Host" {
        assert_eq!(answer.view(), View::Host);
    } else {
        assert_ne!(answer.view(), View::Host, "{hosts_view} outside");
    }
    assert_eq!(mount(&answer, "/"), Some(Status::Ok));
    // Mounts of the namespace are not the host's.
    let image = dir.join("image");
    assert_eq!(mount(&answer, image.to_str().unwrap()), None);
    // The reader's UTS namespace is not the host's: the name comes from the host's /etc.
    let etc = std::fs::read_to_string("/etc/hostname").ok().map(|name| name.trim().to_owned());
    assert_eq!(answer.identity.unwrap().hostname, etc.filter(|name| !name.is_empty()));

    // With the host's /proc, but its own image as rootfs: nothing of the image is told as the host's.
    std::fs::create_dir(image.join("etc")).unwrap();
    std::fs::write(image.join("etc/machine-id"), "0123456789abcdef0123456789abcdef\n").unwrap();
    std::fs::write(image.join("etc/hostname"), "image\n").unwrap();
    let collector = Collector::new(Root::new(&proc, &image));
    assert!(!collector.rootfs_is_hosts());
    let answer = ask(&collector, &everything());
    let identity = answer.identity.clone().unwrap();
    assert_eq!((identity.machine_id, identity.hostname, identity.os), (None, None, None));
    assert_eq!(mount(&answer, "/"), Some(Status::Absent));

    // With its own /proc: the namespace's interfaces, and it says so. Its /sys is still the host's,
    // which knows none of them but lo.
    let own = ask(&Collector::new(Root::default()), &everything());
    assert_eq!(own.view(), View::Container);
    assert!(own.network.as_ref().unwrap().interface.iter().any(|name| name == OWN_INTERFACE));
    assert_eq!(layers(&own), []);
    // As ip-netns(8) does it, which mounts one of the new namespace.
    run("mount", &["-t", "sysfs", "sysfs", "/sys"]);
    let own = ask(&Collector::new(Root::default()), &everything());
    let found: BTreeMap<String, Layer> = layers(&own).into_iter().collect();
    for (name, layer) in [
        ("lo", Layer::Virtual),
        (OWN_INTERFACE, Layer::Uplink),
        ("rounds1", Layer::Virtual),
        ("rounds2", Layer::Virtual),
        ("rounds3", Layer::Virtual),
    ] {
        assert_eq!(found.get(name), Some(&layer), "{name}");
    }
    // And the other way round: the host's /proc, with a /sys that is not the host's, though it has
    // interfaces of the same names.
    for name in hosts_interfaces.iter().filter(|name| !found.contains_key(*name)) {
        run("ip", &["link", "add", name, "type", "bridge"]);
    }
    let answer = ask(&Collector::new(Root::new(&proc, "/")), &everything());
    assert_eq!(layers(&answer), []);
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}: {status}");
}

/// Each interface with its layer; none when there is no such column.
fn layers(answer: &Snapshot) -> Vec<(String, Layer)> {
    let network = answer.network.as_ref().unwrap();
    network.interface.iter().cloned().zip(network.layer()).collect()
}

fn mount(answer: &Snapshot, point: &str) -> Option<Status> {
    let table = answer.filesystem.as_ref().unwrap();
    let row = table.mount_point.iter().position(|found| found == point)?;
    Some(Status::try_from(table.status[row]).unwrap())
}
