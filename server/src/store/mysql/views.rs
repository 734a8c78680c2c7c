//! The views are as this program makes them. The server keeps a view with the name of its database in
//! it wherever JSON_TABLE() is used, and gives that out with a dump: restored under another name, the
//! views cannot be read, or read the former database. So they are looked at, and made again.

use mysql_async::{Conn, prelude::Queryable as _};

use super::fault::Place;
use crate::{model::ContentHash, store::StoreError};

const DOING: &str = "look at the views";

/// What is made of one view's text.
fn checksum(definition: &str, database: &str) -> String {
    let plain = definition.replace(&format!("`{database}`."), "");
    ContentHash::of(plain.as_bytes()).to_string()
}

/// A view's name, and the statement that makes it.
type View = (&'static str, String);

/// The views that are not as their statement makes them: changed, restored elsewhere, made by another
/// version, or not there.
pub(super) async fn altered<'a>(
    conn: &mut Conn,
    views: &'a [View],
    place: &Place,
) -> Result<Vec<&'a View>, StoreError> {
    let fault = place.fault(DOING);
    let there: Vec<(String, String, String)> = conn
        .query(
            "SELECT CAST(TABLE_NAME AS CHAR), CAST(VIEW_DEFINITION AS CHAR), CAST(SECURITY_TYPE AS CHAR)
             FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()",
        )
        .await
        .map_err(&fault)?;
    let noted: Vec<(String, String, Option<String>)> =
        conn.query("SELECT name, checksum, made_from FROM view_made").await.map_err(&fault)?;
    let is_right = |(view, statement): &View| {
        let Some((_, definition, security)) = there.iter().find(|(name, ..)| name == view) else {
            return false;
        };
        // A user who may not SHOW VIEW sees nothing of it.
        definition.is_empty()
            || noted.iter().any(|(name, kept, made_from)| {
                name == view
                    && *kept == checksum(definition, &place.database)
                    && made_from.as_deref() == Some(&*made(statement))
                    && security == "INVOKER"
            })
    };
    Ok(views.iter().filter(|view| !is_right(view)).collect())
}

fn made(statement: &str) -> String {
    ContentHash::of(statement.as_bytes()).to_string()
}

/// Makes the views that are not as they should be, and notes how they are now.
pub(super) async fn mend(conn: &mut Conn, views: &[View], place: &Place) -> Result<(), StoreError> {
    let fault = place.fault("make the views");
    let altered = altered(conn, views, place).await?;
    for (view, statement) in &altered {
        conn.query_drop(statement).await.map_err(&fault)?;
        note(conn, view, statement, place).await?;
    }
    if !altered.is_empty() {
        let names: Vec<_> = altered.iter().map(|(view, _)| *view).collect();
        tracing::info!(views = names.join(", "), "views were made");
    }
    Ok(())
}

async fn note(
    conn: &mut Conn,
    view: &str,
    statement: &str,
    place: &Place,
) -> Result<(), StoreError> {
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
    conn.exec_drop(
        "INSERT INTO view_made (name, checksum, made_from) VALUES (?, ?, ?)
         ON DUPLICATE KEY UPDATE checksum = VALUES(checksum), made_from = VALUES(made_from)",
        (view, checksum, made(statement)),
    )
    .await
    .map_err(fault)
}
