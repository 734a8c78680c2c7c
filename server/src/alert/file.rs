//! `alerts.toml`: its `[[alert]]` tables read into rules, or into all of their problems.
//!
//! `[[channel]]` and `[[route]]` stand in the same file and are read by the modules that they are about: see
//! [`parse_with`].

use std::{collections::HashMap, sync::Arc};

use super::{reading, rule::Rule};
use crate::{
    document::{self, Findings, Problems, Section},
    inventory::Inventory,
    model::ContentHash,
};

/// The largest file of rules, bytes.
pub const MAX_FILE_BYTES: usize = 1 << 20;
/// The most rules of one file.
pub const MAX_RULES: usize = 500;

/// The tables that `alerts.toml` may have.
pub const TABLES: [&str; 3] = ["alert", "channel", "route"];

/// All rules that are in force, and those that are switched off.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Those in force, in the order of the file.
    pub list: Arc<[Arc<Rule>]>,
    /// Names of those with `enabled = false`.
    pub disabled: Vec<Arc<str>>,
    /// Of the bytes that they were read from.
    pub hash: ContentHash,
}

/// Reads the rules of a file; `others` reads `[[channel]]` and `[[route]]` of it and notes what is wrong with
/// them, so that all problems of the file are told at once.
///
/// # Errors
/// All problems, by position; the syntax errors alone when the text is not TOML.
pub(crate) fn parse_with<T>(
    file: &str,
    text: &str,
    others: impl FnOnce(&Section<'_>, &mut Findings<'_>) -> T,
) -> Result<(Rules, T), Problems> {
    if text.len() > MAX_FILE_BYTES {
        let length = text.len();
        let message =
            format!("a file of rules has at most {MAX_FILE_BYTES} bytes, this one has {length}");
        return Err(Problems::one(file, 1, 1, message));
    }
    let mut findings = Findings::new(file, text);
    let document = document::table(text, &mut findings)?;
    let top = Section::new("a file of rules", 0, document.get_ref());
    top.check_keys(&TABLES, &mut findings);
    let (list, disabled) = read(&top, &mut findings);
    let others = others(&top, &mut findings);
    match findings.take_problems() {
        Some(problems) => Err(problems),
        None => {
            let hash = ContentHash::of(text.as_bytes());
            Ok((Rules { list: list.into(), disabled, hash }, others))
        }
    }
}

/// The rules of a file, by themselves.
#[cfg(test)]
pub(crate) fn parse(file: &str, text: &str) -> Result<Rules, Problems> {
    parse_with(file, text, |_, _| ()).map(|(rules, ())| rules)
}

/// Reads the `[[alert]]` tables of the file and notes what is wrong with them: those in force, and the
/// names of those that are not.
fn read(top: &Section<'_>, findings: &mut Findings<'_>) -> (Vec<Arc<Rule>>, Vec<Arc<str>>) {
    let sections = top.sections("alert", "[[alert]]", findings);
    if let Some(beyond) = sections.get(MAX_RULES) {
        let count = sections.len();
        findings
            .add(beyond.at, format!("a file has at most {MAX_RULES} rules, this one has {count}"));
    }
    let mut seen: HashMap<Arc<str>, usize> = HashMap::new();
    let (mut list, mut disabled) = (Vec::new(), Vec::new());
    for section in sections.iter().take(MAX_RULES) {
        let (name, rule) = reading::read(section, findings);
        let Some(name) = name else { continue };
        if let Some(first) = seen.insert(name.value.clone(), name.at) {
            let line = findings.line(first);
            let name_is = &name.value;
            findings.add(name.at, format!("rule `{name_is}` is already defined at line {line}"));
        }
        if section.truth("enabled", findings) == Some(false) {
            disabled.push(name.value);
        } else {
            list.extend(rule.map(Arc::new));
        }
    }
    (list, disabled)
}

impl Rules {
    /// What is not wrong and still no use: rules that match no host of an inventory. With hosts that are
    /// discovered in it, only rules that name groups which are not there.
    #[must_use]
    pub fn remarks(&self, inventory: &Inventory) -> Vec<String> {
        let is_open = !inventory.discoveries.is_empty();
        let about_hosts = self.list.iter().filter(|rule| rule.over != super::Over::Server);
        let unused = about_hosts.filter(|rule| {
            let hosts = &rule.hosts;
            let matches_one = inventory
                .hosts
                .values()
                .any(|host| hosts.matches(&host.name, host.group.as_ref(), &host.labels));
            let may_match = is_open
                && (hosts.groups.is_empty()
                    || inventory
                        .discoveries
                        .iter()
                        .any(|found| hosts.groups.contains(&found.group)));
            !matches_one && !may_match
        });
        unused
            .map(|rule| {
                let (name, line) = (&rule.name, rule.line);
                format!("rule `{name}` (line {line}) matches no host of the inventory")
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
