//! Which interfaces and disks count towards a host's sums: those where bytes are counted once.
//!
//! The probe says of each row where its bytes are counted ([`Layer`], from the kernel's own tree).
//! Only where it could not, because it is an older one or sees no sysfs, names decide: those count that
//! the kernel and udev give to cards and disks. Any other name (a bridge of somebody's own, a tunnel, a
//! card that was renamed) counts for nothing, and a sum of nothing is unknown: a value that is missing
//! is better than a byte that is counted twice. Every device has its own row whatever stands here.

use crate::model::{CounterTable, Layer};

/// The rows of the table of interfaces that count towards the host's sums, in its order. Where
/// nothing is physical (a link over a modem, a container that is watched as a host) those count
/// through which the host's default routes leave.
pub(super) fn counted_interfaces<const N: usize>(table: &CounterTable<N>) -> Vec<bool> {
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
pub(super) fn counts_disk<const N: usize>(table: &CounterTable<N>, row: usize, name: &str) -> bool {
    match table.layer(row) {
        Layer::Physical => true,
        Layer::Virtual | Layer::Uplink => false,
        Layer::Unknown => is_whole_by_name(table, name),
    }
}

/// Whether the name is one that the kernel or udev gives to a network card: of a driver's own
/// (`eth0`), systemd.net-naming-scheme(7) (`enp3s0`, `wlx…`) or biosdevname (`em1`, `p2p1`).
fn is_physical_by_name<const N: usize>(table: &CounterTable<N>, name: &str) -> bool {
    // `eth0.100` and `eth0:1` are a VLAN and an alias of `eth0`, when that is listed too.
    let card = match name.split_once(['.', ':']) {
        Some((card, _)) if table.find(card, 0).is_some() => return false,
        Some((card, _)) => card,
        None => name,
    };
    ["eth", "wlan", "wwan", "ib", "usb", "em"].iter().any(|driver| is_numbered(card, driver))
        || ["en", "wl", "ww", "ib"]
            .iter()
            .any(|kind| card.strip_prefix(kind).is_some_and(is_predictable))
        || card.strip_prefix('p').and_then(|slot| slot.split_once('p')).is_some_and(
            |(slot, port)| is_number(slot) && port.starts_with(|c: char| c.is_ascii_digit()),
        )
}

/// What systemd puts behind the kind of a card: where it is plugged in, or its address.
fn is_predictable(place: &str) -> bool {
    let begins_with_digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    if let Some(address) = place.strip_prefix('x') {
        return address.len() == 12 && address.bytes().all(|b| b.is_ascii_hexdigit());
    }
    // P: the domain of a PCI address, before the p of its bus.
    let place = place
        .strip_prefix('P')
        .map_or(place, |domain| domain.trim_start_matches(|c: char| c.is_ascii_digit()));
    place.strip_prefix(['o', 's', 'p', 'v', 'd', 'b', 'c']).is_some_and(begins_with_digit)
}

/// Whether the name is one that the kernel gives to a disk (Documentation/admin-guide/devices.txt),
/// or to a partition whose disk is not listed (`xvda1` on some clouds): then that is the disk.
fn is_whole_by_name<const N: usize>(table: &CounterTable<N>, name: &str) -> bool {
    let disk = disk_of_partition(name);
    let is_disk = |name: &str| {
        let lettered = |driver: &str| {
            let letters = name.strip_prefix(driver).unwrap_or_default();
            !letters.is_empty() && letters.bytes().all(|b| b.is_ascii_lowercase())
        };
        let pair = |driver: &str, between: char| {
            let numbers = name.strip_prefix(driver).and_then(|rest| rest.split_once(between));
            numbers.is_some_and(|(first, second)| is_number(first) && is_number(second))
        };
        ["sd", "hd", "vd", "xvd", "dasd"].into_iter().any(lettered)
            || ["mmcblk", "nbd", "rbd", "pmem"].iter().any(|driver| is_numbered(name, driver))
            || pair("nvme", 'n')
            || pair("cciss/c", 'd')
            || pair("ida/c", 'd')
    };
    is_disk(name) || disk.is_some_and(|disk| is_disk(disk) && table.find(disk, 0).is_none())
}

/// The disk that a name would be a partition of: `sda1` of `sda`, `nvme0n1p2` of `nvme0n1`. The
/// kernel puts a `p` between when the disk's name ends in a digit, and counts from 1.
fn disk_of_partition(name: &str) -> Option<&str> {
    let disk = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if disk.is_empty() || matches!(name.as_bytes().get(disk.len()), None | Some(b'0')) {
        return None;
    }
    match disk.strip_suffix('p') {
        Some(shorter) if shorter.ends_with(|c: char| c.is_ascii_digit()) => Some(shorter),
        Some(_) | None => Some(disk),
    }
}

/// Whether the text is `prefix` and a number.
fn is_numbered(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(is_number)
}

/// Whether the text is digits alone.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[&str]) -> CounterTable<1> {
        CounterTable::new(names.iter().map(|&n| n.into()).collect(), [&[]]).unwrap()
    }

    /// Those of `names` that count in a table of them all.
    fn counted(names: &str, counts: fn(&CounterTable<1>, &str) -> bool) -> String {
        let names: Vec<_> = names.split_whitespace().collect();
        let table = table(&names);
        names.into_iter().filter(|name| counts(&table, name)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn interfaces_that_count() {
        let counted = |names| counted(names, is_physical_by_name);
        let cards = "eth0 enp3s0f1 enP2p1s0 eno1 ens5 enxb827eb010203 end0 enc1000 env2 wlan0 \
                     wlp2s0 ib0 ibp4s0 usb0 wwan0 em1 p2p1 p2p1_0";
        assert_eq!(counted(cards), cards.split_whitespace().collect::<Vec<_>>().join(" "));
        // eth7.5 stands for eth7, which is not listed.
        assert_eq!(counted("eth0 eth0.100 ens5:1 ens5 eth7.5"), "eth0 ens5 eth7.5");
        for others in [
            "lo br0 br-4f2a docker0 docker_gwbridge veth12ab bond0 virbr0 tun0 cali1a2b dummy0 ifb0",
            "vmbr0 fwbr101i0 fwln101i0 fwpr101p0 tap101i0 xenbr0 vif1.0 vif2.0-emu",
            "ovs-system br-int qbr1a2b3c4d-5e qvb1a2b3c4d-5e qvo1a2b3c4d-5e genev_sys_6081 ovn-k8s-mp0",
            "eni1a2b3c4d5e6 azv1 gke52a a1b2c3d4e5f6a7b lan lacp0 venet0 ppp0 wg0 nordlynx bat0 hassio",
            "p2 pp1 em enx12 en ethernet wlan",
        ] {
            assert_eq!(counted(others), "", "{others}");
        }
    }

    #[test]
    fn disks_that_count() {
        let counted = |names| counted(names, is_whole_by_name);
        assert_eq!(
            counted(
                "sda sda1 sda15 nvme0n1 nvme0n1p1 nvme10n1 mmcblk0 mmcblk0p2 sdp sdp1 vda vda1 \
                 xvdb1 nbd0 nbd0p1 sdaa sdaa1 dasda dasda1 cciss/c0d0 cciss/c0d0p1"
            ),
            "sda nvme0n1 nvme10n1 mmcblk0 sdp vda xvdb1 nbd0 sdaa dasda cciss/c0d0"
        );
        let others = "mmcblk0boot0 mmcblk0rpmb loop0 ram0 zram0 sr0 scd0 fd0 dm-3 md127 drbd0 \
                      bcache0 zd0 nvme0c0n1 emcpowera emcpowera1 VxDMP1 vdo0 ublkb0 pmem1s";
        assert_eq!(counted(others), "");
    }
}
