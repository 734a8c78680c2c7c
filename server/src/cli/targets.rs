//! Which hosts a command is about: the inventory file, its problems, hosts by name or by address.

use std::{path::Path, sync::Arc, time::Duration};

use roundsman_os::file;

use super::CliError;
use crate::{
    document::{Problems, SourceFile},
    error_report::error_chain,
    inventory::{self, Inventory},
    model::{Address, HostName, Selection},
    poll::Link,
    reload,
    text::did_you_mean,
};

/// One host to be asked.
#[derive(Debug, Clone)]
pub(super) struct PollTarget {
    /// Its name in the inventory, or its address.
    pub(super) name: HostName,
    /// The whole poll.
    pub(super) timeout: Duration,
    /// What is asked for.
    pub(super) selection: Arc<Selection>,
    /// Its connection, not yet opened.
    pub(super) link: Arc<Link>,
}

impl From<&inventory::Host> for PollTarget {
    fn from(host: &inventory::Host) -> Self {
        Self {
            name: host.name.clone(),
            timeout: host.timeout,
            selection: Arc::clone(&host.selection),
            link: Link::of(host),
        }
    }
}

/// Why there is no inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoInventory {
    /// It cannot be read: what, where, and what to do.
    Unreadable(String),
    /// All that is wrong with it.
    Problems(Problems),
}

impl From<NoInventory> for CliError {
    fn from(why: NoInventory) -> Self {
        match why {
            NoInventory::Unreadable(text) => Self::Failed(text),
            NoInventory::Problems(problems) => {
                let first = problems.iter().next().map(ToString::to_string).unwrap_or_default();
                match problems.len() {
                    0 | 1 => Self::Failed(first),
                    all => Self::Failed(format!(
                        "{first} (and {} more; see `roundsman check`)",
                        all - 1
                    )),
                }
            }
        }
    }
}

/// Reads and parses an inventory: its file, and those of the folder beside it.
pub(super) fn read(path: &Path) -> Result<Inventory, NoInventory> {
    inventory::parse_files(&files(path)?).map_err(NoInventory::Problems)
}

/// Reads the files of an inventory: first the one that is named, then those of the folder beside it.
pub(super) fn files(path: &Path) -> Result<Vec<SourceFile>, NoInventory> {
    let unread = |path: &Path, error: &dyn std::fmt::Display| {
        NoInventory::Unreadable(format!(
            "cannot read the inventory {}: {error}; name another file with --inventory",
            path.display()
        ))
    };
    let read = |path: &Path| {
        let (bytes, _) =
            file::read(path, reload::MAX_FILE_BYTES).map_err(|error| unread(path, &error))?;
        Ok(SourceFile { name: path.display().to_string().into(), bytes })
    };
    let mut files = vec![read(path)?];
    let parts = reload::parts(path);
    for part in parts.map_err(|error| NoInventory::Unreadable(error_chain(&error)))? {
        files.push(read(&part)?);
    }
    Ok(files)
}

/// Finds what is asked for: hosts of the inventory by name, anything else by `HOST:PORT`.
pub(super) fn find(wanted: &[String], path: &Path) -> Result<Vec<PollTarget>, CliError> {
    let inventory = read(path);
    let known = inventory.as_ref().ok();
    let mut targets = Vec::new();
    for word in wanted {
        if let Some(host) = known.and_then(|inventory| inventory.hosts.get(word.as_str())) {
            targets.push(PollTarget::from(&**host));
        } else if let Some(address) = address(word) {
            let name = HostName::new(word.trim_matches(|c| "[]".contains(c)).trim())
                .or_else(|_| HostName::new(&address.host))
                .map_err(|error| CliError::Usage(format!("{word:?}: {error}")))?;
            targets.push(PollTarget {
                name,
                timeout: inventory::DEFAULT_TIMEOUT,
                selection: Arc::default(),
                link: Link::new(vec![address]),
            });
        } else {
            return Err(unknown(word, inventory, path));
        }
    }
    Ok(targets)
}

fn unknown(word: &str, inventory: Result<Inventory, NoInventory>, path: &Path) -> CliError {
    let inventory = match inventory {
        Ok(inventory) => inventory,
        Err(why) => return why.into(),
    };
    let hint = match did_you_mean(word, inventory.hosts.keys().map(HostName::as_str)) {
        none if none.is_empty() => {
            format!("; an address needs its port, as in {word}:{}", inventory::DEFAULT_PORT)
        }
        hint => hint,
    };
    CliError::Failed(format!("no host is called {word:?} in {}{hint}", path.display()))
}

/// Reads `host:port`, `10.0.0.1:50051` or `[::1]:50051`.
fn address(text: &str) -> Option<Address> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    let port = port.parse().ok().filter(|port| *port != 0)?;
    (!host.is_empty()).then(|| Address { host: host.into(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        let shown = |text: &str| address(text).map(|address| address.to_string());
        for good in ["web-1:50051", "10.0.0.1:1", "[::1]:50051"] {
            assert_eq!(shown(good).as_deref(), Some(good));
        }
        for bad in ["web-1", ":50051", "web-1:0", "web-1:65536", "::1", "::1:50051x", "[::1]", ""] {
            assert_eq!(shown(bad), None, "{bad}");
        }
    }
}
