//! Which running server a command asks, and in what form it prints the answer.

use std::net::SocketAddr;

use clap::Args;
use serde_json::Value;

use super::{CliError, Runtime, ask, parse, runtime::http_flag};

/// Flags of a command that asks a running server.
#[derive(Debug, Args)]
pub(super) struct ServerArgs {
    /// Address and port of the running server's HTTP API [default: 127.0.0.1:8080] [env:
    /// ROUNDSMAN_HTTP__LISTEN]
    #[arg(long, value_name = "ADDR", value_parser = parse::listen)]
    http: Option<SocketAddr>,
    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

impl ServerArgs {
    /// Reads the JSON of `path`.
    ///
    /// # Errors
    /// No server answers, or it refuses, in its own words.
    pub(super) fn get(&self, path: &str, runtime: &Runtime) -> Result<Value, CliError> {
        let config = runtime.start(http_flag(self.http).into_iter().collect(), true)?;
        let asker = ask::Asker::new(&config.http)?;
        runtime.block_on(asker.get(path))
    }

    /// Posts JSON to `path`, and reads JSON.
    ///
    /// # Errors
    /// No server answers, or it refuses, in its own words.
    pub(super) fn post(
        &self,
        path: &str,
        body: &Value,
        runtime: &Runtime,
    ) -> Result<Value, CliError> {
        let config = runtime.start(http_flag(self.http).into_iter().collect(), true)?;
        ask::post(runtime, &config.http, path, body)
    }
}
