//! Hosts that Prometheus scrapes, as the lines of an inventory: `static_configs` of a `prometheus.yml`, and
//! the lists of file_sd.
//!
//! Pure. What cannot be carried over is told, and the rest is taken.

mod yaml;

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};
use toml_edit::{Array, InlineTable, Value as Toml};

pub use yaml::{MAX_YAML_DEPTH, MAX_YAML_VALUES};

use super::{DEFAULT_PORT, MAX_LABEL_NAME_BYTES, MAX_LABEL_VALUE_BYTES, address};
use crate::{
    model::{GroupName, HostName},
    text::is_shown,
};

/// How many targets of a port a remark names.
const NAMED: usize = 3;
/// A list of more hosts than this has a line for each.
const IN_A_LINE: usize = 4;

/// What was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FromPrometheus {
    /// The lines of the inventory; empty when there is no host.
    pub text: String,
    /// How many hosts they name.
    pub hosts: usize,
    /// What was left out, and why; a line each.
    pub remarks: Vec<String>,
}

/// A host that was found.
#[derive(Debug, Clone)]
struct Found {
    name: HostName,
    group: Option<GroupName>,
    labels: BTreeMap<String, String>,
}

#[derive(Default)]
struct Reader {
    port: u16,
    found: Vec<Found>,
    seen: HashSet<HostName>,
    intervals: BTreeMap<GroupName, String>,
    /// Targets on other ports.
    elsewhere: BTreeMap<String, Vec<String>>,
    remarks: Vec<String>,
}

/// Reads files of Prometheus, each with its name and its text (YAML or JSON); `port` is that of node_exporter.
///
/// # Errors
/// The first file that is neither, with its place.
pub fn from_prometheus(files: &[(String, String)], port: u16) -> Result<FromPrometheus, String> {
    let mut reader = Reader { port, ..Reader::default() };
    for (name, text) in files {
        let value = read(text).map_err(|why| format!("{name}:{why}"))?;
        match &value {
            Value::Array(entries) => reader.entries(name, None, entries),
            Value::Object(file) if file.contains_key("scrape_configs") => reader.config(name, file),
            _ => {
                return Err(format!(
                    "{name}: expected a prometheus.yml with scrape_configs, or a list of targets as file_sd \
                     reads it"
                ));
            }
        }
    }
    for (port, targets) in std::mem::take(&mut reader.elsewhere) {
        let more = if targets.len() > NAMED { ", ..." } else { "" };
        let named = targets.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        reader.remarks.push(format!(
            "{named}{more}: not taken, for port {port} is not node_exporter's ({}); --port {port} takes it",
            reader.port
        ));
    }
    Ok(FromPrometheus { text: reader.text(), hosts: reader.found.len(), remarks: reader.remarks })
}

/// JSON is read as such: not all of it is YAML.
fn read(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(_) => yaml::read(text),
    }
}

/// A text, also where JSON or YAML has a number.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn list<'v>(of: &'v Map<String, Value>, key: &str) -> &'v [Value] {
    of.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

impl Reader {
    fn remark(&mut self, text: String) {
        if !self.remarks.contains(&text) {
            self.remarks.push(text);
        }
    }

    fn config(&mut self, file: &str, config: &Map<String, Value>) {
        let global = config.get("global").and_then(|global| global.get("scrape_interval"));
        for job in list(config, "scrape_configs").iter().filter_map(Value::as_object) {
            let name = job.get("job_name").and_then(text_of).unwrap_or_default();
            let group = self.group(&name);
            let place = format!("{file}: job {name:?}");
            let interval = job.get("scrape_interval").or(global).and_then(text_of);
            if let (Some(group), Some(interval)) = (&group, interval) {
                match humantime::parse_duration(&interval) {
                    Ok(_) => drop(self.intervals.insert(group.clone(), interval)),
                    Err(_) => self.remark(format!("{place}: no interval is {interval:?}")),
                }
            }
            for files in list(job, "file_sd_configs").iter().filter_map(Value::as_object) {
                let files: Vec<String> = list(files, "files").iter().filter_map(text_of).collect();
                let files = files.join(", ");
                self.remark(format!("{place}: name these files as well: {files}"));
            }
            for key in job.keys() {
                let is_discovery = key.ends_with("_sd_configs") && key != "file_sd_configs";
                if is_discovery || key == "relabel_configs" {
                    self.remark(format!("{place}: {key} are not carried over"));
                }
            }
            self.entries(file, group.as_ref(), list(job, "static_configs"));
        }
    }

    /// The group that a job becomes.
    fn group(&mut self, job: &str) -> Option<GroupName> {
        if job.is_empty() {
            return None;
        }
        let fit = |c: char| if c.is_ascii_alphanumeric() || "-_.:".contains(c) { c } else { '-' };
        let name: String = job.chars().map(fit).collect();
        let group = GroupName::new(&name);
        match group {
            Ok(_) if name != job => {
                self.remark(format!("job {job:?} becomes the group {name:?}"));
            }
            Ok(_) => {}
            Err(ref error) => self.remark(format!("job {job:?} becomes no group: {error}")),
        }
        group.ok()
    }

    fn entries(&mut self, file: &str, job: Option<&GroupName>, entries: &[Value]) {
        for entry in entries.iter().filter_map(Value::as_object) {
            let mut labels = BTreeMap::new();
            let mut group = job.cloned();
            for (name, value) in
                entry.get("labels").and_then(Value::as_object).into_iter().flatten()
            {
                let value = text_of(value).unwrap_or_default();
                match self.unfit(name, &value) {
                    Some(why) => self.remark(format!("{file}: label {name:?} is not taken: {why}")),
                    None if name == "job" && group.is_none() => group = self.group(&value),
                    None => drop(labels.insert(name.clone(), value)),
                }
            }
            for target in list(entry, "targets").iter().filter_map(text_of) {
                self.target(file, &target, group.as_ref(), &labels);
            }
        }
    }

    /// Why a label cannot be one of a host.
    fn unfit(&self, name: &str, value: &str) -> Option<String> {
        let mut letters = name.chars();
        let is_name = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
            && name.len() <= MAX_LABEL_NAME_BYTES;
        if name.starts_with("__") {
            Some("it is one of Prometheus' own".to_owned())
        } else if !is_name {
            Some(format!("expected letters, digits and '_', at most {MAX_LABEL_NAME_BYTES}"))
        } else if value.is_empty()
            || value.len() > MAX_LABEL_VALUE_BYTES
            || !value.chars().all(is_shown)
        {
            let most = MAX_LABEL_VALUE_BYTES;
            Some(format!("its value is not 1 to {most} bytes of characters that are seen"))
        } else {
            None
        }
    }

    fn target(
        &mut self,
        file: &str,
        target: &str,
        group: Option<&GroupName>,
        labels: &BTreeMap<String, String>,
    ) {
        let (host, port) = split(target);
        if let Some(port) = port
            && port.parse() != Ok(self.port)
        {
            self.elsewhere.entry(port.to_owned()).or_default().push(target.to_owned());
            return;
        }
        let fit = address::parse(host, DEFAULT_PORT).map_err(|error| error.to_string());
        let name = fit.and_then(|_| HostName::new(host).map_err(|error| error.to_string()));
        match name {
            Err(why) => self.remark(format!("{file}: target {target:?} is not taken: {why}")),
            Ok(name) if !self.seen.insert(name.clone()) => {
                self.remark(format!("{file}: {name} is there already; the first is taken"));
            }
            Ok(name) => {
                let (group, labels) = (group.cloned(), labels.clone());
                self.found.push(Found { name, group, labels });
            }
        }
    }

    /// The lines: a group with the labels that all its hosts have, and hosts with more as `[[host]]`.
    fn text(&self) -> String {
        let mut blocks = Vec::new();
        let mut groups: Vec<Option<&GroupName>> = Vec::new();
        for host in &self.found {
            if !groups.contains(&host.group.as_ref()) {
                groups.push(host.group.as_ref());
            }
        }
        for group in groups {
            let of = |host: &&Found| host.group.as_ref() == group;
            let hosts: Vec<&Found> = self.found.iter().filter(of).collect();
            let common = match group {
                Some(_) => common(&hosts),
                None => BTreeMap::new(),
            };
            let rest = |host: &Found| -> BTreeMap<String, String> {
                let own = host.labels.iter().filter(|(name, _)| !common.contains_key(*name));
                own.map(|(name, value)| (name.clone(), value.clone())).collect()
            };
            let (plain, own): (Vec<&Found>, Vec<&Found>) =
                hosts.iter().partition(|host| group.is_some() && rest(host).is_empty());
            if let Some(group) = group {
                blocks.push(self.group_lines(group, &common, &plain));
            }
            for host in own {
                blocks.push(host_lines(host, &rest(host)));
            }
        }
        blocks.join("\n")
    }

    fn group_lines(
        &self,
        group: &GroupName,
        labels: &BTreeMap<String, String>,
        hosts: &[&Found],
    ) -> String {
        let mut lines = format!("[[group]]\nname = {}\n", quoted(group.as_str()));
        if let Some(interval) = self.intervals.get(group) {
            lines.push_str(&format!("interval = {}\n", quoted(interval)));
        }
        lines.push_str(&labels_line(labels));
        match hosts.len() {
            0 => {}
            1..=IN_A_LINE => {
                let names = hosts.iter().map(|host| host.name.as_str()).collect::<Array>();
                lines.push_str(&format!("hosts = {names}\n"));
            }
            _ => {
                let name = |host: &&Found| format!("  {},\n", quoted(host.name.as_str()));
                lines.push_str("hosts = [\n");
                lines.extend(hosts.iter().map(name));
                lines.push_str("]\n");
            }
        }
        lines
    }
}

/// The labels that all of them have.
fn common(hosts: &[&Found]) -> BTreeMap<String, String> {
    let mut labels = hosts.first().map(|host| host.labels.clone()).unwrap_or_default();
    labels.retain(|name, value| hosts.iter().all(|host| host.labels.get(name) == Some(value)));
    labels
}

fn host_lines(host: &Found, labels: &BTreeMap<String, String>) -> String {
    let mut lines = format!("[[host]]\nname = {}\n", quoted(host.name.as_str()));
    if let Some(group) = &host.group {
        lines.push_str(&format!("group = {}\n", quoted(group.as_str())));
    }
    lines + &labels_line(labels)
}

fn labels_line(labels: &BTreeMap<String, String>) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let table: InlineTable =
        labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    format!("labels = {table}\n")
}

fn quoted(text: &str) -> String {
    Toml::from(text).to_string()
}

/// The host and the port of a target.
fn split(target: &str) -> (&str, Option<&str>) {
    if let Some(inner) = target.strip_prefix('[')
        && let Some((host, rest)) = inner.split_once(']')
    {
        return (host, rest.strip_prefix(':'));
    }
    match target.split_once(':') {
        Some((host, port)) if !port.contains([':', '/']) => (host, Some(port)),
        _ => (target, None),
    }
}

#[cfg(test)]
mod tests;
