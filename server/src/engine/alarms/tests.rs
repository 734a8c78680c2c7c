use super::*;
use crate::{alert::parse, model::AlarmState};

const RULES: &str = "[[alert]]\nname = \"late\"\nover = \"server\"\nwhen = \"late_ms > 10\"\n";

fn cells(late_ms: f64) -> ServerCells {
    let (rows_lost, store_away_s, spool_rows, isolated) = (0.0, 0.0, 0.0, 0.0);
    let certificate_left_s = f64::NAN;
    ServerCells { rows_lost, store_away_s, late_ms, spool_rows, isolated, certificate_left_s }
}

/// Those of a server that has just read its rules.
fn ruled() -> Alarms {
    let rules = parse("alerts.toml", RULES).unwrap_or_else(|problems| panic!("{problems}"));
    let mut alarms = Alarms { rules: Some(RuleSets::new(rules.list)), ..Alarms::default() };
    let judged = alarms.install(HostId::SERVER, &own_subject(), None, WallMs(1));
    assert_eq!(judged, Judged::default());
    alarms
}

fn judge(alarms: &mut Alarms, late_ms: f64, slot: i64) -> Vec<(AlarmState, AlarmState)> {
    let of = alarms.hosts.get_mut(&HostId::SERVER).unwrap();
    let (subject, budget) = (own_subject(), &mut alarms.budget);
    let judged = of.judge.judge_server(&cells(late_ms), &subject, WallMs(slot), budget);
    judged.events.iter().map(|event| (event.from, event.to)).collect()
}

/// What is left of them in the store.
fn left(alarms: &Alarms) -> Vec<Alarm> {
    alarms.hosts[&HostId::SERVER].judge.alarms()
}

/// The first rules are in force before the store says what fired before the start.
#[test]
fn an_alarm_of_the_server_itself_outlives_a_restart() {
    let (ok, firing) = (AlarmState::Ok, AlarmState::Firing);
    let mut before = ruled();
    assert_eq!(judge(&mut before, 50.0, 1_000), [(ok, firing)]);
    let kept = left(&before);
    let mut alarms = ruled();
    assert!(alarms.restore(kept.clone()), "the server is to be brought under the rules again");
    alarms.install(HostId::SERVER, &own_subject(), None, WallMs(2));
    assert_eq!((left(&alarms), alarms.budget.alive), (kept.clone(), 1));
    // Once: what the server knows from then on it knows better.
    assert_eq!(judge(&mut alarms, 1.0, 2_000), [(firing, ok)]);
    assert!(!alarms.restore(kept));
    assert_eq!((left(&alarms), alarms.budget.alive), (vec![], 0));
}

/// It began between the rules and the store's answer, so it is that one that goes on.
#[test]
fn an_alarm_of_the_server_that_began_since_stays_as_it_is() {
    let mut before = ruled();
    judge(&mut before, 50.0, 1_000);
    let mut alarms = ruled();
    judge(&mut alarms, 70.0, 5_000);
    let now = left(&alarms);
    assert!(alarms.restore(left(&before)));
    alarms.install(HostId::SERVER, &own_subject(), None, WallMs(2));
    assert_eq!((left(&alarms), alarms.budget.alive), (now, 1));
}
