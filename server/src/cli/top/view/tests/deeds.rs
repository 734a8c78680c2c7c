use super::*;
use crate::cli::top::{
    deed::{Deed, MAX_REASON_BYTES, Order, Target},
    detail::Tab,
    happened::MAX_CHANGES,
};

fn on(name: &str, size: (usize, usize)) -> Model {
    let mut model = mixed(size);
    model.who = Some("ann".to_owned());
    while model.list.host().is_none_or(|host| &*host.name != name) {
        let before = model.list.position();
        model.press(Key::Down);
        assert_ne!(model.list.position(), before, "no {name}");
    }
    model
}

fn sent(model: &mut Model) -> Order {
    assert_eq!(model.orders.len(), 1);
    model.orders.remove(0)
}

#[test]
fn a_poll_is_asked_for_at_once_and_what_came_of_it_is_told() {
    let mut model = on("app-7", (80, 24));
    press(&mut model, "p");
    let order = sent(&mut model);
    assert_eq!((order.path().as_str(), &order.body), ("/api/v1/hosts/app-7/poll", &json!({})));
    assert!(lines(&model)[23].contains("polling app-7 …"));
    let failed = json!({ "outcome": "probe_error", "error": "no \u{1b}[2J", "call_us": null });
    let words = order.told(&failed, 1, model.now);
    assert_eq!(words, r"app-7 polled: probe error: no \u{1b}[2J");
    let words =
        order.told(&json!({ "outcome": "ok", "error": null, "call_us": 3100 }), 1, model.now);
    model.carried_out(order.deed, Ok(words));
    assert!(lines(&model)[23].contains("app-7 polled: ok in 3.1 ms"), "{}", lines(&model)[23]);
    model.press(Key::Down);
    assert!(!lines(&model)[23].contains("polled"), "until the next key");
}

#[test]
fn a_pause_says_what_will_happen_asks_how_long_and_is_sent_once() {
    let mut model = on("app-1", (80, 24));
    press(&mut model, "P");
    insta::assert_snapshot!("pause_80", lines(&model).join("\n"));
    // Letters are the reason, whatever they do elsewhere.
    press(&mut model, "quP?");
    model.press(Key::Backspace);
    model.press(Key::Right);
    model.press(Key::Enter);
    model.press(Key::Enter);
    let order = sent(&mut model);
    assert_eq!(order.path(), "/api/v1/hosts/app-1/pause");
    assert_eq!(order.body, json!({ "reason": "quP", "for": "4h" }));
    assert!(lines(&model).join("\n").contains("asking the server"));
    // What came of something else does not close it; a refusal stands in it; then it is tried again.
    model.carried_out(Deed::Poll, Ok("web-1 polled: ok".to_owned()));
    assert!(model.over.is_some());
    model.carried_out(Deed::Pause, Err("the server wants its token".to_owned()));
    assert!(lines(&model).join("\n").contains("the server wants its token"));
    model.press(Key::Enter);
    let order = sent(&mut model);
    let words = order.told(&json!({ "paused_until_ms": NOW + 14_400_000 }), 1, model.now);
    model.carried_out(order.deed, Ok(words));
    assert!(model.over.is_none());
    assert!(lines(&model)[23].contains("app-1 is paused until 05:30"), "{}", lines(&model)[23]);
}

#[test]
fn esc_changes_nothing_and_a_paused_host_is_resumed() {
    let mut model = on("web-9", (80, 24));
    press(&mut model, "P");
    assert!(lines(&model).join("\n").contains("Resume web-9"));
    model.press(Key::Esc);
    assert!(model.over.is_none() && model.orders.is_empty());
    press(&mut model, "P");
    model.press(Key::Enter);
    assert_eq!(sent(&mut model).path(), "/api/v1/hosts/web-9/resume");
    // Until it is resumed: no length is sent.
    let mut model = on("app-1", (80, 24));
    press(&mut model, "P");
    (0..9).for_each(|_| model.press(Key::Down));
    model.press(Key::Enter);
    assert_eq!(sent(&mut model).body, json!({ "reason": "" }));
}

#[test]
fn a_silence_wants_a_reason_and_somebody() {
    let mut model = on("db-2", (80, 24));
    press(&mut model, "z");
    model.press(Key::Enter);
    assert!(model.orders.is_empty());
    assert!(lines(&model).join("\n").contains("say why"), "{}", lines(&model).join("\n"));
    press(&mut model, "new disks");
    model.press(Key::Enter);
    let order = sent(&mut model);
    assert_eq!(order.path(), "/api/v1/silences");
    assert_eq!(
        order.body,
        json!({ "hosts": ["db-2"], "who": "ann", "why": "new disks", "for": "1h" })
    );
    let mut model = on("db-2", (80, 24));
    model.who = None;
    press(&mut model, "zx");
    (0..9).for_each(|_| model.press(Key::Right));
    model.press(Key::Enter);
    assert!(model.orders.is_empty());
    assert!(lines(&model).join("\n").contains("set $LOGNAME"));
}

#[test]
fn a_reason_has_an_end() {
    let mut model = on("db-2", (80, 24));
    press(&mut model, "z");
    press(&mut model, &"ä".repeat(MAX_REASON_BYTES));
    model.press(Key::Enter);
    let why = sent(&mut model).body["why"].as_str().unwrap().to_owned();
    assert_eq!(why.len(), MAX_REASON_BYTES);
}

#[test]
fn all_alarms_of_a_host_are_acknowledged_but_those_that_are() {
    let mut model = on("app-1", (80, 24));
    press(&mut model, "A");
    assert!(model.over.is_none());
    assert!(lines(&model)[23].contains("no alarm of app-1 fires"), "{}", lines(&model)[23]);
    let mut model = on("db-2", (80, 24));
    press(&mut model, "A");
    assert!(lines(&model).join("\n").contains("the 2 alarms that fire on it"));
    press(&mut model, "on it");
    model.press(Key::Enter);
    let order = sent(&mut model);
    assert_eq!(order.alarms().unwrap(), "/api/v1/alerts?host=db-2&firing=true&limit=500");
    let alarms = json!({ "alarms": [
        { "rule": "disk-full", "row": "/var lib", "acked_by": null },
        { "rule": "memory-low", "row": "", "acked_by": "bob" },
    ] });
    let each = order.each(&alarms);
    assert_eq!(each.len(), 1);
    assert_eq!(each[0].path(), "/api/v1/hosts/db-2/alert/ack?rule=disk-full&row=%2Fvar%20lib");
    assert_eq!(each[0].body, json!({ "who": "ann", "note": "on it" }));
    assert_eq!(order.told(&Value::Null, 1, model.now), "db-2: 1 alarm acknowledged");
    let one = Target { host: "db-2".into(), alarm: Some(("disk-full".to_owned(), String::new())) };
    assert_eq!(Order { target: one, ..order }.alarms(), None, "one is one request");
}

#[test]
fn changes_of_state_are_listed_and_lead_to_their_hosts_and_back() {
    let change = |ago: i64, host: &str, to: &str, reason: &str| json!({ "host": host, "at_ms": NOW - ago, "from": "up", "to": to, "reason": reason });
    let told = json!({ "more": true, "events": [
        change(4_000, "db-18", "suspect", "a poll failed: deadline"),
        change(60_000, "web-45", "degraded", "clock 1 h ahead, limit 5 s"),
        change(90_000_000, "gone-1", "retired", "not in the inventory"),
    ] });
    for size in [(80, 24), (200, 60)] {
        let mut model = mixed(size);
        press(&mut model, "e");
        assert!(lines(&model).join("\n").contains("asking the server"));
        let room = model.room();
        let Screen::Changes(list) = &mut model.screen else { panic!("no changes") };
        assert_eq!(
            list.ask(Duration::ZERO).unwrap(),
            format!("/api/v1/events?limit={MAX_CHANGES}")
        );
        assert_eq!(list.ask(Duration::from_secs(9)), None, "one at a time");
        list.apply(Ok(told.clone()), room);
        insta::assert_snapshot!(format!("changes_{}", size.0), lines(&model).join("\n"));
        press(&mut model, "j");
        // A newer one comes above it: the choice stays where it was made.
        let mut more = told.clone();
        more["events"].as_array_mut().unwrap().insert(0, change(1_000, "db-1", "up", "good"));
        let Screen::Changes(list) = &mut model.screen else { panic!("no changes") };
        list.apply(Ok(more), room);
        model.press(Key::Enter);
        let Screen::Host(detail) = &model.screen else { panic!("no host") };
        assert_eq!(&*detail.name, "web-45");
        model.press(Key::Esc);
        assert!(matches!(model.screen, Screen::Changes(_)), "back to where it came from");
        model.press(Key::End);
        model.press(Key::Enter);
        assert!(matches!(model.screen, Screen::Changes(_)), "there is no such host any more");
        let Screen::Changes(list) = &mut model.screen else { panic!("no changes") };
        list.apply(Err("connection refused".to_owned()), room);
        let drawn = lines(&model).join("\n");
        assert!(drawn.contains("not renewed: connection refused") && drawn.contains("gone-1"));
        model.press(Key::Esc);
        assert!(matches!(model.screen, Screen::Fleet));
    }
    let mut model = mixed((80, 24));
    press(&mut model, "e");
    let Screen::Changes(list) = &mut model.screen else { panic!("no changes") };
    let many: Vec<Value> = (0..MAX_CHANGES)
        .map(|n| change(i64::try_from(n).unwrap(), "web-1", "up", "good"))
        .collect();
    list.apply(Ok(json!({ "more": true, "events": many })), 21);
    assert!(lines(&model)[23].trim_end().ends_with("1-21 of 500+"), "{}", lines(&model)[23]);
}

#[test]
fn no_text_of_a_change_steers_the_terminal() {
    let evil = "\u{1b}[2J\u{9b}31m\u{202e}";
    let mut model = mixed((200, 60));
    press(&mut model, "e");
    let Screen::Changes(list) = &mut model.screen else { panic!("no changes") };
    let one = json!({ "host": evil, "at_ms": NOW, "from": "up", "to": "down", "reason": evil });
    list.apply(Ok(json!({ "more": false, "events": [one] })), 50);
    let drawn = lines(&model).join("\n");
    assert!(drawn.matches(r"\u{1b}[2J").count() >= 2, "{drawn}");
    let steers = |c: char| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
    assert!(!drawn.contains(steers), "{drawn:?}");
}

#[test]
fn the_tabs_of_a_host_list_what_it_has_several_of() {
    for size in SIZES {
        let mut model = some(size);
        model.press(Key::Enter);
        let Screen::Host(detail) = &mut model.screen else { panic!("no host") };
        detail.apply(Ok(story()));
        for (tab, name) in
            ('2'..='7').zip(["process", "cores", "disks", "mounts", "network", "why"])
        {
            press(&mut model, &tab.to_string());
            insta::assert_snapshot!(format!("host_{name}_{}", size.0), lines(&model).join("\n"));
        }
    }
    let mut model = some((80, 24));
    model.press(Key::Enter);
    let Screen::Host(detail) = &mut model.screen else { panic!("no host") };
    detail.apply(Ok(story()));
    // Idle rows are counted, and listed on request.
    press(&mut model, "2");
    let drawn = lines(&model).join("\n");
    assert!(drawn.contains("1 row idle; i lists them") && !drawn.contains(" sh "), "{drawn}");
    press(&mut model, "i");
    assert!(lines(&model).join("\n").contains(" sh "));
    // There is an end to scrolling, and one key leads away from it.
    press(&mut model, "3");
    let before = lines(&model);
    model.press(Key::End);
    assert!(lines(&model)[22].starts_with(" 0 "), "{:#?}", lines(&model));
    model.press(Key::Up);
    assert!(lines(&model)[22].starts_with(" 1 "), "{:#?}", lines(&model));
    model.press(Key::Home);
    assert_eq!(lines(&model), before);
    model.press(Key::Left);
    model.press(Key::Left);
    let Screen::Host(detail) = &model.screen else { panic!("no host") };
    assert_eq!(detail.tab, Tab::Overview);
    model.press(Key::Left);
    let Screen::Host(detail) = &model.screen else { panic!("no host") };
    assert_eq!(detail.tab, Tab::Why, "round");
}

#[test]
fn why_is_one_key_away_and_a_refusal_is_in_words() {
    let mut model = on("db-18", (80, 24));
    press(&mut model, "w");
    let Screen::Host(detail) = &mut model.screen else { panic!("no host") };
    assert_eq!(detail.tab, Tab::Why);
    let ask = detail.ask(Duration::ZERO).unwrap();
    assert!(ask.series.contains("from=-15m"), "it became suspect 9 s ago: {}", ask.series);
    detail.apply(Ok(story()));
    assert!(lines(&model).join("\n").contains("the last 3 polls failed"));
    press(&mut model, "p");
    let order = sent(&mut model);
    model.carried_out(order.deed, Err("the token is wrong".to_owned()));
    assert!(lines(&model)[23].contains("the token is wrong"));
}
