//! Brings a file's schema up to date: numbered steps, forward only, each known by its checksum; then
//! what follows from the list of columns, which has no steps.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::{
    ddl::{self, TableDef},
    fault::fault,
    hours,
    legacy::Legacy,
};
use crate::{model::ContentHash, store::StoreError};

/// Marks the file as ours (`PRAGMA application_id`): "Rnds".
pub(super) const APPLICATION_ID: i32 = 0x526e_6473;

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
            sql: include_str!(concat!("../../../migrations/sqlite/", $name, ".sql")),
        }, )*]
    };
}

/// Every step, in order; numbers may be left out. A step that was released is never changed, only followed by another.
const STEPS: &[Migration] = steps! {
    1 "0001_tables"
    3 "0003_pause"
    4 "0004_loss"
    6 "0006_identity"
    9 "0009_event_slot"
    10 "0010_notice"
    11 "0011_generated"
    12 "0012_alert"
    14 "0014_delivery"
    15 "0015_annotation"
    16 "0016_audit"
    17 "0017_seal"
    18 "0018_summary"
};

/// The step from which on the rows of `poll` are counted as they come and go.
const COUNTED: u32 = 17;

/// Steps that were released with other texts: what they made then is made elsewhere now.
const FORMERLY: [(u32, &str); 1] =
    [(1, "e130bb15420f8178362d93f622403725fd4c85d4a9b4047e77d12be3ba53b2bf")];

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
    complete(&transaction).map_err(&failed)?;
    if found < COUNTED {
        let count = "UPDATE seal SET unsealed = (SELECT count(*) FROM poll) WHERE id = 1";
        transaction.execute(count, []).map_err(&failed)?;
    }
    mend_views(&transaction, found > 0).map_err(&failed)?;
    if let Some(legacy) = legacy {
        if found > 0 && !legacy.is_of(&identity(&transaction)?) {
            return Err(StoreError::Replaced { location: path.display().to_string() });
        }
        legacy.plant(&transaction).map_err(&failed)?;
    }
    transaction.commit().map_err(&failed)
}

/// The columns that a table lacks, each with its type.
fn lacking(
    connection: &Connection,
    table: &TableDef,
) -> Result<Vec<(String, String)>, rusqlite::Error> {
    let mut select = connection.prepare_cached("SELECT name FROM pragma_table_info(?1)")?;
    let there = select.query_map([table.name], |row| row.get(0))?;
    let there = there.collect::<Result<BTreeSet<String>, _>>()?;
    let columns = table.columns.iter();
    Ok(columns.filter(|(name, _)| !there.contains(name)).cloned().collect())
}

/// Makes the tables that grow with the list of columns, and the columns that they lack.
fn complete(connection: &Connection) -> Result<(), rusqlite::Error> {
    for table in ddl::tables() {
        connection.execute_batch(&table.create())?;
        for (name, kind) in lacking(connection, &table)? {
            tracing::info!(table = table.name, column = name, "a column is added");
            let add = format!("ALTER TABLE {} ADD COLUMN {name} {kind}", table.name);
            connection.execute_batch(&add)?;
        }
        if let Some(index) = &table.index {
            connection.execute_batch(index)?;
        }
    }
    Ok(())
}

/// The views that are not as this program makes them, with the statement that makes them. SQLite keeps
/// that statement as it was given.
fn altered(connection: &Connection) -> Result<Vec<(&'static str, String)>, rusqlite::Error> {
    let mut select =
        connection.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'view'")?;
    let there = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let there = there.collect::<Result<BTreeMap<String, String>, _>>()?;
    let views = ddl::views(hours::are_there(connection)?).into_iter();
    Ok(views.filter(|(name, sql)| there.get(*name) != Some(sql)).collect())
}

pub(super) fn mend_views(connection: &Connection, was_there: bool) -> Result<(), rusqlite::Error> {
    let altered = altered(connection)?;
    for (view, sql) in &altered {
        connection.execute_batch(&format!("DROP VIEW IF EXISTS {view}; {sql}"))?;
    }
    if was_there && !altered.is_empty() {
        let names: Vec<_> = altered.iter().map(|(view, _)| *view).collect();
        tracing::info!(views = names.join(", "), "views were made");
    }
    Ok(())
}

/// The names of the views that are not as this program makes them.
pub(super) fn altered_views(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let altered = altered(connection).map_err(fault(connection, "look at the views"))?;
    Ok(altered.into_iter().map(|(view, _)| view.to_owned()).collect())
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
    let mut columns = Vec::new();
    for table in ddl::tables() {
        let lacking =
            lacking(connection, &table).map_err(fault(connection, "look at the columns"))?;
        columns.extend(lacking.into_iter().map(|(name, _)| format!("{}.{name}", table.name)));
    }
    if !columns.is_empty() {
        let location = path.display().to_string();
        return Err(StoreError::LacksColumns { location, columns: columns.join(", ") });
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
        let noted: Option<String> = connection
            .query_row(
                "SELECT checksum FROM schema_version WHERE number = ?1",
                params![step.number],
                |row| row.get(0),
            )
            .optional()
            .map_err(fault(connection, "read the schema's version"))?;
        let same = noted.is_some_and(|noted| {
            noted == checksum(step.sql) || FORMERLY.contains(&(step.number, &*noted))
        });
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
