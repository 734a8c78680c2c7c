//! The web hook against real receivers that take, fail, hang, redirect and talk nonsense; over a real
//! store and a real spool, and restarts between.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use roundsman::{
    clock::{Clock, ManualClock},
    config::{self, HookUrl, Secret, States},
    hook::{self, Around, DOCUMENT_VERSION, Hook, News, ServerEvent, Stats},
    inventory,
    model::{Cause, HostId, Outcome, State, Transition},
    store::{
        Mode, Store,
        spool::Spool,
        sqlite::Sqlite,
        writer::{Entry, Writer, WriterHandle, WriterLimits},
    },
    units::{Mono, Now, WallMs},
};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;
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

/// When these tests happen.
const NOW: WallMs = WallMs(1_774_747_800_000);

fn settings(address: SocketAddr) -> config::Hook {
    config::Hook {
        url: HookUrl::parse(&format!("http://{address}/in?team=ops")),
        states: States(vec![State::Down]),
        timeout: Duration::from_secs(30),
        ca_file: None,
        token: None,
    }
}

/// A folder with a store, in which servers come and go.
struct Desk {
    folder: TempDir,
    clock: Arc<ManualClock>,
}

impl Desk {
    fn new() -> Self {
        let now = Now { wall: WallMs(NOW.0 + 1_000), mono: Mono::default() };
        Self { folder: tempfile::tempdir().unwrap(), clock: Arc::new(ManualClock::new(now)) }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    async fn start(&self, settings: &config::Hook) -> Running {
        self.start_with(settings, &config::Resolve { servers: Vec::new() }, hook::MAX_PENDING).await
    }

    /// A server's hook with its store, spool and writer; pauses between tries are none.
    async fn start_with(
        &self,
        settings: &config::Hook,
        resolve: &config::Resolve,
        limit: usize,
    ) -> Running {
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&self.clock);
        let hook = hook::limited(settings, resolve, clock, limit).unwrap().unwrap();
        let store = Sqlite::open(self.path("store.db"), Mode::ReadWrite).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let spool = Arc::new(
            Spool::start(self.path("spool.db"), "sqlite:store.db".to_owned(), 1 << 30).unwrap(),
        );
        let limits = WriterLimits {
            batch_wait: Duration::from_millis(10),
            patience: Duration::from_millis(50),
            ..WriterLimits::default()
        };
        let (heard, its) = (hook.clone(), Some(Arc::clone(&spool)));
        let tell = Box::new(move |notices: &[_]| heard.hear(notices));
        let (handle, writer) = Writer::start_with(Arc::clone(&store), its, limits, || NOW, tell);
        let around = Around { store, spool: Some(spool), writer: handle.clone() };
        let worker = hook.worker(around).pausing(Duration::ZERO);
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(worker.run(async { drop(stopped.await) }));
        Running { hook, handle, writer, stop, task }
    }

    /// How far each notice has come, oldest first: id, state, tries.
    fn notices(&self) -> Vec<(String, String, u32)> {
        let store = Connection::open(self.path("store.db")).unwrap();
        let mut rows = store
            .prepare("SELECT id, state, attempts FROM notice ORDER BY created_ms, seq")
            .unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    fn states(&self) -> Vec<String> {
        self.notices().into_iter().map(|(_, state, _)| state).collect()
    }
}

/// A hook whose worker runs.
struct Running {
    hook: Hook,
    handle: WriterHandle,
    writer: Writer,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    /// As the engine does: the event, with what is to be told of it, if anything.
    fn push(&self, change: &Change) {
        let notice = self.hook.notice(&change.news);
        self.handle.push(Entry::Transition(change.row.clone(), notice));
    }

    /// Waits until it is so.
    async fn until(&self, done: impl Fn(&Stats) -> bool) -> Stats {
        let wait = async {
            loop {
                let stats = self.hook.stats();
                if done(&stats) {
                    return stats;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap()
    }

    /// Stops in order, as a server does.
    async fn end(self) -> Stats {
        drop(self.stop);
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
        let stats = self.hook.stats();
        drop(self.handle);
        self.writer.flush_and_stop(PATIENCE).await;
        stats
    }

    /// Stops as if killed: what is in memory is gone.
    async fn kill(self) {
        self.task.abort();
        drop(self.task.await);
        drop((self.handle, self.writer));
    }
}

/// What happened, and what can be told of it.
struct Change {
    row: Transition,
    news: News,
}

fn of_host(host: i64, number: i64, from: State, to: State) -> Change {
    let inventory = "[[group]]\nname = \"db\"\n[[host]]\nname = \"db-1\"\ngroup = \"db\"\nlabels = { rack = \"a1\" }\n";
    let inventory = inventory::parse("test", inventory).unwrap();
    let spec = inventory.hosts.values().next().unwrap();
    let row = Transition {
        host: HostId(host),
        name: spec.name.clone(),
        at: WallMs(NOW.0 + number),
        slot: Some(WallMs(NOW.0 + number - 100)),
        from,
        to,
        cause: Cause::PollFailed,
        outcome: Some(Outcome::Refused),
        reason: "3 polls in a row failed, the last: refused: it \"says\" no".into(),
    };
    let news = News::of_host(&row, spec);
    Change { row, news }
}

fn change(number: i64, from: State, to: State) -> Change {
    of_host(12, number, from, to)
}

fn down(number: i64) -> Change {
    change(number, State::Suspect, State::Down)
}

fn up(number: i64) -> Change {
    change(number, State::Down, State::Up)
}

fn isolated() -> Change {
    let event = ServerEvent::Isolated;
    let news = News::Server { event, at: NOW, reason: "40 of 41 hosts of 3 groups failed".into() };
    Change { news, ..of_host(0, 0, State::Up, State::Suspect) }
}

fn at(document: &Value) -> i64 {
    document["at_ms"].as_i64().unwrap() - NOW.0
}

fn told(told: u64) -> Stats {
    Stats { told, ..Stats::default() }
}

#[tokio::test]
async fn the_document_and_its_request() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let token = Some(Secret::new("hunter2"));
    let desk = Desk::new();
    let running = desk.start(&config::Hook { token, ..settings(receiver.address) }).await;
    running.push(&down(0));
    let request = receiver.next().await.replace(&receiver.address.to_string(), "ADDRESS");
    insta::assert_snapshot!("request", request.replace("\r\n", "\n"));
    assert!(request.contains(&format!("\"version\":{DOCUMENT_VERSION},")));
    running.push(&isolated());
    insta::assert_json_snapshot!("isolated", receiver.document().await);
    running.until(|stats| stats.told == 2).await;
    assert_eq!(running.end().await, told(2));
    assert_eq!(desk.states(), ["delivered"; 2]);
}

/// Whatever a probe or an inventory says, the document is JSON and the request has one head.
#[tokio::test]
async fn any_text_is_a_document() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    let reason = "\u{0}\r\n\r\n\"}\\ \u{2028}\u{202e}\u{1f4bf}\u{7f}";
    let mut change = down(0);
    change.row.reason = reason.into();
    let inventory = inventory::parse("test", "[[host]]\nname = \"db-1\"\n").unwrap();
    change.news = News::of_host(&change.row, inventory.hosts.values().next().unwrap());
    running.push(&change);
    assert_eq!(receiver.document().await["reason"], reason);
    running.end().await;
}

#[tokio::test]
async fn only_what_enters_or_leaves_a_wanted_state_is_told() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    running.push(&change(0, State::Up, State::Suspect));
    running.push(&change(1, State::Suspect, State::Down));
    running.push(&change(2, State::Pending, State::Up));
    running.push(&change(3, State::Down, State::Up));
    assert_eq!(at(&receiver.document().await), 1);
    assert_eq!(at(&receiver.document().await), 3);
    running.until(|stats| stats.told == 2).await;
    assert_eq!(running.end().await, told(2));
    let events = Connection::open(desk.path("store.db")).unwrap();
    let kept: i64 = events.query_row("SELECT count(*) FROM event", [], |row| row.get(0)).unwrap();
    assert_eq!((kept, desk.states().len()), (4, 2));
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_again_with_the_same_id_and_order_is_kept() {
    let mut receiver = Receiver::start(&[FAILS, Does::Closes, TAKES]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    running.push(&down(0));
    running.push(&up(1));
    let (first, second, third) =
        (receiver.document().await, receiver.document().await, receiver.document().await);
    assert_eq!((&first, &first), (&second, &third), "the same, id included");
    assert_eq!(first["id"], "12/1774747799900/down", "known by the poll's slot");
    assert_eq!(at(&receiver.document().await), 1, "what came later waits for it");
    running.until(|stats| stats.told == 2).await;
    assert_eq!(running.end().await, Stats { failed: 2, ..told(2) });
    let tries: Vec<u32> = desk.notices().into_iter().map(|(_, _, tries)| tries).collect();
    assert_eq!(tries, [3, 1]);
}

#[tokio::test]
async fn a_notice_that_is_refused_holds_up_no_other_and_no_redirect_is_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = elsewhere.local_addr().unwrap();
    let moved = format!("HTTP/1.1 307 Moved\r\nLocation: http://{target}/\r\n\r\n");
    let moved: &'static str = moved.leak();
    let bad = Does::Says("HTTP/1.1 400 Bad Request\r\nContent-Length: 9999\r\n\r\nnever all");
    let mut receiver = Receiver::start(&[Does::Says(moved), bad, TAKES]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    for number in 0..3 {
        running.push(&down(number));
    }
    for number in 0..3 {
        assert_eq!(at(&receiver.document().await), number, "each once");
    }
    running.until(|stats| stats.told == 1).await;
    let stats = running.end().await;
    assert_eq!((stats.told, stats.failed, stats.given_up), (1, 2, 2));
    assert_eq!(desk.states(), ["given_up", "given_up", "delivered"]);
    let followed = elsewhere.into_std().unwrap().accept().is_ok();
    assert!(!followed, "nobody was sent on");
}

#[tokio::test]
async fn a_recovery_is_not_told_of_an_outage_that_was_not() {
    let bad = Does::Says("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let mut receiver = Receiver::start(&[bad, TAKES]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    running.push(&down(0));
    running.push(&up(1));
    // Of another host, which was down before anybody was told anything.
    running.push(&of_host(13, 2, State::Down, State::Up));
    running.push(&down(3));
    running.push(&up(4));
    let all: [i64; 3] = [
        at(&receiver.document().await),
        at(&receiver.document().await),
        at(&receiver.document().await),
    ];
    assert_eq!(all, [0, 3, 4]);
    running.until(|stats| stats.told == 2).await;
    assert_eq!(running.end().await.pending, 0);
    assert_eq!(desk.states(), ["given_up", "folded", "folded", "delivered", "delivered"]);
}

#[tokio::test]
async fn one_host_that_is_not_taken_holds_up_no_other() {
    // Every try but those of host 13 fails.
    let mut receiver = Receiver::start(&[FAILS, TAKES, FAILS, FAILS, TAKES]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    running.push(&down(0));
    running.push(&of_host(13, 1, State::Suspect, State::Down));
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(at(&receiver.document().await));
    }
    assert_eq!(seen, [0, 1, 0, 0, 0]);
    running.until(|stats| stats.told == 2).await;
    running.end().await;
}

#[tokio::test]
async fn what_is_not_taken_for_a_day_is_given_up_and_what_follows_from_it() {
    let mut receiver = Receiver::start(&[Does::Hangs, TAKES]).await;
    let desk = Desk::new();
    let timeout = Duration::from_millis(500);
    let running = desk.start(&config::Hook { timeout, ..settings(receiver.address) }).await;
    let day = i64::try_from(hook::GIVE_UP_AFTER.as_millis()).unwrap();
    running.push(&down(-day));
    assert_eq!(at(&receiver.document().await), -day, "being told, and hangs");
    // Not tried, and as old: nothing was taken for a day.
    running.push(&of_host(13, -day - 1, State::Suspect, State::Down));
    let stats = running.until(|stats| stats.given_up == 2).await;
    assert_eq!(stats.failed, 1);
    running.push(&up(1 - day));
    running.push(&down(2));
    assert_eq!(at(&receiver.document().await), 2);
    running.until(|stats| stats.told == 1).await;
    running.end().await;
    assert_eq!(desk.states(), ["given_up", "given_up", "folded", "delivered"]);
}

#[tokio::test]
async fn the_next_server_goes_on_with_what_waits_and_tells_nothing_twice() {
    let mut receiver = Receiver::start(&[TAKES, Does::Hangs]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    running.push(&of_host(11, 0, State::Suspect, State::Down));
    assert_eq!(at(&receiver.document().await), 0);
    running.until(|stats| stats.told == 1).await;
    running.push(&down(1));
    running.push(&up(2));
    let cut_off = receiver.document().await;
    assert_eq!(at(&cut_off), 1, "it got this, and never said so");
    running.kill().await;

    let mut other = Receiver::start(&[TAKES]).await;
    let running = desk.start(&settings(other.address)).await;
    assert_eq!(other.document().await, cut_off, "at least once, with the same id");
    assert_eq!(at(&other.document().await), 2);
    // What the first server told of host 11 is known to the second.
    running.push(&of_host(11, 3, State::Down, State::Up));
    assert_eq!(at(&other.document().await), 3);
    running.until(|stats| stats.told == 3).await;
    assert_eq!(running.end().await, told(3));
    assert_eq!(desk.states(), ["delivered"; 4]);
    let running = desk.start(&settings(other.address)).await;
    running.push(&down(9));
    assert_eq!(at(&other.document().await), 9, "nothing was left to tell");
    running.end().await;
}

/// The store is locked by somebody else: notices are told from the spool, and once it is replayed the
/// store knows that they were.
#[tokio::test]
async fn while_the_store_is_away_it_is_told_from_the_spool() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    let locked = Connection::open(desk.path("store.db")).unwrap();
    locked.execute_batch("BEGIN IMMEDIATE").unwrap();
    running.push(&down(0));
    running.push(&up(1));
    assert_eq!(at(&receiver.document().await), 0);
    assert_eq!(at(&receiver.document().await), 1);
    running.until(|stats| stats.told == 2).await;
    running.kill().await;
    drop(locked);

    // The spool has both, and how far they have come.
    let running = desk.start(&settings(receiver.address)).await;
    running.push(&down(2));
    assert_eq!(at(&receiver.document().await), 2, "and nothing before it again");
    running.until(|stats| stats.told == 1).await;
    let handle = running.handle.clone();
    let drained = async {
        while handle.stats().spool.is_none_or(|spool| spool.rows() > 0) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, drained).await.unwrap();
    running.end().await;
    assert_eq!(desk.states(), ["delivered"; 3]);
}

#[tokio::test]
async fn a_receiver_that_hangs_or_talks_nonsense_costs_its_own_time_only() {
    let nonsense = Does::Says("SSH-2.0-OpenSSH_9.6\r\n");
    let mut receiver = Receiver::start(&[Does::Hangs, nonsense, TAKES]).await;
    let timeout = Duration::from_millis(50);
    let desk = Desk::new();
    let running = desk.start(&config::Hook { timeout, ..settings(receiver.address) }).await;
    running.push(&down(0));
    for _ in 0..3 {
        assert_eq!(at(&receiver.document().await), 0);
    }
    running.until(|stats| stats.told == 1).await;
    assert_eq!(running.end().await, Stats { failed: 2, ..told(1) });
}

#[tokio::test]
async fn a_head_without_end_is_not_read_for_ever() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(2 * hook::MAX_ANSWER_HEAD_BYTES));
    let mut receiver = Receiver::start(&[Does::Says(long.leak()), TAKES]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    running.push(&down(0));
    // The answer would be endless, and the timeout is long: only its length ends it.
    assert_eq!(at(&receiver.document().await), 0);
    assert_eq!(at(&receiver.document().await), 0);
    running.until(|stats| stats.told == 1).await;
    assert_eq!(running.end().await, Stats { failed: 1, ..told(1) });
}

#[tokio::test]
async fn what_waits_is_bounded_and_the_oldest_is_given_up() {
    let mut receiver = Receiver::start(&[Does::Hangs, TAKES]).await;
    let desk = Desk::new();
    let timeout = Duration::from_millis(500);
    let settings = config::Hook { timeout, ..settings(receiver.address) };
    let nobody = config::Resolve { servers: Vec::new() };
    let running = desk.start_with(&settings, &nobody, 2).await;
    running.push(&of_host(1, 0, State::Suspect, State::Down));
    assert_eq!(at(&receiver.document().await), 0, "being told, and hangs");
    for number in 1..=5 {
        running.push(&of_host(1 + number, number, State::Suspect, State::Down));
    }
    running.until(|stats| stats.given_up == 4).await;
    assert_eq!(at(&receiver.document().await), 4);
    assert_eq!(at(&receiver.document().await), 5);
    running.until(|stats| stats.told == 2).await;
    assert_eq!(running.end().await.given_up, 4);
    let states = desk.states();
    assert_eq!(states, [["given_up"; 4].as_slice(), &["delivered"; 2]].concat());
}

#[tokio::test]
async fn a_receiver_that_hangs_does_not_hold_up_the_end() {
    let mut receiver = Receiver::start(&[Does::Hangs]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    for number in 0..5 {
        running.push(&down(number));
    }
    assert_eq!(at(&receiver.document().await), 0);
    running.until(|stats| stats.pending == 5).await;
    assert_eq!(running.end().await.pending, 5);
    assert_eq!(desk.states(), ["pending"; 5]);
}

#[tokio::test]
async fn without_a_url_there_is_no_hook() {
    let settings = config::Hook { url: None, ..settings(([127, 0, 0, 1], 1).into()) };
    let resolve = config::Resolve { servers: Vec::new() };
    let clock = Desk::new().clock;
    assert!(hook::hook(&settings, &resolve, clock).unwrap().is_none());
}
