//! The handlers of `/api/v1`: read the parameters, ask `query`, answer JSON.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

use super::{
    Site,
    asked::{
        ChangesAsked, FleetEventsAsked, HostAsked, HostsAsked, LimitAsked, NothingAsked,
        RowSeriesAsked, SeriesAsked,
    },
    failure::Failure,
    params::{HostPath, RequestParams, TablePath},
    tagged::Document,
    who::Scoped,
};
use crate::{
    query::{
        ChangesShape, Chosen, DEFAULT_POINTS, EventFilter, EventsPage, Fields, Fleet,
        FleetEventsPage, Glossary, HostFilter, LoadedShape, OwnShape, PollRange, PollingShape,
        Resolution, RowRange, SeriesRange, USUAL_COLUMNS, WhyShape, parse_row_column,
    },
    units::WallMs,
};

/// The changes of state that are listed when no span is given: those of the last day.
pub(super) const EVENTS_SPAN: Duration = Duration::from_secs(86_400);

type Answer<T> = Result<Json<T>, Failure>;

/// `GET /api/v1/columns`.
pub(super) async fn columns(
    request: HeaderMap,
    _: RequestParams<NothingAsked>,
) -> Result<Response, Failure> {
    let text = serde_json::to_string(&Glossary::new());
    let text = text.map_err(|error| Failure::internal(error.to_string()))?;
    Ok(Document::new(text).answer(&request))
}

/// `GET /api/v1/fleet`.
pub(super) async fn fleet(
    State(site): State<Arc<Site>>,
    Scoped(query): Scoped,
    _: RequestParams<NothingAsked>,
) -> Answer<Fleet> {
    let fleet = query.fleet(site.clock.now().wall);
    fleet.map(Json).ok_or_else(|| Failure::unavailable("there is no live view".to_owned()))
}

/// JSON of which only some members are wanted.
pub(super) fn chosen<T: Serialize>(
    shape: &T,
    fields: Option<&Fields>,
) -> Result<Response, Failure> {
    let Some(fields) = fields else { return Ok(Json(shape).into_response()) };
    Ok(Json(Chosen(shape, fields)).into_response())
}

/// `GET /api/v1/hosts`.
pub(super) async fn hosts(
    Scoped(query): Scoped,
    RequestParams(HostsAsked { state, group, text, after, limit, fields }, _): RequestParams<
        HostsAsked,
    >,
) -> Result<Response, Failure> {
    let filter = HostFilter { state, group, text, after, limit };
    let mut page = query.hosts(&filter).await?;
    if let (Some(next), Some(fields)) = (&mut page.next, &fields) {
        next.push_str(&format!("&fields={fields}"));
    }
    chosen(&page, fields.map(|fields| fields.within("hosts", &["total", "next"])).as_ref())
}

/// `GET /api/v1/hosts/{name}`.
pub(super) async fn host(
    Scoped(query): Scoped,
    HostPath(name): HostPath,
    RequestParams(HostAsked { fields }, _): RequestParams<HostAsked>,
) -> Result<Response, Failure> {
    chosen(&query.host(&name).await?, fields.as_ref())
}

/// `GET /api/v1/server/events`.
pub(super) async fn server_events(
    Scoped(query): Scoped,
    RequestParams(LimitAsked { limit }, _): RequestParams<LimitAsked>,
) -> Answer<EventsPage> {
    Ok(Json(query.server_events(limit).await?))
}

/// How fine values over time are wanted.
pub(super) fn resolution(
    points: Option<usize>,
    step: Option<Duration>,
) -> Result<Resolution, Failure> {
    match (points, step) {
        (Some(_), Some(_)) => {
            let message = "\"points\" and \"step\" say the same: give one of them";
            Err(Failure::bad_request(message.to_owned()))
        }
        (_, Some(step)) => Ok(Resolution::Step(step)),
        (points, None) => Ok(Resolution::Points(points.unwrap_or(DEFAULT_POINTS))),
    }
}

/// `GET /api/v1/hosts/{name}/series`.
pub(super) async fn series(
    Scoped(query): Scoped,
    HostPath(name): HostPath,
    RequestParams(asked, now): RequestParams<SeriesAsked>,
) -> Result<Response, Failure> {
    let hour = PollRange::last_hour(now);
    let range = SeriesRange {
        from: asked.from.unwrap_or(hour.from),
        to: asked.to.unwrap_or(hour.to),
        detail: resolution(asked.points, asked.step)?,
        tier: asked.tier,
        columns: asked.columns.unwrap_or(USUAL_COLUMNS.to_vec()),
    };
    let mut series = query.series(&name, &range, now).await?;
    if let Some(digits) = asked.digits {
        series.round(digits);
    }
    chosen(&series, asked.fields.as_ref())
}

/// `GET /api/v1/hosts/{name}/series/{table}`.
pub(super) async fn row_series(
    Scoped(query): Scoped,
    TablePath(name, table): TablePath,
    RequestParams(asked, now): RequestParams<RowSeriesAsked>,
) -> Result<Response, Failure> {
    let hour = PollRange::last_hour(now);
    let columns = asked.columns.iter().map(|column| parse_row_column(table, column));
    let columns = columns.collect::<Result<_, _>>();
    let range = RowRange {
        table,
        row: asked.row,
        columns: columns
            .map_err(|error| Failure::bad_request(format!("parameter \"columns\": {error}")))?,
        from: asked.from.unwrap_or(hour.from),
        to: asked.to.unwrap_or(hour.to),
        detail: resolution(asked.points, asked.step)?,
        rows: asked.rows,
    };
    let _place = query.place().await?;
    let mut series = query.row_series(&name, &range, now).await?;
    if let Some(digits) = asked.digits {
        series.round(digits);
    }
    chosen(&series, asked.fields.as_ref())
}

/// `GET /api/v1/hosts/{name}/changes`.
pub(super) async fn changes(
    Scoped(query): Scoped,
    HostPath(name): HostPath,
    RequestParams(ChangesAsked { from, to, limit }, now): RequestParams<ChangesAsked>,
) -> Answer<ChangesShape> {
    let hour = PollRange::last_hour(now);
    let span = (from.unwrap_or(hour.from), to.unwrap_or(hour.to));
    let _place = query.place().await?;
    Ok(Json(query.changes(&name, span, limit).await?))
}

/// `GET /api/v1/events`.
pub(super) async fn fleet_events(
    Scoped(query): Scoped,
    RequestParams(asked, now): RequestParams<FleetEventsAsked>,
) -> Answer<FleetEventsPage> {
    let filter = EventFilter {
        from: asked.from.unwrap_or(now.minus(EVENTS_SPAN)),
        to: asked.to.unwrap_or(WallMs(now.0.saturating_add(1))),
        to_state: asked.to_state,
        text: asked.text,
        limit: asked.limit,
    };
    Ok(Json(query.fleet_events(&filter).await?))
}

/// `GET /api/v1/inventory`.
pub(super) async fn inventory(
    Scoped(query): Scoped,
    _: RequestParams<NothingAsked>,
) -> Answer<LoadedShape> {
    let loaded = query.loaded();
    loaded.map(Json).ok_or_else(|| Failure::unavailable("there is no live view".to_owned()))
}

/// `GET /api/v1/server`.
pub(super) async fn server(
    State(site): State<Arc<Site>>,
    Scoped(query): Scoped,
    _: RequestParams<NothingAsked>,
) -> Answer<OwnShape> {
    let polling = PollingShape {
        polls: site.metrics.polls_ended(),
        in_flight: site.metrics.in_flight.get(),
        missed_slots: site.metrics.missed_slots.get(),
        cpu_us: site.clock.cpu_us(),
        late_p50_us: None,
        late_p99_us: None,
    };
    let mut own = query.own(site.clock.now().wall, polling).await;
    own.readiness.warnings.extend(super::own::warnings(&site.metrics));
    Ok(Json(own))
}

/// `GET /api/v1/hosts/{name}/events`.
pub(super) async fn events(
    Scoped(query): Scoped,
    HostPath(name): HostPath,
    RequestParams(LimitAsked { limit }, _): RequestParams<LimitAsked>,
) -> Answer<EventsPage> {
    Ok(Json(query.events(&name, limit).await?))
}

/// `GET /api/v1/hosts/{name}/why`.
pub(super) async fn why(
    State(site): State<Arc<Site>>,
    Scoped(query): Scoped,
    HostPath(name): HostPath,
    _: RequestParams<NothingAsked>,
) -> Answer<WhyShape> {
    Ok(Json(query.why(&name, &site.policy).await?))
}
