//! "Is it me?" When most of the fleet falls silent at once, it is likelier that the server is cut off
//! than that every host died: then it decides nothing until something is heard again.
//!
//! Only silence counts: no name resolved, no way there, no answer to a packet. Whatever a host says,
//! be it a refusal, an error or another protocol, came over a network that works.
//!
//! What counts are hosts that were expected to answer: not those that never have, are down
//! already, paused or retired. Each of them that stays silent opens a window as long as that host's
//! interval, and the last result of every host within it is counted. So hosts of any mix of intervals
//! are judged by what is as fresh as the silence itself: a word from before the cut says nothing.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    time::Duration,
};

use crate::{
    model::{GroupName, HostId},
    units::Mono,
};

/// The server suspects itself when more than this share of the fresh results is silence.
pub const ISOLATED_ABOVE_PCT: usize = 50;
/// With fewer silent hosts than this it never does: a few machines do die together.
pub const ISOLATED_HOSTS: usize = 4;
/// In so many groups most hosts must be silent: one group can share one switch.
pub const ISOLATED_GROUPS: usize = 2;
/// A fleet of a single group needs so many silent hosts instead.
pub const ISOLATED_ONE_GROUP: usize = 10;
/// All samples are counted at most so often in the length of one window. So an outage of a large
/// fleet costs a constant per silent poll, and is found later by no more than a share of an interval
/// that no host can go down in.
pub(super) const COUNTS_PER_WINDOW: u32 = 64;

/// What speaks for the server being cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// Hosts of which nothing was heard.
    pub silent: usize,
    /// Hosts that were polled.
    pub polled: usize,
    /// Within so long.
    pub window: Duration,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { silent, polled, window } = self;
        let window = humantime::format_duration(*window);
        write!(f, "nothing was heard of {silent} of {polled} hosts within {window}")
    }
}

/// One poll's result, as a sign of the network.
#[derive(Debug, Clone, Copy)]
pub struct QuorumSample<'a> {
    /// The host.
    pub host: HostId,
    /// Its group.
    pub group: Option<&'a GroupName>,
    /// Whether anything was heard of it, be it a refusal.
    pub heard: bool,
    /// The time between two of its polls.
    pub interval: Duration,
}

#[derive(Debug)]
struct LastSample {
    group: Option<GroupName>,
    heard: bool,
    at: Mono,
}

/// What is known of the fleet at large.
#[derive(Debug, Default)]
pub struct Quorum {
    samples: HashMap<HostId, LastSample>,
    silent: usize,
    /// The first result of all: a window that reaches before it is not full yet.
    began: Option<Mono>,
    /// When the samples of each window were last counted, and found not to suffice.
    counted: BTreeMap<Duration, Mono>,
    /// The window that isolation was found in.
    isolated: Option<Duration>,
    /// Since when most are heard again.
    clear_since: Option<Mono>,
    #[cfg(test)]
    counts: u32,
}

impl Quorum {
    /// Whether the server considers itself cut off: then no poll may change a host's health.
    #[must_use]
    pub fn is_isolated(&self) -> bool {
        self.isolated.is_some()
    }

    /// Takes a result in, before anything is decided from it. Evidence is returned when, with it, the
    /// server finds itself cut off.
    pub fn record(&mut self, sample: QuorumSample<'_>, now: Mono) -> Option<Evidence> {
        let QuorumSample { host, group, heard, interval } = sample;
        self.remove(host);
        self.began.get_or_insert(now);
        self.silent += usize::from(!heard);
        self.samples.insert(host, LastSample { group: group.cloned(), heard, at: now });
        // What is still possible at all is told cheaply: in an outage this is called often.
        if heard || self.is_isolated() || self.silent < ISOLATED_HOSTS {
            return None;
        }
        if self.began.is_some_and(|began| now.since(began) < interval) {
            return None;
        }
        let counted = self.counted.get(&interval);
        if counted.is_some_and(|at| now.since(*at) < interval / COUNTS_PER_WINDOW) {
            return None;
        }
        let Some(evidence) = self.evaluate(interval, now) else {
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
    pub fn remove(&mut self, host: HostId) {
        if let Some(seen) = self.samples.remove(&host) {
            self.silent -= usize::from(!seen.heard);
        }
    }

    /// Whether isolation is over: most have been heard for the length of one window. To be asked about
    /// once a second.
    pub fn is_over(&mut self, now: Mono) -> bool {
        let Some(window) = self.isolated else { return false };
        let (silent, polled) = self.fresh(window, now);
        let clear = polled > 0 && !is_most(silent, polled);
        if !clear && !self.samples.is_empty() {
            self.clear_since = None;
            return false;
        }
        let since = *self.clear_since.get_or_insert(now);
        if now.since(since) < window && !self.samples.is_empty() {
            return false;
        }
        self.isolated = None;
        self.clear_since = None;
        true
    }

    /// Silent and all last results of the last `window`.
    fn fresh(&self, window: Duration, now: Mono) -> (usize, usize) {
        let fresh = self.samples.values().filter(|seen| now.since(seen.at) <= window);
        fresh.fold((0, 0), |(silent, all), seen| (silent + usize::from(!seen.heard), all + 1))
    }

    fn evaluate(&mut self, window: Duration, now: Mono) -> Option<Evidence> {
        #[cfg(test)]
        {
            self.counts += 1;
        }
        let (silent, polled) = self.fresh(window, now);
        if silent < ISOLATED_HOSTS || !is_most(silent, polled) {
            return None;
        }
        let mut groups: BTreeMap<&Option<GroupName>, (usize, usize)> = BTreeMap::new();
        for seen in self.samples.values() {
            let (silent, all) = groups.entry(&seen.group).or_default();
            if now.since(seen.at) <= window {
                *silent += usize::from(!seen.heard);
                *all += 1;
            }
        }
        let quiet = groups.values().filter(|(silent, all)| is_most(*silent, *all)).count();
        let enough = match groups.len() {
            1 => silent >= ISOLATED_ONE_GROUP,
            _ => quiet >= ISOLATED_GROUPS,
        };
        enough.then_some(Evidence { silent, polled, window })
    }
}

fn is_most(silent: usize, all: usize) -> bool {
    silent * 100 > all * ISOLATED_ABOVE_PCT
}

#[cfg(test)]
mod tests;
