//! `roundsman notify test`: sends a message through a channel of the file, and prints what its receiver
//! answered. Asks no server.

use std::{fs, sync::Arc};

use clap::{Args, Subcommand};

use super::{CliError, Runtime, aside::tell, output::plural};
use crate::{
    channel::{Kind, Message, MessageKind},
    document::Problems,
    model::Severity,
    notify::Progress,
    outbox::open_channels,
    reconcile::alerts_path,
    resolve::HostResolver,
    route,
    text::{did_you_mean, shown},
};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman notify test ops-chat
  roundsman notify test night --inventory /etc/roundsman/inventory.toml";

/// Flags of `notify`.
#[derive(Debug, Args)]
pub(super) struct NotifyArgs {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Send a message that is marked as a test, and print the receiver's answer
    Test {
        /// The channel's name
        #[arg(value_name = "CHANNEL")]
        channel: String,
    },
}

/// What is wrong with the file, a line each.
fn refused(problems: &Problems) -> CliError {
    problems.iter().for_each(|problem| tell(&shown(&problem.to_string())));
    tell(&format!("roundsman: {} found", plural(problems.len(), "problem")));
    CliError::Shown
}

/// Runs the command.
pub(super) fn run(args: &NotifyArgs, runtime: &Runtime) -> Result<(), CliError> {
    let What::Test { channel } = &args.command;
    let config = runtime.start(Vec::new(), true)?;
    let path = alerts_path(config.alerts.as_deref(), &config.inventory);
    let file = path.display().to_string();
    let failed = |words: String| CliError::Failed(format!("{}: {words}", shown(&file)));
    let bytes = fs::read(&path).map_err(|error| failed(format!("cannot be read: {error}")))?;
    let text = String::from_utf8_lossy(&bytes);
    let mut all = route::parse_all_bytes(&file, &bytes).map_err(|problems| refused(&problems))?;
    let names: Vec<Arc<str>> = all.channels.keys().cloned().collect();
    let Some((name, settings)) = all.channels.get_key_value(&**channel) else {
        let hint = did_you_mean(channel, names.iter().map(|name| &**name));
        let there = match (hint.is_empty(), names.is_empty()) {
            (false, _) => String::new(),
            (true, true) => "; the file has no [[channel]]".to_owned(),
            (true, false) => format!("; its channels: {}", names.join(", ")),
        };
        return Err(failed(format!("no channel is named `{}`{hint}{there}", shown(channel))));
    };
    // The secrets of others are not looked at.
    let (name, is_heartbeat) = (Arc::clone(name), settings.kind == Kind::Heartbeat);
    all.channels = Arc::new([(Arc::clone(&name), settings.clone())].into());
    let now = runtime.now();
    let message = Message {
        id: format!("test/{}", now.0).into(),
        kind: MessageKind::Test,
        severity: Severity::Info,
        title: "Roundsman tries this channel".to_owned(),
        at: now,
        items: Vec::new(),
        more: 0,
        link: None,
    };
    let sent = runtime.block_on(async {
        let names = HostResolver::new(config.resolve.servers.clone());
        let opened = open_channels(&path, (&file, &text), all, names)
            .map_err(|problems| refused(&problems))?;
        let Some(channel) = opened.channel(&name) else {
            return Err(failed(format!("channel {name} cannot be opened")));
        };
        let sent = match is_heartbeat {
            true => channel.beat(now).await,
            false => channel.send(&message, &mut Progress::default(), now).await,
        };
        let words = format!("channel {name} did not take the test: ");
        sent.map_err(|error| CliError::Failed(format!("{words}{}", shown(&error.to_string()))))
    })?;
    let answer = match sent.answer.is_empty() {
        true => String::new(),
        false => format!(": {}", shown(&sent.answer)),
    };
    runtime.output.show(&format!("channel {name} took the test, {}{answer}\n", sent.status))
}
