//! Opening the file: whose it is, how it is set up, and what is said when it cannot be used.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, Error, ErrorCode, OpenFlags};

use super::{
    fault::fault,
    hours,
    legacy::Legacy,
    migrate::{self, APPLICATION_ID},
};
use crate::store::{StoreError, private::make_file, stamp::Stamp};

/// How long a statement waits for another process that holds the file: a checkpoint, a shell.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// How often to look again where SQLite does not wait by itself.
const BUSY_LOOK: Duration = Duration::from_millis(10);

/// Bytes per page of a new file: two polls of a middling host, so that little room is lost.
const PAGE_BYTES: u32 = 8_192;

/// The journal is cut back to this after a checkpoint, bytes.
const JOURNAL_BYTES: u32 = 64 << 20;

/// Memory for pages, KiB: of the connection that writes, and of each that reads.
const WRITER_CACHE_KIB: i32 = 16_384;
const READER_CACHE_KIB: i32 = 4_096;

/// Prepared statements kept per connection; there are fewer kinds.
const STATEMENTS: usize = 32;

/// What a file is whose beginning is not that of a database.
pub(super) const NO_SQLITE: &str = "no SQLite file";

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A file that is open for writing.
pub(super) struct WritableFile {
    pub(super) connection: Connection,
    /// What was at the path before it was opened.
    pub(super) before: Stamp,
    /// What it would leave to a file in its place.
    pub(super) legacy: Legacy,
}

/// Opens the file for writing; makes it when it is not there, and brings its schema up to date.
/// `legacy` is of the file that was there before: none other is opened in its place than one of the
/// same identity or a new one, and both get it.
pub(super) fn writer(path: &Path, legacy: Option<&Legacy>) -> Result<WritableFile, StoreError> {
    let unwritable = |cause: Cause| StoreError::Unwritable { path: path.to_owned(), cause };
    make_file(path).map_err(|e| unwritable(e.into()))?;
    let before = stamp(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|e| unwritable(e.into()))?;
    prepare(&connection, path, unwritable)?;
    // SQLite opens a file that it may not write for reading, without a word.
    if connection.is_readonly("main").unwrap_or(false) {
        return Err(unwritable("permission denied".into()));
    }
    let set_up = |error| match is_denied(&error) {
        true => unwritable(error.into()),
        false => fault(&connection, "set up the file")(error),
    };
    connection.pragma_update(None, "page_size", PAGE_BYTES).map_err(set_up)?;
    // In a new file alone, before anything is in it, the journal's mode too: in another one this would
    // write, and convert nothing.
    let pages = connection.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0));
    if pages.map_err(set_up)? == 0 {
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(set_up)?;
    }
    // A write-ahead log: readers never wait for the writer, nor it for them.
    use_journal(&connection).map_err(set_up)?;
    // What was acknowledged is on the disk, also after a power cut: one fsync per batch.
    connection.pragma_update(None, "synchronous", "FULL").map_err(set_up)?;
    connection.pragma_update(None, "journal_size_limit", JOURNAL_BYTES).map_err(set_up)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB).map_err(set_up)?;
    migrate::apply(&mut connection, path, legacy)?;
    let legacy = Legacy::of(&connection).map_err(fault(&connection, "read its hosts"))?;
    Ok(WritableFile { connection, before, legacy })
}

/// Switches to the write-ahead log. While another one switches the same new file, SQLite says at once
/// that it is busy, and does not wait as it does elsewhere.
fn use_journal(connection: &Connection) -> Result<(), Error> {
    let tries = BUSY_WAIT.as_millis() / BUSY_LOOK.as_millis();
    for _ in 0..tries {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                std::thread::sleep(BUSY_LOOK);
            }
            other => return other,
        }
    }
    connection.pragma_update(None, "journal_mode", "WAL")
}

/// Opens the file for reading. It must be there, ours and up to date.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let unreadable = |cause: Cause| StoreError::Unreadable { path: path.to_owned(), cause };
    let connection = Connection::open_with_flags(path, flags).map_err(|e| unreadable(e.into()))?;
    prepare(&connection, path, unreadable)?;
    connection
        .pragma_update(None, "cache_size", -READER_CACHE_KIB)
        .map_err(fault(&connection, "set up the connection"))?;
    migrate::check(&connection, path)?;
    Ok(connection)
}

/// What both need first, before anything in the file is touched: whose is it?
fn prepare(
    connection: &Connection,
    path: &Path,
    denied: impl Fn(Cause) -> StoreError,
) -> Result<(), StoreError> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    hours::add_function(connection).map_err(fault(connection, "set up the connection"))?;
    connection.busy_timeout(BUSY_WAIT).map_err(fault(connection, "set up the connection"))?;
    let not_ours = |found| Err(StoreError::NotOurs { path: path.to_owned(), found });
    match is_ours_or_empty(connection) {
        Ok(true) => Ok(()),
        Ok(false) => not_ours("another program's SQLite file"),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            not_ours(NO_SQLITE)
        }
        Err(error) if is_denied(&error) => Err(denied(error.into())),
        Err(error) => Err(fault(connection, "read the file")(error)),
    }
}

fn is_ours_or_empty(connection: &Connection) -> Result<bool, Error> {
    // In this order: another one may be making the schema, and the mark comes with the tables.
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    Ok(matches!((id, tables), (APPLICATION_ID, _) | (0, 0)))
}

/// Whether the system did not let SQLite open or write a file.
fn is_denied(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)
    )
}

/// What is at the path.
pub(super) fn stamp(path: &Path) -> Result<Stamp, StoreError> {
    Stamp::of(path)
        .map_err(|cause| StoreError::Unreadable { path: path.to_owned(), cause: cause.into() })
}
