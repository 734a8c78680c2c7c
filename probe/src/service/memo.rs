//! The last few requests, checked: compiling their patterns costs more than the whole answer.
//!
//! A pure memo. It holds nothing of the host, and with or without it every answer is the same.

use std::sync::{Arc, Mutex, PoisonError};

use roundsman_proto::v1::GetMetricsRequest;

use crate::collect::{BadPattern, Wanted};

/// Requests remembered: one per polling server, and a few by hand.
const MEMO_REQUESTS: usize = 4;

/// Checked requests, the last used first.
#[derive(Debug, Default)]
pub(super) struct Memo {
    recent: Mutex<Vec<(GetMetricsRequest, Arc<Wanted>)>>,
}

impl Memo {
    /// The request, checked now or before.
    pub(super) fn wanted(&self, request: GetMetricsRequest) -> Result<Arc<Wanted>, BadPattern> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let place = recent.iter().position(|(known, _)| *known == request);
        if let Some(place) = place {
            recent[..=place].rotate_right(1);
        } else {
            let wanted = Arc::new(Wanted::new(&request)?);
            recent.truncate(MEMO_REQUESTS - 1);
            recent.insert(0, (request, wanted));
        }
        Ok(Arc::clone(&recent[0].1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(top_processes: u32) -> GetMetricsRequest {
        GetMetricsRequest { top_processes, ..GetMetricsRequest::default() }
    }

    fn remembered(memo: &Memo) -> Vec<u32> {
        memo.recent.lock().unwrap().iter().map(|(request, _)| request.top_processes).collect()
    }

    #[test]
    fn the_last_used_stay_and_no_more_than_the_limit() {
        let memo = Memo::default();
        let first = memo.wanted(request(0)).unwrap();
        for n in 1..4 {
            memo.wanted(request(n)).unwrap();
        }
        assert!(Arc::ptr_eq(&first, &memo.wanted(request(0)).unwrap()));
        memo.wanted(request(9)).unwrap();
        assert_eq!(remembered(&memo), [9, 0, 3, 2]);
    }
}
