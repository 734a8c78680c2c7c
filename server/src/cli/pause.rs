//! `roundsman pause HOST` and `roundsman resume HOST`: asked of a running server over HTTP.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use axum::body::{Body, to_bytes};
use clap::Args;
use http::{Request, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};

use super::{CliError, Runtime, parse, runtime::http_flag};

/// Shown under the help of `pause`.
pub(super) const PAUSE_EXAMPLES: &str = "\
Examples:
  roundsman pause web-01 --for 2h --reason \"new disk\"
  roundsman pause web-01                                  until `roundsman resume web-01`

The host is polled on, and its polls are kept; its state stays `paused`, whatever they say.";

/// Shown under the help of `resume`.
pub(super) const RESUME_EXAMPLES: &str = "\
Examples:
  roundsman resume web-01";

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest answer that is read, bytes: one host with its last poll.
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// Flags of `pause`.
#[derive(Debug, Args)]
pub(super) struct PauseArgs {
    /// The host's name
    #[arg(value_name = "HOST")]
    host: String,
    /// How long; without it until somebody resumes it
    #[arg(long = "for", value_name = "LENGTH", value_parser = parse::length)]
    length: Option<Duration>,
    /// Why, in a few words
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Flags of `resume`.
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// The host's name
    #[arg(value_name = "HOST")]
    host: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Which server is asked.
#[derive(Debug, Args)]
struct ServerArgs {
    /// Address and port of the server's HTTP API [default: 127.0.0.1:8080]
    /// [env: ROUNDSMAN_HTTP__LISTEN]
    #[arg(long, value_name = "ADDR", value_parser = parse::listen)]
    http: Option<SocketAddr>,
    /// Print one JSON document: the host as it is then
    #[arg(long)]
    json: bool,
}

/// Pauses a host.
pub(super) fn pause(args: &PauseArgs, runtime: &Runtime) -> Result<(), CliError> {
    let mut body = json!({ "reason": args.reason });
    if let Some(length) = args.length {
        body["for"] = humantime::format_duration(length).to_string().into();
    }
    change(&args.host, "pause", &body, &args.server, runtime)
}

/// Ends a pause.
pub(super) fn resume(args: &ResumeArgs, runtime: &Runtime) -> Result<(), CliError> {
    change(&args.host, "resume", &json!({}), &args.server, runtime)
}

fn change(
    host: &str,
    what: &str,
    body: &Value,
    server: &ServerArgs,
    runtime: &Runtime,
) -> Result<(), CliError> {
    let config = runtime.start(http_flag(server.http).into_iter().collect(), true)?;
    let address = reachable(config.http.listen);
    if address.port() == 0 {
        let words = "the server took a free port; name it with --http";
        return Err(CliError::Failed(words.to_owned()));
    }
    // A host's name needs no encoding: whatever else was typed is answered as unknown.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if host.is_empty() || !host.chars().all(plain) {
        return Err(CliError::Usage(format!("{host:?} is no name of a host")));
    }
    let path = format!("/api/v1/hosts/{host}/{what}");
    let asking = async { timeout(PATIENCE, post(address, &path, body.to_string())).await };
    let answer = match runtime.block_on(asking) {
        Ok(answer) => answer?,
        Err(_) => return Err(no_answer(address, &format!("within {} s", PATIENCE.as_secs()))),
    };
    if server.json {
        return runtime.output.json(&answer);
    }
    let word = |key: &str| answer[key].as_str().unwrap_or_default();
    runtime.output.print(&format!("{}: {}\n", word("name"), word("reason")))
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

/// Sends JSON and reads JSON; an answer that is not 200 is an error in the server's words.
async fn post(address: SocketAddr, path: &str, body: String) -> Result<Value, CliError> {
    let failed = |error: &dyn std::fmt::Display| no_answer(address, &error.to_string());
    let stream = TcpStream::connect(address).await.map_err(|error| failed(&error))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    let request = Request::post(path)
        .header(header::HOST, address.to_string())
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body))
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
        let words = json["error"].as_str().map_or_else(|| status.to_string(), str::to_owned);
        Err(CliError::Failed(words))
    };
    // The connection is driven beside the question, and ends with it: the sender goes there.
    let (answer, _closed) = tokio::join!(answering, connection);
    answer
}
