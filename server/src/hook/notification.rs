//! What somebody may be told, and the document that tells it.

use std::sync::Arc;

use serde::Serialize;

use crate::{
    inventory,
    model::{Cause, GroupName, HostId, HostName, Labels, NoticeKind, Outcome, State, Transition},
    units::WallMs,
};

/// The version of the document; raised when something in it changes its meaning.
pub const DOCUMENT_VERSION: u32 = 1;

/// Something that happened to the server as a whole: told once, whatever it does to how many hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerEvent {
    /// Most hosts of several groups fail at once: the server suspects its own link, and states stand
    /// still until answers return.
    Isolated,
    /// Answers return.
    Rejoined,
    /// The server's wall clock stepped: moments of what follows are by another clock.
    ClockStepped,
}

/// One thing to tell.
#[derive(Debug, Clone, PartialEq)]
pub enum Notification {
    /// A host changed its state.
    Host(Box<HostNotification>),
    /// Something happened to the server itself.
    Server {
        /// What.
        event: ServerEvent,
        /// When, on the server's clock.
        at: WallMs,
        /// Why in words.
        reason: Arc<str>,
    },
}

/// A host's change of state, with what is known of the host.
#[derive(Debug, Clone, PartialEq)]
pub struct HostNotification {
    transition: Transition,
    group: Option<GroupName>,
    labels: Labels,
}

/// The document, its fields in this order.
#[derive(Serialize)]
struct Document<'a, T> {
    version: u32,
    id: &'a str,
    kind: &'static str,
    at: String,
    at_ms: WallMs,
    #[serde(flatten)]
    what: T,
}

#[derive(Serialize)]
struct OfHost<'a> {
    host: &'a HostName,
    group: &'a Option<GroupName>,
    labels: &'a Labels,
    from: State,
    to: State,
    cause: Cause,
    outcome: Option<Outcome>,
    reason: &'a str,
}

#[derive(Serialize)]
struct OfServer<'a> {
    event: ServerEvent,
    reason: &'a str,
}

impl Notification {
    /// A host's change of state.
    #[must_use]
    pub fn of_host(transition: &Transition, host: &inventory::Host) -> Self {
        Self::Host(Box::new(HostNotification {
            transition: transition.clone(),
            group: host.group.clone(),
            labels: Labels::clone(&host.labels),
        }))
    }

    /// What it is to what was told before, where it is to be told: a host enters or leaves one of these
    /// states, begins to flap or ends it. News of the server itself always is.
    pub(super) fn kind(&self, states: &[State]) -> Option<NoticeKind> {
        match self {
            Self::Host(notification) => {
                let Transition { from, to, cause, .. } = &notification.transition;
                if states.contains(to) {
                    return Some(NoticeKind::Begins);
                }
                if matches!(cause, Cause::Flapping | Cause::Settled) {
                    return Some(NoticeKind::Says);
                }
                states.contains(from).then_some(NoticeKind::Ends)
            }
            Self::Server { event: ServerEvent::Isolated, .. } => Some(NoticeKind::Begins),
            Self::Server { event: ServerEvent::Rejoined, .. } => Some(NoticeKind::Ends),
            Self::Server { event: ServerEvent::ClockStepped, .. } => Some(NoticeKind::Says),
        }
    }

    /// The host, the moment that the event is known by, and when it happened.
    pub(super) fn of(&self) -> (HostId, WallMs, WallMs) {
        match self {
            Self::Host(notification) => {
                let transition = &notification.transition;
                (transition.host, transition.of_moment(), transition.at)
            }
            Self::Server { at, .. } => (HostId::SERVER, *at, *at),
        }
    }

    /// What names it: the same in every try, and of nothing else. Two servers that poll a host in the
    /// same slot give what they find the same name.
    pub(super) fn id(&self) -> String {
        let (host, event, _) = self.of();
        match self {
            Self::Host(notification) => {
                let Transition { from, to, cause, .. } = &notification.transition;
                match from == to {
                    true => format!("{}/{}/{cause}", host.0, event.0),
                    false => format!("{}/{}/{to}", host.0, event.0),
                }
            }
            Self::Server { event: ServerEvent::Isolated, .. } => {
                format!("server/{}/isolated", event.0)
            }
            Self::Server { event: ServerEvent::Rejoined, .. } => {
                format!("server/{}/rejoined", event.0)
            }
            Self::Server { event: ServerEvent::ClockStepped, at, .. } => {
                format!("server/{}/clock_stepped", at.0)
            }
        }
    }

    /// The document.
    ///
    /// # Errors
    /// When something in it is no JSON, which nothing is.
    pub(super) fn document(&self, id: &str) -> Result<String, serde_json::Error> {
        match self {
            Self::Host(notification) => {
                let HostNotification { transition, group, labels } = &**notification;
                let what = OfHost {
                    host: &transition.name,
                    group,
                    labels,
                    from: transition.from,
                    to: transition.to,
                    cause: transition.cause,
                    outcome: transition.outcome,
                    reason: &transition.reason,
                };
                document(id, "host", transition.at, what)
            }
            Self::Server { event, at, reason } => {
                document(id, "server", *at, OfServer { event: *event, reason })
            }
        }
    }
}

fn document<T: Serialize>(
    id: &str,
    kind: &'static str,
    at: WallMs,
    what: T,
) -> Result<String, serde_json::Error> {
    let at_text = at.to_string();
    let document = Document { version: DOCUMENT_VERSION, id, kind, at: at_text, at_ms: at, what };
    serde_json::to_string(&document)
}
