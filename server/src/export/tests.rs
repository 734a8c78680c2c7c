//! Against a receiver of our own, which answers as it is told and keeps what it was asked.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    response::Response,
    serve::Listener,
};
use http::{HeaderMap, StatusCode};
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use prost::Message as _;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

#[expect(dead_code, unreachable_pub, reason = "of other tests, which use more of it")]
#[path = "../../tests/support/authority.rs"]
mod authority;

use super::*;
use crate::{
    clock::SystemClock,
    config::{ByteSize, Config, Flag, Sources},
    export::{
        message::{MetricsResponse, PartialSuccess, Refusal, WriteRequest, as_first},
        otlp::tests::{read, text},
        request::PackedRequest,
    },
    exposition::tests::host,
    model::{HostName, Outcome, Record},
};

/// What the receiver was asked.
struct Heard {
    headers: HeaderMap,
    body: Bytes,
    at: Instant,
}

impl Heard {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The hosts that have values in it, in order.
    fn hosts(&self) -> Vec<String> {
        if self.header("content-encoding") == "gzip" {
            return self.otlp_hosts();
        }
        let first = match self.header("x-prometheus-remote-write-version") {
            "2.0.0" => as_first(&self.body).unwrap(),
            _ => self.body.to_vec(),
        };
        let bytes = snap::raw::Decoder::new().decompress_vec(&first).unwrap();
        let read = WriteRequest::decode(bytes.as_slice()).unwrap();
        let label = |series: &message::LabelSeries, name: &str| {
            let found = series.labels.iter().find(|label| label.name == name);
            found.map(|label| label.value.clone()).unwrap_or_default()
        };
        let load =
            read.timeseries.iter().filter(|one| label(one, "__name__") == "roundsman_host_load_1");
        load.map(|one| label(one, "host")).collect()
    }

    fn otlp_hosts(&self) -> Vec<String> {
        let name = |attributes: &str| {
            let found = attributes.split(',').find_map(|one| one.strip_prefix("host.name="));
            found.map(|name| name.trim_matches('"').to_owned())
        };
        let has_load = |host: &ResourceMetrics| {
            let metrics = host.scope_metrics.iter().flat_map(|scope| &scope.metrics);
            metrics.into_iter().any(|metric| metric.name == "roundsman.host.load_1")
        };
        let hosts = read(&self.body).resource_metrics.into_iter().filter(has_load);
        hosts.filter_map(|host| name(&text(&host.resource.unwrap().attributes))).collect()
    }
}

/// Requests that wait to be looked at; more than any test sends.
const REQUESTS: usize = 4096;

/// An answer: status, fields of its head, body.
type Said = (u16, Vec<(&'static str, String)>, Vec<u8>);

#[derive(Clone)]
struct Answers {
    heard: mpsc::Sender<Heard>,
    /// What is answered, in turn; then 204 with what 2.0 wants.
    said: Arc<Mutex<VecDeque<Said>>>,
}

#[expect(clippy::disallowed_methods, reason = "a test of real time")]
async fn answer(State(answers): State<Answers>, headers: HeaderMap, body: Bytes) -> Response {
    let _ = answers.heard.try_send(Heard { headers, body, at: Instant::now() });
    let next = answers.said.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let written = vec![("x-prometheus-remote-write-samples-written", "100000".to_owned())];
    let (status, fields, text) = next.unwrap_or((204, written, vec![]));
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in fields {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// Listens behind TLS.
struct TlsListener(TcpListener, TlsAcceptor);

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, from) = self.0.accept().await.unwrap();
            if let Ok(stream) = self.1.accept(stream).await {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

struct FakeReceiver {
    port: u16,
    heard: mpsc::Receiver<Heard>,
    serving: JoinHandle<()>,
}

/// Listens at a port that another receiver may have had: a process that another test forks at that moment holds
/// the address until it has begun.
async fn bind(port: u16) -> TcpListener {
    let again = async {
        loop {
            match TcpListener::bind(("127.0.0.1", port)).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    tokio::task::yield_now().await;
                }
                bound => return bound.unwrap(),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.expect("the port is held")
}

impl FakeReceiver {
    async fn new(said: Vec<Said>) -> Self {
        Self::at(0, said).await
    }

    async fn at(port: u16, said: Vec<Said>) -> Self {
        Self::on(bind(port).await, said)
    }

    async fn behind(tls: TlsAcceptor) -> Self {
        Self::on(TlsListener(bind(0).await, tls), vec![])
    }

    fn on(listener: impl Listener<Addr = SocketAddr>, said: Vec<Said>) -> Self {
        let port = listener.local_addr().unwrap().port();
        let (sender, heard) = mpsc::channel(REQUESTS);
        let answers = Answers { heard: sender, said: Arc::new(Mutex::new(said.into())) };
        let router = Router::new().fallback(answer).with_state(answers);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, heard, serving }
    }

    async fn next(&mut self) -> Heard {
        let within = Duration::from_secs(20);
        tokio::time::timeout(within, self.heard.recv()).await.expect("nothing came").unwrap()
    }
}

fn later() -> Said {
    (503, vec![], b"not now".to_vec())
}

fn settings(port: u16, more: &[(&'static str, &str)]) -> config::Export {
    let url = format!("http://127.0.0.1:{port}/api/v1/write?a=b");
    let given = [("export.url", url.as_str())].into_iter().chain(more.iter().copied());
    let flags = given.map(|(key, value)| Flag { key, name: "--test", value: value.to_owned() });
    let loaded = Config::load(Sources { flags: flags.collect(), ..Sources::default() });
    loaded.unwrap().config.export
}

/// A server's side: what shows polls, and what sends them.
struct Running {
    live: Arc<Live>,
    metrics: Arc<Metrics>,
    stop: oneshot::Sender<()>,
    sending: JoinHandle<()>,
}

fn run(settings: &config::Export, data: &Path) -> Running {
    let (live, metrics) = (Arc::new(Live::default()), Arc::new(Metrics::new()));
    let clock = Arc::new(SystemClock::new());
    let parts = ExportParts { live: Arc::clone(&live), metrics: Arc::clone(&metrics), clock };
    let resolve = config::Resolve { servers: Vec::new() };
    let exporter = Exporter::new(settings, &resolve, data, parts).unwrap().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let exporter = exporter.pausing(Duration::from_millis(10));
    let sending = tokio::spawn(exporter.run(async move { drop(stopped.await) }));
    Running { live, metrics, stop, sending }
}

impl Running {
    fn poll(&self, name: &str) {
        let now = SystemClock::new().now().wall;
        let mut view = host("a", Outcome::Ok, 0);
        view.name = HostName::new(name).unwrap();
        view.id =
            crate::model::HostId((xxhash_rust::xxh3::xxh3_64(name.as_bytes()) >> 1).cast_signed());
        view.interval = Duration::from_secs(3600);
        let mut poll = Record::clone(view.last_good.as_deref().unwrap());
        (poll.slot, poll.started) = (now, now);
        view.last_good = Some(Arc::new(poll));
        self.live.publish(view);
    }

    fn dropped(&self, reason: ExportLoss) -> u64 {
        self.metrics.export_dropped.get_or_create(&ExportLossLabel { reason }).get()
    }

    async fn stop(self) -> Arc<Metrics> {
        drop(self.stop);
        self.sending.await.unwrap();
        self.metrics
    }
}

#[tokio::test]
async fn a_request_has_the_fields_that_the_specification_wants_and_those_of_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = FakeReceiver::new(vec![]).await;
    let token = folder.path().join("token");
    std::fs::write(&token, "hunter2\n").unwrap();
    let token = token.to_str().unwrap();
    for (protocol, user, version, kind, authorization) in [
        ("remote_write", "", "0.1.0", "application/x-protobuf", "Bearer hunter2"),
        (
            "remote_write_2",
            "me",
            "2.0.0",
            "application/x-protobuf;proto=io.prometheus.write.v2.Request",
            "Basic bWU6aHVudGVyMg==",
        ),
    ] {
        let more = [
            ("export.protocol", protocol),
            ("export.token_file", token),
            ("export.user", user),
            ("export.headers", "X-Scope-OrgID: fleet, x-other:1"),
        ];
        let running = run(&settings(receiver.port, &more), folder.path());
        running.poll("a");
        let heard = receiver.next().await;
        assert_eq!(heard.header("x-prometheus-remote-write-version"), version);
        assert_eq!(heard.header("content-type"), kind);
        assert_eq!(heard.header("content-encoding"), "snappy");
        assert_eq!(heard.header("authorization"), authorization);
        assert_eq!((heard.header("x-scope-orgid"), heard.header("x-other")), ("fleet", "1"));
        assert!(heard.header("user-agent").starts_with("roundsman/"));
        assert_eq!(heard.hosts(), ["a"]);
        let metrics = running.stop().await;
        assert!(metrics.export_sent.get() > 50);
        assert!(metrics.export_last_success.get() > 1_700_000_000);
    }
}

#[tokio::test]
async fn what_fails_is_sent_again_before_all_that_follows() {
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = FakeReceiver::new(vec![later(), (429, vec![], vec![]), later()]).await;
    let running = run(&settings(receiver.port, &[]), folder.path());
    running.poll("a");
    let first = receiver.next().await;
    running.poll("b");
    let mut hosts = first.hosts();
    for _ in 0..3 {
        let again = receiver.next().await;
        assert_eq!(again.body, first.body);
        hosts.extend(again.hosts());
    }
    assert_eq!(hosts, ["a"; 4]);
    assert_eq!(receiver.next().await.hosts(), ["b"]);
    let metrics = running.stop().await;
    assert_eq!(metrics.export_retries.get(), 3);
}

#[tokio::test]
async fn a_receiver_is_left_alone_for_as_long_as_it_asks() {
    let folder = tempfile::tempdir().unwrap();
    let wait = (429, vec![("retry-after", "2".to_owned())], vec![]);
    let mut receiver = FakeReceiver::new(vec![wait]).await;
    let running = run(&settings(receiver.port, &[]), folder.path());
    running.poll("a");
    let (first, again) = (receiver.next().await, receiver.next().await);
    assert!(again.at.duration_since(first.at) >= Duration::from_secs(2));
    running.stop().await;
    // But not for longer than a limit.
    let wait = (503, vec![("retry-after", "999999".to_owned())], vec![]);
    let receiver = FakeReceiver::new(vec![wait]).await;
    let resolve = config::Resolve { servers: Vec::new() };
    let asked = Receiver::new(&settings(receiver.port, &[]), &resolve).unwrap().unwrap();
    let end = asked.send(RequestForm::Write(WriteVersion::First), Bytes::new(), 1, WallMs(0)).await;
    let RequestEnd::Later(after, words) = end else { panic!("{end:?}") };
    assert_eq!(after, Some(crate::channel::MAX_RETRY_AFTER));
    assert!(words.ends_with("answered 503 Service Unavailable"), "{words}");
}

#[tokio::test]
async fn what_is_refused_is_dropped_and_counted_and_the_next_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let refused = (400, vec![], b"out of order\nsample".to_vec());
    let mut receiver = FakeReceiver::new(vec![refused, (302, vec![], vec![])]).await;
    let running = run(&settings(receiver.port, &[]), folder.path());
    for name in ["a", "b", "c"] {
        running.poll(name);
        assert_eq!(receiver.next().await.hosts(), [name]);
    }
    let dropped = running.dropped(ExportLoss::Refused);
    let metrics = running.stop().await;
    assert!(metrics.export_sent.get() > 50);
    assert_eq!(metrics.export_retries.get(), 0);
    assert_eq!(dropped, 2 * metrics.export_sent.get());
    let of = |said| async {
        let receiver = FakeReceiver::new(vec![said]).await;
        let resolve = config::Resolve { servers: Vec::new() };
        let asked = Receiver::new(&settings(receiver.port, &[]), &resolve).unwrap().unwrap();
        asked.send(RequestForm::Write(WriteVersion::Second), Bytes::new(), 9, WallMs(0)).await
    };
    let kept = |n: u32| vec![("x-prometheus-remote-write-samples-written", n.to_string())];
    assert_eq!(of((200, kept(9), vec![])).await, RequestEnd::Taken(9));
    assert!(matches!(of((200, kept(4), vec![])).await, RequestEnd::Refused(4, _)));
    let RequestEnd::Refused(4, words) = of((400, kept(4), b"why".to_vec())).await else { panic!() };
    assert!(words.ends_with("answered 400 Bad Request: why"), "{words}");
}

#[tokio::test]
async fn a_receiver_that_takes_1_0_alone_is_sent_that() {
    for said in [(415, vec![], b"no".to_vec()), (204, vec![], vec![])] {
        let folder = tempfile::tempdir().unwrap();
        let mut receiver = FakeReceiver::new(vec![said]).await;
        let running =
            run(&settings(receiver.port, &[("export.protocol", "remote_write_2")]), folder.path());
        running.poll("a");
        let version = |heard: &Heard| heard.header("x-prometheus-remote-write-version").to_owned();
        let (second, first) = (receiver.next().await, receiver.next().await);
        assert_eq!((version(&second), version(&first)), ("2.0.0".into(), "0.1.0".into()));
        assert_eq!((second.hosts(), first.hosts()), (vec!["a".into()], vec!["a".to_owned()]));
        // What was begun before may be of 2.0, and is sent as 1.0.
        for name in ["b", "c"] {
            running.poll(name);
            let next = receiver.next().await;
            assert_eq!((version(&next), next.hosts()), ("0.1.0".into(), vec![name.to_owned()]));
        }
        let metrics = running.stop().await;
        assert_eq!(metrics.export_retries.get(), 0);
    }
}

#[tokio::test]
async fn what_a_receiver_missed_is_sent_once_it_is_back_over_a_restart_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = FakeReceiver::new(vec![]).await;
    let settings = settings(receiver.port, &[]);
    let running = run(&settings, folder.path());
    running.poll("a");
    assert_eq!(receiver.next().await.hosts(), ["a"]);
    receiver.serving.abort();
    let _ = (&mut receiver.serving).await;
    running.poll("b");
    until(|| running.metrics.export_retries.get() >= 2).await;
    running.poll("c");
    // It is read, kept and not sent: nobody is there.
    running.stop().await;
    let kept = std::fs::read_dir(folder.path().join("export")).unwrap().count();
    assert_eq!(kept, 2);
    let mut back = FakeReceiver::at(receiver.port, vec![]).await;
    let running = run(&settings, folder.path());
    running.poll("d");
    for name in ["b", "c", "d"] {
        assert_eq!(back.next().await.hosts(), [name]);
    }
    running.stop().await;
    assert_eq!(std::fs::read_dir(folder.path().join("export")).unwrap().count(), 0);
    assert!(back.heard.try_recv().is_err(), "nothing is sent twice");
}

const OTLP: [(&str, &str); 1] = [("export.protocol", "otlp")];

#[tokio::test]
async fn a_request_of_otlp_is_gzip_of_protobuf_and_of_no_version() {
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = FakeReceiver::new(vec![]).await;
    let running = run(&settings(receiver.port, &OTLP), folder.path());
    running.poll("a");
    let heard = receiver.next().await;
    assert_eq!(heard.header("content-type"), "application/x-protobuf");
    assert_eq!(heard.header("content-encoding"), "gzip");
    assert_eq!(heard.header("x-prometheus-remote-write-version"), "");
    assert_eq!(heard.hosts(), ["a"]);
    let metrics = running.stop().await;
    assert!(metrics.export_sent.get() > 50);
}

#[tokio::test]
async fn otlp_has_four_statuses_sent_again_and_all_others_are_refusals() {
    let refusal = Refusal { message: "no such\ntenant".to_owned() }.encode_to_vec();
    let kind = || vec![("content-type", "application/x-protobuf".to_owned())];
    for (status, is_later) in [
        (429, true),
        (502, true),
        (503, true),
        (504, true),
        (408, false),
        (500, false),
        (400, false),
    ] {
        let receiver = FakeReceiver::new(vec![(status, kind(), refusal.clone())]).await;
        let resolve = config::Resolve { servers: Vec::new() };
        let asked = Receiver::new(&settings(receiver.port, &[]), &resolve).unwrap().unwrap();
        let end = asked.send(RequestForm::Otlp, Bytes::new(), 9, WallMs(0)).await;
        let words = match end {
            RequestEnd::Later(None, words) if is_later => words,
            RequestEnd::Refused(0, words) if !is_later => words,
            other => panic!("{status}: {other:?}"),
        };
        assert!(words.ends_with(": no such tenant"), "{words}");
    }
}

#[tokio::test]
async fn what_otlp_takes_in_part_is_counted_and_not_sent_again() {
    let said = |rejected, words: &str| {
        let part =
            PartialSuccess { rejected_data_points: rejected, error_message: words.to_owned() };
        let answer = MetricsResponse { partial_success: Some(part) };
        (200, vec![], answer.encode_to_vec())
    };
    let folder = tempfile::tempdir().unwrap();
    let answers = vec![said(7, "out of order"), said(0, "deprecated"), said(0, "")];
    let mut receiver = FakeReceiver::new(answers).await;
    let running = run(&settings(receiver.port, &OTLP), folder.path());
    for name in ["a", "b", "c"] {
        running.poll(name);
        assert_eq!(receiver.next().await.hosts(), [name]);
    }
    let metrics = running.stop().await;
    let refused = ExportLossLabel { reason: ExportLoss::Refused };
    assert_eq!(metrics.export_dropped.get_or_create(&refused).get(), 7);
    // Each poll has as many samples.
    assert_eq!((metrics.export_sent.get() + 7) % 3, 0);
    assert!(metrics.export_sent.get() > 150);
    assert_eq!(metrics.export_retries.get(), 0);
    let of = |answer: Said| async {
        let receiver = FakeReceiver::new(vec![answer]).await;
        let resolve = config::Resolve { servers: Vec::new() };
        let asked = Receiver::new(&settings(receiver.port, &[]), &resolve).unwrap().unwrap();
        asked.send(RequestForm::Otlp, Bytes::new(), 9, WallMs(0)).await
    };
    let RequestEnd::Refused(2, words) = of(said(7, "why")).await else { panic!() };
    assert!(words.ends_with("answered 200 OK, and kept 2 of 9 samples: why"), "{words}");
    let RequestEnd::Remarked(9, words) = of(said(0, "deprecated")).await else { panic!() };
    assert!(words.ends_with(": deprecated"), "{words}");
    assert_eq!(of((200, vec![], b"not protobuf".to_vec())).await, RequestEnd::Taken(9));
}

#[tokio::test]
async fn what_waited_for_a_receiver_of_another_protocol_is_dropped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (port, holding) = silent().await;
    let late = [("export.timeout", "100ms")];
    let running = run(&settings(port, &late), folder.path());
    running.poll("a");
    until(|| running.metrics.export_retries.get() >= 1).await;
    running.stop().await;
    holding.abort();
    let waits = || std::fs::read_dir(folder.path().join("export")).unwrap().count();
    assert_eq!(waits(), 1);
    let mut receiver = FakeReceiver::new(vec![]).await;
    let running = run(&settings(receiver.port, &OTLP), folder.path());
    assert!(running.dropped(ExportLoss::Unfit) > 50);
    assert_eq!(waits(), 0);
    running.poll("b");
    assert_eq!(receiver.next().await.hosts(), ["b"]);
    running.stop().await;
}

#[tokio::test]
async fn a_receiver_behind_tls_is_sent_to_where_its_authority_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (authority::authority("ours"), authority::authority("other"));
    let mut receiver = FakeReceiver::behind(authority::acceptor(&ours, "127.0.0.1", 2999)).await;
    let trusting = |by: &rcgen::CertifiedIssuer<'static, rcgen::KeyPair>, name: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, by.pem()).unwrap();
        let mut settings = settings(receiver.port, &[("export.ca_file", "")]);
        let url = format!("https://127.0.0.1:{}/v1/metrics", receiver.port);
        (settings.url, settings.ca_file) = (config::HookUrl::parse(&url), Some(file));
        settings
    };
    let (trusted, untrusted) = (trusting(&ours, "ours.pem"), trusting(&other, "other.pem"));
    let running = run(&untrusted, folder.path());
    running.poll("a");
    until(|| running.metrics.export_retries.get() >= 2).await;
    let metrics = running.stop().await;
    assert_eq!(metrics.export_sent.get(), 0);
    assert!(receiver.heard.try_recv().is_err());
    let looked = |settings| {
        let resolve = config::Resolve { servers: Vec::new() };
        let folder = folder.path();
        async move { ask(&settings, &resolve, folder, WallMs(0)).await.unwrap().unwrap() }
    };
    let found = looked(untrusted).await;
    let words = found.unfit.unwrap_or_default();
    assert!(
        words.contains("its certificate is signed by no authority that is known here"),
        "{words}"
    );
    assert!(found.waiting > 0 && found.oldest.is_some());
    // It waited, and is sent now.
    let running = run(&trusted, folder.path());
    assert_eq!(receiver.next().await.hosts(), ["a"]);
    running.stop().await;
    let found = looked(trusted).await;
    assert_eq!((found.unfit, found.waiting, found.oldest), (None, 0, None));
    let asked = receiver.next().await;
    assert_eq!(asked.hosts(), Vec::<String>::new());
}

/// A receiver that takes connections and never answers.
async fn silent() -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let holding = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    (port, holding)
}

async fn until(what: impl Fn() -> bool) {
    let wait = async {
        while !what() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it does not come");
}

#[tokio::test]
async fn a_receiver_that_says_nothing_is_a_failed_try() {
    let folder = tempfile::tempdir().unwrap();
    let (port, _holding) = silent().await;
    let running = run(&settings(port, &[("export.timeout", "100ms")]), folder.path());
    running.poll("a");
    until(|| running.metrics.export_retries.get() >= 2).await;
    let metrics = running.stop().await;
    assert_eq!(metrics.export_sent.get(), 0);
    assert_eq!(std::fs::read_dir(folder.path().join("export")).unwrap().count(), 1);
}

#[tokio::test]
async fn more_than_a_few_requests_are_not_in_memory_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (port, _holding) = silent().await;
    let resolve = config::Resolve { servers: Vec::new() };
    let receiver = Receiver::new(&settings(port, &[]), &resolve).unwrap().unwrap();
    let queue = ExportQueue::open(folder.path().join("q"), 1 << 20, 1 << 20);
    let clock = Arc::new(SystemClock::new());
    let sender = ExportSender::new(receiver, queue, Arc::new(Metrics::new()), clock);
    let (_ending, ended) = watch::channel(false);
    let pushing = async {
        let count = || std::fs::read_dir(folder.path().join("q")).map_or(0, Iterator::count);
        for number in 0..=HELD {
            // One that is not taken at once is no reason.
            assert_eq!(count(), 0, "{number}");
            let form = RequestForm::Write(WriteVersion::First);
            let request = PackedRequest { form, body: vec![1; 10], samples: 1 };
            sender.queue.push(request, WallMs(1));
            tokio::task::yield_now().await;
        }
        until(|| count() > HELD && sender.queue.held() == 0).await;
    };
    tokio::select! {
        () = pushing => {}
        () = sender.send_until(&ended) => panic!("it is not the end"),
        () = sender.keep_while_it_fails() => panic!("it has no end"),
    }
}

/// No poll waits for the export: where it is too slow, polls are passed over.
#[tokio::test]
async fn polls_beyond_what_may_wait_are_missed_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = FakeReceiver::new(vec![]).await;
    let running = run(&settings(receiver.port, &[]), folder.path());
    let beyond = crate::live::UPDATE_BACKLOG + 5;
    for number in 0..beyond {
        running.poll(&format!("h{number}"));
    }
    let mut hosts = Vec::new();
    while hosts.len() < crate::live::UPDATE_BACKLOG {
        hosts.extend(receiver.next().await.hosts());
    }
    assert_eq!(hosts.first().map(String::as_str), Some("h5"));
    assert_eq!(running.metrics.export_polls_missed.get(), 5);
    running.stop().await;
}

#[test]
fn nothing_is_sent_where_no_receiver_is_set_and_what_is_unfit_is_refused() {
    let with = |settings: &config::Export| {
        let resolve = config::Resolve { servers: Vec::new() };
        Receiver::new(settings, &resolve).map(|receiver| receiver.is_some())
    };
    let mut none = settings(1, &[]);
    none.url = None;
    assert!(!with(&none).unwrap());
    assert_eq!(none.queue, ByteSize(1 << 30));
    let mut unfit = settings(1, &[]);
    unfit.url = config::HookUrl::parse("https://a/b");
    unfit.ca_file = Some("/nonexistent/ca.pem".into());
    let words = with(&unfit).unwrap_err().to_string();
    assert!(words.starts_with("export.ca_file must be"), "{words}");
}

/// What waits while the disk takes it is no longer in memory.
#[test]
fn a_request_is_the_same_from_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let queue = ExportQueue::open(folder.path().join("q"), 1 << 20, 1 << 20);
    let form = RequestForm::Write(WriteVersion::Second);
    let request = PackedRequest { form, body: b"body".to_vec(), samples: 1 };
    queue.push(request, WallMs(1));
    let before = queue.first().and_then(|first| first.held().or_else(|| queue.read(&first)));
    queue.keep().unwrap();
    assert_eq!(queue.first().and_then(|first| first.held().or_else(|| queue.read(&first))), before);
    assert_eq!(queue.held(), 0);
}
