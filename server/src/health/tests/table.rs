//! The state machine, row by row: from what, on what, to what.

use super::*;

/// A row: from (state, good, bad), on, to (state, good, bad).
type Line = ((State, u32, u32), &'static str, (State, u32, u32));

#[rustfmt::skip]
const TABLE: &[Line] = &[
    ((Pending, 0, 0), "good",    (Up, 1, 0)),
    ((Pending, 0, 2), "good",    (Up, 1, 0)),
    ((Pending, 0, 0), "flawed",  (Degraded, 0, 0)),
    ((Pending, 0, 0), "partial", (Degraded, 0, 0)),
    ((Pending, 0, 0), "failed",  (Pending, 0, 1)),
    ((Pending, 0, 1), "failed",  (Pending, 0, 2)),
    ((Pending, 0, 2), "failed",  (Down, 0, 3)),
    ((Pending, 0, 1), "overrun", (Pending, 0, 1)),
    ((Pending, 0, 1), "pause",   (Paused, 0, 0)),
    ((Pending, 0, 1), "resume",  (Pending, 0, 1)),
    ((Pending, 0, 1), "retire",  (Retired, 0, 0)),
    ((Pending, 0, 1), "add",     (Pending, 0, 1)),
    ((Pending, 0, 1), "accept",  (Pending, 0, 0)),

    ((Up, 5, 0), "good",    (Up, 6, 0)),
    ((Up, u32::MAX, 0), "good", (Up, u32::MAX, 0)),
    ((Up, 5, 0), "flawed",  (Degraded, 0, 0)),
    ((Up, 5, 0), "partial", (Degraded, 0, 0)),
    ((Up, 5, 0), "failed",  (Suspect, 0, 1)),
    ((Up, 5, 0), "overrun", (Up, 5, 0)),
    ((Up, 5, 0), "pause",   (Paused, 0, 0)),
    ((Up, 5, 0), "resume",  (Up, 5, 0)),
    ((Up, 5, 0), "retire",  (Retired, 0, 0)),
    ((Up, 5, 0), "add",     (Up, 5, 0)),
    ((Up, 5, 0), "accept",  (Pending, 0, 0)),

    ((Degraded, 0, 0), "good",    (Degraded, 1, 0)),
    ((Degraded, 1, 0), "good",    (Up, 2, 0)),
    ((Degraded, 1, 0), "flawed",  (Degraded, 0, 0)),
    ((Degraded, 1, 0), "partial", (Degraded, 0, 0)),
    ((Degraded, 1, 0), "failed",  (Suspect, 0, 1)),
    ((Degraded, 1, 0), "overrun", (Degraded, 1, 0)),
    ((Degraded, 1, 0), "pause",   (Paused, 0, 0)),
    ((Degraded, 1, 0), "resume",  (Degraded, 1, 0)),
    ((Degraded, 1, 0), "retire",  (Retired, 0, 0)),
    ((Degraded, 1, 0), "add",     (Degraded, 1, 0)),
    ((Degraded, 1, 0), "accept",  (Pending, 0, 0)),

    ((Suspect, 0, 1), "good",    (Suspect, 1, 0)),
    ((Suspect, 1, 0), "good",    (Up, 2, 0)),
    ((Suspect, 0, 1), "flawed",  (Suspect, 1, 0)),
    ((Suspect, 1, 0), "flawed",  (Degraded, 0, 0)),
    ((Suspect, 1, 0), "partial", (Degraded, 0, 0)),
    ((Suspect, 1, 0), "failed",  (Suspect, 0, 1)),
    ((Suspect, 0, 1), "failed",  (Suspect, 0, 2)),
    ((Suspect, 0, 2), "failed",  (Down, 0, 3)),
    ((Suspect, 0, 2), "overrun", (Suspect, 0, 2)),
    ((Suspect, 0, 2), "pause",   (Paused, 0, 0)),
    ((Suspect, 0, 2), "resume",  (Suspect, 0, 2)),
    ((Suspect, 0, 2), "retire",  (Retired, 0, 0)),
    ((Suspect, 0, 2), "add",     (Suspect, 0, 2)),
    ((Suspect, 0, 2), "accept",  (Pending, 0, 0)),

    ((Down, 0, 9), "good",    (Down, 1, 0)),
    ((Down, 1, 0), "good",    (Up, 2, 0)),
    ((Down, 0, 9), "flawed",  (Down, 1, 0)),
    ((Down, 1, 0), "flawed",  (Degraded, 0, 0)),
    ((Down, 1, 0), "partial", (Degraded, 0, 0)),
    ((Down, 1, 0), "failed",  (Down, 0, 1)),
    ((Down, 0, u32::MAX), "failed", (Down, 0, u32::MAX)),
    ((Down, 1, 0), "overrun", (Down, 1, 0)),
    ((Down, 0, 9), "pause",   (Paused, 0, 0)),
    ((Down, 0, 9), "resume",  (Down, 0, 9)),
    ((Down, 0, 9), "retire",  (Retired, 0, 0)),
    ((Down, 0, 9), "add",     (Down, 0, 9)),
    ((Down, 0, 9), "accept",  (Pending, 0, 0)),

    ((Paused, 0, 0), "good",    (Paused, 0, 0)),
    ((Paused, 0, 0), "flawed",  (Paused, 0, 0)),
    ((Paused, 0, 0), "partial", (Paused, 0, 0)),
    ((Paused, 0, 0), "failed",  (Paused, 0, 0)),
    ((Paused, 0, 0), "overrun", (Paused, 0, 0)),
    ((Paused, 0, 0), "pause",   (Paused, 0, 0)),
    ((Paused, 0, 0), "resume",  (Pending, 0, 0)),
    ((Paused, 0, 0), "retire",  (Retired, 0, 0)),
    ((Paused, 0, 0), "add",     (Paused, 0, 0)),
    ((Paused, 0, 0), "accept",  (Paused, 0, 0)),

    ((Retired, 0, 0), "good",    (Retired, 0, 0)),
    ((Retired, 0, 0), "flawed",  (Retired, 0, 0)),
    ((Retired, 0, 0), "partial", (Retired, 0, 0)),
    ((Retired, 0, 0), "failed",  (Retired, 0, 0)),
    ((Retired, 0, 0), "overrun", (Retired, 0, 0)),
    ((Retired, 0, 0), "pause",   (Retired, 0, 0)),
    ((Retired, 0, 0), "resume",  (Retired, 0, 0)),
    ((Retired, 0, 0), "retire",  (Retired, 0, 0)),
    ((Retired, 0, 0), "add",     (Pending, 0, 0)),
    ((Retired, 0, 0), "accept",  (Retired, 0, 0)),
];

#[test]
fn every_state_moves_as_the_table_says() {
    for &((from, good, bad), word, (to, good_after, bad_after)) in TABLE {
        let line = format!("{from} ({good} good, {bad} bad) on {word}");
        let (found, moved) = after(health(from, good, bad), word);
        assert_eq!((found.state, found.good, found.bad), (to, good_after, bad_after), "{line}");
        assert_eq!(found.since, if from == to { START } else { NOW }, "{line}");
        let moved = moved.map(|m| (m.from, m.to));
        assert_eq!(moved, (from != to).then_some((from, to)), "{line}");
    }
}

#[test]
fn the_table_has_a_row_for_every_state_and_input() {
    for state in State::ALL {
        for input in INPUTS {
            let rows = TABLE.iter().filter(|((from, ..), on, _)| from == state && *on == input);
            assert!(rows.count() > 0, "no row for {state} on {input}");
        }
    }
}

#[test]
fn every_outcome_counts_as_the_table_says() {
    let counted = |outcome| step(&health(Up, 5, 0), poll(outcome), &POLICY, NOW).0.state;
    for &outcome in Outcome::ALL {
        let expected = match outcome {
            Outcome::Ok | Outcome::Overrun | Outcome::Local => Up,
            Outcome::Partial => Degraded,
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
            | Outcome::ProbeError => Suspect,
        };
        assert_eq!(counted(outcome), expected, "{outcome}");
        let has_answered = match (outcome, expected) {
            (Outcome::Overrun | Outcome::Local, _) => None,
            (_, expected) => Some(expected != Suspect),
        };
        assert_eq!(answered(outcome), has_answered, "{outcome}");
    }
}

#[test]
fn what_was_not_asked_moves_nothing_in_any_state() {
    for state in State::ALL {
        for outcome in [Outcome::Overrun, Outcome::Local] {
            let before = health(*state, 1, 2);
            assert_eq!(step(&before, poll(outcome), &POLICY, NOW), (before, None), "{outcome}");
        }
    }
}

#[test]
fn thresholds_of_zero_and_one_are_the_least_that_make_sense() {
    let policy = Policy { rise: 0, fall: 0, ..POLICY };
    let (one, _) = step(&health(Up, 1, 0), poll(Outcome::Refused), &policy, NOW);
    assert_eq!(one.state, Suspect, "never from up to down at once");
    let (two, _) = step(&one, poll(Outcome::Refused), &policy, NOW);
    assert_eq!(two.state, Down);
    assert_eq!(step(&two, poll(Outcome::Ok), &policy, NOW).0.state, Up);
}

#[test]
fn a_clock_that_is_stepped_back_does_not_move_since_back() {
    let (found, _) = step(&health(Up, 1, 0), poll(Outcome::Refused), &POLICY, WallMs(5));
    assert_eq!((found.state, found.since), (Suspect, START));
}

#[test]
fn the_defaults_are_those_of_the_configuration() {
    let config = config::Config::load(config::Sources::default()).unwrap().config;
    assert_eq!(Policy::from(&config.health), Policy::default());
}
