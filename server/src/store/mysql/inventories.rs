//! The table `inventory_version`: what was in force when.

use mysql_async::{Conn, TxOpts, Value, prelude::Queryable as _};

use super::{fault::Place, moment};
use crate::{
    model::VersionId,
    store::{LoadedInventory, StoreError},
};

/// Keeps an inventory, unless it is the newest one again.
pub(super) async fn record(
    conn: &mut Conn,
    loaded: &LoadedInventory,
    place: &Place,
) -> Result<VersionId, StoreError> {
    let fault = place.fault("keep an inventory");
    let mut transaction = conn.start_transaction(TxOpts::default()).await.map_err(&fault)?;
    let newest: Option<(i64, String)> = transaction
        .query_first("SELECT id, hash FROM inventory_version ORDER BY id DESC LIMIT 1 FOR UPDATE")
        .await
        .map_err(&fault)?;
    let id = match newest {
        Some((id, hash)) if hash == loaded.hash => id,
        _ => {
            transaction
                .exec_drop(
                    "INSERT INTO inventory_version (loaded_at, hash, source, hosts, content)
                     VALUES (?, ?, ?, ?, ?)",
                    vec![
                        moment::datetime(loaded.at),
                        loaded.hash.as_str().into(),
                        loaded.source.as_str().into(),
                        Value::UInt(u64::try_from(loaded.hosts).unwrap_or(u64::MAX)),
                        loaded.text.as_str().into(),
                    ],
                )
                .await
                .map_err(&fault)?;
            let id = transaction.last_insert_id().unwrap_or(0);
            i64::try_from(id).unwrap_or(i64::MAX)
        }
    };
    transaction.commit().await.map_err(&fault)?;
    Ok(VersionId(id))
}
