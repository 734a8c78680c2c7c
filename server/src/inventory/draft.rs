//! A host while its inventory is read.

use super::Host;

/// A host with the places that later checks point at.
pub(super) struct HostDraft {
    pub(super) host: Host,
    pub(super) at: usize,
    pub(super) addresses_at: Vec<usize>,
    pub(super) parent_at: usize,
    pub(super) renamed_at: usize,
    /// Listed by its group, and not yet refined by a `[[host]]`.
    pub(super) listed: bool,
}
