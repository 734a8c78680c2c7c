//! The fleet as the server tells it: all of it once, then what changes. Every text in it is made safe
//! for a terminal as it comes in. Pure.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    model::{Severity, State},
    text::{natural, shown},
    units::WallMs,
};

/// What was told cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadEvent {
    /// It is not as this program expects.
    #[error("cannot read what the server says: {0}; is it of the same version?")]
    Json(#[from] serde_json::Error),
    /// A cell is missing.
    #[error("the server does not tell {0}; is it of the same version?")]
    Cell(&'static str),
}

/// One host.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TopHost {
    pub(super) name: Arc<str>,
    /// What its name is ordered by.
    pub(super) natural: Box<str>,
    pub(super) group: String,
    /// `name=value` of each label.
    pub(super) labels: String,
    pub(super) state: State,
    pub(super) since: WallMs,
    pub(super) slot: Option<WallMs>,
    pub(super) outcome: String,
    pub(super) call_us: Option<f64>,
    /// What is wrong with it, in words; empty where nothing is.
    pub(super) cause: String,
    /// What follows is unknown of a host that does not answer: what it said before it failed is no value of
    /// now.
    pub(super) cores: Option<f64>,
    pub(super) cpu_pct: Option<f64>,
    /// How busy its cores were in the last polls, oldest first.
    pub(super) trail: Vec<Option<f64>>,
    pub(super) mem_pct: Option<f64>,
    pub(super) memory: Option<f64>,
    pub(super) fs_pct: Option<f64>,
    pub(super) pressure_pct: Option<f64>,
    pub(super) load: Option<f64>,
    pub(super) rx: Option<f64>,
    pub(super) tx: Option<f64>,
    pub(super) busy_pct: Option<f64>,
    /// How many of its alarms fire, and how grave the gravest is.
    pub(super) alarms: u64,
    pub(super) severity: Option<Severity>,
    pub(super) flapping: bool,
    /// The host that it is reached through, while that fails.
    pub(super) behind: String,
    pub(super) paused_until: Option<WallMs>,
}

/// What the server says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Server {
    pub(super) inventory_error: Option<String>,
    #[serde(default)]
    pub(super) inventory_waiting: Option<String>,
    pub(super) isolated_since_ms: Option<i64>,
    pub(super) store_error: Option<String>,
    /// How many alarms fire, by severity.
    #[serde(default)]
    pub(super) alarms_firing: BTreeMap<Severity, usize>,
    #[serde(default)]
    pub(super) stopping: bool,
}

/// An event of the stream: the fleet whole, or what changed.
#[derive(Debug, Deserialize)]
struct Told {
    at_ms: i64,
    #[serde(default)]
    columns: Vec<String>,
    counts: BTreeMap<String, usize>,
    server: Server,
    hosts: Vec<Vec<Value>>,
    #[serde(default)]
    gone: Vec<String>,
}

/// An event that says nothing but the time.
#[derive(Debug, Deserialize)]
struct Beat {
    at_ms: i64,
}

/// All hosts.
#[derive(Debug, Default)]
pub(super) struct TopFleet {
    /// When it was told, by the server's clock.
    pub(super) at: Option<WallMs>,
    pub(super) counts: BTreeMap<String, usize>,
    pub(super) server: Server,
    pub(super) hosts: BTreeMap<Arc<str>, Arc<TopHost>>,
    /// Which cell is what.
    places: HashMap<String, usize>,
}

impl TopFleet {
    /// Takes what the server tells: `name` is `fleet` for all of it, `change` for what is new, `beat` for nothing new.
    pub(super) fn apply(&mut self, name: &str, data: &str) -> Result<(), BadEvent> {
        if name == "beat" {
            self.at = Some(WallMs(serde_json::from_str::<Beat>(data)?.at_ms));
            return Ok(());
        }
        let whole = name == "fleet";
        if !whole && name != "change" {
            return Ok(());
        }
        let mut told: Told = serde_json::from_str(data)?;
        if whole {
            self.places = told.columns.drain(..).zip(0..).collect();
            self.hosts.clear();
        }
        for name in &told.gone {
            self.hosts.remove(shown(name).as_ref());
        }
        for row in &told.hosts {
            let host = self.host(row)?;
            self.hosts.insert(Arc::clone(&host.name), Arc::new(host));
        }
        let clean = |text: Option<String>| text.map(|text| shown(&text).into_owned());
        self.at = Some(WallMs(told.at_ms));
        self.counts = told.counts;
        self.server = Server {
            inventory_error: clean(told.server.inventory_error),
            inventory_waiting: clean(told.server.inventory_waiting),
            store_error: clean(told.server.store_error),
            ..told.server
        };
        Ok(())
    }

    fn host(&self, row: &[Value]) -> Result<TopHost, BadEvent> {
        let cell = |name| self.places.get(name).and_then(|place| row.get(*place));
        let word = |name| cell(name).and_then(Value::as_str);
        let text = |name| word(name).map(|text| shown(text).into_owned()).unwrap_or_default();
        let number = |name| cell(name).and_then(Value::as_f64);
        let moment = |name| cell(name).and_then(Value::as_i64).map(WallMs);
        let labels = cell("labels").and_then(Value::as_object).map(|labels| {
            let label = |(name, value): (&String, &Value)| {
                shown(&format!("{name}={}", value.as_str().unwrap_or_default())).into_owned()
            };
            labels.iter().map(label).collect::<Vec<_>>().join(" ")
        });
        let name = word("name").map(shown).ok_or(BadEvent::Cell("name"))?;
        let state = word("state").and_then(State::parse).ok_or(BadEvent::Cell("state"))?;
        let fresh = |name| number(name).filter(|_| is_fresh(state));
        Ok(TopHost {
            natural: natural(&name).into(),
            name: name.into(),
            group: text("group"),
            labels: labels.unwrap_or_default(),
            state,
            since: moment("since_ms").ok_or(BadEvent::Cell("since_ms"))?,
            slot: moment("slot_ms"),
            outcome: text("outcome"),
            call_us: number("call_us"),
            cause: match text("cause") {
                cause if cause.is_empty() => without_address(text("error"), &text("address")),
                cause => without_address(cause, &text("address")),
            },
            cores: fresh("cpus_online"),
            cpu_pct: fresh("cpu_busy_pct"),
            trail: cell("cpu_trail")
                .and_then(Value::as_array)
                .map(|trail| trail.iter().map(Value::as_f64).collect())
                .unwrap_or_default(),
            mem_pct: fresh("mem_used_pct"),
            memory: fresh("mem_total_bytes"),
            fs_pct: fresh("fs_used_max_pct"),
            pressure_pct: fresh("pressure_some_max_avg10_pct"),
            load: fresh("load_1"),
            rx: fresh("net_rx_bytes_per_s"),
            tx: fresh("net_tx_bytes_per_s"),
            busy_pct: fresh("disk_busy_max_pct"),
            alarms: cell("alarms_firing").and_then(Value::as_u64).unwrap_or_default(),
            severity: word("alarm_severity").and_then(Severity::parse),
            flapping: cell("flapping").and_then(Value::as_bool).unwrap_or_default(),
            behind: text("unreachable_because"),
            paused_until: moment("paused_until_ms"),
        })
    }
}

/// Whether the values of a host in this state are of now.
pub(super) fn is_fresh(state: State) -> bool {
    matches!(state, State::Up | State::Degraded)
}

/// What is said of a host without where it is, which is asked for on its own.
fn without_address(error: String, address: &str) -> String {
    let rest = error.strip_prefix(address).and_then(|rest| rest.strip_prefix(": "));
    rest.map_or_else(|| error.clone(), str::to_owned)
}

/// Makes every text of a document safe for a terminal, names included.
pub(super) fn clean(value: &mut Value) {
    match value {
        Value::String(text) => *text = shown(text).into_owned(),
        Value::Array(all) => all.iter_mut().for_each(clean),
        Value::Object(all) => {
            let old = std::mem::take(all);
            for (name, mut value) in old {
                clean(&mut value);
                all.insert(shown(&name).into_owned(), value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_while_nothing_changes() {
        let mut fleet = TopFleet::default();
        let whole = r#"{"at_ms":5,"columns":["name"],"counts":{"up":1},"server":{"inventory_error":null,"isolated_since_ms":null,"store_error":null},"hosts":[]}"#;
        fleet.apply("fleet", whole).unwrap();
        fleet.apply("beat", r#"{"at_ms":3005}"#).unwrap();
        assert_eq!(fleet.at, Some(WallMs(3_005)));
        assert_eq!(fleet.counts["up"], 1, "nothing else is touched");
        fleet.apply("of a later version", "").unwrap();
        assert!(fleet.apply("beat", "{}").is_err());
    }
}
