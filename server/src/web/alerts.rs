//! Alarms: as they are, how they changed, and why; and the rules that they are judged by.

use std::sync::Arc;

use axum::{Json, extract::State, response::Response};

use super::{
    Site,
    api::{EVENTS_SPAN, chosen},
    asked::{AlarmEventsAsked, AlarmsAsked, ExplainAsked, RulesAsked},
    failure::Failure,
    params::{HostPath, RequestParams},
    people::known,
    who::Scoped,
};
use crate::{
    engine::Explanation,
    query::{AlarmEventsPage, AlarmFilter, AlarmsPage, ExplainedRow, ExplainedShape, Rfc3339},
    store::Span,
    units::WallMs,
};

/// `GET /api/v1/alerts`.
pub(super) async fn alerts(
    Scoped(query): Scoped,
    RequestParams(asked, _): RequestParams<AlarmsAsked>,
) -> Result<Json<AlarmsPage>, Failure> {
    let AlarmsAsked { host, group, rule, firing, after, limit } = asked;
    let filter = AlarmFilter { host, group, rule, firing, after, limit };
    // What fires is shown also while a disk keeps what people said of it.
    let _ = known(&query).await;
    let page = query.alarms(&filter);
    page.map(Json).ok_or_else(|| Failure::unavailable("there is no live view".to_owned()))
}

/// `GET /api/v1/alert_rules`.
pub(super) async fn rules(
    Scoped(query): Scoped,
    RequestParams(RulesAsked { host, fields }, _): RequestParams<RulesAsked>,
) -> Result<Response, Failure> {
    let page = query.rules(host.as_deref()).await?;
    chosen(&page, fields.map(|fields| fields.within("rules", &["source"])).as_ref())
}

/// `GET /api/v1/alert_events`; the last day when nothing is said.
pub(super) async fn events(
    Scoped(query): Scoped,
    RequestParams(AlarmEventsAsked { host, rule, from, to, limit }, now): RequestParams<
        AlarmEventsAsked,
    >,
) -> Result<Json<AlarmEventsPage>, Failure> {
    let from = from.unwrap_or(now.minus(EVENTS_SPAN));
    let to = to.unwrap_or(WallMs(now.0.saturating_add(1)));
    if from >= to {
        return Err(Failure::bad_request("\"from\" must be before \"to\"".to_owned()));
    }
    let of = (host.as_deref(), rule.as_deref());
    Ok(Json(query.alarm_events(of, Span { from, to }, limit).await?))
}

/// `GET /api/v1/hosts/{name}/alert`: what a rule says of a host, and why.
pub(super) async fn explain(
    State(site): State<Arc<Site>>,
    Scoped(query): Scoped,
    HostPath(host): HostPath,
    RequestParams(ExplainAsked { rule }, _): RequestParams<ExplainAsked>,
) -> Result<Json<ExplainedShape>, Failure> {
    let of = query.host(&host).await?;
    let Explanation { slot, frozen, rows } = site.control.explain(&host, &rule).await?;
    let mut rows: Vec<_> = rows.into_iter().map(ExplainedRow::from).collect();
    query.tell_ways(&of, &rule, &mut rows).await;
    Ok(Json(ExplainedShape { host, rule, slot: Rfc3339(slot), slot_ms: slot, frozen, rows }))
}
