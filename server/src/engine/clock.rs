//! The server's own clock: what follows from a step of it, and by what the hosts' clocks are judged.
//! What it means is decided in `own_clock`; here it is carried out.

use std::sync::Arc;

use tokio::sync::watch;

use super::Engine;
use crate::{
    health::Skew,
    hook::ServerEvent,
    metrics::{Direction, DirectionLabel},
    model::HostId,
    own_clock::ClockSample,
    poll::Attempt,
    schedule::{ClockStep, Grids, PollQueue},
    units::Now,
};

impl Engine {
    /// Goes on with the phases and grids of an earlier start, and hands on what the next one is to
    /// know, whenever that changes.
    #[must_use]
    pub fn keeping(mut self, grids: watch::Sender<Grids>) -> Self {
        let earlier = grids.borrow().clone();
        self.poll_queue =
            PollQueue::resume(earlier, crate::units::WallMs(0), self.parts.clock.now());
        self.grids = Some(grids);
        self
    }

    /// The machine's own boot id, by which a host on the same kernel is known.
    #[must_use]
    pub fn on_boot(mut self, boot_id: Option<Arc<str>>) -> Self {
        self.own_boot = boot_id;
        self
    }

    /// Looks whether the wall clock stepped, before anything follows from what it says.
    pub(super) fn look_at_clock(&mut self, now: Now) {
        self.poll_queue.look(now);
        for step in self.poll_queue.take_steps() {
            self.stepped(step);
        }
    }

    fn stepped(&mut self, step: ClockStep) {
        let reason = self.own_clock.step(step);
        tracing::warn!(by_ms = step.by_ms, "{reason}");
        let direction = if step.by_ms < 0 { Direction::Back } else { Direction::Forward };
        self.parts.metrics.clock_steps.get_or_create(&DirectionLabel { direction }).inc();
        self.announce_own(ServerEvent::ClockStepped, &reason, step.noticed.wall);
        self.keep_grids();
        self.show_clock();
    }

    /// Hands on what the next start is to know of the slots that were used.
    pub(super) fn keep_grids(&self) {
        if let Some(kept) = &self.grids {
            kept.send_if_modified(|kept| {
                let differs = kept != self.poll_queue.grids();
                if differs {
                    kept.clone_from(self.poll_queue.grids());
                }
                differs
            });
        }
    }

    /// Once a round: compares the clock with the hosts'.
    pub(super) fn review_clock(&mut self, now: Now) {
        let was_wrong = self.own_clock.standing().is_wrong;
        self.own_clock.review(now);
        let standing = self.own_clock.standing();
        if standing.is_wrong && !was_wrong {
            let (off_ms, hosts) = (standing.fleet_ms, standing.samples);
            tracing::warn!(off_ms, hosts, "the clocks of most hosts differ from this server's");
        }
        self.show_clock();
    }

    /// Whether the wall clock may be wrong.
    pub(super) fn is_clock_doubted(&self, now: Now) -> bool {
        self.own_clock.standing().doubt(now).is_some()
    }

    fn show_clock(&self) {
        let standing = self.own_clock.standing();
        self.parts.live.update_server(|server| server.clock = standing);
    }

    /// By how much a host's clock is off, as far as that is its own fault.
    pub(super) fn skew(&mut self, host: HostId, attempt: &Attempt) -> Option<Skew> {
        let told = attempt.clock_skew_ms.map(|ms| {
            let boot = attempt.snapshot.as_deref().and_then(|s| s.facts.boot_id.as_ref());
            ClockSample {
                skew: Skew { ms, bound_ms: attempt.timings.skew_bound_ms().unwrap_or_default() },
                began: attempt.started.mono,
                is_own: boot.is_some() && boot == self.own_boot.as_ref(),
            }
        });
        self.own_clock.judge(host, told, self.poll_queue.len())
    }
}
