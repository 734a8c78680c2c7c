//! Annotations: what people and scripts say of moments, in JSON's words.
//!
//! A row is on its way to the store when it is answered. Until it is there, and for as long as the store is
//! away, the newest ones are known here, so that whoever wrote one sees it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use schemars::JsonSchema;
use serde::Serialize;

use super::{HostsOf, Query, QueryError, moment::Rfc3339};
use crate::{
    model::{Annotation, AnnotationKind, GroupName, HostName, Hosts, Labels},
    store::{self, AnnotationsOf, Span, writer::QueuedRow},
    text::{Glob, base36},
    units::WallMs,
};

/// The most annotations of one answer; older ones are left out, and the answer says so.
pub const MAX_ANNOTATIONS: usize = 1_000;
/// The most new annotations that are known beside the store.
pub const MAX_FRESH_ANNOTATIONS: usize = 256;

/// The annotations of a span.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AnnotationsPage {
    /// Newest first.
    pub annotations: Vec<AnnotationShape>,
    /// There are older ones in the span that are not here.
    pub more: bool,
}

/// An annotation: what somebody says of a moment. Of `hosts`, `groups` and `labels` all that is given must
/// hold; where all three are empty it is about the whole fleet.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AnnotationShape {
    /// What it is known by.
    pub id: Arc<str>,
    /// When it was, or began.
    pub at: Rfc3339,
    /// The same, milliseconds since 1970.
    pub at_ms: WallMs,
    /// When it ended; `null` for a moment.
    pub until: Option<Rfc3339>,
    /// The same, milliseconds since 1970.
    pub until_ms: Option<WallMs>,
    /// What it is about.
    pub kind: AnnotationKind,
    /// What there is to say.
    pub text: Arc<str>,
    /// Who wrote it.
    pub who: Arc<str>,
    /// About hosts of one of these groups.
    pub groups: Vec<String>,
    /// About hosts with all of these labels.
    pub labels: BTreeMap<String, String>,
    /// About hosts whose name fits one of these; `*` is any text, `?` one character.
    pub hosts: Vec<String>,
}

impl From<&Annotation> for AnnotationShape {
    fn from(annotation: &Annotation) -> Self {
        let Annotation { id, at, until, kind, text, who, hosts, removed: _ } = annotation.clone();
        let Hosts { groups, labels, names } = hosts;
        Self {
            id,
            at: Rfc3339(at),
            at_ms: at,
            until: until.map(Rfc3339),
            until_ms: until,
            kind,
            text,
            who,
            groups: groups.iter().map(|group| group.as_str().to_owned()).collect(),
            labels,
            hosts: names.iter().map(|name: &Glob| name.as_str().to_owned()).collect(),
        }
    }
}

/// Annotations that may not be rows of the store yet, and the last number that one was given.
#[derive(Debug, Default)]
pub(super) struct Fresh(Mutex<(VecDeque<Arc<Annotation>>, i64)>);

impl Fresh {
    fn with<T>(&self, change: impl FnOnce(&mut VecDeque<Arc<Annotation>>, &mut i64) -> T) -> T {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (rows, last) = &mut *inner;
        change(rows, last)
    }

    /// The milliseconds since 1970 in letters and digits; none comes twice.
    fn new_id(&self, now: WallMs) -> Arc<str> {
        self.with(|_, last| {
            *last = now.0.max(*last + 1);
            base36(*last).into()
        })
    }

    fn keep(&self, annotation: Arc<Annotation>) {
        self.with(|rows, _| {
            rows.retain(|kept| kept.id != annotation.id);
            rows.push_back(annotation);
            if rows.len() > MAX_FRESH_ANNOTATIONS {
                rows.pop_front();
            }
        });
    }

    fn all(&self) -> Vec<Arc<Annotation>> {
        self.with(|rows, _| rows.iter().cloned().collect())
    }
}

/// What decides whether an annotation is about a host.
type HostFacts = (HostName, Option<GroupName>, Arc<Labels>);

impl Query {
    /// The annotations that touch a span and are about one of some hosts, newest first; at most `limit`.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn annotations(
        &self,
        of: &HostsOf,
        span: Span,
        limit: usize,
    ) -> Result<AnnotationsPage, QueryError> {
        let hosts = match of {
            HostsOf::Inventory => None,
            some => Some(self.facts_of(some).await?),
        };
        // What is filtered is read first: there are few, and the bound is the store's.
        let kept = self.store.annotations(AnnotationsOf::Span(span), store::MAX_PAGE).await?;
        let complete = kept.len() < store::MAX_PAGE;
        let mut all: BTreeMap<Arc<str>, Arc<Annotation>> =
            kept.into_iter().map(|one| (Arc::clone(&one.id), Arc::new(one))).collect();
        all.extend(self.fresh.all().into_iter().map(|one| (Arc::clone(&one.id), one)));
        let seen = self.live.as_ref();
        let about = |one: &Annotation| {
            one.removed.is_none()
                && seen.is_none_or(|seen| seen.sees_annotation(one))
                && one.at < span.to
                && one.until.unwrap_or(one.at) >= span.from
                && hosts.as_ref().is_none_or(|hosts| {
                    hosts.iter().any(|(name, group, labels)| {
                        one.hosts.matches(name, group.as_ref(), labels)
                    })
                })
        };
        let mut all: Vec<_> = all.into_values().filter(|one| about(one)).collect();
        all.sort_by(|one, other| (other.at, &other.id).cmp(&(one.at, &one.id)));
        let more = !complete || all.len() > limit;
        all.truncate(limit);
        let annotations = all.iter().map(|one| self.shown(one)).collect();
        Ok(AnnotationsPage { annotations, more })
    }

    /// An annotation as who asks may read it.
    fn shown(&self, one: &Annotation) -> AnnotationShape {
        let mut shape = AnnotationShape::from(one);
        if let Some(seen) = self.live.as_ref().filter(|seen| seen.scope().is_limited()) {
            seen.cover_text(&mut shape.text);
        }
        shape
    }

    async fn facts_of(&self, of: &HostsOf) -> Result<Vec<HostFacts>, QueryError> {
        let mut all = Vec::new();
        for member in self.hosts_of(of).await? {
            let live = self.live.as_ref().and_then(|live| live.host(member.name.as_str()));
            all.push(match live {
                Some(view) => (member.name, view.group.clone(), Arc::clone(&view.labels)),
                None => {
                    let kept = self.kept_host(member.name.as_str()).await?;
                    (member.name, kept.group, Arc::new(kept.labels))
                }
            });
        }
        Ok(all)
    }

    /// Takes an annotation, under an id of its own in place of what it has. It is on its way to the store
    /// then, also while that is away; none where nothing is written.
    #[must_use]
    pub fn annotate(&self, annotation: Annotation, now: WallMs) -> Option<AnnotationShape> {
        let writer = self.writer.as_ref()?;
        let annotation = Arc::new(Annotation { id: self.fresh.new_id(now), ..annotation });
        self.fresh.keep(Arc::clone(&annotation));
        writer.push(QueuedRow::Annotation(Arc::clone(&annotation)));
        Some(AnnotationShape::from(&*annotation))
    }

    /// Removes an annotation; none where no annotation that holds and could be written by whoever asks has this
    /// id, or nothing is written.
    ///
    /// # Errors
    /// [`QueryError::Store`].
    pub async fn remove_annotation(
        &self,
        id: &str,
        now: WallMs,
    ) -> Result<Option<AnnotationShape>, QueryError> {
        let Some(writer) = &self.writer else { return Ok(None) };
        let is_own =
            |one: &Annotation| self.live.as_ref().is_none_or(|seen| seen.owns_annotation(one));
        let fresh = self.fresh.all().into_iter().find(|one| *one.id == *id);
        let found = match fresh {
            Some(fresh) => Some(Annotation::clone(&fresh)),
            None => self.store.annotations(AnnotationsOf::Id(id.into()), 1).await?.pop(),
        };
        let Some(found) = found.filter(|one| one.removed.is_none() && is_own(one)) else {
            return Ok(None);
        };
        let shape = self.shown(&found);
        let gone = Arc::new(Annotation { removed: Some(now), ..found });
        self.fresh.keep(Arc::clone(&gone));
        writer.push(QueuedRow::Annotation(gone));
        Ok(Some(shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(id: Arc<str>) -> Arc<Annotation> {
        let (at, kind, hosts) = (WallMs(1), AnnotationKind::Note, Hosts::default());
        let (text, who) = ("x".into(), "ann".into());
        Arc::new(Annotation { id, at, until: None, kind, text, who, hosts, removed: None })
    }

    #[test]
    fn what_is_known_beside_the_store_has_an_end() {
        let fresh = Fresh::default();
        let ids: Vec<_> = (0..=MAX_FRESH_ANNOTATIONS).map(|_| fresh.new_id(WallMs(7))).collect();
        for id in &ids {
            fresh.keep(note(Arc::clone(id)));
        }
        let kept: Vec<_> = fresh.all().iter().map(|one| Arc::clone(&one.id)).collect();
        assert_eq!(kept, ids[1..], "each has an id of its own, and the oldest gave way");
        fresh.keep(note(Arc::clone(&ids[5])));
        assert_eq!(fresh.all().len(), MAX_FRESH_ANNOTATIONS, "one that comes again is one");
    }
}
