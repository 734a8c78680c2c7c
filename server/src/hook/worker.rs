//! The one that tells: takes the notice whose turn it is, posts it, and writes down how that ended.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    DRAIN, FIRST_PAUSE, GIVE_UP_AFTER, Hook, PostError, RECEIVER, Shared, ended,
    lanes::{End, Next},
    pause,
    post::HookTarget,
};
use crate::{
    model::{HostId, Notice, NoticeState},
    store::{
        Standing, Store,
        spool::Spool,
        writer::{QueuedRow, WriterHandle},
    },
    units::{Mono, Now},
};

/// How long after a fault the store is asked again what waits in it.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Why a notice is folded.
const UNTOLD: &str = "it ends what was not told";

/// Why a notice is folded that was found in the store once that was back.
const OVERTAKEN: &str = "what came after it was told while the store was away";

/// Where notices are kept.
pub struct NoticeStores {
    /// Has what waits from before.
    pub store: Arc<dyn Store>,
    /// Has what waits while the store is away, where there is one.
    pub spool: Option<Arc<Spool>>,
    /// Takes how far a notice has come.
    pub writer: WriterHandle,
    /// Whether the wall clock is right, as far as is known.
    pub is_believed: Box<dyn Fn(Now) -> bool + Send + Sync>,
    /// Whether this server is in charge.
    pub standing: Arc<Standing>,
}

/// Tells what its [`Hook`] hears of.
pub struct HookWorker {
    shared: Arc<Shared>,
    target: Arc<HookTarget>,
    around: NoticeStores,
    first_pause: Duration,
    /// What the store has from before was read.
    loaded: bool,
    /// The store, or the receiver, is not asked before.
    not_before: NotBefore,
    /// Tries in a row that reached nobody.
    unreached: u32,
}

#[derive(Default)]
struct NotBefore {
    store: Mono,
    receiver: Mono,
}

impl std::fmt::Debug for HookWorker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Hook {
    /// Its worker. There is one.
    #[must_use]
    pub fn worker(&self, around: NoticeStores) -> HookWorker {
        HookWorker {
            shared: Arc::clone(&self.shared),
            target: Arc::clone(&self.target),
            around,
            first_pause: FIRST_PAUSE,
            loaded: false,
            not_before: NotBefore::default(),
            unreached: 0,
        }
    }
}

impl HookWorker {
    /// The same with another first pause, for those who cannot wait.
    #[must_use]
    pub fn pausing(self, first_pause: Duration) -> Self {
        Self { first_pause, ..self }
    }

    /// Tells until `shutdown` ends; the try that is under way then may take [`DRAIN`]. What waits is a
    /// row, and told by the next start.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        let (stop, stopping) = watch::channel(false);
        let telling = async {
            self.recall().await;
            while !*stopping.borrow() {
                self.once(stopping.clone()).await;
            }
        };
        let mut telling = std::pin::pin!(telling);
        tokio::select! {
            () = &mut telling => return,
            () = shutdown => drop(stop.send(true)),
        }
        if timeout(DRAIN, telling).await.is_err() {
            tracing::info!("the hook was not told to the end; the next start tells it again");
        }
    }

    fn now(&self) -> Now {
        self.shared.clock.now()
    }

    /// Takes in what waits in the spool.
    async fn recall(&self) {
        let Some(spool) = &self.around.spool else { return };
        match spool.notices().await {
            Ok(notices) => self.shared.add(&notices, End::Back),
            // Whoever writes to it says so.
            Err(error) => tracing::debug!(%error, "the spool's notices cannot be read"),
        }
    }

    /// Takes in what waits in the store, once it answers.
    async fn load(&mut self, now: Mono) {
        match self.around.store.notices(RECEIVER.into(), self.shared.limit).await {
            Ok(notices) => {
                let notices = notices.into_iter().map(Arc::new);
                let (late, waiting): (Vec<_>, Vec<_>) = {
                    let inner = self.shared.lock();
                    notices.partition(|notice| inner.lanes.overtook(notice))
                };
                // The last first, each before those that are there.
                self.shared.add(waiting.iter().rev(), End::Front);
                let at = self.now().wall;
                for notice in late {
                    self.end(ended(&notice, NoticeState::Folded, at, Some(OVERTAKEN)));
                }
                self.shared.lock().lanes.is_whole();
                self.loaded = true;
            }
            Err(_) => self.not_before.store = now.plus(ASK_AGAIN),
        }
    }

    /// One step: something is told, found out, or waited for.
    async fn once(&mut self, mut stopping: watch::Receiver<bool>) {
        let gone = std::mem::take(&mut self.shared.lock().gone);
        gone.into_iter().for_each(|notice| self.keep(notice));
        let now = self.now().mono;
        if !self.loaded && self.not_before.store <= now {
            self.load(now).await;
        }
        let next = self.shared.lock().lanes.next(now);
        match next {
            Next::Tell(_) if self.not_before.receiver > now => {
                self.wait(Some(self.not_before.receiver), now, &mut stopping).await;
            }
            Next::Tell(_) if !self.around.standing.may_tell(self.now().mono).await => {
                let _ = stopping.wait_for(|stopping| *stopping).await;
            }
            Next::Tell(notice) => {
                let told = self.target.post(&notice.body).await;
                self.settle(&notice, told);
            }
            Next::Fold(notice) => {
                let now = self.now();
                self.end(ended(&notice, NoticeState::Folded, now.wall, Some(UNTOLD)));
            }
            Next::Ask(host, subject) => self.find_out(host, &subject, now).await,
            Next::Wait(until) => self.wait(until, now, &mut stopping).await,
        }
    }

    /// Asks the store what was last told of a subject. Before what waits there was read, that may be wrong.
    async fn find_out(&self, host: HostId, subject: &Arc<str>, now: Mono) {
        let found = match self.loaded {
            true => {
                let (receiver, subject) = (RECEIVER.into(), Arc::clone(subject));
                self.around.store.last_told(receiver, host, subject).await.ok()
            }
            false => None,
        };
        let mut inner = self.shared.lock();
        match found {
            Some(last) => inner.lanes.learn(subject, last),
            None => inner.lanes.hold(subject, now.plus(ASK_AGAIN)),
        }
    }

    async fn wait(&self, until: Option<Mono>, now: Mono, stopping: &mut watch::Receiver<bool>) {
        let load = (!self.loaded).then_some(self.not_before.store);
        let until = until.into_iter().chain(load).min();
        let pause = async {
            match until {
                Some(until) => sleep(until.since(now)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = pause => {}
            () = self.shared.wake.notified() => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    }

    /// Notes how a try ended.
    fn settle(&mut self, notice: &Notice, told: Result<(), PostError>) {
        let now = self.now();
        let tried = Notice { attempts: notice.attempts.saturating_add(1), ..notice.clone() };
        let Err(error) = told else {
            self.unreached = 0;
            if self.shared.lock().stats.last_error.take().is_some() {
                tracing::info!(id = &*notice.id, "the hook takes notices again");
            }
            let tried = Notice { last_error: None, ..tried };
            return self.end(ended(&tried, NoticeState::Delivered, now.wall, None));
        };
        let words: Arc<str> = error.to_string().into();
        let first = {
            let mut inner = self.shared.lock();
            inner.stats.failed += 1;
            inner.stats.last_error.replace(Arc::clone(&words)).is_none()
        };
        self.unreached = if error.is_silence() { self.unreached.saturating_add(1) } else { 0 };
        self.not_before.receiver = match self.unreached {
            0 => now.mono,
            times => now.mono.plus(pause(self.first_pause, times)),
        };
        // By a clock that may be wrong nothing has waited for long.
        let is_believed = (self.around.is_believed)(now);
        let is_old = is_believed && now.wall.since(notice.created) >= GIVE_UP_AFTER;
        if !error.may_pass() || is_old {
            self.end(ended(&tried, NoticeState::GivenUp, now.wall, Some(&*words)));
        } else {
            if first {
                let (id, error) = (&*notice.id, &*words);
                tracing::warn!(id, error, "the hook took no notice: it is tried again for a day");
            }
            let wait = pause(self.first_pause, tried.attempts);
            let next_try = now.wall.plus(wait);
            let tried = Arc::new(Notice { next_try, last_error: Some(words), ..tried });
            self.shared.lock().lanes.failed(&tried, now.mono.plus(wait));
            self.keep(tried);
        }
        if is_believed {
            self.give_up_old(now);
        }
    }

    /// Those behind one that fails grow old, too.
    fn give_up_old(&self, now: Now) {
        let old = self.shared.lock().lanes.made_before(now.wall.minus(GIVE_UP_AFTER));
        for notice in old {
            let why = notice.last_error.as_deref().unwrap_or("nothing was taken for a day");
            self.end(ended(&notice, NoticeState::GivenUp, now.wall, Some(why)));
        }
    }

    /// A notice is over.
    fn end(&self, notice: Notice) {
        {
            let mut inner = self.shared.lock();
            inner.lanes.ended(&notice);
            match notice.state {
                NoticeState::Delivered => inner.stats.told += 1,
                NoticeState::GivenUp => inner.stats.given_up += 1,
                NoticeState::Folded | NoticeState::Pending => {}
            }
            if inner.lanes.len() == 0 {
                inner.overflows = false;
            }
        }
        if notice.state == NoticeState::GivenUp {
            tracing::error!(
                id = &*notice.id,
                error = notice.last_error.as_deref(),
                tries = notice.attempts,
                "a notice is given up; it is in the table notice"
            );
        }
        self.keep(Arc::new(notice));
    }

    fn keep(&self, notice: Arc<Notice>) {
        self.around.writer.push(QueuedRow::Notice(notice));
    }
}
