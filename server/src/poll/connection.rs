//! One HTTP/2 connection to a peer: a watched socket under hyper's client, as a service that tonic's
//! `Grpc` calls through.
//!
//! Not tonic's `Channel`, for three reasons that each cost a wrong row in the ledger. It reconnects
//! by itself, inside a task of its own: a poll that is cut off by its deadline leaves a half-done
//! connection attempt there, whose failure is then handed to the *next* poll. It also applies the
//! `grpc-timeout` that it sends to itself, so an answer that the probe sends at the end of its
//! budget would be thrown away on arrival. And it does not say what the peer did. Without it a poll
//! connects in its own future, and there is one task per connection instead of two.

use std::{
    error::Error,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderValue, Request, Response, StatusCode, Uri, header::CONTENT_TYPE};
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tonic::body::Body;

use super::socket::{Peer, Watched};

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

/// An open connection. Clones share it; it closes when the last one is dropped.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    sender: http2::SendRequest<Body>,
    peer: Arc<Peer>,
    origin: Uri,
}

impl Connection {
    /// Starts HTTP/2 on a connected socket; `origin` is `http://host:port`. Waits for nothing from
    /// the peer: a peer that never speaks is found out by the call.
    ///
    /// # Errors
    /// When the socket died under the first bytes.
    pub(super) async fn start(
        socket: TcpStream,
        origin: Uri,
        keep_alive: Duration,
    ) -> Result<Self, hyper::Error> {
        // TLS has its place here: wrap the socket before it is watched, `Outcome::Tls` on failure.
        let (socket, peer) = Watched::new(socket);
        let (sender, driver) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .max_header_list_size(MAX_HEADER_LIST_BYTES)
            .keep_alive_interval(keep_alive)
            .keep_alive_timeout(KEEP_ALIVE_ANSWER.min(keep_alive))
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(socket))
            .await?;
        tokio::spawn(async move {
            // How it ended shows in the call that meets it, with what `Peer` saw.
            let _ended = driver.await;
        });
        Ok(Self { sender, peer, origin })
    }

    /// What the peer has done.
    pub(super) fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }

    /// `http://host:port`.
    pub(super) fn origin(&self) -> &Uri {
        &self.origin
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
    fn check(answer: Response<Incoming>) -> Result<Response<Incoming>, Self> {
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
    type Response = Response<Incoming>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.sender.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.sender.send_request(request);
        Box::pin(async move { Ok(PlainHttp::check(answer.await?)?) })
    }
}
