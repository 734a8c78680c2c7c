//! Which alarms a route or a silence is about.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Facts;
use crate::model::{GroupName, Labels, Severity};

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

/// What an alarm must be to be meant: all that is given must hold; what is empty holds for every alarm.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Matcher {
    /// Its host is in one of these groups.
    pub groups: BTreeSet<GroupName>,
    /// Its host has all of these labels.
    pub labels: Labels,
    /// Its severity is one of these.
    pub severity: BTreeSet<Severity>,
    /// The name of its rule fits one of these.
    pub rules: Vec<Glob>,
    /// The name of its host fits one of these.
    pub hosts: Vec<Glob>,
    /// Its row is one of these.
    pub rows: BTreeSet<String>,
}

impl Matcher {
    /// Whether nothing is given, so that every alarm is meant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many names, labels and patterns it holds.
    #[must_use]
    pub fn terms(&self) -> usize {
        let sets = self.groups.len() + self.labels.len() + self.severity.len() + self.rows.len();
        sets + self.rules.len() + self.hosts.len()
    }

    /// Whether an alarm is meant.
    #[must_use]
    pub fn matches(&self, rule: &str, row: &str, severity: Severity, facts: &Facts) -> bool {
        let any = |globs: &[Glob], name| globs.is_empty() || globs.iter().any(|g| g.matches(name));
        (self.severity.is_empty() || self.severity.contains(&severity))
            && (self.rows.is_empty() || self.rows.contains(row))
            && any(&self.rules, rule)
            && self.meets(facts)
    }

    /// Whether a host is meant, whatever its alarm.
    #[must_use]
    pub fn meets(&self, facts: &Facts) -> bool {
        let label = |(name, value): (&String, &String)| facts.labels.get(name) == Some(value);
        let name = facts.host.as_str();
        (self.hosts.is_empty() || self.hosts.iter().any(|host| host.matches(name)))
            && (self.groups.is_empty()
                || facts.group.as_ref().is_some_and(|group| self.groups.contains(group)))
            && self.labels.iter().all(label)
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
        ] {
            assert_eq!(Glob::new(pattern).matches(name), fits, "{pattern} {name}");
        }
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
