//! Flapping: does a host change more often than anybody wants to be told?
//!
//! Nagios' formula ("Detection and Handling of State Flapping", Nagios Core manual; Icinga 2 has the
//! same in `lib/icinga/checkable-flapping.cpp`): of the last 20 polls, those that changed something
//! count from 0.75 (the oldest) to 1.25 (the newest), and their share of all is the percentage. It
//! is on above 30 % and off below 25 %, so that the flag itself does not flap.

/// How many polls are looked at.
pub const FLAP_POLLS: u32 = 20;
/// Above this percentage a host flaps.
pub const FLAP_ON_PCT: u32 = 30;
/// Below this percentage it no longer does.
pub const FLAP_OFF_PCT: u32 = 25;

/// Weights are counted in 76ths: from 57 (0.75) in steps of 2 up to 95 (1.25), 1520 together.
const OLDEST: u32 = 57;
const STEP: u32 = 2;
const ALL: u32 = 76 * FLAP_POLLS;
/// The newest 20 of the bits.
const MASK: u32 = (1 << FLAP_POLLS) - 1;

/// What a host's last [`FLAP_POLLS`] polls changed. The default has changed nothing.
///
/// Two changes are counted apart, and the more lively one decides: the host's *state*, which sees a
/// host that goes down and comes back at the pace of its thresholds, and its *answer* (one came, or
/// none), which sees one that answers every second time and so stays suspect for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flapping {
    on: bool,
    /// Bit 0 is the newest poll.
    states: u32,
    answers: u32,
    /// How the poll before ended.
    answered: Option<bool>,
}

impl Flapping {
    /// Counts a poll in.
    #[must_use]
    pub(super) fn after(self, answered: bool, state_changed: bool) -> Self {
        let turned = self.answered.is_some_and(|before| before != answered);
        let shifted = |bits: u32, changed: bool| ((bits << 1) | u32::from(changed)) & MASK;
        let mut next = Self {
            on: self.on,
            states: shifted(self.states, state_changed),
            answers: shifted(self.answers, turned),
            answered: Some(answered),
        };
        let weight = next.weight();
        next.on = match self.on {
            true => weight * 100 >= FLAP_OFF_PCT * ALL,
            false => weight * 100 > FLAP_ON_PCT * ALL,
        };
        next
    }

    /// Whether the host flaps.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// How much it changes, whole percent.
    #[must_use]
    pub fn percent(&self) -> u32 {
        self.weight() * 100 / ALL
    }

    fn weight(&self) -> u32 {
        let sum = |bits: u32| {
            let set = (0..FLAP_POLLS).filter(|age| bits & (1 << age) != 0);
            set.map(|age| OLDEST + STEP * (FLAP_POLLS - 1 - age)).sum::<u32>()
        };
        sum(self.states).max(sum(self.answers))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(changes: &str) -> Flapping {
        changes.chars().fold(Flapping::default(), |f, c| f.after(true, c == 'x'))
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
            flapping = flapping.after(true, false);
            polls += 1;
        }
        assert!(flapping.percent() < FLAP_OFF_PCT);
        assert!(polls > 5, "off after {polls} quiet polls");
        assert!(!run("..............xxxxx").is_on(), "five changes are 29.9 %");
    }

    #[test]
    fn a_lost_packet_is_no_flapping_and_every_second_one_is() {
        let lost = |every: u32, polls: u32| {
            (0..polls).fold(Flapping::default(), |f, n| f.after(n % every != 1, false))
        };
        assert!(!lost(20, 100).is_on());
        assert!(!lost(10, 100).is_on());
        assert!(lost(2, 20).is_on());
    }

    proptest! {
        #[test]
        fn the_flag_moves_only_over_its_thresholds(
            polls in prop::collection::vec((any::<bool>(), any::<bool>()), 0..200),
        ) {
            let mut flapping = Flapping::default();
            for (answered, changed) in polls {
                let next = flapping.after(answered, changed);
                prop_assert!(next.percent() <= 100);
                match (flapping.is_on(), next.is_on()) {
                    (false, true) => prop_assert!(next.percent() >= FLAP_ON_PCT),
                    (true, false) => prop_assert!(next.percent() < FLAP_OFF_PCT),
                    (before, after) => prop_assert_eq!(before, after),
                }
                flapping = next;
            }
        }
    }
}
