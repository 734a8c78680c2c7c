//! The one loop that owns the fleet: slots come due, polls end, the inventory changes, somebody asks.
//!
//! Everything it decides is decided elsewhere (`schedule`, `rates`, `health`) by functions of
//! values; everything slow happens elsewhere (`poll` in its own tasks, the store behind the
//! writer's queue). The loop itself never waits for anything but its own events.

mod alarms;
mod begin;
mod clock;
mod entry;
mod guard;
mod install;
mod machines;
mod measured;
mod own;
mod pauses;
mod round;
mod settle;
mod tell;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{Id, JoinError, JoinSet},
};

pub use self::alarms::Explanation;
use self::{
    alarms::Alarms,
    entry::{Flight, HostEntry},
    install::Installing,
    machines::Machines,
    own::Own,
    pauses::{Paused, Windows},
};
use crate::{
    alert::Rule,
    clock::Clock,
    health::{Pause, Policy, Quorum},
    hook::Hook,
    inventory::Inventory,
    live::{InventoryFile, Live},
    metrics::Metrics,
    model::{Alarm, HostId, HostName, Outcome, Record, VersionId},
    own_clock::OwnClock,
    poll::{Attempt, Poller},
    rollup::Rollups,
    schedule::{Grids, PollQueue},
    store::{KnownHost, writer::WriterHandle},
    units::WallMs,
};

/// Commands that may wait for the engine; more is refused to whoever sends.
pub const COMMAND_QUEUE: usize = 64;

/// Without a round for this long the engine opens one itself and has the cron jobs made anew.
pub const ROUND_SILENCE: Duration = Duration::from_secs(3);

/// How long polls in flight may take to end once the engine is told to stop. Those of hosts that
/// hang are broken off then, so that a container stops well within the ten seconds it is given.
pub const DRAIN: Duration = Duration::from_secs(2);

/// An inventory that the store knows: the hosts have their numbers.
#[derive(Debug)]
pub struct Installed {
    /// The inventory.
    pub inventory: Arc<Inventory>,
    /// The file that it is from.
    pub file: Arc<InventoryFile>,
    /// Its number in the store.
    pub version: VersionId,
    /// What the store knows of each of its hosts.
    pub known: Vec<KnownHost>,
    /// Pauses that operators asked for before the start; of later ones the engine is told.
    pub pauses: Vec<(HostId, Pause)>,
    /// Alarms that were not ok before the start; of hosts that the engine has the engine knows better.
    pub alarms: Vec<Alarm>,
    /// The names of hosts that were taken out of it before the start.
    pub gone_before: HashMap<HostId, HostName>,
    /// Told once every host is in the live view.
    pub in_force: oneshot::Sender<()>,
}

/// What the engine is told from outside; a closed list.
#[derive(Debug)]
pub enum Command {
    /// Put an inventory in force. Hosts that did not change are not touched.
    Install(Box<Installed>),
    /// Judge by these alert rules from now on. Alarms of rules that say what they said go on.
    Rules(Arc<[Arc<Rule>]>),
    /// Say what a rule makes of a host's last poll, and why. The sender is dropped unanswered when the rule is
    /// not judged on it, or it was not polled.
    Explain(HostName, Arc<str>, oneshot::Sender<Explanation>),
    /// Poll a host now, or join the poll that is under way. The sender is dropped unanswered when
    /// there is no such host.
    PollNow(HostName, oneshot::Sender<Arc<Record>>),
    /// Forget which machine a host is: another one may answer from now on.
    Accept(HostName),
    /// Pause a host, in the place of any pause that it has, or end its pause. The sender is told
    /// when it is in force, and dropped when there is no such host. Whoever sends this has written
    /// it down already, so that it outlives the server.
    Pause(HostId, Option<Pause>, oneshot::Sender<()>),
    /// Stop: begin no more polls, let those in flight end, return.
    Stop,
}

/// Where the engine's events come from.
#[derive(Debug)]
pub struct Inputs {
    /// Commands.
    pub commands: mpsc::Receiver<Command>,
    /// Rounds of the cron scheduler.
    pub rounds: mpsc::Receiver<()>,
    /// Told when rounds stay out, so that the cron jobs can be made again.
    pub silent: mpsc::Sender<()>,
}

/// What the engine works with.
#[derive(Clone)]
pub struct Parts {
    /// Reads the clocks.
    pub clock: Arc<dyn Clock>,
    /// Makes the polls.
    pub poller: Poller,
    /// Takes the rows.
    pub writer: WriterHandle,
    /// Shows the hosts to everybody else.
    pub live: Arc<Live>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// The thresholds of health.
    pub policy: Policy,
    /// Told of every change of state, when somebody wants to know.
    pub hook: Option<Hook>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// What can happen to the engine; a closed list.
enum Event {
    Round,
    Silence,
    Due,
    Ended(Result<(Id, Attempt), JoinError>),
    Command(Command),
    Slice,
    Closed,
}

/// The owner of the fleet.
pub struct Engine {
    parts: Parts,
    poll_queue: PollQueue,
    hosts: HashMap<HostId, HostEntry>,
    names: HashMap<HostName, HostId>,
    machines: Machines,
    polls: JoinSet<Attempt>,
    flights: HashMap<Id, Flight>,
    version: VersionId,
    missed: u64,
    quorum: Quorum,
    own_clock: OwnClock,
    own_boot: Option<Arc<str>>,
    /// What the next start is to know of the slots that were used.
    grids: Option<watch::Sender<Grids>>,
    /// Since when the server considers itself cut off.
    isolated: Option<WallMs>,
    /// What polls and rows are lost to for the server's own reasons.
    own: Own,
    windows: Windows,
    pauses: BTreeMap<HostId, Paused>,
    /// Hosts that others are behind.
    parents: HashSet<HostName>,
    /// Polls are being broken off: how they end says nothing of the hosts.
    aborting: bool,
    /// The inventory that is coming into force.
    installing: Option<Installing>,
    rollups: Rollups,
    alarms: Alarms,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("hosts", &self.hosts.len()).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine without hosts; they come with [`Command::Install`].
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            rollups: Rollups::new(parts.clock.now().wall),
            own_clock: OwnClock::new(parts.policy.skew_limit),
            own_boot: None,
            grids: None,
            parts,
            poll_queue: PollQueue::new(),
            hosts: HashMap::new(),
            names: HashMap::new(),
            machines: Machines::default(),
            polls: JoinSet::new(),
            flights: HashMap::new(),
            version: VersionId(0),
            missed: 0,
            quorum: Quorum::default(),
            isolated: None,
            own: Own::default(),
            windows: Windows::default(),
            pauses: BTreeMap::new(),
            parents: HashSet::new(),
            aborting: false,
            installing: None,
            alarms: Alarms::default(),
        }
    }

    /// Runs until told to stop, then until the polls in flight have ended (at most [`DRAIN`]).
    pub async fn run(mut self, mut inputs: Inputs) {
        let mut heard = self.parts.clock.now().mono;
        loop {
            let now = self.parts.clock.now().mono;
            let quiet = ROUND_SILENCE.saturating_sub(now.since(heard));
            let until_due = self.poll_queue.next_due().map(|due| due.since(now));
            let event = tokio::select! {
                biased;
                // What comes after an inventory is about the hosts of that inventory.
                command = inputs.commands.recv(), if self.installing.is_none() => command.map_or(Event::Closed, Event::Command),
                Some(ended) = self.polls.join_next_with_id() => Event::Ended(ended),
                Some(()) = inputs.rounds.recv() => Event::Round,
                () = tokio::time::sleep(until_due.unwrap_or(quiet)), if until_due.is_some() => Event::Due,
                // Lets polls and due moments have a turn first.
                () = tokio::task::yield_now(), if self.is_slicing() => Event::Slice,
                () = tokio::time::sleep(quiet) => Event::Silence,
            };
            match event {
                Event::Round => {
                    heard = self.parts.clock.now().mono;
                    self.parts.metrics.rounds.inc();
                    let now = self.parts.clock.now().wall;
                    self.parts.live.update_server(|server| server.last_cron_round = now);
                    self.open();
                }
                Event::Silence => {
                    heard = self.parts.clock.now().mono;
                    self.parts.metrics.guarded_rounds.inc();
                    tracing::warn!("the cron scheduler is silent: opening slots without it");
                    let _ = inputs.silent.try_send(());
                    self.open();
                }
                Event::Due => self.fire(),
                Event::Ended(ended) => self.ended(ended),
                Event::Slice if self.installing.is_some() => self.install_slice(),
                Event::Slice => self.rule_slice(),
                Event::Command(Command::Install(installed)) => self.install(*installed),
                Event::Command(Command::Rules(rules)) => self.rule(rules),
                Event::Command(Command::Explain(name, rule, asked)) => {
                    self.explain(&name, &rule, asked);
                }
                Event::Command(Command::PollNow(name, asked)) => self.poll_now(&name, asked),
                Event::Command(Command::Accept(name)) => self.accept(&name),
                Event::Command(Command::Pause(host, pause, done)) => self.pause(host, pause, done),
                Event::Command(Command::Stop) | Event::Closed => break,
            }
        }
        self.drain().await;
    }

    /// Begins every poll that is due.
    fn fire(&mut self) {
        let now = self.parts.clock.now();
        self.look_at_clock(now);
        for due in self.poll_queue.due(now) {
            let Some(entry) = self.hosts.get_mut(&due.host) else { continue };
            if entry.passes_over(due.due) {
                self.parts.metrics.backed_off.inc();
                continue;
            }
            let poll_queue = &self.poll_queue;
            let slot = entry.claims.due(due.slot, |at| poll_queue.is_on_grid(due.host, at));
            let flight = Flight {
                host: due.host,
                name: entry.spec.name.clone(),
                slot,
                due: due.due,
                version: self.version,
                asked: false,
            };
            if entry.in_flight {
                let attempt = Attempt::without_answer(
                    Outcome::Overrun,
                    "the poll before is still running",
                    now,
                );
                self.settle(&flight, attempt);
            } else {
                self.begin(flight);
            }
        }
        self.count_missed();
    }

    fn ended(&mut self, ended: Result<(Id, Attempt), JoinError>) {
        let (id, attempt) = match ended {
            Ok((id, attempt)) => (id, attempt),
            // A poll that panicked is a fault of ours that one host's answer brings out: its row
            // says so, and every other host goes on.
            Err(error) => {
                tracing::error!(%error, "a poll broke");
                let now = self.parts.clock.now();
                let words = "the answer broke the server's decoder; please report this";
                (error.id(), Attempt::without_answer(Outcome::Malformed, words, now))
            }
        };
        let Some(flight) = self.flights.remove(&id) else { return };
        self.parts.metrics.in_flight.dec();
        if let Some(entry) = self.hosts.get_mut(&flight.host) {
            entry.in_flight = false;
        }
        self.settle(&flight, attempt);
    }

    async fn drain(&mut self) {
        self.parts.live.update_server(|server| server.stopping = true);
        let all = async {
            while let Some(ended) = self.polls.join_next_with_id().await {
                self.ended(ended);
            }
        };
        if tokio::time::timeout(DRAIN, all).await.is_ok() {
            return;
        }
        self.polls.abort_all();
        self.aborting = true;
        let now = self.parts.clock.now();
        for (_, flight) in std::mem::take(&mut self.flights) {
            let words = "the server stopped before the answer came";
            self.settle(&flight, Attempt::without_answer(Outcome::Deadline, words, now));
        }
    }
}

#[cfg(test)]
mod tests;
