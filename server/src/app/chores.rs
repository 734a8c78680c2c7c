//! What the cron jobs wake beside polling: the look at the inventory file, the pruning and sealing of
//! old rows, and the jobs' own repair.

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot};

use super::{discovering::Look, install::Installer, rebuild::Rebuilder};
use crate::{
    clock::Clock,
    config,
    live::Live,
    metrics::Metrics,
    operator::Order,
    rounds::Rounds,
    store::{Retention, Sealed, Store},
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
                let error = super::install::chain(&error);
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
    pub(super) inventory: mpsc::Receiver<()>,
    pub(super) prune: mpsc::Receiver<()>,
    pub(super) seal: mpsc::Receiver<()>,
    pub(super) silent: mpsc::Receiver<()>,
    pub(super) looks: mpsc::Receiver<Look>,
    pub(super) operator: mpsc::Receiver<Order>,
}

impl Chores {
    /// Does chores until told to stop; then stops the cron jobs.
    pub(super) async fn run(self, mut stopped: oneshot::Receiver<()>) {
        let Self { mut rounds, mut installer, pruner, rebuilder, sealer, .. } = self;
        let Self { mut inventory, mut prune, mut seal, mut silent, .. } = self;
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
        sealing.abort();
        if let Err(error) = rounds.stop().await {
            tracing::warn!(%error, "the cron jobs did not stop cleanly");
        }
    }
}
