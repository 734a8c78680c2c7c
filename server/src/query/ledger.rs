//! A page of a host's ledger: as many polls as are asked for, or as fit, read in steps, so that a
//! page of the largest machines takes no more memory than one of the smallest.

use std::{sync::Arc, time::Duration};

use tokio::{sync::OwnedSemaphorePermit, time::timeout};

use super::{
    MAX_PAGE, PollRange, PollShape, PollsPage, Query, QueryError, Rfc3339, SortOrder,
    poll_shape::json_bytes,
};
use crate::store;

/// The most bytes of one page of polls as JSON; further polls are on the next page. It is reckoned with
/// the longest numbers, so a page mostly has half as many. A single poll that is longer is a page.
pub const MAX_PAGE_BYTES: usize = 8 << 20;

/// Pages of polls that are read and sent at once; further ones wait.
pub const MAX_PAGES_AT_ONCE: usize = 8;

/// How long a page waits for its turn before the server is called busy.
pub const PAGE_PATIENCE: Duration = Duration::from_secs(10);

/// Polls read at first, when nobody knows how large they are.
const FIRST_STEP: usize = 8;

/// Bytes read at once from then on, reckoned as those of a page.
const STEP_BYTES: usize = 4 << 20;

impl Query {
    /// A page of a host's ledger: at most `range.limit` polls, and at most [`MAX_PAGE_BYTES`].
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn polls(
        &self,
        name: &str,
        range: &PollRange,
        detail: bool,
    ) -> Result<PollsPage, QueryError> {
        let (id, name) = self.find(name).await?;
        let limit = range.limit.min(MAX_PAGE);
        let order = match range.order {
            SortOrder::Asc => store::ReadOrder::OldestFirst,
            SortOrder::Desc => store::ReadOrder::NewestFirst,
        };
        let (mut polls, mut bytes): (Vec<PollShape>, usize) = (Vec::new(), 0);
        let (mut read, mut read_bytes) = (0, 0);
        let mut rest = *range;
        let more = 'page: loop {
            // One more than asked for tells whether there is a next page.
            let step = match read_bytes {
                0 => FIRST_STEP,
                all => (STEP_BYTES / (all / read).max(1)).max(1),
            };
            let step = step.min(limit + 1 - polls.len());
            let span = store::Span { from: rest.from, to: rest.to };
            let records = self.store.polls(id, span, order, step).await?;
            let is_last = records.len() < step;
            for mut record in records {
                read += 1;
                read_bytes += json_bytes(&record);
                if !detail {
                    record.detail = None;
                }
                bytes += json_bytes(&record);
                if polls.len() == limit || (bytes > MAX_PAGE_BYTES && !polls.is_empty()) {
                    break 'page true;
                }
                rest = range.after(record.slot);
                polls.push(PollShape::new(Arc::new(record), detail));
            }
            if is_last {
                break false;
            }
        };
        let detail = if detail { "" } else { "&detail=false" };
        Ok(PollsPage {
            host: name.as_str().into(),
            from: Rfc3339(range.from),
            to: Rfc3339(range.to),
            polls,
            next: more.then(|| format!("{rest}{detail}")),
        })
    }

    /// A place among the pages that are read and sent at once; given back when it is dropped.
    ///
    /// # Errors
    /// [`QueryError::Busy`] when none is free within [`PAGE_PATIENCE`].
    pub async fn place(&self) -> Result<OwnedSemaphorePermit, QueryError> {
        let place = timeout(PAGE_PATIENCE, Arc::clone(&self.pages).acquire_owned()).await;
        place.ok().and_then(Result::ok).ok_or(QueryError::Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Mode, sqlite::Sqlite};

    #[tokio::test(start_paused = true)]
    async fn pages_beyond_those_at_once_are_refused_in_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(dir.path().join("store.db"), Mode::ReadWrite).await.unwrap();
        let query = Query::of_store(Arc::new(store));
        let mut places = Vec::new();
        for _ in 0..MAX_PAGES_AT_ONCE {
            places.push(query.place().await.unwrap());
        }
        assert!(matches!(query.clone().place().await, Err(QueryError::Busy)));
        drop(places.pop());
        assert!(query.place().await.is_ok());
    }
}
