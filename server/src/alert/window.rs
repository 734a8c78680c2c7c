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

/// Polls in a row that all had one value, or one part of the time.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// Which one: the number of the last of the polls, or of the part since 1970.
    at: u32,
    /// How many polls, or of a part of the time: of how many the value was known.
    count: u32,
    /// The value of each poll; of a part of the time their sum, or the largest or least of them. NaN is
    /// unknown.
    value: f64,
}

/// The memory of one window.
#[derive(Debug, Clone)]
pub(super) struct Window {
    fold: Fold,
    span: Span,
    /// The part that the last poll is in: here, so that a poll within it, or one that says what the last ones
    /// said, touches nothing else.
    now: Option<Part>,
    /// Those before it.
    past: VecDeque<Part>,
}

impl Window {
    pub(super) fn new(spec: &WindowSpec) -> Self {
        Self { fold: spec.fold, span: spec.span, now: None, past: VecDeque::new() }
    }

    /// Takes a poll's value; NaN is unknown.
    pub(super) fn take(&mut self, slot: WallMs, value: f64) {
        let at = match self.span {
            Span::Polls(_) => self.now.map_or(1, |last| last.at.wrapping_add(1)),
            Span::Time(length) => u32::try_from(slot.0 / i64::from(part_ms(length))).unwrap_or(0),
        };
        let part = match (&mut self.now, self.span) {
            (Some(last), Span::Polls(_)) if last.value.to_bits() == value.to_bits() => {
                (last.at, last.count) = (at, last.count.saturating_add(1));
                return;
            }
            (Some(last), Span::Time(_)) if last.at == at => return last.add(self.fold, value),
            (_, Span::Polls(_)) => Part { at, count: 1, value },
            (_, Span::Time(_)) => Part { at, count: u32::from(!value.is_nan()), value },
        };
        match self.now.replace(part) {
            // The clock was set back: what was remembered is of no time that is known.
            Some(last) if last.at > at => self.past.clear(),
            last => self.past.extend(last),
        }
        let keep = self.keep();
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
        self.fold(last.at)
    }

    /// How many parts it looks back over.
    fn keep(&self) -> u32 {
        match self.span {
            Span::Polls(polls) => polls,
            Span::Time(length) => length.div_ceil(part_ms(length)),
        }
    }

    /// The parts that have a value, of those that it looks back over.
    fn known(&self, at: u32) -> impl Iterator<Item = &Part> + Clone {
        let keep = self.keep();
        let is_known = move |part: &&Part| at - part.at < keep && !part.value.is_nan();
        self.past.iter().chain(&self.now).filter(is_known)
    }

    /// How many polls of a part are looked back over.
    fn polls(&self, part: &Part, at: u32) -> u32 {
        match self.span {
            Span::Polls(keep) => part.count.min(keep - (at - part.at)),
            Span::Time(_) => part.count,
        }
    }

    fn fold(&self, at: u32) -> f64 {
        let Some(first) = self.known(at).next() else { return f64::NAN };
        if self.fold == Fold::Empty {
            return self.empty(at);
        }
        let reach = match self.span {
            Span::Polls(_) => self.known(at).map(|part| self.polls(part, at)).sum(),
            Span::Time(_) => at - first.at + 1,
        };
        if reach < self.keep().div_ceil(2) {
            return f64::NAN;
        }
        match self.fold {
            Fold::Average => {
                let (mut sum, mut count) = (0.0, 0.0);
                for part in self.known(at) {
                    let polls = f64::from(self.polls(part, at));
                    sum += match self.span {
                        Span::Polls(_) => part.value * polls,
                        Span::Time(_) => part.value,
                    };
                    count += polls;
                }
                sum / count
            }
            Fold::Most => self.known(at).map(|part| part.value).fold(f64::NEG_INFINITY, f64::max),
            Fold::Least => self.known(at).map(|part| part.value).fold(f64::INFINITY, f64::min),
            Fold::Empty => f64::NAN,
        }
    }

    /// Seconds from now until the values are 0, by the line through them. They do not fall when the line's
    /// slope is not told from noise: then that is without end.
    fn empty(&self, now: u32) -> f64 {
        let points = self.known(now).map(|part| {
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

impl Part {
    /// Adds a poll's value to a part of the time.
    fn add(&mut self, fold: Fold, value: f64) {
        if value.is_nan() {
            return;
        }
        self.value = match fold {
            _ if self.value.is_nan() => value,
            Fold::Average | Fold::Empty => self.value + value,
            Fold::Most => self.value.max(value),
            Fold::Least => self.value.min(value),
        };
        self.count = self.count.saturating_add(1);
    }
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

    /// Runs of one value say what the single polls would: the average, the most and the least of the last
    /// `polls` that are known, when half of them are.
    #[test]
    fn polls_that_say_the_same_are_kept_as_one() {
        let values = (0_u32..200).map(|at| match at / 7 % 5 {
            0 => f64::NAN,
            run if at % 11 == 0 => f64::from(run + 1),
            run => f64::from(run),
        });
        let values: Vec<f64> = values.collect();
        for (polls, fold) in [1_u32, 2, 5, 12, 40]
            .into_iter()
            .flat_map(|polls| [Fold::Average, Fold::Most, Fold::Least].map(|fold| (polls, fold)))
        {
            let mut window = window(fold, Span::Polls(polls));
            for (at, value) in values.iter().enumerate() {
                let said = said(&mut window, 0, *value);
                let from = (at + 1).saturating_sub(polls as usize);
                let known = values[from..=at].iter().copied().filter(|value| !value.is_nan());
                let known: Vec<f64> = known.collect();
                let expected = match fold {
                    _ if known.len() < (polls as usize).div_ceil(2) => f64::NAN,
                    Fold::Most => known.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                    Fold::Least => known.iter().copied().fold(f64::INFINITY, f64::min),
                    _ => known.iter().sum::<f64>() / known.len() as f64,
                };
                assert_eq!(said.to_string(), expected.to_string(), "{fold:?} {polls} {at}");
            }
        }
        let mut still = window(Fold::Least, Span::Polls(10));
        for _ in 0..100 {
            still.take(WallMs(0), 0.0);
        }
        assert_eq!(still.past.capacity(), 0, "what stays as it is costs nothing to remember");
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
