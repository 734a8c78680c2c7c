//! What the router knows, on the disk: written before anything is sent, read at the start.

use std::{collections::BTreeMap, sync::Arc};

use super::OutboxWorker;
use crate::{
    error_report::error_chain,
    route::{Router, Row, RowKey},
    units::Now,
};

/// What is to be kept and is not yet, by key; none: it is gone.
pub(super) type Unkept = BTreeMap<String, Option<String>>;

impl OutboxWorker {
    /// Goes on where the process before this one was.
    pub(super) async fn restore(&mut self, now: Now) {
        let own = match &self.parts.spool {
            Some(spool) => spool.routes().await,
            None => Ok(Vec::new()),
        };
        let rows = match own {
            // Nothing on this disk: another server may have been in charge.
            Ok(rows) if rows.is_empty() => self.parts.store.routes().await,
            own => own,
        };
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) => {
                let error = error_chain(&error);
                tracing::error!(error, "what was told before cannot be read: it is told again");
                return;
            }
        };
        let all = rows.len();
        let rows: Vec<Row> = rows.iter().filter_map(|row| serde_json::from_str(row).ok()).collect();
        if rows.len() < all {
            let unread = all - rows.len();
            tracing::warn!(unread, "rows of what was told before are of another version");
        }
        let routes = Arc::clone(&self.in_force.alerting.routes);
        self.router = Router::restore(routes, rows, now.wall);
        let all = self.router.take_all();
        let all: Vec<_> =
            all.into_iter().filter_map(|(key, row)| written(&key, Some(&row))).collect();
        self.note_for_copy(&all);
    }

    /// Has what changed on the disk. When that cannot be, it is told all the same: better told twice than
    /// not; it is kept with the next change.
    pub(super) async fn keep(&mut self) {
        let changed = self.router.take_changed();
        self.unkept.extend(changed.iter().filter_map(|(key, row)| written(key, row.as_ref())));
        if self.unkept.is_empty() {
            return;
        }
        let rows: Vec<_> = self.unkept.iter().map(|(k, row)| (k.clone(), row.clone())).collect();
        self.note_for_copy(&rows);
        let Some(spool) = &self.parts.spool else {
            self.unkept.clear();
            return;
        };
        match spool.keep_routes(rows.into()).await {
            Ok(()) => {
                self.unkept.clear();
                self.is_unkept = false;
            }
            Err(error) if !std::mem::replace(&mut self.is_unkept, true) => {
                let error = error_chain(&error);
                tracing::error!(
                    error,
                    "what was told is not kept: after a restart it may be told again"
                );
            }
            Err(_) => {}
        }
    }
}

/// Key and row as they are kept; none when they cannot be.
fn written(key: &RowKey, row: Option<&Row>) -> Option<(String, Option<String>)> {
    let written = serde_json::to_string(key)
        .and_then(|key| Ok((key, row.map(serde_json::to_string).transpose()?)));
    written
        .inspect_err(|error| tracing::error!(%error, "what was told cannot be written down"))
        .ok()
}
