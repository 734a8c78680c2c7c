//! What is done beside polling, on a thread of its own with a small runtime of its own: the looks at
//! the inventory file and what follows from them, the pruning and sealing of old rows, the repair of
//! the cron jobs. Reading, parsing and registering ten thousand hosts takes longer than a poll may be
//! late.

use std::{sync::Arc, thread, time::Duration};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use super::{AppError, discovering::Look, install::Installer, phases::Phases, rebuild::Rebuilder};
use crate::{
    clock::Clock,
    config,
    live::Live,
    metrics::Metrics,
    operator::Order,
    rounds::Rounds,
    schedule::Grids,
    store::{Retention, Sealed, Store},
    units::{Now, WallMs},
};

/// Between two looks at the inventory file: with settling, parsing and registering, an edit is to be
/// in force within a second.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Says why nothing is dropped or sealed by the server's clock, or that it is again; true when it may
/// be. What is wrong for a moment is found again by the next run, what is dropped is not.
fn is_believed(live: &Live, now: Now) -> bool {
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
pub(super) struct Pruner {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) live: Arc<Live>,
    pub(super) retention: config::Retention,
}

impl Pruner {
    async fn prune(&self) {
        let now = self.clock.now();
        if !is_believed(&self.live, now) {
            return;
        }
        let before = Retention {
            polls: now.wall.minus(self.retention.polls),
            events: now.wall.minus(self.retention.events),
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
    }
}

/// Seals hours of polls that are old enough.
pub(super) struct Sealer {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) live: Arc<Live>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) after: Duration,
}

impl Sealer {
    async fn seal(&self) {
        let now = self.clock.now();
        if is_believed(&self.live, now) {
            self.seal_before(now.wall.minus(self.after)).await;
        }
        if let Ok(status) = self.store.status().await {
            let oldest = status.oldest_unsealed.map_or(0, |hour| hour.0.div_euclid(1_000));
            self.metrics.oldest_unsealed.set(oldest);
        }
    }

    async fn seal_before(&self, before: WallMs) {
        match self.store.seal(before).await {
            Ok(sealed) => {
                if sealed.polls > 0 {
                    let Sealed { hours, polls, bytes } = sealed;
                    tracing::info!(hours, polls, bytes, "old polls sealed");
                }
                self.metrics.polls_sealed.inc_by(sealed.polls);
                self.live.update_server(|server| server.seal_error = None);
            }
            // The next run goes on where this one ended.
            Err(error) => {
                let error = crate::causes::chain(&error);
                tracing::error!(error, "old polls could not be sealed");
                self.metrics.seal_failures.inc();
                self.live.update_server(|server| server.seal_error = Some(error.into()));
            }
        }
    }
}

/// The chores and what wakes them.
pub(super) struct Chores {
    pub(super) rounds: Rounds,
    pub(super) installer: Installer,
    pub(super) pruner: Pruner,
    pub(super) rebuilder: Rebuilder,
    pub(super) sealer: Sealer,
    /// Where the phases are kept, and where they are heard of.
    pub(super) phases: Option<(Phases, watch::Receiver<Grids>)>,
    pub(super) prune: mpsc::Receiver<()>,
    pub(super) seal: mpsc::Receiver<()>,
    pub(super) silent: mpsc::Receiver<()>,
    pub(super) looks: mpsc::Receiver<Look>,
    pub(super) operator: mpsc::Receiver<Order>,
}

impl Chores {
    /// Does chores until told to stop; then stops the cron jobs.
    async fn run(self, mut stopped: oneshot::Receiver<()>) {
        let Self { mut rounds, mut installer, pruner, rebuilder, sealer, .. } = self;
        let Self { mut prune, mut seal, mut silent, phases, .. } = self;
        let Self { mut looks, mut operator, .. } = self;
        let rebuilding = tokio::spawn(rebuilder.run());
        let keeping = phases.map(|(phases, grids)| tokio::spawn(phases.follow(grids)));
        // Beside the others: a large prune must not hold up a look at the inventory.
        let pruning = tokio::spawn(async move {
            while prune.recv().await.is_some() {
                pruner.prune().await;
            }
        });
        let sealing = tokio::spawn(async move {
            while seal.recv().await.is_some() {
                sealer.seal().await;
            }
        });
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = &mut stopped => break,
                _ = look.tick() => drop(installer.look().await),
                Some(look) = looks.recv() => installer.heard(look).await,
                Some(order) = operator.recv() => installer.carry_out(order).await,
                Some(()) = silent.recv() => {
                    if let Err(error) = rounds.restart().await {
                        tracing::error!(%error, "the cron jobs could not be made anew");
                    }
                }
            }
        }
        pruning.abort();
        rebuilding.abort();
        sealing.abort();
        keeping.inspect(JoinHandle::abort);
        if let Err(error) = rounds.stop().await {
            tracing::warn!(%error, "the cron jobs did not stop cleanly");
        }
    }
}

/// The thread that does them.
#[derive(Debug)]
pub(super) struct ChoresThread {
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl ChoresThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`AppError::Thread`].
    pub(super) fn start(chores: Chores) -> Result<Self, AppError> {
        let (stop, stopped) = oneshot::channel();
        let (ending, ended) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(AppError::Thread)?;
        let run = move || {
            runtime.block_on(chores.run(stopped));
            // Whoever started it may have gone away.
            let _ = ending.send(());
        };
        thread::Builder::new().name("chores".to_owned()).spawn(run).map_err(AppError::Thread)?;
        Ok(Self { stop, ended })
    }

    /// Lets the chore under way end, then ends.
    pub(super) async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.ended.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::ManualClock,
        own_clock::{OwnClock, STEP_DOUBT},
        schedule::ClockStep,
        store::{Batch, Mode, Order, Span, sample, sqlite::Sqlite},
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
        let retention = config::Retention { polls: 30 * DAY, events: 30 * DAY, rollups: 90 * DAY };
        let pruner = Pruner {
            store: store.clone(),
            clock: clock.clone(),
            live: Arc::clone(&live),
            retention,
        };
        let kept =
            async || store.polls(host.id, Span::ALL, Order::OldestFirst, 99).await.unwrap().len();
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
