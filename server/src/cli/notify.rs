//! `roundsman notify test`: sends a message through a channel of the file, and prints what its receiver
//! answered. Asks no server.

use std::sync::Arc;

use clap::{Args, Subcommand};

use super::{CliError, Runtime, refused::refused, rule_file::RuleFile};
use crate::{
    channel::{Kind, Message, MessageKind},
    config::Config,
    model::Severity,
    notify::Progress,
    outbox::open_channels,
    resolve::HostResolver,
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

/// Runs the command.
pub(super) fn run(args: &NotifyArgs, runtime: &Runtime) -> Result<(), CliError> {
    let What::Test { channel } = &args.command;
    let config = runtime.start(Vec::new(), true)?;
    let file = RuleFile::in_force(&config)?;
    let answer = send_test(runtime, &config, &file, channel, "Roundsman tries this channel")?;
    runtime.output.show(&answer)
}

/// Sends a message that is marked as a test through a channel of a file, and says what was answered. The
/// secrets of other channels are not looked at.
pub(super) fn send_test(
    runtime: &Runtime,
    config: &Config,
    file: &RuleFile,
    channel: &str,
    title: &str,
) -> Result<String, CliError> {
    let mut all = file.says.clone();
    let called = file.name();
    let failed = |words: String| CliError::Failed(format!("{}: {words}", shown(&called)));
    let names: Vec<Arc<str>> = all.channels.keys().cloned().collect();
    let Some((name, settings)) = all.channels.get_key_value(channel) else {
        let hint = did_you_mean(channel, names.iter().map(|name| &**name));
        let there = match (hint.is_empty(), names.is_empty()) {
            (false, _) => String::new(),
            (true, true) => "; the file has no [[channel]]".to_owned(),
            (true, false) => format!("; its channels: {}", names.join(", ")),
        };
        return Err(failed(format!("no channel is named `{}`{hint}{there}", shown(channel))));
    };
    let (name, is_heartbeat) = (Arc::clone(name), settings.kind == Kind::Heartbeat);
    let language = settings.language;
    all.channels = Arc::new([(Arc::clone(&name), settings.clone())].into());
    let now = runtime.now();
    let message = Message {
        id: format!("test/{}", now.0).into(),
        kind: MessageKind::Test,
        language,
        severity: Severity::Info,
        title: language.translate(title),
        at: now,
        items: Vec::new(),
        more: 0,
        link: None,
    };
    let sent = runtime.block_on(async {
        let names = HostResolver::new(config.resolve.servers.clone());
        let opened = open_channels(file.place(), (&called, &file.text), all, names)
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
    Ok(format!("channel {name} took the test, {}{answer}\n", sent.status))
}
