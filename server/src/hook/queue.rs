//! News that waits: bounded, in order, and counted when it is lost.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::News;

/// What was told and what was not, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Taken by the receiver.
    pub told: u64,
    /// Given up after the last try, or refused.
    pub failed: u64,
    /// Never tried: the queue was full, or the server stopped.
    pub dropped: u64,
    /// Waiting now.
    pub waiting: usize,
}

/// One document that waits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Waiting {
    pub(super) id: String,
    pub(super) body: Vec<u8>,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<News>,
    /// One was taken and is not settled.
    in_hand: bool,
    stats: Stats,
}

#[derive(Debug)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    wake: Notify,
    limit: usize,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self { inner: Mutex::default(), wake: Notify::new(), limit: limit.max(1) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes news in; when there is no room, the oldest goes.
    pub(super) fn push(&self, news: News) {
        let first_loss = {
            let mut inner = self.lock();
            let full = inner.waiting.len() >= self.limit;
            if full {
                inner.waiting.pop_front();
                inner.stats.dropped += 1;
            }
            inner.waiting.push_back(news);
            full && inner.stats.dropped == 1
        };
        if first_loss {
            tracing::error!(
                limit = self.limit,
                "more news than the hook takes: the oldest is dropped"
            );
        }
        self.wake.notify_one();
    }

    /// The oldest, if there is one.
    fn take(&self) -> Option<Waiting> {
        loop {
            let news = {
                let mut inner = self.lock();
                let news = inner.waiting.pop_front()?;
                inner.in_hand = true;
                news
            };
            let id = news.id();
            match news.document(&id) {
                Ok(body) => return Some(Waiting { id, body }),
                Err(error) => {
                    tracing::error!(id, %error, "news that cannot be written down");
                    self.settle(false);
                }
            }
        }
    }

    /// The oldest, once there is one.
    pub(super) async fn next(&self) -> Waiting {
        loop {
            if let Some(waiting) = self.take() {
                return waiting;
            }
            self.wake.notified().await;
        }
    }

    /// Counts how one ended.
    pub(super) fn settle(&self, told: bool) {
        let mut inner = self.lock();
        inner.in_hand = false;
        let stats = &mut inner.stats;
        *(if told { &mut stats.told } else { &mut stats.failed }) += 1;
    }

    /// Drops all that waits and says how many that were, the one being told included.
    pub(super) fn give_up(&self) -> u64 {
        let mut inner = self.lock();
        let lost = inner.waiting.len() as u64 + u64::from(inner.in_hand);
        inner.waiting.clear();
        inner.in_hand = false;
        inner.stats.dropped += lost;
        lost
    }

    pub(super) fn stats(&self) -> Stats {
        let inner = self.lock();
        Stats { waiting: inner.waiting.len(), ..inner.stats }
    }
}
