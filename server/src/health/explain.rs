//! The table in plain words: why a state was entered, and what would change it.

use super::{
    FLAP_FALLS_OFF, FLAP_OFF_PCT, FailingParent, Health, Input, Pause, PauseReason, Policy,
    StateChange,
};
use crate::{
    model::{Cause, Outcome, State},
    units::{Spoken, WallMs},
};

/// The move from `before` to `after`, which are of different states, with its cause and its words.
pub(super) fn moved(before: &Health, after: &Health, input: Input<'_>) -> StateChange {
    let (cause, outcome, reason) = match input {
        Input::Poll { outcome, flaws, error } => {
            let (cause, reason) = match after.state {
                State::Suspect | State::Down => {
                    (Cause::PollFailed, failed(after.bad, outcome, error))
                }
                State::Degraded => {
                    let cause = flaws.first().map_or(Cause::PartialAnswer, super::Flaw::cause);
                    (cause, flawed(flaws, error))
                }
                State::Up => (Cause::Answered, answered(before.state, after.good)),
                // No poll leads there.
                State::Pending => (Cause::Added, String::new()),
                State::Paused => (Cause::Paused, String::new()),
                State::Retired => (Cause::Retired, String::new()),
            };
            (cause, Some(outcome), reason)
        }
        Input::Pause(pause_reason) => {
            let cause = match pause_reason {
                PauseReason::Inventory | PauseReason::Asked(_) => Cause::Paused,
                PauseReason::Window { .. } => Cause::Maintenance,
            };
            (cause, None, pause_reason.to_string())
        }
        Input::Resume => (Cause::Resumed, None, "no longer paused".to_owned()),
        Input::Retire => (Cause::Retired, None, "gone from the inventory".to_owned()),
        Input::Add => (Cause::Added, None, "in the inventory again".to_owned()),
        Input::Accept => (Cause::Accepted, None, "the operator accepts another machine".to_owned()),
    };
    StateChange { from: before.state, to: after.state, cause, outcome, reason }
}

fn failed(bad: u32, outcome: Outcome, error: Option<&str>) -> String {
    let how = match error {
        Some(error) if !error.is_empty() => format!("{outcome}: {error}"),
        Some(_) | None => outcome.to_string(),
    };
    match bad {
        0 | 1 => format!("a poll failed: {how}"),
        _ => format!("{bad} polls failed, last: {how}"),
    }
}

/// What is wrong with an answer, each flaw in words.
#[must_use]
pub fn flawed(flaws: &[super::Flaw], error: Option<&str>) -> String {
    if flaws.is_empty() {
        return error.unwrap_or("the answer is partial").to_owned();
    }
    flaws.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn answered(from: State, good: u32) -> String {
    match from {
        State::Pending => "it answers".to_owned(),
        State::Degraded => format!("{} without a flaw", polls(good, "good")),
        State::Up | State::Suspect | State::Down | State::Paused | State::Retired => {
            polls(good, "good")
        }
    }
}

/// What stands around a host's state.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StateContext<'a> {
    /// Why it is left alone, where that is known.
    pub pause_reason: Option<&'a PauseReason>,
    /// What is wrong with its last answer that was not without a flaw, in words.
    pub flaws: Option<&'a str>,
    /// The host that it is behind and that fails.
    pub parent: Option<&'a FailingParent>,
    /// Since when the server considers itself cut off.
    pub isolated: Option<WallMs>,
    /// When a host that is down is asked again.
    pub asked_again: Option<WallMs>,
}

/// Why the state is what it is and what would change it: one sentence, and one more for each thing
/// around it that matters.
#[must_use]
pub fn explain(health: &Health, policy: &Policy, around: &StateContext<'_>) -> String {
    let mut text = of_state(health, policy, around);
    let failing = matches!(health.state, State::Suspect | State::Down);
    if let Some(FailingParent { name, state }) = around.parent.filter(|_| failing) {
        text.push_str(&format!(" Its parent {name} is {state}, which explains it."));
    }
    if let Some(moment) = around.asked_again.filter(|_| health.state == State::Down) {
        text.push_str(&format!(" It is left alone until {}.", moment.spoken()));
    }
    if health.flapping.is_on() {
        text.push_str(&format!(
            " It is flapping: {}; under {FLAP_OFF_PCT} % and at most {FLAP_FALLS_OFF} times end that.",
            health.flapping
        ));
    }
    if let Some(since) = around.isolated {
        text.push_str(&format!(
            " No state changes since {}: most hosts fell silent at once, so the server considers itself \
             cut off.",
            since.spoken()
        ));
    }
    text
}

fn of_state(health: &Health, policy: &Policy, around: &StateContext<'_>) -> String {
    let Health { state, good, bad, .. } = *health;
    let since = health.since.spoken();
    let (rise, fall) = (policy.rise(), policy.fall());
    let to_rise = rise.saturating_sub(good);
    let to_fall = fall.saturating_sub(bad);
    match state {
        State::Pending if bad > 0 => format!(
            "pending since {since}: it has not answered yet and {}; the first good poll makes it \
             up, {} {} it down.",
            failed_in_a_row(bad),
            more(to_fall, "failed"),
            make(to_fall),
        ),
        State::Pending => format!(
            "pending since {since}: it has not been asked yet; the first good poll makes it up, \
             {fall} failed polls in a row make it down.",
        ),
        State::Up => format!(
            "up since {since}: it answers and nothing is wrong with the answers; one failed poll \
             makes it suspect, one flawed answer makes it degraded.",
        ),
        State::Degraded => format!(
            "degraded since {since}: {}{}. {} without a flaw {} it up, one failed poll makes it \
             suspect.",
            around.flaws.unwrap_or("it answers, but something is wrong with the answers"),
            without_flaw(good),
            more(to_rise, "good"),
            make(to_rise),
        ),
        State::Suspect if bad > 0 => format!(
            "suspect since {since}: {}; {} {} it down, {} {} it up.",
            failed_in_a_row(bad),
            more(to_fall, "failed"),
            make(to_fall),
            polls(rise, "good"),
            make(rise),
        ),
        State::Suspect => format!(
            "suspect since {since}: a poll failed, and then {}; {} {} it up, {} {} it down.",
            answered_then(good),
            more(to_rise, "good"),
            make(to_rise),
            polls(fall, "failed"),
            make(fall),
        ),
        State::Down if good > 0 => format!(
            "down since {since}: it failed {fall} polls in a row, and then {}; {} {} it up.",
            answered_then(good),
            more(to_rise, "good"),
            make(to_rise),
        ),
        State::Down => format!(
            "down since {since}: {}; {} {} it up.",
            failed_in_a_row(bad),
            polls(rise, "good"),
            make(rise),
        ),
        State::Paused => paused(since, around.pause_reason),
        State::Retired => format!(
            "retired since {since}: it is gone from the inventory and is not polled; putting it \
             back makes it pending.",
        ),
    }
}

fn paused(since: Spoken, pause_reason: Option<&PauseReason>) -> String {
    let why = match pause_reason {
        None => {
            return format!("paused since {since}; when the pause ends, the host is pending.");
        }
        Some(PauseReason::Inventory) => {
            return format!(
                "paused since {since}: the inventory says so and it is not polled; taking `paused` \
                 out of the inventory makes it pending.",
            );
        }
        Some(PauseReason::Asked(Pause { until, reason, .. })) => {
            let until = until.map(|until| format!(" until {}", until.spoken())).unwrap_or_default();
            let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
            format!("an operator asked for it{until}{reason}")
        }
        Some(PauseReason::Window { name, until }) => {
            format!("the maintenance window {name} is open until {}", until.spoken())
        }
    };
    format!(
        "paused since {since}: {why}; it is polled, but nothing follows from that; when it ends, the \
         host is pending.",
    )
}

/// What is said beside a flaw that later answers do not have.
fn without_flaw(good: u32) -> String {
    match good {
        0 => String::new(),
        1 => "; the last answer was without a flaw".to_owned(),
        _ => format!("; the last {good} answers were without a flaw"),
    }
}

/// `1 good poll`, `2 good polls`, `3 failed polls in a row`: failed ones count only so.
fn polls(number: u32, kind: &str) -> String {
    match number {
        1 => format!("1 {kind} poll"),
        _ if kind == "good" => format!("{number} good polls"),
        _ => format!("{number} {kind} polls in a row"),
    }
}

/// `1 more failed poll`, `2 more failed polls`.
fn more(number: u32, kind: &str) -> String {
    match number {
        0 | 1 => format!("1 more {kind} poll"),
        _ => format!("{number} more {kind} polls"),
    }
}

fn make(number: u32) -> &'static str {
    if number > 1 { "make" } else { "makes" }
}

fn failed_in_a_row(bad: u32) -> String {
    match bad {
        1 => "the last poll failed".to_owned(),
        _ => format!("the last {bad} polls failed"),
    }
}

fn answered_then(good: u32) -> String {
    match good {
        1 => "it answered once".to_owned(),
        _ => format!("it answered {good} times in a row"),
    }
}
