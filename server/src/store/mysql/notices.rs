//! The table `notice`: what is to be told, and how far that has come.

use mysql_async::{Row, Transaction, Value, prelude::Queryable as _};

use super::{cells::RowReader, fault::Place, moment, pools::Pools};
use crate::{
    model::{HostId, Notice, NoticeKind, NoticeState},
    store::StoreError,
};

/// Keeps a notice; of one that is kept already the row that is further.
pub(super) async fn keep(
    transaction: &mut Transaction<'_>,
    notice: &Notice,
    place: &Place,
) -> Result<(), StoreError> {
    let named = || format!("the notice {}", notice.id);
    let moments = [notice.event, notice.created, notice.next_try];
    if moments.into_iter().chain(notice.ended).any(|at| moment::day(at).is_none()) {
        let why = "a DATETIME has years 1000 to 9999".to_owned();
        return Err(StoreError::BadRow { row: named(), why });
    }
    transaction
        .exec_drop(KEEP.as_str(), bound(notice))
        .await
        .map_err(|error| place.row_fault("keep a notice", named, error))
}

/// Assignments are made from left to right and see those before them: what the condition is about
/// comes last.
static KEEP: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
    const FURTHER: &str = "state = 'pending'
      AND (VALUES(state) <> 'pending' OR VALUES(attempts) > attempts)";
    let set = ["next_try", "last_error", "ended", "attempts"]
        .map(|column| format!("{column} = IF({FURTHER}, VALUES({column}), {column})"))
        .join(", ");
    format!(
        "INSERT INTO notice
           (receiver, id, host_id, event_ts, kind, body, created, state, attempts, next_try,
            last_error, ended)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE {set}, state = IF(state = 'pending', VALUES(state), state)"
    )
});

fn bound(notice: &Notice) -> Vec<Value> {
    vec![
        (&*notice.receiver).into(),
        (&*notice.id).into(),
        Value::Int(notice.host.0),
        moment::datetime(notice.event),
        notice.kind.as_str().into(),
        (&*notice.body).into(),
        moment::datetime(notice.created),
        notice.state.as_str().into(),
        Value::UInt(notice.attempts.into()),
        moment::datetime(notice.next_try),
        notice.last_error.as_deref().into(),
        notice.ended.map_or(Value::NULL, moment::datetime),
    ]
}

/// Notices of a receiver that wait, in the order in which they were kept: a clock may be set back.
pub(super) async fn pending(
    pools: &Pools,
    receiver: &str,
    limit: usize,
) -> Result<Vec<Notice>, StoreError> {
    let mut conn = pools.reader().await?;
    let limit = Value::UInt(u64::try_from(limit).unwrap_or(u64::MAX));
    let rows: Vec<Row> = conn
        .exec(
            "SELECT receiver, id, host_id, event_ts, kind, body, created, state, attempts, next_try,
               last_error, ended
             FROM notice WHERE receiver = ? AND state = 'pending' ORDER BY seq LIMIT ?",
            vec![receiver.into(), limit],
        )
        .await
        .map_err(pools.place.fault("read notices"))?;
    rows.into_iter().map(|row| from_cells(&RowReader::new(row, &pools.place, "a notice"))).collect()
}

/// What the receiver was last told of a subject: the ids of its notices begin with it, and have two more
/// parts.
pub(super) async fn last_told(
    pools: &Pools,
    receiver: &str,
    host: HostId,
    subject: &str,
) -> Result<Option<NoticeKind>, StoreError> {
    let mut conn = pools.reader().await?;
    let begin = format!("{subject}/");
    let slashes = u64::try_from(subject.matches('/').count() + 2).unwrap_or(u64::MAX);
    let found: Option<Row> = conn
        .exec_first(
            "SELECT kind FROM notice WHERE receiver = ? AND host_id = ? AND state = 'delivered'
               AND LEFT(id, CHAR_LENGTH(?)) = ?
               AND CHAR_LENGTH(id) - CHAR_LENGTH(REPLACE(id, '/', '')) = ?
             ORDER BY seq DESC LIMIT 1",
            vec![
                receiver.into(),
                Value::Int(host.0),
                begin.as_str().into(),
                begin.as_str().into(),
                Value::UInt(slashes),
            ],
        )
        .await
        .map_err(pools.place.fault("read notices"))?;
    found
        .map(|row| RowReader::new(row, &pools.place, "a notice").word(0, "kind", NoticeKind::parse))
        .transpose()
}

fn from_cells(cells: &RowReader<'_>) -> Result<Notice, StoreError> {
    let attempts = cells.required_int(8)?;
    Ok(Notice {
        receiver: cells.required_text(0)?.into(),
        id: cells.required_text(1)?.into(),
        host: HostId(cells.required_int(2)?),
        event: cells.required_moment(3)?,
        kind: cells.word(4, "kind", NoticeKind::parse)?,
        body: cells.required_text(5)?.into(),
        created: cells.required_moment(6)?,
        state: cells.word(7, "state", NoticeState::parse)?,
        attempts: u32::try_from(attempts).map_err(|_| cells.unreadable(8, "a number of tries"))?,
        next_try: cells.required_moment(9)?,
        last_error: cells.text(10)?.map(Into::into),
        ended: cells.moment(11)?,
    })
}
