//! What a receiver is to be told, and how far that has come. A notice is a row before it is told.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{HostId, words::words};
use crate::units::WallMs;

words! {
    /// What a notice is to the one before it of the same subject.
    NoticeKind {
        /// Something begins that will have an end, or goes on otherwise: the host enters a state that is told
        /// of, the alarm fires.
        Begins = "begins";
        /// It ends. Told only where the begin was.
        Ends = "ends";
        /// Neither: it says something, and how the host is now.
        Says = "says";
    }
}

words! {
    /// How far a notice has come.
    NoticeState {
        /// Not taken by its receiver yet.
        Pending = "pending";
        /// Taken.
        Delivered = "delivered";
        /// Never taken, and not tried any longer.
        GivenUp = "given_up";
        /// Not told, because it ends what was not told either.
        Folded = "folded";
    }
}

/// One thing to tell one receiver. The row is written with the event that it tells of, and again
/// whenever it has come further; of two rows of one notice the one that [`is_after`](Self::is_after)
/// the other holds, so that it does not matter in which order they are kept, or how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it is known by to its receiver: the same in every try, and of nothing else.
    pub id: Arc<str>,
    /// Whose it is.
    pub receiver: Arc<str>,
    /// The host that it is about, see also [`subject`](Self::subject).
    pub host: HostId,
    /// The event that it tells of, see [`Transition::of_moment`](super::Transition::of_moment).
    pub event: WallMs,
    /// What it is to the one before it.
    pub kind: NoticeKind,
    /// What is sent: JSON.
    pub body: Arc<str>,
    /// When it was made, on the server's clock.
    pub created: WallMs,
    /// How far it has come.
    pub state: NoticeState,
    /// How often it was sent.
    pub attempts: u32,
    /// Not sent before this moment.
    pub next_try: WallMs,
    /// Why it was not taken the last time, in words.
    pub last_error: Option<Arc<str>>,
    /// When it was taken, given up or folded.
    pub ended: Option<WallMs>,
}

impl Notice {
    /// What it is about: a host, the server, or one alarm of either. Notices of one subject are told in order,
    /// and the end of what began there only where the begin was. It is what the id begins with; the rest of
    /// that, behind two slashes, says which event it was.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.id.rsplitn(3, '/').nth(2).unwrap_or(&self.id)
    }

    /// Whether this row of the same notice is the later one.
    #[must_use]
    pub fn is_after(&self, other: &Self) -> bool {
        other.state == NoticeState::Pending
            && (self.state != NoticeState::Pending || self.attempts > other.attempts)
    }
}
