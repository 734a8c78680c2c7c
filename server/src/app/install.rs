//! From an inventory file to an inventory in force: read, parse, register in the store, hand to the
//! engine. A file that cannot be read or is wrong changes nothing; the last good one stays.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};

use super::{AppError, keep::register};
use crate::{
    causes::chain,
    clock::Clock,
    engine::{Command, Installed},
    health::{self, Health, Input, Pause, Policy},
    inventory::{self, Inventory},
    live::{InventoryFile, Live},
    metrics::Metrics,
    model::{HostId, HostName, Labels, State, Transition, VersionId},
    reload::Watch,
    store::{
        Awaited, Batch, HostSummary, KnownHost, LoadedInventory, Registration, Store, StoreError,
        spool::{Registry, Remembered, Spool},
    },
    units::WallMs,
};

/// Between the two looks at a file that changed: longer than a tick of any file system's clock.
const SETTLE: Duration = Duration::from_millis(100);

mod hosts;
mod waiting;

pub(super) use hosts::Hosts;
pub(crate) use hosts::kept;
pub(super) use waiting::Waiting;

/// The pauses that operators asked for before; those that are over are forgotten.
async fn pauses(store: &dyn Store, now: WallMs) -> Result<Vec<(HostId, Pause)>, StoreError> {
    let (over, left): (Vec<_>, Vec<_>) =
        store.pauses().await?.into_iter().partition(|(_, pause)| pause.is_over(now));
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

fn registration(host: &inventory::Host) -> Registration {
    Registration {
        name: host.name.clone(),
        group: host.group.clone(),
        labels: Labels::clone(&host.labels),
        addresses: host.addresses.iter().map(ToString::to_string).collect(),
        renamed_from: host.renamed_from.clone(),
    }
}

/// Puts inventories in force, one after the other.
pub(super) struct Installer {
    pub(super) watch: Watch,
    pub(super) store: Arc<Awaited>,
    pub(super) spool: Option<Arc<Spool>>,
    pub(super) live: Arc<Live>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) commands: mpsc::Sender<Command>,
    /// Host numbers of the inventory in force, to see which are gone.
    pub(super) numbers: HashSet<HostId>,
    /// The hosts of the file and those that were discovered.
    pub(super) hosts: Hosts,
    /// Parsed, but the store was away, or it is to rest: tried again at the next look.
    pub(super) waiting: Option<Waiting>,
    /// The inventory in force, to see what the next one changes.
    pub(super) before: Option<Arc<Inventory>>,
    /// The store has not been told of any inventory since the start.
    pub(super) is_first: bool,
    /// What is shown is that the file cannot be read, not that it is wrong.
    pub(super) in_trouble: bool,
}

impl Installer {
    /// Puts the first inventory in force; what it returns says when it is, once the engine runs.
    /// While the store is away, the hosts that are remembered are polled and the rest waits; without
    /// a memory nothing is in force yet.
    ///
    /// # Errors
    /// Whatever is wrong with it: a server does not start on a bad inventory.
    pub(super) async fn first(
        &mut self,
        remembered: Option<Registry>,
    ) -> Result<Option<oneshot::Receiver<()>>, AppError> {
        let bytes = self.watch.read_now().map_err(AppError::Reload)?.bytes;
        let inventory =
            inventory::parse_bytes(&self.name(), &bytes).map_err(AppError::Inventory)?;
        let now = self.clock.now();
        let rested = self.watch.unchanged_for(now.wall);
        let mut waiting = Waiting::new(inventory, &bytes, now.mono).having_rested(rested);
        let (inventory, text) = (Arc::clone(&waiting.inventory), Arc::clone(&waiting.text));
        if self.store.is_open() {
            let begun = async {
                if self.has_to_rest(&mut waiting).await? {
                    return Ok(None);
                }
                self.install(&inventory, &text).await.map(Some)
            };
            match begun.await {
                Ok(Some(in_force)) => return Ok(Some(in_force)),
                Ok(None) => {}
                // It was open a moment ago; a server that can begin without it does.
                Err(error) if remembered.is_some() => {
                    tracing::error!(error = chain(&error), "the store is away");
                }
                Err(error) => return Err(error),
            }
        }
        let in_force = match remembered {
            Some(registry) => Some(self.install_remembered(&inventory, &text, registry).await),
            None => None,
        };
        self.waiting = Some(waiting);
        Ok(in_force)
    }

    /// Has the hosts polled whose numbers are remembered. Their rows bear the inventory that was in
    /// force then.
    async fn install_remembered(
        &mut self,
        file: &Arc<Inventory>,
        text: &Arc<str>,
        registry: Registry,
    ) -> oneshot::Receiver<()> {
        let Registry { version, hosts, pauses, store: _ } = registry;
        let now = self.clock.now().wall;
        let pauses = pauses.into_iter().filter(|(_, pause)| !pause.is_over(now)).collect();
        self.hosts.restore(file, hosts.iter().map(hosts::remembered));
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
        self.hand_over(Arc::clone(inventory), text, version, known, pauses).await
    }

    /// Hosts that were taken out while the server was down: the engine never knew them, so their
    /// end is written here.
    async fn retire_while_away(&self, kept: Vec<HostSummary>) -> Result<(), AppError> {
        if kept.is_empty() {
            return Ok(());
        }
        let now = self.clock.now().wall;
        let transitions = kept.iter().filter_map(|host| retirement(host, now)).collect();
        self.store.retire(kept.iter().map(|host| host.id).collect(), now).await?;
        self.store.write(Arc::new(Batch { transitions, ..Batch::default() })).await?;
        Ok(())
    }

    /// The file's name in messages.
    fn name(&self) -> String {
        self.watch.path().display().to_string()
    }

    /// Looks at the file, and puts what it says in force when that changed.
    pub(super) async fn look(&mut self) -> Option<oneshot::Receiver<()>> {
        if let Some(bytes) = self.changed().await {
            self.take_up(&bytes);
        } else if !self.watch.is_settled()
            && let Some(waiting) = &mut self.waiting
        {
            waiting.rest_anew(self.clock.now().mono);
        }
        self.put_in_force().await
    }

    /// What the file says is to come into force, unless something is wrong with it.
    fn take_up(&mut self, bytes: &[u8]) {
        match inventory::parse_bytes(&self.name(), bytes) {
            Ok(inventory) => {
                self.waiting = Some(Waiting::new(inventory, bytes, self.clock.now().mono));
            }
            Err(problems) => {
                self.waiting = None;
                self.live.update_server(|server| server.inventory_waiting = None);
                self.refuse(&problems.to_string());
            }
        }
    }

    /// Puts in force what waits for it, when it may be; what it answers says when it is.
    async fn put_in_force(&mut self) -> Option<oneshot::Receiver<()>> {
        if !self.store.is_open() {
            return None;
        }
        let mut waiting = self.waiting.take()?;
        let begun = async {
            if self.has_to_rest(&mut waiting).await? {
                return Ok(None);
            }
            self.install(&waiting.inventory, &waiting.text).await.map(Some)
        };
        match begun.await {
            Ok(Some(in_force)) => {
                self.live.update_server(|server| server.inventory_waiting = None);
                Some(in_force)
            }
            Ok(None) => {
                self.waiting = Some(waiting);
                None
            }
            Err(error) => {
                self.refuse(&format!("{}: not in force yet: {}", self.name(), chain(&error)));
                self.waiting = Some(waiting);
                None
            }
        }
    }

    /// New content, when there is some. Content counts once two looks found the same, so a look that
    /// finds something is two.
    async fn changed(&mut self) -> Option<Vec<u8>> {
        for look in 0..2 {
            if look > 0 {
                if !self.watch.is_settling() {
                    break;
                }
                tokio::time::sleep(SETTLE).await;
            }
            match self.watch.check() {
                Ok(None) => {}
                Ok(Some(changed)) => return Some(changed.bytes),
                Err(error) => {
                    self.in_trouble = true;
                    self.refuse(&chain(&error));
                    return None;
                }
            }
        }
        if self.in_trouble && self.watch.trouble().is_none() {
            self.in_trouble = false;
            self.live.update_server(|server| server.inventory_error = None);
        }
        None
    }

    fn refuse(&self, words: &str) {
        // Said once per text: a file that stays wrong is looked at again and again.
        if self.live.server().inventory_error.as_deref() == Some(words) {
            return;
        }
        for line in words.lines() {
            tracing::error!("the inventory in force stays as it is: {line}");
        }
        self.metrics.inventory_errors.inc();
        self.live.update_server(|server| server.inventory_error = Some(words.into()));
    }

    async fn install(
        &mut self,
        file: &Arc<Inventory>,
        text: &Arc<str>,
    ) -> Result<oneshot::Receiver<()>, AppError> {
        let now = self.clock.now().wall;
        let mut pauses = Vec::new();
        if self.is_first {
            let (gone, _) = self.gone_while_away(file).await?;
            self.retire_while_away(gone).await?;
            pauses = self::pauses(self.store.as_ref(), now).await?;
        }
        let inventory = self.hosts.of(file);
        let listed: Vec<Registration> =
            inventory.hosts.values().map(|host| registration(host)).collect();
        let known = register(&self.store, self.spool.as_deref(), listed.clone(), now).await?;
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
        self.numbers = numbers;
        if std::mem::take(&mut self.is_first) {
            self.remember_pauses(&known, &pauses).await;
        }
        let remembered = known.iter().cloned().zip(listed);
        let hosts = remembered.map(|(known, listed)| Remembered { known, listed }).collect();
        self.remember(Registry { version, hosts, pauses: Vec::new(), store: None }).await;
        self.hosts.in_force(file, text);
        Ok(self.hand_over(inventory, text, version, known, pauses).await)
    }

    /// Has the spool remember the hosts, for a start while the store is away.
    async fn remember(&self, registry: Registry) {
        if let Some(spool) = &self.spool
            && let Err(error) = spool.remember(registry).await
        {
            let error = chain(&error);
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
            tracing::error!(error = chain(&error), "the pauses cannot be remembered");
        }
    }

    /// Gives the engine its hosts.
    async fn hand_over(
        &mut self,
        inventory: Arc<Inventory>,
        text: &Arc<str>,
        version: VersionId,
        known: Vec<KnownHost>,
        pauses: Vec<(HostId, Pause)>,
    ) -> oneshot::Receiver<()> {
        let (in_force, told) = oneshot::channel();
        let before = self.before.replace(Arc::clone(&inventory));
        let change = before.map(|before| inventory::diff(&before, &inventory));
        let (source, text) = (self.name().into(), Arc::clone(text));
        let file = Arc::new(InventoryFile { source, text, change });
        let installed = Installed { inventory, file, version, known, pauses, in_force };
        // The engine is gone only when the server is stopping.
        let _ = self.commands.send(Command::Install(Box::new(installed))).await;
        told
    }
}
