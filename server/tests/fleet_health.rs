//! The fleet's health over real gRPC: every service and its word, pushes on every transition, and
//! what bounds whoever watches.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper::body::Bytes;
use roundsman::{
    clock::ManualClock,
    grpc::{self, Board, GrpcLimits},
    live::{Gathered, HostView, Live, Recent},
    model::{GroupName, HostId, HostName, State, VersionId},
    units::{Mono, Now, WallMs},
    web::{ConnectionLimits, MAX_STREAMS},
};
use roundsman_proto::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest,
    health_check_response::ServingStatus::{self, NotServing, ServiceUnknown, Serving, Unknown},
    health_client::HealthClient,
};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use tonic::{
    Code, Streaming,
    transport::{Channel, Endpoint},
};

/// Long enough for anything that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

const NOW: WallMs = WallMs(1_774_747_800_000);

fn view(name: &str, group: Option<&str>, state: State) -> HostView {
    HostView {
        id: HostId(1),
        name: HostName::new(name).unwrap(),
        group: group.map(|group| GroupName::new(group).unwrap()),
        labels: Arc::default(),
        addresses: Arc::default(),
        schedule: "every 10s".into(),
        interval: Duration::from_secs(10),
        state,
        flapping: false,
        parent: None,
        unreachable_because: None,
        paused_until: None,
        since: NOW,
        reason: "".into(),
        cause: None,
        facts: Arc::default(),
        last: None,
        last_good: None,
        answer: None,
        recent: Recent::default(),
        gathered: Gathered::after(None),
        next_due: None,
        alarms: Arc::default(),
    }
}

/// A served board over a live view that the test fills.
struct Served {
    live: Arc<Live>,
    clock: Arc<ManualClock>,
    store_takes_rows: Arc<AtomicBool>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Served {
    async fn start() -> Self {
        Self::start_with(GrpcLimits::listing(100)).await
    }

    async fn start_with(limits: GrpcLimits) -> Self {
        let live = Arc::new(Live::default());
        live.update_server(|server| {
            server.ready = true;
            server.started = NOW;
            server.last_round = NOW;
            server.last_cron_round = NOW;
            server.inventory = Some((VersionId(1), "c0ffee".into(), NOW));
        });
        let clock = Arc::new(ManualClock::new(Now { wall: NOW, mono: Mono::default() }));
        let store_takes_rows = Arc::new(AtomicBool::new(true));
        let takes = Arc::clone(&store_takes_rows);
        let takes = Box::new(move || takes.load(Ordering::Relaxed));
        let board = Board::new(Arc::clone(&live), Arc::clone(&clock) as Arc<_>, takes);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let metrics = Arc::new(roundsman::metrics::Metrics::new());
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let task = tokio::spawn(grpc::serve(
            listener.into(),
            Arc::new(board),
            limits,
            metrics,
            None,
            stopped,
        ));
        Self { live, clock, store_takes_rows, address, stop: Some(stop), task }
    }

    async fn client(&self) -> HealthClient<Channel> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        HealthClient::new(endpoint.timeout(PATIENCE).connect().await.unwrap())
    }

    fn host(&self, name: &str, group: Option<&str>, state: State) {
        self.live.publish(view(name, group, state));
    }
}

fn request(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

async fn check(client: &mut HealthClient<Channel>, service: &str) -> ServingStatus {
    client.check(request(service)).await.unwrap().into_inner().status()
}

async fn watch(
    client: &mut HealthClient<Channel>,
    service: &str,
) -> Streaming<HealthCheckResponse> {
    client.watch(request(service)).await.unwrap().into_inner()
}

/// The next message of a watch; none at its end.
async fn next(stream: &mut Streaming<HealthCheckResponse>) -> Option<ServingStatus> {
    let message = timeout(PATIENCE, stream.message()).await.unwrap().unwrap();
    message.map(|message| message.status())
}

#[tokio::test]
async fn every_service_has_its_word() {
    let site = Served::start().await;
    for (name, group, state) in [
        ("up", "good", State::Up),
        ("degraded", "good", State::Degraded),
        ("suspect", "good", State::Suspect),
        ("down", "bad", State::Down),
        ("neighbour", "bad", State::Up),
        ("paused", "off", State::Paused),
        ("pending", "new", State::Pending),
    ] {
        site.host(name, Some(group), state);
    }
    let expected = [
        ("", Serving),
        ("store", Serving),
        ("inventory", Serving),
        ("scheduler", Serving),
        ("host/up", Serving),
        ("host/degraded", Serving),
        ("host/suspect", Serving),
        ("host/down", NotServing),
        ("host/neighbour", Serving),
        ("host/paused", NotServing),
        ("host/pending", Unknown),
        ("group/good", Serving),
        ("group/bad", NotServing),
        ("group/off", NotServing),
        ("group/new", Unknown),
    ];
    let mut client = site.client().await;
    for (service, status) in expected {
        assert_eq!(check(&mut client, service).await, status, "{service}");
    }
    for unknown in ["host/nobody", "group/none", "hosts", "roundsman.v1.Probe", "host/"] {
        let refused = client.check(request(unknown)).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{unknown}");
        assert!(refused.message().contains(unknown), "{}", refused.message());
    }
    let listed = client.list(HealthListRequest {}).await.unwrap().into_inner().statuses;
    let listed: BTreeMap<_, _> = listed.iter().map(|(name, s)| (&**name, s.status())).collect();
    assert_eq!(listed, BTreeMap::from(expected));
}

#[tokio::test]
async fn the_servers_own_services_follow_what_it_does() {
    let site = Served::start().await;
    let mut client = site.client().await;
    site.store_takes_rows.store(false, Ordering::Relaxed);
    assert_eq!(check(&mut client, "store").await, NotServing);
    assert_eq!(check(&mut client, "").await, Serving, "polling goes on without the store");

    site.live.update_server(|server| server.inventory_error = Some("line 3".into()));
    assert_eq!(check(&mut client, "inventory").await, NotServing, "the file is not in force");
    assert_eq!(check(&mut client, "").await, Serving);

    // The cron scheduler falls silent, the engine's own guard opens rounds.
    let later = NOW.plus(Duration::from_secs(61));
    site.clock.step_wall(later);
    site.live.update_server(|server| server.last_round = later);
    assert_eq!(check(&mut client, "scheduler").await, NotServing);
    assert_eq!(check(&mut client, "").await, Serving);

    // Nobody opens rounds: the engine hangs.
    site.clock.step_wall(later.plus(Duration::from_secs(61)));
    assert_eq!(check(&mut client, "").await, NotServing);
}

#[tokio::test]
async fn a_watch_hears_the_present_state_and_then_every_transition() {
    let site = Served::start().await;
    site.host("web-1", Some("web"), State::Up);
    let mut client = site.client().await;
    let mut host = watch(&mut client, "host/web-1").await;
    let mut group = watch(&mut client, "group/web").await;
    let mut later = watch(&mut client, "host/web-2").await;
    assert_eq!(next(&mut host).await, Some(Serving));
    assert_eq!(next(&mut group).await, Some(Serving));
    assert_eq!(next(&mut later).await, Some(ServiceUnknown), "known later, perhaps");

    // Suspect is no change to whoever asks; down is, for the group too.
    site.host("web-1", Some("web"), State::Suspect);
    site.host("web-1", Some("web"), State::Down);
    assert_eq!(next(&mut host).await, Some(NotServing));
    assert_eq!(next(&mut group).await, Some(NotServing));

    site.host("web-2", Some("web"), State::Pending);
    assert_eq!(next(&mut later).await, Some(Unknown));
    site.host("web-2", Some("web"), State::Up);
    assert_eq!(next(&mut later).await, Some(Serving));

    site.live.remove(&HostName::new("web-1").unwrap());
    assert_eq!(next(&mut host).await, Some(ServiceUnknown), "gone from the inventory");
    assert_eq!(next(&mut group).await, Some(Serving));
}

#[tokio::test]
async fn what_silence_changes_is_pushed_too() {
    let site = Served::start().await;
    let mut client = site.client().await;
    let mut server = watch(&mut client, "").await;
    assert_eq!(next(&mut server).await, Some(Serving));
    // Nothing is published: only the clock goes on.
    site.clock.step_wall(NOW.plus(Duration::from_secs(61)));
    assert_eq!(next(&mut server).await, Some(NotServing));
}

#[tokio::test]
async fn a_slow_watcher_hears_the_newest_state_and_not_all_in_between() {
    let site = Served::start().await;
    site.host("web-1", None, State::Up);
    let mut client = site.client().await;
    let mut host = watch(&mut client, "host/web-1").await;
    assert_eq!(next(&mut host).await, Some(Serving));
    // All of them before anybody on this thread can push.
    for _ in 0..1_000 {
        site.host("web-1", None, State::Down);
        site.host("web-1", None, State::Up);
    }
    site.host("web-1", None, State::Down);
    assert_eq!(next(&mut host).await, Some(NotServing));
    site.host("web-1", None, State::Pending);
    assert_eq!(next(&mut host).await, Some(Unknown), "nothing of the thousand is left over");
}

#[tokio::test]
async fn watches_are_bounded_and_a_place_is_free_when_its_watcher_goes() {
    let site = Served::start_with(GrpcLimits { watches: 2, ..GrpcLimits::listing(100) }).await;
    let mut client = site.client().await;
    let (first, second) = (watch(&mut client, "").await, watch(&mut client, "").await);
    let refused = client.watch(request("")).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(refused.message(), "2 watches are open already");
    assert_eq!(check(&mut client, "").await, Serving, "asking goes on");
    drop(first);
    let again = async { while client.watch(request("")).await.is_err() {} };
    timeout(PATIENCE, again).await.unwrap();
    drop(second);
}

#[tokio::test]
async fn calls_over_the_limit_of_a_connection_wait() {
    let site = Served::start().await;
    let mut client = site.client().await;
    let mut held = Vec::new();
    for _ in 0..MAX_STREAMS {
        held.push(watch(&mut client, "").await);
    }
    let mut other = client.clone();
    let mut waiting = tokio::spawn(async move { check(&mut other, "").await });
    // Somebody else's connection is served meanwhile, this one is not.
    let mut neighbour = site.client().await;
    for _ in 0..20 {
        assert_eq!(check(&mut neighbour, "").await, Serving);
    }
    assert!(!waiting.is_finished(), "served over the limit");
    held.pop();
    assert_eq!(timeout(PATIENCE, &mut waiting).await.unwrap().unwrap(), Serving);
}

#[tokio::test]
async fn a_list_that_is_too_long_is_refused_with_what_to_do() {
    let site = Served::start_with(GrpcLimits::listing(6)).await;
    let mut client = site.client().await;
    site.host("web-1", Some("web"), State::Up);
    let listed = client.list(HealthListRequest {}).await.unwrap().into_inner().statuses;
    assert_eq!(listed.len(), 6);
    site.host("web-2", Some("web"), State::Up);
    let refused = client.list(HealthListRequest {}).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("more than 6 services (grpc.list_max)"), "{refused}");
}

#[tokio::test]
async fn names_and_requests_that_are_too_long_are_refused() {
    let site = Served::start().await;
    let mut client = site.client().await;
    let long = format!("host/{}", "x".repeat(grpc::MAX_SERVICE_BYTES));
    assert_eq!(client.check(request(&long)).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(client.watch(request(&long)).await.unwrap_err().code(), Code::InvalidArgument);
    let huge = "x".repeat(grpc::MAX_REQUEST_BYTES);
    assert_eq!(client.check(request(&huge)).await.unwrap_err().code(), Code::OutOfRange);
}

#[tokio::test]
async fn a_watch_ends_with_the_last_word_of_a_server_that_stops() {
    let mut site = Served::start().await;
    let mut client = site.client().await;
    let mut server = watch(&mut client, "").await;
    assert_eq!(next(&mut server).await, Some(Serving));
    site.live.update_server(|server| server.stopping = true);
    drop(site.stop.take());
    assert_eq!(next(&mut server).await, Some(NotServing));
    assert_eq!(next(&mut server).await, None);
    timeout(PATIENCE, site.task).await.unwrap().unwrap();
    assert!(TcpStream::connect(site.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let connections = ConnectionLimits {
        header_wait: Duration::from_millis(50),
        ..GrpcLimits::listing(100).connections
    };
    let site = Served::start_with(GrpcLimits { connections, ..GrpcLimits::listing(100) }).await;
    let mut silent = TcpStream::connect(site.address).await.unwrap();
    // Ends only because the server closes.
    assert_eq!(timeout(PATIENCE, silent.read(&mut [0; 64])).await.unwrap().unwrap(), 0);
}

/// The same call in the protocol's two versions, by the client that each has.
macro_rules! reflects {
    ($version:ident, $address:expr) => {{
        use tonic_reflection::pb::$version::{
            ServerReflectionRequest,
            server_reflection_client::ServerReflectionClient,
            server_reflection_request::MessageRequest::{FileContainingSymbol, ListServices},
            server_reflection_response::MessageResponse::{
                ErrorResponse, FileDescriptorResponse, ListServicesResponse,
            },
        };
        let asked = [
            FileContainingSymbol("roundsman.v1.Probe".into()),
            FileContainingSymbol("grpc.health.v1.Health.List".into()),
            ListServices(String::new()),
        ];
        let asked = asked
            .map(|one| ServerReflectionRequest { host: String::new(), message_request: Some(one) });
        let channel = Endpoint::from_shared(format!("http://{}", $address)).unwrap();
        let mut client = ServerReflectionClient::new(channel.connect().await.unwrap());
        let answers = client.server_reflection_info(tokio_stream::iter(asked)).await.unwrap();
        let mut answers = answers.into_inner();
        let mut told = Vec::new();
        while let Some(answer) = answers.message().await.unwrap() {
            told.push(match answer.message_response.unwrap() {
                ErrorResponse(error) => format!("{:?}", Code::from_i32(error.error_code)),
                FileDescriptorResponse(files) => {
                    let first = prost_types::FileDescriptorProto::decode(
                        files.file_descriptor_proto[0].as_slice(),
                    );
                    first.unwrap().name.unwrap()
                }
                ListServicesResponse(list) => {
                    list.service.into_iter().map(|one| one.name).collect::<Vec<_>>().join(" ")
                }
                other => format!("{other:?}"),
            });
        }
        told
    }};
}

#[tokio::test]
async fn reflection_tells_of_the_service_with_its_list_in_both_versions() {
    use prost::Message as _;
    let site = Served::start().await;
    let expected = [
        "NotFound",
        "grpc/health/v1/health.proto",
        "grpc.health.v1.Health grpc.reflection.v1.ServerReflection \
         grpc.reflection.v1alpha.ServerReflection",
    ];
    assert_eq!(reflects!(v1, site.address), expected);
    assert_eq!(reflects!(v1alpha, site.address), expected);
}

/// Pings are answered, and count for nothing.
#[tokio::test]
async fn pings_do_not_keep_a_connection_open_that_asks_nothing() {
    let idle = Duration::from_millis(50);
    let connections = ConnectionLimits { idle, ..GrpcLimits::listing(100).connections };
    let site = Served::start_with(GrpcLimits { connections, ..GrpcLimits::listing(100) }).await;
    let stream = TcpStream::connect(site.address).await.unwrap();
    let (_sender, mut connection) = h2::client::handshake(stream).await.unwrap();
    let mut pings = connection.ping_pong().unwrap();
    let pinging = async { while pings.ping(h2::Ping::opaque()).await.is_ok() {} };
    // Ends only because the server closes.
    let closed = async { tokio::join!(connection, pinging) };
    assert!(timeout(PATIENCE, closed).await.is_ok(), "pings keep it open");
}

#[tokio::test]
async fn a_watch_is_not_idle() {
    let idle = Duration::from_millis(20);
    let connections =
        ConnectionLimits { connections: 2, idle, ..GrpcLimits::listing(100).connections };
    let site = Served::start_with(GrpcLimits { connections, ..GrpcLimits::listing(100) }).await;
    site.host("web-1", None, State::Up);
    let mut client = site.client().await;
    let mut host = watch(&mut client, "host/web-1").await;
    assert_eq!(next(&mut host).await, Some(Serving));
    // Connections come and go for longer than it may be idle, and each finds a place.
    for _ in 0..20 {
        let mut silent = TcpStream::connect(site.address).await.unwrap();
        let _other = TcpStream::connect(site.address).await.unwrap();
        let mut said = [0; 64];
        tokio::select! {
            gone = timeout(PATIENCE, silent.read(&mut said)) => {
                assert_eq!(gone.unwrap().unwrap(), 0, "an idle one gave way");
            }
            message = host.message() => panic!("the watch gave way: {message:?}"),
        }
    }
    site.host("web-1", None, State::Down);
    assert_eq!(next(&mut host).await, Some(NotServing));
}

/// A client that has no room for the answer, and reads all that comes.
#[tokio::test]
async fn an_answer_that_is_not_taken_ends_its_connection() {
    let stall = Duration::from_millis(50);
    let connections = ConnectionLimits { stall, ..GrpcLimits::listing(100).connections };
    let site = Served::start_with(GrpcLimits { connections, ..GrpcLimits::listing(100) }).await;
    for method in ["Watch", "Check"] {
        let stream = TcpStream::connect(site.address).await.unwrap();
        let mut builder = h2::client::Builder::new();
        let begun = builder.initial_window_size(0).handshake::<_, Bytes>(stream).await;
        let (mut sender, connection) = begun.unwrap();
        let uri = format!("http://{}/grpc.health.v1.Health/{method}", site.address);
        let request = http::Request::post(uri)
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        let (answer, mut message) = sender.send_request(request.body(()).unwrap(), false).unwrap();
        // An empty message: not compressed, and no bytes.
        message.send_data(Bytes::from_static(&[0; 5]), true).unwrap();
        let _ended = timeout(PATIENCE, connection).await.expect("its place is held");
        assert_eq!(answer.await.unwrap().status(), 200, "{method}");
    }
    // A watch that is read waits for news.
    let mut client = site.client().await;
    let mut host = watch(&mut client, "").await;
    assert_eq!(next(&mut host).await, Some(Serving));
    assert!(timeout(stall * 4, host.message()).await.is_err(), "it was ended");
}

#[tokio::test]
async fn connections_that_watch_leave_places_to_who_asks() {
    let connections = ConnectionLimits { connections: 4, ..GrpcLimits::listing(100).connections };
    let site = Served::start_with(GrpcLimits { connections, ..GrpcLimits::listing(100) }).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut client = site.client().await;
        held.push((watch(&mut client, "").await, client));
    }
    let mut client = site.client().await;
    let refused = client.watch(request("")).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().starts_with("3 connections watch already"), "{refused}");
    assert_eq!(check(&mut client, "").await, Serving);
    // Over one that watches already there is room.
    watch(&mut held[0].1, "store").await;
    held.pop();
    let again = async { while client.watch(request("")).await.is_err() {} };
    timeout(PATIENCE, again).await.unwrap();
}
