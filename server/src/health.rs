//! What a host's state is after each poll and each word of the operator: one table.
//!
//! Pure: no clock, no I/O, no logging. It must not know how a poll is made, when the next one is,
//! or where states are kept. Thresholds count polls, never seconds: a host that is polled every
//! five minutes is not down sooner than its third failed poll.
//!
//! | from | on | to |
//! |---|---|---|
//! | pending | a good poll | up, or degraded |
//! | pending | `fall` failed polls in a row | down |
//! | suspect, down | `rise` good polls in a row | up, or degraded, as the last of them says |
//! | up, degraded | a failed poll | suspect |
//! | suspect | `fall` failed polls in a row, the one that made it suspect included | down |
//! | up | a good poll with a flaw | degraded |
//! | degraded | `rise` good polls in a row without a flaw | up |
//! | any but paused and retired | another machine is accepted | pending: nothing is known of it |
//! | any but retired | pause: the inventory, an operator, a maintenance window | paused |
//! | paused | resume | pending: nothing is known of the meantime |
//! | any | gone from the inventory | retired |
//! | retired | in the inventory again | pending |
//!
//! Anything else leaves the state as it is. Four decisions behind the table:
//!
//! * **Never from up to down at once.** A `fall` of 1 counts as 2.
//! * **A pending host goes down.** After a start of the server every host is pending; one that died
//!   in the meantime must not stay pending for ever without a word.
//! * **What was not asked is no evidence.** At an overrun the poll before was still running; it ends
//!   within its own deadline and is counted then. At `local` the server lacked what a poll takes.
//!   Counting either would count our own trouble against the host.
//! * **A change of flaw is not a change of state.** A degraded host that has another flaw today
//!   stays degraded; the ledger holds each poll's own words.
//!
//! What stands around the table, not in it: back-off for hosts that are down (`crate::schedule`
//! chooses *when* [`step`] is called), the [`Quorum`] "is it me?" (whether it is called at all),
//! [`Flapping`] (a flag beside the state, from the polls and the moves made), parents (a mark beside
//! the state), and [`PauseReason`], why a host is paused.
//!
//! NOT_SERVING is asked about only before a host that is down is polled again. While a host is up
//! its answer names every family that cannot be read ([`flaws`]), which is all that the probe's
//! health service knows besides; a `Check` between polls would be traffic that says nothing new.

mod explain;
mod flapping;
mod flaw;
mod parent;
mod quorum;
mod pause_reason;

pub use explain::{StateContext, explain, flawed};
pub use flapping::{
    FLAP_FALLS_OFF, FLAP_FALLS_ON, FLAP_OFF_PCT, FLAP_ON_PCT, FLAP_POLLS, FLAP_WITHIN, Flapping,
};
pub use flaw::{Flaw, Skew, flaws};
pub use parent::{FailingParent, MAX_PARENTS};
pub use pause_reason::{MAX_REASON_BYTES, Pause, PauseReason};
pub use quorum::{
    Evidence, ISOLATED_ABOVE_PCT, ISOLATED_GROUPS, ISOLATED_HOSTS, ISOLATED_ONE_GROUP, Quorum,
    QuorumSample,
};

use std::time::Duration;

use self::flapping::Turn;
use crate::{
    config,
    model::{Cause, Outcome, State},
    units::WallMs,
};

/// The thresholds of one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Good polls in a row that bring a host back, at least 1.
    pub rise: u32,
    /// Failed polls in a row that make it down; 1 counts as 2.
    pub fall: u32,
    /// How far the probe's wall clock may be off, beyond what the measure itself may be off: it is
    /// taken against the middle of the call, and known to within half of it.
    pub skew_limit: Duration,
    /// How long before the end of its certificate a probe's host is degraded.
    pub certificate_warn: Duration,
    /// The longest time that a host which is down is left alone between two attempts.
    pub backoff_cap: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            rise: 2,
            fall: 3,
            skew_limit: Duration::from_secs(5),
            certificate_warn: Duration::from_secs(14 * 24 * 3600),
            backoff_cap: Duration::from_secs(60),
        }
    }
}

impl From<&config::Health> for Policy {
    fn from(health: &config::Health) -> Self {
        Self {
            rise: health.rise,
            fall: health.fall,
            skew_limit: health.clock_skew,
            certificate_warn: health.certificate_warn,
            backoff_cap: health.backoff_cap,
        }
    }
}

impl Policy {
    /// Good polls in a row that bring a host back.
    fn rise(&self) -> u32 {
        self.rise.max(1)
    }

    /// Failed polls in a row that make a host down: the first makes it suspect, so at least 2.
    fn fall(&self) -> u32 {
        self.fall.max(2)
    }
}

/// A host's health: all that [`step`] remembers of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// The state.
    pub state: State,
    /// Good polls in a row that count towards the next state; when degraded, those without a flaw.
    pub good: u32,
    /// Failed polls in a row.
    pub bad: u32,
    /// When the state was entered, on the server's clock. Never moves back, even if the clock does.
    pub since: WallMs,
    /// Whether it changes too often, beside the state.
    pub flapping: Flapping,
}

impl Health {
    /// A host that was just put into the inventory.
    #[must_use]
    pub fn new(now: WallMs) -> Self {
        Self::known(State::Pending, now)
    }

    /// A host as a store remembers it: the state, without the evidence.
    #[must_use]
    pub fn known(state: State, since: WallMs) -> Self {
        Self { state, good: 0, bad: 0, since, flapping: Flapping::default() }
    }

    /// Whether the host answered not long ago and is expected to, so that its silence says something
    /// of the server. One that never answered may be an address mistyped.
    #[must_use]
    pub fn counts_for_quorum(&self) -> bool {
        match self.state {
            State::Up | State::Degraded | State::Suspect => true,
            State::Pending | State::Down | State::Paused | State::Retired => false,
        }
    }
}

/// What happens to a host.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// A poll ended.
    Poll {
        /// How.
        outcome: Outcome,
        /// What is wrong with a good answer, from [`flaws`]; of no matter when the poll failed.
        flaws: &'a [Flaw],
        /// What went wrong, in words, when it failed.
        error: Option<&'a str>,
    },
    /// It is to be left alone, and why.
    Pause(&'a PauseReason),
    /// No longer.
    Resume,
    /// It is gone from the inventory.
    Retire,
    /// It is in the inventory (again).
    Add,
    /// The operator accepts another machine under its name.
    Accept,
}

/// A change of state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateChange {
    /// The state before.
    pub from: State,
    /// The state after; another one.
    pub to: State,
    /// Why.
    pub cause: Cause,
    /// The outcome of the poll that caused it, when a poll did.
    pub outcome: Option<Outcome>,
    /// Why, in plain words.
    pub reason: String,
}

/// What an input is worth to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// Answered, nothing wrong with the answer.
    Good,
    /// Answered, with something wrong.
    Flawed,
    /// Did not answer, or not usably.
    Failed,
    /// Nothing was asked.
    NotAsked,
    Pause,
    Resume,
    Retire,
    Add,
    Accept,
}

fn event(input: Input<'_>) -> Event {
    match input {
        Input::Poll { outcome, flaws, .. } => match outcome {
            Outcome::Ok if flaws.is_empty() => Event::Good,
            Outcome::Ok | Outcome::Partial => Event::Flawed,
            Outcome::Overrun | Outcome::Local => Event::NotAsked,
            // A host that answers unusably is alive, but not watched: the same to its operator.
            Outcome::Resolve
            | Outcome::Refused
            | Outcome::Unreachable
            | Outcome::Tls
            | Outcome::Unauthenticated
            | Outcome::Deadline
            | Outcome::Unimplemented
            | Outcome::Malformed
            | Outcome::TooLarge
            | Outcome::WrongHost
            | Outcome::ProbeError => Event::Failed,
        },
        Input::Pause(_) => Event::Pause,
        Input::Resume => Event::Resume,
        Input::Retire => Event::Retire,
        Input::Add => Event::Add,
        Input::Accept => Event::Accept,
    }
}

/// Whether a poll that ended so brought an answer that can be used: none when nothing was asked.
#[must_use]
pub fn answered(outcome: Outcome) -> Option<bool> {
    outcome.was_asked().then(|| outcome.has_values())
}

/// The table: what a host's health is after `input`, and the move when its state changed.
#[must_use]
pub fn step(
    health: &Health,
    input: Input<'_>,
    policy: &Policy,
    now: WallMs,
) -> (Health, Option<StateChange>) {
    use Event::{Accept, Add, Failed, Flawed, Good, NotAsked, Pause, Resume, Retire};
    use State::{Degraded, Down, Paused, Pending, Retired, Suspect, Up};

    let event = event(input);
    let good = health.good.saturating_add(1);
    let bad = health.bad.saturating_add(1);
    let counted = |good, bad| Health { good, bad, ..*health };
    // A new state starts with the evidence that led to it, so that `explain` can name it.
    let since = now.max(health.since);
    let enter = |state, good, bad| Health { state, good, bad, since, ..*health };

    let next = match (health.state, event) {
        (Pending, Good) => enter(Up, 1, 0),
        (Pending, Flawed) => enter(Degraded, 0, 0),
        (Pending, Failed) if bad >= policy.fall() => enter(Down, 0, bad),
        (Pending, Failed) => counted(0, bad),

        (Up, Good) => counted(good, 0),
        (Up, Flawed) => enter(Degraded, 0, 0),
        (Up | Degraded, Failed) => enter(Suspect, 0, 1),

        (Degraded, Good) if good >= policy.rise() => enter(Up, good, 0),
        (Degraded, Good) => counted(good, 0),
        (Degraded, Flawed) => counted(0, 0),

        (Suspect | Down, Good) if good >= policy.rise() => enter(Up, good, 0),
        (Suspect | Down, Flawed) if good >= policy.rise() => enter(Degraded, 0, 0),
        (Suspect | Down, Good | Flawed) => counted(good, 0),
        (Suspect, Failed) if bad >= policy.fall() => enter(Down, 0, bad),
        (Suspect | Down, Failed) => counted(0, bad),

        (Pending | Up | Degraded | Suspect | Down, Pause) => enter(Paused, 0, 0),
        (Pending | Up | Degraded | Suspect | Down, NotAsked | Resume | Add) => *health,
        (Pending, Accept) => counted(0, 0),
        (Up | Degraded | Suspect | Down, Accept) => enter(Pending, 0, 0),

        // A poll that was in flight when the word came counts for nothing.
        (Paused, Resume) => enter(Pending, 0, 0),
        (Paused, Good | Flawed | Failed | NotAsked | Pause | Add | Accept) => *health,
        (Pending | Up | Degraded | Suspect | Down | Paused, Retire) => enter(Retired, 0, 0),

        (Retired, Add) => enter(Pending, 0, 0),
        (Retired, Good | Flawed | Failed | NotAsked | Pause | Resume | Retire | Accept) => *health,
    };
    let changed = next.state != health.state;
    let flapping = match (event, next.state) {
        // Nothing that came before counts for what comes after.
        (_, Paused | Retired) | (Accept, _) => Flapping::default(),
        (Good | Flawed | Failed, _) => {
            let turn = Turn::of(health.state, next.state);
            health.flapping.after(event != Failed, turn, now)
        }
        (NotAsked | Pause | Resume | Retire | Add, _) => health.flapping,
    };
    let next = Health { flapping, ..next };
    (next, changed.then(|| explain::moved(health, &next, input)))
}

#[cfg(test)]
mod tests;
