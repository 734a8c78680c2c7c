//! Answers from the live view and the store, in the one JSON shape that the HTTP API and the commands share.
//!
//! The live view answers what a host looks like now, the store what it looked like before. Without a live view (a
//! command that reads the file of a running server) the store answers both. Knows no HTTP, terminal, SQL or wire.

mod audit;
pub mod backtest;
mod exposed;
mod fields;
mod filters;
mod fleet;
mod glossary;
mod ledger;
mod loaded;
mod losses;
mod means;
mod moment;
mod own;
mod people;
mod place;
mod poll_shape;
mod range;
mod rules;
mod alarms;
mod alarm_events;
mod annotations;
mod unanswered;
mod readiness;
mod seen;
mod kept;
mod grid;
mod series;
mod row_series;
mod find;
mod together;
mod compare;
mod top;
mod calendar;
mod availability;
mod moved;
mod changes;
mod shapes;
mod why;

use std::{fmt, sync::Arc, time::Duration};

pub use alarm_events::{AlarmEventShape, AlarmEventsPage};
pub use alarms::{AlarmShape, AlarmsPage, ExplainedRow, ExplainedShape, TermShape, ToldStep};
pub use annotations::{AnnotationShape, AnnotationsPage, MAX_ANNOTATIONS, MAX_FRESH_ANNOTATIONS};
pub use audit::{AuditPage, AuditShape};
pub use availability::{
    AVAILABILITY_COLUMNS, Availability, AvailabilityRange, AvailabilityShape, Target,
};
pub use calendar::{Calendar, CalendarPeriod, MAX_START_DAY, PeriodShape, parse_zone};
pub use changes::{ChangeShape, ChangesShape, DEFAULT_CHANGES, MAX_CHANGES};
pub use compare::{CompareRange, CompareShape, HostLine, MAX_LINES, Spread};
pub use exposed::{ExposedFilter, MAX_SHARDS, SHARD_PATTERN, Shard, TargetShape};
pub use fields::{Chosen, Fields, Members};
pub use filters::{EventFilter, HostFilter};
pub use fleet::{FLEET_COLUMNS, Fleet, FleetChange, FleetRow, FleetServer};
pub use glossary::{ColumnShape, Glossary, TableShape};
pub use grid::{
    BadSeries, MAX_CHANGES_POLLS, MAX_CHANGES_SPAN, MAX_COLUMNS, MAX_HOSTS_TOGETHER, MAX_POINTS,
    MAX_POINTS_IN_ALL, MIN_STEP, Resolution,
};
pub use ledger::{MAX_PAGE_BYTES, MAX_PAGES_AT_ONCE, PAGE_PATIENCE};
pub use loaded::{
    ChangedShape, DiffShape, GroupShape, LoadedShape, MAX_NAMED, MAX_TEXT, RenamedShape, Touched,
};
pub use losses::{LossShape, LossesPage};
pub use moment::{
    BadMoment, LENGTH_PATTERN, MOMENT_FORMS, MOMENT_PATTERN, Rfc3339, parse_length, parse_moment,
};
pub use own::{ChannelShape, OwnShape, PollingShape};
pub use people::{AckShape, KeptBack, SilenceShape, SilencesPage};
pub use place::{AlarmFilter, AlarmPlace, PLACE_PATTERN};
pub use poll_shape::PollShape;
pub use range::{BadRange, DEFAULT_PAGE, DEFAULT_SPAN, MAX_PAGE, PollRange, SortOrder};
pub use readiness::{InventoryShape, LOSS_LASTS, MAX_ROUND_SILENCE, Readiness, UNPOLLED_ABOVE_PCT};
pub use row_series::{
    DEFAULT_ROWS, MAX_ROW_NAMES, MAX_ROW_POLLS, MAX_ROWS, RowRange, RowSeries, RowSeriesShape,
    parse_row_column,
};
pub use rules::{RuleShape, RulesPage};
pub use series::{
    ColumnSeries, DEFAULT_POINTS, HOURS_PAGE, MAX_DIGITS, SeriesRange, SeriesShape, USUAL_COLUMNS,
    parse_column,
};
pub use shapes::{
    AttemptShape, EventShape, EventsPage, FleetEventShape, FleetEventsPage, HostShape, HostsPage,
    PollsPage,
};
pub use together::HostsOf;
pub use top::{DEFAULT_TOP, Distribution, MAX_TOP, TopRange, TopRow, TopShape};
pub use why::{Unread, WHY_EVENTS, WhyAttempt, WhyShape};

use kept::Kept;
use seen::Seen;
use tokio::sync::Semaphore;

use crate::{
    config,
    hook::Hook,
    live::{Live, RECENT_ATTEMPTS},
    model::{HostId, HostName, Scope, State},
    outbox::Outbox,
    store::{self, HostQuery, Store, StoreError, writer::WriterHandle},
    units::WallMs,
};

/// The most hosts in one answer; further ones are on the next page.
pub const MAX_HOSTS: usize = 1000;

/// How long the store may take before the server is called not ready.
pub const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Neither the live view nor the store knows this host.
    #[error("no host is called {name:?}{hint}")]
    UnknownHost {
        /// The name asked for.
        name: String,
        /// The known name that is nearest to it, as a question; empty when none is near.
        hint: String,
    },
    /// No host of the inventory is in this group.
    #[error("no group is called {name:?}{hint}")]
    UnknownGroup {
        /// The name asked for.
        name: String,
        /// The known name that is nearest to it, as a question; empty when none is near.
        hint: String,
    },
    /// Values over time were asked for in a way that has no answer.
    #[error(transparent)]
    Series(#[from] BadSeries),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too many pages of polls are being read.
    #[error(
        "{MAX_PAGES_AT_ONCE} pages of polls are being read and sent already: try again, one after \
         the other"
    )]
    Busy,
}

/// Answers that have no reader yet. Who asks says what they may see, and cannot forget to: there is no
/// other way to a [`Query`] from here.
#[derive(Debug, Clone)]
pub struct Answers(Query);

impl From<Query> for Answers {
    fn from(query: Query) -> Self {
        Self(query)
    }
}

impl Answers {
    /// For somebody who may see `scope`.
    #[must_use]
    pub fn within(&self, scope: &Scope) -> Query {
        let (store, live) = self.0.store.within(scope);
        Query { store, live, ..self.0.clone() }
    }
}

/// Reads the live view and the store.
#[derive(Clone)]
pub struct Query {
    live: Option<Seen>,
    store: Kept,
    writer: Option<WriterHandle>,
    hook: Option<Hook>,
    outbox: Option<Outbox>,
    /// How long rows are kept.
    retention: config::Retention,
    /// Polls up to this one were given up for want of room; of a running server its live view says so.
    given_up_to: Option<WallMs>,
    /// Places of pages of polls.
    pages: Arc<Semaphore>,
    /// Annotations that the store may not have yet.
    fresh: Arc<annotations::Fresh>,
    remembered: Arc<means::RememberedHours>,
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").field("live", &self.live.is_some()).finish_non_exhaustive()
    }
}

impl Query {
    /// Answers of a running server.
    #[must_use]
    pub fn new(live: Arc<Live>, store: Arc<dyn Store>) -> Self {
        let kept = Kept::whole(Arc::clone(&store), Some(Arc::clone(&live)));
        Self { live: Some(Seen::whole(live)), store: kept, ..Self::of_store(store) }
    }

    /// Answers from what was kept alone.
    #[must_use]
    pub fn of_store(store: Arc<dyn Store>) -> Self {
        let (all, pages) = (Duration::MAX, Arc::new(Semaphore::new(MAX_PAGES_AT_ONCE)));
        let retention =
            config::Retention { polls: all, events: all, summaries: all, rollups: all, size: None };
        let store = Kept::whole(store, None);
        let (live, writer, hook, outbox) = (None, None, None, None);
        let (fresh, remembered) = (Arc::default(), Arc::default());
        let given_up_to = None;
        Self { live, store, writer, hook, outbox, retention, given_up_to, pages, fresh, remembered }
    }

    /// The same, which also knows what waits to be written.
    #[must_use]
    pub fn with_writer(self, writer: WriterHandle) -> Self {
        Self { writer: Some(writer), ..self }
    }

    /// The same, where rows are kept so long: charts of times before come from what is kept longer.
    #[must_use]
    pub fn keeping(self, retention: config::Retention) -> Self {
        Self { retention, ..self }
    }

    /// The same, where those up to this one were given up before.
    #[must_use]
    pub fn without(self, given_up_to: Option<WallMs>) -> Self {
        Self { given_up_to, ..self }
    }

    /// What tells the store from every other.
    ///
    /// # Errors
    /// [`QueryError::Store`].
    pub async fn identity(&self) -> Result<Arc<str>, QueryError> {
        Ok(self.store.identity().await?)
    }

    /// Hosts by name. Retired ones come from the store, and only when asked for.
    ///
    /// # Errors
    /// [`QueryError::Store`] when the store was needed and could not be read.
    pub async fn hosts(&self, filter: &HostFilter) -> Result<HostsPage, QueryError> {
        let mut hosts: Vec<HostShape> = match &self.live {
            Some(live) if filter.state != Some(State::Retired) => {
                live.hosts().iter().map(|view| HostShape::from_view(view, false)).collect()
            }
            _ => {
                let kept = self.store.hosts(HostQuery::all()).await?;
                kept.into_iter().map(|summary| HostShape::from_summary(summary, false)).collect()
            }
        };
        hosts.retain(|host| filter.wants(host));
        hosts.sort_by(|a, b| a.name.cmp(&b.name));
        let total = hosts.len();
        if let Some(after) = &filter.after {
            hosts.retain(|host| host.name.as_ref() > after.as_str());
        }
        let more = hosts.len() > filter.limit;
        hosts.truncate(filter.limit);
        let next = hosts.last().filter(|_| more).map(|last| filter.next(&last.name));
        Ok(HostsPage { total, hosts, next })
    }

    /// The fleet at a glance; none without a live view.
    #[must_use]
    pub fn fleet(&self, now: WallMs) -> Option<Fleet> {
        let failing = |handle: &WriterHandle| {
            let stats = handle.stats();
            stats.failing_since.and(stats.last_error)
        };
        let store_error = self.writer.as_ref().and_then(failing);
        let live = self.live.as_ref()?;
        let store_error = match live.all() {
            Some(_) => store_error,
            // The cause names what is about the server as a whole.
            None => store_error.map(|_| "the store takes no rows".into()),
        };
        Some(Fleet::of(live, store_error, now))
    }

    /// One host, with what repeats in its last poll.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn host(&self, name: &str) -> Result<HostShape, QueryError> {
        if let Some(view) = self.live.as_ref().and_then(|live| live.host(name)) {
            return Ok(HostShape::from_view(&view, true));
        }
        let summary = self.kept_host(name).await?;
        let id = summary.id;
        let newest = store::ReadOrder::NewestFirst;
        let polls = self.store.polls(id, store::Span::ALL, newest, RECENT_ATTEMPTS).await?;
        let events = self.store.transitions(id, store::Span::ALL, newest, 1).await?;
        let mut host = HostShape::from_summary(summary, true);
        host.add_history(&polls, events.first());
        Ok(host)
    }

    /// A host's changes of state, newest first.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn events(&self, name: &str, limit: usize) -> Result<EventsPage, QueryError> {
        let (id, name) = self.find(name).await?;
        let newest = store::ReadOrder::NewestFirst;
        let most = limit.min(MAX_PAGE);
        let transitions = self.store.transitions(id, store::Span::ALL, newest, most).await?;
        let events = transitions.iter().map(EventShape::from).collect();
        Ok(EventsPage { host: name.as_str().into(), events })
    }

    /// When the server took itself for cut off and when for connected again, newest first.
    ///
    /// # Errors
    /// [`QueryError::Store`].
    pub async fn server_events(&self, limit: usize) -> Result<EventsPage, QueryError> {
        let (newest, most) = (store::ReadOrder::NewestFirst, limit.min(MAX_PAGE));
        let own = HostId::SERVER;
        let transitions = self.store.transitions(own, store::Span::ALL, newest, most).await?;
        let events = transitions.iter().map(EventShape::from).collect();
        Ok(EventsPage { host: HostName::server().as_str().into(), events })
    }

    /// Changes of state over the whole fleet, newest first.
    ///
    /// # Errors
    /// [`QueryError::Store`].
    pub async fn fleet_events(&self, filter: &EventFilter) -> Result<FleetEventsPage, QueryError> {
        let newest = store::ReadOrder::NewestFirst;
        let span = store::Span { from: filter.from, to: filter.to };
        // What is filtered is read first: there are few transitions, and the bound is the store's.
        let (found, complete) = self.store.all_transitions(span, newest, store::MAX_PAGE).await?;
        let mut wanted: Vec<_> = found.iter().filter(|event| filter.wants(event)).collect();
        let more = !complete || wanted.len() > filter.limit;
        wanted.truncate(filter.limit);
        let events = wanted.into_iter().map(FleetEventShape::from).collect();
        Ok(FleetEventsPage { events, more })
    }

    /// Whether a name means the server itself, which is nobody's who may not see all of the fleet.
    fn means_server(&self, name: &str) -> bool {
        name == HostName::server().as_str() && !self.store.scope().is_limited()
    }

    /// Whether somebody who may not see all hosts may see one that an order is about.
    ///
    /// # Errors
    /// [`QueryError::UnknownHost`], as for one that does not exist.
    pub async fn may_order(&self, name: &str) -> Result<(), QueryError> {
        match self.store.scope().is_limited() {
            true => self.find(name).await.map(drop),
            false => Ok(()),
        }
    }
}
