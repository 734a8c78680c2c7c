//! What every backend owes of what happened beside polls: transitions, pauses, losses, inventories.

use super::*;
use crate::{
    health::Pause,
    model::{AuditEntry, Loss, LossReason, Notice, NoticeKind, NoticeState, Transition},
    store::LoadedInventory,
};

pub(crate) async fn transitions_are_kept_once_and_move_the_state(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    let move_a = |at, from, to| sample::transition(a.id, &a.name, slot(at), from, to);
    let all = vec![
        move_a(0, State::Pending, State::Up),
        sample::transition(b.id, &b.name, slot(1), State::Pending, State::Degraded),
        move_a(2, State::Up, State::Suspect),
        move_a(2, State::Suspect, State::Paused), // the same moment, another story
    ];
    let batch = |transitions| Batch { transitions, ..Batch::default() };
    write(fixture, batch(all.clone())).await.unwrap();
    // Sent again, late: kept once, and the state stays the newest.
    write(fixture, batch(vec![all[0].clone()])).await.unwrap();

    let store = fixture.store();
    let read =
        async |host, span, order, limit| store.transitions(host, span, order, limit).await.unwrap();
    assert_eq!(read(None, Span::ALL, ReadOrder::OldestFirst, 9).await, all);
    let newest = read(Some(a.id), Span::ALL, ReadOrder::NewestFirst, 2).await;
    assert_eq!(newest, [all[3].clone(), all[2].clone()]);
    let span = Span { from: slot(1), to: slot(2) };
    assert_eq!(read(None, span, ReadOrder::NewestFirst, 9).await, [all[1].clone()]);
    let states: Vec<_> = all_hosts(fixture).await.into_iter().map(|h| h.state).collect();
    assert_eq!(states, [Some((State::Paused, slot(2))), Some((State::Degraded, slot(1)))]);
}

/// Written again by a replay, by another server, or after the clock was set: it is one row, and the
/// state is since when it was first said to be.
pub(crate) async fn a_transition_is_known_by_the_poll_that_caused_it(fixture: &dyn Fixture) {
    let a = host(fixture, "a").await;
    let of_poll = |due: i64, at: i64, from, to| Transition {
        slot: Some(slot(due)),
        ..sample::transition(a.id, &a.name, slot(at), from, to)
    };
    let first = of_poll(10, 11, State::Up, State::Suspect);
    let again = [12, 5].map(|at| of_poll(10, at, State::Up, State::Suspect));
    // The same moment, of another poll; the same poll, another story; and one of no poll at all.
    let others = [
        of_poll(9, 11, State::Up, State::Suspect),
        of_poll(10, 11, State::Suspect, State::Suspect),
        sample::transition(a.id, &a.name, slot(11), State::Up, State::Suspect),
    ];
    for transition in [first.clone()].into_iter().chain(again).chain(others.clone()) {
        let batch = Batch { transitions: vec![transition], ..Batch::default() };
        write(fixture, batch).await.unwrap();
    }
    let kept =
        fixture.store().transitions(None, Span::ALL, ReadOrder::OldestFirst, 9).await.unwrap();
    assert_eq!(kept, [&[first][..], &others].concat());
    let states: Vec<_> = all_hosts(fixture).await.into_iter().map(|h| h.state).collect();
    assert_eq!(states, [Some((State::Suspect, slot(11)))]);
}

async fn keep(fixture: &dyn Fixture, notices: &[&Notice]) {
    let notices = notices.iter().map(|notice| Arc::new((*notice).clone())).collect();
    write(fixture, Batch { notices, ..Batch::default() }).await.unwrap();
}

async fn pending(fixture: &dyn Fixture, receiver: &str, limit: usize) -> Vec<Notice> {
    fixture.store().notices(receiver.into(), limit).await.unwrap()
}

/// In whatever order the rows of a notice come, and however often.
pub(crate) async fn of_a_notice_the_row_that_is_further_is_kept(fixture: &dyn Fixture) {
    let a = host(fixture, "a").await;
    let made = |second| {
        let of = sample::transition(a.id, &a.name, slot(second), State::Suspect, State::Down);
        sample::notice(&of, NoticeKind::Begins)
    };
    let (old, new) = (made(1), made(2));
    let other = Notice { receiver: "pager ü".into(), ..old.clone() };
    let tried = Notice {
        attempts: 2,
        next_try: slot(30),
        last_error: Some("503 \u{1f4bf}".into()),
        ..old.clone()
    };
    let told = Notice {
        state: NoticeState::Delivered,
        attempts: 3,
        last_error: None,
        ended: Some(slot(31)),
        ..tried.clone()
    };
    assert_eq!(pending(fixture, "hook", 9).await, []);
    // The further one first, as when a spool is replayed.
    for row in [&tried, &new, &other, &old] {
        keep(fixture, &[row, row]).await;
    }
    assert_eq!(pending(fixture, "hook", 9).await, [tried.clone(), new.clone()]);
    assert_eq!(pending(fixture, "hook", 1).await, std::slice::from_ref(&tried));
    assert_eq!(pending(fixture, "pager ü", 9).await, [other]);
    for row in [&told, &tried, &old] {
        keep(fixture, &[row]).await;
    }
    let gone = Notice { state: NoticeState::GivenUp, ended: Some(slot(99)), ..told };
    keep(fixture, &[&gone]).await;
    assert_eq!(pending(fixture, "hook", 9).await, std::slice::from_ref(&new));
    let last = fixture.store().last_told("hook".into(), a.id, "1".into()).await.unwrap();
    assert_eq!(last, Some(NoticeKind::Begins), "what was delivered stays delivered");

    // Those that are over are kept as long as transitions are; those that wait are kept.
    let before =
        Retention { polls: WallMs(0), events: slot(50), summaries: WallMs(0), rollups: WallMs(0) };
    fixture.store().prune(before).await.unwrap();
    assert_eq!(fixture.store().last_told("hook".into(), a.id, "1".into()).await.unwrap(), None);
    assert_eq!(pending(fixture, "hook", 9).await, [new]);
}

pub(crate) async fn what_was_last_told_of_a_host_or_an_alarm_is_known(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    let row = |of: &KnownHost, second, kind, state| {
        let of = sample::transition(of.id, &of.name, slot(second), State::Up, State::Down);
        let ended = (state != NoticeState::Pending).then_some(slot(second));
        Notice { state, ended, ..sample::notice(&of, kind) }
    };
    let (begins, ends) = (NoticeKind::Begins, NoticeKind::Ends);
    let last_of = async |of: &KnownHost, subject: &str| {
        fixture.store().last_told("hook".into(), of.id, subject.into()).await.unwrap()
    };
    let last = async |of: &KnownHost| last_of(of, &of.id.0.to_string()).await;
    keep(fixture, &[&row(&a, 4, ends, NoticeState::Delivered)]).await;
    assert_eq!((last(&a).await, last(&b).await), (Some(ends), None));
    // One that was given up and one that waits were not told.
    keep(fixture, &[&row(&a, 5, begins, NoticeState::GivenUp)]).await;
    keep(fixture, &[&row(&a, 6, begins, NoticeState::Pending)]).await;
    assert_eq!(last(&a).await, Some(ends));
    // The last is the one that was kept last, whatever the clock said.
    keep(fixture, &[&row(&a, 3, begins, NoticeState::Delivered)]).await;
    assert_eq!(last(&a).await, Some(begins));
    // An alarm of the host is a subject of its own, be its rule called as the host's number is.
    let alarms = ["disk-full", &a.id.0.to_string()].map(|rule| format!("{rule}/{}/0f", a.id.0));
    for alarm in &alarms {
        assert_eq!(last_of(&a, alarm).await, None);
        let id = format!("{alarm}/1774747800000/resolved").into();
        keep(fixture, &[&Notice { id, ..row(&a, 9, ends, NoticeState::Delivered) }]).await;
        assert_eq!(last_of(&a, alarm).await, Some(ends));
    }
    assert_eq!(last(&a).await, Some(begins));
}

/// That a host flaps is a row, and so is what the server finds about itself.
pub(crate) async fn a_row_about_no_change_moves_no_state(fixture: &dyn Fixture) {
    let a = host(fixture, "a").await;
    let up = sample::transition(a.id, &a.name, slot(0), State::Pending, State::Up);
    let flaps = sample::transition(a.id, &a.name, slot(5), State::Up, State::Up);
    let own = sample::transition(HostId::SERVER, &a.name, slot(6), State::Up, State::Suspect);
    let transitions = vec![up, flaps, own];
    write(fixture, Batch { transitions: transitions.clone(), ..Batch::default() }).await.unwrap();
    let store = fixture.store();
    let kept = store.transitions(None, Span::ALL, ReadOrder::OldestFirst, 9).await.unwrap();
    assert_eq!(kept, transitions);
    let states: Vec<_> = all_hosts(fixture).await.into_iter().map(|h| h.state).collect();
    assert_eq!(states, [Some((State::Up, slot(0)))], "still up, since when it came up");
}

pub(crate) async fn a_pause_is_kept_until_it_is_ended(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    let store = fixture.store();
    let pause = |second, until: Option<i64>, reason: &str| Pause {
        since: slot(second),
        until: until.map(slot),
        reason: reason.into(),
    };
    assert_eq!(store.pauses().await.unwrap(), []);
    store.set_pause(b.id, Some(pause(0, Some(60), "new disk \u{1f4bf}"))).await.unwrap();
    store.set_pause(a.id, Some(pause(1, None, ""))).await.unwrap();
    store.set_pause(a.id, Some(pause(2, None, "other words"))).await.unwrap();
    let kept =
        [(a.id, pause(2, None, "other words")), (b.id, pause(0, Some(60), "new disk \u{1f4bf}"))];
    assert_eq!(store.pauses().await.unwrap(), kept);
    assert_eq!(fixture.reader().await.pauses().await.unwrap(), kept);
    store.set_pause(a.id, None).await.unwrap();
    store.set_pause(a.id, None).await.unwrap();
    // Gone with its host, so that one which comes back is not paused for a reason long past.
    store.retire(vec![b.id], slot(3)).await.unwrap();
    assert_eq!(store.pauses().await.unwrap(), []);
}

pub(crate) async fn an_entry_of_the_audit_is_kept_once_and_as_long_as_transitions(
    fixture: &dyn Fixture,
) {
    let entry = |id: &str, at, who: Option<&str>| AuditEntry {
        id: id.into(),
        at: slot(at),
        who: who.map(Into::into),
        how: "token".into(),
        peer: who.map(|_| "2001:db8::/64".into()),
        what: "POST /api/v1/hosts/wéb/pause ✗".into(),
        status: 204,
        times: 1 << 40,
    };
    let all = [entry("c", 30, Some("zoë")), entry("b", 30, None), entry("a", 10, Some("bob"))];
    for _ in 0..2 {
        let audit = all.iter().rev().cloned().map(Arc::new).collect();
        write(fixture, Batch { audit, ..Batch::default() }).await.unwrap();
    }
    let store = fixture.store();
    assert_eq!(store.audit(Span::ALL, MAX_PAGE).await.unwrap(), all);
    assert_eq!(store.audit(Span::ALL, 1).await.unwrap(), all[..1]);
    let span = Span { from: slot(10), to: slot(30) };
    assert_eq!(store.audit(span, 9).await.unwrap(), all[2..]);
    let old =
        |events| Retention { polls: WallMs(0), events, summaries: WallMs(0), rollups: WallMs(0) };
    store.prune(old(slot(10))).await.unwrap();
    assert_eq!(store.audit(Span::ALL, 9).await.unwrap(), all);
    store.prune(old(slot(30))).await.unwrap();
    assert_eq!(store.audit(Span::ALL, 9).await.unwrap(), all[..2]);
}

pub(crate) async fn losses_are_kept_once_and_found_by_span(fixture: &dyn Fixture) {
    let loss = |from, to, reason| Loss {
        from: slot(from),
        to: slot(to),
        hosts: 3,
        polls: 1 << 40,
        reason,
        noted_at: slot(100),
    };
    let all = vec![
        loss(0, 10, LossReason::QueueFull),
        loss(5, 6, LossReason::SpoolFull),
        loss(5, 30, LossReason::Unreadable),
        loss(40, 40, LossReason::Refused),
    ];
    for _ in 0..2 {
        let batch = Batch { losses: all.clone(), ..Batch::default() };
        write(fixture, batch).await.unwrap();
    }
    let store = fixture.store();
    assert_eq!(store.losses(Span::ALL, MAX_PAGE).await.unwrap(), all);
    assert_eq!(store.losses(Span::ALL, 1).await.unwrap(), all[..1]);
    let span = Span { from: slot(10), to: slot(40) };
    assert_eq!(store.losses(span, 9).await.unwrap(), [all[0].clone(), all[2].clone()]);
    // They are kept as long as transitions are, by when they were noted.
    let noted = all[0].noted_at;
    let old =
        |events| Retention { polls: WallMs(0), events, summaries: WallMs(0), rollups: WallMs(0) };
    store.prune(old(noted)).await.unwrap();
    assert_eq!(store.losses(Span::ALL, 9).await.unwrap(), all);
    store.prune(old(WallMs(noted.0 + 1))).await.unwrap();
    assert_eq!(store.losses(Span::ALL, 9).await.unwrap(), []);
}

pub(crate) async fn an_inventory_is_a_version_once(fixture: &dyn Fixture) {
    let loaded = |hash: &str, second| LoadedInventory {
        hash: hash.to_owned(),
        source: "/etc/roundsman/inventory.toml".to_owned(),
        at: slot(second),
        hosts: 3,
        text: "[[group]] # ü".to_owned(),
    };
    let mut ids = Vec::new();
    for (hash, second) in [("a", 0), ("a", 1), ("b", 2), ("a", 3)] {
        ids.push(fixture.store().record_inventory(loaded(hash, second)).await.unwrap());
    }
    assert_eq!(ids[0], ids[1]);
    assert!(ids[1] < ids[2] && ids[2] < ids[3], "{ids:?}");
}
