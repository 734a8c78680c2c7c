//! What the cron jobs wake beside polling: the look at the inventory file, the pruning of old rows,
//! and the jobs' own repair.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::{discovering::Look, install::Installer, rebuild::Rebuilder};
use crate::{
    clock::Clock,
    config,
    operator::Order,
    rounds::Rounds,
    store::{Retention, Store},
};

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

/// The chores and what wakes them.
pub(super) struct Chores {
    pub(super) rounds: Rounds,
    pub(super) installer: Installer,
    pub(super) pruner: Pruner,
    pub(super) rebuilder: Rebuilder,
    pub(super) inventory: mpsc::Receiver<()>,
    pub(super) prune: mpsc::Receiver<()>,
    pub(super) silent: mpsc::Receiver<()>,
    pub(super) looks: mpsc::Receiver<Look>,
    pub(super) operator: mpsc::Receiver<Order>,
}

impl Chores {
    /// Does chores until told to stop; then stops the cron jobs.
    pub(super) async fn run(self, mut stopped: oneshot::Receiver<()>) {
        let Self {
            mut rounds,
            mut installer,
            pruner,
            rebuilder,
            mut inventory,
            mut prune,
            mut silent,
            mut looks,
            mut operator,
        } = self;
        let rebuilding = tokio::spawn(rebuilder.run());
        // Beside the others: a large prune must not hold up a look at the inventory.
        let pruning = tokio::spawn(async move {
            while prune.recv().await.is_some() {
                pruner.prune().await;
            }
        });
        loop {
            tokio::select! {
                _ = &mut stopped => break,
                Some(()) = inventory.recv() => installer.look().await,
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
        if let Err(error) = rounds.stop().await {
            tracing::warn!(%error, "the cron jobs did not stop cleanly");
        }
    }
}
