//! The alert rules, channels and routes: from their file, or the rules that come along, into force. A file that is wrong changes
//! nothing.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{ReconcileError, Reconciler};
use crate::{
    alert::SHIPPED,
    document::{self, Problems},
    engine::Command,
    error_report::error_chain,
    live::RulesInForce,
    outbox::Opened,
    reload::{FileWatch, ReloadError},
    route,
};

/// What the rules that come along are called in messages.
pub(crate) const SHIPPED_NAME: &str = "the shipped rules";

/// The file of alert rules.
pub(crate) struct AlertFile {
    watch: FileWatch,
    /// Somebody named it: then it must be there.
    is_named: bool,
    /// It was read since the start: what it said last stays when it is gone.
    was_read: bool,
    /// What is shown is that it cannot be read, not that it is wrong.
    in_trouble: bool,
}

impl AlertFile {
    /// The file that the settings name, or else the one beside the inventory, which may be missing.
    pub(crate) fn new(named: Option<&Path>, inventory: &Path) -> Self {
        let watch = FileWatch::new(path(named, inventory));
        Self { watch, is_named: named.is_some(), was_read: false, in_trouble: false }
    }

    fn is_wanted(&self) -> bool {
        self.is_named || self.was_read || self.watch.path().exists()
    }

    fn name(&self) -> String {
        self.watch.path().display().to_string()
    }

    /// The file as it is now; none where there is none and there need not be.
    fn read_now(&mut self) -> Result<Option<Vec<u8>>, ReloadError> {
        if !self.is_wanted() {
            return Ok(None);
        }
        let read = self.watch.read_now()?;
        self.was_read = true;
        Ok(Some(read.bytes))
    }

    /// What it says now, when that is new and has settled.
    fn check(&mut self) -> Result<Option<Vec<u8>>, ReloadError> {
        if !self.is_wanted() {
            return Ok(None);
        }
        let changed = self.watch.check()?;
        self.was_read |= changed.is_some();
        Ok(changed.map(|changed| changed.bytes))
    }
}

/// Where the rules are looked for.
pub(crate) fn path(named: Option<&Path>, inventory: &Path) -> PathBuf {
    const BESIDE: &str = "alerts.toml";
    named.map_or_else(|| inventory.with_file_name(BESIDE), Path::to_owned)
}

impl Reconciler {
    /// Puts the first rules in force, before the first inventory.
    ///
    /// # Errors
    /// Whatever is wrong with the file: a server does not start on bad rules.
    pub(super) async fn first_rules(&mut self) -> Result<(), ReconcileError> {
        let read = self.alerts.read_now().map_err(ReconcileError::AlertsUnread)?;
        let (source, opened) = match read {
            Some(bytes) => (Some(self.alerts.name().into()), self.open_rules(&bytes)),
            None => (None, self.open_text(SHIPPED_NAME, SHIPPED)),
        };
        self.rules_in_force(source, opened.map_err(ReconcileError::Alerts)?).await;
        Ok(())
    }

    /// What the file says, with the secrets that its channels name.
    ///
    /// # Errors
    /// All that is wrong with it, each with its place.
    fn open_rules(&self, bytes: &[u8]) -> Result<Opened, Problems> {
        let name = self.alerts.name();
        self.open_text(&name, document::utf8("a file of rules", &name, bytes)?)
    }

    fn open_text(&self, name: &str, text: &str) -> Result<Opened, Problems> {
        let file = route::parse_all(name, text)?;
        self.outbox.open(self.alerts.watch.path(), (name, text), file)
    }

    /// Looks at the file of rules, and puts what it says in force when that changed.
    pub(super) async fn look_at_rules(&mut self) {
        match self.alerts.check() {
            Ok(Some(bytes)) => self.take_up_rules(&bytes).await,
            Ok(None) if self.alerts.in_trouble && self.alerts.watch.trouble().is_none() => {
                self.alerts.in_trouble = false;
                self.live.update_server(|server| server.alerts_error = None);
            }
            Ok(None) => {}
            Err(error) => {
                self.alerts.in_trouble = true;
                self.refuse_rules(&error_chain(&error));
            }
        }
    }

    /// The same at once, because somebody says so.
    pub(super) async fn reload_rules(&mut self) {
        match self.alerts.read_now() {
            Ok(Some(bytes)) => self.take_up_rules(&bytes).await,
            Ok(None) => {}
            Err(error) => {
                self.alerts.in_trouble = true;
                self.refuse_rules(&error_chain(&error));
            }
        }
    }

    async fn take_up_rules(&mut self, bytes: &[u8]) {
        match self.open_rules(bytes) {
            Ok(opened) => self.rules_in_force(Some(self.alerts.name().into()), opened).await,
            Err(problems) => {
                self.alerts.in_trouble = false;
                self.refuse_rules(&problems.to_string());
            }
        }
    }

    /// Puts rules in force, unless they are: then they go on, with the secrets of now.
    async fn rules_in_force(&mut self, source: Option<Arc<str>>, opened: Opened) {
        let rules = opened.file().rules.clone();
        let remarks = self.before.as_ref().map(|inventory| opened.file().remarks(Some(inventory)));
        self.outbox.put_in_force(opened);
        self.alerts.in_trouble = false;
        let server = self.live.server();
        let is_same =
            server.alerts.is_some_and(|now| now.source == source && now.rules.hash == rules.hash);
        if !is_same {
            let (from, hash) = (source.as_deref().unwrap_or(SHIPPED_NAME), &rules.hash);
            tracing::info!(rules = rules.list.len(), %hash, "alert rules in force: {from}");
            for remark in remarks.into_iter().flatten() {
                tracing::warn!("{from}: {remark}");
            }
            // The engine is gone only when the server is stopping.
            let _ = self.commands.send(Command::Rules(Arc::clone(&rules.list))).await;
        }
        self.live.update_server(|server| {
            server.alerts = Some(Arc::new(RulesInForce { source, rules }));
            server.alerts_error = None;
        });
    }

    fn refuse_rules(&self, words: &str) {
        // Said once per text: a file that stays wrong is looked at again and again.
        if self.live.server().alerts_error.as_deref() == Some(words) {
            return;
        }
        for line in words.lines() {
            tracing::error!("the alert rules in force stay as they are: {line}");
        }
        self.metrics.alert_errors.inc();
        self.live.update_server(|server| server.alerts_error = Some(words.into()));
    }
}
