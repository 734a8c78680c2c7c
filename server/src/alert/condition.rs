//! A condition as it is evaluated: columns by their place, three values (yes, no, unknown), and nothing
//! allocated.
//!
//! A number that is unknown is NaN within an evaluation, and makes each comparison that it is in unknown.
//! `and`, `or` and `not` are Kleene's: what the known parts decide is decided.

use std::{cmp::Ordering, sync::Arc};

use xxhash_rust::xxh3::xxh3_64;

use super::{
    language::{Compare, Make},
    names::{Number, Over, Text},
    units::Units,
};
use crate::model::{Cause, Labels, Outcome, State};

/// Everything that a condition may look at, of one poll and one row.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Host-wide cells, NaN is unknown; empty when the poll has no values.
    pub host: &'a [f64],
    /// Cells of the row; empty without one.
    pub row: &'a [f64],
    /// The texts that name the row.
    pub labels: &'a [Arc<str>],
    /// Facts that are numbers.
    pub facts: &'a [f64; Number::COUNT],
    /// What the rule's windows say.
    pub windows: &'a [f64],
    /// What is known of the host in words.
    pub words: &'a Words<'a>,
}

/// What is known of a host in words.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    /// Its state after the poll.
    pub state: State,
    /// Why it is in it.
    pub cause: Option<Cause>,
    /// How the poll ended.
    pub outcome: Outcome,
    /// Its group.
    pub group: Option<&'a str>,
    /// Its labels.
    pub labels: &'a Labels,
    /// The version of its probe.
    pub probe_version: Option<&'a str>,
    /// The version of this server.
    pub server_version: &'a str,
}

/// A number in a condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Num {
    /// As it is written.
    Const(f64),
    /// A host-wide column.
    Host(usize),
    /// A column of the row.
    Row(usize),
    /// A fact.
    Fact(Number),
    /// What a window says.
    Window(usize),
    /// In another unit.
    Scaled(Box<Num>, f64),
    /// Without its sign.
    Abs(Box<Num>),
    /// Made of two.
    Made(Make, Box<Num>, Box<Num>),
}

impl Num {
    /// Whether polls before this one count.
    pub(super) fn looks_back(&self) -> bool {
        match self {
            Self::Window(_) => true,
            Self::Const(_) | Self::Host(_) | Self::Row(_) | Self::Fact(_) => false,
            Self::Scaled(inner, _) | Self::Abs(inner) => inner.looks_back(),
            Self::Made(_, left, right) => left.looks_back() || right.looks_back(),
        }
    }

    /// Its value; NaN is unknown. What is divided by nothing is unknown too.
    #[must_use]
    pub fn value(&self, frame: &Frame<'_>) -> f64 {
        let cell = |cells: &[f64], place: usize| cells.get(place).copied().unwrap_or(f64::NAN);
        match self {
            Self::Const(number) => *number,
            Self::Host(place) => cell(frame.host, *place),
            Self::Row(place) => cell(frame.row, *place),
            Self::Fact(fact) => frame.facts[*fact as usize],
            Self::Window(place) => cell(frame.windows, *place),
            Self::Scaled(number, factor) => number.value(frame) * factor,
            Self::Abs(number) => number.value(frame).abs(),
            Self::Made(make, left, right) => {
                let (left, right) = (left.value(frame), right.value(frame));
                match make {
                    Make::Plus => left + right,
                    Make::Minus => left - right,
                    Make::Times => left * right,
                    Make::By if right == 0.0 => f64::NAN,
                    Make::By => left / right,
                }
            }
        }
    }
}

/// A condition, or a part of one.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Two numbers compared.
    Compared(Compare, Num, Num),
    /// A number that is not 0.
    Truth(Num),
    /// A text that is the same as another, or is not.
    Word(Text, bool, Arc<str>),
    /// A version compared with one that is written, or with a text.
    Version(Text, Compare, Result<Version, Text>),
    /// All of them.
    All(Box<[Test]>),
    /// One of them at least.
    Any(Box<[Test]>),
    /// Not that.
    Not(Box<Test>),
}

/// The numbers of a version; what follows a `-` or `+` is not looked at.
pub(super) type Version = [u32; 4];

/// The version that a text begins with.
#[must_use]
pub(super) fn version(text: &str) -> Option<Version> {
    let plain = text.trim_start_matches('v').split(['-', '+', ' ']).next()?;
    let mut numbers = Version::default();
    let mut parts = plain.split('.');
    for number in &mut numbers {
        let Some(part) = parts.next() else { break };
        *number = part.parse().ok()?;
    }
    Some(numbers)
}

impl Compare {
    pub(super) fn holds(self, order: Ordering) -> bool {
        match self {
            Self::More => order.is_gt(),
            Self::AtLeast => order.is_ge(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Same => order.is_eq(),
            Self::Other => order.is_ne(),
        }
    }
}

impl Test {
    /// Whether polls before this one count.
    pub(super) fn looks_back(&self) -> bool {
        match self {
            Self::Compared(_, left, right) => left.looks_back() || right.looks_back(),
            Self::Truth(number) => number.looks_back(),
            Self::Word(..) | Self::Version(..) => false,
            Self::All(tests) | Self::Any(tests) => tests.iter().any(Self::looks_back),
            Self::Not(test) => test.looks_back(),
        }
    }

    /// Whether it holds; none is unknown.
    #[must_use]
    pub fn holds(&self, frame: &Frame<'_>) -> Option<bool> {
        match self {
            // Two numbers have no order when one is unknown.
            Self::Compared(compare, left, right) => {
                left.value(frame).partial_cmp(&right.value(frame)).map(|order| compare.holds(order))
            }
            Self::Truth(number) => {
                let value = number.value(frame);
                (!value.is_nan()).then_some(value != 0.0)
            }
            Self::Word(text, same, word) => {
                text.of(frame).map(|text| (text == word.as_ref()) == *same)
            }
            Self::Version(text, compare, with) => {
                let left = version(text.of(frame)?)?;
                let right = match with {
                    Ok(written) => *written,
                    Err(text) => version(text.of(frame)?)?,
                };
                Some(compare.holds(left.cmp(&right)))
            }
            Self::All(tests) => decided_by(tests, frame, false),
            Self::Any(tests) => decided_by(tests, frame, true),
            Self::Not(test) => test.holds(frame).map(|holds| !holds),
        }
    }
}

/// One test that is `decisive` decides; else one that is unknown.
fn decided_by(tests: &[Test], frame: &Frame<'_>, decisive: bool) -> Option<bool> {
    let mut all = Some(!decisive);
    for test in tests {
        match test.holds(frame) {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => all = None,
        }
    }
    all
}

impl Text {
    /// The text; none is unknown. A host without a group has none, which is known: the empty text.
    pub(super) fn of<'a>(&self, frame: &Frame<'a>) -> Option<&'a str> {
        let words = frame.words;
        match self {
            Self::State => Some(words.state.as_str()),
            Self::Cause => Some(words.cause.map_or("", Cause::as_str)),
            Self::Outcome => Some(words.outcome.as_str()),
            Self::Group => Some(words.group.unwrap_or("")),
            Self::ProbeVersion => words.probe_version,
            Self::ServerVersion => Some(words.server_version),
            Self::Label(name) => Some(words.labels.get(name.as_ref()).map_or("", String::as_str)),
            Self::RowLabel(place) => frame.labels.get(*place).map(AsRef::as_ref),
        }
    }
}

/// What a window makes of the values in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fold {
    /// Their mean.
    Average,
    /// The largest.
    Most,
    /// The least.
    Least,
    /// Seconds until they are 0 if they go on falling as they did; without end when they do not fall.
    Empty,
}

/// How far back a window looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Span {
    /// So many polls, this one included.
    Polls(u32),
    /// So many milliseconds.
    Time(u32),
}

/// A number over the last polls.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowSpec {
    /// The same for all that look at the same table in the same way.
    pub id: u64,
    /// The number.
    pub of: Num,
    /// What is made of it.
    pub fold: Fold,
    /// How far back.
    pub span: Span,
}

impl WindowSpec {
    /// That of a number over a table.
    #[must_use]
    pub fn new(over: Over, of: Num, fold: Fold, span: Span) -> Self {
        let id = xxh3_64(format!("{over:?} {of:?} {fold:?} {span:?}").as_bytes());
        Self { id, of, fold, span }
    }
}

/// A number that a person is shown, with its unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// The number.
    pub num: Num,
    /// What it measures.
    pub units: Units,
    /// How many of the base unit one of it is: 0.001 of a time in milliseconds.
    pub factor: f64,
}

/// What a rule's text says, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The whole of it.
    pub test: Test,
    /// The first number that it compares.
    pub value: Option<Measure>,
    /// What that is compared with, when that is written as a number.
    pub threshold: Option<f64>,
    /// As it stands in the file.
    pub text: Arc<str>,
    /// Its comparisons, in the order of the text.
    pub terms: Box<[Term]>,
}

/// One comparison of a condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// As it stands in the file.
    pub text: Box<str>,
    /// The comparison.
    pub test: Test,
    /// The number that it compares; none of a text.
    pub value: Option<Measure>,
}

impl Measure {
    /// What stands behind the number; none for a plain one.
    #[must_use]
    pub fn unit(&self) -> Option<&'static str> {
        match self.units {
            Units::Plain | Units::Polls => None,
            Units::Percent => Some("%"),
            Units::Bytes => Some("B"),
            Units::BytesPerSecond => Some("B/s"),
            Units::PerSecond => Some("/s"),
            Units::Time if self.factor <= 1e-6 => Some("us"),
            Units::Time if self.factor <= 1e-3 => Some("ms"),
            Units::Time => Some("s"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
