//! Sends what waits, one request after the other, and has what is not taken kept.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::body::Bytes;
use tokio::{sync::watch, task::spawn_blocking, time::timeout};

use super::{
    HELD, MAX_PAUSE, TELL_AGAIN,
    message::as_first,
    queue::{ExportQueue, QueuedRequest},
    receiver::{Receiver, RequestEnd},
    request::{RequestForm, WriteVersion},
};
use crate::{
    clock::Clock,
    metrics::{ExportLoss, ExportLossLabel, Metrics},
    units::{Mono, WallMs},
};

/// Sends, and counts.
pub(super) struct ExportSender {
    receiver: Receiver,
    pub(super) queue: Arc<ExportQueue>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    pub(super) first_pause: Duration,
    /// The receiver takes 1.0 alone.
    first_alone: AtomicBool,
    /// The last try failed.
    is_failing: AtomicBool,
    disk_failed: AtomicBool,
    is_full: AtomicBool,
}

impl std::fmt::Debug for ExportSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExportSender").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}

/// The pause after so many tries that failed.
fn pause(first: Duration, failed: u32) -> Duration {
    let doubled = first.saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1)));
    doubled.min(MAX_PAUSE)
}

impl ExportSender {
    pub(super) fn new(
        receiver: Receiver,
        queue: ExportQueue,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            receiver,
            queue: Arc::new(queue),
            metrics,
            clock,
            first_pause: super::FIRST_PAUSE,
            first_alone: AtomicBool::new(false),
            is_failing: AtomicBool::new(false),
            disk_failed: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
        }
    }

    /// Whether the receiver takes 1.0 alone.
    pub(super) fn first_alone(&self) -> bool {
        self.first_alone.load(Ordering::Relaxed)
    }

    /// Says in the metrics what waits, and what was dropped for want of room.
    pub(super) fn show(&self, now: WallMs) {
        let dropped = self.queue.take_dropped();
        if dropped > 0 {
            self.lost(ExportLoss::Full, dropped);
            if !self.is_full.swap(true, Ordering::Relaxed) {
                let to = self.receiver.authority();
                tracing::error!(
                    to,
                    "what waits for the export's receiver is too much: the oldest is dropped"
                );
            }
        }
        let status = self.queue.status();
        if status.bytes == 0 {
            self.is_full.store(false, Ordering::Relaxed);
        }
        self.metrics.export_waiting_bytes.set(i64::try_from(status.bytes).unwrap_or(i64::MAX));
        let age = status.oldest.map_or(0, |oldest| now.since(oldest).as_secs());
        self.metrics.export_oldest.set(i64::try_from(age).unwrap_or(i64::MAX));
    }

    fn lost(&self, reason: ExportLoss, samples: u64) {
        self.metrics.export_dropped.get_or_create(&ExportLossLabel { reason }).inc_by(samples);
    }

    /// Sends until it is `ending` and nothing waits or a try fails.
    pub(super) async fn send_until(&self, ending: &watch::Receiver<bool>) {
        let mut changes = self.queue.changes();
        let (mut failed, mut since, mut told, mut remarked) = (0_u32, None, None, None);
        loop {
            changes.mark_unchanged();
            let Some(request) = self.queue.first() else {
                if *ending.borrow() || changes.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let (words, after) = match self.send(&request).await {
                end @ (RequestEnd::Taken(_) | RequestEnd::Remarked(..)) => {
                    if let RequestEnd::Remarked(_, words) = end
                        && self.is_to_be_told(&mut remarked)
                    {
                        tracing::warn!(said = words, "the export's receiver remarks on readings");
                    }
                    if let Some(since) = since.take() {
                        let away = self.clock.now().mono.since(since).as_secs();
                        tracing::info!(
                            to = self.receiver.authority(),
                            away_s = away,
                            "the export's receiver takes readings again"
                        );
                    }
                    failed = 0;
                    self.is_failing.store(false, Ordering::Relaxed);
                    continue;
                }
                RequestEnd::Refused(_, words) => {
                    if self.is_to_be_told(&mut told) {
                        tracing::error!(
                            error = words,
                            "the export's receiver refuses readings: they are dropped, and that is told once an hour"
                        );
                    }
                    failed = 0;
                    self.is_failing.store(false, Ordering::Relaxed);
                    continue;
                }
                RequestEnd::FirstAlone => continue,
                RequestEnd::Later(after, words) => (words, after),
            };
            if since.is_none() {
                since = Some(self.clock.now().mono);
                tracing::warn!(
                    error = words,
                    "the export's receiver takes no readings: they wait and are sent again"
                );
            }
            failed = failed.saturating_add(1);
            self.metrics.export_retries.inc();
            self.is_failing.store(true, Ordering::Relaxed);
            self.queue.wake();
            if *ending.borrow() {
                return;
            }
            let wait = pause(self.first_pause, failed).max(after.unwrap_or_default());
            // What comes meanwhile changes nothing; the end does.
            let ends = async { while changes.changed().await.is_ok() && !*ending.borrow() {} };
            let _ = timeout(wait, ends).await;
        }
    }

    /// Whether it was not told of late.
    fn is_to_be_told(&self, told: &mut Option<Mono>) -> bool {
        let now = self.clock.now().mono;
        let is = told.is_none_or(|told| now.since(told) >= TELL_AGAIN);
        if is {
            *told = Some(now);
        }
        is
    }

    /// Sends one, which is over then unless it is to be sent again.
    async fn send(&self, request: &QueuedRequest) -> RequestEnd {
        let Some((form, body)) = self.body(request).await else {
            self.queue.done(request.number);
            self.lost(ExportLoss::Damaged, request.samples.into());
            let words = "a file of what waits was damaged".to_owned();
            return RequestEnd::Refused(0, words);
        };
        let now = self.clock.now().wall;
        let end = self.receiver.send(form, body, request.samples, now).await;
        match &end {
            RequestEnd::Taken(samples) | RequestEnd::Remarked(samples, _) => {
                self.queue.done(request.number);
                self.metrics.export_sent.inc_by((*samples).into());
                let seconds = self.clock.now().wall.0.div_euclid(1_000);
                self.metrics.export_last_success.set(seconds);
            }
            RequestEnd::Refused(kept, _) => {
                self.queue.done(request.number);
                if *kept > 0 {
                    self.metrics.export_sent.inc_by((*kept).into());
                }
                self.lost(ExportLoss::Refused, (request.samples - kept).into());
            }
            RequestEnd::FirstAlone => {
                self.first_alone.store(true, Ordering::Relaxed);
                let to = self.receiver.authority();
                tracing::warn!(
                    to,
                    "the export's receiver takes remote_write 1.0 alone, and is sent that"
                );
            }
            RequestEnd::Later(..) => {}
        }
        end
    }

    /// What a request says, in a form that the receiver takes; none where its file is damaged.
    async fn body(&self, request: &QueuedRequest) -> Option<(RequestForm, Bytes)> {
        let body = match request.held() {
            Some(body) => body,
            None => {
                let (queue, asked) = (Arc::clone(&self.queue), request.clone());
                spawn_blocking(move || queue.read(&asked)).await.ok()??
            }
        };
        match request.form {
            RequestForm::Write(WriteVersion::Second) if self.first_alone() => {
                Some((RequestForm::Write(WriteVersion::First), as_first(&body)?.into()))
            }
            form => Some((form, body)),
        }
    }

    /// Makes files of what waits in memory, while the receiver does not take it.
    pub(super) async fn keep_while_it_fails(&self) {
        let mut changes = self.queue.changes();
        loop {
            changes.mark_unchanged();
            let held = self.queue.held();
            if held > HELD || (held > 0 && self.is_failing.load(Ordering::Relaxed)) {
                self.keep_rest().await;
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Makes files of all that waits in memory.
    pub(super) async fn keep_rest(&self) {
        let queue = Arc::clone(&self.queue);
        let kept = spawn_blocking(move || queue.keep()).await;
        match kept {
            Ok(Ok(())) => {
                if self.disk_failed.swap(false, Ordering::Relaxed) {
                    tracing::info!("the disk takes what waits for the export's receiver again");
                }
            }
            Ok(Err(error)) => {
                if !self.disk_failed.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "the disk does not take what waits for the export's receiver: it waits in memory");
                }
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_between_requests_double_up_to_their_limit() {
        let millis: Vec<u128> =
            (1..9).map(|n| pause(super::super::FIRST_PAUSE, n).as_millis()).collect();
        assert_eq!(millis, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert_eq!(pause(super::super::FIRST_PAUSE, u32::MAX), MAX_PAUSE);
    }
}
