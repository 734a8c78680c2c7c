//! What the probe itself has used, so that watching can be watched: getrusage(2) and its own statm.
//! The probe's own, never the watched host's: the only reading that ignores the two roots.

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

/// The cost so far; the caller knows what this answer took and how many threads are parked.
#[must_use]
pub fn collect(collect_us: u32, parked_threads: u32) -> v1::Cost {
    let mut cost =
        v1::Cost { rss_bytes: rss_bytes(), collect_us, parked_threads, ..v1::Cost::default() };
    // It cannot fail for one's own process.
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
        cost.cpu_user_us = microseconds(usage.user_time());
        cost.cpu_system_us = microseconds(usage.system_time());
        cost.peak_rss_bytes =
            u64::try_from(usage.max_rss()).unwrap_or(0).saturating_mul(BYTES_PER_KIB);
    }
    cost
}

fn microseconds(time: TimeVal) -> u64 {
    let whole = u64::try_from(time.tv_sec()).unwrap_or(0).saturating_mul(US_PER_S);
    whole.saturating_add(u64::try_from(time.tv_usec()).unwrap_or(0))
}

/// The second number of statm, in pages.
fn rss_bytes() -> Option<u64> {
    let statm = std::fs::read(OWN_STATM).ok()?;
    let pages = words(&statm).nth(1).and_then(number)?;
    pages.checked_mul(u64::try_from(rustix::param::page_size()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_is_this_process() {
        let first = collect(0, 0);
        // Work that the compiler cannot leave out, until the clock has moved.
        let mut last = collect(0, 0);
        while last.cpu_user_us + last.cpu_system_us == first.cpu_user_us + first.cpu_system_us {
            last = collect(7, 3);
        }
        assert!(last.cpu_user_us + last.cpu_system_us > first.cpu_user_us + first.cpu_system_us);
        let rss = first.rss_bytes.unwrap();
        assert!(rss > 0 && last.peak_rss_bytes >= 1_024 * 100, "{rss} {last:?}");
    }
}
