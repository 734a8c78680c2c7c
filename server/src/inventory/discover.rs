//! `discover` of a group: hosts that DNS knows.

use std::sync::Arc;

use humantime::format_duration;

use super::{
    DEFAULT_REFRESH, Discovery, MAX_REFRESH, MIN_REFRESH, address, build::Builder,
    settings::Profile,
};
use crate::{document::Section, model::GroupName};

const DISCOVER_KEYS: &[&str] = &["dns", "refresh", "port"];

impl<'t> Builder<'t> {
    /// Reads a group's `discover`, if it has one.
    pub(super) fn read_discover(
        &mut self,
        section: &Section<'t>,
        group: Option<&GroupName>,
        profile: &Profile,
    ) {
        const EXAMPLE: &str = "a table such as { dns = \"tasks.probe\" }";
        let Some(discover) = section.section("discover", "discover", EXAMPLE, &mut self.findings)
        else {
            return;
        };
        discover.check_keys(DISCOVER_KEYS, &mut self.findings);
        let port = discover.whole("port", 1, u16::MAX.into(), &mut self.findings);
        let refresh = discover.duration("refresh", &mut self.findings);
        if let Some(given) = refresh.filter(|r| !(MIN_REFRESH..=MAX_REFRESH).contains(&r.value)) {
            let (least, most) = (format_duration(MIN_REFRESH), format_duration(MAX_REFRESH));
            let value = format_duration(given.value);
            self.findings.add(
                given.at,
                format!("`refresh` is between {least} and {most}, this one is {value}"),
            );
        }
        let dns =
            discover.text("dns", "the DNS name of all probes of the group", &mut self.findings);
        if discover.at("dns").is_none() {
            self.findings
                .add(discover.at, "`discover` needs `dns`, the name whose addresses are the hosts");
        }
        let Some(dns) = dns else { return };
        if let Err(e) = address::check_dns(dns.value) {
            let hint = if dns.value.contains(':') { " (a port goes into `port`)" } else { "" };
            self.findings.add(dns.at, format!("{e}{hint}"));
        }
        let Some(group) = group.cloned() else { return };
        let port = port.and_then(|port| u16::try_from(port.value).ok()).unwrap_or(profile.port);
        let dns_name = Arc::from(dns.value.to_ascii_lowercase());
        let bare = |name: &str| name.trim_end_matches('.').to_owned();
        let same = |other: &Discovery| bare(&other.dns) == bare(&dns_name) && other.port == port;
        if let Some((_, first)) = self.discoveries.iter().find(|(other, _)| same(other)) {
            let place = self.findings.place(*first, dns.at);
            self.findings.add(dns.at, format!("`{dns_name}` is already discovered at {place}"));
        }
        let discovery = Discovery {
            group,
            dns: dns_name,
            port,
            refresh: refresh.map_or(DEFAULT_REFRESH, |refresh| refresh.value),
            labels: profile.labels.clone(),
            schedule: profile.schedule.clone(),
            timeout: profile.timeout,
            parent: profile.parent.as_ref().map(|parent| parent.value.clone()),
            paused: profile.paused,
            selection: profile.selection.clone(),
            tls: profile.tls.clone(),
        };
        if let Some(parent) = &profile.parent {
            self.wanted_parents.push(parent.clone());
        }
        self.discoveries.push((discovery, dns.at));
    }
}
