//! How Roundsman itself is, in one answer: readiness, polling, writing, store.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::Serialize;

use super::{Query, Readiness, STORE_PATIENCE, seen::Seen};
use crate::{
    hook::{self, Hook},
    live::Live,
    notify::ChannelStats,
    outbox::Outbox,
    store::{
        StoreStatus,
        writer::{WriterHandle, WriterStats},
    },
    units::WallMs,
};

/// Polling in numbers. Times are microseconds, over the last poll of each host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PollingShape {
    /// Polls ended since the start.
    pub polls: u64,
    /// Polls under way.
    pub in_flight: i64,
    /// Slots skipped because their moment had passed.
    pub missed_slots: u64,
    /// What the whole server has used since the start, all processors together (clock_gettime(2),
    /// `CLOCK_PROCESS_CPUTIME_ID`): over `polls` it is what a poll costs, storing and telling included.
    pub cpu_us: u64,
    /// Half of the last polls were begun no later than this.
    pub late_p50_us: Option<u64>,
    /// 99 of 100 were.
    pub late_p99_us: Option<u64>,
}

/// The lateness of the last poll of each host at these shares of 100, microseconds.
#[must_use]
pub(super) fn lateness(live: &Live, shares: [usize; 2]) -> [Option<u64>; 2] {
    let last = live.hosts();
    let last = last.iter().filter_map(|view| view.last.as_ref());
    let mut late: Vec<u64> = last.map(|record| record.timings.late_us.0).collect();
    late.sort_unstable();
    shares.map(|share| {
        let rank = (late.len() * share).div_ceil(100).max(1);
        late.get(rank - 1).copied()
    })
}

/// How a channel does through which alarms are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChannelShape {
    /// Its name.
    pub name: Arc<str>,
    /// Messages and heartbeats that it took since the start.
    pub sent: u64,
    /// Tries that failed since the start.
    pub failed: u64,
    /// Messages that it has not taken yet.
    pub waiting: usize,
    /// When the oldest of them was first handed over, milliseconds since 1970.
    pub oldest_ms: Option<WallMs>,
    /// Since when it takes nothing, where that is an alarm itself; milliseconds since 1970.
    pub failing_since_ms: Option<WallMs>,
    /// Why the last try failed; `null` once one succeeds.
    pub last_error: Option<Arc<str>>,
}

impl ChannelShape {
    fn new(name: Arc<str>, stats: ChannelStats) -> Self {
        let ChannelStats { sent, failed, waiting, oldest, failing, last_error } = stats;
        Self {
            name,
            sent,
            failed,
            waiting,
            oldest_ms: oldest,
            failing_since_ms: failing,
            last_error,
        }
    }
}

/// Everything that the server says of itself.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OwnShape {
    /// Whether it does its work, and if not why.
    #[serde(flatten)]
    pub readiness: Readiness,
    /// When it started, milliseconds since 1970.
    pub started_ms: WallMs,
    /// When the last round was opened, milliseconds since 1970.
    pub last_round_ms: Option<WallMs>,
    /// Polling.
    pub polling: PollingShape,
    /// The channels through which alarms are told, by name.
    pub channels: Vec<ChannelShape>,
    /// The writer; none where nothing is written.
    pub writer: Option<WriterStats>,
    /// The store; none when it does not answer, and then why.
    pub store: Option<StoreStatus>,
    /// What tells this store from every other; none when it does not answer.
    pub store_identity: Option<Arc<str>>,
    /// Why there is no `store`.
    pub store_error: Option<String>,
}

impl Query {
    /// The same, which also knows what waits to be told.
    #[must_use]
    pub fn with_hook(self, hook: Option<Hook>) -> Self {
        Self { hook, ..self }
    }

    /// The same, which also knows who is told by routes.
    #[must_use]
    pub fn with_outbox(self, outbox: Outbox) -> Self {
        Self { outbox: Some(outbox), ..self }
    }

    /// How the store is, or why it does not answer within [`STORE_PATIENCE`].
    ///
    /// # Errors
    /// In words.
    pub async fn store_status(&self) -> Result<StoreStatus, String> {
        match tokio::time::timeout(STORE_PATIENCE, self.store.status()).await {
            Ok(Ok(status)) => Ok(status),
            Ok(Err(error)) => Err(error.with_causes()),
            Err(_) => Err(format!("no answer within {} s", STORE_PATIENCE.as_secs())),
        }
    }

    /// Whether the server does its work. Asks the store, for at most [`STORE_PATIENCE`].
    pub async fn readiness(&self, now: WallMs) -> Readiness {
        let store_error = self.store_status().await.err();
        let server = self.live.as_ref().map(Seen::server).unwrap_or_default();
        let hosts = self.live.as_ref().map(Seen::hosts).unwrap_or_default();
        let writer = self.writer.as_ref().map(WriterHandle::stats).unwrap_or_default();
        Readiness::judge(&server, &hosts, store_error, &writer, now)
            .with_hook(&self.told(), now)
            .with_channels(&self.channels())
    }

    fn channels(&self) -> BTreeMap<Arc<str>, ChannelStats> {
        self.outbox.as_ref().map(Outbox::stats).unwrap_or_default()
    }

    fn told(&self) -> hook::Stats {
        self.hook.as_ref().map(Hook::stats).unwrap_or_default()
    }

    /// All that the server says of itself; `polling` is told by who counts it.
    pub async fn own(&self, now: WallMs, mut polling: PollingShape) -> OwnShape {
        let status = self.store_status().await;
        let identity = match &status {
            Ok(_) => tokio::time::timeout(STORE_PATIENCE, self.store.identity()).await.ok(),
            Err(_) => None,
        };
        let server = self.live.as_ref().map(Seen::server).unwrap_or_default();
        let hosts = self.live.as_ref().map(Seen::hosts).unwrap_or_default();
        if let Some(live) = self.live.as_ref().and_then(Seen::all) {
            [polling.late_p50_us, polling.late_p99_us] = lateness(live, [50, 99]);
        }
        let store_error = status.as_ref().err().cloned();
        let writer = self.writer.as_ref().map(WriterHandle::stats);
        let waiting = writer.clone().unwrap_or_default();
        let channels = self.channels();
        OwnShape {
            readiness: Readiness::judge(&server, &hosts, store_error.clone(), &waiting, now)
                .with_hook(&self.told(), now)
                .with_channels(&channels),
            started_ms: server.started,
            last_round_ms: (server.last_round != WallMs::default()).then_some(server.last_round),
            polling,
            channels: channels
                .into_iter()
                .map(|(name, stats)| ChannelShape::new(name, stats))
                .collect(),
            writer,
            store: status.ok(),
            store_identity: identity.and_then(Result::ok),
            store_error,
        }
    }
}
