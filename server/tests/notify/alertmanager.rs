//! A real Alertmanager: what it was told it says back.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use roundsman::{channel::MessageKind, units::WallMs};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::site::{Desk, KEEPER, message, now, once, resolved};

struct Alertmanager {
    child: Child,
    address: SocketAddr,
}

impl Alertmanager {
    fn start(desk: &Desk) -> Self {
        desk.file("am.yml", "route:\n  receiver: none\nreceivers:\n- name: none\n");
        let mut child = Command::new("sh")
            .args(["-c", KEEPER, "sh", "prometheus-alertmanager"])
            .args(["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="])
            .arg(format!("--config.file={}", desk.path("am.yml")))
            .arg(format!("--storage.path={}", desk.path("am")))
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = said.find_map(|line| {
            let line = line.unwrap();
            let (_, address) = line.split_once("msg=\"Listening on\" address=")?;
            address.trim().parse().ok()
        });
        // It goes on saying things, and somebody has to read them.
        std::thread::spawn(move || said.for_each(drop));
        Self { child, address: listening.unwrap() }
    }

    /// All alerts that it knows, those that are over included.
    async fn alerts(&self) -> Vec<Value> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = "GET /api/v2/alerts HTTP/1.0\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str(body).unwrap()
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _gone = self.child.wait();
    }
}

#[tokio::test]
async fn an_alert_is_there_with_its_identity_and_is_over_when_it_is() {
    let desk = Desk::new().await;
    let server = Alertmanager::start(&desk);
    let channel = desk.channel("alertmanager", &format!("urls = [\"http://{}\"]", server.address));
    let began = message(3);
    once(&channel, &began).await.unwrap();
    // Told again, as it has to be while it fires.
    once(&channel, &began).await.unwrap();
    let alerts = server.alerts().await;
    assert_eq!(alerts.len(), 3, "{alerts:?}");
    let first = alerts.iter().find(|alert| alert["labels"]["host"] == "web-1").unwrap();
    let labels = serde_json::json!({
        "alertname": "disk_full", "host": "web-1", "group": "web", "row": "/var",
        "severity": "critical", "rack": "a1",
    });
    assert_eq!(first["labels"], labels);
    assert_eq!(first["annotations"]["value"], "97.3 %");
    assert_eq!(first["annotations"]["summary"], "/var läuft voll <b>&\u{1f4bf}");
    assert_eq!(first["generatorURL"], "https://monitor.test/alerts?a=1&b=2");
    assert_eq!(first["startsAt"], began.items[0].since.to_string());
    let ends = first["endsAt"].as_str().unwrap();
    assert!(ends > &*WallMs(now().0 + 200_000).to_string(), "{ends}");

    once(&channel, &resolved(3)).await.unwrap();
    let left = server.alerts().await;
    assert_eq!(left, Vec::<Value>::new(), "an alert that is over is no longer listed");

    let mut test = message(0);
    test.kind = MessageKind::Test;
    once(&channel, &test).await.unwrap();
    let alerts = server.alerts().await;
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0]["labels"]["alertname"], "RoundsmanTest");
}

#[tokio::test]
async fn an_alertmanager_takes_500_alarms_of_any_name() {
    let desk = Desk::new().await;
    let server = Alertmanager::start(&desk);
    let channel = desk.channel("alertmanager", &format!("urls = [\"http://{}\"]", server.address));
    let mut message = message(500);
    for item in &mut message.items {
        let odd = "{}\"\\\u{1f4bf}\u{202e}\n'";
        item.labels.insert(format!("1 a-{odd}"), odd.repeat(50));
        item.key.row = odd.into();
        item.summary = odd.repeat(300);
    }
    once(&channel, &message).await.unwrap();
    assert_eq!(server.alerts().await.len(), 500);
}
