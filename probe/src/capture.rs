//! Copies a host's files into a tree that answers like the host: a user's bug report becomes a test.
//!
//! What is copied is the list of sources that the families read through, so it cannot drift from
//! them. No file of it holds a secret: there are no command lines, no environments and no addresses.
//! It does name the machine (machine-id, host name, interfaces, mounts, containers and their images, and
//! command names of processes, at most 15 bytes each): whoever publishes a tree should look at it first.

mod groups;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::io::Errno;

use crate::{
    clock,
    collect::{
        disk,
        file::Reach,
        filesystem,
        host::{Host, path_of, words},
        layer,
        manifest::{CaptureManifest, CapturedMount, MANIFEST},
        mounts, network,
        report::Report,
        source::{Fact, Link, Source},
        statvfs::{Asks, Refusal},
        sysfs::Sysfs,
        wanted::Names,
    },
    root::{Place, Root, SYSFS},
};

/// How long mounts are waited for before they are recorded as hung.
pub const MOUNT_PATIENCE: Duration = Duration::from_secs(5);
/// Most processes whose `stat` is copied.
pub const MAX_PROCESSES: usize = 2_048;

/// What a capture has copied.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Captured {
    /// The files copied, by their place in the tree, with their length in bytes.
    pub files: Vec<(PathBuf, u64)>,
    /// All bytes together.
    pub bytes: u64,
    /// Files that could not be read, and why: the replay gives the same error. Files that do not
    /// exist are not among them.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// A tree cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The directory exists and holds something.
    #[error("{}: not empty; name a directory that does not exist yet", .0.display())]
    NotEmpty(PathBuf),
    /// A directory or file of the tree cannot be written.
    #[error("{}: cannot be written", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The manifest cannot be put into words.
    #[error("the capture manifest cannot be written")]
    Manifest(#[from] serde_json::Error),
}

/// Copies what the probe reads under `root` into `dir`, which must not exist or be empty.
///
/// # Errors
/// The tree cannot be written. What cannot be read is no error: it is part of the picture.
pub fn capture(root: &Root, dir: &Path) -> Result<Captured, CaptureError> {
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(CaptureError::NotEmpty(dir.to_owned()));
    }
    let host = Host::open(root.clone());
    let mut tree = Tree {
        dir,
        captured: Captured::default(),
        manifest: CaptureManifest::new(
            host.page_size_bytes(),
            host.ticks_per_second(),
            host.architecture(),
        ),
    };
    for top in [Place::Proc(""), Place::Rootfs("")] {
        let path = dir.join(top.to_string());
        fs::create_dir_all(&path).map_err(|source| CaptureError::Write { path, source })?;
    }
    let mut buffer = Vec::new();
    let sysfs = Sysfs::open(&host);
    let (mut interfaces, mut disks, mut shows_interfaces) = (Vec::new(), Vec::new(), false);
    for source in Source::ALL {
        let place = source.place();
        match read(&host, *source, &mut buffer) {
            Ok(Reach::End) => tree.write(&place.to_string(), &buffer)?,
            Ok(Reach::Limit) => {
                tree.write(&place.to_string(), &buffer)?;
                tree.unreadable(place, Errno::FBIG);
            }
            Err(errno) => tree.unreadable(place, errno),
        }
        match source {
            Source::Mountinfo => {
                record_mounts(&host, &buffer, &mut tree.manifest);
                let shows = |sysfs: &Sysfs| sysfs.is_of_first_process(Some(&buffer));
                shows_interfaces = sysfs.as_ref().is_some_and(shows);
            }
            Source::NetDev => interfaces = network_names(&buffer),
            Source::Diskstats => disks = disk_names(&buffer),
            _ => {}
        }
    }
    if let Some(sysfs) = &sysfs {
        if shows_interfaces {
            copy_sysfs(sysfs, Fact::OF_INTERFACES, &interfaces, &mut tree)?;
        }
        copy_sysfs(sysfs, Fact::OF_DISKS, &disks, &mut tree)?;
    }
    for link in Link::ALL {
        match host.link(*link) {
            Ok(target) => drop(tree.manifest.links.insert(link.place().to_string(), target)),
            Err(errno) => tree.unreadable(link.place(), errno),
        }
    }
    copy_processes(&host, &mut tree)?;
    groups::copy(&host, &mut tree)?;
    let manifest = serde_json::to_vec_pretty(&tree.manifest)?;
    tree.write(&MANIFEST.to_string(), &manifest)?;
    Ok(tree.captured)
}

struct Tree<'a> {
    dir: &'a Path,
    captured: Captured,
    manifest: CaptureManifest,
}

impl Tree<'_> {
    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), CaptureError> {
        let path = self.dir.join(name);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&path, bytes))
            .map_err(|source| CaptureError::Write { path, source })?;
        let length = bytes.len() as u64;
        self.captured.bytes += length;
        self.captured.files.push((PathBuf::from(name), length));
        Ok(())
    }

    fn link(&mut self, name: &str, target: &str) -> Result<(), CaptureError> {
        let path = self.dir.join(name);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| std::os::unix::fs::symlink(target, &path))
            .map_err(|source| CaptureError::Write { path, source })?;
        let length = target.len() as u64;
        self.captured.bytes += length;
        self.captured.files.push((PathBuf::from(name), length));
        Ok(())
    }

    /// A file that does not exist does not exist in the tree either.
    fn unreadable(&mut self, place: Place, errno: Errno) {
        if errno == Errno::NOENT {
            return;
        }
        self.manifest.errors.insert(place.to_string(), errno.raw_os_error());
        let what = (PathBuf::from(place.to_string()), words(errno).into_owned());
        self.captured.unreadable.push(what);
    }
}

/// Reads a source as the families do, but for routes: of these nothing but what is looked for is
/// kept, for they hold addresses.
fn read(host: &Host, source: Source, buffer: &mut Vec<u8>) -> Result<Reach, Errno> {
    if !matches!(source, Source::Route | Source::Route6) {
        return host.read_raw(source.place(), buffer);
    }
    host.read_beginning(source, layer::MAX_ROUTE_BYTES, buffer)?;
    *buffer = layer::without_addresses(source, buffer);
    Ok(Reach::End)
}

fn network_names(net_dev: &[u8]) -> Vec<String> {
    let all = network::parse(net_dev, &Names::default(), &mut Report::default());
    all.map_or_else(Vec::new, |network| network.interface)
}

fn disk_names(diskstats: &[u8]) -> Vec<String> {
    let all = disk::parse(diskstats, &Names::default(), &mut Report::default());
    all.map_or_else(Vec::new, |disk| disk.device)
}

/// Copies what is read of each device: its entry, a link, and the rest to where that leads.
fn copy_sysfs(
    sysfs: &Sysfs,
    facts: &[Fact],
    devices: &[String],
    tree: &mut Tree<'_>,
) -> Result<(), CaptureError> {
    for device in devices {
        let mut place = None;
        for fact in facts {
            let node = fact.of(device);
            let name = match (node.file, &place) {
                (None, _) => format!("{SYSFS}/{node}"),
                (Some(file), Some(place)) => format!("{SYSFS}/{place}/{file}"),
                (Some(_), None) => continue,
            };
            if !fact.is_link() {
                if let Ok(value) = sysfs.value(*fact, device) {
                    tree.write(&name, format!("{value}\n").as_bytes())?;
                }
            } else if let Ok(target) = sysfs.link(*fact, device) {
                tree.link(&name, &target)?;
                if node.file.is_none() {
                    place = layer::below_root(&target).map(str::to_owned);
                }
            }
        }
    }
    Ok(())
}

fn record_mounts(host: &Host, mountinfo: &[u8], manifest: &mut CaptureManifest) {
    let asks = Asks::new(host.statvfs());
    let Some(all) = mounts::parse(mountinfo, &mut Report::default()) else { return };
    let points: Vec<PathBuf> = mounts::choose(&all)
        .iter()
        .take(filesystem::MAX_MOUNTS)
        .map(|chosen| path_of(&chosen.mount.mount_point).to_owned())
        .collect();
    let questions =
        points.iter().map(|point| filesystem::question(host.root(), point.clone())).collect();
    // Each on its own thread, the quick ones too: here time does not matter.
    let answers = Arc::clone(&asks).start(questions).finish(clock::now() + MOUNT_PATIENCE);
    for (point, answer) in points.into_iter().zip(answers) {
        let recorded = match answer {
            Ok(space) => CapturedMount::Space(space),
            Err(Refusal::Errno(code)) => CapturedMount::Errno(code),
            Err(Refusal::Hung | Refusal::NotAsked) => CapturedMount::Hung,
        };
        manifest.mounts.insert(point, recorded);
    }
}

fn copy_processes(host: &Host, tree: &mut Tree<'_>) -> Result<(), CaptureError> {
    let Ok(pids) = host.processes() else { return Ok(()) };
    let mut pids: Vec<u32> = pids.collect();
    pids.sort_unstable();
    let mut buffer = Vec::new();
    for pid in pids.into_iter().take(MAX_PROCESSES) {
        // Those that ended meanwhile do not exist. The second one is a source of its own.
        if pid != 2 && host.read_process(pid, &mut buffer).is_ok() {
            tree.write(&format!("proc/{pid}/stat"), &buffer)?;
        }
    }
    Ok(())
}
