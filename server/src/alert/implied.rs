//! Whether one condition holds only where another does, as far as that can be proved: by comparisons of
//! one number with written ones.

use super::{
    condition::{Num, Test},
    language::Compare,
};

/// Whether `other` holds wherever `test` does. No says only that it is not proved.
pub(super) fn implies(test: &Test, other: &Test) -> bool {
    if test == other {
        return true;
    }
    match (test, other) {
        (_, Test::All(others)) => others.iter().all(|other| implies(test, other)),
        (Test::Any(tests), _) => tests.iter().all(|test| implies(test, other)),
        (Test::All(tests), Test::Any(others)) => {
            tests.iter().any(|test| implies(test, other))
                || others.iter().any(|other| implies(test, other))
        }
        (Test::All(tests), _) => tests.iter().any(|test| implies(test, other)),
        (_, Test::Any(others)) => others.iter().any(|other| implies(test, other)),
        (Test::Compared(..), Test::Compared(..)) => match (bound(test), bound(other)) {
            (Some((left, one, a)), Some((right, two, b))) if left == right => {
                within((one, a), (two, b))
            }
            _ => false,
        },
        _ => false,
    }
}

/// A number, how it is compared, and the written one that it is compared with.
pub(super) fn bound(test: &Test) -> Option<(&Num, Compare, f64)> {
    let Test::Compared(compare, left, right) = test else { return None };
    match (left, right) {
        (num, Num::Const(written)) => Some((num, *compare, *written)),
        (Num::Const(written), num) => {
            let turned = match compare {
                Compare::More => Compare::Less,
                Compare::AtLeast => Compare::AtMost,
                Compare::Less => Compare::More,
                Compare::AtMost => Compare::AtLeast,
                same => *same,
            };
            Some((num, turned, *written))
        }
        _ => None,
    }
}

/// Whether all numbers of the first bound are in the second.
fn within((one, a): (Compare, f64), (two, b): (Compare, f64)) -> bool {
    use Compare::{AtLeast, AtMost, Less, More, Other, Same};
    match (two, one) {
        (More, More) | (AtLeast, More | AtLeast | Same) => a >= b,
        (More, AtLeast | Same) => a > b,
        (Less, Less) | (AtMost, Less | AtMost | Same) => a <= b,
        (Less, AtMost | Same) => a < b,
        (Other, More) => a >= b,
        (Other, AtLeast) => a > b,
        (Other, Less) => a <= b,
        (Other, AtMost) => a < b,
        #[expect(clippy::float_cmp, reason = "both are written numbers")]
        (Same, Same) | (Other, Other) => a == b,
        #[expect(clippy::float_cmp, reason = "both are written numbers")]
        (Other, Same) => a != b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{compile::Compiler, names::Over},
        *,
    };

    #[test]
    fn what_can_be_proved_is_proved() {
        let read = |text: &str| Compiler::new(Over::Filesystem).condition(text).unwrap().test;
        let proved = |a: &str, b: &str| implies(&read(a), &read(b));
        for (a, b) in [
            ("used_pct > 95", "used_pct > 90"),
            ("used_pct > 90", "used_pct > 90 %"),
            ("90 < used_pct", "used_pct > 90"),
            ("used_pct >= 91", "used_pct > 90"),
            ("used_pct == 95", "used_pct >= 95"),
            ("used_pct < 5", "used_pct <= 5"),
            ("used_pct > 95 and load_1 > 3", "used_pct > 90"),
            ("used_pct > 95", "used_pct > 90 or load_1 > 3"),
            ("used_pct > 95 or used_pct > 97", "used_pct > 90"),
            ("used_pct > 95 and load_1 > 3", "load_1 > 2 and used_pct > 90"),
            ("used_pct > 95", "used_pct != 90"),
            ("size_bytes > 1 GiB", "size_bytes > 1 MiB"),
            ("status == \"hung\"", "status == 'hung'"),
        ] {
            assert!(proved(a, b), "{a} => {b}");
        }
        for (a, b) in [
            ("used_pct > 85", "used_pct > 90"),
            ("used_pct < 85", "used_pct > 90"),
            ("used_pct >= 90", "used_pct > 90"),
            ("load_1 > 95", "used_pct > 90"),
            ("used_pct > 95 or load_1 > 3", "used_pct > 90"),
            ("used_pct > 95", "used_pct > 90 and load_1 > 3"),
            ("used_pct != 95", "used_pct != 90"),
        ] {
            assert!(!proved(a, b), "{a} => {b}");
        }
    }
}
