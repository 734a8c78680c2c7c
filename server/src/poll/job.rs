//! What a poll is asked to do, what comes of it, and the trace of its steps.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    call::Answered,
    classify::Fault,
    link::{Kept, Link},
    socket::{Done, Peer},
    text::MAX_ERROR_BYTES,
};
use crate::{
    model::{FamilyReport, HostId, HostName, Outcome, Selection, Snapshot, Timings},
    text::one_line,
    units::{Micros, Mono, Now},
};

/// One poll to be done.
#[derive(Debug, Clone)]
pub struct Job {
    /// The host's number.
    pub host: HostId,
    /// The host's name.
    pub name: HostName,
    /// The host's kept connection and its addresses.
    pub link: Arc<Link>,
    /// The whole poll after queueing: resolving, connecting, calling, the body.
    pub timeout: Duration,
    /// What is asked for.
    pub selection: Arc<Selection>,
    /// The machine this host is known to be; any other answer is `wrong_host`. None accepts any.
    pub expected_machine: Option<Arc<str>>,
}

/// How one poll went. There is exactly one per [`Job`], whatever happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// How it ended.
    pub outcome: Outcome,
    /// When it was begun, before queueing.
    pub started: Now,
    /// How long its steps took; `late_us` is 0, for whoever knows the slot to fill.
    pub timings: Timings,
    /// Size of the encoded answer, bytes; also set when the answer could not be used.
    pub answer_bytes: Option<u64>,
    /// The address used, or tried last, as in the inventory.
    pub address: Option<Arc<str>>,
    /// What went wrong, one line; none when the outcome is `ok`.
    pub error: Option<Arc<str>>,
    /// Whether anything was heard of the peer, be it a refusal: the network between works.
    pub heard: bool,
    /// The probe's wall clock less the server's at the middle of the call, milliseconds.
    pub clock_skew_ms: Option<i64>,
    /// The answer; present if and only if `outcome.has_values()`.
    pub snapshot: Option<Box<Snapshot>>,
}

impl Attempt {
    /// An answer came and holds what it should.
    pub(super) fn succeed(&mut self, answered: Answered) {
        self.clock_skew_ms = Some(answered.clock_skew_ms);
        self.snapshot = Some(answered.snapshot);
        self.judge();
    }

    /// Says by the reports of its answer, if there is one, whether it is whole.
    pub fn judge(&mut self) {
        let Some(snapshot) = &self.snapshot else { return };
        let broken: Vec<String> = snapshot.reports.iter().filter_map(complaint).collect();
        self.outcome = if broken.is_empty() { Outcome::Ok } else { Outcome::Partial };
        self.error =
            (!broken.is_empty()).then(|| one_line(&broken.join("; "), MAX_ERROR_BYTES).into());
    }

    /// No answer, or none that may be kept.
    pub(super) fn fail(&mut self, fault: &Fault) {
        self.outcome = fault.outcome();
        let line = match (fault, &self.address) {
            // These name every address that was tried.
            (Fault::Dial(_), _) | (_, None) => fault.to_string(),
            (_, Some(address)) => format!("{address}: {fault}"),
        };
        self.error = Some(one_line(&line, MAX_ERROR_BYTES).into());
    }
}

/// What is wrong with a family, if anything. A kernel that does not have it is no fault.
fn complaint(report: &FamilyReport) -> Option<String> {
    let FamilyReport { family, status, error, .. } = report;
    let colon = if error.is_empty() { "" } else { ": " };
    status.is_fault().then(|| format!("{family} {status}{colon}{error}"))
}

/// What the probe's own health check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// It serves.
    Yes,
    /// It says it does not.
    No,
    /// It does not know.
    Unknown,
}

/// The request that travels down the stack.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// What to do.
    pub(super) job: Job,
    /// Whether the probe's health service is asked first.
    pub(super) check_first: bool,
    /// Where its steps are noted.
    pub(super) trace: Arc<Trace>,
    /// When it must be over; set by the deadline layer.
    pub(super) until: Mono,
}

/// The step that a poll is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
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
    pub(super) step: Step,
    since: Mono,
    queue: Duration,
    resolve: Option<Duration>,
    connect: Option<Duration>,
    call: Option<Duration>,
    pub(super) address: Option<Arc<str>>,
    pub(super) answer_bytes: Option<u64>,
    /// What the peer of the connection in use did.
    pub(super) peer: Option<Arc<Peer>>,
    /// The connection's number on its link.
    pub(super) connection: Option<u64>,
    /// A connection was opened in this poll: the peer answered the attempt.
    opened: bool,
    /// What the peer of a kept connection had done before this poll.
    before: Option<Done>,
}

impl Trace {
    /// A poll that begins to wait at `now`.
    pub(super) fn begin(now: Now) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Steps {
            step: Step::Queue,
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
    pub(super) fn enter(&self, step: Step, now: Mono) {
        let mut steps = self.read();
        let spent = now.since(steps.since);
        match steps.step {
            Step::Queue => steps.queue += spent,
            Step::Between => {}
            Step::Resolve => *steps.resolve.get_or_insert_default() += spent,
            Step::Connect => *steps.connect.get_or_insert_default() += spent,
            Step::Call | Step::Body => *steps.call.get_or_insert_default() += spent,
        }
        steps.step = step;
        steps.since = now;
    }

    /// Notes the connection that the poll uses from now on, and whether it was there before.
    pub(super) fn connected(&self, kept: &Kept, was_kept: bool) {
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

impl Attempt {
    /// A poll that was not made, or whose end is not known.
    #[must_use]
    pub fn without_answer(outcome: Outcome, error: &str, now: Now) -> Self {
        Self {
            outcome,
            started: now,
            timings: Timings::default(),
            answer_bytes: None,
            address: None,
            error: Some(error.into()),
            heard: outcome.was_heard(),
            clock_skew_ms: None,
            snapshot: None,
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
        trace.enter(Step::Between, at(7));
        trace.enter(Step::Connect, at(7));
        trace.enter(Step::Call, at(10));
        trace.enter(Step::Connect, at(11));
        trace.enter(Step::Call, at(15));
        trace.enter(Step::Body, at(21));
        trace.enter(Step::Between, at(30));
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
