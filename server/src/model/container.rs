//! The containers of a snapshot.

use std::sync::Arc;

/// Counters of a container, in the order of `v1::Container`: CPU usage, user, system and throttled, µs;
/// throttles; memory high, max, oom and oom_kill; bytes read and written, reads, writes; stalls of some
/// and all for CPU, memory and disks, µs.
pub const CONTAINER_COUNTERS: usize = 19;
/// Gauges of a container, likewise: memory, working set, anonymous memory, swap and limit, bytes; tasks
/// and their limit.
pub const CONTAINER_GAUGES: usize = 7;

/// One container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Tells it from every other, one of the same name that came later included.
    pub id: u64,
    /// What it and others like it are called: its row. Its short id where nothing is known.
    pub name: Arc<str>,
    /// Its short id.
    pub short_id: Arc<str>,
    /// What it was made of; empty when unknown.
    pub image: Arc<str>,
    /// Who made it; empty when unknown.
    pub engine: Arc<str>,
    /// What only grows.
    pub counters: [Option<u64>; CONTAINER_COUNTERS],
    /// How it was at that moment.
    pub gauges: [Option<u64>; CONTAINER_GAUGES],
}

/// The containers of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Containers {
    /// The largest of them, in the order of the probe.
    pub top: Vec<Container>,
    /// The others that were read: id, CPU time in µs, and memory in bytes.
    pub others: Vec<(u64, u64, Option<u64>)>,
    /// How many there are beside `top`.
    pub beside: u64,
}
