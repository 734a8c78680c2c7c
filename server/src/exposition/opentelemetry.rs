//! The names, kinds, units and attributes of OpenTelemetry's semantic conventions for all that they and a probe both
//! tell; what they have no name for, under Roundsman's own. Of which version they are says [`SCHEMA_URL`].

use std::sync::LazyLock;

use super::{
    families::{MetricFamily, OWN, SamplePart, Source},
    samples::HostSamples,
    text::MetricKind,
};
use crate::model::{
    Column, ColumnSet as _, ColumnSpec, CoreColumn, DetailTable, DiskColumn, FilesystemColumn,
    NetColumn,
};

/// The version of the conventions whose names these are.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// Attributes whose values are whole numbers.
pub const WHOLE_ATTRIBUTES: [&str; 2] = [CPU, PID];

const CPU: &str = "cpu.logical_number";
const PID: &str = "process.pid";

/// Of which service all of it is; each host is an instance of it.
const SERVICE: &str = "roundsman";

/// What stands before names that are not the conventions'.
pub const OWN_PREFIX: &str = "roundsman.";

/// How the names of Prometheus end that say a unit, and the unit by UCUM. A receiver that makes such names of the
/// others puts the same end there.
const UNITS: [(&str, &str); 5] = [
    ("_bytes_per_second", "By/s"),
    ("_per_second", "1/s"),
    ("_seconds", "s"),
    ("_ratio", "1"),
    ("_bytes", "By"),
];

/// What the conventions call the labels of a row, in the order of its own.
fn row_attributes(of: DetailTable) -> &'static [&'static str] {
    match of {
        DetailTable::Core | DetailTable::Softirq => &[CPU],
        DetailTable::Net => &["network.interface.name"],
        DetailTable::Disk => &["system.device"],
        DetailTable::Filesystem => {
            &["system.filesystem.mountpoint", "system.device", "system.filesystem.type"]
        }
        DetailTable::Process => &[PID, "roundsman.comm"],
        DetailTable::Container => &["container.name"],
    }
}

fn core(column: CoreColumn) -> Source {
    Source::RowCounter(DetailTable::Core, column.index())
}

fn net(column: NetColumn) -> Source {
    Source::RowCounter(DetailTable::Net, column.index())
}

fn disk(column: DiskColumn) -> Source {
    Source::RowCounter(DetailTable::Disk, column.index())
}

fn mount(column: FilesystemColumn) -> Source {
    Source::RowGauge(DetailTable::Filesystem, column.index())
}

fn part_of_mount(column: FilesystemColumn, part: FilesystemColumn) -> Source {
    Source::RowLess(DetailTable::Filesystem, column.index(), part.index())
}

/// The column that a value is of.
fn spec(source: Source) -> Option<&'static ColumnSpec> {
    match source {
        Source::Gauge(column)
        | Source::Counter(column)
        | Source::Less(column, _)
        | Source::CounterLess(column, _) => Some(column.spec()),
        Source::RowGauge(of, column)
        | Source::RowCounter(of, column)
        | Source::RowLess(of, column, _) => of.specs().get(column),
        _ => None,
    }
}

/// A metric of the conventions: one value, or one for each value of an attribute.
fn metric(
    name: &str,
    kind: MetricKind,
    unit: &'static str,
    attribute: &str,
    parts: &[(Source, &str)],
) -> MetricFamily {
    let parts = parts.iter().map(|(source, value)| SamplePart {
        source: *source,
        labels: if attribute.is_empty() {
            String::new()
        } else {
            format!("{attribute}=\"{value}\"")
        },
        row_labels: match (name, source.table()) {
            // Other than those beside it.
            ("system.network.packet.count", _) => &["system.device"],
            (_, table) => table.map_or(&[], row_attributes),
        },
    });
    let parts: Vec<SamplePart> = parts.collect();
    let spec = parts.first().and_then(|part| spec(part.source));
    let source = spec.map_or("", |spec| spec.source);
    MetricFamily {
        name: name.to_owned(),
        kind,
        unit,
        help: format!("As OpenTelemetry's conventions have it, of {source}"),
        of: spec.map(|spec| spec.family),
        parts,
    }
}

/// What the conventions have a name for.
fn of_conventions() -> Vec<MetricFamily> {
    use MetricKind::{Counter, Gauge, UpDown};
    let one = |name, kind, unit, source| metric(name, kind, unit, "", &[(source, "")]);
    let direction = |name, unit, attribute, [first, second]: [(Source, &str); 2]| {
        metric(name, Counter, unit, attribute, &[first, second])
    };
    let of_disk = |name, unit, read, written| {
        let parts = [(disk(read), "read"), (disk(written), "write")];
        direction(name, unit, "disk.io.direction", parts)
    };
    let of_net = |name, unit, received, sent| {
        let parts = [(net(received), "receive"), (net(sent), "transmit")];
        direction(name, unit, "network.io.direction", parts)
    };
    let pages = "{page}";
    vec![
        one("system.uptime", Gauge, "s", Source::Gauge(Column::UptimeS)),
        one("system.cpu.logical.count", UpDown, "{cpu}", Source::Gauge(Column::CpusOnline)),
        metric(
            "system.cpu.time",
            Counter,
            "s",
            "cpu.mode",
            &[
                (core(CoreColumn::UserPct), "user"),
                (core(CoreColumn::NicePct), "nice"),
                (core(CoreColumn::SystemPct), "system"),
                (core(CoreColumn::IdlePct), "idle"),
                (core(CoreColumn::IowaitPct), "iowait"),
                (core(CoreColumn::IrqPct), "interrupt"),
                (core(CoreColumn::SoftirqPct), "softirq"),
                (core(CoreColumn::StealPct), "steal"),
            ],
        ),
        metric(
            "system.memory.usage",
            UpDown,
            "By",
            "system.memory.state",
            &[
                (Source::Less(Column::MemTotalBytes, Column::MemAvailableBytes), "used"),
                (Source::Gauge(Column::MemFreeBytes), "free"),
                (Source::Gauge(Column::MemBuffersBytes), "buffers"),
                (Source::Gauge(Column::MemCachedBytes), "cached"),
            ],
        ),
        one("system.memory.limit", UpDown, "By", Source::Gauge(Column::MemTotalBytes)),
        one(
            "system.memory.linux.available",
            UpDown,
            "By",
            Source::Gauge(Column::MemAvailableBytes),
        ),
        one("system.memory.linux.shared", UpDown, "By", Source::Gauge(Column::MemShmemBytes)),
        metric(
            "system.memory.linux.slab.usage",
            UpDown,
            "By",
            "system.memory.linux.slab.state",
            &[
                (Source::Gauge(Column::MemSReclaimableBytes), "reclaimable"),
                (Source::Gauge(Column::MemSUnreclaimBytes), "unreclaimable"),
            ],
        ),
        one(
            "system.memory.linux.hugepages.limit",
            UpDown,
            pages,
            Source::Gauge(Column::HugePagesTotal),
        ),
        one(
            "system.memory.linux.hugepages.page_size",
            UpDown,
            "By",
            Source::Gauge(Column::HugePageSizeBytes),
        ),
        one(
            "system.memory.linux.hugepages.reserved",
            UpDown,
            pages,
            Source::Gauge(Column::HugePagesReserved),
        ),
        one(
            "system.memory.linux.hugepages.surplus",
            UpDown,
            pages,
            Source::Gauge(Column::HugePagesSurplus),
        ),
        metric(
            "system.memory.linux.hugepages.usage",
            UpDown,
            pages,
            "system.memory.linux.hugepages.state",
            &[
                (Source::Less(Column::HugePagesTotal, Column::HugePagesFree), "used"),
                (Source::Gauge(Column::HugePagesFree), "free"),
            ],
        ),
        metric(
            "system.paging.usage",
            UpDown,
            "By",
            "system.paging.state",
            &[
                (Source::Less(Column::SwapTotalBytes, Column::SwapFreeBytes), "used"),
                (Source::Gauge(Column::SwapFreeBytes), "free"),
            ],
        ),
        metric(
            "system.paging.faults",
            Counter,
            "{fault}",
            "system.paging.fault.type",
            &[
                (Source::Counter(Column::MajorPageFaultsPerS), "major"),
                (Source::CounterLess(Column::PageFaultsPerS, Column::MajorPageFaultsPerS), "minor"),
            ],
        ),
        direction(
            "system.paging.operations",
            "{operation}",
            "system.paging.direction",
            [
                (Source::Counter(Column::SwappedInPagesPerS), "in"),
                (Source::Counter(Column::SwappedOutPagesPerS), "out"),
            ],
        ),
        of_disk("system.disk.io", "By", DiskColumn::ReadBytesPerS, DiskColumn::WrittenBytesPerS),
        of_disk(
            "system.disk.operations",
            "{operation}",
            DiskColumn::ReadsPerS,
            DiskColumn::WritesPerS,
        ),
        of_disk(
            "system.disk.operation_time",
            "s",
            DiskColumn::ReadAwaitMs,
            DiskColumn::WriteAwaitMs,
        ),
        of_disk(
            "system.disk.merged",
            "{operation}",
            DiskColumn::ReadsMergedPerS,
            DiskColumn::WritesMergedPerS,
        ),
        one("system.disk.io_time", Counter, "s", disk(DiskColumn::BusyPct)),
        metric(
            "system.filesystem.usage",
            UpDown,
            "By",
            "system.filesystem.state",
            &[
                (part_of_mount(FilesystemColumn::SizeBytes, FilesystemColumn::FreeBytes), "used"),
                (mount(FilesystemColumn::AvailableBytes), "free"),
                (
                    part_of_mount(FilesystemColumn::FreeBytes, FilesystemColumn::AvailableBytes),
                    "reserved",
                ),
            ],
        ),
        one("system.filesystem.limit", UpDown, "By", mount(FilesystemColumn::SizeBytes)),
        of_net("system.network.io", "By", NetColumn::RxBytesPerS, NetColumn::TxBytesPerS),
        of_net(
            "system.network.packet.count",
            "{packet}",
            NetColumn::RxPacketsPerS,
            NetColumn::TxPacketsPerS,
        ),
        of_net(
            "system.network.packet.dropped",
            "{packet}",
            NetColumn::RxDroppedPerS,
            NetColumn::TxDroppedPerS,
        ),
        of_net(
            "system.network.errors",
            "{error}",
            NetColumn::RxErrorsPerS,
            NetColumn::TxErrorsPerS,
        ),
        metric(
            "system.process.count",
            UpDown,
            "{process}",
            "process.state",
            &[
                (Source::Gauge(Column::ProcessesRunning), "running"),
                (Source::Gauge(Column::ProcessesSleeping), "sleeping"),
                (Source::Gauge(Column::ProcessesStopped), "stopped"),
                (Source::Gauge(Column::ProcessesZombie), "defunct"),
                (Source::Gauge(Column::ProcessesUninterruptible), "uninterruptible"),
                (Source::Gauge(Column::ProcessesIdle), "idle"),
                (Source::Gauge(Column::ProcessesOther), "other"),
            ],
        ),
        one("system.process.created", Counter, "{process}", Source::Counter(Column::ForksPerS)),
    ]
}

/// One of Roundsman's own, as the others are named.
fn own(family: &MetricFamily) -> MetricFamily {
    let stem = family.name.strip_suffix("_total").unwrap_or(&family.name);
    let ends = |(end, unit)| stem.strip_suffix(end).map(|stem| (stem, unit));
    let (stem, unit) = UNITS.into_iter().find_map(ends).unwrap_or((stem, ""));
    let part = |part: &SamplePart| SamplePart {
        labels: match part.labels.is_empty() {
            true => String::new(),
            false => format!("{OWN_PREFIX}{}", part.labels),
        },
        row_labels: part.source.table().map_or(&[], row_attributes),
        ..part.clone()
    };
    MetricFamily {
        // `roundsman`, what it is of, and the rest.
        name: stem.replacen('_', ".", 2),
        unit,
        parts: family.parts.iter().map(part).collect(),
        ..family.clone()
    }
}

/// All of them: what the conventions have as it is, is not told under another name.
pub(super) static OPEN_TELEMETRY: LazyLock<Vec<MetricFamily>> = LazyLock::new(|| {
    let mut all = of_conventions();
    let parts = all.iter().flat_map(|family| &family.parts);
    let told: Vec<Source> = parts.map(|part| part.source).collect();
    let is_left = |family: &&MetricFamily| !told.contains(&family.parts[0].source);
    all.extend(OWN.iter().filter(is_left).map(own));
    all
});

impl HostSamples {
    /// What names the resource that the host is: the name of each attribute in two parts, and its value. Other ones
    /// make it another resource.
    pub fn resource(&self, mut visit: impl FnMut(&str, &str, &str)) {
        let view = self.view();
        visit("", "service.name", SERVICE);
        visit("", "service.instance.id", view.name.as_str());
        visit("", "host.name", view.name.as_str());
        if let Some(machine) = &view.facts.machine_id {
            visit("", "host.id", machine);
        }
        visit("", "os.type", "linux");
        if let Some(group) = &view.group {
            visit(OWN_PREFIX, "group", group.as_str());
        }
        for (name, value) in view.labels.iter() {
            visit("roundsman.label.", name, value);
        }
    }
}

#[cfg(test)]
mod tests;
