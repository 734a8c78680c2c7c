//! What was polled and could not be kept, in JSON's words.

use schemars::JsonSchema;
use serde::Serialize;

use super::{MAX_PAGE, Query, QueryError, moment::Rfc3339};
use crate::{
    model::{Loss, LossReason},
    store,
    units::WallMs,
};

/// Polls that were lost for one reason, in one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LossShape {
    /// Slot of the first of them.
    pub from: Rfc3339,
    /// The same, milliseconds since 1970.
    pub from_ms: WallMs,
    /// Slot of the last of them.
    pub to: Rfc3339,
    /// The same, milliseconds since 1970.
    pub to_ms: WallMs,
    /// How many hosts they were of.
    pub hosts: u64,
    /// How many polls.
    pub polls: u64,
    /// Why.
    pub reason: LossReason,
    /// When it was noted.
    pub noted_at: Rfc3339,
}

impl From<&Loss> for LossShape {
    fn from(loss: &Loss) -> Self {
        Self {
            from: Rfc3339(loss.from),
            from_ms: loss.from,
            to: Rfc3339(loss.to),
            to_ms: loss.to,
            hosts: loss.hosts,
            polls: loss.polls,
            reason: loss.reason,
            noted_at: Rfc3339(loss.noted_at),
        }
    }
}

/// Losses of a span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LossesPage {
    /// Those that touch it, oldest first.
    pub losses: Vec<LossShape>,
}

impl Query {
    /// Polls that were lost in a span, oldest first.
    ///
    /// # Errors
    /// [`QueryError::Store`].
    pub async fn losses(&self, span: store::Span, limit: usize) -> Result<LossesPage, QueryError> {
        let losses = self.store.losses(span, limit.min(MAX_PAGE)).await?;
        Ok(LossesPage { losses: losses.iter().map(LossShape::from).collect() })
    }
}
