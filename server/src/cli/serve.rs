//! `roundsman serve`: the server, until SIGTERM or Ctrl-C.

use std::net::SocketAddr;

use clap::Args;

use super::{
    CliError, Runtime, parse,
    runtime::{http_flag, stop_signal},
};
use crate::app;

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman serve --inventory hosts.toml --data /var/lib/roundsman
  ROUNDSMAN_HTTP__LISTEN=0.0.0.0:8080 roundsman serve";

/// Flags of `serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Address and port of the HTTP API; port 0 takes a free one [default: 127.0.0.1:8080]
    /// [env: ROUNDSMAN_HTTP__LISTEN]
    #[arg(long, value_name = "ADDR", value_parser = parse::listen)]
    http: Option<SocketAddr>,
}

/// Serves until told to stop.
pub(super) fn run(args: &ServeArgs, runtime: &Runtime) -> Result<(), CliError> {
    let config = runtime.start(http_flag(args.http).into_iter().collect(), false)?;
    runtime.block_on(async { Ok(app::run(config, stop_signal()?).await?) })
}
