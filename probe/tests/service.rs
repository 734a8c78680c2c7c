//! The service over real sockets with a real client: every promise of its module's documentation.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking too")]

use std::{
    collections::BTreeMap,
    fs,
    future::{Future, IntoFuture as _},
    sync::Arc,
    time::Duration,
};

use hyper::body::Bytes;
use prost::Message as _;
use prost_types::FileDescriptorProto;
use roundsman_probe::{
    collect::Collector,
    health,
    root::Root,
    service::{Limits, PEER_SHARE, ServeError, WATCHING_PART, serve},
};
use roundsman_proto::{
    health::{
        HealthCheckRequest, HealthCheckResponse, HealthListRequest,
        health_check_response::ServingStatus, health_client::HealthClient,
    },
    v1::{self, probe_client::ProbeClient},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tonic::{
    Code, Request,
    transport::{Channel, Endpoint},
};

/// Long enough for anything that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is waited for, if it comes: a peer that is not heard is a failure and no hang.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.unwrap()
}

/// A host that is a directory, a service on it, and the way to stop that.
struct Running {
    host: TempDir,
    address: String,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    async fn with(limits: Limits) -> Self {
        let host = tempfile::tempdir().unwrap();
        fs::create_dir(host.path().join("proc")).unwrap();
        fs::write(host.path().join("proc/loadavg"), "0.25 0.10 0.05 2/312 4242\n").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let root = Root::new(host.path().join("proc"), host.path());
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move { drop(stopped.await) };
        let served =
            tokio::spawn(serve(listener, Arc::new(Collector::new(root)), limits, shutdown));
        Self { host, address, stop, served }
    }

    async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.timeout(PATIENCE).connect().await.unwrap()
    }

    async fn probe(&self) -> ProbeClient<Channel> {
        ProbeClient::new(self.channel().await)
    }

    async fn check(&self, service: &str) -> Result<ServingStatus, Code> {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = HealthClient::new(self.channel().await).check(request).await;
        answer.map(|answer| answer.into_inner().status()).map_err(|status| status.code())
    }
}

fn load_only() -> v1::GetMetricsRequest {
    v1::GetMetricsRequest {
        families: vec![v1::Family::Load.into()],
        ..v1::GetMetricsRequest::default()
    }
}

fn load1(snapshot: &v1::Snapshot) -> Option<u32> {
    snapshot.load.and_then(|load| load.load1_hundredths)
}

#[tokio::test]
async fn an_answer_is_read_at_that_moment() {
    let running = Running::new().await;
    let mut probe = running.probe().await;
    let first = probe.get_metrics(load_only()).await.unwrap().into_inner();
    assert_eq!((first.protocol, load1(&first)), (1, Some(25)));
    fs::write(running.host.path().join("proc/loadavg"), "7.00 0.10 0.05 2/312 4242\n").unwrap();
    let second = probe.get_metrics(load_only()).await.unwrap().into_inner();
    assert_eq!(load1(&second), Some(700));
}

/// More kinds of requests than the memo holds, twice over, each answered for itself.
#[tokio::test]
async fn a_remembered_request_is_answered_as_a_new_one() {
    let running = Running::new().await;
    let mut probe = running.probe().await;
    for _ in 0..2 {
        for family in health::families() {
            let families = vec![family.into()];
            let request = v1::GetMetricsRequest { families, ..v1::GetMetricsRequest::default() };
            for _ in 0..2 {
                let answer = probe.get_metrics(request.clone()).await.unwrap().into_inner();
                let reports: Vec<_> = answer.reports.iter().map(v1::FamilyReport::family).collect();
                assert_eq!(reports, [family]);
            }
        }
    }
}

#[tokio::test]
async fn a_family_is_serving_while_it_can_be_read() {
    let running = Running::new().await;
    let load = health::service_name(v1::Family::Load);
    let memory = health::service_name(v1::Family::Memory);
    for (service, status) in [
        ("", ServingStatus::Serving),
        (health::PROBE, ServingStatus::Serving),
        (load.as_str(), ServingStatus::Serving),
        (memory.as_str(), ServingStatus::NotServing),
    ] {
        assert_eq!(running.check(service).await, Ok(status), "{service:?}");
    }
    fs::remove_file(running.host.path().join("proc/loadavg")).unwrap();
    for (service, status) in [
        ("", ServingStatus::Serving),
        (health::PROBE, ServingStatus::NotServing),
        (load.as_str(), ServingStatus::NotServing),
    ] {
        assert_eq!(running.check(service).await, Ok(status), "{service:?} without the file");
    }
}

#[tokio::test]
async fn a_proven_containers_proc_is_not_serving_and_an_unproven_one_is() {
    let running = Running::new().await;
    let init = running.host.path().join("proc/1");
    fs::create_dir_all(init.join("ns")).unwrap();
    fs::write(init.join("mountinfo"), "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n").unwrap();
    assert_eq!(running.check(health::PROBE).await, Ok(ServingStatus::Serving), "unproven");
    let link = init.join("ns/pid");
    for (namespace, status) in
        [("4026532177", ServingStatus::NotServing), ("4026531836", ServingStatus::Serving)]
    {
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(format!("pid:[{namespace}]"), &link).unwrap();
        assert_eq!(running.check(health::PROBE).await, Ok(status), "{namespace}");
        // Servers ask this, and poll it all the same.
        assert_eq!(running.check("").await, Ok(ServingStatus::Serving), "{namespace}");
    }
}

#[tokio::test]
async fn every_family_has_a_health_service_and_others_are_not_found() {
    let running = Running::new().await;
    for family in health::families() {
        let status = running.check(&health::service_name(family)).await;
        assert!(status.is_ok(), "{family:?}: {status:?}");
    }
    assert_eq!(running.check("roundsman.v1.Probe/nosuch").await, Err(Code::NotFound));
}

#[tokio::test]
async fn a_watch_gives_the_present_then_the_stop_then_its_end() {
    let running = Running::new().await;
    let mut client = HealthClient::new(running.channel().await);
    let mut watch = async |service: &str| {
        let request = HealthCheckRequest { service: service.to_owned() };
        client.watch(request).await.unwrap().into_inner()
    };
    let mut known = watch(health::PROBE).await;
    let mut unknown = watch("nosuch").await;
    assert_eq!(soon(known.next()).await.unwrap().unwrap().status(), ServingStatus::Serving);
    assert_eq!(
        soon(unknown.next()).await.unwrap().unwrap().status(),
        ServingStatus::ServiceUnknown
    );
    running.stop.send(()).unwrap();
    assert_eq!(soon(known.next()).await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert!(soon(known.next()).await.is_none());
    soon(running.served).await.unwrap().unwrap();
}

/// The same call in the protocol's two versions, by the client that each has: several questions over
/// one stream, and what came of them.
macro_rules! reflects {
    ($version:ident, $address:expr) => {{
        use tonic_reflection::pb::$version::{
            ExtensionRequest, ServerReflectionRequest,
            server_reflection_client::ServerReflectionClient,
            server_reflection_request::MessageRequest::{
                AllExtensionNumbersOfType, FileByFilename, FileContainingExtension,
                FileContainingSymbol, ListServices,
            },
            server_reflection_response::MessageResponse::{
                AllExtensionNumbersResponse, ErrorResponse, FileDescriptorResponse,
                ListServicesResponse,
            },
        };
        let extension =
            ExtensionRequest { containing_type: "roundsman.v1.Cpu".into(), extension_number: 1 };
        let questions = [
            Some(FileContainingSymbol("roundsman.v1.NoSuch".into())),
            Some(FileByFilename("no/such.proto".into())),
            Some(FileContainingExtension(extension)),
            Some(AllExtensionNumbersOfType("roundsman.v1.NoSuch".into())),
            None,
            Some(AllExtensionNumbersOfType("roundsman.v1.Snapshot".into())),
            Some(FileContainingSymbol("roundsman.v1.Probe.GetMetrics".into())),
            // A value stands beside its enum, not in it.
            Some(FileContainingSymbol("roundsman.v1.FAMILY_CPU".into())),
            Some(FileContainingSymbol("grpc.health.v1.Health.List".into())),
            Some(FileContainingSymbol("grpc.reflection.v1alpha.ServerReflection".into())),
            Some(FileByFilename("roundsman/v1/probe.proto".into())),
            Some(ListServices(String::new())),
        ];
        let asked = questions
            .map(|message_request| ServerReflectionRequest { host: "h".into(), message_request });
        let channel = Endpoint::from_shared(format!("http://{}", $address)).unwrap();
        let mut client = ServerReflectionClient::new(channel.connect().await.unwrap());
        let answers = client.server_reflection_info(tokio_stream::iter(asked.clone())).await;
        let mut answers = answers.unwrap().into_inner();
        let mut told = Vec::new();
        for asked in asked {
            let answer =
                soon(answers.message()).await.unwrap().expect("an answer to each question");
            assert_eq!((answer.valid_host, answer.original_request), ("h".into(), Some(asked)));
            told.push(match answer.message_response.unwrap() {
                ErrorResponse(error) => format!("{:?}", Code::from_i32(error.error_code)),
                FileDescriptorResponse(files) => file_names(&files.file_descriptor_proto),
                AllExtensionNumbersResponse(numbers) => {
                    format!("{} {:?}", numbers.base_type_name, numbers.extension_number)
                }
                ListServicesResponse(list) => {
                    list.service.into_iter().map(|one| one.name).collect::<Vec<_>>().join(" ")
                }
            });
        }
        assert!(soon(answers.message()).await.unwrap().is_none(), "more answers than questions");
        told
    }};
}

fn file_names(files: &[Vec<u8>]) -> String {
    let name = |file: &Vec<u8>| FileDescriptorProto::decode(file.as_slice()).unwrap().name.unwrap();
    files.iter().map(name).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn reflection_answers_every_question_in_both_versions() {
    let running = Running::new().await;
    let expected = [
        "NotFound",
        "NotFound",
        "NotFound",
        "NotFound",
        "InvalidArgument",
        "roundsman.v1.Snapshot []",
        "roundsman/v1/probe.proto",
        "roundsman/v1/probe.proto",
        "grpc/health/v1/health.proto",
        "reflection_v1alpha.proto",
        "roundsman/v1/probe.proto",
        "grpc.health.v1.Health grpc.reflection.v1.ServerReflection \
         grpc.reflection.v1alpha.ServerReflection roundsman.v1.Probe",
    ];
    assert_eq!(reflects!(v1, running.address), expected);
    assert_eq!(reflects!(v1alpha, running.address), expected);
}

#[tokio::test]
async fn every_service_is_listed_with_what_is_asked_of_it_alone() {
    let running = Running::new().await;
    let mut client = HealthClient::new(running.channel().await);
    let mut listed = async || {
        let answer = client.list(HealthListRequest {}).await.unwrap().into_inner().statuses;
        answer.into_iter().map(|(name, one)| (name, one.status())).collect::<BTreeMap<_, _>>()
    };
    let names = health::families().map(health::service_name);
    let names: Vec<String> =
        [String::new(), health::PROBE.to_owned()].into_iter().chain(names).collect();
    for loadavg in ["kept", "gone"] {
        if loadavg == "gone" {
            fs::remove_file(running.host.path().join("proc/loadavg")).unwrap();
        }
        let mut each = BTreeMap::new();
        for name in &names {
            each.insert(name.clone(), running.check(name).await.unwrap());
        }
        let served = each.values().filter(|status| **status == ServingStatus::Serving).count();
        assert!((1..names.len()).contains(&served), "{each:?}");
        assert_eq!(listed().await, each, "{loadavg}");
    }
}

#[tokio::test]
async fn a_bad_pattern_is_an_invalid_argument_that_names_the_field() {
    let running = Running::new().await;
    let mounts = v1::Filter { include: vec![], exclude: vec!["^/ok".into(), "(".into()] };
    let request = v1::GetMetricsRequest { mounts: Some(mounts), ..load_only() };
    let status = running.probe().await.get_metrics(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().starts_with("mounts.exclude[1]: "), "{}", status.message());
    assert!(!status.message().contains('\n'), "{}", status.message());
}

#[tokio::test]
async fn an_oversize_request_is_refused_and_the_connection_lives() {
    let running = Running::new().await;
    let mut probe = running.probe().await;
    let include = vec!["x".repeat(Limits::default().request_bytes)];
    let devices = Some(v1::Filter { include, exclude: vec![] });
    let huge = v1::GetMetricsRequest { devices, ..load_only() };
    assert_eq!(probe.get_metrics(huge).await.unwrap_err().code(), Code::OutOfRange);
    assert_eq!(load1(&probe.get_metrics(load_only()).await.unwrap().into_inner()), Some(25));
}

/// tonic's own client would give up by its own timer, so this one has none.
#[tokio::test]
async fn a_spent_deadline_is_still_answered() {
    let running = Running::new().await;
    let stream = TcpStream::connect(&running.address).await.unwrap();
    let (sender, connection) = hyper::client::conn::http2::handshake(
        hyper_util::rt::TokioExecutor::new(),
        hyper_util::rt::TokioIo::new(stream),
    )
    .await
    .unwrap();
    tokio::spawn(connection.into_future());
    let transport = tower::service_fn(move |request: http::Request<tonic::body::Body>| {
        let mut sender = sender.clone();
        async move { sender.send_request(request).await }
    });
    let origin = format!("http://{}", running.address).parse().unwrap();
    let mut probe = ProbeClient::with_origin(transport, origin);
    for timeout in ["1n", "0S", "1m", "99999999H", "nonsense"] {
        let mut request = Request::new(load_only());
        request.metadata_mut().insert("grpc-timeout", timeout.parse().unwrap());
        let answer = probe.get_metrics(request).await.map(tonic::Response::into_inner);
        let answer = answer.unwrap_or_else(|status| panic!("{timeout}: {status}"));
        let reports: Vec<_> = answer.reports.iter().map(v1::FamilyReport::family).collect();
        assert_eq!(reports, [v1::Family::Load], "{timeout}");
        if timeout == "0S" {
            assert_eq!(answer.reports[0].status(), v1::Status::Timeout);
        }
    }
}

#[tokio::test]
async fn another_path_is_unimplemented_and_says_what_this_is() {
    let running = Running::new().await;
    let mut client = tonic::client::Grpc::new(running.channel().await);
    client.ready().await.unwrap();
    let path = "/other.v1.Service/Do".parse().unwrap();
    let codec = tonic_prost::ProstCodec::<v1::GetMetricsRequest, v1::Snapshot>::default();
    let status = client.unary(Request::new(load_only()), path, codec).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains("roundsman.v1.Probe"), "{}", status.message());
}

/// A call whose headers the service has, and whose message it waits for.
struct InFlight {
    message: mpsc::Sender<v1::GetMetricsRequest>,
    answer: JoinHandle<Result<v1::Snapshot, tonic::Status>>,
}

impl InFlight {
    async fn start(channel: Channel) -> Self {
        let call = Self::start_behind(channel.clone());
        // Streams of a connection are opened in order: once this later one is answered, the
        // service has the first. Its headers must have been sent before, so yield to it.
        tokio::task::yield_now().await;
        let request = HealthCheckRequest::default();
        HealthClient::new(channel).check(request).await.unwrap();
        call
    }

    /// The service has it once it has what was sent before, if there is a place for it.
    fn start_behind(channel: Channel) -> Self {
        let (message, messages) = mpsc::channel(1);
        let mut client = tonic::client::Grpc::new(channel);
        let answer = tokio::spawn(async move {
            client.ready().await.unwrap();
            let path = "/roundsman.v1.Probe/GetMetrics".parse().unwrap();
            let codec = tonic_prost::ProstCodec::<v1::GetMetricsRequest, v1::Snapshot>::default();
            let messages = Request::new(ReceiverStream::new(messages));
            let answer = client.client_streaming(messages, path, codec).await;
            answer.map(tonic::Response::into_inner)
        });
        Self { message, answer }
    }

    async fn finish(self) -> Result<v1::Snapshot, tonic::Status> {
        self.message.send(load_only()).await.unwrap();
        drop(self.message);
        soon(self.answer).await.unwrap()
    }
}

/// A call that lasts: its request is whole, and its answer has no end but the stop.
async fn watching(channel: Channel) -> tonic::Streaming<HealthCheckResponse> {
    let watch = HealthClient::new(channel).watch(HealthCheckRequest::default()).await;
    let mut watch = watch.unwrap().into_inner();
    assert_eq!(soon(watch.message()).await.unwrap().unwrap().status(), ServingStatus::Serving);
    watch
}

#[tokio::test]
async fn a_stop_finishes_the_call_in_flight_and_accepts_no_other() {
    let running = Running::new().await;
    let call = InFlight::start(running.channel().await).await;
    running.stop.send(()).unwrap();
    // The listener is dropped first of all.
    while TcpStream::connect(&running.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!running.served.is_finished());
    assert_eq!(load1(&call.finish().await.unwrap()), Some(25));
    soon(running.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn draining_ends_at_its_limit() {
    let limits = Limits { drain: Duration::from_millis(50), ..Limits::default() };
    let running = Running::with(limits).await;
    let call = InFlight::start(running.channel().await).await;
    running.stop.send(()).unwrap();
    soon(running.served).await.unwrap().unwrap();
    assert!(soon(call.answer).await.unwrap().is_err());
}

#[tokio::test]
async fn a_mute_connection_is_closed() {
    let limits = Limits { preface: Duration::from_millis(50), ..Limits::default() };
    let running = Running::with(limits).await;
    let mut mute = TcpStream::connect(&running.address).await.unwrap();
    // What hyper says first (its SETTINGS) may come before the end.
    soon(mute.read_to_end(&mut Vec::new())).await.unwrap();
    assert_eq!(running.check("").await, Ok(ServingStatus::Serving));
}

#[tokio::test]
async fn garbage_harms_only_its_own_connection() {
    let running = Running::new().await;
    for garbage in [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], &[0xff; 4096]] {
        let mut peer = TcpStream::connect(&running.address).await.unwrap();
        peer.write_all(garbage).await.unwrap();
        // Closed, politely or by reset.
        let _ = soon(peer.read_to_end(&mut Vec::new())).await;
    }
    assert_eq!(running.check("").await, Ok(ServingStatus::Serving));
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_the_others_live() {
    let full_wait = Duration::from_millis(50);
    let limits = Limits { connections: 1, full_wait, ..Limits::default() };
    let running = Running::with(limits).await;
    let mut watch = watching(running.channel().await).await;
    // One waits in vain, one may not even wait.
    for _ in 0..2 {
        let mut other = TcpStream::connect(&running.address).await.unwrap();
        let mut said = Vec::new();
        soon(other.read_to_end(&mut said)).await.unwrap();
        assert_eq!(said, b"");
    }
    running.stop.send(()).unwrap();
    assert_eq!(soon(watch.message()).await.unwrap().unwrap().status(), ServingStatus::NotServing);
}

#[tokio::test]
async fn a_request_without_an_end_holds_no_place() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let running = Running::with(limits).await;
    let half = InFlight::start(running.channel().await).await;
    assert_eq!(running.check("").await, Ok(ServingStatus::Serving));
    soon(half.answer).await.unwrap().expect_err("its connection gave way");
}

#[tokio::test]
async fn a_request_without_an_end_fails_in_time_and_one_that_ends_does_not() {
    let running = Running::with(Limits { request: Duration::ZERO, ..Limits::default() }).await;
    let channel = running.channel().await;
    let half = InFlight::start_behind(channel.clone());
    let ended = soon(half.answer).await;
    let answer = ended.unwrap().unwrap_err();
    assert_eq!(answer.code(), Code::DeadlineExceeded, "{answer}");
    assert!(answer.message().contains("did not end in time"), "{answer}");
    // Its connection lives, and what the answer takes does not count.
    let mut watch = watching(channel.clone()).await;
    running.stop.send(()).unwrap();
    assert_eq!(soon(watch.message()).await.unwrap().unwrap().status(), ServingStatus::NotServing);
}

/// An HTTP/2 preface with empty SETTINGS (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// A PING (RFC 9113, 6.7).
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// A connection that speaks HTTP/2 and makes no call.
async fn idle(address: &str, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
    stream.write_all(PREFACE).await.unwrap();
    stream
}

#[tokio::test]
async fn idle_connections_of_one_peer_keep_nobody_else_out() {
    let running = Running::new().await;
    let from = |address: &str| {
        let endpoint = Endpoint::from_shared(format!("http://{}", running.address)).unwrap();
        endpoint.local_address(Some(address.parse().unwrap()))
    };
    let polling = from("127.0.0.3").connect().await.unwrap();
    ProbeClient::new(polling.clone()).get_metrics(load_only()).await.unwrap();
    let mut crowd = Vec::new();
    for _ in 0..Limits::default().connections + 6 {
        crowd.push(idle(&running.address, "127.0.0.2").await);
    }
    assert_eq!(running.check("").await, Ok(ServingStatus::Serving));
    // The one that was there has kept its place, and others of its peer find one, too.
    ProbeClient::new(polling).get_metrics(load_only()).await.unwrap();
    let another = from("127.0.0.3").connect().await.unwrap();
    ProbeClient::new(another).get_metrics(load_only()).await.unwrap();
    // The first of the crowd gave way to the last, which has its place.
    soon(crowd[0].read_to_end(&mut Vec::new())).await.ok();
    let mut head = [0; 9];
    soon(crowd.last_mut().unwrap().read_exact(&mut head)).await.unwrap();
    assert_eq!(head[3], 4, "{head:?}");
}

#[tokio::test]
async fn a_crowd_of_peers_that_make_no_call_gives_way_to_who_does() {
    let running = Running::new().await;
    let mut crowd = Vec::new();
    for n in 0..Limits::default().connections {
        crowd.push(idle(&running.address, &format!("127.0.1.{}", n + 1)).await);
    }
    let mut probe = running.probe().await;
    probe.get_metrics(load_only()).await.unwrap();
    for n in 0..Limits::default().connections {
        crowd.push(idle(&running.address, &format!("127.0.2.{}", n + 1)).await);
    }
    // It has called, so it stayed.
    soon(crowd[0].read_to_end(&mut Vec::new())).await.ok();
    probe.get_metrics(load_only()).await.unwrap();
}

#[tokio::test]
async fn pings_do_not_keep_a_connection_and_a_call_does() {
    let short = Duration::from_millis(50);
    let limits = Limits { idle: short, drain: short, ..Limits::default() };
    let running = Running::with(limits).await;
    let mut watch = watching(running.channel().await).await;
    let mut pinging = idle(&running.address, "127.0.0.1").await;
    let mut heard = [0; 256];
    let closed = async {
        while pinging.write_all(PING).await.is_ok()
            && pinging.read(&mut heard).await.is_ok_and(|bytes| bytes > 0)
        {}
    };
    soon(closed).await;
    running.stop.send(()).unwrap();
    assert_eq!(soon(watch.message()).await.unwrap().unwrap().status(), ServingStatus::NotServing);
}

#[tokio::test]
async fn calls_over_the_limit_of_a_connection_wait_for_their_turn() {
    let running = Running::with(Limits { streams: 2, ..Limits::default() }).await;
    let channel = running.channel().await;
    // Its answer comes after the SETTINGS that tell the limit.
    let mut probe = ProbeClient::new(channel.clone());
    probe.get_metrics(load_only()).await.unwrap();
    let first = InFlight::start(channel.clone()).await;
    let second = InFlight::start_behind(channel.clone());
    let third = tokio::spawn(async move { probe.get_metrics(load_only()).await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!third.is_finished(), "it was taken beside two others");
    first.finish().await.unwrap();
    soon(third).await.unwrap().unwrap();
    second.finish().await.unwrap();
}

#[tokio::test]
async fn headers_over_the_limit_are_refused_and_the_connection_lives() {
    let running = Running::new().await;
    let mut probe = running.probe().await;
    let mut request = Request::new(load_only());
    request.metadata_mut().insert("x-long", "x".repeat(9 * 1_024).parse().unwrap());
    let refused = probe.get_metrics(request).await.unwrap_err();
    assert_ne!(refused.code(), Code::Unavailable, "{refused}");
    probe.get_metrics(load_only()).await.unwrap();
}

#[tokio::test]
async fn a_place_that_becomes_free_goes_to_who_waits_for_it() {
    let long = Duration::from_secs(60);
    let limits = Limits { connections: 1, full_wait: long, preface: long, ..Limits::default() };
    let running = Running::with(limits).await;
    let first = watching(running.channel().await).await;
    let mut second = TcpStream::connect(&running.address).await.unwrap();
    // The probe has met it, with the only place taken, before that becomes free.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    // With its channel, and so the connection.
    drop(first);
    second.write_all(PREFACE).await.unwrap();
    // Answered with a frame of SETTINGS.
    let mut head = [0; 9];
    soon(second.read_exact(&mut head)).await.unwrap();
    assert_eq!(head[3], 4, "{head:?}");
}

/// A client of HTTP/2 that takes nothing of what is answered to it, and the end of its connection.
async fn takes_nothing(address: &str, path: &str) -> JoinHandle<()> {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut builder = h2::client::Builder::new();
    let (mut sender, connection) =
        builder.initial_window_size(0).handshake::<_, Bytes>(stream).await.unwrap();
    let ended = tokio::spawn(async move { drop(connection.await) });
    let request = http::Request::post(format!("http://{address}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    let (answer, mut message) = sender.send_request(request.body(()).unwrap(), false).unwrap();
    // An empty message: not compressed, and no bytes.
    message.send_data(Bytes::from_static(&[0; 5]), true).unwrap();
    let answer = soon(answer).await.unwrap();
    assert_eq!(answer.status(), 200);
    tokio::spawn(async move {
        // Held until the connection's end.
        let _held = (sender, answer, message);
        std::future::pending::<()>().await;
    });
    ended
}

const GET_METRICS: &str = "/roundsman.v1.Probe/GetMetrics";

#[tokio::test]
async fn an_answer_that_is_not_taken_ends_its_connection() {
    let taken = Duration::from_millis(50);
    let running = Running::with(Limits { taken, ..Limits::default() }).await;
    for path in [GET_METRICS, "/grpc.health.v1.Health/Watch"] {
        let ended = takes_nothing(&running.address, path).await;
        soon(ended).await.unwrap();
    }
    // A watch that is read waits for the probe, not the probe for it.
    let mut watch = watching(running.channel().await).await;
    assert!(timeout(taken * 4, watch.message()).await.is_err(), "it was ended");
}

#[tokio::test]
async fn an_answer_that_is_not_taken_holds_no_place() {
    let limits = Limits { connections: 1, taken: PATIENCE * 60, ..Limits::default() };
    let running = Running::with(limits).await;
    let ended = takes_nothing(&running.address, GET_METRICS).await;
    assert_eq!(running.check("").await, Ok(ServingStatus::Serving));
    soon(ended).await.unwrap();
}

#[tokio::test]
async fn watches_hold_a_part_of_the_places_and_of_it_each_peer_its_share() {
    let running = Running::new().await;
    let all = Limits::default().connections / WATCHING_PART;
    let share = all / PEER_SHARE;
    assert!(share > 1, "{share}");
    let from = async |last: usize| {
        let endpoint = Endpoint::from_shared(format!("http://{}", running.address)).unwrap();
        let endpoint = endpoint.timeout(PATIENCE);
        let endpoint = endpoint.local_address(Some(format!("127.0.3.{last}").parse().unwrap()));
        endpoint.connect().await.unwrap()
    };
    let refusal = async |channel: Channel| {
        let watch = HealthClient::new(channel).watch(HealthCheckRequest::default()).await;
        let refused = watch.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
        refused.message().to_owned()
    };
    let mut watches = Vec::new();
    for peer in 1..=PEER_SHARE {
        for _ in 0..share {
            let channel = from(peer).await;
            // However much one connection watches, it is one.
            watches.push((watching(channel.clone()).await, watching(channel).await));
        }
        let said = refusal(from(peer).await).await;
        assert!(said.contains(&format!("{share} connections of one peer")), "{said}");
    }
    assert_eq!(watches.len(), all);
    let other = from(99).await;
    let said = refusal(other.clone()).await;
    assert!(said.contains(&format!("{all} in all")), "{said}");
    ProbeClient::new(other.clone()).get_metrics(load_only()).await.unwrap();
    assert_eq!(running.check("").await, Ok(ServingStatus::Serving));
    watches.pop();
    let again = async {
        while HealthClient::new(other.clone()).watch(HealthCheckRequest::default()).await.is_err() {
        }
    };
    soon(again).await;
}
