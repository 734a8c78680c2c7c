//! The table of OpenTelemetry's semantic conventions: which metric is made of which column. Of which version they are
//! says [`SCHEMA_URL`].

use super::{
    families::{MetricFamily, SamplePart, Source},
    text::MetricKind::{self, Counter, Gauge, UpDown},
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

const PAGES: &str = "{page}";

/// What the conventions call the labels of a row, in the order of its own.
pub(super) fn row_attributes(of: DetailTable) -> &'static [&'static str] {
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

fn one(name: &str, kind: MetricKind, unit: &'static str, source: Source) -> MetricFamily {
    metric(name, kind, unit, "", &[(source, "")])
}

fn of_disk(name: &str, unit: &'static str, read: DiskColumn, written: DiskColumn) -> MetricFamily {
    let parts = [(disk(read), "read"), (disk(written), "write")];
    metric(name, Counter, unit, "disk.io.direction", &parts)
}

fn of_net(name: &str, unit: &'static str, received: NetColumn, sent: NetColumn) -> MetricFamily {
    let parts = [(net(received), "receive"), (net(sent), "transmit")];
    metric(name, Counter, unit, "network.io.direction", &parts)
}

/// All that the conventions have a name for.
pub(super) fn of_conventions() -> Vec<MetricFamily> {
    [processors(), memory(), memory_of_linux(), paging(), disks(), network(), processes()].concat()
}

fn processors() -> Vec<MetricFamily> {
    let modes = [
        (core(CoreColumn::UserPct), "user"),
        (core(CoreColumn::NicePct), "nice"),
        (core(CoreColumn::SystemPct), "system"),
        (core(CoreColumn::IdlePct), "idle"),
        (core(CoreColumn::IowaitPct), "iowait"),
        (core(CoreColumn::IrqPct), "interrupt"),
        (core(CoreColumn::SoftirqPct), "softirq"),
        (core(CoreColumn::StealPct), "steal"),
    ];
    vec![
        one("system.uptime", Gauge, "s", Source::Gauge(Column::UptimeS)),
        one("system.cpu.logical.count", UpDown, "{cpu}", Source::Gauge(Column::CpusOnline)),
        metric("system.cpu.time", Counter, "s", "cpu.mode", &modes),
    ]
}

fn memory() -> Vec<MetricFamily> {
    let states = [
        (Source::Less(Column::MemTotalBytes, Column::MemAvailableBytes), "used"),
        (Source::Gauge(Column::MemFreeBytes), "free"),
        (Source::Gauge(Column::MemBuffersBytes), "buffers"),
        (Source::Gauge(Column::MemCachedBytes), "cached"),
    ];
    vec![
        metric("system.memory.usage", UpDown, "By", "system.memory.state", &states),
        one("system.memory.limit", UpDown, "By", Source::Gauge(Column::MemTotalBytes)),
    ]
}

fn memory_of_linux() -> Vec<MetricFamily> {
    let named = |name: &str| format!("system.memory.linux.{name}");
    let one = |name, unit, column| one(&named(name), UpDown, unit, Source::Gauge(column));
    let slabs = [
        (Source::Gauge(Column::MemSReclaimableBytes), "reclaimable"),
        (Source::Gauge(Column::MemSUnreclaimBytes), "unreclaimable"),
    ];
    let huge = [
        (Source::Less(Column::HugePagesTotal, Column::HugePagesFree), "used"),
        (Source::Gauge(Column::HugePagesFree), "free"),
    ];
    vec![
        one("available", "By", Column::MemAvailableBytes),
        one("shared", "By", Column::MemShmemBytes),
        metric(&named("slab.usage"), UpDown, "By", &named("slab.state"), &slabs),
        one("hugepages.limit", PAGES, Column::HugePagesTotal),
        one("hugepages.page_size", "By", Column::HugePageSizeBytes),
        one("hugepages.reserved", PAGES, Column::HugePagesReserved),
        one("hugepages.surplus", PAGES, Column::HugePagesSurplus),
        metric(&named("hugepages.usage"), UpDown, PAGES, &named("hugepages.state"), &huge),
    ]
}

fn paging() -> Vec<MetricFamily> {
    let states = [
        (Source::Less(Column::SwapTotalBytes, Column::SwapFreeBytes), "used"),
        (Source::Gauge(Column::SwapFreeBytes), "free"),
    ];
    let (major, all) = (Column::MajorPageFaultsPerS, Column::PageFaultsPerS);
    let faults = [(Source::Counter(major), "major"), (Source::CounterLess(all, major), "minor")];
    let operations = [
        (Source::Counter(Column::SwappedInPagesPerS), "in"),
        (Source::Counter(Column::SwappedOutPagesPerS), "out"),
    ];
    let counter = |name, unit, attribute, parts| metric(name, Counter, unit, attribute, parts);
    vec![
        metric("system.paging.usage", UpDown, "By", "system.paging.state", &states),
        counter("system.paging.faults", "{fault}", "system.paging.fault.type", &faults),
        counter("system.paging.operations", "{operation}", "system.paging.direction", &operations),
    ]
}

fn disks() -> Vec<MetricFamily> {
    use DiskColumn as D;
    use FilesystemColumn as F;
    let states = [
        (part_of_mount(F::SizeBytes, F::FreeBytes), "used"),
        (mount(F::AvailableBytes), "free"),
        (part_of_mount(F::FreeBytes, F::AvailableBytes), "reserved"),
    ];
    vec![
        of_disk("system.disk.io", "By", D::ReadBytesPerS, D::WrittenBytesPerS),
        of_disk("system.disk.operations", "{operation}", D::ReadsPerS, D::WritesPerS),
        of_disk("system.disk.operation_time", "s", D::ReadAwaitMs, D::WriteAwaitMs),
        of_disk("system.disk.merged", "{operation}", D::ReadsMergedPerS, D::WritesMergedPerS),
        one("system.disk.io_time", Counter, "s", disk(D::BusyPct)),
        metric("system.filesystem.usage", UpDown, "By", "system.filesystem.state", &states),
        one("system.filesystem.limit", UpDown, "By", mount(F::SizeBytes)),
    ]
}

fn network() -> Vec<MetricFamily> {
    use NetColumn as N;
    vec![
        of_net("system.network.io", "By", N::RxBytesPerS, N::TxBytesPerS),
        of_net("system.network.packet.count", "{packet}", N::RxPacketsPerS, N::TxPacketsPerS),
        of_net("system.network.packet.dropped", "{packet}", N::RxDroppedPerS, N::TxDroppedPerS),
        of_net("system.network.errors", "{error}", N::RxErrorsPerS, N::TxErrorsPerS),
    ]
}

fn processes() -> Vec<MetricFamily> {
    let states = [
        (Source::Gauge(Column::ProcessesRunning), "running"),
        (Source::Gauge(Column::ProcessesSleeping), "sleeping"),
        (Source::Gauge(Column::ProcessesStopped), "stopped"),
        (Source::Gauge(Column::ProcessesZombie), "defunct"),
        (Source::Gauge(Column::ProcessesUninterruptible), "uninterruptible"),
        (Source::Gauge(Column::ProcessesIdle), "idle"),
        (Source::Gauge(Column::ProcessesOther), "other"),
    ];
    vec![
        metric("system.process.count", UpDown, "{process}", "process.state", &states),
        one("system.process.created", Counter, "{process}", Source::Counter(Column::ForksPerS)),
    ]
}
