//! Which hosts are looked at together.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures_util::future::try_join_all;

use super::{BadSeries, MAX_HOSTS_TOGETHER, Query, QueryError};
use crate::{
    live::Gathered,
    model::{Column, GroupName, HostId, HostName, Labels},
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
    /// Those with a label of this value.
    Label(String, String),
    /// These, in this order.
    Named(Vec<String>),
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) id: HostId,
    pub(super) name: HostName,
    /// Its group; of one that was asked for by name, [`Query::find_groups`] says it.
    pub(super) group: Option<GroupName>,
    /// The time between two of its polls; 0 when it is not known.
    pub(super) interval: Duration,
    /// Its polls of the last hour and more; none where it is not watched by this server.
    pub(super) gathered: Option<Gathered>,
}

/// One of the inventory, with what it can be chosen by.
struct Listed {
    member: Member,
    labels: Arc<Labels>,
}

impl Query {
    /// The hosts, at most [`MAX_HOSTS_TOGETHER`].
    ///
    /// # Errors
    /// [`QueryError`]: one of them, or the group, is not known, or there are too many.
    pub(super) async fn hosts_of(&self, of: &HostsOf) -> Result<Vec<Member>, QueryError> {
        let found = self.all_hosts_of(of).await?;
        match found.len() {
            0..=MAX_HOSTS_TOGETHER => Ok(found),
            hosts => Err(BadSeries::TooManyHosts { hosts }.into()),
        }
    }

    /// The hosts, however many.
    ///
    /// # Errors
    /// [`QueryError`]: one of them, or the group, is not known.
    pub(super) async fn all_hosts_of(&self, of: &HostsOf) -> Result<Vec<Member>, QueryError> {
        Ok(match of {
            HostsOf::Named(names) => {
                let mut found = Vec::new();
                let mut seen = HashSet::new();
                for name in names {
                    let (id, name) = self.find(name).await?;
                    let view = self.live.as_ref().and_then(|live| live.host(name.as_str()));
                    let view = view.filter(|view| view.id == id);
                    let interval = view.as_ref().map_or(Duration::ZERO, |view| view.interval);
                    let gathered = view.map(|view| view.gathered.clone());
                    if seen.insert(id) {
                        found.push(Member { id, name, group: None, interval, gathered });
                    }
                }
                found
            }
            HostsOf::Group(group) => {
                let all = self.listed().await?;
                let is_of = |one: &Listed| {
                    one.member.group.as_ref().is_some_and(|name| name.as_str() == group)
                };
                if !all.iter().any(is_of) {
                    let groups = all.iter().filter_map(|one| one.member.group.as_ref());
                    let hint = did_you_mean(group, groups.map(GroupName::as_str));
                    return Err(QueryError::UnknownGroup { name: group.clone(), hint });
                }
                all.into_iter().filter(is_of).map(|one| one.member).collect()
            }
            HostsOf::Label(name, value) => {
                let all = self.listed().await?;
                let has = all.into_iter().filter(|one| one.labels.get(name) == Some(value));
                has.map(|one| one.member).collect()
            }
            HostsOf::Inventory => self.listed().await?.into_iter().map(|one| one.member).collect(),
        })
    }

    /// Finds the groups of those that were asked for by name.
    pub(super) async fn find_groups(&self, members: &mut [Member]) -> Result<(), QueryError> {
        if members.iter().all(|member| member.group.is_some()) {
            return Ok(());
        }
        let listed = self.listed().await?.into_iter().map(|one| one.member);
        let mut groups: HashMap<_, _> = listed.map(|one| (one.id, one.group)).collect();
        for member in members.iter_mut().filter(|member| member.group.is_none()) {
            member.group = groups.remove(&member.id).flatten();
        }
        Ok(())
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

    /// The hosts of the inventory, by name.
    async fn listed(&self) -> Result<Vec<Listed>, QueryError> {
        if let Some(live) = &self.live {
            let mut all = live.hosts();
            all.sort_by(|a, b| a.name.cmp(&b.name));
            let listed = |view: Arc<crate::live::HostView>| {
                let (name, interval) = (view.name.clone(), view.interval);
                let gathered = Some(view.gathered.clone());
                let group = view.group.clone();
                let member = Member { id: view.id, name, group, interval, gathered };
                Listed { member, labels: Arc::clone(&view.labels) }
            };
            return Ok(all.into_iter().map(listed).collect());
        }
        let kept = self.store.hosts(HostQuery::listed()).await?;
        let listed = |host: crate::store::HostSummary| {
            let (id, name, group) = (host.id, host.name, host.group);
            let member = Member { id, name, group, interval: Duration::ZERO, gathered: None };
            Listed { member, labels: Arc::new(host.labels) }
        };
        Ok(kept.into_iter().map(listed).collect())
    }
}
