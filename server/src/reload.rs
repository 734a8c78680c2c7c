//! Notices that a file has other content than before, however it got there.
//!
//! It knows bytes and a path; it must not know what the bytes mean. It does not wait: somebody calls
//! [`FileWatch::check`] every so often (a look at an unchanged file is two `stat`s, some microseconds),
//! which costs less than inotify's blindness to renamed files and swapped symlinks.
//!
//! * **By content.** The `stat` only says whether to read; the SHA-256 of what was read says whether
//!   anything changed. A touched, copied or re-created file with the same bytes is no change.
//! * **Only what has settled.** Editors truncate and then write. A change counts when two looks in a
//!   row found the same file with the same bytes, so it is reported at the second look; a file that
//!   changes while it is being read counts as not settled. The same holds for trouble: editors also
//!   move the file away for a moment.
//! * **Trouble is said once** and stands in [`FileWatch::trouble`] until it is over. What was last
//!   reported stays good meanwhile: it is the caller's to keep.
//! * **The orphaned mount.** A file that is bind-mounted into a container by itself stays the file it
//!   was when somebody replaces it on the host; nothing inside will ever see the new one. It shows as
//!   a file with no name left (`st_nlink` 0) or as `//deleted` in `/proc/self/mountinfo`.

mod mount;
mod parts;
mod trouble;

pub use parts::{FilesWatch, parts, parts_folder};
pub use trouble::ReloadError;

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{model::ContentHash, units::WallMs};

use roundsman_os::file::{self, FileError};
use trouble::TroubleKind;

/// The largest file that is read, bytes. An inventory of 10,000 hosts with settings of their own is
/// about 2 MiB.
pub const MAX_FILE_BYTES: u64 = 64 << 20;

/// The largest table of mounts that is read, bytes: the kernel's own limit of 100,000 mounts at a
/// usual length. Beyond it an orphan is known by `st_nlink` alone.
const MAX_MOUNTS_BYTES: u64 = 16 << 20;

/// The most parts of one file: files of the folder beside it.
pub const MAX_PARTS: usize = 256;

/// How often a read is tried when the file keeps changing under it and the caller wants it now.
pub const MAX_READS: u32 = 10;

/// One look in so many also reads the table of mounts, which can be long. `st_nlink` is in every
/// look.
pub const MOUNT_LOOK_EVERY: u32 = 120;

/// New content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// All of it.
    pub bytes: Vec<u8>,
    /// What it is known by.
    pub hash: ContentHash,
}

/// What a `stat` tells of a file: when none of it moved, neither did the content, unless the file was
/// written twice within a tick of the file system's clock (1 to 10 ms). That is why content settles
/// only at a second look; looks must be further apart than a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(stat: &fs::Metadata) -> Self {
        Self {
            device: stat.dev(),
            inode: stat.ino(),
            size: stat.size(),
            modified: (stat.mtime(), stat.mtime_nsec()),
            changed: (stat.ctime(), stat.ctime_nsec()),
        }
    }

    /// When anything about the file last changed, by the wall clock of its file system.
    fn changed_at(&self) -> WallMs {
        let (seconds, nanos) = self.changed;
        WallMs(seconds.saturating_mul(1_000).saturating_add(nanos / 1_000_000))
    }
}

/// One look at the file.
enum FileCheck {
    /// As at the settled look before: not read.
    Same,
    /// It changed while it was being read.
    Moving,
    /// Read in full.
    Read { stamp: Stamp, bytes: Vec<u8> },
}

/// What the last look left to be confirmed by the next.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pending {
    Nothing,
    Content(Stamp, ContentHash),
    Trouble(TroubleKind),
}

/// Watches one file.
#[derive(Debug)]
pub struct FileWatch {
    path: PathBuf,
    mountinfo: PathBuf,
    /// The stamp at which nothing was left to do.
    settled: Option<Stamp>,
    /// The content that was last reported.
    reported: Option<ContentHash>,
    pending: Pending,
    /// What is wrong now, in words, and what kind.
    trouble: Option<(TroubleKind, String)>,
    /// Found by the last look at the table of mounts.
    orphaned_mount: bool,
    looks: u32,
}

impl FileWatch {
    /// Watches `path`. Nothing is read yet: the first content is a change, too.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            mountinfo: PathBuf::from("/proc/self/mountinfo"),
            settled: None,
            reported: None,
            pending: Pending::Nothing,
            trouble: None,
            orphaned_mount: false,
            looks: 0,
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is in the way right now, in words, from the moment it was returned as an error until it
    /// is over.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_ref().map(|(_, words)| words.as_str())
    }

    /// Whether the next look is to confirm what the last one found.
    #[must_use]
    pub fn is_settling(&self) -> bool {
        self.pending != Pending::Nothing
    }

    /// Whether the last look found the file as it was before, with nothing left to confirm.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.settled.is_some()
    }

    /// How long ago anything about the file last changed (the ctime of stat(2), which no program can
    /// set), by the wall clock `now`; zero when that is not known.
    #[must_use]
    pub fn unchanged_for(&self, now: WallMs) -> Duration {
        let changed = fs::metadata(&self.path).ok().map(|stat| Stamp::of(&stat).changed_at());
        changed.map_or(Duration::ZERO, |changed| now.since(changed))
    }

    /// The file as it is at this moment, whether it changed or not: for the start, and for an
    /// operator who says "now". It counts as reported.
    ///
    /// # Errors
    /// Why it cannot be read. `Orphaned` is not among them: an orphan can be read, and the next
    /// [`FileWatch::check`] warns of it.
    pub fn read_now(&mut self) -> Result<Changed, ReloadError> {
        for _ in 0..MAX_READS {
            if let FileCheck::Read { stamp, bytes } = self.look(None)? {
                let hash = ContentHash::of(&bytes);
                self.reported = Some(hash.clone());
                // Read once more by the next check: it may have been written in two steps.
                self.pending = Pending::Content(stamp, hash.clone());
                self.settled = None;
                return Ok(Changed { bytes, hash });
            }
        }
        Err(ReloadError::Unsettled { path: self.path.clone() })
    }

    /// Looks once. Returns new content when it has settled, which takes two looks.
    ///
    /// # Errors
    /// What is in the way, once, after two looks in a row found it; after that `Ok(None)` until it
    /// changes. [`FileWatch::trouble`] tells while it lasts.
    pub fn check(&mut self) -> Result<Option<Changed>, ReloadError> {
        match self.look(self.settled) {
            Ok(FileCheck::Same) => {
                self.pending = Pending::Nothing;
                self.warn_if_orphaned()?;
                Ok(None)
            }
            Ok(FileCheck::Moving) => {
                self.pending = Pending::Nothing;
                self.settled = None;
                Ok(None)
            }
            Ok(FileCheck::Read { stamp, bytes }) => self.confirm(stamp, bytes),
            Err(error) => self.complain(error),
        }
    }

    /// A look that read the file: the second one alike settles it.
    fn confirm(&mut self, stamp: Stamp, bytes: Vec<u8>) -> Result<Option<Changed>, ReloadError> {
        let hash = ContentHash::of(&bytes);
        let now = Pending::Content(stamp, hash.clone());
        if self.pending != now {
            self.pending = now;
            self.settled = None;
            return Ok(None);
        }
        self.pending = Pending::Nothing;
        self.settled = Some(stamp);
        if self.reported.as_ref() != Some(&hash) {
            // New content before a warning: the warning comes with the next look.
            self.reported = Some(hash.clone());
            self.trouble = None;
            return Ok(Some(Changed { bytes, hash }));
        }
        self.warn_if_orphaned()?;
        Ok(None)
    }

    /// Trouble counts when two looks in a row found it, and is said when it is new.
    fn complain(&mut self, error: ReloadError) -> Result<Option<Changed>, ReloadError> {
        let kind = error.kind();
        self.settled = None;
        if self.pending != Pending::Trouble(kind) {
            self.pending = Pending::Trouble(kind);
            return Ok(None);
        }
        self.say(kind, error)
    }

    fn say(
        &mut self,
        kind: TroubleKind,
        error: ReloadError,
    ) -> Result<Option<Changed>, ReloadError> {
        if self.trouble.as_ref().is_some_and(|(said, _)| *said == kind) {
            return Ok(None);
        }
        self.trouble = Some((kind, error.to_string()));
        Err(error)
    }

    /// The file could be looked at, so whatever was wrong is over; unless it is an orphan.
    fn warn_if_orphaned(&mut self) -> Result<(), ReloadError> {
        if self.looks.is_multiple_of(MOUNT_LOOK_EVERY) {
            self.orphaned_mount = file::read_text(&self.mountinfo, MAX_MOUNTS_BYTES)
                .is_ok_and(|mounts| mount::is_deleted(&mounts, &self.path));
        }
        self.looks = self.looks.wrapping_add(1);
        let nameless = fs::metadata(&self.path).is_ok_and(|stat| stat.nlink() == 0);
        if nameless || self.orphaned_mount {
            let error = ReloadError::Orphaned { path: self.path.clone() };
            return self.say(TroubleKind::Orphaned, error).map(|_| ());
        }
        self.trouble = None;
        Ok(())
    }

    /// One look: `stat`, and a read when it differs from `settled`.
    fn look(&self, settled: Option<Stamp>) -> Result<FileCheck, ReloadError> {
        let path = || self.path.clone();
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => ReloadError::Vanished { path: path() },
            _ => ReloadError::Unreadable { path: path(), source },
        };
        let stat = fs::metadata(&self.path).map_err(failed)?;
        let stamp = Stamp::of(&stat);
        if settled == Some(stamp) {
            return Ok(FileCheck::Same);
        }
        let unfit = |error: FileError| match error {
            FileError::NotRegular(found) => ReloadError::NotAFile { path: path(), found },
            FileError::TooLarge { size, .. } => {
                ReloadError::TooLarge { path: path(), size: size.unwrap_or(MAX_FILE_BYTES + 1) }
            }
            FileError::NotText => failed(io::ErrorKind::InvalidData.into()),
            FileError::Io(source) => failed(source),
        };
        let (file, _) = file::open(&self.path, MAX_FILE_BYTES).map_err(unfit)?;
        let bytes = file::rest(&file, MAX_FILE_BYTES).map_err(unfit)?;
        let opened = Stamp::of(&file.metadata().map_err(failed)?);
        if opened != stamp || bytes.len() as u64 != stamp.size {
            return Ok(FileCheck::Moving);
        }
        Ok(FileCheck::Read { stamp, bytes })
    }
}

#[cfg(test)]
mod tests;
