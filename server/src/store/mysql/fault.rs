//! What the server and the driver say, in the words of the store.
//!
//! Error codes: MySQL 8.0 reference manual, "Server Error Message Reference"; MariaDB's codes from
//! 4000 on are its own.

use mysql_async::{DriverError, Error, IoError, ServerError};

use super::tls;
use crate::{config::TlsMode, store::StoreError};

/// Unknown system variable.
pub(super) const UNKNOWN_VARIABLE: u16 = 1193;
/// Duplicate entry for a key.
const DUPLICATE_KEY: u16 = 1062;
/// Deadlock, and what Galera says when another node won.
const DEADLOCK: u16 = 1213;
/// Lock wait timeout.
const LOCK_WAIT: u16 = 1205;
/// Duplicate column name: it is there already.
const COLUMN_THERE: u16 = 1060;
/// A column that is to go is not there.
const COLUMN_GONE: u16 = 1091;
/// No such table.
const NO_TABLE: u16 = 1146;
/// No partition for this row.
const NO_PARTITION: u16 = 1526;
/// A privilege that is not of a table or database.
const NOT_PRIVILEGED: u16 = 1227;
/// The wrong password; of MariaDB also when it takes encrypted connections alone.
const DENIED_LOGIN: u16 = 1045;

/// What there is to mend where no row can be kept.
pub(super) const STATEMENTS_LOGGED: &str = "the server writes its binary log as statements; set \
     binlog_format = ROW or MIXED there, or let this user set it (BINLOG ADMIN; in MySQL \
     SESSION_VARIABLES_ADMIN)";

const USER: &str = "check the user in store.url, store.password or store.password_file, and the \
     user's grants";
const USER_OR_TLS: &str = "check the user in store.url, store.password or store.password_file, and \
     the user's grants; or the server takes encrypted connections alone, and store.tls must be \
     \"required\"";
const PLUGIN: &str = "it logs in by a plugin that is not at hand: ALTER USER … IDENTIFIED WITH \
     caching_sha2_password (MySQL), VIA ed25519 or mysql_native_password (MariaDB)";

/// What there is to mend where the server lets a user not in, or not do what is needed, until somebody
/// changes that.
const DENIED: [(&[u16], &str); 6] = [
    // Of the database, the login, its way; of a table, a column; a privilege.
    (&[1044, DENIED_LOGIN, 1698, 1142, 1143, NOT_PRIVILEGED], USER),
    (
        // At the login, and at the first statement.
        &[1862, 1820],
        "its password has expired: ALTER USER … IDENTIFIED BY a new one, and set store.password or \
         store.password_file to it",
    ),
    (&[3118, 4151], "its account is locked: ALTER USER … ACCOUNT UNLOCK"),
    (&[1130], "it knows no user from this machine's address: CREATE USER … @ this address"),
    (
        &[1129],
        "too many connections from this machine's address were broken off: mariadb-admin \
         flush-hosts, in MySQL TRUNCATE performance_schema.host_cache",
    ),
    (&[1251, 1524], PLUGIN),
];

/// What helps where the server lets a user in later without anybody's doing.
const BUSY: [(&[u16], &str); 4] = [
    (&[1040], "too many connections: raise the server's max_connections"),
    (&[1461], "too many prepared statements: raise the server's max_prepared_stmt_count"),
    (
        &[1203, 1226],
        "it has used up what it may: ALTER USER … WITH MAX_USER_CONNECTIONS, \
         MAX_CONNECTIONS_PER_HOUR, MAX_QUERIES_PER_HOUR, MAX_UPDATES_PER_HOUR 0, which is no limit",
    ),
    (
        &[3955],
        "too many wrong passwords have locked its account for a time: ALTER USER … ACCOUNT UNLOCK \
         opens it at once",
    ),
];

/// InnoDB keeps nothing that is read committed while the binary log is of statements.
const STATEMENTS_ALONE: u16 = 1665;
/// InnoDB is not there, or forbidden by `disabled_storage_engines` (MySQL).
const NO_INNODB: [u16; 2] = [1286, 3161];
/// An option of the server forbids the statement: mostly that it is read-only.
const OPTION_FORBIDS: u16 = 1290;
/// The option that is named where MariaDB's `enforce_storage_engine` forbids InnoDB.
const ENGINE_FORBIDS: &str = "NO_ENGINE_SUBSTITUTION";
/// `init_connect` failed: of the server, and of MariaDB.
const ABORTED: [u16; 2] = [1152, 1184];

fn words(of: &[(&[u16], &'static str)], code: u16) -> Option<&'static str> {
    of.iter().find(|(codes, _)| codes.contains(&code)).map(|(_, words)| *words)
}
/// Unknown database.
const NO_DATABASE: u16 = 1049;
/// What is wrong with a row itself: null, out of range, truncated, no such value, too long, no
/// text, too large for a packet or a page, a CHECK (of MySQL, of MariaDB).
const OF_THE_ROW: [u16; 12] =
    [1048, 1118, 1153, 1264, 1265, 1292, 1366, 1367, 1406, 3140, 3819, 4025];
/// Another server made or dropped a partition at the same moment: unknown, same name, not in order,
/// not there; or another node did something.
const PARTITIONS_CHANGED: [u16; 6] = [1493, 1507, 1508, 1517, 1735, DEADLOCK];

/// A server that is up and of no use now: a node of Galera that is not in the majority (at a statement, at
/// a commit), shutting down, read-only (by an option, in a transaction, in that mode), a member of a group
/// that cannot commit.
const OF_THE_SERVER: [u16; 7] = [1047, 1180, 1053, OPTION_FORBIDS, 1792, 1836, 3100];

/// A table was changed since this transaction's view of it.
const TABLE_CHANGED: u16 = 1412;

/// What is known of the store when something fails.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// `mysql://user@host:3306/database`.
    pub(super) location: String,
    /// The database.
    pub(super) database: String,
    /// Whether it is spoken to in TLS.
    pub(super) tls: TlsMode,
}

fn code(error: &Error) -> Option<u16> {
    match error {
        Error::Server(error) => Some(error.code),
        _ => None,
    }
}

/// Whether the login was refused.
pub(super) fn is_denied(error: &Error) -> bool {
    code(error) == Some(DENIED_LOGIN)
}

/// Whether the driver would not send it, for it is more than the server takes. It has no variant for
/// that, but words.
fn is_too_large(error: &Error) -> bool {
    let Error::Io(IoError::Io(error)) = error else { return false };
    error.to_string() == "Packet is larger than max_allowed_packet"
}

fn is_without_innodb(error: &Error) -> bool {
    let Error::Server(error) = error else { return false };
    NO_INNODB.contains(&error.code)
        || error.code == OPTION_FORBIDS && error.message.contains(ENGINE_FORBIDS)
}

/// The error without the driver's words before it.
fn plain(error: Error) -> Box<dyn std::error::Error + Send + Sync> {
    match error {
        Error::Server(error) => error.into(),
        Error::Io(IoError::Io(error)) => error.into(),
        other => other.into(),
    }
}

impl Place {
    /// Turns an error of a statement into a [`StoreError`].
    pub(super) fn fault(&self, doing: &'static str) -> impl Fn(Error) -> StoreError + use<> {
        let place = self.clone();
        move |error| {
            let location = place.location.clone();
            if let Some(mend) = place.denied(&error) {
                return StoreError::Denied { location, mend, cause: plain(error) };
            }
            match code(&error) {
                Some(NO_DATABASE) => {
                    StoreError::NoDatabase { location, database: place.database.clone() }
                }
                Some(STATEMENTS_ALONE) => place.obstructed(STATEMENTS_LOGGED, Some(error)),
                Some(_) if is_without_innodb(&error) => place.obstructed(
                    "its tables are InnoDB's, which the server forbids: enforce_storage_engine (MariaDB) \
                     and disabled_storage_engines (MySQL) must allow it",
                    Some(error),
                ),
                Some(code) if ABORTED.contains(&code) => place.obstructed(
                    "the server ends the connection; does its init_connect work for this user?",
                    Some(error),
                ),
                found => match found.and_then(|code| words(&BUSY, code)) {
                    Some(mend) => StoreError::Busy { location, mend, cause: plain(error) },
                    None => StoreError::Failed { doing, location, cause: plain(error) },
                },
            }
        }
    }

    /// What there is to mend when this user is not let in, or not allowed to do what is needed.
    fn denied(&self, error: &Error) -> Option<&'static str> {
        match error {
            Error::Server(error) if error.code == DENIED_LOGIN && self.tls == TlsMode::Off => {
                Some(USER_OR_TLS)
            }
            Error::Server(error) => words(&DENIED, error.code),
            Error::Driver(
                DriverError::UnknownAuthPlugin { .. }
                | DriverError::CleartextPluginDisabled
                | DriverError::MysqlOldPasswordDisabled,
            ) => Some(PLUGIN),
            _ => None,
        }
    }

    /// A setting of the server is in the way.
    pub(super) fn obstructed(&self, mend: &'static str, error: Option<Error>) -> StoreError {
        StoreError::Obstructed { location: self.location.clone(), mend, cause: error.map(plain) }
    }

    /// Turns an error of connecting into a [`StoreError`].
    pub(super) fn unreachable(&self, error: Error) -> StoreError {
        if let Some(mend) = tls::mend(&error, self.tls) {
            return StoreError::Tls { location: self.location.clone(), mend, cause: plain(error) };
        }
        match self.fault("connect")(error) {
            StoreError::Failed { location, cause, .. } => {
                StoreError::Unreachable { location, cause }
            }
            other => other,
        }
    }

    /// Turns an error of inserting rows into a [`StoreError`]: a row's own fault, or not.
    pub(super) fn row_fault(
        &self,
        doing: &'static str,
        row: impl FnOnce() -> String,
        error: Error,
    ) -> StoreError {
        if is_too_large(&error) || code(&error).is_some_and(|code| OF_THE_ROW.contains(&code)) {
            StoreError::BadRow { row: row(), why: plain(error).to_string() }
        } else {
            self.fault(doing)(error)
        }
    }

    /// A row that holds what this program never writes.
    pub(super) fn corrupt(&self, what: &str, why: String) -> StoreError {
        StoreError::Corrupt { what: what.to_owned(), location: self.location.clone(), why }
    }
}

fn server_code(error: &StoreError) -> Option<u16> {
    let StoreError::Failed { cause, .. } = error else { return None };
    Some(cause.downcast_ref::<ServerError>()?.code)
}

/// Whether a whole transaction may be tried again at once: another one was in its way.
pub(super) fn is_collision(error: &StoreError) -> bool {
    matches!(server_code(error), Some(DUPLICATE_KEY | DEADLOCK | LOCK_WAIT))
}

/// Whether it says something of the server, and another one of the same database may do better.
pub(super) fn is_of_the_server(error: &StoreError) -> bool {
    matches!(error, StoreError::Unfit { .. } | StoreError::Timeout { .. })
        || server_code(error).is_some_and(|code| OF_THE_SERVER.contains(&code))
}

/// Whether somebody else changed the partitions meanwhile.
pub(super) fn partitions_changed(error: &StoreError) -> bool {
    server_code(error).is_some_and(|code| PARTITIONS_CHANGED.contains(&code))
}

/// Whether a table was changed while it was read: reading again reads it as it is now.
pub(super) fn table_changed(error: &StoreError) -> bool {
    server_code(error) == Some(TABLE_CHANGED)
}

/// Whether a row found no partition, or no table: what is remembered of them is out of date.
pub(super) fn is_without_partition(error: &StoreError) -> bool {
    matches!(server_code(error), Some(NO_PARTITION | NO_TABLE))
}

/// Whether a statement that stands alone may be made again at once: another one was in its way.
pub(super) fn is_in_the_way(error: &Error) -> bool {
    matches!(code(error), Some(DEADLOCK | LOCK_WAIT))
}

/// Whether a column that was to be added is there already, or one that was to go is gone.
pub(super) fn is_altered(error: &Error) -> bool {
    matches!(code(error), Some(COLUMN_THERE | COLUMN_GONE))
}

/// Whether a table is not there.
pub(super) fn is_no_table(error: &Error) -> bool {
    code(error) == Some(NO_TABLE)
}

/// Whether this user may not do it, whatever its grants on the database are.
pub(super) fn is_not_privileged(error: &Error) -> bool {
    code(error) == Some(NOT_PRIVILEGED)
}

/// Whether the server knows no such variable.
pub(super) fn is_unknown_variable(error: &Error) -> bool {
    code(error) == Some(UNKNOWN_VARIABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(code: u16) -> StoreError {
        let place =
            Place { location: "here".to_owned(), database: "fleet".to_owned(), tls: TlsMode::Off };
        let error = ServerError { code, message: "m".to_owned(), state: "HY000".to_owned() };
        place.row_fault("keep", || "the row".to_owned(), Error::Server(error))
    }

    /// Whether it is waited for when the store is opened.
    #[test]
    fn those_who_are_turned_away_are_waited_for_where_it_passes() {
        let cases = [
            (1040, true, "raise the server's max_connections"),
            (1129, false, "host_cache"),
            (1130, false, "CREATE USER"),
            (1203, true, "MAX_USER_CONNECTIONS"),
            (1226, true, "MAX_CONNECTIONS_PER_HOUR"),
            (1461, true, "max_prepared_stmt_count"),
            (1286, false, "enforce_storage_engine"),
            (3161, false, "disabled_storage_engines"),
            (1251, false, "IDENTIFIED WITH"),
            (1524, false, "IDENTIFIED WITH"),
            (1820, false, "has expired"),
            (1862, false, "has expired"),
            (3118, false, "ACCOUNT UNLOCK"),
            (3955, true, "ACCOUNT UNLOCK opens it at once"),
            (4151, false, "ACCOUNT UNLOCK"),
        ];
        let place =
            Place { location: "here".to_owned(), database: "fleet".to_owned(), tls: TlsMode::Off };
        for (code, is_waited_for, words) in cases {
            let error = ServerError { code, message: "m".to_owned(), state: "HY000".to_owned() };
            let error = place.unreachable(Error::Server(error));
            assert!(error.to_string().contains(words), "{code}: {error}");
            assert_eq!(error.is_absence(), is_waited_for, "{code}: {error}");
        }
        let plugin = DriverError::UnknownAuthPlugin { name: "parsec".to_owned() };
        let error = place.unreachable(plugin.into());
        assert!(matches!(error, StoreError::Denied { .. }), "{error}");
    }

    #[test]
    fn what_an_operator_can_mend_is_waited_for_and_only_a_bad_row_is_not() {
        let waited_for = [
            (1021, "disk full"),
            (1040, "too many connections"),
            (1044, "no access to the database"),
            (1045, "wrong password"),
            (1047, "Galera: node not ready"),
            (1049, "no database"),
            (1053, "shutting down"),
            (1054, "a column is missing"),
            (1114, "table full"),
            (1142, "no grant on the table"),
            (1146, "no table"),
            (1180, "Galera: error at commit"),
            (1203, "too many connections of this user"),
            (1205, "lock wait"),
            (1213, "deadlock"),
            (1290, "read only"),
            (1317, "killed"),
            (1526, "no partition"),
            (1698, "wrong way to log in"),
            (1792, "read-only transaction"),
            (1836, "read-only mode"),
            (1927, "connection was killed"),
            (1969, "statement timeout of MariaDB"),
            (2006, "gone away"),
            (2013, "lost connection"),
            (3024, "statement timeout of MySQL"),
        ];
        for (code, words) in waited_for {
            assert!(judged(code).is_transient(), "{code} {words}");
        }
        let unfit = judged(STATEMENTS_ALONE).to_string();
        assert!(unfit.contains("binlog_format = ROW or MIXED"), "{unfit}");
        for code in OF_THE_ROW {
            assert!(!judged(code).is_transient(), "{code}");
        }
    }
}
