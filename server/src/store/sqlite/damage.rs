//! A file that is damaged is moved out of the way, never deleted: what is left in it can be read out.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use roundsman_os::file;
use rusqlite::{Connection, Error, ErrorCode};

use super::{connect::NO_SQLITE, migrate::APPLICATION_ID};
use crate::store::StoreError;

/// Where a file's application id stands (sqlite.org/fileformat2.html, 1.3), bytes.
const APPLICATION_ID_AT: usize = 68;

/// Whether the file is not what SQLite can write to.
pub(super) fn is_damage(error: &StoreError) -> bool {
    match error {
        StoreError::NotOurs { found, .. } => *found == NO_SQLITE,
        StoreError::Failed { cause, .. } => {
            let code = cause.downcast_ref::<Error>().and_then(Error::sqlite_error_code);
            matches!(code, Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
        }
        _ => false,
    }
}

/// Moves a file that could not be opened out of the way when it is damaged and was ours: its header
/// says so, or whoever asks knows. Answers whether it did.
///
/// # Errors
/// [`StoreError::Unwritable`]: it cannot be moved.
pub fn set_aside_if_damaged(
    path: &Path,
    error: &StoreError,
    was_ours: bool,
) -> Result<bool, StoreError> {
    if !is_damage(error) || !(was_ours || bears_our_mark(path)) {
        return Ok(false);
    }
    set_aside(path, &error.with_causes()).map(|()| true)
}

/// Only while this process has the file nowhere open: closing it ends all locks on it.
fn bears_our_mark(path: &Path) -> bool {
    let mut header = [0; APPLICATION_ID_AT + 4];
    let read = file::open(path, u64::MAX).map(|(mut file, _)| file.read_exact(&mut header));
    matches!(read, Ok(Ok(()))) && header[APPLICATION_ID_AT..] == APPLICATION_ID.to_be_bytes()
}

/// Moves the file away with what belongs to it, under a name with the time.
pub(super) fn set_aside(path: &Path, why: &str) -> Result<(), StoreError> {
    let unwritable =
        |cause: io::Error| StoreError::Unwritable { path: path.to_owned(), cause: cause.into() };
    let time = now().map_err(|error| unwritable(io::Error::other(error)))?;
    let name = |tail: &str, aside: bool| {
        let mut name = path.as_os_str().to_owned();
        if aside {
            name.push(format!(".damaged-{time}"));
        }
        name.push(tail);
        PathBuf::from(name)
    };
    let aside = name("", true);
    if aside.exists() {
        // Twice in a second: whatever is wrong, it is not this file.
        return Err(unwritable(io::Error::from(io::ErrorKind::AlreadyExists)));
    }
    fs::rename(path, &aside).map_err(unwritable)?;
    for tail in ["-wal", "-shm"] {
        // Mostly they are not there.
        let _ = fs::rename(name(tail, false), name(tail, true));
    }
    let aside = aside.display();
    tracing::error!(
        "the database {} is damaged and was set aside as {aside}: {why}; a new one is begun. \
         `sqlite3 {aside} .recover | sqlite3 recovered.db` reads out what is left in it",
        path.display(),
    );
    Ok(())
}

/// The time for a file's name, by SQLite's clock.
fn now() -> Result<String, Error> {
    let clock = Connection::open_in_memory()?;
    clock.query_row("SELECT strftime('%Y%m%dT%H%M%SZ', 'now')", [], |row| row.get(0))
}
