//! Rows leave the spool once the store has them, and give their room back.

use std::ops::RangeInclusive;

use rusqlite::{Error, TransactionBehavior};

use super::{
    super::{form::Other, memory},
    Ids, MUCH_FREE, REMOVING, SpoolFile,
    rows::delete,
};
use crate::store::StoreError;

impl SpoolFile {
    /// Takes out the rows of a page that the store has: they never come again, also where they
    /// cannot be deleted now.
    pub(in crate::store::spool) fn acknowledge(&mut self, ids: &Ids) -> Result<(), StoreError> {
        if ids.generation != self.generation {
            return Ok(());
        }
        self.acknowledged.0 = self.acknowledged.0.max(*ids.polls.end());
        self.acknowledged.1 = self.acknowledged.1.max(*ids.others.end());
        let (polls, others) = self.acknowledged;
        self.remove(0..=polls, 0..=others)
    }

    /// Takes out rows that the store has after all.
    pub(in crate::store::spool) fn take_back(&mut self, ids: &Ids) -> Result<(), StoreError> {
        if ids.generation != self.generation {
            return Ok(());
        }
        self.remove(ids.polls.clone(), ids.others.clone())
    }

    /// Drops what was decided, and what is remembered.
    pub(in crate::store::spool) fn supersede(&mut self) -> Result<u64, StoreError> {
        let failed = self.failed(REMOVING);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let mut decided = Vec::new();
        {
            let mut all = transaction.prepare("SELECT id, data FROM other").map_err(&failed)?;
            let mut rows = all.query([]).map_err(&failed)?;
            while let Some(row) = rows.next().map_err(&failed)? {
                let data: String = row.get(1).map_err(&failed)?;
                // What cannot be read is said by whoever reads it to keep it.
                if serde_json::from_str::<Other>(&data).is_ok_and(|other| other.is_decision()) {
                    decided.push(row.get::<_, i64>(0).map_err(&failed)?);
                }
            }
        }
        let mut bytes = 0;
        for id in &decided {
            bytes += delete(&transaction, "other", &(*id..=*id)).map_err(&failed)?.1;
        }
        memory::forget(&transaction).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        let rows = u64::try_from(decided.len()).unwrap_or(u64::MAX);
        self.held.others = self.held.others.saturating_sub(rows);
        self.held.bytes = self.held.bytes.saturating_sub(bytes);
        Ok(rows)
    }

    fn remove(
        &mut self,
        polls: RangeInclusive<i64>,
        others: RangeInclusive<i64>,
    ) -> Result<(), StoreError> {
        let failed = self.failed(REMOVING);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let gone = delete(&transaction, "poll", &polls).map_err(&failed)?;
        let also = delete(&transaction, "other", &others).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        self.held.polls = self.held.polls.saturating_sub(gone.0);
        self.held.others = self.held.others.saturating_sub(also.0);
        self.held.bytes = self.held.bytes.saturating_sub(gone.1 + also.1);
        self.look_at_oldest().map_err(&failed)?;
        if self.held.polls + self.held.others == 0 {
            self.shrink().map_err(failed)?;
        }
        Ok(())
    }

    /// Gives the room of a long outage back.
    fn shrink(&mut self) -> Result<(), Error> {
        let number = |pragma| self.connection.pragma_query_value(None, pragma, |row| row.get(0));
        let free: i64 = number("freelist_count")?;
        let page: i64 = number("page_size")?;
        if free.unsigned_abs() * page.unsigned_abs() < MUCH_FREE {
            return Ok(());
        }
        // One row for each page: it goes on only while they are read.
        let mut vacuum = self.connection.prepare("PRAGMA incremental_vacuum")?;
        let mut pages = vacuum.query([])?;
        while pages.next()?.is_some() {}
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    /// Takes the journal into the file and empties it: on a full disk that is room.
    pub(in crate::store::spool) fn fold(&self) {
        let folded = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = folded {
            tracing::debug!(%error, "the spool's journal stays as it is");
        }
    }
}
