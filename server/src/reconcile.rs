//! From an inventory file to an inventory in force: read, parse, register in the store, hand to the
//! engine. A file that cannot be read or is wrong changes nothing; the last good one stays.

mod access;
mod alerts;
mod discovering;
mod failure;
mod hosts;
mod installing;
mod learning;
mod orders;
mod settling;
mod waiting;

use std::{collections::HashSet, path::PathBuf, sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot};

use self::{
    access::AccessFile, alerts::AlertFile, discovering::Discovering, hosts::Hosts, waiting::Waiting,
};
pub(crate) use self::{
    alerts::{SHIPPED_NAME, path as alerts_path},
    discovering::{DiscoveryResult, LOOKS},
    hosts::kept,
};
pub use self::{
    failure::ReconcileError,
    orders::{OperatorOrder, QUEUE, Refusal, Reloaded},
};
use crate::{
    access::Keyring,
    clock::Clock,
    discover::Finder,
    document::SourceFile,
    engine::Command,
    error_report::error_chain,
    inventory::{self, Inventory},
    live::Live,
    metrics::Metrics,
    model::HostId,
    outbox::Outbox,
    reload::{FileWatch, FilesWatch},
    store::{
        LazyStore,
        spool::{Registry, Spool},
    },
};

/// Between the two looks at a file that changed: longer than a tick of any file system's clock.
const SETTLE: Duration = Duration::from_millis(100);

/// What a [`Reconciler`] works with.
pub(crate) struct Means {
    /// The inventory file; its parts are found from it.
    pub(crate) watch: FileWatch,
    /// The file of alert rules, when the settings name one.
    pub(crate) alerts: Option<PathBuf>,
    /// The file of tokens, when the settings name one, and where what it says holds.
    pub(crate) access: Option<(PathBuf, Keyring)>,
    /// What sends by the channels and routes of that file.
    pub(crate) outbox: Outbox,
    pub(crate) store: Arc<LazyStore>,
    pub(crate) spool: Option<Arc<Spool>>,
    pub(crate) live: Arc<Live>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) commands: mpsc::Sender<Command>,
    /// Looks at discovered names, and where they come in: [`Reconciler::heard`] takes them.
    pub(crate) finder: Finder,
    pub(crate) looks: mpsc::Sender<DiscoveryResult>,
    /// `discover.forget`.
    pub(crate) forget: Duration,
}

/// Brings the hosts that are polled into line with the inventory file, what was discovered and what
/// operators order, one change after the other.
pub(crate) struct Reconciler {
    watch: FilesWatch,
    alerts: AlertFile,
    access: Option<AccessFile>,
    outbox: Outbox,
    store: Arc<LazyStore>,
    spool: Option<Arc<Spool>>,
    live: Arc<Live>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    commands: mpsc::Sender<Command>,
    /// Host numbers of the inventory in force, to see which are gone.
    numbers: HashSet<HostId>,
    /// The hosts of the file and those that were discovered.
    hosts: Hosts,
    /// Parsed, but the store was away, or it is to settle: tried again at the next look.
    waiting: Option<Waiting>,
    /// The inventory in force, to see what the next one changes.
    before: Option<Arc<Inventory>>,
    /// The store has not been told of any inventory since the start.
    is_first: bool,
    /// What is shown is that the file cannot be read, not that it is wrong.
    in_trouble: bool,
}

impl Reconciler {
    /// Nothing is in force yet.
    pub(crate) fn new(means: Means) -> Self {
        let Means { watch, alerts, access, outbox, store, spool, live, metrics, clock, .. } = means;
        let Means { commands, finder, looks, forget, .. } = means;
        let watch = FilesWatch::new(watch);
        let alerts = AlertFile::new(alerts.as_deref(), watch.path());
        let access = access.map(|(path, keyring)| AccessFile::new(path, keyring));
        let discovering = Discovering::new(finder, Arc::clone(&live), looks);
        Self {
            watch,
            alerts,
            access,
            outbox,
            store,
            spool,
            live,
            metrics,
            clock,
            commands,
            numbers: HashSet::new(),
            hosts: Hosts::new(discovering, forget),
            waiting: None,
            before: None,
            is_first: true,
            in_trouble: false,
        }
    }

    /// Puts the first inventory in force; what it returns says when it is, once the engine runs.
    /// While the store is away, the hosts that are remembered are polled and the rest waits; without
    /// a memory nothing is in force yet.
    ///
    /// # Errors
    /// Whatever is wrong with it: a server does not start on a bad inventory.
    pub(crate) async fn first(
        &mut self,
        remembered: Option<Registry>,
    ) -> Result<Option<oneshot::Receiver<()>>, ReconcileError> {
        let files = self.watch.read_now().map_err(ReconcileError::Reload)?;
        let inventory = inventory::parse_files(&files).map_err(ReconcileError::Inventory)?;
        tell_plain(&inventory);
        self.first_rules().await?;
        self.first_tokens()?;
        let now = self.clock.now();
        let settled = self.watch.unchanged_for(now.wall);
        let mut waiting = Waiting::new(inventory, &files, now.mono).settled_for(settled);
        let (inventory, text) = (Arc::clone(&waiting.inventory), Arc::clone(&waiting.text));
        if self.store.is_open() {
            let begun = async {
                if self.must_settle(&mut waiting).await? {
                    return Ok(None);
                }
                self.install(&inventory, &text).await.map(Some)
            };
            match begun.await {
                Ok(Some(in_force)) => return Ok(Some(in_force)),
                Ok(None) => {}
                // It was open a moment ago; a server that can begin without it does.
                Err(error) if remembered.is_some() => {
                    tracing::error!(error = error_chain(&error), "the store is away");
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

    /// The file's name in messages.
    fn name(&self) -> String {
        self.watch.path().display().to_string()
    }

    /// Looks at the file, and puts what it says in force when that changed.
    pub(crate) async fn look(&mut self) -> Option<oneshot::Receiver<()>> {
        self.look_at_rules().await;
        self.look_at_tokens();
        if let Some(files) = self.changed().await {
            self.take_up(&files);
        } else if !self.watch.is_settled()
            && let Some(waiting) = &mut self.waiting
        {
            waiting.restart_settling(self.clock.now().mono);
        }
        self.put_in_force().await
    }

    /// What the files say is to come into force, unless something is wrong with it.
    fn take_up(&mut self, files: &[SourceFile]) {
        match inventory::parse_files(files) {
            Ok(inventory) => {
                self.waiting = Some(Waiting::new(inventory, files, self.clock.now().mono));
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
            if self.must_settle(&mut waiting).await? {
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
                self.refuse(&format!("{}: not in force yet: {}", self.name(), error_chain(&error)));
                self.waiting = Some(waiting);
                None
            }
        }
    }

    /// New content, when there is some. Content counts once two looks found the same, so a look that
    /// finds something is two.
    async fn changed(&mut self) -> Option<Vec<SourceFile>> {
        for look in 0..2 {
            if look > 0 {
                if !self.watch.is_settling() {
                    break;
                }
                tokio::time::sleep(SETTLE).await;
            }
            match self.watch.check() {
                Ok(None) => {}
                Ok(Some(files)) => return Some(files),
                Err(error) => {
                    self.in_trouble = true;
                    self.refuse(&error_chain(&error));
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
}

/// Who upgrades from a version without encryption learns of it; nothing else changes.
fn tell_plain(inventory: &Inventory) {
    let plain = inventory.in_plain_text();
    if let Some(first) = plain.first() {
        tracing::info!(
            hosts = plain.len(),
            first,
            "probes are asked in plain text, as before. New: certificates on both sides, made by \
             `roundsman ca`; docs/security.md"
        );
    }
}
