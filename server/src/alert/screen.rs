//! Which rules may hold on a poll, told for all of them at once and without looking at any of them.
//!
//! Nearly every condition has a part that it cannot be true without and that looks back over nothing: a
//! number compared with a constant, a state, a label. The parts of all rules stand here side by side, equal
//! ones once. Of a number that many rules compare with a constant, only those constants are looked at that
//! it is beyond. On nearly all polls no part holds.

use smallvec::SmallVec;

use super::{
    alarm::Missing,
    condition::{Frame, Num, Test},
    implied::bound,
    language::Compare,
    names::Over,
    rule::Rule,
};

/// Rules of a list by their places, a bit each.
#[derive(Debug)]
pub(super) struct Candidates(SmallVec<[u64; 8]>);

impl Candidates {
    /// None of so many rules.
    pub(super) fn none_of(rules: usize) -> Self {
        Self(SmallVec::from_elem(0, rules.div_ceil(64)))
    }

    pub(super) fn add(&mut self, rule: usize) {
        if let Some(word) = self.0.get_mut(rule / 64) {
            *word |= 1 << (rule % 64);
        }
    }

    /// In the order of the list.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let rest = std::iter::successors(Some(*word), |rest| Some(rest & rest.wrapping_sub(1)));
            rest.take_while(|rest| *rest != 0)
                .map(move |rest| at * 64 + rest.trailing_zeros() as usize)
        })
    }
}

/// A part of a condition that looks back over nothing.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Bound(Num, Compare, f64),
    Other(Test),
}

/// One number, and the constants that rules compare it with in one way.
#[derive(Debug)]
struct Bounds {
    num: Num,
    compare: Compare,
    /// With the place of its rule; that which holds where any does comes first.
    constants: Vec<(f64, usize)>,
}

/// The rules over one table.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) over: Over,
    bounds: Vec<Bounds>,
    others: Vec<(Test, Vec<usize>)>,
    /// Those that may hold on any poll.
    always: Vec<usize>,
}

impl Screen {
    /// One for each table that some of these rules are over.
    pub(super) fn all_of<'a>(rules: impl Iterator<Item = &'a Rule>) -> Box<[Self]> {
        let mut all: Vec<Self> = Vec::new();
        for (place, rule) in rules.enumerate() {
            let found = all.iter().position(|screen| screen.over == rule.over);
            let at = found.unwrap_or_else(|| {
                all.push(Self::new(rule.over));
                all.len() - 1
            });
            if let Some(screen) = all.get_mut(at) {
                screen.take(place, parts_of_rule(rule));
            }
        }
        all.into()
    }

    fn new(over: Over) -> Self {
        Self { over, bounds: Vec::new(), others: Vec::new(), always: Vec::new() }
    }

    fn take(&mut self, rule: usize, parts: Option<Vec<Part>>) {
        let Some(parts) = parts else { return self.always.push(rule) };
        for part in parts {
            match part {
                Part::Bound(num, compare, constant) => {
                    self.take_bound(rule, num, compare, constant);
                }
                Part::Other(test) => match self.others.iter_mut().find(|(of, _)| *of == test) {
                    Some((_, rules)) => rules.push(rule),
                    None => self.others.push((test, vec![rule])),
                },
            }
        }
    }

    fn take_bound(&mut self, rule: usize, num: Num, compare: Compare, constant: f64) {
        // That it is one number says nothing of its being another.
        let is_point = matches!(compare, Compare::Same | Compare::Other);
        let known = self.bounds.iter_mut().find(|known| {
            let is_same =
                !is_point || known.constants.iter().all(|(of, _)| of.total_cmp(&constant).is_eq());
            known.compare == compare && known.num == num && is_same
        });
        let Some(known) = known else {
            return self.bounds.push(Bounds { num, compare, constants: vec![(constant, rule)] });
        };
        known.constants.push((constant, rule));
        known.constants.sort_by(|(one, _), (other, _)| match compare {
            Compare::Less | Compare::AtMost => other.total_cmp(one),
            _ => one.total_cmp(other),
        });
    }

    /// Adds the rules that may hold of a row. Any other does not: what it says is no or unknown.
    pub(super) fn add(&self, frame: &Frame<'_>, candidates: &mut Candidates) {
        for Bounds { num, compare, constants } in &self.bounds {
            let value = num.value(frame);
            for (constant, rule) in constants {
                // Not when the value is unknown.
                if !value.partial_cmp(constant).is_some_and(|order| compare.holds(order)) {
                    break;
                }
                candidates.add(*rule);
            }
        }
        for (test, rules) in &self.others {
            if test.holds(frame) == Some(true) {
                rules.iter().for_each(|rule| candidates.add(*rule));
            }
        }
        self.always.iter().for_each(|rule| candidates.add(*rule));
    }
}

/// Parts of which one at least is true wherever the rule makes an alarm of a row that had none; nothing when
/// there are none.
fn parts_of_rule(rule: &Rule) -> Option<Vec<Part>> {
    if rule.terms.missing == Missing::Fire {
        return None;
    }
    let mut parts = parts_of(&rule.when.test)?;
    if let Some(critical) = &rule.critical {
        parts.extend(parts_of(&critical.test)?);
    }
    Some(parts)
}

fn parts_of(test: &Test) -> Option<Vec<Part>> {
    if let Some((num, compare, constant)) = bound(test).filter(|(num, ..)| !num.looks_back()) {
        return Some(vec![Part::Bound(num.clone(), compare, constant)]);
    }
    match test {
        Test::Truth(num) if !num.looks_back() => {
            Some(vec![Part::Bound(num.clone(), Compare::Other, 0.0)])
        }
        Test::All(tests) => {
            let cost = |parts: &Vec<Part>| (parts.len(), matches!(parts[..], [Part::Other(_)]));
            tests.iter().filter_map(parts_of).min_by_key(cost)
        }
        Test::Any(tests) => {
            let each: Option<Vec<Vec<Part>>> = tests.iter().map(parts_of).collect();
            Some(each?.concat())
        }
        Test::Not(_) | Test::Word(..) | Test::Version(..) | Test::Compared(..)
            if !test.looks_back() =>
        {
            Some(vec![Part::Other(test.clone())])
        }
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{
        super::{
            compile::Compiler,
            condition::Words,
            names::{Number, Text},
        },
        *,
    };
    use crate::model::{ColumnSet as _, FilesystemColumn, Labels, Outcome, State};

    /// Which of some conditions, by their places, may hold.
    pub(crate) fn may_hold<const N: usize>(tests: [&Test; N], frame: &Frame<'_>) -> Vec<usize> {
        let mut candidates = Candidates::none_of(N);
        screen(tests).add(frame, &mut candidates);
        candidates.iter().collect()
    }

    fn screen<const N: usize>(tests: [&Test; N]) -> Screen {
        let mut screen = Screen::new(Over::Filesystem);
        tests.iter().enumerate().for_each(|(place, test)| screen.take(place, parts_of(test)));
        screen
    }

    fn read(text: &str) -> Test {
        Compiler::new(Over::Filesystem).condition(text).unwrap().test
    }

    /// What a screen says where `used_pct` is 90 and nothing else is known but the state.
    fn of_texts<const N: usize>(texts: [&str; N]) -> Vec<usize> {
        let mut row = [f64::NAN; FilesystemColumn::ALL.len()];
        row[FilesystemColumn::UsedPct.index()] = 90.0;
        let labels = Labels::new();
        let words = Words {
            state: State::Up,
            cause: None,
            outcome: Outcome::Ok,
            group: None,
            labels: &labels,
            probe_version: None,
            server_version: "1.9.0",
        };
        let frame = Frame {
            host: &[],
            row: &row,
            labels: &[],
            facts: &[f64::NAN; Number::COUNT],
            windows: &[],
            words: &words,
        };
        let tests = texts.map(read);
        may_hold(tests.each_ref(), &frame)
    }

    #[test]
    fn only_conditions_that_may_hold_are_told() {
        assert_eq!(of_texts(["used_pct > 89", "used_pct > 90", "used_pct > 89.5"]), [0, 2]);
        assert_eq!(of_texts(["used_pct >= 90", "used_pct >= 91", "used_pct >= 89"]), [0, 2]);
        assert_eq!(of_texts(["used_pct < 91", "used_pct < 90", "used_pct < 95"]), [0, 2]);
        assert_eq!(of_texts(["used_pct <= 90", "used_pct <= 89", "99 > used_pct"]), [0, 2]);
        assert_eq!(of_texts(["used_pct == 80", "used_pct == 90", "used_pct == 95"]), [1]);
        assert_eq!(of_texts(["used_pct != 80", "used_pct != 90", "used_pct != 95"]), [0, 2]);
        // A part that does not hold, or is unknown, is enough.
        assert_eq!(
            of_texts(["used_pct > 95 and load_1 > 3", "load_1 > 3 and used_pct > 80"]),
            [0; 0]
        );
        assert_eq!(of_texts(["load_1 > 3 or used_pct > 80", "load_1 > 3 or used_pct > 95"]), [0]);
        assert_eq!(of_texts(["not used_pct < 90", "not used_pct < 95", "flapping"]), [0]);
        assert_eq!(of_texts(["state == 'down'", "state == 'up'", "state != 'down'"]), [1, 2]);
        assert_eq!(
            of_texts(["used_pct / 2 > 44", "used_pct + 5 > 95", "abs(-used_pct) > 1"]),
            [0, 2]
        );
        assert_eq!(of_texts(["probe_version < server_version", "server_version > '1.8'"]), [1]);
    }

    #[test]
    fn what_looks_back_is_asked_unless_another_part_rules_it_out() {
        let texts = [
            "avg(used_pct, 5 polls) > 95",
            "used_pct > 95 and full_in < 24 h",
            "full_in < 24 h and used_pct > 80",
            "used_pct > 95 or full_in < 24 h",
            "not max(used_pct, 5 polls) > 95",
        ];
        assert_eq!(of_texts(texts), [0, 2, 3, 4]);
    }

    #[test]
    fn what_rules_have_in_common_is_looked_at_once() {
        let texts =
            ["used_pct > 80", "used_pct > 90", "state == 'up'", "state == 'up'", "used_pct > 85"];
        let tests = texts.map(read);
        let screen = screen(tests.each_ref());
        assert_eq!((screen.bounds.len(), screen.others.len(), screen.always.len()), (1, 1, 0));
        assert!(
            matches!(&screen.others[0], (Test::Word(Text::State, ..), rules) if *rules == [2, 3])
        );
    }

    #[test]
    fn as_many_rules_as_there_may_be_have_a_bit_each() {
        let mut candidates = Candidates::none_of(130);
        for rule in [129, 0, 64, 63, 129, 500] {
            candidates.add(rule);
        }
        assert_eq!(candidates.iter().collect::<Vec<_>>(), [0, 63, 64, 129]);
    }
}
