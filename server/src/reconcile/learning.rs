//! What the looks at discovered names change about the hosts.

use super::{DiscoveryResult, Reconciler, waiting::Waiting};
use crate::{
    error_report::error_chain,
    inventory::ListedHost,
    model::{HostName, State},
};

impl Reconciler {
    /// Learns from a look at a discovered name, and puts in force what is different.
    pub(crate) async fn heard(&mut self, DiscoveryResult { discovery, seen }: DiscoveryResult) {
        let key = format!("{}:{}", discovery.dns, discovery.port);
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) => {
                self.metrics.discovery_failures.inc();
                if self.hosts.said.insert(key) {
                    let error = error_chain(&error);
                    tracing::warn!(%error, "discovery: the hosts found before stay");
                }
                return;
            }
        };
        if self.hosts.said.remove(&key) {
            tracing::info!(dns = %discovery.dns, addresses = seen.len(), "discovery: found again");
        }
        let Some((file, _)) = self.hosts.file.clone() else { return };
        // A look at a name that the file does not name any more.
        if !file.discoveries.contains(&discovery) {
            return;
        }
        let at = self.clock.now();
        let now = at.wall;
        let live = &self.live;
        let known = |name: &HostName| {
            let view = live.host(name.as_str());
            view.map_or_else(ListedHost::default, |view| ListedHost {
                machine: view.facts.machine_id.clone(),
                polled: view.last.is_some(),
                answers: view.last.as_ref().is_some_and(|last| last.outcome.has_values()),
            })
        };
        let before = self.hosts.discovered.len();
        let (changed, mut notices) =
            self.hosts.discovered.learn(&discovery, &seen, &file, &known, now);
        let down =
            |name: &HostName| live.host(name.as_str()).is_none_or(|view| view.state == State::Down);
        // By a clock that may be wrong nobody has been gone for long.
        let forgotten = match live.server().clock.doubt(at) {
            None => self.hosts.discovered.forget(self.hosts.forget, down, now),
            Some(_) => Vec::new(),
        };
        let changed = changed || !forgotten.is_empty();
        notices.extend(forgotten);
        self.hosts.say(&notices);
        if !changed {
            return;
        }
        let hosts = self.hosts.discovered.len();
        tracing::info!(dns = %discovery.dns, addresses = seen.len(), before, hosts, "discovery");
        self.reinstall().await;
    }

    /// Puts in force what the discovered hosts says now.
    pub(super) async fn reinstall(&mut self) {
        let Some((file, text)) = self.hosts.file.clone() else { return };
        // A newer file that waits for the store takes the discovered hosts with it.
        let now = self.clock.now().mono;
        if self.waiting.as_ref().is_some_and(|waiting| !waiting.is_settling(now)) {
            return;
        }
        if self.install(&file, &text).await.is_err() && self.waiting.is_none() {
            self.waiting = Some(Waiting::again(file, text));
        }
    }
}
