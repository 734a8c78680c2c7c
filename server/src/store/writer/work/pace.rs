//! How the writer goes on after what happened to the store, and how long it waits.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use super::{Work, timer};
use crate::store::writer::{
    WriterLimits,
    flow::{Event, Flow},
};

impl Work {
    /// Takes in what happened to the store.
    pub(super) fn happened(&mut self, event: Event) {
        let WriterLimits { retry_first, retry_cap, .. } = self.limits;
        self.flow = self.flow.next(event, self.is_stopping(), retry_first, retry_cap);
        match self.flow {
            Flow::Flowing | Flow::Slow => self.retry = None,
            Flow::Away { wait } if matches!(event, Event::Failed | Event::Ending) => {
                self.retry = Some(timer(jittered(wait)));
            }
            Flow::Away { .. } => {}
        }
        if event == Event::Failed {
            self.measure_anew();
        }
    }

    /// The load while the store was away says nothing of the load after.
    pub(super) fn measure_anew(&mut self) {
        self.tick = None;
        self.allowed = 0;
    }
}

/// Between half of the wait and all of it: servers that lost one store do not come back in step.
fn jittered(wait: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    let half = wait / 2;
    let nanos = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX);
    half + Duration::from_nanos(random % nanos.saturating_add(1))
}
