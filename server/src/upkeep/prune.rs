//! Drops old rows, unless the server's clock may be wrong.

use std::sync::Arc;

use crate::{
    clock::Clock,
    config,
    live::Live,
    metrics::Metrics,
    store::{Retention, Store},
    units::Now,
};

/// Says why nothing is dropped or sealed by the server's clock, or that it is again; true when it may
/// be. What is wrong for a moment is found again by the next run, what is dropped is not.
pub(super) fn is_believed(live: &Live, now: Now) -> bool {
    let server = live.server();
    let doubt = server.clock.doubt(now).map(|doubt| doubt.to_string());
    if doubt.is_some() != server.drop_doubt.is_some() {
        match &doubt {
            Some(doubt) => tracing::warn!(%doubt, "nothing old is dropped or sealed"),
            None => tracing::info!("old rows are dropped and sealed again"),
        }
    }
    let is_believed = doubt.is_none();
    live.update_server(|server| server.drop_doubt = doubt.map(Into::into));
    is_believed
}

/// Drops what is older than its retention, a day of it per run.
pub(crate) struct Pruner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) live: Arc<Live>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) retention: config::Retention,
}

impl Pruner {
    pub(super) async fn prune(&self) {
        let now = self.clock.now();
        if !is_believed(&self.live, now) {
            return;
        }
        let before = Retention {
            polls: now.wall.minus(self.retention.polls),
            events: now.wall.minus(self.retention.events),
            summaries: now.wall.minus(self.retention.summaries),
            rollups: now.wall.minus(self.retention.rollups),
        };
        let pruned = match self.store.reach().await {
            Ok(reach) => self.store.prune(before.within(reach)).await,
            Err(error) => Err(error),
        };
        match pruned {
            Ok(gone) if gone.polls + gone.events > 0 => {
                tracing::info!(polls = gone.polls, events = gone.events, "old rows dropped");
            }
            Ok(_) => {}
            // The next run drops what this one did not.
            Err(error) => tracing::error!(%error, "old rows could not be dropped"),
        }
        self.keep_within(now).await;
    }
}

/// A count as a gauge has it.
pub(super) fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        clock::ManualClock,
        own_clock::{OwnClock, STEP_DOUBT},
        schedule::ClockStep,
        store::{Batch, Mode, ReadOrder, Span, sample, sqlite::Sqlite},
        units::Mono,
    };

    const DAY: Duration = Duration::from_secs(86_400);

    /// A clock that is wrong for five seconds, just when old rows are to be dropped, costs nothing; two
    /// hours later they are, a day per run.
    #[tokio::test]
    async fn nothing_is_dropped_until_a_step_of_the_clock_is_long_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.db");
        let store = Arc::new(Sqlite::open_blocking(&file, Mode::ReadWrite).unwrap());
        let host = store.register(vec![sample::registration("a")], sample::START).await.unwrap();
        let host = host[0].clone();
        let polls = (1..=40).map(|day| sample::START.minus(day * DAY));
        let polls = polls.map(|slot| sample::good(host.id, &host.name, slot));
        store.write(Arc::new(Batch::of_polls(polls))).await.unwrap();
        let start = Now { wall: sample::START, mono: Mono(DAY) };
        let clock = Arc::new(ManualClock::new(start));
        let live = Arc::new(Live::default());
        let retention = config::Retention {
            polls: 30 * DAY,
            events: 30 * DAY,
            summaries: 90 * DAY,
            rollups: 90 * DAY,
            size: None,
        };
        let pruner = Pruner {
            store: store.clone(),
            clock: clock.clone(),
            live: Arc::clone(&live),
            metrics: Arc::default(),
            retention,
        };
        let kept = async || {
            store.polls(host.id, Span::ALL, ReadOrder::OldestFirst, 99).await.unwrap().len()
        };
        let doubted = || live.server().drop_doubt.is_some();

        // Right after the start nothing was compared yet.
        pruner.prune().await;
        assert_eq!((kept().await, doubted()), (40, true));
        let mut own = OwnClock::new(Duration::from_secs(5));
        own.begin(start, Some(sample::START.minus(DAY)));
        live.update_server(|server| server.clock = own.standing());
        pruner.prune().await;
        assert_eq!((kept().await, doubted()), (39, false), "one day is over, and went");

        for by in [365 * DAY, Duration::from_secs(3_600)] {
            clock.advance(Duration::from_secs(1));
            clock.step_wall(clock.now().wall.plus(by));
            pruner.prune().await;
            let by_ms = i64::try_from(by.as_millis()).unwrap();
            own.step(ClockStep { by_ms, noticed: clock.now() });
            live.update_server(|server| server.clock = own.standing());
            pruner.prune().await;
            clock.advance(Duration::from_secs(5));
            clock.step_wall(clock.now().wall.minus(by));
            own.step(ClockStep { by_ms: -by_ms, noticed: clock.now() });
            live.update_server(|server| server.clock = own.standing());
            clock.advance(STEP_DOUBT - Duration::from_secs(1));
            pruner.prune().await;
            assert_eq!((kept().await, doubted()), (39, true));
            clock.advance(Duration::from_secs(1));
        }
        for left in (30..39).rev() {
            pruner.prune().await;
            assert_eq!((kept().await, doubted()), (left, false));
        }
    }
}
