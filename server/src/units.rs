//! Moments and lengths of time, with their unit in the type.
//!
//! Three clocks meet in a monitor: the server's wall clock (what is stored), the server's monotonic
//! clock (what deadlines and lateness are measured by) and the probe's clocks (what rates are
//! computed over). Each has its own type here, so they cannot be mixed.

use std::{fmt, sync::OnceLock, time::Duration};

use chrono::{Offset as _, TimeZone as _};
use chrono_tz::Tz;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A moment on the server's wall clock: milliseconds since 1970-01-01T00:00:00Z, no leap seconds.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct WallMs(pub i64);

impl WallMs {
    /// The moment `length` later; stops at the end of the type instead of wrapping.
    #[must_use]
    pub fn plus(self, length: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(length.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The moment `length` earlier; stops at the end of the type instead of wrapping.
    #[must_use]
    pub fn minus(self, length: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(length.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long ago `earlier` was; zero when it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// The zone of sentences, once it is chosen.
static ZONE: OnceLock<Tz> = OnceLock::new();

/// Chooses the zone of the moments in sentences, once, before the first; without it that is UTC.
pub fn speak_in(zone: Tz) {
    // The first choice stays: what was said in it is kept.
    let _ = ZONE.set(zone);
}

/// A moment in a sentence, see [`WallMs::spoken`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spoken(WallMs, Tz);

impl WallMs {
    /// The moment as it stands in a sentence: to the second, in the server's zone, with the zone.
    #[must_use]
    pub fn spoken(self) -> Spoken {
        Spoken(self, ZONE.get().copied().unwrap_or(Tz::UTC))
    }
}

/// `2026-03-29 03:30:00 +02:00`; `UTC` instead of an offset of none. An abbreviation such as CST would
/// be several zones.
impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(at, zone) = self;
        let Some(moment) = zone.timestamp_millis_opt(at.0).single() else { return at.fmt(f) };
        match moment.offset().fix().local_minus_utc() {
            0 => write!(f, "{} UTC", moment.format("%Y-%m-%d %H:%M:%S")),
            _ => write!(f, "{}", moment.format("%Y-%m-%d %H:%M:%S %:z")),
        }
    }
}

/// RFC 3339 in UTC with milliseconds: `2026-03-29T01:30:00.250Z`.
impl fmt::Display for WallMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match chrono::DateTime::from_timestamp_millis(self.0) {
            Some(moment) => write!(f, "{}", moment.format("%Y-%m-%dT%H:%M:%S%.3fZ")),
            None => write!(f, "{} ms", self.0),
        }
    }
}

/// A moment on the server's monotonic clock: time since the process's clock was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mono(pub Duration);

impl Mono {
    /// The moment `length` later.
    #[must_use]
    pub fn plus(self, length: Duration) -> Self {
        Self(self.0.saturating_add(length))
    }

    /// How long ago `earlier` was; zero when it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole milliseconds since the clock was made.
    #[must_use]
    pub fn millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

/// One reading of both of the server's clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// The wall clock: may step.
    pub wall: WallMs,
    /// The monotonic clock: never does.
    pub mono: Mono,
}

/// A length of time in whole microseconds: what a row keeps of each step of a poll.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct Micros(pub u64);

impl From<Duration> for Micros {
    fn from(length: Duration) -> Self {
        Self(u64::try_from(length.as_micros()).unwrap_or(u64::MAX))
    }
}

/// `950 µs`, `12.3 ms`, `3.00 s`: three digits, for people.
impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
        let us = self.0 as f64;
        if self.0 < 1_000 {
            write!(f, "{} µs", self.0)
        } else if self.0 < 1_000_000 {
            write!(f, "{:.1} ms", us / 1e3)
        } else {
            write!(f, "{:.2} s", us / 1e6)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_prints_rfc3339_utc() {
        assert_eq!(WallMs(1_774_747_800_250).to_string(), "2026-03-29T01:30:00.250Z");
    }

    #[test]
    fn a_sentence_has_the_clock_of_its_zone_and_says_which() {
        let at = WallMs(1_774_747_800_250);
        assert_eq!(at.spoken().to_string(), "2026-03-29 01:30:00 UTC");
        // A quarter of an hour before the clocks of Berlin went forward it was as late there by one.
        let berlin = |ms| Spoken(WallMs(ms), Tz::Europe__Berlin).to_string();
        assert_eq!(berlin(at.0), "2026-03-29 03:30:00 +02:00");
        assert_eq!(berlin(at.0 - 2_700_000), "2026-03-29 01:45:00 +01:00");
        let kathmandu = Spoken(at, Tz::Asia__Kathmandu).to_string();
        assert_eq!(kathmandu, "2026-03-29 07:15:00 +05:45");
        assert_eq!(WallMs(i64::MAX).spoken().to_string(), "9223372036854775807 ms");
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(WallMs(i64::MAX).plus(Duration::from_secs(1)), WallMs(i64::MAX));
        assert_eq!(WallMs(5).since(WallMs(9)), Duration::ZERO);
        assert_eq!(
            Mono(Duration::from_secs(1)).since(Mono(Duration::from_secs(2))),
            Duration::ZERO
        );
    }

    #[test]
    fn micros_print_three_digits() {
        assert_eq!(Micros(950).to_string(), "950 µs");
        assert_eq!(Micros(12_345).to_string(), "12.3 ms");
        assert_eq!(Micros(3_000_000).to_string(), "3.00 s");
    }
}
