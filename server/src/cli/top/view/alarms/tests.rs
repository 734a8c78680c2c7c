use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::top::{
    alarms::MAX_LISTED,
    key::Key,
    model::{Model, Screen},
    view::tests::{NOW, event, lines, model, press, some, told, well},
};

fn alarm(host: &str, severity: &str, rule: &str, row: &str, value: (f64, &str)) -> Value {
    json!({
        "host": host, "group": null, "rule": rule, "row": row, "state": "firing", "severity": severity,
        "since_ms": NOW - 60_000, "fired_ms": NOW - 93_000, "value": value.0, "unit": value.1,
        "threshold": 95.0, "summary": format!("{host}: {rule}"), "runbook": null,
    })
}

fn page(alarms: Vec<Value>) -> Value {
    json!({ "source": null, "rules": 33, "error": null, "total": alarms.len(), "alarms": alarms })
}

/// What the server answered is on the screen.
fn answer(model: &mut Model, told: Result<Value, String>) {
    let room = model.room();
    let Screen::Alarms(list) = &mut model.screen else { panic!("no alarms") };
    list.apply(told, room);
}

fn four() -> Vec<Value> {
    let mut acked = alarm("db-1", "critical", "disk-full", "/var/lib/mysql", (99.5, "%"));
    acked["acked_by"] = json!("anna");
    let mut silenced = alarm("web-1", "warning", "memory-low", "", (5e9, "B"));
    silenced["silenced_by"] = json!(["k3m9x2"]);
    let mut unknown = alarm("web-2", "info", "clock-skew", "", (0.0, "ms"));
    unknown["value"] = Value::Null;
    unknown["state"] = json!("unknown");
    vec![acked, silenced, unknown, alarm("roundsman:server", "info", "server-late", "", (3.0, "s"))]
}

#[test]
fn alarms_that_fire_are_counted_above_and_marked_at_their_hosts() {
    let firing = [("alarms_firing", json!(2)), ("alarm_severity", json!("critical"))];
    let hosts = [told("db-1", "up", &firing), well("web-1", 1.0)];
    let mut model = model(&hosts, (80, 24));
    let counts = json!({ "alarms_firing": { "critical": 2, "warning": 1, "info": 0 } });
    model.fleet.apply("fleet", &event(&hosts, &counts)).unwrap();
    model.heard(crate::units::WallMs(NOW));
    let drawn = lines(&model);
    assert!(drawn[0].contains("● 2 up  ! 2 critical 1 warning "), "{}", drawn[0]);
    assert!(drawn[3].starts_with("db-1!  "), "{}", drawn[3]);
    assert!(drawn[4].starts_with("web-1  "), "{}", drawn[4]);
}

#[test]
fn the_alarms_that_fire_are_listed_and_lead_to_their_hosts() {
    for size in [(80, 24), (200, 50), (40, 8)] {
        let mut model = some(size);
        press(&mut model, "a");
        assert!(lines(&model).join("\n").contains("asking the server"));
        let Screen::Alarms(list) = &mut model.screen else { panic!("no alarms") };
        let path = list.ask(Duration::ZERO).unwrap();
        assert_eq!(path, format!("/api/v1/alerts?firing=true&limit={MAX_LISTED}"));
        assert_eq!(list.ask(Duration::from_secs(9)), None, "one at a time");
        answer(&mut model, Ok(page(four())));
        insta::assert_snapshot!(format!("alarms_{}", size.0), lines(&model).join("\n"));
    }
    let mut model = some((80, 24));
    press(&mut model, "a");
    answer(&mut model, Ok(page(four())));
    press(&mut model, "jj");
    // Another comes above it: the choice stays where it was made.
    let mut five = four();
    five.insert(0, alarm("db-9", "critical", "host-down", "", (0.0, "")));
    answer(&mut model, Ok(page(five)));
    model.press(Key::Enter);
    let Screen::Host(detail) = &model.screen else { panic!("no host") };
    assert_eq!(&*detail.name, "web-2");
    press(&mut model, "a");
    // As many come as were asked for, of more that there are.
    let many =
        (0..MAX_LISTED).map(|n| alarm(&format!("web-{n}"), "info", "rebooted", "", (1.0, "")));
    let mut told = page(many.collect());
    told["total"] = json!(MAX_LISTED + 132);
    answer(&mut model, Ok(told));
    model.press(Key::End);
    assert!(lines(&model)[23].ends_with("480-500 of 632"), "{}", lines(&model)[23]);
    assert!(lines(&model)[22].contains("web-499"), "{}", lines(&model)[22]);
    model.press(Key::Esc);
    assert!(matches!(model.screen, Screen::Fleet));
}

#[test]
fn where_no_alarm_fires_or_none_can_be_asked_for_the_list_says_so() {
    let mut model = some((80, 24));
    press(&mut model, "a");
    answer(&mut model, Ok(page(Vec::new())));
    assert!(lines(&model)[2].contains("no alarm fires; 33 rules in force"));
    model.press(Key::Enter);
    assert!(matches!(model.screen, Screen::Alarms(_)), "there is no host to go to");
    answer(&mut model, Ok(page(four())));
    answer(&mut model, Err("connection refused".to_owned()));
    let drawn = lines(&model).join("\n");
    assert!(drawn.contains("not renewed: connection refused"), "{drawn}");
    assert!(drawn.contains("memory-low"), "the last list stays: {drawn}");
}

#[test]
fn no_text_of_an_alarm_steers_the_terminal() {
    let evil = "\u{1b}[2J\u{9b}31m\u{202e}";
    let mut model = some((200, 50));
    press(&mut model, "a");
    let mut one = alarm(evil, "critical", evil, evil, (1.0, evil));
    one["acked_by"] = json!(evil);
    answer(&mut model, Ok(page(vec![one])));
    let drawn = lines(&model).join("\n");
    assert!(drawn.matches(r"\u{1b}[2J").count() > 3, "{drawn}");
    let steers = |c: char| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
    assert!(!drawn.contains(steers), "{drawn:?}");
}

#[test]
fn an_alarm_is_acknowledged_and_silenced_where_it_is_listed() {
    let mut model = some((80, 24));
    model.who = Some("ann".to_owned());
    press(&mut model, "a");
    answer(&mut model, Ok(page(four())));
    press(&mut model, "z");
    assert!(lines(&model).join("\n").contains("Silence disk-full of /var/lib/mysql on db-1"));
    press(&mut model, "new disks");
    model.press(Key::Enter);
    let order = model.orders.remove(0);
    let about = json!({ "hosts": ["db-1"], "rules": ["disk-full"], "rows": ["/var/lib/mysql"],
                        "who": "ann", "why": "new disks", "for": "1h" });
    assert_eq!((order.path().as_str(), &order.body), ("/api/v1/silences", &about));
    let told = order.told(&json!({ "until_ms": NOW + 3_600_000 }), 1, model.now);
    model.carried_out(order.deed, Ok(told));
    assert!(lines(&model)[23].contains("on db-1 is silenced until 02:30"), "{}", lines(&model)[23]);
    // The alarm alone, not all of its host.
    press(&mut model, "jA");
    assert!(lines(&model).join("\n").contains("Acknowledge memory-low on web-1"));
    model.press(Key::Enter);
    let order = model.orders.remove(0);
    assert_eq!(order.alarms(), None);
    assert_eq!(order.path(), "/api/v1/hosts/web-1/alert/ack?rule=memory-low&row=");
    let told = order.told(&json!({}), 1, model.now);
    model.carried_out(order.deed, Ok(told));
    assert!(lines(&model)[23].contains("memory-low on web-1 is acknowledged"));
    // The server's own alarms are of no host that could be paused.
    model.press(Key::End);
    press(&mut model, "P");
    assert!(model.over.is_none() && model.orders.is_empty());
    assert!(lines(&model)[23].contains("roundsman:server is no host of the inventory"));
}
