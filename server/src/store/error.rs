//! What can go wrong with a store, in words that say what to do.

use std::{error::Error, path::PathBuf, time::Duration};

use crate::error_report::error_chain;

/// Why the store could not do what it was asked. One line each; the cause, where there is one, is
/// the error's source.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such file, and reading does not make one.
    #[error(
        "no database at {}: start `roundsman serve` or `roundsman demo` first, or name the right file",
        path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file or its directory cannot be written.
    #[error(
        "cannot write the database {}: make the file and its directory writable for this user, or choose another place",
        path.display()
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The file cannot be read.
    #[error(
        "cannot read the database {}: the file must be readable and, while no server has it open, its directory writable (SQLite keeps an index of its journal there)",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The file is something else.
    #[error(
        "{} is not a Roundsman database ({found}): name another file, or move this one away",
        path.display()
    )]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// A newer Roundsman has made the schema.
    #[error(
        "{location} has schema version {found}, this program knows no later than {known}: run the newer Roundsman that wrote it, or name another store"
    )]
    NewerSchema {
        /// Where the store is.
        location: String,
        /// Its version.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// An older Roundsman has written it, and reading does not migrate.
    #[error(
        "{location} has schema version {found}, this program reads {known}: start `roundsman serve` on it once, which brings it up to date"
    )]
    OlderSchema {
        /// Where the store is.
        location: String,
        /// Its version.
        found: u32,
        /// The version known here.
        known: u32,
    },
    /// It was last written by a program that knew fewer columns, and reading adds none.
    #[error(
        "{location} lacks columns that this program reads ({columns}): start `roundsman serve` on it once, which adds them"
    )]
    LacksColumns {
        /// Where the store is.
        location: String,
        /// Their names.
        columns: String,
    },
    /// A step of the schema is not the one that this program knows.
    #[error(
        "schema step {number} of {location} is not the one this program knows ({name}): it was made by a modified program; run that one, or name another store"
    )]
    ChangedMigration {
        /// Where the store is.
        location: String,
        /// The step's number.
        number: u32,
        /// The step's name here.
        name: &'static str,
    },
    /// The server does not answer, or not as it should.
    #[error("cannot connect to {location}: the server must be running, and host and port be right")]
    Unreachable {
        /// Where the store is.
        location: String,
        /// What the system or the server said.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The server answers, and is of no use now: read-only, cut off from its cluster, shutting down.
    #[error("{location} cannot be used now: {why}")]
    Unfit {
        /// Where the store is.
        location: String,
        /// What it says.
        why: String,
    },
    /// The store has several servers, and none is of use.
    #[error("no server of {location} {can}: {whys}")]
    NoServer {
        /// Where the store is.
        location: String,
        /// What none of them can.
        can: &'static str,
        /// Each address and what is wrong with it.
        whys: String,
        /// One of them may be well again without anybody's doing.
        is_absence: bool,
    },
    /// The server does not let this user in, or not do what is needed.
    #[error("{location} does not let this user in: {mend}")]
    Denied {
        /// Where the store is.
        location: String,
        /// What there is to mend.
        mend: &'static str,
        /// What the server said.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The server turns this user away, and may not later.
    #[error("{location} turns this user away for now: {mend}")]
    Busy {
        /// Where the store is.
        location: String,
        /// What helps.
        mend: &'static str,
        /// What the server said.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// A setting of the server is in the way of every row.
    #[error("nothing can be kept in {location}: {mend}")]
    Obstructed {
        /// Where the store is.
        location: String,
        /// What there is to mend.
        mend: &'static str,
        /// What the server said; none where it was asked.
        #[source]
        cause: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The program that speaks with the server failed in a way that it does not foresee.
    #[error("a fault in the driver: {what}")]
    Driver {
        /// What it said.
        what: String,
    },
    /// The two sides do not agree on encryption, or the server is not the one that it says it is.
    #[error("cannot connect to {location}: {mend}")]
    Tls {
        /// Where the store is.
        location: String,
        /// What there is to mend.
        mend: &'static str,
        /// What was said.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The server has no such database.
    #[error(
        "there is no database {database} in {location}: make it with CREATE DATABASE {database} CHARACTER SET utf8mb4, and grant the user ALL on it"
    )]
    NoDatabase {
        /// Where the store is.
        location: String,
        /// Its name.
        database: String,
    },
    /// The store could not be opened yet; it is tried again.
    #[error("the store is not open yet: {why}")]
    NotYet {
        /// Why the last try failed, in one line.
        why: String,
    },
    /// Under the same address there is another store than before.
    #[error(
        "{location} is another database than before: hosts have other numbers in it; restart the server, which starts again in it and sets the rows in the spool aside, or bring the old one back"
    )]
    Replaced {
        /// Where the store is.
        location: String,
    },
    /// The file that was open is no longer at its path.
    #[error(
        "the database {} {what}: the file that is there now is opened, or a new one made; what is written meanwhile waits in the spool",
        path.display()
    )]
    Moved {
        /// The file.
        path: PathBuf,
        /// What became of it.
        what: &'static str,
    },
    /// Another server writes to the database.
    #[error("another server writes to {location}: {holder}")]
    InUse {
        /// Where the store is.
        location: String,
        /// What the other one says of itself.
        holder: String,
    },
    /// Something was to be written to a store that is open for reading.
    #[error("the store is open for reading only, it cannot {doing}")]
    ReadOnly {
        /// What was to be done.
        doing: &'static str,
    },
    /// A row that can never be kept as it is.
    #[error("refused to keep {row}: {why}")]
    BadRow {
        /// Which row: host and slot.
        row: String,
        /// What is wrong with it.
        why: String,
    },
    /// What is kept cannot be understood.
    #[error("cannot understand {what} in {location}: {why}; it may be damaged")]
    Corrupt {
        /// Which row and column.
        what: String,
        /// Where the store is.
        location: String,
        /// What is wrong with it.
        why: String,
    },
    /// The database could not do it now.
    #[error("could not {doing} in {location}")]
    Failed {
        /// What was to be done.
        doing: &'static str,
        /// Where the store is.
        location: String,
        /// What the database said.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// No answer in time; it may have been done or not.
    #[error("the store did not answer within {} ms", after.as_millis())]
    Timeout {
        /// How long was waited.
        after: Duration,
    },
    /// The store was closed, or its thread has ended.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the same batch may succeed later: nothing is wrong with its rows. What is not
    /// transient is the fault of one row.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::BadRow { .. })
    }

    /// The error and what caused it, in one line.
    #[must_use]
    pub fn with_causes(&self) -> String {
        error_chain(self)
    }

    /// Whether a store that could not be opened may be there later without anybody's doing: its
    /// server is still starting, or away. What is not is an operator's to mend.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::NotYet { .. }
            | Self::Busy { .. }
            | Self::Unfit { .. } => true,
            Self::NoServer { is_absence, .. } => *is_absence,
            _ => false,
        }
    }
}
