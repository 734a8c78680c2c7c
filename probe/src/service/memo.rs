//! The last few requests, checked: compiling their patterns costs more than the whole answer.
//!
//! A pure memo. It holds nothing of the host, and with or without it every answer is the same.
//! Patterns are compiled on another thread, one request at a time: whatever they are, they hold up
//! neither the calls of others nor the memory of the host.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use roundsman_proto::v1::GetMetricsRequest;
use tokio::{sync::Semaphore, task, time};
use tonic::Status;

use crate::collect::{BadPattern, Wanted};

/// Requests remembered: one per polling server, and a few by hand.
const MEMO_REQUESTS: usize = 4;
/// Compiled patterns of all that is remembered, bytes; one request always has room.
const MEMO_BYTES: usize = 1 << 20;
/// Requests whose patterns are compiled at one time.
const COMPILING: usize = 1;

/// Checked requests, the last used first.
#[derive(Debug)]
pub(super) struct Memo {
    recent: Mutex<Vec<(GetMetricsRequest, Arc<Wanted>)>>,
    compiling: Arc<Semaphore>,
}

impl Default for Memo {
    fn default() -> Self {
        Self { recent: Mutex::default(), compiling: Arc::new(Semaphore::new(COMPILING)) }
    }
}

impl Memo {
    /// The request, checked now or before, by `until`.
    pub(super) async fn wanted(
        &self,
        request: GetMetricsRequest,
        until: Instant,
    ) -> Result<Arc<Wanted>, Status> {
        if let Some(known) = self.known(&request) {
            return Ok(known);
        }
        if !has_patterns(&request) {
            let wanted = Wanted::new(&request).map_err(|bad| refusal(&bad))?;
            return Ok(self.remember(request, wanted));
        }
        let late = || Status::deadline_exceeded("the patterns could not be compiled in time");
        let place = Arc::clone(&self.compiling).acquire_owned();
        let place = time::timeout_at(until.into(), place).await.map_err(|_| late())?;
        // Those that waited may have wanted the same.
        if let Some(known) = self.known(&request) {
            return Ok(known);
        }
        let compiled = task::spawn_blocking(move || {
            let wanted = Wanted::new(&request);
            // Not before, whoever has given up waiting.
            drop(place);
            (request, wanted)
        });
        let (request, wanted) = time::timeout_at(until.into(), compiled)
            .await
            .map_err(|_| late())?
            .map_err(|error| Status::internal(format!("compiling the patterns failed: {error}")))?;
        Ok(self.remember(request, wanted.map_err(|bad| refusal(&bad))?))
    }

    fn known(&self, request: &GetMetricsRequest) -> Option<Arc<Wanted>> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let place = recent.iter().position(|(known, _)| known == request)?;
        recent[..=place].rotate_right(1);
        recent.first().map(|(_, wanted)| Arc::clone(wanted))
    }

    fn remember(&self, request: GetMetricsRequest, wanted: Wanted) -> Arc<Wanted> {
        let wanted = Arc::new(wanted);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.truncate(MEMO_REQUESTS - 1);
        recent.insert(0, (request, Arc::clone(&wanted)));
        let mut bytes = 0;
        recent.retain(|(_, wanted)| {
            bytes += wanted.compiled_bytes();
            bytes <= MEMO_BYTES
        });
        wanted
    }
}

fn has_patterns(request: &GetMetricsRequest) -> bool {
    [&request.devices, &request.mounts, &request.interfaces]
        .into_iter()
        .flatten()
        .any(|filter| !filter.include.is_empty() || !filter.exclude.is_empty())
}

/// A pattern's error draws a caret below the pattern; a status message is one line.
fn refusal(bad: &BadPattern) -> Status {
    let text = bad.to_string();
    Status::invalid_argument(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use roundsman_proto::v1::Filter;

    use super::*;
    use crate::clock;

    fn request(top_processes: u32) -> GetMetricsRequest {
        GetMetricsRequest { top_processes, ..GetMetricsRequest::default() }
    }

    /// Six lists that compile to as much as they may.
    fn large(top_processes: u32) -> GetMetricsRequest {
        let list = || vec!["[a-z]{1000}".to_owned()];
        let filter = || Some(Filter { include: list(), exclude: list() });
        let (devices, mounts, interfaces) = (filter(), filter(), filter());
        GetMetricsRequest { devices, mounts, interfaces, ..request(top_processes) }
    }

    fn in_time() -> Instant {
        clock::now() + Duration::from_secs(60)
    }

    fn remembered(memo: &Memo) -> Vec<u32> {
        memo.recent.lock().unwrap().iter().map(|(request, _)| request.top_processes).collect()
    }

    #[tokio::test]
    async fn the_last_used_stay_and_no_more_than_the_limit() {
        let memo = Memo::default();
        let first = memo.wanted(request(0), in_time()).await.unwrap();
        for n in 1..4 {
            memo.wanted(request(n), in_time()).await.unwrap();
        }
        assert!(Arc::ptr_eq(&first, &memo.wanted(request(0), in_time()).await.unwrap()));
        memo.wanted(request(9), in_time()).await.unwrap();
        assert_eq!(remembered(&memo), [9, 0, 3, 2]);
    }

    #[tokio::test]
    async fn large_patterns_are_remembered_one_request_at_a_time() {
        let memo = Memo::default();
        memo.wanted(request(0), in_time()).await.unwrap();
        memo.wanted(large(1), in_time()).await.unwrap();
        assert_eq!(remembered(&memo), [1, 0]);
        memo.wanted(large(2), in_time()).await.unwrap();
        assert_eq!(remembered(&memo), [2]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_place_to_compile_waits_until_the_deadline_and_holds_up_nobody() {
        let memo = Memo::default();
        let known = memo.wanted(large(1), in_time()).await.unwrap();
        let _taken = memo.compiling.acquire().await.unwrap();
        let until = clock::now() + Duration::from_millis(300);
        let late = memo.wanted(large(2), until).await.unwrap_err();
        assert_eq!(late.code(), tonic::Code::DeadlineExceeded);
        // Neither what is known nor what needs no compiling waits.
        assert!(Arc::ptr_eq(&known, &memo.wanted(large(1), until).await.unwrap()));
        memo.wanted(request(3), until).await.unwrap();
    }
}
