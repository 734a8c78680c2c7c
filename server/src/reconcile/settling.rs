//! Whether a file takes out so many hosts that it has to settle, and which hosts are gone.

use std::sync::Arc;

use super::{
    ReconcileError, Reconciler, hosts,
    waiting::{Removal, SETTLE_TIME, Waiting},
};
use crate::{
    inventory::{self, Inventory},
    model::HostName,
    store::{HostQuery, HostSummary, Store as _},
};

impl Reconciler {
    /// Whether an inventory takes out so many hosts that its file has to settle first; then this is
    /// said.
    pub(super) async fn must_settle(
        &mut self,
        waiting: &mut Waiting,
    ) -> Result<bool, ReconcileError> {
        if waiting.has_settled(self.clock.now().mono) {
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
        let Removal { gone, of, .. } = removal;
        let words: Arc<str> = format!(
            "{}: takes out {gone} of {of} hosts: it comes into force once the file has not changed \
             for {} s, or at once with `roundsman reload --now`",
            self.name(),
            SETTLE_TIME.as_secs(),
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

    async fn removal(&mut self, file: &Arc<Inventory>) -> Result<Removal, ReconcileError> {
        let is_empty = file.hosts.is_empty() && file.discoveries.is_empty();
        if self.is_first {
            let (gone, of) = self.gone_while_away(file).await?;
            return Ok(Removal { gone: gone.len(), of, is_empty });
        }
        let Some(before) = &self.before else { return Ok(Removal { gone: 0, of: 0, is_empty }) };
        let gone = inventory::diff(before, &self.hosts.of(file)).retired.len();
        Ok(Removal { gone, of: before.hosts.len(), is_empty })
    }

    /// The hosts of the store that `file` does not have, and of how many they are. The discovered
    /// ones are remembered from here on.
    pub(super) async fn gone_while_away(
        &mut self,
        file: &Arc<Inventory>,
    ) -> Result<(Vec<HostSummary>, usize), ReconcileError> {
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
}
