//! What is counted and said of writing: numbers for who asks, one log line per episode.

use std::sync::Arc;

use crate::{
    model::{AlarmEvent, Loss, LossReason, Notice, Record},
    store::{
        Batch, BatchResult, StoreError, WHY_GONE,
        spool::SpoolStatus,
        writer::{News, Shared},
    },
    units::WallMs,
};

impl Shared {
    /// The rows of a batch are kept now: its notices that nobody was told of before, and its changes of
    /// alarms.
    pub(super) fn tell(&self, batch: &Batch) {
        let fresh = |notice: &&Arc<Notice>| notice.attempts == 0 && notice.ended.is_none();
        let notices: Vec<_> = batch.notices.iter().filter(fresh).cloned().collect();
        self.tell_of(&notices, &batch.alarm_events);
    }

    pub(super) fn tell_of(&self, notices: &[Arc<Notice>], alarms: &[AlarmEvent]) {
        if !notices.is_empty() || !alarms.is_empty() {
            (self.tell)(News { notices, alarms });
        }
    }

    pub(super) fn written(&self, batch: &Batch, written: &BatchResult, now: WallMs) {
        let mut state = self.lock();
        let is_kept = |poll: &&Arc<Record>| !written.conflicting.contains(&(poll.host, poll.slot));
        if let Some(last) = batch.polls.iter().rev().find(is_kept) {
            state.marks.add(last.host, last.slot, written.polls);
        }
        let rows = batch.len();
        let conflicting = written.conflicting.len();
        let taken = u64::try_from(rows.saturating_sub(conflicting)).unwrap_or(u64::MAX);
        let conflicting = u64::try_from(conflicting).unwrap_or(u64::MAX);
        for (host, slot) in &written.conflicting {
            state.queue.lose(*host, *slot, LossReason::Conflict);
        }
        let first = conflicting > 0 && !state.conflicting;
        state.conflicting = conflicting > 0;
        if first {
            tracing::error!(
                polls = conflicting,
                "polls are lost: the store has others of the same moments; this machine's clock was \
                 set back, or another server writes to the same store"
            );
        }
        let stats = &mut state.stats;
        stats.written += taken;
        stats.repeated += written.repeated;
        stats.conflicting += conflicting;
        stats.last_success = Some(now);
        if let Some(since) = stats.failing_since.take() {
            let (dropped, evicted, spooled) = (stats.dropped, stats.evicted, stats.spooled);
            drop(state);
            tracing::info!(%since, dropped, evicted, spooled, "the store takes rows again");
        }
    }

    /// Polls are no longer in the store that it had taken.
    pub(in crate::store::writer) fn gone(&self, loss: Loss) {
        tracing::error!("the store no longer has what it had taken: about {loss}; {WHY_GONE}");
        let mut state = self.lock();
        state.stats.gone += loss.polls;
        state.queue.note(loss);
    }

    pub(super) fn replayed(&self, rows: usize) {
        self.lock().stats.replayed += u64::try_from(rows).unwrap_or(u64::MAX);
    }

    pub(super) fn failed(&self, error: &StoreError, spools: bool, now: &dyn Fn() -> WallMs) {
        {
            let mut state = self.lock();
            state.stats.failed_batches += 1;
            state.stats.last_error = Some(error.with_causes().into());
        }
        if error.is_transient() {
            self.failing(error, spools, now);
        }
    }

    /// The store takes no rows, whether it says so or is silent: noted and said once.
    pub(super) fn failing(&self, error: &StoreError, spools: bool, now: &dyn Fn() -> WallMs) {
        let text = error.with_causes();
        let first = {
            let mut state = self.lock();
            let stats = &mut state.stats;
            let first = stats.failing_since.is_none();
            if first {
                stats.last_error = Some(text.as_str().into());
                stats.failing_since = Some(now());
                state.tells_empty = true;
            }
            first
        };
        if first {
            let place = if spools { "in the spool" } else { "in memory" };
            tracing::error!(error = text, "the store takes no rows: they wait {place}");
        }
    }

    pub(super) fn rejected(&self, error: &StoreError, part: &Batch) {
        {
            let mut state = self.lock();
            state.stats.rejected += 1;
            state.stats.last_refusal = Some(error.with_causes().into());
            for record in &part.polls {
                state.queue.lose(record.host, record.slot, LossReason::Refused);
            }
        }
        tracing::error!(error = error.with_causes(), "a row is lost: the store can never take it");
    }

    /// The polls of a batch are lost because the end has come.
    pub(super) fn lose_at_the_end(&self, part: &Batch) {
        let mut state = self.lock();
        for record in &part.polls {
            state.queue.lose(record.host, record.slot, LossReason::Shutdown);
        }
    }

    /// Gives up what waits; answers how many rows that was.
    pub(super) fn give_up(&self) -> usize {
        self.lock().queue.give_up(LossReason::Shutdown)
    }

    /// Counts rows that were given up.
    pub(super) fn gave_up(&self, rows: usize) {
        let mut state = self.lock();
        state.stats.dropped += u64::try_from(rows).unwrap_or(u64::MAX);
        state.in_flight = 0;
    }

    /// Rows went to the spool, and so many of the oldest polls had to give way.
    pub(super) fn spooled(&self, rows: u64, lost: u64, status: &SpoolStatus) {
        let first = {
            let mut state = self.lock();
            state.stats.spooled += rows;
            state.stats.evicted += lost;
            state.stats.spool = Some(status.clone());
            let first = lost > 0 && !state.evicting;
            state.evicting |= lost > 0;
            state.tells_empty |= lost > 0;
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

    pub(super) fn noted(&self, status: &SpoolStatus) {
        let (tells, evicted, replayed) = {
            let mut state = self.lock();
            let was = state.stats.spool.replace(status.clone());
            let emptied = status.rows() == 0 && was.is_some_and(|was| was.rows() > 0);
            if status.rows() == 0 {
                state.evicting = false;
            }
            let tells = emptied && std::mem::take(&mut state.tells_empty);
            (tells, state.stats.evicted, state.stats.replayed)
        };
        if tells {
            tracing::info!(replayed, evicted, "the spool is empty again");
        }
    }

    pub(super) fn spool_works(&self) {
        let failed = self.lock().stats.spool_error.take();
        if failed.is_some() {
            tracing::info!("the spool takes rows again");
        }
    }

    pub(super) fn spool_failed(&self, error: &StoreError) {
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
