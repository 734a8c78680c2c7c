//! The commands of `roundsman`: one file each, thin over `query`, `poll` and `app`.
//!
//! Every command ends in one of three ways: 0, done; 1, it failed, with one line on standard error
//! that says what, where and what to do; 2, it was called wrongly. Besides, as of any program: 141,
//! without a word, where its reader went away before it had printed all.

mod accept;
mod alerts;
mod annotate;
mod audit;
mod availability;
mod aside;
mod ask;
mod ca;
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
mod host;
mod hosts;
mod import;
mod init;
mod notify;
mod output;
mod parse;
mod people;
mod plan;
mod pause;
mod poll;
mod printer;
mod probe_command;
mod progress;
mod refused;
mod reload;
mod rule_file;
mod escape;
mod rows;
mod runtime;
mod serve;
mod server;
mod spark;
mod sql;
mod targets;
mod token;
mod top;
mod watch;
mod why;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Args, CommandFactory as _, Parser, Subcommand};

pub use failure::CliError;
use output::Output;
use roundsman_os::log::LastLines;
use runtime::Runtime;
pub use top::Headless;

use crate::{clock, units::speak_in};

/// Columns that help is wrapped to.
const HELP_COLUMNS: usize = 100;

/// The help of the whole program: all commands on one small terminal.
const HELP: &str = "\
Roundsman monitors Linux hosts: it polls a probe on each and keeps every poll.

Usage: roundsman <COMMAND> [OPTIONS]

Start    demo              Poll this machine and show it; needs no files
         serve             Run the server: poll, store, answer over HTTP
Set up   init, import      Write first files; read the hosts of Prometheus
         host              Add, change or remove a host in the inventory's files
         probe-command     Print the commands that start the probe of a host
         check, plan       Check inventory and settings; show what would change
         poll, notify      Poll hosts once, now; send a test message
         ca, token         Make certificates for machines, tokens for people
Look     top, hosts        Watch the fleet live; list hosts with their states
         why, history      Explain the state of a host; list its polls
         alerts            List, silence, acknowledge alarms; check alert rules
         availability      How long hosts answered, by month; see also traffic
         export, sql       Write polls, or answers to SQL, as CSV or JSON lines
Operate  pause, resume     Freeze the state of a host during work on it
         annotate, audit   Mark a deployment; show who changed what
         reload, accept    Read inventory and rules now; accept a replaced host
         doctor, health    Check store, limits and sizes; ask a server's health
Shell    completions, man  Print shell completions, write manual pages

roundsman <COMMAND> --help explains a command; -V prints the version.
";

/// Monitors Linux hosts: polls a probe on each and keeps every poll
#[derive(Debug, Parser)]
#[command(
    name = "roundsman",
    version,
    max_term_width = HELP_COLUMNS,
    override_help = HELP,
    subcommand_required = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every command. They are settings too: their defaults, and what a value must be, are
/// `config`'s to say.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub struct GlobalArgs {
    /// Configuration file [default: roundsman.toml, if it exists]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "ROUNDSMAN_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,
    /// Inventory file: groups, hosts, schedules [default: inventory.toml] [env:
    /// ROUNDSMAN_INVENTORY]
    #[arg(long, global = true, value_name = "FILE")]
    pub inventory: Option<PathBuf>,
    /// Data directory; created if missing [default: roundsman in $XDG_DATA_HOME or
    /// ~/.local/share] [env: ROUNDSMAN_DATA]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Log level on standard error [default: info for serve, warn for other commands] [env:
    /// ROUNDSMAN_LOG__LEVEL]
    #[arg(long, global = true, value_name = "LEVEL", value_parser = ["error", "warn", "info", "debug", "trace"])]
    pub log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Poll this machine and show it; needs no files, no arguments, no privileges
    #[command(after_help = demo::EXAMPLES)]
    Demo(demo::DemoArgs),
    /// Run the server: poll the inventory, store every poll, answer over HTTP
    #[command(after_help = serve::EXAMPLES)]
    Serve(serve::ServeArgs),
    /// Write an inventory and settings to start from; never changes an existing file
    #[command(after_help = init::EXAMPLES)]
    Init(init::InitArgs),
    /// Print the hosts that another monitor knows as lines of an inventory
    #[command(after_help = import::EXAMPLES)]
    Import(import::ImportArgs),
    /// Check settings and inventory, and show where each setting comes from
    #[command(after_help = check::EXAMPLES)]
    Check(check::CheckArgs),
    /// Add, change or remove a host in the inventory's files; comments stay
    #[command(after_help = host::EXAMPLES)]
    Host(host::HostArgs),
    /// Print the commands that start the probe of a host: package, program, container, swarm
    #[command(name = "probe-command", after_help = probe_command::EXAMPLES)]
    Probe(probe_command::ProbeCommandArgs),
    /// Show what the inventory would change about the stored hosts, and what it costs
    #[command(after_help = plan::EXAMPLES)]
    Plan(plan::PlanArgs),
    /// Poll hosts once, now, and print the time of every step; stores nothing
    #[command(after_help = poll::EXAMPLES)]
    Poll(poll::PollArgs),
    /// List hosts with their state and last poll
    #[command(after_help = hosts::EXAMPLES)]
    Hosts(hosts::HostsArgs),
    /// List the polls of a host, one row each, with their values
    #[command(after_help = history::EXAMPLES)]
    History(history::HistoryArgs),
    /// Write the polls of a host as CSV or JSON lines, for any span of time
    #[command(after_help = export::EXAMPLES)]
    Export(export::ExportArgs),
    /// Show for how much of the time hosts answered, by calendar days or months
    #[command(after_help = availability::EXAMPLES)]
    Availability(availability::AvailabilityArgs),
    /// Show what crossed the network of hosts, by day or month
    #[command(after_help = availability::TRAFFIC_EXAMPLES)]
    Traffic(availability::PeriodArgs),
    /// Run a statement of SQL on the store, and write its rows as CSV or JSON lines; changes nothing
    #[command(after_help = sql::EXAMPLES)]
    Sql(sql::SqlArgs),
    /// Explain the state of a host: one sentence, its last polls, its last changes of state
    #[command(after_help = why::EXAMPLES)]
    Why(why::WhyArgs),
    /// List, silence and acknowledge the alarms of a running server; print, check and explain alert rules
    #[command(after_help = alerts::EXAMPLES)]
    Alerts(Box<alerts::AlertsArgs>),
    /// Send a test message through a channel of the alert file, and print its receiver's answer
    #[command(after_help = notify::EXAMPLES)]
    Notify(notify::NotifyArgs),
    /// Make an authority of your own, and certificates for the server and the probes
    #[command(after_help = ca::EXAMPLES)]
    Ca(ca::CaArgs),
    /// Make, list and revoke tokens: who may ask the server, for what, and until when
    #[command(after_help = token::EXAMPLES)]
    Token(token::TokenArgs),
    /// Watch the fleet of a running server: a live table to sort, filter and look into
    #[command(after_help = top::EXAMPLES)]
    Top(top::TopArgs),
    /// Make a running server read its inventory file and its alert rules now, and print the result
    #[command(after_help = reload::EXAMPLES)]
    Reload(reload::ReloadArgs),
    /// Accept another machine as a host that was reinstalled or replaced
    #[command(after_help = accept::EXAMPLES)]
    Accept(accept::AcceptArgs),
    /// Show who asked a running server for which change, and who was refused
    #[command(after_help = audit::EXAMPLES)]
    Audit(audit::AuditArgs),
    /// Check store, spool, limits and sizes; prints what is wrong and what to do
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(doctor::DoctorArgs),
    /// Ask a running server for its health, or a host's; exit code 0 if SERVING. For HEALTHCHECK
    #[command(after_help = health::EXAMPLES)]
    Health(health::HealthArgs),
    /// Freeze the state of a host during work on it; asks a running server
    #[command(after_help = pause::PAUSE_EXAMPLES)]
    Pause(pause::PauseArgs),
    /// End the pause of a host; asks a running server
    #[command(after_help = pause::RESUME_EXAMPLES)]
    Resume(pause::ResumeArgs),
    /// Mark a deployment, a change or an incident on the charts, or remove a mark; asks a running server
    #[command(after_help = annotate::EXAMPLES)]
    Annotate(annotate::AnnotateArgs),
    /// Print completions of commands and flags for a shell
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
    speak_in(clock::zone());
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
        Command::Init(args) => init::run(&args, &runtime),
        Command::Import(args) => import::run(&args, &runtime),
        Command::Probe(args) => probe_command::run(&args, &runtime),
        Command::Check(args) => check::run(&args, &runtime),
        Command::Host(args) => host::run(&args, &runtime),
        Command::Plan(args) => plan::run(&args, &runtime),
        Command::Poll(args) => poll::run(&args, &runtime),
        Command::Hosts(args) => hosts::run(args, &runtime),
        Command::History(args) => history::run(&args, &runtime),
        Command::Export(args) => export::run(&args, &runtime),
        Command::Availability(args) => availability::run(args, &runtime),
        Command::Traffic(args) => availability::run_traffic(args, &runtime),
        Command::Sql(args) => sql::run(&args, &runtime),
        Command::Why(args) => why::run(&args, &runtime),
        Command::Alerts(args) => alerts::run(&args, &runtime),
        Command::Notify(args) => notify::run(&args, &runtime),
        Command::Ca(args) => ca::run(&args, &runtime),
        Command::Token(args) => token::run(&args, &runtime),
        Command::Top(args) => top::run(&args, &runtime),
        Command::Reload(args) => reload::run(&args, &runtime),
        Command::Accept(args) => accept::run(&args, &runtime),
        Command::Audit(args) => audit::run(&args, &runtime),
        Command::Doctor(args) => doctor::run(&args, &runtime),
        Command::Health(args) => health::run(&args, &runtime),
        Command::Pause(args) => pause::pause(&args, &runtime),
        Command::Resume(args) => pause::resume(&args, &runtime),
        Command::Annotate(args) => annotate::run(&args, &runtime),
        Command::Completions(args) => completions::completions(&args, Cli::command(), &runtime),
        Command::Man(args) => completions::man(&args, Cli::command()),
    };
    runtime.end();
    done
}
