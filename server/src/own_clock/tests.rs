use super::*;

const LIMIT: Duration = Duration::from_secs(5);
const HOUR_MS: i64 = 3_600_000;

fn at(s: u64, wall_ms: i64) -> Now {
    Now { wall: WallMs(1_790_000_000_000 + wall_ms), mono: Mono(Duration::from_secs(s)) }
}

fn told(s: u64, ms: i64) -> Option<ClockSample> {
    let began = Mono(Duration::from_secs(s));
    Some(ClockSample { skew: Skew { ms, bound_ms: 0 }, began, is_own: false })
}

/// A clock beside hosts whose clocks differ by these milliseconds, all heard at second 10.
fn beside(skews: &[i64]) -> (OwnClock, Vec<Option<i64>>) {
    let mut clock = OwnClock::new(LIMIT);
    clock.begin(at(0, 0), None);
    let record = |(host, ms): (i64, &i64)| {
        clock.judge(HostId(host), told(10, *ms), skews.len()).map(|skew| skew.ms)
    };
    let judged = (1..).zip(skews).map(record).collect();
    (clock, judged)
}

#[test]
fn a_host_that_differs_is_wrong_and_a_fleet_that_differs_is_right() {
    let off = HOUR_MS;
    for (skews, wrong, last) in [
        (vec![0], false, Some(0)),
        (vec![off], false, Some(off)),
        (vec![0, off], false, Some(off)),
        (vec![off, off], false, Some(off)),
        (vec![0, 5, off], false, Some(off)),
        (vec![off, off, 0], true, Some(-off)),
        (vec![off, off, off + 7], true, Some(7)),
        (vec![off, off, 0, 0], false, Some(0)),
        (vec![-off, -off, -off, 0, -off - 9_000], true, Some(-9_000)),
    ] {
        let (clock, judged) = beside(&skews);
        assert_eq!(clock.standing().is_wrong, wrong, "{skews:?}");
        assert_eq!(judged.last(), Some(&last), "{skews:?}");
    }
}

/// At a start with a wrong clock the first hosts that answer must not be blamed for it.
#[test]
fn nobody_is_judged_before_enough_have_told_the_time() {
    let (_, judged) = beside(&[HOUR_MS; 10]);
    assert_eq!(judged[..2], [None, None]);
    assert!(judged[2..].iter().all(|ms| *ms == Some(0)), "{judged:?}");
    // Of few that are polled all are waited for, also those that fail.
    let mut clock = OwnClock::new(LIMIT);
    assert_eq!(clock.judge(HostId(1), told(1, HOUR_MS), 2), None);
    assert_eq!(clock.judge(HostId(2), None, 2), None);
    assert_eq!(clock.judge(HostId(1), told(2, HOUR_MS), 2).map(|skew| skew.ms), Some(HOUR_MS));
}

#[test]
fn a_step_of_ours_is_no_skew_of_theirs() {
    for (skews, by_ms, words) in [
        (vec![20, -10, 30], HOUR_MS, "forward by 1h; by the clocks of 3 hosts it was right before"),
        (vec![20, -10, 30], -HOUR_MS, "back by 1h; by the clocks of 3 hosts it was right before"),
        (vec![HOUR_MS; 3], HOUR_MS, "forward by 1h; by the clocks of 3 hosts it is right now"),
        (vec![0; 2], 2_500, "forward by 2s 500ms; by the clocks of 2 hosts it is right"),
        (
            vec![-HOUR_MS; 5],
            HOUR_MS,
            "forward by 1h; by the clocks of 5 hosts it is wrong: they are 2h behind it",
        ),
        (vec![0], HOUR_MS, "forward by 1h; by the clocks of 1 hosts it was right before"),
        (vec![], -HOUR_MS, "back by 1h; no host tells which time is right"),
    ] {
        let (mut clock, _) = beside(&skews);
        let said = clock.step(ClockStep { by_ms, noticed: at(20, by_ms) });
        assert_eq!(said, format!("the server's clock went {words}"));
        for (host, ms) in (1..).zip(&skews) {
            // Asked before the step, heard after it.
            assert_eq!(clock.judge(HostId(host), told(20, *ms), skews.len()), None);
            let judged = clock.judge(HostId(host), told(21, ms - by_ms), skews.len()).unwrap();
            let off = Duration::from_millis(judged.ms.unsigned_abs());
            assert!(off <= LIMIT, "{words}: judged by {off:?}");
        }
        let after = clock.standing();
        assert_eq!(after.is_wrong, words.contains("before") || words.contains("is wrong"));
        // Hours later a single host is no match for the server any more.
        clock.review(at(20 + STEP_DOUBT.as_secs(), by_ms));
        assert_eq!(clock.standing().is_wrong, after.is_wrong && skews.len() >= MIN_SAMPLES);
    }
}

#[test]
fn a_host_on_the_same_kernel_does_not_count() {
    let mut clock = OwnClock::new(LIMIT);
    clock.begin(at(0, 0), None);
    let own = told(1, 0).map(|told| ClockSample { is_own: true, ..told });
    assert_eq!(clock.judge(HostId(1), own, 4).map(|skew| skew.ms), Some(0));
    assert_eq!(clock.standing().fleet_ms, None);
    for host in 2..5 {
        clock.judge(HostId(host), told(1, HOUR_MS), 4);
    }
    assert!(clock.standing().is_wrong);
    assert_eq!(clock.judge(HostId(1), own, 4).map(|skew| skew.ms), Some(0));
}

#[test]
fn nothing_is_dropped_by_a_clock_in_doubt() {
    let hours = |hours: u64| hours * 3600;
    let day_ms = 24 * HOUR_MS;
    let doubt = |clock: &OwnClock, now| clock.standing().doubt(now);
    let words =
        |clock: &OwnClock, now| doubt(clock, now).map(|d| d.to_string()).unwrap_or_default();

    // Not before it was compared with anything.
    let mut clock = OwnClock::new(LIMIT);
    assert_eq!(doubt(&clock, at(1, 0)), Some(Doubt::NotCompared));
    // A new store, or one that was left a short time ago.
    for newest in [None, Some(at(0, -day_ms).wall), Some(at(0, day_ms).wall)] {
        let mut clock = OwnClock::new(LIMIT);
        clock.begin(at(1, 0), newest);
        assert_eq!(doubt(&clock, at(2, 1_000)), None, "{newest:?}");
    }
    // Begun a year ahead of the newest poll, or behind it: waits for the hosts, or for hours.
    for off in [-365 * day_ms, 365 * day_ms] {
        let mut clock = OwnClock::new(LIMIT);
        clock.begin(at(1, 0), Some(at(0, off).wall));
        assert!(words(&clock, at(2, 1_000)).contains("the newest poll that is kept is from 20"));
        let later = at(1 + hours(2), 2 * HOUR_MS);
        assert_eq!(doubt(&clock, later), None);
        clock.judge(HostId(1), told(2, 30), 1);
        assert_eq!(doubt(&clock, at(3, 2_000)), None, "a host says that so much time went by");
        clock.judge(HostId(1), told(3, -off), 1);
        let said = words(&clock, later);
        assert!(said.starts_with("the clocks of 1 hosts are 11months 30days"), "{said}");
    }
    // A step, whichever way, and also one that nobody took note of yet; there and back again.
    clock.begin(at(1, 0), None);
    for by_ms in [1_000, -5_000, HOUR_MS, -400 * day_ms] {
        assert!(words(&clock, at(2, 1_000 + by_ms)).contains("this server's clock went "));
        clock.step(ClockStep { by_ms, noticed: at(2, 1_000 + by_ms) });
        clock.step(ClockStep { by_ms: -by_ms, noticed: at(7, 6_000) });
        let until = 7 + STEP_DOUBT.as_secs();
        clock.review(at(until - 1, 2 * HOUR_MS + 5_000));
        assert!(words(&clock, at(until - 1, 2 * HOUR_MS + 5_000)).ends_with("another 1 min"));
        assert_eq!(doubt(&clock, at(until, 2 * HOUR_MS + 6_000)), None);
        clock = OwnClock::new(LIMIT);
        clock.begin(at(1, 0), None);
    }
}
