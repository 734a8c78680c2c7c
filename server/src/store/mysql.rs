//! The store on a MySQL or MariaDB server: one SQL for both, polls in partitions of a day.
//!
//! What only one of the servers understands is tried, and left out where it is not known. Nothing
//! waits without a limit; what was sent and not answered may have been done, and is harmless when it
//! is sent again.
//!
//! Knows SQL and the driver; knows nothing of polling, rates or health.

mod ahead;
mod alerts;
mod annotations;
mod audit;
mod cells;
mod connect;
mod ddl;
mod deliveries;
mod pools;
mod events;
mod fault;
mod hosts;
mod hours;
mod inventories;
mod backfill;
mod lease;
mod losses;
mod migrate;
mod moment;
mod months;
mod nodes;
mod notices;
mod numbers;
mod options;
mod owner;
mod part;
mod partitions;
mod pauses;
mod polls;
mod prune;
mod reconcile;
mod reckoned;
mod record;
mod release;
mod rollups;
mod routes;
mod room;
mod seal;
mod seal_boundary;
mod seen;
mod series;
mod session;
mod statement;
mod status;
mod summaries;
mod tables;
mod tls;
mod views;
mod worker;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use chrono::NaiveDate;
use mysql_async::Conn;

pub use self::options::{Options, Timeouts};
pub(super) use self::owner::watch;
pub(crate) use self::release::Release;
use self::{
    connect::within, owner::WriteLease, pools::Pools, seal_boundary::WriteTarget,
    worker::RuntimeThread,
};
use super::{
    AlarmsOf, AnnotationsOf, Batch, BatchResult, Bucket, DaySummary, HostQuery, HostSummary,
    KnownHost, LoadedInventory, MAX_HOSTS, MAX_PAGE, Mark, Mode, PeriodSums, PruneReach, Pruned,
    ReadOrder, ReckonAsk, Registration, Retention, Room, RouteRows, RowBuckets, RowsAsk, Sample,
    Sealed, SeriesAsk, Span, SqlSink, Store, StoreError, StoreStatus, SummariesDue, TableSample,
};
use crate::{
    clock::Clock,
    health::Pause,
    model::{
        Alarm, AlarmEvent, Annotation, AuditEntry, Column, DetailTable, HostId, Loss, Notice,
        NoticeKind, Record, Transition, VersionId,
    },
    rollup::Tier,
    units::WallMs,
};

/// How often a transaction is begun again when another one was in its way. The writer does so by
/// itself; this is for those who would not.
const COLLISIONS: usize = 5;

/// An open MySQL store. Dropping it closes its connections.
pub struct Mysql {
    worker: RuntimeThread,
    shared: Arc<Shared>,
}

struct Shared {
    pools: Arc<Pools>,
    /// What the database was known by when it was opened.
    identity: Arc<str>,
    /// The right to write to it; none where whoever likes may.
    held: Option<WriteLease>,
    clock: Arc<dyn Clock>,
    /// Days whose partitions are there.
    days: Mutex<BTreeSet<NaiveDate>>,
    /// Months, by their first day, whose partitions of hours in short are there.
    months: Mutex<BTreeSet<NaiveDate>>,
}

impl fmt::Debug for Mysql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mysql").field("location", &self.shared.pools.place.location).finish()
    }
}

impl Mysql {
    /// Connects; with [`Mode::ReadWrite`] also brings the schema up to date and makes the coming
    /// days' partitions. `clock` says which these are.
    ///
    /// # Errors
    /// [`StoreError`]: no answer, wrong password, no such database, a newer schema.
    pub async fn open(
        options: Options,
        mode: Mode,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let location = options.url.to_string();
        let worker = RuntimeThread::start().map_err(|cause| StoreError::Failed {
            doing: "start a thread",
            location: location.clone(),
            cause: cause.into(),
        })?;
        let opening = async move {
            let pools = Arc::new(Pools::open(&options, mode).await?);
            match mode {
                Mode::ReadWrite => {
                    within(pools.limits.call, status::warn_of_age(&pools)).await?;
                    migrate::apply(&pools).await?;
                }
                Mode::ReadOnly => {
                    if let Err(error) = migrate::check(&pools).await {
                        // A server that cannot write there would bring no schema up to date.
                        let obstacle =
                            session::obstacle(&mut pools.reader().await?, &pools.place).await?;
                        return Err(
                            obstacle.map_or(error, |mend| pools.place.obstructed(mend, None))
                        );
                    }
                }
            }
            let looking =
                async { nodes::identity_of(&mut pools.reader().await?, &pools.place).await };
            let identity = within(pools.limits.call, looking).await?;
            pools.expect(Arc::clone(&identity));
            let held = match options.owner {
                Some(owner) if mode == Mode::ReadWrite => {
                    let taking = WriteLease::take(Arc::clone(&pools), owner, Arc::clone(&clock));
                    Some(within(pools.limits.call, taking).await?)
                }
                _ => None,
            };
            if let Some(held) = &held {
                tokio::spawn(held.clone().renew());
            }
            let (days, months) = (Mutex::default(), Mutex::default());
            let shared = Shared { pools, identity, held, clock, days, months };
            if mode == Mode::ReadWrite {
                shared.make_ahead().await?;
            }
            Ok(Arc::new(shared))
        };
        // In the middle of it, too, a server may become one that is waited for.
        let opened = worker.run(opening).await;
        let shared = opened.map_err(|error| nodes::unfit(error, &location))?;
        Ok(Self { worker, shared })
    }

    /// Does work on the store's own thread, within the limit of a call.
    async fn call<T, F>(
        &self,
        work: impl FnOnce(Arc<Shared>) -> F + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let pools = Arc::clone(&self.shared.pools);
        let work = work(Arc::clone(&self.shared));
        self.worker.run(async move { pools.call(work).await }).await
    }

    /// The same for a transaction that changes something, tried again when another one collides.
    async fn change<T, F>(
        &self,
        work: impl Fn(Arc<Shared>) -> F + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.call(|shared| async move {
            for _ in 0..COLLISIONS {
                match work(Arc::clone(&shared)).await {
                    Err(error) if fault::is_collision(&error) => {}
                    other => return other,
                }
            }
            work(shared).await
        })
        .await
    }
}

impl Drop for Mysql {
    fn drop(&mut self) {
        let held = self.shared.held.clone();
        let last = async move {
            if let Some(held) = held {
                // Else it lapses.
                let _ = held.release().await;
            }
        };
        self.worker.stop(last, self.shared.pools.all());
    }
}

impl Shared {
    /// A connection that writes to the database that was opened, and to no other that is behind its
    /// address by now: hosts have other numbers there.
    async fn writer(&self, doing: &'static str) -> Result<Conn, StoreError> {
        let mut conn = self.pools.writer(doing).await?;
        seal_boundary::may_write(&mut conn, self.only(), &self.pools.place).await?;
        Ok(conn)
    }

    fn only(&self) -> WriteTarget<'_> {
        WriteTarget { identity: &self.identity, held: self.held.as_ref() }
    }

    async fn write(&self, batch: &Batch) -> Result<BatchResult, StoreError> {
        self.pools.may_write("keep polls")?;
        let prepared = polls::Prepared::new(batch, self.clock.now().wall)?;
        self.ensure(prepared.days()).await?;
        self.ensure_months(rollups::months(batch)?).await?;
        let mut conn = self.pools.writer("keep polls").await?;
        let written = polls::write(&mut conn, prepared, self.only(), &self.pools.place).await;
        if written.as_ref().is_err_and(fault::is_without_partition) {
            self.days().clear();
            self.months().clear();
        }
        written
    }
}

#[async_trait]
impl Store for Mysql {
    async fn register(
        &self,
        hosts: Vec<Registration>,
        at: WallMs,
    ) -> Result<Vec<KnownHost>, StoreError> {
        let hosts: Arc<[Registration]> = hosts.into();
        self.change(move |shared| {
            let hosts = Arc::clone(&hosts);
            async move {
                let mut conn = shared.writer("register hosts").await?;
                hosts::register(&mut conn, &hosts, at, &shared.pools.place).await
            }
        })
        .await
    }

    async fn retire(&self, hosts: Vec<HostId>, at: WallMs) -> Result<(), StoreError> {
        let hosts: Arc<[HostId]> = hosts.into();
        self.change(move |shared| {
            let hosts = Arc::clone(&hosts);
            async move {
                let mut conn = shared.writer("retire hosts").await?;
                hosts::retire(&mut conn, &hosts, at, &shared.pools.place).await
            }
        })
        .await
    }

    async fn keep_numbers(&self, up_to: HostId) -> Result<(), StoreError> {
        self.change(move |shared| async move {
            let mut conn = shared.writer("keep the numbers of hosts").await?;
            numbers::keep(&mut conn, up_to, &shared.pools.place).await
        })
        .await
    }

    async fn record_inventory(&self, loaded: LoadedInventory) -> Result<VersionId, StoreError> {
        let loaded = Arc::new(loaded);
        self.change(move |shared| {
            let loaded = Arc::clone(&loaded);
            async move {
                let mut conn = shared.writer("keep an inventory").await?;
                inventories::record(&mut conn, &loaded, &shared.pools.place).await
            }
        })
        .await
    }

    async fn write(&self, batch: Arc<Batch>) -> Result<BatchResult, StoreError> {
        self.call(|shared| async move {
            let written = shared.write(&batch).await;
            // Before the answer: whoever sent the batch then owns it alone and can split it.
            drop(batch);
            written
        })
        .await
    }

    async fn hosts(&self, query: HostQuery) -> Result<Vec<HostSummary>, StoreError> {
        let limit = query.limit.min(MAX_HOSTS);
        self.call(move |shared| async move { hosts::list(&shared.pools, &query, limit).await })
            .await
    }

    async fn polls(
        &self,
        host: HostId,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let limit = limit.min(MAX_PAGE);
        self.call(move |shared| async move {
            polls::read(&shared.pools, host, span, order, limit).await
        })
        .await
    }

    async fn missing(&self, marks: Vec<Mark>) -> Result<Vec<Mark>, StoreError> {
        self.call(|shared| async move {
            // Where rows are taken: a replica that lags behind has not got the newest yet.
            let mut conn = shared.writer("look for what it took").await?;
            polls::missing(&mut conn, marks, &shared.pools.place).await
        })
        .await
    }

    async fn series(&self, ask: SeriesAsk) -> Result<Vec<Bucket>, StoreError> {
        self.call(move |shared| async move {
            match ask.tier {
                Tier::FiveMinutes => summaries::series(&shared.pools, &ask).await,
                Tier::Polls | Tier::Hours => series::series(&shared.pools, &ask).await,
            }
        })
        .await
    }

    async fn hours_of(
        &self,
        hosts: Arc<[HostId]>,
        column: Column,
        span: Span,
    ) -> Result<Vec<(HostId, Bucket)>, StoreError> {
        self.call(move |shared| async move {
            series::hours_of(&shared.pools, &hosts, column, span).await
        })
        .await
    }

    async fn reckoned(&self, ask: ReckonAsk) -> Result<PeriodSums, StoreError> {
        self.call(move |shared| async move { reckoned::read(&shared.pools, &ask).await }).await
    }

    async fn samples(
        &self,
        host: HostId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Sample>, StoreError> {
        let limit = limit.min(MAX_PAGE);
        self.call(
            move |shared| async move { series::samples(&shared.pools, host, span, limit).await },
        )
        .await
    }

    async fn sql(&self, statement: String, sink: SqlSink) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        let run = async move {
            let mut conn = shared.pools.patient_reader().await?;
            statement::run(&mut conn, &statement, &sink, &shared.pools.place).await
        };
        self.worker.run(run).await
    }

    async fn table_samples(
        &self,
        host: HostId,
        table: DetailTable,
        span: Span,
        limit: usize,
    ) -> Result<Vec<TableSample>, StoreError> {
        let limit = limit.min(MAX_PAGE);
        self.call(move |shared| async move {
            tables::samples(&shared.pools, (host, table), span, limit).await
        })
        .await
    }

    async fn transitions(
        &self,
        host: Option<HostId>,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<Transition>, StoreError> {
        let limit = limit.min(MAX_PAGE);
        self.call(move |shared| async move {
            events::read(&shared.pools, host, span, order, limit).await
        })
        .await
    }

    async fn notices(&self, receiver: Arc<str>, limit: usize) -> Result<Vec<Notice>, StoreError> {
        self.call(
            move |shared| async move { notices::pending(&shared.pools, &receiver, limit).await },
        )
        .await
    }

    async fn last_told(
        &self,
        receiver: Arc<str>,
        host: HostId,
        subject: Arc<str>,
    ) -> Result<Option<NoticeKind>, StoreError> {
        self.call(move |shared| async move {
            notices::last_told(&shared.pools, &receiver, host, &subject).await
        })
        .await
    }

    async fn alarms(&self) -> Result<Vec<Alarm>, StoreError> {
        self.call(|shared| async move { alerts::read(&shared.pools).await }).await
    }

    async fn alarm_events(
        &self,
        of: AlarmsOf,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<AlarmEvent>, StoreError> {
        let limit = limit.min(MAX_PAGE);
        self.call(move |shared| async move {
            alerts::events(&shared.pools, of, span, order, limit).await
        })
        .await
    }

    async fn annotations(
        &self,
        of: AnnotationsOf,
        limit: usize,
    ) -> Result<Vec<Annotation>, StoreError> {
        let limit = limit.min(MAX_PAGE);
        self.call(move |shared| async move { annotations::read(&shared.pools, of, limit).await })
            .await
    }

    async fn keep_routes(&self, rows: Arc<RouteRows>) -> Result<(), StoreError> {
        self.change(move |shared| {
            let rows = Arc::clone(&rows);
            async move {
                let mut conn = shared.writer("keep who was told").await?;
                routes::keep(&mut conn, &rows, shared.only(), &shared.pools.place).await
            }
        })
        .await
    }

    async fn routes(&self) -> Result<Vec<String>, StoreError> {
        self.call(|shared| async move { routes::read(&shared.pools).await }).await
    }

    async fn set_pause(&self, host: HostId, pause: Option<Pause>) -> Result<(), StoreError> {
        let pause = Arc::new(pause);
        self.change(move |shared| {
            let pause = Arc::clone(&pause);
            async move {
                let mut conn = shared.writer("keep a pause").await?;
                pauses::set(&mut conn, host, pause.as_ref().as_ref(), &shared.pools.place).await
            }
        })
        .await
    }

    async fn pauses(&self) -> Result<Vec<(HostId, Pause)>, StoreError> {
        self.call(|shared| async move { pauses::read(&shared.pools).await }).await
    }

    async fn losses(&self, span: Span, limit: usize) -> Result<Vec<Loss>, StoreError> {
        let limit = limit.min(MAX_PAGE);
        self.call(move |shared| async move { losses::read(&shared.pools, span, limit).await }).await
    }

    async fn audit(&self, span: Span, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let limit = limit.min(MAX_PAGE);
        self.call(move |shared| async move { audit::read(&shared.pools, span, limit).await }).await
    }

    async fn begin_summary(&self, host: HostId, day: WallMs) -> Result<u64, StoreError> {
        self.change(move |shared| async move {
            let mut conn = shared.writer(summaries::DOING).await?;
            summaries::begin(&mut conn, host, day, &shared.pools.place).await
        })
        .await
    }

    async fn keep_summary(&self, summary: Arc<DaySummary>, late: u64) -> Result<bool, StoreError> {
        self.change(move |shared| {
            let summary = Arc::clone(&summary);
            async move {
                let mut conn = shared.writer(summaries::DOING).await?;
                summaries::keep(&mut conn, &summary, late, &shared.pools.place).await
            }
        })
        .await
    }

    async fn summaries_due(
        &self,
        of: SummariesDue,
        limit: usize,
    ) -> Result<Vec<(HostId, WallMs)>, StoreError> {
        self.call(move |shared| async move { summaries::due(&shared.pools, of, limit).await }).await
    }

    async fn row_summaries(&self, ask: RowsAsk) -> Result<RowBuckets, StoreError> {
        self.call(move |shared| async move { summaries::rows(&shared.pools, ask).await }).await
    }

    async fn reach(&self) -> Result<PruneReach, StoreError> {
        self.call(|shared| async move { prune::reach(&shared.pools).await }).await
    }

    async fn prune(&self, before: Retention) -> Result<Pruned, StoreError> {
        let shared = Arc::clone(&self.shared);
        // Not within the limit of one call: each of its steps has its own.
        let pruning = async move {
            shared.pools.may_write("prune")?;
            shared.make_ahead().await?;
            let pruned = prune::prune(&shared.pools, before).await;
            shared.days().clear();
            pruned.inspect_err(|error| shared.pools.doubt(error))
        };
        self.worker.run(pruning).await
    }

    async fn seal(&self, before: WallMs) -> Result<Sealed, StoreError> {
        let shared = Arc::clone(&self.shared);
        // As pruning: each of its steps has its own limit.
        let sealing = async move {
            shared.pools.may_write("seal polls")?;
            let sealed = seal::seal(&shared.pools, before).await;
            shared.days().clear();
            sealed.inspect_err(|error| shared.pools.doubt(error))
        };
        self.worker.run(sealing).await
    }

    async fn room(&self) -> Result<Room, StoreError> {
        self.call(|shared| async move { room::read(&shared.pools).await }).await
    }

    async fn give_up(&self, tier: Tier, before: WallMs, now: WallMs) -> Result<u64, StoreError> {
        let shared = Arc::clone(&self.shared);
        // As pruning: each of its steps has its own limit.
        let giving = async move {
            shared.pools.may_write("give up the oldest history")?;
            let gone = room::give_up(&shared.pools, tier, before, now).await;
            shared.days().clear();
            gone.inspect_err(|error| shared.pools.doubt(error))
        };
        self.worker.run(giving).await
    }

    async fn identity(&self) -> Result<Arc<str>, StoreError> {
        Ok(Arc::clone(&self.shared.identity))
    }

    async fn altered_views(&self) -> Result<Vec<String>, StoreError> {
        self.call(|shared| async move { migrate::altered_views(&shared.pools).await }).await
    }

    async fn obstacle(&self) -> Result<Option<&'static str>, StoreError> {
        self.call(|shared| async move {
            let pools = &shared.pools;
            session::obstacle(&mut pools.reader().await?, &pools.place).await
        })
        .await
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        self.call(|shared| async move { status::read(&shared.pools).await }).await
    }
}
