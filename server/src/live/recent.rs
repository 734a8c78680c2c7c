//! The last attempts of a host, which all views of it share: a view is made per poll, and a list of its own
//! would be copied twenty times before it is gone.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::AttemptSummary;

/// How many of a host's last attempts are kept in memory.
pub const RECENT_ATTEMPTS: usize = 20;

/// Attempts, oldest first, at most [`RECENT_ATTEMPTS`]. A clone stays as it is when another one goes on, but
/// for the oldest, which go for all of them.
#[derive(Clone, Default)]
pub struct Recent {
    shared: Arc<Mutex<Ring>>,
    /// How many there were by now.
    end: usize,
}

#[derive(Debug, Default)]
struct Ring {
    kept: VecDeque<AttemptSummary>,
    /// How many there were ever.
    end: usize,
}

impl Recent {
    /// Adds the newest.
    pub fn push(&mut self, attempt: AttemptSummary) {
        if self.ring().end != self.end {
            // Another clone has gone on already.
            *self = self.list().into_iter().collect();
        }
        self.end += 1;
        let mut ring = self.ring();
        if ring.kept.capacity() == 0 {
            ring.kept.reserve_exact(RECENT_ATTEMPTS);
        }
        if ring.kept.len() == RECENT_ATTEMPTS {
            ring.kept.pop_front();
        }
        ring.kept.push_back(attempt);
        ring.end = self.end;
    }

    /// What is made of each.
    pub fn map<T>(&self, make: impl FnMut(&AttemptSummary) -> T) -> Vec<T> {
        let ring = self.ring();
        let newer = ring.end - self.end;
        ring.kept.iter().take(ring.kept.len().saturating_sub(newer)).map(make).collect()
    }

    /// Each of them.
    #[must_use]
    pub fn list(&self) -> Vec<AttemptSummary> {
        self.map(Clone::clone)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map(|_| ()).len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FromIterator<AttemptSummary> for Recent {
    fn from_iter<T: IntoIterator<Item = AttemptSummary>>(attempts: T) -> Self {
        let mut all = Self::default();
        attempts.into_iter().for_each(|attempt| all.push(attempt));
        all
    }
}

impl PartialEq for Recent {
    fn eq(&self, other: &Self) -> bool {
        self.list() == other.list()
    }
}

impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Outcome, State, Timings},
        units::WallMs,
    };

    fn attempt(slot: i64) -> AttemptSummary {
        AttemptSummary {
            slot: WallMs(slot),
            outcome: Outcome::Ok,
            state: State::Up,
            timings: Timings::default(),
            answer_bytes: None,
            address: None,
            error: None,
            unread: None,
            cpu_busy_pct: None,
        }
    }

    fn slots(recent: &Recent) -> Vec<i64> {
        recent.map(|attempt| attempt.slot.0)
    }

    #[test]
    fn a_clone_stays_as_it_was_but_for_the_oldest() {
        let mut recent: Recent = (1..=3).map(attempt).collect();
        let before = recent.clone();
        recent.push(attempt(4));
        assert_eq!((slots(&before), slots(&recent)), (vec![1, 2, 3], vec![1, 2, 3, 4]));
        assert_ne!(before, recent);
        let last = i64::try_from(RECENT_ATTEMPTS).unwrap() + 2;
        (5..=last).for_each(|slot| recent.push(attempt(slot)));
        assert_eq!((slots(&before), recent.len()), (vec![3], RECENT_ATTEMPTS));
        assert_eq!(slots(&recent), (3..=last).collect::<Vec<_>>());
        (0..RECENT_ATTEMPTS).for_each(|_| recent.push(attempt(99)));
        assert!(before.is_empty());
    }

    #[test]
    fn two_clones_that_go_on_go_their_own_ways() {
        let mut one: Recent = (1..=2).map(attempt).collect();
        let mut other = one.clone();
        one.push(attempt(3));
        other.push(attempt(4));
        assert_eq!((slots(&one), slots(&other)), (vec![1, 2, 3], vec![1, 2, 4]));
        assert_eq!(other, [1, 2, 4].map(attempt).into_iter().collect());
    }
}
