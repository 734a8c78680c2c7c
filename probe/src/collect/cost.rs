//! What the probe itself has used, so that watching can be watched: getrusage(2) and its own statm.
//! The probe's own, never the watched host's: the only reading that ignores the two roots.

use std::{fs::File, os::unix::fs::FileExt as _};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeVal,
};
use roundsman_proto::v1;

use super::scan::{number, words};
use crate::root::OWN_STATM;

/// Microseconds in a second.
const US_PER_S: u64 = 1_000_000;
/// ru_maxrss counts KiB.
const BYTES_PER_KIB: u64 = 1_024;

/// Room for statm, bytes: seven numbers of at most 20 digits.
const STATM_BYTES: usize = 256;

/// Reads what this process has used.
#[derive(Debug)]
pub struct Meter {
    /// Open as long as the process that it is of: the kernel makes its text for each read.
    statm: Option<File>,
}

impl Default for Meter {
    fn default() -> Self {
        Self { statm: File::open(OWN_STATM).ok() }
    }
}

impl Meter {
    /// The cost so far; the caller knows what this answer took and how many threads are parked.
    #[must_use]
    pub fn read(&self, collect_us: u32, parked_threads: u32) -> v1::Cost {
        let rss_bytes = self.rss_bytes();
        let mut cost = v1::Cost { rss_bytes, collect_us, parked_threads, ..v1::Cost::default() };
        // It cannot fail for one's own process.
        if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
            cost.cpu_user_us = microseconds(usage.user_time());
            cost.cpu_system_us = microseconds(usage.system_time());
            cost.peak_rss_bytes =
                u64::try_from(usage.max_rss()).unwrap_or(0).saturating_mul(BYTES_PER_KIB);
        }
        cost
    }

    /// The second number of statm, in pages.
    fn rss_bytes(&self) -> Option<u64> {
        let mut statm = [0; STATM_BYTES];
        let read = self.statm.as_ref()?.read_at(&mut statm, 0).ok()?;
        let pages = words(&statm[..read]).nth(1).and_then(number)?;
        pages.checked_mul(u64::try_from(rustix::param::page_size()).ok()?)
    }
}

fn microseconds(time: TimeVal) -> u64 {
    let whole = u64::try_from(time.tv_sec()).unwrap_or(0).saturating_mul(US_PER_S);
    whole.saturating_add(u64::try_from(time.tv_usec()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_is_this_process() {
        let meter = Meter::default();
        let first = meter.read(0, 0);
        // Work that the compiler cannot leave out, until the clock has moved.
        let mut last = meter.read(0, 0);
        while last.cpu_user_us + last.cpu_system_us == first.cpu_user_us + first.cpu_system_us {
            last = meter.read(7, 3);
        }
        assert!(last.cpu_user_us + last.cpu_system_us > first.cpu_user_us + first.cpu_system_us);
        let rss = first.rss_bytes.unwrap();
        assert!(rss > 0 && last.peak_rss_bytes >= 1_024 * 100, "{rss} {last:?}");
    }
}
