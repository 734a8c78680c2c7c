//! What people say of alarms: silences and acknowledgements, over the API and by the commands, with channels
//! and without, over a kill.

use std::{
    collections::HashSet,
    io::{self, BufRead as _, BufReader, Write as _},
    process::Output,
    thread,
};

use tokio::{sync::oneshot, task::spawn_blocking};

use super::*;

async fn ask(address: &str, request: String) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

async fn post(app: &App, path: &str, body: &str) -> (u16, Value) {
    let length = body.len();
    let request = format!(
        "POST /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    ask(&app.http_addr().unwrap().to_string(), request).await
}

async fn read(app: &App, path: &str) -> Value {
    read_at(&app.http_addr().unwrap().to_string(), path).await
}

async fn read_at(address: &str, path: &str) -> Value {
    let request =
        format!("GET /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    ask(address, request).await.1
}

/// Asks until it is so: the server does its work meanwhile.
async fn until(address: &str, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    const TRIES: usize = 100_000;
    for _ in 0..TRIES {
        let answer = read_at(address, path).await;
        if is_so(&answer) {
            return answer;
        }
    }
    panic!("{path} was never so: {}", read_at(address, path).await);
}

/// The server as a process of its own, and where it answers.
async fn serving(site: &Site) -> (Server, String) {
    let mut child = site.command().stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let (tell, told) = oneshot::channel();
    thread::spawn(move || {
        let mut tell = Some(tell);
        for line in lines.map_while(Result::ok) {
            io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
            let address =
                line.split_once(" serving http=").and_then(|(_, rest)| rest.split_once(' '));
            if let Some((address, _)) = address
                && let Some(tell) = tell.take()
            {
                tell.send(address.to_owned()).unwrap();
            }
        }
    });
    (Server(child), told.await.unwrap())
}

/// `roundsman alerts`, as a person runs it.
async fn alerts(site: &Site, address: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roundsman"));
    command.arg("alerts").args(arguments).args(["--http", address]);
    command.env_clear().env("LOGNAME", "ben").current_dir(site.folder.path());
    let Output { status, stdout, stderr } =
        spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// The same rule under another name.
fn other(name: &str) -> String {
    RULE.replace("disk-full", name)
}

/// Kind and rule of a message about one alarm.
fn about(document: &Value) -> (&str, &str) {
    assert_eq!(document["count"], 1, "{document}");
    (kind(document), document["items"][0]["rule"].as_str().unwrap())
}

#[tokio::test]
async fn a_silence_keeps_an_alarm_back_until_it_ends_and_an_ack_not_its_end() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let site = Site::new("1h").await;
    site.says(&format!("{RULE}{}{}{AT_ONCE}", other("disk-other"), channel("ops", &receiver)));
    let app = site.start().await;
    let body = r#"{"rules": ["disk-f*"], "groups": ["db"], "for": "2h", "who": "ann", "why": "new disks"}"#;
    let (status, silence) = post(&app, "silences", body).await;
    assert_eq!((status, &silence["alarms"]), (201, &0.into()), "{silence}");
    let id = silence["id"].as_str().unwrap();
    site.poll(&app, 96).await;
    // Only this one: the other would have come before it.
    assert_eq!(about(&receiver.document().await), ("firing", "disk-other"));
    let listed = read(&app, "silences").await;
    let one = &listed["silences"][0];
    assert_eq!(
        (&one["id"], &one["alarms"], &one["rules"]),
        (&id.into(), &1.into(), &silence["rules"])
    );
    let page = read(&app, "alerts?rule=disk-full").await;
    assert_eq!(page["alarms"][0]["silenced_by"], serde_json::json!([id]), "{page}");
    let why = get(&app, "/api/v1/hosts/db-1/alert?rule=disk-full").await;
    assert!(why.contains(&format!("by silence {id}")), "{why}");
    let (status, over) = post(&app, &format!("silences/{id}/end"), "{}").await;
    assert_eq!((status, &over["id"]), (200, &id.into()));
    assert_eq!(about(&receiver.document().await), ("firing", "disk-full"));
    let (status, gone) = post(&app, &format!("silences/{id}/end"), "{}").await;
    assert_eq!(status, 404, "{gone}");

    // An alarm that fires is seen, and no other.
    let seen = r#"{"who": "ben", "note": "on it"}"#;
    for (path, expected) in [
        ("hosts/db-1/alert/ack?rule=disk-full", "of its rows \"/\" do"),
        ("hosts/db-1/alert/ack?rule=disk-ful&row=/", "no alarm of rule \"disk-ful\" fires"),
        ("hosts/roundsman:server/alert/ack?rule=disk-full&row=/", "fires on row \"/\""),
    ] {
        let (status, refused) = post(&app, path, seen).await;
        assert_eq!(status, 409, "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains(expected), "{refused}");
    }
    let (status, acked) = post(&app, "hosts/db-1/alert/ack?rule=disk-full&row=/", seen).await;
    assert_eq!(
        (status, &acked["acked_by"], &acked["ack_note"]),
        (200, &"ben".into(), &"on it".into())
    );
    let page = read(&app, "alerts?firing=true&limit=1").await;
    let next = read(&app, &format!("alerts?{}", page["next"].as_str().unwrap())).await;
    assert_eq!((&next["next"], &next["total"]), (&Value::Null, &2.into()), "{next}");
    let mut all = [&page["alarms"][0], &next["alarms"][0]];
    all.sort_by_key(|alarm| alarm["rule"].to_string());
    let names = all.map(|alarm| alarm["rule"].as_str().unwrap());
    assert_eq!((names, &all[0]["acked_by"]), (["disk-full", "disk-other"], &"ben".into()));
    assert_eq!(all[1]["acked_by"], Value::Null);
    site.poll(&app, 40).await;
    let (one, two) = (receiver.document().await, receiver.document().await);
    let ends = HashSet::from([about(&one), about(&two)]);
    assert_eq!(ends, HashSet::from([("resolved", "disk-full"), ("resolved", "disk-other")]));
    let (status, over) = post(&app, "hosts/db-1/alert/unack?rule=disk-full&row=/", "{}").await;
    assert_eq!(status, 409, "{over}");
    app.stop().await;
    assert!(receiver.has_heard_nothing());
}

#[tokio::test]
async fn what_people_say_outlives_a_kill() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let site = Site::new("1s").await;
    site.says(&format!("{RULE}{}{}{AT_ONCE}", other("disk-other"), channel("ops", &receiver)));
    let (server, address) = serving(&site).await;
    let words = ["silence", "--rule", "disk-*", "--why", "new disks", "--until-clear", "--json"];
    let silence = alerts(&site, &address, &words).await;
    let silence: Value = serde_json::from_str(&silence).unwrap();
    let id = silence["id"].as_str().unwrap();
    assert_eq!((&silence["who"], &silence["until_clear"]), (&"ben".into(), &true.into()));
    site.fill(96);
    let fire = |count: usize| move |page: &Value| page["total"] == count;
    until(&address, "alerts?firing=true", fire(2)).await;
    let words = ["ack", "disk-full", "db-1", "--row", "/", "--note", "on it"];
    let told = alerts(&site, &address, &words).await;
    let kept_back = format!("acknowledged by ben: on it; silence {id}");
    assert_eq!(told, format!("disk-full on db-1 /: {kept_back}\n"));
    drop(server);

    let (server, address) = serving(&site).await;
    let listed = alerts(&site, &address, &["silences"]).await;
    assert!(listed.contains(id) && listed.contains("rule disk-*"), "{listed}");
    until(&address, "alerts?firing=true", fire(2)).await;
    let all = alerts(&site, &address, &["--firing"]).await;
    assert!(all.contains(&kept_back) && all.matches(id).count() == 2, "{all}");
    // A rule is explained by a poll since the start.
    until(&address, "hosts/db-1/alert?rule=disk-full", |why| why["rows"].is_array()).await;
    let why = alerts(&site, &address, &["why", "disk-full", "db-1"]).await;
    assert!(why.contains(&format!("kept back of /: {kept_back}")), "{why}");
    let over = alerts(&site, &address, &["unsilence", id]).await;
    assert_eq!(over, format!("silence {id} of ben is over: new disks\n"));
    // The other would have come before it.
    assert_eq!(about(&receiver.document().await), ("firing", "disk-other"));
    let told = alerts(&site, &address, &["unack", "disk-full", "db-1", "--row", "/"]).await;
    assert_eq!(told, "disk-full on db-1 /: not acknowledged\n");
    assert_eq!(about(&receiver.document().await), ("firing", "disk-full"));
    server.stop();
    assert!(receiver.has_heard_nothing());
}

#[tokio::test]
async fn without_channels_what_people_say_is_shown_and_kept() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let site = Site::new("1h").await;
    let rules = format!("{RULE}{}{}", other("disk-other"), other("disk-third"));
    site.says(&rules);
    let app = site.start().await;
    let body = r#"{"rules": ["disk-*er"], "until_clear": true, "who": "ann", "why": "known"}"#;
    // What begins when nothing holds any longer is not missed.
    let (_, first) = post(&app, "silences", body).await;
    let end = format!("silences/{}/end", first["id"].as_str().unwrap());
    assert_eq!(post(&app, &end, "{}").await.0, 200);
    site.poll(&app, 96).await;
    let seen = r#"{"who": "ben"}"#;
    let (status, acked) = post(&app, "hosts/db-1/alert/ack?rule=disk-full&row=/", seen).await;
    assert_eq!(status, 200, "{acked}");
    let (status, silence) = post(&app, "silences", body).await;
    assert_eq!((status, &silence["alarms"]), (201, &1.into()), "{silence}");
    // A channel that comes later is told of the rest alone.
    site.says(&format!("{rules}{}{AT_ONCE}", channel("ops", &receiver)));
    app.reload_inventory().await.unwrap();
    assert_eq!(about(&receiver.document().await), ("firing", "disk-third"));
    site.says(&rules);
    app.stop().await;

    let app = site.start().await;
    let address = app.http_addr().unwrap().to_string();
    // What fires is never shown as if nobody had seen it.
    let is_shown = |page: &Value| page["total"] == 1;
    let page = until(&address, "alerts?rule=disk-full", is_shown).await;
    assert_eq!(page["alarms"][0]["acked_by"], "ben", "{page}");
    let silenced = read(&app, "alerts?rule=disk-other").await;
    assert_eq!(silenced["alarms"][0]["silenced_by"], serde_json::json!([silence["id"]]));
    assert_eq!(page["alarms"][0]["acked_at_ms"], acked["acked_at_ms"]);
    let (status, unacked) = post(&app, "hosts/db-1/alert/unack?rule=disk-full&row=/", "{}").await;
    assert_eq!((status, &unacked["acked_by"]), (200, &Value::Null));
    // A second silence has an id of its own, and the first ends by itself.
    let (_, second) = post(&app, "silences", &body.replace("true", "false, \"for\": \"1h\"")).await;
    assert_ne!(second["id"], silence["id"]);
    site.poll(&app, 40).await;
    let left =
        until(&address, "silences", |page| page["silences"].as_array().unwrap().len() == 1).await;
    assert_eq!(
        (&left["silences"][0]["id"], &left["silences"][0]["alarms"]),
        (&second["id"], &0.into())
    );
    app.stop().await;
}
