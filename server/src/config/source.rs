//! Where settings come from, what was made of them, and why there may be none.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
};

use roundsman_os::file::{self, FileError};

use super::{Config, Flag, Origin, SettingProblem};

/// The largest configuration file that is read, bytes: it has some fifty settings.
pub const MAX_CONFIG_BYTES: u64 = 1 << 20;

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
    /// What is not wrong but should not be so, in sentences.
    pub warnings: Vec<String>,
}

impl Loaded {
    /// The settings that are others than in `before`, in the order of the file. A secret that came
    /// from a file is its own setting's value: `http.token` for what `http.token_file` holds.
    #[must_use]
    pub fn changed_since(&self, before: &Self) -> Vec<&'static str> {
        let secrets = |loaded: &Self| {
            let Config { http, hook, export, store, .. } = &loaded.config;
            [
                ("http.token", http.token.clone()),
                ("store.password", store.password.clone()),
                ("hook.token", hook.token.clone()),
                ("export.token", export.token.clone()),
            ]
        };
        let values = self.origins.iter().zip(&before.origins);
        let shown = values.filter(|(now, then)| now.value != then.value).map(|(now, _)| now.key);
        let hidden = secrets(self).into_iter().zip(secrets(before));
        let hidden = hidden.filter(|(now, then)| now.1 != then.1).map(|(now, _)| now.0);
        let changed: BTreeSet<&str> = shown.chain(hidden).collect();
        self.origins.iter().map(|origin| origin.key).filter(|key| changed.contains(key)).collect()
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
        source: FileError,
    },
    /// Everything that is wrong, one line each.
    #[error("{}", lines(.0))]
    Invalid(Vec<SettingProblem>),
}

fn lines(problems: &[SettingProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The file's text; none when it is not there and nobody said it would be.
pub(super) fn read(path: &Path, explicit: bool) -> Result<Option<String>, ConfigError> {
    match file::read_text(path, MAX_CONFIG_BYTES) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.is_missing() && !explicit => Ok(None),
        Err(source) => Err(ConfigError::Unreadable { path: path.to_owned(), source }),
    }
}
