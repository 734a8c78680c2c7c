//! Discovered hosts: which machine is which host, whatever its address is today.
//! A host is a machine: its key is the machine id, and where the probe knows none, its hostname. An
//! address is only where the machine was met last. So a task that is started anew elsewhere is the
//! same host, and an address that another machine has today is not.
//! No host is forgotten because a name server is silent, or knows less than it did: a host whose
//! address is gone is polled where it was, and goes down there for everybody to see.

mod seen;
mod file;
mod notice;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use self::{
    file::{FileHosts, plain_name},
    seen::{BY_NAME, MachineKey, by_name},
};
pub use self::{
    notice::DiscoveryWarning,
    seen::{ProbeIdentity, ProbedAddress},
};
use super::{Discovery, Host, Inventory, MAX_HOSTS};
use crate::{
    model::{Address, HostName, Labels},
    units::WallMs,
};

/// The label that tells a discovered host; its value is the name it was found by.
pub const DISCOVERED: &str = "discovered";
/// Digits of a machine id that tell two machines of one hostname apart; more when they do not.
const TELLING_DIGITS: usize = 4;

/// A host, as far as it is known from its polls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListedHost {
    /// The machine that answers.
    pub machine: Option<Arc<str>>,
    /// Whether it has been polled yet.
    pub polled: bool,
    /// Whether it answered when it was polled last.
    pub answers: bool,
}

/// A host of the store that may have been discovered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredHost {
    /// Its name.
    pub name: HostName,
    /// Its labels.
    pub labels: Labels,
    /// Its first address, `host:port`.
    pub address: String,
    /// Who answered there.
    pub who: ProbeIdentity,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    name: HostName,
    dns: Arc<str>,
    port: u16,
    address: IpAddr,
    /// Since when no answer of its name had its address; none while one has.
    gone_since: Option<WallMs>,
}

impl Member {
    fn is_of(&self, discovery: &Discovery) -> bool {
        self.dns == discovery.dns && self.port == discovery.port
    }
}

/// Every discovered host.
#[derive(Debug, Clone, Default)]
pub struct DiscoveredHosts {
    members: BTreeMap<MachineKey, Member>,
    /// When each address of a name was first in its answers without a break: counts looks.
    appeared: BTreeMap<(Arc<str>, u16), BTreeMap<IpAddr, u64>>,
    looks: u64,
}

impl DiscoveredHosts {
    /// Takes in the hosts that were discovered before a restart and are still asked for by
    /// `inventory`, where they were met last. Who is known already was met since.
    pub fn restore(&mut self, inventory: &Inventory, kept: impl IntoIterator<Item = StoredHost>) {
        for host in kept {
            let Some(dns) = host.labels.get(DISCOVERED) else { continue };
            let Some(socket) = host.address.parse::<std::net::SocketAddr>().ok() else { continue };
            let asked_for =
                |discovery: &&Discovery| *discovery.dns == **dns && discovery.port == socket.port();
            let Some(discovery) = inventory.discoveries.iter().find(asked_for) else { continue };
            // A host whose machine is not known, after `accept`: whoever bears its name is it.
            let key = host.who.machine.clone().unwrap_or_else(|| by_name(host.name.as_str()));
            let (address, port) = (socket.ip(), socket.port());
            let dns = Arc::clone(&discovery.dns);
            let member = Member { name: host.name, dns, port, address, gone_since: None };
            self.members.entry(key).or_insert(member);
        }
    }

    /// The inventory of the file with every discovered host in it.
    #[must_use]
    pub fn with(&self, inventory: &Arc<Inventory>) -> Arc<Inventory> {
        if self.members.is_empty() {
            return Arc::clone(inventory);
        }
        let mut whole = Inventory::clone(inventory);
        for member in self.members.values() {
            let of = |discovery: &&Discovery| member.is_of(discovery);
            let Some(discovery) = inventory.discoveries.iter().find(of) else { continue };
            whole
                .hosts
                .entry(member.name.clone())
                .or_insert_with(|| Arc::new(host(member, discovery)));
        }
        Arc::new(whole)
    }

    /// Drops members that `inventory` does not ask for any more, or lists itself.
    pub fn keep_to(&mut self, inventory: &Inventory) {
        self.members.retain(|_, member| {
            inventory.discoveries.iter().any(|discovery| member.is_of(discovery))
                && !inventory.hosts.contains_key(&member.name)
        });
        self.appeared.retain(|(dns, port), _| {
            let of = |d: &Discovery| d.dns == *dns && d.port == *port;
            inventory.discoveries.iter().any(of)
        });
    }

    /// Learns what one look at a name's addresses showed; `seen` has every address of the answer.
    /// Whether anything is different, and what is to be said. `known` tells of a host.
    pub fn learn(
        &mut self,
        discovery: &Discovery,
        seen: &[ProbedAddress],
        inventory: &Inventory,
        known: &dyn Fn(&HostName) -> ListedHost,
        now: WallMs,
    ) -> (bool, Vec<DiscoveryWarning>) {
        // An empty answer is no evidence of anything.
        if seen.is_empty() {
            return (false, Vec::new());
        }
        let before = self.members.clone();
        let mut notices = Vec::new();
        let appeared = self.appear(discovery, seen);
        let file = FileHosts::new(inventory, known);
        for (key, address) in self.leave_to_the_file(&file) {
            notices.push(DiscoveryWarning::Listed { name: key, address });
        }
        let mut machines: BTreeMap<MachineKey, Vec<(&ProbeIdentity, IpAddr)>> = BTreeMap::new();
        for ProbedAddress { address, who } in seen {
            let Some(who) = who else { continue };
            match who.key() {
                Some(key) => machines.entry(key).or_default().push((who, *address)),
                None => notices.push(DiscoveryWarning::Nameless { address: *address }),
            }
        }
        for (key, mut at) in machines {
            let current = self.members.get(&key).map(|member| member.address);
            // The newest first; of those that came together the one in use, then the lowest.
            let came = |address: &IpAddr| appeared.get(address).copied().unwrap_or_default();
            at.sort_by_key(|(_, address)| {
                (std::cmp::Reverse(came(address)), Some(*address) != current, *address)
            });
            let Some((who, address)) = at.first().copied() else { continue };
            let well = self.members.get(&key).filter(|member| {
                let unasked = |s: &ProbedAddress| s.address == member.address && s.who.is_none();
                seen.iter().any(unasked) && known(&member.name).answers
            });
            // A task that is being replaced answers on beside the next one, where the host is polled already.
            if well.is_some_and(|member| came(&member.address) >= came(&address)) {
                continue;
            }
            if let Some(name) = self.meet(&key, who, address, discovery, &file, &mut notices)
                && at.len() > 1
            {
                let also = at.iter().skip(1).map(|(_, address)| *address).collect();
                let copied = at.iter().any(|(other, _)| other.boot != who.boot);
                notices.push(DiscoveryWarning::SeveralAddresses {
                    name,
                    polled: address,
                    also,
                    copied,
                });
            }
        }
        self.note_the_gone(discovery, seen, now);
        let placed = |members: &BTreeMap<MachineKey, Member>| -> BTreeSet<(HostName, IpAddr)> {
            members.values().map(|member| (member.name.clone(), member.address)).collect()
        };
        (placed(&before) != placed(&self.members), notices)
    }

    /// Counts a look, and says when each of its addresses appeared.
    fn appear(&mut self, discovery: &Discovery, seen: &[ProbedAddress]) -> BTreeMap<IpAddr, u64> {
        self.looks += 1;
        let of = (Arc::clone(&discovery.dns), discovery.port);
        let before = self.appeared.remove(&of).unwrap_or_default();
        let since = |address| before.get(&address).copied().unwrap_or(self.looks);
        let now: BTreeMap<_, _> = seen.iter().map(|s| (s.address, since(s.address))).collect();
        self.appeared.insert(of, now.clone());
        now
    }

    /// Drops members that turned out to be machines of the file, or that the file lists by address.
    fn leave_to_the_file(&mut self, file: &FileHosts<'_>) -> Vec<(HostName, IpAddr)> {
        let mut left = Vec::new();
        self.members.retain(|key, member| match file.lists(key, member.address, member.port) {
            Some(name) => {
                left.push((name.clone(), member.address));
                false
            }
            None => true,
        });
        left
    }

    /// A machine was met at an address; its name, when it is a host.
    fn meet(
        &mut self,
        key: &MachineKey,
        who: &ProbeIdentity,
        address: IpAddr,
        discovery: &Discovery,
        file: &FileHosts<'_>,
        notices: &mut Vec<DiscoveryWarning>,
    ) -> Option<HostName> {
        if let Some(name) = file.lists(key, address, discovery.port) {
            notices.push(DiscoveryWarning::Listed { name: name.clone(), address });
            return None;
        }
        if let Some(member) = self.members.get_mut(key) {
            // Found by two names, it belongs to the first.
            return member.is_of(discovery).then(|| {
                member.address = address;
                member.name.clone()
            });
        }
        let plain = plain_name(who)?;
        if file.may_be(&plain) {
            // Its first poll tells whether this is that host.
            return None;
        }
        let unknown = |(known, member): (&MachineKey, &Member)| {
            let is_it = member.name == plain || member.address == address;
            (known.starts_with(BY_NAME) && member.is_of(discovery) && is_it)
                .then(|| Arc::clone(known))
        };
        if let Some(known) = self.members.iter().find_map(unknown)
            && let Some(mut member) = self.members.remove(&known)
        {
            // It was known by its name alone until now.
            member.address = address;
            let name = member.name.clone();
            self.members.insert(Arc::clone(key), member);
            return Some(name);
        }
        if file.inventory.hosts.len() + self.members.len() >= MAX_HOSTS {
            notices.push(DiscoveryWarning::Full { address });
            return None;
        }
        let name = self.free_name(&plain, key, file)?;
        if name != plain {
            notices.push(DiscoveryWarning::SameHostname { hostname: plain, name: name.clone() });
        }
        let (dns, port) = (Arc::clone(&discovery.dns), discovery.port);
        let member = Member { name: name.clone(), dns, port, address, gone_since: None };
        self.members.insert(Arc::clone(key), member);
        Some(name)
    }

    /// The plain name, or with as many digits of the machine as it takes to be the only one.
    fn free_name(
        &self,
        plain: &HostName,
        key: &MachineKey,
        file: &FileHosts<'_>,
    ) -> Option<HostName> {
        let taken = |name: &HostName| {
            file.inventory.hosts.contains_key(name)
                || self.members.values().any(|member| member.name == *name)
        };
        let longer = (TELLING_DIGITS..=key.len())
            .filter_map(|digits| HostName::new(&format!("{plain}-{}", key.get(..digits)?)).ok());
        std::iter::once(plain.clone()).chain(longer).find(|name| !taken(name))
    }

    fn note_the_gone(&mut self, discovery: &Discovery, seen: &[ProbedAddress], now: WallMs) {
        for (key, member) in self.members.iter_mut().filter(|(_, m)| m.is_of(discovery)) {
            let there = seen.iter().any(|s| {
                let other = s.who.as_ref().is_some_and(|who| who.key().as_ref() != Some(key));
                s.address == member.address && !other
            });
            member.gone_since = if there { None } else { member.gone_since.or(Some(now)) };
        }
    }

    /// Drops those that are `down` and whose addresses have been gone for `after`; zero: nobody.
    pub fn forget(
        &mut self,
        after: Duration,
        down: impl Fn(&HostName) -> bool,
        now: WallMs,
    ) -> Vec<DiscoveryWarning> {
        let mut forgotten = Vec::new();
        self.members.retain(|_, member| {
            let old = member.gone_since.is_some_and(|since| now.since(since) >= after);
            let stays = after.is_zero() || !old || !down(&member.name);
            if !stays {
                forgotten.push(DiscoveryWarning::Forgotten { name: member.name.clone() });
            }
            stays
        });
        forgotten
    }

    /// A host's machine is not known any more: whoever answers where it is, or bears its name next,
    /// is it, and no host of its own.
    pub fn accept(&mut self, name: &HostName) {
        let of =
            |(key, member): (&MachineKey, &Member)| (member.name == *name).then(|| Arc::clone(key));
        let Some(key) = self.members.iter().find_map(of) else { return };
        let Some(member) = self.members.remove(&key) else { return };
        let elsewhere =
            |other: &Member| (other.address, other.port) != (member.address, member.port);
        self.members.retain(|_, other| elsewhere(other));
        self.members.insert(by_name(name.as_str()), member);
    }

    /// How many hosts were discovered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

fn host(member: &Member, discovery: &Discovery) -> Host {
    let mut labels = discovery.labels.clone();
    labels.insert(DISCOVERED.to_owned(), discovery.dns.to_string());
    Host {
        name: member.name.clone(),
        group: Some(discovery.group.clone()),
        labels: Arc::new(labels),
        addresses: vec![Address { host: member.address.to_string().into(), port: member.port }],
        schedule: discovery.schedule.clone(),
        timeout: discovery.timeout,
        parent: discovery.parent.clone().filter(|parent| *parent != member.name),
        paused: discovery.paused,
        renamed_from: None,
        selection: Arc::clone(&discovery.selection),
        tls: discovery.tls.clone(),
    }
}

#[cfg(test)]
mod tests;
