//! `alerts.toml` as a whole: rules, channels and routes, with all problems of all three at once.

use std::{collections::BTreeMap, sync::Arc};

use super::{Facts, read, settings::Routes};
use crate::{
    alert::{self, Rules},
    channel::{self, Kind, Settings},
    document::{self, Problems},
    inventory::Inventory,
};

/// What one file says.
#[derive(Debug, Clone)]
pub struct Alerting {
    /// When something is wrong.
    pub rules: Rules,
    /// Where messages go, by name; heartbeats among them.
    pub channels: Arc<BTreeMap<Arc<str>, Settings>>,
    /// Who is told.
    pub routes: Arc<Routes>,
}

impl Alerting {
    /// The names of the channels that take messages.
    pub fn told(&self) -> impl Iterator<Item = &Arc<str>> {
        names(&self.channels)
    }

    /// What is not wrong and still no use, with an inventory or without: rules and routes that are about no
    /// host of it, routes that are about no rule or are never reached. With hosts that are discovered nobody
    /// knows which hosts a route is about.
    #[must_use]
    pub fn remarks(&self, inventory: Option<&Inventory>) -> Vec<String> {
        let hosts = inventory.filter(|inventory| inventory.discoveries.is_empty());
        let hosts = hosts.into_iter().flat_map(|inventory| inventory.hosts.values());
        let facts = hosts.map(|host| Facts {
            host: host.name.clone(),
            group: host.group.clone(),
            labels: Arc::clone(&host.labels),
            behind: None,
        });
        let facts: Vec<Facts> = facts.collect();
        let rules: Vec<&str> = self.rules.list.iter().map(|rule| &*rule.name).collect();
        let mut remarks = inventory.map(|it| self.rules.remarks(it)).unwrap_or_default();
        remarks.extend(self.routes.warnings(&facts, &rules));
        remarks
    }
}

/// The names of the channels that take messages: a heartbeat takes none.
fn names(channels: &BTreeMap<Arc<str>, Settings>) -> impl Iterator<Item = &Arc<str>> {
    let takes = |settings: &Settings| settings.kind != Kind::Heartbeat;
    channels.iter().filter(move |(_, settings)| takes(settings)).map(|(name, _)| name)
}

/// Reads a file; `file` is its name in messages.
///
/// # Errors
/// All problems of it, by position; the syntax errors alone when the text is not TOML.
pub fn parse_all(file: &str, text: &str) -> Result<Alerting, Problems> {
    let (rules, (channels, routes)) = alert::file::parse_with(file, text, |top, findings| {
        let channels = channel::read(top, findings);
        let names: Vec<Arc<str>> = names(&channels).cloned().collect();
        let routes = read::read(top, &names, findings);
        (channels, routes)
    })?;
    Ok(Alerting { rules, channels: Arc::new(channels), routes: Arc::new(routes) })
}

/// As [`parse_all`], from bytes that may not be UTF-8.
///
/// # Errors
/// As [`parse_all`].
pub fn parse_all_bytes(file: &str, bytes: &[u8]) -> Result<Alerting, Problems> {
    parse_all(file, document::utf8("a file of rules", file, bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
[[alert]]
name = "busy"
when = "cpu_busy_pct > 90"

[[channel]]
name = "ops"
kind = "webhook"
url = "http://127.0.0.1:9/"

[[channel]]
name = "alive"
kind = "heartbeat"
url = "http://127.0.0.1:9/ping"
"#;

    #[test]
    fn without_a_route_every_channel_that_takes_messages_is_told() {
        let all = parse_all("alerts.toml", FILE).unwrap();
        assert_eq!(all.rules.list.len(), 1);
        assert_eq!(all.channels.len(), 2);
        assert_eq!(all.told().map(|name| &**name).collect::<Vec<_>>(), ["ops"]);
        let channels: Vec<_> = all.routes.iter().flat_map(|route| &route.channels).collect();
        assert_eq!(channels, [&Arc::<str>::from("ops")]);
    }

    #[test]
    fn problems_of_rules_channels_and_routes_are_told_at_once() {
        let text = FILE.replace("cpu_busy_pct", "cpu_bsy_pct").replace("webhook", "webhok")
            + "[[route]]\nchannels = [\"opps\", \"alive\"]\n";
        let told = parse_all("alerts.toml", &text).unwrap_err().to_string();
        for what in ["alerts.toml:4:", "alerts.toml:8:", "no channel is named \"opps\""] {
            assert!(told.contains(what), "{what}: {told}");
        }
    }
    #[test]
    fn bytes_that_are_no_text_are_told() {
        let told = parse_all_bytes("alerts.toml", b"# \xff").unwrap_err().to_string();
        assert_eq!(told, "alerts.toml:1:3: a file of rules is UTF-8 text, byte 0xff is not");
    }
}
