//! What every backend owes of alarms: how they are now, and how they came to it.

use super::*;
use crate::model::{
    Alarm, AlarmCause, AlarmEvent, AlarmKey, AlarmState, Delivery, DeliveryState, Severity,
};

async fn keep(fixture: &dyn Fixture, alarms: Vec<Alarm>) {
    write(fixture, Batch { alarms, ..Batch::default() }).await.unwrap();
}

fn of_rule(rule: &str, alarm: &Alarm) -> Alarm {
    Alarm { key: AlarmKey { rule: rule.into(), ..alarm.key.clone() }, ..alarm.clone() }
}

/// In whatever order the rows of an alarm come, and however often: as when a spool is replayed.
pub(crate) async fn an_alarm_is_kept_as_the_last_poll_left_it_and_forgotten_when_it_is_ok(
    fixture: &dyn Fixture,
) {
    let a = host(fixture, "a").await;
    let at = |state, second| sample::alarm(a.id, state, slot(second));
    assert_eq!(fixture.store().alarms().await.unwrap(), []);
    let (pending, firing) = (at(AlarmState::Pending, 1), at(AlarmState::Firing, 2));
    // Other rows: of another rule, and of the server itself over no row; nothing is known of it.
    let mut own = Alarm { value: None, ..of_rule("späť", &pending) };
    (own.key.host, own.key.row) = (HostId::SERVER, "".into());
    let other = of_rule("another", &firing);
    keep(fixture, vec![firing.clone(), pending.clone(), own.clone(), other.clone()]).await;
    keep(fixture, vec![pending.clone()]).await;
    let all = [other.clone(), firing.clone(), own.clone()];
    assert_eq!(fixture.store().alarms().await.unwrap(), all);
    let reader = fixture.reader().await;
    assert_eq!(reader.alarms().await.unwrap(), all);
    drop(reader);

    let found = fixture.view("alert_now").await;
    let hosts: Vec<_> = found.iter().map(|row| row["host"].as_str().unwrap()).collect();
    assert_eq!(hosts, ["roundsman:server", "a", "a"]);
    let last = found.last().unwrap();
    assert_eq!(last["row_key"].as_str(), Some(&*firing.key.row));
    assert_eq!((last["state"].as_str(), last["value"].as_f64()), (Some("firing"), Some(97.125)));
    assert_eq!(last["time_ms"].as_i64(), Some(slot(2).0));
    assert!(found[0]["value"].is_null() && found[0]["fired"].is_null(), "{:?}", found[0]);

    // The same poll again, worse; then over, and what came before that comes late.
    let worse = Alarm { severity: Severity::Critical, value: Some(99.5), ..firing.clone() };
    keep(fixture, vec![worse.clone()]).await;
    assert_eq!(fixture.store().alarms().await.unwrap()[1], worse);
    keep(fixture, vec![at(AlarmState::Ok, 1)]).await;
    assert_eq!(fixture.store().alarms().await.unwrap().len(), 3, "an older poll says nothing");
    // As a page of the spool has it.
    let story = [at(AlarmState::Ok, 3), at(AlarmState::Pending, 4), at(AlarmState::Firing, 5)];
    keep(fixture, story.to_vec()).await;
    assert_eq!(fixture.store().alarms().await.unwrap()[1], story[2]);
    keep(fixture, vec![at(AlarmState::Clearing, 6), at(AlarmState::Ok, 7)]).await;
    assert_eq!(fixture.store().alarms().await.unwrap(), [other, own]);
}

pub(crate) async fn alarms_are_kept_with_the_poll_that_they_are_of_or_not_at_all(
    fixture: &dyn Fixture,
) {
    let a = host(fixture, "a").await;
    let alarms: Vec<Alarm> = (0..250)
        .map(|rule| {
            of_rule(&format!("rule {rule:03}"), &sample::alarm(a.id, AlarmState::Firing, slot(5)))
        })
        .collect();
    let alarm_events: Vec<AlarmEvent> =
        alarms.iter().map(|alarm| sample::alarm_event(alarm, AlarmState::Pending)).collect();
    let polls = vec![Arc::new(sample::good(a.id, &a.name, slot(5)))];
    let batch = Batch { polls, alarms: alarms.clone(), alarm_events, ..Batch::default() };
    // A poll that can never be kept takes all with it.
    let broken = Record { values: None, ..sample::good(a.id, &a.name, slot(6)) };
    let spoilt = Batch { polls: vec![batch.polls[0].clone(), broken.into()], ..batch.clone() };
    write(fixture, spoilt).await.unwrap_err();
    let store = fixture.store();
    let events = async || {
        store
            .alarm_events(AlarmsOf::default(), Span::ALL, ReadOrder::OldestFirst, 999)
            .await
            .unwrap()
    };
    assert_eq!((store.alarms().await.unwrap(), events().await), (vec![], vec![]));
    // And an alarm that can never be kept takes the poll.
    let endless = Alarm { since: WallMs(i64::MAX), ..alarms[7].clone() };
    let bad_rule = of_rule(&"r".repeat(300), &alarms[0]);
    for refused in [endless, bad_rule] {
        let mut spoilt = batch.clone();
        spoilt.alarms.push(refused);
        // SQLite keeps both: any moment and any text.
        if write(fixture, spoilt).await.is_ok() {
            return;
        }
        assert_eq!(all_polls(fixture, a.id).await, []);
    }
    for _ in 0..2 {
        write(fixture, batch.clone()).await.unwrap();
        assert_eq!(store.alarms().await.unwrap(), alarms);
        assert_eq!(events().await, batch.alarm_events);
    }
    let over = alarms.into_iter().map(|alarm| Alarm { state: AlarmState::Ok, ..alarm }).collect();
    keep(fixture, over).await;
    assert_eq!(store.alarms().await.unwrap(), []);
}

pub(crate) async fn changes_of_alarms_are_kept_once_and_as_long_as_transitions(
    fixture: &dyn Fixture,
) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    let change =
        |host, from, to, second| sample::alarm_event(&sample::alarm(host, to, slot(second)), from);
    let (ok, firing) = (AlarmState::Ok, AlarmState::Firing);
    let all = vec![
        change(a.id, ok, firing, 1),
        AlarmEvent {
            value: None,
            cause: AlarmCause::RowGone,
            severity: Severity::Critical,
            ..change(b.id, firing, ok, 2)
        },
        change(a.id, firing, ok, 3),
        // The same poll, another change: of the rule that took its place.
        change(a.id, ok, firing, 3),
    ];
    let batch = |alarm_events| Batch { alarm_events, ..Batch::default() };
    write(fixture, batch(all.clone())).await.unwrap();
    // Judged again by another server, at another moment: kept as it was.
    let again = AlarmEvent { at: slot(99), summary: "later".into(), ..all[0].clone() };
    write(fixture, batch(vec![again, all[3].clone()])).await.unwrap();
    let store = fixture.store();
    let read = async |host, span, order, limit| {
        let of = AlarmsOf { host, rule: None };
        store.alarm_events(of, span, order, limit).await.unwrap()
    };
    assert_eq!(read(None, Span::ALL, ReadOrder::OldestFirst, 99).await, all);
    let newest = read(Some(a.id), Span::ALL, ReadOrder::NewestFirst, 2).await;
    assert_eq!(newest, [all[3].clone(), all[2].clone()]);
    let span = Span { from: slot(1), to: slot(3) };
    assert_eq!(read(Some(a.id), span, ReadOrder::OldestFirst, 9).await, [all[0].clone()]);

    let named = async |rule: &str| {
        let of = AlarmsOf { host: Some(a.id), rule: Some(rule.into()) };
        store.alarm_events(of, Span::ALL, ReadOrder::OldestFirst, 99).await.unwrap()
    };
    let of_a = read(Some(a.id), Span::ALL, ReadOrder::OldestFirst, 99).await;
    assert_eq!(named(&all[0].key.rule).await, of_a, "it is the rule of all of them");
    assert_eq!(named("another").await, []);

    let found = fixture.view("alert_history").await;
    let words: Vec<_> = found
        .iter()
        .map(|row| ["host", "from_state", "to_state", "cause"].map(|c| row[c].as_str().unwrap()))
        .collect();
    assert_eq!(words[1], ["b", "firing", "ok", "row_gone"]);
    assert_eq!(found[0]["summary"].as_str(), Some(&*all[0].summary));
    assert_eq!(found.len(), 4);

    let before =
        Retention { polls: slot(0), events: slot(3), summaries: slot(0), rollups: slot(0) };
    store.prune(before).await.unwrap();
    assert_eq!(read(None, Span::ALL, ReadOrder::OldestFirst, 99).await, all[2..]);
}

pub(crate) async fn what_became_of_a_message_is_kept_once_and_as_long_as_transitions(
    fixture: &dyn Fixture,
) {
    let a = host(fixture, "a").await;
    let alarm = sample::alarm(a.id, AlarmState::Firing, slot(1));
    let of = |message, state| sample::delivery(&alarm, message, state);
    let mut own = of("firing/2/b", DeliveryState::GivenUp);
    own.ended = slot(60);
    own.answer = None;
    own.alarms.truncate(1);
    own.alarms[0].key = AlarmKey { host: HostId::SERVER, row: "".into(), ..alarm.key.clone() };
    let sent = of("firing/1/a", DeliveryState::Sent);
    let batch = |all: &[&Delivery]| Batch {
        deliveries: all.iter().map(|one| Arc::new((*one).clone())).collect(),
        ..Batch::default()
    };
    write(fixture, batch(&[&sent, &own])).await.unwrap();
    // Sent again after a crash: the first row stays. To another channel it is another.
    let again = Delivery { tries: 9, ..sent.clone() };
    let other = Delivery { channel: "mail".into(), ended: slot(30), ..sent.clone() };
    write(fixture, batch(&[&again, &other])).await.unwrap();

    let found = fixture.view("alert_delivery").await;
    let words = |row: &ViewRow| {
        ["host", "says", "channel", "state"].map(|name| row[name].as_str().unwrap().to_owned())
    };
    let is = |host: &str, says: &str, channel: &str, state: &str| {
        [host, says, channel, state].map(str::to_owned)
    };
    let sorted = |found: &[ViewRow]| {
        let mut all: Vec<_> = found.iter().map(words).collect();
        all.sort();
        all
    };
    let all = sorted(&found);
    let chat = "ops \"chat\"";
    assert_eq!(
        all,
        [
            is("a", "firing", "mail", "sent"),
            is("a", "firing", chat, "sent"),
            is("a", "over", "mail", "sent"),
            is("a", "over", chat, "sent"),
            is("roundsman:server", "firing", chat, "given_up"),
        ]
    );
    let first = found.iter().find(|row| words(row) == all[1]).unwrap();
    assert_eq!(first["row_key"].as_str(), Some(&*alarm.key.row));
    let texts = ["rule", "severity", "route", "kind", "answer", "message"];
    let texts = texts.map(|name| first[name].as_str().unwrap());
    let expected = ["disk full", "warning", "default", "firing", "503 später ✗", "firing/1/a"];
    assert_eq!(texts, expected);
    assert_eq!(
        (first["tries"].as_i64(), first["time_ms"].as_i64()),
        (Some(2), Some(slot(1).0 + 20))
    );
    assert!(found.iter().any(|row| row["answer"].is_null()));

    let before =
        Retention { polls: slot(0), events: slot(30), summaries: slot(0), rollups: slot(0) };
    fixture.store().prune(before).await.unwrap();
    let left = sorted(&fixture.view("alert_delivery").await);
    assert_eq!(left, [all[0].clone(), all[2].clone(), all[4].clone()]);
}
