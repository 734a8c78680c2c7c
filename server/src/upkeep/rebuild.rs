//! Has the hours in short made of kept polls that were not seen whole: those that ended while the
//! server was down, and the one in which it started.

use std::{sync::Arc, time::Duration};

use tokio::time::MissedTickBehavior;

use crate::{
    clock::Clock,
    model::{HOUR_MS, HostId, hour_of},
    rollup::GRACE,
    store::{
        HostQuery, Span, Store, StoreError,
        rebuild::{LOOK_BACK, rebuild},
    },
    units::Now,
};

/// How often to look whether something is due.
const LOOK: Duration = Duration::from_secs(60);

/// Hosts that are listed at once.
const PAGE: usize = 500;

/// Whether every row handed in more than a moment ago is in the store.
pub(crate) type Drained = Box<dyn Fn() -> bool + Send + Sync>;

/// Stretches of whole hours that are still to be looked through.
pub(crate) struct Rebuilder {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    drained: Drained,
    /// Each with the moment from which on it can be done, by both clocks: the wall clock may be wrong
    /// for a moment. The last comes first.
    todo: Vec<(Now, Span)>,
    in_trouble: bool,
}

impl Rebuilder {
    /// For a server whose engine has just started.
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, drained: Drained) -> Self {
        let start = clock.now();
        let hour = hour_of(start.wall);
        let next = hour.plus(Duration::from_millis(HOUR_MS.unsigned_abs()));
        let closed = next.plus(GRACE);
        let closed = Now { wall: closed, mono: start.mono.plus(closed.since(start.wall)) };
        let todo = vec![
            (closed, Span { from: hour, to: next }),
            (start, Span { from: hour_of(hour.minus(LOOK_BACK)), to: hour }),
        ];
        Self { store, clock, drained, todo, in_trouble: false }
    }

    /// Looks now and then until nothing is left to do.
    pub(super) async fn run(mut self) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.todo.is_empty() {
            looks.tick().await;
            self.look().await;
        }
    }

    /// Does what is due, if the store has all that it takes; what fails is due again.
    async fn look(&mut self) {
        while let Some((due, span)) = self.todo.last().copied()
            && self.is_over(due)
            && (self.drained)()
        {
            match self.all_hosts(span).await {
                Ok(hours) => {
                    self.todo.pop();
                    self.in_trouble = false;
                    if hours > 0 {
                        tracing::info!(hours, from = %span.from, to = %span.to, "hours summed up from kept polls");
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut self.in_trouble, true) {
                        tracing::warn!(%error, "hours cannot be summed up from kept polls now; trying again");
                    }
                    return;
                }
            }
        }
    }

    fn is_over(&self, due: Now) -> bool {
        let now = self.clock.now();
        due.wall <= now.wall && due.mono <= now.mono
    }

    async fn all_hosts(&self, span: Span) -> Result<usize, StoreError> {
        let mut query = HostQuery { limit: PAGE, ..HostQuery::all() };
        let mut hours = 0;
        loop {
            let page = self.store.hosts(query.clone()).await?;
            query.after = page.last().map(|host| host.name.clone());
            let last = page.len() < PAGE;
            let hosts: Vec<HostId> = page.into_iter().map(|host| host.id).collect();
            for host in hosts {
                hours += rebuild(&*self.store, host, span).await?;
            }
            if last {
                return Ok(hours);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::{
        clock::ManualClock,
        rollup::Tier,
        store::{Batch, Mode, SeriesAsk, sample, sqlite::Sqlite},
        units::WallMs,
    };

    const HOUR: u64 = 3_600;

    async fn hours(store: &dyn Store, host: HostId) -> Vec<(i64, u32)> {
        let ask = SeriesAsk {
            host,
            columns: [].into(),
            span: Span::ALL,
            step: Duration::from_secs(HOUR),
            tier: Tier::Hours,
        };
        let first = hour_of(sample::START).0;
        let kept = store.series(ask).await.unwrap();
        kept.iter().map(|hour| ((hour.start.0 - first) / HOUR_MS, hour.polls)).collect()
    }

    #[tokio::test]
    async fn hours_of_the_time_down_come_first_and_the_hour_of_the_start_when_it_is_over() {
        let dir = tempfile::TempDir::new().unwrap();
        let store = Sqlite::open(dir.path().join("r.db"), Mode::ReadWrite).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let registered = store.register(vec![sample::registration("a")], sample::START).await;
        let host = registered.unwrap().remove(0);
        // A poll every ten minutes, long before the start and after it.
        let slot = |ten: i64| WallMs(sample::START.0 + ten * 600_000);
        let polls = (-600..9).map(|ten| sample::failed(host.id, &host.name, slot(ten), "x"));
        store.write(Arc::new(Batch::of_polls(polls))).await.unwrap();

        let clock = Arc::new(ManualClock::new(Now { wall: sample::START, ..Now::default() }));
        let drained = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&drained);
        let drained_now: Drained = Box::new(move || asked.load(Ordering::Relaxed));
        let mut rebuilder = Rebuilder::new(Arc::clone(&store), clock.clone(), drained_now);
        rebuilder.look().await;
        assert_eq!(hours(&*store, host.id).await, [], "rows are on their way still");

        drained.store(true, Ordering::Relaxed);
        rebuilder.look().await;
        let expected: Vec<(i64, u32)> = (-72..0).map(|hour| (hour, 6)).collect();
        assert_eq!(hours(&*store, host.id).await, expected);

        // A clock that is wrong for a moment does not end the hour.
        let right = clock.now().wall;
        clock.step_wall(right.plus(Duration::from_secs(24 * HOUR)));
        rebuilder.look().await;
        assert_eq!(hours(&*store, host.id).await.len(), 72);
        clock.step_wall(right);
        // The start was at half past; an hour and a grace after the hour's begin it is closed.
        clock.advance(Duration::from_secs(HOUR / 2) + GRACE - Duration::from_secs(1));
        rebuilder.look().await;
        assert_eq!(hours(&*store, host.id).await.len(), 72);
        clock.advance(Duration::from_secs(1));
        rebuilder.run().await;
        assert_eq!(hours(&*store, host.id).await.last(), Some(&(0, 6)));
        assert_eq!(hours(&*store, host.id).await.len(), 73);
    }
}
