//! Flapping: does a host change more often than anybody wants to be told?
//!
//! Two counts, for neither sees all. By polls, Nagios' formula ("Detection and Handling of State
//! Flapping", Nagios Core manual; Icinga 2 has the same in `lib/icinga/checkable-flapping.cpp`): of
//! the last 20 polls, those that changed something count from 0.75 (the oldest) to 1.25 (the newest),
//! and their share of all is the percentage. It is on above 30 % and off below 25 %. It is blind where
//! an outage and what is well around it last longer than 20 polls: twenty seconds at a poll a second.
//!
//! So falls are counted by time as well: five within a quarter of an hour, one every three minutes,
//! are more than one incident and its relapse, and no more than two may be just that. Both counts have
//! two thresholds, so that the flag itself does not flap.

use std::{fmt, time::Duration};

use crate::{model::State, units::WallMs};

/// How many polls are looked at.
pub const FLAP_POLLS: u32 = 20;
/// Above this percentage a host flaps.
pub const FLAP_ON_PCT: u32 = 30;
/// Below this percentage it no longer does.
pub const FLAP_OFF_PCT: u32 = 25;

/// How long a fall counts.
pub const FLAP_WITHIN: Duration = Duration::from_secs(15 * 60);
/// With so many falls within [`FLAP_WITHIN`] a host flaps; no more of them are remembered.
pub const FLAP_FALLS_ON: usize = 5;
/// With no more than this it no longer does.
pub const FLAP_FALLS_OFF: usize = 2;

/// Weights are counted in 76ths: from 57 (0.75) in steps of 2 up to 95 (1.25), 1520 together.
const OLDEST: u32 = 57;
const STEP: u32 = 2;
const ALL: u32 = 76 * FLAP_POLLS;
/// The newest 20 of the bits.
const MASK: u32 = (1 << FLAP_POLLS) - 1;

/// What a poll did to the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It stayed.
    None,
    /// It changed.
    Move,
    /// It changed for the worse in a way that somebody has to look at: down, or from up to degraded.
    /// Suspect is none yet, and a host that is degraded again after that was degraded all the while.
    Fall,
}

impl Turn {
    /// From one state to the next.
    pub(super) fn of(from: State, to: State) -> Self {
        match (from, to) {
            _ if from == to => Self::None,
            (_, State::Down) | (State::Up, State::Degraded) => Self::Fall,
            _ => Self::Move,
        }
    }
}

/// What a host's last [`FLAP_POLLS`] polls changed, and when it fell last. The default has changed
/// nothing.
///
/// Of the polls two changes are counted apart, and the more lively one decides: the host's *state*,
/// which sees a host that goes down and comes back at the pace of its thresholds, and its *answer*
/// (one came, or none), which sees one that answers every second time and so stays suspect for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flapping {
    on: bool,
    /// Bit 0 is the newest poll.
    states: u32,
    answers: u32,
    /// How the poll before ended.
    answered: Option<bool>,
    /// The moments of the last falls, the newest first.
    falls: [Option<WallMs>; FLAP_FALLS_ON],
    /// How many of them were fresh at the last poll.
    fresh: usize,
}

impl Flapping {
    /// Counts a poll in that ended at `now`.
    #[must_use]
    pub(super) fn after(self, answered: bool, turn: Turn, now: WallMs) -> Self {
        let turned = self.answered.is_some_and(|before| before != answered);
        let shifted = |bits: u32, changed: bool| ((bits << 1) | u32::from(changed)) & MASK;
        // After a step back of the clock they would be fresh until it has caught up.
        let mut falls = self.falls.map(|fall| fall.map(|fall| fall.min(now)));
        if turn == Turn::Fall {
            falls.rotate_right(1);
            falls[0] = Some(now);
        }
        let fresh = falls.iter().flatten().filter(|fall| now.since(**fall) < FLAP_WITHIN).count();
        let mut next = Self {
            on: self.on,
            states: shifted(self.states, turn != Turn::None),
            answers: shifted(self.answers, turned),
            answered: Some(answered),
            falls,
            fresh,
        };
        let weight = next.weight();
        next.on = match self.on {
            true => weight * 100 >= FLAP_OFF_PCT * ALL || fresh > FLAP_FALLS_OFF,
            false => weight * 100 > FLAP_ON_PCT * ALL || fresh >= FLAP_FALLS_ON,
        };
        next
    }

    /// Whether the host flaps.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// How much it changes, whole percent of its last polls.
    #[must_use]
    pub fn percent(&self) -> u32 {
        self.weight() * 100 / ALL
    }

    /// How often it fell within [`FLAP_WITHIN`] before its last poll; [`FLAP_FALLS_ON`] is that or
    /// more.
    #[must_use]
    pub fn falls(&self) -> usize {
        self.fresh
    }

    fn weight(&self) -> u32 {
        let sum = |bits: u32| {
            let set = (0..FLAP_POLLS).filter(|age| bits & (1 << age) != 0);
            set.map(|age| OLDEST + STEP * (FLAP_POLLS - 1 - age)).sum::<u32>()
        };
        sum(self.states).max(sum(self.answers))
    }
}

/// `26 % of its last polls changed something, and it got worse 3 times within 15m`.
impl fmt::Display for Flapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} % of its last polls changed something", self.percent())?;
        let within = humantime::format_duration(FLAP_WITHIN);
        match self.falls() {
            0 => Ok(()),
            1 => write!(f, ", and it got worse once within {within}"),
            FLAP_FALLS_ON => {
                write!(f, ", and it got worse {FLAP_FALLS_ON} times or more within {within}")
            }
            few => write!(f, ", and it got worse {few} times within {within}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: WallMs = WallMs(1_774_747_800_000);

    fn moved(changed: bool) -> Turn {
        if changed { Turn::Move } else { Turn::None }
    }

    fn run(changes: &str) -> Flapping {
        changes.chars().fold(Flapping::default(), |f, c| f.after(true, moved(c == 'x'), NOW))
    }

    #[test]
    fn the_formula_is_that_of_nagios() {
        for (changes, percent) in [
            ("....................", 0),
            ("xxxxxxxxxxxxxxxxxxxx", 100),
            ("x...................", 3),  // 0.75 of 20
            ("...................x", 6),  // 1.25 of 20
            ("x...................x", 6), // the first has left the window
            ("xxxxx...............", 20),
            ("...............xxxxx", 29), // 29.9
        ] {
            assert_eq!(run(changes).percent(), percent, "{changes}");
        }
    }

    #[test]
    fn on_above_thirty_off_below_twenty_five() {
        let mut flapping = run("xxxxxx");
        assert!(flapping.is_on(), "{flapping:?}");
        let mut polls = 0;
        while flapping.is_on() {
            assert!(flapping.percent() >= FLAP_OFF_PCT);
            flapping = flapping.after(true, Turn::None, NOW);
            polls += 1;
        }
        assert!(flapping.percent() < FLAP_OFF_PCT);
        assert!(polls > 5, "off after {polls} quiet polls");
        assert!(!run("..............xxxxx").is_on(), "five changes are 29.9 %");
    }

    #[test]
    fn a_lost_packet_is_no_flapping_and_every_second_one_is() {
        let lost = |every: u32, polls: u32| {
            (0..polls).fold(Flapping::default(), |f, n| f.after(n % every != 1, Turn::None, NOW))
        };
        assert!(!lost(20, 100).is_on());
        assert!(!lost(10, 100).is_on());
        assert!(lost(2, 20).is_on());
    }

    /// A host polled at this interval over so many minutes, which falls in each of them.
    fn falling(mut flapping: Flapping, interval: Duration, minutes: u32, from: WallMs) -> Flapping {
        let polls = u32::try_from(60_000 / interval.as_millis()).unwrap();
        for minute in 0..minutes {
            for poll in 0..polls {
                let turn = if poll == 0 { Turn::Fall } else { Turn::None };
                let now = from.plus(Duration::from_secs(60) * minute + interval * poll);
                flapping = flapping.after(true, turn, now);
            }
        }
        flapping
    }

    #[test]
    fn a_fall_a_minute_flaps_at_any_interval_until_it_has_nearly_ended() {
        for interval in [100, 1_000, 2_000, 10_000].map(Duration::from_millis) {
            let start = Flapping::default();
            assert!(!falling(start, interval, 4, NOW).is_on(), "{interval:?}: four falls");
            let flaps = falling(start, interval, 5, NOW);
            assert!(flaps.is_on(), "{interval:?}: five falls");
            assert_eq!(flaps.falls(), FLAP_FALLS_ON);
            // The last falls were at 0 to 4 min; quiet polls from now on.
            let quiet = |minutes: u64| {
                let until = NOW.plus(Duration::from_secs(60 * minutes));
                (0..FLAP_POLLS).fold(flaps, |f, _| f.after(true, Turn::None, until))
            };
            assert!(quiet(16).is_on(), "{interval:?}: three falls are fresh");
            let over = quiet(17);
            assert!(!over.is_on(), "{interval:?}: {over}");
            assert_eq!(over.falls(), FLAP_FALLS_OFF);
        }
        let slow = (0..60).fold(Flapping::default(), |f, n| {
            let now = NOW.plus(Duration::from_secs(10) * n);
            f.after(true, if n % 24 == 0 { Turn::Fall } else { Turn::None }, now)
        });
        assert!(!slow.is_on(), "one fall in four minutes: {slow}");
    }

    #[test]
    fn a_clock_that_is_set_back_prolongs_nothing() {
        let flaps = falling(Flapping::default(), Duration::from_secs(1), 5, NOW);
        let quiet = |f, at| (0..FLAP_POLLS).fold(f, |f: Flapping, _| f.after(true, Turn::None, at));
        let back = NOW.minus(Duration::from_secs(3_600));
        let set_back = quiet(flaps, back);
        assert!(set_back.is_on());
        assert!(!quiet(set_back, back.plus(FLAP_WITHIN)).is_on());
    }

    #[test]
    fn what_nobody_has_to_look_at_is_no_fall() {
        use State::{Degraded, Down, Pending, Suspect, Up};
        for (from, to, turn) in [
            (Suspect, Down, Turn::Fall),
            (Pending, Down, Turn::Fall),
            (Up, Degraded, Turn::Fall),
            (Up, Suspect, Turn::Move),
            (Suspect, Degraded, Turn::Move),
            (Down, Up, Turn::Move),
            (Down, Down, Turn::None),
        ] {
            assert_eq!(Turn::of(from, to), turn, "{from} to {to}");
        }
    }

    proptest! {
        #[test]
        fn the_flag_moves_only_over_its_thresholds(
            polls in prop::collection::vec((any::<bool>(), 0..3, 0..200_u64), 0..200),
        ) {
            let mut flapping = Flapping::default();
            let mut now = NOW;
            for (answered, turn, seconds) in polls {
                now = now.plus(Duration::from_secs(seconds));
                let turn = [Turn::None, Turn::Move, Turn::Fall][usize::try_from(turn).unwrap()];
                let next = flapping.after(answered, turn, now);
                prop_assert!(next.percent() <= 100);
                let (percent, falls) = (next.percent(), next.falls());
                match (flapping.is_on(), next.is_on()) {
                    (false, true) => {
                        prop_assert!(percent >= FLAP_ON_PCT || falls >= FLAP_FALLS_ON);
                    }
                    (true, false) => {
                        prop_assert!(percent < FLAP_OFF_PCT && falls <= FLAP_FALLS_OFF);
                    }
                    (before, after) => prop_assert_eq!(before, after),
                }
                flapping = next;
            }
        }
    }
}
