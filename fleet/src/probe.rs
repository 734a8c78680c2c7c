//! One fake probe: a socket that behaves as its personality says, whatever that is at the moment.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::net::{Shutdown, listen, shutdown};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{Notify, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    clock::{Start, wall_ns},
    grpc::{self, Answer, Code, Method},
    machine::{Machine, Who, huge, marked_up},
    personality::{Manner, Personality, Stage},
    secure::Secure,
};

/// Connections that may wait to be accepted.
const BACKLOG: u16 = 16;

/// Longer than loopback takes to connect, if it is going to.
const CONNECTED: Duration = Duration::from_millis(200);

/// How long to wait after an attempt to accept that failed.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

/// What a babbling probe says: neither HTTP/2 nor HTTP/1 nor TLS.
const BABBLE: &[u8] = b"\xde\xad\xbe\xef no HTTP is spoken here\r\n";

/// What the probes of a fleet share: when it started, and what they were asked in all.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) start: Start,
    /// Connections accepted, and those open now.
    pub(crate) accepted: AtomicU64,
    pub(crate) open: AtomicU64,
    /// TLS handshakes made.
    pub(crate) handshakes: AtomicU64,
    /// Calls of `GetMetrics` and of `Check`.
    pub(crate) polls: AtomicU64,
    pub(crate) checks: AtomicU64,
    /// The one huge answer, made when it is first asked for.
    huge: OnceLock<Bytes>,
}

impl Shared {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Start::now(),
            accepted: AtomicU64::new(0),
            open: AtomicU64::new(0),
            handshakes: AtomicU64::new(0),
            polls: AtomicU64::new(0),
            checks: AtomicU64::new(0),
            huge: OnceLock::new(),
        })
    }
}

/// One fake probe.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) socket: SocketAddr,
    pub(crate) personality: watch::Sender<Personality>,
    machine: Mutex<Machine>,
    secure: Option<Secure>,
    shared: Arc<Shared>,
}

impl Probe {
    /// Takes the probe's address for as long as it lives; port 0 becomes a free one.
    pub(crate) fn bind(
        socket: SocketAddr,
        machine: Machine,
        personality: Personality,
        secure: Option<Secure>,
        shared: &Arc<Shared>,
    ) -> io::Result<(Arc<Self>, TcpListener)> {
        let listener = bind(socket)?;
        let probe = Self {
            socket: listener.local_addr()?,
            personality: watch::Sender::new(personality),
            machine: Mutex::new(machine),
            secure,
            shared: Arc::clone(shared),
        };
        Ok((Arc::new(probe), listener))
    }

    fn now(&self) -> (Stage, Manner) {
        self.personality.borrow().at(self.shared.start.elapsed())
    }

    /// Lives until it is aborted. A change of stage closes every connection, as the death of a
    /// process does; a change of manner is met by the next call.
    pub(crate) async fn run(self: Arc<Self>, mut listener: TcpListener) {
        let mut changes = self.personality.subscribe();
        loop {
            let (stage, _) = self.now();
            let same = async {
                loop {
                    let next = changes.borrow_and_update().next_change(self.shared.start.elapsed());
                    if self.now().0 != stage {
                        return;
                    }
                    tokio::select! {
                        _ = changes.changed() => {}
                        () = sleep(next.unwrap_or_default()), if next.is_some() => {}
                    }
                }
            };
            tokio::select! {
                () = self.act(stage, &listener) => {}
                () = same => {}
            }
            // Registered anew: what the reactor knows of a socket that stopped, it keeps for ever.
            match listener.into_std().and_then(TcpListener::from_std) {
                Ok(again) => listener = again,
                Err(error) => {
                    return roundsman_os::log::note(&format!("{}: ends: {error}", self.socket));
                }
            }
        }
    }

    /// Does what a stage is, for ever. The socket stays bound throughout, so that nobody else gets
    /// its address and no change of stage can fail for want of it: Linux lets a socket that listens
    /// change its queue, stop, and begin anew (`inet_listen`, `inet_shutdown` in `net/ipv4/af_inet.c`).
    async fn act(self: &Arc<Self>, stage: Stage, listener: &TcpListener) {
        let begun = match stage {
            Stage::Closed => shutdown(listener, Shutdown::Read),
            Stage::Unreachable => listen(listener, 0),
            Stage::Serving | Stage::Mute | Stage::Babbling => listen(listener, BACKLOG.into()),
        };
        if let Err(error) = begun {
            roundsman_os::log::note(&format!("{}: cannot be {stage:?}: {error}", self.socket));
        }
        match stage {
            Stage::Closed => std::future::pending().await,
            Stage::Unreachable => fill(self.socket).await,
            Stage::Serving | Stage::Mute | Stage::Babbling => {}
        }
        // Dropping the set closes what is in it.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                Some(_ended) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(Arc::clone(self).meet(stage, stream));
                    }
                    // Out of descriptors, or a connection that died in the queue.
                    Err(_) => sleep(ACCEPT_AGAIN).await,
                },
            }
        }
    }

    /// One connection, until it ends.
    async fn meet(self: Arc<Self>, stage: Stage, mut stream: TcpStream) {
        let _open = Open::new(&self.shared);
        match stage {
            Stage::Serving => self.serve(stream).await,
            Stage::Babbling => {
                // Whoever does not listen is of no concern.
                let _ = stream.write_all(BABBLE).await;
                hold(stream).await;
            }
            Stage::Mute | Stage::Unreachable | Stage::Closed => hold(stream).await,
        }
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) {
        // Answers are small and whole: nothing to gather.
        let _dead = stream.set_nodelay(true);
        let torn = Arc::new(AtomicBool::new(false));
        let hello = match &self.secure {
            Some(secure) if Secure::is_wanted(&stream).await => Some(secure),
            _ => None,
        };
        let wire = Wire { stream, torn: Arc::clone(&torn) };
        let Some(secure) = hello else { return Arc::clone(&self).speak(wire, &torn).await };
        if let Some(stream) = secure.accept(wire).await {
            self.shared.handshakes.fetch_add(1, Ordering::Relaxed);
            Arc::clone(&self).speak(stream, &torn).await;
        }
    }

    /// HTTP/2 over a connection, until it ends or is torn.
    async fn speak<S>(self: Arc<Self>, wire: S, torn: &AtomicBool)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let cut = Arc::new(Notify::new());
        let told = Arc::clone(&cut);
        let answer = service_fn(move |request| {
            let (probe, cut) = (Arc::clone(&self), Arc::clone(&cut));
            async move { Ok::<_, Infallible>(probe.answer(request, cut).await) }
        });
        let connection = http2::Builder::new(TokioExecutor::new())
            .auto_date_header(false)
            .serve_connection(TokioIo::new(wire), answer);
        tokio::select! {
            biased;
            // First, so that half an answer is sent before the end comes.
            _ended = connection => {}
            () = told.notified() => torn.store(true, Ordering::Relaxed),
        }
    }

    async fn answer(&self, request: Request<Incoming>, cut: Arc<Notify>) -> Response<Answer> {
        let (method, body) = grpc::parts(request);
        grpc::drain(body).await;
        let (_, manner) = self.now();
        match method {
            Method::Check => {
                self.shared.checks.fetch_add(1, Ordering::Relaxed);
                grpc::health(manner != Manner::Unavailable)
            }
            Method::GetMetrics => {
                self.shared.polls.fetch_add(1, Ordering::Relaxed);
                self.metrics(manner, cut).await
            }
            Method::Unknown => grpc::failed(Code::Unimplemented, "a fake probe has no such method"),
        }
    }

    async fn metrics(&self, manner: Manner, cut: Arc<Notify>) -> Response<Answer> {
        match manner {
            Manner::Plain => grpc::answer(self.frame(Duration::ZERO, Who::Itself)),
            Manner::Late(late) => {
                sleep(late).await;
                grpc::answer(self.frame(Duration::ZERO, Who::Itself))
            }
            Manner::CutOff => grpc::half(self.frame(Duration::ZERO, Who::Itself), cut),
            Manner::Huge => grpc::answer(self.shared.huge.get_or_init(huge).clone()),
            Manner::OtherMachine => grpc::answer(self.frame(Duration::ZERO, Who::Another)),
            Manner::Ahead(ahead) => grpc::answer(self.frame(ahead, Who::Itself)),
            Manner::Markup => grpc::answer(marked_up(&self.frame(Duration::ZERO, Who::Itself))),
            Manner::Unavailable => grpc::failed(Code::Unavailable, "not serving"),
        }
    }

    fn frame(&self, ahead: Duration, who: Who) -> Bytes {
        let ahead_ns = i64::try_from(ahead.as_nanos()).unwrap_or(i64::MAX / 2);
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        machine.answer(wall_ns(), ahead_ns, who)
    }
}

/// A connection that counts as open for as long as this lives.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.accepted.fetch_add(1, Ordering::Relaxed);
        shared.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Listens at an address, by its port's number even where any port will do: a socket that was bound
/// to port 0 loses its port when it stops listening (`SOCK_BINDPORT_LOCK` in `net/ipv4/af_inet.c`).
fn bind(socket: SocketAddr) -> io::Result<TcpListener> {
    let found = bound(socket)?;
    // Two may have one address while neither listens.
    bound(found.local_addr()?)?.listen(BACKLOG.into())
}

fn bound(socket: SocketAddr) -> io::Result<TcpSocket> {
    let free = if socket.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Connections of a moment ago, in TIME_WAIT, are no reason to wait.
    free.set_reuseaddr(true)?;
    free.bind(socket)?;
    Ok(free)
}

/// Fills the listener's queue, so that the kernel drops whatever else comes, and holds it so.
async fn fill(socket: SocketAddr) {
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) = timeout(CONNECTED, TcpStream::connect(socket)).await {
        waiting.push(stream);
    }
    std::future::pending::<()>().await;
}

/// Reads whatever comes and answers nothing, until the other side goes away.
async fn hold(mut stream: TcpStream) {
    let mut heard = [0; 256];
    while !matches!(stream.read(&mut heard).await, Ok(0) | Err(_)) {}
}

/// A stream that is reset instead of closed when it was torn.
struct Wire {
    stream: TcpStream,
    torn: Arc<AtomicBool>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.torn.load(Ordering::Relaxed) {
            // On a socket that is dead already there is nothing to reset.
            let _dead = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
