//! From an inventory file to an inventory in force: read, parse, register in the store, hand to the
//! engine. A file that cannot be read or is wrong changes nothing; the last good one stays.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::mpsc;

use super::AppError;
use crate::{
    clock::Clock,
    engine::{Command, Installed},
    inventory::{self, Inventory},
    live::Live,
    metrics::Metrics,
    model::HostId,
    reload::Watch,
    store::{LoadedInventory, Registration, Store},
};

/// Puts inventories in force, one after the other.
pub(super) struct Installer {
    pub(super) watch: Watch,
    pub(super) store: Arc<dyn Store>,
    pub(super) live: Arc<Live>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) path: PathBuf,
    /// Host numbers of the inventory in force, to see which are gone.
    pub(super) numbers: Vec<HostId>,
    /// Parsed, but the store was away: tried again at the next look.
    pub(super) waiting: Option<(Inventory, String)>,
}

impl Installer {
    /// Puts the first inventory in force.
    ///
    /// # Errors
    /// Whatever is wrong with it: a server does not start on a bad inventory.
    pub(super) async fn first(&mut self) -> Result<(), AppError> {
        let unreadable = |error| AppError::Unreadable { path: self.path.clone(), error };
        let bytes = self.watch.read().map_err(unreadable)?;
        let inventory =
            inventory::parse_bytes(&self.name(), &bytes).map_err(AppError::Inventory)?;
        self.install(&inventory, &String::from_utf8_lossy(&bytes)).await
    }

    /// The file's name in messages.
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Looks at the file, and puts what it says in force when that changed.
    pub(super) async fn look(&mut self) {
        let changed = match self.watch.check() {
            Ok(changed) => changed,
            Err(error) => {
                self.refuse(&error.to_string());
                None
            }
        };
        if let Some(changed) = changed {
            let text = String::from_utf8_lossy(&changed.bytes).into_owned();
            match inventory::parse_bytes(&self.name(), &changed.bytes) {
                Ok(inventory) => self.waiting = Some((inventory, text)),
                Err(problems) => {
                    self.waiting = None;
                    self.refuse(&problems.to_string());
                }
            }
        }
        let Some((inventory, text)) = self.waiting.take() else { return };
        if let Err(error) = self.install(&inventory, &text).await {
            self.refuse(&format!("{}: not in force yet: {error}", self.name()));
            self.waiting = Some((inventory, text));
        }
    }

    fn refuse(&self, words: &str) {
        // Said once per text: a file that stays wrong is looked at every second.
        if self.live.server().inventory_error.as_deref() == Some(words) {
            return;
        }
        for line in words.lines() {
            tracing::error!("the inventory in force stays as it is: {line}");
        }
        self.metrics.inventory_errors.inc();
        self.live.update_server(|server| server.inventory_error = Some(words.into()));
    }

    async fn install(&mut self, inventory: &Inventory, text: &str) -> Result<(), AppError> {
        let now = self.clock.now().wall;
        let registrations = inventory
            .hosts
            .values()
            .map(|host| Registration {
                name: host.name.clone(),
                group: host.group.clone(),
                labels: host.labels.clone(),
                addresses: host.addresses.iter().map(ToString::to_string).collect(),
                renamed_from: host.renamed_from.clone(),
            })
            .collect();
        let known = self.store.register(registrations, now).await?;
        let numbers: Vec<HostId> = known.iter().map(|host| host.id).collect();
        let gone: Vec<HostId> =
            self.numbers.iter().copied().filter(|id| !numbers.contains(id)).collect();
        let left = gone.len();
        if left > 0 {
            self.store.retire(gone, now).await?;
        }
        let loaded = LoadedInventory {
            hash: inventory.hash.as_str().to_owned(),
            source: self.name(),
            at: now,
            hosts: numbers.len(),
            text: text.to_owned(),
        };
        let version = self.store.record_inventory(loaded).await?;
        tracing::info!(hosts = numbers.len(), left, hash = %inventory.hash, "inventory in force");
        self.numbers = numbers;
        let installed = Installed { inventory: Arc::new(inventory.clone()), version, known };
        // The engine is gone only when the server is stopping.
        let _ = self.commands.send(Command::Install(Box::new(installed))).await;
        Ok(())
    }
}
