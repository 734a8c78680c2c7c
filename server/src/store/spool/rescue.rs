//! The spool's file was removed or replaced while it was open: its rows, which are nowhere else, go from
//! the file that is still open into the one that is at the path.

use rusqlite::Error;

use super::{Slot, file::SpoolFile, memory::SpoolTarget};
use crate::{
    store::{StoreError, stamp::FileChange},
    units::WallMs,
};

/// Rows that are moved in one transaction.
const ROWS: usize = 500;

impl Slot {
    /// Sees to it that the open file is the one at the path.
    pub(super) fn rescue(&mut self) -> Result<(), StoreError> {
        let Some(fate) = self.file.as_ref().and_then(SpoolFile::fate) else { return Ok(()) };
        let path = self.path.display();
        tracing::error!(
            "the spool {path} {}: its rows go into the one that is there now",
            fate.words()
        );
        let Some(mut old) = self.file.take() else { return Ok(()) };
        if fate == FileChange::Torn {
            // Closing it takes the journal into the file; it is opened again when it is needed.
            return Ok(());
        }
        let moved = self.rescued(&mut old);
        let (file, result) = match moved {
            Ok(new) => (new, Ok(())),
            // Tried again with what is done next: the rows are nowhere else.
            Err(error) => (old, Err(error)),
        };
        self.file = Some(file);
        result
    }

    fn rescued(&mut self, old: &mut SpoolFile) -> Result<SpoolFile, StoreError> {
        old.remove_rest()?;
        self.opened += 1;
        let whose = SpoolTarget { address: &self.store, identity: self.identity.as_deref() };
        let mut new = SpoolFile::open(&self.path, whose, self.max_bytes, self.opened)?;
        if let Some(registry) = old.recall()? {
            new.remember(&registry)?;
            let pauses: Vec<_> =
                registry.pauses.iter().map(|(host, pause)| (*host, Some(pause.clone()))).collect();
            new.remember_pauses(&pauses)?;
            new.remember_alarms(&registry.alarms)?;
        }
        new.remember_marks(&old.recall_marks()?)?;
        let now = now(old).map_err(old.failed("read its clock"))?;
        loop {
            let page = old.page(ROWS, now)?;
            if page.is_empty() {
                return Ok(new);
            }
            new.append(&page.batch, now)?;
            old.acknowledge(&page.ids)?;
        }
    }
}

/// The moment, by SQLite's clock.
fn now(file: &SpoolFile) -> Result<WallMs, Error> {
    file.connection
        .query_row("SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)", [], |row| row.get(0))
        .map(WallMs)
}
