//! The server's one HTTP client: a request, and an answer of a bounded size within a bounded time.
//!
//! It looks names up by the project's own resolver, takes a connection of its own for each call, and
//! follows no redirect, uses no proxy and keeps no cookie. TLS by public authorities or a file of one's
//! own, with a certificate of its own where the receiver wants one.
//!
//! It knows neither what is said nor to whom: the hook and the channels call by it.

mod tls;

use std::{fmt, io, net::SocketAddr, path::PathBuf, pin::pin, sync::Arc, time::Duration};

use axum::body::Body;
use futures_util::StreamExt as _;
use http::{
    HeaderMap, HeaderValue, Request, StatusCode,
    header::{CONNECTION, HOST, USER_AGENT},
};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use crate::{
    config::{HookUrl, authority},
    resolve::{HostResolver, Resolve as _},
};
pub use tls::authorities;

/// The longest head of an answer that is read, bytes.
pub const MAX_ANSWER_HEAD_BYTES: usize = 16 * 1024;

/// Addresses of a receiver's name that one call tries at most.
pub const MAX_TARGET_ADDRESSES: usize = 8;

/// What the server calls itself to a receiver.
pub const NAME: &str = concat!("roundsman/", env!("CARGO_PKG_VERSION"));

/// Why nobody can be called.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The file of authorities is of no use.
    #[error("{path}: {why}")]
    Authorities {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The certificate of one's own, or its key, is of no use.
    #[error("{path}: {why}")]
    Identity {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// No certificate can bear the name.
    #[error("no certificate can bear the name {0:?}; use a DNS name or an IP address")]
    Name(String),
    /// Encryption cannot be set up.
    #[error("https cannot be set up: {0}")]
    Tls(String),
}

/// Why there is no answer. Whoever did not answer was told nothing, or it is not known.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No address.
    #[error("the name of {to} cannot be looked up: {source}")]
    Name {
        /// `host:port`.
        to: String,
        /// What the resolver says.
        source: io::Error,
    },
    /// No certificate that is good, or no TLS at all.
    #[error("no TLS with {to}: {why}")]
    Tls {
        /// `host:port`.
        to: String,
        /// Why not, and what there is to mend.
        why: String,
    },
    /// No connection.
    #[error("cannot connect to {to}: {source}")]
    Connect {
        /// `host:port`.
        to: String,
        /// Why not.
        source: io::Error,
    },
    /// It did not answer in time.
    #[error("{to} did not answer within {}", humantime::format_duration(*.within))]
    Late {
        /// `host:port`.
        to: String,
        /// How long it may take.
        within: Duration,
    },
    /// It is not HTTP, or ended in the middle.
    #[error("{to} did not answer: {source}")]
    Broken {
        /// `host:port`.
        to: String,
        /// What happened.
        source: hyper::Error,
    },
}

/// Whether another try may end better, as this status (other than 2xx) says.
#[must_use]
pub fn may_pass(status: StatusCode) -> bool {
    let later = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    status.is_server_error() || later.contains(&status)
}

/// What certificates are checked against, and the one that is shown.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// A file of authorities (PEM); without one the public ones (Mozilla's list, as it was when this
    /// program was made).
    pub authorities: Option<PathBuf>,
    /// Files of a certificate with its chain and of its key (PEM), for a receiver that wants one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// What messages call the setting of the first.
    pub setting: &'static str,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its head.
    pub headers: HeaderMap,
    /// Its body, as far as it was to be read.
    pub body: Vec<u8>,
    /// The body ended where it should, and not beyond what was to be read.
    pub is_whole: bool,
}

/// Whoever is called at one URL.
pub struct Client {
    url: HookUrl,
    /// Resolving, connecting, sending and the answer, together.
    timeout: Duration,
    /// Of the runtime that calls, and no other.
    names: Arc<HostResolver>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    setting: &'static str,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Client {
    /// A client of this URL, whose whole call may take `timeout`. Reads the files of `trust`, once.
    ///
    /// # Errors
    /// [`SetupError`]: nobody could ever be called.
    pub fn new(
        url: HookUrl,
        timeout: Duration,
        names: Arc<HostResolver>,
        trust: &Trust,
    ) -> Result<Self, SetupError> {
        let tls = match url.is_https() {
            true => {
                let name = ServerName::try_from(url.host().to_owned())
                    .map_err(|_bad| SetupError::Name(url.host().to_owned()))?;
                Some((tls::connector(trust)?, name))
            }
            false => None,
        };
        Ok(Self { url, timeout, names, tls, setting: trust.setting })
    }

    /// Where it calls.
    #[must_use]
    pub fn url(&self) -> &HookUrl {
        &self.url
    }

    /// Sends a request, whose target is a path, and reads up to `most` bytes of the answer's body; of
    /// 0 it reads the head alone.
    ///
    /// # Errors
    /// [`CallError`]: nobody answered in HTTP. Any status is an answer.
    pub async fn call(
        &self,
        request: Request<impl Into<Body>>,
        most: usize,
    ) -> Result<Answer, CallError> {
        let mut request = request.map(Into::into);
        let theirs = std::mem::take(request.headers_mut());
        let headers = request.headers_mut();
        if let Ok(host) = HeaderValue::try_from(self.url.authority()) {
            headers.insert(HOST, host);
        }
        headers.insert(USER_AGENT, HeaderValue::from_static(NAME));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        headers.extend(theirs);
        let late = || CallError::Late { to: self.url.authority(), within: self.timeout };
        timeout(self.timeout, self.send(request, most)).await.map_err(|_| late())?
    }

    async fn send(&self, request: Request<Body>, most: usize) -> Result<Answer, CallError> {
        let stream = connect(&self.names, self.url.host(), self.url.port(), self.timeout).await?;
        let Some((tls, name)) = &self.tls else { return self.talk(stream, request, most).await };
        let stream = tls.connect(name.clone(), stream).await.map_err(|error| CallError::Tls {
            to: self.url.authority(),
            why: tls::words(&error, self.setting),
        })?;
        self.talk(stream, request, most).await
    }

    async fn talk(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        request: Request<Body>,
        most: usize,
    ) -> Result<Answer, CallError> {
        let broken = |source| CallError::Broken { to: self.url.authority(), source };
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_ANSWER_HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let exchange = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let (body, is_whole) = read(Body::new(body), most).await;
            Ok(Answer { status: head.status, headers: head.headers, body, is_whole })
        };
        // The connection ends with this function, whatever the receiver still wants to say.
        let (mut exchange, mut connection) = (pin!(exchange), pin!(connection));
        tokio::select! {
            answer = &mut exchange => answer.map_err(broken),
            ended = &mut connection => {
                exchange.await.map_err(|error| broken(ended.err().unwrap_or(error)))
            }
        }
    }
}

/// The first `most` bytes of a body, and whether that is all of it.
async fn read(body: Body, most: usize) -> (Vec<u8>, bool) {
    let mut all = Vec::new();
    if most == 0 {
        return (all, false);
    }
    let mut stream = body.into_data_stream();
    while let Some(bytes) = stream.next().await {
        let Ok(bytes) = bytes else { return (all, false) };
        let room = most - all.len();
        all.extend_from_slice(bytes.get(..room).unwrap_or(&bytes));
        if bytes.len() > room {
            return (all, false);
        }
    }
    (all, true)
}

/// A connection to the first of the name's addresses that takes one, within this time.
async fn connect(
    names: &HostResolver,
    host: &str,
    port: u16,
    within: Duration,
) -> Result<TcpStream, CallError> {
    let addresses = addresses(names, host, port).await?;
    // One that keeps silent leaves time for the others.
    let share = within / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    let mut last = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = at(address, &error),
            Err(_) => last = at(address, &io::ErrorKind::TimedOut.into()),
        }
    }
    Err(CallError::Connect { to: authority(host, port), source: last })
}

/// The first [`MAX_TARGET_ADDRESSES`] addresses of a receiver's name.
///
/// # Errors
/// [`CallError::Name`].
pub async fn addresses(
    names: &HostResolver,
    host: &str,
    port: u16,
) -> Result<Vec<SocketAddr>, CallError> {
    let found = names.resolve(host, port).await;
    let mut found =
        found.map_err(|source| CallError::Name { to: authority(host, port), source })?;
    found.truncate(MAX_TARGET_ADDRESSES);
    Ok(found)
}

fn at(address: SocketAddr, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{address}: {error}"))
}
