//! One server writes to a database: a row that says which, until when, and how often it was taken. Two
//! that poll the same fleet into one database would take each other's slots.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mysql_async::{Conn, Params, prelude::Queryable as _};
use tokio::time::sleep;

use super::{
    connect::within,
    fault,
    lease::change,
    nodes::{self, TAKES_ROWS},
    pools::Pools,
    worker,
};
use crate::store::{Owner, StoreError};

/// For how long the row is held, seconds; renewed three times as often. What a server that was killed
/// costs another one that takes its place; the same one has it back at once.
const HELD_S: u64 = 15;

/// How often to look whether it has lapsed.
const LOOK: Duration = Duration::from_millis(500);

const DOING: &str = "take the database for this server";

/// The right to write. It is lost to another server once it has lapsed.
#[derive(Debug, Clone)]
pub(super) struct WriteLease {
    pools: Arc<Pools>,
    owner: Owner,
    epoch: Arc<AtomicU64>,
}

/// What the row says.
struct OwnerRow {
    owner: String,
    words: String,
    epoch: u64,
    has_lapsed: bool,
    expires: String,
}

async fn see(conn: &mut Conn, pools: &Pools) -> Result<Option<OwnerRow>, StoreError> {
    let sql = format!(
        "SELECT owner, words, epoch, expires < UTC_TIMESTAMP(3), CAST(expires AS CHAR), {TAKES_ROWS}
         FROM server WHERE id = 1"
    );
    let row: Option<(String, String, u64, bool, String, bool)> =
        conn.query_first(sql).await.map_err(pools.place.fault(DOING))?;
    let takes_rows = row.as_ref().is_none_or(|(.., takes_rows)| *takes_rows);
    nodes::must_take_rows(takes_rows, &pools.place)?;
    Ok(row.map(|(owner, words, epoch, has_lapsed, expires, _)| OwnerRow {
        owner,
        words,
        epoch,
        has_lapsed,
        expires,
    }))
}

impl WriteLease {
    /// Takes the row: at once when it is free or this owner's already; one that is another's once it
    /// has lapsed. While that one renews it, it is refused.
    pub(super) async fn take(pools: Arc<Pools>, owner: Owner) -> Result<Self, StoreError> {
        let held = Self { pools, owner, epoch: Arc::default() };
        let mut first_seen = None;
        loop {
            let mut conn = held.pools.writer(DOING).await?;
            let Some(seen) = see(&mut conn, &held.pools).await? else {
                held.begin(&mut conn).await?;
                continue;
            };
            if (seen.has_lapsed || seen.owner == *held.owner.id)
                && held.swap(&mut conn, seen.epoch).await?
            {
                return Ok(held);
            }
            let first = first_seen.get_or_insert_with(|| (seen.epoch, seen.expires.clone()));
            if *first != (seen.epoch, seen.expires.clone()) {
                return Err(held.refused(&seen));
            }
            drop(conn);
            sleep(LOOK).await;
        }
    }

    /// Makes the row, free, where there is none.
    async fn begin(&self, conn: &mut Conn) -> Result<(), StoreError> {
        let row = "INSERT INTO server (id, owner, words, epoch, expires) VALUES (1, '', '', 0, '2000-01-01')
                   ON DUPLICATE KEY UPDATE id = VALUES(id)";
        change(conn, row, Params::Empty).await.map_err(self.pools.place.fault(DOING))
    }

    /// Takes the row as it was seen; false when somebody else was first.
    async fn swap(&self, conn: &mut Conn, seen: u64) -> Result<bool, StoreError> {
        let swapped = conn
            .exec_drop(
                "UPDATE server SET owner = ?, words = ?, epoch = epoch + 1,
                   expires = UTC_TIMESTAMP(3) + INTERVAL ? SECOND WHERE id = 1 AND epoch = ?",
                (&*self.owner.id, &self.owner.words, HELD_S, seen),
            )
            .await
            .map_err(self.pools.place.fault(DOING));
        match swapped {
            Err(error) if fault::is_collision(&error) => return Ok(false),
            other => other?,
        }
        let won = conn.affected_rows() == 1;
        if won {
            self.epoch.store(seen + 1, Ordering::Relaxed);
        }
        Ok(won)
    }

    fn refused(&self, by: &OwnerRow) -> StoreError {
        StoreError::InUse {
            location: self.pools.place.location.clone(),
            holder: by.words.clone(),
            expires: by.expires.clone(),
        }
    }

    /// Refuses when the row says that somebody else has taken over by now.
    pub(super) fn check(&self, epoch: Option<u64>) -> Result<(), StoreError> {
        if epoch == Some(self.epoch.load(Ordering::Relaxed)) {
            return Ok(());
        }
        Err(StoreError::InUse {
            location: self.pools.place.location.clone(),
            holder: "a server that has taken over while this one was away".to_owned(),
            expires: "it ends".to_owned(),
        })
    }

    /// Renews it for as long as the store is open, and takes it again once whoever took over is gone. A
    /// database that is away is no reason to give it up.
    pub(super) async fn renew(self) {
        let third = Duration::from_secs(HELD_S) / 3;
        loop {
            sleep(third).await;
            // In a task of its own: a fault in the driver ends that one, and the next is tried. A server
            // that says nothing must not hold up the next try either, which may be with another one.
            let held = self.clone();
            let renewing = tokio::spawn(async move { within(third, held.renew_once()).await });
            let renewed = renewing.await.unwrap_or_else(|error| Err(worker::ended(error)));
            if let Err(error) = renewed {
                self.pools.doubt(&error);
                tracing::debug!(error = error.with_causes(), "the database is not held");
            }
        }
    }

    pub(super) async fn renew_once(&self) -> Result<(), StoreError> {
        let mut conn = self.pools.writer(DOING).await?;
        let ours = self.epoch.load(Ordering::Relaxed);
        match see(&mut conn, &self.pools).await? {
            Some(seen) if seen.epoch == ours => conn
                .exec_drop(
                    "UPDATE server SET expires = UTC_TIMESTAMP(3) + INTERVAL ? SECOND
                     WHERE id = 1 AND epoch = ?",
                    (HELD_S, ours),
                )
                .await
                .map_err(self.pools.place.fault(DOING)),
            Some(seen) if seen.has_lapsed => self.swap(&mut conn, seen.epoch).await.map(drop),
            Some(seen) => Err(self.refused(&seen)),
            None => self.begin(&mut conn).await,
        }
    }

    /// Lets go, so that another one need not wait.
    pub(super) async fn release(&self) -> Result<(), StoreError> {
        let mut conn = self.pools.writer(DOING).await?;
        conn.exec_drop(
            "UPDATE server SET expires = '2000-01-01' WHERE id = 1 AND epoch = ?",
            (self.epoch.load(Ordering::Relaxed),),
        )
        .await
        .map_err(self.pools.place.fault(DOING))
    }
}
