//! Silences, acknowledgements, maintenance, steps.

use super::*;
use crate::text::Glob;

pub(super) fn silence(
    desk: &mut Desk,
    id: &str,
    rule: &str,
    seconds: u64,
    until_clear: bool,
) -> Result<(), SilenceError> {
    let silence = Silence {
        id: id.into(),
        matcher: Matcher { rules: vec![Glob::new(rule)], ..Matcher::default() },
        until: desk.now.plus(Duration::from_secs(seconds)),
        until_clear,
        who: "ann".into(),
        why: "new disks".into(),
    };
    let outputs = desk.router.silence(silence, desk.now)?;
    desk.handle(outputs);
    Ok(())
}

fn ack(desk: &mut Desk, host: &str, rule: &str) {
    let outputs = desk.router.ack(&key(host, rule), "ben", "on it", desk.now).unwrap();
    desk.handle(outputs);
}

const STEPS: &str = "[[route]]\nchannels = [\"mail\"]\nrepeat = \"1h\"\n\
    [[route.steps]]\nafter = \"15m\"\nchannels = [\"chat\"]\n\
    [[route.steps]]\nafter = \"30m\"\nchannels = [\"phone\"]\n";

#[test]
fn b24_a_silence_keeps_begins_and_repeats_back_and_its_end_tells_what_still_fires() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\nrepeat = \"10m\"\n");
    desk.fires("web-1", "disk");
    desk.pass(60);
    silence(&mut desk, "s-1", "disk", 3600, false).unwrap();
    desk.fires("web-2", "disk");
    desk.fires("web-3", "load");
    desk.pass(1000);
    let told = desk.told();
    assert_eq!(told[0], "20 mail firing: +web-1/disk(warning)");
    assert!(told[1..].iter().all(|line| line.contains("web-3/load")), "{told:?}");
    assert!(desk.says("web-2", "disk", "kept back in route route-1 by silence s-1"));
    desk.pass(2599);
    desk.told();
    desk.pass(60);
    let told = desk.told();
    let disk: Vec<_> = told.iter().filter(|line| line.contains("disk")).collect();
    // A repeat that is overdue comes at once, and takes with it what waits.
    assert_eq!(disk, [&"3660 mail firing: =web-1/disk(warning) +web-2/disk(warning)"]);
    assert!(desk.other.contains(&Output::SilenceEnded("s-1".into())));
}

#[test]
fn b24_a_silence_may_end_by_itself_when_its_last_alarm_is_over() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\n");
    desk.fires("web-1", "disk");
    desk.fires("web-2", "disk");
    desk.pass(60);
    silence(&mut desk, "s-1", "disk", 86_400, true).unwrap();
    desk.over("web-1", "disk");
    desk.pass(10);
    assert_eq!(desk.router.silences().count(), 1);
    // Of another host, and not silenced: says nothing of this silence.
    desk.fires("web-3", "load");
    desk.over("web-3", "load");
    assert_eq!(desk.router.silences().count(), 1);
    desk.over("web-2", "disk");
    assert_eq!(desk.router.silences().count(), 0);
    desk.pass(600);
    desk.told();
    desk.fires("web-1", "disk");
    desk.pass(600);
    assert_eq!(desk.told().len(), 1);
}

#[test]
fn b24_silences_are_limited() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\n");
    for number in 0..MAX_SILENCES {
        silence(&mut desk, &number.to_string(), "disk", 60, false).unwrap();
    }
    assert_eq!(silence(&mut desk, "more", "disk", 60, false), Err(SilenceError::TooMany));
    silence(&mut desk, "7", "load", 90, false).unwrap();
    desk.pass(60);
    assert_eq!(desk.router.silences().count(), 1);
}

#[test]
fn b25_an_ack_stops_repeats_and_steps_survives_a_fall_and_not_a_rise() {
    let mut desk = Desk::new(STEPS);
    desk.fires("web-1", "disk");
    desk.pass(60);
    ack(&mut desk, "web-1", "disk");
    desk.fires_as("web-1", "disk", Severity::Info);
    desk.pass(7200);
    assert_eq!(desk.told(), ["20 mail firing: +web-1/disk(warning)"]);
    assert_eq!(desk.router.acked(&key("web-1", "disk")).map(|ack| &*ack.who), Some("ben"));
    assert!(desk.says("web-1", "disk", "the acknowledgement of ben"));
    // As bad as when it was acknowledged: it still holds.
    desk.fires_as("web-1", "disk", Severity::Warning);
    desk.pass(3600);
    assert_eq!(desk.told(), Vec::<String>::new());
    desk.fires_as("web-1", "disk", Severity::Critical);
    desk.pass(1);
    let told = desk.told();
    assert!(told.len() == 1 && told[0].ends_with("mail firing: +web-1/disk(critical)"), "{told:?}");
    assert!(desk.other.contains(&Output::AckEnded(key("web-1", "disk"))));
    assert!(desk.router.acked(&key("web-1", "disk")).is_none());
}

#[test]
fn b25_an_ack_ends_with_its_alarm_and_the_end_is_told() {
    let mut desk = Desk::new(STEPS);
    desk.fires("web-1", "disk");
    desk.pass(60);
    ack(&mut desk, "web-1", "disk");
    desk.over("web-1", "disk");
    desk.pass(600);
    desk.fires("web-1", "disk");
    desk.pass(60);
    let told = desk.told();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[1].contains("resolved low: -web-1") && told[2].contains("firing: +web-1"),
        "{told:?}"
    );
    assert!(desk.router.ack(&key("web-9", "disk"), "ben", "", desk.now).is_none());
}

#[test]
fn an_alarm_that_nobody_acknowledges_is_told_to_further_people() {
    let mut desk = Desk::new(STEPS);
    desk.fires("web-1", "disk");
    desk.pass(3000);
    desk.over("web-1", "disk");
    desk.pass(600);
    assert_eq!(
        desk.told(),
        [
            "20 mail firing: +web-1/disk(warning)",
            "920 chat escalation: +web-1/disk(warning)",
            "1820 phone escalation: +web-1/disk(warning)",
            "3020 chat resolved low: -web-1/disk(warning)",
            "3020 mail resolved low: -web-1/disk(warning)",
            "3020 phone resolved low: -web-1/disk(warning)",
        ]
    );
}

#[test]
fn b26_maintenance_lets_steps_stand_and_go_on_by_the_same_clock() {
    let mut desk = Desk::new(STEPS);
    desk.fires("web-1", "disk");
    desk.pass(320);
    desk.feed(Input::Resting { host: HostId(1), resting: true });
    desk.pass(10_000);
    desk.feed(Input::Resting { host: HostId(1), resting: false });
    // The repeat that is overdue comes at once.
    desk.pass(599);
    assert_eq!(
        desk.told(),
        ["20 mail firing: +web-1/disk(warning)", "10320 mail repeat: =web-1/disk(warning)"]
    );
    desk.pass(1);
    assert_eq!(desk.told(), ["10920 chat escalation: +web-1/disk(warning)"]);
}

#[test]
fn b31_why_nobody_was_told_has_an_answer() {
    let mut desk = Desk::new("[[route]]\nname = \"day\"\nchannels = [\"mail\"]\n");
    silence(&mut desk, "s-1", "disk", 100, false).unwrap();
    desk.fires("web-1", "disk");
    desk.pass(110);
    desk.door("mail", Door::Away);
    desk.pass(15);
    desk.door("mail", Door::Open);
    desk.pass(60);
    desk.over("web-1", "disk");
    desk.pass(600);
    let way = desk.way("web-1", "disk").join("\n");
    let message = desk.sent[0].id.to_string();
    let end = desk.sent.last().unwrap().id.to_string();
    let way = way.replace(&message, "ONE").replace(&end, "TWO");
    insta::assert_snapshot!(way);
}

#[test]
fn the_journal_of_an_alarm_is_bounded_and_that_of_one_that_is_over_is_kept_for_a_while() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\nrepeat = \"10m\"\n");
    desk.fires("web-1", "disk");
    desk.pass(100 * 600);
    assert_eq!(desk.way("web-1", "disk").len(), MAX_STEPS_KEPT);
    for host in 2..=MAX_ENDED + 1 {
        desk.fires(&format!("db-{host}"), "disk");
        desk.over(&format!("db-{host}"), "disk");
    }
    assert_eq!(
        desk.way("db-2", "disk").last().unwrap(),
        "over before anybody was told: its end is not told"
    );
    desk.fires("db-5000", "disk");
    desk.over("db-5000", "disk");
    assert!(desk.router.journal(&key("db-2", "disk")).is_none());
    assert!(desk.router.journal(&key("db-3", "disk")).is_some());
}
