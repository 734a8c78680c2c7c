//! A store that may not be there yet: whoever asks is told so until it has been opened.
//!
//! So the server can be built around it, and poll, while the database is still starting or away. What
//! changes of pauses goes to the spool's memory, too; with that a server begins while it is away.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;

use super::{
    AlarmsOf, AnnotationsOf, Batch, BatchResult, Bucket, DaySummary, HostQuery, HostSummary,
    KnownHost, LoadedInventory, Mark, Mode, Owner, PeriodSums, PruneReach, Pruned, ReadOrder,
    ReckonAsk, Registration, Retention, Room, RouteRows, RowBuckets, RowsAsk, Sample, Sealed,
    SeriesAsk, Span, SqlSink, Store, StoreError, StoreStatus, SummariesDue, TableSample,
    open::{open_for, wait_for_turn},
    spool::Spool,
};
use crate::{
    clock::Clock,
    config,
    health::Pause,
    model::{
        Alarm, AlarmEvent, Annotation, AuditEntry, Column, DetailTable, HostId, Loss, Notice,
        NoticeKind, Record, Transition, VersionId,
    },
    rollup::Tier,
    units::WallMs,
};

/// The store of these settings, once it is open.
pub struct LazyStore {
    settings: config::Store,
    clock: Arc<dyn Clock>,
    store: OnceLock<Arc<dyn Store>>,
    /// What remembers the store while it is away; none where nothing does.
    memory: Option<Arc<Spool>>,
    /// The identity of the store that is remembered, and polled for: no other is opened.
    expected: OnceLock<Arc<str>>,
    /// The server that writes; none where nobody else can.
    owner: Option<Owner>,
    /// Why the last try failed.
    why: Mutex<String>,
}

impl std::fmt::Debug for LazyStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LazyStore").field("open", &self.is_open()).finish_non_exhaustive()
    }
}

impl LazyStore {
    /// The store of these settings, not open yet.
    #[must_use]
    pub fn new(settings: config::Store, clock: Arc<dyn Clock>) -> Self {
        let why = Mutex::new("it was not tried yet".to_owned());
        Self {
            settings,
            clock,
            store: OnceLock::new(),
            memory: None,
            expected: OnceLock::new(),
            owner: None,
            why,
        }
    }

    /// The same, which tells this spool of changes that it must remember.
    #[must_use]
    pub fn with_memory(self, spool: Option<Arc<Spool>>) -> Self {
        Self { memory: spool, ..self }
    }

    /// The same, which is opened for this server.
    #[must_use]
    pub fn owned_by(self, owner: Owner) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// Waits until this server may take a database that another one writes to; `told` hears of that one.
    ///
    /// # Errors
    /// [`StoreError`]: the database cannot be asked.
    pub async fn wait_for_turn(&self, told: impl FnMut(&str)) -> Result<(), StoreError> {
        match &self.owner {
            Some(owner) => {
                wait_for_turn(&self.settings, owner, Arc::clone(&self.clock), told).await
            }
            None => Ok(()),
        }
    }

    /// Whether another server held the store before this one; says so once.
    pub(crate) fn has_succeeded(&self) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.standing.has_succeeded())
    }

    /// Another server was found to write to it.
    pub(crate) fn lost(&self, to: &str) {
        if let Some(owner) = &self.owner {
            owner.standing.lost(to);
        }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &config::StoreUrl {
        &self.settings.url
    }

    /// From now on opens this store only, and no other that is at its address.
    pub fn expect(&self, identity: Arc<str>) {
        // Whoever came first knew the same memory.
        let _ = self.expected.set(identity);
    }

    /// A store that is open already; the settings are never looked at.
    #[must_use]
    pub fn opened(settings: config::Store, clock: Arc<dyn Clock>, store: Arc<dyn Store>) -> Self {
        Self { store: OnceLock::from(store), ..Self::new(settings, clock) }
    }

    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.store.get().is_some()
    }

    /// Opens it for writing, unless it is open.
    ///
    /// # Errors
    /// As `store::open`; questions to the store are answered with the same error meanwhile.
    pub async fn try_open(&self) -> Result<(), StoreError> {
        if self.is_open() {
            return Ok(());
        }
        match self.open_expected().await {
            Ok(store) => {
                // Somebody else was first: then that one is used.
                let _ = self.store.set(store);
                Ok(())
            }
            Err(error) => {
                let why = error.with_causes();
                *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why;
                Err(error)
            }
        }
    }

    async fn open_expected(&self) -> Result<Arc<dyn Store>, StoreError> {
        let (clock, owner) = (Arc::clone(&self.clock), self.owner.clone());
        let store = open_for(&self.settings, Mode::ReadWrite, clock, owner).await?;
        match self.expected.get() {
            Some(expected) if store.identity().await? != *expected => {
                Err(StoreError::Replaced { location: self.settings.url.to_string() })
            }
            _ => Ok(store),
        }
    }

    async fn remember_pauses(&self, pauses: Vec<(HostId, Option<Pause>)>) {
        if let Some(spool) = &self.memory
            && let Err(error) = spool.remember_pauses(pauses).await
        {
            let error = error.with_causes();
            tracing::error!(error, "a pause cannot be remembered: a start needs the store");
        }
    }

    fn store(&self) -> Result<&dyn Store, StoreError> {
        self.store.get().map(AsRef::as_ref).ok_or_else(|| StoreError::NotYet {
            why: self.why.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        })
    }
}

#[async_trait]
impl Store for LazyStore {
    async fn register(
        &self,
        hosts: Vec<Registration>,
        at: WallMs,
    ) -> Result<Vec<KnownHost>, StoreError> {
        self.store()?.register(hosts, at).await
    }

    async fn retire(&self, hosts: Vec<HostId>, at: WallMs) -> Result<(), StoreError> {
        self.store()?.retire(hosts.clone(), at).await?;
        self.remember_pauses(hosts.into_iter().map(|host| (host, None)).collect()).await;
        Ok(())
    }

    async fn keep_numbers(&self, up_to: HostId) -> Result<(), StoreError> {
        self.store()?.keep_numbers(up_to).await
    }

    async fn record_inventory(&self, loaded: LoadedInventory) -> Result<VersionId, StoreError> {
        self.store()?.record_inventory(loaded).await
    }

    async fn write(&self, batch: Arc<Batch>) -> Result<BatchResult, StoreError> {
        self.store()?.write(batch).await
    }

    async fn hosts(&self, query: HostQuery) -> Result<Vec<HostSummary>, StoreError> {
        self.store()?.hosts(query).await
    }

    async fn polls(
        &self,
        host: HostId,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.store()?.polls(host, span, order, limit).await
    }

    async fn missing(&self, marks: Vec<Mark>) -> Result<Vec<Mark>, StoreError> {
        self.store()?.missing(marks).await
    }

    async fn transitions(
        &self,
        host: Option<HostId>,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<Transition>, StoreError> {
        self.store()?.transitions(host, span, order, limit).await
    }

    async fn notices(&self, receiver: Arc<str>, limit: usize) -> Result<Vec<Notice>, StoreError> {
        self.store()?.notices(receiver, limit).await
    }

    async fn last_told(
        &self,
        receiver: Arc<str>,
        host: HostId,
        subject: Arc<str>,
    ) -> Result<Option<NoticeKind>, StoreError> {
        self.store()?.last_told(receiver, host, subject).await
    }

    async fn alarms(&self) -> Result<Vec<Alarm>, StoreError> {
        self.store()?.alarms().await
    }

    async fn alarm_events(
        &self,
        of: AlarmsOf,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<AlarmEvent>, StoreError> {
        self.store()?.alarm_events(of, span, order, limit).await
    }

    async fn annotations(
        &self,
        of: AnnotationsOf,
        limit: usize,
    ) -> Result<Vec<Annotation>, StoreError> {
        self.store()?.annotations(of, limit).await
    }

    async fn keep_routes(&self, rows: Arc<RouteRows>) -> Result<(), StoreError> {
        self.store()?.keep_routes(rows).await
    }

    async fn routes(&self) -> Result<Vec<String>, StoreError> {
        self.store()?.routes().await
    }

    async fn set_pause(&self, host: HostId, pause: Option<Pause>) -> Result<(), StoreError> {
        self.store()?.set_pause(host, pause.clone()).await?;
        self.remember_pauses(vec![(host, pause)]).await;
        Ok(())
    }

    async fn pauses(&self) -> Result<Vec<(HostId, Pause)>, StoreError> {
        self.store()?.pauses().await
    }
    async fn series(&self, ask: SeriesAsk) -> Result<Vec<Bucket>, StoreError> {
        self.store()?.series(ask).await
    }

    async fn hours_of(
        &self,
        hosts: Arc<[HostId]>,
        column: Column,
        span: Span,
    ) -> Result<Vec<(HostId, Bucket)>, StoreError> {
        self.store()?.hours_of(hosts, column, span).await
    }

    async fn reckoned(&self, ask: ReckonAsk) -> Result<PeriodSums, StoreError> {
        self.store()?.reckoned(ask).await
    }
    async fn samples(
        &self,
        host: HostId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Sample>, StoreError> {
        self.store()?.samples(host, span, limit).await
    }
    async fn sql(&self, statement: String, sink: SqlSink) -> Result<(), StoreError> {
        self.store()?.sql(statement, sink).await
    }

    async fn table_samples(
        &self,
        host: HostId,
        table: DetailTable,
        span: Span,
        limit: usize,
    ) -> Result<Vec<TableSample>, StoreError> {
        self.store()?.table_samples(host, table, span, limit).await
    }

    async fn losses(&self, span: Span, limit: usize) -> Result<Vec<Loss>, StoreError> {
        self.store()?.losses(span, limit).await
    }

    async fn audit(&self, span: Span, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.store()?.audit(span, limit).await
    }

    async fn seal(&self, before: WallMs) -> Result<Sealed, StoreError> {
        self.store()?.seal(before).await
    }

    async fn begin_summary(&self, host: HostId, day: WallMs) -> Result<u64, StoreError> {
        self.store()?.begin_summary(host, day).await
    }

    async fn keep_summary(&self, summary: Arc<DaySummary>, late: u64) -> Result<bool, StoreError> {
        self.store()?.keep_summary(summary, late).await
    }

    async fn summaries_due(
        &self,
        of: SummariesDue,
        limit: usize,
    ) -> Result<Vec<(HostId, WallMs)>, StoreError> {
        self.store()?.summaries_due(of, limit).await
    }

    async fn row_summaries(&self, ask: RowsAsk) -> Result<RowBuckets, StoreError> {
        self.store()?.row_summaries(ask).await
    }

    async fn reach(&self) -> Result<PruneReach, StoreError> {
        self.store()?.reach().await
    }

    async fn prune(&self, before: Retention) -> Result<Pruned, StoreError> {
        self.store()?.prune(before).await
    }

    async fn room(&self) -> Result<Room, StoreError> {
        self.store()?.room().await
    }

    async fn give_up(&self, tier: Tier, before: WallMs, now: WallMs) -> Result<u64, StoreError> {
        self.store()?.give_up(tier, before, now).await
    }

    async fn give_back(&self) -> Result<u64, StoreError> {
        self.store()?.give_back().await
    }

    async fn identity(&self) -> Result<Arc<str>, StoreError> {
        self.store()?.identity().await
    }

    async fn obstacle(&self) -> Result<Option<&'static str>, StoreError> {
        self.store()?.obstacle().await
    }

    async fn altered_views(&self) -> Result<Vec<String>, StoreError> {
        self.store()?.altered_views().await
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        self.store()?.status().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::SystemClock,
        config::{Config, Sources},
    };

    #[tokio::test]
    async fn another_store_at_the_same_address_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Config::load(Sources::default()).unwrap().config.store;
        settings.url = config::StoreUrl::Sqlite(folder.path().join("store.db"));
        let awaited = || LazyStore::new(settings.clone(), Arc::new(SystemClock::new()));
        let first = awaited();
        first.try_open().await.unwrap();
        let identity = first.identity().await.unwrap();
        drop(first);
        let again = awaited();
        again.expect(identity.clone());
        again.try_open().await.unwrap();
        drop(again);
        std::fs::remove_file(folder.path().join("store.db")).unwrap();
        let other = awaited();
        other.expect(identity);
        let error = other.try_open().await.unwrap_err();
        assert!(matches!(error, StoreError::Replaced { .. }), "{error}");
        let told = other.identity().await.unwrap_err().to_string();
        assert!(told.contains("another database than before"), "{told}");
    }
}
