//! Servers' hooks that come and go over one store.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use roundsman::{
    clock::{Clock, ManualClock},
    config::{self, HookUrl},
    hook::{self, Hook, NoticeStores, Notification, ServerEvent, Stats},
    inventory,
    model::{Cause, HostId, Outcome, Severity, State, Transition},
    store::{
        Mode, Standing, Store,
        spool::Spool,
        sqlite::Sqlite,
        writer::{News, QueuedRow, Writer, WriterHandle, WriterLimits},
    },
    units::{Mono, Now, WallMs},
};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};

use crate::support::PATIENCE;

/// When these tests happen.
pub(crate) const NOW: WallMs = WallMs(1_774_747_800_000);

pub(crate) fn settings(address: SocketAddr) -> config::Hook {
    config::Hook {
        url: HookUrl::parse(&format!("http://{address}/in?team=ops")),
        states: vec![State::Down],
        alerts: Some(Severity::Warning),
        timeout: Duration::from_secs(30),
        ca_file: None,
        cert_file: None,
        key_file: None,
        token: None,
        token_file: None,
    }
}

/// A folder with a store, in which servers come and go.
pub(crate) struct Desk {
    folder: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) is_clock_doubted: Arc<AtomicBool>,
    /// Whether the server is in charge.
    pub(crate) standing: Arc<Standing>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let now = Now { wall: WallMs(NOW.0 + 1_000), mono: Mono::default() };
        let clock = Arc::new(ManualClock::new(now));
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock,
            is_clock_doubted: Arc::default(),
            standing: Arc::default(),
        }
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
        self.start_filling(settings, resolve, limit, Duration::from_millis(10)).await
    }

    /// The same, where a batch may take so long to fill.
    pub(crate) async fn start_filling(
        &self,
        settings: &config::Hook,
        resolve: &config::Resolve,
        limit: usize,
        batch_wait: Duration,
    ) -> Running {
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&self.clock);
        let hook = hook::limited(settings, resolve, clock, limit).unwrap().unwrap();
        let store = Sqlite::open(self.path("store.db"), Mode::ReadWrite).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let spool = Arc::new(
            Spool::start(self.path("spool.db"), "sqlite:store.db".to_owned(), 1 << 30).unwrap(),
        );
        let limits = WriterLimits { batch_wait, ..WriterLimits::default() };
        let (heard, its) = (hook.clone(), Some(Arc::clone(&spool)));
        let tell = Box::new(move |news: News<'_>| heard.enqueue(news.notices));
        let (handle, writer) = Writer::start_with(Arc::clone(&store), its, limits, || NOW, tell);
        let is_doubted = Arc::clone(&self.is_clock_doubted);
        let is_believed = Box::new(move |_| !is_doubted.load(Ordering::Relaxed));
        let around = NoticeStores {
            store,
            spool: Some(spool),
            writer: handle.clone(),
            is_believed,
            standing: Arc::clone(&self.standing),
        };
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
        let notice = self.hook.notice(&change.notification);
        self.handle.push(QueuedRow::Transition(change.row.clone(), notice));
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
    pub(crate) notification: Notification,
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
    let notification = Notification::of_host(&row, spec);
    Change { row, notification }
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
    let notification =
        Notification::Server { event, at: NOW, reason: "40 of 41 hosts of 3 groups failed".into() };
    Change { notification, ..of_host(0, 0, State::Up, State::Suspect) }
}

pub(crate) fn at(document: &Value) -> i64 {
    document["at_ms"].as_i64().unwrap() - NOW.0
}

pub(crate) fn told(told: u64) -> Stats {
    Stats { told, ..Stats::default() }
}
