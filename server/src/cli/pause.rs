//! `roundsman pause HOST` and `roundsman resume HOST`: asked of a running server over HTTP.

use std::{net::SocketAddr, time::Duration};

use clap::Args;
use serde_json::{Value, json};

use super::{CliError, Runtime, ask, parse, runtime::http_flag};
use crate::text::shown;

/// Shown under the help of `pause`.
pub(super) const PAUSE_EXAMPLES: &str = "\
Examples:
  roundsman pause web-01 --for 2h --reason \"new disk\"
  roundsman pause web-01                  until `roundsman resume web-01`

Polling goes on, and polls are stored. The state stays `paused`.";

/// Shown under the help of `resume`.
pub(super) const RESUME_EXAMPLES: &str = "\
Examples:
  roundsman resume web-01";

/// Flags of `pause`.
#[derive(Debug, Args)]
pub(super) struct PauseArgs {
    /// The host's name
    #[arg(value_name = "HOST")]
    host: String,
    /// How long; without it the pause lasts until `roundsman resume`
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
    /// Print one JSON document: the host after the change
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
    // A host's name needs no encoding: whatever else was typed is answered as unknown.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if host.is_empty() || !host.chars().all(plain) {
        return Err(CliError::Usage(format!("{host:?} is no name of a host")));
    }
    let path = format!("/api/v1/hosts/{host}/{what}");
    let answer = ask::post(runtime, &config.http, &path, body)?;
    if server.json {
        return runtime.output.json(&answer);
    }
    let word = |key: &str| answer[key].as_str().unwrap_or_default();
    runtime.output.show(&format!("{}: {}\n", shown(word("name")), shown(word("reason"))))
}
