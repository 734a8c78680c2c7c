//! The file of alert rules, channels and routes.

use roundsman_os::file::{self, FileError};
use serde::Serialize;

use crate::{
    cli::output::plural, config::Config, inventory::Inventory, reconcile::alerts_path,
    reload::MAX_FILE_BYTES, route,
};

/// A file of alert rules in numbers.
#[derive(Debug, Serialize)]
pub(super) struct Rules {
    pub(super) file: String,
    pub(super) rules: usize,
    pub(super) channels: usize,
    pub(super) routes: usize,
}

impl Rules {
    /// In a line.
    pub(super) fn text(&self) -> String {
        let Self { file, rules, channels, routes } = self;
        let rules = plural(*rules, "rule");
        // Without a channel there is nobody to tell.
        let told = match channels {
            0 => String::new(),
            _ => format!(", {}, {}", plural(*channels, "channel"), plural(*routes, "route")),
        };
        format!("alerts: {file}: {rules}{told}\n")
    }
}

/// Looks at the file, where there is one; what is hardly meant comes along.
///
/// # Errors
/// All that is wrong with it, each with its place.
pub(super) fn read(
    config: &Config,
    inventory: Option<&Inventory>,
) -> Result<Option<(Rules, Vec<String>)>, Vec<String>> {
    let named = config.alerts.as_deref();
    let path = alerts_path(named, &config.inventory);
    if named.is_none() && !path.exists() {
        return Ok(None);
    }
    let file = path.display().to_string();
    let unread = |error: FileError| vec![format!("{file}: cannot be read: {error}")];
    let (bytes, _) = file::read(&path, MAX_FILE_BYTES).map_err(unread)?;
    match route::parse_all_bytes(&file, &bytes) {
        Ok(all) => {
            let (rules, channels) = (all.rules.list.len(), all.channels.len());
            let summary = Rules { file, rules, channels, routes: all.routes.iter().count() };
            Ok(Some((summary, all.remarks(inventory))))
        }
        Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
    }
}
