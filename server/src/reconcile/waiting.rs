//! An inventory that waits: for the store, or because it takes out so many hosts that its file may be
//! half written.
//!
//! What is written in pieces (`cp`, `rsync --inplace`, an editor, `git checkout`) is often valid at its
//! first piece, and a host that is taken out has its state, its pause and its machine forgotten. So a
//! change that takes out many waits until its file has not changed for [`SETTLE_TIME`]; all others come at
//! once.

use std::{sync::Arc, time::Duration};

use crate::{
    document::SourceFile,
    inventory::{self, Inventory},
    units::Mono,
};

/// How long a file that takes out many hosts has to stay as it is.
pub(super) const SETTLE_TIME: Duration = Duration::from_secs(10);

/// So many hosts may be taken out at once, however few there are.
const FEW: usize = 2;

/// And this part of all, in per cent.
const FEW_PCT: usize = 10;

/// How many hosts an inventory takes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Removal {
    pub(super) gone: usize,
    /// Of so many.
    pub(super) of: usize,
    /// It has no hosts at all, and discovers none: so is a file that has just been opened to be written.
    pub(super) is_empty: bool,
}

impl Removal {
    /// Whether they are so many that the file may be half written.
    pub(super) fn is_large(self) -> bool {
        let are_many =
            self.gone > FEW && self.gone.saturating_mul(100) > self.of.saturating_mul(FEW_PCT);
        are_many || (self.is_empty && self.gone > 0)
    }
}

/// An inventory that is to come into force.
pub(super) struct Waiting {
    pub(super) inventory: Arc<Inventory>,
    pub(super) text: Arc<str>,
    /// Since when its file has been as it is; what it had settled before.
    since: Mono,
    settled: Duration,
    /// Somebody has said that it is right.
    pub(super) is_approved: bool,
    /// Counted once.
    pub(super) removal: Option<Removal>,
}

impl Waiting {
    pub(super) fn new(inventory: Inventory, files: &[SourceFile], since: Mono) -> Self {
        let text = inventory::whole_text(files).into();
        let inventory = Arc::new(inventory);
        let settled = Duration::ZERO;
        Self { inventory, text, since, settled, is_approved: false, removal: None }
    }

    /// Its file has been as it is for so long already.
    pub(super) fn settled_for(self, settled: Duration) -> Self {
        Self { settled, ..self }
    }

    /// What is in force already, with other hosts that were discovered.
    pub(super) fn again(inventory: Arc<Inventory>, text: Arc<str>) -> Self {
        let (since, settled) = (Mono::default(), Duration::ZERO);
        Self { inventory, text, since, settled, is_approved: true, removal: None }
    }

    /// Its file is being changed.
    pub(super) fn restart_settling(&mut self, now: Mono) {
        self.since = now;
        self.settled = Duration::ZERO;
    }

    pub(super) fn has_settled(&self, now: Mono) -> bool {
        self.is_approved || now.since(self.since).saturating_add(self.settled) >= SETTLE_TIME
    }

    /// Whether it waits for its file to stay as it is, and for nothing else.
    pub(super) fn is_settling(&self, now: Mono) -> bool {
        !self.has_settled(now) && self.removal.is_some_and(Removal::is_large)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn more_than_two_and_more_than_a_tenth_are_many() {
        let is_large = |gone, of| Removal { gone, of, is_empty: false }.is_large();
        assert!(!is_large(2, 2) && !is_large(10, 100) && !is_large(0, 0));
        assert!(is_large(3, 3) && is_large(11, 100) && is_large(1_000, 9_999));
        let empty = |gone| Removal { gone, of: gone, is_empty: true };
        assert!(empty(1).is_large() && !empty(0).is_large());
    }

    #[test]
    fn a_file_that_changes_settles_from_the_beginning() {
        let at = |secs| Mono(Duration::from_secs(secs));
        let bytes = b"[[host]]\nname = \"a\"\n".to_vec();
        let files = [SourceFile { name: "hosts.toml".into(), bytes }];
        let inventory = inventory::parse_files(&files).unwrap();
        let mut waiting = Waiting::new(inventory, &files, at(100)).settled_for(SETTLE_TIME / 2);
        assert!(!waiting.has_settled(at(104)) && waiting.has_settled(at(105)));
        waiting.restart_settling(at(104));
        assert!(!waiting.has_settled(at(113)) && waiting.has_settled(at(114)));
        waiting.is_approved = true;
        assert!(waiting.has_settled(at(104)));
    }
}
