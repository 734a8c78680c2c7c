//! The row of the table `seal`: where sealed history ends, and who seals.
//!
//! Whoever keeps polls holds it shared until its transaction ends; whoever moves it holds it
//! exclusively. So a poll lies on the side of the seam on which its writer saw it.

use mysql_async::{Row, Value, prelude::Queryable};

use super::{cells::Cells, fault::Place, moment};
use crate::{model::HostId, store::StoreError, units::WallMs};

/// Where sealed history ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seam {
    /// Polls due before this are in `poll_hour`, others in `poll`.
    pub(super) before: WallMs,
    /// Hours before this are being sealed: who adds to one of them says so.
    pub(super) sealing: WallMs,
    /// Who seals: the last that began.
    pub(super) epoch: u64,
}

/// How the row is held until the end of the transaction.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hold {
    /// Not at all.
    No,
    /// It stays as it is.
    Shared,
    /// It is about to be moved.
    Alone,
}

/// Reads the row.
pub(super) async fn read(
    conn: &mut impl Queryable,
    hold: Hold,
    place: &Place,
) -> Result<Seam, StoreError> {
    let sql = match hold {
        Hold::No => "SELECT sealed_before, sealing, epoch FROM seal WHERE id = 1",
        Hold::Shared => {
            "SELECT sealed_before, sealing, epoch FROM seal WHERE id = 1 LOCK IN SHARE MODE"
        }
        Hold::Alone => "SELECT sealed_before, sealing, epoch FROM seal WHERE id = 1 FOR UPDATE",
    };
    let row: Option<Row> = conn.exec_first(sql, ()).await.map_err(place.fault("read the seam"))?;
    let row = row.ok_or_else(|| place.corrupt("the table seal", "it has no row".to_owned()))?;
    let cells = Cells::new(row, place, "the seam");
    Ok(Seam {
        before: cells.required_moment(0)?,
        sealing: cells.required_moment(1)?,
        epoch: cells.required_int(2)?.unsigned_abs(),
    })
}

/// Notes, in the transaction that keeps them, that polls came into hours that are being sealed.
pub(super) async fn note_late(
    conn: &mut impl Queryable,
    late: impl IntoIterator<Item = (HostId, WallMs)>,
    place: &Place,
) -> Result<(), StoreError> {
    for (host, hour) in late {
        conn.exec_drop(
            "INSERT INTO seal_late (host_id, hour) VALUES (?, ?)
             ON DUPLICATE KEY UPDATE host_id = VALUES(host_id)",
            vec![Value::Int(host.0), moment::datetime(hour)],
        )
        .await
        .map_err(place.fault("note late polls"))?;
    }
    Ok(())
}
