//! Roundsman's metrics of itself, in OpenMetrics text: what it did, how late it was, what it lost.
//!
//! Counters are set where the thing happens; what is a state of something else (the fleet, the
//! writer) is read when somebody asks.

use std::sync::Mutex;

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::model::{Outcome, State};

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
    /// Rows written to the store.
    pub rows_written: Gauge,
    /// Rows lost because the writer's queue was full or the store refused them.
    pub rows_dropped: Gauge,
    /// Rows waiting to be written.
    pub rows_waiting: Gauge,
    /// Batches that failed and were tried again.
    pub batches_failed: Gauge,
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
            rounds: Counter::default(),
            guarded_rounds: Counter::default(),
            in_flight: Gauge::default(),
            hosts: Family::default(),
            inventory_loads: Counter::default(),
            inventory_errors: Counter::default(),
            rows_written: Gauge::default(),
            rows_dropped: Gauge::default(),
            rows_waiting: Gauge::default(),
            batches_failed: Gauge::default(),
        };
        metrics.register_polling();
        metrics.register_keeping();
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
            "rows_written",
            "Rows written to the store since the start",
            self.rows_written.clone(),
        );
        registry.register(
            "rows_dropped",
            "Rows lost since the start: queue full, or refused by the store",
            self.rows_dropped.clone(),
        );
        registry.register("rows_waiting", "Rows waiting to be written", self.rows_waiting.clone());
        registry.register(
            "batches_failed",
            "Batches that failed and were tried again, since the start",
            self.batches_failed.clone(),
        );
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
