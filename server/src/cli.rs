//! The commands of `roundsman`: one file each, thin over `query`, `poll` and `app`.
//!
//! Every command ends in one of three ways: 0, done; 1, it failed, with one line on standard error
//! that says what, where and what to do; 2, it was called wrongly. Besides, as of any program: 141,
//! without a word, where its reader went away before it had printed all.

mod accept;
mod ask;
mod check;
mod completions;
mod demo;
mod doctor;
mod export;
mod failure;
mod fit;
mod forecast;
mod health;
mod history;
mod hosts;
mod output;
mod parse;
mod plan;
mod pause;
mod poll;
mod printer;
mod progress;
mod reload;
mod seen;
mod runtime;
mod serve;
mod spark;
mod targets;
mod top;
mod watch;
mod why;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Args, CommandFactory as _, Parser, Subcommand};

pub use failure::CliError;
use output::Output;
use roundsman_os::log::LastLines;
use runtime::Runtime;
pub use top::Rehearsal;

/// Columns that help is wrapped to.
const HELP_COLUMNS: usize = 100;

/// A distributed performance monitor for Linux fleets: polls stateless probes, keeps every poll
#[derive(Debug, Parser)]
#[command(
    name = "roundsman",
    version,
    max_term_width = HELP_COLUMNS,
    after_help = EXAMPLES,
    subcommand_required = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  roundsman demo                          poll this machine; needs nothing
  roundsman check                         what is configured, from where, and what is wrong with it
  roundsman serve --inventory hosts.toml  the server
  roundsman why web-01                    why a host is in its state

Every setting and its variable: roundsman check --all";

/// Flags of every command. They are settings too: their defaults, and what a value must be, are
/// `config`'s to say.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub struct GlobalArgs {
    /// Configuration file, TOML [default: roundsman.toml, if there is one]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "ROUNDSMAN_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,
    /// Inventory file, TOML: groups, hosts, schedules [default: inventory.toml] [env:
    /// ROUNDSMAN_INVENTORY]
    #[arg(long, global = true, value_name = "FILE")]
    pub inventory: Option<PathBuf>,
    /// Directory of the store file, made when missing [default: roundsman in $XDG_DATA_HOME or
    /// ~/.local/share] [env: ROUNDSMAN_DATA]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The least important lines that are logged to standard error [default: info for serve, warn
    /// for the others] [env: ROUNDSMAN_LOG__LEVEL]
    #[arg(long, global = true, value_name = "LEVEL", value_parser = ["error", "warn", "info", "debug", "trace"])]
    pub log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Poll this machine and show it: needs no files, no arguments, no rights
    #[command(after_help = demo::EXAMPLES)]
    Demo(demo::DemoArgs),
    /// Run the server: poll the inventory, keep every poll, answer over HTTP
    #[command(after_help = serve::EXAMPLES)]
    Serve(serve::ServeArgs),
    /// Check configuration and inventory; says where every setting comes from
    #[command(after_help = check::EXAMPLES)]
    Check(check::CheckArgs),
    /// Show what the inventory would change about the hosts that are kept, and what it costs
    #[command(after_help = plan::EXAMPLES)]
    Plan(plan::PlanArgs),
    /// Poll hosts now, once, and print every step with its time; keeps nothing
    #[command(after_help = poll::EXAMPLES)]
    Poll(poll::PollArgs),
    /// List the hosts that are kept, with their state and last poll
    #[command(after_help = hosts::EXAMPLES)]
    Hosts(hosts::HostsArgs),
    /// Print the ledger of a host: a row per attempt, with its values
    #[command(after_help = history::EXAMPLES)]
    History(history::HistoryArgs),
    /// Write what is kept of a host for other programs: CSV or JSON lines, any span, any tier
    #[command(after_help = export::EXAMPLES)]
    Export(export::ExportArgs),
    /// Explain the state of a host: its last attempts, its changes of state, one sentence
    #[command(after_help = why::EXAMPLES)]
    Why(why::WhyArgs),
    /// Watch the fleet of a running server: a live table to sort, filter and drill into
    #[command(after_help = top::EXAMPLES)]
    Top(top::TopArgs),
    /// Have a running server look at its inventory file, and say what came of it
    #[command(after_help = reload::EXAMPLES)]
    Reload(reload::ReloadArgs),
    /// Let another machine answer for a host: it was installed anew, or replaced
    #[command(after_help = accept::EXAMPLES)]
    Accept(accept::AcceptArgs),
    /// Look over store, spool, limits and sizes; says what is wrong and what to do
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(doctor::DoctorArgs),
    /// Ask a running server for its health, or a host's: SERVING is exit code 0; for HEALTHCHECK
    #[command(after_help = health::EXAMPLES)]
    Health(health::HealthArgs),
    /// Freeze the state of a host that is about to be worked on; a running server is asked
    #[command(after_help = pause::PAUSE_EXAMPLES)]
    Pause(pause::PauseArgs),
    /// End the pause of a host; a running server is asked
    #[command(after_help = pause::RESUME_EXAMPLES)]
    Resume(pause::ResumeArgs),
    /// Print what a shell needs to complete commands and flags
    #[command(after_help = completions::EXAMPLES)]
    Completions(completions::CompletionsArgs),
    /// Write the manual pages, one for each command
    #[command(after_help = completions::MAN_EXAMPLES)]
    Man(completions::ManArgs),
}

/// Runs one command, given the program's arguments, and says how the process ends.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return failure::refuse(&error),
    };
    let _last_lines = LastLines;
    let output = Output::detect();
    match dispatch(cli, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

fn dispatch(cli: Cli, output: Output) -> Result<(), CliError> {
    let runtime = Runtime::new(cli.global, output)?;
    let done = match cli.command {
        Command::Demo(args) => demo::run(&args, &runtime),
        Command::Serve(args) => serve::run(&args, &runtime),
        Command::Check(args) => check::run(&args, &runtime),
        Command::Plan(args) => plan::run(&args, &runtime),
        Command::Poll(args) => poll::run(&args, &runtime),
        Command::Hosts(args) => hosts::run(args, &runtime),
        Command::History(args) => history::run(&args, &runtime),
        Command::Export(args) => export::run(&args, &runtime),
        Command::Why(args) => why::run(&args, &runtime),
        Command::Top(args) => top::run(&args, &runtime),
        Command::Reload(args) => reload::run(&args, &runtime),
        Command::Accept(args) => accept::run(&args, &runtime),
        Command::Doctor(args) => doctor::run(&args, &runtime),
        Command::Health(args) => health::run(&args, &runtime),
        Command::Pause(args) => pause::pause(&args, &runtime),
        Command::Resume(args) => pause::resume(&args, &runtime),
        Command::Completions(args) => completions::completions(&args, Cli::command(), &runtime),
        Command::Man(args) => completions::man(&args, Cli::command()),
    };
    runtime.end();
    done
}
