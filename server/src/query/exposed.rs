//! Hosts for Prometheus: those whose values are wanted, and what they are as targets.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use schemars::JsonSchema;
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::{Query, QueryError};
use crate::{
    live::HostView,
    model::{GroupName, HostName},
    text::did_you_mean,
};

/// The most parts that hosts are divided into.
pub const MAX_SHARDS: u16 = 1_000;

/// What a part looks like as text.
pub const SHARD_PATTERN: &str = "^[0-9]{1,4}/[0-9]{1,4}$";

/// One of several parts of all hosts, of about the same size. A host is in the same one as long as it has its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 1 on.
    part: u16,
    of: u16,
}

impl Shard {
    fn has(self, host: &HostName) -> bool {
        xxh3_64(host.as_str().as_bytes()) % u64::from(self.of) == u64::from(self.part - 1)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            let digits = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse::<u16>().ok()).flatten()
        };
        let read = text.split_once('/').and_then(|(part, of)| Some((number(part)?, number(of)?)));
        match read {
            Some((part, of)) if (1..=of).contains(&part) && of <= MAX_SHARDS => {
                Ok(Self { part, of })
            }
            _ => Err(format!(
                "expected one of several parts, 1/8 to 8/8 of eight, of at most {MAX_SHARDS}; got {text:?}"
            )),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

/// Which hosts' values are wanted: those for which all holds that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExposedFilter {
    /// Only this one.
    pub host: Option<String>,
    /// Only those of this group.
    pub group: Option<String>,
    /// Only those of this part.
    pub shard: Option<Shard>,
}

/// Hosts as targets, in the form of Prometheus' `http_sd_configs`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TargetShape {
    /// The host's name, alone.
    pub targets: Vec<Arc<str>>,
    /// What relabelling can choose and label by: `__meta_roundsman_host`, `__meta_roundsman_group`,
    /// `__meta_roundsman_address` (where its probe is asked, the first one), `__meta_roundsman_state`,
    /// `__meta_roundsman_label_NAME` for each of its labels.
    pub labels: BTreeMap<String, String>,
}

impl TargetShape {
    fn of(view: &HostView) -> Self {
        const META: &str = "__meta_roundsman_";
        let mut labels = BTreeMap::new();
        let mut add = |name: &str, value: &str| {
            labels.insert(format!("{META}{name}"), value.to_owned());
        };
        add("host", view.name.as_str());
        add("state", view.state.as_str());
        if let Some(group) = &view.group {
            add("group", group.as_str());
        }
        if let Some(address) = view.addresses.first() {
            add("address", address);
        }
        for (name, value) in view.labels.iter() {
            add(&format!("label_{name}"), value);
        }
        Self { targets: vec![view.name.as_str().into()], labels }
    }
}

impl Query {
    /// The live views of hosts, by name; none without a live view.
    ///
    /// # Errors
    /// [`QueryError::UnknownHost`], [`QueryError::UnknownGroup`].
    pub fn exposed(&self, filter: &ExposedFilter) -> Result<Vec<Arc<HostView>>, QueryError> {
        let Some(live) = &self.live else { return Ok(Vec::new()) };
        let mut hosts = live.hosts();
        if let Some(name) = &filter.host {
            if !hosts.iter().any(|view| view.name.as_str() == name) {
                let hint = did_you_mean(name, hosts.iter().map(|view| view.name.as_str()));
                return Err(QueryError::UnknownHost { name: name.clone(), hint });
            }
            hosts.retain(|view| view.name.as_str() == name);
        }
        if let Some(name) = &filter.group {
            let is_of = |view: &HostView| view.group.as_ref().map(GroupName::as_str) == Some(name);
            if !hosts.iter().any(|view| is_of(view)) {
                let groups = hosts.iter().filter_map(|view| view.group.as_ref());
                let hint = did_you_mean(name, groups.map(GroupName::as_str));
                return Err(QueryError::UnknownGroup { name: name.clone(), hint });
            }
            hosts.retain(|view| is_of(view));
        }
        if let Some(shard) = filter.shard {
            hosts.retain(|view| shard.has(&view.name));
        }
        hosts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(hosts)
    }

    /// The same hosts as targets.
    ///
    /// # Errors
    /// As [`Query::exposed`].
    pub fn targets(&self, filter: &ExposedFilter) -> Result<Vec<TargetShape>, QueryError> {
        Ok(self.exposed(filter)?.iter().map(|view| TargetShape::of(view)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_is_in_one_part_and_stays_there() {
        let host = |n: usize| HostName::new(&format!("web-{n}")).unwrap();
        let parts: Vec<Shard> = (1..=8).map(|part| format!("{part}/8").parse().unwrap()).collect();
        let mut sizes = [0; 8];
        for n in 0..4_000 {
            let mine: Vec<usize> = (0..8).filter(|part| parts[*part].has(&host(n))).collect();
            assert_eq!(mine.len(), 1, "web-{n}");
            sizes[mine[0]] += 1;
        }
        assert!(sizes.iter().all(|size| (400..600).contains(size)), "{sizes:?}");
        // The hash is a promise: another one would move every series to another server.
        let first: Vec<usize> =
            (0..6).filter_map(|n| parts.iter().position(|part| part.has(&host(n)))).collect();
        assert_eq!(first, [5, 4, 1, 2, 7, 7]);
    }

    #[test]
    fn a_part_that_cannot_be_is_refused() {
        for text in ["1/1", "8/8", "1000/1000"] {
            assert_eq!(text.parse::<Shard>().map(|shard| shard.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "1", "0/8", "9/8", "1/1001", "1/0", "+1/8", "a/8", "1/8/1", "00001/8"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
