//! The names, labels and types of node_exporter for all that it and a probe both tell, so that dashboards and rules
//! that were made for it work as they are. Which metric of it a column is, stands in the table of columns.

use std::{collections::HashSet, sync::LazyLock};

use super::{
    families::{MetricFamily, SamplePart, Source, of_hosts},
    text::MetricKind,
};
use crate::model::{Column, ColumnSet as _, ColumnSpec, DetailTable, Family, Metric};

/// What Prometheus itself says of each target.
pub(super) const UP: &str = "up";

/// Columns that count IPv4 and IPv6, of which node_exporter has IPv4 alone, and the part that is to go.
const OF_BOTH: [(Column, Column); 2] =
    [(Column::TcpInUse, Column::Tcp6InUse), (Column::UdpInUse, Column::Udp6InUse)];

/// What node_exporter calls the labels of a row, in the order of its own.
fn row_labels(of: DetailTable) -> &'static [&'static str] {
    match of {
        DetailTable::Core | DetailTable::Softirq => &["cpu"],
        DetailTable::Net | DetailTable::Disk => &["device"],
        DetailTable::Filesystem => &["mountpoint", "device", "fstype"],
        DetailTable::Process | DetailTable::Container => &[],
    }
}

/// The name of a metric, and the labels that tell the column from others of that name: `mode="user"`.
fn split(metric: &str) -> (&str, &str) {
    metric.strip_suffix('}').and_then(|metric| metric.split_once('{')).unwrap_or((metric, ""))
}

/// Of these files it hands on what it finds, whatever that is.
fn kind(name: &str) -> MetricKind {
    if name.starts_with("node_vmstat_") || name.starts_with("node_netstat_") {
        MetricKind::Unknown
    } else if name.ends_with("_total") {
        MetricKind::Counter
    } else {
        MetricKind::Gauge
    }
}

/// Families as they are gathered: parts of one name come together.
#[derive(Default)]
struct Gathered(Vec<MetricFamily>);

impl Gathered {
    fn add(&mut self, name: &str, spec: &ColumnSpec, part: SamplePart) {
        if let Some(family) = self.0.iter_mut().find(|family| family.name == name) {
            family.parts.push(part);
            return;
        }
        let help = format!("As node_exporter has it, of {}", spec.source);
        let (kind, of) = (kind(name), Some(spec.family));
        let name = name.to_owned();
        self.0.push(MetricFamily { name, kind, unit: "", help, of, parts: vec![part] });
    }
}

fn host_wide(all: &mut Gathered, column: Column) {
    let spec = column.spec();
    let Some((name, labels)) = spec.node_exporter.map(split) else { return };
    let part = |source| SamplePart { labels: labels.to_owned(), ..SamplePart::plain(source) };
    let other = OF_BOTH.iter().find(|(both, _)| *both == column);
    match (spec.metric, kind(name)) {
        (Metric::Gauge, _) => {
            let source =
                other.map_or(Source::Gauge(column), |(_, other)| Source::Rest(column, *other));
            all.add(name, spec, part(source));
        }
        (Metric::Counter | Metric::Share, MetricKind::Unknown) => {
            all.add(name, spec, part(Source::Raw(column, false)));
            if spec.has_ipv6() {
                let name = name.replace("_Udp_", "_Udp6_");
                all.add(&name, spec, part(Source::Raw(column, true)));
            }
        }
        (Metric::Counter | Metric::Share, _) => all.add(name, spec, part(Source::Counter(column))),
    }
}

fn of_rows(all: &mut Gathered, table: DetailTable) {
    for (column, spec) in table.specs().iter().enumerate() {
        let Some((name, labels)) = spec.node_exporter.map(split) else { continue };
        let source = match spec.metric {
            Metric::Gauge => Source::RowGauge(table, column),
            Metric::Counter | Metric::Share if name.ends_with("_sectors_total") => {
                Source::RowSectors(table, column)
            }
            Metric::Counter | Metric::Share => Source::RowCounter(table, column),
        };
        let row_labels = row_labels(table);
        all.add(name, spec, SamplePart { source, labels: labels.to_owned(), row_labels });
    }
}

/// node_exporter's names.
pub(super) static NODE: LazyLock<Vec<MetricFamily>> = LazyLock::new(|| {
    let mut all = Gathered(of_hosts());
    // As a federated Prometheus has it of each instance.
    let help = "Whether the host has fresh values";
    all.0.push(MetricFamily::of_one(UP, MetricKind::Gauge, help, None, Source::Up));
    for &table in DetailTable::ALL {
        of_rows(&mut all, table);
    }
    // What is known of each row needs no sum.
    let of_rows: HashSet<String> = all.0.iter().map(|family| family.name.clone()).collect();
    for &column in Column::ALL {
        let name = column.spec().node_exporter.map_or("", |metric| split(metric).0);
        if !of_rows.contains(name) {
            host_wide(&mut all, column);
        }
    }
    let more = |name, help, of, source| {
        MetricFamily::of_one(name, MetricKind::Gauge, help, Some(of), source)
    };
    let mut fails = more(
        "node_filesystem_device_error",
        "Whether the mount did not answer or could not be asked",
        Family::Filesystem,
        Source::MountFails,
    );
    fails.parts[0].row_labels = row_labels(DetailTable::Filesystem);
    all.0.extend([
        more("node_time_seconds", "The host's wall clock", Family::System, Source::Clock),
        more("node_uname_info", "Kernel and name of the machine", Family::System, Source::Kernel),
        fails,
    ]);
    all.0
});

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Labels whose values are not known here: an empty one is the same as none.
    const UNKNOWN: [&str; 3] = ["device_error", "domainname", "version"];

    fn keys(part: &SamplePart, source: Source) -> Vec<String> {
        let own = part.labels.split(',').filter_map(|label| Some(label.split_once('=')?.0));
        let more: &[&str] = match source {
            Source::Kernel => &["sysname", "release", "machine", "nodename"],
            _ => &[],
        };
        let mut keys: Vec<String> = own
            .chain(part.row_labels.iter().copied())
            .chain(more.iter().copied())
            .map(str::to_owned)
            .collect();
        keys.sort();
        keys
    }

    #[test]
    fn names_types_and_labels_are_those_of_node_exporter() {
        let list = include_str!("node_exporter.txt");
        let rows = list.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let known: BTreeMap<&str, (&str, Vec<&str>)> = rows
            .map(|row| {
                let mut words = row.split(' ');
                let (name, kind) = (words.next().unwrap(), words.next().unwrap());
                (name, (kind, words.collect()))
            })
            .collect();
        let mut said = 0;
        for family in NODE.iter().filter(|family| family.name.starts_with("node_")) {
            let name = family.name.as_str();
            let (kind, labels) = known.get(name).unwrap_or_else(|| panic!("{name} is none of it"));
            let own = match family.kind {
                MetricKind::Gauge | MetricKind::UpDown => "gauge",
                MetricKind::Counter => "counter",
                MetricKind::Unknown => "untyped",
                MetricKind::Info => "info",
            };
            assert_eq!(own, *kind, "{name}");
            let known = labels.iter().copied().filter(|label| !UNKNOWN.contains(label));
            let labels: Vec<&str> = known.collect();
            for part in &family.parts {
                assert_eq!(keys(part, part.source), labels, "{name}");
            }
            said += 1;
        }
        assert_eq!(said, known.len(), "the list has names that are not said");
    }

    #[test]
    fn every_metric_that_a_column_names_is_said_once() {
        let specs = DetailTable::ALL.iter().flat_map(|table| table.specs()).chain(Column::SPECS);
        for metric in specs.filter_map(|spec| spec.node_exporter) {
            let (name, labels) = split(metric);
            let families: Vec<_> = NODE.iter().filter(|family| family.name == name).collect();
            assert_eq!(families.len(), 1, "{name}");
            let parts = families[0].parts.iter().filter(|part| part.labels == labels).count();
            assert_eq!(parts, 1, "{metric}");
        }
    }
}
