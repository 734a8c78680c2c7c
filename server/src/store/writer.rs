//! Between polling, which never waits, and the store, which may be slow or away.
//!
//! [`WriterHandle::push`] puts a row into a bounded queue and returns; one task takes batches out,
//! by count or by time, and writes each in one transaction. What the store cannot take now waits in
//! the spool on disk, or in memory where there is none, and is sent again; a row that it can never
//! take is found by halving and counted. What is lost is counted, said and written down.
//!
//! Knows the store by its trait and the spool by its handle only: no SQL, no backend.

mod flow;
mod queue;
mod settle;
mod work;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use schemars::JsonSchema;
use serde::Serialize;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::timeout,
};

use queue::Queue;
pub use queue::{Judged, QueuedRow};
use work::{Stop, Work};

use super::{
    Mark, Marks, Store,
    spool::{Spool, SpoolStatus},
};
use crate::{
    model::{AlarmEvent, Notice},
    units::WallMs,
};

/// How long it may take at the end to write down what is lost.
const LAST_WORD: Duration = Duration::from_secs(1);

/// The writer's limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterLimits {
    /// Rows in one transaction: five times cheaper than one by one, and little is won beyond.
    pub batch_rows: usize,
    /// How long a row waits for others to make a batch: what a crash may lose.
    pub batch_wait: Duration,
    /// Rows that wait at most; about 5 KB each. Then the oldest polls give way.
    pub queue_rows: usize,
    /// How long one write may take before it counts as failed.
    pub write_timeout: Duration,
    /// The first wait before a batch is tried again; doubled each time, and jittered by half.
    pub retry_first: Duration,
    /// The longest wait.
    pub retry_cap: Duration,
    /// How long a write may take before its rows, and those that follow, also go to the spool.
    pub patience: Duration,
    /// How long a write may be unanswered before the store counts as failing: a store that hangs is
    /// told of as one that fails.
    pub silence: Duration,
    /// How long after a fault of the spool it is tried again.
    pub spool_retry: Duration,
    /// How often it is decided how many rows of the spool are replayed: as many as came anew since
    /// the last time, so that the load at most doubles.
    pub replay_tick: Duration,
    /// How many are replayed at least in each tick, however few come anew: no load for any store.
    pub replay_floor: usize,
}

impl Default for WriterLimits {
    fn default() -> Self {
        Self {
            batch_rows: 500,
            batch_wait: Duration::from_secs(1),
            queue_rows: 100_000,
            write_timeout: Duration::from_secs(30),
            retry_first: Duration::from_millis(200),
            retry_cap: Duration::from_secs(30),
            patience: Duration::from_millis(500),
            silence: Duration::from_secs(3),
            spool_retry: Duration::from_secs(1),
            replay_tick: Duration::from_secs(1),
            replay_floor: 10,
        }
    }
}

/// What the writer has done and lost since it started.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct WriterStats {
    /// Rows that the store has taken, of all kinds.
    pub written: u64,
    /// Of these, polls that it had already.
    pub repeated: u64,
    /// Polls lost because another attempt holds their slot.
    pub conflicting: u64,
    /// Rows lost because the queue was full, or because the store did not take them before the end.
    pub dropped: u64,
    /// Rows lost because the store can never take them.
    pub rejected: u64,
    /// Why the last of these was refused.
    pub last_refusal: Option<Arc<str>>,
    /// Polls that the store had taken and has no longer: its database was removed, damaged or replaced
    /// by an older one.
    pub gone: u64,
    /// Rows that went to the spool.
    pub spooled: u64,
    /// Polls lost because the spool was full.
    pub evicted: u64,
    /// Rows of the spool that the store has taken.
    pub replayed: u64,
    /// Writes that failed, each try counted.
    pub failed_batches: u64,
    /// Rows that wait in memory or are being written from there.
    pub depth: usize,
    /// Since when no write has succeeded; none while all is well.
    pub failing_since: Option<WallMs>,
    /// What the last failure was.
    pub last_error: Option<Arc<str>>,
    /// When the store last took a batch.
    pub last_success: Option<WallMs>,
    /// What waits in the spool; none without one.
    pub spool: Option<SpoolStatus>,
    /// Why the spool takes nothing; none while it does.
    pub spool_error: Option<Arc<str>>,
}

impl WriterStats {
    /// Rows that are lost, whatever the reason.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.dropped + self.rejected + self.conflicting + self.evicted + self.gone
    }
}

#[derive(Debug)]
struct State {
    queue: Queue,
    in_flight: usize,
    closed: bool,
    /// Rows handed in so far.
    pushed: u64,
    /// Somebody waits for what is in the queue: it does not wait for its batch to fill.
    hurried: bool,
    /// The spool's limit was reached and it has not been empty since.
    evicting: bool,
    /// Something was said of an outage, or rows wait from before the start: then it is said, too,
    /// that the spool is empty. A slow moment alone, of which nothing was said, ends without a word.
    tells_empty: bool,
    /// The queue was full and has not been empty since.
    dropping: bool,
    /// Polls of the last batch were those of another attempt's slots.
    conflicting: bool,
    stats: WriterStats,
    /// Some of the polls that the store has taken.
    marks: Marks,
}

/// What has become rows, and may be told.
#[derive(Debug, Clone, Copy)]
pub struct News<'a> {
    /// Notices that nobody was told of.
    pub notices: &'a [Arc<Notice>],
    /// Changes of alarms; those of one alarm in their order.
    pub alarms: &'a [AlarmEvent],
}

/// Who hears of notices and of changes of alarms once they are rows, see [`Writer::start_with`].
pub type Tell = Box<dyn Fn(News<'_>) + Send + Sync>;

struct Shared {
    state: Mutex<State>,
    tell: Tell,
    wake: Notify,
    /// Told whenever fewer rows may be in memory alone.
    settled: Notify,
    batch_rows: usize,
    spool: Option<Arc<Spool>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("spool", &self.spool).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing here panics half-way; the numbers are right even if someone else did.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where rows are handed in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WriterHandle {
    shared: Arc<Shared>,
}

impl WriterHandle {
    /// Hands a row in. Never waits: when the queue is full the oldest poll is dropped for it and
    /// counted; after the end the row itself is.
    pub fn push(&self, entry: QueuedRow) {
        let tells = match &entry {
            QueuedRow::Transition(_, notice) => notice.is_some(),
            QueuedRow::Judged(_, judged) => !judged.notices.is_empty() || !judged.events.is_empty(),
            // Whoever wrote it looks for it at once.
            QueuedRow::Annotation(_) => true,
            QueuedRow::Poll(_)
            | QueuedRow::Facts(_)
            | QueuedRow::Rollup(_)
            | QueuedRow::Notice(_)
            | QueuedRow::Delivery(_)
            | QueuedRow::Audit(_) => false,
        };
        let (waiting, is_first, first_loss) = {
            let mut state = self.shared.lock();
            if state.closed {
                state.stats.dropped += 1;
                return;
            }
            state.pushed += 1;
            // Somebody is told once it is a row.
            state.hurried |= tells;
            // Whether only one waits does not say it: some rows come with others.
            let is_first = state.queue.len() == 0;
            if is_first {
                state.dropping = false;
            }
            let lost = state.queue.push(entry);
            state.stats.dropped += lost;
            let first = lost > 0 && !state.dropping;
            state.dropping |= lost > 0;
            (state.queue.len(), is_first, first)
        };
        if first_loss {
            tracing::error!(
                waiting,
                "the queue to the store is full: the oldest polls are dropped"
            );
        }
        if tells || is_first || waiting >= self.shared.batch_rows {
            self.shared.wake.notify_one();
        }
    }

    /// Some of the polls that the store has taken, to see whether it still has them.
    #[must_use]
    pub fn marks(&self) -> Marks {
        self.shared.lock().marks.clone()
    }

    /// Goes on from the marks that a process before this one left.
    pub fn remember_marks(&self, before: &Marks) {
        let mut state = self.shared.lock();
        state.marks = std::mem::take(&mut state.marks).after(before);
    }

    /// The store no longer has these polls that it had taken, nor what came with them: that is counted,
    /// said and written down, once. `kept_from`: what is older was pruned; `hosts`: how many there are.
    pub fn missing(&self, gone: &[Mark], kept_from: WallMs, hosts: u64, now: WallMs) {
        let loss = self.shared.lock().marks.lose(gone, kept_from, hosts, now);
        if let Some(loss) = loss {
            self.shared.gone(loss);
            self.shared.wake.notify_one();
        }
    }

    /// What has been done and lost so far.
    #[must_use]
    pub fn stats(&self) -> WriterStats {
        let state = self.shared.lock();
        let spool = self.shared.spool.as_ref().map(|spool| spool.status());
        WriterStats { depth: state.queue.len() + state.in_flight, spool, ..state.stats.clone() }
    }
}

/// The task that writes.
#[derive(Debug)]
pub struct Writer {
    handle: WriterHandle,
    stop: watch::Sender<Stop>,
    task: JoinHandle<()>,
}

impl Writer {
    /// Starts the task on the current runtime, without a spool. `now` tells the time that the
    /// statistics bear.
    pub fn start(
        store: Arc<dyn Store>,
        limits: WriterLimits,
        now: impl Fn() -> WallMs + Send + Sync + 'static,
    ) -> (WriterHandle, Self) {
        Self::start_with(store, None, limits, now, Box::new(|_| {}))
    }

    /// The same with a spool, if there is one; what is in it already is replayed. `tell` hears of every
    /// notice and every change of an alarm that was made since the start as soon as it is a row of the
    /// store or of the spool, or, where neither takes rows, while it is in memory alone: better told than
    /// kept. It may hear of one more than once, and must not wait.
    pub fn start_with(
        store: Arc<dyn Store>,
        spool: Option<Arc<Spool>>,
        limits: WriterLimits,
        now: impl Fn() -> WallMs + Send + Sync + 'static,
        tell: Tell,
    ) -> (WriterHandle, Self) {
        let shared = Arc::new(Shared {
            tell,
            state: Mutex::new(State {
                queue: Queue::new(limits.queue_rows),
                in_flight: 0,
                closed: false,
                pushed: 0,
                hurried: false,
                evicting: false,
                tells_empty: true,
                dropping: false,
                conflicting: false,
                stats: WriterStats::default(),
                marks: Marks::default(),
            }),
            wake: Notify::new(),
            settled: Notify::new(),
            batch_rows: limits.batch_rows.max(1),
            spool: spool.clone(),
        });
        let handle = WriterHandle { shared: Arc::clone(&shared) };
        let (stop, stopped) = watch::channel(Stop::No);
        let work = Work::new(shared, store, spool, limits, Box::new(now), stopped);
        let task = tokio::spawn(work.run());
        (handle.clone(), Self { handle, stop, task })
    }

    /// What has been done and lost so far.
    #[must_use]
    pub fn stats(&self) -> WriterStats {
        self.handle.stats()
    }

    /// Writes what waits, in order, and ends; what the store does not take goes to the spool, and
    /// what is in neither by the deadline is dropped and counted. Rows handed in from now on are dropped and counted too.
    pub async fn flush_and_stop(mut self, deadline: Duration) -> WriterStats {
        self.handle.shared.lock().closed = true;
        // Fails only when the task has ended.
        let _ = self.stop.send(Stop::Soon);
        let mut ended = timeout(deadline, &mut self.task).await.is_ok();
        if !ended {
            // The last word: what is lost is written down.
            let _ = self.stop.send(Stop::Now);
            ended = timeout(LAST_WORD, &mut self.task).await.is_ok();
        }
        if !ended {
            self.task.abort();
            let _ = self.task.await;
        }
        let mut stats = self.handle.stats();
        if stats.depth > 0 {
            let lost = u64::try_from(stats.depth).unwrap_or(u64::MAX);
            tracing::error!(
                rows = lost,
                error = stats.last_error.as_deref(),
                "the store did not take the last rows in time: they are lost"
            );
            let mut state = self.handle.shared.lock();
            state.stats.dropped += lost;
            state.in_flight = 0;
            state.queue = Queue::new(0);
            stats = WriterStats { depth: 0, spool: stats.spool, ..state.stats.clone() };
        }
        stats
    }
}

#[cfg(test)]
mod tests;
