//! From the text to an inventory: sections in the order of the file, then what holds between hosts.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Discovery, Group, Host, Inventory, MAX_ADDRESSES, MAX_HOSTS, address,
    draft::HostDraft,
    links, maintenance, range,
    settings::{self, Profile, Selections, Settings},
};
use crate::{
    document::{self, Findings, Located, Problems, Section, quoted},
    model::{Address, ContentHash, GroupName, HostName},
    text::is_slip,
};

const TOP_KEYS: &[&str] = &["defaults", "group", "host", "maintenance"];
const GROUP_KEYS: &[&str] = &["name", "hosts", "discover", "parent", "paused"];
const HOST_KEYS: &[&str] = &["name", "addresses", "group", "parent", "paused", "renamed_from"];

/// Reads and checks the texts of all files, each with its name.
pub(super) fn build(texts: &[(&str, &str)], hash: ContentHash) -> Result<Inventory, Problems> {
    let mut findings = Findings::of(texts);
    let documents = document::tables(&mut findings)?;
    let mut builder = Builder::new(findings);
    let tops = documents.iter();
    let tops = tops.map(|(at, table)| Section::of_part("the inventory", *at, table.get_ref()));
    builder.read(&tops.collect::<Vec<_>>());
    builder.finish(hash)
}

struct GroupDraft {
    at: usize,
    /// Merged with the defaults.
    settings: Settings,
    /// By a `[[group]]`, and not only by a host that names it.
    declared: bool,
    group: Group,
}

pub(super) struct Builder<'t> {
    pub(super) findings: Findings<'t>,
    defaults: Settings,
    groups: BTreeMap<GroupName, GroupDraft>,
    hosts: BTreeMap<HostName, HostDraft>,
    pub(super) discoveries: Vec<(Discovery, usize)>,
    selections: Selections,
    maintenance: Vec<maintenance::WindowDraft>,
    /// Parents of hosts that are discovered.
    pub(super) wanted_parents: Vec<Located<HostName>>,
    /// The limit of hosts was met, and noted.
    full: bool,
}

impl<'t> Builder<'t> {
    fn new(findings: Findings<'t>) -> Self {
        Self {
            findings,
            defaults: Settings::default(),
            groups: BTreeMap::new(),
            hosts: BTreeMap::new(),
            discoveries: Vec::new(),
            selections: Selections::default(),
            maintenance: Vec::new(),
            wanted_parents: Vec::new(),
            full: false,
        }
    }

    /// Reads what all files say, one kind of section after the other: a host may be of a group that another
    /// file declares.
    fn read(&mut self, tops: &[Section<'t>]) {
        for top in tops {
            top.check_keys(TOP_KEYS, &mut self.findings);
        }
        self.read_defaults(tops);
        for section in self.sections(tops, "group", "[[group]]") {
            self.read_group(&section);
        }
        for section in self.sections(tops, "host", "[[host]]") {
            self.read_host(&section);
        }
        for section in self.sections(tops, "maintenance", "[[maintenance]]") {
            self.maintenance.extend(maintenance::read(&section, &mut self.findings));
        }
    }

    fn sections(
        &mut self,
        tops: &[Section<'t>],
        key: &str,
        title: &'static str,
    ) -> Vec<Section<'t>> {
        tops.iter().flat_map(|top| top.sections(key, title, &mut self.findings)).collect()
    }

    fn read_defaults(&mut self, tops: &[Section<'t>]) {
        let mut first = None;
        for top in tops {
            let expected = "a table, [defaults]";
            let section = top.section("defaults", "[defaults]", expected, &mut self.findings);
            let Some(section) = section else { continue };
            section.check_keys(&settings::keys(), &mut self.findings);
            let defaults = Settings::read(&section, &mut self.findings);
            if let Some(first) = first {
                let place = self.findings.place(first, section.at);
                let message = format!("[defaults] stand in one file: they are at {place} already");
                self.findings.add(section.at, message);
                continue;
            }
            first = Some(section.at);
            self.defaults = defaults;
        }
    }

    fn read_group(&mut self, section: &Section<'t>) {
        section.check_keys(&[GROUP_KEYS, &settings::keys()].concat(), &mut self.findings);
        let name = self.group_name(section, "name");
        if section.at("name").is_none() {
            self.findings.add(section.at, "a [[group]] needs a `name`");
        }
        let own = Settings::read(section, &mut self.findings).linked(section, &mut self.findings);
        let merged = own.over(&self.defaults);
        let profile = merged.profile(section.at, &mut self.selections, &mut self.findings);
        if let Some(Located { value: name, at }) = &name {
            let group = Group { labels: profile.labels.clone(), ..Group::default() };
            let draft = GroupDraft { at: *at, settings: merged, declared: true, group };
            match self.groups.get(name).map(|first| first.at) {
                None => drop(self.groups.insert(name.clone(), draft)),
                Some(first) => {
                    let place = self.findings.place(first, *at);
                    self.findings.add(*at, format!("group `{name}` is already defined at {place}"));
                }
            }
        }
        let group = name.map(|name| name.value);
        self.read_discover(section, group.as_ref(), &profile);
        let expected = "a list of host names, addresses or ranges";
        let Some(list) = section.texts("hosts", expected, &mut self.findings) else { return };
        if list.value.is_empty() {
            self.findings.add(list.at, "`hosts` names no host: name one, or leave it out");
        }
        for entry in list.value {
            self.list_hosts(entry, group.as_ref(), &profile);
        }
    }

    /// Takes in what one entry of a group's `hosts` stands for. Of several wrong names of one range
    /// only the first is noted.
    fn list_hosts(&mut self, entry: Located<&str>, group: Option<&GroupName>, profile: &Profile) {
        let names = match range::expand(entry.value) {
            Ok(names) => names,
            Err(e) => return self.findings.add(entry.at, e.to_string()),
        };
        for text in names {
            let name = match HostName::new(&text) {
                Ok(name) => name,
                Err(e) => {
                    return self.findings.add(entry.at, format!("host {}: {e}", quoted(&text)));
                }
            };
            let address = match address::parse(&text, profile.port) {
                Ok(address) => address,
                Err(e) => return self.findings.add(entry.at, e.to_string()),
            };
            if let Some(first) = self.hosts.get(&name) {
                let place = self.findings.place(first.at, entry.at);
                let message = match (&first.host.group, group) {
                    (Some(other), Some(group)) if other != group => {
                        format!("host `{name}` is already in group `{other}` ({place})")
                    }
                    _ => format!("host `{name}` is named twice, first at {place}"),
                };
                return self.findings.add(entry.at, message);
            }
            let addresses = vec![Located { value: address, at: entry.at }];
            let named = Located { value: name, at: entry.at };
            if !self.insert(named, group.cloned(), addresses, profile, None, true) {
                return;
            }
        }
    }

    fn read_host(&mut self, section: &Section<'t>) {
        section.check_keys(&[HOST_KEYS, &settings::keys()].concat(), &mut self.findings);
        let name = settings::read_name(section, "name", &mut self.findings);
        if section.at("name").is_none() {
            self.findings.add(section.at, "a [[host]] needs a `name`");
        }
        let group = self.group_name(section, "group");
        let own = Settings::read(section, &mut self.findings).linked(section, &mut self.findings);
        let base = group.as_ref().and_then(|group| self.group_of(group));
        let merged = own.over(base.as_ref().unwrap_or(&self.defaults));
        let profile = merged.profile(section.at, &mut self.selections, &mut self.findings);
        let addresses = self.read_addresses(section, name.as_ref(), profile.port);
        let renamed_from = settings::read_name(section, "renamed_from", &mut self.findings);
        let Some(name) = name else { return };
        let group = group.map(|group| group.value);
        if let Some(first) = self.hosts.get(&name.value) {
            let place = self.findings.place(first.at, name.at);
            let is_beside = self.findings.is_same_file(first.at, name.at);
            let text = &name.value;
            let message = match (&first.host.group, &group) {
                (Some(lists), Some(own)) if first.listed && lists == own && is_beside => None,
                (Some(lists), Some(own)) if first.listed && lists == own => Some(format!(
                    "host `{text}` is already listed by group `{lists}` ({place}); settings of its own \
                     stand in the same file"
                )),
                (Some(lists), None) if first.listed => Some(format!(
                    "host `{text}` is already listed by group `{lists}` ({place}); to give it \
                     settings of its own, say group = \"{lists}\" here"
                )),
                (Some(lists), Some(own)) if first.listed => Some(format!(
                    "host `{text}` is already in group `{lists}` ({place}) and cannot be in \
                     `{own}` as well"
                )),
                _ => Some(format!("host `{text}` is already defined at {place}")),
            };
            if let Some(message) = message {
                return self.findings.add(name.at, message);
            }
            self.hosts.remove(text);
        }
        self.insert(name, group, addresses, &profile, renamed_from, false);
    }

    /// The settings of the group that a `[[host]]` names; makes the group when it is not declared.
    fn group_of(&mut self, name: &Located<GroupName>) -> Option<Settings> {
        if let Some(known) = self.groups.get(&name.value) {
            return Some(known.settings.clone());
        }
        let text = name.value.as_str();
        let mut declared = self.groups.iter().filter(|(_, group)| group.declared);
        if let Some((near, _)) = declared.find(|(near, _)| is_slip(text, near.as_str())) {
            self.findings.add(
                name.at,
                format!(
                    "no [[group]] is named `{text}`; did you \
                mean `{near}`? (if not, declare [[group]] name = \"{text}\")"
                ),
            );
            return None;
        }
        let labels =
            self.defaults.profile(name.at, &mut self.selections, &mut self.findings).labels;
        let group = Group { labels, ..Group::default() };
        let settings = self.defaults.clone();
        let draft = GroupDraft { at: name.at, settings, declared: false, group };
        self.groups.insert(name.value.clone(), draft);
        None
    }

    fn insert(
        &mut self,
        name: Located<HostName>,
        group: Option<GroupName>,
        addresses: Vec<Located<Address>>,
        profile: &Profile,
        renamed_from: Option<Located<HostName>>,
        listed: bool,
    ) -> bool {
        if self.hosts.len() >= MAX_HOSTS {
            if !self.full {
                self.findings.add(
                    name.at,
                    format!(
                        "an inventory names at most {MAX_HOSTS} hosts, `{}` is one more",
                        name.value
                    ),
                );
            }
            self.full = true;
            return false;
        }
        let host = Host {
            name: name.value.clone(),
            group,
            labels: Arc::new(profile.labels.clone()),
            addresses: addresses.iter().map(|address| address.value.clone()).collect(),
            schedule: profile.schedule.clone(),
            timeout: profile.timeout,
            parent: profile.parent.as_ref().map(|parent| parent.value.clone()),
            paused: profile.paused,
            renamed_from: renamed_from.as_ref().map(|from| from.value.clone()),
            selection: profile.selection.clone(),
            tls: profile.tls.clone(),
        };
        let draft = HostDraft {
            host,
            at: name.at,
            addresses_at: addresses.iter().map(|address| address.at).collect(),
            parent_at: profile.parent.as_ref().map_or(name.at, |parent| parent.at),
            renamed_at: renamed_from.map_or(name.at, |from| from.at),
            listed,
        };
        self.hosts.insert(name.value, draft);
        true
    }

    /// A host's `addresses`, or its name when there are none.
    fn read_addresses(
        &mut self,
        section: &Section<'t>,
        name: Option<&Located<HostName>>,
        port: u16,
    ) -> Vec<Located<Address>> {
        let mut addresses: Vec<Located<Address>> = Vec::new();
        let expected = "a list of addresses such as [\"db-1:50051\"]";
        let Some(list) = section.texts("addresses", expected, &mut self.findings) else {
            let name = name.filter(|_| section.at("addresses").is_none());
            if let Some(Located { value: name, at }) = name {
                // As it is written: a dot at its end is for the name server.
                let written = section.text("name", "a name", &mut self.findings);
                let written = written.map_or(name.as_str(), |written| written.value);
                match address::parse(written, port) {
                    Ok(value) => addresses.push(Located { value, at: *at }),
                    Err(e) => self.findings.add(
                        *at,
                        format!("{e}; a host whose name is not its address needs `addresses`"),
                    ),
                }
            }
            return addresses;
        };
        if list.value.is_empty() || list.value.len() > MAX_ADDRESSES {
            let count = list.value.len();
            self.findings.add(
                list.at,
                format!("a host has 1 to {MAX_ADDRESSES} addresses, this one has {count}"),
            );
        }
        for text in list.value {
            match address::parse(text.value, port) {
                Ok(value) => addresses.push(Located { value, at: text.at }),
                Err(e) => self.findings.add(text.at, e.to_string()),
            }
        }
        addresses
    }

    fn group_name(&mut self, section: &Section<'t>, key: &str) -> Option<Located<GroupName>> {
        let text = section.text(key, "the name of a group", &mut self.findings)?;
        match GroupName::new(text.value) {
            Ok(value) => Some(Located { value, at: text.at }),
            Err(e) => {
                self.findings.add(text.at, format!("`{key}`: {e}"));
                None
            }
        }
    }

    fn finish(mut self, hash: ContentHash) -> Result<Inventory, Problems> {
        links::check(&self.hosts, &self.wanted_parents, &mut self.findings);
        let known = self.hosts.keys().collect();
        let all_known = self.discoveries.is_empty().then_some(&known);
        let groups = self.groups.keys().collect();
        let windows = std::mem::take(&mut self.maintenance);
        let maintenance = maintenance::check(windows, &groups, all_known, &mut self.findings);
        if let Some(problems) = self.findings.take_problems() {
            return Err(problems);
        }
        let mut groups: BTreeMap<GroupName, Group> =
            self.groups.into_iter().map(|(name, draft)| (name, draft.group)).collect();
        let mut hosts = BTreeMap::new();
        for (name, draft) in self.hosts {
            if let Some(group) = draft.host.group.as_ref().and_then(|name| groups.get_mut(name)) {
                group.hosts.insert(name.clone());
            }
            hosts.insert(name, Arc::new(draft.host));
        }
        let discoveries = self.discoveries.into_iter().map(|(discovery, _)| discovery).collect();
        Ok(Inventory { hosts, groups, discoveries, maintenance, hash })
    }
}
