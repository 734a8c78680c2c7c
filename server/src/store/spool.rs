//! Where rows wait while the store is away: a file of its own, bounded, that survives kill -9.
//!
//! A row that was appended is on the disk (one fsync per batch), so neither the death of the process
//! nor a power cut takes it. Rows leave once the store has acknowledged them; a row that was
//! acknowledged and could not be deleted may be sent again, which is harmless. When the limit is
//! reached the oldest polls give way, and what was lost is a row of its own.
//!
//! One thread owns the file. It is opened when it is first needed and, after a fault, again: a disk
//! that is full or gone is tried anew each time. The file also remembers the hosts' numbers, with
//! which a server can begin while the store is away.
//!
//! Knows SQL and threads; knows nothing of polling, nor of when rows come and go.

mod file;
mod form;
mod memory;
mod peek;
mod rescue;

#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use self::peek::peek;
use self::{file::SpoolFile, memory::SpoolTarget};
pub use self::{
    file::{Ids, Page},
    memory::{Registry, Remembered},
};
use super::{Batch, Marks, StoreError, worker::Worker};
use crate::{
    health::Pause,
    model::{Alarm, HostId, Notice},
    units::WallMs,
};

/// Jobs that may wait for the file; whoever comes next waits for room.
const QUEUE: usize = 16;

/// What waits in the spool.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, schemars::JsonSchema)]
pub struct SpoolStatus {
    /// Polls.
    pub polls: u64,
    /// Other rows: transitions, facts, losses, notices.
    pub others: u64,
    /// Bytes of all of them, with what a row takes beside its own.
    pub bytes: u64,
    /// Most bytes.
    pub max_bytes: u64,
    /// Slot of the oldest poll.
    pub oldest: Option<WallMs>,
}

impl SpoolStatus {
    /// Rows of all kinds.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.polls + self.others
    }
}

/// What the thread works with.
#[derive(Debug)]
struct Slot {
    path: PathBuf,
    store: String,
    /// Of the store that is at that address; not known while it is away.
    identity: Option<Arc<str>>,
    max_bytes: u64,
    opened: u64,
    file: Option<SpoolFile>,
    status: Arc<Mutex<SpoolStatus>>,
}

/// The spool. Dropping it waits for what is being done and closes the file.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    status: Arc<Mutex<SpoolStatus>>,
    worker: Worker<Slot>,
}

fn lock(status: &Mutex<SpoolStatus>) -> MutexGuard<'_, SpoolStatus> {
    status.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Spool {
    /// Starts the spool in this file, for rows of this store, with at most so many bytes of rows.
    /// The file is not touched yet.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(path: PathBuf, store: String, max_bytes: u64) -> io::Result<Self> {
        let status = Arc::new(Mutex::new(SpoolStatus { max_bytes, ..SpoolStatus::default() }));
        let slot = Slot {
            path: path.clone(),
            store,
            identity: None,
            max_bytes,
            opened: 0,
            file: None,
            status: Arc::clone(&status),
        };
        Ok(Self { path, status, worker: Worker::start("spool", QUEUE, vec![slot])? })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What waits in it, as far as is known: nothing before the file was first opened.
    #[must_use]
    pub fn status(&self) -> SpoolStatus {
        lock(&self.status).clone()
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SpoolFile) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.worker.run(|slot| slot.work(work)).await
    }

    /// Opens the file, or makes it, and counts what waits in it.
    ///
    /// # Errors
    /// [`StoreError`]: it cannot be opened now.
    pub async fn open(&self) -> Result<SpoolStatus, StoreError> {
        self.run(|_| Ok(())).await?;
        Ok(self.status())
    }

    /// Says which store it is that is at the address, once that is known. Rows for another one that
    /// was there before are set aside, also when the file cannot be opened before later: hosts have
    /// other numbers here.
    ///
    /// # Errors
    /// [`StoreError`]: the file cannot be opened now.
    pub async fn is_for(&self, identity: Arc<str>) -> Result<(), StoreError> {
        self.worker
            .run(move |slot| {
                if slot.identity.as_ref() != Some(&identity) {
                    slot.identity = Some(identity);
                    slot.file = None;
                }
                slot.work(|_| Ok(()))
            })
            .await
    }

    /// Puts the file aside, with its rows, and begins another one.
    ///
    /// # Errors
    /// [`StoreError`]: it cannot be moved, or none can be begun.
    pub async fn set_aside(&self, why: String) -> Result<(), StoreError> {
        self.worker
            .run(move |slot| {
                slot.file = None;
                file::set_aside(&slot.path, &why).map_err(|cause| StoreError::Unwritable {
                    path: slot.path.clone(),
                    cause: cause.into(),
                })?;
                slot.work(|_| Ok(()))
            })
            .await
    }

    /// Whether rows could be kept now.
    ///
    /// # Errors
    /// [`StoreError`]: they could not.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.run(SpoolFile::probe).await
    }

    /// Keeps a batch. Answers what its rows are known by, and how many of the oldest polls had to
    /// give way.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing of it is kept.
    pub async fn append(&self, batch: Arc<Batch>, now: WallMs) -> Result<(Ids, u64), StoreError> {
        self.run(move |file| {
            let appended = file.append(&batch, now);
            // Before the answer: whoever sent the batch then owns it alone.
            drop(batch);
            appended
        })
        .await
    }

    /// The oldest rows that were not acknowledged, at most so many; they stay in the spool.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn page(&self, rows: usize, now: WallMs) -> Result<Page, StoreError> {
        self.run(move |file| file.page(rows, now)).await
    }

    /// The notices that wait in it, of each how far it has come, in the order in which they came.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notices(&self) -> Result<Vec<Arc<Notice>>, StoreError> {
        self.run(SpoolFile::notices).await
    }

    /// Takes out the rows of a page, which are in the store. They never come again from this
    /// process.
    ///
    /// # Errors
    /// [`StoreError`]; they are then taken out with the next ones.
    pub async fn acknowledge(&self, ids: Ids) -> Result<(), StoreError> {
        self.run(move |file| file.acknowledge(&ids)).await
    }

    /// Takes out rows that were appended and are in the store after all.
    ///
    /// # Errors
    /// [`StoreError`]; then they come again.
    pub async fn take_back(&self, ids: Ids) -> Result<(), StoreError> {
        self.run(move |file| file.take_back(&ids)).await
    }

    /// Drops what was decided before another server took over: states, alarms, messages, and what is
    /// remembered of hosts. What happened stays: polls, losses, what people said. Answers how many rows went.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is dropped.
    pub async fn supersede(&self) -> Result<u64, StoreError> {
        self.run(SpoolFile::supersede).await
    }

    /// Remembers the hosts of an inventory in force.
    ///
    /// # Errors
    /// [`StoreError`]; then what was remembered before stays.
    pub async fn remember(&self, registry: Registry) -> Result<(), StoreError> {
        self.run(move |file| file.remember(&registry)).await
    }

    /// Remembers these pauses, and that these hosts have none.
    ///
    /// # Errors
    /// [`StoreError`]; then what was remembered before stays.
    pub async fn remember_pauses(
        &self,
        pauses: Vec<(HostId, Option<Pause>)>,
    ) -> Result<(), StoreError> {
        self.run(move |file| file.remember_pauses(&pauses)).await
    }

    /// Remembers these alarms in place of those before; from then on they are followed.
    ///
    /// # Errors
    /// [`StoreError`]; then what was remembered before stays.
    pub async fn remember_alarms(&self, alarms: Vec<Alarm>) -> Result<(), StoreError> {
        self.run(move |file| file.remember_alarms(&alarms)).await
    }

    /// The alarms that wait in it, in the order in which they came: each as it was at some moment, and
    /// of one that is there twice the later counts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn alarms(&self) -> Result<Vec<Alarm>, StoreError> {
        self.run(SpoolFile::alarms_waiting).await
    }

    /// Keeps rows of who was told of what, by their keys; one without a text is gone. Once this returns
    /// they are on the disk.
    ///
    /// # Errors
    /// [`StoreError`]; then what was kept before stays.
    pub async fn keep_routes(
        &self,
        rows: Arc<[(String, Option<String>)]>,
    ) -> Result<(), StoreError> {
        self.run(move |file| file.keep_routes(&rows)).await
    }

    /// All rows of who was told of what.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn routes(&self) -> Result<Vec<String>, StoreError> {
        self.run(SpoolFile::routes).await
    }

    /// Remembers some of the polls that the store has taken.
    ///
    /// # Errors
    /// [`StoreError`]; then what was remembered before stays.
    pub async fn remember_marks(&self, marks: Marks) -> Result<(), StoreError> {
        self.run(move |file| file.remember_marks(&marks)).await
    }

    /// Those that were remembered last, of the store that is open now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recall_marks(&self) -> Result<Marks, StoreError> {
        self.run(SpoolFile::recall_marks).await
    }

    /// Follows what the store was told of hosts, so that what is remembered stays true. Of alarms, only
    /// where it is `new`: what was in this file before has been followed, and may be older than they are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn follow(&self, batch: Arc<Batch>, new: bool) -> Result<(), StoreError> {
        self.run(move |file| file.follow(&batch, new)).await
    }

    /// The greatest number that a host of this store ever had, as far as is known here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_number(&self) -> Result<HostId, StoreError> {
        self.run(SpoolFile::last_number).await
    }

    /// What is remembered; none when no inventory ever was in force with this store.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recall(&self) -> Result<Option<Registry>, StoreError> {
        self.run(SpoolFile::recall).await
    }
}

impl Slot {
    fn work<T>(
        &mut self,
        work: impl FnOnce(&mut SpoolFile) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                self.opened += 1;
                let whose =
                    SpoolTarget { address: &self.store, identity: self.identity.as_deref() };
                none.insert(SpoolFile::open(&self.path, whose, self.max_bytes, self.opened)?)
            }
        };
        let result = work(file);
        self.rescue()?;
        let Some(file) = &self.file else { return result };
        let held = file.held;
        {
            let mut status = lock(&self.status);
            status.polls = held.polls;
            status.others = held.others;
            status.bytes = held.bytes;
            status.oldest = held.oldest;
        }
        if result.as_ref().is_err_and(file::is_full) {
            file.fold();
        } else if let Err(error) = &result {
            // Opened anew next time: its disk may have gone and come back.
            self.file = None;
            if file::is_ruined(error)
                && let Err(error) = file::set_aside(&self.path, "it is damaged")
            {
                tracing::error!(%error, "the damaged spool cannot be set aside");
            }
        }
        result
    }
}
