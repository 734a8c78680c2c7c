//! A fake probe: the real service definition, a real port, any behaviour. Each one has its own
//! thread and runtime, so that stopping it closes its sockets as the death of a process does.

use std::{
    convert::Infallible,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use axum::{body::Body, http};
use prost::{Message as _, bytes::Bytes};
use roundsman::model::Address;
use roundsman_proto::v1::{
    self,
    probe_server::{Probe, ProbeServer},
};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
};
use tokio_stream::{StreamExt as _, wrappers::TcpListenerStream};
use tonic::{Request, Response, Status, service::Routes, transport::Server};

use super::peers::{self, Peer};

/// The machine id that a fake's answer bears until it is made its own; see [`FakeProbe::machine`].
pub const MACHINE: &str = "0123456789abcdef0123456789abcdef";

type Answers =
    dyn Fn(&Request<v1::GetMetricsRequest>, u64) -> Result<v1::Snapshot, Status> + Send + Sync;

/// What a fake probe does.
#[derive(Clone)]
pub enum Behaviour {
    /// Answers [`answer`].
    Healthy,
    /// The same, but its health service says that it does not serve.
    NotServing,
    /// The same, without a health service.
    NoHealth,
    /// The same, this much later.
    Slow(Duration),
    /// Answers what the function says; its second argument counts calls from 0.
    Answers(Arc<Answers>),
    /// Answers these bytes as if they were a message.
    Bytes(Bytes),
    /// Speaks gRPC, but does not have the probe's service.
    OtherService,
    /// Sends the head of an answer and nothing after.
    StallsAfterHead,
    /// Sends the head of an answer, half a message and nothing after.
    StallsInBody,
    /// Sends half a message and resets the call.
    ResetsInBody,
    /// Sends half a message and a good status.
    Truncated,
    /// Sends a good status and no message.
    NoMessage,
    /// Says that its answer is compressed.
    Compressed,
    /// Sends a message and no status after it.
    WithoutStatus,
    /// Speaks HTTP/2 and answers with this status, which is not gRPC.
    Http(u16),
    /// Accepts and never speaks.
    Hangs,
    /// Accepts and closes.
    Closes,
    /// Accepts and resets.
    Resets,
    /// Accepts, says this, and holds the connection.
    Says(&'static [u8]),
    /// Speaks HTTP/1.1.
    Http1,
}

impl Behaviour {
    /// Answers what `change` makes of [`answer`].
    pub fn changed(change: impl Fn(&mut v1::Snapshot) + Send + Sync + 'static) -> Self {
        Self::Answers(Arc::new(move |_, call| {
            let mut snapshot = answer(call);
            change(&mut snapshot);
            Ok(snapshot)
        }))
    }

    /// Answers this status.
    pub fn status(status: Status) -> Self {
        Self::Answers(Arc::new(move |_, _| Err(status.clone())))
    }
}

/// The healthy answer to call number `call`: a second and some work after the one before.
pub fn answer(call: u64) -> v1::Snapshot {
    let report = |family: v1::Family| v1::FamilyReport {
        family: family.into(),
        status: v1::Status::Ok.into(),
        spent_us: 10,
        error: String::new(),
    };
    let busy = 1_000 + 50 * call;
    let idle = 9_000 + 150 * call;
    v1::Snapshot {
        protocol: 1,
        identity: Some(v1::Identity {
            machine_id: Some(MACHINE.to_owned()),
            boot_id: Some("8e5f8f7c-1d0b-4e39-9b1a-000000000001".to_owned()),
            hostname: Some("fake".to_owned()),
            kernel: Some("6.1.0".to_owned()),
            cpus: Some(2),
            page_size_bytes: 4096,
            ticks_per_second: 100,
            probe_version: "0.1.0".to_owned(),
            ..v1::Identity::default()
        }),
        clocks: Some(v1::Clocks {
            wall_ns: 1_774_747_800_000_000_000,
            boottime_ns: (1_000 + call) * 1_000_000_000,
        }),
        view: v1::View::Host.into(),
        reports: [v1::Family::Cpu, v1::Family::Load, v1::Family::Memory, v1::Family::Network]
            .map(report)
            .into(),
        cpu: Some(v1::Cpu {
            total: Some(v1::CpuTimes {
                user: Some(busy),
                idle: Some(idle),
                ..v1::CpuTimes::default()
            }),
            cores: Some(v1::Cores {
                core: vec![0, 1],
                user: vec![busy, 0],
                idle: vec![0, idle],
                ..v1::Cores::default()
            }),
        }),
        load: Some(v1::Load { load1_hundredths: Some(25), ..v1::Load::default() }),
        memory: Some(v1::Memory {
            total_kib: Some(8_000_000),
            available_kib: Some(6_000_000),
            ..v1::Memory::default()
        }),
        network: Some(v1::Network {
            interface: vec!["eth0".to_owned()],
            rx_bytes: vec![1_000 * call],
            tx_bytes: vec![2_000 * call],
            ..v1::Network::default()
        }),
        ..v1::Snapshot::default()
    }
}

/// A fake probe that listens on 127.0.0.1 until it is stopped or dropped.
pub struct FakeProbe {
    socket: SocketAddr,
    seen: Seen,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Clone)]
struct Seen {
    accepted: Arc<AtomicU64>,
    calls: watch::Sender<u64>,
}

impl Seen {
    /// Counts a call; its number, from 0.
    fn called(&self) -> u64 {
        let mut number = 0;
        self.calls.send_modify(|calls| {
            number = *calls;
            *calls += 1;
        });
        number
    }

    fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }
}

impl FakeProbe {
    /// Starts on a free port.
    pub async fn start(behaviour: Behaviour) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), behaviour).await
    }

    /// Starts on this port.
    pub async fn start_at(socket: SocketAddr, behaviour: Behaviour) -> Self {
        let seen = Seen { accepted: Arc::default(), calls: watch::Sender::new(0) };
        let (stop, stopped) = oneshot::channel();
        let (ready, listening) = oneshot::channel();
        let its = seen.clone();
        let thread = thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind(socket).await.unwrap();
                ready.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = serve(behaviour, listener, its) => {}
                    _ = stopped => {}
                }
            });
            // Dropping the runtime drops every connection.
        });
        let socket = listening.await.unwrap();
        Self { socket, seen, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it listens.
    pub fn socket(&self) -> SocketAddr {
        self.socket
    }

    /// Where it listens, as an inventory has it.
    pub fn address(&self) -> Address {
        Address { host: self.socket.ip().to_string().into(), port: self.socket.port() }
    }

    /// The machine that it says it is, unless its behaviour says another: one per address, the same
    /// after a start anew.
    pub fn machine(&self) -> String {
        machine_at(self.socket)
    }

    /// Calls that came so far.
    pub fn calls(&self) -> u64 {
        *self.seen.calls.borrow()
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> u64 {
        self.seen.accepted.load(Ordering::Relaxed)
    }

    /// Waits until a call has come.
    pub async fn called(&self) {
        self.seen.calls.subscribe().wait_for(|calls| *calls > 0).await.unwrap();
    }

    /// Dies, with all its connections; its address, to start another one there.
    pub fn stop(mut self) -> SocketAddr {
        self.end();
        self.socket
    }

    fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _gone = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !thread::panicking() {
                ended.unwrap();
            }
        }
    }
}

impl Drop for FakeProbe {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for FakeProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FakeProbe({})", self.socket)
    }
}

async fn serve(behaviour: Behaviour, listener: TcpListener, seen: Seen) {
    const HTTP1: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    let peer = match behaviour {
        Behaviour::Hangs => Peer::Hangs,
        Behaviour::Closes => Peer::Closes,
        Behaviour::Resets => Peer::Resets,
        Behaviour::Says(words) => Peer::Says(words),
        Behaviour::Http1 => Peer::AnswersAndCloses(HTTP1),
        _ => return serve_http2(behaviour, listener, seen).await,
    };
    peers::serve(peer, listener, || seen.accepted()).await;
}

async fn serve_http2(behaviour: Behaviour, listener: TcpListener, seen: Seen) {
    let socket = listener.local_addr().unwrap();
    let (reporter, health) = tonic_health::server::health_reporter();
    let routes = match behaviour {
        Behaviour::NoHealth => {
            Routes::new(ProbeServer::new(Fake { socket, behaviour, seen: seen.clone() }))
        }
        Behaviour::NotServing => {
            let not = tonic_health::ServingStatus::NotServing;
            reporter.set_service_status("", not).await;
            let fake = Fake { socket, behaviour, seen: seen.clone() };
            Routes::new(health).add_service(ProbeServer::new(fake))
        }
        Behaviour::Healthy | Behaviour::Slow(_) | Behaviour::Answers(_) => {
            reporter.set_serving::<ProbeServer<Fake>>().await;
            let fake = Fake { socket, behaviour, seen: seen.clone() };
            Routes::new(health).add_service(ProbeServer::new(fake))
        }
        Behaviour::OtherService => Routes::new(health),
        other => {
            let seen = seen.clone();
            let handler = move || {
                seen.called();
                let response = odd_response(&other);
                async move { response }
            };
            axum::Router::new().fallback(handler).into()
        }
    };
    let incoming = TcpListenerStream::new(listener).map(|stream| {
        seen.accepted();
        stream
    });
    Server::builder().add_routes(routes).serve_with_incoming(incoming).await.unwrap();
}

/// A gRPC frame: flag, length, message.
fn frame(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    frame
}

/// Answers that no gRPC library would send.
fn odd_response(behaviour: &Behaviour) -> http::Response<Body> {
    let whole = frame(&answer(0).encode_to_vec());
    let half = Bytes::copy_from_slice(&whole[..whole.len() / 2]);
    let first = |bytes| tokio_stream::once(Ok::<_, Infallible>(bytes));
    let response = http::Response::builder().header("content-type", "application/grpc");
    match behaviour {
        Behaviour::StallsAfterHead => {
            response.body(Body::from_stream(tokio_stream::pending::<Result<Bytes, Infallible>>()))
        }
        Behaviour::StallsInBody => {
            let silence = tokio_stream::pending();
            response.body(Body::from_stream(first(half).chain(silence)))
        }
        Behaviour::ResetsInBody => {
            let failure = tokio_stream::once(Err(std::io::Error::other("out of luck")));
            let half = tokio_stream::once(Ok(half));
            response.body(Body::from_stream(half.chain(failure)))
        }
        Behaviour::WithoutStatus => response.body(Body::from(whole)),
        Behaviour::Bytes(message) => response.body(good(frame(message).into())),
        Behaviour::Truncated => response.body(good(half)),
        Behaviour::NoMessage => response.body(good(Bytes::new())),
        Behaviour::Compressed => {
            response.header("grpc-encoding", "gzip").body(good(frame(&[]).into()))
        }
        Behaviour::Http(status) => {
            http::Response::builder().status(*status).body(Body::from("no gRPC here"))
        }
        _ => unreachable!("not an odd response"),
    }
    .unwrap()
}

/// A body of these bytes with a good status after them.
fn good(bytes: Bytes) -> Body {
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    Body::new(WithTrailers { message: Some(bytes), trailers: Some(trailers) })
}

/// A body of one piece, and trailers.
struct WithTrailers {
    message: Option<Bytes>,
    trailers: Option<http::HeaderMap>,
}

impl tonic::codegen::Body for WithTrailers {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
        let data = self.message.take().map(hyper::body::Frame::data);
        let frame = data.or_else(|| self.trailers.take().map(hyper::body::Frame::trailers));
        std::task::Poll::Ready(frame.map(Ok))
    }
}

/// [`MACHINE`] with the last digits of its own address and port.
fn machine_at(socket: SocketAddr) -> String {
    let last = match socket.ip() {
        std::net::IpAddr::V4(ip) => ip.octets()[3],
        std::net::IpAddr::V6(ip) => ip.octets()[15],
    };
    format!("{}{last:02x}{:04x}", &MACHINE[..MACHINE.len() - 6], socket.port())
}

struct Fake {
    socket: SocketAddr,
    behaviour: Behaviour,
    seen: Seen,
}

#[tonic::async_trait]
impl Probe for Fake {
    async fn get_metrics(
        &self,
        request: Request<v1::GetMetricsRequest>,
    ) -> Result<Response<v1::Snapshot>, Status> {
        let call = self.seen.called();
        let mut snapshot = match &self.behaviour {
            Behaviour::Slow(by) => {
                tokio::time::sleep(*by).await;
                answer(call)
            }
            Behaviour::Answers(answers) => answers(&request, call)?,
            _ => answer(call),
        };
        if let Some(identity) = &mut snapshot.identity
            && identity.machine_id.as_deref() == Some(MACHINE)
        {
            identity.machine_id = Some(machine_at(self.socket));
        }
        Ok(Response::new(snapshot))
    }
}
