//! A column of each of many hosts over one span, taken together: from memory where that can be.
//!
//! What the server gathers of each host ([`crate::rollup::LastHour`]) reaches back more than an hour, and to the
//! hours that are kept in short; those are read once for all hosts, and are remembered for as long as they are
//! the ones that are asked for. Of a host whose memory does not reach back (it is new, or the server is), and of
//! an hour that is not in short yet, the store's polls are read, as for a chart.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{BadRange, BadSeries, MAX_HOSTS_TOGETHER, Query, QueryError, together::Member};
use crate::{
    model::{Column, HOUR_MS, HostId, hour_of},
    rollup::{LAST_HOUR_STEP, SpanStat, Tier, point_of},
    store::{Bucket, Span},
    units::WallMs,
};

/// A span of so long or longer is read from hours: a whole one at its begin is no longer much of it.
const FROM_HOURS: Duration = Duration::from_secs(3 * 3_600);

/// A span of so long or longer that ends now is read from memory: a whole point at its begin is no longer much of it.
const FROM_MEMORY: Duration = LAST_HOUR_STEP.saturating_mul(3);

/// A span that ended so long ago or less ends now: clocks of those who ask differ, and a question takes its time.
const IS_NOW: Duration = Duration::from_secs(60);

/// How long after its end an hour is expected to be kept in short, of every host.
const IN_SHORT_AFTER: Duration = LAST_HOUR_STEP.saturating_mul(2);

/// How long the buckets are that are read, and then taken together.
const STEP: Duration = Duration::from_secs(365 * 86_400);

/// Questions whose hours are remembered. Each has a hundred bytes of each host, until its hours are no longer those
/// that are asked for: an hour at most.
const REMEMBERED: usize = 8;

const HOUR: Duration = Duration::from_millis(HOUR_MS.unsigned_abs());

/// What is known of a column of each of some hosts over a span.
pub(super) struct Means {
    /// `poll`, `ten_minutes` or `hour`.
    pub(super) tier: &'static str,
    /// The first moment of which they are: with other tiers than polls, that of the point in which the one that was
    /// asked for lies.
    pub(super) from: WallMs,
    /// The first moment after them: now, when it was less than a minute before and memory has a part in them.
    pub(super) to: WallMs,
    /// One for each host.
    pub(super) of: Vec<SpanStat>,
}

/// What is known of each of some hosts.
type KnownOf = HashMap<HostId, SpanStat>;

/// Hours of a column that are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct HoursOf {
    column: Column,
    from: WallMs,
    to: WallMs,
}

/// The hours that were read last, each question's of all hosts taken together. Of a host there is nothing until its
/// last hour is kept.
#[derive(Debug, Default)]
pub(super) struct RememberedHours {
    asked: Mutex<VecDeque<(HoursOf, Arc<KnownOf>)>>,
}

impl RememberedHours {
    fn of(&self, asked: &HoursOf) -> Arc<KnownOf> {
        let all = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.iter().find(|(key, _)| key == asked);
        found.map(|(_, hours)| Arc::clone(hours)).unwrap_or_default()
    }

    fn keep(&self, asked: HoursOf, hours: Arc<KnownOf>) {
        let mut all = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(key, _)| *key != asked);
        all.truncate(REMEMBERED - 1);
        all.push_front((asked, hours));
    }
}

fn taken_together(buckets: &[Bucket]) -> SpanStat {
    let mut all = SpanStat::default();
    for bucket in buckets {
        let stat = bucket.stats.first().copied().unwrap_or_default();
        all.merge(&SpanStat { polls: bucket.polls, failed: bucket.failed, stat });
    }
    all
}

impl Query {
    /// What is known of a column of each of these hosts over a span.
    ///
    /// # Errors
    /// [`QueryError`]; [`QueryError::Series`] when too many of them have to be asked of the store.
    pub(super) async fn means(
        &self,
        members: &[Member],
        column: Column,
        Span { from, to }: Span,
        now: WallMs,
    ) -> Result<Means, QueryError> {
        if from >= to {
            return Err(BadSeries::from(BadRange::Backwards { from, to }).into());
        }
        let length = to.since(from);
        let is_now = to.plus(IS_NOW) >= now && self.live.is_some();
        let to_now = if is_now { to.max(now) } else { to };
        if length >= FROM_HOURS || self.finest(from, now) == Tier::Hours {
            let span = Span { from: hour_of(from), to: to_now };
            let known = match is_now {
                true => self.hours_and_memory(members, column, span, now).await?,
                false => vec![None; members.len()],
            };
            return self.with_rest(members, known, column, (span, Tier::Hours), now).await;
        }
        if length < FROM_MEMORY || !is_now {
            let known = vec![None; members.len()];
            return self
                .with_rest(members, known, column, (Span { from, to }, Tier::Polls), now)
                .await;
        }
        let from = point_of(from);
        let known = |member: &Member| member.gathered.as_ref()?.stat(column, from);
        let known = members.iter().map(known).collect();
        let span = Span { from, to: to_now };
        let means = self.with_rest(members, known, column, (span, Tier::Polls), now).await?;
        Ok(Means { tier: "ten_minutes", ..means })
    }

    /// Of memory alone, where that is whole, as of a host whose first hour is not over; else of hours that are in
    /// short and what memory has of those after them, where both are whole.
    async fn hours_and_memory(
        &self,
        members: &[Member],
        column: Column,
        span: Span,
        now: WallMs,
    ) -> Result<Vec<Option<SpanStat>>, QueryError> {
        let gathered =
            |member: &Member, from| member.gathered.as_ref().and_then(|of| of.stat(column, from));
        let mut known: Vec<_> = members.iter().map(|member| gathered(member, span.from)).collect();
        let seam = hour_of(now.minus(IN_SHORT_AFTER));
        if seam <= span.from {
            return Ok(known);
        }
        let is_unknown = |(_, known): &(&Member, &Option<SpanStat>)| known.is_none();
        let unknown: Vec<&Member> =
            members.iter().zip(&known).filter(is_unknown).map(|(member, _)| member).collect();
        let asked = HoursOf { column, from: span.from, to: seam };
        let hours = self.remembered.of(&asked);
        let hours = self.with_hours_of(&unknown, asked, hours).await?;
        for (member, known) in members.iter().zip(&mut known).filter(|(_, known)| known.is_none()) {
            let of_hours = hours.get(&member.id).copied();
            *known = of_hours.zip(gathered(member, seam)).map(|(mut all, newest)| {
                all.merge(&newest);
                all
            });
        }
        Ok(known)
    }

    /// Reads the hours of those of which they are not remembered, at most of [`MAX_HOSTS_TOGETHER`].
    async fn with_hours_of(
        &self,
        members: &[&Member],
        asked: HoursOf,
        known: Arc<KnownOf>,
    ) -> Result<Arc<KnownOf>, QueryError> {
        // Of whom nothing is gathered, the hours alone are not enough.
        let is_missing = |of: &&&Member| of.gathered.is_some() && !known.contains_key(&of.id);
        let missing: Vec<HostId> = members.iter().filter(is_missing).map(|of| of.id).collect();
        if missing.is_empty() {
            return Ok(known);
        }
        hold(missing.len())?;
        let span = Span { from: asked.from, to: asked.to };
        let read = self.store.hours_of(missing.into(), asked.column, span).await?;
        let mut hours = HashMap::clone(&known);
        let is_whole = |bucket: &Bucket| bucket.last.plus(HOUR) >= asked.to;
        let whole = read.into_iter().filter(|(_, bucket)| is_whole(bucket));
        hours.extend(whole.map(|(host, bucket)| (host, taken_together(&[bucket]))));
        let hours = Arc::new(hours);
        self.remembered.keep(asked, Arc::clone(&hours));
        Ok(hours)
    }

    /// Asks the store about those of which nothing is known yet.
    async fn with_rest(
        &self,
        members: &[Member],
        known: Vec<Option<SpanStat>>,
        column: Column,
        (span, tier): (Span, Tier),
        now: WallMs,
    ) -> Result<Means, QueryError> {
        let unknown = members.iter().zip(&known).filter(|(_, known)| known.is_none());
        let unknown: Vec<Member> = unknown.map(|(member, _)| member.clone()).collect();
        hold(unknown.len())?;
        let read = self.buckets_of(&unknown, column, (span, STEP, tier), now).await?;
        let mut read = read.iter();
        let mut next = || read.next().map(|of| taken_together(of)).unwrap_or_default();
        let of = known.into_iter().map(|known| known.unwrap_or_else(&mut next)).collect();
        Ok(Means { tier: tier.as_str(), from: span.from, to: span.to, of })
    }
}

/// Holds a number of hosts to those that one answer asks the store about.
fn hold(hosts: usize) -> Result<(), BadSeries> {
    if hosts > MAX_HOSTS_TOGETHER { Err(BadSeries::TooManyHosts { hosts }) } else { Ok(()) }
}

const _: () = assert!(STEP.as_millis().is_multiple_of(HOUR_MS.unsigned_abs() as u128));
