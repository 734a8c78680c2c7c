//! How often hosts answered of what they were asked, by calendar days or months.
//!
//! It is counted from the hours in short, which are kept for years. What the server did not ask counts for
//! nothing: a host that was paused, a maintenance window, a server that was down, a poll that the server
//! itself could not make. How many days have polls at all says how much of the time is known.

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    BadRange, BadSeries, MAX_POINTS_IN_ALL, Query, QueryError, moment::Rfc3339, together::HostsOf,
};
use crate::{
    model::{Column, DAY_MS},
    rollup::Tier,
    store::{Bucket, Span},
    units::WallMs,
};

/// The longest span of which availability is told: a year and the month before it.
const MAX_AVAILABILITY_SPAN: Duration = Duration::from_secs(400 * 86_400);

/// What is counted together, in UTC.
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

    /// The first day of the one that a day is in.
    fn first(self, day: NaiveDate) -> NaiveDate {
        match self {
            Self::Day => day,
            Self::Month => day.with_day(1).unwrap_or(day),
        }
    }

    fn next(self, first: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => first.checked_add_days(Days::new(1)),
            Self::Month => first.checked_add_months(Months::new(1)),
        }
    }

    fn name(self, first: NaiveDate) -> String {
        match self {
            Self::Day => first.format("%Y-%m-%d").to_string(),
            Self::Month => first.format("%Y-%m").to_string(),
        }
    }
}

impl fmt::Display for CalendarPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailabilityRange {
    /// Of which hosts.
    pub of: HostsOf,
    /// A moment in the first period.
    pub from: WallMs,
    /// The first moment after the last one; none: now.
    pub to: WallMs,
    /// What is counted together.
    pub by: CalendarPeriod,
}

impl AvailabilityRange {
    /// The month that `now` is in, and the one before.
    #[must_use]
    pub fn usual_from(now: WallMs) -> WallMs {
        let month = |day: NaiveDate| CalendarPeriod::Month.first(day);
        let before = day_of(now).and_then(|day| month(day).checked_sub_months(Months::new(1)));
        before.map_or(now, moment_of)
    }
}

/// Counts of each period, in their order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct Availability {
    /// Polls that were asked.
    pub polls: Vec<u64>,
    /// Of these, polls that brought no values.
    pub failed: Vec<u64>,
    /// The share that brought values, per cent, never rounded up; `null` where nothing was asked.
    pub available_pct: Vec<Option<f64>>,
    /// Days with polls; of several hosts, the sum of theirs.
    pub days: Vec<u64>,
}

impl Availability {
    fn of_periods(count: usize) -> Self {
        let zeros = || vec![0; count];
        Self { polls: zeros(), failed: zeros(), available_pct: vec![None; count], days: zeros() }
    }

    fn add(&mut self, place: usize, polls: u64, failed: u64, days: u64) {
        for (counts, more) in
            [(&mut self.polls, polls), (&mut self.failed, failed), (&mut self.days, days)]
        {
            if let Some(count) = counts.get_mut(place) {
                *count = count.saturating_add(more);
            }
        }
    }

    fn reckon(&mut self) {
        let counts = self.polls.iter().zip(&self.failed);
        self.available_pct = counts.map(|(polls, failed)| share(*polls, *failed)).collect();
    }
}

/// Thousandths of a per cent, rounded down: what failed once is not 100.
fn share(polls: u64, failed: u64) -> Option<f64> {
    let good = u128::from(polls.saturating_sub(failed));
    let thousandths = (good * 100_000).checked_div(u128::from(polls))?;
    #[expect(clippy::cast_precision_loss, reason = "at most 100,000")]
    let pct = thousandths as f64 / 1_000.0;
    Some(pct)
}

/// One host.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HostAvailability {
    /// The host.
    pub host: Arc<str>,
    /// Its counts.
    pub counts: Availability,
}

/// How often hosts answered.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AvailabilityShape {
    /// What is counted together.
    pub by: CalendarPeriod,
    /// From when on: the begin of the first period.
    pub from: Rfc3339,
    /// The same in milliseconds since 1970.
    pub from_ms: WallMs,
    /// Up to when.
    pub to: Rfc3339,
    /// The same in milliseconds since 1970.
    pub to_ms: WallMs,
    /// The periods, in UTC: `2026-11` or `2026-11-30`.
    pub periods: Vec<String>,
    /// All hosts together.
    pub all: Availability,
    /// Each of them.
    pub hosts: Vec<HostAvailability>,
}

fn day_of(moment: WallMs) -> Option<NaiveDate> {
    Some(DateTime::from_timestamp_millis(moment.0)?.date_naive())
}

fn moment_of(day: NaiveDate) -> WallMs {
    WallMs(i64::from(day.to_epoch_days()) * DAY_MS)
}

/// The first days of the periods that touch a span.
fn periods(by: CalendarPeriod, span: Span) -> Vec<NaiveDate> {
    let first = day_of(span.from).map(|day| by.first(day));
    std::iter::successors(first, |first| by.next(*first))
        .take_while(|first| moment_of(*first) < span.to)
        .collect()
}

impl Query {
    /// How often hosts answered of what they were asked.
    ///
    /// # Errors
    /// [`QueryError`]; [`QueryError::Series`] for what cannot be answered.
    pub async fn availability(
        &self,
        range: &AvailabilityRange,
        now: WallMs,
    ) -> Result<AvailabilityShape, QueryError> {
        let AvailabilityRange { from, to, by, .. } = *range;
        if from >= to {
            return Err(BadSeries::from(BadRange::Backwards { from, to }).into());
        }
        if to.since(from) > MAX_AVAILABILITY_SPAN {
            return Err(BadSeries::TooLong { most: MAX_AVAILABILITY_SPAN }.into());
        }
        let starts = periods(by, Span { from, to });
        let from = starts.first().copied().map_or(from, moment_of);
        let members = self.hosts_of(&range.of).await?;
        if members.len() * starts.len() > MAX_POINTS_IN_ALL {
            let (series, points) = (members.len(), starts.len());
            return Err(BadSeries::TooMany { series, points, what: "hosts" }.into());
        }
        let firsts: Vec<WallMs> = starts.iter().copied().map(moment_of).collect();
        let place = |bucket: &Bucket| {
            firsts.partition_point(|first| *first <= bucket.start).saturating_sub(1)
        };
        let step = Duration::from_millis(DAY_MS.unsigned_abs());
        let read = (Span { from, to }, step, Tier::Hours);
        // Which column is read along does not matter.
        let read = self.buckets_of(&members, Column::Load1, read, now).await?;
        let mut all = Availability::of_periods(starts.len());
        let mut hosts = Vec::with_capacity(members.len());
        for (member, days) in members.iter().zip(&read) {
            let mut counts = Availability::of_periods(starts.len());
            for day in days.iter().filter(|day| day.polls > 0) {
                for counts in [&mut counts, &mut all] {
                    counts.add(place(day), day.polls.into(), day.failed.into(), 1);
                }
            }
            counts.reckon();
            hosts.push(HostAvailability { host: member.name.as_str().into(), counts });
        }
        all.reckon();
        Ok(AvailabilityShape {
            by,
            from: Rfc3339(from),
            from_ms: from,
            to: Rfc3339(to),
            to_ms: to,
            periods: starts.into_iter().map(|first| by.name(first)).collect(),
            all,
            hosts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::Rollup,
        store::{self, Batch, Store as _, sample, sqlite::Sqlite},
    };

    fn moment(text: &str) -> WallMs {
        WallMs(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    }

    #[test]
    fn what_failed_once_is_not_whole() {
        assert_eq!(share(0, 0), None);
        assert_eq!(share(10, 0), Some(100.0));
        assert_eq!(share(1_000_000, 1), Some(99.999));
        assert_eq!(share(3, 1), Some(66.666));
        assert_eq!(share(7, 7), Some(0.0));
    }

    /// Days and months are those of the calendar in UTC, also where February has 29 days; what was not asked is
    /// unknown, and a day without polls counts for nothing.
    #[tokio::test]
    async fn polls_are_counted_by_months_and_days() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let store = Sqlite::open(&path, store::Mode::ReadWrite).await.unwrap();
        let registered = [sample::registration("a"), sample::registration("b")].into();
        let hosts = store.register(registered, WallMs(0)).await.unwrap();
        let hour = |host: usize, text: &str, good: u32, failed: u32| {
            let mut rollup = Rollup::new(hosts[host].id, moment(text));
            (rollup.polls, rollup.failed) = (good + failed, failed);
            rollup.into()
        };
        let rollups = vec![
            hour(0, "2024-02-28T23:00:00Z", 360, 0),
            hour(0, "2024-02-29T00:00:00Z", 359, 1),
            hour(0, "2024-02-29T23:00:00Z", 360, 0),
            hour(0, "2024-03-01T00:00:00Z", 0, 360),
            hour(1, "2024-03-02T00:00:00Z", 60, 0),
        ];
        store.write(Arc::new(Batch { rollups, ..Batch::default() })).await.unwrap();
        let query = Query::of_store(Arc::new(store));
        let range = |by, from: &str, to: &str| AvailabilityRange {
            of: HostsOf::Named(vec!["a".into(), "b".into()]),
            from: moment(from),
            to: moment(to),
            by,
        };
        let now = moment("2024-06-01T00:00:00Z");
        let months =
            range(CalendarPeriod::Month, "2024-02-10T05:00:00Z", "2024-04-01T00:00:00.001Z");
        let told = query.availability(&months, now).await.unwrap();
        assert_eq!(told.periods, ["2024-02", "2024-03", "2024-04"]);
        assert_eq!(told.from_ms, moment("2024-02-01T00:00:00Z"));
        let of_a = Availability {
            polls: vec![1_080, 360, 0],
            failed: vec![1, 360, 0],
            available_pct: vec![Some(99.907), Some(0.0), None],
            days: vec![2, 1, 0],
        };
        assert_eq!(told.hosts[0].counts, of_a);
        let all = Availability {
            polls: vec![1_080, 420, 0],
            failed: vec![1, 360, 0],
            available_pct: vec![Some(99.907), Some(14.285), None],
            days: vec![2, 2, 0],
        };
        assert_eq!(told.all, all);
        let days = range(CalendarPeriod::Day, "2024-02-28T23:30:00Z", "2024-03-01T00:00:00Z");
        let told = query.availability(&days, now).await.unwrap();
        assert_eq!(told.periods, ["2024-02-28", "2024-02-29"]);
        assert_eq!(told.hosts[0].counts.polls, [360, 720]);
        let wrong = |from, to| range(CalendarPeriod::Day, from, to);
        for (range, words) in [
            (wrong("2024-02-01T00:00:00Z", "2024-02-01T00:00:00Z"), "must be before"),
            (wrong("2022-02-01T00:00:00Z", "2024-02-01T00:00:00Z"), "at most 400 days"),
        ] {
            let told = query.availability(&range, now).await.unwrap_err().to_string();
            assert!(told.contains(words), "{told}");
        }
        let usual = AvailabilityRange::usual_from(moment("2024-01-31T12:00:00Z"));
        assert_eq!(usual, moment("2023-12-01T00:00:00Z"));
    }
}
