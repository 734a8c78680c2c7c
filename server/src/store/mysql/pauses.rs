//! The table `pause`: which hosts operators want left alone.

use mysql_async::{Conn, Row, Value, prelude::Queryable as _};

use super::{cells::RowReader, fault::Place, moment, pools::Pools};
use crate::{health::Pause, model::HostId, store::StoreError};

/// Keeps a pause in the place of any other of that host, or forgets it.
pub(super) async fn set(
    conn: &mut Conn,
    host: HostId,
    pause: Option<&Pause>,
    place: &Place,
) -> Result<(), StoreError> {
    let done = match pause {
        Some(Pause { since, until, reason }) => {
            let params = vec![
                Value::Int(host.0),
                moment::datetime(*since),
                until.map_or(Value::NULL, moment::datetime),
                (&**reason).into(),
            ];
            conn.exec_drop(
                "INSERT INTO pause (host_id, since, until, reason) VALUES (?, ?, ?, ?)
                 ON DUPLICATE KEY UPDATE since = VALUES(since), until = VALUES(until),
                   reason = VALUES(reason)",
                params,
            )
            .await
        }
        None => conn.exec_drop("DELETE FROM pause WHERE host_id = ?", (host.0,)).await,
    };
    done.map_err(place.fault("keep a pause"))
}

/// Every pause that is kept.
pub(super) async fn read(pools: &Pools) -> Result<Vec<(HostId, Pause)>, StoreError> {
    let mut conn = pools.reader().await?;
    let rows: Vec<Row> = conn
        .exec("SELECT host_id, since, until, reason FROM pause ORDER BY host_id", ())
        .await
        .map_err(pools.place.fault("read pauses"))?;
    let from_row = |row: Row| {
        let cells = RowReader::new(row, &pools.place, "a pause");
        let host = HostId(cells.required_int(0)?);
        let (since, until) = (cells.required_moment(1)?, cells.moment(2)?);
        Ok((host, Pause { since, until, reason: cells.required_text(3)?.into() }))
    };
    rows.into_iter().map(from_row).collect()
}
