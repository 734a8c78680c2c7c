//! Why somebody was told of an alarm, or was not: what happened to it on its way, step by step.

use std::{collections::VecDeque, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::message::Kind;
use crate::{
    model::{AlarmCause, AlarmState, HostId, Severity},
    units::WallMs,
};

/// The most steps that are kept of one alarm; the oldest go first.
pub const MAX_STEPS_KEPT: usize = 32;

/// What keeps an alarm from being told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// A silence, by its id.
    Silence(Arc<str>),
    /// Somebody has acknowledged it.
    Ack(Arc<str>),
    /// Its host is paused or in a maintenance window.
    Maintenance,
    /// The host before it fails too, and answers for it.
    Parent(HostId),
    /// The host before it may be about to fail; told at this moment at the latest.
    ParentGrace(WallMs),
    /// The host before it is back: its own next poll decides.
    ParentBack,
    /// The route's quiet hours, until this moment.
    Quiet(WallMs),
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence(id) => write!(f, "silence {id}"),
            Self::Ack(who) => write!(f, "the acknowledgement of {who}"),
            Self::Maintenance => f.write_str("the pause or the maintenance window of its host"),
            Self::Parent(host) => write!(f, "its parent, host {}, which fails too", host.0),
            Self::ParentGrace(until) => {
                write!(f, "the time that its parent has to fail first, until {}", until.spoken())
            }
            Self::ParentBack => f.write_str("its parent, which is back: its own next poll decides"),
            Self::Quiet(until) => write!(f, "quiet hours, until {}", until.spoken()),
        }
    }
}

/// One step on the way of an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum Step {
    /// The rule judged it.
    Judged {
        /// The state before.
        from: AlarmState,
        /// The state after.
        to: AlarmState,
        /// How much it matters.
        severity: Severity,
        /// Why.
        cause: AlarmCause,
        /// The value that it was judged by; none is unknown.
        value: Option<f64>,
    },
    /// It changes so often that single changes are not told.
    Flapping,
    /// It stands still again.
    Settled,
    /// No route is about it.
    NoRoute,
    /// A route takes it.
    Routed {
        /// The name of the route.
        route: Arc<str>,
    },
    /// It is kept back.
    Held {
        /// The name of the route.
        route: Arc<str>,
        /// By what.
        by: Hold,
    },
    /// Nothing keeps it back any longer.
    Freed {
        /// The name of the route.
        route: Arc<str>,
    },
    /// It waits with its group.
    Waits {
        /// The name of the route.
        route: Arc<str>,
        /// Until then.
        until: WallMs,
    },
    /// The route has so many new alarms that they are told together.
    Storm {
        /// The name of the route.
        route: Arc<str>,
    },
    /// A message that tells it was handed over to be sent.
    Sent {
        /// The message.
        message: Arc<str>,
        /// To which channel.
        channel: Arc<str>,
        /// What kind of message.
        kind: Kind,
    },
    /// The channel has taken the message.
    Taken {
        /// The message.
        message: Arc<str>,
        /// Which channel.
        channel: Arc<str>,
        /// What it answered.
        answer: Arc<str>,
    },
    /// The channel has not taken the message; it is tried again.
    Failed {
        /// The message.
        message: Arc<str>,
        /// Which channel.
        channel: Arc<str>,
        /// How often it was tried.
        tries: u32,
        /// Why.
        why: Arc<str>,
    },
    /// The message is not tried again.
    GivenUp {
        /// The message.
        message: Arc<str>,
        /// Which channel.
        channel: Arc<str>,
        /// Why.
        why: Arc<str>,
    },
    /// What the message says is no longer so; another one takes its place.
    Withdrawn {
        /// The message.
        message: Arc<str>,
        /// Which channel.
        channel: Arc<str>,
    },
    /// It was over before anybody was told, so its end is not told either.
    NeverTold,
    /// Somebody acknowledged it.
    Acked {
        /// By whom.
        who: Arc<str>,
    },
    /// The acknowledgement holds no longer.
    AckEnded {
        /// Why.
        why: Arc<str>,
    },
}

/// As the end of a sentence that begins with the moment.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Judged { from, to, severity, cause, value } => {
                write!(f, "{from} → {to} ({severity}, {cause}")?;
                match value {
                    Some(value) => write!(f, ", value {value})"),
                    None => write!(f, ", value unknown)"),
                }
            }
            Self::Flapping => f.write_str("flapping: single changes are not told"),
            Self::Settled => f.write_str("no longer flapping"),
            Self::NoRoute => f.write_str("no route is about it: nobody is told"),
            Self::Routed { route } => write!(f, "taken by route {route}"),
            Self::Held { route, by } => write!(f, "kept back in route {route} by {by}"),
            Self::Freed { route } => write!(f, "no longer kept back in route {route}"),
            Self::Waits { route, until } => {
                write!(f, "waits in its group of route {route} until {}", until.spoken())
            }
            Self::Storm { route } => {
                write!(f, "many new alarms in route {route}: told together with the others")
            }
            Self::Sent { message, channel, kind } => {
                write!(f, "sent to {channel} ({kind}, message {message})")
            }
            Self::Taken { message, channel, answer } => {
                write!(f, "taken by {channel} (message {message}): {answer}")
            }
            Self::Failed { message, channel, tries, why } => {
                write!(f, "not taken by {channel} (message {message}, try {tries}): {why}")
            }
            Self::GivenUp { message, channel, why } => {
                write!(f, "given up for {channel} (message {message}): {why}")
            }
            Self::Withdrawn { message, channel } => {
                write!(f, "message {message} to {channel} withdrawn: things have changed since")
            }
            Self::NeverTold => f.write_str("over before anybody was told: its end is not told"),
            Self::Acked { who } => write!(f, "acknowledged by {who}"),
            Self::AckEnded { why } => write!(f, "the acknowledgement ended: {why}"),
        }
    }
}

/// A step and its moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: WallMs,
    /// What.
    #[serde(flatten)]
    pub step: Step,
}

/// The last [`MAX_STEPS_KEPT`] steps of one alarm.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Journal(VecDeque<Entry>);

impl Journal {
    /// Writes a step down. The tries of one message are one step, and so is a wait that goes on.
    pub(super) fn note(&mut self, at: WallMs, step: Step) {
        if let (
            Some(Entry { step: Step::Failed { message: last, .. }, .. }),
            Step::Failed { message, .. },
        ) = (self.0.back(), &step)
            && last == message
        {
            self.0.pop_back();
        }
        let waits = matches!(step, Step::Waits { .. } | Step::Storm { .. });
        if waits && self.0.iter().any(|entry| entry.step == step) {
            return;
        }
        if self.0.len() == MAX_STEPS_KEPT {
            self.0.pop_front();
        }
        self.0.push_back(Entry { at, step });
    }

    /// The steps, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }
}
