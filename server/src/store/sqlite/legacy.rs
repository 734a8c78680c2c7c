//! What a file that is made in the place of one that is gone begins with: the hosts with their
//! numbers, the inventory in force, the pauses, and the identity, which stands for those numbers. So
//! rows on their way, and the spool, stay true. The polls are lost.

use rusqlite::{Connection, Error, Transaction, params_from_iter, types::Value};

/// What is taken along, with its text of SQL. Of inventories the newest: its text alone is of use.
const TABLES: [(&str, &str); 4] = [
    ("identity", "SELECT * FROM identity"),
    ("host", "SELECT * FROM host"),
    ("inventory_version", "SELECT * FROM inventory_version ORDER BY id DESC LIMIT 1"),
    ("pause", "SELECT * FROM pause"),
];

/// Rows of one table, as they are.
#[derive(Debug, Clone)]
struct Rows {
    table: &'static str,
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

/// What is taken along.
#[derive(Debug, Clone)]
pub(super) struct Legacy(Vec<Rows>);

impl Legacy {
    /// Reads it.
    pub(super) fn of(connection: &Connection) -> Result<Self, Error> {
        let all = TABLES.map(|(table, sql)| {
            let mut statement = connection.prepare(sql)?;
            let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
            let read = statement.query_map([], |row| {
                (0..columns.len()).map(|column| row.get(column)).collect::<Result<Vec<Value>, _>>()
            })?;
            let rows = read.collect::<Result<_, _>>()?;
            Ok(Rows { table, columns, rows })
        });
        all.into_iter().collect::<Result<_, Error>>().map(Self)
    }

    /// Whether it is of the store of this identity.
    pub(super) fn is_of(&self, identity: &str) -> bool {
        let mut values = self.0.iter().filter(|rows| rows.table == "identity");
        let mut values = values.by_ref().flat_map(|rows| rows.rows.iter().flatten());
        values.any(|value| matches!(value, Value::Text(text) if text == identity))
    }

    /// Writes it into a new file, or into an older copy of its own.
    pub(super) fn plant(&self, into: &Transaction<'_>) -> Result<(), Error> {
        into.execute("DELETE FROM pause", [])?;
        for Rows { table, columns, rows } in &self.0 {
            let names = columns.join(", ");
            let places = vec!["?"; columns.len()].join(", ");
            let sql = format!("INSERT OR REPLACE INTO {table} ({names}) VALUES ({places})");
            let mut insert = into.prepare(&sql)?;
            for row in rows {
                insert.execute(params_from_iter(row))?;
            }
        }
        Ok(())
    }
}
