//! The settings that defaults, groups and hosts share, and how they lie over one another.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use humantime::format_duration;

use super::{
    DEFAULT_PORT, DEFAULT_TIMEOUT, MAX_LABEL_NAME_BYTES, MAX_LABEL_VALUE_BYTES, MAX_LABELS,
    MAX_TOP_PROCESSES,
    filter::Filters,
    timing::{Cadence, DEFAULT_ZONE, read_cadence, read_timeout, read_timezone},
    tls::{self, LinkTls, TlsSettings},
};
use crate::{
    document::{Findings, Located, Section, quoted},
    model::{Family, HostName, Labels, Selection},
    schedule::Schedule,
    text::{did_you_mean, is_shown},
};

/// The keys that every section may have.
pub(super) fn keys() -> Vec<&'static str> {
    [OWN_KEYS, &tls::KEYS].concat()
}

const OWN_KEYS: &[&str] = &[
    "interval",
    "schedule",
    "timezone",
    "timeout",
    "port",
    "labels",
    "families",
    "include",
    "exclude",
    "top_processes",
    "tcp_ext",
];

/// One layer of settings, or several merged.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    cadence: Option<Located<Cadence>>,
    timezone: Option<String>,
    timeout: Option<Located<Duration>>,
    /// A time was given that could not be read: what follows from times is not checked.
    broken_times: bool,
    pub(super) port: Option<u16>,
    labels: Labels,
    families: Option<BTreeSet<Family>>,
    filters: Filters,
    top_processes: Option<u32>,
    tcp_ext: Option<bool>,
    parent: Option<Located<HostName>>,
    paused: Option<bool>,
    tls: TlsSettings,
}

/// What applies to a host or a discovery, with nothing left open.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub(super) schedule: Schedule,
    pub(super) timeout: Duration,
    pub(super) port: u16,
    pub(super) labels: Labels,
    pub(super) selection: Arc<Selection>,
    pub(super) parent: Option<Located<HostName>>,
    pub(super) paused: bool,
    pub(super) tls: Option<Arc<LinkTls>>,
}

/// Equal selections, kept once.
#[derive(Default)]
pub(super) struct Selections(HashSet<Arc<Selection>>);

impl Selections {
    fn shared(&mut self, selection: Selection) -> Arc<Selection> {
        if let Some(known) = self.0.get(&selection) {
            return known.clone();
        }
        let selection = Arc::new(selection);
        self.0.insert(selection.clone());
        selection
    }
}

impl Settings {
    /// Reads the shared keys of a section. What is wrong is noted and counts as not given.
    pub(super) fn read(section: &Section<'_>, findings: &mut Findings<'_>) -> Self {
        let cadence = read_cadence(section, findings);
        let timezone = read_timezone(section, findings);
        let timeout = read_timeout(section, findings);
        let given = |key: &str| section.at(key).is_some();
        let port = section.whole("port", 1, u16::MAX.into(), findings);
        Self {
            broken_times: (cadence.is_none() && (given("interval") || given("schedule")))
                || (timeout.is_none() && given("timeout")),
            cadence,
            timezone,
            timeout,
            port: port.and_then(|port| u16::try_from(port.value).ok()),
            labels: read_labels(section, findings),
            families: read_families(section, findings),
            filters: Filters::read(section, findings),
            top_processes: section
                .whole("top_processes", 0, MAX_TOP_PROCESSES, findings)
                .map(|number| number.value),
            tcp_ext: section.truth("tcp_ext", findings),
            parent: None,
            paused: None,
            tls: TlsSettings::read(section, findings),
        }
    }

    /// Reads also the keys that groups and hosts have and the defaults have not.
    pub(super) fn linked(mut self, section: &Section<'_>, findings: &mut Findings<'_>) -> Self {
        self.parent = read_name(section, "parent", findings);
        self.paused = section.truth("paused", findings);
        self
    }

    /// These settings, and those of `base` where these say nothing.
    pub(super) fn over(&self, base: &Self) -> Self {
        let mut labels = base.labels.clone();
        labels.extend(self.labels.clone());
        Self {
            cadence: self.cadence.as_ref().or(base.cadence.as_ref()).cloned(),
            timezone: self.timezone.as_ref().or(base.timezone.as_ref()).cloned(),
            timeout: self.timeout.or(base.timeout),
            broken_times: self.broken_times || base.broken_times,
            port: self.port.or(base.port),
            labels,
            families: self.families.as_ref().or(base.families.as_ref()).cloned(),
            filters: self.filters.over(&base.filters),
            top_processes: self.top_processes.or(base.top_processes),
            tcp_ext: self.tcp_ext.or(base.tcp_ext),
            parent: self.parent.as_ref().or(base.parent.as_ref()).cloned(),
            paused: self.paused.or(base.paused),
            tls: self.tls.over(&base.tls),
        }
    }

    /// What follows from the merged layers; `at` is the section they apply to.
    pub(super) fn profile(
        &self,
        at: usize,
        selections: &mut Selections,
        findings: &mut Findings<'_>,
    ) -> Profile {
        let schedule = match self.cadence.as_ref().map(|cadence| &cadence.value) {
            None => Schedule::default(),
            Some(Cadence::Every(schedule)) => schedule.clone(),
            Some(Cadence::Cron(expression)) => {
                let zone = self.timezone.as_deref().unwrap_or(DEFAULT_ZONE);
                Schedule::cron(expression, zone).unwrap_or_else(|e| {
                    findings.add(at, e.to_string());
                    Schedule::default()
                })
            }
        };
        let gap = schedule.shortest_gap();
        let timeout =
            self.timeout.map_or(DEFAULT_TIMEOUT.min(gap * 3 / 4), |timeout| timeout.value);
        if timeout >= gap && !self.broken_times {
            self.note_timeout(at, timeout, &schedule, findings);
        }
        if self.labels.len() > MAX_LABELS {
            let count = self.labels.len();
            findings.add(
                at,
                format!(
                    "a host has at most {MAX_LABELS} labels, here are \
                {count} with those of its group and the defaults"
                ),
            );
        }
        Profile {
            schedule,
            timeout,
            port: self.port.unwrap_or(DEFAULT_PORT),
            labels: self.labels.clone(),
            selection: selections.shared(self.selection()),
            parent: self.parent.clone(),
            paused: self.paused.unwrap_or(false),
            tls: self.tls.link(at, findings),
        }
    }

    /// Notes a timeout that is not shorter than the schedule's gap, at that of the two that stands
    /// later in the file, which is the one that made the pair.
    fn note_timeout(
        &self,
        at: usize,
        timeout: Duration,
        schedule: &Schedule,
        findings: &mut Findings<'_>,
    ) {
        let cadence_at = self.cadence.as_ref().map(|cadence| cadence.at);
        let timeout_at = self.timeout.map(|timeout| timeout.at);
        let place = cadence_at.max(timeout_at).unwrap_or(at);
        let origin = |known: Option<usize>| match known {
            Some(known) if known == place => String::new(),
            Some(known) => format!(" ({})", findings.place(known, place)),
            None => " (the default)".to_owned(),
        };
        let (timeout_from, cadence_from) = (origin(timeout_at), origin(cadence_at));
        let timeout = format_duration(timeout);
        let gap = format_duration(schedule.shortest_gap());
        let than = if schedule.is_cron() {
            format!("the shortest gap of the schedule, {gap}")
        } else {
            format!("the interval, {gap}")
        };
        findings.add(
            place,
            format!(
                "the timeout, {timeout}{timeout_from}, must be shorter than {than}{cadence_from}"
            ),
        );
    }

    fn selection(&self) -> Selection {
        let top_processes = self.top_processes.unwrap_or(0);
        // To name processes is to ask for their family, which is not in the default set.
        let families = match &self.families {
            Some(families) => families.clone(),
            None if top_processes > 0 => {
                let all = Family::ALL.iter().copied();
                all.filter(|family| *family != Family::Containers).collect()
            }
            None => BTreeSet::new(),
        };
        Selection {
            families,
            devices: self.filters.devices(),
            mounts: self.filters.mounts(),
            interfaces: self.filters.interfaces(),
            top_processes,
            tcp_ext: self.tcp_ext.unwrap_or(false),
        }
    }
}

/// The name of a host.
pub(super) fn read_name(
    section: &Section<'_>,
    key: &str,
    findings: &mut Findings<'_>,
) -> Option<Located<HostName>> {
    let text = section.text(key, "the name of a host", findings)?;
    match HostName::new(text.value) {
        Ok(value) => Some(Located { value, at: text.at }),
        Err(e) => {
            findings.add(text.at, format!("`{key}`: {e}"));
            None
        }
    }
}

pub(crate) fn read_labels(section: &Section<'_>, findings: &mut Findings<'_>) -> Labels {
    const EXAMPLE: &str = "a table such as { env = \"prod\" }";
    let mut labels = Labels::new();
    let Some(table) = section.section("labels", "labels", EXAMPLE, findings) else { return labels };
    for key in table.keys() {
        let name = key.value;
        let mut letters = name.chars();
        let good = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
            && name.len() <= MAX_LABEL_NAME_BYTES;
        if !good {
            findings.add(
                key.at,
                format!(
                    "bad label name {}: expected a letter or '_', then \
                letters, digits and '_', at most {MAX_LABEL_NAME_BYTES}",
                    quoted(name)
                ),
            );
        }
        let Some(value) = table.text(name, "a string", findings) else { continue };
        let hidden = value.value.chars().find(|c| !is_shown(*c));
        if value.value.is_empty() || value.value.len() > MAX_LABEL_VALUE_BYTES || hidden.is_some() {
            let found =
                hidden.map_or_else(String::new, |c| format!(", not {}", c.escape_unicode()));
            findings.add(
                value.at,
                format!(
                    "bad value of label {}: expected 1 to {MAX_LABEL_VALUE_BYTES} bytes of \
                     characters that are seen{found}",
                    quoted(name)
                ),
            );
        }
        labels.insert(name.to_owned(), value.value.to_owned());
    }
    labels
}

fn read_families(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<BTreeSet<Family>> {
    let list = section.texts("families", "a list of families", findings)?;
    if list.value.is_empty() {
        findings.add(list.at, "`families` names no family: leave it out for the default set");
    }
    let mut families = BTreeSet::new();
    for word in list.value {
        match Family::parse(word.value) {
            None => {
                let all = Family::ALL.iter().map(|family| family.as_str());
                let hint = match did_you_mean(word.value, all.clone()) {
                    hint if hint.is_empty() => {
                        format!("; expected {}", all.collect::<Vec<_>>().join(", "))
                    }
                    hint => hint,
                };
                findings.add(word.at, format!("unknown family {}{hint}", quoted(word.value)));
            }
            Some(family) if !families.insert(family) => {
                findings.add(word.at, format!("family `{family}` is named twice"));
            }
            Some(_) => {}
        }
    }
    Some(families)
}
