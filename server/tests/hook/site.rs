//! Receivers that do as they are told, and servers' hooks that come and go over one store.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use roundsman::{
    clock::{Clock, ManualClock},
    config::{self, HookUrl},
    hook::{self, Around, Hook, News, ServerEvent, Stats},
    inventory,
    model::{Cause, HostId, Outcome, Severity, State, Transition},
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
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

/// Long enough for anything that is going to happen at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Requests that no test has looked at yet.
pub(crate) const REQUESTS: usize = 64;

/// What a receiver does with one request.
#[derive(Clone, Copy)]
pub(crate) enum Does {
    /// Answers this.
    Says(&'static str),
    /// Reads and never answers.
    Hangs,
    /// Reads and closes.
    Closes,
}

pub(crate) const TAKES: Does = Does::Says("HTTP/1.1 204 No Content\r\n\r\n");
pub(crate) const FAILS: Does =
    Does::Says("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");

/// A connection, in the clear or not.
trait Stream: AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Stream for T {}

/// A receiver that does as its script says, the last of it for ever, and tells what it was sent.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    requests: mpsc::Receiver<String>,
}

impl Receiver {
    pub(crate) async fn start(script: &[Does]) -> Self {
        Self::start_with(script, None).await
    }

    /// The same behind TLS; who does not get through it is not counted.
    pub(crate) async fn start_with(script: &[Does], tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, requests) = mpsc::channel(REQUESTS);
        let script = script.to_vec();
        tokio::spawn(async move {
            let mut held = Vec::new();
            let mut number = 0;
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let mut stream: Box<dyn Stream> = match &tls {
                    None => Box::new(stream),
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => Box::new(stream),
                        Err(_) => continue,
                    },
                };
                let does = *script.get(number).or(script.last()).unwrap();
                number += 1;
                let _ = tell.send(read_request(&mut stream).await).await;
                match does {
                    Does::Says(answer) => {
                        stream.write_all(answer.as_bytes()).await.unwrap();
                        // Of TLS: that this is all.
                        let _gone = stream.shutdown().await;
                    }
                    Does::Hangs => held.push(stream),
                    Does::Closes => {}
                }
            }
        });
        Self { address, requests }
    }

    /// The next request, head and body.
    pub(crate) async fn next(&mut self) -> String {
        timeout(PATIENCE, self.requests.recv()).await.unwrap().unwrap()
    }

    /// Whether no request came that was not looked at.
    pub(crate) fn has_heard_nothing(&mut self) -> bool {
        self.requests.try_recv().is_err()
    }

    /// The document of the next request.
    pub(crate) async fn document(&mut self) -> Value {
        let request = self.next().await;
        serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

async fn read_request(stream: &mut Box<dyn Stream>) -> String {
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
pub(crate) const NOW: WallMs = WallMs(1_774_747_800_000);

pub(crate) fn settings(address: SocketAddr) -> config::Hook {
    config::Hook {
        url: HookUrl::parse(&format!("http://{address}/in?team=ops")),
        states: vec![State::Down],
        alerts: Some(Severity::Warning),
        timeout: Duration::from_secs(30),
        ca_file: None,
        token: None,
        token_file: None,
    }
}

/// A folder with a store, in which servers come and go.
pub(crate) struct Desk {
    folder: TempDir,
    pub(crate) clock: Arc<ManualClock>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let now = Now { wall: WallMs(NOW.0 + 1_000), mono: Mono::default() };
        Self { folder: tempfile::tempdir().unwrap(), clock: Arc::new(ManualClock::new(now)) }
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) async fn start(&self, settings: &config::Hook) -> Running {
        self.start_with(settings, &config::Resolve { servers: Vec::new() }, hook::MAX_PENDING).await
    }

    /// A server's hook with its store, spool and writer; pauses between tries are none.
    pub(crate) async fn start_with(
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
        let limits =
            WriterLimits { batch_wait: Duration::from_millis(10), ..WriterLimits::default() };
        let (heard, its) = (hook.clone(), Some(Arc::clone(&spool)));
        let tell = Box::new(move |notices: &[_]| heard.hear(notices));
        let (handle, writer) = Writer::start_with(Arc::clone(&store), its, limits, || NOW, tell);
        let around = Around { store, spool: Some(spool), writer: handle.clone() };
        let worker = hook.worker(around).pausing(Duration::ZERO);
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(worker.run(async { drop(stopped.await) }));
        Running { hook, handle, writer, stop, task }
    }

    /// How far each notice has come, in their order: id, state, tries.
    pub(crate) fn notices(&self) -> Vec<(String, String, u32)> {
        let store = Connection::open(self.path("store.db")).unwrap();
        let mut rows = store
            .prepare("SELECT id, state, attempts FROM notice ORDER BY created_ms, seq")
            .unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// What the rows say of the last try.
    pub(crate) fn last_errors(&self) -> Vec<String> {
        let store = Connection::open(self.path("store.db")).unwrap();
        let mut rows =
            store.prepare("SELECT last_error FROM notice WHERE last_error <> ''").unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    pub(crate) fn states(&self) -> Vec<String> {
        self.notices().into_iter().map(|(_, state, _)| state).collect()
    }
}

/// A hook whose worker runs.
pub(crate) struct Running {
    pub(crate) hook: Hook,
    pub(crate) handle: WriterHandle,
    writer: Writer,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    /// As the engine does: the event, with what is to be told of it, if anything.
    pub(crate) fn push(&self, change: &Change) {
        let notice = self.hook.notice(&change.news);
        self.handle.push(Entry::Transition(change.row.clone(), notice));
    }

    /// Waits until it is so.
    pub(crate) async fn until(&self, done: impl Fn(&Stats) -> bool) -> Stats {
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
    pub(crate) async fn end(self) -> Stats {
        drop(self.stop);
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
        let stats = self.hook.stats();
        // On a busy machine the store may have been slow, and rows be in the spool.
        let kept = async {
            loop {
                let stats = self.handle.stats();
                if stats.depth == 0 && stats.spool.is_none_or(|spool| spool.rows() == 0) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, kept).await.unwrap();
        drop(self.handle);
        self.writer.flush_and_stop(PATIENCE).await;
        stats
    }

    /// Stops as if killed: what is in memory is gone.
    pub(crate) async fn kill(self) {
        self.task.abort();
        drop(self.task.await);
        drop((self.handle, self.writer));
    }
}

/// What happened, and what can be told of it.
pub(crate) struct Change {
    pub(crate) row: Transition,
    pub(crate) news: News,
}

pub(crate) fn of_host(host: i64, number: i64, from: State, to: State) -> Change {
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

pub(crate) fn change(number: i64, from: State, to: State) -> Change {
    of_host(12, number, from, to)
}

pub(crate) fn down(number: i64) -> Change {
    change(number, State::Suspect, State::Down)
}

pub(crate) fn up(number: i64) -> Change {
    change(number, State::Down, State::Up)
}

pub(crate) fn isolated() -> Change {
    let event = ServerEvent::Isolated;
    let news = News::Server { event, at: NOW, reason: "40 of 41 hosts of 3 groups failed".into() };
    Change { news, ..of_host(0, 0, State::Up, State::Suspect) }
}

pub(crate) fn at(document: &Value) -> i64 {
    document["at_ms"].as_i64().unwrap() - NOW.0
}

pub(crate) fn told(told: u64) -> Stats {
    Stats { told, ..Stats::default() }
}
