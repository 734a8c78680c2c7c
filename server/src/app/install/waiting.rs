//! An inventory that waits: for the store, or because it takes out so many hosts that its file may be
//! half written.
//!
//! What is written in pieces (`cp`, `rsync --inplace`, an editor, `git checkout`) is often valid at its
//! first piece, and a host that is taken out has its state, its pause and its machine forgotten. So a
//! change that takes out many waits until its file has not changed for [`REST`]; all others come at
//! once.

use std::{sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::timeout};

use super::{AppError, Installer, hosts};
use crate::{
    inventory::{self, Inventory},
    model::HostName,
    operator::Reloaded,
    store::{HostQuery, HostSummary, Store as _},
    units::Mono,
};

/// How long a file that takes out many hosts has to stay as it is.
pub(super) const REST: Duration = Duration::from_secs(10);

/// So many hosts may be taken out at once, however few there are.
const FEW: usize = 2;

/// And this part of all, in per cent.
const FEW_PCT: usize = 10;

/// How long the engine may take to put an inventory in force that somebody waits for.
const ENGINE_PATIENCE: Duration = Duration::from_secs(5);

/// How many hosts an inventory takes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Removal {
    pub(super) gone: usize,
    /// Of so many.
    pub(super) of: usize,
}

impl Removal {
    /// Whether they are so many that the file may be half written.
    fn is_large(self) -> bool {
        self.gone > FEW && self.gone.saturating_mul(100) > self.of.saturating_mul(FEW_PCT)
    }
}

/// An inventory that is to come into force.
pub(in crate::app) struct Waiting {
    pub(super) inventory: Arc<Inventory>,
    pub(super) text: Arc<str>,
    /// Since when its file has been as it is; what it had rested before.
    since: Mono,
    rested: Duration,
    /// Somebody has said that it is right.
    is_approved: bool,
    /// Counted once.
    removal: Option<Removal>,
}

impl Waiting {
    pub(super) fn new(inventory: Inventory, bytes: &[u8], since: Mono) -> Self {
        let text = String::from_utf8_lossy(bytes).into();
        let inventory = Arc::new(inventory);
        let rested = Duration::ZERO;
        Self { inventory, text, since, rested, is_approved: false, removal: None }
    }

    /// Its file has been as it is for so long already.
    pub(super) fn having_rested(self, rested: Duration) -> Self {
        Self { rested, ..self }
    }

    /// What is in force already, with other hosts that were discovered.
    pub(super) fn again(inventory: Arc<Inventory>, text: Arc<str>) -> Self {
        let (since, rested) = (Mono::default(), Duration::ZERO);
        Self { inventory, text, since, rested, is_approved: true, removal: None }
    }

    /// Its file is being changed.
    pub(super) fn rest_anew(&mut self, now: Mono) {
        self.since = now;
        self.rested = Duration::ZERO;
    }

    fn has_rested(&self, now: Mono) -> bool {
        self.is_approved || now.since(self.since).saturating_add(self.rested) >= REST
    }

    /// Whether it waits for its file to stay as it is, and for nothing else.
    pub(super) fn is_resting(&self, now: Mono) -> bool {
        !self.has_rested(now) && self.removal.is_some_and(Removal::is_large)
    }
}

impl Installer {
    /// Whether an inventory takes out so many hosts that its file has to rest first; then this is
    /// said.
    pub(super) async fn has_to_rest(&mut self, waiting: &mut Waiting) -> Result<bool, AppError> {
        if waiting.has_rested(self.clock.now().mono) {
            return Ok(false);
        }
        let removal = match waiting.removal {
            Some(removal) => removal,
            None => self.removal(&waiting.inventory).await?,
        };
        waiting.removal = Some(removal);
        if !removal.is_large() {
            return Ok(false);
        }
        let Removal { gone, of } = removal;
        let words: Arc<str> = format!(
            "{}: takes out {gone} of {of} hosts: it comes into force once the file has not changed \
             for {} s, or at once with `roundsman reload --now`",
            self.name(),
            REST.as_secs(),
        )
        .into();
        let said = self.live.server().inventory_waiting;
        if said.as_deref() != Some(&*words) {
            tracing::warn!("the inventory in force stays as it is for now: {words}");
            // The file that is waited for has nothing wrong.
            self.live.update_server(|server| {
                server.inventory_error = None;
                server.inventory_waiting = Some(words);
            });
        }
        Ok(true)
    }

    async fn removal(&mut self, file: &Arc<Inventory>) -> Result<Removal, AppError> {
        if self.is_first {
            let (gone, of) = self.gone_while_away(file).await?;
            return Ok(Removal { gone: gone.len(), of });
        }
        let Some(before) = &self.before else { return Ok(Removal { gone: 0, of: 0 }) };
        let gone = inventory::diff(before, &self.hosts.of(file)).retired.len();
        Ok(Removal { gone, of: before.hosts.len() })
    }

    /// The hosts of the store that `file` does not have, and of how many they are. The discovered
    /// ones are remembered from here on.
    pub(super) async fn gone_while_away(
        &mut self,
        file: &Arc<Inventory>,
    ) -> Result<(Vec<HostSummary>, usize), AppError> {
        let mut kept = self.store.hosts(HostQuery::listed()).await?;
        let of = kept.len();
        self.hosts.restore(file, kept.iter().map(hosts::kept));
        let inventory = self.hosts.of(file);
        let renamed: Vec<&HostName> =
            inventory.hosts.values().filter_map(|host| host.renamed_from.as_ref()).collect();
        kept.retain(|host| {
            !inventory.hosts.contains_key(&host.name) && !renamed.contains(&&host.name)
        });
        Ok((kept, of))
    }

    /// Looks at the file because somebody says so; `now`: and puts in force what it says, also when
    /// it takes out many.
    pub(super) async fn reload(&mut self, now: bool) -> Reloaded {
        let in_force = if now { self.approve().await } else { self.look().await };
        if let Some(in_force) = in_force {
            // Nobody answers only when the server is stopping.
            let _ = timeout(ENGINE_PATIENCE, in_force).await;
        }
        let server = self.live.server();
        let hosts = self.before.as_ref().map_or(0, |inventory| inventory.hosts.len());
        Reloaded { hosts, waiting: server.inventory_waiting, error: server.inventory_error }
    }

    async fn approve(&mut self) -> Option<oneshot::Receiver<()>> {
        match self.watch.read_now() {
            Ok(read) => self.take_up(&read.bytes),
            Err(error) => self.refuse(&crate::causes::chain(&error)),
        }
        if let Some(waiting) = &mut self.waiting {
            waiting.is_approved = true;
        }
        self.put_in_force().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_two_and_more_than_a_tenth_are_many() {
        let is_large = |gone, of| Removal { gone, of }.is_large();
        assert!(!is_large(2, 2) && !is_large(10, 100) && !is_large(0, 0));
        assert!(is_large(3, 3) && is_large(11, 100) && is_large(1_000, 9_999));
    }

    #[test]
    fn a_file_that_changes_rests_from_the_beginning() {
        let at = |secs| Mono(Duration::from_secs(secs));
        let text = b"[[host]]\nname = \"a\"\n";
        let inventory = inventory::parse_bytes("hosts.toml", text).unwrap();
        let mut waiting = Waiting::new(inventory, text, at(100)).having_rested(REST / 2);
        assert!(!waiting.has_rested(at(104)) && waiting.has_rested(at(105)));
        waiting.rest_anew(at(104));
        assert!(!waiting.has_rested(at(113)) && waiting.has_rested(at(114)));
        waiting.is_approved = true;
        assert!(waiting.has_rested(at(104)));
    }
}
