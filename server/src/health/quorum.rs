//! "Is it me?" When most of the fleet fails at once, it is likelier that the server is cut off than
//! that every host died: then it decides nothing until answers return.
//!
//! Witnesses are hosts that were expected to answer: not those that are down already, paused or
//! retired. Each failed poll of a witness opens a window as long as that host's interval, and the
//! last result of every witness within it is counted. So hosts of any mix of intervals are judged by
//! what is as fresh as the failure itself: an answer from before the cut says nothing.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    time::Duration,
};

use crate::{
    model::{GroupName, HostId},
    units::Mono,
};

/// The server suspects itself when more than this share of the fresh results failed.
pub const ISOLATED_ABOVE_PCT: usize = 50;
/// With fewer failing hosts than this it never does: a few machines do die together.
pub const ISOLATED_HOSTS: usize = 4;
/// In so many groups most hosts must fail: one group can share one switch.
pub const ISOLATED_GROUPS: usize = 2;
/// A fleet of a single group needs so many failing hosts instead.
pub const ISOLATED_ONE_GROUP: usize = 10;
/// All witnesses are counted at most so often in the length of one window. So an outage of a large
/// fleet costs a constant per failed poll, and is found later by no more than a share of an interval
/// that no host can go down in.
pub(super) const COUNTS_PER_WINDOW: u32 = 64;

/// What speaks for the server being cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// Hosts whose last poll failed.
    pub failed: usize,
    /// Hosts that were polled.
    pub polled: usize,
    /// Within so long.
    pub window: Duration,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { failed, polled, window } = self;
        let window = humantime::format_duration(*window);
        write!(f, "{failed} of {polled} hosts failed within {window}")
    }
}

/// One result of a witness.
#[derive(Debug, Clone, Copy)]
pub struct Testimony<'a> {
    /// The host.
    pub host: HostId,
    /// Its group.
    pub group: Option<&'a GroupName>,
    /// Whether it answered, well or not.
    pub answered: bool,
    /// The time between two of its polls.
    pub interval: Duration,
}

#[derive(Debug)]
struct Seen {
    group: Option<GroupName>,
    answered: bool,
    at: Mono,
}

/// What is known of the fleet at large.
#[derive(Debug, Default)]
pub struct Quorum {
    witnesses: HashMap<HostId, Seen>,
    failing: usize,
    /// The first result of all: a window that reaches before it is not full yet.
    began: Option<Mono>,
    /// When the witnesses of each window were last counted, and found not to convict.
    counted: BTreeMap<Duration, Mono>,
    /// The window that isolation was found in.
    isolated: Option<Duration>,
    /// Since when most answer again.
    clear_since: Option<Mono>,
    #[cfg(test)]
    counts: u32,
}

impl Quorum {
    /// Whether the server takes itself for cut off: then no poll may change a host's health.
    #[must_use]
    pub fn is_isolated(&self) -> bool {
        self.isolated.is_some()
    }

    /// Takes a result in, before anything is decided from it. Evidence is returned when, with it, the
    /// server finds itself cut off.
    pub fn hear(&mut self, testimony: Testimony<'_>, now: Mono) -> Option<Evidence> {
        let Testimony { host, group, answered, interval } = testimony;
        self.forget(host);
        self.began.get_or_insert(now);
        self.failing += usize::from(!answered);
        self.witnesses.insert(host, Seen { group: group.cloned(), answered, at: now });
        // What is still possible at all is told cheaply: in an outage this is called often.
        if answered || self.is_isolated() || self.failing < ISOLATED_HOSTS {
            return None;
        }
        if self.began.is_some_and(|began| now.since(began) < interval) {
            return None;
        }
        let counted = self.counted.get(&interval);
        if counted.is_some_and(|at| now.since(*at) < interval / COUNTS_PER_WINDOW) {
            return None;
        }
        let Some(evidence) = self.weigh(interval, now) else {
            self.counted.retain(|window, at| now.since(*at) < *window / COUNTS_PER_WINDOW);
            self.counted.insert(interval, now);
            return None;
        };
        self.counted.clear();
        self.isolated = Some(interval);
        self.clear_since = None;
        Some(evidence)
    }

    /// Leaves a host out: it is down, paused or gone.
    pub fn forget(&mut self, host: HostId) {
        if let Some(seen) = self.witnesses.remove(&host) {
            self.failing -= usize::from(!seen.answered);
        }
    }

    /// Whether isolation is over: most have answered for the length of one window. To be asked about
    /// once a second.
    pub fn is_over(&mut self, now: Mono) -> bool {
        let Some(window) = self.isolated else { return false };
        let (failed, polled) = self.fresh(window, now);
        let clear = polled > 0 && !is_most(failed, polled);
        if !clear && !self.witnesses.is_empty() {
            self.clear_since = None;
            return false;
        }
        let since = *self.clear_since.get_or_insert(now);
        if now.since(since) < window && !self.witnesses.is_empty() {
            return false;
        }
        self.isolated = None;
        self.clear_since = None;
        true
    }

    /// Failed and all last results of the last `window`.
    fn fresh(&self, window: Duration, now: Mono) -> (usize, usize) {
        let fresh = self.witnesses.values().filter(|seen| now.since(seen.at) <= window);
        fresh.fold((0, 0), |(failed, all), seen| (failed + usize::from(!seen.answered), all + 1))
    }

    fn weigh(&mut self, window: Duration, now: Mono) -> Option<Evidence> {
        #[cfg(test)]
        {
            self.counts += 1;
        }
        let (failed, polled) = self.fresh(window, now);
        if failed < ISOLATED_HOSTS || !is_most(failed, polled) {
            return None;
        }
        let mut groups: BTreeMap<&Option<GroupName>, (usize, usize)> = BTreeMap::new();
        for seen in self.witnesses.values() {
            let (failed, all) = groups.entry(&seen.group).or_default();
            if now.since(seen.at) <= window {
                *failed += usize::from(!seen.answered);
                *all += 1;
            }
        }
        let failing = groups.values().filter(|(failed, all)| is_most(*failed, *all)).count();
        let enough = match groups.len() {
            1 => failed >= ISOLATED_ONE_GROUP,
            _ => failing >= ISOLATED_GROUPS,
        };
        enough.then_some(Evidence { failed, polled, window })
    }
}

fn is_most(failed: usize, all: usize) -> bool {
    failed * 100 > all * ISOLATED_ABOVE_PCT
}

#[cfg(test)]
mod tests;
