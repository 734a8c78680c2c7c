//! How long is waited before a store that fails is tried again.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use super::{Away, Work, timer};

impl Work {
    pub(super) fn back_off(&mut self) {
        let first = self.limits.retry_first;
        let wait = match &self.away {
            Some(away) if !self.is_stopping() => {
                self.limits.retry_cap.min(away.wait.saturating_mul(2))
            }
            _ => first,
        };
        self.away = Some(Away { wait, next: timer(jittered(wait)) });
        self.measure_anew();
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
