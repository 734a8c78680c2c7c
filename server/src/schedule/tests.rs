use std::collections::HashSet;

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;
use crate::{
    model::HostId,
    units::{Mono, Now},
};

mod poll_queue;

pub(super) fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

pub(super) fn every(ms: u64) -> Schedule {
    Schedule::every(Duration::from_millis(ms)).unwrap()
}

pub(super) fn name(text: &str) -> HostName {
    HostName::new(text).unwrap()
}

fn utc(text: &str) -> WallMs {
    WallMs(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
}

/// The slots in `[from, to)` as the clock of the zone shows them, with its offset.
fn shown(schedule: &Schedule, zone: Tz, from: &str, to: &str) -> Vec<String> {
    let (mut at, end) = (WallMs(utc(from).0 - 1), utc(to));
    let mut all = Vec::new();
    while let Some(slot) = schedule.next_slot(Duration::ZERO, at).filter(|slot| *slot < end) {
        let local = Utc.timestamp_millis_opt(slot.0).unwrap().with_timezone(&zone);
        all.push(local.format("%m-%d %H:%M:%S %Z").to_string());
        at = slot;
    }
    all
}

#[test]
fn a_phase_from_another_schedule_goes_round_the_grid() {
    for schedule in [every(1_000), cron("0 * * * * *", "UTC")] {
        let slot = |phase| schedule.next_slot(Duration::from_millis(phase), WallMs(59_600));
        assert_eq!(slot(7_300), slot(300), "{schedule}");
        assert_eq!(slot(300), Some(WallMs(60_300)), "{schedule}");
    }
}

/// As after a restart or a reload within the repeated hour.
#[test]
fn one_time_of_day_that_has_run_does_not_run_again_in_the_second_pass() {
    let nightly = cron("0 30 2 * * *", "Europe/Berlin");
    let next = |at| nightly.next_slot(Duration::ZERO, utc(at)).unwrap();
    assert_eq!(next("2026-10-25T00:29:59Z"), utc("2026-10-25T00:30:00Z"), "02:30 CEST");
    for later in ["2026-10-25T00:30:00Z", "2026-10-25T00:45:00Z", "2026-10-25T01:15:00Z"] {
        assert_eq!(next(later), utc("2026-10-26T01:30:00Z"), "from {later}");
    }
}

#[test]
fn the_newest_slot_is_found_and_not_every_one_is_counted() {
    let second = cron("* * * * * *", "UTC");
    let first = utc("2026-03-28T10:00:00Z");
    let newest = |passed_ms: i64| {
        let (slot, passed) = second.newest_slot(Duration::ZERO, first, WallMs(first.0 + passed_ms));
        (slot.0 - first.0, passed)
    };
    assert_eq!(newest(0), (0, 0));
    assert_eq!(newest(999), (0, 0));
    assert_eq!(newest(1_000), (1_000, 1), "a slot that is due at this very moment");
    // After a stall of a day: the search for each of 86,400 would hold up everybody.
    let (slot, passed) = newest(86_400_000);
    assert_eq!(slot, 86_400_000);
    assert!(passed <= MAX_CRON_COUNTED + 2, "{passed} were counted");
}

#[test]
fn ten_thousand_names_spread_evenly_and_stay_where_they_are() {
    let names: Vec<HostName> = (0..10_000).map(|n| name(&format!("web-{n:05}.example"))).collect();
    for schedule in [every(10_000), every(300_000), every(1_000), cron("*/10 * * * * *", "UTC")] {
        let mut tenths = [0_u32; 10];
        let spread = schedule.spread_ms();
        for name in &names {
            let phase = millis(schedule.phase(name, 0));
            assert!((0..spread).contains(&phase));
            tenths[usize::try_from(phase * 10 / spread).unwrap()] += 1;
        }
        for tenth in tenths {
            assert!((850..=1150).contains(&tenth), "{schedule}: {tenths:?}");
        }
    }
    // The same in every process and version: the numbers themselves are the promise.
    assert_eq!(every(10_000).phase(&name("web-01"), 0), Duration::from_millis(947));
    assert_eq!(every(60_000).phase(&name("web-01"), 0), Duration::from_millis(5_682));
    assert_eq!(cron("0 * * * * *", "UTC").phase(&name("web-01"), 0), Duration::from_millis(94));
}

fn cron(expression: &str, zone: &str) -> Schedule {
    Schedule::cron(expression, zone).unwrap()
}

#[test]
fn intervals_lie_on_the_absolute_grid() {
    let schedule = every(10_000);
    let phase = Duration::from_millis(1_250);
    let at = utc("2026-03-29T01:00:00Z");
    assert_eq!(schedule.next_slot(phase, at), Some(utc("2026-03-29T01:00:01.250Z")));
    let slot = utc("2026-03-29T01:00:01.250Z");
    assert_eq!(schedule.next_slot(phase, slot), Some(utc("2026-03-29T01:00:11.250Z")));
    // Before the epoch, at its ends, and with a phase that is not one.
    assert_eq!(every(1_000).next_slot(Duration::ZERO, WallMs(-1_500)), Some(WallMs(-1_000)));
    assert_eq!(every(1_000).next_slot(seconds(3), WallMs(0)), Some(WallMs(1_000)));
    assert_eq!(every(1_000).next_slot(Duration::ZERO, WallMs(i64::MAX)), None);
    assert_eq!(every(1_000).next_slot(Duration::from_millis(5), WallMs(i64::MIN)), None);
    assert_eq!(cron("* * * * * *", "UTC").next_slot(Duration::ZERO, WallMs(i64::MAX)), None);
    assert_eq!(cron("* * * * * *", "UTC").next_slot(Duration::ZERO, WallMs(i64::MIN)), None);
}

#[test]
fn bad_schedules_say_what_was_expected() {
    let text = |result: Result<Schedule, ScheduleError>| result.unwrap_err().to_string();
    insta::assert_snapshot!(
        [
            text(Schedule::every(Duration::from_millis(99))),
            text(Schedule::every(seconds(86_401))),
            text(Schedule::every(Duration::from_micros(100_500))),
            text(Schedule::cron("*/10 * * * *", "UTC")),
            text(Schedule::cron("0 0 * * * * 2030", "UTC")),
            text(Schedule::cron("@hourly", "UTC")),
            text(Schedule::cron("", "UTC")),
            text(Schedule::cron("61 * * * * *", "UTC")),
            text(Schedule::cron("0 * * * * MUN", "UTC")),
            text(Schedule::cron("0 5-1 * * * *", "UTC")),
            text(Schedule::cron("*/0 * * * * *", "UTC")),
            text(Schedule::cron("0 0 0 30 2 *", "UTC")),
            text(Schedule::cron("0 * * * * *", "Europe/Berln")),
            text(Schedule::cron("0 * * * * *", "")),
            text(Schedule::cron(&"0".repeat(300), "UTC")),
        ]
        .join("\n")
    );
    assert!(Schedule::cron("0 0 0 29 2 MON", "UTC").is_ok());
    assert!(Schedule::cron("0 0 0 29 2 +MON", "UTC").is_ok());
}

#[test]
fn schedules_print_and_compare_as_written() {
    let spaced = cron("  */10 *  * * * * ", "Europe/Berlin");
    assert_eq!(spaced.to_string(), "*/10 * * * * * Europe/Berlin");
    assert_eq!(spaced, cron("*/10 * * * * *", "Europe/Berlin"));
    assert_ne!(spaced, cron("*/10 * * * * *", "UTC"));
    assert_eq!(every(10_000).to_string(), "every 10s");
    assert_eq!(every(1_500).to_string(), "every 1s 500ms");
    assert_ne!(every(1_000), every(1_001));
}

#[test]
fn the_shortest_gap_is_that_of_an_ordinary_day() {
    for (expression, expected) in [
        ("* * * * * *", 1),
        ("*/10 * * * * *", 10),
        ("*/25 * * * * *", 10), // 50 to 0
        ("0 */5 * * * *", 300),
        ("0,30 */5 * * * *", 30),
        ("0,59 0,1 * * * *", 1), // 59 to the next minute's 0
        ("0 0,59 * * * *", 60),
        ("0 0 1,3 * * *", 7_200),
        ("0 0,50 1,2 * * *", 600),
        ("0 0 6,18 * * MON", 43_200),
        ("0 30 2 * * *", 86_400),
        ("0 0 0,23 * * *", 3_600),
    ] {
        assert_eq!(cron(expression, "UTC").shortest_gap(), seconds(expected), "{expression}");
    }
    assert_eq!(every(250).shortest_gap(), Duration::from_millis(250));
}

/// Every ten seconds stays every ten seconds through both changes, on the wall's round seconds.
#[test]
fn a_short_cadence_never_pauses_or_doubles_over_a_clock_change() {
    for (zone, spring, autumn) in [
        ("Europe/Berlin", "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"),
        ("America/New_York", "2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T15:30:00Z", "2026-04-04T15:00:00Z"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z", "2012-03-31T14:00:00Z"),
        ("UTC", "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"),
    ] {
        let schedule = cron("*/10 * * * * *", zone);
        for turn in [spring, autumn] {
            let mut at = WallMs(utc(turn).0 - 7_200_000);
            for _ in 0..1440 {
                let next = schedule.next_slot(Duration::ZERO, at).unwrap();
                assert_eq!(next.0 - at.0, 10_000, "{zone} after {at}");
                at = next;
            }
        }
    }
}

#[test]
fn a_time_of_day_follows_the_zone_over_the_year() {
    let schedule = cron("0 0 9 * * *", "Europe/Berlin");
    let next = |after| schedule.next_slot(Duration::ZERO, utc(after));
    assert_eq!(next("2026-03-28T12:00:00Z"), Some(utc("2026-03-29T07:00:00Z"))); // CEST
    assert_eq!(next("2026-03-27T12:00:00Z"), Some(utc("2026-03-28T08:00:00Z"))); // CET
    assert_eq!(next("2026-10-24T12:00:00Z"), Some(utc("2026-10-25T08:00:00Z")));
}

#[test]
fn one_time_of_day_runs_once_a_day_over_both_changes() {
    let berlin = chrono_tz::Europe::Berlin;
    let schedule = cron("30 30 2 * * *", "Europe/Berlin");
    assert_eq!(
        shown(&schedule, berlin, "2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z"),
        ["03-28 02:30:30 CET", "03-29 03:00:00 CEST", "03-30 02:30:30 CEST"]
    );
    assert_eq!(
        shown(&schedule, berlin, "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"),
        ["10-25 02:30:30 CEST", "10-26 02:30:30 CET"]
    );
    // Lord Howe: clocks move by half an hour, 02:00 to 02:30 and 02:00 back to 01:30.
    let lord_howe = chrono_tz::Australia::Lord_Howe;
    let schedule = cron("0 15 2 * * *", "Australia/Lord_Howe");
    assert_eq!(
        shown(&schedule, lord_howe, "2026-10-03T00:00:00Z", "2026-10-05T00:00:00Z"),
        ["10-04 02:30:00 +11", "10-05 02:15:00 +11"]
    );
    let schedule = cron("0 45 1 * * *", "Australia/Lord_Howe");
    assert_eq!(
        shown(&schedule, lord_howe, "2026-04-04T00:00:00Z", "2026-04-06T00:00:00Z"),
        ["04-05 01:45:00 +11", "04-06 01:45:00 +1030"]
    );
}

#[test]
fn anything_else_follows_the_clock_on_the_wall() {
    let new_york = chrono_tz::America::New_York;
    let schedule = cron("5 0,30 * * * *", "America/New_York");
    assert_eq!(
        shown(&schedule, new_york, "2026-03-08T06:00:00Z", "2026-03-08T08:00:00Z"),
        ["03-08 01:00:05 EST", "03-08 01:30:05 EST", "03-08 03:00:05 EDT", "03-08 03:30:05 EDT"]
    );
    assert_eq!(
        shown(&schedule, new_york, "2026-11-01T05:00:00Z", "2026-11-01T07:30:00Z"),
        [
            "11-01 01:00:05 EDT",
            "11-01 01:30:05 EDT",
            "11-01 01:00:05 EST",
            "11-01 01:30:05 EST",
            "11-01 02:00:05 EST",
        ]
    );
    // A range within the skipped hour is skipped with it.
    let schedule = cron("0 */20 2 * * *", "America/New_York");
    assert_eq!(
        shown(&schedule, new_york, "2026-03-08T00:00:00Z", "2026-03-09T07:00:00Z"),
        ["03-09 02:00:00 EDT", "03-09 02:20:00 EDT", "03-09 02:40:00 EDT"]
    );
}

#[test]
fn cron_slots_keep_the_second_that_the_expression_names() {
    let schedule = cron("*/10 * * * * *", "Europe/Berlin");
    let phase = Duration::from_millis(730);
    let first = schedule.next_slot(phase, utc("2026-03-29T00:59:59Z")).unwrap();
    assert_eq!(first, utc("2026-03-29T01:00:00.730Z"));
    assert_eq!(schedule.next_slot(phase, first), Some(utc("2026-03-29T01:00:10.730Z")));
    let just_before = WallMs(first.0 - 1);
    assert_eq!(schedule.next_slot(phase, just_before), Some(first));
}

prop_compose! {
    fn field(end: u32)(kind in 0..4, a in 0..end, b in 0..end, step in 1..end) -> String {
        match kind {
            0 => "*".to_owned(),
            1 => format!("*/{step}"),
            2 => format!("{a},{b}"),
            _ => format!("{}-{}", a.min(b), a.max(b)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Against the definition, second by second: a moment is a slot when its local time matches.
    #[test]
    fn the_search_finds_what_trying_every_second_finds(
        seconds in field(60), minutes in field(60), hours in prop_oneof![Just("*".to_owned()), field(5)],
        zone in prop::sample::select(vec![
            ("Europe/Berlin", 1_774_746_000_i64), ("Europe/Berlin", 1_792_890_000),
            ("America/New_York", 1_772_953_200), ("America/New_York", 1_793_512_800),
            ("Australia/Lord_Howe", 1_791_041_400), ("Australia/Lord_Howe", 1_775_314_800),
        ]),
        start in -7_000_i64..3_600,
    ) {
        let (zone, turn) = zone;
        let text = format!("{seconds} {minutes} {hours} * * *");
        let schedule = cron(&text, zone);
        let pattern: croner::Cron = text.parse().unwrap();
        prop_assume!(pattern.determine_job_type() == croner::JobType::IntervalWildcard);
        let tz: Tz = zone.parse().unwrap();
        let end = turn + 9_000;
        let expected: Vec<i64> = (turn + start + 1..end)
            .filter(|s| {
                let local = Utc.timestamp_opt(*s, 0).unwrap().with_timezone(&tz);
                pattern.is_time_matching(&local).unwrap()
            })
            .take(200)
            .collect();
        let mut at = WallMs((turn + start) * 1_000);
        for expected in expected {
            let next = schedule.next_slot(Duration::ZERO, at).unwrap();
            prop_assert_eq!(next, WallMs(expected * 1_000), "{} {} after {}", text, zone, at);
            at = next;
        }
    }

    #[test]
    fn slots_are_strictly_increasing_on_the_grid_and_an_interval_apart(
        interval in 100_i64..=86_400_000, host in "[a-z]{1,12}", at in 0_i64..4_000_000_000_000,
    ) {
        let schedule = every(interval.unsigned_abs());
        let phase = schedule.phase(&name(&host), 0);
        let first = schedule.next_slot(phase, WallMs(at)).unwrap();
        prop_assert!(first.0 > at && first.0 <= at + interval);
        prop_assert_eq!((first.0 - millis(phase)).rem_euclid(interval), 0);
        prop_assert_eq!(schedule.next_slot(phase, first), Some(WallMs(first.0 + interval)));
        prop_assert_eq!(schedule.next_slot(phase, WallMs(first.0 - 1)), Some(first));
    }
}
