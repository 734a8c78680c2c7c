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

    /// The host that a machine is, when another host claims to be it. The first that answered as the
    /// machine is pinned to it, here and in the store, and who claims it after that is not; where a store
    /// has two from before that rule, it is the one that was registered first.
    pub(super) fn claimed_from(&self, machine: &str, claimer: HostId) -> Option<HostId> {
        let owner = self.0.get(machine)?.iter().copied().min()?;
        (owner != claimer).then_some(owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_first_is_the_machine_and_stays_it() {
        let machine: Arc<str> = "4c4c".into();
        let [first, second] = [HostId(7), HostId(3)];
        let mut machines = Machines::default();
        assert_eq!(machines.claimed_from(&machine, second), None, "nobody's yet");
        machines.add(Some(&machine), first);
        assert_eq!(machines.claimed_from(&machine, first), None);
        assert_eq!(machines.claimed_from(&machine, second), Some(first), "registered before it");
        // Both pinned in a store of before: whatever the order in which they come.
        machines.add(Some(&machine), second);
        assert_eq!(machines.claimed_from(&machine, first), Some(second));
        assert_eq!(machines.claimed_from(&machine, second), None);
        machines.remove(Some(&machine), second);
        machines.remove(Some(&machine), first);
        assert_eq!(machines.claimed_from(&machine, second), None, "free again");
    }
}
