//! To the spool and back: what goes there, what is replayed, and what is done when it fails.

use std::sync::Arc;

use super::{Origin, Sending, Work, timer};
use crate::{
    model::Loss,
    store::{Batch, StoreError, spool::Ids, writer::queue::join},
};

impl Work {
    /// Sends the oldest rows of the spool; false when there are none, or they cannot be read.
    pub(super) async fn send_page(&mut self, rows: usize) -> bool {
        let Some(spool) = self.spool.clone().filter(|spool| spool.status().rows() > 0) else {
            return false;
        };
        if !self.can_spool() {
            return false;
        }
        match spool.page(rows, (self.now)()).await {
            Ok(page) if page.batch.is_empty() => {
                // All were acknowledged before and could not be deleted, or could not be read.
                self.keep(spool.acknowledge(page.ids).await);
                false
            }
            Ok(page) => {
                self.send(page.batch, Vec::new(), Origin::Page(page.ids));
                true
            }
            Err(error) => {
                self.spool_failed(&error);
                false
            }
        }
    }

    /// Replays the spool beside new rows: as many rows in a second as came anew in the one before,
    /// or the floor where that is less.
    pub(super) async fn replay(&mut self) {
        if self.spool.as_ref().is_none_or(|spool| spool.status().rows() == 0) {
            return self.measure_anew();
        }
        if self.tick.as_ref().is_none_or(|tick| tick.is_elapsed()) {
            let pushed = self.shared.lock().pushed;
            let fresh = usize::try_from(pushed - self.pushed).unwrap_or(usize::MAX);
            let first = self.tick.is_none();
            self.pushed = pushed;
            // What came before the first tick came in no known time.
            self.allowed = if first { 0 } else { fresh.max(self.limits.replay_floor) };
            self.tick = Some(timer(self.limits.replay_tick));
        }
        if self.allowed > 0 {
            let rows = self.allowed.min(self.shared.batch_rows);
            self.allowed -= rows;
            self.send_page(rows).await;
        }
    }

    /// What is not a poll waits for its like in the spool: changes of state, of hosts and of alarms, are
    /// written in order.
    pub(super) async fn behind_the_spool(&mut self, mut batch: Batch) -> Batch {
        let waits = self.spool.as_ref().is_some_and(|spool| spool.status().others > 0);
        let in_order = batch.transitions.len() + batch.alarms.len() + batch.alarm_events.len();
        if !waits || !self.can_spool() || in_order == 0 {
            return batch;
        }
        let others = Batch {
            transitions: std::mem::take(&mut batch.transitions),
            facts: std::mem::take(&mut batch.facts),
            losses: std::mem::take(&mut batch.losses),
            notices: std::mem::take(&mut batch.notices),
            alarms: std::mem::take(&mut batch.alarms),
            alarm_events: std::mem::take(&mut batch.alarm_events),
            deliveries: std::mem::take(&mut batch.deliveries),
            audit: std::mem::take(&mut batch.audit),
            ..Batch::default()
        };
        match self.append(Arc::new(others)).await {
            Ok(_) => batch,
            // The order is a nicety, the row is not.
            Err(others) => join([others, batch]),
        }
    }

    /// Takes to the disk what the store does not take.
    pub(super) async fn put_aside(&mut self) {
        if !self.can_spool() {
            return self.tell_from_memory();
        }
        if let Some(batch) = self.held.take()
            && let Err(batch) = self.append(Arc::new(batch)).await
        {
            self.held = Some(batch);
            return;
        }
        if !self.copy_slow().await {
            return;
        }
        while self.is_due()
            && let Some(batch) = self.take()
        {
            if let Err(batch) = self.append(Arc::new(batch)).await {
                self.held = Some(batch);
                return;
            }
        }
    }

    /// Nobody takes rows now: what is to be told is told all the same.
    fn tell_from_memory(&self) {
        let sending = self.sending.as_ref().filter(|sending| sending.in_memory() > 0);
        let sent = sending.into_iter().flat_map(|s| std::iter::once(&*s.batch).chain(&s.rest));
        for batch in sent.chain(&self.held) {
            self.shared.tell(batch);
        }
        let (notices, alarms) = self.shared.lock().queue.to_tell();
        self.shared.tell_of(&notices, &alarms);
    }

    /// The end, with rows that nobody took: they are lost, and that is written down where there is
    /// room for one row more, or else only said.
    pub(super) async fn give_up(&mut self) {
        let (sending, held) = (self.sending.take(), self.held.take());
        let parts = sending.filter(|sending| sending.in_memory() > 0).into_iter();
        // It may be in the store all the same, where nobody knows of it.
        let parts = parts.flat_map(|sending| {
            let Sending { batch, rest, .. } = sending;
            std::iter::once((*batch).clone()).chain(rest)
        });
        let mut rows = 0;
        for part in parts.chain(held) {
            rows += part.len();
            self.shared.lose_at_the_end(&part);
        }
        rows += self.shared.give_up();
        self.shared.gave_up(rows);
        if rows == 0 {
            return;
        }
        let last = self.take().unwrap_or_default();
        let losses: Vec<String> = last.losses.iter().map(Loss::to_string).collect();
        tracing::error!(
            rows,
            losses = losses.join("; "),
            "neither the store nor the spool took the last rows in time: they are lost"
        );
        if last.is_empty() {
            return;
        }
        let Err(last) = self.append(Arc::new(last)).await else { return };
        if let Err(error) = self.store.write(Arc::new(last)).await {
            tracing::error!(error = error.with_causes(), "the loss itself cannot be written down");
        }
    }

    /// A spool that failed is tried again also while nobody needs it: whoever looks is told the
    /// truth, before the next outage.
    pub(super) async fn look_after_spool(&mut self) {
        if let Some(spool) = self.spool.clone()
            && self.no_spool.as_ref().is_some_and(|timer| timer.is_elapsed())
        {
            self.keep(spool.probe().await);
        }
    }

    /// A copy of what the store has not answered to; false when the spool fails.
    pub(super) async fn copy_slow(&mut self) -> bool {
        let Some(sending) = &self.sending else { return true };
        if !matches!(sending.origin, Origin::Memory) || !sending.is_slow() {
            return true;
        }
        let (batch, rest) = (Arc::clone(&sending.batch), join(sending.rest.iter().cloned()));
        let Ok(copied) = self.append(batch).await else { return false };
        let mut all = vec![copied];
        if !rest.is_empty() {
            let Ok(copied) = self.append(Arc::new(rest)).await else { return false };
            all.push(copied);
        }
        if let Some(sending) = &mut self.sending {
            sending.origin = Origin::Copied(all);
        }
        self.measure_anew();
        true
    }

    /// Appends to the spool; gives the batch back when that fails.
    pub(super) async fn append(&mut self, batch: Arc<Batch>) -> Result<Ids, Batch> {
        let Some(spool) = self.spool.clone() else { return Err(Arc::unwrap_or_clone(batch)) };
        let rows = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        match spool.append(Arc::clone(&batch), (self.now)()).await {
            Ok((ids, lost)) => {
                self.keep(Ok(()));
                self.shared.tell(&batch);
                self.shared.spooled(rows, lost, &spool.status());
                Ok(ids)
            }
            Err(error) => {
                self.spool_failed(&error);
                Err(Arc::unwrap_or_clone(batch))
            }
        }
    }

    /// Notes how something that was asked of the spool ended.
    pub(super) fn keep(&mut self, result: Result<(), StoreError>) {
        match result {
            Ok(()) => {
                self.no_spool = None;
                self.shared.spool_works();
            }
            Err(error) => self.spool_failed(&error),
        }
    }

    pub(super) fn spool_failed(&mut self, error: &StoreError) {
        self.no_spool = Some(timer(self.limits.spool_retry));
        self.shared.spool_failed(error);
    }

    /// What the store was told of hosts the spool remembers, too; the next start may need it.
    pub(super) async fn remember(&mut self, batch: Arc<Batch>, origin: &Origin) {
        if let Origin::Page(_) = origin {
            self.shared.replayed(batch.len());
        }
        if let Some(spool) = self.spool.clone()
            && self.can_spool()
            && !(batch.transitions.is_empty() && batch.facts.is_empty() && batch.alarms.is_empty())
            && let Err(error) = spool.follow(batch, matches!(origin, Origin::Memory)).await
        {
            self.spool_failed(&error);
        }
    }
}
