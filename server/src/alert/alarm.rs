//! One alarm from poll to poll: the table of its states.
//!
//! What a poll says is one of four things. While the alarm is quiet (`ok`, `pending`): `when` **holds**, does
//! not (it **clears**), or is **missing**. While it is active (`firing`, `clearing`, `unknown`): `when`
//! **holds**; `clear` holds (it **clears**); neither does (**between**); or it cannot be told (**missing**).
//! `missing = "clear"` and `"fire"` make of what is missing that it clears or holds.
//!
//! | state | holds | between | clears | missing | missing for longer than `hold_for` |
//! |---|---|---|---|---|---|
//! | `ok` | `pending`; **`firing`** when one poll is enough | | stays | stays | stays |
//! | `pending` | counts; **`firing`** when it is enough | | `ok`; with "N of M" it counts against, `ok` when none of the M is left | stays, counts nothing | `ok` |
//! | `firing` | stays | stays | `clearing`; **`ok`** when one poll is enough | stays | **`unknown`** |
//! | `clearing` | `firing` | `firing` | counts; **`ok`** when it is enough | stays, counts nothing | **`unknown`** |
//! | `unknown` | **`firing`** | **`firing`** | **`clearing`**; **`ok`** when one poll is enough | stays | stays |
//!
//! What is bold is a [`Change`] that is told. One more is told: a severity that rises, with the poll, or falls,
//! once `critical` has not held for `clear_for`.
//!
//! A poll that is not later than the one before changes nothing. Time off, a gap of more than
//! [`MAX_GAP`] intervals, counts neither for a wait nor towards `hold_for`.

use std::time::Duration;

use crate::{
    model::{Alarm, AlarmCause, AlarmKey, AlarmState, Severity},
    units::WallMs,
};

/// How many intervals two polls may be apart before the time between them counts for nothing.
pub const MAX_GAP: u32 = 3;

/// How long something must last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// So many polls in a row.
    Polls(u32),
    /// So long.
    Time(Duration),
    /// So many of so many polls.
    Of {
        /// How many must hold.
        needed: u32,
        /// Of how many.
        last: u32,
    },
}

/// What is made of values that are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The alarm stays as it is, for a while.
    Hold,
    /// The condition does not hold.
    Clear,
    /// It holds.
    Fire,
}

/// What a rule says of the course of its alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How long `when` must hold before it fires.
    pub fire: Wait,
    /// How long `clear` must hold before it is over; never [`Wait::Of`].
    pub clear: Wait,
    /// How much it matters while `critical` does not hold.
    pub severity: Severity,
    /// What is made of values that are missing.
    pub missing: Missing,
    /// How long they may be missing.
    pub hold_for: Duration,
}

/// What a poll says; none is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Seen {
    /// Whether `when` or `critical` holds.
    pub when: Option<bool>,
    /// Whether `clear` holds.
    pub clear: Option<bool>,
    /// Whether `critical` holds; a rule without it says no.
    pub critical: Option<bool>,
    /// The value that is shown.
    pub value: Option<f64>,
}

/// A poll's place in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Its slot.
    pub slot: WallMs,
    /// The time from poll to poll.
    pub interval: Duration,
}

/// Where an alarm stands; the fields are those of [`Alarm`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "they are those of `Alarm`")]
pub struct Stand {
    pub state: AlarmState,
    pub severity: Severity,
    pub since: WallMs,
    pub fired: Option<WallMs>,
    pub slot: WallMs,
    pub polls: u32,
    pub known: WallMs,
    pub value: Option<f64>,
}

/// A change that is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The state before; the same as after when it is the severity that changed.
    pub from: AlarmState,
    /// The state after.
    pub to: AlarmState,
    /// Why.
    pub cause: AlarmCause,
    /// How much the alarm matters.
    pub severity: Severity,
}

impl Stand {
    /// That of an alarm from the store.
    #[must_use]
    pub fn of(alarm: &Alarm) -> Self {
        Self {
            state: alarm.state,
            severity: alarm.severity,
            since: alarm.since,
            fired: alarm.fired,
            slot: alarm.slot,
            polls: alarm.polls,
            known: alarm.known,
            value: alarm.value,
        }
    }

    /// The alarm of this key.
    #[must_use]
    pub fn alarm(&self, key: AlarmKey, rule_hash: u64) -> Alarm {
        Alarm {
            key,
            state: self.state,
            severity: self.severity,
            since: self.since,
            fired: self.fired,
            slot: self.slot,
            polls: self.polls,
            known: self.known,
            value: self.value,
            rule_hash,
        }
    }

    /// In another state since this poll.
    fn enter(&mut self, state: AlarmState, slot: WallMs, polls: u32) {
        *self = Self { state, since: slot, polls, ..*self };
    }
}

impl Wait {
    /// The count after the first poll.
    fn begin(self) -> u32 {
        u32::from(!matches!(self, Self::Time(_)))
    }

    /// The count after another, `passed` milliseconds later.
    fn more(self, count: u32, passed: u32) -> u32 {
        match self {
            Self::Polls(_) => count.saturating_add(1),
            Self::Time(_) => count.saturating_add(passed),
            Self::Of { last, .. } => self.less(count, last) | 1,
        }
    }

    /// The polls that count of the last ones, after one that does not.
    fn less(self, count: u32, last: u32) -> u32 {
        let kept = 1_u32.checked_shl(last).map_or(u32::MAX, |bit| bit - 1);
        (count << 1) & kept
    }

    fn is_over(self, count: u32) -> bool {
        match self {
            Self::Polls(polls) => count >= polls,
            Self::Time(length) => u128::from(count) >= length.as_millis(),
            Self::Of { needed, .. } => count.count_ones() >= needed,
        }
    }
}

/// What a poll is to an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Holds,
    Between,
    Clears,
    Missing,
}

fn says(seen: &Seen, is_active: bool, missing: Missing) -> Says {
    let known = match (seen.when, seen.clear, is_active) {
        (Some(true), ..) => Says::Holds,
        (Some(false), _, false) | (_, Some(true), true) => Says::Clears,
        (_, Some(false), true) => Says::Between,
        _ => Says::Missing,
    };
    match (known, missing) {
        (Says::Missing, Missing::Clear) => Says::Clears,
        (Says::Missing, Missing::Fire) => Says::Holds,
        _ => known,
    }
}

/// The alarm after a poll, and what of it is told; none is an alarm that is not there. One that is over is
/// returned once more, as `ok`. The table is that of this module.
#[must_use]
pub fn step(
    before: Option<&Stand>,
    seen: &Seen,
    terms: &Terms,
    moment: Moment,
) -> (Option<Stand>, Option<Change>) {
    let Some(before) = before.filter(|stand| stand.state != AlarmState::Ok) else {
        return begin(seen, terms, moment);
    };
    if moment.slot <= before.slot {
        return (Some(*before), None);
    }
    let mut next = *before;
    let gap = moment.slot.since(before.slot);
    let is_off = gap > moment.interval.saturating_mul(MAX_GAP);
    let gap = u32::try_from(gap.as_millis()).unwrap_or(u32::MAX);
    let passed = if is_off { 0 } else { gap };
    if is_off {
        // What was missing has not been missing for longer than when it was last looked for.
        next.known = before.known.plus(Duration::from_millis(gap.into()));
    }
    let says = says(seen, before.state.is_active(), terms.missing);
    let is_missing = if before.state.is_active() {
        seen.when != Some(true) && seen.clear.is_none()
    } else {
        seen.when.is_none()
    };
    next.slot = moment.slot;
    next.value = seen.value;
    if !is_missing {
        next.known = moment.slot;
    }
    match before.state {
        AlarmState::Pending => pending(&mut next, says, passed, terms),
        AlarmState::Firing | AlarmState::Clearing | AlarmState::Unknown => {
            active(&mut next, says, passed, terms);
        }
        AlarmState::Ok => {}
    }
    if next.state == AlarmState::Firing {
        weigh(&mut next, before.state, seen, terms, passed);
    }
    let cause = if is_missing { AlarmCause::Missing } else { AlarmCause::Values };
    (Some(next), change(before, &next, cause))
}

fn begin(seen: &Seen, terms: &Terms, moment: Moment) -> (Option<Stand>, Option<Change>) {
    if says(seen, false, terms.missing) != Says::Holds {
        return (None, None);
    }
    let slot = moment.slot;
    let mut stand = Stand {
        state: AlarmState::Pending,
        severity: severity(terms, seen).unwrap_or(terms.severity),
        since: slot,
        fired: None,
        slot,
        polls: terms.fire.begin(),
        known: slot,
        value: seen.value,
    };
    if !terms.fire.is_over(stand.polls) {
        return (Some(stand), None);
    }
    fire(&mut stand, slot);
    let cause = if seen.when.is_none() { AlarmCause::Missing } else { AlarmCause::Values };
    let ok = Stand { state: AlarmState::Ok, ..stand };
    (Some(stand), change(&ok, &stand, cause))
}

fn fire(stand: &mut Stand, slot: WallMs) {
    stand.enter(AlarmState::Firing, slot, 0);
    stand.fired = Some(slot);
}

/// How much it matters by this poll; none is unknown.
fn severity(terms: &Terms, seen: &Seen) -> Option<Severity> {
    seen.critical.map(|critical| if critical { Severity::Critical } else { terms.severity })
}

fn pending(stand: &mut Stand, says: Says, passed: u32, terms: &Terms) {
    let slot = stand.slot;
    match says {
        Says::Holds => stand.polls = terms.fire.more(stand.polls, passed),
        Says::Between | Says::Clears => {
            stand.polls = match terms.fire {
                Wait::Of { last, .. } => terms.fire.less(stand.polls, last),
                Wait::Polls(_) | Wait::Time(_) => 0,
            };
            if stand.polls == 0 {
                stand.enter(AlarmState::Ok, slot, 0);
            }
        }
        Says::Missing if slot.since(stand.known) > terms.hold_for => {
            stand.enter(AlarmState::Ok, slot, 0);
        }
        Says::Missing => {}
    }
    if says == Says::Holds && terms.fire.is_over(stand.polls) {
        fire(stand, slot);
    }
}

fn active(stand: &mut Stand, says: Says, passed: u32, terms: &Terms) {
    let slot = stand.slot;
    match says {
        Says::Holds | Says::Between => {
            if stand.state != AlarmState::Firing {
                stand.enter(AlarmState::Firing, slot, 0);
            }
        }
        Says::Clears => {
            if stand.state == AlarmState::Clearing {
                stand.polls = terms.clear.more(stand.polls, passed);
            } else {
                stand.enter(AlarmState::Clearing, slot, terms.clear.begin());
            }
            if terms.clear.is_over(stand.polls) {
                stand.enter(AlarmState::Ok, slot, 0);
            }
        }
        Says::Missing => {
            let is_late = slot.since(stand.known) > terms.hold_for;
            if is_late && stand.state != AlarmState::Unknown {
                stand.enter(AlarmState::Unknown, slot, 0);
            }
        }
    }
}

/// How much an alarm matters that fires: more at once, less when `critical` has not held for as long as it
/// takes to clear. The count of polls is free for it while it fires.
fn weigh(stand: &mut Stand, before: AlarmState, seen: &Seen, terms: &Terms, passed: u32) {
    let Some(now) = severity(terms, seen) else { return };
    if now >= stand.severity || before == AlarmState::Pending {
        stand.severity = now;
        stand.polls = 0;
        return;
    }
    stand.polls = match stand.polls {
        0 => terms.clear.begin().max(1),
        count => terms.clear.more(count, passed),
    };
    if terms.clear.is_over(stand.polls) {
        stand.severity = now;
        stand.polls = 0;
    }
}

fn change(before: &Stand, after: &Stand, cause: AlarmCause) -> Option<Change> {
    let (from, to) = (before.state, after.state);
    let is_told = match to {
        AlarmState::Pending => false,
        AlarmState::Ok | AlarmState::Unknown => from.is_active() && from != to,
        AlarmState::Firing => from != AlarmState::Firing && from != AlarmState::Clearing,
        AlarmState::Clearing => from == AlarmState::Unknown,
    };
    let is_weighed = from.is_active() && to.is_active() && before.severity != after.severity;
    (is_told || is_weighed).then_some(Change { from, to, cause, severity: after.severity })
}

#[cfg(test)]
mod tests;
