//! Asks a running server over HTTP: one request, one JSON answer, with the token of the settings.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use axum::body::{Body, to_bytes};
use http::{HeaderValue, Request, StatusCode, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};

use super::{CliError, Runtime};
use crate::{config, config::Secret};

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest answer that is read, bytes: one host with its last poll.
const MAX_ANSWER_BYTES: usize = 4 << 20;

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
    let address = reachable(http.listen);
    if address.port() == 0 {
        let words = "the server took a free port; name it with --http";
        return Err(CliError::Failed(words.to_owned()));
    }
    let sending = send(address, path, body.to_string(), http.token.as_ref());
    let asking = async { timeout(PATIENCE, sending).await };
    match runtime.block_on(asking) {
        Ok(answer) => answer,
        Err(_) => Err(no_answer(address, &format!("within {} s", PATIENCE.as_secs()))),
    }
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

fn no_answer(address: SocketAddr, why: &str) -> CliError {
    CliError::Failed(format!(
        "no server answers at {address} ({why}); start one with `roundsman serve`, or name its \
         address with --http"
    ))
}

fn request(
    address: SocketAddr,
    path: &str,
    body: String,
    token: Option<&Secret>,
) -> Result<Request<Body>, http::Error> {
    let mut request = Request::post(path)
        .header(header::HOST, address.to_string())
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))?;
        bearer.set_sensitive(true);
        request = request.header(header::AUTHORIZATION, bearer);
    }
    request.body(Body::from(body))
}

async fn send(
    address: SocketAddr,
    path: &str,
    body: String,
    token: Option<&Secret>,
) -> Result<Value, CliError> {
    let failed = |error: &dyn std::fmt::Display| no_answer(address, &error.to_string());
    let stream = TcpStream::connect(address).await.map_err(|error| failed(&error))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    let request = request(address, path, body, token)
        .map_err(|error| CliError::Failed(format!("cannot ask {path}: {error}")))?;
    let answering = async move {
        let answer = sender.send_request(request).await.map_err(|error| failed(&error))?;
        let status = answer.status();
        let bytes = to_bytes(Body::new(answer.into_body()), MAX_ANSWER_BYTES).await;
        let bytes = bytes.map_err(|error| failed(&error))?;
        let json: Value = serde_json::from_slice(&bytes)
            .map_err(|_| failed(&format!("{status}, and no JSON: is it a roundsman?")))?;
        if status.is_success() {
            return Ok(json);
        }
        if status == StatusCode::UNAUTHORIZED {
            let words = "the server wants its token: set http.token_file or \
                 $ROUNDSMAN_HTTP__TOKEN_FILE to what it has there";
            return Err(CliError::Failed(words.to_owned()));
        }
        let words = json["detail"].as_str().map_or_else(|| status.to_string(), str::to_owned);
        Err(CliError::Failed(words))
    };
    // The connection is driven beside the question, and ends with it: the sender goes there.
    let (answer, _closed) = tokio::join!(answering, connection);
    answer
}
