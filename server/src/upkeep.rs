//! What is done beside polling: the looks at the inventory file and what follows from them, the
//! pruning, sealing and summing up of old rows, the repair of the cron jobs. It belongs on a thread of its own:
//! reading, parsing and registering ten thousand hosts takes longer than a poll may be late.

mod budget;
mod opening;
mod phases;
mod prune;
mod rebuild;
mod seal;
mod still_kept;
mod summarise;

use std::time::Duration;

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use self::summarise::Summariser;
pub(crate) use self::{
    opening::open,
    phases::Phases,
    prune::Pruner,
    rebuild::{Drained, Rebuilder},
    seal::Sealer,
    still_kept::look_after,
};
use crate::{
    reconcile::{DiscoveryResult, OperatorOrder, Reconciler},
    schedule::Grids,
    ticker::Ticker,
};

/// Between two looks at the inventory file: with settling, parsing and registering, an edit is to be
/// in force within a second.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The chores and what wakes them.
pub(crate) struct UpkeepTasks {
    pub(crate) rounds: Ticker,
    pub(crate) reconciler: Reconciler,
    pub(crate) pruner: Pruner,
    pub(crate) rebuilder: Rebuilder,
    pub(crate) sealer: Sealer,
    /// Where the phases are kept, and where they are heard of.
    pub(crate) phases: Option<(Phases, watch::Receiver<Grids>)>,
    pub(crate) prune: mpsc::Receiver<()>,
    pub(crate) seal: mpsc::Receiver<()>,
    pub(crate) silent: mpsc::Receiver<()>,
    pub(crate) looks: mpsc::Receiver<DiscoveryResult>,
    pub(crate) operator: mpsc::Receiver<OperatorOrder>,
}

impl UpkeepTasks {
    /// Does chores until `stopped` is true or dropped; then stops the cron jobs.
    pub(crate) async fn run(self, mut stopped: watch::Receiver<bool>) {
        let Self { mut rounds, mut reconciler, pruner, rebuilder, sealer, .. } = self;
        let Self { mut prune, mut seal, mut silent, phases, .. } = self;
        let Self { mut looks, mut operator, .. } = self;
        let rebuilding = tokio::spawn(rebuilder.run());
        let keeping = phases.map(|(phases, grids)| tokio::spawn(phases.follow(grids)));
        let mut summariser = Summariser::new(&pruner);
        // Beside the others: a large prune must not hold up a look at the inventory.
        let pruning = tokio::spawn(async move {
            pruner.look().await;
            while prune.recv().await.is_some() {
                pruner.prune().await;
            }
        });
        let sealing = tokio::spawn(async move {
            while seal.recv().await.is_some() {
                sealer.seal().await;
                summariser.run().await;
            }
        });
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => break,
                _ = look.tick() => drop(reconciler.look().await),
                Some(look) = looks.recv() => reconciler.heard(look).await,
                Some(order) = operator.recv() => reconciler.carry_out(order).await,
                Some(()) = silent.recv() => {
                    if let Err(error) = rounds.restart().await {
                        tracing::error!(%error, "the cron jobs could not be made again");
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
