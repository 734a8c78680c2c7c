//! Hours in short of kept polls, where they are missing: the hour in which the server started, and
//! those that ended while it was down.
//!
//! Knows the store by its trait only.

use std::{collections::BTreeSet, time::Duration};

use super::{Batch, MAX_PAGE, SeriesAsk, Span, Store, StoreError};
use crate::{
    model::{HOUR_MS, HostId, hour_of},
    rollup::{Rollups, Tier},
    units::WallMs,
};

/// How far back missing hours are looked for when the server starts: a long weekend.
pub const LOOK_BACK: Duration = Duration::from_secs(72 * 3_600);

/// Polls that are read at once. One page is in memory at a time, and the allocator keeps what it took:
/// of 2,000 that was 5 MB for good.
const PAGE: usize = 250;
const _: () = assert!(PAGE <= MAX_PAGE, "a page is read whole");

/// Gathers the hours of `span` that a host has polls of and no rollup, and keeps them; says how many
/// these were. Every poll of the span must be in the store by now.
///
/// # Errors
/// [`StoreError`]; then none was kept, and it may be tried again.
pub async fn rebuild(store: &dyn Store, host: HostId, span: Span) -> Result<usize, StoreError> {
    let mut rollups = Rollups::of_all();
    for missing in missing(store, host, span).await? {
        let mut rest = missing;
        loop {
            let samples = store.samples(host, rest, PAGE).await?;
            for sample in &samples {
                rollups.add(&sample.polled(host));
            }
            match samples.last() {
                Some(last) if samples.len() == PAGE => {
                    rest.from = last.slot.plus(Duration::from_millis(1));
                }
                _ => break,
            }
        }
    }
    let rollups: Vec<_> = rollups.into_all().into_iter().map(Into::into).collect();
    let kept = rollups.len();
    if kept > 0 {
        store.write(Batch { rollups, ..Batch::default() }.into()).await?;
    }
    Ok(kept)
}

/// The stretches of a span of whole hours that have no rollup.
async fn missing(store: &dyn Store, host: HostId, span: Span) -> Result<Vec<Span>, StoreError> {
    let step = Duration::from_millis(HOUR_MS.unsigned_abs());
    let ask = SeriesAsk { host, columns: [].into(), span, step, tier: Tier::Hours };
    let there = store.series(ask).await?;
    let there: BTreeSet<WallMs> = there.into_iter().map(|bucket| bucket.start).collect();
    let mut missing: Vec<Span> = Vec::new();
    let mut hour = hour_of(span.from);
    while hour < span.to {
        let end = hour.plus(step);
        match missing.last_mut() {
            _ if there.contains(&hour) => {}
            Some(last) if last.to == hour => last.to = end,
            _ => missing.push(Span { from: hour, to: end }),
        }
        hour = end;
    }
    Ok(missing)
}
