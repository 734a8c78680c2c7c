//! Which part of a host's ledger is wanted: from, to, how many, in which order.

use std::{fmt, time::Duration};

use crate::units::WallMs;

/// The most polls in one answer; further ones are on the next page.
pub const MAX_PAGE: usize = 1000;

/// How many polls an answer holds when nobody says.
pub const DEFAULT_PAGE: usize = 100;

/// How far back an answer goes when nobody says.
pub const DEFAULT_SPAN: Duration = Duration::from_secs(3600);

/// Which end of the span comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortOrder {
    /// Oldest first.
    Asc,
    /// Newest first.
    Desc,
}

impl SortOrder {
    /// Both.
    pub const ALL: &'static [Self] = &[Self::Asc, Self::Desc];
}

impl fmt::Display for SortOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Asc => "asc",
            Self::Desc => "desc",
        })
    }
}

/// Why a span cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRange {
    /// Nothing can be in it.
    #[error("\"from\" ({from}) must be before \"to\" ({to})")]
    Backwards {
        /// Its begin.
        from: WallMs,
        /// Its end.
        to: WallMs,
    },
}

/// A part of the ledger: `from <= slot < to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollRange {
    /// The first moment in it.
    pub from: WallMs,
    /// The first moment after it.
    pub to: WallMs,
    /// At most so many polls, up to [`MAX_PAGE`].
    pub limit: usize,
    /// Which end comes first.
    pub order: SortOrder,
}

impl PollRange {
    /// The newest polls of the last hour.
    #[must_use]
    pub fn last_hour(now: WallMs) -> Self {
        // A slot may be dated up to a tick ahead of `now`: it belongs to "until now" too.
        let to = now.plus(Duration::from_secs(1));
        Self { from: now.minus(DEFAULT_SPAN), to, limit: DEFAULT_PAGE, order: SortOrder::Desc }
    }

    /// Checks that something can be in it.
    ///
    /// # Errors
    /// [`BadRange`] when it ends before it begins.
    pub fn check(&self) -> Result<(), BadRange> {
        if self.from < self.to {
            Ok(())
        } else {
            Err(BadRange::Backwards { from: self.from, to: self.to })
        }
    }

    /// What is left of it after a full page that ended with the poll of `last`.
    #[must_use]
    pub fn after(&self, last: WallMs) -> Self {
        match self.order {
            SortOrder::Asc => Self { from: last.plus(Duration::from_millis(1)), ..*self },
            SortOrder::Desc => Self { to: last, ..*self },
        }
    }
}

/// As parameters of a request.
impl fmt::Display for PollRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, limit, order } = self;
        write!(f, "from={}&to={}&limit={limit}&order={order}", from.0, to.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_begins_where_this_one_ended() {
        let span = PollRange { from: WallMs(10), to: WallMs(50), limit: 2, order: SortOrder::Asc };
        assert_eq!(span.after(WallMs(20)).to_string(), "from=21&to=50&limit=2&order=asc");
        let newest = PollRange { order: SortOrder::Desc, ..span };
        assert_eq!(newest.after(WallMs(20)).to_string(), "from=10&to=20&limit=2&order=desc");
    }

    #[test]
    fn a_span_that_ends_before_it_begins_is_refused() {
        let span = PollRange { from: WallMs(50), to: WallMs(50), limit: 1, order: SortOrder::Asc };
        assert!(
            span.check()
                .unwrap_err()
                .to_string()
                .starts_with("\"from\" (1970-01-01T00:00:00.050Z)")
        );
    }
}
