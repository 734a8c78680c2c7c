//! The steps of one poll as they happen, and how long each took.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    link::LinkConnection,
    socket::{PeerActivity, PeerProgress},
};
use crate::{
    model::Timings,
    units::{Micros, Mono, Now},
};

/// The step that a poll is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PollStep {
    /// Waiting for the limit of polls in flight.
    Queue,
    /// Between two steps.
    Between,
    /// Resolving a name.
    Resolve,
    /// Connecting.
    Connect,
    /// Calling; no answer yet.
    Call,
    /// The head of the answer came, its body has not.
    Body,
}

/// The steps of one poll as they happen. It outlives the poll's future, because a deadline drops
/// that future and the ledger still wants to know how far it got.
#[derive(Debug)]
pub(super) struct Trace(Mutex<Steps>);

#[derive(Debug)]
pub(super) struct Steps {
    pub(super) step: PollStep,
    since: Mono,
    queue: Duration,
    resolve: Option<Duration>,
    connect: Option<Duration>,
    call: Option<Duration>,
    pub(super) address: Option<Arc<str>>,
    pub(super) answer_bytes: Option<u64>,
    /// What the peer of the connection in use did.
    pub(super) peer: Option<Arc<PeerActivity>>,
    /// The connection's number on its link.
    pub(super) connection: Option<u64>,
    /// A connection was opened in this poll: the peer answered the attempt.
    opened: bool,
    /// What the peer of a kept connection had done before this poll.
    before: Option<PeerProgress>,
}

impl Trace {
    /// A poll that begins to wait at `now`.
    pub(super) fn begin(now: Now) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Steps {
            step: PollStep::Queue,
            since: now.mono,
            queue: Duration::ZERO,
            resolve: None,
            connect: None,
            call: None,
            address: None,
            answer_bytes: None,
            peer: None,
            connection: None,
            opened: false,
            before: None,
        })))
    }

    /// Ends the step before and begins `step`. Steps that come twice (a second address, a second
    /// try) add up, so that all of them together are the whole poll.
    pub(super) fn enter(&self, step: PollStep, now: Mono) {
        let mut steps = self.read();
        let spent = now.since(steps.since);
        match steps.step {
            PollStep::Queue => steps.queue += spent,
            PollStep::Between => {}
            PollStep::Resolve => *steps.resolve.get_or_insert_default() += spent,
            PollStep::Connect => *steps.connect.get_or_insert_default() += spent,
            PollStep::Call | PollStep::Body => *steps.call.get_or_insert_default() += spent,
        }
        steps.step = step;
        steps.since = now;
    }

    /// Notes the connection that the poll uses from now on, and whether it was there before.
    pub(super) fn connected(&self, kept: &LinkConnection, was_kept: bool) {
        let mut steps = self.read();
        steps.opened |= !was_kept;
        steps.before = Some(kept.connection.peer().done());
        steps.address = Some(Arc::clone(&kept.text));
        steps.peer = Some(Arc::clone(kept.connection.peer()));
        steps.connection = Some(kept.number);
    }

    /// The steps so far.
    pub(super) fn read(&self) -> MutexGuard<'_, Steps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Steps {
    /// Whether the peer did anything in this poll. The end of a kept connection counts: its peer's
    /// kernel closed or reset it just now.
    pub(super) fn has_heard(&self) -> bool {
        let done = self.peer.as_ref().map(|peer| peer.done());
        self.opened || done != self.before
    }

    /// What the ledger keeps.
    pub(super) fn timings(&self) -> Timings {
        Timings {
            late_us: Micros(0),
            queue_us: self.queue.into(),
            resolve_us: self.resolve.map(Micros::from),
            connect_us: self.connect.map(Micros::from),
            call_us: self.call.map(Micros::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono(Duration::from_millis(ms))
    }

    #[test]
    fn steps_add_up_to_the_whole_poll_and_unreached_ones_stay_unknown() {
        let trace = Trace::begin(Now { mono: at(5), ..Now::default() });
        trace.enter(PollStep::Between, at(7));
        trace.enter(PollStep::Connect, at(7));
        trace.enter(PollStep::Call, at(10));
        trace.enter(PollStep::Connect, at(11));
        trace.enter(PollStep::Call, at(15));
        trace.enter(PollStep::Body, at(21));
        trace.enter(PollStep::Between, at(30));
        assert_eq!(
            trace.read().timings(),
            Timings {
                late_us: Micros(0),
                queue_us: Micros(2_000),
                resolve_us: None,
                connect_us: Some(Micros(7_000)),
                call_us: Some(Micros(16_000)),
            }
        );
    }
}
