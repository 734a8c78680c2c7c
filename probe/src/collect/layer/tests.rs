//! Machines as trees of devices, and which of their rows count.

use std::{fs, os::unix::fs::symlink};

use proptest::prelude::ProptestConfig;
use tempfile::TempDir;

use super::*;
use crate::{
    collect::{
        host::Host,
        manifest::{CaptureManifest, MANIFEST},
    },
    root::{Root, SYSFS},
};

const PHYSICAL: Layer = Layer::Physical;
const VIRTUAL_ROW: Layer = Layer::Virtual;
const UPLINK: Layer = Layer::Uplink;
const UNKNOWN: Layer = Layer::Unspecified;

/// A captured tree that is filled by hand.
struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let machine = Self(dir);
        let manifest = CaptureManifest::new(4096, 100, "x86_64".to_owned());
        machine.write(&MANIFEST.to_string(), &serde_json::to_string(&manifest).unwrap());
        machine.write("proc/1/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n");
        machine
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A device at a place of the tree, and its entry in its class.
    fn device(&self, class: &str, name: &str, place: &str) {
        let sys = self.0.path().join(SYSFS.to_string());
        fs::create_dir_all(sys.join("devices").join(place)).unwrap();
        let entry = sys.join("class").join(class).join(name.replace('/', "!"));
        fs::create_dir_all(entry.parent().unwrap()).unwrap();
        symlink(format!("../../devices/{place}"), entry).unwrap();
    }

    /// An interface: its place, `virtual` for short, and facts (`iflink=2`, `master->eth0`).
    fn interface(&self, name: &str, place: &str, facts: &[&str]) {
        let full = match place {
            "virtual" => format!("virtual/net/{name}"),
            bus => format!("{bus}/net/{name}"),
        };
        self.device("net", name, &full);
        for fact in facts {
            let at = format!("{SYSFS}/devices/{full}");
            if let Some((file, target)) = fact.split_once("->") {
                let link = self.0.path().join(at).join(file);
                fs::create_dir_all(link.parent().unwrap()).unwrap();
                symlink(target, link).unwrap();
            } else {
                let (file, value) = fact.split_once('=').unwrap();
                self.write(&format!("{at}/{file}"), &format!("{value}\n"));
            }
        }
    }

    fn interfaces(&self, names: &[&str]) -> Vec<Layer> {
        let host = Host::open(Root::captured(self.0.path()));
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        layers(of_interfaces(&mut Reading::new(&host), &names))
    }

    /// Rows of name, major, minor and reads.
    fn disks(&self, rows: &[(&str, u32, u32, u64)]) -> Vec<Layer> {
        let host = Host::open(Root::captured(self.0.path()));
        let disk = v1::Disk {
            device: rows.iter().map(|row| row.0.to_owned()).collect(),
            major: rows.iter().map(|row| row.1).collect(),
            minor: rows.iter().map(|row| row.2).collect(),
            reads: rows.iter().map(|row| row.3).collect(),
            writes: vec![0; rows.len()],
            ..v1::Disk::default()
        };
        layers(of_disks(&Reading::new(&host), &disk))
    }
}

fn layers(column: Vec<i32>) -> Vec<Layer> {
    column.into_iter().map(|layer| Layer::try_from(layer).unwrap()).collect()
}

/// Machines of which all but the first interface carry what the first one counts.
#[test]
fn of_bridges_and_ends_of_guests_the_real_interface_alone_counts() {
    const PCI: &str = "pci0000:00/0000:00:1f.6";
    for machine in [
        // Proxmox with its firewall.
        &["eno1", "lo", "vmbr0", "tap100i0", "fwbr100i0", "fwpr100p0", "fwln100i0"][..],
        // OpenStack.
        &["eth0", "ovs-system", "br-int", "br-ex", "qbr1a2b3c4d-5e", "qvb1a", "qvo1a", "tap1a"],
        // OVN-Kubernetes.
        &["ens192", "genev_sys_6081", "ovn-k8s-mp0", "a1b2c3d4e5f6a7b", "0f1e2d3c4b5a697"],
        // EKS, AKS, GKE; a bridge with a word of its own; a bond with VLANs over one plug.
        &["eth0", "eni1a2b3c4d5e6", "eni2a2b3c4d5e6", "azv1", "gke1", "lan", "lacp0", "lacp0.7"],
    ] {
        let tree = Machine::new();
        for (row, name) in machine.iter().enumerate() {
            tree.interface(name, if row == 0 { PCI } else { "virtual" }, &[]);
        }
        let mut wanted = vec![VIRTUAL_ROW; machine.len()];
        wanted[0] = PHYSICAL;
        assert_eq!(tree.interfaces(machine), wanted, "{machine:?}");
    }
}

#[test]
fn names_do_not_decide() {
    let tree = Machine::new();
    // A port that someone called like a bridge, and a veth called like a port.
    tree.interface("vmbr0", "pci0000:00/0000:00:03.0/virtio2", &[]);
    tree.interface("eth7", "virtual", &[]);
    assert_eq!(tree.interfaces(&["vmbr0", "eth7"]), [PHYSICAL, VIRTUAL_ROW]);
}

#[test]
fn ports_of_a_bond_and_of_a_bridge_count_each() {
    let tree = Machine::new();
    let facts = |number| [format!("ifindex={number}"), format!("iflink={number}")];
    for (name, number) in [("eth0", 2), ("eth1", 3)] {
        let [number, below] = facts(number);
        let master = "master->../../../../virtual/net/bond0";
        tree.interface(name, &format!("pci0000:00/{name}"), &[&number, &below, master]);
    }
    for name in ["bond0", "bond0.12"] {
        tree.interface(name, "virtual", &["ifindex=9", "iflink=2"]);
    }
    let wanted = [PHYSICAL, PHYSICAL, VIRTUAL_ROW, VIRTUAL_ROW];
    assert_eq!(tree.interfaces(&["eth0", "eth1", "bond0", "bond0.12"]), wanted);
}

#[test]
fn a_virtual_function_below_its_failover_or_netvsc_is_counted_there() {
    let tree = Machine::new();
    tree.interface("eth0", "LNXSYSTM:00/VMBUS:00/guid", &["ifindex=2", "iflink=2"]);
    let master = "master->../../../../../../LNXSYSTM:00/VMBUS:00/guid/net/eth0";
    let of = ["ifindex=3", "iflink=3", master];
    tree.interface("enP1s1", "pci0001:00/0001:00:02.0", &of);
    assert_eq!(tree.interfaces(&["eth0", "enP1s1"]), [PHYSICAL, VIRTUAL_ROW]);
    // Where the answer leaves the master out, no other row counts its bytes.
    assert_eq!(tree.interfaces(&["enP1s1"]), [PHYSICAL]);
}

#[test]
fn ports_of_a_switch_are_counted_at_their_conduit() {
    let tree = Machine::new();
    tree.interface("eth0", "platform/soc/30be0000.ethernet", &["ifindex=2", "iflink=2"]);
    for (name, number) in [("lan1", "ifindex=3"), ("lan2", "ifindex=4")] {
        let port = format!("platform/soc/mdio/{name}");
        tree.interface(name, &port, &[number, "iflink=2", "type=1"]);
    }
    let wanted = [PHYSICAL, VIRTUAL_ROW, VIRTUAL_ROW];
    assert_eq!(tree.interfaces(&["eth0", "lan1", "lan2"]), wanted);
    // An InfiniBand child names its parent as well, and has queues of its own.
    let tree = Machine::new();
    tree.interface("ib0", "pci0000:00/ib", &["ifindex=2", "iflink=2", "type=32"]);
    tree.interface("ib0.8001", "pci0000:00/ib", &["ifindex=5", "iflink=2", "type=32"]);
    assert_eq!(tree.interfaces(&["ib0", "ib0.8001"]), [PHYSICAL, PHYSICAL]);
}

#[test]
fn back_ends_of_guests_and_representors_leave_by_another_port() {
    let tree = Machine::new();
    let bus = "device/subsystem->../../../bus/pci";
    tree.interface("eth0", "pci0000:00/0000:04:00.0", &["ifindex=2", "iflink=2", bus]);
    let back = "device/subsystem->../../bus/xen-backend";
    for (name, at) in [("vif1.0", "vif-1-0"), ("vif2.0", "vif-2-0")] {
        tree.interface(name, at, &["ifindex=7", "iflink=7", back]);
    }
    tree.interface("xenbr0", "virtual", &[]);
    let rows = ["eth0", "vif1.0", "vif2.0", "xenbr0"];
    assert_eq!(tree.interfaces(&rows), [PHYSICAL, VIRTUAL_ROW, VIRTUAL_ROW, VIRTUAL_ROW]);

    let tree = Machine::new();
    for (name, number, port) in [("p0", 2, "p0"), ("pf0hpf", 3, "pf0"), ("v3", 4, "c1pf0vf3")] {
        let facts = [format!("ifindex={number}"), format!("phys_port_name={port}")];
        tree.interface(name, "pci0000:00/0000:03:00.0", &[&facts[0], &facts[1]]);
    }
    assert_eq!(tree.interfaces(&["p0", "pf0hpf", "v3"]), [PHYSICAL, VIRTUAL_ROW, VIRTUAL_ROW]);
}

const ROUTES: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
    ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n\
    wg0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n\
    dead0\t00000000\t00000000\t0200\t0\t0\t0\t00000000\t0\t0\t0\n";

#[test]
fn where_nothing_is_physical_the_default_route_says_what_counts() {
    let tree = Machine::new();
    for name in ["lo", "ppp0", "wg0", "dead0", "he6"] {
        tree.interface(name, "virtual", &[]);
    }
    let rows = ["lo", "ppp0", "wg0", "dead0", "he6"];
    assert_eq!(tree.interfaces(&rows), [VIRTUAL_ROW; 5]);
    tree.write("proc/1/net/route", ROUTES);
    let six = |flags: &str, interface: &str| {
        let zero = "0".repeat(32);
        format!("{zero} 00 {zero} 00 {zero} 00000400 00000001 00000000 {flags} {interface:>8}\n")
    };
    // The kernel's own refusal of all that has no route, and a tunnel's default.
    let routes = six("00200200", "lo") + &six("00000003", "he6") + &six("00000203", "dead0");
    tree.write("proc/1/net/ipv6_route", &routes);
    let wanted = [VIRTUAL_ROW, UPLINK, VIRTUAL_ROW, VIRTUAL_ROW, UPLINK];
    assert_eq!(tree.interfaces(&rows), wanted);
    // With a plug it is a tunnel through that.
    tree.interface("eth0", "pci0000:00/0000:00:03.0", &[]);
    assert_eq!(tree.interfaces(&["ppp0", "eth0"]), [VIRTUAL_ROW, PHYSICAL]);
}

#[test]
fn routes_are_read_up_to_the_limit() {
    let tree = Machine::new();
    tree.interface("ppp0", "virtual", &[]);
    let default = ROUTES.lines().nth(1).unwrap();
    let other = default.replacen("00000000", "0000A8C0", 1) + "\n";
    let before = other.repeat(MAX_ROUTE_BYTES / other.len() - 1);
    tree.write("proc/1/net/route", &(before.clone() + default + "\n"));
    assert_eq!(tree.interfaces(&["ppp0"]), [UPLINK]);
    tree.write("proc/1/net/route", &(before + &other + default + "\n"));
    assert_eq!(tree.interfaces(&["ppp0"]), [VIRTUAL_ROW]);
}

#[test]
fn what_is_copied_of_routes_names_no_address() {
    let routes = ROUTES.replace("ppp0\t00000000\t00000000", "ppp0\t00000000\t0102A8C0");
    let kept = String::from_utf8(without_addresses(Source::Route, routes.as_bytes())).unwrap();
    assert_eq!(kept, "ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n");
    assert_eq!(default_route(Source::Route, kept.trim_end().as_bytes()), Some(&b"ppp0"[..]));
}

#[test]
fn what_has_no_entry_is_unknown_and_most_without_one_are_another_namespaces() {
    let tree = Machine::new();
    assert_eq!(tree.interfaces(&["eth0"]), [], "no sysfs");
    tree.interface("lo", "virtual", &[]);
    tree.interface("eth0", "pci0000:00/0000:00:03.0", &[]);
    assert_eq!(tree.interfaces(&["lo", "eth0", "gone"]), [VIRTUAL_ROW, PHYSICAL, UNKNOWN]);
    assert_eq!(tree.interfaces(&["lo", "ens1", "ens2"]), []);
    assert_eq!(tree.interfaces(&[]), []);
    // An entry that leads out of the tree says nothing.
    tree.device("net", "odd", "../../etc");
    assert_eq!(tree.interfaces(&["eth0", "odd"]), [PHYSICAL, UNKNOWN]);
}

#[test]
fn partitions_and_mapped_disks_are_counted_at_their_disk() {
    let tree = Machine::new();
    let ata = "pci0000:00/ata1/host0/target0:0:0/0:0:0:0/block/sda";
    tree.device("block", "sda", ata);
    tree.device("block", "sda1", &format!("{ata}/sda1"));
    for name in ["dm-0", "md0", "loop0", "zram0", "bcache0", "zd0", "drbd0", "emcpowera"] {
        tree.device("block", name, &format!("virtual/block/{name}"));
    }
    tree.device("block", "md0p1", "virtual/block/md0/md0p1");
    tree.device("block", "cciss/c0d0", "pci0000:00/cciss0/c0d0/block/cciss!c0d0");
    let part = "pci0000:00/cciss0/c0d0/block/cciss!c0d0/cciss!c0d0p1";
    tree.device("block", "cciss/c0d0p1", part);
    tree.device("block", "sr0", "pci0000:00/ata2/host1/target1:0:0/1:0:0:0/block/sr0");
    tree.device("block", "xvda1", "vbd-51713/block/xvda1");
    let rows =
        |names: &[&'static str]| -> Vec<_> { names.iter().map(|&name| (name, 8, 1, 1)).collect() };
    let of = |names: &[&'static str]| tree.disks(&rows(names));
    assert_eq!(of(&["sda", "sda1"]), [PHYSICAL, VIRTUAL_ROW]);
    assert_eq!(of(&["sda1"]), [PHYSICAL], "its disk is left out of the answer");
    assert_eq!(of(&["cciss/c0d0", "cciss/c0d0p1"]), [PHYSICAL, VIRTUAL_ROW]);
    assert_eq!(of(&["xvda1", "sr0"]), [PHYSICAL, PHYSICAL]);
    let mapped = ["dm-0", "md0", "md0p1", "loop0", "zram0", "bcache0", "zd0", "drbd0", "emcpowera"];
    assert_eq!(of(&mapped), [VIRTUAL_ROW; 9]);
    assert_eq!(of(&["sda", "gone"]), [PHYSICAL, UNKNOWN]);
    assert_eq!(of(&["gone"]), []);
}

#[test]
fn boot_areas_of_a_card_are_its_children_and_network_disks_count() {
    let tree = Machine::new();
    let card = "platform/soc/mmc_host/mmc0/mmc0:0001/block/mmcblk0";
    tree.device("block", "mmcblk0", card);
    tree.device("block", "mmcblk0boot0", &format!("{card}/mmcblk0boot0"));
    tree.device("block", "nbd0", "virtual/block/nbd0");
    tree.device("block", "etherd/e1.0", "virtual/block/etherd!e1.0");
    tree.device("block", "rbd0", "rbd/0/block/rbd0");
    let rows = [
        ("mmcblk0", 179, 0, 1),
        ("mmcblk0boot0", 179, 32, 1),
        ("nbd0", 43, 0, 1),
        ("etherd/e1.0", 152, 16, 1),
        ("rbd0", 252, 0, 1),
    ];
    let wanted = [PHYSICAL, VIRTUAL_ROW, PHYSICAL, PHYSICAL, PHYSICAL];
    assert_eq!(tree.disks(&rows), wanted);
}

#[test]
fn a_multipath_nvme_is_counted_at_its_head_or_at_its_paths() {
    let tree = Machine::new();
    tree.device("block", "nvme0c0n1", "pci0000:00/0000:01:00.0/nvme/nvme0/nvme0c0n1");
    tree.device("block", "nvme0c1n1", "pci0000:00/0000:02:00.0/nvme/nvme1/nvme0c1n1");
    let head = "virtual/nvme-subsystem/nvme-subsys0/nvme0n1";
    tree.device("block", "nvme0n1", head);
    tree.device("block", "nvme0n1p1", &format!("{head}/nvme0n1p1"));
    tree.device("block", "nvme1n1", "pci0000:00/0000:03:00.0/nvme/nvme2/nvme1n1");
    let rows = |of_head| {
        [
            ("nvme0c0n1", 0, 0, 10),
            ("nvme0c1n1", 0, 0, 10),
            ("nvme0n1", 259, 1, of_head),
            ("nvme0n1p1", 259, 2, of_head),
            ("nvme1n1", 259, 3, 5),
        ]
    };
    let (p, v) = (PHYSICAL, VIRTUAL_ROW);
    assert_eq!(tree.disks(&rows(20)), [v, v, p, v, p], "the head counts");
    assert_eq!(tree.disks(&rows(0)), [p, p, v, v, p], "an older kernel");
    assert_eq!(tree.disks(&rows(0)[2..]), [p, v, p], "its paths are left out");
    assert_eq!(tree.disks(&rows(20)[..2]), [p, p], "its head is left out");
}

proptest::proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_names_and_routes_are_survived(name in "[./a-z0-9]{0,12}", routes: Vec<u8>, path in "nvme[0-9c]{0,4}n?[0-9]{0,2}") {
        head_of(&path);
        for source in [Source::Route, Source::Route6] {
            let kept = without_addresses(source, &routes);
            assert_eq!(without_addresses(source, &kept), kept);
        }
        let tree = Machine::new();
        tree.interface("lo", "virtual", &[]);
        assert!(tree.interfaces(&["lo", &name]).iter().all(|layer| *layer != PHYSICAL));
    }
}
