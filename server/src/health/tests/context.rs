//! The context of a state: parents, windows, flapping, which hosts count for the quorum.

use super::*;

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
    assert!(reason.starts_with("its parent gw-1 is down; 3 polls failed"), "{reason}");
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
    let pause = Pause { since: NOW, until: None, reason: "new disk".into() };
    let cause = |reason: &PauseReason| {
        step(&health(Up, 5, 0), Input::Pause(reason), &POLICY, NOW).1.unwrap().cause
    };
    assert_eq!(cause(&window()), Cause::Maintenance);
    assert_eq!(cause(&PauseReason::Asked(pause)), Cause::Paused);
    assert_eq!(cause(&PauseReason::Inventory), Cause::Paused);
}

#[test]
fn a_host_flaps_at_the_pace_of_its_thresholds_and_at_every_second_poll() {
    let run = |pattern: &str| {
        pattern.repeat(8).chars().zip(0..).fold(health(Up, 9, 0), |health, (poll, number)| {
            let now = NOW.plus(Duration::from_secs(10) * number);
            let outcome = if poll == 'x' { Outcome::Deadline } else { Outcome::Ok };
            step(&health, super::poll(outcome), &POLICY, now).0
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
fn a_host_that_goes_down_and_comes_back_once_a_minute_flaps_at_any_interval() {
    for interval_ms in [500_u64, 1_000, 2_000, 5_000, 10_000] {
        let interval = Duration::from_millis(interval_ms);
        let mut host = health(Up, 9, 0);
        let mut began = None;
        for poll in 0..u32::try_from(900_000 / interval_ms).unwrap() {
            let elapsed = interval * poll;
            // Silent for the first half of each minute.
            let silent = elapsed.as_millis() % 60_000 < 30_000;
            let outcome = if silent { Outcome::Unreachable } else { Outcome::Ok };
            host = step(&host, super::poll(outcome), &POLICY, NOW.plus(elapsed)).0;
            if host.flapping.is_on() {
                began.get_or_insert(elapsed);
            }
        }
        assert!(host.flapping.is_on(), "polled every {interval:?}: {}", host.flapping);
        assert!(began.unwrap() <= Duration::from_secs(5 * 60), "{interval:?}: {began:?}");
        // Well from then on: over after the quarter of an hour that two more falls need to be old.
        let calm = (1..=200_u32).fold(host, |host, poll| {
            let now = NOW.plus(Duration::from_secs(900) + Duration::from_secs(10) * poll);
            step(&host, super::poll(Outcome::Ok), &POLICY, now).0
        });
        assert!(!calm.flapping.is_on(), "{interval:?}: {}", calm.flapping);
    }
}

#[test]
fn hosts_that_are_expected_to_answer_count_for_the_quorum() {
    let counting = State::ALL.iter().filter(|state| health(**state, 0, 0).counts_for_quorum());
    assert_eq!(counting.copied().collect::<Vec<_>>(), [Up, Degraded, Suspect]);
}
