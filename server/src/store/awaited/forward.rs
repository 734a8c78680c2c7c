//! What is asked of a store, passed on to the one that is open.

use std::sync::Arc;

use async_trait::async_trait;

use super::{super::*, LazyStore};

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
