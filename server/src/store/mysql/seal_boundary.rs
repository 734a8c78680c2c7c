//! The row of the table `seal`: where sealed history ends, and who seals.
//!
//! Whoever keeps polls holds it shared until its transaction ends; whoever moves it holds it
//! exclusively. So a poll lies on the side of the seal boundary on which its writer saw it.

use std::sync::LazyLock;

use mysql_async::{Conn, IsolationLevel, Row, Transaction, TxOpts, Value, prelude::Queryable};

use super::{
    cells::RowReader,
    fault::{self, Place},
    moment,
    nodes::{self, TAKES_ROWS},
    owner::WriteLease,
};
use crate::{
    model::HostId,
    store::{Span, StoreError},
    units::WallMs,
};

/// Where sealed history ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SealBoundary {
    /// Polls due before this are in `poll_hour`, others in `poll`.
    pub(super) before: WallMs,
    /// Hours before this are being sealed: who adds to one of them says so.
    pub(super) sealing: WallMs,
    /// Who seals: the last that began.
    pub(super) epoch: u64,
    /// Polls due before this may be in a summary: who keeps one says that it is late.
    pub(super) summarised: WallMs,
}

impl SealBoundary {
    /// The parts of a span on its two sides: what is sealed, what is not. Either may be empty.
    pub(super) fn split(&self, span: Span) -> (Span, Span) {
        let sealed = Span { from: span.from, to: span.to.min(self.before) };
        (sealed, Span { from: span.from.max(self.before), to: span.to })
    }
}

/// How often polls are read again because a day was made or dropped meanwhile.
const READS: usize = 5;

/// Reads, again where a day was made or dropped meanwhile.
pub(super) async fn again<T, F: Future<Output = Result<T, StoreError>>>(
    read: impl Fn() -> F,
) -> Result<T, StoreError> {
    for _ in 1..READS {
        match read().await {
            Err(error) if fault::table_changed(&error) => {}
            other => return other,
        }
    }
    read().await
}

/// One moment's view of the seal boundary and of both sides.
pub(super) struct ConsistentRead<'a> {
    pub(super) transaction: Transaction<'a>,
    pub(super) boundary: SealBoundary,
}

impl<'a> ConsistentRead<'a> {
    pub(super) async fn begin(conn: &'a mut Conn, place: &Place) -> Result<Self, StoreError> {
        let mut options = TxOpts::default();
        options.with_consistent_snapshot(true);
        options.with_isolation_level(IsolationLevel::RepeatableRead);
        let begun = conn.start_transaction(options).await;
        let mut transaction = begun.map_err(place.fault("read polls"))?;
        let boundary = read(&mut transaction, Hold::No, place).await?;
        Ok(Self { transaction, boundary })
    }

    pub(super) async fn end(self, place: &Place) -> Result<(), StoreError> {
        self.transaction.commit().await.map_err(place.fault("read polls"))
    }
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

/// Where polls may be kept, and by which server.
#[derive(Debug, Clone, Copy)]
pub(super) struct WriteTarget<'a> {
    /// What the database is known by.
    pub(super) identity: &'a str,
    /// The right to write to it.
    pub(super) held: Option<&'a WriteLease>,
}

/// What tells whether a server may be written to: the database that it has, how often the right to write
/// was taken, and whether it takes rows. A user with every right writes to a read-only replica, too.
static WHOSE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "(SELECT store FROM identity WHERE id = 1),
         (SELECT CAST(epoch AS SIGNED) FROM server WHERE id = 1), {TAKES_ROWS}"
    )
});

/// The columns of the row.
const SEAL: &str = "sealed_before, sealing, epoch, summarised_before";

/// How many these are.
const WIDTH: usize = 4;

/// The same, with the row that is then held.
static HELD: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT {SEAL}, {} FROM seal WHERE id = 1 LOCK IN SHARE MODE", *WHOSE)
});

impl WriteTarget<'_> {
    /// Commits what was written, if this server still has the right to write. That is found out last, so
    /// that no other write waits for the row for long.
    pub(super) async fn commit(
        self,
        mut transaction: Transaction<'_>,
        doing: &'static str,
        place: &Place,
    ) -> Result<(), StoreError> {
        let beat = match self.held {
            Some(held) => Some((held, held.fence(&mut transaction).await?)),
            None => None,
        };
        transaction.commit().await.map_err(place.fault(doing))?;
        if let Some((held, sent)) = beat {
            held.beaten(sent);
        }
        Ok(())
    }

    /// Refuses, by the columns from `first` on, to write to another database than the one that was opened:
    /// behind the same address there may be another one at every new connection, and its hosts have other
    /// numbers. And to a replica, and when another server has taken over.
    fn check(&self, cells: &RowReader<'_>, first: usize, place: &Place) -> Result<(), StoreError> {
        nodes::must_take_rows(cells.int(first + 2)? == Some(1), place)?;
        if cells.text(first)? != Some(self.identity) {
            return Err(StoreError::Replaced { location: place.location.clone() });
        }
        match self.held {
            Some(held) => held.check(cells.int(first + 1)?.map(i64::unsigned_abs)),
            None => Ok(()),
        }
    }
}

/// Refuses as [`hold`] does, and holds nothing.
pub(super) async fn may_write(
    conn: &mut Conn,
    only: WriteTarget<'_>,
    place: &Place,
) -> Result<(), StoreError> {
    let cells = row(conn, &format!("SELECT {}", *WHOSE), place).await?;
    only.check(&cells, 0, place)
}

/// Reads the row and holds it shared, for whoever keeps polls in this transaction, where they may be kept.
pub(super) async fn hold(
    transaction: &mut Transaction<'_>,
    only: WriteTarget<'_>,
    place: &Place,
) -> Result<SealBoundary, StoreError> {
    let cells = row(transaction, &HELD, place).await?;
    only.check(&cells, WIDTH, place)?;
    seam_of(&cells)
}

/// Reads the row.
pub(super) async fn read(
    conn: &mut impl Queryable,
    hold: Hold,
    place: &Place,
) -> Result<SealBoundary, StoreError> {
    let hold = match hold {
        Hold::No => "",
        Hold::Shared => " LOCK IN SHARE MODE",
        Hold::Alone => " FOR UPDATE",
    };
    let sql = format!("SELECT {SEAL} FROM seal WHERE id = 1{hold}");
    seam_of(&row(conn, &sql, place).await?)
}

async fn row<'a>(
    conn: &mut impl Queryable,
    sql: &str,
    place: &'a Place,
) -> Result<RowReader<'a>, StoreError> {
    let row: Option<Row> =
        conn.exec_first(sql, ()).await.map_err(place.fault("read the seal boundary"))?;
    let row = row.ok_or_else(|| place.corrupt("the table seal", "it has no row".to_owned()))?;
    Ok(RowReader::new(row, place, "the seal boundary"))
}

fn seam_of(cells: &RowReader<'_>) -> Result<SealBoundary, StoreError> {
    Ok(SealBoundary {
        before: cells.required_moment(0)?,
        sealing: cells.required_moment(1)?,
        epoch: cells.required_int(2)?.unsigned_abs(),
        summarised: cells.required_moment(3)?,
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
