//! Names with `*` and `?`.

use serde::{Deserialize, Serialize};

/// A name in which `*` stands for any text and `?` for any one character.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Glob(Box<str>);

impl Glob {
    /// Takes any text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a name fits, in time linear in pattern and name together for one star, and at most
    /// their product for more.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut p, mut n) = (0, 0);
        // Where to go on when what follows the last star does not fit here.
        let mut star: Option<(usize, usize)> = None;
        while n < name.len() {
            match pattern.get(p) {
                Some(b'*') => {
                    star = Some((p + 1, n));
                    p += 1;
                }
                Some(c) if *c == b'?' || *c == name[n] => (p, n) = (p + 1, n + 1),
                _ => {
                    let Some((after, from)) = star else { return false };
                    star = Some((after, from + 1));
                    (p, n) = (after, from + 1);
                }
            }
        }
        pattern[p..].iter().all(|c| *c == b'*')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Glob;

    #[test]
    fn stars_and_question_marks_stand_for_text() {
        for (pattern, name, fits) in [
            ("web-1", "web-1", true),
            ("web-1", "web-10", false),
            ("web-*", "web-", true),
            ("web-?", "web-1", true),
            ("web-?", "web-10", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("*-db-*1", "eu-db-db-21", true),
            ("*-db-*1", "eu-db-db-22", false),
            ("a**b", "ab", true),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXb", false),
            ("?", "", false),
        ] {
            assert_eq!(Glob::new(pattern).matches(name), fits, "{pattern} {name}");
        }
        // What makes a naive matcher run for ages.
        assert!(!Glob::new(&"*a".repeat(100)).matches(&"a".repeat(99)));
    }

    proptest! {
        #[test]
        fn a_glob_is_the_regex_of_its_kind(pattern in "[ab*?]{0,8}", name in "[ab]{0,10}") {
            let regex = format!("^{}$", pattern.replace('*', ".*").replace('?', "."));
            let expected = regex::Regex::new(&regex).unwrap().is_match(&name);
            prop_assert_eq!(Glob::new(&pattern).matches(&name), expected);
        }
    }
}
