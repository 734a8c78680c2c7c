//! Where settings come from, what was made of them, and why there may be none.

use std::{ffi::OsString, fmt, io, path::PathBuf};

use super::{Config, Flag, Origin, Place};

/// Where settings come from, least important first.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The configuration file.
    pub file: Option<PathBuf>,
    /// Whether the operator named that file: then it must exist.
    pub explicit: bool,
    /// The environment, `std::env::vars_os()`. Only `ROUNDSMAN_*`, `XDG_DATA_HOME` and `HOME` are
    /// looked at; an empty variable counts as not set.
    pub env: Vec<(OsString, OsString)>,
    /// What was given on the command line.
    pub flags: Vec<Flag>,
}

/// A configuration and where each of its values came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// One per setting, in the order of [`super::SETTINGS`]; secrets are masked.
    pub origins: Vec<Origin>,
    /// The file that was read, when there was one.
    pub file: Option<PathBuf>,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where the value stands.
    pub place: Place,
    /// What is wrong with it and what was expected; never a secret.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that the operator named is not there, or a file that is there cannot be read.
    #[error("{}: the configuration file cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Everything that is wrong, one line each.
    #[error("{}", lines(.0))]
    Invalid(Vec<Problem>),
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
