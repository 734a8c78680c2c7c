//! Seals hours of polls that are old enough, unless the server's clock may be wrong.

use std::{sync::Arc, time::Duration};

use super::prune::is_believed;
use crate::{
    clock::Clock,
    error_report::error_chain,
    live::Live,
    metrics::Metrics,
    store::{Sealed, Store},
    units::WallMs,
};

/// Seals hours of polls that are old enough.
pub(crate) struct Sealer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) live: Arc<Live>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) after: Duration,
}

impl Sealer {
    pub(super) async fn seal(&self) {
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
                let Sealed { hours, polls, bytes, failed } = sealed;
                if polls > 0 {
                    tracing::info!(hours, polls, bytes, "old polls sealed");
                }
                self.metrics.polls_sealed.inc_by(polls);
                for error in &failed {
                    tracing::error!(error, "an hour of polls stays as it is");
                }
                let first = failed.first().map(|error| error.as_str().into());
                if first.is_some() {
                    self.metrics.seal_failures.inc();
                }
                self.live.update_server(|server| server.seal_error = first);
            }
            // The next run goes on where this one ended.
            Err(error) => {
                let error = error_chain(&error);
                tracing::error!(error, "old polls could not be sealed");
                self.metrics.seal_failures.inc();
                self.live.update_server(|server| server.seal_error = Some(error.into()));
            }
        }
    }
}
