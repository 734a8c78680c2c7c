//! Looks from time to time whether the store still has what it took.

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::sleep};

use super::opening::keep_opening;
use crate::{
    clock::Clock,
    error_report::error_chain,
    store::{HostQuery, LazyStore, Marks, Store, spool::Spool, writer::WriterHandle},
};

/// Between two looks: a few lookups by key each.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Polls this much younger than what retention drops are looked for: a day is dropped as a whole, and
/// the moment at which it is may lie a little back.
const MARGIN: Duration = Duration::from_secs(2 * 86_400);

/// Opens the store, and then looks whether it keeps what it takes.
pub(crate) fn look_after(
    store: Arc<LazyStore>,
    spool: Option<Arc<Spool>>,
    writer: WriterHandle,
    clock: &Arc<dyn Clock>,
    retention: Duration,
) -> JoinHandle<()> {
    let opening = keep_opening(Arc::clone(&store), spool.clone());
    let still_kept = StillKept { store, spool, writer, clock: Arc::clone(clock), retention };
    tokio::spawn(async move {
        opening.await;
        still_kept.run().await;
    })
}

/// Compares what the store has with what it took.
struct StillKept {
    store: Arc<dyn Store>,
    spool: Option<Arc<Spool>>,
    writer: WriterHandle,
    clock: Arc<dyn Clock>,
    /// `retention.polls`.
    retention: Duration,
}

impl StillKept {
    /// Looks until it is dropped. The store is open by now: before, it is not known whose marks are
    /// remembered.
    async fn run(self) {
        let mut remembered = self.recall().await;
        self.writer.remember_marks(&remembered);
        loop {
            self.look().await;
            let marks = self.writer.marks();
            if marks != remembered {
                self.remember(marks.clone()).await;
                remembered = marks;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn recall(&self) -> Marks {
        let Some(spool) = &self.spool else { return Marks::default() };
        spool.recall_marks().await.unwrap_or_else(|error| {
            tracing::warn!(
                error = error_chain(&error),
                "what the store has taken is not remembered"
            );
            Marks::default()
        })
    }

    async fn remember(&self, marks: Marks) {
        if let Some(spool) = &self.spool
            && let Err(error) = spool.remember_marks(marks).await
        {
            tracing::debug!(error = error_chain(&error), "what the store takes is not remembered");
        }
    }

    /// One look; a store that does not answer says nothing of what it has.
    async fn look(&self) {
        let now = self.clock.now().wall;
        let kept = self.retention.saturating_sub(MARGIN.min(self.retention / 2));
        let kept_from = now.minus(kept);
        let marks = self.writer.marks().since(kept_from);
        let Ok(gone) = self.store.missing(marks).await else { return };
        if gone.is_empty() {
            return;
        }
        let Ok(hosts) = self.store.hosts(HostQuery::listed()).await else { return };
        let hosts = u64::try_from(hosts.len()).unwrap_or(u64::MAX);
        self.writer.missing(&gone, kept_from, hosts, now);
    }
}
