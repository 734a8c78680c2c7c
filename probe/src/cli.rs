//! The command line: which command, over which roots, and how it ended.
//!
//! Exit codes: 0 done, 1 failed or not well, 2 wrong usage. Every error is one line on stderr that
//! says what, where and what to do.

mod capture;
mod doctor;
mod health;
mod pages;
mod secure;
mod serve;
mod show;

use std::{
    error::Error,
    ffi::OsString,
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, error::ErrorKind};
use roundsman_os::log;
use roundsman_probe::root::Root;
use tracing::error;
use tracing_subscriber::{filter::Targets, prelude::*};

const PROGRAM: &str = "roundsman-probe";

/// Usage was wrong.
const EXIT_USAGE: u8 = 2;

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage.
In a container the probe needs the host's /proc and / as read-only mounts:
  docker run -v /proc:/host/proc:ro -v /:/host:ro,rslave \\
    -e ROUNDSMAN_PROBE_PROC=/host/proc -e ROUNDSMAN_PROBE_ROOTFS=/host ...
then `roundsman-probe doctor` says what it can see.";

/// Answers gRPC calls with this host's raw metrics, read from /proc at that moment
#[derive(Debug, Parser)]
#[command(name = PROGRAM, version, after_help = AFTER_HELP, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    /// `serve` when none is given
    #[command(subcommand)]
    command: Option<Command>,
}

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
struct Global {
    /// The host's /proc, as the probe sees it
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "ROUNDSMAN_PROBE_PROC",
        hide_env_values = true,
        default_value = "/proc"
    )]
    proc: PathBuf,
    /// The host's /, as the probe sees it
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "ROUNDSMAN_PROBE_ROOTFS",
        hide_env_values = true,
        default_value = "/"
    )]
    rootfs: PathBuf,
    /// What to log to stderr: off, error, warn, info, debug, trace, or one per target, such as
    /// warn,roundsman_probe=debug
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        env = "ROUNDSMAN_PROBE_LOG",
        hide_env_values = true,
        default_value = "info"
    )]
    log: Targets,
}

impl Global {
    /// The roots, which must be directories: a mistyped one would give an empty answer for ever.
    fn root(&self) -> anyhow::Result<Root> {
        for (flag, dir) in [("--proc", &self.proc), ("--rootfs", &self.rootfs)] {
            anyhow::ensure!(
                dir.is_dir(),
                "{flag} {} is no directory; give the host's as the probe sees it",
                dir.display()
            );
        }
        Ok(Root::new(&self.proc, &self.rootfs))
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer gRPC calls until SIGTERM or SIGINT (the default)
    Serve(serve::Serve),
    /// Print this host now, as tables or JSON, rates included
    Show(show::Show),
    /// Say what the probe can and cannot see here, and how to mend it
    Doctor(doctor::Doctor),
    /// Ask a running probe for its health; exit code 0 when it is SERVING, else 1
    Health(health::Health),
    /// Copy exactly the files the probe reads into a directory, to replay them elsewhere
    Capture(capture::Capture),
    /// Print what a shell needs to complete commands and flags
    Completions(pages::Completions),
    /// Write the manual pages, one for each command
    Man(pages::Man),
}

/// Runs what `arguments` (the program's name first) ask for.
pub(crate) fn main(arguments: Vec<OsString>) -> ExitCode {
    let (global, command) = match parse(arguments) {
        Ok(parsed) => parsed,
        Err(error) => return explain(&error),
    };
    let _last_lines = log::LastLines;
    if let Err(error) = log_to_stderr(&global.log) {
        log::say(&format!("{PROGRAM}: cannot start the log: {error}"));
        return ExitCode::FAILURE;
    }
    match run(&global, command) {
        Ok(code) => code,
        Err(error) => {
            log::say(&format!("{PROGRAM}: {}", in_one_line(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(serve) => serve.run(global.root()?),
        Command::Show(show) => show.run(global.root()?),
        Command::Doctor(doctor) => doctor.run(global.root()?),
        Command::Health(health) => health.run(),
        Command::Capture(capture) => capture.run(&global.root()?),
        Command::Completions(completions) => completions.run(),
        Command::Man(man) => man.run(),
    }
}

/// Parses the arguments. Without a command they are those of `serve`.
fn parse(arguments: Vec<OsString>) -> Result<(Global, Command), clap::Error> {
    let as_given = Cli::try_parse_from(&arguments);
    match as_given {
        Ok(Cli { global, command: Some(command) }) => return Ok((global, command)),
        Ok(Cli { command: None, .. }) => {}
        Err(ref error) if error.kind() == ErrorKind::UnknownArgument => {}
        Err(error) => return Err(error),
    }
    let mut serve = arguments;
    serve.insert(1.min(serve.len()), OsString::from("serve"));
    match (Cli::try_parse_from(serve), as_given) {
        (Ok(Cli { global, command: Some(command) }), _) => Ok((global, command)),
        // What is unknown to both is best explained as it was given.
        (_, Err(error)) | (Err(error), Ok(_)) => Err(error),
        (Ok(Cli { command: None, .. }), Ok(_)) => {
            Err(clap::Error::new(ErrorKind::MissingSubcommand))
        }
    }
}

/// Help and version as asked for; a usage error in one line.
fn explain(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Nothing to do about a closed stdout.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.trim().trim_start_matches("error: "))
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
        .filter(|line| !line.is_empty())
        .collect();
    log::say(&format!("{PROGRAM}: {}; try {PROGRAM} --help", lines.join(" ")));
    ExitCode::from(EXIT_USAGE)
}

/// A probe whose log nobody reads answers on.
fn log_to_stderr(targets: &Targets) -> io::Result<()> {
    let tell =
        |lines| error!(lines, "log lines were dropped: who reads standard error had stopped");
    let log = log::standard(tell)?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| log.clone())
        .with_ansi(io::stderr().is_terminal());
    tracing_subscriber::registry().with(lines.with_filter(targets.clone())).init();
    Ok(())
}

/// The error and its causes, outermost first, each said once.
fn in_one_line(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A length of time above zero.
fn time(text: &str) -> Result<Duration, String> {
    match time_or_none(text)? {
        Duration::ZERO => Err("must be longer than nothing".to_owned()),
        time => Ok(time),
    }
}

/// A length of time; `0s` is none.
fn time_or_none(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| "expected a time with its unit, such as 500ms, 2s or 1m".to_owned())
}

/// A number of things, at least one.
fn count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| "expected a whole number of at least 1".to_owned())
}

/// Writes to stdout. A reader that has gone (`| head`) is no error.
fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to stdout")
        }
        _ => Ok(()),
    }
}

/// The runtime of the commands that talk: one thread.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime; too few file descriptors or too little memory?")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(arguments: &[&str]) -> Result<(Global, Command), ErrorKind> {
        let arguments = std::iter::once(PROGRAM).chain(arguments.iter().copied());
        parse(arguments.map(OsString::from).collect()).map_err(|error| error.kind())
    }

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_serves() {
        for arguments in [&[][..], &["--proc", "/x"], &["--listen", "127.0.0.1:0", "--proc", "/x"]]
        {
            assert!(
                matches!(command(arguments), Ok((_, Command::Serve(_)))),
                "{arguments:?}: {:?}",
                command(arguments)
            );
        }
    }

    #[test]
    fn global_flags_stand_before_or_after_the_command() {
        for arguments in [["--proc", "/x", "show"], ["show", "--proc", "/x"]] {
            let (global, command) = command(&arguments).unwrap();
            assert!(matches!(command, Command::Show(_)));
            assert_eq!(global.proc, PathBuf::from("/x"));
        }
    }

    #[test]
    fn what_is_unknown_is_refused() {
        assert_eq!(command(&["--bogus"]).unwrap_err(), ErrorKind::UnknownArgument);
        assert_eq!(command(&["bogus"]).unwrap_err(), ErrorKind::InvalidSubcommand);
        assert_eq!(command(&["show", "--listen", "x"]).unwrap_err(), ErrorKind::UnknownArgument);
    }
}
