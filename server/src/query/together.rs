//! Which hosts are looked at together.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::future::try_join_all;

use super::{BadSeries, MAX_HOSTS_TOGETHER, Query, QueryError};
use crate::{
    model::{Column, GroupName, HostId, HostName},
    rollup::Tier,
    store::{Bucket, HostQuery, SeriesAsk, Span},
    text::did_you_mean,
    units::WallMs,
};

/// Hosts that are read at once.
const AT_ONCE: usize = 8;

/// Some hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostsOf {
    /// Those of the inventory.
    Inventory,
    /// Those of a group.
    Group(String),
    /// These, in this order.
    Named(Vec<String>),
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) id: HostId,
    pub(super) name: HostName,
    /// The time between two of its polls; 0 when it is not known.
    pub(super) interval: Duration,
}

impl Query {
    /// The hosts, at most [`MAX_HOSTS_TOGETHER`].
    ///
    /// # Errors
    /// [`QueryError`]: one of them, or the group, is not known, or there are too many.
    pub(super) async fn hosts_of(&self, of: &HostsOf) -> Result<Vec<Member>, QueryError> {
        let found = match of {
            HostsOf::Named(names) => {
                let mut found = Vec::new();
                let mut seen = HashSet::new();
                for name in names {
                    let (id, name) = self.find(name).await?;
                    let interval = self.history(Some(&name)).interval;
                    if seen.insert(id) {
                        found.push(Member { id, name, interval });
                    }
                }
                found
            }
            HostsOf::Group(group) => {
                let all = self.listed().await?;
                let is_of =
                    |of: &Option<GroupName>| of.as_ref().is_some_and(|name| name.as_str() == group);
                if !all.iter().any(|(_, of)| is_of(of)) {
                    let groups =
                        all.iter().filter_map(|(_, of)| of.as_ref().map(GroupName::as_str));
                    let hint = did_you_mean(group, groups);
                    return Err(QueryError::UnknownGroup { name: group.clone(), hint });
                }
                all.into_iter().filter(|(_, of)| is_of(of)).map(|(member, _)| member).collect()
            }
            HostsOf::Inventory => {
                self.listed().await?.into_iter().map(|(member, _)| member).collect()
            }
        };
        match found.len() {
            0..=MAX_HOSTS_TOGETHER => Ok(found),
            hosts => Err(BadSeries::TooManyHosts { hosts }.into()),
        }
    }

    /// A column of each of them over a span, in buckets of `step`.
    pub(super) async fn buckets_of(
        &self,
        members: &[Member],
        column: Column,
        (span, step, tier): (Span, Duration, Tier),
        now: WallMs,
    ) -> Result<Vec<Vec<Bucket>>, QueryError> {
        let mut all = Vec::with_capacity(members.len());
        for some in members.chunks(AT_ONCE) {
            let read = some.iter().map(|member| {
                let columns = [column].into();
                self.buckets(SeriesAsk { host: member.id, columns, span, step, tier }, now)
            });
            all.extend(try_join_all(read).await?);
        }
        Ok(all)
    }

    /// The hosts of the inventory with their groups, by name.
    async fn listed(&self) -> Result<Vec<(Member, Option<GroupName>)>, QueryError> {
        if let Some(live) = &self.live {
            let mut all = live.hosts();
            all.sort_by(|a, b| a.name.cmp(&b.name));
            let member = |view: Arc<crate::live::HostView>| {
                let (name, interval) = (view.name.clone(), view.interval);
                (Member { id: view.id, name, interval }, view.group.clone())
            };
            return Ok(all.into_iter().map(member).collect());
        }
        let kept = self.store.hosts(HostQuery::listed()).await?;
        let member = |host: crate::store::HostSummary| {
            let interval = Duration::ZERO;
            (Member { id: host.id, name: host.name, interval }, host.group)
        };
        Ok(kept.into_iter().map(member).collect())
    }
}
