//! The views are as this program makes them. The server keeps a view with the name of its database in
//! it wherever JSON_TABLE() is used, and gives that out with a dump: restored under another name, the
//! views cannot be read, or read the former database. So they are looked at, and made again.

use std::collections::BTreeMap;

use mysql_async::{Conn, Params, prelude::Queryable as _};

use super::{fault::Place, lease::change};
use crate::{model::ContentHash, store::StoreError};

const DOING: &str = "look at the views";

/// What stands before a view's name in the step that makes it.
const MAKES: &str = "CREATE OR REPLACE SQL SECURITY INVOKER VIEW ";

/// What is made of one view's text.
fn checksum(definition: &str, database: &str) -> String {
    let plain = definition.replace(&format!("`{database}`."), "");
    ContentHash::of(plain.as_bytes()).to_string()
}

/// The views that steps make, each with its last text.
pub(super) fn made_by<'a>(steps: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, &'a str> {
    let name = |sql: &'a str| {
        let (_, after) = sql.split_once(MAKES)?;
        Some((after.split_whitespace().next()?, sql))
    };
    steps.filter_map(name).collect()
}

/// How a view is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// As it was made, or not to be seen by this user.
    Right,
    /// Nobody noted how it was made.
    Unknown,
    /// Changed, restored elsewhere, or not there.
    Wrong,
}

/// How each of the views is.
pub(super) async fn states<'a>(
    conn: &mut Conn,
    views: &BTreeMap<&'a str, &'a str>,
    place: &Place,
) -> Result<BTreeMap<&'a str, State>, StoreError> {
    let fault = place.fault(DOING);
    let there: Vec<(String, String, String)> = conn
        .query(
            "SELECT CAST(TABLE_NAME AS CHAR), CAST(VIEW_DEFINITION AS CHAR), CAST(SECURITY_TYPE AS CHAR)
             FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()",
        )
        .await
        .map_err(&fault)?;
    let noted: Vec<(String, String)> =
        conn.query("SELECT name, checksum FROM view_made").await.map_err(&fault)?;
    let state = |view: &str| {
        let Some((_, definition, security)) = there.iter().find(|(name, ..)| name == view) else {
            return State::Wrong;
        };
        // A user who may not SHOW VIEW sees nothing of it.
        if definition.is_empty() {
            return State::Right;
        }
        match noted.iter().find(|(name, _)| name == view) {
            None => State::Unknown,
            Some((_, noted)) => {
                let is_same = *noted == checksum(definition, &place.database);
                if is_same && security == "INVOKER" { State::Right } else { State::Wrong }
            }
        }
    };
    Ok(views.keys().map(|view| (*view, state(view))).collect())
}

/// Makes the views again that are not as they were made, and notes how they are now. In a database
/// whose steps were all taken just now they are right.
pub(super) async fn mend(
    conn: &mut Conn,
    views: &BTreeMap<&str, &str>,
    is_new: bool,
    place: &Place,
) -> Result<(), StoreError> {
    let fault = place.fault("make the views again");
    let mut again = Vec::new();
    for (view, state) in states(conn, views, place).await? {
        if state == State::Right {
            continue;
        }
        if !(is_new && state == State::Unknown) {
            let sql = views.get(view).copied().unwrap_or_default();
            change(conn, sql, Params::Empty).await.map_err(&fault)?;
            again.push(view);
        }
        note(conn, view, place).await?;
    }
    if !again.is_empty() {
        tracing::info!(views = again.join(", "), "views were made again");
    }
    Ok(())
}

async fn note(conn: &mut Conn, view: &str, place: &Place) -> Result<(), StoreError> {
    let fault = place.fault(DOING);
    let definition: Option<String> = conn
        .exec_first(
            "SELECT CAST(VIEW_DEFINITION AS CHAR) FROM information_schema.VIEWS
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
            (view,),
        )
        .await
        .map_err(&fault)?;
    let checksum = checksum(&definition.unwrap_or_default(), &place.database);
    let note = "INSERT INTO view_made (name, checksum) VALUES (?, ?)
                ON DUPLICATE KEY UPDATE checksum = VALUES(checksum)";
    change(conn, note, (view, checksum).into()).await.map_err(fault)
}
