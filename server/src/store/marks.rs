//! Whether the store still has what it took: a few polls that it acknowledged are remembered, and looked
//! for from time to time. A database that was restored from a backup, emptied or made anew says nothing
//! of it by itself. Knows no store, no time, no SQL.
//!
//! Marks stand close together where they are new and far apart where they are old, each with the number
//! of polls acknowledged up to it: the marks on both sides of those that are gone say how much went.

use serde::{Deserialize, Serialize};

use super::Span;
use crate::{
    model::{HostId, Loss, LossReason},
    units::WallMs,
};

/// Marks that are kept at most. With the spacing below they reach back past any retention.
const MARKS: usize = 24;

/// How polls that were acknowledged can be gone, in words: of a cluster, too, in which a server goes on
/// that was apart when they came.
pub const WHY_GONE: &str = "its database was restored from an older backup, made again, or emptied, or \
                            another server of it took over that had not received them";

/// One poll that was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Its host.
    pub host: HostId,
    /// Its slot.
    pub slot: WallMs,
    /// Polls acknowledged up to it and with it.
    pub polls: u64,
}

impl Mark {
    /// The moment in which it lies, and no other poll of its host.
    #[must_use]
    pub fn span(&self) -> Span {
        Span { from: self.slot, to: WallMs(self.slot.0 + 1) }
    }
}

/// Polls that the store acknowledged, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Marks {
    marks: Vec<Mark>,
    /// Polls acknowledged in all.
    polls: u64,
}

impl Marks {
    /// Notes that so many polls were acknowledged, this one the last of them.
    pub(super) fn add(&mut self, host: HostId, slot: WallMs, polls: u64) {
        self.polls += polls;
        self.marks.push(Mark { host, slot, polls: self.polls });
        if self.marks.len() > MARKS {
            self.thin();
        }
    }

    /// Takes out the mark without which the gap is the smallest beside its distance from the end.
    fn thin(&mut self) {
        let end = self.polls;
        let worth = |at: usize| {
            let gap = self.marks[at + 1].polls - self.marks[at - 1].polls;
            #[expect(clippy::cast_precision_loss, reason = "only compared")]
            let worth = gap as f64 / (end - self.marks[at - 1].polls + 1) as f64;
            worth
        };
        let inner = 1..self.marks.len() - 1;
        if let Some(least) = inner.min_by(|a, b| worth(*a).total_cmp(&worth(*b))) {
            self.marks.remove(least);
        }
    }

    /// Those of polls due from this moment on: older ones may have been pruned.
    #[must_use]
    pub fn since(&self, kept_from: WallMs) -> Vec<Mark> {
        self.marks.iter().copied().filter(|mark| mark.slot >= kept_from).collect()
    }

    /// The same marks, and those that another process of the same server left before them.
    #[must_use]
    pub fn after(mut self, before: &Self) -> Self {
        self.marks.iter_mut().for_each(|mark| mark.polls += before.polls);
        self.marks.splice(0..0, before.marks.iter().copied());
        self.polls += before.polls;
        while self.marks.len() > MARKS {
            self.thin();
        }
        self
    }

    /// Forgets marks that are gone from the store, and says what went with them, by the nearest marks
    /// on both sides; `kept_from` as in [`Marks::since`]. None when there is none of them here any more.
    pub fn lose(
        &mut self,
        gone: &[Mark],
        kept_from: WallMs,
        hosts: u64,
        noted_at: WallMs,
    ) -> Option<Loss> {
        let is_gone = |mark: &Mark| {
            gone.iter().any(|other| (other.host, other.slot) == (mark.host, mark.slot))
        };
        let first = self.marks.iter().position(is_gone)?;
        let last = self.marks.iter().rposition(is_gone)?;
        let before = first.checked_sub(1).map(|at| self.marks[at]);
        let lost = &self.marks[first..=last];
        let slots = || lost.iter().map(|mark| mark.slot);
        let from = before.map_or(slots().min()?, |mark| mark.slot).max(kept_from);
        let loss = Loss {
            from,
            to: slots().max()?.max(from),
            hosts,
            polls: self.marks[last].polls - before.map_or(0, |mark| mark.polls),
            reason: LossReason::StoreLost,
            noted_at,
        };
        self.marks.drain(first..=last);
        Some(loss)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: HostId = HostId(7);

    /// A poll a second, each a batch of ten.
    fn of(seconds: std::ops::Range<i64>) -> Marks {
        let mut marks = Marks::default();
        for second in seconds {
            marks.add(HOST, WallMs(second * 1_000), 10);
        }
        marks
    }

    #[test]
    fn marks_are_few_reach_back_to_the_begin_and_are_close_at_the_end() {
        let marks = of(0..1_000_000);
        let kept = marks.since(WallMs(0));
        assert_eq!(kept.len(), MARKS);
        assert_eq!((kept[0].slot, kept[0].polls), (WallMs(0), 10));
        let end = 999_999_000;
        assert_eq!(kept[MARKS - 1].slot, WallMs(end));
        for pair in kept.windows(2) {
            let (gap, age) = (pair[1].slot.0 - pair[0].slot.0, end - pair[0].slot.0);
            assert!(gap <= age && (gap <= 1_000 || gap * 10 <= age * 9), "{gap} {age}: {kept:?}");
        }
        assert!(kept[MARKS - 5].slot.0 >= end - 60_000, "{kept:?}");
    }

    #[test]
    fn what_went_is_told_by_the_marks_beside_it() {
        let mut marks = of(0..20);
        let all = marks.since(WallMs(0));
        // A copy made in the sixth second was put in the place of the database after the fifteenth.
        let loss = marks.lose(&all[6..15], WallMs(0), 3, WallMs(99)).unwrap();
        assert_eq!((loss.from, loss.to), (WallMs(5_000), WallMs(14_000)));
        assert_eq!((loss.polls, loss.hosts, loss.noted_at), (90, 3, WallMs(99)));
        assert_eq!(loss.reason, LossReason::StoreLost);
        assert_eq!(marks.since(WallMs(0)).len(), 11);
        assert_eq!(marks.lose(&all[6..15], WallMs(0), 3, WallMs(99)), None, "said once");
        // All of it: nothing is said of what retention has dropped.
        let loss = marks.lose(&all, WallMs(2_500), 3, WallMs(99)).unwrap();
        assert_eq!((loss.from, loss.to), (WallMs(2_500), WallMs(19_000)));
        assert_eq!(marks.since(WallMs(0)), []);
    }

    #[test]
    fn another_life_goes_on_from_the_marks_of_the_one_before() {
        let before = of(0..20);
        let mut both = of(20..40).after(&before);
        assert_eq!(both.since(WallMs(0)).len(), MARKS);
        both.add(HOST, WallMs(40_000), 10);
        let all = both.since(WallMs(0));
        assert_eq!(all[all.len() - 1].polls, 410);
        assert!(all.is_sorted_by(|a, b| a.polls < b.polls && a.slot < b.slot), "{all:?}");
    }
}
