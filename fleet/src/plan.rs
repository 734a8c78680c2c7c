//! Which probes there are, where they listen and how they begin: from a TOML file and flags. Pure but
//! for nothing: reading the file is the caller's.

mod selector;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_64_with_seed;

pub use selector::{Selector, SelectorError};

use crate::{
    machine::{Machine, Role},
    personality::{Personality, PersonalityError},
};

/// The most probes of one fleet.
pub const MAX_HOSTS: u32 = 100_000;

/// What a fleet is made of, before it is worked out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    /// What everything that looks random follows from.
    pub seed: u64,
    /// How many probes; at most [`MAX_HOSTS`].
    pub hosts: u32,
    /// Number of the first: several fleets with one seed are parts of one large one.
    pub first: u32,
    /// Address of the first probe.
    pub address: IpAddr,
    /// Port of every probe, or of the first when `ports` is set. 0: each takes a free one.
    pub port: u16,
    /// All probes on one address, each on its own port, instead of the other way round.
    pub ports: bool,
    /// Who does not begin healthy; later rules win.
    pub behave: Vec<Rule>,
    /// The folder of an authority that `roundsman ca` made: a probe with a certificate there speaks TLS, too.
    pub tls: Option<PathBuf>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seed: 1,
            hosts: 100,
            first: 1,
            address: Ipv4Addr::new(127, 1, 0, 1).into(),
            port: 50_051,
            ports: false,
            behave: Vec::new(),
            tls: None,
        }
    }
}

/// Some probes and how they behave: `10%=slow=500ms`, `web-7=refuse`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RuleText")]
pub struct Rule {
    /// Which.
    pub hosts: Selector,
    /// How.
    pub personality: Personality,
}

/// A rule as it stands in a plan file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    hosts: String,
    personality: String,
}

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// No `=`.
    #[error("{0:?}: expected HOSTS=PERSONALITY, as in 10%=slow=500ms or web-7=refuse")]
    Form(String),
    /// The first part.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// The second part.
    #[error(transparent)]
    Personality(#[from] PersonalityError),
}

impl TryFrom<RuleText> for Rule {
    type Error = RuleError;

    fn try_from(text: RuleText) -> Result<Self, RuleError> {
        Ok(Self { hosts: text.hosts.parse()?, personality: text.personality.parse()? })
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let (hosts, personality) =
            text.split_once('=').ok_or_else(|| RuleError::Form(text.to_owned()))?;
        Ok(Self { hosts: hosts.parse()?, personality: personality.parse()? })
    }
}

/// Why a plan cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Not a plan.
    #[error("the plan is not as it should be: {0}")]
    Toml(String),
    /// None, or too many.
    #[error("{0} hosts: expected 1 to {MAX_HOSTS}")]
    Hosts(u32),
    /// They do not fit.
    #[error("{hosts} hosts from number {first} are too many to number")]
    Numbers {
        /// How many.
        hosts: u32,
        /// From where.
        first: u32,
    },
    /// The addresses would leave the loopback network.
    #[error(
        "{hosts} addresses from {address} on are not all in 127.0.0.0/8; give an --address there, or \
         --ports to put all on one address"
    )]
    Addresses {
        /// How many.
        hosts: u32,
        /// From where.
        address: IpAddr,
    },
    /// The ports would leave the range.
    #[error("{hosts} ports from {port} on are more than there are")]
    Ports {
        /// How many.
        hosts: u32,
        /// From where.
        port: u16,
    },
    /// A rule names nobody.
    #[error("{0} is none of the hosts")]
    Nobody(Selector),
}

/// One probe to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbePlan {
    /// Its number, which its machine follows from.
    pub number: u32,
    /// `web-17`.
    pub name: String,
    /// What its machine is for: its group.
    pub role: Role,
    /// Where it listens; port 0 takes a free one.
    pub socket: SocketAddr,
    /// How it begins.
    pub personality: Personality,
}

impl Plan {
    /// Reads a plan file's text.
    ///
    /// # Errors
    /// [`PlanError::Toml`] with line and column.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        toml::from_str(text).map_err(|error| PlanError::Toml(error.to_string()))
    }

    /// Works every probe out, in the order of their numbers.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn probes(&self) -> Result<Vec<ProbePlan>, PlanError> {
        let Self { hosts, first, seed, .. } = *self;
        if !(1..=MAX_HOSTS).contains(&hosts) {
            return Err(PlanError::Hosts(hosts));
        }
        if first.checked_add(hosts).is_none() {
            return Err(PlanError::Numbers { hosts, first });
        }
        let mut probes = (0..hosts)
            .map(|at| {
                let number = first + at;
                let machine = Machine::new(seed, number);
                Ok(ProbePlan {
                    number,
                    name: machine.name(),
                    role: machine.role(),
                    socket: self.socket(at)?,
                    personality: Personality::Healthy,
                })
            })
            .collect::<Result<Vec<_>, PlanError>>()?;
        let ranks = ranks(seed, &probes);
        // Shares follow upon each other: 10 % and then 20 % are 30 % in all.
        let mut taken = 0;
        for rule in &self.behave {
            let chosen: Vec<usize> = if let Selector::Share(_) = rule.hosts {
                let end = (taken + rule.hosts.share_of(probes.len())).min(probes.len());
                let chosen = ranks[taken..end].to_vec();
                taken = end;
                chosen
            } else {
                let all = probes.iter().map(|probe| (probe.number, probe.name.as_str()));
                rule.hosts.choose(all, &ranks)
            };
            if chosen.is_empty() {
                return Err(PlanError::Nobody(rule.hosts.clone()));
            }
            for at in chosen {
                probes[at].personality = rule.personality;
            }
        }
        Ok(probes)
    }

    /// Where probe number `at` of this plan listens.
    fn socket(&self, at: u32) -> Result<SocketAddr, PlanError> {
        let Self { hosts, address, port, .. } = *self;
        if self.ports {
            let none_left = PlanError::Ports { hosts, port };
            let port = match port {
                0 => 0,
                port => u32::from(port)
                    .checked_add(at)
                    .and_then(|port| u16::try_from(port).ok())
                    .ok_or(none_left)?,
            };
            return Ok(SocketAddr::new(address, port));
        }
        let outside = PlanError::Addresses { hosts, address };
        let IpAddr::V4(first) = address else { return Err(outside) };
        let ip = u32::from(first).checked_add(at).map(Ipv4Addr::from);
        match ip.filter(Ipv4Addr::is_loopback) {
            Some(ip) => Ok(SocketAddr::new(ip.into(), port)),
            None => Err(outside),
        }
    }
}

/// Positions in an order that looks random: what shares are taken from.
#[must_use]
pub fn ranks(seed: u64, probes: &[ProbePlan]) -> Vec<usize> {
    let mut ranks: Vec<usize> = (0..probes.len()).collect();
    ranks.sort_by_key(|at| xxh3_64_with_seed(probes[*at].name.as_bytes(), seed));
    ranks
}

/// The inventory of these probes: `interval` is left to the server when it is none.
#[must_use]
pub fn inventory<'a>(
    probes: impl IntoIterator<Item = (&'a str, Role, SocketAddr)>,
    interval: Option<&str>,
) -> String {
    use std::fmt::Write as _;
    let mut text = "# Made by roundsman-fleet: every host is a fake probe.\n".to_owned();
    if let Some(interval) = interval {
        // Writing into a `String` cannot fail.
        let _ = write!(text, "[defaults]\ninterval = \"{interval}\"\n");
    }
    for (name, role, socket) in probes {
        let group = role.word();
        let _ = write!(
            text,
            "\n[[host]]\nname = \"{name}\"\ngroup = \"{group}\"\naddresses = [\"{socket}\"]\n"
        );
    }
    text
}

#[cfg(test)]
mod tests;
