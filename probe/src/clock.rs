//! The probe's clocks. The only place that reads them.

use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

use crate::collect::Clocks;

/// The host's two clocks now.
#[must_use]
pub fn read() -> Clocks {
    let wall = clock_gettime(ClockId::Realtime);
    let boot = clock_gettime(ClockId::Boottime);
    Clocks {
        wall_ns: wall.tv_sec * 1_000_000_000 + wall.tv_nsec,
        boottime_ns: u64::try_from(boot.tv_sec * 1_000_000_000 + boot.tv_nsec).unwrap_or(0),
    }
}

/// The monotonic clock that deadlines are measured by.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn now() -> Instant {
    Instant::now()
}
