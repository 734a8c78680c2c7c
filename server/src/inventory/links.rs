//! What holds between the hosts of an inventory: addresses, parents and former names.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::draft::HostDraft;
use crate::document::{Findings, Located};
use crate::{model::HostName, text::did_you_mean};

/// How many hosts of a ring of parents a message names.
const MAX_RING_NAMED: usize = 8;

/// Notes every pair or chain of hosts that does not hold together. `parents` are those of hosts that
/// are not known yet, because they are discovered.
pub(super) fn check(
    hosts: &BTreeMap<HostName, HostDraft>,
    parents: &[Located<HostName>],
    findings: &mut Findings<'_>,
) {
    check_addresses(hosts, findings);
    for parent in parents {
        check_parent(&parent.value, parent.at, hosts, findings);
    }
    for draft in hosts.values() {
        if let Some(parent) = &draft.host.parent {
            check_parent(parent, draft.parent_at, hosts, findings);
        }
    }
    check_rings(hosts, findings);
    check_former_names(hosts, findings);
}

/// The hosts in the order of the file, so that the later of two is the wrong one.
fn by_place(hosts: &BTreeMap<HostName, HostDraft>) -> Vec<&HostDraft> {
    let mut drafts: Vec<&HostDraft> = hosts.values().collect();
    drafts.sort_by_key(|draft| draft.at);
    drafts
}

fn check_addresses(hosts: &BTreeMap<HostName, HostDraft>, findings: &mut Findings<'_>) {
    // By its text: a name is the same place with and without the dot at its end.
    let mut places: HashMap<String, (&HostName, usize)> = HashMap::new();
    for draft in by_place(hosts) {
        let name = &draft.host.name;
        for (address, at) in draft.host.addresses.iter().zip(&draft.addresses_at) {
            match places.get(&address.to_string()) {
                None => drop(places.insert(address.to_string(), (name, *at))),
                Some((other, _)) if *other == name => {
                    findings.add(*at, format!("host `{name}` has the address {address} twice"));
                }
                Some((other, first)) => {
                    let place = findings.place(*first, *at);
                    findings.add(
                        *at,
                        format!(
                            "host `{name}` has the address {address} of \
                        host `{other}` ({place})"
                        ),
                    );
                }
            }
        }
    }
}

fn check_parent(
    parent: &HostName,
    at: usize,
    hosts: &BTreeMap<HostName, HostDraft>,
    findings: &mut Findings<'_>,
) {
    if !hosts.contains_key(parent) {
        let hint = did_you_mean(parent.as_str(), hosts.keys().map(HostName::as_str));
        findings.add(at, format!("the parent `{parent}` is not a host of this inventory{hint}"));
    }
}

/// Follows every chain of parents once; a ring is noted at its first host by name.
fn check_rings(hosts: &BTreeMap<HostName, HostDraft>, findings: &mut Findings<'_>) {
    let mut done: HashSet<&HostName> = HashSet::new();
    for start in hosts.keys() {
        let mut chain: Vec<&HostName> = Vec::new();
        let mut on_chain: HashSet<&HostName> = HashSet::new();
        let mut next = Some(start);
        while let Some(name) = next.filter(|name| !done.contains(name)) {
            if !on_chain.insert(name) {
                let ring = chain.iter().skip_while(|other| **other != name).copied();
                note_ring(&ring.collect::<Vec<_>>(), hosts, findings);
                break;
            }
            chain.push(name);
            next = hosts.get(name).and_then(|draft| draft.host.parent.as_ref());
        }
        done.extend(chain);
    }
}

fn note_ring(
    ring: &[&HostName],
    hosts: &BTreeMap<HostName, HostDraft>,
    findings: &mut Findings<'_>,
) {
    let Some(first) = ring.first() else { return };
    let at = hosts.get(*first).map_or(0, |draft| draft.parent_at);
    if ring.len() == 1 {
        return findings.add(at, format!("host `{first}` is its own parent"));
    }
    let named: Vec<&str> = ring.iter().take(MAX_RING_NAMED).map(|name| name.as_str()).collect();
    let more = if ring.len() > MAX_RING_NAMED { " -> ..." } else { "" };
    let path = named.join(" -> ");
    findings.add(at, format!("the parents form a ring: {path}{more} -> {first}"));
}

fn check_former_names(hosts: &BTreeMap<HostName, HostDraft>, findings: &mut Findings<'_>) {
    let mut used: HashMap<&HostName, (&HostName, usize)> = HashMap::new();
    for draft in by_place(hosts) {
        let Some(former) = &draft.host.renamed_from else { continue };
        let (name, at) = (&draft.host.name, draft.renamed_at);
        if let Some(existing) = hosts.get(former) {
            let place = findings.place(existing.at, at);
            findings.add(
                at,
                format!(
                    "host `{name}` cannot be renamed from `{former}`: that \
                host still exists ({place})"
                ),
            );
        }
        match used.get(former) {
            None => drop(used.insert(former, (name, at))),
            Some((other, first)) => {
                let place = findings.place(*first, at);
                findings.add(
                    at,
                    format!(
                        "host `{name}` cannot be renamed from `{former}`: \
                    `{other}` already is ({place})"
                    ),
                );
            }
        }
    }
}
