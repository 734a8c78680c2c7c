//! A store that notes how late every poll was before it hands the row on, or drops it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use roundsman::{
    health::Pause,
    model::{
        Alarm, AlarmEvent, Annotation, AuditEntry, Column, DetailTable, HostId, HostName, Loss,
        Notice, NoticeKind, Outcome, Record, Timings, Transition, VersionId,
    },
    rollup::Tier,
    store::{
        AlarmsOf, AnnotationsOf, Batch, BatchResult, Bucket, DaySummary, HostQuery, HostSummary,
        KnownHost, LoadedInventory, PeriodSums, PruneReach, Pruned, ReadOrder, ReckonAsk,
        Registration, Retention, Room, RowBuckets, RowsAsk, Sample, Sealed, SeriesAsk, Span,
        SqlSink, Store, StoreError, StoreStatus, SummariesDue, TableSample,
    },
    units::WallMs,
};
use serde::Serialize;

/// What is noted of one poll.
#[derive(Clone, Copy)]
pub(crate) struct Noted {
    /// The number in the host's name: `web-17`.
    pub(crate) host: u32,
    pub(crate) slot_ms: i64,
    pub(crate) late_us: u64,
    pub(crate) queue_us: u64,
    pub(crate) started_ms: i64,
    pub(crate) ended_ms: i64,
    pub(crate) outcome: Outcome,
}

/// When the poll was over, by what its steps took.
fn ended_ms(poll: &Record) -> i64 {
    let Timings { late_us, queue_us, resolve_us, connect_us, call_us } = poll.timings;
    let steps = [Some(late_us), Some(queue_us), resolve_us, connect_us, call_us];
    let us: u64 = steps.into_iter().flatten().map(|step| step.0).sum();
    poll.slot.0 + i64::try_from(us / 1_000).unwrap()
}

impl From<&Record> for Noted {
    fn from(poll: &Record) -> Self {
        let number = poll.name.as_str().rsplit('-').next().unwrap();
        Self {
            host: number.parse().unwrap_or(0),
            slot_ms: poll.slot.0,
            late_us: poll.timings.late_us.0,
            queue_us: poll.timings.queue_us.0,
            started_ms: poll.started.0,
            ended_ms: ended_ms(poll),
            outcome: poll.outcome,
        }
    }
}

/// Notes and hands on.
pub(crate) struct Ledger {
    inner: Option<Arc<dyn Store>>,
    noted: Mutex<Vec<Noted>>,
    moves: Mutex<BTreeMap<String, usize>>,
    names: Mutex<HashMap<HostName, HostId>>,
}

impl Ledger {
    /// Over a store, or over none: then rows are dropped.
    pub(crate) fn new(inner: Option<Arc<dyn Store>>) -> Arc<Self> {
        let (noted, moves, names) = (Mutex::default(), Mutex::default(), Mutex::default());
        Arc::new(Self { inner, noted, moves, names })
    }

    /// What was noted since the last time.
    pub(crate) fn take(&self) -> (Vec<Noted>, BTreeMap<String, usize>) {
        (
            std::mem::take(&mut *self.noted.lock().unwrap()),
            std::mem::take(&mut *self.moves.lock().unwrap()),
        )
    }

    fn note(&self, batch: &Batch) {
        let noted = batch.polls.iter().map(|poll| Noted::from(&**poll));
        self.noted.lock().unwrap().extend(noted);
        for change in &batch.transitions {
            let words = format!("{}>{}", change.from, change.to);
            *self.moves.lock().unwrap().entry(words).or_default() += 1;
        }
    }
}

#[async_trait]
impl Store for Ledger {
    async fn register(
        &self,
        hosts: Vec<Registration>,
        at: WallMs,
    ) -> Result<Vec<KnownHost>, StoreError> {
        if let Some(inner) = &self.inner {
            return inner.register(hosts, at).await;
        }
        let mut names = self.names.lock().unwrap();
        Ok(hosts
            .into_iter()
            .map(|host| {
                let next = HostId(i64::try_from(names.len()).unwrap() + 1);
                let id = *names.entry(host.name.clone()).or_insert(next);
                let facts = roundsman::model::Facts::default();
                KnownHost { id, name: host.name, facts, state: None, latest_slot: None }
            })
            .collect())
    }

    async fn retire(&self, hosts: Vec<HostId>, at: WallMs) -> Result<(), StoreError> {
        match &self.inner {
            Some(inner) => inner.retire(hosts, at).await,
            None => Ok(()),
        }
    }

    async fn keep_numbers(&self, up_to: HostId) -> Result<(), StoreError> {
        match &self.inner {
            Some(inner) => inner.keep_numbers(up_to).await,
            None => Ok(()),
        }
    }

    async fn record_inventory(&self, loaded: LoadedInventory) -> Result<VersionId, StoreError> {
        match &self.inner {
            Some(inner) => inner.record_inventory(loaded).await,
            None => Ok(VersionId(loaded.at.0)),
        }
    }

    async fn write(&self, batch: Arc<Batch>) -> Result<BatchResult, StoreError> {
        self.note(&batch);
        match &self.inner {
            Some(inner) => inner.write(batch).await,
            None => Ok(BatchResult { polls: batch.polls.len() as u64, ..BatchResult::default() }),
        }
    }

    async fn hosts(&self, query: HostQuery) -> Result<Vec<HostSummary>, StoreError> {
        match &self.inner {
            Some(inner) => inner.hosts(query).await,
            None => Ok(Vec::new()),
        }
    }

    async fn polls(
        &self,
        host: HostId,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        match &self.inner {
            Some(inner) => inner.polls(host, span, order, limit).await,
            None => Ok(Vec::new()),
        }
    }

    async fn series(&self, ask: SeriesAsk) -> Result<Vec<Bucket>, StoreError> {
        match &self.inner {
            Some(inner) => inner.series(ask).await,
            None => Ok(Vec::new()),
        }
    }

    async fn hours_of(
        &self,
        hosts: Arc<[HostId]>,
        column: Column,
        span: Span,
    ) -> Result<Vec<(HostId, Bucket)>, StoreError> {
        match &self.inner {
            Some(inner) => inner.hours_of(hosts, column, span).await,
            None => Ok(Vec::new()),
        }
    }

    async fn reckoned(&self, ask: ReckonAsk) -> Result<PeriodSums, StoreError> {
        match &self.inner {
            Some(inner) => inner.reckoned(ask).await,
            None => Ok(PeriodSums::default()),
        }
    }

    async fn samples(
        &self,
        host: HostId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Sample>, StoreError> {
        match &self.inner {
            Some(inner) => inner.samples(host, span, limit).await,
            None => Ok(Vec::new()),
        }
    }

    async fn table_samples(
        &self,
        host: HostId,
        table: DetailTable,
        span: Span,
        limit: usize,
    ) -> Result<Vec<TableSample>, StoreError> {
        match &self.inner {
            Some(inner) => inner.table_samples(host, table, span, limit).await,
            None => Ok(Vec::new()),
        }
    }

    async fn sql(&self, statement: String, sink: SqlSink) -> Result<(), StoreError> {
        match &self.inner {
            Some(inner) => inner.sql(statement, sink).await,
            None => Ok(()),
        }
    }

    async fn notices(&self, receiver: Arc<str>, limit: usize) -> Result<Vec<Notice>, StoreError> {
        match &self.inner {
            Some(inner) => inner.notices(receiver, limit).await,
            None => Ok(Vec::new()),
        }
    }

    async fn last_told(
        &self,
        receiver: Arc<str>,
        host: HostId,
        subject: Arc<str>,
    ) -> Result<Option<NoticeKind>, StoreError> {
        match &self.inner {
            Some(inner) => inner.last_told(receiver, host, subject).await,
            None => Ok(None),
        }
    }

    async fn alarms(&self) -> Result<Vec<Alarm>, StoreError> {
        match &self.inner {
            Some(inner) => inner.alarms().await,
            None => Ok(Vec::new()),
        }
    }

    async fn alarm_events(
        &self,
        of: AlarmsOf,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<AlarmEvent>, StoreError> {
        match &self.inner {
            Some(inner) => inner.alarm_events(of, span, order, limit).await,
            None => Ok(Vec::new()),
        }
    }

    async fn set_pause(&self, host: HostId, pause: Option<Pause>) -> Result<(), StoreError> {
        match &self.inner {
            Some(inner) => inner.set_pause(host, pause).await,
            None => Ok(()),
        }
    }

    async fn pauses(&self) -> Result<Vec<(HostId, Pause)>, StoreError> {
        match &self.inner {
            Some(inner) => inner.pauses().await,
            None => Ok(Vec::new()),
        }
    }

    async fn annotations(
        &self,
        of: AnnotationsOf,
        limit: usize,
    ) -> Result<Vec<Annotation>, StoreError> {
        match &self.inner {
            Some(inner) => inner.annotations(of, limit).await,
            None => Ok(Vec::new()),
        }
    }

    async fn losses(&self, span: Span, limit: usize) -> Result<Vec<Loss>, StoreError> {
        match &self.inner {
            Some(inner) => inner.losses(span, limit).await,
            None => Ok(Vec::new()),
        }
    }

    async fn audit(&self, span: Span, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        match &self.inner {
            Some(inner) => inner.audit(span, limit).await,
            None => Ok(Vec::new()),
        }
    }

    async fn seal(&self, before: WallMs) -> Result<Sealed, StoreError> {
        match &self.inner {
            Some(inner) => inner.seal(before).await,
            None => Ok(Sealed::default()),
        }
    }

    async fn begin_summary(&self, host: HostId, day: WallMs) -> Result<u64, StoreError> {
        match &self.inner {
            Some(inner) => inner.begin_summary(host, day).await,
            None => Ok(0),
        }
    }

    async fn keep_summary(&self, summary: Arc<DaySummary>, late: u64) -> Result<bool, StoreError> {
        match &self.inner {
            Some(inner) => inner.keep_summary(summary, late).await,
            None => Ok(true),
        }
    }

    async fn summaries_due(
        &self,
        of: SummariesDue,
        limit: usize,
    ) -> Result<Vec<(HostId, WallMs)>, StoreError> {
        match &self.inner {
            Some(inner) => inner.summaries_due(of, limit).await,
            None => Ok(Vec::new()),
        }
    }

    async fn row_summaries(&self, ask: RowsAsk) -> Result<RowBuckets, StoreError> {
        match &self.inner {
            Some(inner) => inner.row_summaries(ask).await,
            None => Ok(RowBuckets::default()),
        }
    }

    async fn transitions(
        &self,
        host: Option<HostId>,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<Transition>, StoreError> {
        match &self.inner {
            Some(inner) => inner.transitions(host, span, order, limit).await,
            None => Ok(Vec::new()),
        }
    }

    async fn reach(&self) -> Result<PruneReach, StoreError> {
        match &self.inner {
            Some(inner) => inner.reach().await,
            None => Ok(PruneReach::default()),
        }
    }

    async fn prune(&self, before: Retention) -> Result<Pruned, StoreError> {
        match &self.inner {
            Some(inner) => inner.prune(before).await,
            None => Ok(Pruned::default()),
        }
    }

    async fn room(&self) -> Result<Room, StoreError> {
        match &self.inner {
            Some(inner) => inner.room().await,
            None => Ok(Room::default()),
        }
    }

    async fn give_up(&self, tier: Tier, before: WallMs, now: WallMs) -> Result<u64, StoreError> {
        match &self.inner {
            Some(inner) => inner.give_up(tier, before, now).await,
            None => Ok(0),
        }
    }

    async fn give_back(&self) -> Result<u64, StoreError> {
        match &self.inner {
            Some(inner) => inner.give_back().await,
            None => Ok(0),
        }
    }

    async fn identity(&self) -> Result<Arc<str>, StoreError> {
        match &self.inner {
            Some(inner) => inner.identity().await,
            None => Ok("ledger".into()),
        }
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        match &self.inner {
            Some(inner) => inner.status().await,
            None => Ok(StoreStatus {
                backend: "none",
                location: String::new(),
                server: String::new(),
                clock: None,
                settings: None,
                partitions: Vec::new(),
                schema: 0,
                bytes: 0,
                free_bytes: 0,
                hosts: 0,
                retired: 0,
                polls: 0,
                events: 0,
                oldest_poll: None,
                newest_poll: None,
                sealed_polls: 0,
                sealed_bytes: 0,
                unsealed_bytes: 0,
                oldest_unsealed: None,
            }),
        }
    }
}

/// A distribution of microseconds.
#[derive(Debug, Clone, Copy, Default, Serialize, serde::Deserialize)]
pub(crate) struct Spread {
    pub p50: u64,
    pub p99: u64,
    pub(crate) max: u64,
}

impl Spread {
    pub(crate) fn of(mut all: Vec<u64>) -> Self {
        all.sort_unstable();
        let at = |share: usize| all.get((all.len() * share / 100).min(all.len().saturating_sub(1)));
        let at = |share| at(share).copied().unwrap_or(0);
        Self { p50: at(50), p99: at(99), max: all.last().copied().unwrap_or(0) }
    }
}
