//! Who asks, watches or is told, of a whole server: a host dies, and it is pushed to a watcher,
//! posted to the hook and explained, while a receiver that hangs delays no poll.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::{fmt::Write as _, fs, net::SocketAddr, time::Duration};

use roundsman::{
    app::{self, App},
    clock::{Clock as _, SystemClock},
    config::{Config, Flag, Sources},
    model::State,
};
use roundsman_proto::{
    health::{
        HealthCheckRequest, HealthCheckResponse,
        health_check_response::ServingStatus::{NotServing, Serving, Unknown},
        health_client::HealthClient,
    },
    v1,
};
use serde_json::Value;
use support::{Behaviour, FakeProbe};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tonic::Streaming;

/// Long enough for anything that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// A probe whose clock is right; its disks cannot be read in full.
fn partial() -> Behaviour {
    let clock = SystemClock::new();
    Behaviour::changed(move |snapshot| {
        snapshot.clocks.as_mut().unwrap().wall_ns = clock.now().wall.0 * 1_000_000;
        snapshot.reports.push(v1::FamilyReport {
            family: v1::Family::Disk.into(),
            status: v1::Status::Denied.into(),
            spent_us: 1,
            error: "/proc/diskstats: permission denied".to_owned(),
        });
    })
}

async fn start(folder: &TempDir, hosts: &[(&str, SocketAddr)], hook: SocketAddr) -> App {
    let mut inventory = "[defaults]\ninterval = \"1s\"\ntimeout = \"600ms\"\n".to_owned();
    for (name, address) in hosts {
        write!(
            inventory,
            "[[host]]\nname = \"{name}\"\ngroup = \"web\"\naddresses = [\"{address}\"]\n"
        )
        .unwrap();
    }
    let path = folder.path().join("inventory.toml");
    fs::write(&path, inventory).unwrap();
    let flag = |key, value: String| Flag { key, name: "test", value };
    let flags = vec![
        flag("inventory", path.display().to_string()),
        flag("data", folder.path().display().to_string()),
        flag("http.listen", "127.0.0.1:0".to_owned()),
        flag("grpc.listen", "127.0.0.1:0".to_owned()),
        flag("hook.url", format!("http://{hook}/")),
        flag("hook.states", "down, suspect".to_owned()),
    ];
    let sources = Sources { flags, ..Sources::default() };
    app::start(Config::load(sources).unwrap().config).await.unwrap()
}

async fn next(stream: &mut Streaming<HealthCheckResponse>) -> HealthCheckResponse {
    timeout(PATIENCE, stream.message()).await.unwrap().unwrap().unwrap()
}

async fn get(app: &App, path: &str) -> Value {
    let mut stream = TcpStream::connect(app.http_addr().unwrap()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// Reads one POST and takes it.
async fn take(receiver: &TcpListener) -> Value {
    let (mut stream, _) = timeout(PATIENCE, receiver.accept()).await.unwrap().unwrap();
    let mut bytes = Vec::new();
    loop {
        stream.read_buf(&mut bytes).await.unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let document = text.split_once("\r\n\r\n").map(|(_, body)| serde_json::from_str(body));
        if let Some(Ok(document)) = document {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            return document;
        }
    }
}

#[tokio::test]
async fn a_host_that_dies_is_pushed_posted_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let probe = FakeProbe::start(partial()).await;
    let hosts = [("web-1", probe.socket())];
    let app = start(&folder, &hosts, receiver.local_addr().unwrap()).await;
    let address = app.grpc_addr().unwrap();
    assert_eq!(app.live().server().grpc, Some(address));
    let mut client = HealthClient::connect(format!("http://{address}")).await.unwrap();
    let watch = |service: &str| HealthCheckRequest { service: service.to_owned() };
    let mut host = client.watch(watch("host/web-1")).await.unwrap().into_inner();
    let mut group = client.watch(watch("group/web")).await.unwrap().into_inner();
    for stream in [&mut host, &mut group] {
        let mut status = next(stream).await.status();
        if status == Unknown {
            status = next(stream).await.status();
        }
        assert_eq!(status, Serving);
    }

    let why = get(&app, "/api/v1/hosts/web-1/why").await;
    let attempt = &why["attempts"][0];
    assert_eq!(attempt["outcome"], "partial", "{attempt}");
    assert_eq!(attempt["unread"], serde_json::json!([{"family": "disk", "status": "denied"}]));
    assert!(attempt["connect_us"].is_u64() && attempt["call_us"].is_u64(), "{attempt}");
    assert!(attempt["answer_bytes"].as_u64().unwrap() > 100, "{attempt}");
    assert!(why["next_due_ms"].as_i64().unwrap() > attempt["slot_ms"].as_i64().unwrap());

    drop(probe);
    assert_eq!(next(&mut host).await.status(), NotServing);
    assert_eq!(next(&mut group).await.status(), NotServing);
    let suspect = take(&receiver).await;
    let down = take(&receiver).await;
    let words = |document: &Value| {
        ["host", "group", "from", "to", "cause", "outcome"].map(|key| document[key].clone())
    };
    assert_eq!(words(&suspect), ["web-1", "web", "degraded", "suspect", "poll_failed", "refused"]);
    assert_eq!(words(&down), ["web-1", "web", "suspect", "down", "poll_failed", "refused"]);

    let why = get(&app, "/api/v1/hosts/web-1/why").await;
    let sentence = why["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("web-1 is down since "), "{sentence}");
    assert!(sentence.contains("2 good polls make it up."), "{sentence}");
    assert!(sentence.contains("failed, the newest with refused at 127.0.0.1:"), "{sentence}");
    assert!(sentence.contains(" It is polled next at "), "{sentence}");
    assert_eq!(why["store_error"], Value::Null);
    let last = why["attempts"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["outcome"], &last["call_us"]), (&"refused".into(), &Value::Null));
    app.stop().await;
}

#[tokio::test]
async fn a_receiver_that_hangs_delays_no_poll() {
    let folder = tempfile::tempdir().unwrap();
    // Accepts in the kernel and never answers.
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let probe = FakeProbe::start(partial()).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let hosts = [("dies", closed), ("lives", probe.socket())];
    let app = start(&folder, &hosts, receiver.local_addr().unwrap()).await;
    let mut updates = app.live().subscribe();
    let seen = async {
        loop {
            let dies = app.live().host("dies").unwrap();
            let after = |slot| slot > dies.since.plus(Duration::from_secs(2));
            let lives = app.live().host("lives").unwrap();
            if dies.state == State::Down && lives.last.as_ref().is_some_and(|l| after(l.slot)) {
                return lives;
            }
            let _ = updates.recv().await;
        }
    };
    let lives = timeout(PATIENCE, seen).await.expect("polling stopped");
    let slots: Vec<i64> = lives.recent.map(|attempt| attempt.slot.0);
    assert!(slots.windows(2).all(|pair| pair[1] - pair[0] == 1_000), "{slots:?}");
    let (_held, _) = timeout(PATIENCE, receiver.accept()).await.unwrap().unwrap();
    timeout(PATIENCE, app.stop()).await.expect("the end waits for the receiver");
}
