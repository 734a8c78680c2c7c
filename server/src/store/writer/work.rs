//! The task of the writer: when a batch leaves, and what is done when the store does not take it.
//!
//! While the store takes rows they go straight to it. The moment it fails, or does not answer within
//! the patience, what it has not acknowledged goes to the spool, and so does all that follows. When
//! it answers again new rows go straight to it, and beside them the spool is replayed, oldest first,
//! with no more rows a second than come anew. Without a spool, or while the spool's disk takes
//! nothing, rows wait in memory.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Sleep, sleep, timeout},
};

use super::{Shared, WriterLimits, queue::halve, queue::join};
use crate::{
    model::LossReason,
    store::{
        Batch, Store, StoreError, Written,
        spool::{Ids, Spool},
    },
    units::WallMs,
};

type Timer = Pin<Box<Sleep>>;

fn timer(length: Duration) -> Timer {
    Box::pin(sleep(length))
}

/// Ends with the timer, if there is one that still runs; else never.
async fn rings(timer: Option<&mut Timer>) {
    match timer {
        Some(timer) if !timer.is_elapsed() => timer.as_mut().await,
        _ => std::future::pending().await,
    }
}

/// Where a batch that is being written is kept meanwhile.
#[derive(Debug)]
enum Origin {
    /// Here alone.
    Memory,
    /// Also in the spool, because the store took long.
    Copied(Vec<Ids>),
    /// In the spool, from which it was read.
    Page(Ids),
}

type Write = Pin<Box<dyn Future<Output = Result<Written, StoreError>> + Send>>;

/// A batch that is being written.
struct Sending {
    write: Write,
    batch: Arc<Batch>,
    /// Its other parts, when a row of it was refused; the next one last.
    rest: Vec<Batch>,
    origin: Origin,
    patience: Timer,
}

impl Sending {
    fn is_slow(&self) -> bool {
        self.patience.is_elapsed()
    }

    fn in_memory(&self) -> usize {
        match self.origin {
            Origin::Memory => self.batch.len() + self.rest.iter().map(Batch::len).sum::<usize>(),
            Origin::Copied(_) | Origin::Page(_) => 0,
        }
    }
}

/// The store fails.
struct Away {
    /// The wait before the next try, before it is jittered.
    wait: Duration,
    next: Timer,
}

pub(super) struct Work {
    shared: Arc<Shared>,
    store: Arc<dyn Store>,
    spool: Option<Arc<Spool>>,
    limits: WriterLimits,
    now: Box<dyn Fn() -> WallMs + Send + Sync>,
    stop: watch::Receiver<bool>,
    sending: Option<Sending>,
    /// Not acknowledged, and not in the spool either.
    held: Option<Batch>,
    /// Runs since there was something in the queue.
    due: Option<Timer>,
    away: Option<Away>,
    /// The spool failed: not tried again before this.
    no_spool: Option<Timer>,
    /// Rows of the spool that may still be replayed before the tick.
    allowed: usize,
    tick: Option<Timer>,
    /// Rows pushed by the last tick.
    pushed: u64,
}

impl Work {
    pub(super) fn new(
        shared: Arc<Shared>,
        store: Arc<dyn Store>,
        spool: Option<Arc<Spool>>,
        limits: WriterLimits,
        now: Box<dyn Fn() -> WallMs + Send + Sync>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            shared,
            store,
            spool,
            limits,
            now,
            stop,
            sending: None,
            held: None,
            due: None,
            away: None,
            no_spool: None,
            allowed: 0,
            tick: None,
            pushed: 0,
        }
    }

    /// Takes batches out and delivers them until the end is asked for and nothing is left in
    /// memory.
    pub(super) async fn run(mut self) {
        if let Some(spool) = self.spool.clone()
            && let Err(error) = spool.open().await
        {
            self.spool_failed(&error);
        }
        loop {
            self.watch_queue();
            self.send_next().await;
            if self.is_shut() {
                self.put_aside().await;
            } else {
                self.look_after_spool().await;
            }
            self.account();
            if self.is_stopping() && self.is_done() {
                return;
            }
            self.wait().await;
        }
    }

    /// Also when whoever could ask for the end is gone: then nobody waits for more.
    fn is_stopping(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }

    /// Whether no row is in memory alone.
    fn is_done(&self) -> bool {
        let sending = self.sending.as_ref().is_none_or(|sending| sending.in_memory() == 0);
        sending && self.held.is_none() && !self.shared.lock().queue.has_work()
    }

    /// Whether new rows are not to wait for the store.
    fn is_shut(&self) -> bool {
        self.away.is_some() || self.sending.as_ref().is_some_and(Sending::is_slow)
    }

    fn can_spool(&self) -> bool {
        self.spool.is_some() && self.no_spool.as_ref().is_none_or(|timer| timer.is_elapsed())
    }

    fn watch_queue(&mut self) {
        if !self.shared.lock().queue.has_work() {
            self.due = None;
        } else if self.due.is_none() {
            self.due = Some(timer(self.limits.batch_wait));
        }
    }

    /// Whether a batch of the queue is full, has waited long enough, or the end was asked for.
    fn is_due(&self) -> bool {
        self.shared.waiting() >= self.shared.batch_rows
            || self.due.as_ref().is_some_and(|due| due.is_elapsed())
            || self.is_stopping()
    }

    fn take(&mut self) -> Option<Batch> {
        let batch = self.shared.lock().queue.take(self.shared.batch_rows, &self.now);
        self.watch_queue();
        (!batch.is_empty()).then_some(batch)
    }

    /// Says what is in memory besides the queue.
    fn account(&self) {
        let sending = self.sending.as_ref().map_or(0, Sending::in_memory);
        let held = self.held.as_ref().map_or(0, Batch::len);
        self.shared.lock().in_flight = sending + held;
    }

    async fn wait(&mut self) {
        let stopping = self.is_stopping();
        let idle = self.sending.is_none();
        let (write, patience) = match &mut self.sending {
            Some(sending) => (Some(&mut sending.write), Some(&mut sending.patience)),
            None => (None, None),
        };
        let write = async {
            match write {
                Some(write) => write.await,
                None => std::future::pending().await,
            }
        };
        let next = self.away.as_mut().filter(|_| idle).map(|away| &mut away.next);
        let patience = patience.filter(|_| self.spool.is_some());
        let result = tokio::select! {
            result = write => Some(result),
            () = rings(patience) => None,
            () = self.shared.wake.notified() => None,
            () = rings(self.due.as_mut()) => None,
            () = rings(next) => None,
            () = rings(self.no_spool.as_mut()) => None,
            () = rings(self.tick.as_mut()) => None,
            _ = self.stop.wait_for(|stop| *stop), if !stopping => None,
        };
        if let Some(result) = result {
            self.ended(result).await;
        }
        if !stopping
            && self.is_stopping()
            && let Some(away) = &mut self.away
        {
            // No time is left for the long waits.
            away.next = timer(Duration::ZERO);
        }
    }

    /// Gives the store something to do when it has nothing and may be asked.
    async fn send_next(&mut self) {
        if self.sending.is_some() {
            return;
        }
        if let Some(away) = &self.away {
            if !away.next.is_elapsed() || (self.is_stopping() && self.can_spool()) {
                return;
            }
            // One try, with little, and with what would be lost first.
            if let Some(batch) = self.held.take() {
                self.send(batch, Vec::new(), Origin::Memory);
            } else if !self.send_page(self.limits.replay_floor).await
                && let Some(batch) = self.take()
            {
                self.send(batch, Vec::new(), Origin::Memory);
            }
            return;
        }
        if let Some(batch) = self.held.take() {
            self.send(batch, Vec::new(), Origin::Memory);
        } else if self.is_due()
            && let Some(batch) = self.take()
        {
            let batch = self.behind_the_spool(batch).await;
            if !batch.is_empty() {
                self.send(batch, Vec::new(), Origin::Memory);
            }
        } else if !self.is_stopping() {
            self.replay().await;
        }
    }

    fn send(&mut self, batch: Batch, rest: Vec<Batch>, origin: Origin) {
        let batch = Arc::new(batch);
        let (store, sent) = (Arc::clone(&self.store), Arc::clone(&batch));
        let after = self.limits.write_timeout;
        let write = Box::pin(async move {
            let write = timeout(after, store.write(sent));
            write.await.unwrap_or(Err(StoreError::Timeout { after }))
        });
        let patience = timer(self.limits.patience);
        self.sending = Some(Sending { write, batch, rest, origin, patience });
    }

    /// Sends the oldest rows of the spool; false when there are none, or they cannot be read.
    async fn send_page(&mut self, rows: usize) -> bool {
        let Some(spool) = self.spool.clone().filter(|spool| spool.status().rows() > 0) else {
            return false;
        };
        if !self.can_spool() {
            return false;
        }
        match spool.page(rows, (self.now)()).await {
            Ok(page) if page.batch.is_empty() => {
                // All were acknowledged before and could not be deleted, or could not be read.
                self.keep(spool.acknowledge(page.ids).await);
                false
            }
            Ok(page) => {
                self.send(page.batch, Vec::new(), Origin::Page(page.ids));
                true
            }
            Err(error) => {
                self.spool_failed(&error);
                false
            }
        }
    }

    /// Replays the spool beside new rows: as many rows in a second as came anew in the one before,
    /// or the floor where that is less.
    async fn replay(&mut self) {
        if self.spool.as_ref().is_none_or(|spool| spool.status().rows() == 0) {
            return self.measure_anew();
        }
        if self.tick.as_ref().is_none_or(|tick| tick.is_elapsed()) {
            let pushed = self.shared.lock().pushed;
            let fresh = usize::try_from(pushed - self.pushed).unwrap_or(usize::MAX);
            let first = self.tick.is_none();
            self.pushed = pushed;
            // What came before the first tick came in no known time.
            self.allowed = if first { 0 } else { fresh.max(self.limits.replay_floor) };
            self.tick = Some(timer(self.limits.replay_tick));
        }
        if self.allowed > 0 {
            let rows = self.allowed.min(self.shared.batch_rows);
            self.allowed -= rows;
            self.send_page(rows).await;
        }
    }

    /// What is not a poll waits for its like in the spool: changes of state are written in order.
    async fn behind_the_spool(&mut self, mut batch: Batch) -> Batch {
        let waits = self.spool.as_ref().is_some_and(|spool| spool.status().others > 0);
        if !waits || !self.can_spool() || batch.transitions.is_empty() {
            return batch;
        }
        let others = Batch {
            transitions: std::mem::take(&mut batch.transitions),
            facts: std::mem::take(&mut batch.facts),
            losses: std::mem::take(&mut batch.losses),
            ..Batch::default()
        };
        match self.append(Arc::new(others)).await {
            Ok(_) => batch,
            // The order is a nicety, the row is not.
            Err(others) => join([others, batch]),
        }
    }

    /// Takes to the disk what the store does not take.
    async fn put_aside(&mut self) {
        if !self.can_spool() {
            return;
        }
        if let Some(batch) = self.held.take()
            && let Err(batch) = self.append(Arc::new(batch)).await
        {
            self.held = Some(batch);
            return;
        }
        if !self.copy_slow().await {
            return;
        }
        while self.is_due()
            && let Some(batch) = self.take()
        {
            if let Err(batch) = self.append(Arc::new(batch)).await {
                self.held = Some(batch);
                return;
            }
        }
    }

    /// A spool that failed is tried again also while nobody needs it: whoever looks is told the
    /// truth, before the next outage.
    async fn look_after_spool(&mut self) {
        if let Some(spool) = self.spool.clone()
            && self.no_spool.as_ref().is_some_and(|timer| timer.is_elapsed())
        {
            self.keep(spool.probe().await);
        }
    }

    /// A copy of what the store has not answered to; false when the spool fails.
    async fn copy_slow(&mut self) -> bool {
        let Some(sending) = &self.sending else { return true };
        if !matches!(sending.origin, Origin::Memory) || !sending.is_slow() {
            return true;
        }
        let (batch, rest) = (Arc::clone(&sending.batch), join(sending.rest.iter().cloned()));
        let Ok(copied) = self.append(batch).await else { return false };
        let mut all = vec![copied];
        if !rest.is_empty() {
            let Ok(copied) = self.append(Arc::new(rest)).await else { return false };
            all.push(copied);
        }
        if let Some(sending) = &mut self.sending {
            sending.origin = Origin::Copied(all);
        }
        self.measure_anew();
        true
    }

    /// Appends to the spool; gives the batch back when that fails.
    async fn append(&mut self, batch: Arc<Batch>) -> Result<Ids, Batch> {
        let Some(spool) = self.spool.clone() else { return Err(Arc::unwrap_or_clone(batch)) };
        let rows = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        match spool.append(Arc::clone(&batch), (self.now)()).await {
            Ok((ids, lost)) => {
                self.keep(Ok(()));
                self.shared.spooled(rows, lost, &spool.status());
                Ok(ids)
            }
            Err(error) => {
                self.spool_failed(&error);
                Err(Arc::unwrap_or_clone(batch))
            }
        }
    }

    /// Notes how something that was asked of the spool ended.
    fn keep(&mut self, result: Result<(), StoreError>) {
        match result {
            Ok(()) => {
                self.no_spool = None;
                self.shared.spool_works();
            }
            Err(error) => self.spool_failed(&error),
        }
    }

    fn spool_failed(&mut self, error: &StoreError) {
        self.no_spool = Some(timer(self.limits.spool_retry));
        self.shared.spool_failed(error);
    }

    /// A write has ended.
    async fn ended(&mut self, result: Result<Written, StoreError>) {
        let Some(Sending { write, batch, mut rest, origin, .. }) = self.sending.take() else {
            return;
        };
        // It has a hold of the batch.
        drop(write);
        match result {
            Ok(written) => {
                self.shared.written(batch.len(), written, (self.now)());
                self.away = None;
                self.remember(batch, &origin).await;
                self.go_on(rest, origin).await;
            }
            Err(error) if error.is_transient() => {
                self.shared.failed(&error, self.spool.is_some(), &self.now);
                if matches!(origin, Origin::Memory) {
                    rest.push(Arc::unwrap_or_clone(batch));
                    rest.reverse();
                    self.held = Some(join(rest));
                }
                self.back_off();
            }
            Err(error) if batch.len() == 1 => {
                self.shared.failed(&error, self.spool.is_some(), &self.now);
                self.shared.rejected(&error, &batch);
                self.go_on(rest, origin).await;
            }
            Err(error) => {
                self.shared.failed(&error, self.spool.is_some(), &self.now);
                let (first, second) = halve(Arc::unwrap_or_clone(batch));
                rest.push(second);
                self.send(first, rest, origin);
            }
        }
    }

    /// The next part, or the end of the whole batch: what the spool has of it can go.
    async fn go_on(&mut self, mut rest: Vec<Batch>, origin: Origin) {
        if let Some(part) = rest.pop() {
            return self.send(part, rest, origin);
        }
        let Some(spool) = self.spool.clone() else { return };
        match origin {
            Origin::Memory => {}
            Origin::Copied(all) => {
                for ids in all {
                    self.keep(spool.take_back(ids).await);
                }
            }
            Origin::Page(ids) => self.keep(spool.acknowledge(ids).await),
        }
        self.shared.noted(&spool.status());
    }

    /// What the store was told of hosts the spool remembers, too; the next start may need it.
    async fn remember(&mut self, batch: Arc<Batch>, origin: &Origin) {
        if let Origin::Page(_) = origin {
            self.shared.replayed(batch.len());
        }
        if let Some(spool) = self.spool.clone()
            && self.can_spool()
            && !(batch.transitions.is_empty() && batch.facts.is_empty())
            && let Err(error) = spool.follow(batch).await
        {
            self.spool_failed(&error);
        }
    }

    fn back_off(&mut self) {
        let first = self.limits.retry_first;
        let wait = match &self.away {
            Some(away) if !self.is_stopping() => {
                self.limits.retry_cap.min(away.wait.saturating_mul(2))
            }
            _ => first,
        };
        self.away = Some(Away { wait, next: timer(jittered(wait)) });
        self.measure_anew();
    }

    /// The load while the store was away says nothing of the load after.
    fn measure_anew(&mut self) {
        self.tick = None;
        self.allowed = 0;
    }
}

impl Shared {
    fn written(&self, rows: usize, written: Written, now: WallMs) {
        let mut state = self.lock();
        let stats = &mut state.stats;
        stats.written += u64::try_from(rows).unwrap_or(u64::MAX);
        stats.repeated += written.repeated;
        stats.conflicting += written.conflicting;
        stats.last_success = Some(now);
        if let Some(since) = stats.failing_since.take() {
            let (dropped, evicted, spooled) = (stats.dropped, stats.evicted, stats.spooled);
            drop(state);
            tracing::info!(%since, dropped, evicted, spooled, "the store takes rows again");
        }
    }

    fn replayed(&self, rows: usize) {
        self.lock().stats.replayed += u64::try_from(rows).unwrap_or(u64::MAX);
    }

    fn failed(&self, error: &StoreError, spools: bool, now: &dyn Fn() -> WallMs) {
        let text = error.with_causes();
        let first = {
            let mut state = self.lock();
            let stats = &mut state.stats;
            stats.failed_batches += 1;
            stats.last_error = Some(text.as_str().into());
            let first = error.is_transient() && stats.failing_since.is_none();
            if first {
                stats.failing_since = Some(now());
            }
            first
        };
        if first {
            let place = if spools { "in the spool" } else { "in memory" };
            tracing::error!(error = text, "the store takes no rows: they wait {place}");
        }
    }

    fn rejected(&self, error: &StoreError, part: &Batch) {
        {
            let mut state = self.lock();
            state.stats.rejected += 1;
            for record in &part.polls {
                state.queue.lose(record, LossReason::Refused);
            }
        }
        tracing::error!(error = error.with_causes(), "a row is lost: the store can never take it");
    }

    /// Rows went to the spool, and so many of the oldest polls had to give way.
    fn spooled(&self, rows: u64, lost: u64, status: &crate::store::spool::SpoolStatus) {
        let first = {
            let mut state = self.lock();
            state.stats.spooled += rows;
            state.stats.evicted += lost;
            state.stats.spool = Some(status.clone());
            let first = lost > 0 && !state.evicting;
            state.evicting |= lost > 0;
            first
        };
        if first {
            tracing::error!(
                polls = status.polls,
                bytes = status.bytes,
                max_bytes = status.max_bytes,
                "the spool is full: its oldest polls are dropped"
            );
        }
    }

    fn noted(&self, status: &crate::store::spool::SpoolStatus) {
        let (was, evicted, replayed) = {
            let mut state = self.lock();
            let was = state.stats.spool.replace(status.clone());
            if status.rows() == 0 {
                state.evicting = false;
            }
            (was, state.stats.evicted, state.stats.replayed)
        };
        if status.rows() == 0 && was.is_some_and(|was| was.rows() > 0) {
            tracing::info!(replayed, evicted, "the spool is empty again");
        }
    }

    fn spool_works(&self) {
        let failed = self.lock().stats.spool_error.take();
        if failed.is_some() {
            tracing::info!("the spool takes rows again");
        }
    }

    fn spool_failed(&self, error: &StoreError) {
        let text = error.with_causes();
        let (first, waiting) = {
            let mut state = self.lock();
            let first = state.stats.spool_error.replace(text.as_str().into()).is_none();
            (first, state.queue.len() + state.in_flight)
        };
        if first {
            tracing::error!(
                error = text,
                waiting,
                "the spool does not work: while the store is away rows wait in memory"
            );
        }
    }
}

/// Between half of the wait and all of it: servers that lost one store do not come back in step.
fn jittered(wait: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    let half = wait / 2;
    let nanos = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX);
    half + Duration::from_nanos(random % nanos.saturating_add(1))
}
