//! What somebody may be told, and the document that tells it.

use std::sync::Arc;

use serde::Serialize;

use crate::{
    alert, inventory,
    model::{
        AlarmCause, AlarmEvent, AlarmState, Cause, ContentHash, GroupName, HostId, HostName,
        Labels, NoticeKind, Outcome, Severity, State, Transition,
    },
    units::WallMs,
};

/// The version of the document; raised when something in it changes its meaning.
pub const DOCUMENT_VERSION: u32 = 1;

/// Digits of the hash by which a row is known in an id.
const ROW_DIGITS: usize = 16;

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
pub enum News {
    /// A host changed its state.
    Host(Box<HostNews>),
    /// An alarm began, ended or went on otherwise.
    Alarm(Box<AlarmNews>),
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
pub struct HostNews {
    transition: Transition,
    group: Option<GroupName>,
    labels: Labels,
}

/// A change of an alarm, with what is known of its rule and its host.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmNews {
    event: AlarmEvent,
    rule: RuleWords,
    /// Since when it fires, or fired until now.
    since: WallMs,
    host: HostName,
    group: Option<GroupName>,
    labels: Labels,
}

/// What a rule says for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct RuleWords {
    unit: Option<&'static str>,
    threshold: Option<f64>,
    runbook: Option<Arc<str>>,
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
struct OfAlarm<'a> {
    rule: &'a str,
    severity: Severity,
    state: &'static str,
    host: &'a HostName,
    group: &'a Option<GroupName>,
    labels: &'a Labels,
    row: &'a str,
    value: Option<f64>,
    #[serde(flatten)]
    words: &'a RuleWords,
    cause: AlarmCause,
    summary: &'a str,
    since: String,
    since_ms: WallMs,
}

#[derive(Serialize)]
struct OfServer<'a> {
    event: ServerEvent,
    reason: &'a str,
}

impl News {
    /// A host's change of state.
    #[must_use]
    pub fn of_host(transition: &Transition, host: &inventory::Host) -> Self {
        Self::Host(Box::new(HostNews {
            transition: transition.clone(),
            group: host.group.clone(),
            labels: Labels::clone(&host.labels),
        }))
    }

    /// A change of an alarm of the host of this name, or of the server itself; `host` is none where it is gone,
    /// and `rule` where that is. It fires, or fired until now, since `fired`.
    #[must_use]
    pub fn of_alarm(
        event: &AlarmEvent,
        rule: Option<&alert::Rule>,
        fired: Option<WallMs>,
        name: HostName,
        host: Option<&inventory::Host>,
    ) -> Self {
        let measure = rule.and_then(|rule| rule.when.value.as_ref());
        Self::Alarm(Box::new(AlarmNews {
            event: event.clone(),
            rule: RuleWords {
                unit: measure.and_then(alert::Measure::unit),
                threshold: rule.and_then(|rule| rule.when.threshold),
                runbook: rule.and_then(|rule| rule.runbook.clone()),
            },
            since: fired.unwrap_or(event.slot),
            host: name,
            group: host.and_then(|host| host.group.clone()),
            labels: host.map(|host| Labels::clone(&host.labels)).unwrap_or_default(),
        }))
    }

    /// What it is to what was told before, where it is to be told: a host enters or leaves one of these
    /// states, begins to flap or ends it. News of the server itself and of alarms always is.
    pub(super) fn kind(&self, states: &[State]) -> Option<NoticeKind> {
        match self {
            Self::Host(news) => {
                let Transition { from, to, cause, .. } = &news.transition;
                if states.contains(to) {
                    return Some(NoticeKind::Begins);
                }
                if matches!(cause, Cause::Flapping | Cause::Settled) {
                    return Some(NoticeKind::Says);
                }
                states.contains(from).then_some(NoticeKind::Ends)
            }
            Self::Alarm(news) => Some(match news.event.to.is_active() {
                true => NoticeKind::Begins,
                false => NoticeKind::Ends,
            }),
            Self::Server { event: ServerEvent::Isolated, .. } => Some(NoticeKind::Begins),
            Self::Server { event: ServerEvent::Rejoined, .. } => Some(NoticeKind::Ends),
            Self::Server { event: ServerEvent::ClockStepped, .. } => Some(NoticeKind::Says),
        }
    }

    /// The host, the moment that the event is known by, and when it happened.
    pub(super) fn of(&self) -> (HostId, WallMs, WallMs) {
        match self {
            Self::Host(news) => {
                let transition = &news.transition;
                (transition.host, transition.of_moment(), transition.at)
            }
            Self::Alarm(news) => (news.event.key.host, news.event.slot, news.event.at),
            Self::Server { at, .. } => (HostId::SERVER, *at, *at),
        }
    }

    /// What names it: the same in every try, and of nothing else. Two servers that poll a host in the
    /// same slot give what they find the same name.
    pub(super) fn id(&self) -> String {
        let (host, event, _) = self.of();
        match self {
            Self::Host(news) => {
                let Transition { from, to, cause, .. } = &news.transition;
                match from == to {
                    true => format!("{}/{}/{cause}", host.0, event.0),
                    false => format!("{}/{}/{to}", host.0, event.0),
                }
            }
            Self::Alarm(news) => {
                let AlarmNews { event: AlarmEvent { key, slot, .. }, .. } = &**news;
                let row = ContentHash::of(key.row.as_bytes());
                let row = row.as_str().get(..ROW_DIGITS).unwrap_or_default();
                format!("{}/{}/{row}/{}/{}", key.rule, host.0, slot.0, news.state())
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
            Self::Host(news) => {
                let HostNews { transition, group, labels } = &**news;
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
            Self::Alarm(news) => {
                let AlarmNews { event, rule, since, host, group, labels } = &**news;
                let what = OfAlarm {
                    rule: &event.key.rule,
                    severity: event.severity,
                    state: news.state(),
                    host,
                    group,
                    labels,
                    row: &event.key.row,
                    value: event.value.filter(|value| value.is_finite()),
                    words: rule,
                    cause: event.cause,
                    summary: &event.summary,
                    since: since.to_string(),
                    since_ms: *since,
                };
                document(id, "alert", event.at, what)
            }
            Self::Server { event, at, reason } => {
                document(id, "server", *at, OfServer { event: *event, reason })
            }
        }
    }
}

impl AlarmNews {
    /// What the alarm is now, as it is told: of one that fires on, what changed.
    fn state(&self) -> &'static str {
        let AlarmEvent { from, to, severity, .. } = &self.event;
        match to {
            AlarmState::Unknown => "unknown",
            to if !to.is_active() => "resolved",
            to if from == to => severity.as_str(),
            _ => "firing",
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
