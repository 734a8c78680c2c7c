//! Alert rules in a whole server: a value crosses its threshold, an alarm is a row, is shown, is told, and is
//! over; through restarts, reloads, pauses and files that are wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use roundsman::{
    alert,
    app::{self, App},
    config::{Config, Flag, Sources},
    live::HostView,
    model::{AlarmCause, AlarmEvent, AlarmState, HostName, Record, Severity},
    route,
    store::{AlarmsOf, Mode, ReadOrder, Span, Store, sqlite::Sqlite},
};
use serde_json::Value;
use support::{FakeProbe, filling};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// Long enough for anything that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two polls make it fire, two end it; above 95 it is critical.
const RULES: &str = r#"
[[alert]]
name = "disk-full"
over = "filesystem"
when = "used_pct > 90 %"
clear = "used_pct < 80 %"
critical = "used_pct > 95 %"
for = "2 polls"
clear_for = "2 polls"
summary = "{host}: {row} is {value} % full"
runbook = "https://wiki.example/disk"

[[alert]]
name = "probe-gone"
when = 'state == "down"'
"#;

/// Rules that compare columns: one by a mean, one by more than a number; one of another group.
const COMPARING: &str = r#"
[[alert]]
name = "cpu-busy"
when = "avg(cpu_busy_pct, 5 polls) > 80 % and load_1 > 3"
critical = "avg(cpu_busy_pct, 5 polls) > 95 %"

[[alert]]
name = "load-high"
when = "load_5 > 2 * cpus_online"

[[alert]]
name = "tracked"
when = "conntrack_entries / conntrack_limit > 0.9"
severity = "critical"

[[alert]]
name = "elsewhere"
when = "load_1 > 3"
groups = ["db"]

[[alert]]
name = "own"
over = "server"
when = "late_ms > 1 s"
"#;

/// A server with one host whose filesystem is as full as the test says.
struct Site {
    folder: TempDir,
    probe: FakeProbe,
    used: Arc<AtomicU64>,
    hook: TcpListener,
}

impl Site {
    async fn new(rules: Option<&str>) -> Self {
        let used = Arc::new(AtomicU64::new(50));
        let folder = tempfile::tempdir().unwrap();
        if let Some(rules) = rules {
            fs::write(folder.path().join("alerts.toml"), rules).unwrap();
        }
        let hook = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let site = Self { folder, probe: filling(&used).await, used, hook };
        site.list("web");
        site
    }

    fn list(&self, group: &str) {
        let address = self.probe.socket();
        let inventory = format!(
            "[defaults]\ninterval = \"1h\"\n[[host]]\nname = \"db-1\"\ngroup = \"{group}\"\n\
             addresses = [\"{address}\"]\n[[host]]\nname = \"other\"\npaused = true\n"
        );
        fs::write(self.folder.path().join("inventory.toml"), inventory).unwrap();
    }

    fn flags(&self) -> Vec<Flag> {
        let flag = |key, value: String| Flag { key, name: "test", value };
        let path = |name| self.folder.path().join(name).display().to_string();
        vec![
            flag("inventory", path("inventory.toml")),
            flag("data", path("")),
            flag("http.listen", "127.0.0.1:0".to_owned()),
            flag("grpc.listen", String::new()),
            flag("hook.url", format!("http://{}/", self.hook.local_addr().unwrap())),
        ]
    }

    async fn start(&self) -> App {
        let sources = Sources { flags: self.flags(), ..Sources::default() };
        app::start(Config::load(sources).unwrap().config).await.unwrap()
    }

    /// The text of this file is in force, or refused, once this has returned.
    async fn says(&self, app: &App, rules: &str) {
        fs::write(self.folder.path().join("alerts.toml"), rules).unwrap();
        app.reload_inventory().await.unwrap();
    }

    async fn poll(&self, app: &App, used: u64) -> Arc<Record> {
        self.used.store(used, Ordering::Relaxed);
        app.poll_now(HostName::new("db-1").unwrap()).await.unwrap()
    }

    async fn store(&self) -> Sqlite {
        Sqlite::open(self.folder.path().join("roundsman.db"), Mode::ReadOnly).await.unwrap()
    }

    /// Every change that is kept, oldest first.
    async fn changes(&self) -> Vec<AlarmEvent> {
        let store = self.store().await;
        store
            .alarm_events(AlarmsOf::default(), Span::ALL, ReadOrder::OldestFirst, 999)
            .await
            .unwrap()
    }

    /// The next document that the hook is told.
    async fn told(&self) -> Value {
        let (mut stream, _) = timeout(PATIENCE, self.hook.accept()).await.unwrap().unwrap();
        let mut bytes = Vec::new();
        loop {
            assert!(timeout(PATIENCE, stream.read_buf(&mut bytes)).await.unwrap().unwrap() > 0);
            let text = String::from_utf8_lossy(&bytes);
            let Some((_, body)) = text.split_once("\r\n\r\n") else { continue };
            if let Ok(document) = serde_json::from_str(body) {
                stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
                return document;
            }
        }
    }
}

fn host(app: &App) -> Arc<HostView> {
    app.live().host("db-1").unwrap()
}

/// The states of the host's alarms, as everybody is shown them.
fn shown(app: &App) -> Vec<(AlarmState, Severity)> {
    let host = host(app);
    host.alarms.iter().map(|of| (of.alarm.state, of.alarm.severity)).collect()
}

async fn get(app: &App, path: &str) -> String {
    let mut stream = TcpStream::connect(app.http_addr().unwrap()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn an_alarm_is_a_row_is_shown_is_told_and_is_over() {
    let site = Site::new(Some(RULES)).await;
    let app = site.start().await;
    site.poll(&app, 91).await;
    assert_eq!(shown(&app), [(AlarmState::Pending, Severity::Warning)]);
    let second = site.poll(&app, 92).await;
    assert_eq!(shown(&app), [(AlarmState::Firing, Severity::Warning)]);
    let said = host(&app).alarms[0].summary.clone();
    assert_eq!(said.as_deref(), Some("db-1: / is 92 % full"));
    let metrics = get(&app, "/metrics").await;
    let line = "roundsman_alarms{severity=\"warning\",state=\"firing\"} 1\n";
    assert!(metrics.contains(line), "{metrics}");
    assert!(metrics.contains("roundsman_alarm_changes_total{to=\"firing\"} 1\n"), "{metrics}");

    let told = site.told().await;
    assert_eq!(told["summary"], "db-1: / is 92 % full");
    for (key, value) in [("kind", "alert"), ("state", "firing"), ("rule", "disk-full")] {
        assert_eq!(told[key], value);
    }
    assert_eq!(
        (&told["host"], &told["group"], &told["row"]),
        (&"db-1".into(), &"web".into(), &"/".into())
    );
    assert_eq!((told["value"].as_f64(), &told["unit"]), (Some(92.0), &"%".into()));
    assert_eq!(told["threshold"].as_f64(), Some(90.0));
    assert_eq!(told["since_ms"].as_i64(), Some(second.slot.0));
    let id = told["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("disk-full/1/") && id.ends_with(&format!("/{}/firing", second.slot.0)));

    // Worse, then better: between both thresholds it goes on.
    site.poll(&app, 96).await;
    let worse = site.told().await;
    assert_eq!((&worse["state"], &worse["severity"]), (&"critical".into(), &"critical".into()));
    assert_eq!(worse["since_ms"].as_i64(), Some(second.slot.0), "since it fires");
    for used in [85, 79] {
        site.poll(&app, used).await;
    }
    let last = site.poll(&app, 78).await;
    assert_eq!(shown(&app), []);
    let mut told = site.told().await;
    if told["state"] == "warning" {
        told = site.told().await;
    }
    assert_eq!((&told["state"], &told["value"].as_f64()), (&"resolved".into(), &Some(78.0)));
    app.stop().await;

    let changes = site.changes().await;
    let last_change = changes.last().unwrap();
    assert_eq!((last_change.to, last_change.slot), (AlarmState::Ok, last.slot));
    assert_eq!(site.store().await.alarms().await.unwrap(), []);
}

#[tokio::test]
async fn a_start_goes_on_where_the_one_before_ended_and_tells_nothing_again() {
    let site = Site::new(Some(RULES)).await;
    let app = site.start().await;
    site.poll(&app, 91).await;
    app.stop().await;
    let [pending] = <[_; 1]>::try_from(site.store().await.alarms().await.unwrap()).unwrap();
    assert_eq!((pending.state, pending.polls), (AlarmState::Pending, 1));

    // The second poll of two is made by another server.
    let app = site.start().await;
    assert_eq!(shown(&app), [(AlarmState::Pending, Severity::Warning)]);
    site.poll(&app, 92).await;
    assert_eq!(site.told().await["state"], "firing");
    app.stop().await;
    let before = site.changes().await;

    let app = site.start().await;
    assert_eq!(shown(&app), [(AlarmState::Firing, Severity::Warning)]);
    for _ in 0..3 {
        site.poll(&app, 93).await;
    }
    assert_eq!(site.changes().await, before, "it was known");
    // While it was away it ended: that is told.
    app.stop().await;
    let app = site.start().await;
    site.poll(&app, 10).await;
    site.poll(&app, 10).await;
    assert_eq!(site.told().await["state"], "resolved");
    app.stop().await;
    let changes = site.changes().await;
    assert_eq!(changes.len(), before.len() + 1, "{changes:?}");
}

#[tokio::test]
async fn a_file_that_is_wrong_changes_nothing_and_says_all() {
    let site = Site::new(Some(RULES)).await;
    let app = site.start().await;
    site.poll(&app, 91).await;
    site.poll(&app, 91).await;
    let wrong = "[[alert]]\nname = \"disk-full\"\nover = \"filesystem\"\nwhen = \"usd_pct > 1 GiB\"\n\
                 [[alert]]\nnme = \"x\"\n";
    site.says(&app, wrong).await;
    let error = app.live().server().alerts_error.unwrap();
    assert!(error.contains("alerts.toml:4") && error.contains("alerts.toml:6"), "{error}");
    assert_eq!(shown(&app), [(AlarmState::Firing, Severity::Warning)]);
    let ready = get(&app, "/readyz").await;
    assert!(
        ready.contains("HTTP/1.1 200") && ready.contains("the file of alert rules was refused")
    );

    // Said otherwise, it is the same rule; as another condition it is another.
    site.says(&app, &RULES.replace("{row} is", "{row} now is")).await;
    assert_eq!(app.live().server().alerts_error, None);
    site.poll(&app, 91).await;
    assert_eq!(shown(&app), [(AlarmState::Firing, Severity::Warning)]);
    site.says(&app, &RULES.replace("> 90 %", "> 60 %").replace("< 80 %", "< 50 %")).await;
    site.poll(&app, 91).await;
    assert_eq!(shown(&app), [(AlarmState::Pending, Severity::Warning)]);
    site.poll(&app, 91).await;
    site.says(&app, "").await;
    site.poll(&app, 91).await;
    assert_eq!(shown(&app), []);
    app.stop().await;
    let ends: Vec<_> = site.changes().await;
    let ends: Vec<_> =
        ends.iter().filter(|change| change.to == AlarmState::Ok).map(|c| c.cause).collect();
    assert_eq!(ends, [AlarmCause::RuleChanged, AlarmCause::RuleRemoved]);
}

#[tokio::test]
async fn a_start_on_bad_rules_is_refused_and_without_a_file_the_shipped_rules_are_in_force() {
    let site = Site::new(Some("[[alert]]\n")).await;
    let sources = Sources { flags: site.flags(), ..Sources::default() };
    let refused = app::start(Config::load(sources).unwrap().config).await.unwrap_err();
    assert!(refused.to_string().contains("alerts.toml:1"), "{refused}");

    fs::remove_file(site.folder.path().join("alerts.toml")).unwrap();
    let app = site.start().await;
    let alerts = app.live().server().alerts.unwrap();
    assert!(alerts.source.is_none() && alerts.rules.list.len() >= 24, "{alerts:?}");
    // A file that comes is found.
    site.says(&app, RULES).await;
    let alerts = app.live().server().alerts.unwrap();
    assert_eq!((alerts.source.is_some(), alerts.rules.list.len()), (true, 2));
    app.stop().await;
}

#[tokio::test]
async fn a_host_that_is_paused_keeps_its_alarms_and_one_that_leaves_ends_them() {
    let site = Site::new(Some(RULES)).await;
    let app = site.start().await;
    site.poll(&app, 91).await;
    site.poll(&app, 91).await;
    let mut stream = TcpStream::connect(app.http_addr().unwrap()).await.unwrap();
    let request = "POST /api/v1/hosts/db-1/pause HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                   Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for _ in 0..4 {
        site.poll(&app, 10).await;
    }
    assert_eq!(shown(&app), [(AlarmState::Firing, Severity::Warning)], "as it was");
    let text = "[[host]]\nname = \"other\"\npaused = true\n";
    fs::write(site.folder.path().join("inventory.toml"), text).unwrap();
    app.reload_inventory().await.unwrap();
    assert!(app.live().host("db-1").is_none());
    assert_eq!(site.told().await["state"], "firing");
    let over = site.told().await;
    assert_eq!((&over["state"], &over["host"]), (&"resolved".into(), &"db-1".into()));
    app.stop().await;
    let last = site.changes().await.pop().unwrap();
    assert_eq!((last.to, last.cause), (AlarmState::Ok, AlarmCause::HostRetired));
    assert_eq!(site.store().await.alarms().await.unwrap(), []);
}

/// Taken out while no server ran: it ends with the next start.
#[tokio::test]
async fn alarms_of_hosts_that_left_while_no_server_ran_end_with_the_next_start() {
    let site = Site::new(Some(RULES)).await;
    let app = site.start().await;
    site.poll(&app, 91).await;
    site.poll(&app, 91).await;
    app.stop().await;
    let text = "[[host]]\nname = \"other\"\npaused = true\n";
    fs::write(site.folder.path().join("inventory.toml"), text).unwrap();
    site.start().await.stop().await;
    assert_eq!(site.store().await.alarms().await.unwrap(), []);
    let last = site.changes().await.pop().unwrap();
    assert_eq!(last.cause, AlarmCause::HostRetired);
    assert!(last.summary.starts_with("db-1: "), "{}", last.summary);
}

/// What the API says of alarms, and by which value a rule holds.
/// The hook tells of the server's isolation by itself.
#[test]
fn of_the_rules_over_the_server_the_hook_passes_over_that_of_its_isolation() {
    let shipped = route::parse_all("shipped", alert::SHIPPED).unwrap().rules;
    let passed = shipped.list.iter().filter(|rule| rule.over == alert::Over::Server);
    let passed = passed.filter(|rule| rule.is_about_state()).map(|rule| &*rule.name);
    assert_eq!(passed.collect::<Vec<_>>(), ["server-isolated"]);
}

#[tokio::test]
async fn alarms_are_listed_with_their_changes_and_explained() {
    let site = Site::new(Some(RULES)).await;
    let app = site.start().await;
    site.poll(&app, 91).await;
    site.poll(&app, 92).await;
    let json = async |path: &str| -> Value {
        let answer = get(&app, path).await;
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    let page = json("/api/v1/alerts?firing=true&host=db-1").await;
    assert_eq!((&page["total"], &page["rules"]), (&1.into(), &2.into()));
    let alarm = &page["alarms"][0];
    for (key, value) in [
        ("host", "db-1"),
        ("group", "web"),
        ("rule", "disk-full"),
        ("row", "/"),
        ("state", "firing"),
        ("severity", "warning"),
        ("unit", "%"),
        ("summary", "db-1: / is 92 % full"),
        ("when", "used_pct > 90 %"),
        ("runbook", "https://wiki.example/disk"),
    ] {
        assert_eq!(alarm[key], value, "{key}");
    }
    assert_eq!(alarm["value"].as_f64(), Some(92.0));
    assert_eq!(alarm["column"], Value::Null, "it is a row's");
    assert_eq!(json("/api/v1/alerts?host=other").await["total"], 0);
    assert_eq!(json("/api/v1/alerts?rule=probe-gone").await["total"], 0);
    assert_eq!(json("/api/v1/hosts/db-1").await["alarms_firing"], 1);
    let fleet = json("/api/v1/fleet").await;
    assert_eq!(fleet["server"]["alarms_firing"], serde_json::json!({ "warning": 1 }));
    let columns = fleet["columns"].as_array().unwrap();
    let cell = |name: &str| {
        let place = columns.iter().position(|column| column == name).unwrap();
        &fleet["hosts"][0][place]
    };
    assert_eq!((cell("alarms_firing"), cell("alarm_severity")), (&1.into(), &"warning".into()));

    let why = json("/api/v1/hosts/db-1/alert?rule=disk-full").await;
    let terms: Vec<_> = why["rows"][0]["terms"].as_array().unwrap().iter().collect();
    assert_eq!(terms.len(), 3, "{why}");
    assert_eq!((terms[0]["key"].as_str(), terms[0]["holds"].as_bool()), (Some("when"), Some(true)));
    assert_eq!(terms[0]["value"].as_f64(), Some(92.0));
    assert_eq!(terms[1]["holds"].as_bool(), Some(false));
    let unknown = get(&app, "/api/v1/hosts/db-1/alert?rule=no-such").await;
    assert!(unknown.starts_with("HTTP/1.1 404"), "{unknown}");

    site.told().await;
    // What was told is a row.
    let events = json("/api/v1/alert_events?host=db-1").await;
    assert_eq!(events["events"][0]["to"], "firing");
    assert_eq!((&events["events"][0]["host"], &events["more"]), (&"db-1".into(), &false.into()));
    assert_eq!(json("/api/v1/alert_events?rule=disk-full").await, events);
    assert_eq!(json("/api/v1/alert_events?rule=probe-gone").await["events"], Value::Array(vec![]));
    app.stop().await;
}

/// Which rules are in force on a host, and which column each compares with what.
#[tokio::test]
async fn the_rules_of_a_host_are_listed_with_what_they_compare() {
    let site = Site::new(Some(COMPARING)).await;
    let app = site.start().await;
    let rules = async |of: &str| -> Vec<Value> {
        let answer = get(&app, &format!("/api/v1/alert_rules{of}")).await;
        let page: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        page["rules"].as_array().unwrap().clone()
    };
    let named = |rules: &[Value]| -> Vec<String> {
        rules.iter().map(|rule| rule["name"].as_str().unwrap().to_owned()).collect()
    };
    let all = rules("").await;
    assert_eq!(named(&all), ["cpu-busy", "load-high", "tracked", "elsewhere", "own"]);
    assert_eq!(named(&rules("?host=db-1").await), ["cpu-busy", "load-high", "tracked"]);
    assert_eq!(named(&rules("?host=roundsman:server").await), ["own"]);
    let compared = |rule: &Value| {
        let numbers = ["threshold", "critical_threshold"].map(|key| rule[key].as_f64());
        (rule["column"].as_str().map(str::to_owned), numbers)
    };
    let column = |name: &str| Some(name.to_owned());
    assert_eq!(compared(&all[0]), (column("cpu_busy_pct"), [Some(80.0), Some(95.0)]));
    assert_eq!(compared(&all[1]), (column("load_5"), [None, None]), "no number is written");
    assert_eq!(compared(&all[2]), (None, [None, None]), "it is calculated");
    assert_eq!(compared(&all[4]), (None, [None, None]), "it is the server's");
    assert_eq!((&all[2]["severity"], &all[3]["when"]), (&"critical".into(), &"load_1 > 3".into()));
    let unknown = get(&app, "/api/v1/alert_rules?host=db-2").await;
    assert!(unknown.starts_with("HTTP/1.1 404") && unknown.contains("did you mean"), "{unknown}");
    app.stop().await;
}
