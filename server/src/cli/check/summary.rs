//! Of `check`: an inventory in numbers.

use std::path::Path;

use serde::Serialize;

use crate::{cli::output::plural, inventory::Inventory, reload};

/// An inventory in numbers.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    file: String,
    /// Files of the folder beside it.
    parts: usize,
    hash: String,
    hosts: usize,
    paused: usize,
    groups: usize,
    discoveries: usize,
}

impl Summary {
    pub(super) fn new(path: &Path, inventory: &Inventory) -> Self {
        Self {
            file: path.display().to_string(),
            parts: reload::parts(path).map_or(0, |parts| parts.len()),
            hash: inventory.hash.to_string(),
            hosts: inventory.hosts.len(),
            paused: inventory.hosts.values().filter(|host| host.paused).count(),
            groups: inventory.groups.len(),
            discoveries: inventory.discoveries.len(),
        }
    }

    /// The same in a line, or two.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let Summary { file, parts, hash, hosts, paused, groups, discoveries } = self;
        let parts = match parts {
            0 => String::new(),
            some => {
                let folder = reload::parts_folder(Path::new(file));
                format!(" and {} of {}", plural(*some, "file"), folder.display())
            }
        };
        text.push_str(&format!(
            "inventory: {file}{parts}: {} ({paused} paused) in {}; content {}\n",
            plural(*hosts, "host"),
            plural(*groups, "group"),
            hash.get(..12).unwrap_or(hash)
        ));
        if *discoveries > 0 {
            text.push_str(&format!(
                "discovery: further hosts by {}; --live looks them up\n",
                plural(*discoveries, "name")
            ));
        }
        text
    }
}
