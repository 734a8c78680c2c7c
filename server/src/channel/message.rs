//! What is told: plain data, made by whoever decides that it is told.

use std::sync::Arc;

use crate::{
    language::Language,
    model::{AlarmKey, AlarmState, Labels, Severity, Unit, words::words},
    text::{bytes, one_line},
    units::WallMs,
};

/// The longest name (of a host, a rule, a row) that a message repeats, bytes.
pub const MAX_SHOWN_BYTES: usize = 256;

/// The longest sentence (a title, a summary, an address of a page) that a message repeats, bytes.
pub const MAX_SENTENCE_BYTES: usize = 1024;

words! {
    /// What a message is.
    MessageKind {
        /// Something fires.
        Firing = "firing";
        /// All of it is over.
        Resolved = "resolved";
        /// Many things at once: what holds now.
        Digest = "digest";
        /// Nothing happened: somebody tries the channel.
        Test = "test";
    }
}

/// One message to one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The same in every try.
    pub id: Arc<str>,
    /// What it is.
    pub kind: MessageKind,
    /// Of its texts.
    pub language: Language,
    /// The greatest of its items.
    pub severity: Severity,
    /// What it is about, one line.
    pub title: String,
    /// When it was made, on the server's clock.
    pub at: WallMs,
    /// The state of each alarm now, the most severe first.
    pub items: Vec<Item>,
    /// Alarms that are meant, but not listed.
    pub more: usize,
    /// The page that shows them.
    pub link: Option<String>,
}

/// One alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What it is known by.
    pub key: AlarmKey,
    /// The name of its host.
    pub host: Arc<str>,
    /// The group of its host.
    pub group: Option<Arc<str>>,
    /// The labels of its host.
    pub labels: Labels,
    /// Its state now.
    pub state: AlarmState,
    /// How much it matters.
    pub severity: Severity,
    /// The value now; none is unknown.
    pub value: Option<f64>,
    /// The unit of the value.
    pub unit: Unit,
    /// What the rule compares the value with: `above 90 %`.
    pub threshold: String,
    /// Since when it fires.
    pub since: WallMs,
    /// When it was over; none while it is not.
    pub ended: Option<WallMs>,
    /// What the rule says of it.
    pub summary: String,
    /// Where it is written what to do.
    pub runbook: Option<String>,
}

impl Item {
    /// Its value with its unit.
    #[must_use]
    pub fn shown(&self, language: Language) -> String {
        match self.value {
            Some(value) => with_unit(value, self.unit),
            None => language.say("unknown", &[]),
        }
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !self.state.is_active()
    }
}

/// A value as people write it: `97.3 %`, `1.5 GiB`, `0.25 s`.
#[must_use]
pub fn with_unit(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Number | Unit::Count => number(value),
        Unit::Percent => format!("{} %", number(value)),
        Unit::Bytes => bytes(value),
        Unit::BytesPerSecond => format!("{}/s", bytes(value)),
        Unit::PerSecond => format!("{}/s", number(value)),
        Unit::Seconds => format!("{} s", number(value)),
        Unit::Milliseconds => format!("{} ms", number(value)),
        Unit::Microseconds => format!("{} µs", number(value)),
    }
}

/// At most two decimal places, and none that say nothing.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A name as a message repeats it.
pub(super) fn name(text: &str) -> String {
    one_line(text, MAX_SHOWN_BYTES)
}

/// A sentence as a message repeats it.
pub(super) fn sentence(text: &str) -> String {
    one_line(text, MAX_SENTENCE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_with_their_unit() {
        for (value, unit, shown) in [
            (97.0, Unit::Percent, "97 %"),
            (97.346, Unit::Percent, "97.35 %"),
            (-0.001, Unit::Number, "0"),
            (1_610_612_736.0, Unit::Bytes, "1.5 GiB"),
            (2048.0, Unit::BytesPerSecond, "2.0 KiB/s"),
            (12.5, Unit::PerSecond, "12.5/s"),
            (0.25, Unit::Seconds, "0.25 s"),
            (1200.0, Unit::Count, "1200"),
        ] {
            assert_eq!(with_unit(value, unit), shown);
        }
    }

    #[test]
    fn names_and_sentences_are_cut_where_they_are_too_long() {
        let long = "x".repeat(2_000);
        assert_eq!(name(&long).len(), MAX_SHOWN_BYTES);
        assert_eq!(sentence(&long).len(), MAX_SENTENCE_BYTES);
        assert_eq!(sentence("a\nb\u{202e}"), r"a b\u{202e}");
    }
}
