//! The table `host_seen`: what every batch moves on.

use std::{collections::BTreeMap, sync::LazyLock};

use mysql_async::{Transaction, Value, prelude::Queryable as _};

use super::{fault::Place, moment};
use crate::{
    model::HostId,
    store::{Batch, StoreError, row},
    units::WallMs,
};

/// What a batch tells of when a host was seen.
#[derive(Default)]
struct SeenSpan {
    first: Option<WallMs>,
    last: Option<WallMs>,
    latest: Option<WallMs>,
}

/// Hosts in one statement: as many of the first as there are; the rest in the smallest that holds them,
/// filled up with the last one again, which changes nothing.
const SEEN_ROWS: [usize; 5] = [256, 64, 16, 4, 1];

static SEE: LazyLock<[String; SEEN_ROWS.len()]> = LazyLock::new(|| {
    SEEN_ROWS.map(|rows| {
        let places = vec!["(?,?,?,?)"; rows].join(",");
        let keep = |function: &str, column: &str| {
            format!(
                "{column} = {function}(COALESCE({column}, VALUES({column})), \
                 COALESCE(VALUES({column}), {column}))"
            )
        };
        format!(
            "INSERT INTO host_seen (host_id, first_seen, last_seen, latest) VALUES {places}
             ON DUPLICATE KEY UPDATE {}, {}, {}",
            keep("LEAST", "first_seen"),
            keep("GREATEST", "last_seen"),
            keep("GREATEST", "latest"),
        )
    })
});

/// Notes when hosts answered first and last, and which poll is their newest.
pub(super) async fn see(
    transaction: &mut Transaction<'_>,
    batch: &Batch,
    place: &Place,
) -> Result<(), StoreError> {
    // In the order of their numbers, so that two writers wait for each other and do not collide.
    let mut all: BTreeMap<HostId, SeenSpan> = BTreeMap::new();
    for (host, (first, last)) in row::answered(&batch.polls) {
        all.insert(host, SeenSpan { first: Some(first), last: Some(last), latest: None });
    }
    for facts in &batch.facts {
        let seen = all.entry(facts.host).or_default();
        seen.first = Some(seen.first.map_or(facts.seen, |first| first.min(facts.seen)));
        seen.last = seen.last.max(Some(facts.seen));
    }
    for record in &batch.polls {
        let seen = all.entry(record.host).or_default();
        seen.latest = seen.latest.max(Some(record.slot));
    }
    let mut rows: Vec<[Value; 4]> = Vec::with_capacity(all.len());
    for (host, seen) in all {
        let moments = [seen.first, seen.last, seen.latest].map(moment::optional);
        let [first, last, latest] = moments;
        rows.push([Value::Int(host.0), first, last, latest]);
    }
    while !rows.is_empty() {
        let holds = |(_, count): &(usize, &usize)| **count >= rows.len();
        let found = SEEN_ROWS.iter().enumerate().rev().find(holds);
        let (kind, count) = found.map_or((0, SEEN_ROWS[0]), |(kind, count)| (kind, *count));
        if let Some(last) = rows.last().cloned() {
            rows.resize(rows.len().max(count), last);
        }
        let values: Vec<Value> = rows.drain(..count).flatten().collect();
        transaction
            .exec_drop(SEE[kind].as_str(), values)
            .await
            .map_err(place.fault("note when hosts were seen"))?;
    }
    Ok(())
}
