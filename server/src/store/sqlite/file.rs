//! The open file and its threads; and what is done when the file at the path is another one by now,
//! or damaged.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rusqlite::{Connection, Error, ErrorCode, config::DbConfig};

use super::{
    connect::{self, stamp},
    fault::fault,
    legacy::Legacy,
    migrate,
};
use crate::store::{
    Mode, StoreError,
    stamp::{self, FileChange, Stamp},
    worker::Worker,
};

/// Connections that read, each on its own thread: one long history does not hold up the rest.
const READERS: usize = 2;

/// Jobs that may wait; whoever comes next waits for room.
const QUEUE: usize = 64;

/// The open file.
#[derive(Debug)]
pub(super) struct Open {
    // In this order: who writes is closed last, and takes the journal into the file.
    readers: Worker<Connection>,
    writer: Option<Worker<Connection>>,
    /// What was opened; none where nothing is written, and nothing can be lost.
    stamp: Option<Stamp>,
    content: Arc<Content>,
    path: PathBuf,
    /// Which opening of the file this is.
    pub(super) serial: u64,
}

impl Open {
    /// Opens the file. `legacy` goes into one that is made, or that takes the place of its own. Answers
    /// also what this one would leave.
    pub(super) fn new(
        path: &Path,
        mode: Mode,
        legacy: Option<&Legacy>,
        serial: u64,
    ) -> Result<(Self, Option<Legacy>), StoreError> {
        let writer = match mode {
            Mode::ReadWrite => {
                leave_foreign_journal(path)?;
                Some(connect::writer(path, legacy)?)
            }
            Mode::ReadOnly => None,
        };
        let readers = (0..READERS).map(|_| connect::reader(path)).collect::<Result<Vec<_>, _>>()?;
        let started = |name, connections| {
            Worker::start(name, QUEUE, connections).map_err(|cause| StoreError::Failed {
                doing: "start a thread",
                location: path.display().to_string(),
                cause: cause.into(),
            })
        };
        let readers = started("store-read", readers)?;
        let path = path.to_owned();
        let Some(connect::WritableFile { connection, before, legacy }) = writer else {
            let content = Arc::default();
            return Ok((Self { readers, writer: None, stamp: None, content, path, serial }, None));
        };
        // Only now are its journal and the index of that there.
        let now = stamp(&path)?;
        if !now.is_same_file(&before) {
            return Err(moved(&path, FileChange::Replaced));
        }
        if let Err(error) = stamp::note(&path) {
            let path = path.display();
            tracing::warn!(%error, "which journal is of {path} cannot be noted beside it");
        }
        let content = Arc::new(Content {
            identity: Some(migrate::identity(&connection)?),
            ..Content::default()
        });
        let writer = Some(started("store-write", vec![connection])?);
        Ok((Self { readers, writer, stamp: Some(now), content, path, serial }, Some(legacy)))
    }

    /// What has become of the files, if they are no longer those that were opened.
    pub(super) fn fate(&self) -> Option<FileChange> {
        let is_overwritten = self.content.is_overwritten.load(Ordering::Relaxed);
        self.stamp.as_ref()?.fate(&self.path).or(is_overwritten.then_some(FileChange::Overwritten))
    }

    /// Closes it, and leaves nothing that the file which comes next could take for its own.
    pub(super) fn close(self) -> Result<(), StoreError> {
        let (stamp, fate, path) = (self.stamp, self.fate(), self.path.clone());
        // What is in a journal that alone is gone from its path goes into the file now.
        drop(self);
        let unwritable = |cause: std::io::Error| StoreError::Unwritable {
            path: path.clone(),
            cause: cause.into(),
        };
        match (stamp, fate) {
            (_, Some(FileChange::Overwritten)) => {
                let left = stamp::leave_journal(&path).map_err(unwritable)?;
                tracing::error!(
                    "the journal of the database that was in {} was set aside as {}: rows that are \
                     only in it are lost",
                    path.display(),
                    left.display()
                );
                Ok(())
            }
            (Some(stamp), Some(FileChange::Removed | FileChange::Replaced)) => {
                stamp.remove_rest(&path).map_err(unwritable)
            }
            _ => Ok(()),
        }
    }

    /// A job whose answer counts only if the file is still at its path when it is done: what went into
    /// another one was not kept, and what is read there is no longer so.
    fn guarded<T>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static {
        let (path, stamp) = (self.path.clone(), self.stamp);
        move |connection| {
            let done = job(connection);
            match stamp.and_then(|stamp| stamp.fate(&path)) {
                Some(fate) => Err(moved(&path, fate)),
                None => done,
            }
        }
    }

    /// Has something done by a thread that reads.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.run(self.guarded(job)).await
    }

    /// Has something written.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let writer = self.writer.as_ref().ok_or(StoreError::ReadOnly { doing })?;
        let (path, content) = (self.path.clone(), Arc::clone(&self.content));
        let job = move |connection: &mut Connection| {
            content.check(connection, &path)?;
            job(connection)
        };
        writer.run(self.guarded(job)).await
    }

    /// What a file in the place of this one begins with; none when it cannot be read.
    pub(super) async fn legacy(&self) -> Option<Legacy> {
        let reading = |connection: &mut Connection| {
            Legacy::of(connection).map_err(fault(connection, "read its hosts"))
        };
        let legacy = self.writer.as_ref()?.run(reading).await.ok()?;
        // Of a file that was overwritten it would be another store's.
        let identity = self.content.identity.as_deref()?;
        Some(legacy).filter(|legacy| legacy.is_of(identity))
    }
}

/// What was in the file when it was opened: a file can be overwritten in its place (`cp copy db`).
#[derive(Debug, Default)]
struct Content {
    /// None where nothing is written.
    identity: Option<Arc<str>>,
    /// As of the last look: a checkpoint changes it, and so does whoever overwrites the file.
    written: Mutex<Option<(u64, (i64, i64))>>,
    is_overwritten: AtomicBool,
}

impl Content {
    /// Before anything is written: whether it is still the database that was opened.
    fn check(&self, connection: &Connection, path: &Path) -> Result<(), StoreError> {
        let now = stamp::written(path);
        let before = std::mem::replace(
            &mut *self.written.lock().unwrap_or_else(PoisonError::into_inner),
            now,
        );
        if before != now {
            // What is remembered of the file's pages may be of another one by now.
            let forgotten = connection.execute_batch("PRAGMA shrink_memory");
            forgotten.map_err(fault(connection, "look at the file again"))?;
        }
        let found = migrate::identity(connection);
        match (&self.identity, found) {
            (Some(ours), Ok(found)) if *ours == found => return Ok(()),
            (None, _) => return Ok(()),
            (_, Err(error)) if !is_other_schema(&error) => return Err(error),
            _ => {}
        }
        self.is_overwritten.store(true, Ordering::Relaxed);
        // What is in the journal is not of what is in the file now.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
            .map_err(fault(connection, "leave the file as it is"))?;
        Err(moved(path, FileChange::Overwritten))
    }
}

/// Whether there is no such table: what SQLite says of a statement that it cannot prepare.
fn is_other_schema(error: &StoreError) -> bool {
    let StoreError::Failed { cause, .. } = error else { return false };
    let code = cause.downcast_ref::<Error>().and_then(Error::sqlite_error_code);
    code == Some(ErrorCode::Unknown)
}

impl Drop for Open {
    /// What is in the journal goes into the file now: there is no more to note.
    fn drop(&mut self) {
        if self.stamp.is_some() {
            stamp::forget(&self.path);
        }
    }
}

/// Keeps SQLite from playing what another file left into the one that has taken its place.
fn leave_foreign_journal(path: &Path) -> Result<(), StoreError> {
    let unwritable = |cause: std::io::Error| StoreError::Unwritable {
        path: path.to_owned(),
        cause: cause.into(),
    };
    if let Some(left) = stamp::leave_foreign_journal(path).map_err(unwritable)? {
        tracing::error!(
            "the database {} was replaced while no server ran, and the journal of the former one was \
             beside it: it was set aside as {}, and rows that are only in it are lost",
            path.display(),
            left.display()
        );
    }
    Ok(())
}

fn moved(path: &Path, fate: FileChange) -> StoreError {
    StoreError::Moved { path: path.to_owned(), what: fate.words() }
}
