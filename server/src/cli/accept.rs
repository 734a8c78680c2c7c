//! `roundsman accept HOST`: tells the running server that another machine answers for a host from
//! now on. The server alone holds what is known of hosts, so it is asked, by HTTP.

use std::net::SocketAddr;

use clap::Args;
use serde_json::json;

use super::{CliError, Runtime, ask, parse, runtime::http_flag};
use crate::model::HostName;

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman why web-01                    wrong_host: machine 4c4c… answered
  roundsman accept web-01                 reinstalled: its history goes on";

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
    let path = format!("/api/v1/hosts/{host}/accept");
    let answer = ask::post(runtime, &config.http, &path, &json!({}))?;
    if args.json {
        return runtime.output.json(&answer);
    }
    runtime.output.show(&format!("{host}: the machine that answers next is this host\n"))
}
