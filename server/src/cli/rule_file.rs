//! The file of rules as a command finds it: the one that is named, the one that a server would use, or else
//! the rules that come along.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use roundsman_os::file;

use super::{CliError, refused::refused};
use crate::{
    alert::{Rule, SHIPPED},
    config::Config,
    reconcile::{SHIPPED_NAME, alerts_path},
    reload::MAX_FILE_BYTES,
    route::{self, Alerting},
    text::{did_you_mean, shown},
};

/// What a file of rules says.
pub(super) struct RuleFile {
    /// Where it stands; none: these are the rules that come along.
    pub(super) path: Option<PathBuf>,
    /// Its text.
    pub(super) text: String,
    /// What it says.
    pub(super) says: Alerting,
}

impl RuleFile {
    /// Reads the one that is in force, or that is named; without any, the rules that come along.
    pub(super) fn read(named: Option<&Path>, config: &Config) -> Result<Self, CliError> {
        let named = named.or(config.alerts.as_deref());
        let path = alerts_path(named, &config.inventory);
        if named.is_none() && !path.exists() {
            let says = route::parse_all(SHIPPED_NAME, SHIPPED).map_err(|p| refused(&p))?;
            return Ok(Self { path: None, text: SHIPPED.to_owned(), says });
        }
        Self::open(path)
    }

    /// Reads the one that a server would use, which has to be there.
    pub(super) fn in_force(config: &Config) -> Result<Self, CliError> {
        Self::open(alerts_path(config.alerts.as_deref(), &config.inventory))
    }

    /// Reads one that has to be there.
    pub(super) fn open(path: PathBuf) -> Result<Self, CliError> {
        let name = path.display().to_string();
        let (bytes, _) = file::read(&path, MAX_FILE_BYTES).map_err(|error| {
            CliError::Failed(format!("{}: cannot be read: {error}", shown(&name)))
        })?;
        let says = route::parse_all_bytes(&name, &bytes).map_err(|problems| refused(&problems))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Self { path: Some(path), text, says })
    }

    /// Where it stands, or would.
    pub(super) fn place(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(""))
    }

    /// What it is called in messages.
    pub(super) fn name(&self) -> String {
        self.path
            .as_ref()
            .map_or_else(|| SHIPPED_NAME.to_owned(), |path| path.display().to_string())
    }

    /// The rule of this name.
    pub(super) fn rule(&self, name: &str) -> Result<Arc<Rule>, CliError> {
        let rules = &self.says.rules;
        if let Some(rule) = rules.list.iter().find(|rule| *rule.name == *name) {
            return Ok(Arc::clone(rule));
        }
        let (file, called) = (self.name(), shown(name));
        let file = shown(&file);
        if rules.disabled.iter().any(|off| **off == *name) {
            return Err(CliError::Failed(format!(
                "{file}: the rule `{called}` is switched off: take `enabled = false` out of a copy of the \
                 file, and name that with --file"
            )));
        }
        let hint = did_you_mean(name, rules.list.iter().map(|rule| &*rule.name));
        Err(CliError::Failed(format!("{file}: no rule is named `{called}`{hint}")))
    }
}
