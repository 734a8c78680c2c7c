//! What each host looks like now: published by the engine, read by everybody else.
//!
//! The live view stands beside the store, so the page, the API and the health service go on while
//! the database is away. Readers take `Arc`s out under a short lock and never make the engine wait.

mod gathered;
mod recent;

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

pub use gathered::Gathered;
pub use recent::{RECENT_ATTEMPTS, Recent};
use tokio::sync::{broadcast, watch};

use crate::{
    alert::Rules,
    inventory::Diff,
    model::{
        Alarm, AlarmState, Column, Facts, Family, GroupName, HostId, HostName, Labels, Outcome,
        Record, Severity, Snapshot, State, Status, Timings, VersionId,
    },
    own_clock::Standing,
    units::WallMs,
};

/// How many updates a slow subscriber may be behind before it skips the oldest.
pub const UPDATE_BACKLOG: usize = 1024;

/// One attempt, short: what explains a state, without the values. A record has three kilobytes,
/// and twenty of them for each of ten thousand hosts would be 600 MB; this has 170 bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptSummary {
    /// When it was due.
    pub slot: WallMs,
    /// How it ended.
    pub outcome: Outcome,
    /// The host's state after it.
    pub state: State,
    /// How long its steps took.
    pub timings: Timings,
    /// Size of the encoded answer, bytes.
    pub answer_bytes: Option<u64>,
    /// The address used.
    pub address: Option<Arc<str>>,
    /// What went wrong.
    pub error: Option<Arc<str>>,
    /// The families that could not be read in full; their words are in `error`. None when they are
    /// not known: the store keeps the words alone.
    pub unread: Option<Box<[(Family, Status)]>>,
    /// How busy its processors were, per cent; none where the attempt brought no such value.
    pub cpu_busy_pct: Option<f64>,
}

impl From<&Record> for AttemptSummary {
    fn from(record: &Record) -> Self {
        Self {
            slot: record.slot,
            outcome: record.outcome,
            state: record.state,
            timings: record.timings,
            answer_bytes: record.answer_bytes,
            address: record.address.clone(),
            error: record.error.clone(),
            unread: None,
            cpu_busy_pct: record.values.as_ref().and_then(|values| values.get(Column::CpuBusyPct)),
        }
    }
}

/// One host as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct HostView {
    /// The store's number.
    pub id: HostId,
    /// Its name.
    pub name: HostName,
    /// Its group.
    pub group: Option<GroupName>,
    /// Its labels, the group's included.
    pub labels: Arc<Labels>,
    /// Where its probe is asked, `host:port`, in the order they are tried.
    pub addresses: Arc<[Arc<str>]>,
    /// When it is polled, in words: `every 10s`.
    pub schedule: Arc<str>,
    /// The shortest time between two of its polls on an ordinary day.
    pub interval: Duration,
    /// Its health.
    pub state: State,
    /// Since when.
    pub since: WallMs,
    /// Whether it changes too often.
    pub flapping: bool,
    /// The host that it is behind, as the inventory says.
    pub parent: Option<HostName>,
    /// The host that it is behind and whose failing explains its own.
    pub unreachable_because: Option<HostName>,
    /// When its pause or maintenance window ends by itself.
    pub paused_until: Option<WallMs>,
    /// Why it is in this state and what would change it, one sentence.
    pub reason: Arc<str>,
    /// What is wrong with it, in words: each flaw of its answers while it is degraded, the error of its
    /// last poll while it is suspect or down; none otherwise.
    pub cause: Option<Arc<str>>,
    /// What is known of the machine; shared, because a view is made per poll and this seldom changes.
    pub facts: Arc<Facts>,
    /// The last poll, whatever its outcome.
    pub last: Option<Arc<Record>>,
    /// The last poll that brought values; these stay visible while a host is down.
    pub last_good: Option<Arc<Record>>,
    /// What the probe said at that poll, its counters as they stand: what rates of the next poll are taken from,
    /// so that it needs no memory of its own. None until a poll brought values since the start.
    pub answer: Option<Arc<Snapshot>>,
    /// The last [`RECENT_ATTEMPTS`] attempts, oldest first.
    pub recent: Recent,
    /// Its polls of the last hour and more, in short.
    pub gathered: Gathered,
    /// The slot that it is polled for next; none while it is not polled.
    pub next_due: Option<WallMs>,
    /// Its alarms that are not ok; shared, because a view is made per poll.
    pub alarms: Arc<[Alarming]>,
}

impl HostView {
    /// Its alarms that fire: they were told, and are not over.
    pub fn firing(&self) -> impl Iterator<Item = &Alarm> {
        firing(&self.alarms)
    }
}

/// An alarm that is not ok.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarming {
    /// The alarm.
    pub alarm: Alarm,
    /// What was said when it last changed; none when that was before the start, or nothing was said yet.
    pub summary: Option<Arc<str>>,
}

#[cfg(test)]
impl HostView {
    /// A host that was not polled yet.
    pub(crate) fn listed(id: HostId, name: HostName) -> Self {
        Self {
            id,
            name,
            group: None,
            labels: Arc::default(),
            addresses: Arc::default(),
            schedule: "every 10s".into(),
            interval: Duration::from_secs(10),
            state: State::Pending,
            since: WallMs(5),
            flapping: false,
            parent: None,
            unreachable_because: None,
            paused_until: None,
            reason: "".into(),
            cause: None,
            facts: Arc::default(),
            last: None,
            last_good: None,
            answer: None,
            recent: Recent::default(),
            gathered: Gathered::after(None),
            next_due: None,
            alarms: Arc::default(),
        }
    }
}

/// The inventory file that is in force, with those of the folder beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryFile {
    /// Where it was read, as messages call it.
    pub source: Arc<str>,
    /// All of it; each further file below a line with its name.
    pub text: Arc<str>,
    /// What it changed when it came into force; none for the first one since the start.
    pub change: Option<Diff>,
}

/// The alert rules that are in force.
#[derive(Debug, Clone)]
pub struct RulesInForce {
    /// The file that they are from; none when they are those that come along.
    pub source: Option<Arc<str>>,
    /// What they say.
    pub rules: Rules,
}

impl PartialEq for RulesInForce {
    fn eq(&self, other: &Self) -> bool {
        (&self.source, &self.rules.hash) == (&other.source, &other.rules.hash)
    }
}

/// Polls that the server cannot make for want of its own means: the hosts may be well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnTrouble {
    /// Since when.
    pub since: WallMs,
    /// Hosts whose last poll could not be made.
    pub hosts: usize,
    /// Why the last of them could not, in words.
    pub error: Arc<str>,
}

impl fmt::Display for OwnTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { since, hosts, error } = self;
        write!(
            f,
            "{hosts} hosts cannot be polled for want of the server's own means since {since}, their \
             states stay: {error}"
        )
    }
}

/// What the server says of itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServerView {
    /// When it started.
    pub started: WallMs,
    /// The inventory in force: its version, the file's content hash, and when it was loaded.
    pub inventory: Option<(VersionId, Arc<str>, WallMs)>,
    /// That inventory's file.
    pub inventory_file: Option<Arc<InventoryFile>>,
    /// Why the inventory file as it is now is not in force; one problem per line.
    pub inventory_error: Option<Arc<str>>,
    /// Why what the inventory file says is right but not in force yet.
    pub inventory_waiting: Option<Arc<str>>,
    /// The last second of the certificate that it shows over HTTP and gRPC, seconds since 1970; none without.
    pub certificate_ends_s: Option<i64>,
    /// Why hours that are old enough are not sealed; none when they are.
    pub seal_error: Option<Arc<str>>,
    /// When a round of slots was last opened, by the cron scheduler or by the engine's own guard.
    pub last_round: WallMs,
    /// When the cron scheduler last opened one.
    pub last_cron_round: WallMs,
    /// Where the health of the fleet is served over gRPC, when it is.
    pub grpc: Option<SocketAddr>,
    /// Since when the server considers itself cut off: most hosts fell silent at once, no state
    /// changes.
    pub isolated: Option<WallMs>,
    /// What is known of the server's own clock.
    pub clock: Standing,
    /// Why nothing old is dropped or sealed; none when it is.
    pub drop_doubt: Option<Arc<str>>,
    /// Polls up to this one were given up for want of room; none when none were.
    pub given_up_to: Option<WallMs>,
    /// Why the history takes more room than it may; none while it does not.
    pub over_budget: Option<Arc<str>>,
    /// What hinders its polls at its own end.
    pub own_trouble: Option<OwnTrouble>,
    /// The rules in force.
    pub alerts: Option<Arc<RulesInForce>>,
    /// Why the file of alert rules as it is now is not in force; one problem per line.
    pub alerts_error: Option<Arc<str>>,
    /// Why the file of tokens as it is now is not in force; one problem per line.
    pub access_error: Option<Arc<str>>,
    /// Alarms about the server itself that are not ok.
    pub alarms: Arc<[Alarming]>,
    /// When rows were last found lost, to within a second.
    pub last_loss: Option<WallMs>,
    /// Set once the first inventory is in force.
    pub ready: bool,
    /// Set when the server is stopping.
    pub stopping: bool,
}

impl ServerView {
    /// Alarms about the server itself that fire.
    pub fn firing(&self) -> impl Iterator<Item = &Alarm> {
        firing(&self.alarms)
    }
}

/// Those of some alarms that fire: they were told, and are not over.
fn firing(alarms: &[Alarming]) -> impl Iterator<Item = &Alarm> {
    alarms.iter().map(|of| &of.alarm).filter(|alarm| alarm.state.is_active())
}

/// The live view of the fleet.
#[derive(Debug)]
pub struct Live {
    hosts: RwLock<BTreeMap<HostName, Arc<HostView>>>,
    server: RwLock<ServerView>,
    updates: broadcast::Sender<Arc<HostView>>,
    /// Counts changes of states, of membership and of the server itself. A counter, not a queue: who
    /// is late sees the newest alone.
    changes: watch::Sender<u64>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            hosts: RwLock::default(),
            server: RwLock::default(),
            updates: broadcast::Sender::new(UPDATE_BACKLOG),
            changes: watch::Sender::new(0),
        }
    }
}

impl Live {
    /// Every host, by name.
    #[must_use]
    pub fn hosts(&self) -> Vec<Arc<HostView>> {
        self.hosts.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// One host.
    #[must_use]
    pub fn host(&self, name: &str) -> Option<Arc<HostView>> {
        self.hosts.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// How many hosts there are in each state, states without hosts included.
    #[must_use]
    pub fn count_by_state(&self) -> BTreeMap<State, usize> {
        let mut counts: BTreeMap<_, _> = State::ALL.iter().map(|state| (*state, 0)).collect();
        for host in self.hosts.read().unwrap_or_else(PoisonError::into_inner).values() {
            *counts.entry(host.state).or_default() += 1;
        }
        counts
    }

    /// How many alarms there are that are not ok, by severity and state, those about the server among
    /// them; pairs that there are none of are left out.
    #[must_use]
    pub fn count_alarms(&self) -> BTreeMap<(Severity, AlarmState), usize> {
        let mut counts = BTreeMap::new();
        let mut add = |alarms: &[Alarming]| {
            for Alarming { alarm, .. } in alarms {
                *counts.entry((alarm.severity, alarm.state)).or_default() += 1;
            }
        };
        add(&self.server.read().unwrap_or_else(PoisonError::into_inner).alarms);
        for host in self.hosts.read().unwrap_or_else(PoisonError::into_inner).values() {
            add(&host.alarms);
        }
        counts
    }

    /// Every change from now on, one message per poll or transition. A reader that falls
    /// [`UPDATE_BACKLOG`] behind is told how many it missed.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<HostView>> {
        self.updates.subscribe()
    }

    /// Told when a host's state changes, when a host comes or goes, and when the server says
    /// something else of itself; not at every poll. What is missed meanwhile is told once.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// What the server says of itself.
    #[must_use]
    pub fn server(&self) -> ServerView {
        self.server.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Publishes a host as it is now.
    pub fn publish(&self, view: HostView) {
        let view = Arc::new(view);
        let before = self
            .hosts
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(view.name.clone(), Arc::clone(&view));
        if before.is_none_or(|before| before.state != view.state || before.group != view.group) {
            self.changed();
        }
        // No receiver is no fault: nobody is looking.
        let _ = self.updates.send(view);
    }

    /// Takes a host out of the view.
    pub fn remove(&self, name: &HostName) {
        self.hosts.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.changed();
    }

    /// Changes what the server says of itself.
    pub fn update_server(&self, change: impl FnOnce(&mut ServerView)) {
        let mut server = self.server.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut server);
        drop(server);
        self.changed();
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }
}
