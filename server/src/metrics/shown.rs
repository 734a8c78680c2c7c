//! What is a state of something else, copied into the metrics when somebody asks for them.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use prometheus_client::metrics::counter::Counter;

use super::{AlarmLabel, ChannelLabel, Metrics, ReasonLabel, StateLabel};
use crate::{
    hook,
    live::Live,
    model::{AlarmState, LossReason, Severity},
    notify::ChannelStats,
    store::writer::WriterStats,
    units::WallMs,
};

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What was counted elsewhere, since the start.
fn count(counter: &Counter, total: u64) {
    counter.inner().store(total, Ordering::Relaxed);
}

impl Metrics {
    /// Copies the hosts by state, and what the log dropped.
    pub(crate) fn show_fleet(&self, live: &Live) {
        for (state, count) in live.count_by_state() {
            let count = gauge(u64::try_from(count).unwrap_or(u64::MAX));
            self.hosts.get_or_create(&StateLabel { state }).set(count);
        }
        let alarms = live.count_alarms();
        for severity in Severity::ALL {
            for state in AlarmState::ALL.iter().filter(|state| **state != AlarmState::Ok) {
                let count = alarms.get(&(*severity, *state)).copied().unwrap_or_default();
                let label = AlarmLabel { severity: *severity, state: *state };
                self.alarms
                    .get_or_create(&label)
                    .set(gauge(u64::try_from(count).unwrap_or(u64::MAX)));
            }
        }
        count(&self.log_lines_dropped, roundsman_os::log::dropped());
    }

    /// Copies what the hook has told.
    pub(crate) fn show_hook(&self, told: &hook::Stats) {
        for (counter, total) in [
            (&self.hook_told, told.told),
            (&self.hook_failed, told.failed),
            (&self.hook_given_up, told.given_up),
        ] {
            count(counter, total);
        }
        self.hook_pending.set(i64::try_from(told.pending).unwrap_or(i64::MAX));
    }

    /// Copies how each channel does that is in force, and what waits at `now`.
    pub(crate) fn show_channels(&self, all: &BTreeMap<Arc<str>, ChannelStats>, now: WallMs) {
        self.channel_sent.clear();
        self.channel_failed.clear();
        self.channel_waiting.clear();
        self.channel_oldest.clear();
        for (name, stats) in all {
            let label = ChannelLabel { channel: name.to_string() };
            count(&self.channel_sent.get_or_create(&label), stats.sent);
            count(&self.channel_failed.get_or_create(&label), stats.failed);
            let waiting = gauge(u64::try_from(stats.waiting).unwrap_or(u64::MAX));
            self.channel_waiting.get_or_create(&label).set(waiting);
            let age = stats.oldest.map_or(0, |oldest| now.since(oldest).as_secs());
            self.channel_oldest.get_or_create(&label).set(gauge(age));
        }
    }

    /// Copies what the writer has done, and what waits at `now`.
    pub(crate) fn show_writer(&self, stats: &WriterStats, now: WallMs) {
        count(&self.rows_written, stats.written);
        count(&self.rows_dropped, stats.lost());
        for (reason, lost) in [
            (LossReason::QueueFull, stats.dropped),
            (LossReason::SpoolFull, stats.evicted),
            (LossReason::Refused, stats.rejected),
            (LossReason::Conflict, stats.conflicting),
            (LossReason::StoreLost, stats.gone),
        ] {
            count(&self.rows_lost.get_or_create(&ReasonLabel { reason }), lost);
        }
        self.rows_waiting.set(i64::try_from(stats.depth).unwrap_or(i64::MAX));
        count(&self.batches_failed, stats.failed_batches);
        count(&self.rows_spooled, stats.spooled);
        count(&self.rows_replayed, stats.replayed);
        let spool = stats.spool.clone().unwrap_or_default();
        self.spool_up.set(i64::from(stats.spool.is_some() && stats.spool_error.is_none()));
        self.spool_rows.set(gauge(spool.rows()));
        self.spool_bytes.set(gauge(spool.bytes));
        let age = spool.oldest.map_or(0, |oldest| now.since(oldest).as_secs());
        self.spool_oldest.set(gauge(age));
    }
}
