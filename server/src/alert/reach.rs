//! The keys of an `[[alert]]` that say on which hosts and rows it is judged.

use regex::{Regex, RegexSet, RegexSetBuilder};

use super::names::Over;
use crate::{
    document::{Findings, Section, quoted},
    inventory::{MAX_PATTERNS, read_labels},
    model::{GroupName, HostName, Hosts},
    text::Glob,
};

/// The largest list of patterns when it is compiled, bytes.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// Which hosts a rule is about.
pub(super) fn read_hosts(section: &Section<'_>, over: Over, findings: &mut Findings<'_>) -> Hosts {
    let mut hosts = Hosts { labels: read_labels(section, findings), ..Hosts::default() };
    if let Some(groups) = section.texts("groups", "a list of groups", findings) {
        for group in groups.value {
            match GroupName::new(group.value) {
                Ok(name) => drop(hosts.groups.insert(name)),
                Err(e) => findings.add(group.at, format!("`groups`: {e}")),
            }
        }
    }
    if let Some(names) = section.texts("hosts", "a list of names such as [\"web-*\"]", findings) {
        if names.value.len() > MAX_PATTERNS {
            findings.add(names.at, format!("`hosts` has at most {MAX_PATTERNS} entries"));
        }
        for name in names.value {
            let letters = name.value.replace(['*', '?'], "x");
            match HostName::new(&letters) {
                Ok(_) => hosts.names.push(Glob::new(name.value)),
                Err(e) => {
                    findings.add(name.at, format!("`hosts`: {e}; * and ? stand for any letters"));
                }
            }
        }
    }
    for key in ["groups", "labels", "hosts"] {
        if let (Over::Server, Some(at)) = (over, section.at(key)) {
            findings.add(at, format!("a rule over the server has no `{key}`: it is about no host"));
        }
    }
    hosts
}

/// Which rows a rule leaves out.
pub(super) fn read_except(
    section: &Section<'_>,
    over: Over,
    findings: &mut Findings<'_>,
) -> Vec<(usize, RegexSet)> {
    const EXAMPLE: &str = "a table of lists such as { mount_point = [\"^/mnt\"] }";
    let Some(table) = section.section("except", "except", EXAMPLE, findings) else {
        return Vec::new();
    };
    let labels = over.labels();
    let mut except = Vec::new();
    for key in table.keys() {
        let Some(place) = labels.iter().position(|label| *label == key.value) else {
            let message = match labels {
                [] => "`except` is about rows: this rule has no `over` with rows".to_owned(),
                _ => format!(
                    "a row has no label {}; expected {}",
                    quoted(key.value),
                    labels.join(", ")
                ),
            };
            findings.add(key.at, message);
            continue;
        };
        let Some(list) = table.texts(key.value, "a list of patterns", findings) else { continue };
        if list.value.len() > MAX_PATTERNS {
            findings.add(list.at, format!("a list has at most {MAX_PATTERNS} patterns"));
        }
        let mut patterns = Vec::new();
        for pattern in list.value.iter().take(MAX_PATTERNS) {
            match Regex::new(pattern.value) {
                Ok(_) => patterns.push(pattern.value),
                Err(e) => {
                    let words = e.to_string();
                    let last = words.lines().last().unwrap_or_default();
                    let last = last.trim_start_matches("error: ");
                    findings.add(pattern.at, format!("no pattern: {last}"));
                }
            }
        }
        match RegexSetBuilder::new(patterns).size_limit(MAX_COMPILED_BYTES).build() {
            Ok(set) => except.push((place, set)),
            Err(_) => findings
                .add(list.at, format!("these patterns take more than {MAX_COMPILED_BYTES} bytes")),
        }
    }
    except
}
