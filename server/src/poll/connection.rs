//! One HTTP/2 connection to a peer: a watched socket under h2, as a service that tonic's `Grpc` calls
//! through.
//!
//! Not tonic's `Channel`, for three reasons that each cost a wrong row in the ledger. It reconnects
//! by itself, inside a task of its own: a poll that is cut off by its deadline leaves a half-done
//! connection attempt there, whose failure is then handed to the *next* poll. It also applies the
//! `grpc-timeout` that it sends to itself, so an answer that the probe sends at the end of its
//! budget would be thrown away on arrival. And it does not say what the peer did.
//!
//! Not hyper's client either: it sends the head of a request, waits until that has left, then the
//! body, then an empty frame that says it was the last. Here the three are one write, and there is
//! one task per connection instead of two.

use std::{
    error::Error,
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use h2::{Ping, PingPong, RecvStream, client};
use http::{HeaderValue, Request, Response, StatusCode, Uri, header::CONTENT_TYPE};
use hyper::body::{Body as _, Bytes, Frame};
use tokio::time::{sleep, timeout};
use tonic::body::Body;

use super::{
    socket::{PeerActivity, Watched},
    wire::Wire,
};

/// The longest that a peer may take to answer an HTTP/2 ping before its connection counts as dead;
/// never longer than the silence before the ping.
const KEEP_ALIVE_ANSWER: Duration = Duration::from_secs(20);

/// Flow control windows, bytes: what RFC 9113 section 6.9.2 starts with, so that no frame is spent
/// on changing it and a peer can send no more than this ahead of us.
const WINDOW_BYTES: u32 = 65_535;

/// The largest head of an answer, bytes.
const MAX_HEADER_LIST_BYTES: u32 = 16 * 1024;

/// The header that ends a gRPC answer.
const GRPC_STATUS: &str = "grpc-status";

type BoxError = Box<dyn Error + Send + Sync>;

/// An open connection. Clones share it; it closes when the last one is dropped.
#[derive(Clone)]
pub(super) struct Connection {
    sender: client::SendRequest<Bytes>,
    peer: Arc<PeerActivity>,
    origin: Uri,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Connection {
    /// Starts HTTP/2 on a connected socket; `origin` is `http://host:port`. Waits for nothing from
    /// the peer: a peer that never speaks is found out by the call.
    ///
    /// # Errors
    /// When the socket died under the first bytes: what its peer had done.
    pub(super) async fn start(
        socket: Wire,
        origin: Uri,
        keep_alive: Duration,
    ) -> Result<Self, Arc<PeerActivity>> {
        let (socket, peer) = Watched::new(socket);
        let (sender, connection) = client::Builder::new()
            .initial_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .max_header_list_size(MAX_HEADER_LIST_BYTES)
            .enable_push(false)
            .handshake(socket)
            .await
            .map_err(|_dead| Arc::clone(&peer))?;
        tokio::spawn(drive(connection, Arc::clone(&peer), keep_alive));
        Ok(Self { sender, peer, origin })
    }

    /// What the peer has done.
    pub(super) fn peer(&self) -> &Arc<PeerActivity> {
        &self.peer
    }

    /// `http://host:port`.
    pub(super) fn origin(&self) -> &Uri {
        &self.origin
    }
}

/// Carries a connection's frames until it ends. How it ended shows in the call that meets it, with
/// what `Peer` saw.
async fn drive(
    mut connection: client::Connection<Watched<Wire>>,
    peer: Arc<PeerActivity>,
    keep_alive: Duration,
) {
    let pings = connection.ping_pong();
    let connection = pin!(connection);
    tokio::select! {
        biased;
        _ended = connection => {}
        // The connection is dropped with this select: whoever waits on it is told.
        () = unanswered(pings, &peer, keep_alive) => {}
    }
}

/// Pings the peer when nothing was heard of it for `keep_alive` (found out within twice that), and
/// returns once it does not answer.
async fn unanswered(pings: Option<PingPong>, peer: &PeerActivity, keep_alive: Duration) {
    // There is always one, as it is asked for once.
    let Some(mut pings) = pings else { return std::future::pending().await };
    let mut heard = peer.read_bytes();
    loop {
        sleep(keep_alive).await;
        let now = peer.read_bytes();
        if std::mem::replace(&mut heard, now) == now {
            let answer = timeout(KEEP_ALIVE_ANSWER.min(keep_alive), pings.ping(Ping::opaque()));
            if !matches!(answer.await, Ok(Ok(_))) {
                peer.gives_no_pong();
                return;
            }
        }
    }
}

/// The head of an answer from an HTTP/2 server that does not speak gRPC: a web server, a proxy.
#[derive(Debug, thiserror::Error)]
#[error("HTTP status {status} with content type {content_type:?}, and no gRPC status")]
pub(super) struct PlainHttp {
    pub(super) status: StatusCode,
    content_type: String,
}

impl PlainHttp {
    /// Lets answers pass that say they are gRPC. tonic would take the page for a message first and
    /// complain of its compression flag.
    fn check(answer: Response<Received>) -> Result<Response<Received>, Self> {
        let (status, headers) = (answer.status(), answer.headers());
        let content_type = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        let grpc = status == StatusCode::OK && content_type.starts_with(b"application/grpc");
        if grpc || headers.contains_key(GRPC_STATUS) {
            return Ok(answer);
        }
        Err(Self { status, content_type: String::from_utf8_lossy(content_type).into_owned() })
    }
}

impl tower::Service<Request<Body>> for Connection {
    type Response = Response<Received>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.sender.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut sender = self.sender.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = whole(body).await?;
            // Both before the connection's task runs: head and body leave in one write.
            let (answer, mut sending) =
                sender.send_request(Request::from_parts(head, ()), false)?;
            sending.send_data(body, true)?;
            let answer = answer.await?.map(|stream| Received { stream, data_ended: false });
            Ok(PlainHttp::check(answer)?)
        })
    }
}

/// The body of a unary request: one message, which is there already.
async fn whole(body: Body) -> Result<Bytes, tonic::Status> {
    let mut body = pin!(body);
    let mut all = Bytes::new();
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        if let Ok(data) = frame?.into_data() {
            all = if all.is_empty() { data } else { [all, data].concat().into() };
        }
    }
    Ok(all)
}

/// The body of an answer.
#[derive(Debug)]
pub(super) struct Received {
    stream: RecvStream,
    data_ended: bool,
}

impl hyper::body::Body for Received {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        if !self.data_ended {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(bytes)) => {
                    // Fails only on a stream that is over, whose window is of no matter.
                    let _over = self.stream.flow_control().release_capacity(bytes.len());
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                // A peer that has said all may end the stream so (RFC 9113 section 8.1).
                Some(Err(error)) if error.reason() == Some(h2::Reason::NO_ERROR) => {
                    return Poll::Ready(None);
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => self.data_ended = true,
            }
        }
        let trailers = ready!(self.stream.poll_trailers(cx));
        Poll::Ready(trailers.transpose().map(|trailers| trailers.map(Frame::trailers)))
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }
}
