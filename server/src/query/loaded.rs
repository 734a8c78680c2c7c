//! The inventory in force as the page shows it: where it is from, what it says, what it changed.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::Serialize;

use super::{Query, moment::Rfc3339, seen::Seen};
use crate::{
    inventory::Diff,
    live::{InventoryFile, Live},
    units::WallMs,
};

/// The most bytes of the file that are shown; of a longer one the beginning.
pub const MAX_TEXT: usize = 256 << 10;

/// The most hosts that are named for one kind of change; all of them are counted.
pub const MAX_NAMED: usize = 100;

/// The inventory in force.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LoadedShape {
    /// Its number in the store; none before the first one is in force.
    pub version: Option<i64>,
    /// Hash of the file's content; of several files, of all of it.
    pub hash: Option<Arc<str>>,
    /// The file.
    pub source: Option<Arc<str>>,
    /// When it came into force.
    pub loaded_at: Option<Rfc3339>,
    /// The same, milliseconds since 1970.
    pub loaded_at_ms: Option<WallMs>,
    /// How many hosts are watched, discovered ones included.
    pub hosts: usize,
    /// Its groups; hosts without one are under null, first.
    pub groups: Vec<GroupShape>,
    /// Why the file as it is now is not in force, one problem per line.
    pub error: Option<Arc<str>>,
    /// Why what the file says, with nothing wrong, is not in force yet.
    pub waiting: Option<Arc<str>>,
    /// What its coming into force changed; none for the first since the start.
    pub change: Option<DiffShape>,
    /// What the file said when it came into force, its first [`MAX_TEXT`] bytes; each further file follows below a
    /// line with `####` and its name.
    pub text: Option<String>,
    /// How many bytes it has in all.
    pub text_bytes: Option<usize>,
}

/// A group and how many hosts it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GroupShape {
    /// Its name.
    pub name: Option<Arc<str>>,
    /// How many.
    pub hosts: usize,
}

/// How many hosts a change touched, and the first [`MAX_NAMED`] of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Touched<T> {
    /// How many.
    pub count: usize,
    /// The first ones.
    pub hosts: Vec<T>,
}

impl<T> Touched<T> {
    fn of(all: impl ExactSizeIterator<Item = T>) -> Self {
        Self { count: all.len(), hosts: all.take(MAX_NAMED).collect() }
    }
}

/// A host under a new name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RenamedShape {
    /// The name before.
    pub from: Arc<str>,
    /// The name now.
    pub to: Arc<str>,
}

/// A host that stays and is different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChangedShape {
    /// Its name.
    pub name: Arc<str>,
    /// What is different about it.
    pub what: Vec<&'static str>,
}

/// What an inventory changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DiffShape {
    /// Hosts that were new.
    pub added: Touched<Arc<str>>,
    /// Hosts that were taken out.
    pub retired: Touched<Arc<str>>,
    /// Hosts that were renamed.
    pub renamed: Touched<RenamedShape>,
    /// Hosts that stayed and were different.
    pub changed: Touched<ChangedShape>,
    /// How many hosts stayed as they were.
    pub unchanged: usize,
}

impl From<&Diff> for DiffShape {
    fn from(diff: &Diff) -> Self {
        Self {
            added: Touched::of(diff.added.iter().map(|name| name.as_str().into())),
            retired: Touched::of(diff.retired.iter().map(|name| name.as_str().into())),
            renamed: Touched::of(diff.renamed.iter().map(|(from, to)| RenamedShape {
                from: from.as_str().into(),
                to: to.as_str().into(),
            })),
            changed: Touched::of(diff.changed.iter().map(|(name, what)| ChangedShape {
                name: name.as_str().into(),
                what: what.iter().map(|change| change.as_str()).collect(),
            })),
            unchanged: diff.unchanged,
        }
    }
}

/// The beginning of a text, cut between characters.
fn beginning(text: &str) -> String {
    let end = (0..=MAX_TEXT.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or_default()).unwrap_or_default().to_owned()
}

impl LoadedShape {
    /// What a live view says of the inventory in force.
    #[must_use]
    pub fn of(live: &Live) -> Self {
        let server = live.server();
        let hosts = live.hosts();
        let mut groups: BTreeMap<Option<Arc<str>>, usize> = BTreeMap::new();
        for host in &hosts {
            let name = host.group.as_ref().map(|group| group.as_str().into());
            *groups.entry(name).or_default() += 1;
        }
        let (version, hash, loaded) = server.inventory.map_or((None, None, None), |loaded| {
            (Some(loaded.0.0), Some(loaded.1), Some(loaded.2))
        });
        let file: Option<&InventoryFile> = server.inventory_file.as_deref();
        Self {
            version,
            hash,
            source: file.map(|file| Arc::clone(&file.source)),
            loaded_at: loaded.map(Rfc3339),
            loaded_at_ms: loaded,
            hosts: hosts.len(),
            groups: groups.into_iter().map(|(name, hosts)| GroupShape { name, hosts }).collect(),
            error: server.inventory_error,
            waiting: server.inventory_waiting,
            change: file.and_then(|file| file.change.as_ref()).map(DiffShape::from),
            text: file.map(|file| beginning(&file.text)),
            text_bytes: file.map(|file| file.text.len()),
        }
    }
}

impl Query {
    /// The inventory in force; none without a live view.
    #[must_use]
    pub fn loaded(&self) -> Option<LoadedShape> {
        self.live.as_ref().and_then(Seen::all).map(LoadedShape::of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_shown_by_its_beginning_and_never_cut_within_a_character() {
        assert_eq!(beginning("[[host]]"), "[[host]]");
        let long = "ä".repeat(MAX_TEXT);
        let shown = beginning(&format!("x{long}"));
        assert_eq!(shown.len(), MAX_TEXT - 1, "the last character would not fit");
    }

    #[test]
    fn a_thousand_new_hosts_are_counted_and_the_first_hundred_named() {
        let names: Vec<u32> = (0..1_000).collect();
        let touched = Touched::of(names.iter());
        assert_eq!((touched.count, touched.hosts.len()), (1_000, MAX_NAMED));
    }
}
