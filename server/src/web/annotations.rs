//! Annotations: what people and scripts say of moments.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State, http::StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Site,
    asked::{AnnotationsAsked, NothingAsked},
    body::{Body, Nothing, read},
    control::REASON_PATTERN,
    failure::Failure,
    params::{HostPath, RequestParams},
    people::{by, line, own_groups},
    several::hosts_of,
    who::{Scoped, Who},
};
use crate::{
    access::Identity,
    model::{Annotation, AnnotationKind, GroupName, Hosts, Labels},
    query::{
        AnnotationShape, AnnotationsPage, DEFAULT_SPAN, LENGTH_PATTERN, MOMENT_PATTERN,
        parse_length, parse_moment,
    },
    route::MAX_REASON_BYTES,
    store::Span,
    text::Glob,
    units::WallMs,
};

/// What the body of an annotation must be, in words.
const EXPECTED: &str = "a JSON object (content-type application/json) with \"text\", \"who\" and, optional, \"kind\" (\"deploy\" or \
     \"note\"), \"at\" (a moment), \"until\" (a moment) or \"for\" (a length such as \"20m\"), \"hosts\", \"groups\" (lists) \
     and \"labels\" (an object)";

/// The body of an annotation: what there is to say of which moment. Of `hosts`, `groups` and `labels` all
/// that is given must hold; where none is given it is about the whole fleet.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AnnotationAsked {
    /// What there is to say: one line of at most 1024 bytes.
    #[schemars(length(min = 1, max = MAX_REASON_BYTES), regex(pattern = REASON_PATTERN))]
    text: String,
    /// By whom: one line of at most 1024 bytes. Whoever asks under a name of their own may leave it out, and
    /// may not say another.
    #[schemars(length(min = 1, max = MAX_REASON_BYTES), regex(pattern = REASON_PATTERN))]
    who: Option<String>,
    /// What it is about; a note when it is left out.
    kind: Option<AnnotationKind>,
    /// When it was, or began; now when it is left out.
    #[schemars(regex(pattern = MOMENT_PATTERN))]
    at: Option<String>,
    /// When it ended; not with `for`. A moment when both are left out.
    #[schemars(regex(pattern = MOMENT_PATTERN))]
    until: Option<String>,
    /// How long it lasted, at most 30 days.
    #[schemars(regex(pattern = LENGTH_PATTERN))]
    r#for: Option<String>,
    /// About hosts whose name fits one of these; `*` is any text, `?` one character.
    #[serde(default)]
    hosts: Vec<String>,
    /// About hosts of one of these groups.
    #[serde(default)]
    groups: Vec<String>,
    /// About hosts with all of these labels.
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl AnnotationAsked {
    fn annotation(self, asking: &Identity, now: WallMs) -> Result<Annotation, String> {
        let moment = |name: &str, text: &Option<String>| {
            let read = text.as_ref().map(|text| parse_moment(text, now)).transpose();
            read.map_err(|error| format!("{name:?}: {error}"))
        };
        let at = moment("at", &self.at)?.unwrap_or(now);
        let until = match (moment("until", &self.until)?, &self.r#for) {
            (Some(_), Some(_)) => {
                return Err("\"for\" and \"until\" exclude each other: give one".to_owned());
            }
            (until, None) => until,
            (None, Some(length)) => {
                let read = parse_length(length);
                Some(at.plus(read.map_err(|error| format!("\"for\": {length:?}: {error}"))?))
            }
        };
        let group = |text: &String| {
            GroupName::new(text).map_err(|error| format!("\"groups\": {text:?}: {error}"))
        };
        let groups = self.groups.iter().map(group).collect::<Result<_, _>>()?;
        let annotation = Annotation {
            // It is given one when it is kept.
            id: "".into(),
            at,
            until,
            kind: self.kind.unwrap_or(AnnotationKind::Note),
            text: line("text", &self.text, false)?,
            who: by(asking, self.who.as_deref())?,
            hosts: Hosts {
                groups: own_groups(asking, groups)?,
                labels: Labels::from_iter(self.labels),
                names: self.hosts.iter().map(|text| Glob::new(text)).collect(),
            },
            removed: None,
        };
        annotation.check(now).map_err(|error| error.to_string())?;
        Ok(annotation)
    }
}

fn not_written() -> Failure {
    Failure::unavailable("nothing is written here".to_owned())
}

/// `GET /api/v1/annotations`; the last hour, and what is to come, when nothing is said.
pub(super) async fn annotations(
    Scoped(query): Scoped,
    RequestParams(asked, now): RequestParams<AnnotationsAsked>,
) -> Result<Json<AnnotationsPage>, Failure> {
    let AnnotationsAsked { hosts, group, label, from, to, limit } = asked;
    let from = from.unwrap_or(now.minus(DEFAULT_SPAN));
    let to = to.unwrap_or(WallMs(now.0.saturating_add(1)));
    if from >= to {
        return Err(Failure::bad_request("\"from\" must be before \"to\"".to_owned()));
    }
    let of = hosts_of(hosts, group, label)?;
    Ok(Json(query.annotations(&of, Span { from, to }, limit).await?))
}

/// `POST /api/v1/annotations`.
pub(super) async fn annotate(
    (Who(asking), Scoped(query)): (Who, Scoped),
    RequestParams(NothingAsked {}, now): RequestParams<NothingAsked>,
    body: Body<AnnotationAsked>,
) -> Result<(StatusCode, Json<AnnotationShape>), Failure> {
    let asked: AnnotationAsked = read(body, EXPECTED)?;
    let annotation = asked.annotation(&asking, now).map_err(Failure::bad_request)?;
    let shape = query.annotate(annotation, now).ok_or_else(not_written)?;
    tracing::info!(id = &*shape.id, who = &*shape.who, text = &*shape.text, "an annotation");
    Ok((StatusCode::CREATED, Json(shape)))
}

/// `POST /api/v1/annotations/{id}/remove`.
pub(super) async fn remove(
    State(site): State<Arc<Site>>,
    (Who(asking), Scoped(query)): (Who, Scoped),
    HostPath(id): HostPath,
    _: Nothing,
) -> Result<Json<AnnotationShape>, Failure> {
    let now = site.clock.now().wall;
    let gone = query.remove_annotation(&id, now).await?.ok_or_else(|| {
        let why = if asking.scope.is_limited() {
            "it was removed, never was, or is about more than your groups"
        } else {
            "it was removed, or never was"
        };
        Failure::missing(format!(
            "no annotation is called {id:?}: {why}; /api/v1/annotations lists them"
        ))
    })?;
    tracing::info!(
        id = &*gone.id,
        who = &*gone.who,
        text = &*gone.text,
        "an annotation is removed"
    );
    Ok(Json(gone))
}
