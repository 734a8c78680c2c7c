//! Brings a database's schema up to date: numbered steps, forward only, each known by its checksum;
//! then what follows from the list of columns (`reconcile`), which has no steps.
//!
//! MySQL commits each DDL statement at once, so a step is one statement, and one that may be made
//! again: a step that was made and not yet noted is made once more.

use std::sync::Arc;

use mysql_async::{Conn, Params, prelude::Queryable as _};

use super::{
    connect::within,
    ddl, fault,
    lease::{Lease, change},
    pools::Pools,
    reconcile, views,
};
use crate::{model::ContentHash, store::StoreError};

struct Migration {
    number: u32,
    name: &'static str,
    sql: &'static str,
}

macro_rules! steps {
    ($( $number:literal $name:literal )*) => {
        &[$( Migration {
            number: $number,
            name: $name,
            sql: include_str!(concat!("../../../migrations/mysql/", $name, ".sql")),
        }, )*]
    };
}

/// Every step, in order; numbers may be left out. A step that was released is never changed, only followed by another.
const STEPS: &[Migration] = steps! {
    1 "0001_host"
    2 "0002_host_seen"
    3 "0003_inventory_version"
    4 "0004_event"
    6 "0006_poll_day"
    23 "0023_loss"
    24 "0024_poll_hour"
    25 "0025_seal"
    26 "0026_seal_row"
    27 "0027_seal_late"
    28 "0028_identity"
    29 "0029_identity_row"
    30 "0030_pause"
    56 "0056_view_made"
    57 "0057_server"
    60 "0060_event_slot"
    61 "0061_notice"
    62 "0062_view_made_from"
    63 "0063_alert"
    64 "0064_alert_event"
    66 "0066_delivery"
    67 "0067_annotation"
    68 "0068_audit"
    69 "0069_poll_hour_form"
    70 "0070_summary_day"
    72 "0072_summary_late"
    73 "0073_seal_summarised"
    74 "0074_poll_hour_container"
    75 "0075_server_beat"
    76 "0076_route_state"
};

/// What was applied, in the database itself.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_version (
  number     INT UNSIGNED NOT NULL,
  name       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  checksum   CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- SHA-256 of the step's text
  applied_at DATETIME(3) NOT NULL,
  PRIMARY KEY (number)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

const DOING: &str = "bring the schema up to date";

/// The version that this program writes.
pub(super) fn known() -> u32 {
    STEPS.last().map_or(0, |step| step.number)
}

/// The number of every step.
#[cfg(test)]
pub(super) fn numbers() -> Vec<u32> {
    STEPS.iter().map(|step| step.number).collect()
}

/// What was applied: numbers and checksums; empty for a new database.
async fn applied(conn: &mut Conn, pools: &Pools) -> Result<Vec<(u32, String)>, StoreError> {
    let found = conn.query("SELECT number, checksum FROM schema_version ORDER BY number").await;
    match found {
        Ok(applied) => Ok(applied),
        Err(error) if fault::is_no_table(&error) => Ok(Vec::new()),
        Err(error) => Err(pools.place.fault("read the schema's version")(error)),
    }
}

fn version(applied: &[(u32, String)]) -> u32 {
    applied.last().map_or(0, |(number, _)| *number)
}

/// The version of the database's schema: its newest step; 0 for a new one.
pub(super) async fn read(conn: &mut Conn, pools: &Pools) -> Result<u32, StoreError> {
    Ok(version(&applied(conn, pools).await?))
}

/// Applies the steps that the database lacks, while no other server does.
pub(super) async fn apply(pools: &Arc<Pools>) -> Result<(), StoreError> {
    let limit = pools.limits.schema;
    let mut conn = pools.schema().await?;
    let found = within(pools.limits.call, applied(&mut conn, pools)).await?;
    refuse(&found, pools)?;
    if version(&found) == known()
        && within(pools.limits.call, is_complete(&mut conn, pools)).await?
    {
        return Ok(());
    }
    let lease = within(limit, Lease::take(pools, &mut conn)).await?;
    let done = within(limit, lease.during(take_steps(&mut conn, pools, &lease))).await;
    // A connection that failed in the middle is of no use; the lease then lapses.
    let released = within(limit, lease.release(&mut conn)).await;
    done.and(released)
}

async fn take_steps(conn: &mut Conn, pools: &Pools, lease: &Lease) -> Result<(), StoreError> {
    let failed = pools.place.fault(DOING);
    change(conn, TABLE, Params::Empty).await.map_err(&failed)?;
    // Another one may have been first.
    let found = applied(conn, pools).await?;
    refuse(&found, pools)?;
    for step in STEPS.iter().filter(|step| step.number > version(&found)) {
        lease.renew(conn).await?;
        match change(conn, step.sql, Params::Empty).await {
            // An ALTER is one statement, made whole or not at all.
            Err(error) if fault::is_altered(&error) => {}
            made => made.map_err(&failed)?,
        }
        let note = "INSERT INTO schema_version (number, name, checksum, applied_at)
                    VALUES (?, ?, ?, UTC_TIMESTAMP(3)) ON DUPLICATE KEY UPDATE number = VALUES(number)";
        let noted = (step.number, step.name, checksum(step.sql));
        change(conn, note, noted.into()).await.map_err(&failed)?;
    }
    lease.renew(conn).await?;
    reconcile::complete(conn, &pools.place).await?;
    lease.renew(conn).await?;
    let mended = views::mend(conn, &ddl::views(), &pools.place).await;
    if let Err(error) = mended {
        // They are for people: polls are kept without them.
        tracing::error!(error = error.with_causes(), "views are not as they should be");
    }
    Ok(())
}

/// Whether columns and views are as this program makes them.
async fn is_complete(conn: &mut Conn, pools: &Pools) -> Result<bool, StoreError> {
    let complete = reconcile::lacking(conn, &pools.place).await?.is_empty();
    Ok(complete && views::altered(conn, &ddl::views(), &pools.place).await?.is_empty())
}

/// The views that are not as this program makes them.
pub(super) async fn altered_views(pools: &Pools) -> Result<Vec<String>, StoreError> {
    let mut conn = pools.reader().await?;
    let views = ddl::views();
    let altered = views::altered(&mut conn, &views, &pools.place).await?;
    Ok(altered.into_iter().map(|(view, _)| (*view).to_owned()).collect())
}

/// Checks that a database that is only read is the one that this program knows.
pub(super) async fn check(pools: &Pools) -> Result<(), StoreError> {
    let reading = async {
        let mut conn = pools.reader().await?;
        let applied = applied(&mut conn, pools).await?;
        Ok((applied, reconcile::lacking(&mut conn, &pools.place).await?))
    };
    let (found, lacking) = within(pools.limits.call, reading).await?;
    refuse(&found, pools)?;
    let (found, known) = (version(&found), known());
    let location = pools.place.location.clone();
    if found < known {
        return Err(StoreError::OlderSchema { location, found, known });
    }
    let columns: Vec<String> = lacking.iter().flat_map(reconcile::MissingColumns::names).collect();
    if !columns.is_empty() {
        return Err(StoreError::LacksColumns { location, columns: columns.join(", ") });
    }
    Ok(())
}

/// Refuses a schema that is newer, or that another program has made.
fn refuse(applied: &[(u32, String)], pools: &Pools) -> Result<(), StoreError> {
    let location = || pools.place.location.clone();
    let (found, known) = (version(applied), known());
    if found > known {
        return Err(StoreError::NewerSchema { location: location(), found, known });
    }
    for step in STEPS.iter().filter(|step| step.number <= found) {
        let same =
            |(number, sum): &(u32, String)| *number == step.number && *sum == checksum(step.sql);
        if !applied.iter().any(same) {
            return Err(StoreError::ChangedMigration {
                location: location(),
                number: step.number,
                name: step.name,
            });
        }
    }
    Ok(())
}

fn checksum(sql: &str) -> String {
    ContentHash::of(sql.as_bytes()).to_string()
}
