//! The grids of slots that a server polls on: one at a time, a millisecond apart, each with how far it
//! was used. A step back of the wall clock leads to a grid whose slots from then on are unused.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::units::{Now, WallMs};

/// How many grids, one millisecond apart, backward steps can lead through. No more than the
/// milliseconds of the shortest interval, or two would be the same.
pub const MAX_SHIFTS: usize = 100;
/// The first shift after a restart inside a repeated time of which nothing is known; the ones below
/// may have been used there.
const RESUMED_SHIFT: usize = MAX_SHIFTS / 2;

/// What of the slots outlives a restart: the server's own phase, and which grid is used up to when.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Grids {
    /// Goes into every host's phase, so that two servers over one inventory ask at other moments.
    seed: u64,
    /// Milliseconds by which every host's phase is moved now.
    shift: usize,
    /// The latest slot handed out under each shift that was used: nothing up to it may be handed
    /// out again under it.
    used: BTreeMap<usize, WallMs>,
}

impl Grids {
    /// No grid was used yet. A seed of 0 is the phase of the name alone.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// The server's own part of every phase.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The grids of a server whose store already holds slots up to `latest`. Since these were kept,
    /// the grid of then alone can have been used on.
    ///
    /// When nothing was kept and `latest` is in the future, the wall clock was stepped back while
    /// the server was away, or within the repeated time: an earlier process started from the first
    /// grid, this one starts from the middle.
    pub(super) fn resumed(mut self, latest: WallMs, now: Now) -> Self {
        self.shift %= MAX_SHIFTS;
        self.used.retain(|shift, _| *shift < MAX_SHIFTS);
        if self.used.is_empty() && latest > now.wall {
            self.used = (0..RESUMED_SHIFT).map(|shift| (shift, latest)).collect();
        }
        self.hand_out(latest);
        self.choose(now.wall);
        self
    }

    /// Milliseconds by which every host's phase is moved now.
    pub(super) fn shift(&self) -> usize {
        self.shift
    }

    /// A slot of the present grid is handed out.
    pub(super) fn hand_out(&mut self, slot: WallMs) {
        let used = self.used.entry(self.shift).or_insert(slot);
        *used = slot.max(*used);
    }

    /// Goes to the first grid whose used slots all lie before `wall`; when none does, to the one
    /// that is free soonest (then polling pauses until it is).
    pub(super) fn choose(&mut self, wall: WallMs) {
        let used = |shift: &usize| self.used.get(shift).copied().unwrap_or(WallMs(i64::MIN));
        let free = (0..MAX_SHIFTS).find(|shift| used(shift) < wall);
        self.shift = free.or_else(|| (0..MAX_SHIFTS).min_by_key(used)).unwrap_or(0);
    }

    /// Nothing up to this moment is handed out.
    pub(super) fn floor(&self, now: Now) -> WallMs {
        now.wall.max(self.used.get(&self.shift).copied().unwrap_or(now.wall))
    }

    /// The shifts under which a slot at this moment was handed out, or may be at any time: the
    /// present one, and those used beyond it.
    pub(super) fn holding(&self, at: WallMs) -> impl Iterator<Item = usize> {
        let used =
            self.used.iter().filter(move |(_, until)| **until >= at).map(|(shift, _)| *shift);
        used.chain([self.shift])
    }
}

/// A length as phases are moved by it.
pub(super) fn by(shift: usize) -> Duration {
    Duration::from_millis(u64::try_from(shift).unwrap_or(0))
}
