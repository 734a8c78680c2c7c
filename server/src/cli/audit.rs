//! `roundsman audit`: who asked the running server for which change, and who was refused.

use std::net::SocketAddr;

use clap::Args;

use super::{CliError, Runtime, ask::Asker, parse, runtime::http_flag};
use crate::{query::MAX_PAGE, units::WallMs};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman audit                         the last day
  roundsman audit --from -30d --limit 1000";

/// Flags of `audit`.
#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// From this moment on: a length before now, or a moment of RFC 3339
    #[arg(long, value_name = "MOMENT", default_value = "-1d", allow_hyphen_values = true)]
    from: String,
    /// At most so many, the newest
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = parse::count(MAX_PAGE))]
    limit: usize,
    /// Address and port of the running server's HTTP API [default: 127.0.0.1:8080] [env:
    /// ROUNDSMAN_HTTP__LISTEN]
    #[arg(long, value_name = "ADDR", value_parser = parse::listen)]
    http: Option<SocketAddr>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Asks and prints.
pub(super) fn run(args: &AuditArgs, runtime: &Runtime) -> Result<(), CliError> {
    let config = runtime.start(http_flag(args.http).into_iter().collect(), true)?;
    let from = parse::moment("--from", &args.from, runtime.now())?;
    let path = format!("/api/v1/audit?from={}&limit={}", from.0, args.limit);
    let asker = Asker::new(&config.http)?;
    let page = runtime.block_on(asker.get(&path))?;
    if args.json {
        return runtime.output.json(&page);
    }
    let entries = page["entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows = entries.iter().map(|entry| {
        let text = |key: &str| entry[key].as_str().unwrap_or("-").to_owned();
        let times = entry["times"].as_u64().filter(|times| *times > 1);
        let what = times.map_or(text("what"), |times| format!("{} ({times} times)", text("what")));
        let at = entry["at_ms"].as_i64().map(|at| runtime.output.moment(WallMs(at)));
        let status = entry["status"].as_u64().as_ref().map(ToString::to_string);
        let status = status.unwrap_or_default();
        [at.unwrap_or_default(), text("who"), text("how"), text("peer"), status, what]
    });
    let header = ["TIME", "WHO", "HOW", "FROM", "STATUS", "WHAT"];
    runtime.output.show(&runtime.output.table(&header, rows))
}
