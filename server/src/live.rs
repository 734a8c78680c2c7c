//! What each host looks like now: published by the engine, read by everybody else.
//!
//! The live view stands beside the store, so the page, the API and the health service go on while
//! the database is away. Readers take `Arc`s out under a short lock and never make the engine wait.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, PoisonError, RwLock},
};

use tokio::sync::broadcast;

use crate::{
    model::{Facts, GroupName, HostId, HostName, Labels, Outcome, Record, State, VersionId},
    units::{Micros, WallMs},
};

/// How many of a host's last attempts are kept in memory.
pub const RECENT_ATTEMPTS: usize = 20;

/// How many updates a slow subscriber may be behind before it skips the oldest.
pub const UPDATE_BACKLOG: usize = 1024;

/// One attempt, short: for a strip of the last few.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// When it was due.
    pub slot: WallMs,
    /// How it ended.
    pub outcome: Outcome,
    /// The call's time, when one was made.
    pub call_us: Option<Micros>,
    /// What went wrong.
    pub error: Option<Arc<str>>,
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
    pub labels: Labels,
    /// Where its probe is asked, `host:port`, in the order they are tried.
    pub addresses: Vec<Arc<str>>,
    /// When it is polled, in words: `every 10s`.
    pub schedule: Arc<str>,
    /// Its health.
    pub state: State,
    /// Since when.
    pub since: WallMs,
    /// Why it is in this state and what would change it, one sentence.
    pub reason: Arc<str>,
    /// What is known of the machine.
    pub facts: Facts,
    /// The last poll, whatever its outcome.
    pub last: Option<Arc<Record>>,
    /// The last poll that brought values; these stay visible while a host is down.
    pub last_good: Option<Arc<Record>>,
    /// The last [`RECENT_ATTEMPTS`] attempts, oldest first.
    pub recent: VecDeque<Attempt>,
}

/// What the server says of itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServerView {
    /// When it started.
    pub started: WallMs,
    /// The inventory in force: its version, the file's content hash, and when it was loaded.
    pub inventory: Option<(VersionId, Arc<str>, WallMs)>,
    /// Why the inventory file as it is now is not in force; one problem per line.
    pub inventory_error: Option<Arc<str>>,
    /// Why hours that are old enough are not sealed; none when they are.
    pub seal_error: Option<Arc<str>>,
    /// When the cron scheduler last opened a round of slots.
    pub last_round: WallMs,
    /// Set once the first inventory is in force.
    pub ready: bool,
    /// Set when the server is stopping.
    pub stopping: bool,
}

/// The live view of the fleet.
#[derive(Debug)]
pub struct Live {
    hosts: RwLock<BTreeMap<HostName, Arc<HostView>>>,
    server: RwLock<ServerView>,
    updates: broadcast::Sender<Arc<HostView>>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            hosts: RwLock::default(),
            server: RwLock::default(),
            updates: broadcast::Sender::new(UPDATE_BACKLOG),
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

    /// Every change from now on, one message per poll or transition. A reader that falls
    /// [`UPDATE_BACKLOG`] behind is told how many it missed.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<HostView>> {
        self.updates.subscribe()
    }

    /// What the server says of itself.
    #[must_use]
    pub fn server(&self) -> ServerView {
        self.server.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Publishes a host as it is now.
    pub fn publish(&self, view: HostView) {
        let view = Arc::new(view);
        self.hosts
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(view.name.clone(), Arc::clone(&view));
        // No receiver is no fault: nobody is looking.
        let _ = self.updates.send(view);
    }

    /// Takes a host out of the view.
    pub fn remove(&self, name: &HostName) {
        self.hosts.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// Changes what the server says of itself.
    pub fn update_server(&self, change: impl FnOnce(&mut ServerView)) {
        change(&mut self.server.write().unwrap_or_else(PoisonError::into_inner));
    }
}
