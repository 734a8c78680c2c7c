//! When a host is polled: plain intervals and cron expressions, and the poll queue of what is due next.
//!
//! A *slot* is a moment on an absolute grid: the multiples of the interval since the Unix epoch (or
//! the matches of the cron expression), moved by the host's own *phase*, a hash of its name. So a
//! host keeps its slots over restarts and reloads, and a fleet spreads evenly over the interval.
//!
//! Pure: `now` is an argument. Nothing here knows what a poll is, or who calls.

mod poll_queue;
mod backoff;
mod claims;
mod cron;
mod grids;
mod window;

use std::{fmt, hash::Hash, sync::Arc, time::Duration};

use chrono_tz::Tz;

use self::cron::Cron;
use crate::{model::HostName, units::WallMs};

pub use backoff::{Backoff, Pace};
pub use claims::{Claims, MAX_CLAIMS};
pub use grids::{Grids, MAX_SHIFTS};
pub use poll_queue::{BATCH, CLOCK_STEP, ClockStep, Due, HORIZON, MAX_LATE, PollQueue};
pub use window::{MAX_WINDOW, MIN_WINDOW, Window};

/// The shortest interval between two polls of a host.
pub const MIN_INTERVAL: Duration = Duration::from_millis(100);
/// The interval when none is given.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(10);
/// The longest interval between two polls of a host.
pub const MAX_INTERVAL: Duration = Duration::from_secs(24 * 3600);
/// Over how much time the hosts of one cron slot are spread. One second, so that every host is
/// polled within the wall-clock second that the expression names.
pub const CRON_SPREAD: Duration = Duration::from_secs(1);
/// The longest cron expression, bytes.
pub const MAX_CRON_BYTES: usize = 256;
/// How many passed-over slots of a cron schedule are counted one by one after a stall; beyond that
/// they are skipped uncounted, because finding each costs a search.
const MAX_CRON_COUNTED: u64 = 16;

/// Why something is not a schedule. The text stands alone: it says what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Under [`MIN_INTERVAL`].
    #[error("an interval is at least {}, this one is {}", human(MIN_INTERVAL), human(*.0))]
    TooShort(Duration),
    /// Over [`MAX_INTERVAL`].
    #[error("an interval is at most {}, this one is {}", human(MAX_INTERVAL), human(*.0))]
    TooLong(Duration),
    /// A fraction of a millisecond.
    #[error("an interval is a whole number of milliseconds, this one is {}", human(*.0))]
    NotWholeMilliseconds(Duration),
    /// Not six fields, or far too long.
    #[error(
        "a cron expression has six fields (second minute hour day month weekday), \
         this one has {0}{hint}", hint = match *.0 {
            5 => ": put \"0 \" in front for second 0",
            7 => ": leave the year out",
            _ => "",
        }
    )]
    Fields(usize),
    /// Over [`MAX_CRON_BYTES`].
    #[error("a cron expression has at most {MAX_CRON_BYTES} bytes, this one has {0}")]
    TooManyBytes(usize),
    /// A field that cannot be read.
    #[error("bad cron expression {expression:?}: {why}")]
    Expression {
        /// The expression as given.
        expression: String,
        /// What is wrong with it.
        why: String,
    },
    /// A date that no calendar has, such as 30 February.
    #[error("cron expression {0:?} never comes true: no such day exists")]
    Never(String),
    /// Not in the IANA time zone database.
    #[error("unknown time zone {name:?}: expected an IANA name such as \"Europe/Berlin\"")]
    Zone {
        /// The name as given.
        name: String,
    },
}

/// A length of time as people write it: `1m 30s`.
fn human(length: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(length)
}

/// When a host is polled. Made by [`Schedule::every`] and [`Schedule::cron`], so it is always valid.
///
/// Cheap to clone. Two schedules are equal when they are written the same way (white space aside).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Schedule(Kind);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Kind {
    /// Whole milliseconds within the limits.
    Every(i64),
    Cron(Arc<Cron>),
}

impl Schedule {
    /// A poll every `interval`, on the multiples of it since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// When it is not between [`MIN_INTERVAL`] and [`MAX_INTERVAL`], or not whole milliseconds.
    pub fn every(interval: Duration) -> Result<Self, ScheduleError> {
        if interval < MIN_INTERVAL {
            return Err(ScheduleError::TooShort(interval));
        }
        if interval > MAX_INTERVAL {
            return Err(ScheduleError::TooLong(interval));
        }
        if !interval.subsec_nanos().is_multiple_of(1_000_000) {
            return Err(ScheduleError::NotWholeMilliseconds(interval));
        }
        Ok(Self(Kind::Every(millis(interval))))
    }

    /// A poll whenever the clock of `timezone` (IANA name) shows a time that `expression` matches.
    ///
    /// Six fields: second, minute, hour, day of month, month, day of week; the classic five fields
    /// are refused, because a forgotten field would shift the meaning of all others. Day of month
    /// and day of week, both given, mean *or*, as in every cron.
    ///
    /// When the clock of the zone is changed:
    /// * an expression that names one single time of day (`0 30 2 * * *`) runs exactly once a day:
    ///   at the first moment after the gap when its time does not exist, and at the first of the
    ///   two when it exists twice;
    /// * any other expression follows the clock on the wall: what does not exist is skipped, what
    ///   exists twice runs twice, so `*/10 * * * * *` is every ten seconds throughout.
    ///
    /// # Errors
    /// When the expression cannot be read or can never match, or the zone is unknown.
    pub fn cron(expression: &str, timezone: &str) -> Result<Self, ScheduleError> {
        Ok(Self(Kind::Cron(Arc::new(Cron::parse(expression, timezone)?))))
    }

    /// Whether this is a cron expression, and not a plain interval.
    #[must_use]
    pub fn is_cron(&self) -> bool {
        matches!(self.0, Kind::Cron(_))
    }

    /// The shortest time between two slots on an ordinary day; a poll's timeout must be shorter.
    ///
    /// Around a change of the zone's clock two cron slots can be closer; a poll that is still
    /// running then makes the later slot an overrun, nothing worse.
    #[must_use]
    pub fn shortest_gap(&self) -> Duration {
        match &self.0 {
            Kind::Every(interval) => from_millis(*interval),
            Kind::Cron(cron) => cron.shortest_gap(),
        }
    }

    /// The longest time between two slots, changes of the clock aside. Looks at years of days: for few.
    #[must_use]
    pub fn longest_gap(&self) -> Duration {
        match &self.0 {
            Kind::Every(interval) => from_millis(*interval),
            Kind::Cron(cron) => cron.longest_gap(),
        }
    }

    /// The zone by whose clock it goes; none for a plain interval.
    #[must_use]
    pub fn zone(&self) -> Option<Tz> {
        match &self.0 {
            Kind::Every(_) => None,
            Kind::Cron(cron) => Some(cron.zone()),
        }
    }

    /// What a person may not expect of a cron expression that is right, in sentences.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        match &self.0 {
            Kind::Every(_) => Vec::new(),
            Kind::Cron(cron) => cron.remarks(),
        }
    }

    /// How far the slots of the host with this name lie behind the grid: whole milliseconds, from
    /// zero to under the interval ([`CRON_SPREAD`] for cron).
    ///
    /// The xxh3 hash of the name by the server's own `seed`, spread evenly; with the same seed the
    /// same name has the same phase for ever.
    #[must_use]
    pub fn phase(&self, name: &HostName, seed: u64) -> Duration {
        let name = name.as_str().as_bytes();
        let hash = u128::from(xxhash_rust::xxh3::xxh3_64_with_seed(name, seed));
        let spread = self.spread_ms().unsigned_abs();
        // The high half of the product: even for every spread, unlike a remainder.
        let phase = (hash * u128::from(spread)) >> 64;
        Duration::from_millis(u64::try_from(phase).unwrap_or(0))
    }

    /// The first slot strictly after `after` for a host of this phase; none past the year 5000.
    #[must_use]
    pub fn next_slot(&self, phase: Duration, after: WallMs) -> Option<WallMs> {
        let phase = millis(phase) % self.spread_ms();
        let base = after.0.checked_sub(phase)?;
        let slot = match &self.0 {
            Kind::Every(interval) => {
                base.div_euclid(*interval).checked_add(1)?.checked_mul(*interval)?
            }
            Kind::Cron(cron) => cron.next_after(base.div_euclid(1000))?.checked_mul(1000)?,
        };
        slot.checked_add(phase).map(WallMs)
    }

    /// The newest slot that is not after `at`, starting from the slot `first`, and how many slots
    /// were passed over on the way.
    fn newest_slot(&self, phase: Duration, first: WallMs, at: WallMs) -> (WallMs, u64) {
        if let Kind::Every(interval) = &self.0 {
            let passed = at.0.saturating_sub(first.0).max(0) / interval;
            return (WallMs(first.0 + passed * interval), passed.unsigned_abs());
        }
        let (mut newest, mut passed) = (first, 0);
        let mut from = first;
        while let Some(next) = self.next_slot(phase, from).filter(|next| *next <= at) {
            newest = next;
            passed += 1;
            // Too many to count: only the last few can still be worth a poll.
            from = if passed == MAX_CRON_COUNTED { next.max(at.minus(MAX_LATE)) } else { next };
        }
        (newest, passed)
    }

    /// The host's phase, moved on by `shift` milliseconds and round the grid.
    fn shifted(&self, phase: Duration, shift: usize) -> Duration {
        from_millis((millis(phase) + millis(grids::by(shift))) % self.spread_ms())
    }

    /// Whether a slot of this phase lies at this very moment.
    fn has_slot(&self, phase: Duration, at: WallMs) -> bool {
        self.next_slot(phase, at.minus(Duration::from_millis(1))) == Some(at)
    }

    /// Phases lie between zero and this.
    fn spread_ms(&self) -> i64 {
        match &self.0 {
            Kind::Every(interval) => *interval,
            Kind::Cron(_) => millis(CRON_SPREAD),
        }
    }
}

/// Every [`DEFAULT_INTERVAL`].
impl Default for Schedule {
    fn default() -> Self {
        Self(Kind::Every(millis(DEFAULT_INTERVAL)))
    }
}

/// `every 10s`, or `*/10 * * * * * Europe/Berlin`.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Every(interval) => write!(f, "every {}", human(from_millis(*interval))),
            Kind::Cron(cron) => write!(f, "{cron}"),
        }
    }
}

/// As shown to people: the parsed form of a cron expression is hundreds of lines.
impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({self})")
    }
}

fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

fn from_millis(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

#[cfg(test)]
mod tests;
