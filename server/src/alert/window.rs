//! What a window remembers of the last polls. A window of time keeps at most [`PARTS`] parts of it, so
//! that an hour of polls a second takes no more room than a minute of them.

use std::collections::VecDeque;

use super::condition::{Fold, Span, WindowSpec};
use crate::units::WallMs;

/// Into how many parts a window of time is cut.
pub(super) const PARTS: u32 = 60;

/// The least part of a window, milliseconds.
const MIN_PART_MS: u32 = 1_000;

/// Of a window that tells a trend, how many parts must have a value.
const MIN_TREND_PARTS: usize = 10;

/// How many times its own standard error a slope must be, to be one.
const SIGNIFICANT: f64 = 4.0;

/// One poll, or one part of the time.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// Which one: the number of the poll, or of the part since 1970.
    at: u32,
    /// How many values were known.
    count: u32,
    /// Their sum, or the largest or least of them.
    value: f64,
}

/// The memory of one window.
#[derive(Debug, Clone)]
pub(super) struct Window {
    fold: Fold,
    span: Span,
    /// The part that the last poll is in: here, so that a poll within it touches nothing else.
    now: Option<Part>,
    /// Those before it.
    past: VecDeque<Part>,
    polls: u32,
}

impl Window {
    pub(super) fn new(spec: &WindowSpec) -> Self {
        Self { fold: spec.fold, span: spec.span, now: None, past: VecDeque::new(), polls: 0 }
    }

    /// Takes a poll's value; NaN is unknown.
    pub(super) fn take(&mut self, slot: WallMs, value: f64) {
        self.polls = self.polls.wrapping_add(1);
        let at = match self.span {
            Span::Polls(_) => self.polls,
            Span::Time(length) => u32::try_from(slot.0 / i64::from(part_ms(length))).unwrap_or(0),
        };
        let keep = self.keep();
        match &mut self.now {
            Some(last) if last.at == at => return add(self.fold, last, value),
            // The clock was set back: what was remembered is of no time that is known.
            Some(last) if last.at > at => self.past.clear(),
            Some(last) => self.past.push_back(*last),
            None => {}
        }
        let mut part = Part { at, count: 0, value: 0.0 };
        add(self.fold, &mut part, value);
        self.now = Some(part);
        while self.past.front().is_some_and(|first| at.saturating_sub(first.at) >= keep) {
            self.past.pop_front();
        }
    }

    /// What it says since the poll that was taken last.
    ///
    /// Unknown until it has looked back over half of its span, and while fewer than half of the polls in
    /// it are known.
    pub(super) fn value(&self) -> f64 {
        let Some(last) = &self.now else { return f64::NAN };
        self.fold(last.at, self.keep())
    }

    /// How many parts it looks back over.
    fn keep(&self) -> u32 {
        match self.span {
            Span::Polls(polls) => polls,
            Span::Time(length) => length.div_ceil(part_ms(length)),
        }
    }

    /// The parts that have a value.
    fn known(&self) -> impl Iterator<Item = &Part> + Clone {
        self.past.iter().chain(&self.now).filter(|part| part.count > 0)
    }

    fn fold(&self, at: u32, keep: u32) -> f64 {
        let Some(first) = self.known().next() else { return f64::NAN };
        if self.fold == Fold::Empty {
            return self.empty(at);
        }
        let reach = at - first.at + 1;
        let many = u32::try_from(self.known().count()).unwrap_or(u32::MAX);
        let is_full = match self.span {
            Span::Polls(polls) => many >= polls.div_ceil(2),
            Span::Time(_) => reach >= keep.div_ceil(2),
        };
        if !is_full {
            return f64::NAN;
        }
        match self.fold {
            Fold::Average => {
                let (mut sum, mut count) = (0.0, 0.0);
                for part in self.known() {
                    sum += part.value;
                    count += f64::from(part.count);
                }
                sum / count
            }
            Fold::Most => self.known().map(|part| part.value).fold(f64::NEG_INFINITY, f64::max),
            Fold::Least => self.known().map(|part| part.value).fold(f64::INFINITY, f64::min),
            Fold::Empty => f64::NAN,
        }
    }

    /// Seconds from now until the values are 0, by the line through them. They do not fall when the line's
    /// slope is not told from noise: then that is without end.
    fn empty(&self, now: u32) -> f64 {
        let points = self.known().map(|part| {
            let age = f64::from(now - part.at);
            (-age, part.value / f64::from(part.count))
        });
        let points: smallvec::SmallVec<[(f64, f64); PARTS as usize]> = points.collect();
        if points.len() < MIN_TREND_PARTS {
            return f64::NAN;
        }
        let Span::Time(length) = self.span else { return f64::NAN };
        #[expect(clippy::cast_precision_loss, reason = "at most a part each")]
        let count = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (mean_t, mean_v) = (mean(|point| point.0), mean(|point| point.1));
        let (mut spread, mut joint) = (0.0, 0.0);
        for (t, v) in &points {
            spread += (t - mean_t).powi(2);
            joint += (t - mean_t) * (v - mean_v);
        }
        let slope = joint / spread;
        let rest: f64 =
            points.iter().map(|(t, v)| (v - mean_v - slope * (t - mean_t)).powi(2)).sum();
        let error = (rest / (count - 2.0) / spread).sqrt();
        if slope >= 0.0 || -slope < SIGNIFICANT * error {
            return f64::INFINITY;
        }
        let level = mean_v - slope * mean_t;
        (level / -slope).max(0.0) * f64::from(part_ms(length)) / 1_000.0
    }
}

fn add(fold: Fold, part: &mut Part, value: f64) {
    if value.is_nan() {
        return;
    }
    part.value = match fold {
        _ if part.count == 0 => value,
        Fold::Average | Fold::Empty => part.value + value,
        Fold::Most => part.value.max(value),
        Fold::Least => part.value.min(value),
    };
    part.count = part.count.saturating_add(1);
}

fn part_ms(length: u32) -> u32 {
    (length / PARTS).max(MIN_PART_MS)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{condition::Num, names::Over},
        *,
    };

    fn window(fold: Fold, span: Span) -> Window {
        Window::new(&WindowSpec::new(Over::Host, Num::Const(0.0), fold, span))
    }

    fn said(window: &mut Window, slot_ms: i64, value: f64) -> f64 {
        window.take(WallMs(slot_ms), value);
        window.value()
    }

    #[test]
    fn a_window_of_polls_is_known_once_half_of_it_is() {
        let mut mean = window(Fold::Average, Span::Polls(4));
        let unknown = f64::NAN;
        let told: Vec<String> = [2.0, 4.0, unknown, 6.0, unknown, unknown, unknown, 8.0]
            .iter()
            .enumerate()
            .map(|(at, value)| said(&mut mean, i64::try_from(at).unwrap(), *value).to_string())
            .collect();
        assert_eq!(told, ["NaN", "3", "3", "4", "5", "NaN", "NaN", "NaN"]);
        let mut most = window(Fold::Most, Span::Polls(2));
        let told = [5.0, 3.0, 1.0].map(|value| said(&mut most, 0, value));
        assert_eq!(told, [5.0, 5.0, 3.0]);
    }

    #[test]
    fn a_window_of_time_takes_the_same_room_however_often_is_polled() {
        let mut least = window(Fold::Least, Span::Time(3_600_000));
        let mut last = f64::NAN;
        for second in 0..7_200_i32 {
            last = said(&mut least, i64::from(second) * 1_000, f64::from(second));
            assert_eq!(last.is_nan(), second < 29 * 60, "{second}");
        }
        assert_eq!(last, 3_600.0);
        assert!(least.past.len() < PARTS as usize);
        // An hour later all of it is too old.
        assert!(said(&mut least, 12_000_000, 1.0).is_nan());
        // And a clock that was set back begins again.
        assert!(said(&mut least, 0, 1.0).is_nan());
        assert!(least.past.is_empty());
    }

    #[test]
    fn a_trend_is_told_from_noise() {
        let minutes = |value: &dyn Fn(f64) -> f64| {
            let mut window = window(Fold::Empty, Span::Time(3_600_000));
            let mut last = f64::NAN;
            for minute in 0..60_i32 {
                last = said(&mut window, i64::from(minute) * 60_000, value(minute.into()));
                assert!(minute >= 9 || last.is_nan());
            }
            last
        };
        // 1,000 and one less a minute: 941 are left.
        assert!((minutes(&|minute| 1_000.0 - minute) - 941.0 * 60.0).abs() < 1e-6);
        let wave = |minute: f64| 1_000.0 + 50.0 * (minute * 2.3).sin();
        assert_eq!(minutes(&wave), f64::INFINITY, "it goes up and down");
        assert_eq!(minutes(&|_| 7.0), f64::INFINITY, "it stays");
        assert_eq!(minutes(&|minute| minute), f64::INFINITY, "it rises");
        let noisy = minutes(&|minute| 1_000.0 - 10.0 * minute + (minute * 7.7).sin());
        assert!((noisy / 60.0 - 41.0).abs() < 1.0, "{noisy}");
        assert_eq!(minutes(&|minute| (60.0 - 10.0 * minute).max(0.0)), 0.0, "it is full");
    }
}
