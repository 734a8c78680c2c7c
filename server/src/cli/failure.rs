//! How a command ends when it does not end well: one line, and an exit code.

use std::{error::Error, io, process::ExitCode};

use super::output::tell;
use crate::{
    app::AppError, config::ConfigError, query::QueryError, store::StoreError, text::shown,
};

/// Exit code of a command that failed.
const FAILED: u8 = 1;
/// Exit code of a command that was called wrongly.
const USAGE: u8 = 2;
/// Exit code of a command whose reader went away (`| head`): 128 and the number of SIGPIPE, as a shell
/// says of every program that this signal ended.
const READER_GONE: u8 = 128 + 13;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// It was called wrongly.
    #[error("{0}")]
    Usage(String),
    /// It failed; the text says what, where and what to do.
    #[error("{0}")]
    Failed(String),
    /// It did its work, and what it has printed says that something is wrong.
    #[error("")]
    Shown,
    /// A question about hosts or polls has no answer.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server could not start, or had to stop.
    #[error(transparent)]
    App(#[from] AppError),
    /// Standard output cannot be written.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

impl CliError {
    /// Prints it in one line and says how the process ends.
    pub(super) fn report(&self) -> ExitCode {
        match self {
            // `| head` has read enough: there is nothing to say.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                ExitCode::from(READER_GONE)
            }
            Self::Shown => ExitCode::from(FAILED),
            Self::Usage(_) | Self::Query(QueryError::Series(_)) => {
                tell(&format!("roundsman: {}", in_one_line(self)));
                ExitCode::from(USAGE)
            }
            Self::Query(QueryError::UnknownHost { hint, .. }) if hint.is_empty() => {
                tell(&format!("roundsman: {}; `roundsman hosts` lists all", in_one_line(self)));
                ExitCode::from(FAILED)
            }
            _ => {
                tell(&format!("roundsman: {}", in_one_line(self)));
                ExitCode::from(FAILED)
            }
        }
    }
}

/// An error with all its causes, in one line.
pub(super) fn in_one_line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // A cause that is told already is not told twice.
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    shown(&lines.collect::<Vec<_>>().join("; ")).into_owned()
}

/// Prints what clap has to say: help in full, an error in one line.
pub(super) fn refuse(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that goes away has read enough.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(USAGE)
        }
        _ => {
            let text = error.to_string();
            let said = text
                .lines()
                .map(str::trim)
                .take_while(|line| !line.starts_with("Usage:"))
                .filter(|line| !line.is_empty() && !line.starts_with("For more information"));
            let said = said.collect::<Vec<_>>().join("; ").replace(":; ", ": ");
            let said = said.strip_prefix("error: ").unwrap_or(&said);
            tell(&format!("roundsman: {said}; see --help"));
            ExitCode::from(USAGE)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_follow_in_one_line_and_none_is_told_twice() {
        let inner = io::Error::other("disk\nfull");
        let error = CliError::Output(inner);
        assert_eq!(in_one_line(&error), "cannot write to standard output: disk; full");
        let error = CliError::Query(QueryError::UnknownHost {
            name: "wbe-1".to_owned(),
            hint: "; did you mean `web-1`?".to_owned(),
        });
        assert_eq!(in_one_line(&error), "no host is called \"wbe-1\"; did you mean `web-1`?");
    }
}
