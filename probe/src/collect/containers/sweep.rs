//! Reading all containers for one answer: every group for what decides which are the largest, and those in
//! full.

use std::{cmp::Reverse, collections::BTreeSet, path::PathBuf, time::Instant};

use roundsman_proto::v1::{self, Container, Status};
use rustix::{
    fd::OwnedFd,
    fs::{CWD, Mode, OFlags},
    io::Errno,
};

use super::{
    super::{
        cgroup::{self, MAX_GROUP_FILE_BYTES, Tree},
        file::Reach,
        host::{Host, path_of, status, words},
        report::Report,
    },
    find::{self, Found},
    names::Names,
    path,
    values::{self, Carried},
};
use crate::{clock, root::CGROUPS};

/// Most containers that are sent in full because of their CPU time, and as many because of their memory.
pub const MAX_TOP: usize = 50;

/// What is read of a group.
pub const FILES: [&str; 12] = [
    "cpu.stat",
    "memory.current",
    "memory.stat",
    "memory.swap.current",
    "memory.max",
    "memory.events",
    "io.stat",
    "pids.current",
    "pids.max",
    "cpu.pressure",
    "memory.pressure",
    "io.pressure",
];
/// Links that say what a block device is: `8:0` leads to its place in the tree of devices.
pub const DEVICES: &str = "sys/dev/block";
/// Where devices without a bus are, and the network block devices among them, which lie on no other.
const VIRTUAL: &[u8] = b"devices/virtual/";
const NETWORK_BLOCK_MAJORS: [u32; 2] = [43, 152];
/// Room for the target of a link, bytes.
const LINK_BYTES: usize = 128;

/// Reads all containers; what is not read by `until` is told.
#[must_use]
pub fn read(host: &Host, tree: &Tree, until: Instant) -> (Option<v1::Containers>, Status, String) {
    let mut report = Report::default();
    let values = Sweep::new(host, tree, until).read(&mut report);
    let (status, error) = report.close(values.is_some());
    (values, status, error)
}

/// The host's `/`, to open its files below; nothing when it cannot be opened.
#[must_use]
pub fn open_rootfs(host: &Host) -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::DIRECTORY;
    rustix::fs::openat(CWD, host.root().rootfs_dir(), flags, Mode::empty()).ok()
}

/// Reading all containers for one answer.
struct Sweep<'a> {
    host: &'a Host,
    tree: &'a Tree,
    until: Instant,
    rootfs: Option<OwnedFd>,
    carried: Carried,
    buffer: Vec<u8>,
}

/// A group after the first look at it.
struct Seen {
    found: Found,
    id: u64,
    container: Container,
}

impl Seen {
    fn cpu_us(&self) -> u64 {
        self.container.cpu_usage_us.unwrap_or(0)
    }

    fn memory_bytes(&self) -> u64 {
        self.container.memory_bytes.unwrap_or(0)
    }
}

impl<'a> Sweep<'a> {
    fn new(host: &'a Host, tree: &'a Tree, until: Instant) -> Self {
        let (carried, buffer) = (Carried::default(), Vec::new());
        Self { host, tree, until, rootfs: open_rootfs(host), carried, buffer }
    }

    fn read(mut self, report: &mut Report) -> Option<v1::Containers> {
        let find::All { groups, count } = find::all(self.tree, report);
        let mut containers = v1::Containers {
            total: u32::try_from(count).unwrap_or(u32::MAX),
            ..Default::default()
        };
        let mut seen = Vec::with_capacity(groups.len());
        for found in groups {
            if clock::now() >= self.until {
                let text = format_args!("not ready in time: {} of {count} looked at", seen.len());
                report.note(Status::Timeout, text);
                // The largest of some would pass for the largest of all.
                return None;
            }
            seen.extend(self.look(found, report));
        }
        let largest = largest(&seen);
        let rootfs = self.rootfs.take();
        let mut names = Names::new(rootfs.as_ref());
        let (mut by_place, mut late): (Vec<_>, usize) = (seen.into_iter().map(Some).collect(), 0);
        for place in largest {
            let Some(one) = by_place[place].take() else { continue };
            if clock::now() >= self.until {
                late += 1;
                by_place[place] = Some(one);
                continue;
            }
            match self.whole(one, &mut names, rootfs.as_ref(), report) {
                Whole::Container(container) => containers.top.push(container),
                Whole::Sandbox => containers.total = containers.total.saturating_sub(1),
                Whole::Ended => {}
            }
        }
        if late > 0 {
            report
                .note(Status::Timeout, format_args!("not ready in time: {late} not read in full"));
        }
        push_others(&mut containers, by_place.into_iter().flatten());
        Some(containers)
    }

    /// What decides whether it is among the largest. Nothing when it has ended since it was listed.
    fn look(&mut self, found: Found, report: &mut Report) -> Option<Seen> {
        let group = match self.tree.group(&found.path) {
            Ok(group) => group,
            Err(Errno::NOENT | Errno::NODEV) => return None,
            Err(errno) => {
                let path = self.path(&found, "");
                report.note(status(errno), format_args!("{}: {}", path.display(), words(errno)));
                return None;
            }
        };
        let inode = self.host.captured_inode(&found.path).unwrap_or(found.inode);
        let id = id(&found.path, inode);
        let mut container = Container {
            id,
            engine: found.named.engine.to_owned(),
            container_id: found.named.id.clone(),
            pod_uid: path::pod_uid(parent(&found.path)),
            ..Container::default()
        };
        let mut files = Files { group: &group, found: &found, sweep: self, report };
        let is_there = files.read("cpu.stat", |bytes| values::cpu(bytes, &mut container));
        files.read("memory.current", |b| values::single(b, &mut container.memory_bytes));
        is_there.then_some(Seen { found, id, container })
    }

    /// The rest of it.
    fn whole(
        &mut self,
        seen: Seen,
        names: &mut Names<'_>,
        rootfs: Option<&OwnedFd>,
        report: &mut Report,
    ) -> Whole {
        let Seen { found, mut container, .. } = seen;
        let Ok(group) = self.tree.group(&found.path) else { return Whole::Ended };
        // Another one of the same path may have come since.
        let is_same = self.host.is_captured()
            || cgroup::inode(&group).is_ok_and(|inode| inode == found.inode);
        if !is_same {
            return Whole::Ended;
        }
        let of = &mut container;
        let mut carried = std::mem::take(&mut self.carried);
        let mut files = Files { group: &group, found: &found, sweep: self, report };
        files.read("memory.stat", |bytes| values::memory(bytes, of));
        files.read("memory.swap.current", |b| values::single(b, &mut of.swap_bytes));
        files.read("memory.max", |b| values::limit(b, &mut of.memory_limit_bytes));
        files.read("memory.events", |bytes| values::events(bytes, of));
        files.read("io.stat", |b| {
            values::io(b, of, &mut carried, |device| is_carried(rootfs, device))
        });
        files.read("pids.current", |b| values::single(b, &mut of.pids));
        files.read("pids.max", |b| values::limit(b, &mut of.pids_limit));
        files.read("cpu.pressure", |b| values::stalls(b, &mut of.cpu_some_us, &mut of.cpu_full_us));
        files.read("memory.pressure", |b| {
            values::stalls(b, &mut of.memory_some_us, &mut of.memory_full_us)
        });
        files.read("io.pressure", |b| values::stalls(b, &mut of.io_some_us, &mut of.io_full_us));
        self.carried = carried;
        let Some(state) = names.of(&found.named) else { return Whole::Container(container) };
        if state.is_sandbox {
            return Whole::Sandbox;
        }
        (container.name, container.image) = (state.name, state.image);
        (container.service, container.task) = (state.service, state.task);
        (container.pod_namespace, container.pod) = (state.pod_namespace, state.pod);
        Whole::Container(container)
    }

    fn path(&self, found: &Found, file: &str) -> PathBuf {
        self.host.root().at(CGROUPS).join(path_of(&found.path)).join(file)
    }
}

/// What became of a group that was to be read in full.
#[expect(clippy::large_enum_variant, reason = "it lives for a line")]
enum Whole {
    Container(Container),
    /// It only holds a pod's namespaces.
    Sandbox,
    Ended,
}

/// The files of one group.
struct Files<'a, 'b> {
    group: &'a OwnedFd,
    found: &'a Found,
    sweep: &'a mut Sweep<'b>,
    report: &'a mut Report,
}

impl Files<'_, '_> {
    /// Reads one; whether it was there. A controller that is not on has no files, and that is no fault.
    fn read(&mut self, file: &str, parse: impl FnOnce(&[u8]) -> bool) -> bool {
        let buffer = &mut self.sweep.buffer;
        let wrong = match cgroup::read(self.group, file, MAX_GROUP_FILE_BYTES, buffer) {
            Ok(reach) => {
                let understood = parse(buffer);
                let is_whole = reach == Reach::End;
                if understood && is_whole {
                    return true;
                }
                let what = if understood { "too long" } else { "not understood" };
                (Status::Malformed, what.to_owned(), true)
            }
            // NOTSUP: pressure of a kernel that was booted without it.
            Err(Errno::NOENT | Errno::NODEV | Errno::OPNOTSUPP) => return false,
            Err(errno) => (status(errno), words(errno).into_owned(), false),
        };
        let (status, what, is_there) = wrong;
        let path = self.sweep.path(self.found, file);
        // The name of a group is whatever its maker chose.
        let path = path.display().to_string();
        self.report.note(status, format_args!("{}: {what}", path.escape_debug()));
        is_there
    }
}

/// The places of the largest by CPU time, then of the largest by memory.
fn largest(seen: &[Seen]) -> Vec<usize> {
    let by = |of: fn(&Seen) -> u64| {
        let mut places: Vec<usize> = (0..seen.len()).collect();
        places.sort_by_key(|place| Reverse(of(&seen[*place])));
        places.truncate(MAX_TOP);
        places
    };
    let mut there = BTreeSet::new();
    let all = [by(Seen::cpu_us), by(Seen::memory_bytes)].into_iter().flatten();
    all.filter(|place| there.insert(*place)).collect()
}

/// Those that are not sent in full, by column: where one has a memory those without are left out, for
/// what is not there cannot be 0.
fn push_others(containers: &mut v1::Containers, others: impl Iterator<Item = Seen>) {
    let others: Vec<Seen> = others.collect();
    let has_memory = others.iter().any(|one| one.container.memory_bytes.is_some());
    for one in others {
        let Some(cpu_us) = one.container.cpu_usage_us else { continue };
        match (has_memory, one.container.memory_bytes) {
            (true, Some(bytes)) => containers.other_memory_bytes.push(bytes),
            (true, None) => continue,
            (false, _) => {}
        }
        containers.other_id.push(one.id);
        containers.other_cpu_us.push(cpu_us);
    }
}

/// Whether a device lies on others, which count the same bytes. Where it cannot be told it does not.
fn is_carried(rootfs: Option<&OwnedFd>, (major, minor): (u32, u32)) -> bool {
    let Some(rootfs) = rootfs else { return false };
    let link = format!("{DEVICES}/{major}:{minor}");
    let target = rustix::fs::readlinkat(rootfs, link, Vec::with_capacity(LINK_BYTES));
    target.is_ok_and(|target| {
        let is_virtual = target.to_bytes().windows(VIRTUAL.len()).any(|part| part == VIRTUAL);
        is_virtual && !NETWORK_BLOCK_MAJORS.contains(&major)
    })
}

fn parent(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(&[], |at| &path[..at])
}

/// FNV-1a, of 64 bits: the same in every build, and never 0.
fn id(path: &[u8], inode: u64) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
    path.iter().chain(&inode.to_le_bytes()).fold(BASIS, step).max(1)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::root::Root;

    #[test]
    fn what_is_not_ready_in_time_is_told() {
        let host = Host::open(Root::captured(Path::new("tests/fixtures/docker-systemd")));
        let tree = Tree::open(&host).unwrap();
        let (containers, status, error) = read(&host, &tree, clock::now());
        assert_eq!((containers, status), (None, Status::Timeout));
        assert_eq!(error, "not ready in time: 0 of 4 looked at");
    }

    #[test]
    fn an_id_is_of_path_and_inode() {
        let all = [id(b"docker/a", 1), id(b"docker/a", 2), id(b"docker/b", 1), id(b"", 0)];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert_eq!(id(b"a", 0), 0xbfe4_d88f_2353_f60c, "the same in every build");
    }
}
