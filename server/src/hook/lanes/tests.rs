use std::time::Duration;

use super::*;

const NOW: Mono = Mono(Duration::from_secs(100));
const LATER: Mono = Mono(Duration::from_secs(101));

fn notice(host: i64, made: i64, kind: NoticeKind) -> Arc<Notice> {
    Arc::new(Notice {
        id: format!("{host}/{made}/down").into(),
        receiver: "hook".into(),
        host: HostId(host),
        event: WallMs(made),
        kind,
        body: "{}".into(),
        created: WallMs(made),
        state: NoticeState::Pending,
        attempts: 0,
        next_try: WallMs(made),
        last_error: None,
        ended: None,
    })
}

fn begins(host: i64, made: i64) -> Arc<Notice> {
    notice(host, made, NoticeKind::Begins)
}

fn ends(host: i64, made: i64) -> Arc<Notice> {
    notice(host, made, NoticeKind::Ends)
}

fn after(notice: &Notice, state: NoticeState) -> Notice {
    Notice { state, attempts: notice.attempts + 1, ended: Some(WallMs(9)), ..notice.clone() }
}

fn lanes(notices: &[Arc<Notice>]) -> Lanes {
    let mut lanes = Lanes::new(10);
    for notice in notices {
        assert_eq!(lanes.add(notice, NOW, End::Back), None);
    }
    lanes
}

#[test]
fn what_fails_holds_up_its_own_host_alone() {
    let (first, second, other) = (begins(1, 1), ends(1, 3), begins(2, 2));
    // As found in the store once another had come.
    let mut lanes = lanes(&[second.clone(), other.clone()]);
    lanes.add(&first, NOW, End::Front);
    assert_eq!(lanes.next(NOW), Next::Tell(first.clone()), "in the order in which they were made");
    let failed = Notice { attempts: 1, ..(*first).clone() };
    lanes.failed(&Arc::new(failed.clone()), LATER);
    assert_eq!(lanes.next(NOW), Next::Tell(other.clone()));
    lanes.ended(&after(&other, NoticeState::Delivered));
    assert_eq!(
        lanes.next(NOW),
        Next::Wait(Some(LATER)),
        "the second of host 1 waits for the first"
    );
    assert_eq!(lanes.next(LATER), Next::Tell(Arc::new(failed.clone())));
    lanes.ended(&after(&failed, NoticeState::Delivered));
    assert_eq!(lanes.next(LATER), Next::Tell(second));
}

#[test]
fn of_those_that_fail_the_one_tried_longest_ago_is_next() {
    let all = [begins(1, 1), begins(2, 2), begins(3, 3)];
    let mut lanes = lanes(&all);
    for turn in 0..6 {
        let Next::Tell(next) = lanes.next(NOW) else { panic!("nothing to tell") };
        assert_eq!(next.host, all[turn % 3].host);
        lanes.failed(&next, NOW);
    }
}

#[test]
fn an_end_is_told_only_where_its_begin_was() {
    for (fate, told) in [
        (NoticeState::Delivered, true),
        (NoticeState::GivenUp, false),
        (NoticeState::Folded, false),
    ] {
        let (begin, end) = (begins(1, 1), ends(1, 2));
        let mut lanes = lanes(&[begin.clone(), end.clone()]);
        // Nothing was told of the host before.
        lanes.learn("1", None);
        lanes.ended(&after(&begin, fate));
        let wanted = if told { Next::Tell(end) } else { Next::Fold(end) };
        assert_eq!(lanes.next(NOW), wanted, "{fate}");
    }
}

#[test]
fn what_is_not_known_of_a_host_is_asked_and_an_end_told_once() {
    let end = ends(1, 2);
    let mut lanes = lanes(std::slice::from_ref(&end));
    assert_eq!(lanes.next(NOW), Next::Ask(HostId(1), "1".into()));
    lanes.hold("1", LATER);
    assert_eq!(lanes.next(NOW), Next::Wait(Some(LATER)));
    lanes.learn("1", Some(NoticeKind::Begins));
    assert_eq!(lanes.next(LATER), Next::Tell(end.clone()));
    lanes.ended(&after(&end, NoticeState::Delivered));
    let again = ends(1, 3);
    lanes.add(&again, NOW, End::Back);
    assert_eq!(lanes.next(NOW), Next::Fold(again), "the end of nothing");
}

fn of_alarm(rule: &str, made: i64, kind: NoticeKind) -> Arc<Notice> {
    let id = format!("{rule}/1/0123456789abcdef/{made}/{kind}").into();
    Arc::new(Notice { id, ..(*notice(1, made, kind)).clone() })
}

#[test]
fn an_alarm_ends_only_where_it_began_whatever_was_told_of_its_host() {
    let (host, alarm) = (begins(1, 1), of_alarm("disk-full", 2, NoticeKind::Begins));
    let (end, other) =
        (of_alarm("disk-full", 3, NoticeKind::Ends), of_alarm("1", 4, NoticeKind::Ends));
    let mut lanes = lanes(&[host.clone(), alarm.clone(), end.clone(), other.clone()]);
    lanes.ended(&after(&host, NoticeState::Delivered));
    assert_eq!(lanes.next(NOW), Next::Tell(alarm.clone()), "that of its host holds up nothing");
    lanes.failed(&alarm, LATER);
    let subject = other.subject();
    assert_eq!(lanes.next(NOW), Next::Ask(HostId(1), subject.into()), "of this alarm");
    lanes.learn(subject, None);
    assert_eq!(lanes.next(NOW), Next::Fold(other.clone()), "the host's begin is not its own");
    lanes.ended(&after(&other, NoticeState::Folded));
    lanes.ended(&after(&alarm, NoticeState::Delivered));
    assert_eq!(lanes.next(NOW), Next::Tell(end));
}

#[test]
fn what_is_over_is_forgotten_where_there_is_much_of_it() {
    let mut lanes = Lanes::new(3);
    for number in 0..100 {
        lanes.learn(&format!("rule/{number}/x"), Some(NoticeKind::Ends));
    }
    lanes.learn("1", Some(NoticeKind::Begins));
    assert!(lanes.begun.len() <= 4 && lanes.begun.contains_key("1"), "{:?}", lanes.begun);
}

#[test]
fn one_that_comes_again_is_known() {
    let notice = begins(1, 1);
    let mut lanes = lanes(&[notice.clone(), notice.clone()]);
    assert_eq!(lanes.len(), 1);
    lanes.ended(&after(&notice, NoticeState::Delivered));
    lanes.add(&notice, NOW, End::Back);
    assert_eq!((lanes.len(), lanes.next(NOW)), (0, Next::Wait(None)));
    // As a spool says of one that was told before the start.
    let told = Arc::new(after(&begins(2, 1), NoticeState::Delivered));
    lanes.add(&told, NOW, End::Back);
    lanes.add(&begins(2, 1), NOW, End::Back);
    assert_eq!(lanes.len(), 0);
    let end = ends(2, 2);
    lanes.add(&end, NOW, End::Back);
    assert_eq!(lanes.next(NOW), Next::Tell(end), "and that its begin was told is known");
}

#[test]
fn a_clock_set_back_changes_no_order() {
    let (begin, end) = (begins(1, 9), ends(1, 2));
    let mut lanes = lanes(&[begin.clone(), end.clone()]);
    assert_eq!(lanes.next(NOW), Next::Tell(begin.clone()));
    lanes.ended(&after(&begin, NoticeState::Delivered));
    assert_eq!(lanes.next(NOW), Next::Tell(end));
}

#[test]
fn what_is_found_later_than_its_successor_was_told_is_overtaken() {
    let (found, came) = (ends(1, 1), begins(1, 2));
    let mut lanes = lanes(&[came.clone(), begins(2, 2)]);
    assert!(!lanes.overtook(&found));
    lanes.ended(&after(&came, NoticeState::Delivered));
    assert!(lanes.overtook(&found));
    assert!(!lanes.overtook(&came), "the row of one that was told just now");
    assert!(!lanes.overtook(&ends(2, 1)), "nothing was told of that host");
    lanes.is_whole();
    assert!(!lanes.overtook(&found), "all that waited is here");
}

#[test]
fn beyond_the_limit_the_oldest_is_in_the_way() {
    let mut lanes = Lanes::new(2);
    assert_eq!(lanes.add(&begins(1, 2), NOW, End::Back), None);
    assert_eq!(lanes.add(&begins(2, 1), NOW, End::Back), None);
    let oldest = lanes.add(&begins(3, 3), NOW, End::Back).unwrap();
    assert_eq!(oldest.host, HostId(2));
    lanes.ended(&after(&oldest, NoticeState::GivenUp));
    assert_eq!((lanes.len(), lanes.oldest()), (2, Some(WallMs(2))));
    assert_eq!(lanes.made_before(WallMs(3)), [begins(1, 2)]);
}

#[test]
fn a_clock_set_back_holds_up_nothing_for_long() {
    let mut kept = (*begins(1, 1)).clone();
    kept.next_try = WallMs(3_600_000);
    let now = Now { wall: WallMs(0), mono: NOW };
    let most = Duration::from_secs(60);
    assert_eq!(due(&kept, now, most), NOW.plus(most));
    kept.next_try = WallMs(0);
    assert_eq!(due(&kept, now, most), NOW);
}
