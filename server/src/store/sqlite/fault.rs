//! What SQLite says, in the words of the store.

use rusqlite::{Connection, Error, ErrorCode};

use crate::store::StoreError;

/// Where a connection's file is.
pub(super) fn location(connection: &Connection) -> String {
    connection.path().unwrap_or_default().to_owned()
}

/// Turns an error of a statement into a [`StoreError`].
pub(super) fn fault(
    connection: &Connection,
    doing: &'static str,
) -> impl Fn(Error) -> StoreError + use<> {
    let location = location(connection);
    move |error| match error {
        Error::FromSqlConversionFailure(..)
        | Error::InvalidColumnType(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::Utf8Error(..) => StoreError::Corrupt {
            what: format!("a row (to {doing})"),
            location: location.clone(),
            why: error.to_string(),
        },
        error => StoreError::Failed { doing, location: location.clone(), cause: Box::new(error) },
    }
}

/// Turns an error of inserting one row into a [`StoreError`]: the row's own fault, or not.
pub(super) fn row_fault(
    connection: &Connection,
    doing: &'static str,
    row: impl FnOnce() -> String,
    error: Error,
) -> StoreError {
    let own = match &error {
        Error::ToSqlConversionFailure(..) | Error::InvalidParameterName(..) => true,
        _ => matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig)
        ),
    };
    if own {
        StoreError::BadRow { row: row(), why: error.to_string() }
    } else {
        fault(connection, doing)(error)
    }
}

/// A column that holds what this program never writes.
pub(super) fn unreadable(column: usize, what: &'static str, found: &str) -> Error {
    Error::FromSqlConversionFailure(
        column,
        rusqlite::types::Type::Text,
        format!("{found:?} is no {what}").into(),
    )
}
