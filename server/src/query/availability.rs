//! For how much of the time hosts answered, and what crossed their network, by calendar days or months.
//!
//! It is summed up from the hours in short, which are kept for years. What counts is time, not polls: a host that
//! is down is asked less often, and intervals change (`rollup::spent`). Of a group and of all hosts each minute
//! of each host weighs the same. What the server could not know is unknown, and neither good nor bad: it was
//! down, cut off, or had not what a poll takes. So is a pause by the inventory, in which nobody is asked; pauses by
//! an operator and maintenance windows stand apart.

mod table;

use std::{collections::HashMap, sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::Serialize;

pub use self::table::AVAILABILITY_COLUMNS;
use super::{
    BadRange, BadSeries, Calendar, CalendarPeriod, MAX_POINTS_IN_ALL, PeriodShape, Query,
    QueryError, moment::Rfc3339, together::HostsOf,
};
use crate::{
    model::{HostId, Reckoned, hour_of},
    rollup::GRACE,
    store::{PeriodSum, ReckonAsk, Span},
    units::WallMs,
};

/// The longest span of which availability is told: a year and the month before it.
const MAX_AVAILABILITY_SPAN: Duration = Duration::from_secs(400 * 86_400);

/// How long after its [`GRACE`] an hour may be on its way to the store.
const ON_ITS_WAY: Duration = Duration::from_secs(120);

/// Thousandths of a per cent in the whole.
const WHOLE: u64 = 100_000;

/// What is to be reached: so much of the time that is known must be good. In thousandths of a per cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target(u64);

impl Target {
    /// Reads per cent, with three decimals at most.
    ///
    /// # Errors
    /// What was expected, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "expected per cent above 0 and up to 100 with at most three decimals, such as 99.9; got {text:?}"
            )
        };
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
        if whole.is_empty() || whole.len() > 3 || part.len() > 3 || !digits(whole) || !digits(part)
        {
            return Err(wrong());
        }
        let thousandths: u64 = format!("{whole}{part:0<3}").parse().map_err(|_| wrong())?;
        if (1..=WHOLE).contains(&thousandths) { Ok(Self(thousandths)) } else { Err(wrong()) }
    }

    fn pct(self) -> f64 {
        pct_of(self.0)
    }

    fn is_met(self, good: u64, bad: u64) -> bool {
        u128::from(good) * u128::from(WHOLE)
            >= (u128::from(good) + u128::from(bad)) * u128::from(self.0)
    }

    /// How much of so long a time may be bad, rounded down.
    fn budget(self, ms: u64) -> u64 {
        let may = u128::from(ms) * u128::from(WHOLE - self.0) / u128::from(WHOLE);
        u64::try_from(may).unwrap_or(u64::MAX)
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailabilityRange {
    /// Of which hosts.
    pub of: HostsOf,
    /// A moment in the first period.
    pub from: WallMs,
    /// The first moment after the last one.
    pub to: WallMs,
    /// Where periods begin.
    pub calendar: Calendar,
    /// What is to be reached.
    pub target: Option<Target>,
}

/// Sums of each period, in their order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct Availability {
    /// The share of the known time in which they answered, pauses left out: good / (good + bad), per cent, never
    /// rounded up; `null` where nothing is known.
    pub available_pct: Vec<Option<f64>>,
    /// For so long they answered, milliseconds.
    pub good_ms: Vec<u64>,
    /// For so long they did not, milliseconds.
    pub bad_ms: Vec<u64>,
    /// For so long an operator or a maintenance window paused them, milliseconds.
    pub paused_ms: Vec<u64>,
    /// Of so much time nothing is known, from the first hour that is kept of a host on, milliseconds.
    pub unknown_ms: Vec<u64>,
    /// Polls that were asked.
    pub polls: Vec<u64>,
    /// Of these, polls that brought no values.
    pub failed: Vec<u64>,
    /// Whether the target is met by what is known; `null` where nothing is, or no target was asked about.
    pub met: Vec<Option<bool>>,
    /// How much longer they may be bad until the period ends and the target still be met, milliseconds, below 0: by
    /// so much it was missed. Of several hosts together.
    pub left_ms: Vec<Option<i64>>,
    /// What physical interfaces received, bytes; `null` where no counter is known.
    pub rx_bytes: Vec<Option<u64>>,
    /// What they sent, bytes.
    pub tx_bytes: Vec<Option<u64>>,
    /// The time in which these counters grew so, milliseconds. Of other time nothing is known, and nothing added.
    pub counted_ms: Vec<u64>,
}

/// What is gathered of a period.
#[derive(Debug, Clone, Copy, Default)]
struct Gathered {
    sum: Reckoned,
    polls: u64,
    failed: u64,
    unknown_ms: u64,
    /// All of the period, of each host that is watched in it.
    whole_ms: u64,
}

impl Gathered {
    fn merge(&mut self, other: &Self) {
        self.sum.merge(&other.sum);
        self.polls += other.polls;
        self.failed += other.failed;
        self.unknown_ms += other.unknown_ms;
        self.whole_ms += other.whole_ms;
    }
}

impl Availability {
    fn of(all: &[Gathered], target: Option<Target>) -> Self {
        let each = |value: fn(&Gathered) -> u64| all.iter().map(value).collect();
        let left = |of: &Gathered, target: Target| {
            let budget = target.budget(of.whole_ms.saturating_sub(of.sum.paused_ms));
            Some(budget.cast_signed().saturating_sub(of.sum.bad_ms.cast_signed()))
        };
        let is_known = |of: &Gathered| of.sum.good_ms + of.sum.bad_ms > 0;
        let met = |of: &Gathered| {
            target
                .filter(|_| is_known(of))
                .map(|target| target.is_met(of.sum.good_ms, of.sum.bad_ms))
        };
        let bytes = |value: fn(&Reckoned) -> u64| {
            all.iter().map(|of| (of.sum.counted_ms > 0).then(|| value(&of.sum))).collect()
        };
        Self {
            available_pct: all.iter().map(|of| share(of.sum.good_ms, of.sum.bad_ms)).collect(),
            good_ms: each(|of| of.sum.good_ms),
            bad_ms: each(|of| of.sum.bad_ms),
            paused_ms: each(|of| of.sum.paused_ms),
            unknown_ms: each(|of| of.unknown_ms),
            polls: each(|of| of.polls),
            failed: each(|of| of.failed),
            met: all.iter().map(met).collect(),
            left_ms: all.iter().map(|of| target.and_then(|target| left(of, target))).collect(),
            rx_bytes: bytes(|sum| sum.rx_bytes),
            tx_bytes: bytes(|sum| sum.tx_bytes),
            counted_ms: each(|of| of.sum.counted_ms),
        }
    }
}

fn pct_of(thousandths: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "at most 100,000")]
    let pct = thousandths as f64 / 1_000.0;
    pct
}

/// Per cent to a thousandth, rounded down: what was bad for a moment is not 100.
fn share(good: u64, bad: u64) -> Option<f64> {
    let all = u128::from(good) + u128::from(bad);
    let thousandths = (u128::from(good) * u128::from(WHOLE)).checked_div(all)?;
    Some(pct_of(u64::try_from(thousandths).unwrap_or(WHOLE)))
}

/// One host.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HostAvailability {
    /// The host.
    pub host: Arc<str>,
    /// Its group.
    pub group: Option<Arc<str>>,
    /// Its sums.
    pub counts: Availability,
}

/// The hosts of a group together.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GroupAvailability {
    /// The group; `null`: of those that are in none.
    pub group: Option<Arc<str>>,
    /// How many hosts it has here.
    pub hosts: usize,
    /// Their sums: each minute of each host weighs the same.
    pub counts: Availability,
}

/// For how much of the time hosts answered.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AvailabilityShape {
    /// What is counted together.
    pub by: CalendarPeriod,
    /// By whose calendar: a name of the IANA time zone database.
    pub zone: &'static str,
    /// What is to be reached, per cent.
    pub target_pct: Option<f64>,
    /// Up to when hours are over and summed up.
    pub known_to: Rfc3339,
    /// The same in milliseconds since 1970.
    pub known_to_ms: WallMs,
    /// The periods.
    pub periods: Vec<PeriodShape>,
    /// All hosts together: each minute of each host weighs the same.
    pub all: Availability,
    /// Each group, by its name.
    pub groups: Vec<GroupAvailability>,
    /// Each host.
    pub hosts: Vec<HostAvailability>,
}

impl Query {
    /// For how much of the time hosts answered, as far as hours in short say: up to the last one that is over.
    ///
    /// # Errors
    /// [`QueryError`]; [`QueryError::Series`] for what cannot be answered.
    pub async fn availability(
        &self,
        range: &AvailabilityRange,
        now: WallMs,
    ) -> Result<AvailabilityShape, QueryError> {
        let AvailabilityRange { from, to, calendar, target, .. } = *range;
        if from >= to {
            return Err(BadSeries::from(BadRange::Backwards { from, to }).into());
        }
        if to.since(from) > MAX_AVAILABILITY_SPAN {
            return Err(BadSeries::TooLong { most: MAX_AVAILABILITY_SPAN }.into());
        }
        let periods = calendar.periods(Span { from, to })?;
        let mut members = self.hosts_of(&range.of).await?;
        self.find_groups(&mut members).await?;
        if members.len() * periods.len() > MAX_POINTS_IN_ALL {
            let (series, points) = (members.len(), periods.len());
            return Err(BadSeries::TooMany { series, points, what: "hosts" }.into());
        }
        let known_to = hour_of(now.minus(GRACE + ON_ITS_WAY));
        // What is asked beyond the end of its last period, or of the present, has no hours yet.
        let cut = |of: &PeriodShape| Span { to: of.to_ms.min(known_to), ..of.span() };
        let spans: Arc<[Span]> = periods.iter().map(cut).collect();
        let ask = ReckonAsk {
            hosts: members.iter().map(|member| member.id).collect(),
            periods: Arc::clone(&spans),
        };
        let kept = self.store.reckoned(ask).await?;
        let first: HashMap<HostId, WallMs> = kept.first.into_iter().collect();
        let sums: HashMap<(HostId, usize), PeriodSum> =
            kept.sums.into_iter().map(|of| ((of.host, of.period), of)).collect();
        let of_host = |host: HostId| -> Vec<Gathered> {
            let first = first.get(&host).copied();
            let each = periods.iter().zip(&*spans).enumerate();
            each.map(|(at, (period, span))| gathered(sums.get(&(host, at)), period, *span, first))
                .collect()
        };
        let none = || vec![Gathered::default(); periods.len()];
        let mut all = none();
        let mut groups: Vec<(Option<Arc<str>>, usize, Vec<Gathered>)> = Vec::new();
        let mut hosts = Vec::with_capacity(members.len());
        for member in members {
            let sums = of_host(member.id);
            let group: Option<Arc<str>> = member.group.map(|group| group.as_str().into());
            let place =
                groups.binary_search_by(|(name, ..)| name.cmp(&group)).unwrap_or_else(|at| {
                    groups.insert(at, (group.clone(), 0, none()));
                    at
                });
            let (_, count, of_group) = &mut groups[place];
            *count += 1;
            for together in [&mut all, of_group] {
                together.iter_mut().zip(&sums).for_each(|(sum, more)| sum.merge(more));
            }
            let counts = Availability::of(&sums, target);
            hosts.push(HostAvailability { host: member.name.as_str().into(), group, counts });
        }
        let of_group = |(group, hosts, sums): (_, _, Vec<Gathered>)| GroupAvailability {
            group,
            hosts,
            counts: Availability::of(&sums, target),
        };
        Ok(AvailabilityShape {
            by: calendar.by,
            zone: calendar.zone.name(),
            target_pct: target.map(Target::pct),
            known_to: Rfc3339(known_to),
            known_to_ms: known_to,
            periods,
            all: Availability::of(&all, target),
            groups: groups.into_iter().map(of_group).collect(),
            hosts,
        })
    }
}

/// A period of a host; before the first hour of it that is kept it was not watched, which is not unknown.
fn gathered(
    kept: Option<&PeriodSum>,
    period: &PeriodShape,
    span: Span,
    first: Option<WallMs>,
) -> Gathered {
    let length = |from: WallMs, to: WallMs| to.0.saturating_sub(from.0).max(0).unsigned_abs();
    let watched = first.map(|first| first.max(span.from)).filter(|from| *from < period.to_ms);
    let Some(from) = watched else { return Gathered::default() };
    let (sum, polls, failed) =
        kept.map_or((Reckoned::default(), 0, 0), |of| (of.sum, of.polls, of.failed));
    Gathered {
        sum,
        polls,
        failed,
        unknown_ms: length(from, span.to).saturating_sub(sum.known_ms()),
        whole_ms: length(period.from_ms, period.to_ms),
    }
}

#[cfg(test)]
mod tests;
