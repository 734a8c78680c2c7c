//! A round: once a second, what has its moment and is no poll's.

use std::sync::Arc;

use super::Engine;
use crate::store::writer;

impl Engine {
    /// Opens the slots of the next seconds, after a look at what changes with time alone.
    pub(super) fn open(&mut self) {
        let now = self.parts.clock.now();
        self.look_at_clock(now);
        self.review_clock(now);
        self.review_isolation(now);
        self.review_own(now);
        self.review_pauses(now);
        self.review_own_alarms(now);
        self.poll_queue.open(now);
        self.parts.live.update_server(|server| server.last_round = now.wall);
        self.count_missed();
        for rollup in self.rollups.close(now) {
            self.parts.writer.push(writer::QueuedRow::Rollup(Arc::new(rollup)));
        }
    }
}
