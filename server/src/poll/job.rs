//! What a poll is asked to do, and what comes of it.

use std::{sync::Arc, time::Duration};

use super::{classify::Fault, link::Link, text::MAX_ERROR_BYTES, trace::Trace};
use crate::{
    model::{FamilyReport, HostId, HostName, Outcome, Selection, Snapshot, Timings},
    text::one_line,
    units::{Mono, Now},
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

/// A probe's answer, decoded and checked, and when it came.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) snapshot: Box<Snapshot>,
    pub(super) clock_skew_ms: i64,
}

/// The request that travels down the stack.
#[derive(Debug, Clone)]
pub(super) struct PollRequest {
    /// What to do.
    pub(super) job: Job,
    /// Whether the probe's health service is asked first.
    pub(super) check_first: bool,
    /// Where its steps are noted.
    pub(super) trace: Arc<Trace>,
    /// When it must be over; set by the deadline layer.
    pub(super) until: Mono,
}
