//! What `check` says of the file of tokens.

use std::{collections::BTreeSet, os::unix::fs::MetadataExt as _};

use roundsman_os::file;

use crate::{
    access, config::Config, inventory::Inventory, model::GroupName, reload::MAX_FILE_BYTES,
};

/// Others may write it, and so give themselves any role.
const OTHERS_WRITE: u32 = 0o022;

/// Its problems, and what is not wrong but should not be so; nothing where no file is named.
pub(super) fn read(config: &Config, inventory: Option<&Inventory>) -> (Vec<String>, Vec<String>) {
    let Some(path) = &config.http.access_file else { return (Vec::new(), Vec::new()) };
    let name = path.display().to_string();
    let (bytes, stat) = match file::read(path, MAX_FILE_BYTES) {
        Ok(read) => read,
        Err(error) => return (vec![format!("http.access_file: {name}: {error}")], Vec::new()),
    };
    let entries = match access::parse_bytes(&name, &bytes) {
        Ok(entries) => entries,
        Err(problems) => return (problems.iter().map(ToString::to_string).collect(), Vec::new()),
    };
    let mut warnings = Vec::new();
    if stat.mode() & OTHERS_WRITE != 0 {
        warnings
            .push(format!("{name}: others may write it and give themselves any role: chmod go-w"));
    }
    // With hosts that are discovered nobody knows all groups.
    if let Some(inventory) = inventory.filter(|inventory| inventory.discoveries.is_empty()) {
        let known: BTreeSet<&GroupName> =
            inventory.hosts.values().filter_map(|host| host.group.as_ref()).collect();
        let tokens = entries.iter().map(|one| (format!("the token of {}", one.name), &one.scope));
        let users = entries.users().map(|one| (format!("user {}", one.name), &one.scope));
        let members =
            entries.members().map(|one| (format!("who is in {:?}", one.member_of), &one.scope));
        for (who, scope) in tokens.chain(users).chain(members) {
            for group in scope.groups().into_iter().flatten() {
                if !known.contains(group) {
                    let words = format!("{name}: {who} is for group {group}, which has no host");
                    warnings.push(words);
                }
            }
        }
    }
    (Vec::new(), warnings)
}
