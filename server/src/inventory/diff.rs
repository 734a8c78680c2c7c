//! What a new inventory changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{Host, Inventory};
use crate::model::HostName;

/// What is different about a host that stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostChange {
    /// Its group.
    Group,
    /// Its labels.
    Labels,
    /// Its addresses, or their order.
    Addresses,
    /// When it is polled.
    Schedule,
    /// The deadline of its polls.
    Timeout,
    /// Its parent.
    Parent,
    /// Whether it is paused.
    Paused,
    /// What its probe is asked for.
    Selection,
    /// How its connection is encrypted.
    Tls,
}

impl HostChange {
    /// The word for it in listings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Labels => "labels",
            Self::Addresses => "addresses",
            Self::Schedule => "schedule",
            Self::Timeout => "timeout",
            Self::Parent => "parent",
            Self::Paused => "paused",
            Self::Selection => "selection",
            Self::Tls => "tls",
        }
    }
}

impl fmt::Display for HostChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The way from one inventory to another. Every host of either is in exactly one of `added`,
/// `retired`, `renamed` and the rest; a host of the rest, or a renamed one under its new name, can
/// be in `changed`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diff {
    /// Hosts that are new.
    pub added: Vec<HostName>,
    /// Hosts that are gone.
    pub retired: Vec<HostName>,
    /// Hosts that stay under another name: old, new.
    pub renamed: Vec<(HostName, HostName)>,
    /// Hosts that stay and are different, by their new name, and what is different: never empty.
    pub changed: BTreeMap<HostName, BTreeSet<HostChange>>,
    /// How many hosts stay as they are, name included.
    pub unchanged: usize,
}

impl Diff {
    /// Whether no host is touched at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.retired.is_empty()
            && self.renamed.is_empty()
            && self.changed.is_empty()
    }
}

/// What `new` changes about `old`, host by host. Groups and discoveries count only by what they do
/// to hosts.
///
/// A host counts as renamed when `old` has its `renamed_from` and not yet its new name; afterwards
/// the line may stay in the file and means nothing.
#[must_use]
pub fn diff(old: &Inventory, new: &Inventory) -> Diff {
    let mut diff = Diff::default();
    let mut stay: BTreeSet<&HostName> = BTreeSet::new();
    for (name, host) in &new.hosts {
        let former = host.renamed_from.as_ref().filter(|former| old.hosts.contains_key(*former));
        let before = match (old.hosts.get(name), former) {
            (Some(before), _) => before,
            (None, Some(former)) => {
                diff.renamed.push((former.clone(), name.clone()));
                &old.hosts[former]
            }
            (None, None) => {
                diff.added.push(name.clone());
                continue;
            }
        };
        stay.insert(&before.name);
        let changes = changes(before, host);
        if !changes.is_empty() {
            diff.changed.insert(name.clone(), changes);
        } else if before.name == *name {
            diff.unchanged += 1;
        }
    }
    diff.retired = old.hosts.keys().filter(|name| !stay.contains(name)).cloned().collect();
    diff
}

fn changes(old: &Host, new: &Host) -> BTreeSet<HostChange> {
    // Named in full, so that a new field of a host cannot be forgotten here.
    let Host {
        name: _,
        group,
        labels,
        addresses,
        schedule,
        timeout,
        parent,
        paused,
        renamed_from: _,
        selection,
        tls,
    } = old;
    [
        (HostChange::Group, *group != new.group),
        (HostChange::Labels, *labels != new.labels),
        (HostChange::Addresses, *addresses != new.addresses),
        (HostChange::Schedule, *schedule != new.schedule),
        (HostChange::Timeout, *timeout != new.timeout),
        (HostChange::Parent, *parent != new.parent),
        (HostChange::Paused, *paused != new.paused),
        (HostChange::Selection, *selection != new.selection),
        (HostChange::Tls, *tls != new.tls),
    ]
    .into_iter()
    .filter_map(|(change, differs)| differs.then_some(change))
    .collect()
}
