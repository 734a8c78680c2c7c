//! Roundsman's metrics of itself, in OpenMetrics text: what it did, how late it was, what it lost.
//!
//! Counters are set where the thing happens; what is a state of something else (the fleet, the
//! writer) is read when somebody asks.

mod connections;
mod export;
mod names;
mod shown;

use std::sync::Mutex;

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use connections::ConnectionMetrics;
pub use connections::Connections;
pub use export::{ExportLoss, ExportLossLabel};

use crate::model::{AlarmState, LossReason, Outcome, Severity, State};

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

impl EncodeLabelValue for AlarmState {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.as_str().encode(encoder)
    }
}

impl EncodeLabelValue for Severity {
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

/// The label of a change of an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ChangeLabel {
    /// The state after it.
    pub to: AlarmState,
}

/// The label of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ChannelLabel {
    /// Its name.
    pub channel: String,
}

/// The labels of alarms.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AlarmLabel {
    /// How much they matter.
    pub severity: Severity,
    /// Their state.
    pub state: AlarmState,
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
    /// 1 where this server polls, 0 where it is a standby.
    pub leader: Gauge,
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
    /// 1 while the server considers itself cut off.
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
    /// Alarms that are not ok, by severity and state.
    pub alarms: Family<AlarmLabel, Gauge>,
    /// Changes of alarms, by the state after them.
    pub alarm_changes: Family<ChangeLabel, Counter>,
    /// Files of alert rules refused.
    pub alert_errors: Counter,
    /// Inventory versions put in force.
    pub inventory_loads: Counter,
    /// Inventory files refused.
    pub inventory_errors: Counter,
    /// Looks at discovered names that showed nothing.
    pub discovery_failures: Counter,
    /// Rows written to the store.
    pub rows_written: Counter,
    /// Rows lost because queue and spool were full or the store refused them.
    pub rows_dropped: Counter,
    /// Of these, by reason.
    pub rows_lost: Family<ReasonLabel, Counter>,
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
    pub rows_spooled: Counter,
    /// Rows of the spool written to the store.
    pub rows_replayed: Counter,
    /// Batches that failed and were tried again.
    pub batches_failed: Counter,
    /// Notices that the hook took.
    pub hook_told: Counter,
    /// Tries of the hook that failed.
    pub hook_failed: Counter,
    /// Notices that the hook was never told.
    pub hook_given_up: Counter,
    /// Notices that wait to be told.
    pub hook_pending: Gauge,
    /// Messages that each channel took.
    pub channel_sent: Family<ChannelLabel, Counter>,
    /// Tries of each channel that failed.
    pub channel_failed: Family<ChannelLabel, Counter>,
    /// Messages that each channel has not taken yet.
    pub channel_waiting: Family<ChannelLabel, Gauge>,
    /// Age of the oldest of them, seconds; 0 when there is none.
    pub channel_oldest: Family<ChannelLabel, Gauge>,
    /// Samples that the export's receiver took.
    pub export_sent: Counter,
    /// Samples that it was not sent or did not keep, by reason.
    pub export_dropped: Family<ExportLossLabel, Counter>,
    /// Tries that are made again.
    pub export_retries: Counter,
    /// Polls that were not exported.
    pub export_polls_missed: Counter,
    /// Bytes that wait for the receiver.
    pub export_waiting_bytes: Gauge,
    /// Age of the oldest of them, seconds; 0 when there is none.
    pub export_oldest: Gauge,
    /// When the receiver last took something, seconds since 1970; 0 before it did.
    pub export_last_success: Gauge,
    faces: ConnectionMetrics,
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
    /// What the history takes, bytes, without what is free inside.
    pub history_bytes: Gauge,
    /// What it may take, bytes; 0 when nothing limits it.
    pub history_limit: Gauge,
    /// Slot of the oldest poll, seconds since 1970; 0 when there is none.
    pub oldest_poll: Gauge,
    /// Polls given up for want of room.
    pub polls_given_up: Counter,
    /// Bytes that became free by giving up.
    pub bytes_given_up: Counter,
    /// Bytes given back to the disk.
    pub bytes_given_back: Counter,
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
            leader: Gauge::default(),
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
            alarms: Family::default(),
            alarm_changes: Family::default(),
            alert_errors: Counter::default(),
            inventory_loads: Counter::default(),
            inventory_errors: Counter::default(),
            discovery_failures: Counter::default(),
            rows_written: Counter::default(),
            rows_dropped: Counter::default(),
            rows_lost: Family::default(),
            rows_waiting: Gauge::default(),
            spool_rows: Gauge::default(),
            spool_bytes: Gauge::default(),
            spool_oldest: Gauge::default(),
            spool_up: Gauge::default(),
            rows_spooled: Counter::default(),
            rows_replayed: Counter::default(),
            batches_failed: Counter::default(),
            hook_told: Counter::default(),
            hook_failed: Counter::default(),
            hook_given_up: Counter::default(),
            hook_pending: Gauge::default(),
            channel_sent: Family::default(),
            channel_failed: Family::default(),
            channel_waiting: Family::default(),
            channel_oldest: Family::default(),
            export_sent: Counter::default(),
            export_dropped: Family::default(),
            export_retries: Counter::default(),
            export_polls_missed: Counter::default(),
            export_waiting_bytes: Gauge::default(),
            export_oldest: Gauge::default(),
            export_last_success: Gauge::default(),
            faces: ConnectionMetrics::default(),
            http_denied: Counter::default(),
            log_lines_dropped: Counter::default(),
            polls_sealed: Counter::default(),
            seal_failures: Counter::default(),
            oldest_unsealed: Gauge::default(),
            history_bytes: Gauge::default(),
            history_limit: Gauge::default(),
            oldest_poll: Gauge::default(),
            polls_given_up: Counter::default(),
            bytes_given_up: Counter::default(),
            bytes_given_back: Counter::default(),
        };
        metrics.register_polling();
        metrics.register_keeping();
        metrics.register_telling();
        metrics.register_export();
        metrics.register_spool();
        metrics.register_room();
        metrics.register_asking();
        metrics
    }

    /// Those of a server that polls.
    #[must_use]
    pub fn of_leader() -> Self {
        let metrics = Self::new();
        metrics.leader.set(1);
        metrics
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

    /// A count that only grows says so by its type and its name; what is no count has neither.
    #[test]
    fn what_only_grows_is_a_counter() {
        let metrics = Metrics::new();
        metrics.rows_lost.get_or_create(&ReasonLabel { reason: LossReason::Conflict }).inc();
        let text = metrics.encode().unwrap();
        let kinds: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE roundsman_")?.split_once(' '))
            .collect();
        for part in
            ["written", "dropped", "lost", "failed", "spooled", "replayed", "told", "given_up"]
        {
            let named: Vec<_> = kinds.iter().filter(|(name, _)| name.ends_with(part)).collect();
            assert!(!named.is_empty(), "{part}: {kinds:?}");
            assert!(named.iter().all(|(_, kind)| *kind == "counter"), "{named:?}");
        }
    }

    #[test]
    fn text_names_outcomes_and_ends_with_eof() {
        let metrics = Metrics::new();
        metrics.polls.get_or_create(&OutcomeLabel { outcome: Outcome::WrongHost }).inc();
        let text = metrics.encode().unwrap();
        assert!(text.contains("roundsman_polls_total{outcome=\"wrong_host\"} 1\n"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
