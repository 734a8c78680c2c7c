//! The mount table: `<proc>/1/mountinfo` (proc_pid_mountinfo(5)), and which of its lines are
//! filesystems that a person means. Asks no mount anything: see `statvfs`.

use std::{borrow::Cow, collections::HashMap};

use roundsman_proto::v1::Status;

use super::{
    report::Report,
    scan::{lines, number32, split_once},
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

/// Most lines that are looked at: it bounds the memory that an answer takes.
const MAX_LINES: usize = 4_096;

/// An overlay has no space of its own: statvfs answers for its upper layer, which is another mount.
/// It is listed only where it is all that can be seen: as the root.
const OVERLAY: &str = "overlay";

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount<'a> {
    id: u32,
    parent: u32,
    /// Whether all of the filesystem speaks here: see [`is_whole`].
    is_whole: bool,
    /// major:minor, which is the filesystem's st_dev.
    pub device: (u32, u32),
    /// As the host sees it, unescaped.
    pub mount_point: Cow<'a, [u8]>,
    /// What is mounted, unescaped.
    pub source: Cow<'a, [u8]>,
    /// Its type, unescaped: a FUSE filesystem says what stands behind the dot.
    pub fs_type: Cow<'a, [u8]>,
    /// The mount's or the superblock's "ro".
    pub read_only: bool,
    /// The superblock's "ro": nobody can write to it, through whichever mount.
    pub superblock_read_only: bool,
}

impl Mount<'_> {
    /// Whether it is of one of these types.
    #[must_use]
    pub fn is_of(&self, types: &[&str]) -> bool {
        types.iter().any(|name| *name.as_bytes() == *self.fs_type)
    }

    fn holds_files(&self) -> bool {
        let inner_overlay = *self.fs_type == *OVERLAY.as_bytes() && *self.mount_point != *b"/";
        !self.is_of(PSEUDO) && !inner_overlay
    }

    /// Whether a look at it, or through it at what is mounted below, may take as long as it likes.
    fn may_block(&self) -> bool {
        let waits = *self.fs_type == *b"autofs" || self.fs_type.starts_with(b"fuse.");
        !self.is_of(ANSWER_FROM_MEMORY) && (waits || !self.is_of(PSEUDO))
    }

    /// Of several mounts of one filesystem the least of these speaks for it: the one that shows all
    /// of it (a part may be under a quota of its own), that can be written to (a read-only bind
    /// mount says nothing of the filesystem), whose path is short.
    fn rank(&self) -> (bool, bool, usize, &[u8]) {
        (!self.is_whole, self.read_only, self.mount_point.len(), &self.mount_point)
    }
}

/// A filesystem and how often it is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen<'a> {
    /// The mount that speaks for it.
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
    let at_root = |line: &&[u8]| fields(line).nth(4) == Some(b"/");
    lines(bytes).filter(at_root).filter_map(mount).last()
}

/// What stands between single spaces. A field may be empty: the source is what mount(2) was given.
fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b' ')
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
fn mount(line: &[u8]) -> Option<Mount<'_>> {
    let mut fields = fields(line);
    let id = number32(fields.next()?)?;
    let parent = number32(fields.next()?)?;
    let (major, minor) = split_once(fields.next()?, b':')?;
    let root = fields.next()?;
    let mount_point = fields.next().filter(|path| path.starts_with(b"/"))?;
    let options = fields.next()?;
    // Any number of optional fields, ended by a hyphen.
    fields.by_ref().find(|field| *field == b"-")?;
    let fs_type = fields.next()?;
    let source = fields.next()?;
    let superblock = fields.next().unwrap_or_default();
    let superblock_read_only = is_read_only(superblock);
    Some(Mount {
        id,
        parent,
        is_whole: is_whole(root, fs_type, superblock),
        device: (number32(major)?, number32(minor)?),
        mount_point: unescape(mount_point),
        source: unescape(source),
        fs_type: unescape(fs_type),
        read_only: superblock_read_only || is_read_only(options),
        superblock_read_only,
    })
}

/// Whether what is mounted answers for all of its filesystem: its own root directory does. On btrfs the
/// root of every subvolume does: it has the space of the whole, and its top level is mounted on few
/// hosts, and then for a backup. There the last option of the superblock names the subvolume (since 4.2),
/// from the top and escaped as the root is.
fn is_whole(root: &[u8], fs_type: &[u8], superblock: &[u8]) -> bool {
    let is_subvolume = || {
        let options = superblock.trim_ascii_end().strip_suffix(root);
        options.is_some_and(|options| options.ends_with(b",subvol="))
    };
    root == b"/" || (fs_type == b"btrfs" && is_subvolume())
}

/// The kernel puts "ro" or "rw" first; what follows is the filesystem's own, and may be anything.
fn is_read_only(options: &[u8]) -> bool {
    options.split(|byte| *byte == b',').next() == Some(b"ro")
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

/// The filesystems to report: visible, holding files, each once (by major:minor), under the mount
/// that speaks for it.
#[must_use]
pub fn choose<'a>(mounts: &[Mount<'a>]) -> Vec<Chosen<'a>> {
    let ways = ways(mounts);
    let mut chosen: Vec<(usize, u32)> = Vec::new();
    let mut rows: HashMap<(u32, u32), usize> = HashMap::new();
    for (at, mount) in mounts.iter().enumerate() {
        if ways[at].is_hidden || !mount.holds_files() {
            continue;
        }
        let Some(&row) = rows.get(&mount.device) else {
            rows.insert(mount.device, chosen.len());
            chosen.push((at, 0));
            continue;
        };
        let (speaker, aliases) = &mut chosen[row];
        *aliases = aliases.saturating_add(1);
        if mount.rank() < mounts[*speaker].rank() {
            *speaker = at;
        }
    }
    let row = |(at, aliases): (usize, u32)| Chosen {
        mount: mounts[at].clone(),
        aliases,
        answers_from_memory: ways[at].is_quick,
    };
    chosen.into_iter().map(row).collect()
}

/// How a mount is reached by its mount point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Way {
    /// It is not: another one is mounted over it, or over a directory above it.
    is_hidden: bool,
    /// Nothing that it leads through may block, nor the mount itself.
    is_quick: bool,
}

/// The way to each mount. The mounts are gone through in the order of their paths, so that those
/// above a path are at hand as a stack, whose like is counted rather than searched: the time grows
/// with the lines (and their order, n log n), whatever is mounted on what.
fn ways(mounts: &[Mount<'_>]) -> Vec<Way> {
    let mut ways = vec![Way::default(); mounts.len()];
    let paths = Paths::new(mounts);
    let mut above: Vec<usize> = Vec::new();
    // Of those above: how many may block, and how many have this parent.
    let mut blocking = 0usize;
    let mut siblings: HashMap<u32, usize> = HashMap::new();
    for here in paths.in_order().chunk_by(|one, other| one.0 == other.0) {
        while let Some(&last) = above.last()
            && !leads_to(paths.of(last), here[0].0)
        {
            above.pop();
            blocking -= usize::from(mounts[last].may_block());
            siblings.entry(mounts[last].parent).and_modify(|count| *count -= 1);
        }
        for &(_, at) in here {
            // A mount that came later than its neighbour, above it: had it been first, it would be
            // the neighbour's parent.
            let count = siblings.get(&mounts[at].parent);
            ways[at].is_hidden = count.is_some_and(|count| *count > 0);
        }
        for &(_, at) in here {
            above.push(at);
            blocking += usize::from(mounts[at].may_block());
            *siblings.entry(mounts[at].parent).or_default() += 1;
        }
        for &(_, at) in here {
            ways[at].is_quick = blocking == 0;
        }
    }
    hide_what_is_mounted_over(mounts, &mut ways);
    ways
}

fn hide_what_is_mounted_over(mounts: &[Mount<'_>], ways: &mut [Way]) {
    let index: HashMap<u32, usize> =
        mounts.iter().enumerate().map(|(at, mount)| (mount.id, at)).collect();
    let parent = |at: usize| index.get(&mounts[at].parent).copied().filter(|parent| *parent != at);
    let is_over = |at: usize, parent: usize| mounts[parent].mount_point == mounts[at].mount_point;
    for at in 0..mounts.len() {
        if let Some(parent) = parent(at)
            && is_over(at, parent)
        {
            ways[parent].is_hidden = true;
        }
    }
    // What is mounted below a hidden mount is hidden with it, but what is mounted over it is not.
    // The kernel lists parents before children, so one pass is enough.
    for at in 0..mounts.len() {
        if let Some(parent) = parent(at)
            && ways[parent].is_hidden
            && !is_over(at, parent)
        {
            ways[at].is_hidden = true;
        }
    }
}

/// The mount points, each with what sorts a directory right before all that is below it: NUL, which
/// no path holds, in place of the slash, and nothing for `/`.
struct Paths {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Paths {
    fn new(mounts: &[Mount<'_>]) -> Self {
        let mut paths = Self { bytes: Vec::new(), ends: Vec::with_capacity(mounts.len()) };
        for mount in mounts {
            let path = mount.mount_point.strip_suffix(b"/").unwrap_or(&mount.mount_point);
            paths.bytes.extend(path.iter().map(|byte| if *byte == b'/' { 0 } else { *byte }));
            paths.ends.push(paths.bytes.len());
        }
        paths
    }

    fn of(&self, at: usize) -> &[u8] {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[at]]
    }

    fn in_order(&self) -> Vec<(&[u8], usize)> {
        let mut order: Vec<_> = (0..self.ends.len()).map(|at| (self.of(at), at)).collect();
        order.sort_unstable();
        order
    }
}

/// Whether the way to `path` leads through `above`, or is it; both as [`Paths`] has them.
fn leads_to(above: &[u8], path: &[u8]) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.first().is_none_or(|byte| *byte == 0))
}

#[cfg(test)]
mod tests;
