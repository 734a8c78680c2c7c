//! What a statement of SQL that a person wrote answers, handed over as it comes.

use tokio::sync::mpsc;

/// Parts of an answer that wait at most for who takes them.
pub const SQL_AHEAD: usize = 64;

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlValue {
    /// Unknown.
    Null,
    /// A whole number, with or without a sign.
    Whole(i128),
    /// A number with a fraction.
    Real(f64),
    /// A text; of MySQL a moment or a decimal number, too.
    Text(String),
    /// Bytes that are no text.
    Bytes(Vec<u8>),
}

/// A part of an answer: first the names of its columns, then its rows.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlPart {
    /// The names, in the statement's order.
    Names(Vec<String>),
    /// A value for each name.
    Row(Vec<SqlValue>),
}

/// Where the parts go, at most [`SQL_AHEAD`] ahead; an answer ends where nobody takes it any more.
pub type SqlSink = mpsc::Sender<SqlPart>;
