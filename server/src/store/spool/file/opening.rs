//! Opening the spool's file: whose it is, how it is set up, and what becomes of one that is not ours.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, Error, TransactionBehavior};

use super::{
    super::memory::{self, IDENTITY, STORE, SpoolTarget},
    APPLICATION_ID, ASIDE, BUSY_WAIT, FORM, FORMS_BEFORE, JOURNAL_BYTES, JOURNAL_PAGES, failed,
};
use crate::{config::StoreUrl, store::StoreError};

/// Ids are never used again (AUTOINCREMENT): what was handed out is known by them.
const TABLES: &str = "
CREATE TABLE poll (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  host_id INTEGER NOT NULL,
  slot_ms INTEGER NOT NULL,
  data    BLOB    NOT NULL
) STRICT;
CREATE TABLE other (id INTEGER PRIMARY KEY AUTOINCREMENT, data TEXT NOT NULL) STRICT;
CREATE TABLE host  (id INTEGER PRIMARY KEY, known TEXT NOT NULL, listed TEXT NOT NULL) STRICT;
CREATE TABLE pause (host_id INTEGER PRIMARY KEY, pause TEXT NOT NULL) STRICT;
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
";

/// The alarms as they are, whatever waits: a start while the store is away goes on from them.
const ALARMS: &str = "
CREATE TABLE alarm (
  rule    TEXT    NOT NULL,
  host_id INTEGER NOT NULL,
  row_key TEXT    NOT NULL,
  alarm   TEXT    NOT NULL,
  PRIMARY KEY (rule, host_id, row_key)
) STRICT, WITHOUT ROWID;
";

/// What is known of who was told of what: text that whoever keeps it reads. No form of its own, for a
/// program that does not know of it passes it over.
const ROUTES: &str = "
CREATE TABLE IF NOT EXISTS route_state (
  key  TEXT PRIMARY KEY,
  data TEXT NOT NULL
) STRICT, WITHOUT ROWID;
";

/// What is there instead of a spool for this store.
pub(super) enum Opened {
    Ours(Connection),
    Foreign(String),
}

/// Moves the file away, under the first free name, with its journal.
pub(in crate::store::spool) fn set_aside(path: &Path, why: &str) -> io::Result<()> {
    let name = |number: u32, tail: &str| {
        let mut name = path.as_os_str().to_owned();
        if number > 0 {
            name.push(format!(".aside-{number}"));
        }
        name.push(tail);
        PathBuf::from(name)
    };
    let free = (1..=ASIDE).find(|number| !name(*number, "").exists());
    let number = free.ok_or_else(|| io::Error::other("too many spools were set aside here"))?;
    fs::rename(path, name(number, ""))?;
    for tail in ["-wal", "-shm"] {
        // Mostly they are not there.
        let _ = fs::rename(name(0, tail), name(number, tail));
    }
    tracing::error!(
        "the spool {} was set aside as {}: {why}",
        path.display(),
        name(number, "").display()
    );
    Ok(())
}

pub(super) fn try_open(path: &Path, wanted: SpoolTarget<'_>) -> Result<Opened, StoreError> {
    let failed = failed(path, "open the spool");
    let mut connection = Connection::open(path).map_err(&failed)?;
    connection.busy_timeout(BUSY_WAIT).map_err(&failed)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(&failed)?;
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let id = number("application_id").map_err(&failed)?;
    let form = number("user_version").map_err(&failed)?;
    if tables > 0 && id != i64::from(APPLICATION_ID) {
        return Ok(Opened::Foreign("it is another program's file".to_owned()));
    }
    if tables > 0 && FORMS_BEFORE.map(i64::from).contains(&form) {
        let taking = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        taking.execute_batch(ALARMS).map_err(&failed)?;
        taking.pragma_update(None, "user_version", FORM).map_err(&failed)?;
        taking.commit().map_err(&failed)?;
    } else if tables > 0 && form != i64::from(FORM) {
        let why = format!(
            "it has version {form} and this program reads {FORM}; run the Roundsman that wrote it \
             to have its rows replayed"
        );
        return Ok(Opened::Foreign(why));
    }
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(&failed)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(&failed)?;
    // What was kept is on the disk, also after a power cut: one fsync per batch.
    connection.pragma_update(None, "synchronous", "FULL").map_err(&failed)?;
    connection.pragma_update(None, "journal_size_limit", JOURNAL_BYTES).map_err(&failed)?;
    connection.pragma_update(None, "wal_autocheckpoint", JOURNAL_PAGES).map_err(&failed)?;
    if tables == 0 {
        let making = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        making.execute_batch(TABLES).map_err(&failed)?;
        making.execute_batch(ALARMS).map_err(&failed)?;
        making.pragma_update(None, "application_id", APPLICATION_ID).map_err(&failed)?;
        making.pragma_update(None, "user_version", FORM).map_err(&failed)?;
        making.commit().map_err(&failed)?;
    }
    connection.execute_batch(ROUTES).map_err(&failed)?;
    let foreign = belongs(&mut connection, wanted).map_err(failed)?;
    Ok(foreign.map_or(Opened::Ours(connection), Opened::Foreign))
}

/// Whether two addresses are of the same store: a server of several may have come or gone.
fn is_same(kept: &str, wanted: &str) -> bool {
    let both = (StoreUrl::parse(kept), StoreUrl::parse(wanted));
    kept == wanted || matches!(both, (Some(kept), Some(wanted)) if kept.is_same_store(&wanted))
}

/// Makes a file without rows this store's; says why not where it has rows for another.
fn belongs(connection: &mut Connection, wanted: SpoolTarget<'_>) -> Result<Option<String>, Error> {
    let address = memory::about(connection, STORE)?;
    let identity = memory::about(connection, IDENTITY)?;
    let is_there = address.as_deref().is_some_and(|kept| is_same(kept, wanted.address));
    let is_it = match (&identity, wanted.identity) {
        (Some(identity), Some(wanted)) => identity == wanted,
        _ => true,
    };
    if is_there && is_it {
        if address.as_deref() != Some(wanted.address) {
            memory::set_about(connection, STORE, wanted.address)?;
        }
        if let (None, Some(wanted)) = (&identity, wanted.identity) {
            memory::set_about(connection, IDENTITY, wanted)?;
        }
        return Ok(None);
    }
    let rows: i64 = connection.query_row(
        "SELECT (SELECT count(*) FROM poll) + (SELECT count(*) FROM other)",
        [],
        |row| row.get(0),
    )?;
    if rows == 0 {
        if let (true, Some(before), Some(now)) = (is_there, &identity, wanted.identity) {
            tracing::warn!(
                "{} is another database ({now}) than the one that this server wrote to before \
                 ({before}): what that one kept is not in it",
                wanted.address
            );
        }
        memory::begin(connection, wanted)?;
        return Ok(None);
    }
    let address = address.unwrap_or_default();
    Ok(Some(match is_there {
        true => format!(
            "its {rows} rows are for another database than the one that {address} is now, where \
             hosts have other numbers"
        ),
        false => format!(
            "its {rows} rows are for {address}, where hosts have other numbers than in {}",
            wanted.address
        ),
    }))
}
