//! The web hook: somebody is told when a host's state changes, by an HTTP POST of one JSON document per
//! change.
//!
//! What is to be told is a row before it is told: the engine makes a [`Notice`], the writer keeps it in
//! the transaction that keeps the event, in the store or in the spool, and only then hands it on to
//! here. One worker on HTTP's thread tells, and how far a notice has come goes back to the writer as
//! the same row. So a notice outlives receiver, store and server: the next start goes on with those
//! that wait.
//!
//! Notices of one subject (a host, an alarm) are told in order, oldest first; one that fails holds up no other. An end
//! is told only where its begin was: of an outage that was over before the receiver came back both are
//! told, in order; where the begin was given up, its end is folded ([`NoticeState::Folded`]).
//!
//! It knows neither why a state changed (the notification says so) nor what else runs.
//!
//! # The document
//!
//! ```json
//! {"version": 1, "id": "12/1774747800000/down", "kind": "host",
//!  "at": "2026-03-29T01:30:00.000Z", "at_ms": 1774747800000,
//!  "host": "db-1", "group": "db", "labels": {"rack": "a1"},
//!  "from": "suspect", "to": "down", "cause": "poll_failed", "outcome": "refused",
//!  "reason": "3 polls failed, last: refused: …"}
//! ```
//!
//! Of an alarm:
//!
//! ```json
//! {"version": 1, "id": "disk-full/12/8a5edab282632443/1774747800000/firing", "kind": "alert",
//!  "at": "2026-03-29T01:30:00.012Z", "at_ms": 1774747800012,
//!  "rule": "disk-full", "severity": "warning", "state": "firing",
//!  "host": "db-1", "group": "db", "labels": {"rack": "a1"}, "row": "/var",
//!  "value": 97.1, "unit": "%", "threshold": 95.0, "runbook": null, "cause": "values",
//!  "summary": "db-1: /var is 97.1 % full",
//!  "since": "2026-03-29T01:30:00.000Z", "since_ms": 1774747800000}
//! ```
//!
//! `id` is the same in every try, of this server and of the next: a receiver that sees it twice was told
//! twice. Any 2xx ends it. 408, 425, 429 and 5xx, no answer, no connection and no name are tried again for
//! [`GIVE_UP_AFTER`]; anything else, redirects included, is the receiver's refusal and is not.

mod lanes;
mod notification;
mod post;
mod worker;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub use notification::{DOCUMENT_VERSION, Notification, ServerEvent};
pub use post::PostError;
use tokio::sync::Notify;
pub use worker::{HookWorker, NoticeStores};

use self::{
    lanes::{End, Lanes},
    post::HookTarget,
};
use crate::{
    clock::Clock,
    config,
    error_report::error_chain,
    model::{Notice, NoticeState, Severity, State},
    outgoing::SetupError,
    units::WallMs,
};

/// What the hook is called in rows.
pub const RECEIVER: &str = "hook";

/// The pause before the second try; it doubles with every further one.
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause between two tries.
pub const MAX_PAUSE: Duration = Duration::from_secs(60);

/// How long a notice is tried.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Most notices that wait; then the oldest is given up.
pub const MAX_PENDING: usize = 10_000;

/// How long the try under way may take when the server stops; what waits is told by the next start.
pub const DRAIN: Duration = Duration::from_secs(2);

/// What was told and what was not, since the start; and what waits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Notices that the receiver took.
    pub told: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Notices given up: refused, too old, or one too many.
    pub given_up: u64,
    /// Notices that wait now.
    pub pending: usize,
    /// When the oldest of these was made.
    pub oldest: Option<WallMs>,
    /// Why the last try failed; none once one succeeds.
    pub last_error: Option<Arc<str>>,
}

/// Why there can be no hook.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// The file of authorities is of no use.
    #[error("hook.ca_file must be a readable file of certificates (PEM); {path}: {why}")]
    Authorities {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The files of the certificate that is shown are of no use.
    #[error(
        "hook.cert_file and hook.key_file must be a certificate and its key (PEM); {path}: {why}"
    )]
    Identity {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// No certificate can bear the name, or encryption cannot be set up.
    #[error("hook.url: {0}")]
    Tls(SetupError),
}

#[derive(Debug)]
struct Inner {
    lanes: Lanes,
    stats: Stats,
    /// Given up for want of room, and not handed to the writer yet.
    gone: Vec<Arc<Notice>>,
    /// Too many waited, and that was said.
    overflows: bool,
}

/// Both sides of the hook.
struct Shared {
    inner: Mutex<Inner>,
    wake: Notify,
    clock: Arc<dyn Clock>,
    limit: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes notices in that are rows; the oldest give way where there are too many.
    fn add<'a>(&self, notices: impl IntoIterator<Item = &'a Arc<Notice>>, end: End) {
        let now = self.clock.now();
        let mut inner = self.lock();
        for notice in notices.into_iter().filter(|notice| &*notice.receiver == RECEIVER) {
            let due = lanes::due(notice, now, MAX_PAUSE);
            if let Some(oldest) = inner.lanes.add(notice, due, end) {
                let oldest = Arc::new(ended(&oldest, NoticeState::GivenUp, now.wall, TOO_MANY));
                inner.lanes.ended(&oldest);
                inner.stats.given_up += 1;
                inner.gone.push(oldest);
            }
        }
        let first = !inner.gone.is_empty() && !std::mem::replace(&mut inner.overflows, true);
        drop(inner);
        self.wake.notify_one();
        if first {
            let limit = self.limit;
            tracing::error!(limit, "more notices wait than may: the oldest are given up");
        }
    }
}

/// Why a notice is given up that waited with too many others.
const TOO_MANY: Option<&str> = Some("too many notices waited");

/// The row of a notice that is over.
fn ended(notice: &Notice, state: NoticeState, at: WallMs, why: Option<&str>) -> Notice {
    let last_error = why.map(Arc::from).or_else(|| notice.last_error.clone());
    Notice { state, ended: Some(at), last_error, ..notice.clone() }
}

/// What makes notices, and hears of them once they are rows. Cheap to clone.
#[derive(Clone)]
pub struct Hook {
    shared: Arc<Shared>,
    states: Arc<[State]>,
    alerts: Option<Severity>,
    target: Arc<HookTarget>,
}

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hook").field("target", &self.target).finish_non_exhaustive()
    }
}

/// A hook of these settings, whose names are looked up by these name servers where there are some;
/// none when no URL is set. Nothing is told before its [`worker`](Hook::worker) runs.
///
/// # Errors
/// [`HookError`]: nothing could ever be told.
pub fn hook(
    settings: &config::Hook,
    resolve: &config::Resolve,
    clock: Arc<dyn Clock>,
) -> Result<Option<Hook>, HookError> {
    limited(settings, resolve, clock, MAX_PENDING)
}

/// The same with another number of notices that may wait.
///
/// # Errors
/// As [`hook`].
pub fn limited(
    settings: &config::Hook,
    resolve: &config::Resolve,
    clock: Arc<dyn Clock>,
    limit: usize,
) -> Result<Option<Hook>, HookError> {
    let Some(target) = HookTarget::new(settings, resolve)? else { return Ok(None) };
    let inner = Inner {
        lanes: Lanes::new(limit),
        stats: Stats::default(),
        gone: Vec::new(),
        overflows: false,
    };
    let shared = Shared { inner: Mutex::new(inner), wake: Notify::new(), clock, limit };
    let states = settings.states.clone().into();
    let (alerts, target) = (settings.alerts, Arc::new(target));
    Ok(Some(Hook { shared: Arc::new(shared), states, alerts, target }))
}

impl Hook {
    /// The notice of a notification, when it is wanted. It is told once it is a row: hand it to the writer
    /// with its event.
    #[must_use]
    pub fn notice(&self, notification: &Notification) -> Option<Arc<Notice>> {
        let kind = notification.kind(&self.states)?;
        let (id, (host, event, at)) = (notification.id(), notification.of());
        let body = match notification.document(&id) {
            Ok(body) => body,
            Err(error) => {
                tracing::error!(id, error = error_chain(&error), "a notice cannot be written down");
                return None;
            }
        };
        Some(Arc::new(Notice {
            id: id.into(),
            receiver: RECEIVER.into(),
            host,
            event,
            kind,
            body: body.into(),
            created: at,
            state: NoticeState::Pending,
            attempts: 0,
            next_try: at,
            last_error: None,
            ended: None,
        }))
    }

    /// Whether alarms that matter so much are told.
    #[must_use]
    pub fn tells(&self, severity: Severity) -> bool {
        self.alerts.is_some_and(|least| severity >= least)
    }

    /// Hears of notices that are rows now. Never waits; one that it knows is passed over.
    pub fn enqueue(&self, notices: &[Arc<Notice>]) {
        self.shared.add(notices, End::Back);
    }

    /// What was told and what was not, so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let inner = self.shared.lock();
        let (pending, oldest) = (inner.lanes.len(), inner.lanes.oldest());
        Stats { pending, oldest, ..inner.stats.clone() }
    }
}

/// The pause after so many tries that failed.
fn pause(first: Duration, failed: u32) -> Duration {
    let doubled = first.saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1)));
    doubled.min(MAX_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_limit() {
        let seconds: Vec<u64> = (1..9).map(|n| pause(FIRST_PAUSE, n).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(pause(FIRST_PAUSE, u32::MAX), MAX_PAUSE);
    }
}
