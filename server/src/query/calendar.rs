//! Calendar days and months in a time zone, and what they are called.

use std::fmt;

use chrono::{
    DateTime, Datelike as _, Days, Months, NaiveDate, NaiveTime, TimeZone as _, Timelike as _,
};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Serialize;

use super::{BadSeries, moment::Rfc3339};
use crate::{store::Span, text::did_you_mean, units::WallMs};

/// The last day that a month of a bill may begin with: every month has it.
pub const MAX_START_DAY: usize = 28;

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CalendarPeriod {
    /// A day.
    Day,
    /// A month.
    Month,
}

impl CalendarPeriod {
    /// Both.
    pub const ALL: &'static [Self] = &[Self::Day, Self::Month];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

impl fmt::Display for CalendarPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where the periods of a question begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    /// Days or months.
    pub by: CalendarPeriod,
    /// By whose calendar. History is kept by hours of UTC, so its days must begin with one.
    pub zone: Tz,
    /// With which of its days a month begins, 1 to [`MAX_START_DAY`].
    pub start_day: u32,
}

/// A time zone by its name.
///
/// # Errors
/// What was expected, in words.
pub fn parse_zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| {
        let hint = did_you_mean(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
        format!("expected a time zone such as Europe/Berlin or UTC; got {text:?}{hint}")
    })
}

impl Calendar {
    /// Months of the calendar in UTC.
    pub const MONTHS: Self = Self { by: CalendarPeriod::Month, zone: Tz::UTC, start_day: 1 };

    /// The begin of the month before the one that `now` is in.
    #[must_use]
    pub fn month_before(&self, now: WallMs) -> WallMs {
        let months = Self { by: CalendarPeriod::Month, ..*self };
        let before =
            months.day_of(now).and_then(|day| months.first(day).checked_sub_months(Months::new(1)));
        before.and_then(|day| self.begin(day)).unwrap_or(now)
    }

    fn day_of(&self, moment: WallMs) -> Option<NaiveDate> {
        let at = DateTime::from_timestamp_millis(moment.0)?;
        Some(at.with_timezone(&self.zone).date_naive())
    }

    /// When a day begins: with midnight, or where that does not exist, the first hour after it.
    fn begin(&self, day: NaiveDate) -> Option<WallMs> {
        let hours = (0..3).filter_map(|hour| NaiveTime::from_hms_opt(hour, 0, 0));
        let found = hours.map(|hour| self.zone.from_local_datetime(&day.and_time(hour)));
        let first = found.into_iter().find_map(chrono::LocalResult::earliest)?;
        Some(WallMs(first.timestamp_millis()))
    }

    /// The first day of the period that a day is in.
    fn first(&self, day: NaiveDate) -> NaiveDate {
        match self.by {
            CalendarPeriod::Day => day,
            CalendarPeriod::Month => {
                let first = day.with_day(self.start_day).unwrap_or(day);
                if first <= day { first } else { first - Months::new(1) }
            }
        }
    }

    fn next(&self, first: NaiveDate) -> Option<NaiveDate> {
        match self.by {
            CalendarPeriod::Day => first.checked_add_days(Days::new(1)),
            CalendarPeriod::Month => first.checked_add_months(Months::new(1)),
        }
    }

    fn name(&self, first: NaiveDate) -> String {
        match self.by {
            CalendarPeriod::Month if self.start_day == 1 => first.format("%Y-%m").to_string(),
            CalendarPeriod::Day | CalendarPeriod::Month => first.format("%Y-%m-%d").to_string(),
        }
    }

    /// The periods that touch a span.
    ///
    /// # Errors
    /// [`BadSeries::PartOfHour`] for a zone whose days begin within an hour of UTC.
    pub(super) fn periods(&self, span: Span) -> Result<Vec<PeriodShape>, BadSeries> {
        let mut periods = Vec::new();
        let mut first = self.day_of(span.from).map(|day| self.first(day));
        while let Some(day) = first
            && let Some(from) = self.begin(day)
            && from < span.to
        {
            let next = self.next(day);
            let Some(to) = next.and_then(|day| self.begin(day)) else { break };
            let at = DateTime::from_timestamp_millis(from.0);
            if at.is_none_or(|at| at.minute() != 0 || at.second() != 0) {
                return Err(BadSeries::PartOfHour { zone: self.zone });
            }
            let name = self.name(day);
            let (from_ms, to_ms) = (from, to);
            periods.push(PeriodShape {
                name,
                from: Rfc3339(from),
                from_ms,
                to: Rfc3339(to),
                to_ms,
            });
            first = next;
        }
        Ok(periods)
    }
}

/// A calendar day or month.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PeriodShape {
    /// Its name: `2026-11`, or of a day, and of a month that does not begin with its first day, `2026-11-15`.
    pub name: String,
    /// When it begins.
    pub from: Rfc3339,
    /// The same in milliseconds since 1970.
    pub from_ms: WallMs,
    /// When the next one begins.
    pub to: Rfc3339,
    /// The same in milliseconds since 1970.
    pub to_ms: WallMs,
}

impl PeriodShape {
    pub(super) fn span(&self) -> Span {
        Span { from: self.from_ms, to: self.to_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> WallMs {
        WallMs(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    }

    fn told(calendar: Calendar, from: &str, to: &str) -> Vec<(String, i64)> {
        let span = Span { from: at(from), to: at(to) };
        let hours = |of: &PeriodShape| (of.to_ms.0 - of.from_ms.0) / 3_600_000;
        let periods = calendar.periods(span).unwrap();
        periods.iter().map(|of| (of.name.clone(), hours(of))).collect()
    }

    #[test]
    fn months_and_days_are_those_of_the_zone() {
        let named = |name: &str, hours| (name.to_owned(), hours);
        let utc = told(Calendar::MONTHS, "2024-02-10T05:00:00Z", "2024-03-01T00:00:00.001Z");
        assert_eq!(utc, [named("2024-02", 696), named("2024-03", 744)], "a leap year");
        let berlin = Calendar { zone: Tz::Europe__Berlin, ..Calendar::MONTHS };
        let found = told(berlin, "2024-02-29T23:00:00Z", "2024-03-31T22:00:00Z");
        assert_eq!(found, [named("2024-03", 743)], "an hour was left out");
        let days = Calendar { by: CalendarPeriod::Day, ..berlin };
        let found = told(days, "2024-10-26T22:00:00Z", "2024-10-27T23:00:01Z");
        assert_eq!(found, [named("2024-10-27", 25), named("2024-10-28", 24)]);
        // In Santiago that day has no midnight.
        let days = Calendar { zone: Tz::America__Santiago, ..days };
        assert_eq!(
            told(days, "2024-09-08T12:00:00Z", "2024-09-08T13:00:00Z"),
            [named("2024-09-08", 23)]
        );
    }

    #[test]
    fn a_month_may_begin_with_a_day_of_its_own() {
        let bill = Calendar { start_day: 15, ..Calendar::MONTHS };
        let found = told(bill, "2024-02-14T23:59:59Z", "2024-03-15T00:00:00Z");
        let names: Vec<_> = found.iter().map(|(name, hours)| (name.as_str(), *hours)).collect();
        assert_eq!(names, [("2024-01-15", 744), ("2024-02-15", 696)]);
        assert_eq!(bill.month_before(at("2024-03-14T12:00:00Z")), at("2024-01-15T00:00:00Z"));
        assert_eq!(
            Calendar::MONTHS.month_before(at("2024-01-31T12:00:00Z")),
            at("2023-12-01T00:00:00Z")
        );
    }

    #[test]
    fn a_zone_whose_days_begin_within_an_hour_is_refused() {
        let india = Calendar { zone: Tz::Asia__Kolkata, ..Calendar::MONTHS };
        let span = Span { from: at("2024-02-10T00:00:00Z"), to: at("2024-02-11T00:00:00Z") };
        let told = india.periods(span).unwrap_err().to_string();
        assert!(told.contains("Asia/Kolkata") && told.contains("whole hour"), "{told}");
    }
}
