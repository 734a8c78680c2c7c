//! From the tree of a condition to what is evaluated: names become places, units are checked, windows
//! are collected.

use std::sync::Arc;

use super::{
    condition::{Condition, Fold, Measure, Num, Span, Term, Test, WindowSpec, version},
    language::{Compare, Kind, Node, parse},
    names::{self, Named, Over, Text},
    tokens::Fault,
    typed::{Typed, fitted, made, read_span, scaled},
    units::Units,
};
use crate::{
    model::{Cause, Outcome, State, Status},
    text::did_you_mean,
};

/// The most columns, facts and texts that the conditions of one rule name.
pub(super) const MAX_TERMS: usize = 64;
/// The most windows of one rule.
pub(super) const MAX_WINDOWS: usize = 8;
/// How far `full_in` looks back.
const FULL_IN_SPAN: Span = Span::Time(3_600_000);

const FUNCTIONS: [&str; 4] = ["avg", "max", "min", "abs"];

/// What is common to the conditions of one rule.
#[derive(Debug)]
pub(super) struct Compiler {
    over: Over,
    pub(super) windows: Vec<WindowSpec>,
    terms: usize,
}

/// What a condition turns out to be made of while it is read.
struct Found<'t> {
    text: &'t str,
    terms: Vec<Term>,
    /// The first number that is compared, and what with.
    first: Option<(Measure, Option<f64>)>,
}

impl Found<'_> {
    /// Notes a comparison.
    fn term(&mut self, node: &Node<'_>, test: Test, value: Option<Measure>) -> Test {
        let text = self.text.get(node.span.clone()).unwrap_or_default().into();
        self.terms.push(Term { text, test: test.clone(), value });
        test
    }
}

impl Compiler {
    pub(super) fn new(over: Over) -> Self {
        Self { over, windows: Vec::new(), terms: 0 }
    }

    /// Reads a condition of the rule.
    pub(super) fn condition(&mut self, text: &str) -> Result<Condition, Fault> {
        let node = parse(text)?;
        let mut found = Found { text, terms: Vec::new(), first: None };
        let test = self.test(&node, &mut found)?;
        let (value, threshold) = found.first.unzip();
        let threshold = threshold.flatten();
        Ok(Condition { test, value, threshold, text: text.into(), terms: found.terms.into() })
    }

    /// A name that a summary shows.
    pub(super) fn named(&self, name: &str) -> Option<Named> {
        names::find(name, self.over)
    }

    /// Every name but those of the hosts' labels.
    pub(super) fn known(&self) -> Vec<&'static str> {
        names::known(self.over)
    }

    /// How long until the filesystem is full, by its window.
    pub(super) fn full_in(&mut self, at: usize) -> Result<Num, Fault> {
        let of = Num::Row(names::AVAILABLE);
        self.window(at, WindowSpec::new(self.over, of, Fold::Empty, FULL_IN_SPAN))
    }

    fn term(&mut self, at: usize) -> Result<(), Fault> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            let message = format!("the conditions of a rule have at most {MAX_TERMS} terms");
            return Err(Fault::new(at, message));
        }
        Ok(())
    }

    fn test(&mut self, node: &Node<'_>, found: &mut Found<'_>) -> Result<Test, Fault> {
        match &node.kind {
            Kind::Any(parts) => Ok(Test::Any(self.tests(parts, found)?)),
            Kind::All(parts) => Ok(Test::All(self.tests(parts, found)?)),
            Kind::Not(part) => Ok(Test::Not(Box::new(self.test(part, found)?))),
            Kind::Compared(compare, left, right) => {
                let (test, value) = self.compared(node.at, *compare, left, right, found)?;
                Ok(found.term(node, test, value))
            }
            Kind::Name(name) => match self.find(node.at, name)? {
                Named::Truth(fact) => Ok(found.term(node, Test::Truth(Num::Fact(fact)), None)),
                Named::RowTruth(place) => Ok(found.term(node, Test::Truth(Num::Row(place)), None)),
                Named::Text(_) => Err(Fault::new(
                    node.at,
                    format!("`{name}` alone is no condition: compare it, {name} == \"…\""),
                )),
                _ => Err(Fault::new(
                    node.at,
                    format!("`{name}` alone is no condition: compare it, {name} > 5"),
                )),
            },
            _ => Err(Fault::new(
                node.at,
                "this is no condition: expected a comparison such as load_1 > 5",
            )),
        }
    }

    fn tests(&mut self, parts: &[Node<'_>], found: &mut Found<'_>) -> Result<Box<[Test]>, Fault> {
        parts.iter().map(|part| self.test(part, found)).collect()
    }

    fn compared(
        &mut self,
        at: usize,
        compare: Compare,
        left: &Node<'_>,
        right: &Node<'_>,
        found: &mut Found<'_>,
    ) -> Result<(Test, Option<Measure>), Fault> {
        if let Kind::Name(name) = left.kind
            && let Named::Text(text) = self.lookup(left.at, name)?
        {
            self.term(left.at)?;
            return Ok((self.worded(name, text, at, compare, right)?, None));
        }
        if let Kind::Text(_) = left.kind {
            return Err(Fault::new(left.at, "a text goes to the right: state == \"down\""));
        }
        let before = self.terms;
        let (left, right) = (self.number(left)?, self.number(right)?);
        if self.terms == before {
            return Err(Fault::new(at, "numbers alone: this comparison is always the same"));
        }
        let (left, right) = fitted(left, right, at, "compared with")?;
        let is_turned = matches!(left.num, Num::Const(_));
        let (shown, other) = if is_turned { (&right, &left) } else { (&left, &right) };
        let threshold = if let Num::Const(number) = other.num { Some(number) } else { None };
        let (num, units, factor) = (shown.num.clone(), shown.units, shown.factor);
        let value = Measure { num, units, factor };
        found.first.get_or_insert_with(|| (value.clone(), threshold));
        Ok((Test::Compared(compare, left.num, right.num), Some(value)))
    }

    /// A text compared with a word, or a version with another.
    fn worded(
        &mut self,
        name: &str,
        text: Text,
        at: usize,
        compare: Compare,
        right: &Node<'_>,
    ) -> Result<Test, Fault> {
        let same = match compare {
            Compare::Same => Some(true),
            Compare::Other => Some(false),
            _ => None,
        };
        if matches!(text, Text::ProbeVersion | Text::ServerVersion) {
            let with = match right.kind {
                Kind::Text(word) => Ok(version(word).ok_or_else(|| {
                    Fault::new(
                        right.at,
                        format!("no version: {word:?}; expected one such as \"1.4.0\""),
                    )
                })?),
                Kind::Name("probe_version") => Err(Text::ProbeVersion),
                Kind::Name("server_version") => Err(Text::ServerVersion),
                _ => {
                    return Err(Fault::new(
                        right.at,
                        format!(
                            "`{name}` is compared with a version such as \"1.4.0\", or with server_version"
                        ),
                    ));
                }
            };
            return Ok(Test::Version(text, compare, with));
        }
        let Some(same) = same else {
            return Err(Fault::new(at, format!("`{name}` is a text: compare it by == or !=")));
        };
        let Kind::Text(word) = right.kind else {
            let message = format!("`{name}` is a text: expected one in quotes, {name} == \"…\"");
            return Err(Fault::new(right.at, message));
        };
        self.check_word(name, &text, word, right.at)?;
        Ok(Test::Word(text, same, Arc::from(word)))
    }

    /// A text that is one of a closed list is compared with a word of it.
    fn check_word(&self, name: &str, text: &Text, word: &str, at: usize) -> Result<(), Fault> {
        let all: Vec<&str> = match text {
            Text::State => State::ALL.iter().map(|state| state.as_str()).collect(),
            // A host that is well has none.
            Text::Cause if word.is_empty() => return Ok(()),
            Text::Cause => Cause::ALL.iter().map(|cause| cause.as_str()).collect(),
            Text::Outcome => Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect(),
            Text::RowLabel(_) if name == "status" => {
                Status::ALL.iter().map(|status| status.as_str()).collect()
            }
            _ => return Ok(()),
        };
        if all.contains(&word) {
            return Ok(());
        }
        let hint = match did_you_mean(word, all.iter().copied()) {
            hint if hint.is_empty() => format!("; expected one of {}", all.join(", ")),
            hint => hint,
        };
        Err(Fault::new(at, format!("`{name}` is never {word:?}{hint}")))
    }

    fn number<'t>(&mut self, node: &'t Node<'t>) -> Result<Typed<'t>, Fault> {
        let plain = |num, units, factor, free| Typed { num, units, factor, free, node };
        match &node.kind {
            Kind::Number(number, None) => Ok(plain(Num::Const(*number), Units::Plain, 1.0, true)),
            Kind::Number(_, Some((Units::Polls, _))) => Err(Fault::new(
                node.at,
                "polls are the length of a window alone: avg(load_1, 5 polls)",
            )),
            Kind::Number(number, Some((units, factor))) => {
                Ok(plain(Num::Const(number * factor), *units, 1.0, false))
            }
            Kind::Name(name) => self.column(node, name),
            Kind::Call(name, parts) => self.call(node, name, parts),
            Kind::Negative(inner) => {
                let inner = self.number(inner)?;
                Ok(Typed { num: scaled(inner.num, -1.0), node, ..inner })
            }
            Kind::Made(make, left, right) => {
                let (left, right) = (self.number(left)?, self.number(right)?);
                made(node, *make, left, right)
            }
            Kind::Text(text) => {
                Err(Fault::new(node.at, format!("{text:?} is a text, expected a number")))
            }
            _ => Err(Fault::new(node.at, "this holds or does not: expected a number")),
        }
    }

    fn column<'t>(&mut self, node: &'t Node<'t>, name: &str) -> Result<Typed<'t>, Fault> {
        let (num, unit) = match self.find(node.at, name)? {
            Named::Host(place, unit) => (Num::Host(place), unit),
            Named::Row(place, unit) => (Num::Row(place), unit),
            Named::Fact(fact, unit) => (Num::Fact(fact), unit),
            Named::FullIn => {
                let num = self.full_in(node.at)?;
                return Ok(Typed { num, units: Units::Time, factor: 1.0, free: false, node });
            }
            Named::Text(_) => {
                let message = format!("`{name}` is a text: it goes to the left of == or !=");
                return Err(Fault::new(node.at, message));
            }
            Named::Truth(_) | Named::RowTruth(_) => {
                let message = format!("`{name}` holds or does not: write it alone, or after `not`");
                return Err(Fault::new(node.at, message));
            }
        };
        let (units, factor) = Units::of(unit);
        Ok(Typed { num, units, factor, free: false, node })
    }

    fn call<'t>(
        &mut self,
        node: &'t Node<'t>,
        name: &str,
        parts: &'t [Node<'t>],
    ) -> Result<Typed<'t>, Fault> {
        let fold = match name {
            "avg" => Fold::Average,
            "max" => Fold::Most,
            "min" => Fold::Least,
            "abs" => {
                let [part] = parts else {
                    return Err(Fault::new(node.at, "abs takes one number: abs(clock_skew_ms)"));
                };
                let inner = self.number(part)?;
                return Ok(Typed { num: Num::Abs(Box::new(inner.num)), node, ..inner });
            }
            _ => {
                let hint = match did_you_mean(name, FUNCTIONS) {
                    hint if hint.is_empty() => "; expected avg, max, min or abs".to_owned(),
                    hint => hint,
                };
                return Err(Fault::new(node.at, format!("unknown function `{name}`{hint}")));
            }
        };
        let [of, span] = parts else {
            let message = format!(
                "{name} takes a number and how far back to look: {name}(load_1, 5 polls) or {name}(load_1, 10 m)"
            );
            return Err(Fault::new(node.at, message));
        };
        let (inner, span) = (self.number(of)?, read_span(name, span)?);
        if inner.num.looks_back() {
            return Err(Fault::new(
                of.at,
                "a window of a window: it takes columns and numbers alone",
            ));
        }
        let spec = WindowSpec::new(self.over, inner.num.clone(), fold, span);
        let num = self.window(node.at, spec)?;
        Ok(Typed { num, node, ..inner })
    }

    /// A window's place; the same one has one place.
    fn window(&mut self, at: usize, spec: WindowSpec) -> Result<Num, Fault> {
        if let Some(known) = self.windows.iter().position(|known| *known == spec) {
            return Ok(Num::Window(known));
        }
        if self.windows.len() == MAX_WINDOWS {
            return Err(Fault::new(at, format!("a rule has at most {MAX_WINDOWS} windows")));
        }
        self.windows.push(spec);
        Ok(Num::Window(self.windows.len() - 1))
    }

    fn find(&mut self, at: usize, name: &str) -> Result<Named, Fault> {
        let named = self.lookup(at, name)?;
        self.term(at)?;
        Ok(named)
    }

    fn lookup(&self, at: usize, name: &str) -> Result<Named, Fault> {
        names::find(name, self.over).ok_or_else(|| {
            let of = match self.over {
                Over::Host => "a host".to_owned(),
                Over::Server => "the server".to_owned(),
                over => format!("a {}", over.as_str()),
            };
            let hint = match did_you_mean(name, names::known(self.over)) {
                hint if hint.is_empty() => elsewhere(name, self.over),
                hint => hint,
            };
            Fault::new(at, format!("{of} has no {name:?}{hint}"))
        })
    }
}

/// Of which table a name is, when it is of another.
fn elsewhere(name: &str, over: Over) -> String {
    if over == Over::Server && names::find(name, Over::Host).is_some() {
        return "; it is of a rule over hosts, without `over`".to_owned();
    }
    let others = Over::WORDS.iter().filter_map(|word| Over::parse(word));
    match others.filter(|other| *other != over).find(|other| names::find(name, *other).is_some()) {
        Some(other) => format!("; it is of a rule with over = {:?}", other.as_str()),
        None => "; all columns are listed by /api/v1/columns".to_owned(),
    }
}
