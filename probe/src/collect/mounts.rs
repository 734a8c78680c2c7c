//! The mount table: `<proc>/1/mountinfo` (proc_pid_mountinfo(5)), and which of its lines are
//! filesystems that a person means. Asks no mount anything: see `statvfs`.

use std::{borrow::Cow, collections::HashMap};

use roundsman_proto::v1::Status;

use super::{
    report::Report,
    scan::{lines, number32, split_once, words},
};

/// Filesystems that hold no files of their own, only the kernel's. autofs is among them because
/// touching it would mount what it stands for, and ramfs because it keeps no count of its space.
pub const PSEUDO: &[&str] = &[
    "autofs",
    "bdev",
    "bpf",
    "binder",
    "binfmt_misc",
    "cgroup",
    "cgroup2",
    "configfs",
    "cpuset",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "functionfs",
    "fuse.gvfsd-fuse",
    "fuse.lxcfs",
    "fuse.portal",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nfsd",
    "nsfs",
    "pipefs",
    "proc",
    "pstore",
    "ramfs",
    "resctrl",
    "rootfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "smackfs",
    "sockfs",
    "sysfs",
    "tracefs",
    "usbfs",
    "xenfs",
];

/// Filesystems whose statvfs(2) answers from memory that is always there, so that it cannot block:
/// the numbers are in the superblock that is held while mounted. Everything else is asked on its own
/// thread: network and FUSE filesystems wait for others; vfat and exfat may have to read the whole
/// allocation table from a slow stick; zfs waits for a suspended pool; unknown ones may do anything.
pub const ANSWER_FROM_MEMORY: &[&str] = &[
    "bcachefs", "btrfs", "cramfs", "erofs", "ext2", "ext3", "ext4", "f2fs", "iso9660", "jfs",
    "nilfs2", "overlay", "reiserfs", "squashfs", "tmpfs", "ubifs", "udf", "xfs",
];

/// Most lines that are looked at: who hides whom takes the square of them.
const MAX_LINES: usize = 4_096;

/// An overlay has no space of its own: statvfs answers for its upper layer, which is another mount.
/// It is listed only where it is all that can be seen: as the root.
const OVERLAY: &str = "overlay";

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount<'a> {
    id: u32,
    parent: u32,
    /// major:minor, which is the filesystem's st_dev.
    pub device: (u32, u32),
    /// As the host sees it, unescaped.
    pub mount_point: Cow<'a, [u8]>,
    /// What is mounted, unescaped.
    pub source: Cow<'a, [u8]>,
    /// Its type.
    pub fs_type: &'a [u8],
    /// The mount's or the superblock's "ro".
    pub read_only: bool,
}

impl Mount<'_> {
    /// Whether it is of one of these types.
    #[must_use]
    pub fn is_of(&self, types: &[&str]) -> bool {
        types.iter().any(|name| name.as_bytes() == self.fs_type)
    }

    fn holds_files(&self) -> bool {
        let inner_overlay = self.fs_type == OVERLAY.as_bytes() && *self.mount_point != *b"/";
        !self.is_of(PSEUDO) && !inner_overlay
    }
}

/// A filesystem and how often it is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen<'a> {
    /// Its shortest mount point.
    pub mount: Mount<'a>,
    /// Further mounts of it.
    pub aliases: u32,
    /// Whether statvfs(2) may be asked on the caller's own thread: the filesystem answers from
    /// memory, and so does every one that the way to it leads through.
    pub answers_from_memory: bool,
}

/// All lines that are understood.
pub fn parse<'a>(bytes: &'a [u8], report: &mut Report) -> Option<Vec<Mount<'a>>> {
    let mut mounts = Vec::new();
    for line in lines(bytes) {
        if mounts.len() == MAX_LINES {
            report.note(Status::Partial, format_args!("more than {MAX_LINES} mounts"));
            break;
        }
        match mount(line) {
            Some(mount) => mounts.push(mount),
            None => report.malformed(line),
        }
    }
    (!mounts.is_empty()).then_some(mounts)
}

/// The filesystem that is seen at `/`: the last one mounted there.
#[must_use]
pub fn at_root(bytes: &[u8]) -> Option<Mount<'_>> {
    let at_root = |line: &&[u8]| words(line).nth(4) == Some(b"/");
    lines(bytes).filter(at_root).filter_map(mount).last()
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
fn mount(line: &[u8]) -> Option<Mount<'_>> {
    let mut words = words(line);
    let id = number32(words.next()?)?;
    let parent = number32(words.next()?)?;
    let (major, minor) = split_once(words.next()?, b':')?;
    let _root = words.next()?;
    let mount_point = words.next()?;
    let options = words.next()?;
    // Any number of optional fields, ended by a hyphen.
    words.by_ref().find(|word| *word == b"-")?;
    let fs_type = words.next()?;
    let source = words.next()?;
    let super_options = words.next().unwrap_or_default();
    Some(Mount {
        id,
        parent,
        device: (number32(major)?, number32(minor)?),
        mount_point: unescape(mount_point),
        source: unescape(source),
        fs_type,
        read_only: is_read_only(options) || is_read_only(super_options),
    })
}

fn is_read_only(options: &[u8]) -> bool {
    options.split(|byte| *byte == b',').any(|option| option == b"ro")
}

/// The kernel writes space, tab, newline and backslash as `\040`, `\011`, `\012` and `\134`.
fn unescape(word: &[u8]) -> Cow<'_, [u8]> {
    if !word.contains(&b'\\') {
        return Cow::Borrowed(word);
    }
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&first, tail)) = rest.split_first() {
        match tail {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] if first == b'\\' => {
                plain.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => {
                plain.push(first);
                rest = tail;
            }
        }
    }
    Cow::Owned(plain)
}

/// The filesystems to report: visible, holding files, each once (by major:minor) at its shortest
/// mount point.
#[must_use]
pub fn choose<'a>(mounts: &[Mount<'a>]) -> Vec<Chosen<'a>> {
    let hidden = hidden(mounts);
    let mut chosen: Vec<Chosen<'a>> = Vec::new();
    let mut rows: HashMap<(u32, u32), usize> = HashMap::new();
    for (mount, _) in
        mounts.iter().zip(&hidden).filter(|(mount, hidden)| !**hidden && mount.holds_files())
    {
        let Some(&row) = rows.get(&mount.device) else {
            rows.insert(mount.device, chosen.len());
            chosen.push(Chosen { mount: mount.clone(), aliases: 0, answers_from_memory: false });
            continue;
        };
        let known = &mut chosen[row];
        known.aliases = known.aliases.saturating_add(1);
        let rank = |mount: &Mount<'_>| (mount.mount_point.len(), mount.mount_point.to_vec());
        if rank(mount) < rank(&known.mount) {
            known.mount = mount.clone();
        }
    }
    for row in &mut chosen {
        row.answers_from_memory = row.mount.is_of(ANSWER_FROM_MEMORY)
            && mounts.iter().all(|above| {
                !leads_to(&above.mount_point, &row.mount.mount_point)
                    || above.is_of(ANSWER_FROM_MEMORY)
                    || (above.is_of(PSEUDO) && above.fs_type != b"autofs")
            });
    }
    chosen
}

/// Which mounts cannot be reached by their mount point: another one is mounted over them, or over
/// a directory above them.
fn hidden(mounts: &[Mount<'_>]) -> Vec<bool> {
    let mut hidden: Vec<bool> = mounts
        .iter()
        .map(|mount| {
            mounts.iter().any(|other| {
                let over = other.parent == mount.id && other.mount_point == mount.mount_point;
                // A mount that came later than its neighbour, above it: had it been first, it would
                // be the neighbour's parent.
                let above = other.parent == mount.parent
                    && other.mount_point != mount.mount_point
                    && leads_to(&other.mount_point, &mount.mount_point);
                other.id != mount.id && (over || above)
            })
        })
        .collect();
    // What is mounted below a hidden mount is hidden with it, but what is mounted over it is not.
    // The kernel lists parents before children, so one pass is enough.
    let index: HashMap<u32, usize> =
        mounts.iter().enumerate().map(|(at, mount)| (mount.id, at)).collect();
    for at in 0..mounts.len() {
        if let Some(&parent) = index.get(&mounts[at].parent)
            && parent != at
            && hidden[parent]
            && mounts[parent].mount_point != mounts[at].mount_point
        {
            hidden[at] = true;
        }
    }
    hidden
}

/// Whether the way to `path` leads through `above`, or is it.
fn leads_to(above: &[u8], path: &[u8]) -> bool {
    match path.strip_prefix(above) {
        Some(rest) => rest.is_empty() || rest[0] == b'/' || above == b"/",
        None => false,
    }
}

#[cfg(test)]
mod tests;
