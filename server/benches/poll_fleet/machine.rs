//! How busy the machine is, whoever keeps it so: figures of a machine that others use, too, say
//! little without.

use std::fs;

/// What all processors have spent so far (proc(5), `/proc/stat`), ticks.
pub(crate) struct Busy {
    busy: u64,
    all: u64,
}

impl Busy {
    pub(crate) fn now() -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap();
        let ticks: Vec<u64> = stat
            .lines()
            .next()
            .unwrap()
            .split_whitespace()
            .skip(1)
            // What guests used is in what users used.
            .take(8)
            .map(|ticks| ticks.parse().unwrap())
            .collect();
        let all = ticks.iter().sum();
        Self { busy: all - ticks[3] - ticks[4], all }
    }

    /// From that moment until now, per cent.
    pub(crate) fn share_since(&self) -> f64 {
        let now = Self::now();
        (now.busy - self.busy) as f64 / (now.all - self.all).max(1) as f64 * 100.0
    }
}

/// The first three numbers of `/proc/loadavg`.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
