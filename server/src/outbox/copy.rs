//! What the router knows, in the store too: for another server that takes over. It is on the disk before
//! anything is sent, and in the store soon after: telling never waits for that.

use std::{future::Future, pin::Pin, sync::Arc};

use futures_util::StreamExt as _;

use super::{OutboxWorker, around::LOOK, kept::Unkept};
use crate::{
    store::{RouteRows, StoreError},
    units::Mono,
};

/// How many rows are written at once.
const ROWS: usize = 500;

/// What is not in the store yet.
#[derive(Debug)]
pub(super) struct Copy {
    missing: Unkept,
    /// What the store has is of somebody else, or older.
    begins: bool,
    /// It is under way.
    is_busy: bool,
    /// The store is not tried before.
    not_before: Mono,
}

impl Default for Copy {
    fn default() -> Self {
        Self { missing: Unkept::new(), begins: true, is_busy: false, not_before: Mono::default() }
    }
}

/// A write that has ended.
pub(super) struct Copied {
    rows: RouteRows,
    result: Result<(), StoreError>,
}

pub(super) type Copying = Pin<Box<dyn Future<Output = Copied> + Send>>;

impl OutboxWorker {
    /// These changed.
    pub(super) fn note_for_copy(&mut self, rows: &[(String, Option<String>)]) {
        self.copy.missing.extend(rows.iter().cloned());
    }

    /// Writes what the store lacks, one part at a time.
    pub(super) fn copy(&mut self, now: Mono) {
        let copy = &mut self.copy;
        if copy.is_busy || copy.not_before > now || (copy.missing.is_empty() && !copy.begins) {
            return;
        }
        let mut rows = Vec::new();
        while rows.len() < ROWS
            && let Some(row) = copy.missing.pop_first()
        {
            rows.push(row);
        }
        let rows = RouteRows { rows, are_all: std::mem::take(&mut copy.begins) };
        copy.is_busy = true;
        let store = Arc::clone(&self.parts.store);
        self.copying.push(Box::pin(async move {
            let result = store.keep_routes(Arc::new(rows.clone())).await;
            Copied { rows, result }
        }));
    }

    /// Writes all that the store lacks, unless it takes none.
    pub(super) async fn copy_all(&mut self) {
        loop {
            if self.is_used() {
                self.copy(self.parts.clock.now().mono);
            }
            let Some(copied) = self.copying.next().await else { return };
            self.copied(copied, self.parts.clock.now().mono);
        }
    }

    /// Takes in how a write ended: what was not kept comes again, unless it has changed since.
    pub(super) fn copied(&mut self, Copied { rows, result }: Copied, now: Mono) {
        let copy = &mut self.copy;
        copy.is_busy = false;
        if let Err(error) = result {
            tracing::debug!(error = error.with_causes(), "who was told is not in the store yet");
            copy.begins |= rows.are_all;
            copy.not_before = now.plus(LOOK);
            for (key, row) in rows.rows {
                copy.missing.entry(key).or_insert(row);
            }
        }
    }
}
