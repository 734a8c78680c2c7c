//! A running fleet: its probes, and what can be asked of it and done to it.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
};

use tokio::task::JoinSet;

use crate::{
    machine::{Machine, Role},
    personality::Personality,
    plan::{Plan, PlanError, Selector, inventory, ranks},
    probe::{Probe, Shared},
    secure::Secure,
};

/// Why a fleet does not start.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The plan is none.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// An address cannot be had.
    #[error("cannot listen on {socket} for {name}: {error}")]
    Bind {
        /// Whose.
        name: String,
        /// Which.
        socket: SocketAddr,
        /// Why not.
        error: io::Error,
    },
}

/// What a fleet was asked so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Probes.
    pub probes: usize,
    /// Connections accepted.
    pub accepted: u64,
    /// Connections open now.
    pub open: u64,
    /// TLS handshakes that were made.
    pub handshakes: u64,
    /// Calls of `GetMetrics`.
    pub polls: u64,
    /// Calls of `Check`.
    pub checks: u64,
}

struct Member {
    number: u32,
    name: String,
    role: Role,
    probe: Arc<Probe>,
}

/// A running fleet; it ends when it is dropped. It lives on the runtime that started it, meant to be
/// a `current_thread` one.
pub struct Fleet {
    members: Vec<Member>,
    ranks: Vec<usize>,
    shared: Arc<Shared>,
    _running: JoinSet<()>,
}

impl std::fmt::Debug for Fleet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fleet").field("probes", &self.members.len()).finish_non_exhaustive()
    }
}

impl Fleet {
    /// Takes every address and begins. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`FleetError`]; then nothing of it runs.
    pub fn start(plan: &Plan) -> Result<Self, FleetError> {
        let shared = Shared::new();
        let mut running = JoinSet::new();
        let probes = plan.probes()?;
        let ranks = ranks(plan.seed, &probes);
        let mut members = Vec::with_capacity(probes.len());
        for planned in probes {
            let machine = Machine::new(plan.seed, planned.number);
            let secure = plan.tls.as_deref().map(|dir| Secure::new(dir, &planned.name));
            let bound = Probe::bind(planned.socket, machine, planned.personality, secure, &shared);
            let (probe, listener) = bound.map_err(|error| FleetError::Bind {
                name: planned.name.clone(),
                socket: planned.socket,
                error,
            })?;
            running.spawn(Arc::clone(&probe).run(listener));
            let (number, name, role) = (planned.number, planned.name, planned.role);
            members.push(Member { number, name, role, probe });
        }
        Ok(Self { members, ranks, shared, _running: running })
    }

    /// Makes the chosen probes behave so from now on; how many there are.
    pub fn set(&self, hosts: &Selector, personality: Personality) -> usize {
        let all = self.members.iter().map(|member| (member.number, member.name.as_str()));
        let chosen = hosts.choose(all, &self.ranks);
        for at in &chosen {
            self.members[*at].probe.personality.send_replace(personality);
        }
        chosen.len()
    }

    /// Where a probe listens.
    #[must_use]
    pub fn socket(&self, name: &str) -> Option<SocketAddr> {
        let member = self.members.iter().find(|member| member.name == name)?;
        Some(member.probe.socket)
    }

    /// Every probe's name and personality, in the order of their numbers.
    pub fn probes(&self) -> impl Iterator<Item = (&str, Personality)> {
        self.members.iter().map(|member| (member.name.as_str(), *member.probe.personality.borrow()))
    }

    /// How many probes there are of each personality, by its text.
    #[must_use]
    pub fn personalities(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (_, personality) in self.probes() {
            *counts.entry(personality.to_string()).or_default() += 1;
        }
        counts
    }

    /// The inventory of this fleet; see [`inventory`].
    #[must_use]
    pub fn inventory(&self, interval: Option<&str>) -> String {
        let all = self.members.iter().map(|m| (m.name.as_str(), m.role, m.probe.socket));
        inventory(all, interval)
    }

    /// What it was asked so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            probes: self.members.len(),
            accepted: read(&self.shared.accepted),
            open: read(&self.shared.open),
            handshakes: read(&self.shared.handshakes),
            polls: read(&self.shared.polls),
            checks: read(&self.shared.checks),
        }
    }
}
