//! Brings a file's schema up to date: numbered steps, forward only, each known by its checksum.

use std::{path::Path, sync::Arc};

use rusqlite::{Connection, TransactionBehavior, params};

use super::{connect::APPLICATION_ID, fault::fault, legacy::Legacy};
use crate::{model::ContentHash, store::StoreError};

struct Step {
    number: u32,
    name: &'static str,
    sql: &'static str,
}

macro_rules! steps {
    ($( $number:literal $name:literal )*) => {
        &[$( Step {
            number: $number,
            name: $name,
            sql: include_str!(concat!("../../../migrations/sqlite/", $name, ".sql")),
        }, )*]
    };
}

/// Every step, in order; numbers may be left out. A step that was released is never changed, only followed by another.
const STEPS: &[Step] = steps! {
    1 "0001_tables"
    2 "0002_views"
    3 "0003_pause"
    4 "0004_loss"
    5 "0005_rollup_hour"
    6 "0006_identity"
    9 "0009_event_slot"
    10 "0010_notice"
};

/// What was applied, in the file itself.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_version (
  number        INTEGER PRIMARY KEY,
  name          TEXT    NOT NULL,
  checksum      TEXT    NOT NULL, -- SHA-256 of the step's text
  applied_at_ms INTEGER NOT NULL
) STRICT";

/// The version that this program writes.
pub(super) fn known() -> u32 {
    STEPS.last().map_or(0, |step| step.number)
}

/// The number of every step.
#[cfg(test)]
pub(super) fn numbers() -> Vec<u64> {
    STEPS.iter().map(|step| step.number.into()).collect()
}

/// Makes the schema as it was after this step.
#[cfg(test)]
pub(super) fn make(connection: &Connection, last: u32) -> Result<(), rusqlite::Error> {
    connection.execute_batch(TABLE)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    for step in STEPS.iter().filter(|step| step.number <= last) {
        connection.execute_batch(step.sql)?;
        let noted = params![step.number, step.name, checksum(step.sql)];
        connection.execute("INSERT INTO schema_version VALUES (?1, ?2, ?3, 0)", noted)?;
    }
    Ok(())
}

/// The version of a file: its newest step; 0 for a new file.
pub(super) fn version(connection: &Connection) -> Result<u32, rusqlite::Error> {
    let there: bool = connection.query_row(
        "SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'schema_version'",
        [],
        |row| row.get(0),
    )?;
    if !there {
        return Ok(0);
    }
    connection
        .query_row("SELECT coalesce(max(number), 0) FROM schema_version", [], |row| row.get(0))
}

/// Applies the steps that the file lacks, all or none, while no other process does. What the file in
/// whose place it is leaves goes into it in the same transaction.
pub(super) fn apply(
    connection: &mut Connection,
    path: &Path,
    legacy: Option<&Legacy>,
) -> Result<(), StoreError> {
    let failed = fault(connection, "bring the schema up to date");
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    let found = version(&transaction).map_err(&failed)?;
    refuse_newer(found, path)?;
    refuse_changed(&transaction, found, path)?;
    if found < known() {
        transaction.execute_batch(TABLE).map_err(&failed)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(&failed)?;
        for step in STEPS.iter().filter(|step| step.number > found) {
            transaction.execute_batch(step.sql).map_err(&failed)?;
            transaction
                .execute(
                    "INSERT INTO schema_version (number, name, checksum, applied_at_ms)
                     VALUES (?1, ?2, ?3, CAST(unixepoch('subsec') * 1000 AS INTEGER))",
                    params![step.number, step.name, checksum(step.sql)],
                )
                .map_err(&failed)?;
        }
    }
    for (view, sql) in altered(&transaction).map_err(&failed)? {
        tracing::info!(view, "a view was not as this program makes it: it is made again");
        let again = format!("DROP VIEW IF EXISTS {view}; {sql}");
        transaction.execute_batch(&again).map_err(&failed)?;
    }
    if let Some(legacy) = legacy {
        if found > 0 && !legacy.is_of(&identity(&transaction)?) {
            return Err(StoreError::Replaced { location: path.display().to_string() });
        }
        legacy.plant(&transaction).map_err(&failed)?;
    }
    transaction.commit().map_err(&failed)
}

/// The views that are not as this program makes them, with the text that makes them.
fn altered(connection: &Connection) -> Result<Vec<(String, String)>, rusqlite::Error> {
    let views = |of: &Connection| {
        let mut select =
            of.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'view' ORDER BY name")?;
        let all = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        all.collect::<Result<Vec<(String, String)>, _>>()
    };
    let fresh = Connection::open_in_memory()?;
    STEPS.iter().try_for_each(|step| fresh.execute_batch(step.sql))?;
    let there = views(connection)?;
    Ok(views(&fresh)?.into_iter().filter(|view| !there.contains(view)).collect())
}

/// Their names.
pub(super) fn altered_views(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let altered = altered(connection).map_err(fault(connection, "look at the views"))?;
    Ok(altered.into_iter().map(|(view, _)| view).collect())
}

/// What tells this file from every other.
pub(super) fn identity(connection: &Connection) -> Result<Arc<str>, StoreError> {
    connection
        .query_row("SELECT store FROM identity WHERE id = 1", [], |row| row.get(0))
        .map_err(fault(connection, "read the store's identity"))
}

/// Checks that a file that is only read is the one that this program knows.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = version(connection).map_err(fault(connection, "read the schema's version"))?;
    refuse_newer(found, path)?;
    refuse_changed(connection, found, path)?;
    if found < known() {
        return Err(StoreError::OlderSchema {
            location: path.display().to_string(),
            found,
            known: known(),
        });
    }
    Ok(())
}

fn refuse_newer(found: u32, path: &Path) -> Result<(), StoreError> {
    if found > known() {
        return Err(StoreError::NewerSchema {
            location: path.display().to_string(),
            found,
            known: known(),
        });
    }
    Ok(())
}

fn refuse_changed(connection: &Connection, found: u32, path: &Path) -> Result<(), StoreError> {
    for step in STEPS.iter().filter(|step| step.number <= found) {
        let same: bool = connection
            .query_row(
                "SELECT count(*) = 1 FROM schema_version WHERE number = ?1 AND checksum = ?2",
                params![step.number, checksum(step.sql)],
                |row| row.get(0),
            )
            .map_err(fault(connection, "read the schema's version"))?;
        if !same {
            return Err(StoreError::ChangedMigration {
                location: path.display().to_string(),
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
