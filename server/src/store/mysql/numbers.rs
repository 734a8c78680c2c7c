//! The numbers of hosts, which are given once: also in a database that was restored from before some came.

use mysql_async::{Conn, prelude::Queryable as _};

use super::fault::Place;
use crate::{model::HostId, store::StoreError};

/// Leaves the numbers up to this one to those who had them.
pub(super) async fn keep(conn: &mut Conn, up_to: HostId, place: &Place) -> Result<(), StoreError> {
    let fault = place.fault("keep the numbers of hosts");
    let newest: Option<i64> =
        conn.query_first("SELECT COALESCE(MAX(id), 0) FROM host").await.map_err(&fault)?;
    if newest.is_some_and(|newest| newest >= up_to.0) {
        return Ok(());
    }
    let next = up_to.0.saturating_add(1);
    conn.query_drop(format!("ALTER TABLE host AUTO_INCREMENT = {next}")).await.map_err(fault)
}
