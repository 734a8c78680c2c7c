//! Sums up the days of hosts that are over, unless the server's clock may be wrong: those that have just
//! ended, those that ended while no server ran, back to the oldest poll that is kept, and again those into
//! which polls came late.

use std::{sync::Arc, time::Duration};

use super::prune::{Pruner, is_believed};
use crate::{
    clock::Clock,
    error_report::error_chain,
    live::Live,
    model::{DAY_MS, HostId, day_of},
    rollup::GRACE,
    store::{MAX_PRUNED, Store, StoreError, SummariesDue, summarise::summarise},
    units::WallMs,
};

/// Days of hosts that one run sums up at most; the next goes on. With four runs an hour, as many a day as
/// 20,000 hosts have, and three times that.
const MAX_SUMMARIES: usize = 640;

/// Hosts that are listed at once.
const PAGE: usize = 64;

/// Sums up days.
pub(crate) struct Summariser {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) live: Arc<Live>,
    /// Days before this were looked through; what comes into them late is noted by the store.
    done: Option<WallMs>,
    most: usize,
    /// How long summaries are kept: older days are not summed up, to be dropped at once.
    kept: Duration,
    in_trouble: bool,
}

impl Summariser {
    /// For the store that `pruner` drops old rows of.
    pub(crate) fn new(pruner: &Pruner) -> Self {
        let (store, clock, live) =
            (Arc::clone(&pruner.store), Arc::clone(&pruner.clock), Arc::clone(&pruner.live));
        let kept = pruner.retention.summaries;
        Self { store, clock, live, done: None, most: MAX_SUMMARIES, kept, in_trouble: false }
    }

    /// One run.
    pub(super) async fn run(&mut self) {
        let now = self.clock.now();
        if !is_believed(&self.live, now) {
            return;
        }
        match self.sum_up(now.wall).await {
            Ok(days) => {
                self.in_trouble = false;
                if days > 0 {
                    tracing::info!(days, "days of hosts summed up");
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.in_trouble, true) {
                    let error = error_chain(&error);
                    tracing::warn!(error, "days cannot be summed up now; trying again");
                }
            }
        }
    }

    /// Sums up days that are over; says how many.
    async fn sum_up(&mut self, now: WallMs) -> Result<usize, StoreError> {
        let end = day_of(now.minus(GRACE));
        let mut run = Run { store: &*self.store, most: self.most, made: 0, failed: None };
        for (host, day) in
            self.store.summaries_due(SummariesDue::Late { before: end }, self.most).await?
        {
            run.one(host, day).await?;
        }
        let mut day = match self.done {
            Some(done) => done,
            None => match self.store.reach().await?.polls {
                Some(reach) => day_of(reach.minus(MAX_PRUNED)),
                None => return run.end(),
            },
        };
        let oldest = day_of(WallMs(now.minus(self.kept).0.saturating_add(DAY_MS - 1)));
        day = day.max(oldest);
        while day < end && run.all_of(day).await? {
            day = WallMs(day.0.saturating_add(DAY_MS));
            if run.failed.is_none() {
                self.done = Some(day);
            }
        }
        run.end()
    }
}

struct Run<'a> {
    store: &'a dyn Store,
    most: usize,
    made: usize,
    /// Why the first of those that could not be summed up could not.
    failed: Option<StoreError>,
}

impl Run<'_> {
    /// Sums up a day of every host that lacks it; false when that is enough for one run.
    async fn all_of(&mut self, day: WallMs) -> Result<bool, StoreError> {
        let mut after = HostId(i64::MIN);
        loop {
            let of = SummariesDue::Day { day, after };
            let some = self.store.summaries_due(of, PAGE).await?;
            for (host, day) in &some {
                if self.made >= self.most {
                    return Ok(false);
                }
                self.one(*host, *day).await?;
            }
            match some.last() {
                Some((host, _)) if some.len() == PAGE => after = *host,
                _ => return Ok(true),
            }
        }
    }

    /// Sums up a day of a host. One that cannot be read holds up no other.
    async fn one(&mut self, host: HostId, day: WallMs) -> Result<(), StoreError> {
        match summarise(self.store, host, day).await {
            Ok(is_kept) => self.made += usize::from(is_kept),
            Err(error) if error.is_absence() => return Err(error),
            Err(error) => {
                self.failed.get_or_insert(error);
            }
        }
        Ok(())
    }

    fn end(self) -> Result<usize, StoreError> {
        self.failed.map_or(Ok(self.made), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::ManualClock,
        config,
        own_clock::OwnClock,
        store::{Batch, Mode, Span, sample, sqlite::Sqlite},
        units::{Mono, Now},
    };

    const DAY: Duration = Duration::from_secs(86_400);

    /// A server that starts with days that nobody summed up, and then sees some end.
    #[tokio::test]
    async fn days_are_summed_up_once_they_are_over_and_again_when_polls_come_late() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(folder.path().join("r.db"), Mode::ReadWrite).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let hosts = ["a", "b"].map(sample::registration);
        let hosts = store.register(hosts.into(), sample::START).await.unwrap();
        let today = day_of(sample::START);
        let day = |number: i64| WallMs(today.0 + number * DAY_MS);
        let write = async |of: usize, slot: WallMs| {
            let poll = sample::good(hosts[of].id, &hosts[of].name, slot);
            store.write(Arc::new(Batch::of_polls([poll]))).await.unwrap();
        };
        // The oldest of them would be dropped at once.
        for number in [-4, -3, -2, 0] {
            write(0, day(number)).await;
            write(1, WallMs(day(number).0 + 7)).await;
        }
        let start = Now { wall: WallMs(day(0).0 + 60_000), mono: Mono(DAY) };
        let clock = Arc::new(ManualClock::new(start));
        let live = Arc::new(Live::default());
        let retention = config::Retention {
            polls: 9 * DAY,
            events: DAY,
            summaries: 4 * DAY,
            rollups: DAY,
            size: None,
        };
        let (ours, time) = (Arc::clone(&store), clock.clone());
        let (shown, metrics) = (Arc::clone(&live), Arc::default());
        let pruner = Pruner { store: ours, clock: time, live: shown, metrics, retention };
        let mut summariser = Summariser::new(&pruner);
        let kept = async |number: i64| {
            let mut kept = Vec::new();
            for host in &hosts {
                let span = Span { from: day(number), to: day(number + 1) };
                let step = DAY;
                let columns = [0].into();
                let table = crate::model::DetailTable::Net;
                let row = None;
                let ask = crate::store::RowsAsk { host: host.id, table, row, columns, span, step };
                let found = store.row_summaries(ask).await.unwrap();
                kept.push(found.counts.values().map(|(polls, _)| *polls).sum::<u32>());
            }
            kept
        };
        summariser.run().await;
        assert_eq!(kept(-3).await, [0, 0], "the clock is not believed yet");
        let mut own = OwnClock::new(Duration::from_secs(5));
        own.begin(start, Some(day(0)));
        live.update_server(|server| server.clock = own.standing());

        // No more in one run than it may; then the rest, and nothing of today.
        summariser.most = 3;
        summariser.run().await;
        assert_eq!((kept(-3).await, kept(-2).await), (vec![1, 1], vec![1, 0]));
        summariser.run().await;
        assert_eq!((kept(-2).await, kept(0).await), (vec![1, 1], vec![0, 0]));
        assert_eq!(kept(-4).await, [0, 0]);
        assert_eq!(summariser.done, Some(day(-1)), "yesterday may still get polls");

        write(1, WallMs(day(-3).0 + 300_000)).await;
        clock.advance(DAY);
        live.update_server(|server| server.clock = own.standing());
        summariser.run().await;
        assert_eq!((kept(-3).await, kept(0).await), (vec![1, 2], vec![0, 0]));
        clock.advance(GRACE);
        summariser.run().await;
        assert_eq!(kept(0).await, [1, 1]);
        assert_eq!(summariser.done, Some(day(1)));
    }
}
