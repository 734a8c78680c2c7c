//! What people and scripts say of a moment: a deployment, a change, an incident.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Hosts, words::words};
use crate::units::WallMs;

/// The most groups, labels and names of hosts of one annotation.
pub const MAX_ANNOTATION_TERMS: usize = 64;
/// The longest span of one annotation, and how far ahead of now it may begin.
pub const MAX_ANNOTATION_SPAN: Duration = Duration::from_secs(30 * 24 * 3600);

words! {
    /// What an annotation is about.
    AnnotationKind {
        /// Software was deployed.
        Deploy = "deploy";
        /// Anything else.
        Note = "note";
    }
}

/// A note on a moment or a span of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    /// What it is known by.
    pub id: Arc<str>,
    /// When it was, or began.
    pub at: WallMs,
    /// When it ended; none for a moment.
    pub until: Option<WallMs>,
    /// What it is about.
    pub kind: AnnotationKind,
    /// What there is to say, one line.
    pub text: Arc<str>,
    /// Who wrote it.
    pub who: Arc<str>,
    /// The hosts that it is about; empty for all.
    pub hosts: Hosts,
    /// When it was removed; none while it holds.
    pub removed: Option<WallMs>,
}

/// Why an annotation is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnnotationError {
    /// Too many hosts by name, group or label.
    #[error(
        "an annotation names at most {MAX_ANNOTATION_TERMS} groups, labels and hosts, this one has {0}"
    )]
    TooManyTerms(usize),
    /// It ends before it begins.
    #[error("an annotation ends after it begins, this one begins at {0} and ends at {1}")]
    Backward(WallMs, WallMs),
    /// Beyond [`MAX_ANNOTATION_SPAN`].
    #[error("an annotation spans at most 30 days, this one ends at {0}: annotate its begin alone")]
    TooLong(WallMs),
    /// Beyond [`MAX_ANNOTATION_SPAN`] from now, or before 1970.
    #[error("an annotation is of a moment from 1970 to 30 days from now, not of {0}")]
    OutOfReach(WallMs),
}

impl Annotation {
    /// Whether it can be taken at `now`.
    ///
    /// # Errors
    /// [`AnnotationError`].
    pub fn check(&self, now: WallMs) -> Result<(), AnnotationError> {
        let terms = self.hosts.terms();
        if terms > MAX_ANNOTATION_TERMS {
            return Err(AnnotationError::TooManyTerms(terms));
        }
        if self.at < WallMs(0) || self.at > now.plus(MAX_ANNOTATION_SPAN) {
            return Err(AnnotationError::OutOfReach(self.at));
        }
        match self.until {
            Some(until) if until <= self.at => Err(AnnotationError::Backward(self.at, until)),
            Some(until) if until > self.at.plus(MAX_ANNOTATION_SPAN) => {
                Err(AnnotationError::TooLong(until))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Glob;

    #[test]
    fn an_annotation_has_a_place_in_time_and_not_too_many_hosts() {
        let now = WallMs(1_000_000);
        let good = Annotation {
            id: "1".into(),
            at: now.plus(MAX_ANNOTATION_SPAN),
            until: Some(now.plus(MAX_ANNOTATION_SPAN).plus(MAX_ANNOTATION_SPAN)),
            kind: AnnotationKind::Deploy,
            text: "web 2.4".into(),
            who: "ci".into(),
            hosts: Hosts::default(),
            removed: None,
        };
        assert_eq!(good.check(now), Ok(()));
        let names = vec![Glob::new("a"); MAX_ANNOTATION_TERMS + 1];
        let wide = Annotation { hosts: Hosts { names, ..Hosts::default() }, ..good.clone() };
        let terms = AnnotationError::TooManyTerms(MAX_ANNOTATION_TERMS + 1);
        assert_eq!(wide.check(now), Err(terms));
        let late = good.at.plus(Duration::from_millis(1));
        for (at, until, error) in [
            (late, None, AnnotationError::OutOfReach(late)),
            (WallMs(-1), None, AnnotationError::OutOfReach(WallMs(-1))),
            (now, Some(now), AnnotationError::Backward(now, now)),
            (now, Some(late), AnnotationError::TooLong(late)),
        ] {
            assert_eq!(Annotation { at, until, ..good.clone() }.check(now), Err(error));
        }
    }
}
