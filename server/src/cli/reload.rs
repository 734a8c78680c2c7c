//! `roundsman reload`: has the running server look at its inventory file and at its alert rules.

use std::net::SocketAddr;

use clap::Args;
use serde_json::json;

use super::{CliError, Runtime, ask, output::plural, parse, runtime::http_flag};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman reload                        read the files, and print the result
  roundsman reload --now                  removing that many hosts is meant: do not wait

The server reads its inventory file, and that of its alert rules, whenever they change. A change that removes many hosts
waits until the file has been unchanged for a while, as it may be half written.";

/// Flags of `reload`.
#[derive(Debug, Args)]
pub(super) struct ReloadArgs {
    /// Apply the file at once, even if it removes many hosts
    #[arg(long)]
    now: bool,
    /// Address and port of the running server's HTTP API [default: 127.0.0.1:8080] [env:
    /// ROUNDSMAN_HTTP__LISTEN]
    #[arg(long, value_name = "ADDR", value_parser = parse::listen)]
    http: Option<SocketAddr>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Gives the order and says what came of it. A file that is wrong, or that waits, is a failure.
pub(super) fn run(args: &ReloadArgs, runtime: &Runtime) -> Result<(), CliError> {
    let config = runtime.start(http_flag(args.http).into_iter().collect(), true)?;
    let asked = json!({ "now": args.now });
    let told = ask::post(runtime, &config.http, "/api/v1/inventory/reload", &asked)?;
    let words = ["error", "alerts_error", "waiting"].into_iter().find_map(|key| told[key].as_str());
    if args.json {
        runtime.output.json(&told)?;
        return if words.is_none() { Ok(()) } else { Err(CliError::Shown) };
    }
    if let Some(words) = words {
        return Err(CliError::Failed(format!("not in force: {words}")));
    }
    let hosts = told["hosts"].as_u64().and_then(|hosts| usize::try_from(hosts).ok());
    let hosts = plural(hosts.unwrap_or_default(), "host");
    runtime.output.show(&format!("in force is what the file says: {hosts}\n"))
}
