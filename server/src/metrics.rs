//! Roundsman's metrics of itself, in OpenMetrics text: what it did, how late it was, what it lost.
//!
//! Counters are set where the thing happens; what is a state of something else (the fleet, the
//! writer) is read when somebody asks.

mod connections;

use std::sync::Mutex;

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

pub use connections::Connections;
use connections::Faces;

use crate::model::{LossReason, Outcome, State};

/// Upper bounds of the histograms of time, seconds: from a good LAN answer to the longest timeout.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.as_str().encode(encoder)
    }
}

impl EncodeLabelValue for State {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.as_str().encode(encoder)
    }
}

impl EncodeLabelValue for LossReason {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.as_str().encode(encoder)
    }
}

/// The label of why rows were lost.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReasonLabel {
    /// Why.
    pub reason: LossReason,
}

/// The label of a poll's outcome.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OutcomeLabel {
    /// The outcome.
    pub outcome: Outcome,
}

/// The label of a host's state.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StateLabel {
    /// The state.
    pub state: State,
}

/// Which way the wall clock stepped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Forward.
    Forward,
    /// Back.
    Back,
}

impl EncodeLabelValue for Direction {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        match self {
            Self::Forward => "forward",
            Self::Back => "back",
        }
        .encode(encoder)
    }
}

/// The label of a step of the wall clock.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DirectionLabel {
    /// Which way.
    pub direction: Direction,
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    /// Polls ended, by outcome.
    pub polls: Family<OutcomeLabel, Counter>,
    /// How late polls were begun.
    pub lateness: Histogram,
    /// How long polls waited for the limit of polls in flight.
    pub queued: Histogram,
    /// How long calls took.
    pub call: Histogram,
    /// Slots skipped because their moment had passed (a stalled server, a stepped clock).
    pub missed_slots: Counter,
    /// Slots passed over because the host is down and was left alone.
    pub backed_off: Counter,
    /// 1 while the server takes itself for cut off.
    pub isolated: Gauge,
    /// Steps of the server's wall clock.
    pub clock_steps: Family<DirectionLabel, Counter>,
    /// Hosts whose last poll could not be made for want of the server's own means.
    pub unpolled: Gauge,
    /// Rounds opened by the cron scheduler.
    pub rounds: Counter,
    /// Rounds opened by the guard because the cron scheduler was silent.
    pub guarded_rounds: Counter,
    /// Polls in flight.
    pub in_flight: Gauge,
    /// Hosts by state.
    pub hosts: Family<StateLabel, Gauge>,
    /// Inventory versions put in force.
    pub inventory_loads: Counter,
    /// Inventory files refused.
    pub inventory_errors: Counter,
    /// Looks at discovered names that showed nothing.
    pub discovery_failures: Counter,
    /// Rows written to the store.
    pub rows_written: Gauge,
    /// Rows lost because queue and spool were full or the store refused them.
    pub rows_dropped: Gauge,
    /// Of these, by reason.
    pub rows_lost: Family<ReasonLabel, Gauge>,
    /// Rows waiting to be written, in memory.
    pub rows_waiting: Gauge,
    /// Rows waiting in the spool.
    pub spool_rows: Gauge,
    /// Their bytes.
    pub spool_bytes: Gauge,
    /// Age of the oldest poll in the spool, seconds; 0 when there is none.
    pub spool_oldest: Gauge,
    /// Whether the spool takes rows: 1, or 0 after a fault and without one.
    pub spool_up: Gauge,
    /// Rows that went to the spool.
    pub rows_spooled: Gauge,
    /// Rows of the spool written to the store.
    pub rows_replayed: Gauge,
    /// Batches that failed and were tried again.
    pub batches_failed: Gauge,
    /// Notices that the hook took.
    pub hook_told: Counter,
    /// Tries of the hook that failed.
    pub hook_failed: Counter,
    /// Notices that the hook was never told.
    pub hook_given_up: Counter,
    /// Notices that wait to be told.
    pub hook_pending: Gauge,
    faces: Faces,
    /// Requests with a wrong token or password.
    pub http_denied: Counter,
    /// Log lines that nobody read and that were dropped.
    pub log_lines_dropped: Counter,
    /// Polls sealed.
    pub polls_sealed: Counter,
    /// Runs of sealing that failed.
    pub seal_failures: Counter,
    /// The first hour with polls that are not sealed, seconds since 1970; 0 when there is none.
    pub oldest_unsealed: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Registers every metric under the prefix `roundsman_`.
    #[must_use]
    pub fn new() -> Self {
        let histogram = || Histogram::new(SECONDS);
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("roundsman")),
            polls: Family::default(),
            lateness: histogram(),
            queued: histogram(),
            call: histogram(),
            missed_slots: Counter::default(),
            backed_off: Counter::default(),
            isolated: Gauge::default(),
            clock_steps: Family::default(),
            unpolled: Gauge::default(),
            rounds: Counter::default(),
            guarded_rounds: Counter::default(),
            in_flight: Gauge::default(),
            hosts: Family::default(),
            inventory_loads: Counter::default(),
            inventory_errors: Counter::default(),
            discovery_failures: Counter::default(),
            rows_written: Gauge::default(),
            rows_dropped: Gauge::default(),
            rows_lost: Family::default(),
            rows_waiting: Gauge::default(),
            spool_rows: Gauge::default(),
            spool_bytes: Gauge::default(),
            spool_oldest: Gauge::default(),
            spool_up: Gauge::default(),
            rows_spooled: Gauge::default(),
            rows_replayed: Gauge::default(),
            batches_failed: Gauge::default(),
            hook_told: Counter::default(),
            hook_failed: Counter::default(),
            hook_given_up: Counter::default(),
            hook_pending: Gauge::default(),
            faces: Faces::default(),
            http_denied: Counter::default(),
            log_lines_dropped: Counter::default(),
            polls_sealed: Counter::default(),
            seal_failures: Counter::default(),
            oldest_unsealed: Gauge::default(),
        };
        metrics.register_polling();
        metrics.register_keeping();
        metrics.register_telling();
        metrics.register_spool();
        metrics.register_asking();
        metrics
    }

    fn register_polling(&self) {
        let Ok(mut registry) = self.registry.lock() else { return };
        registry.register("polls", "Polls ended, by outcome", self.polls.clone());
        registry.register(
            "slot_lateness_seconds",
            "How late polls were begun",
            self.lateness.clone(),
        );
        registry.register(
            "poll_queue_seconds",
            "How long polls waited for the limit of polls in flight",
            self.queued.clone(),
        );
        registry.register("poll_call_seconds", "How long calls took", self.call.clone());
        registry.register(
            "slots_missed",
            "Slots skipped because their moment had passed",
            self.missed_slots.clone(),
        );
        registry.register(
            "slots_backed_off",
            "Slots passed over because the host is down and was left alone",
            self.backed_off.clone(),
        );
        registry.register(
            "isolated",
            "1 while most hosts are silent at once and the server takes itself for cut off",
            self.isolated.clone(),
        );
        registry.register(
            "clock_steps",
            "Steps of the server's wall clock, by their direction",
            self.clock_steps.clone(),
        );
        registry.register(
            "hosts_unpolled",
            "Hosts whose last poll could not be made for want of the server's own means",
            self.unpolled.clone(),
        );
        registry.register("rounds", "Rounds opened by the cron scheduler", self.rounds.clone());
        registry.register(
            "rounds_guarded",
            "Rounds opened by the guard because the cron scheduler was silent",
            self.guarded_rounds.clone(),
        );
        registry.register("polls_in_flight", "Polls in flight now", self.in_flight.clone());
        registry.register("hosts", "Hosts by state", self.hosts.clone());
    }

    fn register_keeping(&self) {
        let Ok(mut registry) = self.registry.lock() else { return };
        registry.register(
            "inventory_loads",
            "Inventory versions put in force",
            self.inventory_loads.clone(),
        );
        registry.register(
            "inventory_errors",
            "Inventory files refused",
            self.inventory_errors.clone(),
        );
        registry.register(
            "discovery_failures",
            "Looks at discovered names that showed nothing: no answer, no address",
            self.discovery_failures.clone(),
        );
        registry.register(
            "rows_written",
            "Rows written to the store since the start",
            self.rows_written.clone(),
        );
        registry.register(
            "rows_dropped",
            "Rows lost since the start: queue full, or refused by the store",
            self.rows_dropped.clone(),
        );
        registry.register(
            "rows_lost",
            "Rows lost since the start, by reason",
            self.rows_lost.clone(),
        );
        registry.register(
            "rows_waiting",
            "Rows waiting in memory to be written",
            self.rows_waiting.clone(),
        );
        registry.register(
            "batches_failed",
            "Batches that failed and were tried again, since the start",
            self.batches_failed.clone(),
        );
        registry.register("polls_sealed", "Polls sealed", self.polls_sealed.clone());
        registry.register(
            "seal_failures",
            "Runs of sealing that failed",
            self.seal_failures.clone(),
        );
        registry.register(
            "oldest_unsealed_timestamp_seconds",
            "First hour with polls that are not sealed; 0: none, or the store does not seal",
            self.oldest_unsealed.clone(),
        );
    }

    fn register_telling(&self) {
        let Ok(mut registry) = self.registry.lock() else { return };
        for (name, help, counter) in [
            ("hook_told", "Notices that the hook took", &self.hook_told),
            ("hook_failed", "Tries of the hook that failed", &self.hook_failed),
            (
                "hook_given_up",
                "Notices given up: refused, not taken for a day, or one too many",
                &self.hook_given_up,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
        registry.register(
            "hook_pending",
            "Notices that wait to be told",
            self.hook_pending.clone(),
        );
    }

    fn register_spool(&self) {
        let Ok(mut registry) = self.registry.lock() else { return };
        let mut gauge = |name, help, gauge: &Gauge| registry.register(name, help, gauge.clone());
        gauge("spool_rows", "Rows waiting in the spool on disk", &self.spool_rows);
        gauge("spool_bytes", "Bytes of the rows in the spool", &self.spool_bytes);
        gauge(
            "spool_oldest_seconds",
            "Age of the oldest poll in the spool; 0 when it is empty",
            &self.spool_oldest,
        );
        gauge("spool_up", "1 while the spool takes rows", &self.spool_up);
        gauge("rows_spooled", "Rows that went to the spool since the start", &self.rows_spooled);
        gauge(
            "rows_replayed",
            "Rows of the spool written to the store since the start",
            &self.rows_replayed,
        );
    }

    fn register_asking(&self) {
        let Ok(mut registry) = self.registry.lock() else { return };
        self.faces.register(&mut registry);
        registry.register(
            "http_denied",
            "Requests with a wrong token or password",
            self.http_denied.clone(),
        );
        registry.register(
            "log_lines_dropped",
            "Log lines dropped because nobody read standard error",
            self.log_lines_dropped.clone(),
        );
    }

    /// What is counted of the connections of a face, `http` or `grpc`.
    #[must_use]
    pub fn connections(&self, face: &'static str) -> Connections {
        self.faces.of(face)
    }

    /// Polls ended since the start, whatever their outcome.
    #[must_use]
    pub fn polls_ended(&self) -> u64 {
        let counted = |outcome: &Outcome| self.polls.get(&OutcomeLabel { outcome: *outcome });
        Outcome::ALL.iter().filter_map(counted).map(|counter| counter.get()).sum()
    }

    /// The OpenMetrics text (content type `application/openmetrics-text; version=1.0.0`).
    ///
    /// # Errors
    /// Only when formatting into a `String` fails, which it does not.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        match self.registry.lock() {
            Ok(registry) => text::encode(&mut text, &registry)?,
            Err(poisoned) => text::encode(&mut text, &poisoned.into_inner())?,
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_names_outcomes_and_ends_with_eof() {
        let metrics = Metrics::new();
        metrics.polls.get_or_create(&OutcomeLabel { outcome: Outcome::WrongHost }).inc();
        let text = metrics.encode().unwrap();
        assert!(text.contains("roundsman_polls_total{outcome=\"wrong_host\"} 1\n"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
