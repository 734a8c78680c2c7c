//! The behaviours that are required of alerting, those that routes must hold: each test is named by its
//! number, `bNN_…`.

use super::*;

const ONE: &str = "[[route]]\nchannels = [\"mail\"]\n";
const TWO: &str = "[[route]]\nchannels = [\"mail\", \"chat\"]\n";

#[test]
fn b08_flapping_is_told_once_at_its_begin_and_once_at_its_end() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\nwait = \"1s\"\nevery = \"1s\"\n");
    for _ in 0..8 {
        desk.fires("web-1", "disk");
        desk.pass(30);
        desk.over("web-1", "disk");
        desk.pass(30);
    }
    let told = desk.told();
    assert_eq!(
        told,
        [
            "1 mail firing: +web-1/disk(warning)",
            "31 mail resolved low: -web-1/disk(warning)",
            "61 mail firing: +web-1/disk(warning)",
            "91 mail resolved low: -web-1/disk(warning)",
            "121 mail firing: +web-1/disk(warning)",
            "151 mail firing low: +web-1/disk(warning flapping)",
        ]
    );
    desk.pass(FLAPPING_CALM.as_secs() - 31);
    assert_eq!(desk.told(), Vec::<String>::new());
    desk.pass(2);
    assert_eq!(desk.told(), ["1351 mail resolved low: -web-1/disk(warning)"]);
    assert!(
        desk.says("web-1", "disk", "flapping: single changes"),
        "{:?}",
        desk.way("web-1", "disk")
    );
}

#[test]
fn b08_an_alarm_that_flaps_within_its_wait_is_told_as_flapping() {
    let mut desk = Desk::new(ONE);
    for _ in 0..4 {
        desk.fires("web-1", "disk");
        desk.pass(5);
        desk.over("web-1", "disk");
        desk.pass(5);
    }
    desk.pass(60);
    assert_eq!(desk.told(), ["40 mail firing: +web-1/disk(warning flapping)"]);
}

#[test]
fn b09_the_end_is_told_where_the_begin_was_whatever_keeps_things_back_since() {
    let quiet = "[[route]]\nchannels = [\"mail\"]\n\
        quiet = { schedule = \"0 5 12 * * *\", duration = \"1h\", hold_recoveries = false }\n";
    type Hold = fn(&mut Desk);
    let holds: [(&str, &str, Hold); 6] = [
        ("silence", ONE, |desk| drop(people::silence(desk, "s", "disk", 3600, false))),
        ("ack", ONE, |desk| drop(desk.router.ack(&key("web-1", "disk"), "ann", "", desk.now))),
        ("maintenance", ONE, |desk| desk.feed(Input::Resting { host: HostId(1), resting: true })),
        ("quiet hours", quiet, |desk| desk.pass(300)),
        ("other routes", ONE, |desk| {
            let others = "[[route]]\nmatch = { rules = [\"x\"] }\nchannels = [\"chat\"]\n";
            desk.feed(Input::Routes(routes(others)));
        }),
        ("restart", ONE, rows::restart),
    ];
    for (name, text, hold) in holds {
        let mut desk = Desk::new(text);
        desk.fires("web-1", "disk");
        desk.pass(30);
        assert_eq!(desk.told(), ["20 mail firing: +web-1/disk(warning)"], "{name}");
        hold(&mut desk);
        desk.over("web-1", "disk");
        desk.pass(400);
        let told = desk.told();
        assert_eq!(told.len(), 1, "{name}: {told:?}");
        assert!(told[0].ends_with("mail resolved low: -web-1/disk(warning)"), "{name}: {told:?}");
        assert_eq!(desk.router.followed(), 0, "{name}");
    }
}

/// A try that fails may have been heard: whoever heard of the end must not go on to believe it.
#[test]
fn b09_an_alarm_that_fires_again_is_told_where_its_end_may_be_known() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\nwait = \"1s\"\nevery = \"1s\"\n");
    desk.fires("web-1", "disk");
    desk.pass(30);
    desk.door("mail", Door::Away);
    desk.over("web-1", "disk");
    desk.pass(2);
    desk.fires("web-1", "disk");
    desk.door("mail", Door::Open);
    desk.pass(30);
    desk.over("web-1", "disk");
    desk.pass(30);
    let told = desk.told();
    let kinds: Vec<_> = told.iter().map(|line| line.split_once(" mail ").unwrap().1).collect();
    let firing = "firing: +web-1/disk(warning)";
    assert_eq!(kinds, [firing, firing, "resolved low: -web-1/disk(warning)"], "{told:?}");
}

/// A begin that was heard, though its answer was lost, and is refused when it is tried again: its end is told.
#[test]
fn b09_a_begin_that_may_be_known_and_is_refused_then_is_told_to_be_over() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\nwait = \"1s\"\nevery = \"1s\"\n");
    desk.door("mail", Door::Unheard);
    desk.fires("web-1", "disk");
    desk.pass(1);
    desk.door("mail", Door::Shut);
    desk.pass(60);
    desk.door("mail", Door::Open);
    desk.over("web-1", "disk");
    desk.pass(60);
    let told = desk.told();
    let kinds: Vec<_> =
        told.iter().filter_map(|line| line.split_once(" mail ")).map(|(_, what)| what).collect();
    let (firing, over) =
        ("firing: +web-1/disk(warning)", "resolved low: -web-1/disk(warning late)");
    assert_eq!(kinds, [firing, over], "{told:?}");
}

/// And where that firing is over before it is told, it is told late: an end never follows an end.
#[test]
fn b10_an_end_that_may_be_known_is_followed_by_no_other_without_its_begin() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\nwait = \"1s\"\nevery = \"1s\"\n");
    desk.fires("web-1", "disk");
    desk.pass(30);
    desk.door("mail", Door::Unheard);
    desk.over("web-1", "disk");
    desk.pass(1);
    desk.door("mail", Door::Mute);
    desk.fires("web-1", "disk");
    desk.pass(30);
    desk.over("web-1", "disk");
    desk.door("mail", Door::Open);
    rows::restart(&mut desk);
    desk.pass(300);
    let told = desk.told();
    let kinds: Vec<_> = told.iter().map(|line| line.split_once(" mail ").unwrap().1).collect();
    let (firing, over) = ("firing: +web-1/disk(warning)", "resolved low: -web-1/disk(warning)");
    let late = "resolved low: -web-1/disk(warning late)";
    assert_eq!(kinds, [firing, over, late], "{told:?}");
}

/// The same of a severity that rose and fell.
#[test]
fn b34_what_a_channel_may_have_heard_in_between_is_put_right() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\nwait = \"1s\"\nevery = \"1s\"\n");
    desk.fires("web-1", "disk");
    desk.pass(30);
    desk.door("mail", Door::Away);
    desk.fires_as("web-1", "disk", Severity::Critical);
    desk.pass(2);
    desk.fires("web-1", "disk");
    desk.door("mail", Door::Open);
    desk.pass(60);
    let told = desk.told();
    assert!(told.len() == 2 && told[1].ends_with("firing low: +web-1/disk(warning)"), "{told:?}");
}

#[test]
fn b10_of_what_was_never_told_the_end_is_not_told() {
    let mut desk = Desk::new(ONE);
    desk.fires("web-1", "disk");
    desk.pass(10);
    desk.over("web-1", "disk");
    desk.pass(3600);
    assert_eq!(desk.told(), Vec::<String>::new());
    assert!(desk.says("web-1", "disk", "over before anybody was told"));
    // Silenced from the begin on: the end is kept back no longer, and was nobody's.
    drop(people::silence(&mut desk, "s", "disk", 600, false));
    desk.fires("web-1", "disk");
    desk.pass(300);
    desk.over("web-1", "disk");
    desk.pass(3600);
    assert_eq!(desk.told(), Vec::<String>::new());
}

#[test]
fn b11_a_recovery_in_quiet_hours_wakes_nobody() {
    let text = "[[route]]\nchannels = [\"mail\"]\n\
        quiet = { schedule = \"0 10 12 * * *\", duration = \"8h\", timezone = \"UTC\" }\n";
    let mut desk = Desk::new(text);
    desk.fires("web-1", "disk");
    desk.pass(600);
    assert_eq!(desk.told(), ["20 mail firing: +web-1/disk(warning)"]);
    desk.over("web-1", "disk");
    desk.pass(8 * 3600 - 1);
    assert_eq!(desk.told(), Vec::<String>::new());
    desk.pass(1);
    assert_eq!(desk.told(), ["29400 mail digest low: -web-1/disk(warning)"]);
}

#[test]
fn quiet_hours_end_with_one_digest_of_what_is_still_true() {
    let text = "[[route]]\nchannels = [\"mail\"]\n\
        quiet = { schedule = \"0 0 13 * * *\", duration = \"2h\", timezone = \"UTC\" }\n";
    let mut desk = Desk::new(text);
    desk.pass(3600);
    desk.fires("web-1", "disk");
    desk.fires_as("web-2", "memory", Severity::Critical);
    desk.fires("db-3", "disk");
    desk.pass(60);
    desk.over("web-1", "disk");
    desk.pass(7200);
    assert_eq!(desk.told(), ["10800 mail digest: +web-2/memory(critical) +db-3/disk(warning)"]);
    assert!(desk.says("db-3", "disk", "quiet hours, until 2026-03-02 15:00:00 UTC"));
    // After them everything is as ever.
    desk.fires("web-7", "load");
    desk.pass(60);
    assert_eq!(desk.told(), ["10880 mail firing: +web-7/load(warning)"]);
}

#[test]
fn quiet_hours_follow_their_zone_over_the_change_of_the_clock() {
    let text = "[[route]]\nchannels = [\"mail\"]\n\
        quiet = { schedule = \"0 0 22 * * *\", duration = \"8h\", timezone = \"Europe/Berlin\" }\n";
    // 22:00 on the 28th is CET; the clock goes forward in that night, so that eight hours end at 07:00.
    let begin = WallMs(1_774_731_600_000);
    let mut desk = Desk::of(Router::new(routes(text), begin.minus(Duration::from_secs(60))));
    desk.now = begin.minus(Duration::from_secs(60));
    desk.fires("web-1", "disk");
    desk.pass(30);
    assert_eq!(desk.taken.len(), 1);
    desk.pass(60);
    desk.fires("web-2", "disk");
    desk.pass(8 * 3600);
    assert_eq!(desk.taken.len(), 2);
    assert_eq!(desk.taken[1].at, begin.plus(Duration::from_secs(8 * 3600)));
}

#[test]
fn b12_a_message_has_the_same_id_and_the_same_words_in_every_try() {
    let mut desk = Desk::new(ONE);
    desk.door("mail", Door::Away);
    desk.fires("web-1", "disk");
    desk.pass(120);
    let ids: BTreeSet<_> = desk.sent.iter().map(|message| message.id.clone()).collect();
    assert_eq!(ids.len(), 1);
    let tries: Vec<_> = desk.sent.len().to_string().into_bytes();
    // At once, and after 1, 2, 4, 8, 16 and 32 seconds.
    assert_eq!(desk.sent.len(), 7, "{tries:?}");
    assert!(desk.sent.windows(2).all(|two| two[0] == two[1]));
    desk.door("mail", Door::Open);
    desk.pass(300);
    assert_eq!(desk.told(), ["20 mail firing: +web-1/disk(warning)"]);
}

#[test]
fn b12_what_began_and_ended_while_the_channel_was_away_is_one_message() {
    let mut desk = Desk::new(ONE);
    desk.door("mail", Door::Away);
    desk.fires("web-1", "disk");
    desk.pass(100);
    let first = desk.sent[0].id.clone();
    desk.over("web-1", "disk");
    desk.door("mail", Door::Open);
    desk.pass(600);
    assert_eq!(desk.told(), ["147 mail resolved low: -web-1/disk(warning late)"]);
    assert!(desk.withdrawn.contains(&first));
    let late = &desk.sent.last().unwrap().items[0];
    assert_eq!((late.since, late.until), (NOON, Some(NOON.plus(Duration::from_secs(100)))));
    assert_eq!(desk.router.followed(), 0);
}

#[test]
fn b12_what_is_new_meanwhile_goes_with_the_message_that_waits() {
    let mut desk = Desk::new(ONE);
    desk.door("mail", Door::Away);
    desk.fires("web-1", "disk");
    desk.pass(60);
    desk.fires("web-2", "disk");
    desk.pass(400);
    desk.door("mail", Door::Open);
    desk.pass(600);
    let told = desk.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].ends_with("mail firing: +web-1/disk(warning) +web-2/disk(warning)"),
        "{told:?}"
    );
}

#[test]
fn b13_a_channel_that_fails_is_an_alarm_on_the_others() {
    let mut desk = Desk::new(TWO);
    desk.door("chat", Door::Away);
    desk.fires("web-1", "disk");
    desk.pass(19);
    desk.pass(1);
    assert_eq!(desk.told(), ["20 mail firing: +web-1/disk(warning)"]);
    desk.pass(700);
    let told = desk.told();
    let alarm = "+roundsman:server/roundsman:channel-failing(critical)";
    // On all others, and not on itself.
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().any(|line| line.contains(" mail firing: ") && line.ends_with(alarm)));
    assert!(told.iter().any(|line| line.contains(" phone firing: ") && line.ends_with(alarm)));
    desk.door("chat", Door::Open);
    desk.pass(700);
    let told = desk.told();
    assert_eq!(
        told.iter().filter(|line| line.contains("chat firing: +web-1")).count(),
        1,
        "{told:?}"
    );
    let ends = told.iter().filter(|line| line.contains("resolved low: -roundsman:server/")).count();
    assert_eq!((ends, told.len()), (2, 3), "{told:?}");
}

#[test]
fn b13_a_channel_that_refuses_is_an_alarm_at_once() {
    let mut desk = Desk::new(TWO);
    desk.door("chat", Door::Shut);
    desk.fires("web-1", "disk");
    desk.pass(20);
    let told = desk.told();
    assert!(told.iter().any(|line| line.contains("phone firing: +roundsman:server/")), "{told:?}");
    assert!(desk.says("web-1", "disk", "given up for chat"));
    // Its end is told where the begin was, and there alone.
    desk.door("chat", Door::Open);
    desk.over("web-1", "disk");
    desk.pass(600);
    let told = desk.told();
    assert_eq!(told, ["320 mail resolved low: -web-1/disk(warning)"]);
}

#[test]
fn b09_an_end_that_is_refused_is_told_again_for_a_day() {
    let mut desk = Desk::new(ONE);
    desk.fires("web-1", "disk");
    desk.pass(30);
    desk.door("mail", Door::Shut);
    desk.over("web-1", "disk");
    desk.pass(7200);
    desk.told();
    desk.door("mail", Door::Open);
    desk.pass(2 * END_AGAIN.as_secs());
    let told = desk.told();
    assert!(told.contains(&"7560 mail resolved low: -web-1/disk(warning)".to_owned()), "{told:?}");
    // And not for ever.
    desk.fires("web-1", "disk");
    desk.pass(60);
    desk.door("mail", Door::Shut);
    desk.over("web-1", "disk");
    desk.pass(GIVE_UP_AFTER.as_secs() + 1000);
    desk.told();
    desk.door("mail", Door::Open);
    desk.pass(GIVE_UP_AFTER.as_secs());
    assert!(desk.told().iter().all(|line| !line.contains("web-1")));
}

#[test]
fn b13_what_was_refused_is_told_once_the_channel_takes_something() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\nrepeat = \"never\"\n");
    desk.door("mail", Door::Shut);
    desk.fires("web-1", "disk");
    desk.pass(7200);
    desk.door("mail", Door::Open);
    desk.fires("web-2", "load");
    desk.pass(600);
    let told: Vec<_> = desk.told().into_iter().filter(|line| line.contains("mail")).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].ends_with("mail firing: +web-1/disk(warning)"), "{told:?}");
}

#[test]
fn b13_what_was_refused_is_told_when_routes_and_channels_are_read_again() {
    let mut desk = Desk::new(ONE);
    desk.door("mail", Door::Shut);
    desk.fires("web-1", "disk");
    desk.pass(600);
    desk.door("mail", Door::Open);
    desk.feed(Input::Routes(routes(ONE)));
    desk.pass(60);
    let told: Vec<_> = desk.told().into_iter().filter(|line| line.contains("mail")).collect();
    assert_eq!(told, ["620 mail firing: +web-1/disk(warning)"]);
}

#[test]
fn b14_one_channel_that_is_away_changes_nothing_for_another() {
    let mut alone = Desk::new(TWO);
    let mut beside = Desk::new(TWO);
    beside.door("chat", Door::Away);
    let mut mails = Vec::new();
    for desk in [&mut alone, &mut beside] {
        for round in 1..=20 {
            desk.fires(&format!("web-{round}"), "disk");
            desk.pass(40);
            desk.over(&format!("web-{}", round / 2), "disk");
            desk.pass(40);
        }
        let told = desk.told();
        let mail = told.into_iter().filter(|line| line.contains(" mail ") && line.contains("web-"));
        mails.push(mail.collect::<Vec<_>>());
    }
    assert!(mails[0].len() >= 5);
    assert_eq!(mails[0], mails[1]);
}

#[test]
fn b15_tries_have_a_pace_and_an_end() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\nrepeat = \"never\"\n");
    desk.door("mail", Door::Away);
    desk.fires("web-1", "disk");
    desk.pass(3 * 24 * 3600);
    let mails: Vec<_> = desk.sent.iter().filter(|message| &*message.channel == "mail").collect();
    // 1, 2, 4 … 256 s, then every 300 s for the rest of 24 hours.
    assert_eq!(mails.len(), 10 + (86_400 - 511) / 300 + 1);
    assert!(desk.says("web-1", "disk", "not taken for 24 hours, the last time: 503"));
    desk.door("mail", Door::Open);
    desk.pass(3600);
    assert!(desk.told().iter().all(|line| !line.contains("web-1")));
}

#[test]
fn b15_a_channel_that_asks_for_a_pause_has_it_up_to_its_limit() {
    for (asked, pause) in [(90, 90), (0, 1), (100_000, MAX_RETRY_AFTER.as_secs())] {
        let mut desk = Desk::new(ONE);
        desk.door("mail", Door::Mute);
        desk.fires("web-1", "disk");
        desk.pass(20);
        let message = desk.sent[0].id.clone();
        let retry_after = Some(Duration::from_secs(asked));
        let outcome = Outcome::Failed { why: "429".into(), retry_after };
        desk.feed(Input::Sent { message, outcome });
        assert_eq!(desk.router.next(), Some(desk.now.plus(Duration::from_secs(pause))), "{asked}");
    }
}

#[test]
fn b19_a_message_is_the_state_of_its_group_with_a_count_of_what_it_does_not_list() {
    let mut desk = Desk::new(ONE);
    for host in 1..=25 {
        desk.fires(&format!("web-{host}"), "disk");
    }
    desk.fires_as("web-99", "disk", Severity::Critical);
    desk.pass(21);
    let told = desk.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains(": +web-99/disk(critical) +web-1/disk(warning) +web-2/disk"),
        "{told:?}"
    );
    assert!(told[0].ends_with("+web-19/disk(warning) and 6 more"), "{told:?}");
    assert_eq!(desk.sent[0].firing, 26);
    assert_eq!(desk.sent[0].tells.len(), 26);
    // The next one has what is true then.
    desk.over("web-99", "disk");
    for host in 1..=23 {
        desk.over(&format!("web-{host}"), "disk");
    }
    desk.fires("web-50", "disk");
    desk.pass(400);
    let message = desk.sent.last().unwrap();
    assert_eq!((message.firing, message.over, message.items.len()), (3, 24, MAX_ITEMS));
    let first: Vec<_> = message.items[..4].iter().map(|item| item.host.as_str()).collect();
    // All that is new is listed before what is known: two are left out, and they are among the ends.
    assert_eq!(first, ["web-50", "web-1", "web-2", "web-3"]);
}

#[test]
fn b19_more_than_25_new_alarms_in_a_minute_are_one_digest() {
    let mut desk =
        Desk::new("[[route]]\nchannels = [\"mail\"]\ngroup_by = [\"host\"]\nwait = \"30s\"\n");
    for host in 1..=300 {
        desk.fires(&format!("web-{host}"), "disk");
        if host % 30 == 0 {
            desk.pass(1);
        }
    }
    desk.pass(290);
    let told = desk.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("30 mail digest: +web-1/disk"), "{told:?}");
    assert!(told[0].ends_with("and 280 more"), "{told:?}");
    assert!(desk.says("web-200", "disk", "many new alarms in route route-1"));
    // Five minutes after the last new one they are single again.
    desk.fires("web-301", "disk");
    desk.pass(300);
    let told = desk.told();
    assert!(told.len() == 1 && told[0].contains("+web-301/disk(warning) and 281 more"), "{told:?}");
    desk.pass(10);
    desk.fires("web-302", "disk");
    desk.pass(300);
    let told = desk.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].ends_with("mail firing: +web-302/disk(warning)"), "{told:?}");
}

#[test]
fn b19_25_new_alarms_in_a_minute_are_no_storm() {
    let mut desk =
        Desk::new("[[route]]\nchannels = [\"mail\"]\ngroup_by = [\"host\"]\nwait = \"0s\"\n");
    for host in 1..=MAX_SINGLE {
        desk.fires(&format!("web-{host}"), "disk");
    }
    assert_eq!(desk.told().len(), MAX_SINGLE);
    // A minute later there may be as many again.
    desk.pass(STORM_WITHIN.as_secs() + 1);
    for host in 1..=MAX_SINGLE {
        desk.fires(&format!("db-{}", 100 + host), "disk");
    }
    assert_eq!(desk.told().len(), MAX_SINGLE);
    desk.fires("db-999", "disk");
    let told = desk.told();
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("61 mail digest: =db-101"), "{told:?}");
    assert!(told[0].ends_with("+db-999/disk(warning) and 31 more"), "{told:?}");
}

fn behind(host: &str, rule: &str, parents: &[i64], at: WallMs) -> Change {
    let mut change = change(host, rule, AlarmState::Firing, Severity::Critical, at);
    let grace = Behind::grace(Duration::from_secs(10), Duration::from_secs(20), 3);
    assert_eq!(grace, Duration::from_secs(100));
    let parents = parents.iter().copied().map(HostId).collect();
    change.facts.behind = Some(Behind { parents, grace });
    change
}

#[test]
fn b22_a_child_waits_for_its_parent_to_fail_first() {
    let mut desk = Desk::new(ONE);
    desk.change(behind("web-1", "host-down", &[900], desk.now));
    desk.pass(99);
    assert_eq!(desk.told(), Vec::<String>::new());
    assert!(desk.says("web-1", "host-down", "the time that its parent has to fail first"));
    // The parent does not: it is the child's own fault.
    desk.pass(60);
    assert_eq!(desk.told(), ["120 mail firing: +web-1/host-down(critical)"]);
}

#[test]
fn b22_a_child_is_not_told_while_its_parent_fails_and_judged_anew_after_it() {
    let mut desk = Desk::new(ONE);
    for host in ["web-1", "web-2", "web-3"] {
        desk.change(behind(host, "host-down", &[900], desk.now));
    }
    desk.pass(50);
    desk.feed(Input::Parent { host: HostId(900), fails: true });
    desk.fires_as("switch-900", "host-down", Severity::Critical);
    desk.pass(600);
    assert_eq!(desk.told(), ["70 mail firing: +switch-900/host-down(critical)"]);
    assert!(desk.router.awaits(HostId(1)));
    // A poll that began before the parent was back says nothing.
    let before = desk.now;
    desk.pass(5);
    desk.feed(Input::Parent { host: HostId(900), fails: false });
    desk.over("switch-900", "host-down");
    desk.pass(5);
    desk.feed(Input::Polled { host: HostId(1), began: before, failed: true });
    desk.pass(60);
    assert!(desk.says("web-1", "host-down", "which is back: its own next poll decides"));
    let end = "resolved low: -switch-900/host-down(warning)";
    let told = desk.told();
    assert!(told.iter().all(|line| line.ends_with(end)), "{told:?}");
    // One of them answers, one fails by itself.
    desk.over("web-2", "host-down");
    desk.feed(Input::Polled { host: HostId(1), began: desk.now, failed: true });
    desk.pass(400);
    let told = desk.told();
    let of_web: Vec<_> = told.iter().filter(|line| line.contains("web-")).collect();
    assert_eq!(of_web.len(), 1, "{told:?}");
    assert!(of_web[0].ends_with("firing: +web-1/host-down(critical)"), "{told:?}");
}

#[test]
fn b22_of_several_parents_all_must_fail_to_answer_for_a_child() {
    let mut desk = Desk::new(ONE);
    desk.feed(Input::Parent { host: HostId(900), fails: true });
    desk.change(behind("web-1", "host-down", &[900, 901], desk.now));
    desk.pass(130);
    assert_eq!(desk.told(), ["120 mail firing: +web-1/host-down(critical)"]);
    desk.feed(Input::Parent { host: HostId(901), fails: true });
    desk.change(behind("web-2", "host-down", &[900, 901], desk.now));
    desk.pass(600);
    assert_eq!(desk.told(), Vec::<String>::new());
    assert!(desk.says("web-2", "host-down", "its parent, host 900, which fails too"));
}

#[test]
fn b27_repeat_is_what_it_says() {
    let text = "[[route]]\nchannels = [\"mail\"]\nevery = \"7m\"\nrepeat = \"1h\"\n";
    let mut desk = Desk::new(text);
    desk.fires("web-1", "disk");
    desk.pass(3 * 3600 + 30);
    assert_eq!(
        desk.told(),
        [
            "20 mail firing: +web-1/disk(warning)",
            "3620 mail repeat: =web-1/disk(warning)",
            "7220 mail repeat: =web-1/disk(warning)",
            "10820 mail repeat: =web-1/disk(warning)",
        ]
    );
    // A message about a change lists what still fires, so an hour is counted from it.
    desk.pass(570);
    desk.fires("web-2", "disk");
    desk.pass(3620);
    assert_eq!(
        desk.told(),
        [
            "11420 mail firing: +web-2/disk(warning) =web-1/disk(warning)",
            "15020 mail repeat: =web-1/disk(warning) =web-2/disk(warning)",
        ]
        .map(|line| line.replace(
            "+web-2/disk(warning) =web-1/disk(warning)",
            "=web-1/disk(warning) +web-2/disk(warning)"
        ))
    );
}

#[test]
fn b27_the_drawn_timeline_of_the_documentation() {
    // docs/routes.md draws this.
    let text =
        "[[route]]\nchannels = [\"mail\"]\nwait = \"20s\"\nevery = \"5m\"\nrepeat = \"4h\"\n";
    let mut desk = Desk::new(text);
    desk.fires("web-1", "disk");
    desk.pass(10);
    desk.fires("web-2", "disk");
    desk.pass(50);
    desk.fires("web-3", "disk");
    desk.pass(540);
    desk.over("web-1", "disk");
    desk.pass(5 * 3600);
    assert_eq!(
        desk.told(),
        [
            "20 mail firing: +web-1/disk(warning) +web-2/disk(warning)",
            "320 mail firing: =web-1/disk(warning) =web-2/disk(warning) +web-3/disk(warning)",
            "620 mail resolved low: =web-2/disk(warning) =web-3/disk(warning) -web-1/disk(warning)",
            "15020 mail repeat: =web-2/disk(warning) =web-3/disk(warning)",
        ]
    );
}

#[test]
fn b28_a_resolved_one_has_the_value_that_resolved_it() {
    let mut desk = Desk::new(ONE);
    desk.fires("web-1", "disk");
    desk.pass(20);
    desk.over("web-1", "disk");
    desk.pass(300);
    let values: Vec<_> = desk.sent.iter().map(|message| message.items[0].value).collect();
    assert_eq!(values, [Some(97.0), Some(12.0)]);
}

#[test]
fn b32_a_host_or_rule_that_goes_ends_its_alarm_with_the_cause() {
    for cause in [AlarmCause::HostRetired, AlarmCause::RuleRemoved, AlarmCause::RuleChanged] {
        let mut desk = Desk::new(ONE);
        desk.fires("web-1", "disk");
        desk.pass(20);
        let mut end = change("web-1", "disk", AlarmState::Ok, Severity::Warning, desk.now);
        end.event.cause = cause;
        desk.change(end.clone());
        desk.change(end);
        desk.pass(900);
        let ends: Vec<_> = desk.sent[1..].iter().map(|message| message.items[0].cause).collect();
        assert_eq!(ends, [cause]);
        // The same change again is no other one.
        let way = desk.way("web-1", "disk");
        let judged = way.iter().filter(|step| step.starts_with("firing → ok"));
        assert_eq!(judged.count(), 1, "{way:?}");
    }
}

#[test]
fn b33_a_channel_that_is_new_learns_what_fires_and_no_end_of_what_it_never_heard() {
    let mut desk = Desk::new(ONE);
    desk.fires("web-1", "disk");
    desk.fires("web-2", "disk");
    desk.pass(60);
    desk.over("web-2", "disk");
    desk.feed(Input::Routes(routes(TWO)));
    desk.told();
    desk.pass(600);
    let told = desk.told();
    assert_eq!(
        told,
        [
            "320 chat firing: +web-1/disk(warning)",
            "320 mail resolved low: =web-1/disk(warning) -web-2/disk(warning)",
        ]
    );
}

#[test]
fn b34_a_rise_is_told_at_once_and_a_fall_with_the_next_message() {
    let mut desk = Desk::new(ONE);
    desk.fires("web-1", "disk");
    desk.pass(30);
    desk.fires_as("web-1", "disk", Severity::Critical);
    desk.pass(30);
    desk.fires_as("web-1", "disk", Severity::Info);
    desk.pass(600);
    assert_eq!(
        desk.told(),
        [
            "20 mail firing: +web-1/disk(warning)",
            "30 mail firing: +web-1/disk(critical)",
            "330 mail firing low: +web-1/disk(info)",
        ]
    );
}

#[test]
fn b34_an_alarm_that_is_worse_than_all_that_was_told_waits_wait_and_not_every() {
    let mut desk = Desk::new(ONE);
    desk.fires("web-1", "disk");
    desk.pass(40);
    desk.fires_as("web-2", "disk", Severity::Critical);
    desk.pass(40);
    desk.fires_as("web-3", "disk", Severity::Critical);
    desk.pass(400);
    assert_eq!(
        desk.told(),
        [
            "20 mail firing: +web-1/disk(warning)",
            "60 mail firing: +web-2/disk(critical) =web-1/disk(warning)",
            "360 mail firing: =web-2/disk(critical) +web-3/disk(critical) =web-1/disk(warning)",
        ]
    );
}

#[test]
fn b34_a_rise_into_another_route_is_told_there_at_once_and_its_end_in_both() {
    let text = "[[route]]\nmatch = { severity = [\"critical\"] }\nchannels = [\"phone\"]\n\
        [[route]]\nchannels = [\"mail\"]\n";
    let mut desk = Desk::new(text);
    desk.fires("web-1", "disk");
    desk.pass(60);
    desk.fires_as("web-1", "disk", Severity::Critical);
    desk.pass(60);
    desk.over("web-1", "disk");
    desk.pass(600);
    let told = desk.told();
    assert_eq!(
        told[..2],
        ["20 mail firing: +web-1/disk(warning)", "60 phone firing: +web-1/disk(critical)"]
    );
    let ends: Vec<_> = told[2..].iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(BTreeSet::from_iter(ends), BTreeSet::from(["mail", "phone"]), "{told:?}");
}

#[test]
fn unknown_is_told_once_and_is_no_recovery() {
    let mut desk = Desk::new(ONE);
    desk.fires("web-1", "disk");
    desk.pass(30);
    desk.change(change("web-1", "disk", AlarmState::Unknown, Severity::Warning, desk.now));
    desk.pass(3600);
    assert_eq!(
        desk.told(),
        [
            "20 mail firing: +web-1/disk(warning)",
            "320 mail firing low: +web-1/disk(warning unknown)"
        ]
    );
}

#[test]
fn the_first_route_that_fits_takes_an_alarm_unless_it_goes_on() {
    let text = "[[route]]\nname = \"all\"\nmatch = { rules = [\"disk*\"] }\nchannels = [\"mail\"]\ncontinue = true\n\
        [[route]]\nname = \"web\"\nmatch = { groups = [\"web\"], labels = { env = \"prod\" } }\nchannels = [\"chat\", \"mail\"]\n\
        [[route]]\nname = \"rest\"\nmatch = { hosts = [\"db-?\"] }\nchannels = [\"phone\"]\n";
    let mut desk = Desk::new(text);
    desk.fires("web-1", "disk-full");
    desk.fires("db-2", "load");
    desk.fires("db-33", "load");
    desk.pass(60);
    let told = desk.told();
    // Told by two routes on one channel it is told there once.
    assert_eq!(
        told,
        [
            "20 mail firing: +web-1/disk-full(warning)",
            "20 phone firing: +db-2/load(warning)",
            "20 chat firing: +web-1/disk-full(warning)",
        ]
    );
    assert!(desk.says("db-33", "load", "no route is about it"));
}
