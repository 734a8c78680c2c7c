//! The only place that reads a clock. Everything that decides takes `now` as an argument; what runs
//! in real time is given a [`Clock`].

use std::{
    fmt, fs,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use chrono_tz::Tz;
use roundsman_os::file;
use rustix::time::{ClockId, clock_gettime};

use crate::units::{Mono, Now, WallMs};

/// The most that is read of a file that holds one word, bytes.
const SHORT: u64 = 256;

/// Something that knows what time it is.
pub trait Clock: Send + Sync {
    /// One reading of the wall clock and of the monotonic clock.
    fn now(&self) -> Now;

    /// What all threads of this process have used of processors since it began, microseconds
    /// (clock_gettime(2), `CLOCK_PROCESS_CPUTIME_ID`). A clock that is not the machine's says 0.
    fn cpu_us(&self) -> u64 {
        0
    }
}

/// The zone of this machine: `$TZ` where it names one, else what /etc/localtime links to, else
/// /etc/timezone. UTC where none of them says, as in most containers.
#[must_use]
pub fn zone() -> Tz {
    let named = |name: &str| name.trim().trim_start_matches(':').parse::<Tz>().ok();
    let linked = || {
        let link = fs::read_link("/etc/localtime").ok()?;
        link.to_str()?.split_once("zoneinfo/").and_then(|(_, name)| named(name))
    };
    let written = || named(&file::read_text(Path::new("/etc/timezone"), SHORT).ok()?);
    match std::env::var("TZ") {
        Ok(name) => named(&name),
        Err(_) => linked().or_else(written),
    }
    .unwrap_or(Tz::UTC)
}

/// The boot of the kernel that this runs on, random(4). A host with the same one has the same clocks.
#[must_use]
pub fn boot_id() -> Option<Arc<str>> {
    let text = file::read_text(Path::new("/proc/sys/kernel/random/boot_id"), SHORT).ok()?;
    Some(text.trim().into())
}

/// The machine's clocks: CLOCK_REALTIME, and CLOCK_MONOTONIC counted from when this was made.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    anchor: Instant,
}

impl SystemClock {
    /// A clock whose monotonic side starts at zero now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn new() -> Self {
        Self { anchor: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Now {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Now {
            wall: WallMs(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)),
            mono: Mono(self.anchor.elapsed()),
        }
    }

    fn cpu_us(&self) -> u64 {
        let used = clock_gettime(ClockId::ProcessCPUTime);
        let used = Duration::try_from(used).unwrap_or_default();
        u64::try_from(used.as_micros()).unwrap_or(u64::MAX)
    }
}

/// A clock that stands still until it is told to move: for tests.
#[derive(Default)]
pub struct ManualClock {
    now: Mutex<Now>,
}

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: Now) -> Self {
        Self { now: Mutex::new(now) }
    }

    /// Lets `length` pass on both clocks.
    pub fn advance(&self, length: Duration) {
        self.change(|now| {
            now.wall = now.wall.plus(length);
            now.mono = now.mono.plus(length);
        });
    }

    /// Steps the wall clock to `wall`; the monotonic clock does not notice.
    pub fn step_wall(&self, wall: WallMs) {
        self.change(|now| now.wall = wall);
    }

    fn change(&self, how: impl FnOnce(&mut Now)) {
        how(&mut self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ManualClock").field(&self.now()).finish()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        *self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_never_goes_back_and_knows_the_century() {
        let clock = SystemClock::new();
        let (first, second) = (clock.now(), clock.now());
        assert!(second.mono >= first.mono);
        assert!(first.wall > WallMs(1_700_000_000_000), "{}", first.wall);
    }

    #[test]
    fn a_manual_clock_moves_only_when_told_and_a_step_leaves_mono_alone() {
        let clock = ManualClock::default();
        assert_eq!(clock.now(), Now::default());
        clock.advance(Duration::from_secs(2));
        clock.step_wall(WallMs(7));
        assert_eq!(clock.now(), Now { wall: WallMs(7), mono: Mono(Duration::from_secs(2)) });
    }
}
