//! The hosts of the file in force and those that were discovered beside them, and what both the
//! discoveries and the operator change about them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{AppError, Installer, Waiting, registration};
use crate::{
    app::{
        discovering::{Discovering, Look},
        keep::register,
    },
    engine::Command,
    inventory::{Inventory, Kept, Known, Notice, Roster, Who},
    model::{Facts, HostName, State},
    operator::{Order, Refusal},
    store::{HostQuery, HostSummary, Store as _, spool::Remembered},
};

/// Notices that are remembered to have been said.
const SAID: usize = 1_000;

/// A host of the store, as one that may have been discovered.
pub(crate) fn kept(host: &HostSummary) -> Kept {
    Kept {
        name: host.name.clone(),
        labels: host.labels.clone(),
        address: host.addresses.first().cloned().unwrap_or_default(),
        who: who(&host.facts),
    }
}

/// A host that the spool remembers, in the same way.
pub(super) fn remembered(host: &Remembered) -> Kept {
    let Remembered { known, listed } = host;
    Kept {
        name: known.name.clone(),
        labels: listed.labels.clone(),
        address: listed.addresses.first().cloned().unwrap_or_default(),
        who: who(&known.facts),
    }
}

fn who(facts: &Facts) -> Who {
    Who {
        machine: facts.machine_id.clone(),
        hostname: facts.hostname.clone(),
        boot: facts.boot_id.clone(),
    }
}

/// The file's hosts, and the others.
pub(in crate::app) struct Hosts {
    discovering: Discovering,
    roster: Roster,
    forget: Duration,
    /// The inventory of the file in force, and its text.
    file: Option<(Arc<Inventory>, Arc<str>)>,
    said: BTreeSet<String>,
}

impl Hosts {
    pub(in crate::app) fn new(discovering: Discovering, forget: Duration) -> Self {
        Self { discovering, roster: Roster::default(), forget, file: None, said: BTreeSet::new() }
    }

    /// Takes in the hosts that were discovered before a restart.
    pub(super) fn restore(&mut self, file: &Inventory, kept: impl IntoIterator<Item = Kept>) {
        self.roster.restore(file, kept);
    }

    /// The inventory of a file with the discovered hosts in it.
    pub(super) fn of(&self, file: &Arc<Inventory>) -> Arc<Inventory> {
        self.roster.with(file)
    }

    /// A file has come into force.
    pub(super) fn in_force(&mut self, file: &Arc<Inventory>, text: &Arc<str>) {
        self.roster.keep_to(file);
        self.discovering.follow(&file.discoveries);
        self.file = Some((Arc::clone(file), Arc::clone(text)));
    }

    /// Says what was not said before.
    fn say(&mut self, notices: &[Notice]) {
        for notice in notices {
            let words = notice.to_string();
            if self.said.len() < SAID && self.said.insert(words.clone()) {
                tracing::warn!("{words}");
            }
        }
    }
}

impl Installer {
    /// Learns from a look at a discovered name, and puts in force what is different.
    pub(in crate::app) async fn heard(&mut self, Look { discovery, seen }: Look) {
        let key = format!("{}:{}", discovery.dns, discovery.port);
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) => {
                self.metrics.discovery_failures.inc();
                if self.hosts.said.insert(key) {
                    let error = crate::causes::chain(&error);
                    tracing::warn!(%error, "discovery: the hosts found before stay");
                }
                return;
            }
        };
        if self.hosts.said.remove(&key) {
            tracing::info!(dns = %discovery.dns, addresses = seen.len(), "discovery: found again");
        }
        let Some((file, _)) = self.hosts.file.clone() else { return };
        // A look at a name that the file does not name any more.
        if !file.discoveries.contains(&discovery) {
            return;
        }
        let at = self.clock.now();
        let now = at.wall;
        let live = &self.live;
        let known = |name: &HostName| {
            let view = live.host(name.as_str());
            view.map_or_else(Known::default, |view| Known {
                machine: view.facts.machine_id.clone(),
                polled: view.last.is_some(),
            })
        };
        let before = self.hosts.roster.len();
        let (changed, mut notices) = self.hosts.roster.learn(&discovery, &seen, &file, &known, now);
        let down =
            |name: &HostName| live.host(name.as_str()).is_none_or(|view| view.state == State::Down);
        // By a clock that may be wrong nobody has been gone for long.
        let forgotten = match live.server().clock.doubt(at) {
            None => self.hosts.roster.forget(self.hosts.forget, down, now),
            Some(_) => Vec::new(),
        };
        let changed = changed || !forgotten.is_empty();
        notices.extend(forgotten);
        self.hosts.say(&notices);
        if !changed {
            return;
        }
        let hosts = self.hosts.roster.len();
        tracing::info!(dns = %discovery.dns, addresses = seen.len(), before, hosts, "discovery");
        self.reinstall().await;
    }

    /// Does what the operator asks for.
    pub(in crate::app) async fn carry_out(&mut self, order: Order) {
        // Whoever asked may have gone away.
        match order {
            Order::Accept { host, answer } => drop(answer.send(self.accept(&host).await)),
            Order::Reload { now, answer } => drop(answer.send(self.reload(now).await)),
        }
    }

    /// Lets another machine answer for a host from now on. Taking the host out and in again is what
    /// forgets its machine, in the store as everywhere else, together with answers under way.
    async fn accept(&mut self, name: &HostName) -> Result<(), Refusal> {
        let unknown = || Refusal::UnknownHost(name.clone());
        let (file, _) = self.hosts.file.as_ref().ok_or_else(unknown)?;
        let host = self.hosts.of(file).hosts.get(name).cloned().ok_or_else(unknown)?;
        let now = self.clock.now().wall;
        let forget = async {
            let query = HostQuery::named(name.clone());
            let kept = self.store.hosts(query).await?.pop();
            self.store.retire(kept.iter().map(|host| host.id).collect(), now).await?;
            register(&self.store, self.spool.as_deref(), vec![registration(&host)], now).await?;
            Ok::<_, AppError>(())
        };
        forget.await.map_err(|error| Refusal::Store(crate::causes::chain(&error)))?;
        self.hosts.roster.accept(name);
        // The engine is gone only when the server is stopping.
        let _ = self.commands.send(Command::Accept(name.clone())).await;
        self.reinstall().await;
        Ok(())
    }

    /// Puts in force what the roster says now.
    async fn reinstall(&mut self) {
        let Some((file, text)) = self.hosts.file.clone() else { return };
        // A newer file that waits for the store takes the discovered hosts with it.
        let now = self.clock.now().mono;
        if self.waiting.as_ref().is_some_and(|waiting| !waiting.is_resting(now)) {
            return;
        }
        if self.install(&file, &text).await.is_err() && self.waiting.is_none() {
            self.waiting = Some(Waiting::again(file, text));
        }
    }
}
