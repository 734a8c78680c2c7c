//! The hosts of the inventory file, as discovery meets them, and what a machine would be called.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use super::{ListedHost, ProbeIdentity};
use crate::{inventory::Inventory, model::HostName};

/// The hosts of the file by machine and by address.
pub(super) struct FileHosts<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) machines: BTreeMap<Arc<str>, &'a HostName>,
    addresses: BTreeMap<(&'a str, u16), &'a HostName>,
    known: &'a dyn Fn(&HostName) -> ListedHost,
}

impl<'a> FileHosts<'a> {
    pub(super) fn new(
        inventory: &'a Inventory,
        known: &'a dyn Fn(&HostName) -> ListedHost,
    ) -> Self {
        let mut file =
            Self { inventory, machines: BTreeMap::new(), addresses: BTreeMap::new(), known };
        for (name, host) in &inventory.hosts {
            if let Some(machine) = known(name).machine {
                file.machines.insert(machine, name);
            }
            for address in &host.addresses {
                file.addresses.insert((&*address.host, address.port), name);
            }
        }
        file
    }

    /// The host of the file that this machine, or whatever answers at this address, is.
    pub(super) fn lists(&self, key: &str, address: IpAddr, port: u16) -> Option<&'a HostName> {
        let at = || self.addresses.get(&(address.to_string().as_str(), port)).copied();
        self.machines.get(key).copied().or_else(at)
    }

    /// Whether a host of the file has this name and nothing is known of its machine yet.
    pub(super) fn may_be(&self, name: &HostName) -> bool {
        self.inventory.hosts.contains_key(name) && !(self.known)(name).polled
    }
}

/// What a machine would be called if it were the only one of its kind.
pub(super) fn plain_name(who: &ProbeIdentity) -> Option<HostName> {
    let of_machine = || {
        let digits = who.machine.as_deref()?.get(..8)?;
        HostName::new(&format!("machine-{digits}")).ok()
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let clean = |name: &Arc<str>| -> String {
        name.chars().take(200).map(|c| if allowed(c) { c } else { '-' }).collect()
    };
    who.hostname.as_ref().and_then(|name| HostName::new(&clean(name)).ok()).or_else(of_machine)
}
