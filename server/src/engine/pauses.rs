//! Hosts that are left alone: maintenance windows open and close, operators pause and resume. While the
//! wall clock may be wrong, what was open or paused before lasts as long as the monotonic clock says:
//! a clock that is wrong for a moment must not have a host judged that is being worked on.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Engine, entry::HostEntry};
use crate::{
    health::{Input, Pause, PauseReason, Policy},
    inventory::{Host, Maintenance},
    model::{HostId, Transition},
    units::{Mono, Now, WallMs},
};

/// A pause that an operator asked for.
#[derive(Debug)]
pub(super) struct Paused {
    pause: Pause,
    /// When it is over by the monotonic clock; none of one that began before the start.
    over: Option<Mono>,
}

impl Paused {
    /// One that begins.
    pub(super) fn from_now(pause: Pause, now: Now) -> Self {
        let over = pause.until.map(|until| now.mono.plus(until.since(now.wall)));
        Self { pause, over }
    }

    /// One that began before the start.
    pub(super) fn earlier(pause: Pause) -> Self {
        Self { pause, over: None }
    }

    fn is_over(&self, now: Now, is_doubted: bool) -> bool {
        match is_doubted {
            true => self.over.is_some_and(|over| over <= now.mono),
            false => self.pause.is_over(now.wall),
        }
    }
}

/// A maintenance window; while it is open, until when, by both clocks.
#[derive(Debug)]
struct Window {
    what: Arc<Maintenance>,
    open: Option<(WallMs, Mono)>,
}

impl Window {
    fn at(what: &Arc<Maintenance>, now: Now) -> Self {
        let until = what.window.open_until(now.wall);
        let open = until.map(|until| (until, now.mono.plus(until.since(now.wall))));
        Self { what: Arc::clone(what), open }
    }
}

/// The maintenance windows of the inventory in force.
#[derive(Debug, Default)]
pub(super) struct Windows {
    all: Vec<Window>,
}

impl Windows {
    /// The windows of an inventory, as they are at `now`.
    pub(super) fn new(windows: &[Arc<Maintenance>], now: Now) -> Self {
        Self { all: windows.iter().map(|window| Window::at(window, now)).collect() }
    }

    /// Looks at the clock. Whether a window opened, closed or got longer.
    fn look(&mut self, now: Now, is_doubted: bool) -> bool {
        let mut changed = false;
        for window in &mut self.all {
            let found = Window::at(&window.what, now);
            let lasts = is_doubted && window.open.is_some_and(|(_, closes)| now.mono < closes);
            if found.open.is_some() || !lasts {
                let until = |window: &Window| window.open.map(|(until, _)| until);
                changed |= until(&found) != until(window);
                *window = found;
            }
        }
        changed
    }

    /// The open window over a host that closes last.
    fn over(&self, host: &Host) -> Option<(&Arc<str>, WallMs)> {
        let open = self.all.iter().filter_map(|window| Some((&window.what, window.open?.0)));
        let over = open.filter(|(window, _)| window.covers(host));
        over.max_by_key(|(_, until)| *until).map(|(window, until)| (&window.name, until))
    }
}

impl Engine {
    /// Why a host is left alone at `now`.
    pub(super) fn pause_reason(&self, id: HostId, host: &Host, now: Now) -> Option<PauseReason> {
        let is_doubted = self.is_clock_doubted(now);
        let asked = self.pauses.get(&id).filter(|paused| !paused.is_over(now, is_doubted));
        PauseReason::of(host.paused, asked.map(|paused| &paused.pause), self.windows.over(host))
    }

    /// Looks at every pause and window; to be called once a second.
    pub(super) fn review_pauses(&mut self, now: Now) {
        let is_doubted = self.is_clock_doubted(now);
        let over = self.pauses.iter().filter(|(_, paused)| paused.is_over(now, is_doubted));
        let over: Vec<HostId> = over.map(|(host, _)| *host).collect();
        for host in over {
            self.pauses.remove(&host);
            self.reassess(host, now);
        }
        if self.windows.look(now, is_doubted) {
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
        let now = self.parts.clock.now();
        match pause {
            Some(pause) => drop(self.pauses.insert(host, Paused::from_now(pause, now))),
            None => drop(self.pauses.remove(&host)),
        }
        self.reassess(host, now);
        // Whoever asked may have gone away.
        let _ = done.send(());
    }

    pub(super) fn reassess(&mut self, host: HostId, now: Now) {
        let Some(spec) = self.hosts.get(&host).map(|entry| &entry.spec) else { return };
        let pause_reason = self.pause_reason(host, spec, now);
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
