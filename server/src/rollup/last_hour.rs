//! The newest polls of a host in short, in memory: what a question about the whole fleet is answered from.
//!
//! Points of ten minutes. The one that is being gathered has each column's values as they are summed; one that is
//! over is packed, exactly, into some 700 bytes of the 3.5 KiB that it had: most columns of a host stand still for
//! ten minutes, and a value is whole, or whole thousandths ([`ColumnKind::tidy`]).

use std::{collections::VecDeque, time::Duration};

use prost::encoding::{decode_varint, encode_varint};

use crate::{
    model::{Column, ColumnKind, ColumnSet, Outcome, Stat, Values},
    units::WallMs,
};

/// What a point stands for.
pub const LAST_HOUR_STEP: Duration = Duration::from_secs(600);

/// Points that there are, with the one that is being gathered. An hour is whole in seven; with two more, the hours
/// before those that are not kept in short yet are whole, too: ten minutes until an hour is closed, and ten
/// until all of a large fleet's are kept.
pub const LAST_HOUR_POINTS: usize = 9;

/// The newest polls of a host, in points of [`LAST_HOUR_STEP`].
#[derive(Debug)]
pub struct LastHour {
    /// From when on every poll is in it, as far back as it goes.
    whole_from: WallMs,
    /// Those that are over, oldest first.
    over: VecDeque<PackedPoint>,
    open: OpenPoint,
}

/// The one that is being gathered.
#[derive(Debug)]
struct OpenPoint {
    start: WallMs,
    polls: u32,
    failed: u32,
    /// By column; none before the first poll that brought values.
    stats: Box<[Stat]>,
}

/// One that is over.
#[derive(Debug)]
struct PackedPoint {
    start: WallMs,
    polls: u32,
    failed: u32,
    /// By column: how it is written, and then that.
    cells: Box<[u8]>,
}

/// What is known of a column since some moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SpanStat {
    /// Polls that were made.
    pub polls: u32,
    /// Of these, polls that brought no values.
    pub failed: u32,
    /// The values.
    pub stat: Stat,
}

impl SpanStat {
    /// Takes in what is known of other polls.
    pub fn merge(&mut self, other: &Self) {
        self.polls = self.polls.saturating_add(other.polls);
        self.failed = self.failed.saturating_add(other.failed);
        self.stat.merge(&other.stat);
    }
}

/// The begin of the point in which a moment lies.
#[must_use]
pub fn point_of(moment: WallMs) -> WallMs {
    let step = i64::try_from(LAST_HOUR_STEP.as_millis()).unwrap_or(i64::MAX);
    WallMs(moment.0.div_euclid(step).saturating_mul(step))
}

impl LastHour {
    /// Nothing yet of a host that was polled before up to `polled_to`, if at all: whole from the first point on that
    /// begins after that.
    #[must_use]
    pub fn after(polled_to: Option<WallMs>) -> Self {
        let next = |before| point_of(before).plus(LAST_HOUR_STEP);
        let never = WallMs(i64::MIN);
        let whole_from = polled_to.map_or(never, next);
        Self { whole_from, over: VecDeque::new(), open: OpenPoint::new(never) }
    }

    /// Takes in a poll that was due at `slot`: its values, or none when it failed. One that the server did not make
    /// is not in it. A clock that went back by more than a poll can be late begins it again.
    pub fn add(&mut self, slot: WallMs, outcome: Outcome, values: Option<&Values<Column>>) {
        if !outcome.was_asked() {
            return;
        }
        let start = point_of(slot);
        if start > self.open.start {
            self.turn(start);
        } else if start.plus(LAST_HOUR_STEP) < self.open.start {
            *self = Self::after(Some(slot));
            self.turn(start);
        }
        if start == self.open.start {
            self.open.add(values);
        } else if let Some(late) = self.over.iter_mut().find(|point| point.start == start) {
            let mut point = late.unpacked();
            point.add(values);
            *late = point.packed();
        } else {
            let mut point = OpenPoint::new(start);
            point.add(values);
            self.over.push_back(point.packed());
        }
    }

    /// Whether every poll that was due at `from` or later is in it. Of a host that was never polled before, that is
    /// so of any moment until the first point goes.
    #[must_use]
    pub fn is_whole_from(&self, from: WallMs) -> bool {
        from >= self.whole_from
    }

    /// What is known of a column in the points that begin at `from` or later.
    #[must_use]
    pub fn stat(&self, column: Column, from: WallMs) -> SpanStat {
        let mut known = SpanStat::default();
        for point in self.over.iter().filter(|point| point.start >= from) {
            let PackedPoint { polls, failed, .. } = *point;
            known.merge(&SpanStat { polls, failed, stat: point.stat(column) });
        }
        if self.open.start >= from {
            let OpenPoint { polls, failed, .. } = self.open;
            let stat = self.open.stats.get(column.index()).copied().unwrap_or_default();
            known.merge(&SpanStat { polls, failed, stat });
        }
        known
    }

    /// Ends the open point and begins another.
    fn turn(&mut self, start: WallMs) {
        let ended = std::mem::replace(&mut self.open, OpenPoint::new(start));
        if ended.polls > 0 {
            self.over.push_back(ended.packed());
        }
        let points = u32::try_from(LAST_HOUR_POINTS - 1).unwrap_or(u32::MAX);
        let first = start.minus(LAST_HOUR_STEP * points);
        let all = self.over.len();
        self.over.retain(|point| point.start >= first);
        if self.over.len() < all {
            self.whole_from = self.whole_from.max(first);
        }
    }
}

impl OpenPoint {
    fn new(start: WallMs) -> Self {
        Self { start, polls: 0, failed: 0, stats: [].into() }
    }

    fn add(&mut self, values: Option<&Values<Column>>) {
        self.polls = self.polls.saturating_add(1);
        let Some(values) = values else {
            self.failed = self.failed.saturating_add(1);
            return;
        };
        if self.stats.is_empty() {
            self.stats = vec![Stat::default(); Column::ALL.len()].into();
        }
        for (stat, value) in self.stats.iter_mut().zip(values.cells()) {
            if !value.is_nan() {
                stat.add(*value);
            }
        }
    }

    fn packed(&self) -> PackedPoint {
        let good = self.polls - self.failed;
        let mut cells = Vec::with_capacity(1024);
        for (column, stat) in Column::ALL.iter().zip(&self.stats) {
            pack(column.spec().kind, stat, good, &mut cells);
        }
        let Self { start, polls, failed, .. } = *self;
        PackedPoint { start, polls, failed, cells: cells.into() }
    }
}

impl PackedPoint {
    fn stats(&self) -> impl Iterator<Item = Stat> {
        let (good, mut rest) = (self.polls - self.failed, &*self.cells);
        Column::ALL.iter().map_while(move |column| unpack(column.spec().kind, good, &mut rest))
    }

    fn stat(&self, column: Column) -> Stat {
        self.stats().nth(column.index()).unwrap_or_default()
    }

    fn unpacked(&self) -> OpenPoint {
        let Self { start, polls, failed, .. } = *self;
        OpenPoint { start, polls, failed, stats: self.stats().collect() }
    }
}

/// How a column of a point is written: a byte, and what it says.
mod form {
    /// Nothing is known.
    pub(super) const NONE: u8 = 0;
    /// Always zero.
    pub(super) const ZERO: u8 = 1;
    /// Always the same: that.
    pub(super) const SAME: u8 = 2;
    /// The least, how much more the greatest is, and the sum.
    pub(super) const VARIED: u8 = 3;
    /// The same three as they stand, eight bytes each.
    pub(super) const WIDE: u8 = 4;
    /// Added: how many values there were comes first, for there was not one in each good poll.
    pub(super) const COUNTED: u8 = 8;
}

/// Every whole number up to this, 2^53, is one of a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// In which parts of its unit a column is whole.
fn parts(kind: ColumnKind) -> f64 {
    match kind {
        ColumnKind::Whole => 1.0,
        ColumnKind::Real => 1000.0,
    }
}

/// A value in whole parts; none when it would not come back as it was.
fn whole(value: f64, parts: f64) -> Option<u64> {
    let scaled = (value * parts).round();
    let back = scaled / parts;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, at most 2^53"
    )]
    ((0.0..=EXACT).contains(&scaled) && back.to_bits() == value.to_bits()).then_some(scaled as u64)
}

/// The nearest whole number of parts of a sum of values that are whole in them.
fn whole_sum(sum: f64, parts: f64) -> Option<u64> {
    let scaled = (sum * parts).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, at most 2^53"
    )]
    (0.0..=EXACT).contains(&scaled).then_some(scaled as u64)
}

fn pack(kind: ColumnKind, stat: &Stat, good: u32, to: &mut Vec<u8>) {
    let parts = parts(kind);
    let place = to.len();
    to.push(form::NONE);
    if stat.count == 0 {
        return;
    }
    let counted = if stat.count == good { 0 } else { form::COUNTED };
    if counted != 0 {
        encode_varint(stat.count.into(), to);
    }
    let is_same = stat.min.to_bits() == stat.max.to_bits();
    to[place] = counted
        + match (whole(stat.min, parts), whole(stat.max, parts), whole_sum(stat.sum, parts)) {
            (Some(0), Some(0), _) => form::ZERO,
            (Some(value), _, _) if is_same => {
                encode_varint(value, to);
                form::SAME
            }
            (Some(min), Some(max), Some(sum)) => {
                encode_varint(min, to);
                encode_varint(max - min, to);
                encode_varint(sum, to);
                form::VARIED
            }
            _ => {
                for value in [stat.min, stat.max, stat.sum] {
                    to.extend_from_slice(&value.to_le_bytes());
                }
                form::WIDE
            }
        };
}

fn unpack(kind: ColumnKind, good: u32, rest: &mut &[u8]) -> Option<Stat> {
    let parts = parts(kind);
    let (&tag, after) = rest.split_first()?;
    *rest = after;
    if tag == form::NONE {
        return Some(Stat::default());
    }
    let count = match tag & form::COUNTED {
        0 => good,
        _ => u32::try_from(decode_varint(rest).ok()?).ok()?,
    };
    #[expect(clippy::cast_precision_loss, reason = "at most 2^53")]
    let mut number = || decode_varint(rest).ok().map(|whole| whole as f64);
    let same = |value: f64| Stat { count, sum: value * f64::from(count), min: value, max: value };
    match tag & !form::COUNTED {
        form::ZERO => Some(same(0.0)),
        form::SAME => Some(same(number()? / parts)),
        form::VARIED => {
            let (min, more, sum) = (number()?, number()?, number()?);
            Some(Stat { count, sum: sum / parts, min: min / parts, max: (min + more) / parts })
        }
        _ => {
            let mut double = || -> Option<f64> {
                let (bytes, after) = rest.split_first_chunk::<8>()?;
                *rest = after;
                Some(f64::from_le_bytes(*bytes))
            };
            let (min, max, sum) = (double()?, double()?, double()?);
            Some(Stat { count, sum, min, max })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-03-29T01:00:00Z, where a point begins.
    const START: WallMs = WallMs(1_774_746_000_000);

    fn seconds(seconds: i64) -> WallMs {
        WallMs(START.0 + seconds * 1_000)
    }

    fn values(of: &[(Column, f64)]) -> Values<Column> {
        let mut values = Values::default();
        of.iter().for_each(|(column, value)| values.set(*column, *value));
        values
    }

    fn busy(last_hour: &mut LastHour, at: i64, value: f64) {
        last_hour.add(seconds(at), Outcome::Ok, Some(&values(&[(Column::CpuBusyPct, value)])));
    }

    fn mean(last_hour: &LastHour, from: i64) -> (u32, Option<f64>) {
        let known = last_hour.stat(Column::CpuBusyPct, seconds(from));
        (known.polls, known.stat.avg())
    }

    #[test]
    fn points_that_are_over_and_the_one_that_is_open_are_taken_together() {
        let mut last_hour = LastHour::after(None);
        for (at, value) in [(0, 10.0), (10, 20.0), (600, 40.0), (1_200, 50.0)] {
            busy(&mut last_hour, at, value);
        }
        last_hour.add(seconds(1_210), Outcome::Refused, None);
        // The server's own fault is nothing of the host's.
        last_hour.add(seconds(1_220), Outcome::Local, None);
        let all = last_hour.stat(Column::CpuBusyPct, START);
        assert_eq!((all.polls, all.failed), (5, 1));
        assert_eq!(all.stat, Stat { count: 4, sum: 120.0, min: 10.0, max: 50.0 });
        assert_eq!(mean(&last_hour, 600), (3, Some(45.0)));
        assert_eq!(mean(&last_hour, 1_200), (2, Some(50.0)));
        assert_eq!(last_hour.stat(Column::Load1, START).stat, Stat::default());
    }

    #[test]
    fn it_is_whole_from_the_first_point_after_all_that_was_polled_before_and_for_as_many_as_it_has()
    {
        let last_hour = LastHour::after(Some(seconds(50)));
        assert!(!last_hour.is_whole_from(START));
        assert!(last_hour.is_whole_from(seconds(600)));
        // Of a host that was never polled before it has all that there is.
        let mut last_hour = LastHour::after(None);
        for at in [0, 4_800 + 599] {
            busy(&mut last_hour, at, 1.0);
            assert!(last_hour.is_whole_from(seconds(-86_400)), "{at}");
        }
        busy(&mut last_hour, 5_400, 1.0);
        assert!(!last_hour.is_whole_from(START));
        assert!(last_hour.is_whole_from(seconds(600)));
    }

    #[test]
    fn what_is_older_than_its_points_goes() {
        let mut last_hour = LastHour::after(None);
        for point in 0..20 {
            busy(&mut last_hour, point * 600, 1.0);
        }
        assert_eq!(last_hour.over.len(), LAST_HOUR_POINTS - 1);
        assert_eq!(mean(&last_hour, 0).0, 9);
        // After a pause, too.
        busy(&mut last_hour, 600 * 100, 7.0);
        assert_eq!(mean(&last_hour, 0), (1, Some(7.0)));
    }

    #[test]
    fn a_late_poll_is_in_its_own_point() {
        let mut last_hour = LastHour::after(None);
        for (at, value) in [(590, 10.0), (600, 50.0), (580, 20.0)] {
            busy(&mut last_hour, at, value);
        }
        assert_eq!(mean(&last_hour, 0), (3, Some(26.667)));
        assert_eq!(mean(&last_hour, 600), (1, Some(50.0)));
        // Of a point in which nothing had come yet.
        let mut last_hour = LastHour::after(None);
        busy(&mut last_hour, 600, 50.0);
        busy(&mut last_hour, 599, 30.0);
        assert_eq!(mean(&last_hour, 0), (2, Some(40.0)));
        assert_eq!(mean(&last_hour, 600), (1, Some(50.0)));
    }

    #[test]
    fn a_clock_that_goes_back_begins_it_again() {
        let mut last_hour = LastHour::after(None);
        busy(&mut last_hour, 86_400, 90.0);
        busy(&mut last_hour, 30, 10.0);
        assert_eq!(mean(&last_hour, -86_400), (1, Some(10.0)));
        assert!(!last_hour.is_whole_from(START));
        assert!(last_hour.is_whole_from(seconds(600)));
    }

    fn value() -> impl Strategy<Value = Option<f64>> {
        let number = prop_oneof![
            4 => 0.0..100.0_f64,
            2 => 0.0..1e12_f64,
            1 => Just(0.0),
            1 => Just(12.345),
            1 => 0.0..9.3e18_f64,
        ];
        proptest::option::weighted(0.9, number)
    }

    proptest! {
        /// What comes out is what went in: least, greatest and count to the bit, the sum to what doubles can add.
        #[test]
        fn packing_loses_nothing(polls in proptest::collection::vec((value(), value(), value()), 1..40)) {
            const COLUMNS: [Column; 3] = [Column::CpuBusyPct, Column::MemTotalBytes, Column::NetRxBytesPerS];
            let mut point = OpenPoint::new(START);
            for (one, two, three) in &polls {
                let mut values = Values::default();
                for (column, value) in COLUMNS.into_iter().zip([*one, *two, *three]) {
                    values.set(column, value);
                }
                point.add(Some(&values));
            }
            let packed = point.packed();
            for column in COLUMNS {
                let (was, is) = (point.stats[column.index()], packed.stat(column));
                prop_assert_eq!(was.count, is.count);
                if was.count > 0 {
                    prop_assert_eq!((was.min.to_bits(), was.max.to_bits()), (is.min.to_bits(), is.max.to_bits()));
                    prop_assert!((was.sum - is.sum).abs() <= was.sum * 1e-12, "{} {}", was.sum, is.sum);
                }
            }
        }
    }
}
