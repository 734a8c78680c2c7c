//! Hosts that are left alone: maintenance windows open and close, operators pause and resume.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Engine, entry::HostEntry};
use crate::{
    health::{Input, Pause, PauseReason, Policy},
    inventory::{Host, Maintenance},
    model::{HostId, Transition},
    units::{Now, WallMs},
};

/// The maintenance windows of the inventory in force, and until when each is open.
#[derive(Debug, Default)]
pub(super) struct Windows {
    all: Vec<(Arc<Maintenance>, Option<WallMs>)>,
}

impl Windows {
    /// The windows of an inventory, as they are at `now`.
    pub(super) fn new(windows: &[Arc<Maintenance>], now: WallMs) -> Self {
        let open = |window: &Arc<Maintenance>| (Arc::clone(window), window.window.open_until(now));
        Self { all: windows.iter().map(open).collect() }
    }

    /// Looks at the clock. Whether a window opened, closed or got longer.
    fn look(&mut self, now: WallMs) -> bool {
        let mut changed = false;
        for (window, until) in &mut self.all {
            let open = window.window.open_until(now);
            changed |= open != *until;
            *until = open;
        }
        changed
    }

    /// The open window over a host that closes last.
    fn over(&self, host: &Host) -> Option<(&Arc<str>, WallMs)> {
        let open = self.all.iter().filter_map(|(window, until)| Some((window, (*until)?)));
        let over = open.filter(|(window, _)| window.covers(host));
        over.max_by_key(|(_, until)| *until).map(|(window, until)| (&window.name, until))
    }
}

impl Engine {
    /// Why a host is left alone at `now`.
    pub(super) fn pause_reason(&self, id: HostId, host: &Host, now: WallMs) -> Option<PauseReason> {
        PauseReason::of(host.paused, self.pauses.get(&id), self.windows.over(host), now)
    }

    /// Looks at every pause and window; to be called once a second.
    pub(super) fn review_pauses(&mut self, now: Now) {
        let over: Vec<HostId> =
            self.pauses.iter().filter(|(_, p)| p.is_over(now.wall)).map(|(id, _)| *id).collect();
        for host in over {
            self.pauses.remove(&host);
            self.reassess(host, now);
        }
        if self.windows.look(now.wall) {
            self.reassess_all(now);
        }
    }

    /// Looks at every host anew: windows are others.
    fn reassess_all(&mut self, now: Now) {
        let all: Vec<HostId> = self.hosts.keys().copied().collect();
        for host in all {
            self.reassess(host, now);
        }
    }

    /// Pauses a host, or ends its pause.
    pub(super) fn pause(&mut self, host: HostId, pause: Option<Pause>, done: oneshot::Sender<()>) {
        if !self.hosts.contains_key(&host) {
            return;
        }
        match pause {
            Some(pause) => drop(self.pauses.insert(host, pause)),
            None => drop(self.pauses.remove(&host)),
        }
        self.reassess(host, self.parts.clock.now());
        // Whoever asked may have gone away.
        let _ = done.send(());
    }

    pub(super) fn reassess(&mut self, host: HostId, now: Now) {
        let Some(spec) = self.hosts.get(&host).map(|entry| &entry.spec) else { return };
        let pause_reason = self.pause_reason(host, spec, now.wall);
        let Some(entry) =
            self.hosts.get_mut(&host).filter(|entry| entry.pause_reason != pause_reason)
        else {
            return;
        };
        let transition = entry.set_pause_reason(pause_reason, &self.parts.policy, now.wall);
        let name = entry.spec.name.clone();
        if !entry.health.counts_for_quorum() {
            self.quorum.remove(host);
        }
        self.show(host, now);
        if let Some(transition) = transition {
            self.announce(transition, self.hosts.get(&host));
            self.tell_children(&name, now);
        }
    }
}

impl HostEntry {
    /// Is left alone, or no longer; the state follows.
    pub(super) fn set_pause_reason(
        &mut self,
        pause_reason: Option<PauseReason>,
        policy: &Policy,
        now: WallMs,
    ) -> Option<Transition> {
        self.pause_reason = pause_reason.clone();
        match &pause_reason {
            Some(pause_reason) => self.decide(Input::Pause(pause_reason), policy, now),
            None => self.decide(Input::Resume, policy, now),
        }
    }
}
