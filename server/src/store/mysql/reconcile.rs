//! Brings the tables that grow with the list of columns, and the views, to what `ddl` says.

use std::collections::BTreeSet;

use mysql_async::{Conn, Params, prelude::Queryable as _};

use super::{
    ddl::{self, Definition, TableDef},
    fault::{self, Place},
    lease::change,
};
use crate::store::StoreError;

/// The columns that a table lacks; all, where the table itself is not there.
pub(super) struct MissingColumns {
    table: TableDef,
    columns: Vec<Definition>,
}

impl MissingColumns {
    /// Their names, with the table's.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.columns.iter().map(|column| format!("{}.{}", self.table.name, column.name))
    }
}

/// What the database lacks; nothing for one that is up to date.
pub(super) async fn lacking(
    conn: &mut Conn,
    place: &Place,
) -> Result<Vec<MissingColumns>, StoreError> {
    let mut all = Vec::new();
    for table in ddl::tables() {
        let there: Vec<String> = conn
            .exec(
                "SELECT CAST(COLUMN_NAME AS CHAR) FROM information_schema.COLUMNS
                 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
                (table.name,),
            )
            .await
            .map_err(place.fault("look at the columns"))?;
        let there: BTreeSet<String> = there.into_iter().collect();
        let missing = table.columns.iter().filter(|column| !there.contains(&column.name));
        let columns: Vec<Definition> = missing.cloned().collect();
        if !columns.is_empty() {
            all.push(MissingColumns { table, columns });
        }
    }
    Ok(all)
}

/// Makes what the database lacks: a table, or all new columns of one in one statement, which is made
/// whole or not at all.
pub(super) async fn complete(conn: &mut Conn, place: &Place) -> Result<(), StoreError> {
    let fault = place.fault("add columns");
    for table in ddl::tables() {
        change(conn, &table.create(), Params::Empty).await.map_err(&fault)?;
    }
    for MissingColumns { table, columns } in lacking(conn, place).await? {
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        tracing::info!(table = table.name, columns = names.join(", "), "columns are added");
        let added =
            columns.iter().map(|Definition { name, kind }| format!("ADD COLUMN {name} {kind}"));
        // Its columns are newer than the table, and so is the key: both or neither.
        let needs = |(_, of): (_, &[&str])| names.iter().any(|name| of.contains(name));
        let key = table.key().filter(|_| table.key.is_some_and(needs));
        let added = added.chain(key.map(|key| format!("ADD {key}")));
        let alter = format!("ALTER TABLE {} {}", table.name, added.collect::<Vec<_>>().join(", "));
        match change(conn, &alter, Params::Empty).await {
            // A user who does not see the columns has them all the same.
            Err(error) if fault::is_altered(&error) => {}
            made => made.map_err(&fault)?,
        }
    }
    Ok(())
}
