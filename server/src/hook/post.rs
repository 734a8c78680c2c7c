//! One POST: look the name up, connect, send, read the status. No redirect is followed, no answer's body is read.

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use http::{
    HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, USER_AGENT},
};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use super::{HookError, tls};
use crate::{
    config::{self, HookUrl, Secret},
    resolve::{HostResolver, Resolve as _},
};

/// The longest head of an answer that is read, bytes.
pub const MAX_ANSWER_HEAD_BYTES: usize = 16 * 1024;

/// Addresses of the receiver's name that one POST tries at most.
pub const MAX_TARGET_ADDRESSES: usize = 8;

/// What the server calls itself to the receiver.
const NAME: &str = concat!("roundsman/", env!("CARGO_PKG_VERSION"));

/// Why a receiver was not told.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// No address.
    #[error("the name of {to} cannot be looked up: {source}")]
    Name {
        /// `host:port`.
        to: String,
        /// What the resolver says.
        source: io::Error,
    },
    /// No certificate that is good, or no TLS at all.
    #[error("no TLS with {to}: {}", tls::words(.source))]
    Tls {
        /// `host:port`.
        to: String,
        /// Why not.
        source: io::Error,
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
        /// `hook.timeout`.
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
    /// It answered, but not with 2xx.
    #[error("{to} answered {status}{}", if status.is_redirection() { ", and redirects are not followed" } else { "" })]
    Refused {
        /// `host:port`.
        to: String,
        /// Its status.
        status: StatusCode,
    },
    /// The request cannot be made; the token holds what no header can.
    #[error("the request cannot be made: {0}")]
    Request(http::Error),
}

impl PostError {
    /// Whether another try may end better.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Refused { status, .. } => {
                status.is_server_error()
                    || *status == StatusCode::TOO_MANY_REQUESTS
                    || *status == StatusCode::REQUEST_TIMEOUT
            }
            Self::Request(_) => false,
            _ => self.is_silence(),
        }
    }

    /// Whether nobody answered in HTTP: then it would be the same for any other document.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        match self {
            Self::Name { .. }
            | Self::Tls { .. }
            | Self::Connect { .. }
            | Self::Late { .. }
            | Self::Broken { .. } => true,
            Self::Refused { .. } | Self::Request(_) => false,
        }
    }
}

/// Who is told.
pub(super) struct HookTarget {
    url: HookUrl,
    token: Option<Secret>,
    /// Resolving, connecting, sending and the head of the answer, together.
    timeout: Duration,
    /// Of the runtime that tells, and no other.
    names: Arc<HostResolver>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl fmt::Debug for HookTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("url", &self.url).finish_non_exhaustive()
    }
}

impl HookTarget {
    /// The receiver of these settings; none when they name none.
    ///
    /// # Errors
    /// [`HookError`].
    pub(super) fn new(
        settings: &config::Hook,
        resolve: &config::Resolve,
    ) -> Result<Option<Self>, HookError> {
        let Some(url) = settings.url.clone() else { return Ok(None) };
        let tls = match url.is_https() {
            true => {
                let name = ServerName::try_from(url.host().to_owned())
                    .map_err(|_bad| HookError::Name(url.host().to_owned()))?;
                Some((tls::connector(settings.ca_file.as_deref())?, name))
            }
            false => None,
        };
        let (token, timeout) = (settings.token.clone(), settings.timeout);
        Ok(Some(Self {
            url,
            token,
            timeout,
            names: HostResolver::new(resolve.servers.clone()),
            tls,
        }))
    }

    /// Posts one document.
    pub(super) async fn post(&self, body: &str) -> Result<(), PostError> {
        let late = || PostError::Late { to: self.url.authority(), within: self.timeout };
        let status = timeout(self.timeout, self.send(body)).await.map_err(|_| late())??;
        if status.is_success() {
            return Ok(());
        }
        Err(PostError::Refused { to: self.url.authority(), status })
    }

    async fn send(&self, body: &str) -> Result<StatusCode, PostError> {
        let request = self.request(body).map_err(PostError::Request)?;
        let stream = self.connect().await?;
        let Some((tls, name)) = &self.tls else { return self.talk(stream, request).await };
        let stream = tls.connect(name.clone(), stream).await;
        let failed = |source| PostError::Tls { to: self.url.authority(), source };
        self.talk(stream.map_err(failed)?, request).await
    }

    /// A connection to the first of the name's addresses that takes one.
    async fn connect(&self) -> Result<TcpStream, PostError> {
        let to = self.url.authority();
        let found = self.names.resolve(self.url.host(), self.url.port()).await;
        let mut found = found.map_err(|source| PostError::Name { to: to.clone(), source })?;
        found.truncate(MAX_TARGET_ADDRESSES);
        // One that keeps silent leaves time for the others.
        let share = self.timeout / u32::try_from(found.len().max(1)).unwrap_or(1);
        let mut last = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
        for address in found {
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = at(address, &error),
                Err(_) => last = at(address, &io::ErrorKind::TimedOut.into()),
            }
        }
        Err(PostError::Connect { to, source: last })
    }

    async fn talk(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        request: Request<String>,
    ) -> Result<StatusCode, PostError> {
        let broken = |source| PostError::Broken { to: self.url.authority(), source };
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_ANSWER_HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let answer = sender.send_request(request);
        // The connection ends with this function, whatever the receiver still wants to say.
        let (mut answer, mut connection) = (std::pin::pin!(answer), std::pin::pin!(connection));
        tokio::select! {
            answer = &mut answer => Ok(answer.map_err(broken)?.status()),
            ended = &mut connection => {
                ended.map_err(broken)?;
                Ok(answer.await.map_err(broken)?.status())
            }
        }
    }

    fn request(&self, body: &str) -> Result<Request<String>, http::Error> {
        let mut request = Request::post(self.url.path())
            .header(HOST, self.url.authority())
            .header(USER_AGENT, NAME)
            .header(CONTENT_TYPE, "application/json")
            .header(CONNECTION, "close");
        if let Some(token) = &self.token {
            let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))?;
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        request.body(body.to_owned())
    }
}

fn at(address: SocketAddr, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{address}: {error}"))
}
