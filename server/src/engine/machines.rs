//! Which hosts answer as which machine: one machine that is in the inventory twice is to be seen.

use std::{collections::HashMap, sync::Arc};

use crate::model::HostId;

/// Hosts by machine id.
#[derive(Debug, Default)]
pub(super) struct Machines(HashMap<Arc<str>, Vec<HostId>>);

impl Machines {
    /// A host answers as this machine.
    pub(super) fn add(&mut self, machine: Option<&Arc<str>>, host: HostId) {
        let Some(machine) = machine else { return };
        let hosts = self.0.entry(Arc::clone(machine)).or_default();
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }

    /// No longer.
    pub(super) fn remove(&mut self, machine: Option<&Arc<str>>, host: HostId) {
        let Some(machine) = machine else { return };
        if let Some(hosts) = self.0.get_mut(machine) {
            hosts.retain(|other| *other != host);
            if hosts.is_empty() {
                self.0.remove(machine);
            }
        }
    }

    /// The other hosts that answer as this machine.
    pub(super) fn others(&self, machine: &str, host: HostId) -> impl Iterator<Item = HostId> {
        let hosts = self.0.get(machine).map(Vec::as_slice).unwrap_or_default();
        hosts.iter().copied().filter(move |other| *other != host)
    }
}
