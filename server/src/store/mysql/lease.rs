//! One at a time changes the schema: a row that says who, until when, and how often it was taken.
//!
//! Not GET_LOCK(), which a Galera cluster grants on two nodes at once: a compare-and-swap on a row
//! is decided by the same certification as any other write, and whoever lost it has no epoch.

use std::{sync::Arc, time::Duration};

use mysql_async::{Conn, Error, Params, prelude::Queryable as _};
use tokio::time::sleep;

use super::{fault, pools::Pools};
use crate::store::StoreError;

/// For how long the lease is taken, seconds; renewed three times as often while work goes on.
const LEASE_S: u64 = 30;

/// How often to look whether another one has let go.
const LOOK: Duration = Duration::from_millis(100);

/// What it is taken for.
const NAME: &str = "schema";

const DOING: &str = "take the lease of the schema";

const TABLE: &str = "CREATE TABLE IF NOT EXISTS lease (
  name    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  holder  BIGINT UNSIGNED,            -- the holder's connection; NULL: free
  epoch   BIGINT UNSIGNED NOT NULL,   -- counts who has held it
  expires DATETIME(3) NOT NULL,       -- by the database's clock
  PRIMARY KEY (name)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

/// How often a statement is tried that others are in the way of; of some it is told after
/// `TABLE_WAIT_S` only.
pub(super) const TRIES: u32 = 10;

/// The wait before the second try; doubled each time, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Makes a change that stands alone and may be made again: again while another transaction, or another
/// node's, is in its way.
///
/// # Errors
/// What the server says in the end.
pub(super) async fn change(conn: &mut Conn, sql: &str, params: Params) -> Result<(), Error> {
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        match try_change(conn, sql, params.clone()).await {
            Err(error) if fault::is_in_the_way(&error) => {}
            other => return other,
        }
        sleep(wait).await;
        wait = LONGEST_WAIT.min(wait * 2);
    }
    try_change(conn, sql, params).await
}

async fn try_change(conn: &mut Conn, sql: &str, params: Params) -> Result<(), Error> {
    match params {
        // Not every statement can be prepared.
        Params::Empty => conn.query_drop(sql).await,
        params => conn.exec_drop(sql, params).await,
    }
}

/// The right to change the schema. It lapses when it is not renewed.
#[derive(Debug)]
pub(super) struct Lease {
    pools: Arc<Pools>,
    holder: u32,
    epoch: u64,
}

impl Lease {
    /// Waits until nobody else holds it, then takes it. The wait is bounded by the caller.
    pub(super) async fn take(pools: &Arc<Pools>, conn: &mut Conn) -> Result<Self, StoreError> {
        let fault = pools.place.fault(DOING);
        change(conn, TABLE, Params::Empty).await.map_err(&fault)?;
        let row =
            "INSERT INTO lease (name, holder, epoch, expires) VALUES (?, NULL, 0, UTC_TIMESTAMP(3))
                   ON DUPLICATE KEY UPDATE name = VALUES(name)";
        change(conn, row, (NAME,).into()).await.map_err(&fault)?;
        let holder = conn.id();
        let mut waits = false;
        loop {
            let seen: Option<u64> = conn
                .exec_first(
                    "SELECT epoch FROM lease
                     WHERE name = ? AND (holder IS NULL OR expires < UTC_TIMESTAMP(3))",
                    (NAME,),
                )
                .await
                .map_err(&fault)?;
            if let Some(seen) = seen {
                let swap = "UPDATE lease SET holder = ?, epoch = epoch + 1,
                       expires = UTC_TIMESTAMP(3) + INTERVAL ? SECOND WHERE name = ? AND epoch = ?";
                let values = (holder, LEASE_S, NAME, seen);
                change(conn, swap, values.into()).await.map_err(&fault)?;
                if conn.affected_rows() == 1 {
                    return Ok(Self { pools: Arc::clone(pools), holder, epoch: seen + 1 });
                }
            }
            if !waits {
                waits = true;
                tracing::info!(
                    "another server changes the schema of {}: waiting until it is done, or has not \
                     been heard for {LEASE_S} s",
                    pools.place.location
                );
            }
            sleep(LOOK).await;
        }
    }

    /// Does the work while the lease is kept; fails when it is lost meanwhile.
    pub(super) async fn during<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let renewing = async {
            loop {
                sleep(Duration::from_secs(LEASE_S / 3)).await;
                let mut conn = self.pools.schema().await?;
                self.renew(&mut conn).await?;
            }
        };
        tokio::select! {
            biased;
            done = work => done,
            lost = renewing => lost,
        }
    }

    /// Takes it for as long again.
    pub(super) async fn renew(&self, conn: &mut Conn) -> Result<(), StoreError> {
        let longer = "UPDATE lease SET expires = UTC_TIMESTAMP(3) + INTERVAL ? SECOND
                      WHERE name = ? AND holder = ? AND epoch = ?";
        let values = (LEASE_S, NAME, self.holder, self.epoch);
        let renewed = change(conn, longer, values.into()).await;
        renewed.map_err(self.pools.place.fault(DOING))?;
        // A row that is set to what it says already is not counted: then look.
        if conn.affected_rows() == 1 || self.is_held(conn).await? {
            return Ok(());
        }
        Err(StoreError::Failed {
            doing: "bring the schema up to date",
            location: self.pools.place.location.clone(),
            cause: "another server has taken over: it took longer than the lease".into(),
        })
    }

    async fn is_held(&self, conn: &mut Conn) -> Result<bool, StoreError> {
        let epoch: Option<u64> = conn
            .exec_first("SELECT epoch FROM lease WHERE name = ?", (NAME,))
            .await
            .map_err(self.pools.place.fault(DOING))?;
        Ok(epoch == Some(self.epoch))
    }

    /// Lets go, so that the next need not wait for the end.
    pub(super) async fn release(self, conn: &mut Conn) -> Result<(), StoreError> {
        let free = "UPDATE lease SET holder = NULL WHERE name = ? AND holder = ? AND epoch = ?";
        let released = change(conn, free, (NAME, self.holder, self.epoch).into()).await;
        released.map_err(self.pools.place.fault(DOING))
    }
}
