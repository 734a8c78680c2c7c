//! Stretches of time that are open: once, or whenever a cron expression matches.

use std::time::Duration;

use super::Schedule;
use crate::units::WallMs;

/// The shortest window that comes again.
pub const MIN_WINDOW: Duration = Duration::from_secs(60);
/// The longest window that comes again.
pub const MAX_WINDOW: Duration = Duration::from_secs(14 * 24 * 3600);
/// How many openings within one length of a window are looked at: a window that opens again before
/// it has closed stays open.
const MAX_OPENINGS: usize = 64;

/// When something is open. Both ends are moments of the wall clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Window {
    /// Once, from the first moment up to but not including the second.
    Once {
        /// The first moment in it.
        from: WallMs,
        /// The first moment after it.
        to: WallMs,
    },
    /// From every match of a schedule on, for so long.
    Every {
        /// When it opens.
        opens: Schedule,
        /// How long it is open; counted on, when it opens again in the meantime.
        length: Duration,
    },
}

impl Window {
    /// Until when it is open; none when it is not open at `now`.
    #[must_use]
    pub fn open_until(&self, now: WallMs) -> Option<WallMs> {
        match self {
            Self::Once { from, to } => (*from <= now && now < *to).then_some(*to),
            Self::Every { opens, length } => {
                // Every opening that could still be open, the newest of which counts.
                let mut opening = opens.next_slot(Duration::ZERO, now.minus(*length));
                let mut newest = None;
                for _ in 0..MAX_OPENINGS {
                    let Some(at) = opening.filter(|at| *at <= now) else { break };
                    newest = Some(at);
                    opening = opens.next_slot(Duration::ZERO, at);
                }
                newest.map(|at| at.plus(*length))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> WallMs {
        WallMs(chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    }

    fn every(expression: &str, zone: &str, hours: u64) -> Window {
        let opens = Schedule::cron(expression, zone).unwrap();
        Window::Every { opens, length: Duration::from_secs(hours * 3600) }
    }

    #[test]
    fn once_is_open_from_its_first_moment_up_to_its_last() {
        let (from, to) = (WallMs(1_000), WallMs(5_000));
        let window = Window::Once { from, to };
        for (at, open) in [(999, false), (1_000, true), (4_999, true), (5_000, false)] {
            assert_eq!(window.open_until(WallMs(at)), open.then_some(to), "at {at}");
        }
    }

    #[test]
    fn a_nightly_window_follows_its_zone_over_the_change_of_the_clock() {
        let night = every("0 0 4 * * *", "Europe/Berlin", 2);
        for (at, until) in [
            ("2026-03-28T02:59:59.999Z", None),
            ("2026-03-28T03:00:00Z", Some("2026-03-28T05:00:00Z")), // CET
            ("2026-03-28T04:59:59.999Z", Some("2026-03-28T05:00:00Z")),
            ("2026-03-28T05:00:00Z", None),
            ("2026-03-29T02:00:00Z", Some("2026-03-29T04:00:00Z")), // CEST
            ("2026-03-29T04:00:00Z", None),
        ] {
            assert_eq!(night.open_until(utc(at)), until.map(utc), "at {at}");
        }
    }

    #[test]
    fn a_window_that_opens_again_before_it_closed_stays_open() {
        let hourly = every("0 0 * * * *", "UTC", 2);
        assert_eq!(
            hourly.open_until(utc("2026-03-28T10:30:00Z")),
            Some(utc("2026-03-28T12:00:00Z"))
        );
    }
    #[test]
    fn a_window_that_opens_all_the_time_stays_open() {
        // 86,400 openings within its length: not every one is looked at.
        let always = every("* * * * * *", "UTC", 24);
        let now = utc("2026-03-28T10:30:00Z");
        let until = always.open_until(now).unwrap();
        assert!(until > now && until <= now.plus(Duration::from_secs(24 * 3600)), "{until}");
    }
}
