//! What the probe itself has used, so that watching can be watched: getrusage(2) and its own statm.
//! The probe's own, never the watched host's: the only reading that ignores the two roots.

use std::{ffi::c_long, fs::File, os::unix::fs::FileExt as _};

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
            cost.peak_rss_bytes = peak(usage.max_rss(), rss_bytes);
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

/// The peak in bytes. The kernel brings it up to date at times only, from counts that each CPU keeps
/// for itself, so that what is resident now may be more: then that is the peak.
fn peak(max_rss_kib: c_long, rss_bytes: Option<u64>) -> u64 {
    let peak = u64::try_from(max_rss_kib).unwrap_or(0).saturating_mul(BYTES_PER_KIB);
    peak.max(rss_bytes.unwrap_or(0))
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
        assert!(rss <= first.peak_rss_bytes, "{first:?}");
        assert!(rss > 0 && last.peak_rss_bytes >= 1_024 * 100, "{rss} {last:?}");
    }

    #[test]
    fn the_peak_is_never_less_than_what_is_resident() {
        assert_eq!(peak(7_912, Some(8_298_496)), 8_298_496);
        assert_eq!(peak(9_000, Some(8_298_496)), 9_000 * BYTES_PER_KIB);
        assert_eq!(peak(-1, None), 0);
    }
}
