//! How an inventory comes into force: registered in the store, remembered in the spool, handed to the
//! engine.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use tokio::sync::oneshot;

use super::{ReconcileError, Reconciler, hosts::remembered};
use crate::{
    engine::{Command, Installed},
    error_report::error_chain,
    health::{self, Health, Input, Pause, Policy},
    inventory::{self, Inventory},
    live::InventoryFile,
    model::{Alarm, AlarmKey, AlarmState, HostId, HostName, Labels, State, Transition, VersionId},
    store::{
        self, Batch, HostSummary, KnownHost, LoadedInventory, Registration, Store, StoreError,
        spool::{Registry, Remembered},
    },
    units::WallMs,
};

/// What was so before the start.
#[derive(Default)]
struct Before {
    pauses: Vec<(HostId, Pause)>,
    alarms: Vec<Alarm>,
    /// Hosts that were taken out meanwhile.
    gone: HashMap<HostId, HostName>,
}

/// The pauses that operators asked for before; those are forgotten after whose end something was
/// polled, for the clock of this start may be wrong.
async fn pauses(store: &dyn Store, polled: WallMs) -> Result<Vec<(HostId, Pause)>, StoreError> {
    let (over, left): (Vec<_>, Vec<_>) =
        store.pauses().await?.into_iter().partition(|(_, pause)| pause.is_over(polled));
    for (host, _) in over {
        store.set_pause(host, None).await?;
    }
    Ok(left)
}

/// The move of a host that is gone from the inventory.
fn retirement(host: &HostSummary, now: WallMs) -> Option<Transition> {
    let (state, since) = host.state.unwrap_or((State::Pending, host.listed_at));
    let health = Health::known(state, since);
    let (_, change) = health::step(&health, Input::Retire, &Policy::default(), now);
    let change = change?;
    Some(Transition {
        host: host.id,
        name: host.name.clone(),
        at: now,
        slot: None,
        from: change.from,
        to: change.to,
        cause: change.cause,
        outcome: None,
        reason: change.reason.into(),
    })
}

pub(super) fn registration(host: &inventory::Host) -> Registration {
    Registration {
        name: host.name.clone(),
        group: host.group.clone(),
        labels: Labels::clone(&host.labels),
        addresses: host.addresses.iter().map(ToString::to_string).collect(),
        renamed_from: host.renamed_from.clone(),
    }
}

impl Reconciler {
    /// Has the hosts polled whose numbers are remembered. Their rows bear the inventory that was in
    /// force then.
    pub(super) async fn install_remembered(
        &mut self,
        file: &Arc<Inventory>,
        text: &Arc<str>,
        registry: Registry,
    ) -> oneshot::Receiver<()> {
        let Registry { version, hosts, pauses, alarms, store: _ } = registry;
        self.hosts.restore(file, hosts.iter().map(remembered));
        let inventory = &self.hosts.of(file);
        let by_name: HashMap<HostName, KnownHost> =
            hosts.into_iter().map(|host| (host.known.name.clone(), host.known)).collect();
        let mut taken = HashSet::new();
        let mut known = Vec::new();
        // Names first: who bears a name keeps it from whoever is renamed from it.
        for name in inventory.hosts.keys() {
            if let Some(host) = by_name.get(name) {
                taken.insert(host.id);
                known.push(host.clone());
            }
        }
        for host in inventory.hosts.values().filter(|host| !by_name.contains_key(&host.name)) {
            let before = host.renamed_from.as_ref().and_then(|before| by_name.get(before));
            if let Some(before) = before.filter(|before| taken.insert(before.id)) {
                known.push(KnownHost { name: host.name.clone(), ..before.clone() });
            }
        }
        let wait = inventory.hosts.len() - known.len();
        tracing::warn!(
            hosts = known.len(),
            wait,
            "the hosts that the spool remembers are polled; the others wait for the store"
        );
        self.hosts.in_force(file, text);
        let before = Before { pauses, alarms, gone: HashMap::new() };
        self.hand_over(Arc::clone(inventory), text, version, known, before).await
    }

    /// Hosts that were taken out while the server was down: the engine never knew them, so their
    /// end is written here.
    async fn retire_while_away(&self, kept: Vec<HostSummary>) -> Result<(), ReconcileError> {
        if kept.is_empty() {
            return Ok(());
        }
        let now = self.clock.now().wall;
        let transitions = kept.iter().filter_map(|host| retirement(host, now)).collect();
        self.store.retire(kept.iter().map(|host| host.id).collect(), now).await?;
        self.store.write(Arc::new(Batch { transitions, ..Batch::default() })).await?;
        Ok(())
    }

    /// Puts an inventory in force: in the store, in the spool, in the engine. What it answers says when
    /// it is.
    pub(super) async fn install(
        &mut self,
        file: &Arc<Inventory>,
        text: &Arc<str>,
    ) -> Result<oneshot::Receiver<()>, ReconcileError> {
        let now = self.clock.now().wall;
        let mut before = Before::default();
        if self.is_first {
            let (gone, _) = self.gone_while_away(file).await?;
            before.gone = gone.iter().map(|host| (host.id, host.name.clone())).collect();
            self.retire_while_away(gone).await?;
            before.alarms = self.alarms().await?;
        }
        let inventory = self.hosts.of(file);
        let listed: Vec<Registration> =
            inventory.hosts.values().map(|host| registration(host)).collect();
        let known =
            store::register(&self.store, self.spool.as_deref(), listed.clone(), now).await?;
        if self.is_first {
            let polled = known.iter().filter_map(|host| host.latest_slot).max();
            let polled = now.min(polled.unwrap_or_default());
            before.pauses = pauses(self.store.as_ref(), polled).await?;
        }
        let numbers: HashSet<HostId> = known.iter().map(|host| host.id).collect();
        let gone: Vec<HostId> = self.numbers.difference(&numbers).copied().collect();
        let left = gone.len();
        if left > 0 {
            self.store.retire(gone, now).await?;
        }
        let loaded = LoadedInventory {
            hash: inventory.hash.as_str().to_owned(),
            source: self.name(),
            at: now,
            hosts: numbers.len(),
            text: text.to_string(),
        };
        let version = self.store.record_inventory(loaded).await?;
        tracing::info!(hosts = numbers.len(), left, hash = %inventory.hash, "inventory in force");
        if numbers.is_empty() && file.discoveries.is_empty() {
            tracing::warn!(
                "no hosts yet: add one to {}, such as [[host]] with name = \"web-1\"; it is polled \
                 within a second",
                self.name()
            );
        }
        self.numbers = numbers;
        if std::mem::take(&mut self.is_first) {
            self.remember_pauses(&known, &before.pauses).await;
            self.remember_alarms(&before.alarms).await;
        }
        let remembered = known.iter().cloned().zip(listed);
        let hosts = remembered.map(|(known, listed)| Remembered { known, listed }).collect();
        let (pauses, alarms) = (Vec::new(), Vec::new());
        self.remember(Registry { version, hosts, pauses, alarms, store: None }).await;
        self.hosts.in_force(file, text);
        Ok(self.hand_over(inventory, text, version, known, before).await)
    }

    /// Has the spool remember the hosts, for a start while the store is away.
    async fn remember(&self, registry: Registry) {
        if let Some(spool) = &self.spool
            && let Err(error) = spool.remember(registry).await
        {
            let error = error_chain(&error);
            tracing::error!(error, "the hosts cannot be remembered: a start needs the store");
        }
    }

    /// Has the spool remember the pauses, too; it follows them from here on.
    async fn remember_pauses(&self, known: &[KnownHost], pauses: &[(HostId, Pause)]) {
        let asked_for: HashMap<HostId, &Pause> = pauses.iter().map(|(id, p)| (*id, p)).collect();
        let of = |host: &KnownHost| (host.id, asked_for.get(&host.id).copied().cloned());
        let pauses = known.iter().map(of).collect();
        if let Some(spool) = &self.spool
            && let Err(error) = spool.remember_pauses(pauses).await
        {
            tracing::error!(error = error_chain(&error), "the pauses cannot be remembered");
        }
    }

    /// The alarms that were not ok when the server before this one ended: in the store as far as it took
    /// them, and what waits in the spool is later.
    async fn alarms(&self) -> Result<Vec<Alarm>, StoreError> {
        let kept = self.store.alarms().await?;
        let waiting = match &self.spool {
            Some(spool) => spool.alarms().await.unwrap_or_else(|error| {
                tracing::error!(error = error_chain(&error), "the spool's alarms cannot be read");
                Vec::new()
            }),
            None => Vec::new(),
        };
        let mut all: BTreeMap<AlarmKey, Alarm> =
            kept.into_iter().map(|alarm| (alarm.key.clone(), alarm)).collect();
        for alarm in waiting {
            let is_older = all.get(&alarm.key).is_some_and(|kept| kept.slot > alarm.slot);
            match alarm.state {
                _ if is_older => {}
                AlarmState::Ok => drop(all.remove(&alarm.key)),
                _ => drop(all.insert(alarm.key.clone(), alarm)),
            }
        }
        Ok(all.into_values().collect())
    }

    /// Has the spool remember the alarms, too, unless a start without the store went on from them; it
    /// follows them from here on.
    async fn remember_alarms(&self, alarms: &[Alarm]) {
        if let Some(spool) = &self.spool
            && self.before.is_none()
            && let Err(error) = spool.remember_alarms(alarms.to_vec()).await
        {
            tracing::error!(error = error_chain(&error), "the alarms cannot be remembered");
        }
    }

    /// Gives the engine its hosts.
    async fn hand_over(
        &mut self,
        inventory: Arc<Inventory>,
        text: &Arc<str>,
        version: VersionId,
        known: Vec<KnownHost>,
        Before { pauses, alarms, gone: gone_before }: Before,
    ) -> oneshot::Receiver<()> {
        let (in_force, told) = oneshot::channel();
        let before = self.before.replace(Arc::clone(&inventory));
        let change = before.map(|before| inventory::diff(&before, &inventory));
        let (source, text) = (self.name().into(), Arc::clone(text));
        let file = Arc::new(InventoryFile { source, text, change });
        let installed =
            Installed { inventory, file, version, known, pauses, alarms, gone_before, in_force };
        // The engine is gone only when the server is stopping.
        let _ = self.commands.send(Command::Install(Box::new(installed))).await;
        told
    }
}
