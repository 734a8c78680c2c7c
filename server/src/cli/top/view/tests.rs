use std::time::Duration;

use ratatui::{Terminal, backend::TestBackend};
use serde_json::{Value, json};

use super::*;
use crate::{
    cli::top::{
        detail::Story,
        field::Field,
        key::Key,
        list::{ListRow, MAX_FILTER_CHARS},
    },
    query::FLEET_COLUMNS,
    units::WallMs,
};

mod deeds;
mod groups;
mod mouse;

/// 2026-03-29T01:30:00Z.
pub(super) const NOW: i64 = 1_774_747_800_000;

const PLAIN: Theme = Theme { colour: false };

/// A row of cells: those that are not given are unknown.
pub(super) fn told(name: &str, state: &str, cells: &[(&str, Value)]) -> Value {
    let cell = |column: &&str| match *column {
        "name" => json!(name),
        "state" => json!(state),
        "since_ms" => json!(NOW - 3_600_000),
        "labels" => json!({ "rack": "a1" }),
        "flapping" => json!(false),
        other => {
            cells.iter().find(|(name, _)| *name == other).map_or(Value::Null, |(_, v)| v.clone())
        }
    };
    FLEET_COLUMNS.iter().map(cell).collect()
}

pub(super) fn well(name: &str, cpu: f64) -> Value {
    told(
        name,
        "up",
        &[
            ("group", json!("web")),
            ("slot_ms", json!(NOW - 4_000)),
            ("outcome", json!("ok")),
            ("call_us", json!(11_600)),
            ("cpus_online", json!(8)),
            ("cpu_busy_pct", json!(cpu)),
            ("mem_used_pct", json!(80.04)),
            ("fs_used_max_pct", json!(100.0)),
            ("pressure_some_max_avg10_pct", json!(0.0)),
            ("load_1", json!(1.44)),
            ("net_rx_bytes_per_s", json!(0.0)),
            ("net_tx_bytes_per_s", json!(1_258_291.0)),
        ],
    )
}

pub(super) fn event(hosts: &[Value], server: &Value) -> String {
    let mut counts = serde_json::Map::new();
    let state = FLEET_COLUMNS.iter().position(|column| *column == "state").unwrap();
    for host in hosts {
        let state = host[state].as_str().unwrap();
        let count = counts.get(state).and_then(Value::as_u64).unwrap_or(0);
        counts.insert(state.to_owned(), json!(count + 1));
    }
    let (columns, at) = (FLEET_COLUMNS, NOW);
    json!({ "at_ms": at, "columns": columns, "counts": counts, "server": server, "hosts": hosts })
        .to_string()
}

pub(super) fn model(hosts: &[Value], size: (usize, usize)) -> Model {
    let mut model = Model::new("127.0.0.1:8080".to_owned(), size, WallMs(NOW));
    model.fleet.apply("fleet", &event(hosts, &json!({}))).unwrap();
    model.heard(WallMs(NOW));
    model
}

pub(super) fn some(size: (usize, usize)) -> Model {
    let failed = [
        ("slot_ms", json!(NOW - 9_000)),
        ("outcome", json!("refused")),
        ("error", json!("connection refused by 10.0.0.3:50051")),
    ];
    let hosts = [
        well("web-1", 12.34),
        well("web-2", 93.0),
        told("db-1", "down", &failed),
        told("a-host-with-a-rather-long-name.example.org", "pending", &[]),
    ];
    model(&hosts, size)
}

/// A host that is up and has all values.
pub(super) fn busy(name: &str, group: &str, shares: [f64; 3], more: &[(&str, Value)]) -> Value {
    let [cpu, mem, disk] = shares;
    let trail: Vec<f64> = (0..20).map(|n| (cpu * f64::from(n) / 19.0).round()).collect();
    let own = [
        ("group", json!(group)),
        ("slot_ms", json!(NOW - 4_000)),
        ("outcome", json!("ok")),
        ("call_us", json!(3_100)),
        ("cpus_online", json!(4)),
        ("cpu_busy_pct", json!(cpu)),
        ("cpu_trail", json!(trail)),
        ("mem_used_pct", json!(mem)),
        ("mem_total_bytes", json!(8e9)),
        ("fs_used_max_pct", json!(disk)),
        ("pressure_some_max_avg10_pct", json!(0.4)),
        ("load_1", json!(cpu / 25.0)),
        ("net_rx_bytes_per_s", json!(13.9e6)),
        ("net_tx_bytes_per_s", json!(1_258_291.0)),
        ("disk_busy_max_pct", json!(2.0)),
    ];
    told(name, "up", &[&own[..], more].concat())
}

/// The same in another state: cells that are given later win.
pub(super) fn in_state(mut row: Value, state: &str, cells: &[(&str, Value)]) -> Value {
    let mut set = |column: &str, value: Value| {
        let place = FLEET_COLUMNS.iter().position(|other| *other == column).unwrap();
        row[place] = value;
    };
    set("state", json!(state));
    cells.iter().for_each(|(column, value)| set(column, value.clone()));
    row
}

/// Three groups, something wrong of every kind.
pub(super) fn mixed(size: (usize, usize)) -> Model {
    let refused = [
        ("outcome", json!("refused")),
        ("address", json!("10.0.0.7:50051")),
        ("error", json!("10.0.0.7:50051: nothing listens there")),
        ("since_ms", json!(NOW - 720_000)),
    ];
    let late = [
        ("outcome", json!("deadline")),
        ("error", json!("connected, no answer within 1.5 s")),
        ("since_ms", json!(NOW - 9_000)),
    ];
    let clock = [("cause", json!("clock 1 h ahead, limit 5 s"))];
    let firing = [("alarms_firing", json!(2)), ("alarm_severity", json!("critical"))];
    let behind = [("outcome", json!("deadline")), ("unreachable_because", json!("router-1"))];
    let paused = [("paused_until_ms", json!(NOW + 3_600_000))];
    let plain = |name, group, shares| busy(name, group, shares, &[]);
    let hosts = [
        in_state(plain("app-7", "app", [30.0, 40.0, 50.0]), "down", &refused),
        in_state(plain("app-8", "app", [30.0, 40.0, 50.0]), "down", &behind),
        in_state(plain("db-18", "db", [30.0, 40.0, 50.0]), "suspect", &late),
        in_state(plain("web-45", "web", [12.0, 34.5, 20.0]), "degraded", &clock),
        in_state(plain("db-2", "db", [5.0, 91.3, 97.2]), "up", &firing),
        in_state(plain("web-9", "web", [1.0, 2.0, 3.0]), "paused", &paused),
        told("web-10", "pending", &[("group", json!("web"))]),
        in_state(plain("app-1", "app", [84.2, 79.9, 12.0]), "up", &[("cpus_online", json!(8))]),
        plain("app-2", "app", [2.0, 33.0, 80.0]),
        plain("db-1", "db", [99.96, 60.0, 89.9]),
        plain("web-1", "web", [0.0, 20.0, 100.0]),
        in_state(plain("web-2", "web", [41.0, 20.0, 55.0]), "up", &[("flapping", json!(true))]),
    ];
    let server = json!({ "alarms_firing": { "critical": 2, "warning": 1, "info": 0 } });
    let mut model = model(&hosts, size);
    model.fleet.apply("fleet", &event(&hosts, &server)).unwrap();
    model.heard(WallMs(NOW));
    model
}

pub(super) fn lines(model: &Model) -> Vec<String> {
    let (columns, lines) = model.size;
    let (columns, lines) = (u16::try_from(columns).unwrap(), u16::try_from(lines).unwrap());
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
    terminal.draw(|frame| draw(frame, model, PLAIN)).unwrap();
    let cells = terminal.backend().buffer().clone();
    let row = |y| (0..columns).map(|x| cells[(x, y)].symbol()).collect::<String>();
    (0..lines).map(|y| row(y).trim_end().to_owned()).collect()
}

pub(super) fn press(model: &mut Model, keys: &str) {
    keys.chars().for_each(|key| model.press(Key::Char(key)));
}

/// The hosts that are listed.
pub(super) fn names(model: &Model) -> Vec<&str> {
    model
        .list
        .rows
        .iter()
        .filter_map(|row| match row {
            ListRow::Host(host) => Some(&*host.name),
            ListRow::Group(_) => None,
        })
        .collect()
}

/// The same picture in colours: runs of cells that are not plain, as `‹red bold:…›`.
pub(super) fn painted(model: &Model) -> String {
    let (columns, lines) = model.size;
    let (columns, lines) = (u16::try_from(columns).unwrap(), u16::try_from(lines).unwrap());
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
    terminal.draw(|frame| draw(frame, model, Theme { colour: true })).unwrap();
    let cells = terminal.backend().buffer();
    let mut text = String::new();
    for y in 0..lines {
        let mut line = String::new();
        let mut before = String::new();
        for x in 0..columns {
            let cell = &cells[(x, y)];
            let mut look: Vec<String> = Vec::new();
            if cell.fg != Color::Reset {
                look.push(format!("{:?}", cell.fg).to_lowercase());
            }
            let modifiers = format!("{:?}", cell.modifier).to_lowercase();
            if !cell.modifier.is_empty() {
                look.push(modifiers);
            }
            let look = look.join(" ");
            if look != before {
                line.push_str(if before.is_empty() { "" } else { "›" });
                if !look.is_empty() {
                    line.push_str(&format!("‹{look}:"));
                }
                before = look;
            }
            line.push_str(cell.symbol());
        }
        line.push_str(if before.is_empty() { "" } else { "›" });
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn story() -> Story {
    let attempt = |ago: i64, outcome: &str, state: &str, error: Option<&str>| {
        json!({
            "slot_ms": NOW - ago, "outcome": outcome, "state": state, "queue_us": 3,
            "connect_us": null, "call_us": error.is_none().then_some(950), "error": error,
        })
    };
    let why = json!({
        "sentence": "db-1 is down since 2026-03-29T01:20:00.000Z: the last 3 polls failed; 2 good \
                     polls in a row make it up. It is polled next at 2026-03-29T01:30:05.000Z.",
        "store_error": null,
        "host": {
            "group": "db", "labels": { "rack": "a1" }, "addresses": ["10.0.0.3:50051"],
            "schedule": "every 10s",
            "facts": { "os": "Debian 12", "kernel": "6.1.0", "cpus": 4, "probe_version": null },
            "last": { "values": { "cpu_busy_pct": 12.5, "mem_total_bytes": 8_321_499_136_i64,
                                  "load_1": null } },
        },
        "attempts": [
            attempt(20_000, "ok", "up", None),
            attempt(10_000, "refused", "suspect", Some("connection refused by 10.0.0.3:50051")),
        ],
        "events": [
            { "at_ms": NOW - 10_000, "from": "up", "to": "suspect", "reason": "a poll failed" },
        ],
    });
    let series = json!({ "columns": [
        { "name": "cpu_busy_pct", "max": [0.0, 50.0, null, 100.0] },
        { "name": "net_rx_bytes_per_s", "max": [1024.0, 2048.0, null, 4096.0] },
    ] });
    let row = |name: &str, of: &str, values: &[(&str, f64)]| {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        let named = [(name.to_owned(), json!(of))].into_iter();
        Value::Object(named.chain(values).collect())
    };
    let cores = (0..32).map(|n| row("core", &n.to_string(), &[("busy_pct", f64::from(n))]));
    let interface =
        [("rx_bytes_per_s", 2_048.0), ("tx_bytes_per_s", 0.0), ("rx_errors_per_s", 0.0)];
    let rows = json!({ "last": { "detail": {
        "process": [
            row("comm", "sh", &[("cpu_pct", 0.0)]),
            row("comm", "mariadbd", &[("cpu_pct", 61.5), ("rss_bytes", 1e9), ("threads", 41.0)]),
        ],
        "filesystem": [row("mount_point", "/", &[("used_pct", 93.0), ("available_bytes", 1e9)])],
        "net": [row("interface", "eth0", &interface)],
        "disk": [],
        "core": cores.collect::<Vec<_>>(),
    } } });
    Story::read(why, series, rows).unwrap()
}

#[test]
fn what_has_no_room_ends_with_a_sign_of_that() {
    let area = Rect::new(0, 0, 12, 2);
    let mut cells = Buffer::empty(area);
    let mut pen = Pen { cells: &mut cells, area, line: 0 };
    let plain = Style::new();
    pen.write(&[("10:00:00 ", plain), ("a poll failed", plain)]);
    pen.write(&[("10:00:00 ", plain), ("up    ", plain)]);
    assert_eq!(cells, Buffer::with_lines(["10:00:00 a …", "10:00:00 up "]));
}

/// The sizes of pictures that are kept.
const SIZES: [(usize, usize); 3] = [(80, 24), (120, 40), (200, 60)];

#[test]
fn the_fleet_fits_a_small_terminal_and_fills_a_large_one() {
    for size in SIZES.into_iter().chain([(40, 8)]) {
        let drawn = lines(&mixed(size));
        assert!(drawn.iter().all(|line| line.chars().count() <= size.0), "{drawn:#?}");
        insta::assert_snapshot!(format!("fleet_{}", size.0), drawn.join("\n"));
    }
    assert!(lines(&some((20, 5)))[0].contains("too small"));
}

#[test]
fn a_value_that_is_high_and_a_host_in_trouble_are_marked_in_colour() {
    for size in SIZES {
        let name = format!("fleet_{}_in_colour", size.0);
        insta::assert_snapshot!(name, painted(&mixed(size)));
    }
}

#[test]
fn the_cause_stands_where_the_values_of_a_host_would() {
    let row = |model: &Model, name: &str| {
        lines(model).into_iter().find(|line| line.starts_with(name)).unwrap()
    };
    let mut model = mixed((80, 24));
    assert!(
        row(&model, "app-7").contains("Refused: nothing listens there "),
        "without its address"
    );
    assert!(row(&model, "app-7").ends_with("12m"), "for how long");
    assert!(row(&model, "app-8").contains("Behind router-1, which does not answer"));
    assert!(row(&model, "db-18").contains("Deadline: connected, no answer within 1.5 s"));
    assert!(row(&model, "web-45").contains("Clock 1 h ahead, limit 5 s"));
    assert!(row(&model, "web-9").contains("Until 02:30"));
    assert!(row(&model, "web-10").contains("Not polled yet"));
    // Who looks at values sees those of a degraded host, too; of a host that failed there are none.
    press(&mut model, "s");
    assert!(row(&model, "web-45").contains(" 12.0 "), "{}", row(&model, "web-45"));
    assert!(row(&model, "app-7").contains("Refused"));
    let order: Vec<&str> = names(&model)[..3].to_vec();
    assert_eq!(order, ["db-1", "app-1", "web-2"]);
    assert!(!names(&model)[..6].contains(&"app-7"), "what it said before it failed is of the past");
    // Where there is a column for the cause, it has both.
    model.resize((200, 60));
    press(&mut model, "S");
    let both = row(&model, "web-45");
    assert!(both.contains(" 12.0 ") && both.contains("Clock 1 h ahead"), "{both}");
    assert!(row(&model, "db-2").contains("2 alarms fire (critical)"));
}

#[test]
fn a_host_and_the_help_are_drawn_in_both_sizes() {
    for size in SIZES {
        let mut model = some(size);
        model.press(Key::Enter);
        let Screen::Host(detail) = &mut model.screen else { panic!("no host") };
        assert_eq!(&*detail.name, "db-1", "the gravest comes first");
        let ask = detail.ask(Duration::ZERO).unwrap();
        assert_eq!(ask.why, "/api/v1/hosts/db-1/why");
        assert_eq!(ask.rows, "/api/v1/hosts/db-1?fields=last.detail");
        assert!(ask.series.contains("from=-1h"), "{}", ask.series);
        assert_eq!(detail.ask(Duration::from_secs(9)), None, "one at a time");
        detail.apply(Ok(story()));
        assert_eq!(detail.ask(Duration::from_secs(1)), None, "it is fresh");
        insta::assert_snapshot!(format!("host_{}", size.0), lines(&model).join("\n"));
        press(&mut model, "?");
        let help = lines(&model).join("\n");
        insta::assert_snapshot!(format!("help_{}", size.0), help);
        // What does not fit is reached by the keys that scroll, and there is an end.
        model.press(Key::PageDown);
        model.press(Key::End);
        let end = lines(&model).join("\n");
        assert!(end.contains("  LAST "), "{end}");
        model.press(Key::Up);
        model.press(Key::Home);
        assert_eq!(lines(&model).join("\n"), help);
        model.press(Key::Esc);
        model.press(Key::Esc);
        assert!(matches!(model.screen, Screen::Fleet));
        assert!(!model.done);
    }
}

#[test]
fn a_story_that_cannot_be_renewed_stays_and_says_so() {
    let mut model = some((80, 24));
    model.press(Key::Enter);
    let Screen::Host(detail) = &mut model.screen else { panic!("no host") };
    detail.apply(Ok(story()));
    detail.apply(Err("503 from the store".to_owned()));
    let drawn = lines(&model).join("\n");
    assert!(drawn.contains("not renewed: 503 from the store"), "{drawn}");
    assert!(drawn.contains("db-1 is down since"), "{drawn}");
    press(&mut model, "+");
    let Screen::Host(detail) = &mut model.screen else { panic!("no host") };
    assert!(detail.ask(Duration::ZERO).unwrap().series.contains("from=-6h"));
}

#[test]
fn hosts_are_ordered_by_the_column_chosen_and_what_is_unknown_comes_last() {
    let mut model = some((80, 24));
    let long = "a-host-with-a-rather-long-name.example.org";
    assert_eq!(names(&model), ["db-1", long, "web-1", "web-2"]);
    press(&mut model, "s");
    assert_eq!(model.list.sort, Field::Cpu);
    assert_eq!(names(&model), ["web-2", "web-1", long, "db-1"]);
    press(&mut model, "r");
    assert_eq!(names(&model), ["web-1", "web-2", long, "db-1"]);
    press(&mut model, "<<");
    assert_eq!((model.list.sort, model.list.reverse), (Field::Name, false));
    assert_eq!(names(&model), [long, "db-1", "web-1", "web-2"]);
    press(&mut model, "<");
    assert_eq!(model.list.sort, Field::Tx, "the last that can be seen");
}

#[test]
fn numbers_in_names_are_ordered_as_numbers() {
    let ordered =
        ["db-9", "db-10", "db-10b", "web", "web-1.a10", "web-2.a1", "web-02.a9", "web-10"];
    let hosts: Vec<Value> = ordered.iter().rev().map(|name| well(name, 1.0)).collect();
    let mut model = model(&hosts, (80, 24));
    assert_eq!(names(&model), ordered);
    press(&mut model, "<r");
    let reversed: Vec<&str> = ordered.into_iter().rev().collect();
    assert_eq!((model.list.sort, names(&model)), (Field::Name, reversed));
}

#[test]
fn a_filter_is_typed_and_ended() {
    let mut model = some((80, 24));
    press(&mut model, "/WEB q");
    assert_eq!(names(&model), Vec::<&str>::new());
    assert!(lines(&model).last().unwrap().contains("/WEB q█"), "q is a letter here");
    model.press(Key::Backspace);
    model.press(Key::Backspace);
    model.press(Key::Enter);
    assert_eq!(names(&model), ["web-1", "web-2"]);
    model.press(Key::Esc);
    assert_eq!(model.list.passed, 4);
    press(&mut model, "/down");
    assert_eq!(names(&model), ["db-1"], "states are words, too");
    press(&mut model, &"x".repeat(200));
    assert_eq!(model.list.filter.chars().count(), MAX_FILTER_CHARS);
}

#[test]
fn who_is_chosen_stays_chosen_and_in_sight_among_five_thousand() {
    let hosts: Vec<Value> =
        (0..5_000).map(|n| well(&format!("web-{n:04}"), f64::from(n % 97))).collect();
    let mut model = model(&hosts, (80, 24));
    assert_eq!(model.room(), 20);
    model.press(Key::PageDown);
    assert_eq!((model.list.position(), model.list.first()), (20, 1));
    model.press(Key::End);
    assert_eq!((model.list.position(), model.list.first()), (4_999, 4_980));
    let name = names(&model)[4_999].to_owned();
    press(&mut model, "s");
    assert_eq!(names(&model)[model.list.position()], name, "however they are ordered");
    let seen = model.list.first()..model.list.first() + model.room();
    assert!(seen.contains(&model.list.position()), "{seen:?} {}", model.list.position());
    model.resize((80, 10));
    assert_eq!(model.room(), 7);
    assert!((model.list.first()..model.list.first() + 7).contains(&model.list.position()));
    model.press(Key::Home);
    press(&mut model, "r");
    assert_eq!(
        (model.list.position(), model.list.first()),
        (0, 0),
        "the first is whoever comes first"
    );
    // A host that goes takes the choice with it.
    press(&mut model, "j");
    let gone = names(&model)[1].to_owned();
    let change = json!({ "at_ms": NOW, "counts": {}, "server": {}, "hosts": [], "gone": [gone] });
    model.fleet.apply("change", &change.to_string()).unwrap();
    model.heard(WallMs(NOW));
    assert_eq!((model.list.passed, model.list.position()), (4_999, 0));
}

#[test]
fn what_is_wrong_with_the_server_stands_above_the_hosts() {
    let mut model = some((80, 24));
    let server = json!({
        "isolated_since_ms": NOW - 5_000, "store_error": "no route to host",
        "inventory_error": "inventory.toml:3: unknown setting", "stopping": true,
    });
    model.fleet.apply("fleet", &event(&[well("web-1", 1.0)], &server)).unwrap();
    model.heard(WallMs(NOW));
    model.lost("connection refused".to_owned(), WallMs(NOW));
    model.lost("still refused".to_owned(), WallMs(NOW + 30_000));
    model.pass(Duration::from_secs(30), WallMs(NOW + 30_000));
    let drawn = lines(&model);
    insta::assert_snapshot!("banners", drawn.join("\n"));
    assert!(drawn.iter().any(|line| line.contains("web-1")), "the last picture stays");
    model.heard(WallMs(NOW + 31_000));
    assert!(!lines(&model).join("\n").contains("server away"));
}

#[test]
fn no_text_of_a_host_steers_the_terminal() {
    let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\r\nroot#";
    let hosts = [told(
        evil,
        "down",
        &[("group", json!(evil)), ("outcome", json!(evil)), ("error", json!(evil))],
    )];
    let mut model = model(&hosts, (200, 50));
    let server = json!({ "store_error": evil, "inventory_error": evil });
    model.fleet.apply("fleet", &event(&hosts, &server)).unwrap();
    model.heard(WallMs(NOW));
    let list = lines(&model).join("\n");
    assert!(list.contains(r"\u{1b}[2J"), "{list}");
    model.press(Key::Enter);
    let Screen::Host(detail) = &mut model.screen else { panic!("no host") };
    let mut told = json!({
        "sentence": evil, "store_error": evil,
        "host": { "group": evil, "labels": { "a": evil }, "addresses": [evil], "schedule": evil,
                  "facts": { "os": evil, "kernel": evil }, "last": null },
        "attempts": [{ "slot_ms": NOW, "outcome": evil, "state": "down", "queue_us": null,
                       "connect_us": null, "call_us": null, "error": evil }],
        "events": [{ "at_ms": NOW, "from": "up", "to": "down", "reason": evil }],
    });
    told["host"]["labels"][evil] = json!(evil);
    detail.apply(Ok(Story::read(told, json!({ "columns": [] }), Value::Null).unwrap()));
    let host = lines(&model).join("\n");
    assert!(host.matches(r"\u{1b}[2J").count() > 5, "{host}");
    for text in [list, host] {
        let steers =
            |c: char| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
        assert!(!text.contains(steers), "{text:?}");
    }
}

#[test]
fn colours_are_left_out_on_request() {
    let model = some((80, 24));
    let coloured = |theme| {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| draw(frame, &model, theme)).unwrap();
        let cells = terminal.backend().buffer().clone();
        cells
            .content()
            .iter()
            .filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
            .count()
    };
    assert_eq!(coloured(PLAIN), 0);
    assert!(coloured(Theme { colour: true }) > 0);
}

#[test]
fn another_version_of_the_server_is_told_as_such() {
    let mut model = some((80, 24));
    let before = model.fleet.hosts.len();
    let error = model.fleet.apply("change", "{}").unwrap_err().to_string();
    assert!(error.contains("same version"), "{error}");
    assert!(
        model.fleet.apply("something new", "{}").is_ok(),
        "events of later versions are passed over"
    );
    assert_eq!(model.fleet.hosts.len(), before);
}

#[test]
fn in_the_help_q_quits_and_a_key_for_the_list_does_nothing() {
    let mut model = some((80, 24));
    let sort = model.list.sort;
    model.press(Key::Char('?'));
    for key in ['s', 'r', '/', 'x'] {
        model.press(Key::Char(key));
        assert_eq!(
            (model.over.is_some(), model.list.typing, model.list.sort),
            (true, false, sort),
            "{key}"
        );
    }
    model.press(Key::Esc);
    assert_eq!((model.over.is_some(), model.done), (false, false));
    model.press(Key::Char('?'));
    model.press(Key::Char('q'));
    assert!(model.done);
}
