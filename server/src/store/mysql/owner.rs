//! One server writes to a database: a row that says which, and how often it was taken. Two that poll the
//! same fleet into one database would take each other's slots. When it may be taken: `lease`.

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
    fault::{self, Place},
    lease::change,
    nodes::{self, TAKES_ROWS},
    options::Options,
    pools::Pools,
    worker,
};
use crate::{
    clock::Clock,
    lease::{Beat, Holding, RENEW, Watcher},
    store::{Mode, Owner, StoreError},
    units::Mono,
};

/// How often whoever waits looks at the row.
const LOOK: Duration = Duration::from_millis(500);

/// How long a look or a renewal may take; one that takes longer has failed.
const ANSWER: Duration = Duration::from_secs(3);

const DOING: &str = "take the database for this server";

/// The right to write. It is lost to another server that watched the row stand still.
#[derive(Clone)]
pub(super) struct WriteLease {
    pools: Arc<Pools>,
    clock: Arc<dyn Clock>,
    owner: Owner,
    epoch: Arc<AtomicU64>,
    /// When the last sign of life was sent that was acknowledged, milliseconds of the monotonic clock.
    beaten: Arc<AtomicU64>,
}

impl std::fmt::Debug for WriteLease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WriteLease").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// What the row says.
struct OwnerRow {
    owner: String,
    words: String,
    beat: Beat,
}

async fn see(conn: &mut Conn, pools: &Pools) -> Result<Option<OwnerRow>, StoreError> {
    let sql = format!("SELECT owner, words, epoch, beat, {TAKES_ROWS} FROM server WHERE id = 1");
    let row: Option<(String, String, u64, u64, bool)> =
        conn.query_first(sql).await.map_err(pools.place.fault(DOING))?;
    let takes_rows = row.as_ref().is_none_or(|(.., takes_rows)| *takes_rows);
    nodes::must_take_rows(takes_rows, &pools.place)?;
    Ok(row.map(|(owner, words, epoch, count, _)| OwnerRow {
        owner,
        words,
        beat: Beat { epoch, count },
    }))
}

fn in_use(place: &Place, holder: &str) -> StoreError {
    StoreError::InUse { location: place.location.clone(), holder: holder.to_owned() }
}

impl WriteLease {
    /// Takes the row when it is free, this owner's already, or was watched for long enough. Else it is
    /// another's, and this is refused.
    pub(super) async fn take(
        pools: Arc<Pools>,
        owner: Owner,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let held = Self { pools, clock, owner, epoch: Arc::default(), beaten: Arc::default() };
        loop {
            let mut conn = held.pools.writer(DOING).await?;
            let Some(seen) = see(&mut conn, &held.pools).await? else {
                held.begin(&mut conn).await?;
                continue;
            };
            let is_ours = seen.owner == *held.owner.id;
            if !is_ours && !seen.beat.is_free() && !held.owner.standing.may_take(seen.beat) {
                return Err(in_use(&held.pools.place, &seen.words));
            }
            // Whoever was first meanwhile is seen at the next look.
            let from_another = !is_ours && !seen.owner.is_empty();
            if held.swap(&mut conn, seen.beat, from_another).await? {
                return Ok(held);
            }
        }
    }

    /// Makes the row, free, where there is none.
    async fn begin(&self, conn: &mut Conn) -> Result<(), StoreError> {
        let row = "INSERT INTO server (id, owner, words, epoch, beat) VALUES (1, '', '', 0, 0)
                   ON DUPLICATE KEY UPDATE id = VALUES(id)";
        change(conn, row, Params::Empty).await.map_err(self.pools.place.fault(DOING))
    }

    /// Takes the row as it was seen; false when somebody else was first.
    async fn swap(
        &self,
        conn: &mut Conn,
        seen: Beat,
        from_another: bool,
    ) -> Result<bool, StoreError> {
        let sent = self.clock.now().mono;
        let swapped = conn
            .exec_drop(
                "UPDATE server SET owner = ?, words = ?, epoch = epoch + 1, beat = 1
                 WHERE id = 1 AND epoch = ? AND beat = ?",
                (&*self.owner.id, &self.owner.words, seen.epoch, seen.count),
            )
            .await
            .map_err(self.pools.place.fault(DOING));
        match swapped {
            Err(error) if fault::is_collision(&error) => return Ok(false),
            other => other?,
        }
        let won = conn.affected_rows() == 1;
        if won {
            self.epoch.store(seen.epoch + 1, Ordering::Relaxed);
            self.owner.standing.taken(Holding::taken(seen.epoch + 1, sent), from_another);
        }
        Ok(won)
    }

    /// Counts up, in this transaction, and refuses when somebody else has taken over by now. A write, for
    /// reading the row fences nobody on a cluster. Answers when it was sent: a sign of life, once it is
    /// committed.
    pub(super) async fn fence(
        &self,
        transaction: &mut mysql_async::Transaction<'_>,
    ) -> Result<Mono, StoreError> {
        let sent = self.clock.now().mono;
        let ours = self.epoch.load(Ordering::Relaxed);
        transaction
            .exec_drop("UPDATE server SET beat = beat + 1 WHERE id = 1 AND epoch = ?", (ours,))
            .await
            .map_err(self.pools.place.fault(DOING))?;
        if transaction.affected_rows() == 1 { Ok(sent) } else { Err(self.superseded()) }
    }

    /// A sign of life that was sent then is acknowledged.
    pub(super) fn beaten(&self, sent: Mono) {
        let epoch = self.epoch.load(Ordering::Relaxed);
        self.beaten.fetch_max(sent.millis(), Ordering::Relaxed);
        self.owner.standing.renewed(Holding::taken(epoch, sent));
    }

    /// Refuses when the row says that somebody else has taken over by now.
    pub(super) fn check(&self, epoch: Option<u64>) -> Result<(), StoreError> {
        if epoch == Some(self.epoch.load(Ordering::Relaxed)) {
            return Ok(());
        }
        Err(self.superseded())
    }

    fn superseded(&self) -> StoreError {
        in_use(&self.pools.place, "a server that has taken over while this one was away")
    }

    /// Gives signs of life for as long as the store is open, or until another server has taken over. A
    /// database that is away is no reason to give it up: nobody else can have it meanwhile.
    pub(super) async fn renew(self) {
        let standing = Arc::clone(&self.owner.standing);
        loop {
            let is_wanted = tokio::select! {
                () = sleep(RENEW) => false,
                () = standing.wanted() => true,
            };
            let sent = self.clock.now().mono;
            // Each batch is a sign of life; one more would be a line in the binary log for nothing.
            let beaten = Mono(Duration::from_millis(self.beaten.load(Ordering::Relaxed)));
            if !is_wanted && sent.since(beaten) < RENEW {
                continue;
            }
            // In a task of its own: a fault in the driver ends that one, and the next is tried. A server
            // that says nothing must not hold up the next try either, which may be with another one.
            let held = self.clone();
            let renewing = tokio::spawn(async move { within(ANSWER, held.renew_once()).await });
            let renewed = renewing.await.unwrap_or_else(|error| Err(worker::ended(error)));
            match renewed {
                Ok(()) => self.beaten(sent),
                Err(StoreError::InUse { holder, .. }) => return standing.lost(&holder),
                Err(error) => {
                    self.pools.doubt(&error);
                    tracing::debug!(error = error.with_causes(), "the database is not held");
                    standing.away(self.clock.now().mono);
                }
            }
        }
    }

    pub(super) async fn renew_once(&self) -> Result<(), StoreError> {
        let mut conn = self.pools.writer(DOING).await?;
        let ours = self.epoch.load(Ordering::Relaxed);
        conn.exec_drop("UPDATE server SET beat = beat + 1 WHERE id = 1 AND epoch = ?", (ours,))
            .await
            .map_err(self.pools.place.fault(DOING))?;
        if conn.affected_rows() == 1 {
            return Ok(());
        }
        match see(&mut conn, &self.pools).await? {
            // Restored from a copy, or on a replica that lacks the last changes: it was ours before.
            Some(seen) if seen.beat.epoch < ours && seen.owner == *self.owner.id => {
                self.swap(&mut conn, seen.beat, false).await.map(drop)
            }
            Some(seen) => Err(in_use(&self.pools.place, &seen.words)),
            None => self.begin(&mut conn).await,
        }
    }

    /// Lets go, so that another one need not wait.
    pub(super) async fn release(&self) -> Result<(), StoreError> {
        let mut conn = self.pools.writer(DOING).await?;
        conn.exec_drop(
            "UPDATE server SET beat = 0 WHERE id = 1 AND epoch = ?",
            (self.epoch.load(Ordering::Relaxed),),
        )
        .await
        .map_err(self.pools.place.fault(DOING))
    }
}

/// Watches who writes to the database until this server may take it; `told` hears who does, when that
/// changes. While the database is away nothing is known, and the watch begins again.
///
/// # Errors
/// [`StoreError`]: the database cannot be asked at all.
pub(in crate::store) async fn watch(
    options: Options,
    owner: &Owner,
    clock: Arc<dyn Clock>,
    mut told: impl FnMut(&str),
) -> Result<(), StoreError> {
    // One that takes rows: a replica may be behind.
    let pools = Pools::open(&options, Mode::ReadWrite).await?;
    let (mut watcher, mut said) = (Watcher::default(), String::new());
    loop {
        let asked = clock.now().mono;
        let looking = async {
            let mut conn = pools.writer(DOING).await?;
            see(&mut conn, &pools).await
        };
        match within(ANSWER, looking).await {
            Ok(Some(seen)) => {
                if watcher.looked(seen.beat, asked, clock.now().mono) {
                    owner.standing.stood_still(seen.beat);
                    return Ok(());
                }
                if said != seen.words {
                    told(&seen.words);
                    said = seen.words;
                }
            }
            Ok(None) => return Ok(()),
            Err(error) => {
                pools.doubt(&error);
                watcher.failed();
                tracing::debug!(
                    error = error.with_causes(),
                    "who writes to the database is not known"
                );
            }
        }
        sleep(LOOK).await;
    }
}
