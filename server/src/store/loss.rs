//! Adds up what is lost until it can be written down. Knows no store, no time, no SQL.

use std::collections::{BTreeMap, HashSet};

use crate::{
    model::{HostId, Loss, LossReason},
    units::WallMs,
};

/// Polls lost for one reason.
#[derive(Debug)]
pub(super) struct Sum {
    from: WallMs,
    to: WallMs,
    hosts: HashSet<HostId>,
    polls: u64,
}

impl Sum {
    /// The sum of one poll.
    pub(super) fn of(host: HostId, slot: WallMs) -> Self {
        Self { from: slot, to: slot, hosts: [host].into(), polls: 1 }
    }

    pub(super) fn add(&mut self, host: HostId, slot: WallMs) {
        self.from = self.from.min(slot);
        self.to = self.to.max(slot);
        self.hosts.insert(host);
        self.polls += 1;
    }

    pub(super) fn loss(&self, reason: LossReason, noted_at: WallMs) -> Loss {
        let hosts = u64::try_from(self.hosts.len()).unwrap_or(u64::MAX);
        let Self { from, to, polls, .. } = *self;
        Loss { from, to, hosts, polls, reason, noted_at }
    }
}

/// What was lost since it was last written down.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<LossReason, Sum>);

impl Tally {
    pub(super) fn add(&mut self, host: HostId, slot: WallMs, reason: LossReason) {
        self.0
            .entry(reason)
            .and_modify(|sum| sum.add(host, slot))
            .or_insert_with(|| Sum::of(host, slot));
    }

    /// How many rows [`Tally::take`] would give.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What was lost, to be written down now.
    pub(super) fn take(&mut self, now: WallMs) -> Vec<Loss> {
        let sums = std::mem::take(&mut self.0);
        sums.iter().map(|(reason, sum)| sum.loss(*reason, now)).collect()
    }
}
