//! What tells at a glance that a rule holds nowhere, without looking at the rule: a comparison of one number
//! with a constant, without which its condition cannot be true. Most rules have one, and on nearly all
//! polls it does not hold.

use super::{
    condition::{Frame, Num, Test},
    language::Compare,
    names::Number,
    rule::Rule,
};

/// Where the number of a comparison stands.
#[derive(Debug, Clone, Copy)]
enum Place {
    Host(u32),
    Row(u32),
    Fact(Number),
}

/// One number compared with a constant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lead {
    place: Place,
    compare: Compare,
    is_abs: bool,
    factor: f64,
    with: f64,
}

impl Lead {
    /// That of a condition: it is never true where this is not, and false where this is.
    pub(super) fn of(test: &Test) -> Option<Self> {
        match test {
            Test::Compared(compare, number, Num::Const(with)) => {
                Self::number(number, *compare, *with)
            }
            Test::Truth(number) => Self::number(number, Compare::Other, 0.0),
            Test::All(tests) => tests.iter().find_map(Self::of),
            _ => None,
        }
    }

    fn number(mut number: &Num, compare: Compare, with: f64) -> Option<Self> {
        let (mut is_abs, mut factor) = (false, 1.0);
        if let Num::Scaled(of, by) = number {
            (number, factor) = (of, *by);
        }
        if let Num::Abs(of) = number {
            (number, is_abs) = (of, true);
        }
        let place = match number {
            Num::Host(place) => Place::Host(u32::try_from(*place).ok()?),
            Num::Row(place) => Place::Row(u32::try_from(*place).ok()?),
            Num::Fact(fact) => Place::Fact(*fact),
            _ => return None,
        };
        Some(Self { place, compare, is_abs, factor, with })
    }

    /// Whether it holds; none is unknown.
    pub(super) fn holds(&self, frame: &Frame<'_>) -> Option<bool> {
        let cell = |cells: &[f64], place: u32| cells.get(place as usize).copied();
        let value = match self.place {
            Place::Host(place) => cell(frame.host, place)?,
            Place::Row(place) => cell(frame.row, place)?,
            Place::Fact(fact) => frame.facts[fact as usize],
        };
        let value = if self.is_abs { value.abs() } else { value };
        (value * self.factor).partial_cmp(&self.with).map(|order| self.compare.holds(order))
    }
}

/// What a rule's conditions cannot do without.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screen {
    when: Lead,
    critical: Option<Lead>,
}

impl Screen {
    /// That of a rule; none when one of its conditions has no such comparison.
    pub(super) fn of(rule: &Rule) -> Option<Self> {
        let when = Lead::of(&rule.when.test)?;
        let critical = match &rule.critical {
            Some(condition) => Some(Lead::of(&condition.test)?),
            None => None,
        };
        Some(Self { when, critical })
    }

    /// Whether the rule is known not to hold. What is not told by this alone is not told: look at the rule.
    pub(super) fn refutes(&self, frame: &Frame<'_>) -> bool {
        self.when.holds(frame) == Some(false)
            && self.critical.is_none_or(|lead| lead.holds(frame) != Some(true))
    }
}
