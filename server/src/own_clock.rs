//! Is the server's own wall clock right? What tells is a step of it against the monotonic clock, and
//! what the clocks of the hosts say together: one host that differs is wrong, a fleet that differs
//! is right. Two things follow: by what a host's clock is judged, and whether anything that is
//! kept may be dropped by this clock.
//!
//! Pure: no clock, no I/O. Knows nothing of who asks the hosts or who drops.

use std::{collections::HashMap, fmt, time::Duration};

use crate::{
    health::Skew,
    model::HostId,
    schedule::{CLOCK_STEP, ClockStep},
    units::{Mono, Now, WallMs},
};

/// How many hosts it takes to say that it is the server's clock that is wrong. After a step of that
/// clock one is enough.
pub const MIN_SAMPLES: usize = 3;

/// How long after a step of the clock nothing is dropped by it: a wrong time server has been noticed
/// and put right by then, or never is.
pub const STEP_DOUBT: Duration = Duration::from_secs(2 * 3600);

/// How far the hosts' clocks may be from this one before nothing is dropped by it.
pub const FLEET_DOUBT: Duration = Duration::from_secs(600);

/// How much later or earlier than the newest kept poll a start may be, before the clock is doubted
/// when no host tells the time.
pub const AWAY_DOUBT: Duration = Duration::from_secs(24 * 3600);

/// Up to so many hosts the middle of their clocks is found again whenever one answers; of more, with
/// every round.
const FEW: usize = 64;

/// What is known of the server's own clock, for all that relies on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// The clocks when they were looked at last.
    pub looked: Option<Now>,
    /// The last step.
    pub step: Option<ClockStep>,
    /// The clocks when the first inventory came into force, and the newest poll that was kept then;
    /// none before.
    pub begun: Option<(Now, Option<WallMs>)>,
    /// The middle of the hosts' clocks less the server's, milliseconds; none while no host on
    /// another machine tells the time.
    pub fleet_ms: Option<i64>,
    /// How many hosts that is the middle of.
    pub samples: usize,
    /// Whether it is the server's clock that is wrong.
    pub is_wrong: bool,
}

impl Standing {
    /// Why nothing may be dropped by the clock as it is now, in words; none when it may.
    #[must_use]
    pub fn doubt(&self, now: Now) -> Option<Doubt> {
        let (Some(looked), Some((begun, newest))) = (self.looked, self.begun) else {
            return Some(Doubt::NotCompared);
        };
        let expected = looked.wall.plus(now.mono.since(looked.mono));
        let off_ms = now.wall.0.saturating_sub(expected.0);
        if length(off_ms) >= CLOCK_STEP {
            return Some(Doubt::Stepped { by_ms: off_ms, left: STEP_DOUBT });
        }
        let left = |since: Mono| STEP_DOUBT.saturating_sub(now.mono.since(since));
        if let Some(step) = self.step
            && left(step.noticed.mono) > Duration::ZERO
        {
            return Some(Doubt::Stepped { by_ms: step.by_ms, left: left(step.noticed.mono) });
        }
        match (self.fleet_ms, newest) {
            (Some(ms), _) if length(ms) > FLEET_DOUBT => {
                Some(Doubt::Fleet { ms, samples: self.samples })
            }
            (None, Some(newest))
                if length(begun.wall.0.saturating_sub(newest.0)) > AWAY_DOUBT
                    && left(begun.mono) > Duration::ZERO =>
            {
                Some(Doubt::Newest { newest, began: begun.wall, left: left(begun.mono) })
            }
            (Some(_), _) | (None, Some(_) | None) => None,
        }
    }
}

/// Why the clock is not believed. Its `Display` is for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// Nothing tells yet whether it is right.
    NotCompared,
    /// It stepped a short time ago.
    Stepped {
        /// By how much, milliseconds; negative: back.
        by_ms: i64,
        /// How long it is doubted still.
        left: Duration,
    },
    /// The hosts' clocks say otherwise.
    Fleet {
        /// Their middle less this one, milliseconds.
        ms: i64,
        /// How many they are.
        samples: usize,
    },
    /// No host tells the time, and the server began at quite another time than it ended.
    Newest {
        /// When the newest poll was due that is kept.
        newest: WallMs,
        /// What the clock said at the start.
        began: WallMs,
        /// How long it is doubted still.
        left: Duration,
    },
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = |left: &Duration| left.as_secs().div_ceil(60);
        match self {
            Self::NotCompared => f.write_str("this server's clock was not compared with any yet"),
            Self::Stepped { by_ms, left } => write!(
                f,
                "this server's clock went {}; that is waited for another {} min",
                Gone(*by_ms),
                minutes(left)
            ),
            Self::Fleet { ms, samples } => write!(
                f,
                "the clocks of {samples} hosts are {} this server's: set it right",
                ClockOffset(*ms)
            ),
            Self::Newest { newest, began, left } => write!(
                f,
                "the newest poll that is kept is from {}, this server's clock said {} at \
                 its start, and no host on another machine tells which is right; that is waited \
                 for another {} min",
                newest.spoken(),
                began.spoken(),
                minutes(left)
            ),
        }
    }
}

/// `forward by 1h`, `back by 5s 20ms`.
struct Gone(i64);

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.0 < 0 { "back" } else { "forward" };
        write!(f, "{side} by {}", words(self.0))
    }
}

/// `1h ahead of`, `5s 20ms behind`.
#[derive(Debug, Clone, Copy)]
pub struct ClockOffset(
    /// Milliseconds; negative: behind.
    pub i64,
);

impl fmt::Display for ClockOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.0 < 0 { "behind" } else { "ahead of" };
        write!(f, "{} {side}", words(self.0))
    }
}

/// What a host's answer says of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSample {
    /// Its clock less the server's.
    pub skew: Skew,
    /// When the poll began.
    pub began: Mono,
    /// It runs on the server's own kernel, and shares its clock: it does not count.
    pub is_own: bool,
}

/// The server's clock beside the hosts'.
#[derive(Debug)]
pub struct OwnClock {
    limit: Duration,
    /// Each host that was polled: its clock less the server's, milliseconds, if it tells.
    samples: HashMap<HostId, Option<i64>>,
    standing: Standing,
}

impl OwnClock {
    /// Nothing is known yet. `limit`: how far off a clock may be.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self { limit, samples: HashMap::new(), standing: Standing::default() }
    }

    /// What is known.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// The first inventory is in force; `newest` is the newest poll that was kept before.
    pub fn begin(&mut self, now: Now, newest: Option<WallMs>) {
        self.standing.begun.get_or_insert((now, newest));
        self.standing.looked = Some(now);
    }

    /// Takes note of a step; says in words what it did and what the hosts' clocks say of it.
    pub fn step(&mut self, step: ClockStep) -> String {
        let before = self.standing.fleet_ms;
        for known in self.samples.values_mut().flatten() {
            *known = known.saturating_sub(step.by_ms);
        }
        self.standing.step = Some(step);
        self.standing.looked = Some(step.noticed);
        self.find_middle();
        let by = match (before, self.standing.fleet_ms) {
            (Some(before), Some(after)) => {
                let hosts = self.standing.samples;
                match (length(before) > self.limit, length(after) > self.limit) {
                    (true, false) => format!("by the clocks of {hosts} hosts it is right now"),
                    (false, true) => format!("by the clocks of {hosts} hosts it was right before"),
                    (true, true) => {
                        format!(
                            "by the clocks of {hosts} hosts it is wrong: they are {} it",
                            ClockOffset(after)
                        )
                    }
                    (false, false) => format!("by the clocks of {hosts} hosts it is right"),
                }
            }
            _ => "no host tells which time is right".to_owned(),
        };
        format!("the server's clock went {}; {by}", Gone(step.by_ms))
    }

    /// Takes in how a poll of a host ended, and answers by what its clock is to be judged: against
    /// the middle of the others when it is the server's clock that is wrong, and not at all while
    /// that is not known. `polled` is how many hosts are polled.
    pub fn judge(
        &mut self,
        host: HostId,
        told: Option<ClockSample>,
        polled: usize,
    ) -> Option<Skew> {
        // One that was asked before a step tells of the clock before it.
        let stepped = self.standing.step.map(|step| step.noticed.mono);
        let told = told.filter(|told| stepped.is_none_or(|stepped| told.began > stepped));
        let known = told.filter(|told| !told.is_own).map(|told| told.skew.ms);
        self.samples.insert(host, known);
        if self.samples.len() <= FEW || self.standing.fleet_ms.is_none() {
            self.find_middle();
        }
        let ClockSample { skew, is_own, .. } = told?;
        if is_own {
            return Some(skew);
        }
        if self.standing.is_wrong {
            let ms = skew.ms.saturating_sub(self.standing.fleet_ms.unwrap_or_default());
            return Some(Skew { ms, ..skew });
        }
        let is_known = self.standing.samples >= MIN_SAMPLES || self.samples.len() >= polled;
        is_known.then_some(skew)
    }

    /// A host is polled no longer.
    pub fn remove(&mut self, host: HostId) {
        self.samples.remove(&host);
    }

    /// Once a round: finds the middle of the hosts' clocks.
    pub fn review(&mut self, now: Now) {
        self.standing.looked = Some(now);
        self.find_middle();
    }

    fn find_middle(&mut self) {
        let mut all: Vec<i64> = self.samples.values().copied().flatten().collect();
        let middle = all.len() / 2;
        self.standing.samples = all.len();
        self.standing.fleet_ms = (!all.is_empty()).then(|| {
            let (below, upper, _) = all.select_nth_unstable(middle);
            let upper = *upper;
            // Of two in the middle the one that is nearer: no half of the fleet outvotes the other.
            match below.iter().max().filter(|_| below.len() * 2 == self.standing.samples) {
                Some(lower) if lower.unsigned_abs() < upper.unsigned_abs() => *lower,
                Some(_) | None => upper,
            }
        });
        let Standing { step, looked, .. } = self.standing;
        let has_stepped = step
            .zip(looked)
            .is_some_and(|(step, looked)| looked.mono.since(step.noticed.mono) < STEP_DOUBT);
        let needed = if has_stepped { 1 } else { MIN_SAMPLES };
        self.standing.is_wrong = self.standing.samples >= needed
            && self.standing.fleet_ms.is_some_and(|ms| length(ms) > self.limit);
    }
}

/// For people: of a minute and more whole seconds.
fn words(ms: i64) -> humantime::FormattedDuration {
    let exact = length(ms);
    let is_long = exact >= Duration::from_secs(60);
    let rounded = Duration::from_secs((exact + Duration::from_millis(500)).as_secs());
    humantime::format_duration(if is_long { rounded } else { exact })
}

fn length(ms: i64) -> Duration {
    Duration::from_millis(ms.unsigned_abs())
}

#[cfg(test)]
mod tests;
