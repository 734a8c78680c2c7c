//! What a scope leaves of the store, see `seen.rs`.

use std::{collections::HashSet, sync::Arc};

use super::seen::Seen;
use crate::{
    health::Pause,
    live::Live,
    model::{
        AlarmEvent, Annotation, AuditEntry, Column, DetailTable, HostId, Loss, Record, Scope,
        Transition,
    },
    store::{
        self, AlarmsOf, AnnotationsOf, Bucket, HostQuery, HostSummary, PeriodSums, ReadOrder,
        ReckonAsk, RowBuckets, RowsAsk, SeriesAsk, Span, Store, StoreError, StoreStatus,
        TableSample,
    },
};

/// The store within a scope.
#[derive(Clone)]
pub(super) struct Kept {
    store: Arc<dyn Store>,
    /// Whose groups go before those that are kept.
    live: Option<Arc<Live>>,
    scope: Scope,
}

impl Kept {
    /// All of it.
    pub(super) fn whole(store: Arc<dyn Store>, live: Option<Arc<Live>>) -> Self {
        Self { store, live, scope: Scope::All }
    }

    /// The same, and the live view beside it, in a scope.
    pub(super) fn within(&self, scope: &Scope) -> (Self, Option<Seen>) {
        let seen = self.live.clone().map(|live| Seen::within(live, scope.clone()));
        (Self { scope: scope.clone(), ..self.clone() }, seen)
    }

    /// What may be seen.
    pub(super) fn scope(&self) -> &Scope {
        &self.scope
    }

    fn seen(&self) -> Option<Seen> {
        let live = self.live.clone().filter(|_| self.scope.is_limited())?;
        Some(Seen::within(live, self.scope.clone()))
    }

    /// Whether a host that is kept may be seen: by its group now, and where it is not watched any more, by
    /// its last one.
    fn sees(&self, host: &HostSummary) -> bool {
        let now = self.live.as_ref().and_then(|live| live.host(host.name.as_str()));
        let group = match &now {
            Some(view) if view.id == host.id => view.group.as_ref(),
            _ => host.group.as_ref(),
        };
        self.scope.sees(group)
    }

    /// [`Store::identity`].
    pub(super) async fn identity(&self) -> Result<Arc<str>, StoreError> {
        self.store.identity().await
    }

    /// [`Store::status`].
    pub(super) async fn status(&self) -> Result<StoreStatus, StoreError> {
        self.store.status().await
    }

    /// [`Store::annotations`], those that may be seen.
    pub(super) async fn annotations(
        &self,
        of: AnnotationsOf,
        limit: usize,
    ) -> Result<Vec<Annotation>, StoreError> {
        let mut all = self.store.annotations(of, limit).await?;
        if let Some(seen) = self.seen() {
            all.retain(|one| seen.sees_annotation(one));
        }
        Ok(all)
    }

    /// [`Store::hosts`], those that may be seen.
    pub(super) async fn hosts(&self, query: HostQuery) -> Result<Vec<HostSummary>, StoreError> {
        let mut hosts = self.store.hosts(query).await?;
        if let Some(seen) = self.seen() {
            hosts.retain(|host| self.sees(host));
            for record in hosts.iter_mut().filter_map(|host| host.latest.as_mut()) {
                seen.cover_record(record);
            }
        }
        Ok(hosts)
    }

    /// [`Store::polls`], of a host that was found within the scope.
    pub(super) async fn polls(
        &self,
        host: HostId,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let mut polls = self.store.polls(host, span, order, limit).await?;
        if let Some(seen) = self.seen() {
            polls.iter_mut().for_each(|poll| seen.cover_record(poll));
        }
        Ok(polls)
    }

    /// [`Store::series`], of a host that was found within the scope.
    pub(super) async fn series(&self, ask: SeriesAsk) -> Result<Vec<Bucket>, StoreError> {
        self.store.series(ask).await
    }

    /// [`Store::hours_of`], of hosts that were found within the scope.
    pub(super) async fn hours_of(
        &self,
        hosts: Arc<[HostId]>,
        column: Column,
        span: Span,
    ) -> Result<Vec<(HostId, Bucket)>, StoreError> {
        self.store.hours_of(hosts, column, span).await
    }

    /// [`Store::reckoned`], of hosts that were found within the scope.
    pub(super) async fn reckoned(&self, ask: ReckonAsk) -> Result<PeriodSums, StoreError> {
        self.store.reckoned(ask).await
    }

    /// [`Store::table_samples`], of a host that was found within the scope.
    pub(super) async fn table_samples(
        &self,
        host: HostId,
        table: DetailTable,
        span: Span,
        limit: usize,
    ) -> Result<Vec<TableSample>, StoreError> {
        self.store.table_samples(host, table, span, limit).await
    }

    /// [`Store::row_summaries`], of a host that was found within the scope.
    pub(super) async fn row_summaries(&self, ask: RowsAsk) -> Result<RowBuckets, StoreError> {
        self.store.row_summaries(ask).await
    }

    /// Every number of a host that may be seen; none where all may.
    async fn numbers(&self) -> Result<Option<HashSet<HostId>>, StoreError> {
        if !self.scope.is_limited() {
            return Ok(None);
        }
        let hosts = self.hosts(HostQuery::all()).await?;
        Ok(Some(hosts.into_iter().map(|host| host.id).collect()))
    }

    /// [`Store::transitions`], of a host that was found within the scope.
    pub(super) async fn transitions(
        &self,
        host: HostId,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<Transition>, StoreError> {
        let mut found = self.store.transitions(Some(host), span, order, limit).await?;
        if let Some(seen) = self.seen() {
            found.iter_mut().for_each(|event| seen.cover_text(&mut event.reason));
        }
        Ok(found)
    }

    /// [`Store::transitions`] of all hosts that may be seen, of the first `limit` of all hosts; and whether
    /// there are no more than these.
    pub(super) async fn all_transitions(
        &self,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<(Vec<Transition>, bool), StoreError> {
        let mut found = self.store.transitions(None, span, order, limit).await?;
        let is_all = found.len() < limit;
        if let Some(numbers) = self.numbers().await? {
            found.retain(|event| numbers.contains(&event.host));
        }
        if let Some(seen) = self.seen() {
            found.iter_mut().for_each(|event| seen.cover_text(&mut event.reason));
        }
        Ok((found, is_all))
    }

    /// [`Store::alarm_events`]: of all hosts that may be seen where none is given; and whether these are all.
    pub(super) async fn alarm_events(
        &self,
        of: AlarmsOf,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<(Vec<AlarmEvent>, bool), StoreError> {
        let numbers = if of.host.is_none() { self.numbers().await? } else { None };
        // What is filtered is read first: the bound is the store's.
        let read = if numbers.is_some() { store::MAX_PAGE } else { limit.saturating_add(1) };
        let mut found = self.store.alarm_events(of, span, order, read).await?;
        let mut is_all = found.len() < read;
        if let Some(numbers) = numbers {
            found.retain(|event| numbers.contains(&event.key.host));
        }
        is_all &= found.len() <= limit;
        found.truncate(limit);
        if let Some(seen) = self.seen() {
            found.iter_mut().for_each(|event| seen.cover_text(&mut event.summary));
        }
        Ok((found, is_all))
    }

    /// [`Store::pauses`] of hosts that may be seen.
    pub(super) async fn pauses(&self) -> Result<Vec<(HostId, Pause)>, StoreError> {
        let mut pauses = self.store.pauses().await?;
        if let Some(numbers) = self.numbers().await? {
            pauses.retain(|(host, _)| numbers.contains(host));
        }
        Ok(pauses)
    }

    /// [`Store::audit`], which is about the server as a whole.
    pub(super) async fn audit(
        &self,
        span: Span,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        if self.scope.is_limited() {
            return Ok(Vec::new());
        }
        self.store.audit(span, limit).await
    }

    /// [`Store::losses`]. How many hosts they are of is about the server as a whole.
    pub(super) async fn losses(&self, span: Span, limit: usize) -> Result<Vec<Loss>, StoreError> {
        if self.scope.is_limited() {
            return Ok(Vec::new());
        }
        self.store.losses(span, limit).await
    }
}
