//! `roundsman alerts test RULE`: who would be told of an alarm of a rule, when, and by which route; and a
//! message marked TEST to all who would be told first.

use std::{path::PathBuf, sync::Arc};

use clap::Args;

use crate::{
    alert::{Over, Rule},
    cli::{
        CliError, Runtime, aside::tell, notify::send_test, output, parse, rule_file::RuleFile,
        targets,
    },
    config::Config,
    model::{AlarmKey, HostId, HostName, Labels, Severity},
    route::{Facts, Route},
    text::{did_you_mean, shown},
    units::WallMs,
};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman alerts test disk-full --host db-01
  roundsman alerts test disk-full --host db-01 --row /var --severity critical --send";

/// Flags of `alerts test`.
#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// The rule's name
    #[arg(value_name = "RULE")]
    rule: String,
    /// The host of the inventory that the alarm is of; not for a rule over the server
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// The row that it is of, such as a mount point
    #[arg(long, value_name = "ROW", default_value = "", hide_default_value = true)]
    row: String,
    /// How much it matters [default: the rule's severity]
    #[arg(long, value_name = "SEVERITY", value_parser = parse::severity())]
    severity: Option<Severity>,
    /// Send a message that is marked as a test to every channel that would be told first
    #[arg(long)]
    send: bool,
    /// The file that the rule stands in [default: the file in force, else the shipped rules]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Prints who would be told, and sends where that is asked for.
pub(super) fn run(args: &TestArgs, runtime: &Runtime) -> Result<(), CliError> {
    let config = runtime.start(Vec::new(), true)?;
    let file = RuleFile::read(args.file.as_deref(), &config)?;
    let rule = file.rule(&args.rule)?;
    let facts = facts(args, &rule, &config)?;
    let severity = args.severity.unwrap_or(rule.terms.severity);
    let host = if rule.over == Over::Server { HostId::SERVER } else { HostId(1) };
    let key = AlarmKey { rule: Arc::clone(&rule.name), host, row: args.row.as_str().into() };
    let routes: Vec<&Route> = file.says.routes.of(&key, severity, &facts).collect();
    let of = format!("{} of {}", rule.name, facts.host);
    let mut text = format!("an alarm {of} ({severity})\n");
    let mut channels: Vec<Arc<str>> = Vec::new();
    for route in &routes {
        text.push_str(&format!("  {}\n", words(route, runtime.now())));
        let new = route.channels.iter().filter(|name| !channels.contains(name));
        let new: Vec<_> = new.cloned().collect();
        channels.extend(new);
    }
    if channels.is_empty() {
        let why = match (file.says.routes.channels().is_empty(), routes.is_empty()) {
            (true, _) => "the file has no [[channel]]",
            (_, true) => "no route takes it",
            _ => "its routes tell no channel",
        };
        text.push_str(&format!("  nobody is told: {why}\n"));
    }
    runtime.output.show(&text)?;
    if !args.send {
        return Ok(());
    }
    let title = format!("Roundsman tries who is told of {of}");
    let mut failed = false;
    for channel in &channels {
        match send_test(runtime, &config, &file, channel, &title) {
            Ok(answer) => runtime.output.show(&answer)?,
            Err(CliError::Failed(words)) => {
                tell(&format!("roundsman: {words}"));
                failed = true;
            }
            Err(other) => return Err(other),
        }
    }
    if failed { Err(CliError::Shown) } else { Ok(()) }
}

/// What routes know of the host.
fn facts(args: &TestArgs, rule: &Rule, config: &Config) -> Result<Facts, CliError> {
    if rule.over == Over::Server {
        let labels = Arc::new(Labels::new());
        return Ok(Facts { host: HostName::server(), group: None, labels, behind: None });
    }
    let Some(name) = &args.host else {
        return Err(CliError::Usage(
            "--host is needed: routes look at the host of an alarm".into(),
        ));
    };
    let inventory = targets::read(&config.inventory)?;
    let Some(host) = inventory.hosts.get(name.as_str()) else {
        let hint = did_you_mean(name, inventory.hosts.keys().map(HostName::as_str));
        let file = config.inventory.display().to_string();
        let words = format!("{}: no host is called {name:?}{hint}", shown(&file));
        return Err(CliError::Failed(words));
    };
    if !rule.hosts.matches(&host.name, host.group.as_ref(), &host.labels) {
        tell(&format!("warning: the rule `{}` is not for the host {}", rule.name, host.name));
    }
    Ok(Facts {
        host: host.name.clone(),
        group: host.group.clone(),
        labels: Arc::clone(&host.labels),
        behind: None,
    })
}

/// Who is told by a route, and when.
fn words(route: &Route, now: WallMs) -> String {
    let list = |names: &[Arc<str>]| match names {
        [] => "nobody".to_owned(),
        some => some.iter().map(|name| &**name).collect::<Vec<_>>().join(", "),
    };
    let wait = match route.pace.wait.is_zero() {
        true => "at once".to_owned(),
        false => format!("after {}", output::length(route.pace.wait)),
    };
    let mut text = format!("route {}: tells {} {wait}", route.name, list(&route.channels));
    match route.pace.repeat {
        Some(repeat) => text.push_str(&format!(", again every {}", output::length(repeat))),
        None => text.push_str(", and not again"),
    }
    for step in &route.steps {
        let after = output::length(step.after);
        let to = list(&step.channels);
        text.push_str(&format!("; without an acknowledgement for {after}: {to}"));
    }
    let quiet = route.quiet.as_ref().and_then(|quiet| quiet.window.open_until(now));
    if let Some(until) = quiet {
        text.push_str(&format!("; quiet hours: not before {}", until.spoken()));
    }
    text
}
