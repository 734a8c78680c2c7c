//! The whole fleet at a glance, small enough to be sent whole: one row of cells per host.
//!
//! A page of five thousand hosts is a megabyte of JSON here, ten in the shape of one host. What the
//! cells mean stands in `columns`, once.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

use super::{readiness::own_clock, seen::Seen};
use crate::{
    live::{AttemptSummary, HostView, Recent, ServerView},
    model::{Column, GroupName, HostName, Labels, Outcome, Severity, State},
    units::{Micros, WallMs},
};

/// What each cell of a [`FleetRow`] is, in order. New ones go to the end.
pub const FLEET_COLUMNS: &[&str] = &[
    "name",
    "group",
    "labels",
    "state",
    "since_ms",
    "slot_ms",
    "outcome",
    "call_us",
    "error",
    "cpus_online",
    "cpu_busy_pct",
    "mem_used_pct",
    "fs_used_max_pct",
    "pressure_some_max_avg10_pct",
    "load_1",
    "net_rx_bytes_per_s",
    "net_tx_bytes_per_s",
    "disk_busy_max_pct",
    "good_slot_ms",
    "flapping",
    "unreachable_because",
    "paused_until_ms",
    "cpu_trail",
    "cause",
    "alarms_firing",
    "alarm_severity",
    "mem_total_bytes",
    "address",
];

/// One host as a row of cells.
#[derive(Debug, Clone)]
pub struct FleetRow(pub Arc<HostView>);

/// The pressure that most tasks felt in the last ten seconds, whatever they waited for.
const PRESSURES: [Column; 3] = [
    Column::PressureCpuSomeAvg10Pct,
    Column::PressureMemorySomeAvg10Pct,
    Column::PressureIoSomeAvg10Pct,
];

impl Serialize for FleetRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = &self.0;
        let last = view.last.as_deref();
        // While a host is down its last known values stay visible; the page greys them.
        let values = view.last_good.as_deref().and_then(|record| record.values.as_ref());
        let value = |column| values.and_then(|values| values.get(column));
        let pressure = PRESSURES.iter().filter_map(|column| value(*column)).reduce(f64::max);
        Cells(
            view.name.as_str(),
            view.group.as_ref().map(GroupName::as_str),
            &view.labels,
            view.state,
            view.since,
            last.map(|record| record.slot),
            last.map(|record| record.outcome),
            last.and_then(|record| record.timings.call_us),
            last.and_then(|record| record.error.as_deref()),
            value(Column::CpusOnline),
            value(Column::CpuBusyPct),
            value(Column::MemUsedPct),
            value(Column::FsUsedMaxPct),
            pressure,
            value(Column::Load1),
            value(Column::NetRxBytesPerS),
            value(Column::NetTxBytesPerS),
            value(Column::DiskBusyMaxPct),
            view.last_good.as_ref().map(|record| record.slot),
            view.flapping,
            view.unreachable_because.as_ref().map(HostName::as_str),
            view.paused_until,
            Trail(&view.recent),
            view.cause.as_deref(),
            view.firing().count(),
            view.firing().map(|alarm| alarm.severity).max(),
            value(Column::MemTotalBytes),
            last.and_then(|record| record.address.as_deref())
                .or_else(|| view.addresses.first().map(|address| &**address)),
        )
        .serialize(serializer)
    }
}

/// The cells of a row, for JSON and for its schema; each is described by the name of its column.
#[derive(Serialize, JsonSchema)]
struct Cells<'a>(
    /// name
    &'a str,
    /// group
    Option<&'a str>,
    /// labels
    &'a Labels,
    /// state
    State,
    /// since_ms
    WallMs,
    /// slot_ms
    Option<WallMs>,
    /// outcome
    Option<Outcome>,
    /// call_us
    Option<Micros>,
    /// error
    Option<&'a str>,
    /// cpus_online
    Option<f64>,
    /// cpu_busy_pct
    Option<f64>,
    /// mem_used_pct
    Option<f64>,
    /// fs_used_max_pct
    Option<f64>,
    /// pressure_some_max_avg10_pct
    Option<f64>,
    /// load_1
    Option<f64>,
    /// net_rx_bytes_per_s
    Option<f64>,
    /// net_tx_bytes_per_s
    Option<f64>,
    /// disk_busy_max_pct
    Option<f64>,
    /// good_slot_ms
    Option<WallMs>,
    /// flapping
    bool,
    /// unreachable_because
    Option<&'a str>,
    /// paused_until_ms
    Option<WallMs>,
    /// cpu_trail
    #[schemars(with = "Vec<Option<i16>>")]
    Trail<'a>,
    /// cause
    Option<&'a str>,
    /// alarms_firing
    usize,
    /// alarm_severity
    Option<Severity>,
    /// mem_total_bytes
    Option<f64>,
    /// address
    Option<&'a str>,
);

/// How busy a host's processors were at its last attempts, oldest first: whole per cent, null for an
/// attempt that did not say. A page that has just been opened draws its little charts from it.
struct Trail<'a>(&'a Recent);

impl Serialize for Trail<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a share is 0 to 100, and a cast saturates"
        )]
        let whole = |attempt: &AttemptSummary| attempt.cpu_busy_pct.map(|pct| pct.round() as i16);
        serializer.collect_seq(self.0.map(whole))
    }
}

impl JsonSchema for FleetRow {
    fn schema_name() -> Cow<'static, str> {
        "FleetRow".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Cells::json_schema(generator);
        let words = "One host: a cell for each of `columns`, null where it is unknown.";
        schema.insert("description".to_owned(), words.into());
        // New ones go to the end.
        schema.remove("maxItems");
        schema
    }
}

/// What the server says of itself, for the banners.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FleetServer {
    /// Why the inventory file as it is now is not in force.
    pub inventory_error: Option<Arc<str>>,
    /// Why what the inventory file says is right but not in force yet.
    pub inventory_waiting: Option<Arc<str>>,
    /// The inventory in force: its number in the store.
    pub inventory_version: Option<i64>,
    /// Since when the server considers itself cut off.
    pub isolated_since_ms: Option<WallMs>,
    /// What hinders the server's polls at its own end, in words.
    pub own_trouble: Option<String>,
    /// What is wrong with the server's own clock, and what waits for that, in words.
    pub own_clock: Option<String>,
    /// Why the store takes no rows.
    pub store_error: Option<Arc<str>>,
    /// How many alarms fire, by severity; those about the server itself among them.
    pub alarms_firing: BTreeMap<Severity, usize>,
    /// Whether an inventory is in force.
    pub ready: bool,
    /// Whether it is stopping.
    pub stopping: bool,
}

impl FleetServer {
    fn new(server: &ServerView, hosts: &[Arc<HostView>], store_error: Option<Arc<str>>) -> Self {
        let own = server.firing().chain(hosts.iter().flat_map(|host| host.firing()));
        let mut alarms_firing = BTreeMap::new();
        for alarm in own {
            *alarms_firing.entry(alarm.severity).or_default() += 1;
        }
        Self {
            inventory_error: server.inventory_error.clone(),
            inventory_waiting: server.inventory_waiting.clone(),
            inventory_version: server.inventory.as_ref().map(|(version, ..)| version.0),
            isolated_since_ms: server.isolated,
            own_trouble: server.own_trouble.as_ref().map(ToString::to_string),
            own_clock: Some(own_clock(server).join("; ")).filter(|words| !words.is_empty()),
            store_error,
            alarms_firing,
            ready: server.ready,
            stopping: server.stopping,
        }
    }
}

/// The fleet as it is now.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Fleet {
    /// When.
    pub at_ms: WallMs,
    /// What each cell of a row is.
    pub columns: &'static [&'static str],
    /// How many hosts there are in each state.
    pub counts: BTreeMap<State, usize>,
    /// What the server says of itself.
    pub server: FleetServer,
    /// Every host, by name.
    pub hosts: Vec<FleetRow>,
}

impl Fleet {
    /// The fleet of a live view; `store_error` says why the store takes no rows, when it does not.
    #[must_use]
    pub(super) fn of(live: &Seen, store_error: Option<Arc<str>>, now: WallMs) -> Self {
        let hosts = live.hosts();
        Self {
            at_ms: now,
            columns: FLEET_COLUMNS,
            counts: live.count_by_state(),
            server: FleetServer::new(&live.server(), &hosts, store_error),
            hosts: hosts.into_iter().map(FleetRow).collect(),
        }
    }
}

/// What changed in a fleet between two looks.
#[derive(Debug, Clone, Serialize)]
pub struct FleetChange {
    /// When it was looked at.
    pub at_ms: WallMs,
    /// How many hosts there are in each state.
    pub counts: BTreeMap<State, usize>,
    /// What the server says of itself.
    pub server: FleetServer,
    /// Hosts that are new or not as they were.
    pub hosts: Vec<FleetRow>,
    /// Names of hosts that are gone.
    pub gone: Vec<Arc<str>>,
}

impl FleetChange {
    /// From one look to the next; none when nothing is different. Views that were not published anew
    /// are the same allocation, so five thousand hosts are compared in microseconds.
    #[must_use]
    pub fn between(before: &Fleet, after: &Fleet) -> Option<Self> {
        let known: BTreeMap<&str, &Arc<HostView>> =
            before.hosts.iter().map(|row| (row.0.name.as_str(), &row.0)).collect();
        let is_new = |row: &&FleetRow| {
            let before = known.get(row.0.name.as_str());
            // In a limited scope a view may be a copy.
            before.is_none_or(|view| !Arc::ptr_eq(view, &row.0) && **view != row.0)
        };
        let listed: BTreeMap<&str, ()> =
            after.hosts.iter().map(|row| (row.0.name.as_str(), ())).collect();
        let gone = before.hosts.iter().map(|row| row.0.name.as_str());
        let change = Self {
            at_ms: after.at_ms,
            counts: after.counts.clone(),
            server: after.server.clone(),
            hosts: after.hosts.iter().filter(is_new).cloned().collect(),
            gone: gone.filter(|name| !listed.contains_key(name)).map(Arc::from).collect(),
        };
        // The counts follow from the hosts.
        let is_some =
            !change.hosts.is_empty() || !change.gone.is_empty() || before.server != after.server;
        is_some.then_some(change)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, to_value};

    use super::*;
    use crate::{
        live::Live,
        model::{HostId, HostName, Outcome, Timings},
    };

    fn publish(live: &Live, name: &str, state: State) {
        let listed = HostView::listed(HostId(1), HostName::new(name).unwrap());
        live.publish(HostView { state, ..listed });
    }

    #[test]
    fn a_row_has_a_cell_per_column_and_an_unknown_is_null() {
        let live = Arc::new(Live::default());
        publish(&live, "web-1", State::Pending);
        let fleet = to_value(Fleet::of(&Seen::whole(Arc::clone(&live)), None, WallMs(7))).unwrap();
        let row = fleet["hosts"][0].as_array().unwrap();
        assert_eq!(row.len(), FLEET_COLUMNS.len());
        assert_eq!(row[0], "web-1");
        let busy = FLEET_COLUMNS.iter().position(|column| *column == "cpu_busy_pct").unwrap();
        assert_eq!(row[busy], Value::Null);
        assert_eq!(fleet["counts"]["pending"], 1);
    }

    #[test]
    fn what_is_wrong_with_the_servers_clock_is_said_to_every_page() {
        let live = Arc::new(Live::default());
        let said = || Fleet::of(&Seen::whole(Arc::clone(&live)), None, WallMs(1)).server.own_clock;
        assert_eq!(said(), None);
        live.update_server(|server| {
            server.clock.is_wrong = true;
            server.clock.samples = 7;
            server.clock.fleet_ms = Some(3_600_000);
            server.drop_doubt = Some("it stepped".into());
        });
        let words = said().unwrap();
        assert_eq!(
            words,
            "this server's clock is wrong: those of 7 hosts are 1h ahead of it; \
             nothing old is dropped or sealed, and takes its room: it stepped"
        );
    }

    #[test]
    fn a_trail_has_a_share_per_attempt_and_null_for_one_that_failed() {
        let attempt = |cpu_busy_pct| AttemptSummary {
            slot: WallMs(1),
            outcome: Outcome::Ok,
            state: State::Up,
            timings: Timings::default(),
            answer_bytes: None,
            address: None,
            error: None,
            unread: None,
            cpu_busy_pct,
        };
        let recent = [Some(12.6), None, Some(0.2)].map(attempt).into_iter().collect();
        assert_eq!(to_value(Trail(&recent)).unwrap(), serde_json::json!([13, null, 0]));
    }

    #[test]
    fn a_change_has_what_was_published_and_what_is_gone_and_nothing_else() {
        let live = Arc::new(Live::default());
        for name in ["a", "b", "c"] {
            publish(&live, name, State::Up);
        }
        let before = Fleet::of(&Seen::whole(Arc::clone(&live)), None, WallMs(1));
        publish(&live, "b", State::Suspect);
        publish(&live, "d", State::Pending);
        live.remove(&HostName::new("a").unwrap());
        assert!(FleetChange::between(&before, &before.clone()).is_none(), "nothing is different");
        let change = FleetChange::between(
            &before,
            &Fleet::of(&Seen::whole(Arc::clone(&live)), None, WallMs(2)),
        )
        .unwrap();
        let names: Vec<&str> = change.hosts.iter().map(|row| row.0.name.as_str()).collect();
        assert_eq!(names, ["b", "d"]);
        assert_eq!(change.gone, [Arc::from("a")]);
        assert_eq!(change.counts[&State::Suspect], 1);
        let away = Fleet {
            server: FleetServer::new(&live.server(), &[], Some("away".into())),
            ..before.clone()
        };
        assert!(
            FleetChange::between(&before, &away).is_some(),
            "so is what the server says of itself"
        );
    }
}
