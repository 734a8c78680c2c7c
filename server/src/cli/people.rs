//! `roundsman alerts silence`, `silences`, `unsilence`, `ack` and `unack`: what people say of alarms, asked
//! of a running server.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::{
    CliError, Runtime,
    aside::tell,
    fit::{Fit, FittedTable},
    output::{self, plural},
    parse,
    server::ServerArgs,
};
use crate::{
    model::Severity,
    text::{percent_encode, shown},
    units::WallMs,
};

/// Shown under the help of `silence`.
pub(super) const SILENCE_EXAMPLES: &str = "\
Examples:
  roundsman alerts silence --rule disk-full --host 'web-*' --for 2h --why \"new disks\"
  roundsman alerts silence --group db --until-clear --why \"known, mended on Friday\"

All that is given must hold; of a flag that is given several times, one. The end of an alarm is told
where its begin was.";

/// Flags of `silence`.
#[derive(Debug, Args)]
pub(super) struct SilenceArgs {
    /// Alarms of this rule; * is any text, ? one character
    #[arg(long = "rule", value_name = "PATTERN")]
    rules: Vec<String>,
    /// Alarms of this host; * is any text, ? one character
    #[arg(long = "host", value_name = "PATTERN")]
    hosts: Vec<String>,
    /// Alarms of hosts of this group
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Alarms of hosts with this label; of several, all
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// Alarms of this row, such as a mount point
    #[arg(long = "row", value_name = "ROW")]
    rows: Vec<String>,
    /// Alarms of this severity
    #[arg(long, value_name = "SEVERITY", value_parser = parse::severity())]
    severity: Vec<Severity>,
    /// How long, at most 30 days
    #[arg(long = "for", value_name = "LENGTH", value_parser = parse::length, conflicts_with = "until")]
    length: Option<Duration>,
    /// When it ends, as RFC 3339
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,
    /// End it with the last alarm that it is about; without --for and --until after 30 days at the latest
    #[arg(long)]
    until_clear: bool,
    /// Why, in a few words
    #[arg(long, value_name = "TEXT")]
    why: String,
    #[command(flatten)]
    who: WhoArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Who says something.
#[derive(Debug, Args)]
pub(super) struct WhoArgs {
    /// Who you are [default: your login name]
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
}

/// Flags of `silences`.
#[derive(Debug, Args)]
pub(super) struct SilencesArgs {
    #[command(flatten)]
    server: ServerArgs,
}

/// Flags of `unsilence`.
#[derive(Debug, Args)]
pub(super) struct UnsilenceArgs {
    /// The silence's id; `roundsman alerts silences` lists them
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Which alarm is meant.
#[derive(Debug, Args)]
struct AlarmArgs {
    /// The rule's name
    #[arg(value_name = "RULE")]
    rule: String,
    /// The host's name
    #[arg(value_name = "HOST")]
    host: String,
    /// The row, such as a mount point; without it the host as a whole
    #[arg(long, value_name = "ROW", default_value = "")]
    row: String,
}

/// Flags of `ack`.
#[derive(Debug, Args)]
pub(super) struct AckArgs {
    #[command(flatten)]
    alarm: AlarmArgs,
    /// What there is to say, in a few words
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    #[command(flatten)]
    who: WhoArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Flags of `unack`.
#[derive(Debug, Args)]
pub(super) struct UnackArgs {
    #[command(flatten)]
    alarm: AlarmArgs,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, as in team=db")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl WhoArgs {
    /// Who it is: whom the flag names, else whose the token is, else who is logged in here.
    pub(super) fn name(&self, server: &ServerArgs, runtime: &Runtime) -> Result<String, CliError> {
        if let Some(who) = &self.who {
            return Ok(who.clone());
        }
        let words = "nobody is logged in by name: say who you are with --who";
        let nobody = || CliError::Usage(words.to_owned());
        match (server.get(WHO_ASKS, runtime), login()) {
            (Ok(said), login) => known_as(&said).or(login).ok_or_else(nobody),
            (Err(error), Some(_)) => Err(error),
            (Err(_), None) => Err(nobody()),
        }
    }
}

/// Where the server says who asks.
pub(super) const WHO_ASKS: &str = "/api/v1/session";

/// The name that the server knows who asks by, as it said; none where the token is nobody's own.
pub(super) fn known_as(said: &Value) -> Option<String> {
    said["name"].as_str().map(str::to_owned)
}

/// Who is logged in here: of a shell that became root, who that was before.
pub(super) fn login() -> Option<String> {
    let variable = |name| std::env::var(name).ok().filter(|name| !name.is_empty());
    ["SUDO_USER", "LOGNAME", "USER"].into_iter().find_map(variable)
}

pub(super) fn word<'a>(json: &'a Value, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_default()
}

/// Keeps alarms back for some time.
pub(super) fn silence(args: &SilenceArgs, runtime: &Runtime) -> Result<(), CliError> {
    let labels: serde_json::Map<String, Value> =
        args.labels.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let mut body = json!({
        "rules": args.rules,
        "hosts": args.hosts,
        "groups": args.groups,
        "labels": labels,
        "rows": args.rows,
        "severity": args.severity,
        "until_clear": args.until_clear,
        "who": args.who.name(&args.server, runtime)?,
        "why": args.why,
    });
    if let Some(length) = args.length {
        body["for"] = humantime::format_duration(length).to_string().into();
    }
    if let Some(until) = &args.until {
        body["until"] = until.as_str().into();
    }
    let told = args.server.post("/api/v1/silences", &body, runtime)?;
    if args.server.json {
        return runtime.output.json(&told);
    }
    let until = told["until_ms"].as_i64().map(|ms| WallMs(ms).spoken());
    let alarms = told["alarms"].as_u64().and_then(|alarms| usize::try_from(alarms).ok());
    runtime.output.show(&format!(
        "silence {} until {}: {} firing now\n",
        shown(word(&told, "id")),
        output::or_unknown(until),
        plural(alarms.unwrap_or_default(), "alarm"),
    ))
}

/// Which alarms a silence is about, or which hosts an annotation; empty for all.
pub(super) fn about(said: &Value) -> String {
    let mut terms = Vec::new();
    for (key, name) in [
        ("rules", "rule"),
        ("hosts", "host"),
        ("groups", "group"),
        ("rows", "row"),
        ("severity", "severity"),
    ] {
        let all: Vec<&str> =
            said[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !all.is_empty() {
            terms.push(format!("{name} {}", all.join("|")));
        }
    }
    for (name, value) in said["labels"].as_object().into_iter().flatten() {
        terms.push(format!("{name}={}", value.as_str().unwrap_or_default()));
    }
    terms.join(", ")
}

/// Lists the silences that hold.
pub(super) fn silences(args: &SilencesArgs, runtime: &Runtime) -> Result<(), CliError> {
    let page = args.server.get("/api/v1/silences", runtime)?;
    if args.server.json {
        return runtime.output.json(&page);
    }
    let now = runtime.now();
    let mut sheet = FittedTable::new([
        ("ID", Fit::Stays),
        ("ENDS IN", Fit::Stays),
        ("FIRING", Fit::Goes(1)),
        ("WHO", Fit::Cut(8)),
        ("ABOUT", Fit::Cut(20)),
        ("WHY", Fit::Cut(12)),
    ]);
    for silence in page["silences"].as_array().into_iter().flatten() {
        let ends = silence["until_ms"].as_i64().map(|ms| output::length(WallMs(ms).since(now)));
        let clear = if silence["until_clear"] == true { ", or clear" } else { "" };
        sheet.add([
            word(silence, "id").to_owned(),
            format!("{}{clear}", output::or_unknown(ends)),
            silence["alarms"].to_string(),
            word(silence, "who").to_owned(),
            about(silence),
            word(silence, "why").to_owned(),
        ]);
    }
    if sheet.rows().is_empty() {
        tell("no silences");
        return Ok(());
    }
    runtime.output.sheet(sheet, "--json has all")
}

/// Ends a silence.
pub(super) fn unsilence(args: &UnsilenceArgs, runtime: &Runtime) -> Result<(), CliError> {
    let path = format!("/api/v1/silences/{}/end", percent_encode(&args.id));
    let told = args.server.post(&path, &json!({}), runtime)?;
    if args.server.json {
        return runtime.output.json(&told);
    }
    let [id, who, why] = ["id", "who", "why"].map(|key| shown(word(&told, key)));
    runtime.output.show(&format!("silence {id} of {who} is over: {why}\n"))
}

fn path(of: &AlarmArgs, verb: &str) -> String {
    let AlarmArgs { rule, host, row } = of;
    let [rule, host, row] = [rule, host, row].map(|text| percent_encode(text));
    format!("/api/v1/hosts/{host}/alert/{verb}?rule={rule}&row={row}")
}

/// Notes that somebody has seen an alarm.
pub(super) fn ack(args: &AckArgs, runtime: &Runtime) -> Result<(), CliError> {
    let body = json!({ "who": args.who.name(&args.server, runtime)?, "note": args.note });
    let told = args.server.post(&path(&args.alarm, "ack"), &body, runtime)?;
    said(&told, &args.server, runtime)
}

/// Takes an acknowledgement back.
pub(super) fn unack(args: &UnackArgs, runtime: &Runtime) -> Result<(), CliError> {
    let told = args.server.post(&path(&args.alarm, "unack"), &json!({}), runtime)?;
    said(&told, &args.server, runtime)
}

fn said(told: &Value, server: &ServerArgs, runtime: &Runtime) -> Result<(), CliError> {
    if server.json {
        return runtime.output.json(told);
    }
    let row = match word(told, "row") {
        "" => String::new(),
        row => format!(" {}", shown(row)),
    };
    let kept_back = Some(kept_back(told)).filter(|by| !by.is_empty());
    let (rule, host) = (shown(word(told, "rule")), shown(word(told, "host")));
    let state = kept_back.unwrap_or_else(|| "not acknowledged".to_owned());
    runtime.output.show(&format!("{rule} on {host}{row}: {}\n", shown(&state)))
}

/// What keeps an alarm back because somebody said so; empty where nothing does.
pub(super) fn kept_back(alarm: &Value) -> String {
    let mut all = Vec::new();
    if let Some(who) = alarm["acked_by"].as_str() {
        let note = alarm["ack_note"].as_str().filter(|note| !note.is_empty());
        let note = note.map(|note| format!(": {note}")).unwrap_or_default();
        all.push(format!("acknowledged by {who}{note}"));
    }
    for id in alarm["silenced_by"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        all.push(format!("silence {id}"));
    }
    all.join("; ")
}
