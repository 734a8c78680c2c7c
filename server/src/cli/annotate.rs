//! `roundsman annotate`: says something of a moment, lists what was said, and takes it back, asked of a
//! running server.

use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    CliError, Runtime,
    aside::tell,
    fit::{Fit, FittedTable},
    parse,
    people::{WhoArgs, about, label, word},
    server::ServerArgs,
};
use crate::{
    model::{AnnotationKind, MAX_ANNOTATION_SPAN},
    text::{percent_encode, shown},
    units::WallMs,
};

/// How far back annotations are listed.
const LISTED: Duration = Duration::from_secs(30 * 86_400);

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman annotate \"web 2.4.1\" --kind deploy --group web
  roundsman annotate \"switch replaced\" --host 'db-*' --at 2026-03-29T01:30:00Z --for 20m
  roundsman annotate                      lists those of the last 30 days with their ids
  roundsman annotate --remove mf2k1x9c    takes one back

It is drawn on the charts of the hosts for which all that is given holds, or of all hosts.";

/// Flags of `annotate`.
#[derive(Debug, Args)]
pub(super) struct AnnotateArgs {
    /// What there is to say, one line; without it annotations are listed
    #[arg(value_name = "TEXT")]
    text: Option<String>,
    /// What it is about: deploy or note
    #[arg(long, value_name = "KIND", default_value = "note", value_parser = kind, requires = "text")]
    kind: AnnotationKind,
    /// About this host; * is any text, ? one character
    #[arg(long = "host", value_name = "PATTERN", requires = "text")]
    hosts: Vec<String>,
    /// About hosts of this group
    #[arg(long = "group", value_name = "GROUP", requires = "text")]
    groups: Vec<String>,
    /// About hosts with this label; of several, all
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label, requires = "text")]
    labels: Vec<(String, String)>,
    /// When it was, or began, such as -10m or an RFC 3339 time [default: now]
    #[arg(long, value_name = "MOMENT", allow_hyphen_values = true, requires = "text")]
    at: Option<String>,
    /// How long it lasted, at most 30 days
    #[arg(long = "for", value_name = "LENGTH", value_parser = parse::length, requires = "text")]
    length: Option<Duration>,
    /// Remove the annotation of this id from the charts
    #[arg(long, value_name = "ID", conflicts_with = "text")]
    remove: Option<String>,
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
    match (&args.text, &args.remove) {
        (Some(text), _) => add(text, args, runtime),
        (None, Some(id)) => remove(id, args, runtime),
        (None, None) => list(args, runtime),
    }
}

fn add(text: &str, args: &AnnotateArgs, runtime: &Runtime) -> Result<(), CliError> {
    let labels: Map<String, Value> =
        args.labels.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let mut body = json!({
        "text": text,
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
    let [id, text] = ["id", "text"].map(|key| shown(word(&told, key)));
    runtime.output.show(&format!("{} {id} at {}: {text}\n", args.kind, begin(&told)))
}

/// When an annotation was, or began.
fn begin(annotation: &Value) -> String {
    super::output::or_unknown(annotation["at_ms"].as_i64().map(|ms| WallMs(ms).spoken()))
}

fn remove(id: &str, args: &AnnotateArgs, runtime: &Runtime) -> Result<(), CliError> {
    let path = format!("/api/v1/annotations/{}/remove", percent_encode(id));
    let told = args.server.post(&path, &json!({}), runtime)?;
    if args.server.json {
        return runtime.output.json(&told);
    }
    let [kind, id, who, text] = ["kind", "id", "who", "text"].map(|key| shown(word(&told, key)));
    let begin = begin(&told);
    runtime.output.show(&format!("{kind} {id} of {who} at {begin} is removed: {text}\n"))
}

/// Those of the last days, and what was annotated ahead.
fn list(args: &AnnotateArgs, runtime: &Runtime) -> Result<(), CliError> {
    let now = runtime.now();
    let (from, to) = (now.minus(LISTED), now.plus(MAX_ANNOTATION_SPAN));
    let path = format!("/api/v1/annotations?from={}&to={}", from.0, to.0);
    let page = args.server.get(&path, runtime)?;
    if args.server.json {
        return runtime.output.json(&page);
    }
    let mut sheet = FittedTable::new([
        ("ID", Fit::Stays),
        ("BEGAN", Fit::Stays),
        ("KIND", Fit::Goes(1)),
        ("WHO", Fit::Cut(8)),
        ("ABOUT", Fit::Cut(20)),
        ("TEXT", Fit::Cut(12)),
    ]);
    for annotation in page["annotations"].as_array().into_iter().flatten() {
        let hosts = Some(about(annotation)).filter(|hosts| !hosts.is_empty());
        sheet.add([
            word(annotation, "id").to_owned(),
            begin(annotation),
            word(annotation, "kind").to_owned(),
            word(annotation, "who").to_owned(),
            hosts.unwrap_or_else(|| "all hosts".to_owned()),
            word(annotation, "text").to_owned(),
        ]);
    }
    if sheet.rows().is_empty() {
        tell("no annotations in the last 30 days");
        return Ok(());
    }
    if page["more"] == true {
        tell("there are older ones: /api/v1/annotations has those of any span");
    }
    runtime.output.sheet(sheet, "--json has all")
}
