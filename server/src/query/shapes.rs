//! The JSON of Roundsman, once: what the HTTP API answers and what `--json` prints.
//!
//! The shapes promise three things. A value's name carries its unit, and `columns` explains every
//! name. What is unknown is `null` and present, never 0 and never left out, so that a consumer sees
//! all there is. A poll that failed has `values: null`.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::Serialize;

use super::{moment::Rfc3339, poll_shape::PollShape};
use crate::{
    live::{AttemptSummary, HostView},
    model::{Cause, Facts, Labels, Outcome, Record, Severity, State, Transition},
    store::HostSummary,
    units::WallMs,
};

/// One host as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HostShape {
    /// The store's number.
    pub id: i64,
    /// Its name.
    pub name: Arc<str>,
    /// Its group.
    pub group: Option<Arc<str>>,
    /// Its labels, the group's included.
    pub labels: BTreeMap<String, String>,
    /// Where its probe is asked, in the order they are tried.
    pub addresses: Vec<Arc<str>>,
    /// When it is polled, in words; unknown when no server has it in its inventory.
    pub schedule: Option<Arc<str>>,
    /// Its health.
    pub state: State,
    /// Since when.
    pub since: Option<Rfc3339>,
    /// The same, milliseconds since 1970.
    pub since_ms: Option<WallMs>,
    /// Whether it changes too often; unknown when only the store is asked.
    pub flapping: Option<bool>,
    /// The host that it is behind and whose failing explains its own.
    pub unreachable_because: Option<Arc<str>>,
    /// When its pause or maintenance window ends by itself.
    pub paused_until: Option<Rfc3339>,
    /// The same, milliseconds since 1970.
    pub paused_until_ms: Option<WallMs>,
    /// Why it is in this state, one sentence.
    pub reason: Arc<str>,
    /// What is wrong with it, in words: each flaw of its answers while it is degraded, the error of its
    /// last poll while it is suspect or down; `null` otherwise.
    pub cause: Option<Arc<str>>,
    /// How many of its alarms fire; unknown when only the store is asked.
    pub alarms_firing: Option<usize>,
    /// How much the worst of them matters; `null` when none fires.
    pub alarm_severity: Option<Severity>,
    /// What is known of the machine.
    pub facts: Facts,
    /// The last poll, whatever its outcome.
    pub last: Option<PollShape>,
    /// When the last poll that brought values was due.
    pub last_good_at: Option<Rfc3339>,
    /// The same, milliseconds since 1970.
    pub last_good_at_ms: Option<WallMs>,
    /// The last attempts, oldest first.
    pub recent: Vec<AttemptShape>,
}

impl HostShape {
    /// The shape of a host in the live view; `detail` says whether the last poll's is wanted.
    #[must_use]
    pub fn from_view(view: &HostView, detail: bool) -> Self {
        let last_good = view.last_good.as_ref().map(|record| record.slot);
        Self {
            id: view.id.0,
            name: view.name.as_str().into(),
            group: view.group.as_ref().map(|group| group.as_str().into()),
            labels: Labels::clone(&view.labels),
            addresses: view.addresses.to_vec(),
            schedule: Some(Arc::clone(&view.schedule)),
            state: view.state,
            since: Some(Rfc3339(view.since)),
            since_ms: Some(view.since),
            flapping: Some(view.flapping),
            unreachable_because: view.unreachable_because.as_ref().map(|name| name.as_str().into()),
            paused_until: view.paused_until.map(Rfc3339),
            paused_until_ms: view.paused_until,
            reason: Arc::clone(&view.reason),
            cause: view.cause.clone(),
            alarms_firing: Some(view.firing().count()),
            alarm_severity: view.firing().map(|alarm| alarm.severity).max(),
            facts: Facts::clone(&view.facts),
            last: view.last.as_ref().map(|record| PollShape::new(Arc::clone(record), detail)),
            last_good_at: last_good.map(Rfc3339),
            last_good_at_ms: last_good,
            recent: view.recent.map(|attempt| attempt.into()),
        }
    }

    /// The shape of a host of which only the store is asked.
    #[must_use]
    pub fn from_summary(summary: HostSummary, detail: bool) -> Self {
        let (state, since) = match (summary.retired_at, summary.state) {
            (Some(retired), _) => (State::Retired, Some(retired)),
            (None, Some((state, since))) => (state, Some(since)),
            (None, None) => (State::Pending, Some(summary.listed_at)),
        };
        let latest = summary.latest.map(Arc::new);
        let wrong = matches!(state, State::Suspect | State::Down | State::Degraded);
        let cause = latest.as_ref().filter(|_| wrong).and_then(|record| record.error.clone());
        let reason = match (state, &latest) {
            (State::Pending, _) => "it has not answered yet".into(),
            (State::Retired, _) => "it is not in the inventory any more".into(),
            (_, Some(record)) => match &record.error {
                Some(error) => Arc::clone(error),
                None => format!("its last poll was {}", record.outcome).into(),
            },
            (_, None) => "no poll of it is kept".into(),
        };
        Self {
            id: summary.id.0,
            name: summary.name.as_str().into(),
            group: summary.group.as_ref().map(|group| group.as_str().into()),
            labels: summary.labels,
            addresses: summary.addresses.into_iter().map(Arc::from).collect(),
            schedule: None,
            state,
            since: since.map(Rfc3339),
            since_ms: since,
            flapping: None,
            unreachable_because: None,
            paused_until: None,
            paused_until_ms: None,
            reason,
            cause,
            alarms_firing: None,
            alarm_severity: None,
            facts: summary.facts,
            last_good_at: summary.last_seen.map(Rfc3339),
            last_good_at_ms: summary.last_seen,
            last: latest.map(|record| PollShape::new(record, detail)),
            recent: Vec::new(),
        }
    }

    /// Adds what the ledger says: the last attempts, newest first, and the last change of state.
    pub fn add_history(&mut self, newest_first: &[Record], change: Option<&Transition>) {
        self.recent = newest_first.iter().rev().map(AttemptShape::from).collect();
        if let Some(good) = newest_first.iter().find(|record| record.outcome.has_values()) {
            self.last_good_at = Some(Rfc3339(good.slot));
            self.last_good_at_ms = Some(good.slot);
        }
        if let Some(change) = change {
            self.reason = Arc::clone(&change.reason);
            // A flaw of an answer that was read in full stands in no row of a poll.
            if self.state == State::Degraded && change.to == State::Degraded {
                self.cause.get_or_insert_with(|| Arc::clone(&change.reason));
            }
        }
    }
}

/// One attempt, short.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AttemptShape {
    /// When it was due.
    pub slot: Rfc3339,
    /// The same, milliseconds since 1970.
    pub slot_ms: WallMs,
    /// How it ended.
    pub outcome: Outcome,
    /// The call's time, microseconds.
    pub call_us: Option<u64>,
    /// What went wrong.
    pub error: Option<Arc<str>>,
}

impl From<&AttemptSummary> for AttemptShape {
    fn from(attempt: &AttemptSummary) -> Self {
        Self {
            slot: Rfc3339(attempt.slot),
            slot_ms: attempt.slot,
            outcome: attempt.outcome,
            call_us: attempt.timings.call_us.map(|us| us.0),
            error: attempt.error.clone(),
        }
    }
}

impl From<&Record> for AttemptShape {
    fn from(record: &Record) -> Self {
        Self {
            slot: Rfc3339(record.slot),
            slot_ms: record.slot,
            outcome: record.outcome,
            call_us: record.timings.call_us.map(|us| us.0),
            error: record.error.clone(),
        }
    }
}

/// A page of hosts.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HostsPage {
    /// How many hosts match, on all pages.
    pub total: usize,
    /// Hosts by name. `last` comes without its detail; ask for the host to see it.
    pub hosts: Vec<HostShape>,
    /// The next page: all its parameters as the query of a URL, `after=web-9&limit=2`, to be put behind
    /// the path as they are, or read into parameters; none on the last one.
    pub next: Option<String>,
}

/// A page of the ledger of one host.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PollsPage {
    /// The host.
    pub host: Arc<str>,
    /// Polls due at or after this moment.
    pub from: Rfc3339,
    /// Polls due before this moment.
    pub to: Rfc3339,
    /// The polls, in the order asked for.
    pub polls: Vec<PollShape>,
    /// The next page: all its parameters as the query of a URL, `after=web-9&limit=2`, to be put behind
    /// the path as they are, or read into parameters; none on the last one.
    pub next: Option<String>,
}

/// A host's changes of state.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EventsPage {
    /// The host.
    pub host: Arc<str>,
    /// Newest first.
    pub events: Vec<EventShape>,
}

/// Changes of state over the whole fleet.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FleetEventsPage {
    /// Newest first.
    pub events: Vec<FleetEventShape>,
    /// There are older ones that are not here.
    pub more: bool,
}

/// One change of state, and whose.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FleetEventShape {
    /// The host, by the name that it had.
    pub host: Arc<str>,
    /// What changed.
    #[serde(flatten)]
    pub event: EventShape,
}

impl From<&Transition> for FleetEventShape {
    fn from(transition: &Transition) -> Self {
        Self { host: transition.name.as_str().into(), event: EventShape::from(transition) }
    }
}

/// One change of state.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EventShape {
    /// When.
    pub at: Rfc3339,
    /// The same, milliseconds since 1970.
    pub at_ms: WallMs,
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// Why.
    pub cause: Cause,
    /// The outcome of the poll that caused it, when a poll did.
    pub outcome: Option<Outcome>,
    /// Why in words.
    pub reason: Arc<str>,
}

impl From<&Transition> for EventShape {
    fn from(transition: &Transition) -> Self {
        Self {
            at: Rfc3339(transition.at),
            at_ms: transition.at,
            from: transition.from,
            to: transition.to,
            cause: transition.cause,
            outcome: transition.outcome,
            reason: Arc::clone(&transition.reason),
        }
    }
}
