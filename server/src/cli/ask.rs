//! Asks a running server over HTTP, with the token of the settings: one request, and one JSON answer
//! or one that goes on.

use std::{
    fmt::Display,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use http::{HeaderValue, Method, Request, StatusCode, header};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use roundsman_pki::client::Setup;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};

use super::{CliError, Runtime};
use crate::{config, config::Secret};

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest answer that is read, bytes: a page of hosts, each with its last poll.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// A running server, and how it is asked.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    address: SocketAddr,
    token: Option<Secret>,
    /// The certificate that it must show, its own: where it speaks TLS.
    tls: Option<Arc<Setup>>,
}

/// An answer that goes on: bytes as they come.
pub(super) type Going = BodyDataStream;

impl Asker {
    /// The server that the settings name.
    ///
    /// # Errors
    /// They name none: a server that took a free port has to be named; or its certificate cannot be read.
    pub(super) fn new(http: &config::Http) -> Result<Self, CliError> {
        let address = reachable(http.listen);
        if address.port() == 0 {
            let words = "the server took a free port; name it with --http";
            return Err(CliError::Failed(words.to_owned()));
        }
        let tls = http.tls_cert.as_deref().map(Setup::pinned).transpose();
        let tls = tls.map_err(|unfit| CliError::Failed(format!("http.tls_cert: {unfit}")))?;
        Ok(Self { address, token: http.token.clone(), tls: tls.map(Arc::new) })
    }

    /// Where it is asked.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Reads the JSON of `path`.
    ///
    /// # Errors
    /// No server answers in time, or it refuses, in its own words.
    pub(super) async fn get(&self, path: &str) -> Result<Value, CliError> {
        self.one(Method::GET, path, Body::empty()).await
    }

    /// Posts JSON to `path`, and reads JSON.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        self.one(Method::POST, path, Body::from(body.to_string())).await
    }

    async fn one(&self, method: Method, path: &str, body: Body) -> Result<Value, CliError> {
        let asking = async {
            let answer = self.send(method, path, body).await?;
            let status = answer.status();
            let bytes = self.whole(Body::new(answer.into_body())).await?;
            let json: Value = serde_json::from_slice(&bytes)
                .map_err(|_| self.silent(&format!("{status}, and no JSON: is it a roundsman?")))?;
            if status.is_success() { Ok(json) } else { Err(self.refusal(status, &json)) }
        };
        let late = |_| self.silent(&format!("within {} s", PATIENCE.as_secs()));
        timeout(PATIENCE, asking).await.map_err(late)?
    }

    /// Begins to read `path`, whose answer has no end.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(super) async fn open(&self, path: &str) -> Result<Going, CliError> {
        let asking = self.send(Method::GET, path, Body::empty());
        let late = |_| self.silent(&format!("within {} s", PATIENCE.as_secs()));
        let answer = timeout(PATIENCE, asking).await.map_err(late)??;
        let status = answer.status();
        let body = Body::new(answer.into_body());
        if status.is_success() {
            return Ok(body.into_data_stream());
        }
        let bytes = self.whole(body).await.unwrap_or_default();
        Err(self.refusal(status, &serde_json::from_slice(&bytes).unwrap_or_default()))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<http::Response<Incoming>, CliError> {
        let request = self
            .request(method, path, body)
            .map_err(|error| CliError::Failed(format!("cannot ask {path}: {error}")))?;
        let stream = TcpStream::connect(self.address).await.map_err(|error| self.failed(&error))?;
        // The connection is driven beside the question, and ends with its answer.
        let answer = if let Some(tls) = &self.tls {
            let stream = tls.connect(stream, None).await.map_err(|error| self.failed(&error))?;
            let made = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
            let (mut sender, connection) = made.map_err(|error| self.failed(&error))?;
            tokio::spawn(connection);
            sender.send_request(request).await
        } else {
            let made = http1::handshake(TokioIo::new(stream)).await;
            let (mut sender, connection) = made.map_err(|error| self.failed(&error))?;
            tokio::spawn(connection);
            sender.send_request(request).await
        };
        answer.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &dyn Display) -> CliError {
        self.silent(&error.to_string())
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Request<Body>, http::Error> {
        let (address, request) = (self.address, Request::builder().method(method));
        let mut request = match self.tls {
            Some(_) => request.uri(format!("https://{address}{path}")),
            None => request.uri(path).header(header::HOST, address.to_string()),
        };
        request = request.header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))?;
            bearer.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, bearer);
        }
        request.body(body)
    }

    /// All of an answer, which has an end and is not too large.
    async fn whole(&self, body: Body) -> Result<Vec<u8>, CliError> {
        let mut stream = body.into_data_stream();
        let mut all = Vec::new();
        while let Some(bytes) = stream.next().await {
            let bytes = bytes.map_err(|error| self.silent(&error.to_string()))?;
            if all.len() + bytes.len() > MAX_ANSWER_BYTES {
                let most = MAX_ANSWER_BYTES >> 20;
                let words = format!("{} answers with more than {most} MiB", self.address);
                return Err(CliError::Failed(words));
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }

    /// What a server says that does not do as it is asked.
    fn refusal(&self, status: StatusCode, json: &Value) -> CliError {
        let words = match (status, &self.token) {
            (StatusCode::UNAUTHORIZED, None) => {
                "the server wants its token: set http.token_file or \
                 $ROUNDSMAN_HTTP__TOKEN_FILE to what it has there"
                    .to_owned()
            }
            (StatusCode::UNAUTHORIZED, Some(_)) => format!(
                "the token is wrong: the server at {} has another one than http.token or \
                 http.token_file here",
                self.address
            ),
            _ => json["detail"].as_str().map_or_else(|| status.to_string(), str::to_owned),
        };
        CliError::Failed(words)
    }

    fn silent(&self, why: &str) -> CliError {
        CliError::Failed(format!(
            "no server answers at {} ({why}); start one with `roundsman serve`, or name its \
             address with --http",
            self.address
        ))
    }
}

/// Posts JSON to `path` of the server that `http` names, and reads JSON.
///
/// # Errors
/// No server answers, or it refuses, in its own words.
pub(super) fn post(
    runtime: &Runtime,
    http: &config::Http,
    path: &str,
    body: &Value,
) -> Result<Value, CliError> {
    let asker = Asker::new(http)?;
    runtime.block_on(asker.post(path, body))
}

/// Where a server that listens on `address` is asked from its own machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use axum::{Router, routing::get};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_wrong_token_is_said_to_be_wrong_and_one_that_is_missing_to_be_wanted() {
        let app = Router::new().fallback(async || (StatusCode::UNAUTHORIZED, "{}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async { axum::serve(listener, app).await });
        for (token, expected) in [
            (None, "the server wants its token: set http.token_file".to_owned()),
            (Some(Secret::new("old")), format!("the token is wrong: the server at {address} has")),
        ] {
            let said = Asker { address, token, tls: None }.get("/x").await.unwrap_err().to_string();
            assert!(said.starts_with(&expected) && !said.contains("old"), "{said}");
        }
        server.abort();
    }

    #[tokio::test]
    async fn an_answer_without_end_is_not_read_to_it_and_one_at_the_limit_is() {
        let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
        let app = Router::new()
            .route("/most", get(async move || text(MAX_ANSWER_BYTES)))
            .route("/more", get(async move || text(MAX_ANSWER_BYTES + 1)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let asker = Asker { address: listener.local_addr().unwrap(), token: None, tls: None };
        let server = tokio::spawn(async { axum::serve(listener, app).await });
        let most = asker.get("/most").await.unwrap();
        assert_eq!(most.as_str().unwrap().len(), MAX_ANSWER_BYTES - 2);
        let more = asker.get("/more").await.unwrap_err().to_string();
        assert!(more.contains("more than 16 MiB"), "{more}");
        server.abort();
    }
}
