//! The sessions of browsers, and the file in which they outlive a restart.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use roundsman_os::file;

use crate::{access::Sessions, units::WallMs};

/// The largest file of sessions that is read, bytes: `MAX_SESSIONS` at a fifth of a kilobyte are 200 kB.
const MAX_SESSIONS_BYTES: u64 = 1 << 20;

/// Sessions, in memory and on the disk.
#[derive(Debug, Default)]
pub(super) struct KeptSessions {
    table: Mutex<Sessions>,
    /// None: a restart ends them.
    path: Option<PathBuf>,
    /// One writes at a time, and the newest last.
    turn: tokio::sync::Mutex<()>,
}

impl KeptSessions {
    /// Those of a file, which may not be there yet.
    pub(super) fn open(path: PathBuf, now: WallMs) -> Self {
        let text = match file::read_text(&path, MAX_SESSIONS_BYTES) {
            Ok(text) => text,
            Err(file::FileError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                String::new()
            }
            Err(error) => {
                tracing::warn!(%error, "{}: everybody has to sign in again", path.display());
                String::new()
            }
        };
        let table = Mutex::new(Sessions::read(&text, now));
        Self { table, path: Some(path), turn: tokio::sync::Mutex::default() }
    }

    /// The sessions.
    pub(super) fn table(&self) -> MutexGuard<'_, Sessions> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what is new. What cannot be written down holds until a restart.
    pub(super) async fn keep(&self) {
        if !self.table().is_new() {
            return;
        }
        let Some(path) = self.path.clone() else { return };
        let _turn = self.turn.lock().await;
        let Some(text) = self.table().written() else { return };
        let writing = tokio::task::spawn_blocking(move || (write(&path, &text), path));
        if let Ok((Err(error), path)) = writing.await {
            tracing::error!(%error, "{}: a restart ends the sessions of browsers", path.display());
        }
    }
}

/// In full or not at all.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let aside = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(aside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Digest, SessionOwner};

    #[tokio::test]
    async fn a_file_of_sessions_that_is_too_large_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.json");
        let (now, id) = (WallMs(1_000_000), Digest::of(b"id"));
        let owner = SessionOwner::from(Digest::of(b"owner"));
        let kept = KeptSessions::open(path.clone(), now);
        kept.table().begin(id, owner.clone(), now);
        kept.keep().await;
        assert_eq!(KeptSessions::open(path.clone(), now).table().owner(&id, now), Some(owner));
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str(&" ".repeat(usize::try_from(MAX_SESSIONS_BYTES).unwrap()));
        fs::write(&path, text).unwrap();
        assert_eq!(KeptSessions::open(path, now).table().owner(&id, now), None);
    }
}
