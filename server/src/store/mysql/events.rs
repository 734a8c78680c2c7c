//! The table `event`: transitions in and out, and the host's state that they leave.

use mysql_async::{Row, Transaction, Value, prelude::Queryable as _};

use super::{cells::RowReader, fault::Place, moment, pools::Pools};
use crate::{
    model::{Cause, HostId, Outcome, Transition},
    store::{ReadOrder, Span, StoreError},
};

/// Keeps a transition, once, and the state it leads to, unless a later one is known.
pub(super) async fn insert(
    transaction: &mut Transaction<'_>,
    transition: &Transition,
    place: &Place,
) -> Result<(), StoreError> {
    const DOING: &str = "keep a transition";
    let row = || format!("the transition of {} at {}", transition.name, transition.at);
    if [transition.at, transition.of_moment()].into_iter().any(|at| moment::day(at).is_none()) {
        let why = "a DATETIME has years 1000 to 9999".to_owned();
        return Err(StoreError::BadRow { row: row(), why });
    }
    let at = moment::datetime(transition.at);
    let to: Value = transition.to.as_str().into();
    transaction
        .exec_drop(
            "INSERT INTO event
               (host_id, ts, from_state, to_state, host_name, cause, outcome, reason, slot)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON DUPLICATE KEY UPDATE host_id = VALUES(host_id)",
            vec![
                Value::Int(transition.host.0),
                at.clone(),
                transition.from.as_str().into(),
                to.clone(),
                transition.name.as_str().into(),
                transition.cause.as_str().into(),
                transition.outcome.map(Outcome::as_str).into(),
                (&*transition.reason).into(),
                transition.slot.map_or(Value::NULL, moment::datetime),
            ],
        )
        .await
        .map_err(|error| place.row_fault(DOING, row, error))?;
    if transaction.affected_rows() == 0 || transition.from == transition.to {
        return Ok(());
    }
    transaction
        .exec_drop(
            "UPDATE host SET state = ?, state_since = ?
             WHERE id = ? AND (state_since IS NULL OR state_since <= ?)",
            vec![to, at.clone(), Value::Int(transition.host.0), at],
        )
        .await
        .map_err(place.fault(DOING))
}

/// Transitions in a span.
pub(super) async fn read(
    pools: &Pools,
    host: Option<HostId>,
    span: Span,
    order: ReadOrder,
    limit: usize,
) -> Result<Vec<Transition>, StoreError> {
    let mut conn = pools.reader().await?;
    // Two texts and not one with "? IS NULL OR": each uses its own index.
    let whose = if host.is_some() { "host_id = ?" } else { "? IS NULL" };
    let order = match order {
        ReadOrder::OldestFirst => "ts, id",
        ReadOrder::NewestFirst => "ts DESC, id DESC",
    };
    let sql = format!(
        "SELECT host_id, host_name, ts, from_state, to_state, cause, outcome, reason, slot FROM event
         WHERE {whose} AND ts >= ? AND ts < ? ORDER BY {order} LIMIT ?"
    );
    let params = vec![
        host.map(|host| host.0).into(),
        moment::datetime(span.from),
        moment::datetime(span.to),
        Value::UInt(u64::try_from(limit).unwrap_or(u64::MAX)),
    ];
    let rows: Vec<Row> =
        conn.exec(sql, params).await.map_err(pools.place.fault("read transitions"))?;
    rows.into_iter()
        .map(|row| from_cells(&RowReader::new(row, &pools.place, "a transition")))
        .collect()
}

fn from_cells(cells: &RowReader<'_>) -> Result<Transition, StoreError> {
    let outcome = match cells.is_null(6) {
        true => None,
        false => Some(cells.word(6, "outcome", Outcome::parse)?),
    };
    Ok(Transition {
        host: HostId(cells.required_int(0)?),
        name: cells.host_name(1)?,
        at: cells.required_moment(2)?,
        slot: cells.moment(8)?,
        from: cells.state(3)?,
        to: cells.state(4)?,
        cause: cells.word(5, "cause", Cause::parse)?,
        outcome,
        reason: cells.required_text(7)?.into(),
    })
}
