//! How the store does, as the writer sees it, and what the writer does next. Pure: no time, no rows.
//!
//! ```text
//!              Late                    Failed
//!   Flowing ──────────▶ Slow     any ──────────▶ Away (waits, doubled with each failure)
//!      ▲ ▲                │                        │
//!      │ └── any end of it┘                        │
//!      └───────────────────── Taken ───────────────┘
//! ```

use std::time::Duration;

/// How the store does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// It takes rows: new ones go straight to it, and beside them those of the spool.
    Flowing,
    /// It has not answered a write within the patience: new rows go to the spool.
    Slow,
    /// It fails: new rows go to the spool, and it is tried again after `wait`, before jitter.
    Away {
        /// The wait.
        wait: Duration,
    },
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A write has taken longer than the patience.
    Late,
    /// The store took the rows.
    Taken,
    /// The store works, and will never take one of the rows.
    Refused,
    /// The store does not work.
    Failed,
    /// The end was asked for: no time is left for long waits.
    Ending,
}

/// What there is to decide by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sight {
    /// A write is under way.
    pub(super) busy: bool,
    /// Rows that were not acknowledged are in memory alone.
    pub(super) held: bool,
    /// A batch of the queue is full or has waited long enough.
    pub(super) due: bool,
    /// The wait for a store that fails is over.
    pub(super) retry_due: bool,
    /// The spool takes rows.
    pub(super) can_spool: bool,
    /// The end was asked for.
    pub(super) ending: bool,
}

/// What the store is given to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Wait,
    /// The rows that it did not acknowledge.
    Held,
    /// A batch of the queue.
    Queue,
    /// Rows of the spool, as many as the load allows.
    Replay,
    /// A little of the spool, or else a batch of the queue.
    Try,
}

impl Flow {
    /// How the store does after an event. The first wait is `first`, the longest `cap`; at the `ending`
    /// waits stay short.
    pub(super) fn next(self, event: Event, ending: bool, first: Duration, cap: Duration) -> Self {
        match (self, event) {
            (_, Event::Taken) => Self::Flowing,
            (Self::Away { wait }, Event::Failed) if !ending => {
                Self::Away { wait: cap.min(wait.saturating_mul(2)) }
            }
            (_, Event::Failed) => Self::Away { wait: first },
            (Self::Away { .. }, Event::Ending) => Self::Away { wait: Duration::ZERO },
            (away @ Self::Away { .. }, Event::Late | Event::Refused) => away,
            (Self::Flowing | Self::Slow, Event::Late) => Self::Slow,
            (Self::Flowing | Self::Slow, Event::Refused) => Self::Flowing,
            (flow @ (Self::Flowing | Self::Slow), Event::Ending) => flow,
        }
    }

    /// What the store is given to do now.
    pub(super) fn step(self, sight: Sight) -> Step {
        let Sight { busy, held, due, retry_due, can_spool, ending } = sight;
        match self {
            _ if busy => Step::Wait,
            // At the end the spool has what the store does not take.
            Self::Away { .. } if ending && can_spool => Step::Wait,
            Self::Away { .. } if !retry_due => Step::Wait,
            // It would be lost first.
            _ if held => Step::Held,
            Self::Away { .. } => Step::Try,
            Self::Flowing | Self::Slow if due => Step::Queue,
            Self::Flowing | Self::Slow if ending => Step::Wait,
            Self::Flowing | Self::Slow => Step::Replay,
        }
    }

    /// Whether new rows are not to wait for the store.
    pub(super) fn is_shut(self) -> bool {
        self != Self::Flowing
    }
}

#[cfg(test)]
mod tests {
    use super::{Event::*, Flow::*, *};

    const FIRST: Duration = Duration::from_millis(200);
    const CAP: Duration = Duration::from_secs(1);

    fn away(ms: u64) -> Flow {
        Away { wait: Duration::from_millis(ms) }
    }

    #[test]
    fn each_event_leads_from_each_state_to_one() {
        let table = [
            (Flowing, [Slow, Flowing, Flowing, away(200), Flowing]),
            (Slow, [Slow, Flowing, Flowing, away(200), Slow]),
            (away(200), [away(200), Flowing, away(200), away(400), away(0)]),
            (away(800), [away(800), Flowing, away(800), away(1_000), away(0)]),
        ];
        for (from, to) in table {
            let led = [Late, Taken, Refused, Failed, Ending]
                .map(|event| from.next(event, false, FIRST, CAP));
            assert_eq!(led, to, "{from:?}");
        }
        for from in [Flowing, Slow, away(0), away(800)] {
            assert_eq!(from.next(Failed, true, FIRST, CAP), away(200), "{from:?} at the end");
        }
    }

    /// Every situation there is, in the order of the fields of [`Sight`].
    fn situations() -> impl Iterator<Item = Sight> {
        (0..64_u8).map(|bits| {
            let [busy, held, due, retry_due, can_spool, ending] =
                std::array::from_fn(|bit| bits & (1 << bit) != 0);
            Sight { busy, held, due, retry_due, can_spool, ending }
        })
    }

    #[test]
    fn a_store_has_one_thing_to_do_and_what_was_not_acknowledged_goes_first() {
        for flow in [Flowing, Slow, away(200)] {
            for sight in situations() {
                let step = flow.step(sight);
                let wanted = match flow {
                    _ if sight.busy => Step::Wait,
                    Away { .. } if !sight.retry_due || (sight.ending && sight.can_spool) => {
                        Step::Wait
                    }
                    Away { .. } if sight.held => Step::Held,
                    Away { .. } => Step::Try,
                    Flowing | Slow => match (sight.held, sight.due, sight.ending) {
                        (true, ..) => Step::Held,
                        (false, true, _) => Step::Queue,
                        (false, false, true) => Step::Wait,
                        (false, false, false) => Step::Replay,
                    },
                };
                assert_eq!(step, wanted, "{flow:?} {sight:?}");
            }
        }
        assert_eq!([Flowing, Slow, away(0)].map(Flow::is_shut), [false, true, true]);
    }
}
