//! What a store is asked for, and what it says of its hosts and of itself. Values alone: no SQL, no
//! backend.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::Serialize;

use super::MAX_HOSTS;
use crate::{
    model::{
        Facts, GroupName, HostId, HostName, Labels, MAX_ANNOTATION_SPAN, Reckoned, Record, State,
    },
    rollup::Tier,
    units::WallMs,
};

/// A stretch of time: from `from` on, up to but not including `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First moment in it.
    pub from: WallMs,
    /// First moment after it.
    pub to: WallMs,
}

impl Span {
    /// All of time.
    pub const ALL: Self = Self { from: WallMs(i64::MIN), to: WallMs(i64::MAX) };

    /// Whether no moment is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from >= self.to
    }
}

/// How the time of some hosts went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReckonAsk {
    /// Of these hosts.
    pub hosts: Arc<[HostId]>,
    /// In each of these: the hours that begin in it.
    pub periods: Arc<[Span]>,
}

/// How the time of a host went in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeriodSum {
    /// The host.
    pub host: HostId,
    /// The place of the period in the question.
    pub period: usize,
    /// Polls that were asked of it.
    pub polls: u64,
    /// Of these, polls that brought no values.
    pub failed: u64,
    /// How its time went. An hour that was made before that was reckoned is whole, and as good as its polls.
    pub sum: Reckoned,
}

/// How the time of hosts went, as far as hours in short say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeriodSums {
    /// In no order; none of a host and period without hours.
    pub sums: Vec<PeriodSum>,
    /// The first hour that is kept of each host.
    pub first: Vec<(HostId, WallMs)>,
}

/// Which alarms: of one host, of one rule; of none given, all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlarmsOf {
    /// Only those of this host.
    pub host: Option<HostId>,
    /// Only those of the rule of this name.
    pub rule: Option<Arc<str>>,
}

/// Which annotations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnnotationsOf {
    /// Those that touch this span.
    Span(Span),
    /// The one with this id.
    Id(Arc<str>),
}

impl AnnotationsOf {
    /// No annotation that is meant begins before this.
    #[must_use]
    pub fn begins(&self) -> WallMs {
        match self {
            Self::Span(span) => span.from.minus(MAX_ANNOTATION_SPAN),
            Self::Id(_) => WallMs(i64::MIN),
        }
    }
}

/// Which end of a span comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOrder {
    /// Oldest first.
    OldestFirst,
    /// Newest first.
    NewestFirst,
}

/// Which hosts are asked for. They come ordered by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostQuery {
    /// Only the host of this name.
    pub name: Option<HostName>,
    /// Also those that are no longer in the inventory.
    pub retired: bool,
    /// Only those after this name: the next page.
    pub after: Option<HostName>,
    /// At most so many, and at most [`MAX_HOSTS`].
    pub limit: usize,
}

impl HostQuery {
    /// Hosts of the inventory in force.
    #[must_use]
    pub fn listed() -> Self {
        Self { name: None, retired: false, after: None, limit: MAX_HOSTS }
    }

    /// Every host that ever was.
    #[must_use]
    pub fn all() -> Self {
        Self { retired: true, ..Self::listed() }
    }

    /// One host, retired or not.
    #[must_use]
    pub fn named(name: HostName) -> Self {
        Self { name: Some(name), ..Self::all() }
    }
}

/// All that is known of a host at a glance.
#[derive(Debug, Clone, PartialEq)]
pub struct HostSummary {
    /// Its number.
    pub id: HostId,
    /// Its name.
    pub name: HostName,
    /// Its group.
    pub group: Option<GroupName>,
    /// Its labels.
    pub labels: Labels,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// What is known of its machine.
    pub facts: Facts,
    /// Its state after its last transition, and since when.
    pub state: Option<(State, WallMs)>,
    /// When it last came into the inventory.
    pub listed_at: WallMs,
    /// When it left the inventory; none while it is in.
    pub retired_at: Option<WallMs>,
    /// When it first answered.
    pub first_seen: Option<WallMs>,
    /// When it last answered.
    pub last_seen: Option<WallMs>,
    /// Its newest poll.
    pub latest: Option<Record>,
}

/// What is old enough to go: rows before these moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Polls due before this.
    pub polls: WallMs,
    /// Transitions before this.
    pub events: WallMs,
    /// Summaries of days that begin before this.
    pub summaries: WallMs,
    /// Hours in short that begin before this.
    pub rollups: WallMs,
}

/// How much of history one run of pruning takes out at most: so much does a wrong clock cost before
/// somebody looks.
pub const MAX_PRUNED: Duration = Duration::from_secs(24 * 3600);

/// How far one run of pruning goes at most: [`MAX_PRUNED`] on from the oldest row of each kind, or one
/// unit when a backend drops larger ones. None where nothing is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PruneReach {
    /// Of polls.
    pub polls: Option<WallMs>,
    /// Of transitions, and of what is known of losses.
    pub events: Option<WallMs>,
    /// Of summaries.
    pub summaries: Option<WallMs>,
    /// Of hours in short.
    pub rollups: Option<WallMs>,
}

impl PruneReach {
    /// Of the oldest row.
    pub(super) fn from(oldest: Option<WallMs>) -> Option<WallMs> {
        oldest.map(|oldest| oldest.plus(MAX_PRUNED))
    }
}

impl Retention {
    /// What of this one run may take out.
    #[must_use]
    pub fn within(self, reach: PruneReach) -> Self {
        let nearer =
            |before: WallMs, reach: Option<WallMs>| reach.map_or(before, |r| before.min(r));
        Self {
            polls: nearer(self.polls, reach.polls),
            events: nearer(self.events, reach.events),
            summaries: nearer(self.summaries, reach.summaries),
            rollups: nearer(self.rollups, reach.rollups),
        }
    }
}

/// How much went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Polls.
    pub polls: u64,
    /// Transitions.
    pub events: u64,
}

/// The disk that the history is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// What is free on it for us, bytes.
    pub available: u64,
    /// Its size, bytes.
    pub size: u64,
}

/// How much room the history takes, and which part of it would be given up next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Room {
    /// What the history takes, bytes, without what is free inside for new rows.
    pub used: u64,
    /// What is free inside for new rows, bytes.
    pub free: u64,
    /// The disk of the history; none where it is another machine's.
    pub disk: Option<Disk>,
    /// From the oldest poll to the end of what goes with it: its hour, or its day where days are
    /// dropped whole. None where no poll is kept.
    pub polls: Option<Span>,
    /// The same of the oldest summary: its day. None where giving them up would make no room, too.
    pub summaries: Option<Span>,
    /// The same of the oldest hour in short: its day, or its month.
    pub hours: Option<Span>,
    /// The last poll that was given up for want of room; none when none was.
    pub given_up_to: Option<WallMs>,
}

impl Room {
    /// What goes first of a tier.
    #[must_use]
    pub fn oldest(&self, tier: Tier) -> Option<Span> {
        match tier {
            Tier::Polls => self.polls,
            Tier::FiveMinutes => self.summaries,
            Tier::Hours => self.hours,
        }
    }
}

/// Which days of hosts are to be summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummariesDue {
    /// Those into which polls came late.
    Late {
        /// That begin before this.
        before: WallMs,
    },
    /// One that some hosts have polls of and no summary.
    Day {
        /// When it begins, in UTC.
        day: WallMs,
        /// Of hosts with higher numbers than this.
        after: HostId,
    },
}

/// How much was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sealed {
    /// Hours.
    pub hours: u64,
    /// Polls of all hosts in them.
    pub polls: u64,
    /// Bytes that they now take, page waste left out.
    pub bytes: u64,
    /// Hours of a host that stay as they are, each with why. Where one is in the way of the others, as in
    /// MySQL, sealing ends with an error instead.
    pub failed: Vec<String>,
}

/// The partitions of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PartitionStatus {
    /// The table.
    pub table: &'static str,
    /// How many there are.
    pub count: usize,
    /// The first moment that has none.
    pub until: Option<WallMs>,
}

/// How a database server is set, as far as that matters here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DatabaseSettings {
    /// The switch of its optimizer that is off, so that conditions on a view do not reach the tables
    /// under it and all history is read; none where it is on.
    pub pushdown_off: Option<&'static str>,
    /// How long it keeps its binary log, seconds, 0: for ever; none where it has none.
    pub binlog_kept_s: Option<u64>,
}

/// How the store is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StoreStatus {
    /// `sqlite` or `mysql`.
    pub backend: &'static str,
    /// Where it is, without secrets.
    pub location: String,
    /// What serves it, in its own words: `11.4.2-MariaDB`, `SQLite 3.54.1`.
    pub server: String,
    /// What its clock says; none where it has none of its own.
    pub clock: Option<WallMs>,
    /// How its server is set; none where the store has no server.
    pub settings: Option<DatabaseSettings>,
    /// Partitions of the tables that have some.
    pub partitions: Vec<PartitionStatus>,
    /// Version of its schema.
    pub schema: u32,
    /// Room it takes, bytes.
    pub bytes: u64,
    /// Part of it that pruned rows left for new ones, bytes.
    pub free_bytes: u64,
    /// Hosts in the inventory.
    pub hosts: u64,
    /// Hosts no longer in it.
    pub retired: u64,
    /// Polls: exact unless rows were taken out by hand.
    pub polls: u64,
    /// Transitions.
    pub events: u64,
    /// Slot of the oldest poll; in SQLite, of the one that was written first.
    pub oldest_poll: Option<WallMs>,
    /// Slot of the newest poll; in SQLite, of the one that was written last.
    pub newest_poll: Option<WallMs>,
    /// Polls that are sealed, of `polls`.
    pub sealed_polls: u64,
    /// Room that sealed polls take, bytes of `bytes`.
    pub sealed_bytes: u64,
    /// Room that the others take, bytes of `bytes`.
    pub unsealed_bytes: u64,
    /// The first hour with polls that are not sealed; none where there is none, or no sealing.
    pub oldest_unsealed: Option<WallMs>,
}
