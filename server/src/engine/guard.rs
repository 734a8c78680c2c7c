//! What one host's poll means beside the others': is the server cut off, and does a parent fail?
//! Both are decided in `health`; here they are carried out.

use super::{Engine, entry::HostEntry};
use crate::{
    health::{FailingParent, QuorumSample},
    hook::ServerEvent,
    model::{HostId, HostName},
    poll::Attempt,
    units::Now,
};

impl Engine {
    /// Takes the end of a poll as a sign of how the server itself is, before anything follows from
    /// it for the host.
    pub(super) fn record_for_quorum(&mut self, host: HostId, attempt: &Attempt, now: Now) {
        if !attempt.outcome.was_asked() || self.aborting {
            return;
        }
        let heard = attempt.heard;
        // Whatever is heard, of anybody, speaks for the network; silence only of hosts that are
        // expected to answer.
        let speaks = |entry: &&HostEntry| heard || entry.health.counts_for_quorum();
        let Some(entry) = self.hosts.get(&host).filter(speaks) else {
            return self.quorum.remove(host);
        };
        let sample = QuorumSample {
            host,
            group: entry.spec.group.as_ref(),
            heard,
            interval: entry.spec.schedule.shortest_gap(),
        };
        if let Some(evidence) = self.quorum.record(sample, now.mono) {
            tracing::error!(%evidence, "the server considers itself cut off: no state changes");
            self.isolated = Some(now.wall);
            self.parts.live.update_server(|server| server.isolated = Some(now.wall));
            self.parts.metrics.isolated.set(1);
            let reason = format!("{evidence}: likelier the server's own connection than the hosts");
            self.announce_own(ServerEvent::Isolated, &reason, now.wall);
        }
    }

    /// Ends isolation when most hosts have been heard for long enough.
    pub(super) fn review_isolation(&mut self, now: Now) {
        if !self.quorum.is_over(now.mono) {
            return;
        }
        tracing::warn!("most hosts are heard again: states change again");
        self.isolated = None;
        self.parts.live.update_server(|server| server.isolated = None);
        self.parts.metrics.isolated.set(0);
        let reason = "most hosts are heard again";
        self.announce_own(ServerEvent::Rejoined, reason, now.wall);
    }

    /// The nearest host above this one that fails.
    pub(super) fn failing_parent(&self, host: HostId) -> Option<FailingParent> {
        let entry_of = |name: &HostName| self.hosts.get(self.names.get(name)?);
        let above = |child: &HostId| entry_of(self.hosts.get(child)?.spec.parent.as_ref()?);
        let ancestors = std::iter::successors(above(&host), |entry| above(&entry.id));
        FailingParent::nearest(ancestors.map(|entry| (&entry.spec.name, entry.health.state)))
    }

    /// Shows the hosts behind others anew, once `parent` has changed its state.
    pub(super) fn tell_children(&mut self, parent: &HostName, now: Now) {
        if !self.parents.contains(parent) {
            return;
        }
        let behind: Vec<HostId> =
            self.hosts.values().filter(|e| e.spec.parent.is_some()).map(|e| e.id).collect();
        for host in behind {
            let parent = self.failing_parent(host);
            let Some(entry) = self.hosts.get_mut(&host).filter(|e| e.parent != parent) else {
                continue;
            };
            entry.parent = parent;
            self.show(host, now);
        }
    }
}
