//! What is said of a move and of a state.

use super::*;

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
        let StateChange { from, to, cause, outcome, reason } = after(health, word).1.unwrap();
        let outcome = outcome.map_or("-", Outcome::as_str);
        told += &format!("{from} -> {to} ({cause}, {outcome}): {reason}\n");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_poll_without_words_still_gives_a_reason() {
    let reason = |outcome| step(&health(Up, 1, 0), poll(outcome), &POLICY, NOW).1.unwrap().reason;
    assert_eq!(reason(Outcome::Refused), "a poll failed: refused");
    assert_eq!(reason(Outcome::Partial), "the answer is partial");
}

#[test]
fn every_state_says_what_would_change_it() {
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
        cases.iter().map(|h| explain(h, &POLICY, &StateContext::default()) + "\n").collect();
    told += "\nrise 5, fall 5\n";
    let policy = Policy { rise: 5, fall: 5, ..POLICY };
    for case in [health(Degraded, 1, 0), health(Suspect, 2, 0), health(Down, 2, 0)] {
        told += &(explain(&case, &policy, &StateContext::default()) + "\n");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn what_stands_around_a_state_is_said_too() {
    let parent = FailingParent { name: HostName::new("gw-1").unwrap(), state: Down };
    let window = window();
    let mut flapping = health(Up, 4, 0);
    for poll in 0..8 {
        flapping = after(flapping, if poll % 2 == 0 { "failed" } else { "good" }).0;
    }
    let calm = StateContext::default();
    let flaws = flawed(&[skewed(), denied()], None);
    let flawed = StateContext { flaws: Some(&flaws), ..calm };
    let asked = PauseReason::Asked(Pause { since: START, until: None, reason: "new disk".into() });
    let cases = [
        (health(Degraded, 0, 0), flawed),
        (health(Degraded, 1, 0), flawed),
        (health(Degraded, 3, 0), flawed),
        (health(Paused, 0, 0), StateContext { pause_reason: Some(&asked), ..calm }),
        (health(Paused, 0, 0), calm),
        (health(Down, 0, 9), StateContext { parent: Some(&parent), ..calm }),
        (health(Up, 3, 0), StateContext { parent: Some(&parent), ..calm }),
        (health(Down, 0, 9), StateContext { asked_again: Some(WallMs(9_000_000)), ..calm }),
        (health(Paused, 0, 0), StateContext { pause_reason: Some(&window), ..calm }),
        (
            health(Paused, 0, 0),
            StateContext { pause_reason: Some(&PauseReason::Inventory), ..calm },
        ),
        (health(Up, 3, 0), StateContext { isolated: Some(NOW), ..calm }),
        (flapping, calm),
    ];
    let told: String = cases.iter().map(|(h, around)| explain(h, &POLICY, around) + "\n").collect();
    insta::assert_snapshot!(told);
}

#[test]
fn what_does_not_matter_is_not_said() {
    let window = window();
    let calm = StateContext::default();
    let plain = |state| explain(&health(state, 1, 0), &POLICY, &calm);
    // Nobody is left alone who answers, whatever a stale back-off says.
    let asked_again = StateContext { asked_again: Some(WallMs(9_000_000)), ..calm };
    assert_eq!(explain(&health(Up, 1, 0), &POLICY, &asked_again), plain(Up));
    // A window that has just opened: the state is what it is until the move is made.
    let pause_reason = StateContext { pause_reason: Some(&window), ..calm };
    assert_eq!(explain(&health(Up, 1, 0), &POLICY, &pause_reason), plain(Up));
}
