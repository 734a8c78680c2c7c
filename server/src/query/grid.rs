//! Where the points of values over time lie, and what cannot be answered.

use std::{ops::RangeInclusive, time::Duration};

use chrono_tz::Tz;

use super::BadRange;
use crate::{
    rollup::{History, Tier, plan},
    store::Span,
    units::WallMs,
};

/// The most points in one answer.
pub const MAX_POINTS: usize = 2_000;

/// The most points of all series of an answer that has several rows or hosts.
pub const MAX_POINTS_IN_ALL: usize = 100_000;

/// The most columns in one answer.
pub const MAX_COLUMNS: usize = 20;

/// The most hosts that one answer is made of.
pub const MAX_HOSTS_TOGETHER: usize = 1_000;

/// The longest span whose changes are looked for.
pub const MAX_CHANGES_SPAN: Duration = Duration::from_secs(86_400);

/// The most polls of such a span and of the one before together.
pub const MAX_CHANGES_POLLS: usize = 20_000;

/// The finest step.
pub const MIN_STEP: Duration = Duration::from_secs(1);

/// How fine an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// At most so many points, up to [`MAX_POINTS`], and none finer than the host's polls are apart.
    Points(usize),
    /// A point for each such length of time, at least [`MIN_STEP`].
    Step(Duration),
}

/// Why a series cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSeries {
    /// Its span is none.
    #[error(transparent)]
    Range(#[from] BadRange),
    /// Too many points.
    #[error("{points} points of {} are more than {MAX_POINTS}: choose a longer step or a shorter span", humantime::format_duration(*step))]
    TooFine {
        /// How many these would be.
        points: u128,
        /// The step asked for.
        step: Duration,
    },
    /// The step is too short.
    #[error("expected a step of {} or more", humantime::format_duration(MIN_STEP))]
    TooShort,
    /// Hours in other steps than hours, or five minutes in other steps than these.
    #[error("the tier \"{}\" has steps of whole {}", tier, match tier { Tier::Hours => "hours", _ => "five minutes" })]
    NotWhole {
        /// The tier asked for.
        tier: Tier,
    },
    /// Too many points of all series together.
    #[error(
        "{series} series of {points} points are more than {MAX_POINTS_IN_ALL} points: choose fewer {what} or a \
         longer step"
    )]
    TooMany {
        /// How many series these would be.
        series: usize,
        /// Of how many points each.
        points: usize,
        /// Of what there are too many.
        what: &'static str,
    },
    /// Too many hosts.
    #[error("{hosts} hosts are more than {MAX_HOSTS_TOGETHER}: choose a group, or fewer hosts")]
    TooManyHosts {
        /// How many.
        hosts: usize,
    },
    /// Too long a span for what is asked.
    #[error("expected a span of at most {}", days(*most))]
    TooLong {
        /// The longest.
        most: Duration,
    },
    /// Periods that begin within an hour.
    #[error(
        "days in {zone} do not begin with a whole hour of UTC, by which history is kept: choose another \
         zone, such as UTC"
    )]
    PartOfHour {
        /// The zone asked for.
        zone: Tz,
    },
    /// Changes over too many polls.
    #[error(
        "the span and the one before have more than {MAX_CHANGES_POLLS} polls: choose a shorter one"
    )]
    TooManyPolls,
    /// Too few or too many columns.
    #[error("expected 1 to {MAX_COLUMNS} columns; got {0}")]
    Columns(usize),
}

fn days(span: Duration) -> String {
    match span.as_secs() / 86_400 {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// Where the points of an answer lie, and what they are read from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    /// From hours or five minutes: whole ones.
    pub(super) span: Span,
    pub(super) step: Duration,
    pub(super) tier: Tier,
}

impl Grid {
    /// The one that is asked for; of no tier, the cheapest that will do.
    ///
    /// # Errors
    /// [`BadSeries`].
    pub(super) fn new(
        Span { from, to }: Span,
        detail: Resolution,
        tier: Option<Tier>,
        now: WallMs,
        history: History,
    ) -> Result<Self, BadSeries> {
        if from >= to {
            return Err(BadRange::Backwards { from, to }.into());
        }
        let is_whole = |tier: Tier, step: Duration| {
            tier.unit().is_none_or(|unit| step.as_millis().is_multiple_of(unit.as_millis()))
        };
        let length = to.since(from);
        let points = match detail {
            Resolution::Points(points) => points.clamp(1, MAX_POINTS),
            Resolution::Step(_) => 1,
        };
        let (tier, step) = match (detail, tier) {
            (Resolution::Points(_), None) => {
                let planned = plan(from, length, points, now, history);
                (planned.tier, planned.step)
            }
            (Resolution::Points(_), Some(tier)) => {
                let for_ever = History { kept: Duration::MAX, has_hours: false, ..history };
                let step = plan(from, length, points, now, for_ever).step;
                (tier, step.max(tier.unit().unwrap_or_default()))
            }
            (Resolution::Step(step), Some(tier)) => (tier, step),
            // Asked for in so many words: where the tier is gone there is nothing.
            (Resolution::Step(step), None) => {
                let has = |tier: &&Tier| {
                    is_whole(**tier, step) && (**tier != Tier::Hours || history.has_hours)
                };
                (Tier::ALL.iter().rev().find(has).copied().unwrap_or(Tier::Polls), step)
            }
        };
        if step < MIN_STEP {
            return Err(BadSeries::TooShort);
        }
        if !is_whole(tier, step) {
            return Err(BadSeries::NotWhole { tier });
        }
        let points = length.as_millis().div_ceil(step.as_millis());
        if points > MAX_POINTS as u128 {
            return Err(BadSeries::TooFine { points, step });
        }
        let from = tier.unit().map_or(from, |unit| {
            let unit = i64::try_from(unit.as_millis()).unwrap_or(i64::MAX);
            WallMs(from.0.div_euclid(unit).saturating_mul(unit))
        });
        Ok(Self { span: Span { from, to }, step, tier })
    }

    /// The step in milliseconds, at least 1.
    pub(super) fn step_ms(&self) -> i64 {
        i64::try_from(self.step.as_millis()).unwrap_or(i64::MAX).max(1)
    }

    /// The number of the point in which a moment lies; that of the first one times the step is when it
    /// begins.
    pub(super) fn point(&self, moment: WallMs) -> i64 {
        moment.0.div_euclid(self.step_ms())
    }

    /// The numbers of all points.
    pub(super) fn points(&self) -> RangeInclusive<i64> {
        self.point(self.span.from)..=self.point(WallMs(self.span.to.0.saturating_sub(1)))
    }

    /// Holds so many series of all points to [`MAX_POINTS_IN_ALL`]; `what` says of what there are fewer to be.
    ///
    /// # Errors
    /// [`BadSeries::TooMany`].
    pub(super) fn hold(&self, series: usize, what: &'static str) -> Result<(), BadSeries> {
        let points = self.points().count();
        match points.saturating_mul(series) {
            0..=MAX_POINTS_IN_ALL => Ok(()),
            _ => Err(BadSeries::TooMany { series, points, what }),
        }
    }

    /// When the first point begins.
    pub(super) fn start(&self) -> WallMs {
        WallMs(self.points().start().saturating_mul(self.step_ms()))
    }
}
