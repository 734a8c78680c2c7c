//! Who waits for a row has it written at once.

use std::{pin::pin, time::Duration};

use tokio::time::timeout;

use super::{Shared, WriterHandle};
use crate::{store::Batch, units::WallMs};

impl Shared {
    /// Whether the queue has a whole batch, or somebody waits for what is in it.
    pub(super) fn is_wanted(&self) -> bool {
        let state = self.lock();
        state.queue.len() >= self.batch_rows || state.hurried
    }

    /// The next batch; an empty one where nothing waits.
    pub(super) fn take(&self, now: impl FnOnce() -> WallMs) -> Batch {
        let mut state = self.lock();
        let before = state.queue.len();
        let batch = state.queue.take(self.batch_rows, now);
        state.hurried &= state.queue.len() > 0;
        // Until it is accounted for as what it becomes: it is in memory alone meanwhile.
        state.in_flight += before - state.queue.len();
        batch
    }

    /// Whether the first `rows` that were handed in are no longer in memory alone.
    fn has_settled(&self, rows: u64) -> bool {
        let state = self.lock();
        let here = u64::try_from(state.queue.len() + state.in_flight).unwrap_or(u64::MAX);
        state.pushed.saturating_sub(here) >= rows
    }
}

impl WriterHandle {
    /// Has what was handed in before written at once, and waits until the store or the spool has it; no
    /// longer than `patience`.
    pub async fn settle(&self, patience: Duration) {
        let rows = {
            let mut state = self.shared.lock();
            state.hurried = state.queue.len() > 0;
            state.pushed
        };
        self.shared.wake.notify_one();
        let settled = async {
            loop {
                // Heard from here on, so that nothing is missed between looking and waiting.
                let mut told = pin!(self.shared.settled.notified());
                told.as_mut().enable();
                if self.shared.has_settled(rows) {
                    return;
                }
                told.await;
            }
        };
        // Whoever asked goes on without it; the row is not lost by that.
        let _ = timeout(patience, settled).await;
    }
}
