//! Alarms by their hosts and parents, and those that are over.

use std::collections::{BTreeMap, BTreeSet};

use super::{MAX_ENDED, Router, RowKey};
use crate::{
    model::{AlarmKey, HostId},
    route::held::{Ended, Held},
};

impl Router {
    /// Remembers an alarm that is over.
    pub(super) fn remember(&mut self, key: AlarmKey, ended: Ended) {
        self.changed.insert(RowKey::Alarm(key.clone()));
        self.ended_at.insert((ended.at, key.clone()));
        self.ended.insert(key, ended);
        if self.ended.len() > MAX_ENDED
            && let Some((_, oldest)) = self.ended_at.first().cloned()
        {
            self.forget(&oldest);
        }
    }

    pub(super) fn forget(&mut self, key: &AlarmKey) -> Ended {
        let Some(ended) = self.ended.remove(key) else { return Ended::default() };
        self.ended_at.remove(&(ended.at, key.clone()));
        self.changed.insert(RowKey::Alarm(key.clone()));
        ended
    }

    pub(super) fn index(&mut self, held: &Held) {
        self.of_host.entry(held.key.host).or_default().insert(held.key.clone());
        for parent in held.facts.behind.iter().flat_map(|behind| &behind.parents) {
            self.of_parent.entry(*parent).or_default().insert(held.key.clone());
        }
    }

    pub(super) fn unindex(&mut self, held: &Held) {
        let parents = held.facts.behind.iter().flat_map(|behind| &behind.parents);
        remove(&mut self.of_host, held.key.host, &held.key);
        for parent in parents {
            remove(&mut self.of_parent, *parent, &held.key);
        }
    }
}

fn remove(index: &mut BTreeMap<HostId, BTreeSet<AlarmKey>>, host: HostId, key: &AlarmKey) {
    if let Some(keys) = index.get_mut(&host) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(&host);
        }
    }
}
