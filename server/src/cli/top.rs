//! `roundsman top`: the fleet of a running server as a table that lives, like htop for hosts.
//!
//! `model` is what is shown and what keys and the mouse do to it, `view` draws it, `run` is the one part
//! that knows a clock and a network, `terminal_guard` the terminal. What is changed on the server is a
//! `deed`: asked first, then sent by `run`.

mod alarms;
mod cause;
mod chooser;
mod deed;
mod detail;
mod events;
mod field;
mod fleet;
mod groups;
mod happened;
mod headless;
mod help;
mod key;
mod list;
mod model;
mod pick;
mod renewed;
mod rows;
mod run;
mod terminal_guard;
mod times;
mod view;

use std::{
    io::{self, IsTerminal as _},
    net::SocketAddr,
};

use clap::Args;

pub use headless::Headless;

use super::{CliError, Runtime, ask::Asker, parse, runtime::http_flag};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman top                           the server on this machine
  roundsman top --filter down             start with the hosts that are down

Keys: arrows choose, / filters, s sorts by the next column, t groups, Enter shows a
host, a the alarms, e the events, w why a host is in its state; p polls it now,
P pauses it, z silences and A acknowledges its alarms. Esc goes back, ? lists all
keys, q quits. A click chooses and sorts; with Shift the terminal selects text.
In a script: roundsman hosts --json";

/// Flags of `top`.
#[derive(Debug, Args)]
pub(super) struct TopArgs {
    /// Address and port of the running server's HTTP API [default: 127.0.0.1:8080] [env:
    /// ROUNDSMAN_HTTP__LISTEN]
    #[arg(long, value_name = "ADDR", value_parser = parse::listen)]
    http: Option<SocketAddr>,
    /// Start with hosts that have these words in name, group, labels, state or last outcome
    #[arg(long, value_name = "WORDS", default_value = "", hide_default_value = true)]
    filter: String,
}

/// Shows the fleet until it is told to end.
pub(super) fn run(args: &TopArgs, runtime: &Runtime) -> Result<(), CliError> {
    if !runtime.output.terminal || !io::stdin().is_terminal() {
        let words = "top draws on a terminal, and this is none; `roundsman hosts` prints the same \
                     as a table, `roundsman hosts --json` for programs";
        return Err(CliError::Failed(words.to_owned()));
    }
    // A line of the log would stand across the picture: it says what is wrong itself.
    let config = runtime.settings(http_flag(args.http).into_iter().collect())?.config;
    let asker = Asker::new(&config.http)?;
    runtime.block_on(run::watch(asker, &args.filter, runtime))
}
