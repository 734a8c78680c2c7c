//! Which alarms a route or a silence is about.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Facts;
use crate::{
    model::{GroupName, Labels, Severity},
    text::Glob,
};

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
