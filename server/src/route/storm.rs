//! One route as a whole: quiet hours, and storms of new alarms.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::units::WallMs;

/// More new alarms than that in [`STORM_WITHIN`] are a storm.
pub const MAX_SINGLE: usize = 25;
/// See [`MAX_SINGLE`].
pub const STORM_WITHIN: Duration = Duration::from_secs(60);
/// A storm ends after so long without a new alarm.
pub const STORM_CALM: Duration = Duration::from_secs(300);

/// What a route remembers beside its groups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Whole {
    /// The name of the route.
    pub(super) route: Arc<str>,
    /// When the last new alarms came, oldest first; one more than [`MAX_SINGLE`] at most.
    recent: VecDeque<WallMs>,
    /// Alarms of this route are told together.
    pub(super) storm: bool,
    /// Its quiet hours end then; none: it is not in them.
    pub(super) quiet: Option<WallMs>,
}

impl Whole {
    pub(super) fn new(route: Arc<str>) -> Self {
        Self { route, recent: VecDeque::new(), storm: false, quiet: None }
    }

    /// Counts a new alarm. Answers whether a storm begins.
    pub(super) fn count(&mut self, now: WallMs) -> bool {
        self.recent.push_back(now);
        if self.recent.len() > MAX_SINGLE + 1 {
            self.recent.pop_front();
        }
        let many = self.recent.len() > MAX_SINGLE;
        let close = self.recent.front().is_some_and(|first| now.since(*first) <= STORM_WITHIN);
        many && close && !std::mem::replace(&mut self.storm, true)
    }

    /// When the storm is over if no new alarm comes.
    pub(super) fn calms(&self) -> Option<WallMs> {
        self.recent.back().filter(|_| self.storm).map(|last| last.plus(STORM_CALM))
    }

    /// Notes that the storm is over, if it is. Answers whether it was one.
    pub(super) fn calm(&mut self, now: WallMs) -> bool {
        let over = self.calms().is_some_and(|at| at <= now);
        if over {
            self.storm = false;
            self.recent.clear();
        }
        over
    }
}
