//! The web hook: somebody is told when a host's state changes, by a plain HTTP POST of one JSON
//! document per change.
//!
//! The engine leaves news here and never waits; one worker on HTTP's thread takes it out, oldest
//! first, one at a time, so that what a host went through arrives in its order. A receiver that fails
//! is tried again with back-off, a bounded number of times; the queue is bounded, and when it is full
//! the oldest news is dropped, counted and logged. What was not told is in the table `event` all the
//! same.
//!
//! It knows neither why a state changed (the news says so) nor what else runs.
//!
//! # The document
//!
//! ```json
//! {"version": 1, "id": "12/1774747800000/down", "kind": "host",
//!  "at": "2026-03-29T01:30:00.000Z", "at_ms": 1774747800000,
//!  "host": "db-1", "group": "db", "labels": {"rack": "a1"},
//!  "from": "suspect", "to": "down", "cause": "poll_failed", "outcome": "refused",
//!  "reason": "3 polls in a row failed, the last: refused: …"}
//! ```
//!
//! `id` is the same in every try: a receiver that sees it twice was told twice. Any 2xx ends it.
//! 408, 429 and 5xx, no answer and no connection are tried again; anything else, redirects included,
//! is the receiver's refusal and is not.

mod news;
mod post;
mod queue;

use std::{pin::pin, sync::Arc, time::Duration};

pub use news::{DOCUMENT_VERSION, News, ServerEvent};
pub use post::{MAX_ANSWER_HEAD_BYTES, PostError};
pub use queue::Stats;
use tokio::{sync::watch, time::timeout};

use self::queue::{Queue, Waiting};
use crate::{config, model::State};

/// The pause before the second try; it doubles with every further one.
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause between two tries.
pub const MAX_PAUSE: Duration = Duration::from_secs(60);

/// How long what waits may take when the server stops; each is tried once.
pub const DRAIN: Duration = Duration::from_secs(2);

/// Where news is left. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hook {
    queue: Arc<Queue>,
    states: Arc<[State]>,
}

impl Hook {
    /// Leaves news when it is wanted. Never waits: when the queue is full the oldest is dropped.
    pub fn push(&self, news: News) {
        if news.is_of(&self.states) {
            self.queue.push(news);
        }
    }

    /// What was told and what was not, so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.queue.stats()
    }
}

/// Tells what is left at its [`Hook`].
#[derive(Debug)]
pub struct Worker {
    queue: Arc<Queue>,
    target: post::Target,
    attempts: u32,
    first_pause: Duration,
}

/// A hook and its worker; none when no URL is set.
#[must_use]
pub fn hook(settings: &config::Hook) -> Option<(Hook, Worker)> {
    let url = settings.url.clone()?;
    let limit = usize::try_from(settings.queue).unwrap_or(usize::MAX);
    let queue = Arc::new(Queue::new(limit));
    let hook = Hook { queue: Arc::clone(&queue), states: settings.states.0.clone().into() };
    let target = post::Target { url, token: settings.token.clone(), timeout: settings.timeout };
    let attempts = settings.attempts.max(1);
    Some((hook, Worker { queue, target, attempts, first_pause: FIRST_PAUSE }))
}

impl Worker {
    /// The same with another first pause, for those who cannot wait.
    #[must_use]
    pub fn pausing(self, first_pause: Duration) -> Self {
        Self { first_pause, ..self }
    }

    /// Tells until `shutdown` ends; then ends what is under way and tries what waits once, for at
    /// most [`DRAIN`] in all.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let (stop, stopping) = watch::channel(false);
        let mut telling = pin!(self.tell(stopping));
        tokio::select! {
            () = &mut telling => return,
            () = shutdown => drop(stop.send(true)),
        }
        if timeout(DRAIN, telling).await.is_err() {
            let lost = self.queue.give_up();
            tracing::warn!(lost, "the hook did not take the last news in time");
        }
    }

    /// Tells until it is stopped and nothing waits.
    async fn tell(&self, mut stopping: watch::Receiver<bool>) {
        loop {
            let waiting = tokio::select! {
                biased;
                waiting = self.queue.next() => waiting,
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            let mut pause = self.first_pause;
            let mut tries = 1;
            let told = loop {
                let told = self.target.post(&waiting.body).await;
                let again = tries < self.attempts && !*stopping.borrow();
                match &told {
                    Err(error) if error.may_pass() && again => {
                        tracing::debug!(id = waiting.id, %error, "the hook failed; trying again");
                        let stopped = stopping.wait_for(|stopping| *stopping);
                        // A pause that is cut short is followed by the last try.
                        let _ = timeout(pause, stopped).await;
                        pause = after(pause);
                        tries += 1;
                    }
                    _ => break told,
                }
            };
            self.settle(&waiting, told, tries);
        }
    }

    fn settle(&self, waiting: &Waiting, told: Result<(), PostError>, tries: u32) {
        self.queue.settle(told.is_ok());
        if let Err(error) = told {
            tracing::error!(
                id = waiting.id, %error, tries,
                "the hook was not told; the change is in the table event"
            );
        }
    }
}

/// The pause after this one.
fn after(pause: Duration) -> Duration {
    pause.saturating_mul(2).min(MAX_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_limit() {
        let pauses = std::iter::successors(Some(FIRST_PAUSE), |pause| Some(after(*pause)));
        let seconds: Vec<u64> = pauses.take(8).map(|pause| pause.as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(after(Duration::MAX), MAX_PAUSE);
    }
}
