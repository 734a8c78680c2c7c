//! Looks from time to time whether the store still has what it took.

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::sleep};

use super::opening::keep_opening;
use crate::{
    clock::Clock,
    error_report::error_chain,
    store::{HostQuery, LazyStore, Marks, Store, spool::Spool, writer::WriterHandle},
    units::WallMs,
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
    let (clock, given_up_to) = (Arc::clone(clock), None);
    let still_kept = StillKept { store, spool, writer, clock, retention, given_up_to };
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
    /// Polls up to this one were given up for want of room, as far as was asked.
    given_up_to: Option<WallMs>,
}

impl StillKept {
    /// Looks until it is dropped. The store is open by now: before, it is not known whose marks are
    /// remembered.
    async fn run(mut self) {
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
    async fn look(&mut self) {
        let now = self.clock.now().wall;
        let kept = self.retention.saturating_sub(MARGIN.min(self.retention / 2));
        let held = |given_up_to: Option<WallMs>| {
            given_up_to.map_or(WallMs(i64::MIN), |last| last.plus(Duration::from_millis(1)))
        };
        let mut kept_from = now.minus(kept).max(held(self.given_up_to));
        let marks = self.writer.marks().since(kept_from);
        let Ok(mut gone) = self.store.missing(marks).await else { return };
        if gone.is_empty() {
            return;
        }
        // What was given up for want of room is told of already.
        let Ok(room) = self.store.room().await else { return };
        self.given_up_to = room.given_up_to;
        kept_from = kept_from.max(held(room.given_up_to));
        gone.retain(|mark| mark.slot >= kept_from);
        if gone.is_empty() {
            return;
        }
        let Ok(hosts) = self.store.hosts(HostQuery::listed()).await else { return };
        let hosts = u64::try_from(hosts.len()).unwrap_or(u64::MAX);
        self.writer.missing(&gone, kept_from, hosts, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::ManualClock,
        rollup::Tier,
        store::{
            Mode, sample,
            sqlite::Sqlite,
            writer::{QueuedRow, Writer, WriterLimits},
        },
        units::{Mono, Now},
    };

    const HOUR: Duration = Duration::from_secs(3_600);

    /// A mark that is gone is a loss, unless it was given up: that is told of already.
    #[tokio::test]
    async fn what_was_given_up_for_room_is_not_missed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.db");
        let store: Arc<dyn Store> =
            Arc::new(Sqlite::open_blocking(&file, Mode::ReadWrite).unwrap());
        let host = store.register(vec![sample::registration("a")], sample::START).await.unwrap();
        let host = host[0].clone();
        let now = Now { wall: sample::START, mono: Mono(HOUR) };
        let limits = WriterLimits { batch_rows: 1, ..WriterLimits::default() };
        let (writer, running) = Writer::start(Arc::clone(&store), limits, || sample::START);
        for hours in (0..4).rev() {
            let poll = sample::good(host.id, &host.name, sample::START.minus(hours * HOUR));
            writer.push(QueuedRow::Poll(Arc::new(poll)));
            while writer.stats().depth > 0 {
                tokio::task::yield_now().await;
            }
        }
        let mut still_kept = StillKept {
            store: Arc::clone(&store),
            spool: None,
            writer: writer.clone(),
            clock: Arc::new(ManualClock::new(now)),
            retention: 30 * 24 * HOUR,
            given_up_to: None,
        };
        assert_eq!(writer.marks().since(WallMs(0)).len(), 4, "{:?}", writer.marks());
        let before = sample::START.minus(HOUR);
        assert_eq!(store.give_up(Tier::Polls, before, sample::START).await.unwrap(), 2);
        still_kept.look().await;
        assert_eq!(writer.stats().gone, 0);
        let connection = rusqlite::Connection::open(&file).unwrap();
        connection.execute("DELETE FROM poll WHERE slot_ms < ?1", [sample::START.0]).unwrap();
        still_kept.look().await;
        assert_eq!(writer.stats().gone, 1, "of the one that nobody gave up");
        drop(running);
    }
}
