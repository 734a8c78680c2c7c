//! A rule's summary: text with `{names}`, each of which is known when the rule is read.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use humantime::format_duration;

use super::{
    compile::Compiler,
    condition::{Frame, Measure, Num},
    names::{Named, Text},
    tokens::Fault,
    units::Units,
};
use crate::{
    model::{Severity, Unit},
    text::{bytes, did_you_mean, one_line},
};

/// The longest summary as it is written in the file, bytes.
pub(super) const MAX_TEMPLATE_BYTES: usize = 512;
/// The longest summary once its names are filled in, bytes.
pub(super) const MAX_SUMMARY_BYTES: usize = 1_024;

/// A text whose names are filled in with what is true then.
#[derive(Debug, Clone, PartialEq)]
pub struct Template(Box<[Piece]>);

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Plain(Box<str>),
    Host,
    Rule,
    Severity,
    Row,
    Value,
    Threshold,
    Truth(Num),
    Text(Text),
    Number(Measure),
}

const NAMES: [&str; 6] = ["host", "rule", "severity", "row", "value", "threshold"];

/// What a summary is about.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The host's name.
    pub host: &'a str,
    /// The rule's name.
    pub rule: &'a str,
    /// How much it matters.
    pub severity: Severity,
    /// The row.
    pub row: &'a str,
    /// The rule's first number.
    pub value: Option<&'a Measure>,
    /// What that is compared with.
    pub threshold: Option<f64>,
}

impl Template {
    /// Reads a summary; what it names is what the rule's conditions may name, and a few names more.
    pub(super) fn read(text: &str, compiler: &mut Compiler) -> Result<Self, Fault> {
        if text.len() > MAX_TEMPLATE_BYTES {
            let length = text.len();
            let message =
                format!("a summary has at most {MAX_TEMPLATE_BYTES} bytes, this one has {length}");
            return Err(Fault::new(0, message));
        }
        let mut pieces = Vec::new();
        let mut at = 0;
        while let Some(open) = text[at..].find(['{', '}']) {
            let brace = at + open;
            if open > 0 {
                pieces.push(Piece::Plain(text[at..brace].into()));
            }
            if text[brace..].starts_with('}') {
                return Err(Fault::new(brace, "`}` without `{`"));
            }
            let Some(length) = text[brace..].find('}') else {
                return Err(Fault::new(brace, "this `{` is never closed"));
            };
            pieces.push(piece(&text[brace + 1..brace + length], brace, compiler)?);
            at = brace + length + 1;
        }
        if at < text.len() {
            pieces.push(Piece::Plain(text[at..].into()));
        }
        Ok(Self(pieces.into()))
    }

    /// The text with its names filled in, one line; `?` stands for what is unknown.
    #[must_use]
    pub fn render(&self, about: &About<'_>, frame: &Frame<'_>) -> Arc<str> {
        let mut text = String::with_capacity(96);
        for piece in &self.0 {
            match piece {
                Piece::Plain(plain) => text.push_str(plain),
                Piece::Host => text.push_str(about.host),
                Piece::Rule => text.push_str(about.rule),
                Piece::Severity => text.push_str(about.severity.as_str()),
                Piece::Row => text.push_str(about.row),
                Piece::Value => match about.value {
                    Some(measure) => number(&mut text, measure, measure.num.value(frame)),
                    None => text.push('?'),
                },
                Piece::Threshold => match (about.value, about.threshold) {
                    (Some(measure), Some(threshold)) => number(&mut text, measure, threshold),
                    _ => text.push('?'),
                },
                Piece::Truth(num) => text.push_str(match num.value(frame) {
                    0.0 => "no",
                    value if value.is_nan() => "?",
                    _ => "yes",
                }),
                // A condition compares its code; people read its words.
                Piece::Text(Text::Outcome) => text.push_str(frame.words.outcome.in_words()),
                Piece::Text(words) => text.push_str(words.of(frame).unwrap_or("?")),
                Piece::Number(measure) => number(&mut text, measure, measure.num.value(frame)),
            }
        }
        one_line(&text, MAX_SUMMARY_BYTES).into()
    }
}

fn piece(name: &str, at: usize, compiler: &mut Compiler) -> Result<Piece, Fault> {
    let measure = |num, unit: Unit| {
        let (units, factor) = Units::of(unit);
        Piece::Number(Measure { num, units, factor })
    };
    Ok(match name {
        "host" => Piece::Host,
        "rule" => Piece::Rule,
        "severity" => Piece::Severity,
        "row" => Piece::Row,
        "value" => Piece::Value,
        "threshold" => Piece::Threshold,
        _ => match compiler.named(name) {
            Some(Named::Host(place, unit)) => measure(Num::Host(place), unit),
            Some(Named::Row(place, unit)) => measure(Num::Row(place), unit),
            Some(Named::Fact(fact, unit)) => measure(Num::Fact(fact), unit),
            Some(Named::FullIn) => measure(compiler.full_in(at)?, Unit::Seconds),
            Some(Named::Truth(fact)) => Piece::Truth(Num::Fact(fact)),
            Some(Named::RowTruth(place)) => Piece::Truth(Num::Row(place)),
            Some(Named::Text(text)) => Piece::Text(text),
            None => {
                let hint = match did_you_mean(name, NAMES.into_iter().chain(compiler.known())) {
                    hint if hint.is_empty() => {
                        format!("; expected {} or a name of a condition", NAMES.join(", "))
                    }
                    hint => hint,
                };
                return Err(Fault::new(at, format!("unknown name {{{name}}}{hint}")));
            }
        },
    })
}

/// A number as people read it. Of a percentage the sign is the summary's own; bytes and times have their
/// unit.
fn number(text: &mut String, measure: &Measure, value: f64) {
    if value.is_nan() {
        text.push('?');
        return;
    }
    let base = value * measure.factor;
    // Writing to a text cannot fail.
    let _ = match measure.units {
        Units::Bytes => write!(text, "{}", bytes(base)),
        Units::BytesPerSecond => write!(text, "{}/s", bytes(base)),
        Units::Time if base.is_infinite() => write!(text, "never"),
        Units::Time if base.abs() >= 60.0 => {
            let length = Duration::try_from_secs_f64(base.abs().round()).unwrap_or(Duration::MAX);
            let sign = if base < 0.0 { "-" } else { "" };
            // Two parts are enough: `3days 4h`.
            let whole = format_duration(length).to_string();
            let parts: Vec<&str> = whole.split(' ').take(2).collect();
            write!(text, "{sign}{}", parts.join(" "))
        }
        Units::Time if base.abs() >= 1.0 => write!(text, "{base:.1} s"),
        Units::Time => write!(text, "{:.1} ms", base * 1e3),
        _ if value.fract() == 0.0 && value.abs() < 1e15 => write!(text, "{value}"),
        _ => write!(text, "{value:.1}"),
    };
}

#[cfg(test)]
mod tests {
    use super::{
        super::{condition::Words, names::Over},
        *,
    };
    use crate::model::{Labels, Outcome, State};

    fn rendered(template: &str, row: &[f64]) -> String {
        let template = Template::read(template, &mut Compiler::new(Over::Disk)).unwrap();
        let labels = Labels::new();
        let words = Words {
            state: State::Up,
            cause: None,
            outcome: Outcome::WrongHost,
            group: Some("db"),
            labels: &labels,
            probe_version: None,
            server_version: "1",
        };
        let frame = Frame {
            host: &[],
            row,
            labels: &["sda".into()],
            facts: &[-90_061_000.0, 1.0, f64::NAN, 86_400.0],
            windows: &[],
            words: &words,
        };
        let value = Measure { num: Num::Row(9), units: Units::Percent, factor: 1.0 };
        let about = About {
            host: "db-1",
            rule: "busy",
            severity: Severity::Critical,
            row: "sda",
            value: Some(&value),
            threshold: Some(90.0),
        };
        template.render(&about, &frame).to_string()
    }

    #[test]
    fn names_are_filled_in_with_their_units() {
        let mut row = [f64::NAN; 17];
        (row[2], row[3], row[6], row[7], row[8], row[9]) =
            (1_536.0, 1_500.0, 512.0, 0.25, 3.0, 91.26);
        assert_eq!(
            rendered(
                "{host} {device} {rule} {severity} {row}: {value} of {threshold} %, {read_bytes_per_s} and \
                 {written_bytes_per_s}, {read_await_ms}, {write_await_ms}, {in_flight}, {queue}, {clock_skew_ms}, \
                 {certificate_left_s}, {reboot}, {flapping}, {group}, {label.site}, {probe_version}, {state}: \
                 {outcome}",
                &row
            ),
            "db-1 sda busy critical sda: 91.3 of 90 %, 1.5 KiB/s and 512 B/s, 1.5 s, 0.2 ms, 3, ?, -1day 1h, \
             1day, yes, ?, db, , ?, up: another machine"
        );
        assert_eq!(rendered("plain", &[]), "plain");
    }

    #[test]
    fn a_summary_is_one_line_and_has_an_end() {
        assert_eq!(rendered("a\nb\u{1b}", &[]), "a b\\u{1b}");
        let long = "{severity}".repeat(51);
        assert!(long.len() <= MAX_TEMPLATE_BYTES);
        assert_eq!(rendered(&long, &[]).len(), 51 * "critical".len());
        let longer = rendered(&"\u{1b}".repeat(500), &[]);
        assert!(longer.len() <= MAX_SUMMARY_BYTES && longer.ends_with('…'), "{}", longer.len());
    }
}
