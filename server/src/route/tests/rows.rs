//! A router that is kept as rows, ends, and goes on.

use super::*;

/// Ends the desk's router and makes another one of its rows, as a database would keep them.
pub(super) fn restart(desk: &mut Desk) {
    let mut router = Router::new(routes(""), desk.now);
    std::mem::swap(&mut router, &mut desk.router);
    let mut kept = BTreeMap::new();
    for (key, row) in router.take_all() {
        let key = serde_json::to_string(&key).unwrap();
        kept.insert(key, serde_json::to_string(&row).unwrap());
    }
    let rows = kept.values().map(|row| serde_json::from_str::<Row>(row).unwrap());
    desk.router = Router::restore(router.routes(), rows, desk.now);
    desk.feed(Input::Tick);
}

#[test]
fn b01_a_restart_goes_on_where_it_was() {
    let run = |restarts: bool| {
        let text = "[[route]]\nchannels = [\"mail\"]\nrepeat = \"30m\"\n\
            quiet = { schedule = \"0 0 14 * * *\", duration = \"1h\" }\n\
            [[route.steps]]\nafter = \"15m\"\nchannels = [\"chat\"]\n";
        let mut desk = Desk::new(text);
        for round in 0..40_u64 {
            let host = format!("web-{}", round % 7);
            match round % 5 {
                0 | 1 => desk.fires(&host, "disk"),
                2 => desk.fires_as(&host, "disk", Severity::Critical),
                3 => desk.over(&host, "disk"),
                _ => desk.pass(97),
            }
            desk.pass(round * 13);
            if restarts {
                restart(&mut desk);
            }
        }
        desk.told()
    };
    let (without, with) = (run(false), run(true));
    assert!(without.len() > 15, "{without:?}");
    assert_eq!(without, with);
}

#[test]
fn b03_a_start_tells_nothing_that_was_told_before_and_is_no_storm() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\ngroup_by = [\"host\"]\n");
    for host in 1..=60 {
        desk.fires(&format!("web-{host}"), "disk");
        desk.pass(30);
    }
    assert_eq!(desk.told().len(), 60);
    restart(&mut desk);
    // The store tells again what fires; what became true meanwhile is told, single as ever.
    for host in 1..=61 {
        desk.fires(&format!("web-{host}"), "disk");
    }
    desk.pass(60);
    let told = desk.told();
    assert!(told.len() == 1 && told[0].ends_with("mail firing: +web-61/disk(warning)"), "{told:?}");
}

#[test]
fn b12_a_message_in_hand_at_a_crash_is_sent_again_with_its_id() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\n");
    desk.door("mail", Door::Mute);
    desk.fires("web-1", "disk");
    desk.pass(30);
    desk.door("mail", Door::Open);
    restart(&mut desk);
    let ids: Vec<_> = desk.sent.iter().map(|message| message.id.clone()).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    desk.pass(3600);
    assert_eq!(desk.told(), ["20 mail firing: +web-1/disk(warning)"]);
}

#[test]
fn b09_what_was_in_hand_at_a_crash_may_be_known_so_its_end_is_told() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\n");
    desk.door("mail", Door::Mute);
    desk.fires("web-1", "disk");
    desk.pass(30);
    // So the message is not sent again, but the channel may have taken it.
    people::silence(&mut desk, "s-1", "disk", 3600, false).unwrap();
    desk.door("mail", Door::Open);
    restart(&mut desk);
    assert_eq!((desk.sent.len(), desk.withdrawn.len()), (1, 1));
    desk.over("web-1", "disk");
    desk.pass(600);
    assert_eq!(desk.told(), ["320 mail resolved low: -web-1/disk(warning late)"]);
}

#[test]
fn b22_a_restart_forgets_no_parent_that_fails() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\n");
    desk.feed(Input::Parent { host: HostId(900), fails: true });
    let mut down = change("web-1", "host-down", AlarmState::Firing, Severity::Critical, desk.now);
    let grace = Duration::from_secs(10);
    down.facts.behind = Some(Behind { parents: vec![HostId(900)], grace });
    desk.change(down);
    desk.pass(60);
    restart(&mut desk);
    desk.feed(Input::Polled { host: HostId(1), began: desk.now, failed: true });
    desk.pass(600);
    assert_eq!(desk.told(), Vec::<String>::new());
}

#[test]
fn only_rows_that_changed_are_given_out_and_all_of_them() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\n");
    desk.fires("web-1", "disk");
    desk.pass(60);
    desk.router.take_changed();
    desk.fires("web-2", "load");
    let changed: Vec<_> = desk.router.take_changed().into_iter().map(|(key, _)| key).collect();
    assert!(changed.contains(&RowKey::Alarm(key("web-2", "load"))), "{changed:?}");
    assert!(!changed.contains(&RowKey::Alarm(key("web-1", "disk"))), "{changed:?}");
    desk.over("web-2", "load");
    let gone = desk.router.take_changed();
    let of_load = gone.iter().find(|(row, _)| *row == RowKey::Alarm(key("web-2", "load")));
    assert!(matches!(of_load, Some((_, Some(_)))), "{gone:?}");
    assert_eq!(desk.router.take_changed(), []);
}
