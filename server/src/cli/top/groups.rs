//! What hosts come to together: a group is shown and ordered as if it were a host. Pure.

use std::{collections::BTreeMap, sync::Arc};

use super::fleet::{TopHost, is_fresh};
use crate::{cli::output::symbol, model::State, text::natural};

/// The gravest first.
pub(super) const BY_GRAVITY: [State; 7] = [
    State::Down,
    State::Suspect,
    State::Degraded,
    State::Up,
    State::Pending,
    State::Paused,
    State::Retired,
];

/// Some hosts, and what they come to.
#[derive(Debug)]
pub(super) struct GroupRow {
    /// Their sums, means and greatest, in the places of a host's own values.
    pub(super) sums: TopHost,
    pub(super) hosts: Vec<Arc<TopHost>>,
}

fn sum(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    values.flatten().reduce(|a, b| a + b)
}

fn greatest(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    values.flatten().reduce(f64::max)
}

/// The mean of shares, each of as much as its host has.
fn mean(values: impl Iterator<Item = (Option<f64>, Option<f64>)>) -> Option<f64> {
    let known = values.filter_map(|(share, of)| Some((share?, of?)));
    let (part, whole) =
        known.fold((0.0, 0.0), |(part, whole), (share, of)| (part + share * of, whole + of));
    (whole > 0.0).then(|| part / whole)
}

impl GroupRow {
    /// Of hosts whose values are not of now, none count.
    pub(super) fn of(name: &str, hosts: Vec<Arc<TopHost>>) -> Self {
        let all = || hosts.iter().filter(|host| is_fresh(host.state));
        let gravest = BY_GRAVITY.into_iter().find(|state| hosts.iter().any(|h| h.state == *state));
        let sums = TopHost {
            name: name.into(),
            natural: natural(name).into(),
            group: name.to_owned(),
            labels: String::new(),
            state: gravest.unwrap_or(State::Retired),
            since: hosts.iter().map(|host| host.since).max().unwrap_or_default(),
            slot: hosts.iter().filter_map(|host| host.slot).min(),
            outcome: String::new(),
            call_us: greatest(all().map(|host| host.call_us)),
            cause: String::new(),
            cores: sum(all().map(|host| host.cores)),
            cpu_pct: mean(all().map(|host| (host.cpu_pct, host.cores))),
            trail: Vec::new(),
            mem_pct: mean(all().map(|host| (host.mem_pct, host.memory))),
            memory: sum(all().map(|host| host.memory)),
            fs_pct: greatest(all().map(|host| host.fs_pct)),
            pressure_pct: greatest(all().map(|host| host.pressure_pct)),
            load: mean(all().map(|host| (host.load, Some(1.0)))),
            rx: sum(all().map(|host| host.rx)),
            tx: sum(all().map(|host| host.tx)),
            busy_pct: greatest(all().map(|host| host.busy_pct)),
            alarms: hosts.iter().map(|host| host.alarms).sum(),
            severity: hosts.iter().filter_map(|host| host.severity).max(),
            flapping: false,
            behind: String::new(),
            paused_until: None,
        };
        Self { sums, hosts }
    }

    /// How many hosts are in each state, the gravest first: `■1 ▲2 ●9`.
    pub(super) fn states(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for host in &self.hosts {
            *counts.entry(host.state.as_str()).or_default() += 1;
        }
        let of = |state: &State| {
            let count = counts.get(state.as_str())?;
            Some(format!("{}{count}", symbol(*state)))
        };
        BY_GRAVITY.iter().filter_map(of).collect::<Vec<_>>().join(" ")
    }
}
