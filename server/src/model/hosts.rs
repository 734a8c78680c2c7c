//! Which hosts something is about.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{GroupName, HostName, Labels};
use crate::text::Glob;

/// Which hosts: those that are of one of the groups, have all of the labels and one of the names. What is
/// empty asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Hosts {
    /// Groups.
    pub groups: BTreeSet<GroupName>,
    /// Labels with their values.
    pub labels: Labels,
    /// Names.
    pub names: Vec<Glob>,
}

impl Hosts {
    /// Whether a host is one of them.
    #[must_use]
    pub fn matches(&self, name: &HostName, group: Option<&GroupName>, labels: &Labels) -> bool {
        (self.groups.is_empty() || group.is_some_and(|group| self.groups.contains(group)))
            && self.labels.iter().all(|(label, value)| labels.get(label) == Some(value))
            && (self.names.is_empty()
                || self.names.iter().any(|pattern| pattern.matches(name.as_str())))
    }

    /// How many groups, labels and names it holds.
    #[must_use]
    pub fn terms(&self) -> usize {
        self.groups.len() + self.labels.len() + self.names.len()
    }
}
