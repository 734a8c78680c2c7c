//! Whether the server does its work, and if not why: pure, from what it says of itself.

use std::{sync::Arc, time::Duration};

use serde::Serialize;

use super::shapes::Rfc3339;
use crate::{live::ServerView, units::WallMs};

/// How long the scheduler may be silent before the server is not ready.
pub const MAX_ROUND_SILENCE: Duration = Duration::from_secs(60);

/// Whether the server does its work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Readiness {
    /// It does.
    pub ready: bool,
    /// Why it does not, one sentence each.
    pub reasons: Vec<String>,
    /// What is wrong without stopping the work: a refused inventory file, polls not sealed.
    pub warnings: Vec<String>,
    /// When the server started.
    pub started: Rfc3339,
    /// The inventory in force.
    pub inventory: Option<InventoryShape>,
    /// When the scheduler last opened a round of slots; none before the first.
    pub last_round: Option<Rfc3339>,
}

/// The inventory in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InventoryShape {
    /// Its number in the store.
    pub version: i64,
    /// Hash of the file's content.
    pub hash: Arc<str>,
    /// When it was loaded.
    pub loaded: Rfc3339,
}

impl Readiness {
    /// Judges what the server says of itself, and why the store did not answer, if it did not.
    #[must_use]
    pub fn judge(server: &ServerView, store_error: Option<String>, now: WallMs) -> Self {
        let mut reasons = Vec::new();
        if server.stopping {
            reasons.push("the server is stopping".to_owned());
        }
        if !server.ready || server.inventory.is_none() {
            reasons.push("no inventory is in force yet".to_owned());
        }
        // Before the first round its begin counts from the start.
        let heard = server.last_round.max(server.started);
        let silence = now.since(heard);
        if silence > MAX_ROUND_SILENCE {
            let (silent, most) = (silence.as_secs(), MAX_ROUND_SILENCE.as_secs());
            reasons.push(format!("no round of polls for {silent} s (limit {most} s)"));
        }
        if let Some(error) = store_error {
            reasons.push(format!("the store does not answer: {error}"));
        }
        let refused = server.inventory_error.iter().map(|error| {
            format!("the inventory file was refused, the one before stays in force: {error}")
        });
        let unsealed = server.seal_error.iter().map(|error| {
            format!("old polls are not sealed, they stay as they are and take more room: {error}")
        });
        Self {
            ready: reasons.is_empty(),
            reasons,
            warnings: refused.chain(unsealed).collect(),
            started: Rfc3339(server.started),
            inventory: server.inventory.as_ref().map(|(version, hash, loaded)| InventoryShape {
                version: version.0,
                hash: Arc::clone(hash),
                loaded: Rfc3339(*loaded),
            }),
            last_round: (server.last_round != WallMs::default())
                .then_some(Rfc3339(server.last_round)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::VersionId;

    const NOW: WallMs = WallMs(1_774_747_800_000);

    fn well() -> ServerView {
        ServerView {
            started: NOW.minus(Duration::from_secs(600)),
            inventory: Some((VersionId(1), "abc".into(), NOW)),
            last_round: NOW.minus(Duration::from_secs(60)),
            ready: true,
            ..ServerView::default()
        }
    }

    #[test]
    fn polls_that_are_not_sealed_are_a_warning() {
        let server = ServerView { seal_error: Some("damaged".into()), ..well() };
        let judged = Readiness::judge(&server, None, NOW);
        assert!(judged.ready);
        assert_eq!(
            judged.warnings,
            ["old polls are not sealed, they stay as they are and take more room: damaged"]
        );
    }

    #[test]
    fn a_server_that_works_is_ready_even_with_a_refused_file() {
        let server = ServerView { inventory_error: Some("line 3".into()), ..well() };
        let readiness = Readiness::judge(&server, None, NOW);
        assert!(readiness.ready, "{readiness:?}");
        assert_eq!(readiness.warnings.len(), 1);
    }

    #[test]
    fn each_fault_is_a_reason_of_its_own() {
        let server = ServerView {
            started: NOW.minus(Duration::from_secs(600)),
            last_round: NOW.minus(Duration::from_secs(61)),
            stopping: true,
            ..ServerView::default()
        };
        let readiness = Readiness::judge(&server, Some("disk full".to_owned()), NOW);
        assert!(!readiness.ready);
        assert_eq!(
            readiness.reasons,
            [
                "the server is stopping",
                "no inventory is in force yet",
                "no round of polls for 61 s (limit 60 s)",
                "the store does not answer: disk full",
            ]
        );
    }

    #[test]
    fn before_the_first_round_silence_counts_from_the_start() {
        let server = ServerView { started: NOW, last_round: WallMs::default(), ..well() };
        let readiness = Readiness::judge(&server, None, NOW);
        assert!(readiness.ready, "{readiness:?}");
        assert_eq!(readiness.last_round, None);
    }
}
