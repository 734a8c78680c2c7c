//! The table `inventory_version`: what was in force when.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::fault::fault;
use crate::{
    model::VersionId,
    store::{LoadedInventory, StoreError},
};

/// Keeps an inventory, unless it is the newest one again.
pub(super) fn record(
    connection: &mut Connection,
    loaded: &LoadedInventory,
) -> Result<VersionId, StoreError> {
    let failed = fault(connection, "keep an inventory");
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    let newest = transaction
        .query_row("SELECT id, hash FROM inventory_version ORDER BY id DESC LIMIT 1", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })
        .optional()
        .map_err(&failed)?;
    let id = match newest {
        Some((id, hash)) if hash == loaded.hash => id,
        _ => {
            transaction
                .execute(
                    "INSERT INTO inventory_version (loaded_at_ms, hash, source, hosts, content)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![
                        loaded.at.0,
                        loaded.hash,
                        loaded.source,
                        i64::try_from(loaded.hosts).unwrap_or(i64::MAX),
                        loaded.text
                    ],
                )
                .map_err(&failed)?;
            transaction.last_insert_rowid()
        }
    };
    transaction.commit().map_err(&failed)?;
    Ok(VersionId(id))
}
