//! What holds after any history.

use proptest::prelude::*;

use super::*;

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
            prop_assert!(!explain(&after, &policy, &StateContext::default()).is_empty());
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
