//! The task of the writer: when a batch leaves, and what is done when the store does not take it.

use std::{
    error::Error,
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{Shared, WriterLimits, queue::halve};
use crate::{
    store::{Batch, Store, StoreError, Written},
    units::WallMs,
};

pub(super) struct Work {
    pub(super) shared: Arc<Shared>,
    pub(super) store: Arc<dyn Store>,
    pub(super) limits: WriterLimits,
    pub(super) now: Box<dyn Fn() -> WallMs + Send + Sync>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Work {
    /// Takes batches out and delivers them until the end is asked for and nothing is left.
    pub(super) async fn run(mut self) {
        loop {
            self.wait_until_due().await;
            let stopping = self.is_stopping();
            let batch = {
                let mut state = self.shared.lock();
                let batch = state.queue.take(self.shared.batch_rows);
                state.in_flight = batch.len();
                batch
            };
            if !batch.is_empty() {
                self.deliver(batch).await;
            } else if stopping {
                return;
            }
        }
    }

    /// Also when whoever could ask for the end is gone: then nobody waits for more.
    fn is_stopping(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }

    /// Returns once a batch is full, has waited long enough, or the end was asked for.
    async fn wait_until_due(&mut self) {
        let shared = Arc::clone(&self.shared);
        let at_least = async |rows: usize| {
            while shared.waiting() < rows {
                shared.wake.notified().await;
            }
        };
        let due = async {
            at_least(1).await;
            // Elapsed is as good as full.
            let _ = timeout(self.limits.batch_wait, at_least(shared.batch_rows)).await;
        };
        tokio::select! {
            () = due => {}
            _ = self.stop.wait_for(|stop| *stop) => {}
        }
    }

    /// Writes a batch, however long it takes; only rows that the store can never take are left out.
    async fn deliver(&mut self, batch: Batch) {
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            let rows = part.len();
            match self.write(Arc::new(part)).await {
                Ok(written) => self.succeeded(rows, written),
                Err((error, part)) if rows == 1 => self.rejected(&error, &part),
                Err((_, part)) => {
                    let (first, second) = halve(part);
                    parts.push(second);
                    parts.push(first);
                }
            }
        }
    }

    /// Writes one batch; tries again for as long as the store is at fault. An error is one of the
    /// rows' own, and comes with them.
    async fn write(&mut self, batch: Arc<Batch>) -> Result<Written, (StoreError, Batch)> {
        let mut wait = self.limits.retry_first;
        loop {
            let after = self.limits.write_timeout;
            let write = timeout(after, self.store.write(Arc::clone(&batch)));
            let error = match write.await.unwrap_or(Err(StoreError::Timeout { after })) {
                Ok(written) => return Ok(written),
                Err(error) => error,
            };
            self.failed(&error);
            if !error.is_transient() {
                return Err((error, Arc::unwrap_or_clone(batch)));
            }
            if self.is_stopping() {
                sleep(jittered(self.limits.retry_first)).await;
            } else {
                tokio::select! {
                    () = sleep(jittered(wait)) => {}
                    _ = self.stop.wait_for(|stop| *stop) => {}
                }
                wait = self.limits.retry_cap.min(wait.saturating_mul(2));
            }
        }
    }

    fn succeeded(&self, rows: usize, written: Written) {
        let mut state = self.shared.lock();
        state.in_flight = state.in_flight.saturating_sub(rows);
        let stats = &mut state.stats;
        stats.written += u64::try_from(rows).unwrap_or(u64::MAX);
        stats.repeated += written.repeated;
        stats.conflicting += written.conflicting;
        stats.last_success = Some((self.now)());
        if let Some(since) = stats.failing_since.take() {
            let dropped = stats.dropped;
            drop(state);
            tracing::info!(%since, dropped, "the store takes rows again");
        }
    }

    fn failed(&self, error: &StoreError) {
        let text = with_causes(error);
        let first = {
            let mut state = self.shared.lock();
            let stats = &mut state.stats;
            stats.failed_batches += 1;
            stats.last_error = Some(text.as_str().into());
            let first = error.is_transient() && stats.failing_since.is_none();
            if first {
                stats.failing_since = Some((self.now)());
            }
            first
        };
        if first {
            tracing::error!(error = text, "the store takes no rows: they wait in memory");
        }
    }

    fn rejected(&self, error: &StoreError, part: &Batch) {
        {
            let mut state = self.shared.lock();
            state.in_flight = state.in_flight.saturating_sub(part.len());
            state.stats.rejected += 1;
        }
        tracing::error!(error = with_causes(error), "a row is lost: the store can never take it");
    }
}

/// Between half of the wait and all of it: servers that lost one store do not come back in step.
fn jittered(wait: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    let half = wait / 2;
    let nanos = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX);
    half + Duration::from_nanos(random % nanos.saturating_add(1))
}

/// The error and what caused it, in one line.
fn with_causes(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
