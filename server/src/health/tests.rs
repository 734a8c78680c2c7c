mod flaws;
mod properties;

use super::*;
use crate::model::{Family, HostName, Status};

use State::{Degraded, Down, Paused, Pending, Retired, Suspect, Up};

const POLICY: Policy = Policy {
    rise: 2,
    fall: 3,
    skew_limit: Duration::from_secs(5),
    backoff_cap: Duration::from_secs(60),
};
const START: WallMs = WallMs(1_000_000);
const NOW: WallMs = WallMs(2_000_000);

fn health(state: State, good: u32, bad: u32) -> Health {
    Health { good, bad, ..Health::known(state, START) }
}

fn skewed() -> Flaw {
    Flaw::ClockSkew { skew: Skew { ms: -7_200_000, bound_ms: 0 }, limit: POLICY.skew_limit }
}

fn denied() -> Flaw {
    Flaw::Partial {
        family: Family::Disk,
        status: Status::Denied,
        error: "/proc/diskstats: permission denied".into(),
    }
}

/// The inputs by the words of the table.
fn with<R>(word: &str, run: impl FnOnce(Input<'_>) -> R) -> R {
    let poll = |outcome, flaws, error| Input::Poll { outcome, flaws, error };
    match word {
        "good" => run(poll(Outcome::Ok, &[], None)),
        "flawed" => run(poll(Outcome::Ok, &[skewed()], None)),
        "partial" => run(poll(Outcome::Partial, &[denied()], Some("disk denied"))),
        "failed" => run(poll(Outcome::Deadline, &[], Some("no answer within 3s"))),
        "overrun" => run(poll(Outcome::Overrun, &[], None)),
        "pause" => run(Input::Pause(&Rest::Inventory)),
        "resume" => run(Input::Resume),
        "retire" => run(Input::Retire),
        "add" => run(Input::Add),
        "accept" => run(Input::Accept),
        other => panic!("no input {other}"),
    }
}

const INPUTS: [&str; 10] = [
    "good", "flawed", "partial", "failed", "overrun", "pause", "resume", "retire", "add", "accept",
];

fn after(health: Health, word: &str) -> (Health, Option<Move>) {
    with(word, |input| step(&health, input, &POLICY, NOW))
}

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
fn the_table() {
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
    let counted = |outcome: Outcome| {
        let input = Input::Poll { outcome, flaws: &[], error: None };
        step(&health(Up, 5, 0), input, &POLICY, NOW).0.state
    };
    for &outcome in Outcome::ALL {
        let expected = match outcome {
            Outcome::Ok | Outcome::Overrun => Up,
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
        // The quorum hears it as the table counts it.
        let heard = match (outcome, expected) {
            (Outcome::Overrun, _) => None,
            (_, expected) => Some(expected != Suspect),
        };
        assert_eq!(answered(outcome), heard, "{outcome}");
    }
}

#[test]
fn a_witness_is_who_is_expected_to_answer() {
    let witnesses = State::ALL.iter().filter(|state| health(**state, 0, 0).is_witness());
    assert_eq!(witnesses.copied().collect::<Vec<_>>(), [Pending, Up, Degraded, Suspect]);
}

#[test]
fn thresholds_of_zero_and_one_are_the_least_that_make_sense() {
    let policy = Policy { rise: 0, fall: 0, ..POLICY };
    let failed = Input::Poll { outcome: Outcome::Refused, flaws: &[], error: None };
    let good = Input::Poll { outcome: Outcome::Ok, flaws: &[], error: None };
    let (one, _) = step(&health(Up, 1, 0), failed, &policy, NOW);
    assert_eq!(one.state, Suspect, "never from up to down at once");
    let (two, _) = step(&one, failed, &policy, NOW);
    assert_eq!(two.state, Down);
    assert_eq!(step(&two, good, &policy, NOW).0.state, Up);
}

#[test]
fn a_clock_that_is_stepped_back_does_not_move_since_back() {
    let failed = Input::Poll { outcome: Outcome::Refused, flaws: &[], error: None };
    let (found, _) = step(&health(Up, 1, 0), failed, &POLICY, WallMs(5));
    assert_eq!((found.state, found.since), (Suspect, START));
}

#[test]
fn moves_say_why() {
    let cases = [
        (health(Pending, 0, 0), "good"),
        (health(Pending, 0, 0), "partial"),
        (health(Pending, 0, 2), "failed"),
        (health(Up, 9, 0), "failed"),
        (health(Up, 9, 0), "flawed"),
        (health(Degraded, 1, 0), "good"),
        (health(Suspect, 0, 2), "failed"),
        (health(Suspect, 1, 0), "good"),
        (health(Down, 1, 0), "good"),
        (health(Down, 1, 0), "flawed"),
        (health(Down, 0, 9), "accept"),
        (health(Up, 9, 0), "pause"),
        (health(Paused, 0, 0), "resume"),
        (health(Up, 9, 0), "retire"),
        (health(Retired, 0, 0), "add"),
    ];
    let mut told = String::new();
    for (health, word) in cases {
        let Move { from, to, cause, outcome, reason } = after(health, word).1.unwrap();
        let outcome = outcome.map_or("-", Outcome::as_str);
        told += &format!("{from} -> {to} ({cause}, {outcome}): {reason}\n");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_poll_without_words_still_gives_a_reason() {
    let poll = |outcome| Input::Poll { outcome, flaws: &[], error: None };
    let reason = |outcome| step(&health(Up, 1, 0), poll(outcome), &POLICY, NOW).1.unwrap().reason;
    assert_eq!(reason(Outcome::Refused), "a poll failed: refused");
    assert_eq!(reason(Outcome::Partial), "the answer is partial");
}

#[test]
fn explanations() {
    let cases = [
        health(Pending, 0, 0),
        health(Pending, 0, 1),
        health(Pending, 0, 2),
        health(Up, 9, 0),
        health(Degraded, 0, 0),
        health(Degraded, 1, 0),
        health(Suspect, 0, 1),
        health(Suspect, 0, 2),
        health(Suspect, 1, 0),
        health(Down, 0, 3),
        health(Down, 0, 4711),
        health(Down, 1, 0),
        health(Paused, 0, 0),
        health(Retired, 0, 0),
    ];
    let mut told: String =
        cases.iter().map(|h| explain(h, &POLICY, &Around::default()) + "\n").collect();
    told += "\nrise 5, fall 5\n";
    let policy = Policy { rise: 5, fall: 5, ..POLICY };
    for case in [health(Degraded, 1, 0), health(Suspect, 2, 0), health(Down, 2, 0)] {
        told += &(explain(&case, &policy, &Around::default()) + "\n");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn what_stands_around_a_state_is_said_too() {
    let parent = FailingParent { name: HostName::new("gw-1").unwrap(), state: Down };
    let name = "nightly".into();
    let window = Rest::Window { name, until: WallMs(9_000_000) };
    let mut flapping = health(Up, 4, 0);
    for poll in 0..8 {
        flapping = after(flapping, if poll % 2 == 0 { "failed" } else { "good" }).0;
    }
    let calm = Around::default();
    let cases = [
        (health(Down, 0, 9), Around { parent: Some(&parent), ..calm }),
        (health(Up, 3, 0), Around { parent: Some(&parent), ..calm }),
        (health(Down, 0, 9), Around { asked_again: Some(WallMs(9_000_000)), ..calm }),
        (health(Paused, 0, 0), Around { rest: Some(&window), ..calm }),
        (health(Paused, 0, 0), Around { rest: Some(&Rest::Inventory), ..calm }),
        (health(Up, 3, 0), Around { isolated: Some(NOW), ..calm }),
        (flapping, calm),
    ];
    let told: String = cases.iter().map(|(h, around)| explain(h, &POLICY, around) + "\n").collect();
    insta::assert_snapshot!(told);
}

#[test]
fn a_failing_parent_answers_for_what_gets_worse() {
    let [gateway, switch] = ["gw-1", "switch-1"].map(|name| HostName::new(name).unwrap());
    let nearest = |first, second| {
        FailingParent::nearest([(&switch, first), (&gateway, second)].into_iter())
            .map(|parent| parent.name)
    };
    assert_eq!(nearest(Up, Down), Some(gateway.clone()), "over one that is up");
    assert_eq!(nearest(Suspect, Down), Some(switch.clone()));
    for well in [Pending, Up, Degraded, Paused, Retired] {
        assert_eq!(nearest(well, well), None, "{well}");
    }
    let parent = FailingParent { name: gateway, state: Down };
    let blamed = |from: Health, word| {
        let mut change = after(from, word).1.unwrap();
        parent.answers_for(&mut change);
        (change.cause, change.reason)
    };
    let (cause, reason) = blamed(health(Suspect, 0, 2), "failed");
    assert_eq!(cause, Cause::ParentDown);
    assert!(reason.starts_with("its parent gw-1 is down; 3 polls in a row failed"), "{reason}");
    let (cause, reason) = blamed(health(Up, 5, 0), "failed");
    assert_eq!(cause, Cause::ParentDown, "{reason}");
    assert_eq!(blamed(health(Down, 1, 0), "good").0, Cause::Answered);
    assert_eq!(blamed(health(Up, 1, 0), "pause").0, Cause::Paused);
}

#[test]
fn only_so_many_parents_are_followed() {
    let name = HostName::new("gw-1").unwrap();
    let failing_behind = |well: usize| {
        let ancestors = std::iter::repeat_n((&name, Up), well).chain([(&name, Down)]);
        FailingParent::nearest(ancestors).is_some()
    };
    assert!(failing_behind(MAX_PARENTS - 1));
    assert!(!failing_behind(MAX_PARENTS));
}

#[test]
fn a_window_is_told_from_a_pause() {
    let window = Rest::Window { name: "nightly".into(), until: WallMs(9_000_000) };
    let pause = Pause { since: NOW, until: None, reason: "new disk".into() };
    let cause =
        |rest: &Rest| step(&health(Up, 5, 0), Input::Pause(rest), &POLICY, NOW).1.unwrap().cause;
    assert_eq!(cause(&window), Cause::Maintenance);
    assert_eq!(cause(&Rest::Asked(pause)), Cause::Paused);
    assert_eq!(cause(&Rest::Inventory), Cause::Paused);
}

#[test]
fn what_does_not_matter_is_not_said() {
    let window = Rest::Window { name: "nightly".into(), until: WallMs(9_000_000) };
    let calm = Around::default();
    let plain = |state| explain(&health(state, 1, 0), &POLICY, &calm);
    // Nobody is left alone who answers, whatever a stale back-off says.
    let asked_again = Around { asked_again: Some(WallMs(9_000_000)), ..calm };
    assert_eq!(explain(&health(Up, 1, 0), &POLICY, &asked_again), plain(Up));
    // A window that has just opened: the state is what it is until the move is made.
    let rest = Around { rest: Some(&window), ..calm };
    assert_eq!(explain(&health(Up, 1, 0), &POLICY, &rest), plain(Up));
}

#[test]
fn a_host_flaps_at_the_pace_of_its_thresholds_and_at_every_second_poll() {
    let run = |pattern: &str| {
        pattern.repeat(8).chars().fold(health(Up, 9, 0), |health, poll| {
            after(health, if poll == 'x' { "failed" } else { "good" }).0
        })
    };
    // Down and back as fast as rise and fall let it.
    assert!(run("xxx..").flapping.is_on());
    assert!(run("xxxx....").flapping.is_on());
    // Never down, never up again: suspect for ever.
    let second = run("x.");
    assert!(second.flapping.is_on() && second.state == Suspect);
    assert!(!run("x...................").flapping.is_on());
    assert!(!run("xxxx....................").flapping.is_on());
    let paused = after(second, "pause").0;
    assert!(!paused.flapping.is_on(), "nothing from before a pause counts");
    let other = after(second, "accept").0;
    assert!(!other.flapping.is_on(), "what another machine did does not count");
}

#[test]
fn the_defaults_are_those_of_the_configuration() {
    let config = config::Config::load(config::Sources::default()).unwrap().config;
    assert_eq!(Policy::from(&config.health), Policy::default());
}
