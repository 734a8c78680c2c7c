//! Summaries of days from kept polls.
//!
//! Knows the store by its trait only.

use std::{sync::Arc, time::Duration};

use super::{DaySum, MAX_PAGE, ReadOrder, Span, Store, StoreError};
use crate::{
    model::{HOUR_MS, HostId},
    units::WallMs,
};

/// How often a day is summed up again because polls came into it meanwhile; then the next run goes on.
const TRIES: usize = 3;

/// Sums up a day of a host that is over, and keeps it; false when polls kept coming. Polls are read hour by
/// hour: so they are packed, and only so many are in memory.
///
/// # Errors
/// [`StoreError`]; then it may be tried again.
pub async fn summarise(store: &dyn Store, host: HostId, day: WallMs) -> Result<bool, StoreError> {
    for _ in 0..TRIES {
        let late = store.begin_summary(host, day).await?;
        let mut sum = DaySum::new(host, day);
        for hour in 0..24 {
            let from = WallMs(day.0.saturating_add(hour * HOUR_MS));
            let mut rest = Span { from, to: WallMs(from.0.saturating_add(HOUR_MS)) };
            loop {
                let polls = store.polls(host, rest, ReadOrder::OldestFirst, MAX_PAGE).await?;
                polls.iter().for_each(|poll| sum.add(poll));
                match polls.last() {
                    Some(last) if polls.len() == MAX_PAGE => {
                        rest.from = last.slot.plus(Duration::from_millis(1));
                    }
                    _ => break,
                }
            }
        }
        // Packing is work for a thread of its own.
        let packed = tokio::task::spawn_blocking(move || sum.summary()).await;
        let summary = packed.map_err(|_panicked| StoreError::Closed)?.map_err(|error| {
            StoreError::Failed {
                doing: "sum up a day of polls",
                location: format!("host {}, the day of {day}", host.0),
                cause: error.into(),
            }
        })?;
        if store.keep_summary(Arc::new(summary), late).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
