//! The kernel's tree of devices: links and short values of one interface or block device at a time.
//! The same for a live host and a captured tree.

use std::collections::BTreeSet;

use rustix::{
    fd::{AsFd, OwnedFd},
    io::Errno,
};

use super::{
    file::{self, Extent},
    host::Host,
    scan::{lines, number32, split_once, words},
    source::Fact,
};
use crate::root::SYSFS;

/// Where the tree has what is on no bus.
pub const ON_NO_BUS: &str = "devices/virtual/";
/// sysfs in fstatfs(2): `SYSFS_MAGIC` of include/uapi/linux/magic.h.
const SYSFS_SUPER_MAGIC: u64 = 0x6265_6572;
/// Longest value that is read, bytes: a page, as the kernel has it.
const VALUE_BYTES: usize = 4_096;
/// Room for the target of a link, bytes.
const LINK_BYTES: usize = 128;

/// The sysfs below the host's `/`, open for one answer.
#[derive(Debug)]
pub struct Sysfs {
    top: OwnedFd,
    is_captured: bool,
}

impl Sysfs {
    /// Opens it; nothing when there is none: what lies there otherwise is not the kernel's word.
    #[must_use]
    pub fn open(host: &Host) -> Option<Self> {
        let rootfs = host.root().rootfs_dir();
        let top = file::open_dir_within(rootfs, SYSFS.file()).ok()?;
        let is_captured = host.is_captured();
        let is_sysfs = is_captured
            || rustix::fs::fstatfs(&top)
                .is_ok_and(|found| u64::try_from(found.f_type) == Ok(SYSFS_SUPER_MAGIC));
        is_sysfs.then_some(Self { top, is_captured })
    }

    /// Whether it shows the interfaces of process 1. `class/net` holds those of the network namespace
    /// in which a sysfs was mounted, and every namespace has an instance, a device number, of its
    /// own: it is process 1's when `1/mountinfo` has the same number at `/sys`. In a captured tree
    /// `capture` has seen to it.
    #[must_use]
    pub fn is_of_first_process(&self, mountinfo: Option<&[u8]>) -> bool {
        if self.is_captured {
            return true;
        }
        let theirs = mountinfo.and_then(|table| lines(table).filter_map(device_at_sys).last());
        let ours = rustix::fs::fstat(&self.top)
            .map(|found| (rustix::fs::major(found.st_dev), rustix::fs::minor(found.st_dev)));
        theirs.is_some() && theirs == ours.ok()
    }

    /// Names of the devices of a class that are on no bus; a list is far cheaper than a link of each.
    /// Children of others (partitions) are not among them.
    #[must_use]
    pub fn on_no_bus(&self, class: &str) -> BTreeSet<Vec<u8>> {
        let path = format!("{ON_NO_BUS}{class}");
        let Ok(opened) = file::open_at(self.top.as_fd(), &path) else { return BTreeSet::new() };
        let entries = rustix::fs::Dir::new(opened).into_iter().flatten();
        entries.map_while(Result::ok).map(|entry| entry.file_name().to_bytes().to_owned()).collect()
    }

    /// The target of a link.
    ///
    /// # Errors
    /// readlink(2)'s; EINVAL where it is no link.
    pub fn link(&self, fact: Fact, device: &str) -> Result<String, Errno> {
        let path = fact.of(device).to_string();
        let target = rustix::fs::readlinkat(&self.top, path, Vec::with_capacity(LINK_BYTES))?;
        Ok(target.to_string_lossy().into_owned())
    }

    /// A value, without the end of its line. Many interfaces answer that they have none
    /// (EOPNOTSUPP).
    ///
    /// # Errors
    /// open(2)'s or read(2)'s.
    pub fn value(&self, fact: Fact, device: &str) -> Result<String, Errno> {
        let opened = file::open_at(self.top.as_fd(), &fact.of(device).to_string())?;
        let mut bytes = Vec::new();
        let extent = Extent { ends_short: true, ..Extent::up_to(VALUE_BYTES) };
        file::read_to_end(opened, extent, &mut bytes)?;
        Ok(String::from_utf8_lossy(bytes.trim_ascii()).into_owned())
    }
}

/// The number of the filesystem that a line of mountinfo mounts at `/sys`.
fn device_at_sys(line: &[u8]) -> Option<(u32, u32)> {
    let mut words = words(line).skip(2);
    let (major, minor) = split_once(words.next()?, b':')?;
    let _root = words.next()?;
    let at = words.next()?.strip_prefix(b"/")?;
    (at == SYSFS.file().as_bytes()).then_some((number32(major)?, number32(minor)?))
}
