//! `roundsman serve`: the server, until SIGTERM or Ctrl-C.

use std::net::SocketAddr;

use clap::Args;

use super::{
    CliError, Runtime, parse,
    runtime::{grpc_flag, http_flag, stop_signal},
};
use crate::app;

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman serve --inventory hosts.toml --data /var/lib/roundsman
  ROUNDSMAN_HTTP__TOKEN_FILE=token roundsman serve --http 0.0.0.0:8080";

/// Flags of `serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Address and port of the HTTP API; port 0 takes a free one [default: 127.0.0.1:8080]
    /// [env: ROUNDSMAN_HTTP__LISTEN]
    #[arg(long, value_name = "ADDR", value_parser = parse::listen)]
    http: Option<SocketAddr>,
    /// Address and port of the fleet's health over gRPC; port 0 takes a free one [default:
    /// 127.0.0.1:50052] [env: ROUNDSMAN_GRPC__LISTEN]
    #[arg(long, value_name = "ADDR", value_parser = parse::listen)]
    grpc: Option<SocketAddr>,
}

/// Serves until told to stop.
pub(super) fn run(args: &ServeArgs, runtime: &Runtime) -> Result<(), CliError> {
    let flags = http_flag(args.http).into_iter().chain(grpc_flag(args.grpc)).collect();
    let config = runtime.start(flags, false)?;
    runtime.block_on(async { Ok(app::run(config, stop_signal()?).await?) })
}
