//! The table `annotation`: what people and scripts said of moments.

use std::sync::Arc;

use mysql_async::{Row, Transaction, Value, prelude::Queryable as _};

use super::{cells::RowReader, fault::Place, moment, pools::Pools};
use crate::{
    model::{Annotation, AnnotationKind},
    store::{AnnotationsOf, StoreError, row},
};

/// Keeps annotations, or that they were removed: a row that says so stays as it is.
pub(super) async fn keep(
    transaction: &mut Transaction<'_>,
    annotations: &[Arc<Annotation>],
    place: &Place,
) -> Result<(), StoreError> {
    for annotation in annotations {
        let named = || row::annotation_name(annotation);
        let mut moments = [annotation.until, annotation.removed].into_iter().flatten();
        if moments.any(|at| moment::day(at).is_none()) || moment::day(annotation.at).is_none() {
            let why = "a DATETIME has years 1000 to 9999".to_owned();
            return Err(StoreError::BadRow { row: named(), why });
        }
        let values: Vec<Value> = vec![
            (&*annotation.id).into(),
            moment::datetime(annotation.at),
            moment::optional(annotation.until),
            annotation.kind.as_str().into(),
            (&*annotation.text).into(),
            (&*annotation.who).into(),
            row::hosts(&annotation.hosts).into(),
            moment::optional(annotation.removed),
        ];
        transaction
            .exec_drop(
                "INSERT INTO annotation (id, at, until, kind, text, who, hosts, removed)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                 ON DUPLICATE KEY UPDATE removed = COALESCE(removed, VALUES(removed))",
                values,
            )
            .await
            .map_err(|error| place.row_fault("keep an annotation", named, error))?;
    }
    Ok(())
}

/// Those that hold, newest first. The database sorts their ids alone: rows of long texts may not fit its
/// buffer.
pub(super) async fn read(
    pools: &Pools,
    of: AnnotationsOf,
    limit: usize,
) -> Result<Vec<Annotation>, StoreError> {
    let mut conn = pools.reader().await?;
    let (which, mut params) = match &of {
        AnnotationsOf::Id(id) => ("id = ?", vec![Value::from(&**id)]),
        AnnotationsOf::Span(span) => (
            "at >= ? AND at < ? AND COALESCE(until, at) >= ?",
            [of.begins(), span.to, span.from].map(moment::datetime).to_vec(),
        ),
    };
    params.push(Value::UInt(u64::try_from(limit).unwrap_or(u64::MAX)));
    let sql = format!(
        "SELECT a.id, a.at, a.until, a.kind, a.text, a.who, a.hosts
         FROM (SELECT id FROM annotation WHERE {which} AND removed IS NULL
               ORDER BY at DESC, id DESC LIMIT ?) found
         JOIN annotation a ON a.id = found.id"
    );
    let rows: Vec<Row> =
        conn.exec(sql, params).await.map_err(pools.place.fault("read annotations"))?;
    let place = &pools.place;
    let rows = rows.into_iter().map(|row| from_cells(&RowReader::new(row, place, "an annotation")));
    let mut found = rows.collect::<Result<Vec<_>, _>>()?;
    found.sort_by(|one, other| (other.at, &other.id).cmp(&(one.at, &one.id)));
    Ok(found)
}

fn from_cells(cells: &RowReader<'_>) -> Result<Annotation, StoreError> {
    Ok(Annotation {
        id: cells.required_text(0)?.into(),
        at: cells.required_moment(1)?,
        until: cells.moment(2)?,
        kind: cells.word(3, "kind", AnnotationKind::parse)?,
        text: cells.required_text(4)?.into(),
        who: cells.required_text(5)?.into(),
        hosts: cells.json(6)?,
        removed: None,
    })
}
