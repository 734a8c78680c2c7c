//! What is to be looked at when.

use std::collections::{BTreeMap, BTreeSet};

use crate::units::WallMs;

/// One moment for each thing at most.
#[derive(Debug)]
pub(super) struct Timers<T> {
    order: BTreeSet<(WallMs, T)>,
    of: BTreeMap<T, WallMs>,
}

impl<T: Ord + Clone> Timers<T> {
    pub(super) fn new() -> Self {
        Self { order: BTreeSet::new(), of: BTreeMap::new() }
    }

    /// Looks at it then, and no longer at another moment; none: never.
    pub(super) fn set(&mut self, what: T, at: Option<WallMs>) {
        let before = match at {
            Some(at) => self.of.insert(what.clone(), at),
            None => self.of.remove(&what),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.order.remove(&(before, what.clone()));
        }
        if let Some(at) = at {
            self.order.insert((at, what));
        }
    }

    /// The next thing whose moment has come.
    pub(super) fn pop(&mut self, now: WallMs) -> Option<T> {
        let (at, _) = self.order.first()?;
        if *at > now {
            return None;
        }
        let (_, what) = self.order.pop_first()?;
        self.of.remove(&what);
        Some(what)
    }

    /// The first moment of all.
    pub(super) fn next(&self) -> Option<WallMs> {
        self.order.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_has_one_moment_and_the_first_comes_first() {
        let mut timers = Timers::new();
        timers.set('a', Some(WallMs(5)));
        timers.set('b', Some(WallMs(3)));
        timers.set('a', Some(WallMs(9)));
        timers.set('c', Some(WallMs(1)));
        timers.set('c', None);
        assert_eq!(timers.next(), Some(WallMs(3)));
        assert_eq!(timers.pop(WallMs(2)), None);
        assert_eq!(timers.pop(WallMs(8)), Some('b'));
        assert_eq!(timers.pop(WallMs(8)), None);
        assert_eq!(timers.pop(WallMs(9)), Some('a'));
        assert_eq!(timers.next(), None);
    }
}
