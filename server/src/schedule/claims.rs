//! Under which moment a poll is kept, so that no two of a host have the same.

use std::collections::VecDeque;

use crate::units::WallMs;

/// How many moments off a host's grid are remembered.
pub const MAX_CLAIMS: usize = 64;

/// The moments off its grid under which a host's polls are kept: those that somebody asked for. What
/// lies on the grid the poll queue hands out once.
///
/// A moment is taken when it was *used*, not when it lies before the newest: after a step back of the
/// wall clock everything does, for as long as the step was.
#[derive(Debug, Default)]
pub struct Claims {
    asked: VecDeque<WallMs>,
}

impl Claims {
    /// The moment for a slot that is due: its own, unless an asked-for poll has it.
    pub fn due(&mut self, slot: WallMs, on_grid: impl Fn(WallMs) -> bool) -> WallMs {
        if self.asked.contains(&slot) { self.free_from(slot, on_grid) } else { slot }
    }

    /// The moment for a poll that somebody asks for: now, or the next millisecond that neither the
    /// grid (`on_grid`: it was or may be handed out) nor another such poll has.
    pub fn asked(&mut self, now: WallMs, on_grid: impl Fn(WallMs) -> bool) -> WallMs {
        self.free_from(now, on_grid)
    }

    fn free_from(&mut self, from: WallMs, on_grid: impl Fn(WallMs) -> bool) -> WallMs {
        // One more than can be taken by either; a grid of every millisecond leaves none, and the
        // store then says that two polls have one moment.
        let tries = MAX_CLAIMS + super::MAX_SHIFTS + 1;
        let later = |ms| WallMs(from.0.saturating_add(ms));
        let mut free = (0..).map(later).take(tries);
        let free = free.find(|at| !self.asked.contains(at) && !on_grid(*at)).unwrap_or(from);
        if self.asked.len() == MAX_CLAIMS {
            self.asked.pop_front();
        }
        self.asked.push_back(free);
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asked_polls_keep_off_the_grid_and_each_other_and_only_so_many_are_remembered() {
        let mut claims = Claims::default();
        let on_grid = |at: WallMs| at.0 % 100 == 2;
        let asked: Vec<i64> = (0..3).map(|_| claims.asked(WallMs(0), on_grid).0).collect();
        assert_eq!(asked, [0, 1, 3]);
        assert_eq!(claims.due(WallMs(102), on_grid), WallMs(102));
        assert_eq!(claims.due(WallMs(1), on_grid), WallMs(4), "an asked-for poll was there");
        // A day back: what was not used is free.
        assert_eq!(claims.asked(WallMs(-86_400_000), on_grid), WallMs(-86_400_000));
        for at in 0..i64::try_from(MAX_CLAIMS).unwrap() {
            claims.asked(WallMs(1_000 + at * 100), on_grid);
        }
        assert_eq!(claims.asked.len(), MAX_CLAIMS);
        assert_eq!(claims.asked(WallMs(0), on_grid), WallMs(0), "forgotten");
    }
}
