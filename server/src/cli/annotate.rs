//! `roundsman annotate`: says something of a moment, asked of a running server.

use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    CliError, Runtime, parse,
    people::{WhoArgs, label},
    server::ServerArgs,
};
use crate::{model::AnnotationKind, text::shown, units::WallMs};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman annotate \"web 2.4.1\" --kind deploy --group web
  roundsman annotate \"switch replaced\" --host 'db-*' --at 2026-03-29T01:30:00Z --for 20m

It is drawn on the charts of the hosts for which all that is given holds, or of all hosts.";

/// Flags of `annotate`.
#[derive(Debug, Args)]
pub(super) struct AnnotateArgs {
    /// What there is to say, one line
    #[arg(value_name = "TEXT")]
    text: String,
    /// What it is about: deploy or note
    #[arg(long, value_name = "KIND", default_value = "note", value_parser = kind)]
    kind: AnnotationKind,
    /// About this host; * is any text, ? one character
    #[arg(long = "host", value_name = "PATTERN")]
    hosts: Vec<String>,
    /// About hosts of this group
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// About hosts with this label; of several, all
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// When it was, or began, such as -10m or an RFC 3339 time [default: now]
    #[arg(long, value_name = "MOMENT", allow_hyphen_values = true)]
    at: Option<String>,
    /// How long it lasted, at most 30 days
    #[arg(long = "for", value_name = "LENGTH", value_parser = parse::length)]
    length: Option<Duration>,
    #[command(flatten)]
    who: WhoArgs,
    #[command(flatten)]
    server: ServerArgs,
}

fn kind(word: &str) -> Result<AnnotationKind, String> {
    AnnotationKind::parse(word).ok_or_else(|| "expected deploy or note".to_owned())
}

/// Runs the command.
pub(super) fn run(args: &AnnotateArgs, runtime: &Runtime) -> Result<(), CliError> {
    let labels: Map<String, Value> =
        args.labels.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let mut body = json!({
        "text": args.text,
        "kind": args.kind,
        "who": args.who.name(&args.server, runtime)?,
        "hosts": args.hosts,
        "groups": args.groups,
        "labels": labels,
    });
    if let Some(at) = &args.at {
        body["at"] = at.as_str().into();
    }
    if let Some(length) = args.length {
        body["for"] = humantime::format_duration(length).to_string().into();
    }
    let told = args.server.post("/api/v1/annotations", &body, runtime)?;
    if args.server.json {
        return runtime.output.json(&told);
    }
    let at = told["at_ms"].as_i64().map(|ms| WallMs(ms).spoken());
    runtime.output.show(&format!(
        "{} {} at {}: {}\n",
        args.kind,
        shown(told["id"].as_str().unwrap_or_default()),
        super::output::or_unknown(at),
        shown(told["text"].as_str().unwrap_or_default()),
    ))
}
