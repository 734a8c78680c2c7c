//! Why a host is in its state: the last attempts, the changes of state, one sentence that they add
//! up to, and what comes next.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    LossShape, Query, QueryError, STORE_PATIENCE,
    moment::Rfc3339,
    shapes::{EventShape, HostShape},
};
use crate::{
    health::{self, Health, Pause, PauseReason, Policy, StateContext},
    live::{AttemptSummary, HostView, RECENT_ATTEMPTS},
    model::{Cause, Family, HostId, Outcome, Record, State, Status},
    store::{self, StoreError},
    units::{Micros, WallMs},
};

/// How many changes of state are told.
pub const WHY_EVENTS: usize = 10;

/// What explains a host's state.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WhyShape {
    /// What is so, why, what would change it, in plain words.
    pub sentence: String,
    /// The slot that it is polled for next; unknown when no server was asked, none while paused.
    pub next_due: Option<Rfc3339>,
    /// The same, milliseconds since 1970.
    pub next_due_ms: Option<WallMs>,
    /// Why something is missing here: the store could not be read in time.
    pub store_error: Option<String>,
    /// The host.
    pub host: HostShape,
    /// The last attempts, at most [`crate::live::RECENT_ATTEMPTS`], oldest first.
    pub attempts: Vec<WhyAttempt>,
    /// The last changes of state, at most [`WHY_EVENTS`], newest first.
    pub events: Vec<EventShape>,
    /// Polls of any hosts that could not be kept since the first of the attempts, at most
    /// [`WHY_EVENTS`]: why one may be missing here.
    pub losses: Vec<LossShape>,
}

/// One attempt with every step. A step that was not reached is `null`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WhyAttempt {
    /// When it was due.
    pub slot: Rfc3339,
    /// The same, milliseconds since 1970.
    pub slot_ms: WallMs,
    /// How it ended.
    pub outcome: Outcome,
    /// The host's state after it.
    pub state: State,
    /// How late it was begun, microseconds.
    pub late_us: Micros,
    /// Waiting for the limit of polls in flight, microseconds: the server's queue, not the host's
    /// fault.
    pub queue_us: Micros,
    /// Resolving the name, microseconds.
    pub resolve_us: Option<Micros>,
    /// Connecting, microseconds; `null` also when the connection was open.
    pub connect_us: Option<Micros>,
    /// The call, microseconds.
    pub call_us: Option<Micros>,
    /// Size of the answer, bytes.
    pub answer_bytes: Option<u64>,
    /// The address used.
    pub address: Option<Arc<str>>,
    /// What went wrong.
    pub error: Option<Arc<str>>,
    /// The families that could not be read in full; `null` when only `error` is kept.
    pub unread: Option<Vec<Unread>>,
}

/// A family that could not be read in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unread {
    /// Which.
    pub family: Family,
    /// How far it could be read.
    pub status: Status,
}

impl From<&AttemptSummary> for WhyAttempt {
    fn from(attempt: &AttemptSummary) -> Self {
        let timings = &attempt.timings;
        let unread = |pairs: &[(Family, Status)]| {
            pairs
                .iter()
                .map(|(family, status)| Unread { family: *family, status: *status })
                .collect()
        };
        Self {
            slot: Rfc3339(attempt.slot),
            slot_ms: attempt.slot,
            outcome: attempt.outcome,
            state: attempt.state,
            late_us: timings.late_us,
            queue_us: timings.queue_us,
            resolve_us: timings.resolve_us,
            connect_us: timings.connect_us,
            call_us: timings.call_us,
            answer_bytes: attempt.answer_bytes,
            address: attempt.address.clone(),
            error: attempt.error.clone(),
            unread: attempt.unread.as_deref().map(unread),
        }
    }
}

impl From<&Record> for WhyAttempt {
    fn from(record: &Record) -> Self {
        Self::from(&AttemptSummary::from(record))
    }
}

/// What a running server says of a host; `attempts` are its last ones, oldest first.
fn of_view(view: &HostView, attempts: Vec<WhyAttempt>) -> WhyShape {
    let host = HostShape::from_view(view, false);
    let mut sentence = sentence(&host.name, &view.reason, &attempts, host.last_good_at);
    match view.next_due {
        Some(slot) => sentence.push_str(&format!(" It is polled next at {}.", slot.spoken())),
        None => sentence.push_str(" It is not polled."),
    }
    WhyShape {
        sentence,
        next_due: view.next_due.map(Rfc3339),
        next_due_ms: view.next_due,
        store_error: None,
        host,
        attempts,
        events: Vec::new(),
        losses: Vec::new(),
    }
}

/// What the ledger says of a host, by the thresholds that a server would have; `pause` is the one that
/// an operator asked for.
pub(super) fn of_store(
    host: HostShape,
    attempts: Vec<WhyAttempt>,
    events: Vec<EventShape>,
    pause: Option<Pause>,
    policy: &Policy,
) -> WhyShape {
    let pause_reason = pause.map(PauseReason::Asked);
    let around = StateContext {
        pause_reason: pause_reason.as_ref(),
        flaws: host.cause.as_deref(),
        ..StateContext::default()
    };
    let reason = match host.since_ms {
        Some(since) => health::explain(&recount(host.state, since, &attempts), policy, &around),
        None => format!("{}: {}.", host.state, host.reason),
    };
    let mut sentence = sentence(&host.name, &reason, &attempts, host.last_good_at);
    let unsaid = |change: &&EventShape| {
        let said = pause_reason.is_some() || host.cause.as_ref() == Some(&change.reason);
        change.to == host.state && !said
    };
    if let Some(change) = events.first().filter(unsaid) {
        sentence.push_str(&format!(" It became {} because: {}.", change.to, change.reason));
    }
    let (next_due, next_due_ms, store_error) = (None, None, None);
    let losses = Vec::new();
    WhyShape { sentence, next_due, next_due_ms, store_error, host, attempts, events, losses }
}

/// The evidence for a state, counted again from the newest attempts.
fn recount(state: State, since: WallMs, attempts: &[WhyAttempt]) -> Health {
    let asked = || attempts.iter().rev().filter(|attempt| attempt.outcome.was_asked());
    let count = |which: fn(Outcome) -> bool| {
        let row = asked().take_while(|attempt| which(attempt.outcome)).count();
        u32::try_from(row).unwrap_or(u32::MAX)
    };
    let good = match state {
        State::Degraded => 0,
        _ => count(Outcome::has_values),
    };
    let bad = count(|outcome| !outcome.has_values());
    Health { good, bad, ..Health::known(state, since) }
}

/// `web-1 is down since …: why; what would change it. Its last 3 polls failed, …`
fn sentence(
    name: &str,
    reason: &str,
    attempts: &[WhyAttempt],
    last_good: Option<Rfc3339>,
) -> String {
    let sentence = format!("{name} is {reason}");
    let Some(last) = attempts.last() else {
        return format!("{sentence} No poll of it is kept.");
    };
    let good = last.outcome.has_values();
    let row = attempts.iter().rev().take_while(|a| a.outcome.has_values() == good).count();
    let all = if row == attempts.len() { "All of its" } else { "Its" };
    let polls = if row == 1 { "poll".to_owned() } else { format!("{row} polls") };
    let all = if row == 1 { "Its" } else { all };
    if good {
        return format!("{sentence} {all} last {polls} brought values.");
    }
    let at = last.address.as_ref().map(|address| format!(" at {address}")).unwrap_or_default();
    let before = match last_good {
        Some(moment) => format!("the last good one was {}", moment.0.spoken()),
        None => "it never answered".to_owned(),
    };
    let outcome = last.outcome;
    let newest = if row == 1 { "" } else { ", the newest" };
    format!("{sentence} {all} last {polls} failed{newest} with {outcome}{at}, and {before}.")
}

impl Query {
    /// Why a host is in its state. Of a host in the live view it answers even while the store does
    /// not; of another, `policy` says what would change its state.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn why(&self, name: &str, policy: &Policy) -> Result<WhyShape, QueryError> {
        if let Some(view) = self.live.as_ref().and_then(|live| live.host(name)) {
            return Ok(self.why_live(&view).await);
        }
        let host = self.host(name).await?;
        let id = HostId(host.id);
        let newest = store::ReadOrder::NewestFirst;
        let polls = self.store.polls(id, store::Span::ALL, newest, RECENT_ATTEMPTS).await?;
        let events = self.store.transitions(id, store::Span::ALL, newest, WHY_EVENTS).await?;
        let losses = match polls.last() {
            Some(oldest) => self.losses_since(oldest.slot).await?,
            None => Vec::new(),
        };
        let attempts = polls.iter().rev().map(WhyAttempt::from).collect();
        let events: Vec<_> = events.iter().map(EventShape::from).collect();
        // A pause that is kept explains the state only where the state came of it.
        let asked = events.first().is_some_and(|change| change.cause == Cause::Paused);
        let pauses = if asked { self.store.pauses().await? } else { Vec::new() };
        let pause = pauses.into_iter().find_map(|(of, pause)| (of == id).then_some(pause));
        Ok(WhyShape { losses, ..of_store(host, attempts, events, pause, policy) })
    }

    async fn losses_since(&self, from: WallMs) -> Result<Vec<LossShape>, StoreError> {
        let span = store::Span { from, ..store::Span::ALL };
        Ok(self.store.losses(span, WHY_EVENTS).await?.iter().map(LossShape::from).collect())
    }

    /// The live view, completed with what only the store knows, when it answers in time.
    async fn why_live(&self, view: &HostView) -> WhyShape {
        let newest = store::ReadOrder::NewestFirst;
        let recent = view.recent.list();
        let missing = RECENT_ATTEMPTS.saturating_sub(recent.len());
        let until = recent.first().map_or(WallMs(i64::MAX), |oldest| oldest.slot);
        let asking = async {
            let span = store::Span { to: until, ..store::Span::ALL };
            let before = match missing {
                0 => Vec::new(),
                _ => self.store.polls(view.id, span, newest, missing).await?,
            };
            let all = store::Span::ALL;
            let events = self.store.transitions(view.id, all, newest, WHY_EVENTS).await?;
            let oldest = before.last().map_or(until, |oldest| oldest.slot);
            let losses = self.losses_since(oldest).await?;
            Ok::<_, StoreError>((before, events, losses))
        };
        let nothing = || (Vec::new(), Vec::new(), Vec::new());
        let (kept, error) = match tokio::time::timeout(STORE_PATIENCE, asking).await {
            Ok(Ok(kept)) => (kept, None),
            Ok(Err(error)) => (nothing(), Some(error.to_string())),
            Err(_) => {
                let late = format!("no answer within {} s", STORE_PATIENCE.as_secs());
                (nothing(), Some(late))
            }
        };
        let (before, events, losses) = kept;
        let before = before.iter().rev().map(WhyAttempt::from);
        WhyShape {
            events: events.iter().map(EventShape::from).collect(),
            losses,
            store_error: error,
            ..of_view(view, before.chain(recent.iter().map(WhyAttempt::from)).collect())
        }
    }
}
