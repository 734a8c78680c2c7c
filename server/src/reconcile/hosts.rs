//! The hosts of the file in force and those that were discovered beside them, and what both the
//! discoveries and the operator change about them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::discovering::Discovering;
use crate::{
    inventory::{DiscoveredHosts, DiscoveryWarning, Inventory, ProbeIdentity, StoredHost},
    model::Facts,
    store::{HostSummary, spool::Remembered},
};

/// Notices that are remembered to have been said.
const SAID: usize = 1_000;

/// A host of the store, as one that may have been discovered.
pub(crate) fn kept(host: &HostSummary) -> StoredHost {
    StoredHost {
        name: host.name.clone(),
        labels: host.labels.clone(),
        address: host.addresses.first().cloned().unwrap_or_default(),
        who: who(&host.facts),
    }
}

/// A host that the spool remembers, in the same way.
pub(super) fn remembered(host: &Remembered) -> StoredHost {
    let Remembered { known, listed } = host;
    StoredHost {
        name: known.name.clone(),
        labels: listed.labels.clone(),
        address: listed.addresses.first().cloned().unwrap_or_default(),
        who: who(&known.facts),
    }
}

fn who(facts: &Facts) -> ProbeIdentity {
    ProbeIdentity {
        machine: facts.machine_id.clone(),
        hostname: facts.hostname.clone(),
        boot: facts.boot_id.clone(),
    }
}

/// The file's hosts, and the others.
pub(super) struct Hosts {
    discovering: Discovering,
    pub(super) discovered: DiscoveredHosts,
    pub(super) forget: Duration,
    /// The inventory of the file in force, and its text.
    pub(super) file: Option<(Arc<Inventory>, Arc<str>)>,
    pub(super) said: BTreeSet<String>,
}

impl Hosts {
    pub(super) fn new(discovering: Discovering, forget: Duration) -> Self {
        Self {
            discovering,
            discovered: DiscoveredHosts::default(),
            forget,
            file: None,
            said: BTreeSet::new(),
        }
    }

    /// Takes in the hosts that were discovered before a restart.
    pub(super) fn restore(&mut self, file: &Inventory, kept: impl IntoIterator<Item = StoredHost>) {
        self.discovered.restore(file, kept);
    }

    /// The inventory of a file with the discovered hosts in it.
    pub(super) fn of(&self, file: &Arc<Inventory>) -> Arc<Inventory> {
        self.discovered.with(file)
    }

    /// A file has come into force.
    pub(super) fn in_force(&mut self, file: &Arc<Inventory>, text: &Arc<str>) {
        self.discovered.keep_to(file);
        self.discovering.follow(&file.discoveries);
        self.file = Some((Arc::clone(file), Arc::clone(text)));
    }

    /// Says what was not said before.
    pub(super) fn say(&mut self, notices: &[DiscoveryWarning]) {
        for notice in notices {
            let words = notice.to_string();
            if self.said.len() < SAID && self.said.insert(words.clone()) {
                tracing::warn!("{words}");
            }
        }
    }
}
