//! `roundsman accept HOST`: tells the running server that another machine answers for a host from
//! now on. The server alone holds what is known of hosts, so it is asked, by HTTP.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use clap::Args;
use serde_json::Value;

use super::{CliError, Runtime, parse, runtime::http_flag};
use crate::{model::HostName, web::ORDER_HEADER};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman why web-01                    wrong_host: machine 4c4c… answered
  roundsman accept web-01                 it was installed anew: its history goes on";

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest answer that is read, bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// Flags of `accept`.
#[derive(Debug, Args)]
pub(super) struct AcceptArgs {
    /// The host's name
    #[arg(value_name = "HOST")]
    host: String,
    /// Address and port of the running server's HTTP API [default: 127.0.0.1:8080] [env:
    /// ROUNDSMAN_HTTP__LISTEN]
    #[arg(long, value_name = "ADDR", value_parser = parse::listen)]
    http: Option<SocketAddr>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Gives the order and says how it went.
pub(super) fn run(args: &AcceptArgs, runtime: &Runtime) -> Result<(), CliError> {
    let host = HostName::new(&args.host)
        .map_err(|error| CliError::Usage(format!("{:?}: {error}", args.host)))?;
    let config = runtime.start(http_flag(args.http).into_iter().collect(), true)?;
    let server = reachable(config.http.listen);
    let answer = post(server, &format!("/api/v1/hosts/{host}/accept"))?;
    if args.json {
        return runtime.output.json(&answer);
    }
    runtime.output.print(&format!("{host}: the machine that answers next is this host\n"))
}

/// Where a server that listens on every address is reached from here.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// One request, and its answer as JSON.
fn post(server: SocketAddr, path: &str) -> Result<Value, CliError> {
    let failed = |error: std::io::Error| {
        CliError::Failed(format!(
            "no answer from the server at {server}: {error}; is it running there? --http names another"
        ))
    };
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {server}\r\n{ORDER_HEADER}: 1\r\ncontent-length: 0\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer).map_err(failed)?;
    let strange = || CliError::Failed(format!("{server} is no Roundsman server"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(strange)?;
    let body: Value = serde_json::from_str(body).map_err(|_| strange())?;
    if head.split(' ').nth(1) == Some("200") {
        return Ok(body);
    }
    let words = body.get("error").and_then(Value::as_str).ok_or_else(strange)?;
    Err(CliError::Failed(words.to_owned()))
}
