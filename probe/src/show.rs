//! This host now, for people: two readings a moment apart, as one JSON document or as tables.
//!
//! The only place of the probe that computes rates, because here both readings are at hand. Nothing
//! of it goes on the wire. What has no rate (first seen, reset, vanished) is `null`, never 0.

mod rates;
mod tables;

use roundsman_proto::v1;
use serde_json::{Map, Value, json};

use crate::health::word;

pub use tables::tables;

/// The document of two readings of one host: who and when, a report per family, the values of the
/// second reading as on the wire (names carry the unit), and per-second rates between the two.
///
/// `rates` holds an object per family; what repeats per core, interface or device is a list of rows.
/// Rates are `null` where there is none, and `elapsed_s` is `null` when the readings are of two boots
/// or no time passed between them.
#[must_use]
pub fn document(before: &v1::Snapshot, after: &v1::Snapshot) -> Value {
    let values = families(after);
    let elapsed_s = elapsed_s(before, after);
    let rates = rates::between(&families(before), &values, elapsed_s);
    json!({
        "protocol": after.protocol,
        "view": word_of(after.view().as_str_name(), "VIEW_"),
        "identity": after.identity,
        "clocks": after.clocks,
        "elapsed_s": elapsed_s,
        "reports": after.reports.iter().map(report).collect::<Vec<_>>(),
        "cost": after.cost,
        "values": values,
        "rates": rates,
    })
}

/// Seconds between the readings by the host's own clock; none across a reboot.
fn elapsed_s(before: &v1::Snapshot, after: &v1::Snapshot) -> Option<f64> {
    let boot = |snapshot: &v1::Snapshot| snapshot.identity.as_ref().and_then(|i| i.boot_id.clone());
    let (was, is) = (before.clocks?.boottime_ns, after.clocks?.boottime_ns);
    let nanoseconds = is.checked_sub(was).filter(|ns| *ns > 0)?;
    #[expect(clippy::cast_precision_loss, reason = "seconds for people; exact to a microsecond")]
    let seconds = nanoseconds as f64 / 1e9;
    (boot(before) == boot(after)).then_some(seconds)
}

fn report(report: &v1::FamilyReport) -> Value {
    json!({
        "family": word(report.family()),
        "status": word_of(report.status().as_str_name(), "STATUS_"),
        "spent_us": report.spent_us,
        "error": report.error,
    })
}

/// The families of an answer by their word; those it does not hold are left out.
fn families(snapshot: &v1::Snapshot) -> Value {
    let mut families = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            families.insert(name.to_owned(), value);
        }
    };
    put("cpu", json!(snapshot.cpu));
    put("load", json!(snapshot.load));
    put("memory", json!(snapshot.memory));
    put("softirq", json!(snapshot.softirq));
    let network = snapshot.network.as_ref();
    put("network", with_layers(json!(network), network.map(v1::Network::layer)));
    let disk = snapshot.disk.as_ref();
    put("disk", with_layers(json!(disk), disk.map(v1::Disk::layer)));
    put("filesystem", filesystem(snapshot.filesystem.as_ref()));
    put("system", json!(snapshot.system));
    put("pressure", json!(snapshot.pressure));
    put("vmstat", json!(snapshot.vmstat));
    put("sockets", json!(snapshot.sockets));
    put("processes", json!(snapshot.processes));
    put("containers", json!(snapshot.containers));
    Value::Object(families)
}

/// A table with its layers in words.
fn with_layers(mut table: Value, layers: Option<impl Iterator<Item = v1::Layer>>) -> Value {
    if let Some(layers) = layers {
        let word = |layer: v1::Layer| word_of(layer.as_str_name(), "LAYER_");
        table["layer"] = layers.map(word).collect();
    }
    table
}

/// The same with the statuses in words, and `null` for the numbers of a mount that gave none.
fn filesystem(filesystem: Option<&v1::Filesystem>) -> Value {
    let Some(filesystem) = filesystem else { return Value::Null };
    const NUMBERS: [&str; 6] =
        ["block_size_bytes", "blocks", "blocks_free", "blocks_available", "inodes", "inodes_free"];
    let mut value = json!(filesystem);
    for (index, status) in filesystem.status().enumerate() {
        value["status"][index] = json!(word_of(status.as_str_name(), "STATUS_"));
        let known = status == v1::Status::Ok;
        for column in NUMBERS {
            if let Some(number) = value[column].get_mut(index).filter(|_| !known) {
                *number = Value::Null;
            }
        }
    }
    value
}

fn word_of(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One second of a small host: a counter that went back, an interface that is new.
    pub(super) fn two_readings() -> [v1::Snapshot; 2] {
        let reading = |boottime_ns, user, interfaces: &[(&str, u64)]| v1::Snapshot {
            protocol: 1,
            view: v1::View::Host.into(),
            identity: Some(v1::Identity {
                hostname: Some("web-1".into()),
                boot_id: Some("b".into()),
                cpus: Some(1),
                page_size_bytes: 4096,
                ticks_per_second: 100,
                ..v1::Identity::default()
            }),
            clocks: Some(v1::Clocks { wall_ns: 1_000_000_000, boottime_ns }),
            reports: [v1::Family::Cpu, v1::Family::Network, v1::Family::Filesystem]
                .map(|family| v1::FamilyReport {
                    family: family.into(),
                    status: v1::Status::Ok.into(),
                    spent_us: 12,
                    error: String::new(),
                })
                .into(),
            cpu: Some(v1::Cpu {
                total: Some(v1::CpuTimes {
                    user: Some(user),
                    idle: Some(user * 3),
                    ..v1::CpuTimes::default()
                }),
                cores: None,
            }),
            network: Some(v1::Network {
                interface: interfaces.iter().map(|(name, _)| (*name).to_owned()).collect(),
                rx_bytes: interfaces.iter().map(|(_, bytes)| *bytes).collect(),
                layer: interfaces
                    .iter()
                    .map(|(name, _)| match *name {
                        "eth0" => v1::Layer::Physical.into(),
                        _ => v1::Layer::Virtual.into(),
                    })
                    .collect(),
                ..v1::Network::default()
            }),
            filesystem: Some(v1::Filesystem {
                mount_point: vec!["/".into(), "/dead".into()],
                device: vec!["/dev/sda1".into(), "nas:/x".into()],
                fs_type: vec!["ext4".into(), "nfs4".into()],
                status: vec![v1::Status::Ok.into(), v1::Status::Hung.into()],
                read_only: vec![false, true],
                block_size_bytes: vec![4096, 0],
                blocks: vec![1_000, 0],
                blocks_free: vec![400, 0],
                blocks_available: vec![300, 0],
                inodes: vec![100, 0],
                inodes_free: vec![75, 0],
                aliases: vec![1, 0],
                superblock_read_only: vec![false, true],
            }),
            ..v1::Snapshot::default()
        };
        [
            reading(10_000_000_000, 100, &[("eth0", 1_000), ("lo", 50)]),
            reading(12_000_000_000, 150, &[("eth0", 5_096), ("lo", 20), ("wg0", 7)]),
        ]
    }

    #[test]
    fn the_document() {
        let [before, after] = two_readings();
        insta::assert_json_snapshot!(document(&before, &after));
    }

    #[test]
    fn the_tables() {
        let [before, after] = two_readings();
        insta::assert_snapshot!(tables(&document(&before, &after)));
    }

    #[test]
    fn no_rates_across_a_reboot() {
        let [before, mut after] = two_readings();
        after.identity.as_mut().unwrap().boot_id = Some("another".into());
        let document = document(&before, &after);
        assert_eq!(document["elapsed_s"], Value::Null);
        assert_eq!(document["rates"]["cpu"]["total"]["user_per_s"], Value::Null);
    }
}
