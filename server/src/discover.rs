//! Discovery: one look at the addresses of a name, and at who answers there.
//!
//! Bounded in every direction: addresses of one name, probes asked at once, the time for each. It
//! decides nothing: which machine is which host is `inventory::DiscoveredHosts`'s to say.

use std::{
    collections::HashSet,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{task::JoinSet, time::timeout};

use crate::{
    clock::Clock,
    inventory::{Discovery, ProbeIdentity, ProbedAddress},
    model::{Address, Family, HostId, HostName, Selection},
    poll::{Job, Link, PollLimits, Poller},
    resolve::Resolve,
};

/// The most addresses of one name that are looked at.
pub const MAX_ADDRESSES: usize = 4096;

/// How many probes are asked who they are at once; they take no place from the polls.
pub const ASKED_AT_ONCE: usize = 32;

/// How long a name may take to be looked up.
pub const LOOK_UP: Duration = Duration::from_secs(5);

/// How long a probe may take to say who it is, or the timeout of the group's polls when that is
/// shorter.
pub const ASK: Duration = Duration::from_secs(3);

/// Why a look showed nothing. Whoever was found before stays.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The name servers do not know the name, or did not answer.
    #[error("{dns} cannot be resolved")]
    Resolve {
        /// The name.
        dns: Arc<str>,
        /// What they say.
        source: io::Error,
    },
    /// They did not answer in time.
    #[error("{dns} was not resolved within {} s", LOOK_UP.as_secs())]
    Timeout {
        /// The name.
        dns: Arc<str>,
    },
    /// The name exists and has no address.
    #[error("{dns} has no address")]
    Empty {
        /// The name.
        dns: Arc<str>,
    },
    /// The name has more addresses than are looked at.
    #[error("{dns} has {found} addresses, the limit is {MAX_ADDRESSES}")]
    TooMany {
        /// The name.
        dns: Arc<str>,
        /// How many it has.
        found: usize,
    },
}

/// Looks at names. Clones share the limits.
#[derive(Clone)]
pub struct Finder {
    names: Arc<dyn Resolve>,
    poller: Poller,
    selection: Arc<Selection>,
}

impl std::fmt::Debug for Finder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Finder").field("poller", &self.poller).finish_non_exhaustive()
    }
}

impl Finder {
    /// A finder with places of its own; of `limits`, those of one connection and one answer apply.
    #[must_use]
    pub fn new(names: Arc<dyn Resolve>, limits: PollLimits, clock: Arc<dyn Clock>) -> Self {
        let limits = PollLimits { in_flight: ASKED_AT_ONCE, ..limits };
        let poller = Poller::with_resolver(limits, clock, Arc::clone(&names));
        // The cheapest family: every answer says who it is from.
        let selection = Selection { families: [Family::Load].into(), ..Selection::default() };
        Self { names, poller, selection: Arc::new(selection) }
    }

    /// Looks the name up, and asks at every address who answers there; not at those where `well`
    /// knows a host that answers.
    ///
    /// # Errors
    /// [`LookError`].
    pub async fn look(
        &self,
        discovery: &Discovery,
        well: impl FnOnce() -> HashSet<Arc<str>>,
    ) -> Result<Vec<ProbedAddress>, LookError> {
        let dns = || Arc::clone(&discovery.dns);
        let look_up = timeout(LOOK_UP, self.names.resolve(&discovery.dns, discovery.port));
        let found = look_up.await.map_err(|_over| LookError::Timeout { dns: dns() })?;
        let found = found.map_err(|source| LookError::Resolve { dns: dns(), source })?;
        let mut addresses: Vec<IpAddr> = found.iter().map(SocketAddr::ip).collect();
        addresses.sort_unstable();
        addresses.dedup();
        match addresses.len() {
            0 => return Err(LookError::Empty { dns: dns() }),
            1..=MAX_ADDRESSES => {}
            found => return Err(LookError::TooMany { dns: dns(), found }),
        }
        let well = well();
        let mut asked = JoinSet::new();
        let mut seen = Vec::new();
        for address in addresses {
            let at = Address { host: address.to_string().into(), port: discovery.port };
            if well.contains(at.to_string().as_str()) {
                seen.push(ProbedAddress { address, who: None });
                continue;
            }
            let job = self.job(discovery, at);
            let poller = self.poller.clone();
            asked.spawn(async move {
                let Some(job) = job else { return ProbedAddress { address, who: None } };
                let answer = poller.poll(job).await.snapshot;
                let who = answer.map(|answer| ProbeIdentity {
                    machine: answer.facts.machine_id.clone(),
                    hostname: answer.facts.hostname.clone(),
                    boot: answer.facts.boot_id.clone(),
                });
                ProbedAddress { address, who }
            });
        }
        seen.extend(asked.join_all().await);
        Ok(seen)
    }

    fn job(&self, discovery: &Discovery, at: Address) -> Option<Job> {
        Some(Job {
            host: HostId(0),
            name: HostName::new(&discovery.dns).ok()?,
            // Who it is shows in the answer. Its certificate bears `server_name`, if that is given; else
            // the polls of the host that it becomes compare the name.
            link: Link::encrypted(vec![at], discovery.tls.clone(), None),
            timeout: discovery.timeout.min(ASK),
            selection: Arc::clone(&self.selection),
            expected_machine: None,
        })
    }
}
