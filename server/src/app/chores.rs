//! What is done beside polling, on a thread of its own with a small runtime of its own: the looks at
//! the inventory file and what follows from them, the pruning and sealing of old rows, the repair of
//! the cron jobs. Reading, parsing and registering ten thousand hosts takes longer than a poll may be
//! late.

use std::{sync::Arc, thread, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval},
};

use super::{AppError, discovering::Look, install::Installer, rebuild::Rebuilder};
use crate::{
    clock::Clock,
    config,
    live::Live,
    metrics::Metrics,
    operator::Order,
    rounds::Rounds,
    store::{Retention, Sealed, Store},
};

/// Between two looks at the inventory file: with settling, parsing and registering, an edit is to be
/// in force within a second.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Drops what is older than its retention.
pub(super) struct Pruner {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) retention: config::Retention,
}

impl Pruner {
    async fn prune(&self) {
        let now = self.clock.now().wall;
        let before = Retention {
            polls: now.minus(self.retention.polls),
            events: now.minus(self.retention.events),
            rollups: now.minus(self.retention.rollups),
        };
        match self.store.prune(before).await {
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
        let before = self.clock.now().wall.minus(self.after);
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
        if let Ok(status) = self.store.status().await {
            let oldest = status.oldest_unsealed.map_or(0, |hour| hour.0.div_euclid(1_000));
            self.metrics.oldest_unsealed.set(oldest);
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
        let Self { mut prune, mut seal, mut silent, .. } = self;
        let Self { mut looks, mut operator, .. } = self;
        let rebuilding = tokio::spawn(rebuilder.run());
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
