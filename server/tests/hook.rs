//! The web hook against real receivers that take, fail, hang, redirect and talk nonsense.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{net::SocketAddr, time::Duration};

use roundsman::{
    config::{self, HookUrl, Secret, States},
    hook::{self, DOCUMENT_VERSION, Hook, News, ServerEvent, Stats},
    inventory,
    model::{Cause, HostId, Outcome, State, Transition},
    units::WallMs,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

/// Long enough for anything that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Requests that no test has looked at yet.
const REQUESTS: usize = 64;

/// What a receiver does with one request.
#[derive(Clone, Copy)]
enum Does {
    /// Answers this.
    Says(&'static str),
    /// Reads and never answers.
    Hangs,
    /// Reads and closes.
    Closes,
}

const TAKES: Does = Does::Says("HTTP/1.1 204 No Content\r\n\r\n");
const FAILS: Does = Does::Says("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");

/// A receiver that does as its script says, the last of it for ever, and tells what it was sent.
struct Receiver {
    address: SocketAddr,
    requests: mpsc::Receiver<String>,
}

impl Receiver {
    async fn start(script: &[Does]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, requests) = mpsc::channel(REQUESTS);
        let script = script.to_vec();
        tokio::spawn(async move {
            let mut held = Vec::new();
            for number in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let does = *script.get(number).or(script.last()).unwrap();
                let _ = tell.send(read_request(&mut stream).await).await;
                match does {
                    Does::Says(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                    Does::Hangs => held.push(stream),
                    Does::Closes => {}
                }
            }
        });
        Self { address, requests }
    }

    /// The next request, head and body.
    async fn next(&mut self) -> String {
        timeout(PATIENCE, self.requests.recv()).await.unwrap().unwrap()
    }

    /// The document of the next request.
    async fn document(&mut self) -> Value {
        let request = self.next().await;
        serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let field = |line: &str| line.strip_prefix("content-length: ").map(str::to_owned);
            let length: usize = head.lines().find_map(field).unwrap().parse().unwrap();
            if body.len() >= length {
                return text;
            }
        }
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "cut off after {text}");
    }
}

fn settings(address: SocketAddr) -> config::Hook {
    config::Hook {
        url: HookUrl::parse(&format!("http://{address}/in?team=ops")),
        states: States(vec![State::Down]),
        timeout: Duration::from_secs(30),
        attempts: 3,
        queue: 100,
        token: None,
    }
}

/// A hook whose worker runs, with pauses that are none.
struct Running {
    hook: Hook,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(settings: &config::Hook) -> Self {
        let (hook, worker) = hook::hook(settings).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let worker = worker.pausing(Duration::ZERO);
        let task = tokio::spawn(worker.run(async { drop(stopped.await) }));
        Self { hook, stop, task }
    }

    /// Stops the worker, which settles what it was told, and says how it went.
    async fn end(self) -> Stats {
        drop(self.stop);
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
        self.hook.stats()
    }
}

fn change(number: i64, from: State, to: State) -> News {
    let inventory = "[[group]]\nname = \"db\"\n[[host]]\nname = \"db-1\"\ngroup = \"db\"\nlabels = { rack = \"a1\" }\n";
    let inventory = inventory::parse("test", inventory).unwrap();
    let host = inventory.hosts.values().next().unwrap();
    let transition = Transition {
        host: HostId(12),
        name: host.name.clone(),
        at: WallMs(1_774_747_800_000 + number),
        from,
        to,
        cause: Cause::PollFailed,
        outcome: Some(Outcome::Refused),
        reason: "3 polls in a row failed, the last: refused: it \"says\" no".into(),
    };
    News::of_host(&transition, host)
}

fn down(number: i64) -> News {
    change(number, State::Suspect, State::Down)
}

fn at(document: &Value) -> i64 {
    document["at_ms"].as_i64().unwrap() - 1_774_747_800_000
}

#[tokio::test]
async fn the_document_and_its_request() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let token = Some(Secret::new("hunter2"));
    let running = Running::start(&config::Hook { token, ..settings(receiver.address) });
    running.hook.push(down(0));
    let request = receiver.next().await.replace(&receiver.address.to_string(), "ADDRESS");
    insta::assert_snapshot!("request", request.replace("\r\n", "\n"));
    assert!(request.contains(&format!("\"version\":{DOCUMENT_VERSION},")));
    running.hook.push(News::Server {
        event: ServerEvent::Isolated,
        at: WallMs(1_774_747_800_000),
        reason: "40 of 41 hosts of 3 groups failed".into(),
    });
    insta::assert_json_snapshot!("isolated", receiver.document().await);
    assert_eq!(running.end().await, Stats { told: 2, ..Stats::default() });
}

#[tokio::test]
async fn only_what_enters_or_leaves_a_wanted_state_is_told() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let running = Running::start(&settings(receiver.address));
    running.hook.push(change(0, State::Up, State::Suspect));
    running.hook.push(change(1, State::Suspect, State::Down));
    running.hook.push(change(2, State::Pending, State::Up));
    running.hook.push(change(3, State::Down, State::Up));
    assert_eq!(at(&receiver.document().await), 1);
    assert_eq!(at(&receiver.document().await), 3);
    assert_eq!(running.end().await, Stats { told: 2, ..Stats::default() });
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_again_with_the_same_id_and_order_is_kept() {
    let mut receiver = Receiver::start(&[FAILS, Does::Closes, TAKES]).await;
    let running = Running::start(&settings(receiver.address));
    running.hook.push(down(0));
    running.hook.push(down(1));
    let (first, second, third) =
        (receiver.document().await, receiver.document().await, receiver.document().await);
    assert_eq!((&first, &first), (&second, &third), "the same, id included");
    assert_eq!(first["id"], "12/1774747800000/down");
    assert_eq!(at(&receiver.document().await), 1, "what came later waits for it");
    assert_eq!(running.end().await, Stats { told: 2, ..Stats::default() });
}

#[tokio::test]
async fn tries_are_bounded_and_what_is_given_up_is_counted() {
    let mut receiver = Receiver::start(&[FAILS, FAILS, FAILS, TAKES]).await;
    let running = Running::start(&settings(receiver.address));
    running.hook.push(down(0));
    running.hook.push(down(1));
    for _ in 0..3 {
        assert_eq!(at(&receiver.document().await), 0);
    }
    assert_eq!(at(&receiver.document().await), 1);
    assert_eq!(running.end().await, Stats { told: 1, failed: 1, ..Stats::default() });
}

#[tokio::test]
async fn a_refusal_is_not_tried_again_and_no_redirect_is_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = elsewhere.local_addr().unwrap();
    let moved = format!("HTTP/1.1 307 Moved\r\nLocation: http://{target}/\r\n\r\n");
    let moved: &'static str = moved.leak();
    let bad = Does::Says("HTTP/1.1 400 Bad Request\r\nContent-Length: 9999\r\n\r\nnever all");
    let mut receiver = Receiver::start(&[Does::Says(moved), bad, TAKES]).await;
    let running = Running::start(&settings(receiver.address));
    for number in 0..3 {
        running.hook.push(down(number));
    }
    for number in 0..3 {
        assert_eq!(at(&receiver.document().await), number, "each once");
    }
    assert_eq!(running.end().await, Stats { told: 1, failed: 2, ..Stats::default() });
    let followed = elsewhere.into_std().unwrap().accept().is_ok();
    assert!(!followed, "nobody was sent on");
}

#[tokio::test]
async fn a_receiver_that_hangs_or_talks_nonsense_costs_its_own_time_only() {
    let nonsense = Does::Says("SSH-2.0-OpenSSH_9.6\r\n");
    let mut receiver = Receiver::start(&[Does::Hangs, nonsense, TAKES]).await;
    let timeout = Duration::from_millis(50);
    let running = Running::start(&config::Hook { timeout, ..settings(receiver.address) });
    running.hook.push(down(0));
    for _ in 0..3 {
        assert_eq!(at(&receiver.document().await), 0);
    }
    assert_eq!(running.end().await, Stats { told: 1, ..Stats::default() });
}

#[tokio::test]
async fn a_head_without_end_is_not_read_for_ever() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(2 * hook::MAX_ANSWER_HEAD_BYTES));
    let mut receiver = Receiver::start(&[Does::Says(long.leak()), TAKES]).await;
    let running = Running::start(&settings(receiver.address));
    running.hook.push(down(0));
    // The answer would be endless, and the timeout is long: only its length ends it.
    assert_eq!(at(&receiver.document().await), 0);
    assert_eq!(at(&receiver.document().await), 0);
    assert_eq!(running.end().await, Stats { told: 1, ..Stats::default() });
}

#[tokio::test]
async fn the_queue_is_bounded_the_oldest_goes_and_pushing_never_waits() {
    let mut receiver = Receiver::start(&[Does::Hangs, TAKES]).await;
    let settings = config::Hook {
        queue: 2,
        attempts: 1,
        timeout: Duration::from_millis(500),
        ..settings(receiver.address)
    };
    let running = Running::start(&settings);
    running.hook.push(down(0));
    assert_eq!(at(&receiver.document().await), 0, "being told, and hangs");
    for number in 1..=5 {
        running.hook.push(down(number));
    }
    assert_eq!(running.hook.stats(), Stats { dropped: 3, waiting: 2, ..Stats::default() });
    assert_eq!(at(&receiver.document().await), 4);
    assert_eq!(at(&receiver.document().await), 5);
    assert_eq!(running.end().await, Stats { told: 2, failed: 1, dropped: 3, waiting: 0 });
}

#[tokio::test]
async fn what_waits_when_the_server_stops_is_tried_once_more() {
    let receiver = Receiver::start(&[TAKES]).await;
    let (hook, worker) = hook::hook(&settings(receiver.address)).unwrap();
    hook.push(down(0));
    hook.push(down(1));
    timeout(PATIENCE, worker.run(std::future::ready(()))).await.unwrap();
    assert_eq!(hook.stats(), Stats { told: 2, ..Stats::default() });
}

#[tokio::test]
async fn a_receiver_that_hangs_does_not_hold_up_the_end() {
    let receiver = Receiver::start(&[Does::Hangs]).await;
    let running = Running::start(&settings(receiver.address));
    for number in 0..5 {
        running.hook.push(down(number));
    }
    assert_eq!(running.end().await, Stats { dropped: 5, ..Stats::default() });
}

#[test]
fn without_a_url_there_is_no_hook() {
    let settings = config::Hook { url: None, ..settings(([127, 0, 0, 1], 1).into()) };
    assert!(hook::hook(&settings).is_none());
}
