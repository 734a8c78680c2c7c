//! The table `annotation`: what people and scripts said of moments.

use rusqlite::{Connection, Error, Row, Transaction, params};

use super::fault::{fault, row_fault, unreadable};
use crate::{
    model::{Annotation, AnnotationKind},
    store::{AnnotationsOf, StoreError, row},
    units::WallMs,
};

/// Keeps an annotation, or that it was removed: a row that says so stays as it is.
pub(super) fn keep(
    transaction: &Transaction<'_>,
    annotation: &Annotation,
) -> Result<(), StoreError> {
    const DOING: &str = "keep an annotation";
    transaction
        .prepare_cached(
            "INSERT INTO annotation (id, at_ms, until_ms, kind, text, who, hosts, removed_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (id) DO UPDATE SET removed_ms = coalesce(removed_ms, excluded.removed_ms)",
        )
        .map_err(fault(transaction, DOING))?
        .execute(params![
            &*annotation.id,
            annotation.at.0,
            annotation.until.map(|until| until.0),
            annotation.kind.as_str(),
            &*annotation.text,
            &*annotation.who,
            row::hosts(&annotation.hosts),
            annotation.removed.map(|removed| removed.0),
        ])
        .map(drop)
        .map_err(|error| row_fault(transaction, DOING, || row::annotation_name(annotation), error))
}

/// Those that hold, newest first.
pub(super) fn read(
    connection: &Connection,
    of: &AnnotationsOf,
    limit: usize,
) -> Result<Vec<Annotation>, StoreError> {
    let failed = fault(connection, "read annotations");
    let which = match of {
        AnnotationsOf::Id(_) => "id = ?1 AND ?2 IS NULL AND ?3 IS NULL",
        AnnotationsOf::Span(_) => "at_ms >= ?1 AND at_ms < ?2 AND coalesce(until_ms, at_ms) >= ?3",
    };
    let sql = format!(
        "SELECT id, at_ms, until_ms, kind, text, who, hosts FROM annotation
         WHERE {which} AND removed_ms IS NULL ORDER BY at_ms DESC, id DESC LIMIT ?4"
    );
    let mut statement = connection.prepare_cached(&sql).map_err(&failed)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = match of {
        AnnotationsOf::Id(id) => {
            statement.query_map(params![&**id, None::<i64>, None::<i64>, limit], from_row)
        }
        AnnotationsOf::Span(span) => {
            let begins = params![of.begins().0, span.to.0, span.from.0, limit];
            statement.query_map(begins, from_row)
        }
    };
    rows.map_err(&failed)?.collect::<Result<_, _>>().map_err(&failed)
}

fn from_row(row: &Row<'_>) -> Result<Annotation, Error> {
    let kind = row.get_ref(3)?.as_str()?;
    let kind = AnnotationKind::parse(kind).ok_or_else(|| unreadable(3, "kind", kind))?;
    let hosts = row.get_ref(6)?.as_str()?;
    let hosts = serde_json::from_str(hosts).map_err(|_| unreadable(6, "list of hosts", hosts))?;
    Ok(Annotation {
        id: row.get(0)?,
        at: WallMs(row.get(1)?),
        until: row.get::<_, Option<i64>>(2)?.map(WallMs),
        kind,
        text: row.get(4)?,
        who: row.get(5)?,
        hosts,
        removed: None,
    })
}
