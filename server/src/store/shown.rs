//! What each view shows of a poll, whatever the dialect: the one list from which both stores make
//! their views, and from which MySQL packs sealed hours. Knows no SQL.

use crate::model::{Column, ColumnSet, ColumnSpec, DetailTable, Family};

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
    /// The list in a poll's `detail`.
    pub(super) table: DetailTable,
    /// Whether the view begins with a row about all of them, from host-wide columns of the same names
    /// after this prefix; its label is the prefix.
    pub(super) total: Option<&'static str>,
}

/// Every view over polls but the ledger. The order is that of the texts in a sealed hour
/// (`poll_hour`): what is new goes to the end.
pub(super) const VIEWS: [PollView; 15] = [
    host_wide("cpu_load", &[Family::Load]),
    host_wide(HOST_TOTALS, TOTALS),
    host_wide("mem_info", &[Family::Memory]),
    host_wide("system_info", &[Family::System]),
    host_wide("pressure", &[Family::Pressure]),
    host_wide("vmstat", &[Family::Vmstat]),
    host_wide("sockets", &[Family::Sockets]),
    host_wide("process_states", &[Family::Processes]),
    repeating("cpu_stat", DetailTable::Core, Some("cpu")),
    repeating("cpu_softirq", DetailTable::Softirq, None),
    repeating("net_info", DetailTable::Net, None),
    repeating("disk_info", DetailTable::Disk, None),
    repeating("filesystem", DetailTable::Filesystem, None),
    repeating("process", DetailTable::Process, None),
    repeating("container", DetailTable::Container, None),
];

/// How many of them an hour had that was sealed by the first version: it has no text for those after.
pub(super) const FIRST_VIEWS: usize = 14;

/// The view with the figures that are sums over what repeats.
pub(super) const HOST_TOTALS: &str = "host_totals";
const TOTALS: &[Family] = &[Family::Cpu, Family::Network, Family::Disk, Family::Filesystem];

const fn host_wide(name: &'static str, families: &'static [Family]) -> PollView {
    PollView { name, shows: Shows::HostWide(families) }
}

const fn repeating(
    name: &'static str,
    table: DetailTable,
    total: Option<&'static str>,
) -> PollView {
    PollView { name, shows: Shows::Repeating(Repeating { table, total }) }
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
