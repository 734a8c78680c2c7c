//! What is kept, and how it is asked for: one trait in the domain's words, whatever is behind it.
//!
//! Nothing above this module knows SQL; SQL text stands in the backends (`sqlite`, `mysql`) and nowhere
//! else. A backend decides nothing: it keeps what it is given and gives it back unchanged.

mod asked;
mod json;
pub mod detail;
mod error;
mod loss;
mod marks;
mod private;
mod row;
mod series;
mod shown;
mod packed;
mod sealed;
mod summary;
mod stamp;
mod standing;
mod statement;
mod worker;
pub mod sqlite;
pub mod mysql;
mod open;
pub mod spool;
mod awaited;
mod numbers;
pub mod rebuild;
pub mod budget;
pub mod summarise;
pub mod writer;

#[cfg(test)]
pub(crate) mod conformance;
#[cfg(test)]
pub(crate) mod sample;

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use asked::{
    AlarmsOf, AnnotationsOf, DatabaseSettings, Disk, HostQuery, HostSummary, MAX_PRUNED,
    PartitionStatus, PeriodSum, PeriodSums, PruneReach, Pruned, ReadOrder, ReckonAsk, Retention,
    Room, Sealed, Span, StoreStatus, SummariesDue,
};
pub use awaited::LazyStore;
pub use error::StoreError;
pub use marks::{Mark, Marks, WHY_GONE};
pub(crate) use numbers::{keep_apart, keep_numbers, register};
pub use open::open;
pub use private::make_folder;
pub use series::{Bucket, Buckets, Sample, SeriesAsk, TableSample};
pub use standing::Standing;
pub use statement::{SQL_AHEAD, SqlPart, SqlSink, SqlValue};
pub use summary::{DaySum, DaySummary, RowBuckets, RowsAsk, has_summaries, summary_gaps};

use crate::{
    health::Pause,
    model::{
        Alarm, AlarmEvent, Annotation, AuditEntry, Column, Delivery, DetailTable, Facts, GroupName,
        HostId, HostName, Labels, Loss, Notice, NoticeKind, Record, Rollup, State, Transition,
        VersionId,
    },
    rollup::Tier,
    units::WallMs,
};

/// Most polls or transitions that one call returns; a larger limit is cut to it.
pub const MAX_PAGE: usize = 5_000;

/// Most hosts that one call returns; a larger limit is cut to it.
pub const MAX_HOSTS: usize = 20_000;

/// Whether a store is written, or only read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Makes what is not there, brings the schema up to date.
    ReadWrite,
    /// Changes nothing; the store must be there and up to date.
    ReadOnly,
}

/// A server that writes to a store.
#[derive(Debug, Clone)]
pub struct Owner {
    /// What tells its data folder from every other.
    pub id: Arc<str>,
    /// Process, machine and data folder, for people.
    pub words: String,
    /// Whether it holds the database, where several may want it.
    pub standing: Arc<Standing>,
}

impl Owner {
    /// A server that holds nothing yet.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>, words: String) -> Self {
        Self { id: id.into(), words, standing: Arc::default() }
    }
}

/// A host as the inventory names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Its name: what it is found by.
    pub name: HostName,
    /// Its group; none when it is in no group.
    pub group: Option<GroupName>,
    /// Its labels.
    pub labels: Labels,
    /// Its addresses, `host:port`, in the order they are tried.
    pub addresses: Vec<String>,
    /// The name it had before: its number and history go with it to the new name. Of no effect
    /// once a host with the new name exists.
    pub renamed_from: Option<HostName>,
}

/// What the store knew of a host when it was registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownHost {
    /// Its number, the same over renames and returns.
    pub id: HostId,
    /// Its name.
    pub name: HostName,
    /// What is known of its machine.
    pub facts: Facts,
    /// Its state after its last transition, and since when; none before the first. `Retired` for
    /// a host that has come back.
    pub state: Option<(State, WallMs)>,
    /// The slot of its newest poll.
    pub latest_slot: Option<WallMs>,
}

/// An inventory as it was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedInventory {
    /// Hash of the content: the same hash as the version before is the same version.
    pub hash: String,
    /// Where it came from: the file's path.
    pub source: String,
    /// When.
    pub at: WallMs,
    /// Hosts in it after expansion.
    pub hosts: usize,
    /// The text itself.
    pub text: String,
}

/// What is known of a host's machine since a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactsSeen {
    /// The host.
    pub host: HostId,
    /// What its answer said.
    pub facts: Facts,
    /// When it answered.
    pub seen: WallMs,
}

/// Rows that are written in one transaction: all of them or none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// Polls, oldest first.
    pub polls: Vec<Arc<Record>>,
    /// Transitions, oldest first.
    pub transitions: Vec<Transition>,
    /// Facts, oldest first.
    pub facts: Vec<FactsSeen>,
    /// What was lost on the way here.
    pub losses: Vec<Loss>,
    /// Hours in short.
    pub rollups: Vec<Arc<Rollup>>,
    /// What is to be told, and how far that has come; in any order.
    pub notices: Vec<Arc<Notice>>,
    /// Alarms as they are now; of one that is there twice the later one counts.
    pub alarms: Vec<Alarm>,
    /// How alarms changed, oldest first.
    pub alarm_events: Vec<AlarmEvent>,
    /// What became of messages; in any order.
    pub deliveries: Vec<Arc<Delivery>>,
    /// Annotations, also those that were removed; in any order.
    pub annotations: Vec<Arc<Annotation>>,
    /// What somebody asked to be changed, oldest first.
    pub audit: Vec<Arc<AuditEntry>>,
}

impl Batch {
    /// A batch of polls alone.
    #[must_use]
    pub fn of_polls(polls: impl IntoIterator<Item = impl Into<Arc<Record>>>) -> Self {
        Self { polls: polls.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Number of rows of all kinds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.polls.len()
            + self.transitions.len()
            + self.facts.len()
            + self.losses.len()
            + self.rollups.len()
            + self.notices.len()
            + self.alarms.len()
            + self.alarm_events.len()
            + self.deliveries.len()
            + self.annotations.len()
            + self.audit.len()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Rows of who was told of what, as the router keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteRows {
    /// What each is known by, and the row; none: it is gone.
    pub rows: Vec<(String, Option<String>)>,
    /// What the store had before is forgotten.
    pub are_all: bool,
}

/// What became of a batch that was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchResult {
    /// Polls that are now kept and were not before.
    pub polls: u64,
    /// Polls that were kept already: the batch, or part of it, was sent before.
    pub repeated: u64,
    /// Polls whose (host, slot) is taken by another attempt, which stays as it is. Such a poll is
    /// lost; it happens when the server's wall clock has stepped back.
    pub conflicting: Vec<(HostId, WallMs)>,
}

/// The history of a fleet. Every method is a whole transaction.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Takes hosts into the inventory, new or known: one that was retired is back, one that was
    /// renamed keeps its number. Answers in the order given.
    ///
    /// # Errors
    /// [`StoreError`]; then no host was changed.
    async fn register(
        &self,
        hosts: Vec<Registration>,
        at: WallMs,
    ) -> Result<Vec<KnownHost>, StoreError>;

    /// Takes hosts out of the inventory; their history stays. Their pause is forgotten, and the
    /// machine that they are pinned to, so that another one may come back under the name.
    ///
    /// # Errors
    /// [`StoreError`]; then no host was changed.
    async fn retire(&self, hosts: Vec<HostId>, at: WallMs) -> Result<(), StoreError>;

    /// Sees to it that no new host gets a number up to this one: a store that was restored from a backup
    /// does not know of hosts that came after it, and rows on their way are known by their numbers.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn keep_numbers(&self, up_to: HostId) -> Result<(), StoreError>;

    /// Keeps an inventory that has come into force. The same content as the newest version is
    /// that version again.
    ///
    /// # Errors
    /// [`StoreError`]; then it is not kept.
    async fn record_inventory(&self, loaded: LoadedInventory) -> Result<VersionId, StoreError>;

    /// Keeps a batch in one transaction. Sending it again changes nothing: polls are known by
    /// (host, slot), transitions by the poll that caused them ([`Transition::of_moment`]). Two rows are
    /// never mixed into one. An hour in short gives way to one of as many polls or more, a notice to
    /// one that has come further ([`Notice::is_after`]), an alarm to one of the same or a later slot; an
    /// alarm that is ok is kept no longer. Changes of alarms are known by key, slot and new state, what became
    /// of a message by its id and channel. An annotation that was removed stays so.
    ///
    /// # Errors
    /// [`StoreError`]; then no row is kept that was not before. [`StoreError::is_transient`] says
    /// whether the same batch may be sent again, or one of its rows can never be kept.
    async fn write(&self, batch: Arc<Batch>) -> Result<BatchResult, StoreError>;

    /// Hosts with all that is known of them, in one query, ordered by name.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn hosts(&self, query: HostQuery) -> Result<Vec<HostSummary>, StoreError>;

    /// Polls of a host whose slot is in the span; at most `limit` and at most [`MAX_PAGE`]. A
    /// slot is there once, so the last one seen is where the next page begins. An unknown host has
    /// none. The records bear the host's name of today.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn polls(
        &self,
        host: HostId,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError>;

    /// Values of a host over time, oldest first; a bucket without polls is left out.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn series(&self, ask: SeriesAsk) -> Result<Vec<Bucket>, StoreError>;

    /// The hours in short of a column that begin in a span, of each of these hosts taken together into one
    /// bucket; a host without any is left out.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn hours_of(
        &self,
        hosts: Arc<[HostId]>,
        column: Column,
        span: Span,
    ) -> Result<Vec<(HostId, Bucket)>, StoreError>;

    /// How the time of hosts went in each of some periods: sums over their hours in short.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn reckoned(&self, ask: ReckonAsk) -> Result<PeriodSums, StoreError>;

    /// As [`Store::polls`], oldest first, without what repeats and without the ledger: at a fraction
    /// of the cost.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn samples(
        &self,
        host: HostId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Sample>, StoreError>;

    /// Runs one statement of SQL, in the words of whatever is behind the store, and hands over its answer
    /// as it comes. It takes as long as it takes.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::ReadOnly`] when it would change something.
    async fn sql(&self, statement: String, sink: SqlSink) -> Result<(), StoreError>;

    /// As [`Store::polls`], newest first, with one list of what repeats and nothing else.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn table_samples(
        &self,
        host: HostId,
        table: DetailTable,
        span: Span,
        limit: usize,
    ) -> Result<Vec<TableSample>, StoreError>;

    /// Transitions of a host, or of all, that happened in the span; at most `limit` and at most
    /// [`MAX_PAGE`].
    ///
    /// # Errors
    /// [`StoreError`].
    async fn transitions(
        &self,
        host: Option<HostId>,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<Transition>, StoreError>;

    /// Notices of a receiver that wait to be told, in the order in which they were first kept; at most
    /// `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn notices(&self, receiver: Arc<str>, limit: usize) -> Result<Vec<Notice>, StoreError>;

    /// What a receiver was last told of a subject ([`Notice::subject`]) of a host: of its notices that were
    /// delivered the kind of the one that was first kept last; none when it was told nothing that is still
    /// kept.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn last_told(
        &self,
        receiver: Arc<str>,
        host: HostId,
        subject: Arc<str>,
    ) -> Result<Option<NoticeKind>, StoreError>;

    /// Every alarm that is not ok, by its key.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn alarms(&self) -> Result<Vec<Alarm>, StoreError>;

    /// Changes of some alarms whose slot is in the span; at most `limit` and at most [`MAX_PAGE`].
    ///
    /// # Errors
    /// [`StoreError`].
    async fn alarm_events(
        &self,
        of: AlarmsOf,
        span: Span,
        order: ReadOrder,
        limit: usize,
    ) -> Result<Vec<AlarmEvent>, StoreError>;

    /// Annotations that hold, newest first; at most `limit` and at most [`MAX_PAGE`].
    ///
    /// # Errors
    /// [`StoreError`].
    async fn annotations(
        &self,
        of: AnnotationsOf,
        limit: usize,
    ) -> Result<Vec<Annotation>, StoreError>;

    /// Keeps rows of who was told of what, for another server that takes over. A store that only one
    /// server can write to keeps none: that one has them on its own disk.
    ///
    /// # Errors
    /// [`StoreError`]; then what was kept stays.
    async fn keep_routes(&self, _rows: Arc<RouteRows>) -> Result<(), StoreError> {
        Ok(())
    }

    /// All rows of who was told of what, in no order.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn routes(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// Keeps an operator's pause of a host, in the place of any other, or forgets it.
    ///
    /// # Errors
    /// [`StoreError`]; then what was kept stays.
    async fn set_pause(&self, host: HostId, pause: Option<Pause>) -> Result<(), StoreError>;

    /// Every pause that is kept, also those that are over, by the host's number.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn pauses(&self) -> Result<Vec<(HostId, Pause)>, StoreError>;

    /// Losses that begin or end in the span or around it, oldest first; at most `limit` and at most
    /// [`MAX_PAGE`].
    ///
    /// # Errors
    /// [`StoreError`].
    async fn losses(&self, span: Span, limit: usize) -> Result<Vec<Loss>, StoreError>;

    /// What somebody asked to be changed in the span, newest first; at most `limit` and at most [`MAX_PAGE`].
    /// An entry that is written again is kept once.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn audit(&self, span: Span, limit: usize) -> Result<Vec<AuditEntry>, StoreError>;

    /// Which of these polls, that it acknowledged, it has no longer. Asked of the copy that takes rows, where
    /// there are several.
    ///
    /// # Errors
    /// [`StoreError`]: nobody can say.
    async fn missing(&self, marks: Vec<Mark>) -> Result<Vec<Mark>, StoreError> {
        let mut missing = Vec::new();
        for mark in marks {
            if self.polls(mark.host, mark.span(), ReadOrder::OldestFirst, 1).await?.is_empty() {
                missing.push(mark);
            }
        }
        Ok(missing)
    }

    /// How far one run of pruning may go.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn reach(&self) -> Result<PruneReach, StoreError>;

    /// Takes out what is too old, in small steps between which others write. A backend that drops
    /// whole days keeps the day in which the moment for polls lies, and of hours in short the month.
    ///
    /// # Errors
    /// [`StoreError`]; the steps before it are done.
    async fn prune(&self, before: Retention) -> Result<Pruned, StoreError>;

    /// How much room the history takes, and which part of it would be given up next.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn room(&self) -> Result<Room, StoreError>;

    /// Takes out what of a tier is due before `before`, for want of room, in small steps between which
    /// others write; says how many polls these were, 0 of hours in short. What went is kept as a loss,
    /// one for all that goes in a UTC day.
    ///
    /// # Errors
    /// [`StoreError`]; the steps before it are done and told of.
    async fn give_up(&self, tier: Tier, before: WallMs, now: WallMs) -> Result<u64, StoreError>;

    /// Gives room that is free inside back to the disk, where much of it is, in small steps between
    /// which others write; says how many bytes these were. A store that has none inside, or cannot, does
    /// nothing.
    ///
    /// # Errors
    /// [`StoreError`]; the steps before it are done.
    async fn give_back(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// Seals the polls of every hour that was over at `before`: packs them tighter, for reading that
    /// is rare. Whatever is asked, they are answered as before. Goes hour by hour; between its steps
    /// others write. The embedded store keeps plain rows and has nothing to do.
    ///
    /// # Errors
    /// [`StoreError`]; the hours before it are sealed, and nothing that is not sealed is gone.
    async fn seal(&self, before: WallMs) -> Result<Sealed, StoreError>;

    /// Says that a day of a host is about to be summed up: polls that come into it from here on are noted as
    /// late. Answers how often there were such until now.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn begin_summary(&self, host: HostId, day: WallMs) -> Result<u64, StoreError>;

    /// Keeps a day that was summed up, in the place of one that was made of no more polls, and forgets its
    /// late polls. Answers false, and keeps nothing, when there were others than the `late` that the begin
    /// told of: then it is to be summed up again.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is kept.
    async fn keep_summary(&self, summary: Arc<DaySummary>, late: u64) -> Result<bool, StoreError>;

    /// Days of hosts that are to be summed up, at most `limit`, by the hosts' numbers.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn summaries_due(
        &self,
        of: SummariesDue,
        limit: usize,
    ) -> Result<Vec<(HostId, WallMs)>, StoreError>;

    /// Values over time of what a host has several of, from summaries; of days without one there is nothing.
    /// All rows of the span are in memory at once.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn row_summaries(&self, ask: RowsAsk) -> Result<RowBuckets, StoreError>;

    /// What tells this store from every other, also from one that takes its place under the same
    /// address: drawn at random when its schema was made, and copied only with its rows.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn identity(&self) -> Result<Arc<str>, StoreError>;

    /// The views that are not as this program makes them, by name: changed by hand, or restored where
    /// they read another database.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn altered_views(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// What there is to mend before a server could keep anything in it; none when nothing is.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn obstacle(&self) -> Result<Option<&'static str>, StoreError> {
        Ok(None)
    }

    /// How the store is.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn status(&self) -> Result<StoreStatus, StoreError>;
}
