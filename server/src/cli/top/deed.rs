//! What is done to a host or an alarm: what is asked before, what is sent, and what came of it. Pure.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    alarms::MAX_LISTED,
    key::Key,
    times::{micros, short_moment},
};
use crate::{
    cli::output::plural,
    text::{percent_encode, shown},
    units::WallMs,
};

/// The longest reason or note, bytes: what the server takes of the reason of a pause.
pub(super) const MAX_REASON_BYTES: usize = 200;

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Poll,
    Pause,
    Resume,
    Silence,
    Ack,
}

/// To what it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: Arc<str>,
    /// Rule and row; none: the host, and all of its alarms.
    pub(super) alarm: Option<(String, String)>,
}

impl Target {
    /// In words.
    fn spoken(&self) -> String {
        match &self.alarm {
            None => self.host.to_string(),
            Some((rule, row)) if row.is_empty() => format!("{rule} on {}", self.host),
            Some((rule, row)) => format!("{rule} of {row} on {}", self.host),
        }
    }
}

/// What is sent to the server.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    pub(super) deed: Deed,
    pub(super) target: Target,
    /// What is posted.
    pub(super) body: Value,
}

impl Order {
    /// What is done at once, for it changes nothing.
    pub(super) fn poll(host: Arc<str>) -> Self {
        Self { deed: Deed::Poll, target: Target { host, alarm: None }, body: json!({}) }
    }

    /// Where the alarms are asked for, of which each is acknowledged; none where it is one request.
    pub(super) fn alarms(&self) -> Option<String> {
        let all = self.deed == Deed::Ack && self.target.alarm.is_none();
        let host = percent_encode(&self.target.host);
        all.then(|| format!("/api/v1/alerts?host={host}&firing=true&limit={MAX_LISTED}"))
    }

    /// Where it is posted to.
    pub(super) fn path(&self) -> String {
        let host = percent_encode(&self.target.host);
        match (self.deed, &self.target.alarm) {
            (Deed::Poll, _) => format!("/api/v1/hosts/{host}/poll"),
            (Deed::Pause, _) => format!("/api/v1/hosts/{host}/pause"),
            (Deed::Resume, _) => format!("/api/v1/hosts/{host}/resume"),
            (Deed::Silence, _) => "/api/v1/silences".to_owned(),
            (Deed::Ack, alarm) => {
                let (rule, row) = alarm.clone().unwrap_or_default();
                let [rule, row] = [rule, row].map(|text| percent_encode(&text));
                format!("/api/v1/hosts/{host}/alert/ack?rule={rule}&row={row}")
            }
        }
    }

    /// One order for each of the alarms of an answer that nobody has acknowledged.
    pub(super) fn each(&self, alarms: &Value) -> Vec<Self> {
        let all = alarms["alarms"].as_array().map(Vec::as_slice).unwrap_or_default();
        let open = all.iter().filter(|alarm| alarm["acked_by"].is_null());
        let one = |alarm: &Value| {
            let [rule, row] = ["rule", "row"].map(|key| alarm[key].as_str().unwrap_or_default());
            let alarm = Some((rule.to_owned(), row.to_owned()));
            Self { target: Target { alarm, ..self.target.clone() }, ..self.clone() }
        };
        open.map(one).collect()
    }

    /// What came of it, in words: the last answer, and how many there were.
    pub(super) fn told(&self, answer: &Value, answers: usize, now: WallMs) -> String {
        let word = |key: &str| shown(answer[key].as_str().unwrap_or_default()).into_owned();
        let target = self.target.spoken();
        match self.deed {
            Deed::Poll => match (word("error"), answer["call_us"].as_f64()) {
                (error, _) if !error.is_empty() => {
                    format!("{target} polled: {}: {error}", word("outcome").replace('_', " "))
                }
                (_, Some(call)) => {
                    format!("{target} polled: {} in {}", word("outcome"), micros(call))
                }
                (_, None) => format!("{target} polled: {}", word("outcome")),
            },
            Deed::Pause => match answer["paused_until_ms"].as_i64() {
                Some(until) => {
                    format!("{target} is paused until {}", short_moment(WallMs(until), now))
                }
                None => format!("{target} is paused until it is resumed"),
            },
            Deed::Resume => format!("{target} is resumed"),
            Deed::Silence => {
                let until = answer["until_ms"].as_i64().unwrap_or_default();
                format!("{target} is silenced until {}", short_moment(WallMs(until), now))
            }
            Deed::Ack if self.target.alarm.is_some() => format!("{target} is acknowledged"),
            Deed::Ack if answers == 0 => {
                format!("{target}: all its alarms are acknowledged already")
            }
            Deed::Ack => format!("{target}: {} acknowledged", plural(answers, "alarm")),
        }
    }
}

/// What is chosen of how long: words, and what is sent; empty: nothing is.
type Lengths = &'static [(&'static str, &'static str)];

const OF_PAUSES: Lengths = &[
    ("an hour", "1h"),
    ("4 hours", "4h"),
    ("a day", "24h"),
    ("a week", "7d"),
    ("until resumed", ""),
];

const OF_SILENCES: Lengths =
    &[("an hour", "1h"), ("4 hours", "4h"), ("a day", "24h"), ("until it is over", "")];

/// A text that is typed.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) label: &'static str,
    pub(super) text: String,
    /// Nothing is sent without it.
    needed: bool,
}

/// What is asked before something is changed.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) title: String,
    /// What will happen.
    pub(super) about: String,
    /// The key that sends it, in words.
    pub(super) word: &'static str,
    pub(super) lengths: Lengths,
    pub(super) length: usize,
    pub(super) typed: Option<Typed>,
    /// It is on its way.
    pub(super) sent: bool,
    /// Why it was not done.
    pub(super) refused: Option<String>,
    deed: Deed,
    target: Target,
    who: Option<String>,
}

/// What a key made of a question.
#[derive(Debug, PartialEq)]
pub(super) enum QuestionOutcome {
    Waits,
    Send(Order),
    Closed,
}

impl Question {
    /// Asks whether this is to be done by `who`. None where nothing is asked: a poll changes nothing.
    pub(super) fn new(deed: Deed, target: Target, alarms: u64, who: Option<String>) -> Self {
        let name = target.spoken();
        let (typed, lengths) = match deed {
            Deed::Poll | Deed::Resume => (None, &[][..]),
            Deed::Pause => (Some(("Why", false)), OF_PAUSES),
            Deed::Silence => (Some(("Why", true)), OF_SILENCES),
            Deed::Ack => (Some(("Note", false)), &[][..]),
        };
        let (title, about, word) = match deed {
            Deed::Poll => (format!("Poll {name}"), String::new(), "poll"),
            Deed::Pause => (
                format!("Pause {name}"),
                "It is polled as before, and its polls are kept. Its state stays paused, and nobody \
                 is told of it."
                    .to_owned(),
                "pause",
            ),
            Deed::Resume => (
                format!("Resume {name}"),
                "Its state is decided again, from the next poll on.".to_owned(),
                "resume",
            ),
            Deed::Silence => {
                let what = if target.alarm.is_some() { "it" } else { "any alarm of it" };
                let about = format!(
                    "Nobody is told of {what} while it is silenced. It is judged and shown as before."
                );
                (format!("Silence {name}"), about, "silence")
            }
            Deed::Ack => {
                let what = match (&target.alarm, usize::try_from(alarms)) {
                    (Some(_), _) => "it".to_owned(),
                    (None, Ok(1)) => "the alarm that fires on it".to_owned(),
                    (None, Ok(alarms)) => format!("the {alarms} alarms that fire on it"),
                    (None, Err(_)) => "its alarms".to_owned(),
                };
                let about = format!("Nobody is told of {what} again until it is over or gets worse.");
                (format!("Acknowledge {name}"), about, "acknowledge")
            }
        };
        let typed = typed.map(|(label, needed)| Typed { label, text: String::new(), needed });
        let (sent, refused) = (false, None);
        Self { title, about, word, lengths, length: 0, typed, sent, refused, deed, target, who }
    }

    /// A key was pressed.
    pub(super) fn press(&mut self, key: Key) -> QuestionOutcome {
        match key {
            Key::Esc => return QuestionOutcome::Closed,
            // What is on its way is not sent twice.
            _ if self.sent => {}
            Key::Enter => return self.send(),
            Key::Up | Key::Left => self.length = self.length.saturating_sub(1),
            Key::Down | Key::Right | Key::Tab => {
                self.length = (self.length + 1).min(self.lengths.len().saturating_sub(1));
            }
            Key::Backspace => {
                if let Some(typed) = &mut self.typed {
                    typed.text.pop();
                }
            }
            Key::Char(c) => {
                if let Some(Typed { text, .. }) = &mut self.typed
                    && text.len() + c.len_utf8() <= MAX_REASON_BYTES
                    && !c.is_control()
                {
                    text.push(c);
                }
            }
            _ => {}
        }
        QuestionOutcome::Waits
    }

    /// Whether what is asked was sent, and is this.
    pub(super) fn waits_for(&self, deed: Deed) -> bool {
        self.sent && self.deed == deed
    }

    /// The server did not do it.
    pub(super) fn refuse(&mut self, why: String) {
        self.refused = Some(why);
        self.sent = false;
    }

    fn send(&mut self) -> QuestionOutcome {
        self.refused = None;
        let text = self.typed.as_ref().map(|typed| typed.text.trim()).unwrap_or_default();
        if self.typed.as_ref().is_some_and(|typed| typed.needed) && text.is_empty() {
            self.refused =
                Some("say why, in a few words: the silence is listed with it".to_owned());
            return QuestionOutcome::Waits;
        }
        let mut body = match (self.deed, &self.who) {
            (Deed::Poll | Deed::Resume, _) => json!({}),
            (Deed::Pause, _) => json!({ "reason": text }),
            (Deed::Silence | Deed::Ack, None) => {
                let words =
                    "nobody is logged in by name: set $LOGNAME to who you are, and start top again";
                self.refused = Some(words.to_owned());
                return QuestionOutcome::Waits;
            }
            (Deed::Ack, Some(who)) => json!({ "who": who, "note": text }),
            (Deed::Silence, Some(who)) => match &self.target.alarm {
                None => json!({ "hosts": [&*self.target.host], "who": who, "why": text }),
                Some((rule, row)) => {
                    let rows: Vec<&str> =
                        [row.as_str()].into_iter().filter(|row| !row.is_empty()).collect();
                    json!({ "hosts": [&*self.target.host], "rules": [rule], "rows": rows,
                            "who": who, "why": text })
                }
            },
        };
        match self.lengths.get(self.length) {
            Some((_, "")) if self.deed == Deed::Silence => body["until_clear"] = true.into(),
            Some((_, length)) if !length.is_empty() => body["for"] = (*length).into(),
            _ => {}
        }
        self.sent = true;
        QuestionOutcome::Send(Order { deed: self.deed, target: self.target.clone(), body })
    }
}
