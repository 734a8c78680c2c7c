//! What a host's probe is asked for: families, and which devices, mounts and interfaces.

use std::collections::BTreeSet;

use super::Family;

/// Which names are reported: those that match any `include` (or all, when it is empty) and no
/// `exclude`. Regular expressions in the `regex` crate's syntax, unanchored, checked before they
/// get here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct NameFilter {
    /// Patterns of which one must match; empty means every name.
    pub include: Vec<String>,
    /// Patterns of which none may match.
    pub exclude: Vec<String>,
}

/// What a host's probe is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Selection {
    /// Families; empty means the probe's default set, all but `processes` and
    /// `containers`.
    pub families: BTreeSet<Family>,
    /// Block devices, by name.
    pub devices: NameFilter,
    /// Filesystems, by mount point.
    pub mounts: NameFilter,
    /// Interfaces, by name.
    pub interfaces: NameFilter,
    /// How many processes to name, by CPU and by memory each; 0 to 100.
    pub top_processes: u32,
    /// Whether to read the TCP counters of `netstat`, which is dear.
    pub tcp_ext: bool,
}
