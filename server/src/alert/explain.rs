//! Why an alarm is what it is: each comparison of its rule with the value that it has.

use std::sync::Arc;

use super::{
    alarm::Stand,
    condition::{Condition, Frame},
    rule::Rule,
    seen::{RowOf, observe},
    units::Units,
};

/// What a rule says of one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The row; empty for the host as a whole.
    pub row: Arc<str>,
    /// Where its alarm stands; none when there is none.
    pub stand: Option<Stand>,
    /// Whether `when` or `critical` holds; none is unknown.
    pub when: Option<bool>,
    /// Whether `clear` holds.
    pub clear: Option<bool>,
    /// Whether `critical` holds.
    pub critical: Option<bool>,
    /// The row is one of those that the rule leaves out.
    pub is_left_out: bool,
    /// Each comparison.
    pub terms: Vec<ExplainedTerm>,
}

/// One comparison of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedTerm {
    /// The key of the rule that it stands in: `when`, `clear` or `critical`.
    pub key: &'static str,
    /// As it stands in the file.
    pub text: Box<str>,
    /// The number that it compares, in the unit of its column; none is unknown, or a text.
    pub value: Option<f64>,
    /// What the number measures; none of a text.
    pub units: Option<Units>,
    /// Whether it holds; none is unknown: a value that it needs is missing.
    pub holds: Option<bool>,
}

/// What a rule says of a row.
pub(super) fn explain(
    rule: &Rule,
    row: RowOf<'_>,
    stand: Option<Stand>,
    frame: &Frame<'_>,
) -> Explained {
    let seen = observe(rule, frame, true);
    let when = std::iter::once(("when", &rule.when));
    let others = [("clear", &rule.clear), ("critical", &rule.critical)];
    let others = others.into_iter().filter_map(|(key, of)| Some((key, of.as_ref()?)));
    let terms = when.chain(others).flat_map(|(key, condition)| terms(key, condition, frame));
    Explained {
        row: row.key().into(),
        stand,
        when: seen.when,
        clear: seen.clear,
        critical: seen.critical,
        is_left_out: rule.leaves_out(row.labels),
        terms: terms.collect(),
    }
}

fn terms<'a>(
    key: &'static str,
    condition: &'a Condition,
    frame: &'a Frame<'_>,
) -> impl Iterator<Item = ExplainedTerm> + 'a {
    condition.terms.iter().map(move |term| {
        let value = term.value.as_ref().map(|measure| measure.num.value(frame));
        ExplainedTerm {
            key,
            text: term.text.clone(),
            value: value.filter(|value| !value.is_nan()),
            units: term.value.as_ref().map(|measure| measure.units),
            holds: term.test.holds(frame),
        }
    })
}
