//! Why a host is paused, and until when.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::units::WallMs;

/// The longest reason that an operator may give for a pause, bytes.
pub const MAX_REASON_BYTES: usize = 200;

/// A pause that an operator asked for. It outlives the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When it was asked for.
    pub since: WallMs,
    /// When it ends by itself; none lasts until somebody ends it.
    pub until: Option<WallMs>,
    /// Why, in the operator's words; may be empty.
    pub reason: Arc<str>,
}

impl Pause {
    /// Whether it is over at `now`, by a clock that is believed.
    #[must_use]
    pub fn is_over(&self, now: WallMs) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// Why a host's state is frozen as paused. Its `Display` is for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PauseReason {
    /// The inventory says `paused`: it is not polled at all.
    Inventory,
    /// An operator asked for it. It is polled, and nothing follows from its polls.
    Asked(Pause),
    /// A maintenance window is open. It is polled, and nothing follows from its polls.
    Window {
        /// The window's name.
        name: Arc<str>,
        /// When it closes.
        until: WallMs,
    },
}

impl PauseReason {
    /// Why a host is left alone, the strongest reason first; none when it is not. What is over is not
    /// handed in.
    #[must_use]
    pub fn of(
        in_inventory: bool,
        asked: Option<&Pause>,
        window: Option<(&Arc<str>, WallMs)>,
    ) -> Option<Self> {
        if in_inventory {
            return Some(Self::Inventory);
        }
        if let Some(pause) = asked {
            return Some(Self::Asked(pause.clone()));
        }
        window.map(|(name, until)| Self::Window { name: Arc::clone(name), until })
    }

    /// Whether the host is polled all the same.
    #[must_use]
    pub fn is_polled(&self) -> bool {
        !matches!(self, Self::Inventory)
    }

    /// When it ends by itself.
    #[must_use]
    pub fn until(&self) -> Option<WallMs> {
        match self {
            Self::Inventory => None,
            Self::Asked(pause) => pause.until,
            Self::Window { until, .. } => Some(*until),
        }
    }
}

impl fmt::Display for PauseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inventory => f.write_str("paused in the inventory"),
            Self::Asked(Pause { until, reason, .. }) => {
                f.write_str("paused by an operator")?;
                if let Some(until) = until {
                    write!(f, " until {}", until.spoken())?;
                }
                if reason.is_empty() { Ok(()) } else { write!(f, ": {reason}") }
            }
            Self::Window { name, until } => {
                write!(f, "in the maintenance window {name} until {}", until.spoken())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_reason_counts() {
        let now = WallMs(1_774_747_800_000);
        let name: Arc<str> = "nightly".into();
        let window = Some((&name, WallMs(now.0 + 60_000)));
        let pause = |until| Pause { since: now, until, reason: "new disk".into() };
        let told = |inventory, asked: Option<Pause>, window| {
            PauseReason::of(inventory, asked.as_ref(), window).map(|rest| rest.to_string())
        };
        assert_eq!(told(false, None, None), None);
        assert_eq!(
            told(true, Some(pause(None)), window).as_deref(),
            Some("paused in the inventory")
        );
        assert_eq!(
            told(false, Some(pause(None)), window).as_deref(),
            Some("paused by an operator: new disk")
        );
        let later = WallMs(now.0 + 1);
        assert_eq!(
            told(false, Some(pause(Some(later))), window).as_deref(),
            Some("paused by an operator until 2026-03-29 01:30:00 UTC: new disk")
        );
        assert_eq!(
            told(false, None, window).as_deref(),
            Some("in the maintenance window nightly until 2026-03-29 01:31:00 UTC")
        );
        assert!(pause(Some(now)).is_over(now) && !pause(Some(later)).is_over(now));
    }

    #[test]
    fn a_pause_says_when_it_ends_and_whether_the_host_is_polled() {
        let (since, until) = (WallMs(1_000), WallMs(2_000));
        let pause = |until| PauseReason::Asked(Pause { since, until, reason: "".into() });
        let window = PauseReason::Window { name: "nightly".into(), until };
        let told = |reason: &PauseReason| (reason.until(), reason.is_polled());
        assert_eq!(told(&PauseReason::Inventory), (None, false));
        assert_eq!(told(&pause(None)), (None, true));
        assert_eq!(told(&pause(Some(until))), (Some(until), true));
        assert_eq!(told(&window), (Some(until), true));
    }
}
