//! The embedded store: one SQLite file in WAL mode, nothing to install.
//!
//! One thread owns the only connection that writes; a few own connections that read. Each has a
//! bounded queue, so a slow disk is felt by those who wait for an answer and by nobody else.
//! Another process may read the file (`sqlite3`, the command line) while the server writes.
//!
//! Knows SQL and threads; knows nothing of polling, rates or health.

mod connect;
mod events;
mod fault;
mod hosts;
mod inventories;
mod losses;
mod migrate;
mod notices;
mod pauses;
mod polls;
mod prune;
mod rollups;
mod status;
mod worker;

#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use rusqlite::Connection;

use self::worker::Worker;
use super::{
    Batch, Bucket, HostQuery, HostSummary, KnownHost, LoadedInventory, MAX_HOSTS, MAX_PAGE, Mode,
    Order, Pruned, Registration, Retention, Sample, Sealed, SeriesAsk, Span, Store, StoreError,
    StoreStatus, Written,
};
use crate::{
    health::Pause,
    model::{HostId, Loss, Notice, NoticeKind, Record, Transition, VersionId},
    units::WallMs,
};

/// Connections that read, each on its own thread: one long history does not hold up the rest.
const READERS: usize = 2;

/// An open SQLite store. Dropping it waits for what is being done and closes the file.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    // In this order: who writes is closed last, and takes the journal into the file.
    readers: Worker,
    writer: Option<Worker>,
}

impl Sqlite {
    /// Opens the file.
    ///
    /// # Errors
    /// [`StoreError`]: no such file, not to be written, another program's, a newer schema.
    pub async fn open(path: impl Into<PathBuf>, mode: Mode) -> Result<Self, StoreError> {
        let path = path.into();
        let opened = tokio::task::spawn_blocking(move || Self::open_blocking(&path, mode)).await;
        opened.map_err(|_panicked| StoreError::Closed)?
    }

    /// The same, for callers without a runtime; waits for the disk.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn open_blocking(path: &Path, mode: Mode) -> Result<Self, StoreError> {
        let writer = match mode {
            Mode::ReadWrite => Some(connect::writer(path)?),
            Mode::ReadOnly => None,
        };
        let readers = (0..READERS).map(|_| connect::reader(path)).collect::<Result<Vec<_>, _>>()?;
        let started = |name, connections| {
            Worker::start(name, connections).map_err(|cause| StoreError::Failed {
                doing: "start a thread",
                location: path.display().to_string(),
                cause: cause.into(),
            })
        };
        Ok(Self {
            path: path.to_owned(),
            writer: writer
                .map(|connection| started("store-write", vec![connection]))
                .transpose()?,
            readers: started("store-read", readers)?,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn change<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.writer {
            Some(writer) => writer.run(job).await,
            None => Err(StoreError::ReadOnly { doing }),
        }
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn register(
        &self,
        hosts: Vec<Registration>,
        at: WallMs,
    ) -> Result<Vec<KnownHost>, StoreError> {
        self.change("register hosts", move |c| hosts::register(c, &hosts, at)).await
    }

    async fn retire(&self, hosts: Vec<HostId>, at: WallMs) -> Result<(), StoreError> {
        self.change("retire hosts", move |c| hosts::retire(c, &hosts, at)).await
    }

    async fn record_inventory(&self, loaded: LoadedInventory) -> Result<VersionId, StoreError> {
        self.change("keep an inventory", move |c| inventories::record(c, &loaded)).await
    }

    async fn write(&self, batch: Arc<Batch>) -> Result<Written, StoreError> {
        self.change("keep polls", move |c| {
            let written = polls::write(c, &batch);
            // Before the answer: whoever sent the batch then owns it alone and can split it.
            drop(batch);
            written
        })
        .await
    }

    async fn hosts(&self, query: HostQuery) -> Result<Vec<HostSummary>, StoreError> {
        let limit = query.limit.min(MAX_HOSTS);
        self.readers.run(move |c| hosts::list(c, &query, limit)).await
    }

    async fn polls(
        &self,
        host: HostId,
        span: Span,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.readers.run(move |c| polls::read(c, host, span, order, limit.min(MAX_PAGE))).await
    }

    async fn series(&self, ask: SeriesAsk) -> Result<Vec<Bucket>, StoreError> {
        self.readers.run(move |c| rollups::series(c, &ask)).await
    }

    async fn samples(
        &self,
        host: HostId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Sample>, StoreError> {
        self.readers.run(move |c| rollups::samples(c, host, span, limit.min(MAX_PAGE))).await
    }

    async fn transitions(
        &self,
        host: Option<HostId>,
        span: Span,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Transition>, StoreError> {
        self.readers.run(move |c| events::read(c, host, span, order, limit.min(MAX_PAGE))).await
    }

    async fn notices(&self, receiver: Arc<str>, limit: usize) -> Result<Vec<Notice>, StoreError> {
        self.readers.run(move |c| notices::pending(c, &receiver, limit)).await
    }

    async fn last_told(
        &self,
        receiver: Arc<str>,
        host: HostId,
    ) -> Result<Option<NoticeKind>, StoreError> {
        self.readers.run(move |c| notices::last_told(c, &receiver, host)).await
    }

    async fn set_pause(&self, host: HostId, pause: Option<Pause>) -> Result<(), StoreError> {
        self.change("keep a pause", move |c| pauses::set(c, host, pause.as_ref())).await
    }

    async fn pauses(&self) -> Result<Vec<(HostId, Pause)>, StoreError> {
        self.readers.run(|c| pauses::read(c)).await
    }

    async fn losses(&self, span: Span, limit: usize) -> Result<Vec<Loss>, StoreError> {
        self.readers.run(move |c| losses::read(c, span, limit.min(MAX_PAGE))).await
    }

    /// Nothing to do: the embedded store keeps plain rows, which every reader of the file understands.
    async fn seal(&self, _: WallMs) -> Result<Sealed, StoreError> {
        Ok(Sealed::default())
    }

    async fn prune(&self, before: Retention) -> Result<Pruned, StoreError> {
        let mut pruned = Pruned::default();
        let mut next = Some(prune::Step::first());
        while let Some(step) = next {
            // One job, one transaction: batches that wait get their turn between two of them.
            let done = self.change("prune", move |c| prune::take(c, step, before)).await?;
            pruned.polls += done.polls;
            pruned.events += done.events;
            next = done.next;
        }
        Ok(pruned)
    }

    async fn identity(&self) -> Result<Arc<str>, StoreError> {
        self.readers.run(|c| migrate::identity(c)).await
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        self.readers.run(|c| status::read(c)).await
    }
}
