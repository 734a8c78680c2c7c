//! What each view shows of a poll, whatever the dialect: the one list from which both stores make
//! their views, and from which MySQL packs sealed hours. Knows no SQL.

use crate::model::{
    Column, ColumnSet, ColumnSpec, CoreColumn, DiskColumn, Family, FilesystemColumn, NetColumn,
    ProcessColumn, SoftirqColumn,
};

/// A view over polls.
#[derive(Debug)]
pub(super) struct PollView {
    /// Its name, and that of its text in a sealed hour.
    pub(super) name: &'static str,
    /// What it shows.
    pub(super) shows: Shows,
}

/// What a view shows of a poll.
#[derive(Debug)]
pub(super) enum Shows {
    /// One row: the host-wide columns of these families.
    HostWide(&'static [Family]),
    /// A row for each of what repeats.
    Repeating(Repeating),
}

/// Something that a host has several of.
#[derive(Debug)]
pub(super) struct Repeating {
    /// Its key in a poll's `detail`.
    pub(super) key: &'static str,
    /// The texts that name a row.
    pub(super) labels: &'static [&'static str],
    /// Its columns, in the order of their values.
    pub(super) columns: fn() -> Vec<&'static ColumnSpec>,
    /// Whether the view begins with a row about all of them, from host-wide columns of the same names
    /// after this prefix; its label is the prefix.
    pub(super) total: Option<&'static str>,
}

/// Every view over polls but the ledger. The order is that of the texts in a sealed hour
/// (`poll_hour`): what is new goes to the end.
pub(super) const VIEWS: [PollView; 14] = [
    host_wide("cpu_load", &[Family::Load]),
    host_wide(HOST_TOTALS, TOTALS),
    host_wide("mem_info", &[Family::Memory]),
    host_wide("system_info", &[Family::System]),
    host_wide("pressure", &[Family::Pressure]),
    host_wide("vmstat", &[Family::Vmstat]),
    host_wide("sockets", &[Family::Sockets]),
    host_wide("process_states", &[Family::Processes]),
    repeating::<CoreColumn>("cpu_stat", "core", Some("cpu")),
    repeating::<SoftirqColumn>("cpu_softirq", "softirq", None),
    repeating::<NetColumn>("net_info", "net", None),
    repeating::<DiskColumn>("disk_info", "disk", None),
    repeating::<FilesystemColumn>("filesystem", "filesystem", None),
    repeating::<ProcessColumn>("process", "process", None),
];

/// The view with the figures that are sums over what repeats.
pub(super) const HOST_TOTALS: &str = "host_totals";
const TOTALS: &[Family] = &[Family::Cpu, Family::Network, Family::Disk, Family::Filesystem];

const fn host_wide(name: &'static str, families: &'static [Family]) -> PollView {
    PollView { name, shows: Shows::HostWide(families) }
}

const fn repeating<C: ColumnSet>(
    name: &'static str,
    key: &'static str,
    total: Option<&'static str>,
) -> PollView {
    let columns = || C::ALL.iter().map(|column| column.spec()).collect();
    PollView { name, shows: Shows::Repeating(Repeating { key, labels: C::LABELS, columns, total }) }
}

/// Every host-wide column, in the order of the table `poll`.
pub(super) fn all() -> impl Iterator<Item = &'static ColumnSpec> {
    Column::ALL.iter().map(|column| column.spec())
}

/// The host-wide columns of some families, in the order of the table.
pub(super) fn of(families: &[Family]) -> Vec<&'static ColumnSpec> {
    all().filter(|column| families.contains(&column.family)).collect()
}

/// The columns of the view [`HOST_TOTALS`].
pub(super) fn totals() -> Vec<&'static ColumnSpec> {
    of(TOTALS)
}
