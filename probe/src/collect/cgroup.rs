//! The kernel's tree of control groups, version 2 (Documentation/admin-guide/cgroup-v2.rst): listed and
//! read without following a link. Knows no container. The same for a live host and a captured tree.

use std::ops::ControlFlow;

use roundsman_proto::v1::Status;
use rustix::{
    fd::{AsFd, OwnedFd},
    fs::{AtFlags, FileType, Mode, OFlags, RawDir, ResolveFlags},
    io::Errno,
};

use super::{
    file::{self, Extent, Reach},
    host::{Host, status, words},
    report::Fault,
};
use crate::root::CGROUPS;

/// Longest file of a group that is read, bytes; of a longer one the whole lines within. `io.stat` has a
/// line of about 100 bytes for each disk.
pub const MAX_GROUP_FILE_BYTES: usize = 64 * 1_024;
/// Version 2 in fstatfs(2): `CGROUP2_SUPER_MAGIC` of include/uapi/linux/magic.h.
const CGROUP2_SUPER_MAGIC: u64 = 0x6367_7270;
/// A file that version 2 alone has at its top.
pub const CONTROLLERS: &str = "cgroup.controllers";
/// What is made room for when a directory is listed, bytes.
const LISTING_BYTES: usize = 16 * 1_024;
/// The links of a directory without directories: its name, and `.`.
const LINKS_OF_NONE: u64 = 2;
/// As `file` opens a file, and no link in its place.
const FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOFOLLOW);

/// The top of the tree, open for one answer.
#[derive(Debug)]
pub struct Tree {
    top: OwnedFd,
}

impl Tree {
    /// Opens it.
    ///
    /// # Errors
    /// ABSENT where there is none, or one of version 1.
    pub fn open(host: &Host) -> Result<Self, Fault> {
        let path = host.root().at(CGROUPS);
        let top =
            file::open_dir_within(host.root().rootfs_dir(), CGROUPS.file()).map_err(|errno| {
                let text = format!("{}: {}", path.display(), words(errno));
                Fault { status: status(errno), text }
            })?;
        let tree = Self { top };
        if tree.is_version_2(host) {
            return Ok(tree);
        }
        let path = path.display();
        let text = format!("{path}: not cgroup version 2, of which alone containers are read");
        Err(Fault { status: Status::Absent, text })
    }

    fn is_version_2(&self, host: &Host) -> bool {
        if host.is_captured() {
            return self.has(CONTROLLERS);
        }
        rustix::fs::fstatfs(&self.top)
            .is_ok_and(|found| u64::try_from(found.f_type) == Ok(CGROUP2_SUPER_MAGIC))
    }

    /// Whether there is a file or directory of this name.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        rustix::fs::statat(&self.top, path, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Whether a directory may hold others: its links count them, on most filesystems.
    #[must_use]
    pub fn may_hold_groups(&self, path: &str) -> bool {
        #[allow(clippy::useless_conversion, reason = "32 bits on some architectures")]
        rustix::fs::statat(&self.top, path, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|found| u64::from(found.st_nlink) != LINKS_OF_NONE)
    }

    /// Opens a group by its path from the top; the empty path is the top.
    ///
    /// # Errors
    /// openat2(2)'s.
    pub fn group(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let (flags, path) = (FLAGS | OFlags::DIRECTORY, if path.is_empty() { b"." } else { path });
        let strict = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        match rustix::fs::openat2(&self.top, path, flags, Mode::empty(), strict) {
            Err(Errno::NOSYS | Errno::PERM) => {
                rustix::fs::openat(&self.top, path, flags, Mode::empty())
            }
            opened => opened,
        }
    }
}

/// Names and inodes of the directories in a group, until `take` breaks.
///
/// # Errors
/// getdents64(2)'s.
pub fn groups_in(
    group: impl AsFd,
    mut take: impl FnMut(&[u8], u64) -> ControlFlow<()>,
) -> Result<(), Errno> {
    let mut room = Vec::with_capacity(LISTING_BYTES);
    let mut entries = RawDir::new(group, room.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if entry.file_type() == FileType::Directory
            && !matches!(name, b"." | b"..")
            && take(name, entry.ino()).is_break()
        {
            break;
        }
    }
    Ok(())
}

/// The inode of an open group: another one for each that is made.
///
/// # Errors
/// fstat(2)'s.
pub fn inode(group: impl AsFd) -> Result<u64, Errno> {
    Ok(rustix::fs::fstat(group)?.st_ino)
}

/// Reads the whole lines within `limit` bytes of a group's file into `buffer`, which is emptied first.
///
/// # Errors
/// openat(2)'s or read(2)'s: ENOENT where there is no such controller, ENODEV when the group has ended.
pub fn read(
    group: impl AsFd,
    file: &str,
    limit: usize,
    buffer: &mut Vec<u8>,
) -> Result<Reach, Errno> {
    buffer.clear();
    let opened = rustix::fs::openat(group, file, FLAGS, Mode::empty())?;
    let extent = Extent { limit, ends_short: true };
    file::read_to_end(opened, extent, buffer)
}
