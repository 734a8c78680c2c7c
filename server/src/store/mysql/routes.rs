//! The table `route_state`: who was told of what, for a server that takes over.

use std::fmt::Write as _;

use mysql_async::{Conn, TxOpts, prelude::Queryable as _};
use sha2::{Digest as _, Sha256};

use super::{fault::Place, pools::Pools, seal_boundary::WriteTarget};
use crate::store::{RouteRows, StoreError};

const KEEPING: &str = "keep who was told";

/// Keeps rows, in one transaction, for the server that is in charge.
pub(super) async fn keep(
    conn: &mut Conn,
    rows: &RouteRows,
    only: WriteTarget<'_>,
    place: &Place,
) -> Result<(), StoreError> {
    let fault = place.fault(KEEPING);
    let mut transaction = conn.start_transaction(TxOpts::default()).await.map_err(&fault)?;
    if rows.are_all {
        transaction.query_drop("DELETE FROM route_state").await.map_err(&fault)?;
    }
    for (key, data) in &rows.rows {
        let id = id(key);
        let done = match data {
            Some(data) => {
                let row = "INSERT INTO route_state (id, data) VALUES (?, ?)
                           ON DUPLICATE KEY UPDATE data = VALUES(data)";
                transaction.exec_drop(row, (id, data)).await
            }
            None => transaction.exec_drop("DELETE FROM route_state WHERE id = ?", (id,)).await,
        };
        done.map_err(&fault)?;
    }
    only.commit(transaction, KEEPING, place).await
}

/// All rows.
pub(super) async fn read(pools: &Pools) -> Result<Vec<String>, StoreError> {
    let mut conn = pools.reader().await?;
    conn.query("SELECT data FROM route_state ORDER BY id")
        .await
        .map_err(pools.place.fault("read who was told"))
}

fn id(key: &str) -> String {
    Sha256::digest(key).iter().fold(String::new(), |mut id, byte| {
        // A string takes whatever is written to it.
        let _ = write!(id, "{byte:02x}");
        id
    })
}
