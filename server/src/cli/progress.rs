//! A line on a terminal that says how far something is that takes longer than a second. In a pipe, or
//! when it is quicker, nothing is written.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::Arc,
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};

use crate::{clock::Clock, units::Mono};

/// Who is quicker than this is not told of.
const QUICK: Duration = Duration::from_secs(1);

/// How often the line is written anew.
const STEP: Duration = Duration::from_millis(200);

/// How far something is.
pub(super) struct Progress {
    clock: Arc<dyn Clock>,
    wanted: bool,
    next: Mono,
    written: bool,
}

impl Progress {
    /// Begins now. `terminal` says that standard output is one: who prints there as he goes wants no
    /// other line between.
    pub(super) fn new(clock: &Arc<dyn Clock>) -> Self {
        let next = clock.now().mono.plus(QUICK);
        let wanted = io::stderr().is_terminal();
        Self { clock: Arc::clone(clock), wanted, next, written: false }
    }

    /// The same, for what prints to standard output as it goes: no line between on one terminal.
    pub(super) fn beside(clock: &Arc<dyn Clock>, output_is_terminal: bool) -> Self {
        let mut progress = Self::new(clock);
        progress.wanted &= !output_is_terminal;
        progress
    }

    /// This far; written when it is time to.
    pub(super) fn at(&mut self, words: impl FnOnce() -> String) {
        let now = self.clock.now().mono;
        if !self.wanted || now < self.next {
            return;
        }
        self.next = now.plus(STEP);
        self.written = true;
        write(&words());
    }

    /// Does the work, and says how far it is meanwhile.
    pub(super) async fn during<T>(
        mut self,
        words: impl Fn() -> String,
        work: impl Future<Output = T>,
    ) -> T {
        tokio::pin!(work);
        let mut ticks = interval(STEP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = ticks.tick() => self.at(&words),
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.written {
            write("");
        }
    }
}

/// Writes over the line before (ECMA-48 EL, which clears to the end of the line). A terminal that is
/// gone is told nothing.
fn write(words: &str) {
    let mut terminal = io::stderr().lock();
    let _gone = write!(terminal, "\r{words}\x1b[K").and_then(|()| terminal.flush());
}
