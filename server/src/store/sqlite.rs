//! The embedded store: one SQLite file in WAL mode, nothing to install.
//!
//! One thread owns the only connection that writes; a few own connections that read. Each has a
//! bounded queue, so a slow disk is felt by those who wait for an answer and by nobody else.
//! Another process may read the file (`sqlite3`, the command line) while the server writes.
//!
//! Knows SQL and threads; knows nothing of polling, rates or health.

mod alerts;
mod annotations;
mod audit;
mod connect;
mod damage;
mod deliveries;
mod ddl;
mod events;
mod fault;
mod file;
mod hosts;
mod hours;
mod inventories;
mod legacy;
mod losses;
mod migrate;
mod notices;
mod pauses;
mod polls;
mod prune;
mod reckoned;
mod record;
mod rollups;
mod room;
mod seal;
mod statement;
mod status;
mod summaries;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::sync::{RwLock, RwLockReadGuard};

pub use self::damage::set_aside_if_damaged;
use self::{
    damage::{is_damage, set_aside},
    file::Open,
    legacy::Legacy,
};
use super::{
    AlarmsOf, AnnotationsOf, Batch, BatchResult, Bucket, DaySummary, HostQuery, HostSummary,
    KnownHost, LoadedInventory, MAX_HOSTS, MAX_PAGE, Mode, PeriodSums, PruneReach, Pruned,
    ReadOrder, ReckonAsk, Registration, Retention, Room, RowBuckets, RowsAsk, Sample, Sealed,
    SeriesAsk, Span, SqlSink, Store, StoreError, StoreStatus, SummariesDue, TableSample,
};
use crate::{
    health::Pause,
    model::{
        Alarm, AlarmEvent, Annotation, AuditEntry, Column, DetailTable, HostId, Loss, Notice,
        NoticeKind, Record, Transition, VersionId,
    },
    rollup::Tier,
    units::WallMs,
};

/// An open SQLite store. Dropping it waits for what is being done and closes the file.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    mode: Mode,
    /// None while it could not be opened again.
    open: RwLock<Option<Open>>,
    /// What the file that was open last leaves to one in its place.
    legacy: Mutex<Option<Legacy>>,
    /// What the next opening is known by.
    serial: AtomicU64,
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
        let (open, legacy) = Open::new(path, mode, None, 0)?;
        let (open, legacy) = (RwLock::new(Some(open)), Mutex::new(legacy));
        Ok(Self { path: path.to_owned(), mode, open, legacy, serial: AtomicU64::new(1) })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes. When the file turns out to be gone or damaged, the one that is there, or a new one, is
    /// open afterwards, and what was to be written can be sent again.
    async fn change<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (serial, done) = self.change_whole(doing, job).await?;
        if let Err(error) = &done
            && is_damage(error)
        {
            self.renew(serial, Some(error)).await?;
        }
        done
    }

    /// The same for what may meet old damage that does not stand in the way of new rows. Answers also in
    /// which opening of the file it was done.
    async fn change_whole<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<(u64, Result<T, StoreError>), StoreError> {
        let (serial, done) = match self.opened().await?.as_ref() {
            Some(open) => (open.serial, open.write(doing, job).await),
            None => return Err(StoreError::Closed),
        };
        if let Err(StoreError::Moved { .. }) = done {
            self.renew(serial, None).await?;
        }
        Ok((serial, done))
    }

    /// The same for what a file in the place of this one would have to know.
    async fn change_hosts<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let done = self.change(doing, job).await?;
        if let Some(open) = self.open.read().await.as_ref() {
            self.keep(open.legacy().await);
        }
        Ok(done)
    }

    async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (serial, done) = match self.opened().await?.as_ref() {
            Some(open) => (open.serial, open.read(job).await),
            None => return Err(StoreError::Closed),
        };
        if let Err(StoreError::Moved { .. }) = done {
            self.renew(serial, None).await?;
        }
        done
    }

    /// The open file; one that could not be opened again is tried once more.
    async fn opened(&self) -> Result<RwLockReadGuard<'_, Option<Open>>, StoreError> {
        let open = self.open.read().await;
        if open.is_some() {
            return Ok(open);
        }
        drop(open);
        self.renew(0, None).await?;
        Ok(self.open.read().await)
    }

    /// Opens the file that is at the path in place of the one that was open as `serial`; `damage` says
    /// that this one must be set aside first.
    async fn renew(&self, serial: u64, damage: Option<&StoreError>) -> Result<(), StoreError> {
        let mut slot = self.open.write().await;
        if slot.as_ref().is_some_and(|open| open.serial != serial) {
            // Somebody else was first.
            return Ok(());
        }
        if let Some(open) = slot.take() {
            self.keep(open.legacy().await);
            let path = self.path.display();
            match (open.fate(), damage) {
                (Some(fate), _) => tracing::error!("the database {path} {}", fate.words()),
                (None, Some(error)) => set_aside(&self.path, &error.with_causes())?,
                (None, None) => {}
            }
            // Closing waits for the disk.
            let closing = tokio::task::spawn_blocking(move || open.close());
            closing.await.map_err(|_panicked| StoreError::Closed)??;
        }
        let (path, mode, legacy) = (self.path.clone(), self.mode, self.lock().clone());
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let opening = tokio::task::spawn_blocking(move || {
            let open = || Open::new(&path, mode, legacy.as_ref(), serial);
            match open() {
                Err(error) if set_aside_if_damaged(&path, &error, false)? => open(),
                other => other,
            }
        });
        let (open, legacy) = opening.await.map_err(|_panicked| StoreError::Closed)??;
        *slot = Some(open);
        self.keep(legacy);
        tracing::warn!("the database {} is open again", self.path.display());
        Ok(())
    }

    fn keep(&self, legacy: Option<Legacy>) {
        if legacy.is_some() {
            *self.lock() = legacy;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Legacy>> {
        self.legacy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn register(
        &self,
        hosts: Vec<Registration>,
        at: WallMs,
    ) -> Result<Vec<KnownHost>, StoreError> {
        self.change_hosts("register hosts", move |c| hosts::register(c, &hosts, at)).await
    }

    async fn retire(&self, hosts: Vec<HostId>, at: WallMs) -> Result<(), StoreError> {
        self.change_hosts("retire hosts", move |c| hosts::retire(c, &hosts, at)).await
    }

    async fn keep_numbers(&self, up_to: HostId) -> Result<(), StoreError> {
        self.change("keep the numbers of hosts", move |c| hosts::keep_numbers(c, up_to)).await
    }

    async fn record_inventory(&self, loaded: LoadedInventory) -> Result<VersionId, StoreError> {
        self.change_hosts("keep an inventory", move |c| inventories::record(c, &loaded)).await
    }

    async fn write(&self, batch: Arc<Batch>) -> Result<BatchResult, StoreError> {
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
        self.read(move |c| hosts::list(c, &query, limit)).await
    }

    async fn polls(
        &self,
        host: HostId,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.read(move |c| polls::read(c, host, span, order, limit.min(MAX_PAGE))).await
    }

    async fn series(&self, ask: SeriesAsk) -> Result<Vec<Bucket>, StoreError> {
        self.read(move |c| match ask.tier {
            Tier::FiveMinutes => summaries::series(c, &ask),
            Tier::Polls | Tier::Hours => rollups::series(c, &ask),
        })
        .await
    }

    async fn hours_of(
        &self,
        hosts: Arc<[HostId]>,
        column: Column,
        span: Span,
    ) -> Result<Vec<(HostId, Bucket)>, StoreError> {
        self.read(move |c| rollups::hours_of(c, &hosts, column, span)).await
    }

    async fn reckoned(&self, ask: ReckonAsk) -> Result<PeriodSums, StoreError> {
        self.read(move |c| reckoned::read(c, &ask)).await
    }

    async fn samples(
        &self,
        host: HostId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Sample>, StoreError> {
        self.read(move |c| rollups::samples(c, host, span, limit.min(MAX_PAGE))).await
    }

    async fn sql(&self, statement: String, sink: SqlSink) -> Result<(), StoreError> {
        self.read(move |c| statement::run(c, &statement, &sink)).await
    }

    async fn table_samples(
        &self,
        host: HostId,
        table: DetailTable,
        span: Span,
        limit: usize,
    ) -> Result<Vec<TableSample>, StoreError> {
        let limit = limit.min(MAX_PAGE);
        self.read(move |c| polls::table_samples(c, (host, table), span, limit)).await
    }

    async fn transitions(
        &self,
        host: Option<HostId>,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<Transition>, StoreError> {
        self.read(move |c| events::read(c, host, span, order, limit.min(MAX_PAGE))).await
    }

    async fn notices(&self, receiver: Arc<str>, limit: usize) -> Result<Vec<Notice>, StoreError> {
        self.read(move |c| notices::pending(c, &receiver, limit)).await
    }

    async fn last_told(
        &self,
        receiver: Arc<str>,
        host: HostId,
        subject: Arc<str>,
    ) -> Result<Option<NoticeKind>, StoreError> {
        self.read(move |c| notices::last_told(c, &receiver, host, &subject)).await
    }

    async fn alarms(&self) -> Result<Vec<Alarm>, StoreError> {
        self.read(|c| alerts::read(c)).await
    }

    async fn alarm_events(
        &self,
        of: AlarmsOf,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<AlarmEvent>, StoreError> {
        self.read(move |c| alerts::events(c, &of, span, order, limit.min(MAX_PAGE))).await
    }

    async fn annotations(
        &self,
        of: AnnotationsOf,
        limit: usize,
    ) -> Result<Vec<Annotation>, StoreError> {
        self.read(move |c| annotations::read(c, &of, limit.min(MAX_PAGE))).await
    }

    async fn set_pause(&self, host: HostId, pause: Option<Pause>) -> Result<(), StoreError> {
        self.change_hosts("keep a pause", move |c| pauses::set(c, host, pause.as_ref())).await
    }

    async fn pauses(&self) -> Result<Vec<(HostId, Pause)>, StoreError> {
        self.read(|c| pauses::read(c)).await
    }

    async fn losses(&self, span: Span, limit: usize) -> Result<Vec<Loss>, StoreError> {
        self.read(move |c| losses::read(c, span, limit.min(MAX_PAGE))).await
    }

    async fn audit(&self, span: Span, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(move |c| audit::read(c, span, limit.min(MAX_PAGE))).await
    }

    async fn seal(&self, before: WallMs) -> Result<Sealed, StoreError> {
        let (end, mut sealed) = (hours::hour(before), Sealed::default());
        let (mut next, mut tries) = (seal::Cursor::default(), 0);
        let mut hours = BTreeSet::new();
        // Packed by a thread that reads; what is left for the one that writes is one row.
        while let Some(hour) = self.read(move |c| seal::next(c, next, end)).await? {
            next = hour.cursor();
            let seal::NextHour { name, hour: from, packed, .. } = hour;
            let hour = match packed {
                Ok(hour) => hour,
                Err(error) => {
                    let why = error.with_causes();
                    sealed.failed.push(format!("the polls of {name} from {from} on: {why}"));
                    if sealed.failed.len() == seal::MOST_FAILED {
                        break;
                    }
                    continue;
                }
            };
            let begin = hour.begin();
            match self.change("seal polls", move |c| seal::keep(c, &hour)).await? {
                Some(kept) => {
                    hours.insert(begin);
                    sealed.polls += kept.polls;
                    sealed.bytes += kept.bytes;
                    tries = 0;
                }
                // Polls came meanwhile.
                None if tries < seal::TRIES => tries += 1,
                None => break,
            }
        }
        sealed.hours = u64::try_from(hours.len()).unwrap_or(u64::MAX);
        Ok(sealed)
    }

    async fn begin_summary(&self, host: HostId, day: WallMs) -> Result<u64, StoreError> {
        self.change(summaries::DOING, move |c| summaries::begin(c, host, day)).await
    }

    async fn keep_summary(&self, summary: Arc<DaySummary>, late: u64) -> Result<bool, StoreError> {
        self.change(summaries::DOING, move |c| summaries::keep(c, &summary, late)).await
    }

    async fn summaries_due(
        &self,
        of: SummariesDue,
        limit: usize,
    ) -> Result<Vec<(HostId, WallMs)>, StoreError> {
        self.read(move |c| summaries::due(c, of, limit)).await
    }

    async fn row_summaries(&self, ask: RowsAsk) -> Result<RowBuckets, StoreError> {
        self.read(move |c| summaries::rows(c, &ask)).await
    }

    async fn reach(&self) -> Result<PruneReach, StoreError> {
        self.read(|c| prune::reach(c)).await
    }

    async fn prune(&self, before: Retention) -> Result<Pruned, StoreError> {
        let mut pruned = Pruned::default();
        let mut next = Some(prune::PruneStep::first());
        while let Some(step) = next {
            // One job, one transaction: batches that wait get their turn between two of them.
            let (_, done) =
                self.change_whole("prune", move |c| prune::take(c, step, before)).await?;
            let done = done?;
            pruned.polls += done.polls;
            pruned.events += done.events;
            next = done.next;
        }
        Ok(pruned)
    }

    async fn room(&self) -> Result<Room, StoreError> {
        self.read(|c| room::read(c)).await
    }

    async fn give_up(&self, tier: Tier, before: WallMs, now: WallMs) -> Result<u64, StoreError> {
        let Some(told) = self.read(move |c| room::doomed(c, tier, before, now)).await? else {
            return Ok(0);
        };
        let told = Arc::new(told);
        let (mut polls, mut next) = (0, Some(room::first(tier)));
        while let Some(step) = next {
            let told = Arc::clone(&told);
            let doing = "give up the oldest history";
            let take = move |c: &mut Connection| room::take(c, step, before, &told);
            let (_, done) = self.change_whole(doing, take).await?;
            let (gone, then) = done?;
            polls += gone;
            next = then;
        }
        Ok(polls)
    }

    async fn give_back(&self) -> Result<u64, StoreError> {
        let doing = "give room back to the disk";
        let (mut left, mut bytes) = (self.read(|c| room::surplus(c)).await?, 0);
        if left == 0 {
            return Ok(0);
        }
        while left > 0 {
            // One job, one transaction: batches that wait get their turn between two of them.
            let (_, done) = self.change_whole(doing, move |c| room::give_back(c, left)).await?;
            let (pages, gone) = done?;
            if pages == 0 {
                break;
            }
            left = left.saturating_sub(pages);
            bytes += gone;
        }
        self.change_whole(doing, room::shorten).await?.1?;
        Ok(bytes)
    }

    async fn identity(&self) -> Result<Arc<str>, StoreError> {
        self.read(|c| migrate::identity(c)).await
    }

    async fn altered_views(&self) -> Result<Vec<String>, StoreError> {
        self.read(|c| migrate::altered_views(c)).await
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        self.read(|c| status::read(c)).await
    }
}
