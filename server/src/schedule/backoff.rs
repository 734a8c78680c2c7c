//! Back-off: how long a host that is down is left alone after each attempt that failed.
//!
//! The slots of the grid stay: back-off only says which of them are passed over, so that a fleet that
//! comes back all at once is asked at the pace that it always was.

use std::time::Duration;

use crate::{model::HostName, units::Mono};

/// Each wait is the one before times two; from here on it would be longer than any cap.
const MAX_DOUBLINGS: u32 = 20;

/// The pace at which a host that is down is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The first wait: the host's own interval.
    pub base: Duration,
    /// The longest wait.
    pub cap: Duration,
}

impl Pace {
    /// How long the host of this name is left alone after its `failed`th failed attempt in a row
    /// (from 1): twice as long after each, at most the cap, less a share that lies between nothing
    /// and half and follows from the name and the number alone. So hosts that died together do not
    /// stay in step, and the same history gives the same waits.
    #[must_use]
    pub fn wait(&self, name: &HostName, failed: u32) -> Duration {
        let doublings = failed.saturating_sub(1).min(MAX_DOUBLINGS);
        let full = self.base.saturating_mul(1 << doublings).min(self.cap);
        let hash = xxhash_rust::xxh3::xxh3_64_with_seed(name.as_str().as_bytes(), failed.into());
        // The high half of the product, as with phases: even for every length.
        let half = full.as_nanos() / 2;
        let less = u64::try_from((u128::from(hash) * half) >> 64).unwrap_or(0);
        full.saturating_sub(Duration::from_nanos(less))
    }
}

/// How far a host has backed off. The default is not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backoff {
    failed: u32,
    wait: Duration,
    until: Mono,
}

impl Backoff {
    /// An attempt that was due at `due` failed. Counted from its due moment and not from its end, so
    /// that a slow failure does not push the host off its grid.
    #[must_use]
    pub fn failed(self, pace: &Pace, name: &HostName, due: Mono) -> Self {
        let failed = self.failed.saturating_add(1);
        let wait = pace.wait(name, failed);
        Self { failed, wait, until: due.plus(wait) }
    }

    /// How long the host is left alone after the attempt that failed last; no time when none did.
    #[must_use]
    pub fn wait(&self) -> Duration {
        self.wait
    }

    /// Whether a slot that is due at `due` is to be passed over.
    #[must_use]
    pub fn holds(&self, due: Mono) -> bool {
        due < self.until
    }

    /// When it may be asked again; none when it may at any time.
    #[must_use]
    pub fn until(&self) -> Option<Mono> {
        (self.failed > 0).then_some(self.until)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BIT: Duration = Duration::from_nanos(1);
    const PACE: Pace = Pace { base: Duration::from_secs(10), cap: Duration::from_secs(60) };

    fn name(text: &str) -> HostName {
        HostName::new(text).unwrap()
    }

    #[test]
    fn waits_double_up_to_the_cap_less_at_most_half() {
        for (failed, full) in [(1, 10), (2, 20), (3, 40), (4, 60), (5, 60), (u32::MAX, 60)] {
            let full = Duration::from_secs(full);
            let wait = PACE.wait(&name("web-1"), failed);
            assert!(wait <= full && wait >= full / 2, "{failed}: {wait:?}");
        }
        // The numbers themselves are the promise: no state, no clock, no chance in them.
        let waits: Vec<u128> =
            (1..=5).map(|failed| PACE.wait(&name("web-1"), failed).as_millis()).collect();
        insta::assert_compact_debug_snapshot!(waits);
    }

    #[test]
    fn each_failure_in_a_row_counts_from_when_it_was_due() {
        let (host, mut backoff) = (name("web-1"), Backoff::default());
        assert_eq!(backoff.until(), None);
        for failed in 1..=9 {
            let due = Mono(Duration::from_secs(1_000 * u64::from(failed)));
            backoff = backoff.failed(&PACE, &host, due);
            let until = due.plus(PACE.wait(&host, failed));
            assert_eq!(backoff.until(), Some(until), "{failed}");
            assert!(!backoff.holds(until) && backoff.holds(Mono(until.0 - BIT)), "{failed}");
        }
    }

    #[test]
    fn hosts_that_died_together_do_not_stay_in_step() {
        let mut tenths = [0_u32; 10];
        for number in 0..10_000 {
            let wait = PACE.wait(&name(&format!("web-{number}")), 7).as_millis();
            tenths[usize::try_from((wait - 30_000).min(29_999) / 3_000).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|tenth| (850..=1150).contains(tenth)), "{tenths:?}");
    }

    #[test]
    fn an_interval_over_the_cap_passes_no_slot_over() {
        let slow = Pace { base: Duration::from_secs(300), cap: Duration::from_secs(60) };
        let mut backoff = Backoff::default();
        for slot in 0..50 {
            let due = Mono(Duration::from_secs(300 * slot));
            assert!(!backoff.holds(due));
            backoff = backoff.failed(&slow, &name("a"), due);
        }
    }

    proptest! {
        /// On the grid of its interval, a host that is down is asked at least once per cap and slot.
        #[test]
        fn a_host_that_is_down_is_never_forgotten(
            host in "[a-z]{1,9}", base in 1_u64..120, cap in 1_u64..600,
        ) {
            let pace = Pace { base: Duration::from_secs(base), cap: Duration::from_secs(cap) };
            let (name, mut backoff, mut last) = (name(&host), Backoff::default(), 0);
            for slot in 0..300 {
                let due = Mono(Duration::from_secs(slot * base));
                if backoff.holds(due) {
                    prop_assert!((slot - last) * base < cap + base, "left alone too long");
                    continue;
                }
                last = slot;
                backoff = backoff.failed(&pace, &name, due);
                prop_assert!(backoff.until().is_some_and(|until| until.since(due) <= pace.cap));
            }
        }
    }
}
