//! A served site for the tests: four hosts, a ledger, a clock that stands still.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use roundsman::{
    board_folder::BoardFolder,
    clock::ManualClock,
    config::{BasePath, Secret},
    engine::Command,
    health::Policy,
    live::{AttemptSummary, Gathered, HostView, Live, ServerView},
    metrics::{Metrics, StateLabel},
    model::{
        Cause, Column, ColumnSet, Detail, Facts, GroupName, HostId, HostName, Outcome, Record, Row,
        State, Timings, Transition, Values, VersionId,
    },
    query::Query,
    store::{
        Batch, Mode, Registration, Store,
        sqlite::Sqlite,
        writer::{Writer, WriterHandle, WriterLimits},
    },
    units::{Micros, Mono, Now, WallMs},
    web::{self, ConnectionLimits, Control, Site},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

/// Long enough for anything that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is waited for, if it comes: a server that is not heard is a failure and no hang.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.unwrap()
}

/// The moment at which the clock stands: 2026-03-29T01:30:00Z.
pub(crate) const NOW: WallMs = WallMs(1_774_747_800_000);

pub(crate) fn name(text: &str) -> HostName {
    HostName::new(text).unwrap()
}

/// The slot of the poll `seconds` ago.
fn ago(seconds: u64) -> WallMs {
    NOW.minus(Duration::from_secs(seconds))
}

fn rows<C: ColumnSet>(labels: &[&str]) -> Vec<Row<C>> {
    let mut values = Values::default();
    for (column, value) in C::ALL.iter().zip([1.5, 2.0, 3.25]) {
        values.set(*column, value);
    }
    vec![Row { labels: labels.iter().map(|label| (*label).into()).collect(), values }]
}

fn detail() -> Detail {
    Detail {
        cores: rows(&["0"]),
        softirqs: rows(&["0"]),
        interfaces: rows(&["eth0"]),
        disks: rows(&["sda"]),
        filesystems: rows(&["/", "/dev/sda1", "ext4", "ok"]),
        processes: rows(&["1", "init", "S"]),
        containers: rows(&["api", "0123456789ab", "api:7", "docker"]),
    }
}

/// A poll that brought values.
pub(crate) fn good(host: &str, id: HostId, slot: WallMs) -> Record {
    let mut values = Values::default();
    for (column, value) in [
        (Column::Load1, 0.25),
        (Column::CpuBusyPct, 12.345),
        (Column::MemTotalBytes, 8_321_499_136.0),
        (Column::NetRxBytesPerS, 0.0),
    ] {
        values.set(column, value);
    }
    Record {
        host: id,
        name: name(host),
        slot,
        started: slot.plus(Duration::from_millis(1)),
        inventory: VersionId(1),
        outcome: Outcome::Ok,
        state: State::Up,
        timings: Timings {
            late_us: Micros(1_250),
            queue_us: Micros(3),
            resolve_us: None,
            connect_us: None,
            call_us: Some(Micros(950)),
        },
        answer_bytes: Some(4_096),
        address: Some("10.0.0.1:50051".into()),
        error: None,
        boot_id: Some("0f0e0d0c-0b0a-0908-0706-050403020100".into()),
        clock_skew_ms: Some(-2),
        elapsed_ns: None,
        values: Some(values),
        detail: Some(detail()),
    }
}

/// A poll that failed.
pub(crate) fn failed(host: &str, id: HostId, slot: WallMs) -> Record {
    Record {
        outcome: Outcome::Refused,
        state: State::Suspect,
        timings: Timings { connect_us: Some(Micros(180)), ..Timings::default() },
        answer_bytes: None,
        error: Some("connection refused by 10.0.0.1:50051".into()),
        boot_id: None,
        clock_skew_ms: None,
        elapsed_ns: None,
        values: None,
        detail: None,
        ..good(host, id, slot)
    }
}

/// A host as the engine would publish it.
pub(crate) fn host_view(host: &str, state: State, last: Option<Record>) -> HostView {
    let last = last.map(Arc::new);
    let recent = last.iter().map(|record| AttemptSummary::from(&**record));
    HostView {
        id: last.as_ref().map_or(HostId(99), |record| record.host),
        name: name(host),
        group: None,
        labels: Arc::default(),
        addresses: ["10.0.0.9:50051".into()].into(),
        schedule: "every 10s".into(),
        interval: Duration::from_secs(10),
        state,
        since: ago(600),
        flapping: false,
        parent: None,
        unreachable_because: None,
        paused_until: None,
        reason: "its polls say so".into(),
        cause: None,
        facts: Arc::new(Facts { hostname: Some(host.into()), cpus: Some(2), ..Facts::default() }),
        recent: recent.collect(),
        gathered: Gathered::after(Some(NOW)),
        last_good: last.clone().filter(|record| record.outcome.has_values()),
        answer: None,
        last,
        next_due: Some(NOW),
        alarms: Arc::default(),
    }
}

fn registration(host: &str, address: &str) -> Registration {
    Registration {
        name: name(host),
        group: None,
        labels: BTreeMap::new(),
        addresses: vec![address.to_owned()],
        renamed_from: None,
    }
}

fn went_down(id: HostId) -> Vec<Transition> {
    let change = |at, from, to| Transition {
        host: id,
        name: name("db-1"),
        at,
        slot: None,
        from,
        to,
        cause: Cause::PollFailed,
        outcome: Some(Outcome::Refused),
        reason: "connection refused by 10.0.0.3:50051".into(),
    };
    vec![change(ago(620), State::Up, State::Suspect), change(ago(600), State::Suspect, State::Down)]
}

async fn fill(store: &Sqlite, live: &Live) {
    let hosts = [
        ("web-1", "10.0.0.1:50051"),
        ("web-2", "10.0.0.2:50051"),
        ("db-1", "10.0.0.3:50051"),
        ("old-1", "10.0.0.4:50051"),
    ];
    let hosts = hosts.iter().map(|(name, address)| registration(name, address)).collect();
    let ids: Vec<HostId> =
        store.register(hosts, ago(3_000)).await.unwrap().iter().map(|known| known.id).collect();
    let polls = vec![
        good("web-1", ids[0], ago(30)),
        failed("web-1", ids[0], ago(20)),
        good("web-1", ids[0], ago(10)),
        failed("db-1", ids[2], ago(600)),
        good("old-1", ids[3], ago(2_000)),
    ];
    let batch = Batch { transitions: went_down(ids[2]), ..Batch::of_polls(polls.clone()) };
    store.write(Arc::new(batch)).await.unwrap();
    store.retire(vec![ids[3]], ago(1_000)).await.unwrap();

    let web = |host: &str, last: Option<Record>, id| HostView {
        id,
        group: Some(GroupName::new("web").unwrap()),
        labels: Arc::new([("rack".to_owned(), "a1".to_owned())].into()),
        ..host_view(host, State::Up, last)
    };
    live.publish(web("web-1", Some(polls[2].clone()), ids[0]));
    let mut second = web("web-2", None, ids[1]);
    second.addresses = ["10.0.0.2:50051".into()].into();
    live.publish(second);
    live.publish(host_view("db-1", State::Down, Some(polls[3].clone())));
    live.update_server(|server| {
        *server = ServerView {
            started: ago(3_000),
            inventory: Some((VersionId(1), "c0ffee".into(), ago(3_000))),
            inventory_error: Some("inventory.toml:3:1: unknown key \"hots\"".into()),
            seal_error: None,
            last_round: ago(10),
            isolated: None,
            ready: true,
            ..ServerView::default()
        };
    });
}

/// An engine that does what it is told, and nothing else.
async fn obey(mut commands: mpsc::Receiver<Command>) {
    while let Some(command) = commands.recv().await {
        match command {
            Command::Pause(_, _, done) => {
                let _gone = done.send(());
            }
            Command::PollNow(host, asked) => {
                let _gone = asked.send(Arc::new(good(host.as_str(), HostId(1), NOW)));
            }
            _ => {}
        }
    }
}

/// A site that is served until it is dropped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) live: Arc<Live>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<dyn Store>,
    #[allow(dead_code, reason = "only some of the programs look into it")]
    pub(crate) site: Arc<Site>,
    #[allow(dead_code, reason = "only some of the programs look into it")]
    pub(crate) writer: WriterHandle,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
    _writing: Writer,
    pub(crate) dir: tempfile::TempDir,
}

impl Served {
    pub(crate) async fn start() -> Self {
        Self::start_with(ConnectionLimits::default()).await
    }

    pub(crate) async fn start_with(limits: ConnectionLimits) -> Self {
        Self::start_looking(limits, web::Looks::default()).await
    }

    pub(crate) async fn start_looking(limits: ConnectionLimits, looks: web::Looks) -> Self {
        Self::start_for(limits, looks, web::Access::default(), BasePath::default(), false).await
    }

    /// With a writer, so that annotations are kept.
    #[allow(dead_code, reason = "only some of the programs look into it")]
    pub(crate) async fn start_writing() -> Self {
        let (limits, looks) = (ConnectionLimits::default(), web::Looks::default());
        Self::start_for(limits, looks, web::Access::default(), BasePath::default(), true).await
    }

    /// For who has the token.
    pub(crate) async fn start_guarded(token: &str) -> Self {
        let access = web::Access::new(Some(&Secret::new(token)), &[]);
        let (limits, looks) = (ConnectionLimits::default(), web::Looks::default());
        Self::start_for(limits, looks, access, BasePath::default(), false).await
    }

    /// For who may ask by `access`; with a writer.
    #[allow(dead_code, reason = "only some of the programs look into it")]
    pub(crate) async fn start_for_people(access: web::Access) -> Self {
        let (limits, looks) = (ConnectionLimits::default(), web::Looks::default());
        Self::start_for(limits, looks, access, BasePath::default(), true).await
    }

    /// Below a path.
    #[allow(dead_code, reason = "only some of the programs look into it")]
    pub(crate) async fn start_below(path: &str) -> Self {
        let (limits, looks) = (ConnectionLimits::default(), web::Looks::default());
        let path = BasePath::parse(path).unwrap();
        Self::start_for(limits, looks, web::Access::default(), path, false).await
    }

    async fn start_for(
        limits: ConnectionLimits,
        looks: web::Looks,
        access: web::Access,
        base_path: BasePath,
        writes: bool,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(dir.path().join("r.db"), Mode::ReadWrite).await.unwrap();
        let live = Arc::new(Live::default());
        fill(&store, &live).await;
        let store: Arc<dyn Store> = Arc::new(store);
        let (commands, asked) = mpsc::channel(4);
        tokio::spawn(obey(asked));
        let clock = Arc::new(ManualClock::new(Now { wall: NOW, mono: Mono::default() }));
        let shown = Arc::clone(&live);
        let (writer, writing) = Writer::start(Arc::clone(&store), WriterLimits::default(), || NOW);
        let query = Query::new(Arc::clone(&live), Arc::clone(&store));
        let query = if writes { query.with_writer(writer.clone()) } else { query };
        let site = Site {
            answers: query.into(),
            metrics: Arc::new(Metrics::new()),
            refresh: Box::new(move |metrics| {
                for (state, count) in shown.count_by_state() {
                    let gauge = metrics.hosts.get_or_create(&StateLabel { state });
                    gauge.set(i64::try_from(count).unwrap());
                }
            }),
            policy: Policy::default(),
            clock: Arc::clone(&clock) as Arc<_>,
            operator: mpsc::channel(1).0,
            control: Control::new(commands, Arc::clone(&store)).with_writer(writer.clone()),
            looks,
            access,
            boards: web::BoardSite::new(BoardFolder::beside(&dir.path().join("inventory.toml"))),
            base_path,
        };
        let site = Arc::new(site);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = oneshot::channel::<()>();
        let shutdown = async { drop(stopping.await) };
        let listeners = vec![listener.into()];
        let task = tokio::spawn(web::serve_with(listeners, Arc::clone(&site), limits, shutdown));
        Self {
            address,
            live,
            clock,
            store,
            site,
            writer,
            stop: Some(stop),
            task,
            _writing: writing,
            dir,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.request("GET", path).await
    }

    /// A JSON answer with status 200.
    pub(crate) async fn json(&self, path: &str) -> serde_json::Value {
        let reply = self.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        assert_eq!(reply.header("content-type"), Some("application/json"), "{path}");
        serde_json::from_str(&reply.body).unwrap()
    }

    /// Sends a body, as what it is said to be.
    pub(crate) async fn post(&self, path: &str, kind: &str, body: &str) -> Reply {
        self.send_body("POST", path, kind, body).await
    }

    pub(crate) async fn send_body(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &str,
    ) -> Reply {
        let length = body.len();
        let more = format!("Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}");
        self.exchange(&format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}"
        ))
        .await
    }

    pub(crate) async fn request(&self, method: &str, path: &str) -> Reply {
        self.exchange(&format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        ))
        .await
    }

    /// With further header lines, each with its end.
    pub(crate) async fn ask(&self, method: &str, path: &str, more: &str) -> Reply {
        let bytes = self.bytes(method, path, more).await;
        Reply::parse(&String::from_utf8(bytes).unwrap())
    }

    /// The answer as it is on the wire.
    pub(crate) async fn bytes(&self, method: &str, path: &str, more: &str) -> Vec<u8> {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        self.send(&format!("{head}{more}\r\n")).await
    }

    pub(crate) async fn exchange(&self, request: &str) -> Reply {
        Reply::parse(&String::from_utf8(self.send(request).await).unwrap())
    }

    async fn send(&self, request: &str) -> Vec<u8> {
        exchange_with(self.address, request).await
    }

    pub(crate) async fn stop(&mut self) {
        drop(self.stop.take());
        soon(&mut self.task).await.unwrap();
    }
}

/// Sends a request, and reads to the end of the answer.
pub(crate) async fn exchange_with(address: SocketAddr, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A refused request may end in a reset after the answer.
    let _ = soon(stream.read_to_end(&mut answer)).await;
    answer
}

/// An answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
    head: String,
}

impl Reply {
    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).unwrap_or_default().parse().unwrap();
        let mut reply = Self { status, body: body.to_owned(), head: head.to_owned() };
        if reply.header("transfer-encoding") == Some("chunked") {
            reply.body = whole(body).unwrap_or_default();
        }
        reply
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// Each field of a name.
    pub(crate) fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// A body that was sent in pieces (RFC 9112 section 7.1); none when its end is not there.
fn whole(mut pieces: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (length, rest) = pieces.split_once("\r\n")?;
        let length = usize::from_str_radix(length, 16).ok()?;
        let (piece, rest) = rest.split_at_checked(length)?;
        if length == 0 {
            return Some(body);
        }
        body.push_str(piece);
        pieces = rest.strip_prefix("\r\n")?;
    }
}
