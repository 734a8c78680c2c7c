//! Texts of one's own: `{host} is {state}`. Known names alone, no language, no loops; what is filled in
//! is escaped and cut, so that the whole always fits.

use super::{
    fit::{Limits, Room},
    message::{Item, Message, name, sentence},
    render::{body, headline},
};
use crate::text::did_you_mean;

/// The longest template, bytes.
pub const MAX_TEMPLATE_BYTES: usize = 2048;

/// Placeholders that a template may have.
pub const MAX_PLACEHOLDERS: usize = 32;

/// Values of a message with several alarms that are listed for one placeholder.
const LISTED: usize = 3;

/// What may stand in braces.
const NAMES: [&str; 18] = [
    "id",
    "kind",
    "severity",
    "title",
    "text",
    "count",
    "time",
    "link",
    "host",
    "group",
    "rule",
    "row",
    "state",
    "value",
    "threshold",
    "since",
    "summary",
    "runbook",
];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Value(&'static str),
}

/// A text with placeholders, all of them known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// Reads a template. `{name}` is a placeholder; a brace with anything else in it stays as it is, so
    /// that JSON can be written as JSON; `{{` is one brace.
    ///
    /// # Errors
    /// All that is wrong: unknown names, too many of them, a text that is too long.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        if text.len() > MAX_TEMPLATE_BYTES {
            let found = text.len();
            wrong.push(format!(
                "a template has at most {MAX_TEMPLATE_BYTES} bytes, this one has {found}"
            ));
        }
        let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find('{') {
            let (before, after) = (&rest[..at], &rest[at + 1..]);
            literal.push_str(before);
            if let Some(after) = after.strip_prefix('{') {
                literal.push('{');
                rest = after;
                continue;
            }
            let is_word = |word: &str| {
                !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic() || c == '_')
            };
            let Some((word, behind)) = after.split_once('}').filter(|(word, _)| is_word(word))
            else {
                literal.push('{');
                rest = after;
                continue;
            };
            match NAMES.iter().find(|known| **known == word) {
                Some(known) => {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                    parts.push(Part::Value(known));
                }
                None => wrong.push(unknown(word)),
            }
            rest = behind;
        }
        literal.push_str(rest);
        parts.push(Part::Literal(literal));
        let values = parts.iter().filter(|part| matches!(part, Part::Value(_))).count();
        if values > MAX_PLACEHOLDERS {
            wrong.push(format!(
                "a template has at most {MAX_PLACEHOLDERS} placeholders, this one has {values}"
            ));
        }
        if wrong.is_empty() { Ok(Self { parts }) } else { Err(wrong) }
    }

    /// The text for a message, within the limits: every value has its share of what the text around
    /// it leaves, and `{text}` has the rest.
    #[must_use]
    pub fn fill(&self, message: &Message, limits: &Limits) -> String {
        let mut room = Room::new(limits.length, limits);
        let fixed: usize = self.literals().map(|text| limits.measure.length(text)).sum();
        let free = limits.length.saturating_sub(fixed);
        let (texts, others) = self.parts.iter().fold((0, 0), |(texts, others), part| match part {
            Part::Literal(_) => (texts, others),
            Part::Value("text") => (texts + 1, others),
            Part::Value(_) => (texts, others + 1),
        });
        // Where there is a text, it has half at least.
        let share = free / if texts > 0 { 2 } else { 1 } / others.max(1);
        let values: Vec<Option<String>> = self
            .parts
            .iter()
            .map(|part| match part {
                Part::Value(which) if *which != "text" => {
                    let mut value = Room::new(share, limits);
                    value.push_cut(&value_of(which, message), share);
                    Some(value.finish())
                }
                _ => None,
            })
            .collect();
        let used: usize = values.iter().flatten().map(|text| limits.measure.length(text)).sum();
        let length = free.saturating_sub(used) / texts.max(1);
        for (part, value) in self.parts.iter().zip(values) {
            match (part, value) {
                (Part::Literal(text), _) => room.push_raw(text),
                (Part::Value(_), Some(value)) => room.push_raw(&value),
                (Part::Value(_), None) => {
                    room.push_raw(&body(message, None, &Limits { length, ..*limits }))
                }
            };
        }
        room.finish()
    }

    fn literals(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(text) => Some(&**text),
            Part::Value(_) => None,
        })
    }
}

fn unknown(word: &str) -> String {
    let hint = match did_you_mean(word, NAMES) {
        hint if hint.is_empty() => format!("; known are {}", NAMES.join(", ")),
        hint => hint,
    };
    format!("unknown placeholder {{{}}}{hint}", name(word))
}

fn value_of(which: &str, message: &Message) -> String {
    let of = |get: &dyn Fn(&Item) -> String| listed(message, get);
    match which {
        "id" => name(&message.id),
        "kind" => message.kind.to_string(),
        "severity" => message.language.word("severity", message.severity.as_str()),
        "title" => headline(message),
        "count" => message.items.len().saturating_add(message.more).to_string(),
        "time" => message.at.spoken().to_string(),
        "link" => message.link.as_deref().map(sentence).unwrap_or_default(),
        "host" => of(&|item| name(&item.host)),
        "group" => of(&|item| item.group.as_deref().map(name).unwrap_or_default()),
        "rule" => of(&|item| name(&item.key.rule)),
        "row" => of(&|item| name(&item.key.row)),
        "state" => of(&|item| message.language.word("alarm_state", item.state.as_str())),
        "value" => of(&|item| item.shown(message.language)),
        "threshold" => of(&|item| name(&item.threshold)),
        "since" => of(&|item| item.since.spoken().to_string()),
        "summary" => of(&|item| sentence(&item.summary)),
        "runbook" => of(&|item| item.runbook.as_deref().map(sentence).unwrap_or_default()),
        _ => String::new(),
    }
}

/// The first few different values of the items: `web-1, web-2, web-3, …`.
fn listed(message: &Message, get: &dyn Fn(&Item) -> String) -> String {
    let mut seen: Vec<String> = Vec::new();
    let mut more = message.more > 0;
    for item in &message.items {
        let value = get(item);
        if value.is_empty() || seen.contains(&value) {
            continue;
        }
        if seen.len() == LISTED {
            more = true;
            break;
        }
        seen.push(value);
    }
    let end = if more && !seen.is_empty() { ", …" } else { "" };
    format!("{}{end}", seen.join(", "))
}
