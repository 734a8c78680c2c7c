//! A statement of SQL that a person wrote.

use mysql_async::{Conn, Value, prelude::Queryable as _};

use super::fault::Place;
use crate::store::{SqlPart, SqlSink, SqlValue, StoreError};

const DOING: &str = "run the statement";

/// What a statement that reads begins with. A transaction that only reads refuses what changes rows, not
/// what changes tables.
const READING: [&str; 8] =
    ["SELECT", "WITH", "SHOW", "EXPLAIN", "DESCRIBE", "DESC", "TABLE", "VALUES"];

/// Runs one that reads, prepared, so that it is one alone; its answer goes where `sink` leads.
pub(super) async fn run(
    conn: &mut Conn,
    text: &str,
    sink: &SqlSink,
    place: &Place,
) -> Result<(), StoreError> {
    if !READING.iter().any(|word| first_word(text).eq_ignore_ascii_case(word)) {
        return Err(StoreError::ReadOnly { doing: "run a statement that changes something" });
    }
    conn.query_drop("START TRANSACTION READ ONLY").await.map_err(place.fault(DOING))?;
    let mut result = conn.exec_iter(text, ()).await.map_err(place.fault(DOING))?;
    let columns = result.columns();
    let names = columns.iter().flat_map(|of| of.iter());
    let names = names.map(|column| column.name_str().into_owned()).collect();
    let mut is_taken = sink.send(SqlPart::Names(names)).await.is_ok();
    while is_taken && let Some(row) = result.next().await.map_err(place.fault(DOING))? {
        let values = row.unwrap().into_iter().map(value).collect();
        is_taken = sink.send(SqlPart::Row(values)).await.is_ok();
    }
    Ok(())
}

/// The word that a statement begins with, after comments and parentheses.
fn first_word(text: &str) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
        // One that begins with ! is run.
        let is_comment = rest.starts_with("/*") && !rest.starts_with("/*!");
        rest = match is_comment.then(|| rest.split_once("*/")).flatten() {
            Some((_, after)) => after,
            None if rest.starts_with('#') || rest.starts_with("-- ") => {
                rest.split_once('\n').map_or("", |(_, after)| after)
            }
            None => break,
        };
    }
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

fn value(of: Value) -> SqlValue {
    match of {
        Value::NULL => SqlValue::Null,
        Value::Int(whole) => SqlValue::Whole(whole.into()),
        Value::UInt(whole) => SqlValue::Whole(whole.into()),
        Value::Float(real) => SqlValue::Real(real.into()),
        Value::Double(real) => SqlValue::Real(real),
        Value::Bytes(bytes) => match String::from_utf8(bytes) {
            Ok(text) => SqlValue::Text(text),
            Err(error) => SqlValue::Bytes(error.into_bytes()),
        },
        Value::Date(year, month, day, hour, minute, second, micros) => SqlValue::Text(format!(
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}"
        )),
        Value::Time(is_negative, days, hours, minutes, seconds, micros) => {
            let sign = if is_negative { "-" } else { "" };
            let hours = u64::from(days) * 24 + u64::from(hours);
            SqlValue::Text(format!("{sign}{hours:02}:{minutes:02}:{seconds:02}.{micros:06}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_of_a_statement_is_found_behind_comments() {
        for (text, word) in [
            ("select 1", "select"),
            ("  ((SELECT 1) UNION (SELECT 2))", "SELECT"),
            ("/* top */ -- of it\n# and\n WITH a AS (SELECT 1) TABLE a", "WITH"),
            ("DROP TABLE poll", "DROP"),
            ("/*!50000 DROP TABLE poll */", ""),
            ("/* SELECT", ""),
            ("-- SELECT 1", ""),
            ("", ""),
            ("SELECT*FROM poll", "SELECT"),
        ] {
            assert_eq!(first_word(text), word, "{text}");
        }
    }
}
