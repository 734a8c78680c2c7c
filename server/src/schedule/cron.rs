//! Cron expressions in a time zone: croner finds the matching local times, this file says which
//! moments they are when the zone's clock is changed.
//!
//! croner's own handling of zones is not used: asked from within a repeated hour it answers with
//! the first pass again and again. It is given plain local time instead, which has no changes.

mod field;

use std::{fmt, hash, time::Duration};

use chrono::{DateTime, Datelike, LocalResult, NaiveDate, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use croner::{
    JobType, YEAR_UPPER_LIMIT,
    errors::CronError,
    parser::{CronParser, Seconds, Year},
};

use super::{MAX_CRON_BYTES, ScheduleError};

/// How many changes of the zone's clock one search may cross; more means the zone is nonsense.
const MAX_GAPS: usize = 64;
/// Half of the window around a local time in which the change that skipped it is looked for,
/// seconds. Covers a skipped calendar day (Samoa, 2011-12-30) at any offset.
const CHANGE_WINDOW_S: i64 = 48 * 3600;
/// Years in which the longest pause of days is looked for; a leap year is among them.
const DAYS_APART_YEARS: i32 = 4;

/// A cron expression in a time zone.
pub(super) struct Cron {
    /// As written, with single spaces.
    text: String,
    pattern: croner::Cron,
    zone: Tz,
    /// Names one single time of day.
    once_a_day: bool,
    shortest_gap: Duration,
}

impl Cron {
    pub(super) fn parse(expression: &str, timezone: &str) -> Result<Self, ScheduleError> {
        if expression.len() > MAX_CRON_BYTES {
            return Err(ScheduleError::TooManyBytes(expression.len()));
        }
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let refused = |why| ScheduleError::Expression { expression: fields.join(" "), why };
        if let Some(meant) = fields.first().and_then(|word| nickname(word)) {
            return Err(refused(format!("write {meant:?}")));
        }
        if fields.len() != 6 {
            return Err(ScheduleError::Fields(fields.len()));
        }
        field::check(&fields).map_err(refused)?;
        let text = fields.join(" ");
        let pattern = CronParser::builder()
            .seconds(Seconds::Required)
            .year(Year::Optional)
            .build()
            .parse(&text)
            .map_err(|e| refused(plain(e)))?;
        let zone = timezone
            .parse()
            .map_err(|_| ScheduleError::Zone { name: timezone.chars().take(64).collect() })?;
        let once_a_day = pattern.determine_job_type() == JobType::FixedTime;
        let shortest_gap = gaps(&pattern, 1).0;
        let cron = Self { text, pattern, zone, once_a_day, shortest_gap };
        // The last 28 years that croner searches: every pairing of weekday and date occurs in 28
        // years, and an impossible date is known after 28 years instead of 3,000.
        let probe_from = NaiveDate::from_ymd_opt(YEAR_UPPER_LIMIT - 28, 1, 1)
            .and_then(|day| day.and_hms_opt(0, 0, 0));
        match probe_from.and_then(|from| cron.next_local(from, true)) {
            Some(_) => Ok(cron),
            None => Err(ScheduleError::Never(cron.text)),
        }
    }

    pub(super) fn shortest_gap(&self) -> Duration {
        self.shortest_gap
    }

    pub(super) fn longest_gap(&self) -> Duration {
        gaps(&self.pattern, days_apart(&self.pattern)).1
    }

    pub(super) fn zone(&self) -> Tz {
        self.zone
    }

    /// What a person may not expect of it.
    pub(super) fn remarks(&self) -> Vec<String> {
        field::remarks(&self.text.split(' ').collect::<Vec<_>>())
    }

    /// The first match strictly after the second `after_s`, both seconds since the Unix epoch.
    pub(super) fn next_after(&self, after_s: i64) -> Option<i64> {
        let after = DateTime::from_timestamp(after_s, 0)?;
        // Keeps local time inside chrono's calendar; croner ends at 5000 anyway.
        if !(1..YEAR_UPPER_LIMIT).contains(&after.year()) {
            return None;
        }
        let local = self.local(after);
        let next = self.search(after, local, false)?;
        let first_pass = match self.zone.from_local_datetime(&local) {
            LocalResult::Ambiguous(first, second) if first == after => Some(second),
            _ => None,
        };
        // In the first pass of a repeated hour the second pass still comes, and shows local times
        // again that are not later than this one.
        if let Some(second) = first_pass.filter(|_| !self.once_a_day) {
            let turn = self.change(after.timestamp(), second.timestamp())?;
            if next.timestamp() >= turn {
                let before = DateTime::from_timestamp(turn - 1, 0)?;
                let shown = self.local(DateTime::from_timestamp(turn, 0)?);
                return self.search(before, shown, true).map(|next| next.timestamp());
            }
        }
        Some(next.timestamp())
    }

    /// The first moment after `after` at which the zone's clock shows a match at or after `local`.
    fn search(
        &self,
        after: DateTime<Utc>,
        mut local: NaiveDateTime,
        mut inclusive: bool,
    ) -> Option<DateTime<Utc>> {
        for _ in 0..MAX_GAPS {
            let next = self.next_local(local, inclusive)?;
            match self.zone.from_local_datetime(&next) {
                LocalResult::Single(moment) => return Some(moment.to_utc()),
                LocalResult::Ambiguous(first, second) => {
                    if first > after {
                        return Some(first.to_utc());
                    }
                    if !self.once_a_day {
                        return Some(second.to_utc());
                    }
                    (local, inclusive) = (next, false);
                }
                LocalResult::None => {
                    let shown = next.and_utc().timestamp();
                    let turn = self.change(shown - CHANGE_WINDOW_S, shown + CHANGE_WINDOW_S)?;
                    let turn = DateTime::from_timestamp(turn, 0)?;
                    if self.once_a_day && turn > after {
                        return Some(turn);
                    }
                    (local, inclusive) = (self.local(turn).max(next), true);
                }
            }
        }
        None
    }

    /// The first matching local time after `local`, or from it on: no zone, no changes.
    fn next_local(&self, local: NaiveDateTime, inclusive: bool) -> Option<NaiveDateTime> {
        let found = self.pattern.find_next_occurrence(&local.and_utc(), inclusive).ok()?;
        Some(found.naive_utc())
    }

    fn local(&self, moment: DateTime<Utc>) -> NaiveDateTime {
        moment.with_timezone(&self.zone).naive_local()
    }

    fn offset_s(&self, moment_s: i64) -> Option<i32> {
        let moment = DateTime::from_timestamp(moment_s, 0)?.naive_utc();
        Some(self.zone.offset_from_utc_datetime(&moment).fix().local_minus_utc())
    }

    /// The second in `(low, high]` from which on the zone has another offset than at `low`.
    fn change(&self, mut low: i64, mut high: i64) -> Option<i64> {
        let before = self.offset_s(low)?;
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.offset_s(middle)? == before {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(high)
    }
}

/// The shortest and the longest time between two matches when the clock is not changed and two days
/// that match lie at most `days` apart; the shortest as if every day matched.
fn gaps(cron: &croner::Cron, days: u32) -> (Duration, Duration) {
    let pattern = &cron.pattern;
    let set = |end: u32, matches: &dyn Fn(u32) -> Result<bool, CronError>| -> Vec<u32> {
        (0..end).filter(|value| matches(*value).unwrap_or(false)).collect()
    };
    let seconds = set(60, &|value| pattern.second_match(value));
    let minutes = set(60, &|value| pattern.minute_match(value));
    let hours = set(24, &|value| pattern.hour_match(value));
    // How long the part below a unit lasts from its first to its last match, in seconds.
    let width = |values: &[u32], unit: u32| match (values.first(), values.last()) {
        (Some(first), Some(last)) => (last - first) * unit,
        _ => 0,
    };
    let below_minute = width(&seconds, 1);
    let below_hour = below_minute + width(&minutes, 60);
    let below_day = below_hour + width(&hours, 3600);
    let between = |values: &[u32], unit: u32, below: u32| -> Vec<u32> {
        values.windows(2).map(|pair| (pair[1] - pair[0]) * unit - below).collect()
    };
    let within = [
        between(&seconds, 1, 0),
        between(&minutes, 60, below_minute),
        between(&hours, 3600, below_hour),
    ]
    .concat();
    let night = |days: u32| days * 24 * 3600 - below_day;
    let shortest = within.iter().copied().chain([night(1)]).min().unwrap_or(1);
    let longest = within.into_iter().chain([night(days)]).max().unwrap_or(1);
    (Duration::from_secs(shortest.into()), Duration::from_secs(longest.into()))
}

/// How many days lie at most between two days that match, within the last years that are searched.
fn days_apart(pattern: &croner::Cron) -> u32 {
    let pattern = &pattern.pattern;
    let matches = |day: &NaiveDate| {
        pattern.month_match(day.month()).unwrap_or(false)
            && pattern.day_match(day.year(), day.month(), day.day()).unwrap_or(false)
    };
    let Some(first) = NaiveDate::from_ymd_opt(YEAR_UPPER_LIMIT - DAYS_APART_YEARS, 1, 1) else {
        return 1;
    };
    let days = first.iter_days().take_while(|day| day.year() < YEAR_UPPER_LIMIT);
    let (mut apart, mut run) = (1, 1);
    for day in days {
        run = if matches(&day) { 1 } else { run + 1 };
        apart = apart.max(run);
    }
    apart
}

/// What stands for a nickname of other crons.
fn nickname(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "@yearly" | "@annually" => "0 0 0 1 1 *",
        "@monthly" => "0 0 0 1 * *",
        "@weekly" => "0 0 0 * * SUN",
        "@daily" | "@midnight" => "0 0 0 * * *",
        "@hourly" => "0 0 * * * *",
        _ => return None,
    })
}

/// croner's own words without its prefixes.
fn plain(error: CronError) -> String {
    let text = match error {
        CronError::InvalidPattern(text)
        | CronError::IllegalCharacters(text)
        | CronError::ComponentError(text) => text,
        other => other.to_string(),
    };
    text.trim_end_matches('.').replace("CronPattern", "the expression")
}

/// The expression and its zone.
impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.text, self.zone)
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.zone == other.zone
    }
}

impl Eq for Cron {}

impl hash::Hash for Cron {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
        self.zone.hash(state);
    }
}
