//! Keeps the history within its room after old rows were dropped, and says what that cost.

use std::sync::Arc;

use super::prune::{Pruner, gauge};
use crate::{
    error_report::error_chain,
    store::budget::{BudgetRun, LimitedBy, POLLS_FLOOR, RoomLimit, keep_within},
    text,
    units::Now,
};

impl Pruner {
    /// Learns how much room the history takes and what was given up of it, before anybody asks.
    pub(super) async fn look(&self) {
        if let Ok(room) = self.store.room().await {
            let limit = RoomLimit::of(self.size(), &room);
            self.publish(&BudgetRun { room, limit, ..BudgetRun::default() });
        }
    }

    /// Gives up the oldest history until it fits, and gives back what is free inside.
    pub(super) async fn keep_within(&self, now: Now) {
        match keep_within(&*self.store, self.size(), now.wall).await {
            Ok(run) => {
                self.tell(&run);
                self.publish(&run);
            }
            Err(error) => {
                let error = error_chain(&error);
                tracing::error!(error, "the history could not be kept within its room");
            }
        }
        match self.store.give_back().await {
            Ok(0) => {}
            Ok(bytes) => {
                self.metrics.bytes_given_back.inc_by(bytes);
                tracing::info!(bytes, "room given back to the disk");
            }
            // The next run goes on where this one ended.
            Err(error) => {
                let error = error_chain(&error);
                tracing::error!(error, "room could not be given back to the disk");
            }
        }
    }

    fn size(&self) -> Option<u64> {
        self.retention.size.map(|size| size.0)
    }

    /// Says in the log what was given up, and once whether the rest fits.
    fn tell(&self, run: &BudgetRun) {
        if let Some(span) = run.span {
            let (polls, bytes, from, to) = (run.polls, run.bytes, span.from, span.to);
            let why = run.limit.map(|limit| words(&limit)).unwrap_or_default();
            tracing::warn!(polls, bytes, %from, %to, "the oldest history was given up: {why}");
        }
        let over = stuck(run);
        let was_over = self.live.server().over_budget;
        match &over {
            Some(over) if was_over.is_none() => tracing::error!("{over}"),
            None if was_over.is_some() => tracing::info!("the history fits into its room again"),
            _ => {}
        }
    }

    fn publish(&self, run: &BudgetRun) {
        let BudgetRun { room, limit, polls, bytes, .. } = run;
        let metrics = &self.metrics;
        metrics.history_bytes.set(gauge(room.used));
        metrics.history_limit.set(gauge(limit.map_or(0, |limit| limit.bytes)));
        let oldest = room.polls.map_or(0, |unit| unit.from.0.div_euclid(1_000));
        metrics.oldest_poll.set(oldest);
        metrics.polls_given_up.inc_by(*polls);
        metrics.bytes_given_up.inc_by(*bytes);
        let over: Option<Arc<str>> = stuck(run).map(Into::into);
        let server = self.live.server();
        // Every update is told to all who look on.
        if (room.given_up_to, &over) != (server.given_up_to, &server.over_budget) {
            self.live.update_server(|server| {
                server.given_up_to = room.given_up_to;
                server.over_budget = over;
            });
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
fn bytes(count: u64) -> String {
    text::bytes(count as f64)
}

/// Why there is no more room.
fn words(limit: &RoomLimit) -> String {
    match limit.by {
        LimitedBy::Setting => format!("retention.size is {}", bytes(limit.bytes)),
        LimitedBy::Disk { reserve, available } => format!(
            "its disk has {} free, and {} are to stay free",
            bytes(available),
            bytes(reserve)
        ),
    }
}

/// That the history does not fit though all was given up that may be; none while it fits.
fn stuck(run: &BudgetRun) -> Option<String> {
    let limit = run.limit.filter(|_| run.is_stuck)?;
    Some(format!(
        "the history takes {}, more than it may ({}), and polls of the last {} hours are never given up: \
         give it more room, or poll less often",
        bytes(run.room.used),
        words(&limit),
        POLLS_FLOOR.as_secs() / 3_600,
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        clock::ManualClock,
        config::{ByteSize, Retention},
        live::Live,
        metrics::Metrics,
        store::{Batch, Mode, Store as _, sample, sqlite::Sqlite},
        units::WallMs,
    };

    const HOUR: Duration = Duration::from_secs(3_600);

    /// What goes is counted, published and told of; that the rest does not fit is said until it does.
    #[tokio::test]
    async fn what_is_given_up_and_what_does_not_fit_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.db");
        let store = Arc::new(Sqlite::open_blocking(&file, Mode::ReadWrite).unwrap());
        let host = store.register(vec![sample::registration("a")], sample::START).await.unwrap();
        let host = host[0].clone();
        let at = |n: u32| sample::START.minus(n * HOUR / 60);
        let polls = (0..600).map(|n| sample::good(host.id, &host.name, at(n)));
        store.write(Arc::new(Batch::of_polls(polls))).await.unwrap();
        let now = Now { wall: sample::START, ..Now::default() };
        let (live, metrics) = (Arc::new(Live::default()), Arc::new(Metrics::default()));
        let pruner = |size: Option<u64>| Pruner {
            store: store.clone(),
            clock: Arc::new(ManualClock::new(now)),
            live: Arc::clone(&live),
            metrics: Arc::clone(&metrics),
            retention: Retention {
                polls: 24 * HOUR,
                events: 24 * HOUR,
                summaries: 24 * HOUR,
                rollups: 24 * HOUR,
                size: size.map(ByteSize),
            },
        };
        pruner(None).keep_within(now).await;
        assert_eq!((metrics.polls_given_up.get(), live.server().given_up_to), (0, None));
        let full = metrics.history_bytes.get();

        pruner(Some(1)).keep_within(now).await;
        let gone = metrics.polls_given_up.get();
        // Ten hours; the last six stay, and what of the seventh lies in the hour of the sixth.
        let kept_from = WallMs((sample::START.0 - 6 * 3_600_000).div_euclid(3_600_000) * 3_600_000);
        let last = live.server().given_up_to.unwrap();
        assert!(last < kept_from && last.plus(HOUR / 60) >= kept_from, "{last} {kept_from}");
        assert_eq!(store.status().await.unwrap().polls, 600 - gone);
        assert_eq!(metrics.oldest_poll.get(), last.plus(HOUR / 60).0 / 1_000);
        assert_eq!(metrics.history_limit.get(), 1);
        let freed = full - metrics.history_bytes.get();
        assert_eq!(i64::try_from(metrics.bytes_given_up.get()).unwrap(), freed);
        let over = live.server().over_budget.unwrap();
        let (_, told) = over.split_once(", more than").unwrap();
        assert_eq!(
            told,
            " it may (retention.size is 1 B), and polls of the last 6 hours are never given up: give it \
             more room, or poll less often"
        );

        pruner(Some(1 << 40)).keep_within(now).await;
        assert_eq!(metrics.polls_given_up.get(), gone);
        assert_eq!((live.server().over_budget, live.server().given_up_to), (None, Some(last)));
        // A server that starts knows it before its first run.
        live.update_server(|server| server.given_up_to = None);
        pruner(None).look().await;
        assert_eq!(live.server().given_up_to, Some(last));
    }
}
