//! An inventory comes into force: host by host, and what did not change is not touched.

use std::{collections::HashSet, sync::Arc, vec};

use tokio::sync::oneshot;

use super::{
    Engine, Installed,
    entry::HostEntry,
    pauses::{Paused, Windows},
};
use crate::{
    health::{Health, Input, PauseReason},
    inventory::{Host, Inventory},
    live::InventoryFile,
    model::{HostId, HostName, State, Transition},
    poll::Link,
    schedule::PollQueue,
    store::KnownHost,
    units::WallMs,
};

/// Hosts that are put in force before polls get a turn again: well under a millisecond's work, ten
/// times that when all of them are new.
pub(super) const SLICE: usize = 100;

/// An inventory that is coming into force.
#[derive(Debug)]
pub(super) struct Installing {
    inventory: Arc<Inventory>,
    file: Arc<InventoryFile>,
    left: vec::IntoIter<KnownHost>,
    in_force: oneshot::Sender<()>,
}

impl Engine {
    /// Begins to put an inventory in force. What is to be done for each host follows in slices
    /// ([`Engine::install_slice`]), so that polls go on beside it; no other command is heard until
    /// the last.
    pub(super) fn install(&mut self, installed: Installed) {
        let Installed { inventory, file, version, known, pauses, alarms, gone_before, in_force } =
            installed;
        for (host, pause) in pauses {
            self.pauses.entry(host).or_insert(Paused::earlier(pause));
        }
        self.version = version;
        self.windows = Windows::new(&inventory.maintenance, self.parts.clock.now());
        self.parents = inventory.hosts.values().filter_map(|host| host.parent.clone()).collect();
        if self.hosts.is_empty() {
            // Slots that were used before a restart are not used again, wherever the clock is now.
            let latest = known.iter().filter_map(|host| host.latest_slot).max();
            let now = self.parts.clock.now();
            self.poll_queue =
                PollQueue::resume(self.poll_queue.grids().clone(), latest.unwrap_or_default(), now);
            self.own_clock.begin(now, latest);
            self.keep_grids();
        }
        let stay: HashSet<HostId> = known.iter().map(|host| host.id).collect();
        let gone: Vec<HostId> =
            self.hosts.keys().copied().filter(|id| !stay.contains(id)).collect();
        for id in gone {
            self.retire(id);
        }
        if self.alarms.restore(alarms) {
            self.rule_own();
        }
        self.end_alarms_of_strangers(&stay, &gone_before);
        self.installing = Some(Installing { inventory, file, left: known.into_iter(), in_force });
    }

    /// Puts the next [`SLICE`] hosts in force; what did not change is not touched.
    pub(super) fn install_slice(&mut self) {
        let Some(mut installing) = self.installing.take() else { return };
        for known in installing.left.by_ref().take(SLICE) {
            let host = known.id;
            self.install_host(&installing.inventory, known);
            // Windows may be others for a host that is the same.
            self.reassess(host, self.parts.clock.now());
        }
        if installing.left.len() > 0 {
            self.installing = Some(installing);
            return;
        }
        let now = self.parts.clock.now();
        self.poll_queue.open(now);
        self.parts.metrics.inventory_loads.inc();
        let (version, hash) = (self.version, installing.inventory.hash.as_str().into());
        let file = installing.file;
        self.parts.live.update_server(|server| {
            server.inventory = Some((version, hash, now.wall));
            server.inventory_file = Some(file);
            server.inventory_error = None;
            server.ready = true;
        });
        // Only the start waits for it.
        let _ = installing.in_force.send(());
    }

    fn retire(&mut self, id: HostId) {
        let now = self.parts.clock.now().wall;
        let Some(mut entry) = self.hosts.remove(&id) else { return };
        self.poll_queue.remove(id);
        self.quorum.remove(id);
        self.own_clock.remove(id);
        self.pauses.remove(&id);
        self.names.remove(&entry.spec.name);
        self.end_alarms(id, &entry.spec.name);
        self.machines.remove(entry.facts.machine_id.as_ref(), id);
        self.parts.live.remove(&entry.spec.name);
        if let Some(transition) = entry.decide(Input::Retire, &self.parts.policy, now) {
            self.announce(transition, Some(&entry));
        }
    }

    fn install_host(&mut self, inventory: &Inventory, known: KnownHost) {
        let Some(spec) = inventory.hosts.get(&known.name) else { return };
        let now = self.parts.clock.now();
        let mut schedule_changed = true;
        let mut transitions = Vec::new();
        let entry = match self.hosts.remove(&known.id) {
            Some(mut entry) if entry.spec == *spec => {
                // The same in other memory: so that of the inventory before is given back.
                entry.spec = Arc::clone(spec);
                self.hosts.insert(known.id, entry);
                return;
            }
            Some(mut entry) => {
                schedule_changed = entry.spec.schedule != spec.schedule
                    || entry.spec.name != spec.name
                    || entry.spec.paused != spec.paused;
                if leads_elsewhere(&entry.spec, spec) {
                    entry.link = Link::of(spec);
                }
                if entry.spec.name != spec.name {
                    self.names.remove(&entry.spec.name);
                    self.parts.live.remove(&entry.spec.name);
                }
                entry.update_settings(spec);
                entry
            }
            None => {
                let (state, since) = known.state.unwrap_or((State::Pending, now.wall));
                let health = Health::known(state, since);
                let polled_to = polled_to(&known, now.wall);
                let mut entry =
                    HostEntry::new(known.id, Arc::clone(spec), health, known.facts, polled_to);
                transitions.extend(entry.decide(Input::Add, &self.parts.policy, now.wall));
                entry
            }
        };
        self.place(entry, schedule_changed, transitions);
    }

    /// Lets another machine answer for a host from now on.
    pub(super) fn accept(&mut self, name: &HostName) {
        let now = self.parts.clock.now();
        let Some(id) = self.names.get(name).copied() else { return };
        let Some(entry) = self.hosts.get_mut(&id) else { return };
        self.machines.remove(entry.facts.machine_id.as_ref(), id);
        let transition = entry.accept(&self.parts.policy, now.wall);
        self.show(id, now);
        tracing::info!(host = %name, "another machine is accepted");
        if let Some(transition) = transition {
            self.announce(transition, self.hosts.get(&id));
        }
    }

    /// Puts a new or changed host where it belongs: on the poll queue unless it is paused.
    fn place(
        &mut self,
        mut entry: HostEntry,
        schedule_changed: bool,
        mut transitions: Vec<Transition>,
    ) {
        let now = self.parts.clock.now();
        let pause_reason = self.pause_reason(entry.id, &entry.spec, now);
        let polled = pause_reason.as_ref().is_none_or(PauseReason::is_polled);
        transitions.extend(entry.set_pause_reason(pause_reason, &self.parts.policy, now.wall));
        if schedule_changed {
            self.poll_queue.remove(entry.id);
            if polled {
                self.poll_queue.add(entry.id, &entry.spec.name, &entry.spec.schedule, now);
            }
        }
        self.names.insert(entry.spec.name.clone(), entry.id);
        self.machines.add(entry.facts.machine_id.as_ref(), entry.id);
        let id = entry.id;
        self.hosts.insert(id, entry);
        self.bring_rules(id);
        self.show(id, now);
        for transition in transitions {
            self.announce(transition, self.hosts.get(&id));
        }
    }
}

/// Whether what connected to a host as it was does not do for what it is now.
fn leads_elsewhere(before: &Host, now: &Host) -> bool {
    // A certificate bears the host's name.
    let is_renamed = now.tls.is_some() && before.name != now.name;
    before.addresses != now.addresses || before.tls != now.tls || is_renamed
}

/// Up to when a host may have been polled before this server began; none if never. What is known of it may come from
/// the spool, whose newest slot is that of the time when it was last registered.
fn polled_to(known: &KnownHost, now: WallMs) -> Option<WallMs> {
    known.state.map(|_| now).max(known.latest_slot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Facts;

    #[test]
    fn a_host_that_has_a_state_may_have_been_polled_up_to_now() {
        let new = KnownHost {
            id: HostId(1),
            name: HostName::new("a").unwrap(),
            facts: Facts::default(),
            state: None,
            latest_slot: None,
        };
        let (now, before) = (WallMs(9), WallMs(5));
        assert_eq!(polled_to(&new, now), None);
        // As the spool knows one that was new when it was registered, and as the store does.
        let state = Some((State::Up, WallMs(1)));
        let remembered = KnownHost { state, ..new.clone() };
        assert_eq!(polled_to(&remembered, now), Some(now));
        assert_eq!(
            polled_to(&KnownHost { latest_slot: Some(before), ..remembered }, now),
            Some(now)
        );
        // While the server was cut off no state changed.
        assert_eq!(polled_to(&KnownHost { latest_slot: Some(before), ..new }, now), Some(before));
    }
}
