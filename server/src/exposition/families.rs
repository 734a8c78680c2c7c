//! Which metrics there are, and of which column each is made: from the one table of columns.

use std::sync::LazyLock;

use super::text::MetricKind;
use crate::model::{Column, ColumnSet as _, ColumnSpec, DetailTable, Family, Metric, State, Unit};

/// What a sample's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Whether the host has fresh values.
    Up,
    /// Whether it is in this state.
    Is(State),
    /// How its newest poll ended: a label.
    Outcome,
    /// When the poll was due that the values are of.
    GoodPoll,
    /// What is known of it: labels.
    About,
    /// A column as it is.
    Gauge(Column),
    /// What a column's counters stand at.
    Counter(Column),
    /// A column as it is, less another that is a part of it.
    Rest(Column, Column),
    /// The same where both are known.
    Less(Column, Column),
    /// What the counters of a column stand at, less those of another that is a part of it.
    CounterLess(Column, Column),
    /// What the first or second counter of a column stands at, as the kernel has it.
    Raw(Column, bool),
    /// A column of each row as it is.
    RowGauge(DetailTable, usize),
    /// What the counter of a column of each row stands at.
    RowCounter(DetailTable, usize),
    /// The same in sectors.
    RowSectors(DetailTable, usize),
    /// A column of each row as it is, less another that is a part of it.
    RowLess(DetailTable, usize, usize),
    /// The probe's wall clock.
    Clock,
    /// Kernel, architecture and name of the machine: labels.
    Kernel,
    /// Whether a mount did not answer.
    MountFails,
}

impl Source {
    /// The list of whose rows it is; none where a host has it once.
    pub(super) fn table(self) -> Option<DetailTable> {
        match self {
            Self::RowGauge(of, _)
            | Self::RowCounter(of, _)
            | Self::RowSectors(of, _)
            | Self::RowLess(of, ..) => Some(of),
            Self::MountFails => Some(DetailTable::Filesystem),
            _ => None,
        }
    }
}

/// Samples of one name that are made alike.
#[derive(Debug, Clone)]
pub(super) struct SamplePart {
    pub(super) source: Source,
    /// Labels that it has beside those of its host and row, as they are written.
    pub(super) labels: String,
    /// What the labels of a row are called: the first ones that it is known by.
    pub(super) row_labels: &'static [&'static str],
}

impl SamplePart {
    pub(super) fn plain(source: Source) -> Self {
        Self { source, labels: String::new(), row_labels: &[] }
    }
}

/// All samples of one name.
#[derive(Debug, Clone)]
pub(super) struct MetricFamily {
    /// The name of its samples.
    pub(super) name: String,
    pub(super) kind: MetricKind,
    /// By UCUM, where the name does not say it.
    pub(super) unit: &'static str,
    pub(super) help: String,
    /// The family of the values; none for what is said of every host, fresh values or not.
    pub(super) of: Option<Family>,
    pub(super) parts: Vec<SamplePart>,
}

impl MetricFamily {
    pub(super) fn of_one(
        name: &str,
        kind: MetricKind,
        help: impl Into<String>,
        of: Option<Family>,
        source: Source,
    ) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            unit: "",
            help: help.into(),
            of,
            parts: vec![SamplePart::plain(source)],
        }
    }
}

/// What is said of every host.
pub(super) fn of_hosts() -> Vec<MetricFamily> {
    let gauge = |name, help: &str, source| {
        MetricFamily::of_one(name, MetricKind::Gauge, help, None, source)
    };
    let mut state = gauge(
        "roundsman_host_state",
        "1 for the state that the host is in, 0 for the others",
        Source::Up,
    );
    let is = |state: &State| SamplePart {
        labels: format!("state=\"{}\"", state.as_str()),
        ..SamplePart::plain(Source::Is(*state))
    };
    state.parts = State::ALL.iter().map(is).collect();
    vec![
        gauge(
            "roundsman_host_up",
            "1 while the values of the host are of a good poll no older than two of its intervals; else 0, and it \
             has no values",
            Source::Up,
        ),
        state,
        gauge("roundsman_host_outcome", "How the newest poll ended; always 1", Source::Outcome),
        gauge(
            "roundsman_host_good_poll_timestamp_seconds",
            "When the last poll that brought values was due, seconds since 1970",
            Source::GoodPoll,
        ),
        MetricFamily::of_one(
            "roundsman_host_info",
            MetricKind::Info,
            "What is known of the host: its group, its labels in the inventory, its machine",
            None,
            Source::About,
        ),
    ]
}

/// How many of a row's labels it is called by: not what changes while it stays the same row.
pub(super) fn lasting(of: DetailTable) -> usize {
    match of {
        DetailTable::Filesystem | DetailTable::Process => of.labels().len() - 1,
        DetailTable::Core
        | DetailTable::Softirq
        | DetailTable::Net
        | DetailTable::Disk
        | DetailTable::Container => 1,
    }
}

fn help(spec: &ColumnSpec) -> String {
    let end = match (spec.metric, spec.unit) {
        _ if spec.is_sum() => "",
        (Metric::Share, _) => "; as seconds, whose rate is the share",
        (Metric::Counter, Unit::Milliseconds) => "; the time of all of them, in seconds",
        (Metric::Counter, Unit::Number) => "; times the seconds that passed",
        _ => "",
    };
    format!("{}{end}", spec.doc)
}

fn kind(spec: &ColumnSpec) -> MetricKind {
    match spec.metric {
        _ if spec.is_sum() => MetricKind::Gauge,
        Metric::Gauge => MetricKind::Gauge,
        Metric::Counter | Metric::Share => MetricKind::Counter,
    }
}

/// Roundsman's own names.
pub(super) static OWN: LazyLock<Vec<MetricFamily>> = LazyLock::new(|| {
    let mut all = of_hosts();
    for &column in Column::ALL {
        let spec = column.spec();
        let Some(name) = spec.prometheus("host") else { continue };
        let source = match spec.metric {
            Metric::Gauge => Source::Gauge(column),
            Metric::Counter | Metric::Share => Source::Counter(column),
        };
        all.push(MetricFamily::of_one(&name, kind(spec), help(spec), Some(spec.family), source));
    }
    for &table in DetailTable::ALL {
        for (column, spec) in table.specs().iter().enumerate() {
            let Some(name) = spec.prometheus(table.as_str()) else { continue };
            let source = match spec.metric {
                _ if spec.is_sum() => Source::RowGauge(table, column),
                Metric::Gauge => Source::RowGauge(table, column),
                Metric::Counter | Metric::Share => Source::RowCounter(table, column),
            };
            let mut one =
                MetricFamily::of_one(&name, kind(spec), help(spec), Some(spec.family), source);
            one.parts[0].row_labels = &table.labels()[..lasting(table)];
            all.push(one);
        }
    }
    all
});

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_name_is_one_metric_in_base_units() {
        let mut seen = HashSet::new();
        for family in OWN.iter() {
            let name = &family.name;
            assert!(seen.insert(name.clone()), "{name} is there twice");
            assert_eq!(name.ends_with("_total"), family.kind == MetricKind::Counter, "{name}");
            for unit in ["_pct", "_per_s", "_ms", "_us", "_s", "_kib"] {
                let stem = name.strip_suffix("_total").unwrap_or(name);
                assert!(!stem.ends_with(unit), "{name}");
            }
        }
        for name in [
            "roundsman_host_mem_used_ratio",
            "roundsman_host_cpu_user_seconds_total",
            "roundsman_host_context_switches_total",
            "roundsman_host_huge_pages",
            "roundsman_host_probe_collect_seconds",
            "roundsman_net_rx_bytes_total",
            "roundsman_disk_read_await_seconds_total",
            "roundsman_disk_queue_seconds_total",
            "roundsman_core_busy_seconds_total",
            "roundsman_filesystem_used_ratio",
            "roundsman_container_cpu_ratio",
            "roundsman_container_read_bytes_per_second",
        ] {
            assert!(seen.contains(name), "{name}: {seen:?}");
        }
        // The sums of rates have no counter.
        assert!(!seen.iter().any(|name| name.starts_with("roundsman_host_net_rx")), "{seen:?}");
        assert!(!seen.iter().any(|name| name.starts_with("roundsman_host_disk_")), "{seen:?}");
    }
}
