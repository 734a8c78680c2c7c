//! Which interfaces and disks count towards a host's sums: those where bytes are counted once.
//!
//! The probe says of each row where its bytes are counted ([`Layer`], from the kernel's own tree).
//! Only where it could not, because it is an older one or sees no sysfs, names decide: lists as the
//! kernel and the usual tools give them, which no list can complete. Every device has its own row
//! whatever stands here; this only keeps a byte from being counted twice in a sum.

use crate::model::{Layer, Table};

/// Interfaces whose name begins so carry what another interface carries, or nothing that leaves the
/// machine.
const VIRTUAL_INTERFACE_PREFIXES: &[&str] = &[
    // Ends of containers and virtual machines, and the bridges between them.
    "veth",
    "docker",
    "br-",
    "virbr",
    "vnet",
    "lxc",
    "lxdbr",
    "podman",
    "nerdctl",
    "vmnet",
    "vboxnet",
    "cni",
    "flannel",
    "cali",
    "cilium",
    "weave",
    "kube-",
    "nodelocaldns",
    "macvlan",
    "macvtap",
    "ipvlan",
    "ovs",
    "vmbr",
    // Sums of other interfaces: bonding, teaming, VLANs by name.
    "bond",
    "team",
    "vlan",
    // Tunnels: their packets leave through another interface.
    "tun",
    "tap",
    "wg",
    "tailscale",
    "zt",
    "vxlan",
    "geneve",
    "gre",
    "erspan",
    "sit",
    "ip6tnl",
    "ip6gre",
    "tunl",
    "ip_vti",
    "ip6_vti",
    "ppp",
    "vti",
    "ipsec",
    // Nothing behind them.
    "ifb",
    "dummy",
    "nlmon",
    "teql",
];

/// Disks whose name begins so are stacked on others, are memory, or are removable media.
const VIRTUAL_DISK_PREFIXES: &[&str] = &[
    "loop", "ram", "zram", "sr",
    "fd", // files, memory, drives that are empty most of the time
    "dm-", "md", "drbd", "bcache", "zd", // stacked: mapper, RAID, mirror, cache, ZFS volumes
];

/// The rows of the table of interfaces that count towards the host's sums, in its order. Where
/// nothing is physical (a link over a modem, a container that is watched as a host) those count
/// through which the host's default routes leave.
pub(super) fn counted_interfaces<const N: usize>(table: &Table<N>) -> Vec<bool> {
    let layers = || (0..table.keys().len()).map(|row| table.layer(row));
    let has_physical = layers().any(|layer| layer == Layer::Physical);
    let counts = |(name, layer): (&std::sync::Arc<str>, Layer)| match layer {
        Layer::Physical => true,
        Layer::Uplink => !has_physical,
        Layer::Virtual => false,
        Layer::Unknown => is_physical_by_name(table, name),
    };
    table.keys().iter().zip(layers()).map(counts).collect()
}

/// Whether the device in this row counts towards the host's sums.
pub(super) fn counts_disk<const N: usize>(table: &Table<N>, row: usize, name: &str) -> bool {
    match table.layer(row) {
        Layer::Physical => true,
        Layer::Virtual | Layer::Uplink => false,
        Layer::Unknown => is_whole_by_name(table, name),
    }
}

fn is_physical_by_name<const N: usize>(table: &Table<N>, name: &str) -> bool {
    if name == "lo" || VIRTUAL_INTERFACE_PREFIXES.iter().any(|p| name.starts_with(p)) {
        return false;
    }
    // `br0`: a bridge by the habit of administrators; `brcm0` is not.
    if name.strip_prefix("br").is_some_and(is_number) {
        return false;
    }
    // `eth0.100` and `eth0:1` are a VLAN and an alias of `eth0`, when that is listed too.
    match name.split_once(['.', ':']) {
        Some((parent, _)) => table.find(parent, 0).is_none(),
        None => true,
    }
}

fn is_whole_by_name<const N: usize>(table: &Table<N>, name: &str) -> bool {
    if VIRTUAL_DISK_PREFIXES.iter().any(|p| name.starts_with(p)) {
        return false;
    }
    // Areas of an eMMC that are devices of their own: `mmcblk0boot0`, `mmcblk0rpmb`.
    if name.starts_with("mmcblk") && (name.contains("boot") || name.contains("rpmb")) {
        return false;
    }
    // A partition whose disk is not listed (`xvda1` on some clouds) is the disk.
    disk_of_partition(name).is_none_or(|disk| table.find(disk, 0).is_none())
}

/// The disk that a name would be a partition of: `sda1` of `sda`, `nvme0n1p2` of `nvme0n1`. The
/// kernel puts a `p` between when the disk's name ends in a digit.
fn disk_of_partition(name: &str) -> Option<&str> {
    let disk = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if disk.len() == name.len() || disk.is_empty() {
        return None;
    }
    match disk.strip_suffix('p') {
        Some(shorter) if shorter.ends_with(|c: char| c.is_ascii_digit()) => Some(shorter),
        Some(_) | None => Some(disk),
    }
}

/// Whether the text is digits alone.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[&str]) -> Table<1> {
        Table::new(names.iter().map(|&n| n.into()).collect(), [&[]]).unwrap()
    }

    #[test]
    fn interfaces_that_count() {
        let names = [
            "lo",
            "eth0",
            "eth0.100",
            "enp3s0f1",
            "wlan0",
            "ib0",
            "br0",
            "brcm0",
            "br-4f2a",
            "docker0",
            "docker_gwbridge",
            "veth12ab",
            "bond0",
            "virbr0",
            "tun0",
            "cali1a2b",
            "dummy0",
            "ifb0",
            "eth7.5",
            "ens5:1",
            "ens5",
            "usb0",
            "wwan0",
        ];
        let table = table(&names);
        let counted: Vec<_> =
            names.into_iter().filter(|n| is_physical_by_name(&table, n)).collect();
        // eth7.5 stands for eth7, which is not listed.
        let expected =
            ["eth0", "enp3s0f1", "wlan0", "ib0", "brcm0", "eth7.5", "ens5", "usb0", "wwan0"];
        assert_eq!(counted, expected);
    }

    #[test]
    fn disks_that_count() {
        let names = [
            "sda",
            "sda1",
            "sda15",
            "nvme0n1",
            "nvme0n1p1",
            "nvme10n1",
            "mmcblk0",
            "mmcblk0p2",
            "mmcblk0boot0",
            "mmcblk0rpmb",
            "sdp",
            "sdp1",
            "vda",
            "vda1",
            "xvdb1",
            "loop0",
            "ram0",
            "zram0",
            "sr0",
            "fd0",
            "dm-3",
            "md127",
            "nbd0",
            "sdaa",
            "sdaa1",
        ];
        let table = table(&names);
        let counted: Vec<_> = names.into_iter().filter(|n| is_whole_by_name(&table, n)).collect();
        let expected =
            ["sda", "nvme0n1", "nvme10n1", "mmcblk0", "sdp", "vda", "xvdb1", "nbd0", "sdaa"];
        assert_eq!(counted, expected);
    }
}
