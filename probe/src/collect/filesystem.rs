//! Filesystems: the mounts of `<proc>/1/mountinfo` with their space, statvfs(3). Asked in two steps,
//! so that a mount which does not answer is waited for last, when all else has been read.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use roundsman_proto::v1::{self, Status};
use rustix::io::Errno;

use super::{
    host::{path_of, status, words},
    mounts::{self, Chosen},
    reading::Reading,
    report::Report,
    scan::{excerpt, text},
    statvfs::{Asks, MAX_ASKING, Question, Refusal, Round, Space},
    table::{MAX_NAME_BYTES, MAX_PATH_BYTES, TextLeft, TooLong},
    wanted::Names,
};
use crate::root::Root;

/// Most filesystems in one answer.
pub const MAX_MOUNTS: usize = 1_024;
/// btrfs gives every subvolume a device number of its own, which is not that of the mount table:
/// its answer is known by its magic number instead (linux/magic.h).
const BTRFS_MAGIC: u64 = 0x9123_683E;

/// Filesystems that are being asked.
#[derive(Debug)]
pub struct Survey {
    rows: Vec<Row>,
    round: Round,
}

#[derive(Debug)]
struct Row {
    mount_point: PathBuf,
    /// The mount point as it is sent.
    point: String,
    device: String,
    fs_type: String,
    number: (u32, u32),
    read_only: bool,
    superblock_read_only: bool,
    aliases: u32,
    /// Nothing yet: on a thread of its own.
    answer: Option<Result<Space, Refusal>>,
}

impl Row {
    fn new(chosen: &Chosen<'_>, point: String) -> Self {
        let mount = &chosen.mount;
        Self {
            mount_point: path_of(&mount.mount_point).to_owned(),
            point,
            device: text(&mount.source),
            fs_type: text(&mount.fs_type),
            number: mount.device,
            read_only: mount.read_only,
            superblock_read_only: mount.superblock_read_only,
            aliases: chosen.aliases,
            answer: None,
        }
    }

    /// What of it cannot be sent: any user may mount what he likes under a name that he likes.
    fn too_long(&self) -> Option<TooLong<'_>> {
        TooLong::new(&self.point, MAX_PATH_BYTES)
            .or_else(|| TooLong::new(&self.device, MAX_PATH_BYTES))
            .or_else(|| TooLong::new(&self.fs_type, MAX_NAME_BYTES))
    }

    /// Whether it is a FUSE filesystem that its user keeps to himself: without `allow_other` the
    /// kernel shows it to nobody else, root included, and that is no fault of the host.
    fn is_private(&self, answer: Result<Space, Refusal>) -> bool {
        let kind = self.fs_type.split('.').next().unwrap_or_default();
        matches!(kind, "fuse" | "fuseblk")
            && answer == Err(Refusal::Errno(Errno::ACCESS.raw_os_error()))
    }
}

/// The question for a mount point.
#[must_use]
pub fn question(root: &Root, mount_point: PathBuf) -> Question {
    Question { path: root.host(&mount_point), mount_point }
}

/// Lists the mounts, asks those that answer from memory, and starts asking the others.
pub fn begin(
    reading: &Reading<'_>,
    wanted: &Names,
    asks: &Arc<Asks>,
    report: &mut Report,
) -> Option<Survey> {
    let root = reading.host().root();
    reading.parse_mountinfo(report, |bytes, report| {
        let mut rows = Vec::new();
        let mut questions = Vec::new();
        let mut seen = HashSet::new();
        let mut left = TextLeft::default();
        let mut cut = 0usize;
        for chosen in mounts::choose(&mounts::parse(bytes, report)?) {
            let point = text(&chosen.mount.mount_point);
            if !wanted.take(&point) {
                continue;
            }
            let mut row = Row::new(&chosen, point);
            if let Some(too_long) = row.too_long() {
                let point = excerpt(row.point.as_bytes());
                let text = format_args!("mounts: {point} is left out: {too_long}");
                report.note(Status::Malformed, text);
                continue;
            }
            if rows.len() == MAX_MOUNTS {
                cut += 1;
                continue;
            }
            if seen.contains(&row.point) {
                let text = format_args!("mounts: {} is there twice", row.point);
                report.note(Status::Malformed, text);
                continue;
            }
            if !left.take(row.point.len() + row.device.len() + row.fs_type.len()) {
                continue;
            }
            seen.insert(row.point.clone());
            let question = question(root, row.mount_point.clone());
            if chosen.answers_from_memory {
                let ask = || asks.inline(&question);
                let at_top = row.mount_point == Path::new("/");
                row.answer = Some(if at_top { reading.top(ask) } else { ask() });
            } else {
                questions.push(question);
            }
            rows.push(row);
        }
        left.close("mounts", report);
        if cut > 0 {
            let text = format_args!("{cut} mounts past the limit of {MAX_MOUNTS}");
            report.note(Status::Partial, text);
        }
        Some(Survey { rows, round: asks.start(questions) })
    })
}

impl Survey {
    /// Waits until `until` for those that have not answered yet, and lays out the table.
    #[must_use]
    pub fn finish(self, until: Instant, report: &mut Report) -> v1::Filesystem {
        let mut late = self.round.finish(until).into_iter();
        let mut table = v1::Filesystem::default();
        for row in self.rows {
            let answer = row.answer.or_else(|| late.next()).unwrap_or(Err(Refusal::NotAsked));
            let (status, space) = match answer.map_err(refusal).and_then(|space| check(&row, space))
            {
                Ok(space) => (Status::Ok, space),
                Err((status, why)) => {
                    if !row.is_private(answer) {
                        report.note(status, format_args!("{}: {why}", row.point));
                    }
                    (status, Space::default())
                }
            };
            push(&mut table, row, status, space);
        }
        table
    }
}

/// A row's status is OK, HUNG, TIMEOUT, DENIED or ABSENT: an error of a dead mount (ESTALE, EIO,
/// ENOTCONN) is told in the report.
fn refusal(refusal: Refusal) -> (Status, String) {
    match refusal {
        Refusal::Hung => (Status::Hung, "does not answer statvfs".to_owned()),
        Refusal::NotAsked => (
            Status::Timeout,
            format!("not asked: {MAX_ASKING} mounts are being waited for already"),
        ),
        Refusal::Errno(code) => {
            let errno = Errno::from_raw_os_error(code);
            let status = match status(errno) {
                Status::Denied => Status::Denied,
                _ => Status::Absent,
            };
            (status, words(errno).into_owned())
        }
    }
}

/// Whether it was this filesystem that answered. In a container a mount that came after the probe
/// may not be visible: what lies at its place would answer for it.
fn check(row: &Row, space: Space) -> Result<Space, (Status, String)> {
    if is_same(row.fs_type.as_bytes(), row.number, &space) {
        return Ok(space);
    }
    let why = "is not visible to the probe: another filesystem answers at its place under rootfs";
    Err((Status::Absent, why.to_owned()))
}

/// Whether what answered is the filesystem of this type and number.
#[must_use]
pub fn is_same(fs_type: &[u8], number: (u32, u32), space: &Space) -> bool {
    match fs_type {
        b"btrfs" => space.magic == BTRFS_MAGIC,
        _ => space.device == number,
    }
}

fn push(table: &mut v1::Filesystem, row: Row, status: Status, space: Space) {
    table.mount_point.push(row.point);
    table.device.push(row.device);
    table.fs_type.push(row.fs_type);
    table.status.push(status.into());
    table.read_only.push(row.read_only);
    table.block_size_bytes.push(space.block_size_bytes);
    table.blocks.push(space.blocks);
    table.blocks_free.push(space.blocks_free);
    table.blocks_available.push(space.blocks_available);
    table.inodes.push(space.inodes);
    table.inodes_free.push(space.inodes_free);
    table.aliases.push(row.aliases);
    table.superblock_read_only.push(row.superblock_read_only);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(fs_type: &str) -> Row {
        Row {
            mount_point: PathBuf::from("/data"),
            point: "/data".to_owned(),
            device: "/dev/sdb".to_owned(),
            fs_type: fs_type.to_owned(),
            number: (8, 16),
            read_only: false,
            superblock_read_only: false,
            aliases: 0,
            answer: None,
        }
    }

    #[test]
    fn another_filesystem_does_not_answer_for_a_mount() {
        let right = Space { device: (8, 16), ..Space::default() };
        let wrong = Space { device: (8, 1), ..Space::default() };
        assert_eq!(check(&row("ext4"), right), Ok(right));
        assert_eq!(check(&row("ext4"), wrong).unwrap_err().0, Status::Absent);
    }

    #[test]
    fn a_btrfs_subvolume_is_known_by_its_magic() {
        let subvolume = Space { device: (0, 45), magic: BTRFS_MAGIC, ..Space::default() };
        let other = Space { device: (8, 16), ..Space::default() };
        assert_eq!(check(&row("btrfs"), subvolume), Ok(subvolume));
        assert_eq!(check(&row("btrfs"), other).unwrap_err().0, Status::Absent);
    }

    #[test]
    fn only_a_fuse_mount_that_refuses_access_is_its_users_own() {
        let refuses = |errno: Errno| Err(Refusal::Errno(errno.raw_os_error()));
        for fs_type in ["fuse", "fuse.sshfs", "fuse.", "fuseblk", "fuseblk.ntfs"] {
            assert!(row(fs_type).is_private(refuses(Errno::ACCESS)), "{fs_type}");
        }
        for other in [refuses(Errno::PERM), refuses(Errno::NOTCONN), Err(Refusal::Hung)] {
            assert!(!row("fuse.sshfs").is_private(other), "{other:?}");
        }
        for fs_type in ["nfs", "fusectl", "ext4", "xfuse.a"] {
            assert!(!row(fs_type).is_private(refuses(Errno::ACCESS)), "{fs_type}");
        }
    }

    #[test]
    fn a_row_has_one_of_its_five_statuses() {
        let status = |errno: Errno| refusal(Refusal::Errno(errno.raw_os_error())).0;
        assert_eq!(status(Errno::ACCESS), Status::Denied);
        for dead in [Errno::STALE, Errno::IO, Errno::NOTCONN, Errno::NOENT] {
            assert_eq!(status(dead), Status::Absent);
        }
        assert_eq!(refusal(Refusal::Hung).0, Status::Hung);
        assert_eq!(refusal(Refusal::NotAsked).0, Status::Timeout);
    }
}
