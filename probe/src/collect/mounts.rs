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
mod tests {
    use procfs::FromBufRead;

    use super::*;

    fn chosen(text: &str) -> Vec<(String, u32, bool)> {
        let mounts = parse(text.as_bytes(), &mut Report::default()).unwrap();
        let row = |row: &Chosen<'_>| {
            let point = String::from_utf8_lossy(&row.mount.mount_point).into_owned();
            (point, row.aliases, row.answers_from_memory)
        };
        choose(&mounts).iter().map(row).collect()
    }

    fn row(point: &str, aliases: u32, answers_from_memory: bool) -> (String, u32, bool) {
        (point.to_owned(), aliases, answers_from_memory)
    }

    /// The procfs crate leaves the mount point escaped.
    #[test]
    fn spaces_in_mount_points_are_unescaped() {
        let line = "40 27 8:1 / /mnt/my\\040disk\\134\\011x rw shared:1 master:2 - ext4 /dev/disk\\040one rw,errors=continue\n";
        let theirs = procfs::process::MountInfos::from_buf_read(line.as_bytes()).unwrap().0;
        assert!(theirs[0].mount_point.to_string_lossy().contains("\\040"), "no trap left");
        let ours = parse(line.as_bytes(), &mut Report::default()).unwrap();
        assert_eq!(*ours[0].mount_point, *b"/mnt/my disk\\\tx");
        assert_eq!(*ours[0].source, *b"/dev/disk one");
        assert_eq!(*unescape(b"\\04\\999\\"), *b"\\04\\999\\");
    }

    #[test]
    fn bind_mounts_are_one_row_at_the_shortest_point() {
        let text = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
                    2 1 8:2 / /var/lib/docker/volumes/a rw - xfs /dev/sdb rw\n\
                    3 1 8:2 / /data rw - xfs /dev/sdb rw\n\
                    4 1 8:2 /sub /srv/other rw - xfs /dev/sdb rw\n\
                    5 1 8:2 / /aaaa rw - xfs /dev/sdb rw\n";
        assert_eq!(chosen(text), [row("/", 0, true), row("/aaaa", 3, true)]);
    }

    #[test]
    fn pseudo_filesystems_autofs_and_inner_overlays_are_left_out() {
        let text = "1 0 0:50 / / rw - overlay overlay rw\n\
                    2 1 0:5 / /proc rw - proc proc rw\n\
                    3 1 0:6 / /net rw - autofs auto.net rw\n\
                    4 1 0:51 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw\n\
                    5 1 0:7 / /run rw - tmpfs tmpfs rw\n";
        assert_eq!(chosen(text), [row("/", 0, true), row("/run", 0, true)]);
    }

    #[test]
    fn what_is_mounted_over_hides_what_is_below() {
        let text = "1 0 0:2 / / rw - rootfs rootfs rw\n\
                    2 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
                    3 2 0:30 / /dev/shm rw - tmpfs old rw\n\
                    4 3 0:31 / /dev/shm rw - tmpfs new rw\n\
                    5 2 8:3 / /a/b rw - ext4 /dev/sdc rw\n\
                    6 2 8:4 / /a rw - ext4 /dev/sdd rw\n\
                    7 5 8:5 / /a/b/c rw - ext4 /dev/sde rw\n\
                    8 2 8:6 / /ab rw - ext4 /dev/sdf rw\n";
        let mounts = parse(text.as_bytes(), &mut Report::default()).unwrap();
        let seen: Vec<u32> = choose(&mounts).iter().map(|row| row.mount.id).collect();
        assert_eq!(seen, [2, 4, 6, 8]);
        assert_eq!(at_root(text.as_bytes()).unwrap().id, 2);
    }

    #[test]
    fn the_way_through_a_network_mount_may_block_too() {
        let text = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
                    2 1 0:40 / /mnt/nfs rw - nfs4 server:/export rw\n\
                    3 2 8:2 / /mnt/nfs/disk rw - ext4 /dev/sdb rw\n\
                    4 1 8:3 / /mnt/nfs2 rw - ext4 /dev/sdc rw\n\
                    5 1 8:4 / /boot/efi rw - vfat /dev/sdd rw\n";
        let expected = [
            row("/", 0, true),
            row("/mnt/nfs", 0, false),
            row("/mnt/nfs/disk", 0, false),
            row("/mnt/nfs2", 0, true),
            row("/boot/efi", 0, false),
        ];
        assert_eq!(chosen(text), expected);
    }

    #[test]
    fn a_bad_line_costs_one_mount_and_read_only_is_either() {
        let mut report = Report::default();
        let text =
            b"1 0 8:1 / / ro - ext4 /dev/sda1 rw\nrubbish\n2 1 8:2 / /b rw - ext4 /dev/sdb ro,x\n\
                     3 1 8:3 / /c rw,road - ext4 /dev/sdc\n";
        let mounts = parse(text, &mut report).unwrap();
        let read_only: Vec<bool> = mounts.iter().map(|mount| mount.read_only).collect();
        assert_eq!(read_only, [true, true, false]);
        assert_eq!(report.close(true), (Status::Partial, "not understood: \"rubbish\"".to_owned()));
    }

    #[test]
    fn agrees_with_procfs_on_this_machine() {
        let bytes = std::fs::read("/proc/1/mountinfo").unwrap();
        let theirs = procfs::process::MountInfos::from_buf_read(&bytes[..]).unwrap().0;
        let mut report = Report::default();
        let ours = parse(&bytes, &mut report).unwrap();
        assert!(report.is_clean());
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(format!("{}:{}", ours.device.0, ours.device.1), theirs.majmin);
            assert_eq!(super::super::scan::text(ours.fs_type), theirs.fs_type);
            assert_eq!(u32::try_from(theirs.mnt_id).unwrap(), ours.id);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(
            bytes: Vec<u8>,
            text in "([0-3] [0-3] 8:[0-2] / /[ab/]{0,4} rw - (ext4|nfs|proc) x rw\n){0,8}",
        ) {
            for bytes in [&bytes[..], text.as_bytes()] {
                if let Some(mounts) = parse(bytes, &mut Report::default()) {
                    let rows = choose(&mounts).len();
                    assert!(rows <= mounts.len());
                }
            }
        }
    }
}
