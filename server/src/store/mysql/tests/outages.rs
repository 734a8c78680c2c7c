use std::time::Duration;

use tokio::{sync::mpsc, time::timeout};

use super::*;
use crate::store::{
    spool::Spool,
    writer::{QueuedRow, Writer, WriterHandle, WriterLimits},
};

/// Polls in a batch.
pub(super) const BATCH: usize = 20;

/// A store that tells how each write ended, so that a test can wait for it.
pub(super) struct Told {
    pub(super) store: Mysql,
    ended: mpsc::Sender<Result<BatchResult, String>>,
}

#[async_trait]
impl Store for Told {
    async fn write(&self, batch: Arc<Batch>) -> Result<BatchResult, StoreError> {
        let written = self.store.write(batch).await;
        let told = written.as_ref().cloned().map_err(ToString::to_string);
        // Nobody listens once the test has seen enough.
        let _ = self.ended.send(told).await;
        written
    }
    async fn register(
        &self,
        hosts: Vec<Registration>,
        at: WallMs,
    ) -> Result<Vec<KnownHost>, StoreError> {
        self.store.register(hosts, at).await
    }
    async fn retire(&self, hosts: Vec<HostId>, at: WallMs) -> Result<(), StoreError> {
        self.store.retire(hosts, at).await
    }
    async fn keep_numbers(&self, up_to: HostId) -> Result<(), StoreError> {
        self.store.keep_numbers(up_to).await
    }
    async fn record_inventory(&self, loaded: LoadedInventory) -> Result<VersionId, StoreError> {
        self.store.record_inventory(loaded).await
    }
    async fn hosts(&self, query: HostQuery) -> Result<Vec<HostSummary>, StoreError> {
        self.store.hosts(query).await
    }
    async fn notices(
        &self,
        receiver: Arc<str>,
        limit: usize,
    ) -> Result<Vec<crate::model::Notice>, StoreError> {
        self.store.notices(receiver, limit).await
    }
    async fn last_told(
        &self,
        receiver: Arc<str>,
        host: HostId,
        subject: Arc<str>,
    ) -> Result<Option<crate::model::NoticeKind>, StoreError> {
        self.store.last_told(receiver, host, subject).await
    }
    async fn alarms(&self) -> Result<Vec<crate::model::Alarm>, StoreError> {
        self.store.alarms().await
    }
    async fn alarm_events(
        &self,
        of: crate::store::AlarmsOf,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<crate::model::AlarmEvent>, StoreError> {
        self.store.alarm_events(of, span, order, limit).await
    }
    async fn sql(&self, statement: String, sink: crate::store::SqlSink) -> Result<(), StoreError> {
        self.store.sql(statement, sink).await
    }
    async fn table_samples(
        &self,
        host: HostId,
        table: crate::model::DetailTable,
        span: crate::store::Span,
        limit: usize,
    ) -> Result<Vec<crate::store::TableSample>, StoreError> {
        self.store.table_samples(host, table, span, limit).await
    }
    async fn set_pause(
        &self,
        host: HostId,
        pause: Option<crate::health::Pause>,
    ) -> Result<(), StoreError> {
        self.store.set_pause(host, pause).await
    }
    async fn pauses(&self) -> Result<Vec<(HostId, crate::health::Pause)>, StoreError> {
        self.store.pauses().await
    }
    async fn polls(
        &self,
        host: HostId,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.store.polls(host, span, order, limit).await
    }
    async fn series(&self, ask: SeriesAsk) -> Result<Vec<Bucket>, StoreError> {
        self.store.series(ask).await
    }
    async fn hours_of(
        &self,
        hosts: Arc<[HostId]>,
        column: crate::model::Column,
        span: Span,
    ) -> Result<Vec<(HostId, Bucket)>, StoreError> {
        self.store.hours_of(hosts, column, span).await
    }
    async fn reckoned(&self, ask: ReckonAsk) -> Result<PeriodSums, StoreError> {
        self.store.reckoned(ask).await
    }
    async fn samples(
        &self,
        host: HostId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Sample>, StoreError> {
        self.store.samples(host, span, limit).await
    }
    async fn transitions(
        &self,
        host: Option<HostId>,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<Transition>, StoreError> {
        self.store.transitions(host, span, order, limit).await
    }
    async fn annotations(
        &self,
        of: AnnotationsOf,
        limit: usize,
    ) -> Result<Vec<Annotation>, StoreError> {
        self.store.annotations(of, limit).await
    }
    async fn losses(&self, span: Span, limit: usize) -> Result<Vec<Loss>, StoreError> {
        self.store.losses(span, limit).await
    }
    async fn audit(
        &self,
        span: Span,
        limit: usize,
    ) -> Result<Vec<crate::model::AuditEntry>, StoreError> {
        self.store.audit(span, limit).await
    }
    async fn reach(&self) -> Result<PruneReach, StoreError> {
        self.store.reach().await
    }
    async fn prune(&self, before: Retention) -> Result<Pruned, StoreError> {
        self.store.prune(before).await
    }
    async fn room(&self) -> Result<Room, StoreError> {
        self.store.room().await
    }
    async fn give_up(&self, tier: Tier, before: WallMs, now: WallMs) -> Result<u64, StoreError> {
        self.store.give_up(tier, before, now).await
    }
    async fn seal(&self, before: WallMs) -> Result<Sealed, StoreError> {
        self.store.seal(before).await
    }
    async fn begin_summary(&self, host: HostId, day: WallMs) -> Result<u64, StoreError> {
        self.store.begin_summary(host, day).await
    }
    async fn keep_summary(&self, summary: Arc<DaySummary>, late: u64) -> Result<bool, StoreError> {
        self.store.keep_summary(summary, late).await
    }
    async fn summaries_due(
        &self,
        of: SummariesDue,
        limit: usize,
    ) -> Result<Vec<(HostId, WallMs)>, StoreError> {
        self.store.summaries_due(of, limit).await
    }
    async fn row_summaries(&self, ask: RowsAsk) -> Result<RowBuckets, StoreError> {
        self.store.row_summaries(ask).await
    }
    async fn identity(&self) -> Result<Arc<str>, StoreError> {
        self.store.identity().await
    }
    async fn status(&self) -> Result<StoreStatus, StoreError> {
        self.store.status().await
    }
}

/// A server, a store on it and a writer before it.
pub(super) struct Site {
    pub(super) server: Mariadbd,
    pub(super) store: Arc<Told>,
    host: KnownHost,
    pub(super) handle: WriterHandle,
    writer: Writer,
    ended: mpsc::Receiver<Result<BatchResult, String>>,
    pushed: i64,
    spool: Option<(Arc<Spool>, tempfile::TempDir)>,
}

const LIMITS: Timeouts = Timeouts {
    connect: Duration::from_millis(500),
    call: Duration::from_millis(1_500),
    schema: Duration::from_secs(600),
};

/// The options of a user of the database who, unlike root, does not write where it is forbidden to write.
pub(super) async fn plain(database: &Database) -> Options {
    let name = &database.options.url.database;
    for sql in [
        "CREATE USER plain@'127.0.0.1'".to_owned(),
        format!("GRANT ALL ON {name}.* TO plain@'127.0.0.1'"),
    ] {
        database.run(&sql).await;
    }
    let mut options = database.options.clone();
    options.url.user = "plain".to_owned();
    options
}

impl Site {
    async fn new() -> Self {
        Self::start(false).await
    }

    async fn with_spool() -> Self {
        Self::start(true).await
    }

    async fn start(spools: bool) -> Self {
        let server = Mariadbd::start(&FLAGS);
        let database = Database::on(server.port(), LIMITS).await;
        let options = plain(&database).await;
        Self::on(server, options, spools).await
    }

    pub(super) async fn on(server: Mariadbd, options: Options, spools: bool) -> Self {
        let store = Mysql::open(options, Mode::ReadWrite, standing_clock()).await.unwrap();
        let known = store.register(vec![sample::registration("web-1")], sample::START);
        let host = known.await.unwrap().remove(0);
        let (ended_in, ended) = mpsc::channel(100_000);
        let store = Arc::new(Told { store, ended: ended_in });
        let limits = WriterLimits {
            batch_rows: BATCH,
            batch_wait: Duration::from_millis(10),
            retry_first: Duration::from_millis(5),
            retry_cap: Duration::from_millis(50),
            patience: Duration::from_millis(100),
            // What takes minutes outside: seconds here.
            replay_tick: Duration::from_millis(10),
            replay_floor: BATCH,
            ..WriterLimits::default()
        };
        let spool = spools.then(|| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("spool.db");
            (Arc::new(Spool::start(path, "test".to_owned(), 1 << 30).unwrap()), folder)
        });
        let its = spool.as_ref().map(|(spool, _)| Arc::clone(spool));
        let to = Arc::clone(&store) as Arc<dyn Store>;
        let (handle, writer) =
            Writer::start_with(to, its, limits, || sample::START, Box::new(|_| {}));
        Self { server, store, host, handle, writer, ended, pushed: 0, spool }
    }

    fn record(&self, number: i64) -> Record {
        let slot = WallMs(sample::START.0 + number * 100);
        match number % 3 {
            0 => sample::failed(self.host.id, &self.host.name, slot, "refused"),
            _ => sample::good(self.host.id, &self.host.name, slot),
        }
    }

    pub(super) fn push(&mut self, polls: usize) {
        for _ in 0..polls {
            self.handle.push(QueuedRow::Poll(Arc::new(self.record(self.pushed))));
            self.pushed += 1;
        }
    }

    /// Waits until a write ends as wanted.
    pub(super) async fn until(&mut self, wanted: impl Fn(&Result<BatchResult, String>) -> bool) {
        let seen = async { while !wanted(&self.ended.recv().await.unwrap()) {} };
        timeout(PATIENCE, seen).await.expect("no write ended so");
    }

    /// Waits until this many rows wait in the spool, and none in memory.
    pub(super) async fn spooled(&self, wanted: impl Fn(u64) -> bool) {
        let (spool, _) = self.spool.as_ref().unwrap();
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        let seen = async {
            while !wanted(spool.status().rows()) || self.handle.stats().depth > 0 {
                looks.tick().await;
            }
        };
        let waited = timeout(PATIENCE, seen).await;
        assert!(waited.is_ok(), "{:?}", self.handle.stats());
    }

    /// Ends the writer; every poll that was pushed must be there, once, as it was.
    pub(super) async fn check(self) {
        let all: Vec<Record> = (0..self.pushed).map(|number| self.record(number)).collect();
        let stats = self.writer.flush_and_stop(PATIENCE).await;
        assert_eq!((stats.dropped, stats.rejected, stats.conflicting), (0, 0, 0), "{stats:?}");
        if let Some((spool, _)) = &self.spool {
            assert_eq!(spool.status().rows(), 0);
        }
        let mut kept = Vec::new();
        let mut from = Span::ALL.from;
        loop {
            let span = Span { from, ..Span::ALL };
            let page = self.store.polls(self.host.id, span, ReadOrder::OldestFirst, 500).await;
            let page = page.unwrap();
            let Some(last) = page.last() else { break };
            from = WallMs(last.slot.0 + 1);
            kept.extend(page);
        }
        assert_eq!(kept.len(), all.len());
        assert!(kept == all, "a row is not what was pushed");
        let status = self.store.status().await.unwrap();
        assert_eq!(status.polls, u64::try_from(all.len()).unwrap());
    }
}

#[tokio::test]
async fn a_server_that_is_killed_under_the_writer_costs_nothing() {
    let mut site = Site::new().await;
    for life in 0..5 {
        // Many batches, of which a different number is acknowledged each time.
        site.push(BATCH * 30);
        for _ in 0..=life * 3 {
            site.until(Result::is_ok).await;
        }
        site.server.kill();
        site.push(BATCH);
        site.until(Result::is_err).await;
        site.server.start_again();
        site.until(Result::is_ok).await;
    }
    site.check().await;
}

#[tokio::test]
async fn a_server_that_is_frozen_is_given_up_and_costs_nothing() {
    let mut site = Site::new().await;
    for round in 0..3 {
        site.push(BATCH * 10);
        for _ in 0..=round {
            site.until(Result::is_ok).await;
        }
        site.server.freeze();
        // Never waits, whatever the store does: there is nothing to await.
        site.push(BATCH * 10);
        site.until(|ended| {
            ended.as_ref().is_err_and(|error| error.starts_with("the store did not answer within"))
        })
        .await;
        assert!(site.handle.stats().failing_since.is_some());
        site.server.thaw();
        site.until(Result::is_ok).await;
    }
    site.check().await;
}

#[tokio::test]
async fn ten_minutes_of_polls_without_a_server_are_all_there_once_it_is_back() {
    let mut site = Site::with_spool().await;
    site.push(BATCH);
    site.until(Result::is_ok).await;
    site.server.kill();
    // 200 hosts, a poll each every ten seconds, for ten minutes: 12,000, of one host here.
    for _ in 0..12_000 / BATCH {
        site.push(BATCH);
        tokio::task::yield_now().await;
    }
    site.spooled(|rows| rows >= 12_000).await;
    let stats = site.handle.stats();
    assert_eq!((stats.depth, stats.dropped, stats.evicted), (0, 0, 0), "{stats:?}");
    site.server.start_again();
    // New polls go on meanwhile, straight to the store.
    for _ in 0..10 {
        site.push(BATCH);
        site.until(Result::is_ok).await;
    }
    site.spooled(|rows| rows == 0).await;
    assert!(site.handle.stats().replayed >= 12_000);
    site.check().await;
}

/// xorshift64: the rounds below are the same for the same seed.
fn random(state: &mut u64, below: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % below
}

#[tokio::test]
async fn fifty_faults_in_the_middle_of_commits_leave_every_batch_once() {
    const ROUNDS: u64 = 50;
    /// One in so many is a SIGKILL, which takes a second or two; the others are a SIGSTOP.
    const KILLED: u64 = 4;
    let seed = u64::from(std::process::id()) << 20 | 0x5eed;
    println!("seed {seed}");
    let mut state = seed;
    let mut site = Site::with_spool().await;
    for round in 0..ROUNDS {
        site.push(BATCH * usize::try_from(1 + random(&mut state, 8)).unwrap());
        for _ in 0..random(&mut state, 4) {
            site.push(1);
            site.until(Result::is_ok).await;
        }
        // Somewhere within the next transaction.
        for _ in 0..random(&mut state, 3_000) {
            tokio::task::yield_now().await;
        }
        if round % KILLED == 0 {
            site.server.kill();
            site.push(BATCH);
            site.spooled(|rows| rows > 0).await;
            site.server.start_again();
        } else {
            site.server.freeze();
            site.push(BATCH);
            site.spooled(|rows| rows > 0).await;
            site.server.thaw();
        }
        site.push(1);
        site.until(Result::is_ok).await;
    }
    site.spooled(|rows| rows == 0).await;
    site.check().await;
}

#[tokio::test]
async fn a_read_only_server_and_a_lost_table_are_waited_for() {
    let mut site = Site::new().await;
    let mut other = conn(site.server.port(), None).await;
    let database = site.store.store.shared.pools.place.database.clone();
    site.push(BATCH);
    site.until(Result::is_ok).await;
    let table = format!("RENAME TABLE {database}.poll TO {database}.elsewhere");
    let back = format!("RENAME TABLE {database}.elsewhere TO {database}.poll");
    let read_only = ("SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0");
    for (away, back) in [read_only, (table.as_str(), back.as_str())] {
        other.query_drop(away).await.unwrap();
        site.push(BATCH);
        site.until(Result::is_err).await;
        other.query_drop(back).await.unwrap();
        site.until(Result::is_ok).await;
    }
    site.check().await;
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_ends() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let poll = |ms| sample::failed(host.id, &host.name, WallMs(sample::START.0 + ms), "x");
    let mut other = database.conn().await;
    other.query_drop("LOCK TABLES poll WRITE").await.unwrap();
    let given_up = timeout(Duration::from_millis(300), database.write(vec![poll(0)])).await;
    assert!(given_up.is_err(), "{given_up:?}");
    other.query_drop("UNLOCK TABLES").await.unwrap();
    database.write(vec![poll(1)]).await.unwrap();
    database.write(vec![poll(2)]).await.unwrap();
    assert_eq!(database.all_polls(host.id).await, [poll(1), poll(2)]);
}

#[tokio::test]
async fn a_lock_that_is_not_let_go_is_given_up_and_waited_for() {
    let mut site = Site::new().await;
    let database = site.store.store.shared.pools.place.database.clone();
    let mut other = conn(site.server.port(), Some(&database)).await;
    other.query_drop("LOCK TABLES poll WRITE").await.unwrap();
    site.push(BATCH);
    site.until(Result::is_err).await;
    other.query_drop("UNLOCK TABLES").await.unwrap();
    site.until(Result::is_ok).await;
    site.check().await;
}
