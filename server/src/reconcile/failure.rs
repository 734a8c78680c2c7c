//! Why an inventory cannot come into force.

use crate::{
    document::Problems, error_report::error_chain, reload::ReloadError, store::StoreError,
};

/// Why an inventory cannot come into force. One line each, but for what is wrong with the inventory
/// itself: one per problem.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The inventory is wrong.
    #[error("{0}")]
    Inventory(Problems),
    /// The alert rules are wrong.
    #[error("{0}")]
    Alerts(Problems),
    /// The file of alert rules that was named cannot be read.
    #[error("{}; name another file with `alerts`", error_chain(.0))]
    AlertsUnread(ReloadError),
    /// The file of tokens is wrong.
    #[error("{0}")]
    Access(Problems),
    /// The file of tokens cannot be read.
    #[error("{}; name another file with http.access_file", error_chain(.0))]
    AccessUnread(ReloadError),
    /// The inventory file cannot be read.
    #[error("{}", no_inventory(.0))]
    Reload(ReloadError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why there is no inventory to start with, and what to do.
fn no_inventory(error: &ReloadError) -> String {
    match error {
        ReloadError::Vanished { path } => {
            format!(
                "no inventory at {}: name the file with --inventory, or begin one with the two lines \
                 [[host]] and name = \"localhost\", and run `roundsman-probe serve` on that host",
                path.display()
            )
        }
        other => {
            format!("{}; name another inventory with --inventory", error_chain(other))
        }
    }
}
