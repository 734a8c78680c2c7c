//! One POST: connect, send, read the status. No redirect is followed, no answer's body is read.

use std::{io, time::Duration};

use http::{
    HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, USER_AGENT},
};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use crate::config::{HookUrl, Secret};

/// The longest head of an answer that is read, bytes.
pub const MAX_ANSWER_HEAD_BYTES: usize = 16 * 1024;

/// What the server calls itself to the receiver.
const NAME: &str = concat!("roundsman/", env!("CARGO_PKG_VERSION"));

/// Why a receiver was not told.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
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
            Self::Connect { .. } | Self::Late { .. } | Self::Broken { .. } => true,
            Self::Refused { status, .. } => {
                status.is_server_error()
                    || *status == StatusCode::TOO_MANY_REQUESTS
                    || *status == StatusCode::REQUEST_TIMEOUT
            }
            Self::Request(_) => false,
        }
    }
}

/// Who is told.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) url: HookUrl,
    pub(super) token: Option<Secret>,
    /// Resolving, connecting, sending and the head of the answer, together.
    pub(super) timeout: Duration,
}

impl Target {
    /// Posts one document.
    pub(super) async fn post(&self, body: &[u8]) -> Result<(), PostError> {
        let late = || PostError::Late { to: self.url.authority(), within: self.timeout };
        let status = timeout(self.timeout, self.send(body)).await.map_err(|_| late())??;
        if status.is_success() {
            return Ok(());
        }
        Err(PostError::Refused { to: self.url.authority(), status })
    }

    async fn send(&self, body: &[u8]) -> Result<StatusCode, PostError> {
        let to = self.url.authority();
        let request = self.request(&to, body).map_err(PostError::Request)?;
        let stream = TcpStream::connect((self.url.host(), self.url.port()))
            .await
            .map_err(|source| PostError::Connect { to: to.clone(), source })?;
        let broken = |source| PostError::Broken { to: to.clone(), source };
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

    fn request(&self, to: &str, body: &[u8]) -> Result<Request<String>, http::Error> {
        let mut request = Request::post(self.url.path())
            .header(HOST, to)
            .header(USER_AGENT, NAME)
            .header(CONTENT_TYPE, "application/json")
            .header(CONNECTION, "close");
        if let Some(token) = &self.token {
            let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))?;
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        request.body(String::from_utf8_lossy(body).into_owned())
    }
}
