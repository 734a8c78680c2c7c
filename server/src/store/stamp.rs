//! Which files are at a path: SQLite goes on writing to a file that was removed or replaced, and says
//! nothing; and it plays a journal into whichever file is beside it. So which journal belongs to which
//! file is also noted, in a file of its own, for a server that starts after one that was killed.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use roundsman_os::file;

use super::private::make_file;

/// The end of the name of the file in which it is noted.
const NOTE: &str = "-files";

/// The largest such file that is read, bytes: two lines of a few numbers.
const MAX_NOTE_BYTES: u64 = 1024;

/// The end of the name of a journal that belongs to no file here.
const LEFT: &str = "-wal.left";

/// The files that belong together: the database, its journal, the index of that.
const TAILS: [&str; 3] = ["", "-wal", "-shm"];

/// Device and inode of each of the files that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp([Option<(u64, u64)>; 3]);

/// What has become of the files of an open database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileChange {
    /// There is no file at its path.
    Removed,
    /// There is another one.
    Replaced,
    /// Only what belongs to it was removed or replaced: what is in the journal goes into the file when
    /// it is closed.
    Torn,
    /// Another database was written into it: it is the file that was opened, and not what was in it.
    Overwritten,
}

impl FileChange {
    /// In words, after the file's name.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Removed => "was removed while it was open",
            Self::Replaced => "was replaced by another file while it was open",
            Self::Overwritten => "was overwritten with another database while it was open",
            Self::Torn => "lost its -wal or -shm file while it was open",
        }
    }
}

fn id(path: &Path) -> io::Result<Option<(u64, u64)>> {
    match fs::metadata(path) {
        Ok(file) => Ok(Some((file.dev(), file.ino()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Stamp {
    /// What is at the path now.
    ///
    /// # Errors
    /// When the system does not say.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let mut found = [None; 3];
        for (found, tail) in found.iter_mut().zip(TAILS) {
            let mut name = path.as_os_str().to_owned();
            name.push(tail);
            *found = id(Path::new(&name))?;
        }
        Ok(Self(found))
    }

    /// Removes the journal, and its index, of a database that is gone from the path, once it is closed:
    /// SQLite would take them for those of the file that comes next, and damage that. What is there
    /// of others stays.
    ///
    /// # Errors
    /// When the system does not let it.
    pub(super) fn remove_rest(&self, path: &Path) -> io::Result<()> {
        for (ours, tail) in self.0.iter().zip(TAILS).skip(1) {
            let mut name = path.as_os_str().to_owned();
            name.push(tail);
            if ours.is_some() && *ours == id(Path::new(&name))? {
                fs::remove_file(name)?;
            }
        }
        Ok(())
    }

    /// Whether both are of the same database, whatever belongs to it.
    pub(super) fn is_same_file(&self, other: &Self) -> bool {
        self.0[0] == other.0[0]
    }

    /// What has become of the files since; none while they are as they were, or nobody can say.
    pub(super) fn fate(&self, path: &Path) -> Option<FileChange> {
        let now = Self::of(path).ok()?;
        if now == *self {
            return None;
        }
        Some(match now.0[0] {
            None => FileChange::Removed,
            _ if !self.is_same_file(&now) => FileChange::Replaced,
            _ => FileChange::Torn,
        })
    }
}

fn beside(path: &Path, tail: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(tail);
    name.into()
}

/// What a file is known by when nobody has it open: a number of an inode is soon used again, so with
/// the moment at which it was made, where the filesystem keeps that.
fn known_by(path: &Path) -> Option<String> {
    let file = fs::metadata(path).ok()?;
    let made = file.created().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let made = made.map_or(0, |since| since.as_nanos());
    Some(format!("{}:{}:{made}", file.dev(), file.ino()))
}

/// Notes that the journal at the path belongs to the database there.
///
/// # Errors
/// When the system does not let it.
pub(super) fn note(path: &Path) -> io::Result<()> {
    let known = ["", "-wal"].map(|tail| known_by(&beside(path, tail)));
    let [Some(file), Some(journal)] = known else { return Ok(()) };
    let note = beside(path, NOTE);
    make_file(&note)?;
    fs::write(note, format!("{file}\n{journal}\n"))
}

/// Takes the note away, of a database that is being closed.
pub(super) fn forget(path: &Path) {
    // One that stays says nothing wrong: files that are made later are known by other words.
    let _ = fs::remove_file(beside(path, NOTE));
}

/// Moves a journal away that belonged to another file than the one that is at the path now; answers
/// where it is. Nobody may have either open.
///
/// # Errors
/// When the system does not let it.
pub(super) fn leave_foreign_journal(path: &Path) -> io::Result<Option<PathBuf>> {
    let Ok(noted) = file::read_text(&beside(path, NOTE), MAX_NOTE_BYTES) else { return Ok(None) };
    let mut noted = noted.lines();
    let (file, journal) = (noted.next(), noted.next());
    let is_there = |tail, noted: Option<&str>| known_by(&beside(path, tail)).as_deref() == noted;
    if file.is_none() || journal.is_none() || !is_there("-wal", journal) || is_there("", file) {
        return Ok(None);
    }
    leave_journal(path).map(Some)
}

/// Moves the journal at the path away; answers where it is. Nobody may have it open.
///
/// # Errors
/// When the system does not let it.
pub(super) fn leave_journal(path: &Path) -> io::Result<PathBuf> {
    let left = beside(path, LEFT);
    fs::rename(beside(path, "-wal"), &left)?;
    match fs::remove_file(beside(path, "-shm")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(left),
    }
}

/// Length of a file and the moment of the last write into it; none when it is not there.
pub(super) fn written(path: &Path) -> Option<(u64, (i64, i64))> {
    let file = fs::metadata(path).ok()?;
    Some((file.len(), (file.mtime(), file.mtime_nsec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roundsman.db");
        let journal = beside(&path, "-wal");
        fs::write(&path, "").unwrap();
        for (is_large, is_left) in [(true, false), (false, true)] {
            fs::write(&journal, "").unwrap();
            note(&path).unwrap();
            // Another file in the place of the one that was noted.
            fs::write(folder.path().join("other"), "").unwrap();
            fs::rename(folder.path().join("other"), &path).unwrap();
            let mut text = fs::read(beside(&path, NOTE)).unwrap();
            if is_large {
                text.resize(usize::try_from(MAX_NOTE_BYTES).unwrap() + 1, b'\n');
                fs::write(beside(&path, NOTE), text).unwrap();
            }
            assert_eq!(leave_foreign_journal(&path).unwrap().is_some(), is_left, "{is_large}");
        }
    }
}
