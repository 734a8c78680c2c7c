//! The hosts with the largest, or the smallest, mean of a column over a span.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    BadRange, BadSeries, Query, QueryError, SortOrder,
    moment::Rfc3339,
    together::{HostsOf, Member},
};
use crate::{
    model::{Column, ColumnSet as _, HOUR_MS, Stat, Unit, hour_of},
    rollup::Tier,
    store::{Bucket, Span},
    units::WallMs,
};

/// The most hosts in one answer.
pub const MAX_TOP: usize = 100;

/// Hosts in an answer when nobody says.
pub const DEFAULT_TOP: usize = 10;

/// A span of so long or longer is read from hours: a whole one at its begin is no longer much of it.
const FROM_HOURS: Duration = Duration::from_secs(3 * 3_600);

/// How long the buckets are that are read, and then taken together.
const STEP: Duration = Duration::from_secs(365 * 86_400);

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopRange {
    /// By which value.
    pub column: Column,
    /// Of which hosts.
    pub of: HostsOf,
    /// The first moment in it.
    pub from: WallMs,
    /// The first moment after it.
    pub to: WallMs,
    /// At most so many hosts, up to [`MAX_TOP`].
    pub limit: usize,
    /// Largest or smallest first.
    pub order: SortOrder,
}

/// A host and what it had.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TopRow {
    /// The host.
    pub host: Arc<str>,
    /// The mean.
    pub avg: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
    /// Of how many polls.
    pub count: u32,
    /// Polls that brought no values.
    pub failed: u32,
}

/// The hosts with the largest, or the smallest, mean of a column.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TopShape {
    /// The column.
    pub column: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// `poll` or `hour`: what it is read from.
    pub tier: &'static str,
    /// From when on: with hours, the begin of the one in which the `from` that was asked for lies.
    pub from: Rfc3339,
    /// The same in milliseconds since 1970.
    pub from_ms: WallMs,
    /// Up to when.
    pub to: Rfc3339,
    /// The same in milliseconds since 1970.
    pub to_ms: WallMs,
    /// How many hosts were looked at.
    pub hosts: usize,
    /// Of these, those of which no value is known.
    pub unknown: usize,
    /// The hosts, by their means.
    pub top: Vec<TopRow>,
}

fn row(member: &Member, buckets: &[Bucket]) -> Option<TopRow> {
    let (mut stat, mut failed) = (Stat::default(), 0_u32);
    for bucket in buckets {
        bucket.stats.iter().for_each(|more| stat.merge(more));
        failed = failed.saturating_add(bucket.failed);
    }
    Some(TopRow {
        host: member.name.as_str().into(),
        avg: stat.avg()?,
        min: stat.min()?,
        max: stat.max()?,
        count: stat.count,
        failed,
    })
}

impl Query {
    /// The hosts with the largest, or the smallest, mean of a column over a span.
    ///
    /// # Errors
    /// [`QueryError`]; [`QueryError::Series`] for what cannot be answered.
    pub async fn top(&self, range: &TopRange, now: WallMs) -> Result<TopShape, QueryError> {
        let (from, to) = (range.from, range.to);
        if from >= to {
            return Err(BadSeries::from(BadRange::Backwards { from, to }).into());
        }
        let tier = match self.finest(from, now) {
            Tier::Polls if to.since(from) < FROM_HOURS => Tier::Polls,
            _ => Tier::Hours,
        };
        let from = if tier == Tier::Hours { hour_of(from) } else { from };
        let members = self.hosts_of(&range.of).await?;
        let read = (Span { from, to }, STEP, tier);
        let read = self.buckets_of(&members, range.column, read, now).await?;
        let rows = members.iter().zip(&read);
        let mut rows: Vec<TopRow> = rows.filter_map(|(member, of)| row(member, of)).collect();
        let known = rows.len();
        rows.sort_by(|one, other| {
            let by_mean = match range.order {
                SortOrder::Asc => one.avg.total_cmp(&other.avg),
                SortOrder::Desc => other.avg.total_cmp(&one.avg),
            };
            by_mean.then_with(|| one.host.cmp(&other.host))
        });
        rows.truncate(range.limit.min(MAX_TOP));
        let spec = range.column.spec();
        Ok(TopShape {
            column: spec.name,
            unit: spec.unit,
            tier: tier.as_str(),
            from: Rfc3339(from),
            from_ms: from,
            to: Rfc3339(to),
            to_ms: to,
            hosts: members.len(),
            unknown: members.len() - known,
            top: rows,
        })
    }
}

const _: () = assert!(STEP.as_millis().is_multiple_of(HOUR_MS.unsigned_abs() as u128));
