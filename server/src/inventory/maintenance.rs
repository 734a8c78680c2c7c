//! `[[maintenance]]`: when which hosts are left alone.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::DateTime;

use super::{
    Host,
    settings::{self, read_labels},
    timing::{DEFAULT_ZONE, read_timezone},
};
use crate::{
    document::{At, Findings, Section, quoted},
    model::{GroupName, HostName, Labels},
    schedule::{MAX_WINDOW, MIN_WINDOW, Schedule, Window},
    text::did_you_mean,
    units::WallMs,
};

/// The most maintenance windows of one inventory.
pub const MAX_MAINTENANCE: usize = 100;

pub(super) const KEYS: &[&str] =
    &["name", "groups", "hosts", "labels", "schedule", "timezone", "duration", "from", "to"];

const MOMENT: &str = "a moment such as \"2026-03-29T02:00:00+01:00\" (RFC 3339)";

/// A maintenance window: while it is open, what happens to its hosts is expected. They are polled,
/// and their state is frozen as paused.
#[derive(Debug, Clone, PartialEq)]
pub struct Maintenance {
    /// Its name.
    pub name: Arc<str>,
    /// When it is open.
    pub window: Window,
    /// Groups all of whose hosts it covers.
    pub groups: BTreeSet<GroupName>,
    /// Hosts that it covers.
    pub hosts: BTreeSet<HostName>,
    /// It covers hosts that have all of these; empty: none by labels.
    pub labels: Labels,
}

impl Maintenance {
    /// Whether it covers a host: by its name, its group or its labels.
    #[must_use]
    pub fn covers(&self, host: &Host) -> bool {
        let label = |(name, value): (&String, &String)| host.labels.get(name) == Some(value);
        self.hosts.contains(&host.name)
            || host.group.as_ref().is_some_and(|group| self.groups.contains(group))
            || (!self.labels.is_empty() && self.labels.iter().all(label))
    }
}

/// A window as it was read, with the places of the names that must exist.
pub(super) struct Draft {
    maintenance: Maintenance,
    at: usize,
    groups: Vec<At<GroupName>>,
    hosts: Vec<At<HostName>>,
}

/// Reads one `[[maintenance]]`; none when it is wrong, which is noted.
pub(super) fn read(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Draft> {
    section.check_keys(KEYS, findings);
    let name = settings::read_name(section, "name", findings);
    if section.at("name").is_none() {
        findings.add(section.at, "a [[maintenance]] needs a `name`");
    }
    let groups = names(section, "groups", GroupName::new, findings);
    let hosts = names(section, "hosts", HostName::new, findings);
    let labels = read_labels(section, findings);
    if ["groups", "hosts", "labels"].iter().all(|key| section.at(key).is_none()) {
        findings.add(
            section.at,
            "a [[maintenance]] needs `groups`, `hosts` or `labels`: whom is it about?",
        );
    }
    let window = read_window(section, findings)?;
    let name = name?;
    let maintenance = Maintenance {
        name: name.value.as_str().into(),
        window,
        groups: groups.iter().map(|group| group.value.clone()).collect(),
        hosts: hosts.iter().map(|host| host.value.clone()).collect(),
        labels,
    };
    Some(Draft { maintenance, at: name.at, groups, hosts })
}

fn names<T, E: std::fmt::Display>(
    section: &Section<'_>,
    key: &str,
    make: impl Fn(&str) -> Result<T, E>,
    findings: &mut Findings<'_>,
) -> Vec<At<T>> {
    let Some(list) = section.texts(key, "a list of names", findings) else { return Vec::new() };
    let mut names = Vec::with_capacity(list.value.len());
    for text in list.value {
        match make(text.value) {
            Ok(value) => names.push(At { value, at: text.at }),
            Err(e) => findings.add(text.at, format!("{}: {e}", quoted(text.value))),
        }
    }
    names
}

fn read_window(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Window> {
    let given = |keys: [&str; 2]| keys.iter().any(|key| section.at(key).is_some());
    match (given(["schedule", "duration"]), given(["from", "to"])) {
        (true, false) => read_recurring(section, findings),
        (false, true) => read_once(section, findings),
        (true, true) | (false, false) => {
            findings.add(
                section.at,
                "a [[maintenance]] needs either `schedule` and `duration`, or `from` and `to`",
            );
            None
        }
    }
}

fn read_recurring(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Window> {
    let zone = read_timezone(section, findings);
    let zone_is_broken = zone.is_none() && section.at("timezone").is_some();
    let expression = section.text("schedule", "a cron expression", findings);
    let length = section.duration("duration", findings);
    for key in ["schedule", "duration"] {
        if section.at(key).is_none() {
            findings.add(section.at, format!("`schedule` and `duration` go together: no `{key}`"));
        }
    }
    let (expression, length) = (expression?, length?);
    if !(MIN_WINDOW..=MAX_WINDOW).contains(&length.value) {
        let human = |length: Duration| humantime::format_duration(length);
        findings.add(
            length.at,
            format!(
                "a window is open between {} and {}, this one {}",
                human(MIN_WINDOW),
                human(MAX_WINDOW),
                human(length.value)
            ),
        );
    }
    let zone = zone.as_deref().filter(|_| !zone_is_broken).unwrap_or(DEFAULT_ZONE);
    match Schedule::cron(expression.value, zone) {
        Ok(opens) => {
            let gap = opens.longest_gap();
            if length.value >= gap {
                let [gap, length] = [gap, length.value].map(humantime::format_duration);
                findings.add(
                    section.at("duration").unwrap_or(section.at),
                    format!(
                        "this window never closes: it opens again within {gap} and is open for {length}; \
                         `paused = true` in a host or a group leaves it alone for good"
                    ),
                );
            }
            Some(Window::Every { opens, length: length.value })
        }
        Err(e) => {
            findings.add(expression.at, e.to_string());
            None
        }
    }
}

fn read_once(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Window> {
    let mut moment = |key: &str| {
        let Some(at) = section.at(key) else {
            findings.add(section.at, format!("`from` and `to` go together: no `{key}`"));
            return None;
        };
        let text = section.moment(key, MOMENT, findings)?;
        match DateTime::parse_from_rfc3339(&text) {
            Ok(moment) => Some(At { value: WallMs(moment.timestamp_millis()), at }),
            Err(_) => {
                findings.add(at, format!("`{key}` must be {MOMENT}, not {}", quoted(&text)));
                None
            }
        }
    };
    let (from, to) = (moment("from"), moment("to"));
    let (from, to) = (from?, to?);
    if from.value >= to.value {
        findings.add(to.at, "`to` must be later than `from`");
        return None;
    }
    Some(Window::Once { from: from.value, to: to.value })
}

/// Notes every name that stands for nobody, and every window whose name is taken. Names of hosts
/// that are discovered are not known yet: with them in the inventory, a host's name is not checked.
pub(super) fn check(
    drafts: Vec<Draft>,
    groups: &BTreeSet<&GroupName>,
    hosts: Option<&BTreeSet<&HostName>>,
    findings: &mut Findings<'_>,
) -> Vec<Arc<Maintenance>> {
    let mut taken: BTreeSet<Arc<str>> = BTreeSet::new();
    let mut all = Vec::with_capacity(drafts.len());
    for Draft { maintenance, at, groups: in_groups, hosts: in_hosts } in drafts {
        let name = &maintenance.name;
        if !taken.insert(Arc::clone(name)) {
            findings.add(at, format!("two maintenance windows are named `{name}`"));
        }
        if all.len() == MAX_MAINTENANCE {
            findings.add(
                at,
                format!(
                    "an inventory has at most {MAX_MAINTENANCE} maintenance windows, `{name}` is \
                     one more"
                ),
            );
            return all;
        }
        for group in in_groups.iter().filter(|group| !groups.contains(&group.value)) {
            let hint = did_you_mean(group.value.as_str(), groups.iter().map(|g| g.as_str()));
            findings.add(group.at, format!("no group is named `{}`{hint}", group.value));
        }
        let unknown = |host: &&At<HostName>| hosts.is_some_and(|h| !h.contains(&host.value));
        for host in in_hosts.iter().filter(unknown) {
            let known = hosts.into_iter().flatten().map(|h| h.as_str());
            let hint = did_you_mean(host.value.as_str(), known);
            findings.add(host.at, format!("no host is named `{}`{hint}", host.value));
        }
        all.push(Arc::new(maintenance));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::parse;

    #[test]
    fn a_window_covers_by_name_by_group_and_by_all_of_its_labels() {
        let text = "
            [[group]]\nname = \"web\"\nhosts = [\"web-1\", \"web-2\"]
            [[host]]\nname = \"db-1\"\nlabels = { rack = \"a1\", row = \"7\" }
            [[host]]\nname = \"db-2\"\nlabels = { rack = \"a1\" }
            [[host]]\nname = \"db-3\"
            [[maintenance]]\nname = \"one\"\ngroups = [\"web\"]\nhosts = [\"db-3\"]
            labels = { rack = \"a1\", row = \"7\" }\nschedule = \"0 0 4 * * *\"\nduration = \"2h\"";
        let inventory = parse("test", text).unwrap();
        let window = &inventory.maintenance[0];
        let covered: Vec<&str> = inventory
            .hosts
            .values()
            .filter(|host| window.covers(host))
            .map(|host| host.name.as_str())
            .collect();
        assert_eq!(covered, ["db-1", "db-3", "web-1", "web-2"]);
    }

    #[test]
    fn a_window_that_never_opens_or_never_closes_is_refused() {
        let said = |schedule: &str, duration: &str| {
            let text = format!(
                "[[host]]\nname = \"a\"\n[[maintenance]]\nname = \"w\"\nhosts = [\"a\"]\n\
                 schedule = \"{schedule}\"\nduration = \"{duration}\"\n"
            );
            parse("test", &text).map_or_else(|problems| problems.to_string(), |_| String::new())
        };
        assert!(said("0 0 4 30 2 *", "2h").contains("no such day exists"));
        for (schedule, duration) in [
            ("0 0 * * * *", "2h"),
            ("0 0 * * * *", "1h"),
            ("* * * * * *", "1m"),
            ("0 0 4 * * *", "25h"),
            ("0 0 4 * * SUN", "8days"),
        ] {
            let words = said(schedule, duration);
            assert!(words.contains("test:7:12: this window never closes"), "{schedule}: {words}");
        }
        for (schedule, duration) in [
            ("0 0 * * * *", "59m"),
            ("* * 1-5 * * *", "2h"),
            ("0 0 22 * * FRI,SAT", "26h"),
            ("0 0 4 * * SUN", "6days"),
            ("0 0 4 29 2 *", "14days"),
        ] {
            assert_eq!(said(schedule, duration), "", "{schedule} {duration}");
        }
    }

    #[test]
    fn windows_are_limited() {
        let mut text = "[[host]]\nname = \"a\"\n".to_owned();
        for number in 0..=MAX_MAINTENANCE {
            text += &format!(
                "[[maintenance]]\nname = \"w-{number}\"\nhosts = [\"a\"]\n\
                 schedule = \"0 0 4 * * *\"\nduration = \"2h\"\n"
            );
        }
        let problems = parse("test", &text).unwrap_err().to_string();
        assert!(problems.contains("at most 100 maintenance windows, `w-100` is one more"));
        assert_eq!(problems.lines().count(), 1, "{problems}");
    }
}
