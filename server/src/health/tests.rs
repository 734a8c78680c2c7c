use proptest::prelude::*;

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
    }
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
    assert_eq!(blamed(health(Down, 1, 0), "good").0, Cause::Answered);
    assert_eq!(blamed(health(Up, 1, 0), "pause").0, Cause::Paused);
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
}

fn word() -> impl Strategy<Value = &'static str> {
    // Polls come by the thousand, words of the operator seldom.
    prop_oneof![12 => prop::sample::select(&INPUTS[..5]), 1 => prop::sample::select(&INPUTS[5..])]
}

/// Every move that the table has. Anything else is illegal, whatever led there.
fn is_legal(from: State, to: State) -> bool {
    match (from, to) {
        (Pending, Up | Degraded | Down) | (Up, Degraded | Suspect) => true,
        (Degraded, Up | Suspect) | (Suspect, Up | Degraded | Down) => true,
        // Another machine was accepted.
        (Up | Degraded | Suspect | Down, Pending) => true,
        (Down, Up | Degraded) | (Paused, Pending) | (Retired, Pending) => true,
        (from, Paused) => from != Paused && from != Retired,
        (from, Retired) => from != Retired,
        (_, _) => false,
    }
}

proptest! {
    #[test]
    fn every_history_keeps_to_the_table(
        inputs in prop::collection::vec((word(), -50_000_i64..100_000), 1..400),
        rise in 0_u32..5,
        fall in 0_u32..6,
    ) {
        let policy = Policy { rise, fall, ..POLICY };
        let (mut now, mut health) = (START, Health::new(START));
        // Evidence as the test counts it, to hold against the thresholds.
        let (mut good_run, mut bad_run) = (0, 0);
        for (word, passed) in inputs {
            now = WallMs(now.0 + passed);
            match word {
                "good" | "flawed" | "partial" => (good_run, bad_run) = (good_run + 1, 0),
                "failed" => (good_run, bad_run) = (0, bad_run + 1),
                "overrun" => {}
                _ => {}
            }
            let before = health;
            let (after, moved) = with(word, |input| step(&before, input, &policy, now));
            prop_assert!(after.since >= before.since, "`since` moved back");
            prop_assert_eq!(moved.is_some(), after.state != before.state);
            if let Some(moved) = moved {
                prop_assert_eq!((moved.from, moved.to), (before.state, after.state));
                prop_assert!(is_legal(moved.from, moved.to), "{} -> {}", moved.from, moved.to);
                prop_assert!(!moved.reason.is_empty());
                if moved.from == Retired {
                    prop_assert_eq!(word, "add");
                }
                if moved.to == Down {
                    prop_assert!(bad_run >= fall.max(2), "down after {bad_run}");
                }
                if matches!(moved.from, Suspect | Down) && matches!(moved.to, Up | Degraded) {
                    prop_assert!(good_run >= rise.max(1), "back after {good_run}");
                }
                if matches!(moved.to, Paused | Retired | Pending) {
                    (good_run, bad_run) = (0, 0);
                }
            } else {
                prop_assert_eq!(after.since, before.since);
            }
            prop_assert!(!explain(&after, &policy, &Around::default()).is_empty());
            health = after;
        }
    }

    /// The flag needs as many changes as the formula says, so it cannot come faster than that; and
    /// overruns, which say nothing, do not move it.
    #[test]
    fn flapping_is_never_faster_than_its_policy(
        inputs in prop::collection::vec(prop::sample::select(&INPUTS[..5]), 1..200),
    ) {
        let mut health = Health::new(START);
        let (mut turned_on_after, mut polls) = (0, 0);
        for word in inputs {
            let next = after(health, word).0;
            if word == "overrun" {
                prop_assert_eq!(next.flapping, health.flapping);
                continue;
            }
            polls += 1;
            match (health.flapping.is_on(), next.flapping.is_on()) {
                (false, true) => {
                    // Five changes of the newest 20, all of the greatest weight, are 29.9 %.
                    prop_assert!(polls - turned_on_after >= 2 && polls >= 6, "on after {polls}");
                    turned_on_after = polls;
                }
                // From over 30 % to under 25 % takes some polls, whatever they say.
                (true, false) => prop_assert!(polls - turned_on_after >= 2),
                (_, _) => {}
            }
            health = next;
        }
    }

    /// Whatever came before, enough good polls bring a polled host up, enough failed ones down.
    #[test]
    fn no_history_is_a_dead_end(inputs in prop::collection::vec(word(), 0..100)) {
        let mut health = Health::new(START);
        for word in inputs {
            health = after(health, word).0;
        }
        if matches!(health.state, Paused | Retired) {
            return Ok(());
        }
        let repeat = |word, times| (0..times).fold(health, |health, _| after(health, word).0);
        // A degraded host needs `rise` flawless ones, whatever it was when they began.
        prop_assert_eq!(repeat("good", POLICY.rise + 1).state, Up);
        prop_assert_eq!(repeat("failed", POLICY.fall + 1).state, Down);
    }
}

mod flaws {
    use super::*;
    use crate::model::{
        CPU_STATES, Clocks, Cost, Counters, Facts, FamilyReport, Snapshot, Table, Values, View,
    };

    fn answer(view: View, reports: &[(Family, Status, &str)]) -> Snapshot {
        let report = |&(family, status, error): &(Family, Status, &str)| FamilyReport {
            family,
            status,
            spent_us: 1,
            error: error.to_owned(),
        };
        Snapshot {
            facts: Facts::default(),
            clocks: Clocks { wall_ns: 0, boottime_ns: 1 },
            view,
            ticks_per_second: 100,
            reports: reports.iter().map(report).collect(),
            cost: Cost::default(),
            gauges: Values::default(),
            counters: Counters::default(),
            cpu: [None; CPU_STATES],
            cores: Table::default(),
            softirqs: Table::default(),
            interfaces: Table::default(),
            disks: Table::default(),
            mounts: Vec::new(),
            processes: Vec::new(),
        }
    }

    fn words(snapshot: &Snapshot, outcome: Outcome, skew: Option<i64>) -> Vec<String> {
        let skew = skew.map(|ms| Skew { ms, bound_ms: 0 });
        super::super::flaws(snapshot, outcome, skew, &POLICY)
            .iter()
            .map(|flaw| format!("{}: {flaw}", flaw.cause()))
            .collect()
    }

    #[test]
    fn a_whole_answer_has_none() {
        let whole = answer(View::Host, &[(Family::Cpu, Status::Ok, "")]);
        assert!(words(&whole, Outcome::Ok, Some(12)).is_empty());
        assert!(words(&whole, Outcome::Ok, None).is_empty());
    }

    #[test]
    fn what_the_kernel_never_had_is_none() {
        let old = answer(View::Host, &[(Family::Pressure, Status::Absent, "no /proc/pressure")]);
        assert!(words(&old, Outcome::Ok, None).is_empty());
        // The poll says partial and nothing else explains it: it was there before.
        assert_eq!(
            words(&old, Outcome::Partial, None),
            ["partial_answer: pressure is absent (no /proc/pressure)"]
        );
        let other = answer(
            View::Host,
            &[
                (Family::Pressure, Status::Absent, "no /proc/pressure"),
                (Family::Disk, Status::Denied, ""),
            ],
        );
        assert_eq!(words(&other, Outcome::Partial, None), ["partial_answer: disk is denied"]);
    }

    #[test]
    fn every_status_but_ok_and_absent_is_one() {
        for status in
            [Status::Partial, Status::Denied, Status::Timeout, Status::Hung, Status::Malformed]
        {
            let bad = answer(View::Host, &[(Family::Filesystem, status, "/nfs")]);
            let told = words(&bad, Outcome::Partial, None);
            assert_eq!(told, [format!("partial_answer: filesystem is {} (/nfs)", status.as_str())]);
        }
    }

    #[test]
    fn a_skew_over_the_limit_either_way() {
        let whole = answer(View::Host, &[]);
        assert!(words(&whole, Outcome::Ok, Some(5_000)).is_empty());
        assert!(words(&whole, Outcome::Ok, Some(-5_000)).is_empty());
        assert_eq!(
            words(&whole, Outcome::Ok, Some(5_001)),
            ["clock_skew: its clock is 5s 1ms ahead, over the limit of 5s"]
        );
        assert_eq!(
            words(&whole, Outcome::Ok, Some(-7_200_000)),
            ["clock_skew: its clock is 2h behind, over the limit of 5s"]
        );
        assert_eq!(words(&whole, Outcome::Ok, Some(i64::MIN)).len(), 1);
    }

    #[test]
    fn a_skew_that_may_be_within_the_limit_is_none() {
        let whole = answer(View::Host, &[]);
        let told = |ms, bound_ms| {
            super::super::flaws(&whole, Outcome::Ok, Some(Skew { ms, bound_ms }), &POLICY)
        };
        assert!(told(6_500, 1_500).is_empty());
        assert!(told(-6_500, 1_500).is_empty());
        assert_eq!(
            told(6_501, 1_500)[0].to_string(),
            "its clock is 6s 501ms ahead (give or take 1s 500ms), over the limit of 5s"
        );
    }

    #[test]
    fn a_second_host_of_one_machine_names_the_first_and_how_they_are_one() {
        let other = HostName::new("web-1").unwrap();
        let flaw = |copied| Flaw::Duplicate { other: other.clone(), copied };
        assert_eq!(flaw(false).cause(), Cause::Duplicate);
        assert_eq!(flaw(false).to_string(), "host web-1 is the same machine; take one of them out");
        assert!(flaw(true).to_string().contains("a copied image"), "{}", flaw(true));
    }

    #[test]
    fn a_containers_values_are_one_and_a_view_that_cannot_be_told_is_not() {
        assert_eq!(
            words(&answer(View::Container, &[]), Outcome::Ok, None),
            ["wrong_view: the probe sees a container, not the host"]
        );
        assert!(words(&answer(View::Unknown, &[]), Outcome::Ok, None).is_empty());
    }

    #[test]
    fn the_gravest_comes_first_and_all_are_told() {
        let bad = answer(View::Container, &[(Family::Disk, Status::Denied, "")]);
        let skew = Some(Skew { ms: 60_000, bound_ms: 0 });
        let all = super::super::flaws(&bad, Outcome::Partial, skew, &POLICY);
        let (_, moved) = step(
            &health(Up, 1, 0),
            Input::Poll { outcome: Outcome::Partial, flaws: &all, error: None },
            &POLICY,
            NOW,
        );
        let moved = moved.unwrap();
        assert_eq!(moved.cause, Cause::WrongView);
        assert_eq!(
            moved.reason,
            "the probe sees a container, not the host; disk is denied; its clock is 1m ahead, \
             over the limit of 5s"
        );
    }

    #[test]
    fn not_serving_names_the_service() {
        let flaw = |service: &str| Flaw::NotServing { service: service.to_owned() };
        assert_eq!(flaw("").to_string(), "the probe says NOT_SERVING");
        assert_eq!(
            flaw("roundsman.v1.Probe/disk").to_string(),
            "the probe says NOT_SERVING for roundsman.v1.Probe/disk"
        );
        assert_eq!(flaw("").cause(), Cause::NotServing);
    }
}

#[test]
fn the_defaults_are_those_of_the_configuration() {
    let config = config::Config::load(config::Sources::default()).unwrap().config;
    assert_eq!(Policy::from(&config.health), Policy::default());
}
