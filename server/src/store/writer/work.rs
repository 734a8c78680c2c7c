//! The task of the writer: when a batch leaves, and what is done when the store does not take it.
//!
//! While the store takes rows they go straight to it. The moment it fails, or does not answer within
//! the patience, what it has not acknowledged goes to the spool, and so does all that follows. When
//! it answers again new rows go straight to it, and beside them the spool is replayed, oldest first,
//! with no more rows a second than come anew. Without a spool, or while the spool's disk takes
//! nothing, rows wait in memory.

mod account;
mod aside;
mod pace;

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Sleep, sleep, timeout},
};

use super::{
    Shared, WriterLimits,
    flow::{Event, Flow, Sight, Step},
    queue::{halve, join},
};
use crate::{
    store::{
        Batch, BatchResult, Store, StoreError,
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

type Write = Pin<Box<dyn Future<Output = Result<BatchResult, StoreError>> + Send>>;

/// A batch that is being written.
struct Sending {
    write: Write,
    batch: Arc<Batch>,
    /// Its other parts, when a row of it was refused; the next one last.
    rest: Vec<Batch>,
    origin: Origin,
    patience: Timer,
    silence: Timer,
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

/// Whether the end was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// No.
    No,
    /// Once nothing is left in memory.
    Soon,
    /// What is left in memory is given up.
    Now,
}

pub(super) struct Work {
    shared: Arc<Shared>,
    store: Arc<dyn Store>,
    spool: Option<Arc<Spool>>,
    limits: WriterLimits,
    now: Box<dyn Fn() -> WallMs + Send + Sync>,
    stop: watch::Receiver<Stop>,
    sending: Option<Sending>,
    /// Not acknowledged, and not in the spool either.
    held: Option<Batch>,
    /// Runs since there was something in the queue.
    due: Option<Timer>,
    flow: Flow,
    /// Runs until a store that fails is tried again.
    retry: Option<Timer>,
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
        stop: watch::Receiver<Stop>,
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
            flow: Flow::Flowing,
            retry: None,
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
            self.note_silence();
            self.send_next().await;
            if self.flow.is_shut() {
                self.put_aside().await;
            } else {
                self.look_after_spool().await;
            }
            self.account();
            if self.is_stopping() && self.is_done() {
                return;
            }
            if *self.stop.borrow() == Stop::Now {
                return self.give_up().await;
            }
            self.wait().await;
        }
    }

    /// Also when whoever could ask for the end is gone: then nobody waits for more.
    fn is_stopping(&self) -> bool {
        *self.stop.borrow() != Stop::No || self.stop.has_changed().is_err()
    }

    /// Whether no row is in memory alone.
    fn is_done(&self) -> bool {
        let sending = self.sending.as_ref().is_none_or(|sending| sending.in_memory() == 0);
        sending && self.held.is_none() && !self.has_work()
    }

    fn has_work(&self) -> bool {
        self.shared.lock().queue.has_work()
    }

    fn can_spool(&self) -> bool {
        self.spool.is_some() && self.no_spool.as_ref().is_none_or(|timer| timer.is_elapsed())
    }

    fn watch_queue(&mut self) {
        if !self.has_work() {
            self.due = None;
        } else if self.due.is_none() {
            self.due = Some(timer(self.limits.batch_wait));
        }
    }

    /// Whether a batch of the queue is full, has waited long enough, or the end was asked for.
    fn is_due(&self) -> bool {
        self.shared.is_wanted()
            || self.due.as_ref().is_some_and(|due| due.is_elapsed())
            || self.is_stopping()
    }

    fn take(&mut self) -> Option<Batch> {
        let batch = self.shared.take(&self.now);
        self.watch_queue();
        (!batch.is_empty()).then_some(batch)
    }

    /// Says what is in memory besides the queue.
    fn account(&self) {
        let sending = self.sending.as_ref().map_or(0, Sending::in_memory);
        let held = self.held.as_ref().map_or(0, Batch::len);
        self.shared.lock().in_flight = sending + held;
        self.shared.settled.notify_waiters();
    }

    async fn wait(&mut self) {
        let (stopping, asked) = (self.is_stopping(), *self.stop.borrow());
        let idle = self.sending.is_none();
        let (write, patience, silence) = match &mut self.sending {
            Some(Sending { write, patience, silence, .. }) => {
                (Some(write), Some(patience), Some(silence))
            }
            None => (None, None, None),
        };
        let write = async {
            match write {
                Some(write) => write.await,
                None => std::future::pending().await,
            }
        };
        let retry = self.retry.as_mut().filter(|_| idle);
        let result = tokio::select! {
            // A write that has ended is not slow, though its time is up at the same moment.
            biased;
            result = write => Some(result),
            () = rings(patience) => None,
            () = rings(silence) => None,
            () = self.shared.wake.notified() => None,
            () = rings(self.due.as_mut()) => None,
            () = rings(retry) => None,
            () = rings(self.no_spool.as_mut()) => None,
            () = rings(self.tick.as_mut()) => None,
            _ = self.stop.wait_for(|stop| *stop != asked), if !stopping || asked == Stop::Soon => None,
        };
        if let Some(result) = result {
            self.ended(result).await;
        }
        if !stopping && self.is_stopping() {
            self.happened(Event::Ending);
        }
    }

    /// A write that has no answer for so long is as good as failed, for whoever asks how the store is.
    fn note_silence(&mut self) {
        if self.sending.as_ref().is_some_and(Sending::is_slow) {
            self.happened(Event::Late);
        }
        if self.sending.as_ref().is_some_and(|sending| sending.silence.is_elapsed()) {
            let silent = StoreError::Timeout { after: self.limits.silence };
            self.shared.failing(&silent, self.spool.is_some(), &self.now);
        }
    }

    /// Gives the store something to do when it has nothing and may be asked.
    async fn send_next(&mut self) {
        let sight = Sight {
            busy: self.sending.is_some(),
            held: self.held.is_some(),
            due: self.has_work() && self.is_due(),
            retry_due: self.retry.as_ref().is_none_or(|retry| retry.is_elapsed()),
            can_spool: self.can_spool(),
            ending: self.is_stopping(),
        };
        match self.flow.step(sight) {
            Step::Wait => {}
            Step::Held => {
                if let Some(batch) = self.held.take() {
                    self.send(batch, Vec::new(), Origin::Memory);
                }
            }
            Step::Queue => {
                if let Some(batch) = self.take() {
                    let batch = self.behind_the_spool(batch).await;
                    if !batch.is_empty() {
                        self.send(batch, Vec::new(), Origin::Memory);
                    }
                }
            }
            Step::Replay => self.replay().await,
            Step::Try => {
                if !self.send_page(self.limits.replay_floor).await
                    && let Some(batch) = self.take()
                {
                    self.send(batch, Vec::new(), Origin::Memory);
                }
            }
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
        let (patience, silence) = (timer(self.limits.patience), timer(self.limits.silence));
        self.sending = Some(Sending { write, batch, rest, origin, patience, silence });
    }

    /// A write has ended.
    async fn ended(&mut self, result: Result<BatchResult, StoreError>) {
        let Some(Sending { write, batch, mut rest, origin, .. }) = self.sending.take() else {
            return;
        };
        // It has a hold of the batch.
        drop(write);
        match result {
            Ok(written) => {
                self.shared.written(&batch, &written, (self.now)());
                if !matches!(origin, Origin::Page(_)) {
                    self.shared.tell(&batch);
                }
                self.happened(Event::Taken);
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
                self.happened(Event::Failed);
            }
            Err(error) if batch.len() == 1 => {
                self.shared.failed(&error, self.spool.is_some(), &self.now);
                self.shared.rejected(&error, &batch);
                self.happened(Event::Refused);
                self.go_on(rest, origin).await;
            }
            Err(error) => {
                self.shared.failed(&error, self.spool.is_some(), &self.now);
                self.happened(Event::Refused);
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
}
