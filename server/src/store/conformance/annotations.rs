//! What every backend owes of annotations.

use super::*;
use crate::{
    model::{Annotation, AnnotationKind, GroupName, Hosts, MAX_ANNOTATION_SPAN},
    store::AnnotationsOf,
    text::Glob,
};

/// One that begins `seconds` after the start.
fn annotation(id: &str, seconds: i64) -> Annotation {
    Annotation {
        id: id.into(),
        at: slot(seconds),
        until: None,
        kind: AnnotationKind::Deploy,
        text: "web 2.4 \"später\" ✗ 三".into(),
        who: "ann".into(),
        hosts: Hosts {
            groups: [GroupName::new("web").unwrap()].into(),
            labels: [("env".to_owned(), "prod \"eu\"".to_owned())].into(),
            names: vec![Glob::new("web-*")],
        },
        removed: None,
    }
}

pub(crate) async fn annotations_are_kept_once_and_as_long_as_transitions(fixture: &dyn Fixture) {
    let store = fixture.store();
    let of = |all: &[&Annotation]| Batch {
        annotations: all.iter().map(|one| Arc::new((*one).clone())).collect(),
        ..Batch::default()
    };
    let read = async |of, limit| store.annotations(of, limit).await.unwrap();
    let span = |from, to| AnnotationsOf::Span(Span { from: slot(from), to: slot(to) });

    let first = annotation("a", 10);
    let fleet =
        Annotation { kind: AnnotationKind::Note, hosts: Hosts::default(), ..annotation("b", 20) };
    let long = Annotation { until: Some(slot(0).plus(MAX_ANNOTATION_SPAN)), ..annotation("c", 0) };
    write(fixture, of(&[&first, &fleet, &long])).await.unwrap();
    write(fixture, of(&[&first])).await.unwrap();
    let all = [&fleet, &first, &long].map(Clone::clone);
    assert_eq!(read(AnnotationsOf::Span(Span::ALL), 99).await, all);
    assert_eq!(read(span(10, 20), 99).await, all[1..], "what touches the span, its end not in it");
    assert_eq!(read(span(11, 20), 99).await, all[2..], "what began before it and lasts");
    assert_eq!(read(AnnotationsOf::Span(Span::ALL), 1).await, all[..1]);
    assert_eq!(read(AnnotationsOf::Id("b".into()), 1).await, all[..1]);
    assert_eq!(read(AnnotationsOf::Id("B".into()), 1).await, []);

    // Removed is removed, whatever comes after it, such as a row that waited in a spool.
    let gone = Annotation { removed: Some(slot(30)), ..first.clone() };
    write(fixture, of(&[&gone])).await.unwrap();
    write(fixture, of(&[&first])).await.unwrap();
    assert_eq!(read(span(10, 20), 99).await, all[2..]);
    assert_eq!(read(AnnotationsOf::Id("a".into()), 1).await, []);

    let before =
        Retention { polls: slot(0), events: slot(20), summaries: slot(0), rollups: slot(0) };
    store.prune(before).await.unwrap();
    assert_eq!(read(AnnotationsOf::Span(Span::ALL), 99).await, all[..1]);
    // The oldest row of them all says how far one run of pruning goes.
    assert_eq!(store.reach().await.unwrap().events, Some(slot(20).plus(crate::store::MAX_PRUNED)));
}
