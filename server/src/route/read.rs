//! Reads `[[route]]` with every problem of it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use humantime::format_duration;

use super::{
    matcher::Matcher,
    settings::{
        DEFAULT_EVERY, DEFAULT_REPEAT, DEFAULT_WAIT, Further, GroupBy, MAX_CHANNELS, MAX_ROUTES,
        MAX_STEPS, Pace, Quiet, Route, Routes,
    },
};
use crate::{
    document::{self, Findings, Located, Problems, Section, quoted},
    inventory::{read_labels, read_recurring},
    model::{GroupName, Severity},
    text::{Glob, did_you_mean},
};

const KEYS: &[&str] = &[
    "name", "match", "channels", "group_by", "wait", "every", "repeat", "steps", "quiet",
    "continue",
];
const MATCH_KEYS: &[&str] = &["groups", "labels", "severity", "rules", "hosts", "rows"];
const STEP_KEYS: &[&str] = &["after", "channels"];
const QUIET_KEYS: &[&str] = &["schedule", "duration", "timezone", "hold_recoveries"];
const GROUP_BY: &[&str] = &["group", "rule", "host"];

/// The most names and patterns of one `match`.
const MAX_MATCH_TERMS: usize = 256;
/// The longest name of a route, bytes.
const MAX_ROUTE_NAME_BYTES: usize = 64;
/// The longest `wait`.
const MAX_WAIT: Duration = Duration::from_secs(3600);
/// The shortest `every`.
const MIN_EVERY: Duration = Duration::from_secs(1);
/// The longest `every`.
const MAX_EVERY: Duration = Duration::from_secs(24 * 3600);
/// The shortest `repeat`.
const MIN_REPEAT: Duration = Duration::from_secs(60);
/// The longest `repeat`.
const MAX_REPEAT: Duration = Duration::from_secs(30 * 24 * 3600);
/// The longest `after`.
const MAX_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// Reads the routes of a text that holds nothing else. `file` is its name for the messages, `channels` are
/// the names of the channels that there are.
///
/// # Errors
/// All problems of the text, by position.
pub fn parse(file: &str, text: &str, channels: &[Arc<str>]) -> Result<Routes, Problems> {
    let mut findings = Findings::new(file, text);
    let document = document::table(text, &mut findings)?;
    let root = Section::new("the routes", 0, document.get_ref());
    root.check_keys(&["route"], &mut findings);
    let routes = read(&root, channels, &mut findings);
    findings.take_problems().map_or(Ok(routes), Err)
}

/// Reads all `[[route]]` of a file. `channels` are the names of the channels that the file, or another
/// one, defines. What is wrong is noted in `findings`, and the routes then are not for use.
pub(crate) fn read(
    root: &Section<'_>,
    channels: &[Arc<str>],
    findings: &mut Findings<'_>,
) -> Routes {
    let mut list: Vec<Route> = Vec::new();
    for section in root.sections("route", "[[route]]", findings) {
        if list.len() == MAX_ROUTES {
            findings.add(
                section.at,
                format!("there are at most {MAX_ROUTES} routes, this is one more"),
            );
            break;
        }
        let route = read_one(&section, list.len() + 1, channels, findings);
        if list.iter().any(|other| other.name == route.name) {
            let at = section.at("name").unwrap_or(section.at);
            findings.add(at, format!("two routes are named {}", quoted(&route.name)));
        }
        list.push(route);
    }
    Routes::new(list, channels.to_vec())
}

fn read_one(
    section: &Section<'_>,
    number: usize,
    channels: &[Arc<str>],
    findings: &mut Findings<'_>,
) -> Route {
    section.check_keys(KEYS, findings);
    let name = section.text("name", "a name", findings);
    if let Some(name) = name.filter(|name| !is_name(name.value)) {
        let given = quoted(name.value);
        findings.add(
            name.at,
            format!(
                "a route's name has 1 to {MAX_ROUTE_NAME_BYTES} letters, digits, '-', '_' and '.', \
                 not {given}"
            ),
        );
    }
    let matcher = section
        .section("match", "match", "a table such as { severity = [\"critical\"] }", findings)
        .map(|table| read_match(&table, findings))
        .unwrap_or_default();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    if section.at("channels").is_none() {
        findings.add(section.at, "a [[route]] needs `channels`: who is told? (`[]` is nobody)");
    }
    let to = read_channels(section, channels, &mut told, findings);
    let steps = read_steps(section, channels, &mut told, findings);
    Route {
        name: name.map_or_else(|| format!("route-{number}").into(), |name| name.value.into()),
        matcher,
        channels: to,
        group_by: read_group_by(section, findings),
        pace: read_pace(section, findings),
        steps,
        quiet: read_quiet(section, findings),
        goes_on: section.truth("continue", findings).unwrap_or_default(),
    }
}

fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=MAX_ROUTE_NAME_BYTES).contains(&text.len()) && text.chars().all(fits)
}

fn read_match(table: &Section<'_>, findings: &mut Findings<'_>) -> Matcher {
    table.check_keys(MATCH_KEYS, findings);
    let mut matcher = Matcher { labels: read_labels(table, findings), ..Matcher::default() };
    for text in list(table, "groups", "a list of names of groups", findings) {
        match GroupName::new(text.value) {
            Ok(name) => drop(matcher.groups.insert(name)),
            Err(e) => findings.add(text.at, format!("{}: {e}", quoted(text.value))),
        }
    }
    for text in list(table, "severity", "a list such as [\"warning\", \"critical\"]", findings) {
        match Severity::parse(text.value) {
            Some(severity) => drop(matcher.severity.insert(severity)),
            None => {
                let words = Severity::ALL.iter().map(|severity| severity.as_str());
                let hint = match did_you_mean(text.value, words.clone()) {
                    hint if hint.is_empty() => {
                        format!("; expected one of {}", words.collect::<Vec<_>>().join(", "))
                    }
                    hint => hint,
                };
                findings
                    .add(text.at, format!("no severity is called {}{hint}", quoted(text.value)));
            }
        }
    }
    let globs = |key, findings: &mut Findings<'_>| {
        let list = list(table, key, "a list of names, in which * stands for any text", findings);
        list.into_iter().map(|text| Glob::new(text.value)).collect()
    };
    matcher.rules = globs("rules", findings);
    matcher.hosts = globs("hosts", findings);
    let rows = list(table, "rows", "a list of rows, such as [\"/var\"]", findings);
    matcher.rows = rows.into_iter().map(|text| text.value.to_owned()).collect();
    for key in MATCH_KEYS.iter().filter(|key| **key != "labels") {
        if let Some(at) = table.at(key).filter(|_| list(table, key, "", findings).is_empty()) {
            findings.add(at, format!("`{key}` is empty, so nothing would match: leave it out"));
        }
    }
    if matcher.terms() > MAX_MATCH_TERMS {
        let terms = matcher.terms();
        findings.add(
            table.at,
            format!(
                "a `match` has at most {MAX_MATCH_TERMS} names and patterns, this one has {terms}"
            ),
        );
    }
    matcher
}

fn list<'t>(
    section: &Section<'t>,
    key: &str,
    expected: &str,
    findings: &mut Findings<'_>,
) -> Vec<Located<&'t str>> {
    section.texts(key, expected, findings).map(|list| list.value).unwrap_or_default()
}

/// The channels of a route or of a step; `told` are those that the route names already.
fn read_channels<'t>(
    section: &Section<'t>,
    known: &[Arc<str>],
    told: &mut BTreeSet<&'t str>,
    findings: &mut Findings<'_>,
) -> Vec<Arc<str>> {
    let mut channels = Vec::new();
    for name in list(section, "channels", "a list of names of channels", findings) {
        let Some(channel) = known.iter().find(|channel| ***channel == *name.value) else {
            let hint = did_you_mean(name.value, known.iter().map(|channel| &**channel));
            findings.add(name.at, format!("no channel is named {}{hint}", quoted(name.value)));
            continue;
        };
        if !told.insert(name.value) {
            let given = quoted(name.value);
            findings.add(
                name.at,
                format!("channel {given} is told by this route already: `repeat` tells it again"),
            );
        }
        if channels.len() == MAX_CHANNELS {
            findings.add(name.at, format!("at most {MAX_CHANNELS} channels are told at one time"));
            break;
        }
        channels.push(Arc::clone(channel));
    }
    channels
}

fn read_steps<'t>(
    section: &Section<'t>,
    known: &[Arc<str>],
    told: &mut BTreeSet<&'t str>,
    findings: &mut Findings<'_>,
) -> Vec<Further> {
    let mut steps: Vec<Further> = Vec::new();
    for table in section.sections("steps", "[[route.steps]]", findings) {
        table.check_keys(STEP_KEYS, findings);
        if steps.len() == MAX_STEPS {
            findings
                .add(table.at, format!("a route has at most {MAX_STEPS} steps, this is one more"));
            break;
        }
        for key in STEP_KEYS.iter().filter(|key| table.at(key).is_none()) {
            findings.add(table.at, format!("a step needs `{key}`"));
        }
        let channels = read_channels(&table, known, told, findings);
        let after = within(&table, "after", Duration::from_secs(1), MAX_AFTER, findings);
        let Some(after) = after else { continue };
        if let Some(before) = steps.last().filter(|before| before.after >= after.value) {
            let before = format_duration(before.after);
            findings.add(
                after.at,
                format!("a step comes later than the one before it, which is after {before}"),
            );
        }
        steps.push(Further { after: after.value, channels });
    }
    steps
}

fn read_group_by(section: &Section<'_>, findings: &mut Findings<'_>) -> Vec<GroupBy> {
    if section.at("group_by").is_none() {
        return vec![GroupBy::Group, GroupBy::Rule];
    }
    let mut all: Vec<GroupBy> = Vec::new();
    for text in list(section, "group_by", "a list such as [\"group\", \"rule\"]", findings) {
        let by = match text.value {
            "group" => GroupBy::Group,
            "rule" => GroupBy::Rule,
            "host" => GroupBy::Host,
            other => match other.strip_prefix("label.").filter(|name| !name.is_empty()) {
                Some(name) => GroupBy::Label(name.to_owned()),
                None => {
                    let hint = match did_you_mean(other, GROUP_BY.iter().copied()) {
                        hint if hint.is_empty() => {
                            "; expected \"group\", \"rule\", \"host\" or \"label.NAME\"".to_owned()
                        }
                        hint => hint,
                    };
                    findings
                        .add(text.at, format!("alarms are not grouped by {}{hint}", quoted(other)));
                    continue;
                }
            },
        };
        if all.contains(&by) {
            findings.add(text.at, format!("`group_by` names {} twice", quoted(text.value)));
        } else {
            all.push(by);
        }
    }
    all
}

fn read_pace(section: &Section<'_>, findings: &mut Findings<'_>) -> Pace {
    let wait = within(section, "wait", Duration::ZERO, MAX_WAIT, findings);
    let every = within(section, "every", MIN_EVERY, MAX_EVERY, findings);
    let never = section.text("repeat", "a duration such as \"4h\", or \"never\"", findings);
    let never = never.is_some_and(|text| text.value == "never");
    let repeat = match never {
        true => None,
        false => within(section, "repeat", MIN_REPEAT, MAX_REPEAT, findings),
    };
    let given = every.map_or(DEFAULT_EVERY, |every| every.value);
    let least = repeat.map_or(DEFAULT_REPEAT, |repeat| repeat.value);
    if !never && least < given {
        let (repeat_words, every_words) = (format_duration(least), format_duration(given));
        let at = repeat.or(every).map_or(section.at, |time| time.at);
        findings.add(
            at,
            format!(
                "`repeat` ({repeat_words}) is shorter than `every` ({every_words}): what only still \
                 fires would be told more often than what changes"
            ),
        );
    }
    Pace {
        wait: wait.map_or(DEFAULT_WAIT, |wait| wait.value),
        every: given,
        repeat: (!never).then_some(least),
    }
}

/// A length of time between two others.
fn within(
    section: &Section<'_>,
    key: &str,
    least: Duration,
    most: Duration,
    findings: &mut Findings<'_>,
) -> Option<Located<Duration>> {
    let length = section.duration(key, findings)?;
    if !(least..=most).contains(&length.value) {
        let [least, most, given] = [least, most, length.value].map(format_duration);
        findings
            .add(length.at, format!("`{key}` is between {least} and {most}, this one is {given}"));
        return None;
    }
    Some(length)
}

fn read_quiet(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Quiet> {
    let expected = "a table such as { schedule = \"0 0 22 * * *\", duration = \"8h\" }";
    let table = section.section("quiet", "quiet", expected, findings)?;
    table.check_keys(QUIET_KEYS, findings);
    let hold_recoveries = table.truth("hold_recoveries", findings).unwrap_or(true);
    let window = read_recurring(&table, "`channels = []` tells nobody", findings)?;
    Some(Quiet { window, hold_recoveries })
}
