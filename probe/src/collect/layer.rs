//! Where bytes are counted, so that a sum over interfaces or disks counts each once: told by the
//! kernel's tree of devices, never by names, which anybody may give.
//!
//! The tree has real devices below the bus that they are on, and what the kernel has made up (bridges,
//! bonds, VLANs, tunnels, ends of containers; loop, dm, md, zram) below `devices/virtual`. The
//! exceptions on both sides are rules of single drivers, and stand here with their reasons.
//!
//! What cannot be told is not guessed: a row without an entry is UNSPECIFIED, and without a sysfs, or
//! with one of another network namespace, there is no column.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use roundsman_proto::v1::{self, Layer};

use super::{
    reading::Reading,
    scan::{lines, words},
    source::{Fact, Source},
    sysfs::{ON_NO_BUS, Sysfs},
};

/// How much of a list of routes is read, bytes: a thousand routes. A router of the whole Internet has
/// a hundred megabytes of them, and no need of one by default.
pub const MAX_ROUTE_BYTES: usize = 256 * 1_024;

/// Where it has the heads of NVMe multipath devices.
const NVME_HEADS: &str = "devices/virtual/nvme-subsystem/";
/// The bus of Xen's back ends: what a guest sends comes in here, and leaves by another interface.
const XEN_BACKEND: &str = "xen-backend";
/// `ARPHRD_INFINIBAND`: an IPoIB interface with a partition key names its parent, but has queues of
/// its own, whose bytes the parent does not count.
const INFINIBAND: &str = "32";
/// Block devices over a network that lie below `devices/virtual` by their majors: nbd and ATA over
/// Ethernet. No other row counts their bytes. (rbd has a bus of its own; drbd stands on a disk.)
const NETWORK_BLOCK_MAJORS: [u32; 2] = [43, 152];
/// Flags of a route, include/uapi/linux/route.h: in force, and refusing.
const RTF_UP: u32 = 0x1;
const RTF_REJECT: u32 = 0x200;

/// The layer of each interface, `v1::Network`'s column.
pub fn of_interfaces(reading: &mut Reading<'_>, names: &[String]) -> Vec<i32> {
    let Some(sysfs) = reading.sysfs() else { return Vec::new() };
    if !sysfs.is_of_first_process(reading.mountinfo().ok()) {
        return Vec::new();
    }
    let places = places(sysfs, Fact::Interface, names);
    // Some may have come or gone since they were listed, but not most of them.
    if places.iter().flatten().count() * 2 < names.len() || names.is_empty() {
        return Vec::new();
    }
    let mut layers: Vec<Layer> = places.iter().map(|place| by_place(place.as_deref())).collect();
    carried_by_others(sysfs, names, &mut layers);
    if !layers.contains(&Layer::Physical) {
        let uplinks = uplinks(reading);
        for (layer, name) in layers.iter_mut().zip(names) {
            if *layer == Layer::Virtual && uplinks.contains(name) {
                *layer = Layer::Uplink;
            }
        }
    }
    layers.into_iter().map(i32::from).collect()
}

/// Where each device is in the tree, as far as it can be told.
fn places<'a>(sysfs: &Sysfs, fact: Fact, names: &[String]) -> Vec<Option<Cow<'a, str>>> {
    let no_bus = sysfs.on_no_bus(fact.of("").class);
    let place = |name: &String| {
        let name = name.replace('/', "!");
        if no_bus.contains(name.as_bytes()) {
            return Some(Cow::Borrowed(ON_NO_BUS));
        }
        let target = sysfs.link(fact, &name).ok()?;
        below_root(&target).map(|place| Cow::Owned(place.to_owned()))
    };
    names.iter().map(place).collect()
}

/// By where a device is in the tree.
fn by_place(place: Option<&str>) -> Layer {
    match place {
        None => Layer::Unspecified,
        Some(place) if place.starts_with(ON_NO_BUS) => Layer::Virtual,
        Some(_) => Layer::Physical,
    }
}

/// The target of a device's entry from the top of the tree; nothing for what leads elsewhere.
#[must_use]
pub fn below_root(target: &str) -> Option<&str> {
    let place = target.trim_start_matches("../");
    (place.starts_with("devices/") && place.split('/').all(|part| part != "..")).then_some(place)
}

/// What a real interface says of itself and of others.
struct Interface<'a> {
    row: usize,
    name: &'a str,
    number: Option<String>,
}

/// Of several real interfaces some carry what another one counts.
fn carried_by_others(sysfs: &Sysfs, names: &[String], layers: &mut [Layer]) {
    let real: Vec<Interface<'_>> = (0..names.len())
        .filter(|row| layers[*row] == Layer::Physical)
        .map(|row| Interface { row, name: &names[row], number: None })
        .collect();
    if real.len() < 2 {
        return;
    }
    let numbered: Vec<Interface<'_>> = real
        .into_iter()
        .map(|one| Interface { number: sysfs.value(Fact::Number, one.name).ok(), ..one })
        .collect();
    for one in &numbered {
        if is_carried(sysfs, one, &numbered) {
            layers[one.row] = Layer::Virtual;
        }
    }
}

fn is_carried(sysfs: &Sysfs, one: &Interface<'_>, all: &[Interface<'_>]) -> bool {
    let last = |target: String| target.rsplit('/').next().map(str::to_owned);
    let link = |fact| sysfs.link(fact, one.name).ok().and_then(last);
    // netvsc over its virtual function, net_failover over both: the master counts what they carry.
    // A bond or a bridge is a master, too, but no real interface.
    if link(Fact::Master).is_some_and(|master| all.iter().any(|other| other.name == master)) {
        return true;
    }
    if link(Fact::Bus).is_some_and(|bus| bus == XEN_BACKEND) {
        return true;
    }
    // A port of a DSA switch sends and receives through its conduit.
    let value = |fact| sysfs.value(fact, one.name).ok();
    let below = value(Fact::Below).filter(|below| Some(below) != one.number.as_ref());
    if below.is_some_and(|below| all.iter().any(|other| other.number.as_ref() == Some(&below))) {
        return value(Fact::Hardware).is_none_or(|kind| kind != INFINIBAND);
    }
    value(Fact::Port).is_some_and(|port| is_representor(&port))
}

/// The kernel's names of ports (`devlink_port_phys_port_name_get`): `p0` is a port with a plug;
/// `pf0`, `pf0vf3`, `pf0sf88`, with `c1` before it for a controller, stand for a function of the
/// device that a guest or a container has, whose bytes leave by a port with a plug.
fn is_representor(port: &str) -> bool {
    let after_controller = port
        .strip_prefix('c')
        .map_or(port, |rest| rest.trim_start_matches(|letter: char| letter.is_ascii_digit()));
    after_controller.starts_with("pf")
}

/// Interfaces that a default route leaves through.
fn uplinks(reading: &Reading<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut buffer = Vec::new();
    for source in [Source::Route, Source::Route6] {
        if reading.host().read_beginning(source, MAX_ROUTE_BYTES, &mut buffer).is_ok() {
            let routes = lines(&buffer).filter_map(|line| default_route(source, line));
            found.extend(routes.filter(|route| *route != b"lo").map(super::scan::text));
        }
    }
    found
}

/// The interface of a default route that is in force and leads somewhere.
fn default_route(source: Source, line: &[u8]) -> Option<&[u8]> {
    let all: Vec<&[u8]> = words(line).collect();
    let (interface, flags, to) = match (source, &all[..]) {
        // Interface, destination, gateway, flags, three counters, mask; a line of heading.
        (Source::Route, [interface, to, _, flags, _, _, _, mask, ..]) => {
            (*interface, *flags, [*to, *mask])
        }
        // Destination, its length, source, its length, gateway, three counters, flags, interface.
        (Source::Route6, [to, length, _, _, _, _, _, _, flags, interface]) => {
            (*interface, *flags, [*to, *length])
        }
        _ => return None,
    };
    let is_everything = to.into_iter().flatten().all(|digit| *digit == b'0');
    let flags = u32::from_str_radix(str::from_utf8(flags).ok()?, 16).ok()?;
    (is_everything && flags & RTF_UP != 0 && flags & RTF_REJECT == 0).then_some(interface)
}

/// Of a list of routes, what is read of it and names no address: default routes, their gateways
/// blanked.
#[must_use]
pub fn without_addresses(source: Source, routes: &[u8]) -> Vec<u8> {
    let gateway = if source == Source::Route { 2 } else { 4 };
    let mut kept = Vec::new();
    for line in lines(routes).filter(|line| default_route(source, line).is_some()) {
        for (index, word) in words(line).enumerate() {
            if index > 0 {
                kept.push(b'\t');
            }
            match index == gateway {
                true => kept.extend(word.iter().map(|_| b'0')),
                false => kept.extend(word),
            }
        }
        kept.push(b'\n');
    }
    kept
}

/// The layer of each disk, `v1::Disk`'s column.
pub fn of_disks(reading: &Reading<'_>, disk: &v1::Disk) -> Vec<i32> {
    let Some(sysfs) = reading.sysfs() else { return Vec::new() };
    let places = places(sysfs, Fact::Disk, &disk.device);
    if places.iter().all(Option::is_none) {
        return Vec::new();
    }
    let table = Disks::of(disk);
    places
        .iter()
        .enumerate()
        .map(|(row, place)| table.layer(row, place.as_deref()).into())
        .collect()
}

/// The table of disks, by name.
struct Disks<'a> {
    disk: &'a v1::Disk,
    rows: BTreeMap<String, usize>,
    /// Heads of NVMe multipath devices that have a path in the table.
    heads: BTreeSet<String>,
}

impl<'a> Disks<'a> {
    fn of(disk: &'a v1::Disk) -> Self {
        let rows = disk.device.iter().enumerate();
        let paths = disk.device.iter().enumerate().filter(|(row, _)| is_hidden(disk, *row));
        Self {
            disk,
            heads: paths.filter_map(|(_, name)| head_of(name)).collect(),
            rows: rows.map(|(row, name)| (name.replace('/', "!"), row)).collect(),
        }
    }

    fn layer(&self, row: usize, place: Option<&str>) -> Layer {
        let Some(place) = place else { return Layer::Unspecified };
        let name = &self.disk.device[row];
        // A partition, and the boot areas of an eMMC, are children of their disk.
        if place.rsplit('/').nth(1).is_some_and(|parent| self.rows.contains_key(parent)) {
            return Layer::Virtual;
        }
        if is_hidden(self.disk, row) {
            let head = head_of(name).and_then(|head| self.rows.get(&head));
            let head_counts = head.is_some_and(|head| self.has_counted(*head));
            return if head_counts { Layer::Virtual } else { Layer::Physical };
        }
        if place.starts_with(NVME_HEADS) {
            let paths_count = self.heads.contains(name) && !self.has_counted(row);
            return if paths_count { Layer::Virtual } else { Layer::Physical };
        }
        let is_of_network =
            self.disk.major.get(row).is_some_and(|major| NETWORK_BLOCK_MAJORS.contains(major));
        if is_of_network { Layer::Physical } else { by_place(Some(place)) }
    }

    /// Whether anything was read or written since boot. Kernels of before 2023 count the bytes of a
    /// multipath device at its paths alone, later ones at its head as well.
    fn has_counted(&self, row: usize) -> bool {
        let count = |column: &[u64]| column.get(row).copied().unwrap_or(0);
        count(&self.disk.reads) > 0 || count(&self.disk.writes) > 0
    }
}

/// Whether it is a disk that the kernel hides (`GENHD_FL_HIDDEN`): a path of a multipath device. It
/// alone has no device number.
fn is_hidden(disk: &v1::Disk, row: usize) -> bool {
    (disk.major.get(row), disk.minor.get(row)) == (Some(&0), Some(&0))
}

/// The head of a path: `nvme1n2` of `nvme1c0n2` (`nvme_mpath_set_disk_name`).
fn head_of(path: &str) -> Option<String> {
    let digits = |text: &str| text.find(|letter: char| !letter.is_ascii_digit());
    let rest = path.strip_prefix("nvme")?;
    let (subsystem, rest) = rest.split_at(digits(rest)?);
    let rest = rest.strip_prefix('c')?;
    let namespace = &rest[digits(rest)?..];
    namespace.starts_with('n').then(|| format!("nvme{subsystem}{namespace}"))
}

#[cfg(test)]
mod tests;
