//! The only place that reads a clock. What is decided over time takes the moment as an argument.

use std::time::{Instant, SystemTime};

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds in a second.
const NS_PER_S: i64 = 1_000_000_000;

/// The probe's two clocks, read by the caller so that an answer is a function of its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// CLOCK_REALTIME, ns since 1970.
    pub wall_ns: i64,
    /// CLOCK_BOOTTIME, ns since boot.
    pub boottime_ns: u64,
}

impl Clocks {
    /// Both clocks, now. Kernels before 2.6.39 have no CLOCK_BOOTTIME and get CLOCK_MONOTONIC,
    /// which is the same but for time spent suspended.
    #[must_use]
    pub fn now() -> Self {
        let boottime = rustix::time::clock_gettime_dynamic(rustix::time::DynamicClockId::Boottime)
            .unwrap_or_else(|_| clock_gettime(ClockId::Monotonic));
        Self {
            wall_ns: since_1970(),
            boottime_ns: u64::try_from(nanoseconds(boottime)).unwrap_or(0),
        }
    }
}

/// This moment on the monotonic clock, for deadlines and for time spent.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// CLOCK_REALTIME by way of libc, as the handshake reads it: one who moves the clock of a process
/// (libfaketime) moves both.
fn since_1970() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads the clock")]
    let now = SystemTime::now();
    let ns = |length: std::time::Duration| i64::try_from(length.as_nanos()).unwrap_or(i64::MAX);
    match now.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => ns(since),
        Err(before) => -ns(before.duration()),
    }
}

fn nanoseconds(at: rustix::time::Timespec) -> i64 {
    at.tv_sec.saturating_mul(NS_PER_S).saturating_add(at.tv_nsec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_go_forward_and_mean_what_they_say() {
        let (first, second) = (Clocks::now(), Clocks::now());
        assert!(second.boottime_ns >= first.boottime_ns);
        // 2024-01-01: a clock in seconds or microseconds would be far below.
        assert!(first.wall_ns > 1_704_067_200 * NS_PER_S);
        assert!(first.boottime_ns > 0);
    }
}
