//! The handlers of `/api/v1`: read the parameters, ask `query`, answer JSON.

use std::{
    fmt::Display,
    sync::{Arc, LazyLock},
    time::Duration,
};

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

use super::{
    Site,
    failure::Failure,
    params::{HostPath, Params},
    tagged::Document,
};
use crate::{
    model,
    query::{
        Chosen, DEFAULT_POINTS, Detail, EventFilter, EventsPage, Fields, Fleet, FleetEventsPage,
        Glossary, HostFilter, HostShape, LoadedShape, MAX_DIGITS, MAX_HOSTS, MAX_PAGE, MAX_POINTS,
        Members, OwnShape, PollRange, PollingShape, SeriesRange, SeriesShape, USUAL_COLUMNS,
        WhyShape, parse_column, parse_length, parse_moment,
    },
    rollup::Tier,
    text::did_you_mean,
    units::WallMs,
};

/// The changes of state that are listed when no span is given: those of the last day.
const EVENTS_SPAN: Duration = Duration::from_secs(86_400);

type Answer<T> = Result<Json<T>, Failure>;

/// One of a closed list of words.
pub(super) fn word<T: Copy + Display>(all: &[T], text: &str) -> Result<T, String> {
    let same = |entry: &&T| entry.to_string() == text;
    all.iter().find(same).copied().ok_or_else(|| {
        let words: Vec<_> = all.iter().map(ToString::to_string).collect();
        let hint = did_you_mean(text, words.iter().map(String::as_str));
        format!("expected one of: {}; got {text:?}{hint}", words.join(", "))
    })
}

pub(super) fn limit(text: &str, most: usize) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(format!("expected a number from 1 to {most}; got {text:?}")),
    }
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("expected true or false; got {text:?}")),
    }
}

fn any_text(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(text.to_owned())
}

/// `GET /api/v1/columns`.
pub(super) async fn columns(request: HeaderMap, params: Params) -> Result<Response, Failure> {
    params.finish()?;
    let text = serde_json::to_string(&Glossary::new());
    let text = text.map_err(|error| Failure::internal(error.to_string()))?;
    Ok(Document::new(text).answer(&request))
}

/// `GET /api/v1/fleet`.
pub(super) async fn fleet(State(site): State<Arc<Site>>, params: Params) -> Answer<Fleet> {
    params.finish()?;
    let fleet = site.query.fleet(site.clock.now().wall);
    fleet.map(Json).ok_or_else(|| Failure::unavailable("there is no live view".to_owned()))
}

/// What a host has; in a list its last poll comes without what repeats.
static HOST: LazyLock<Members> = LazyLock::new(Members::of::<HostShape>);

/// What values over time have.
static SERIES: LazyLock<Members> = LazyLock::new(Members::of::<SeriesShape>);

/// JSON of which only some members are wanted.
fn chosen<T: Serialize>(shape: &T, fields: Option<&Fields>) -> Result<Response, Failure> {
    let Some(fields) = fields else { return Ok(Json(shape).into_response()) };
    Ok(Json(Chosen(shape, fields)).into_response())
}

/// `GET /api/v1/hosts?state&group&text&after&limit&fields`.
pub(super) async fn hosts(
    State(site): State<Arc<Site>>,
    mut params: Params,
) -> Result<Response, Failure> {
    let filter = HostFilter {
        state: params.take("state", |text| word(model::State::ALL, text))?,
        group: params.take("group", any_text)?,
        text: params.take("text", any_text)?,
        after: params.take("after", any_text)?,
        limit: params.take("limit", |text| limit(text, MAX_HOSTS))?.unwrap_or(MAX_HOSTS),
    };
    let fields = params.take_list("fields", |text| HOST.choose(text))?;
    params.finish()?;
    let mut page = site.query.hosts(&filter).await?;
    if let (Some(next), Some(fields)) = (&mut page.next, &fields) {
        next.push_str(&format!("&fields={fields}"));
    }
    chosen(&page, fields.map(|fields| fields.within("hosts", &["total", "next"])).as_ref())
}

/// `GET /api/v1/hosts/{name}?fields`.
pub(super) async fn host(
    State(site): State<Arc<Site>>,
    HostPath(name): HostPath,
    mut params: Params,
) -> Result<Response, Failure> {
    let fields = params.take_list("fields", |text| HOST.choose(text))?;
    params.finish()?;
    chosen(&site.query.host(&name).await?, fields.as_ref())
}

/// `GET /api/v1/server/events?limit`.
pub(super) async fn server_events(
    State(site): State<Arc<Site>>,
    mut params: Params,
) -> Answer<EventsPage> {
    let most = params.take("limit", |text| limit(text, MAX_PAGE))?.unwrap_or(MAX_PAGE);
    params.finish()?;
    Ok(Json(site.query.server_events(most).await?))
}

fn columns_of(text: &str) -> Result<Vec<model::Column>, String> {
    text.split(',')
        .map(|name| parse_column(name).map_err(|error| format!("{name:?}: {error}")))
        .collect()
}

/// `GET /api/v1/hosts/{name}/series?columns&from&to&points&step&tier&digits&fields`.
pub(super) async fn series(
    State(site): State<Arc<Site>>,
    HostPath(name): HostPath,
    mut params: Params,
) -> Result<Response, Failure> {
    let now = site.clock.now().wall;
    let moment = |text: &str| parse_moment(text, now);
    let hour = PollRange::last_hour(now);
    let points = params.take("points", |text| limit(text, MAX_POINTS))?;
    let step = params.take("step", parse_length)?;
    let detail = match (points, step) {
        (Some(_), Some(_)) => {
            let message = "\"points\" and \"step\" say the same: give one of them";
            return Err(Failure::bad_request(message.to_owned()));
        }
        (_, Some(step)) => Detail::Step(step),
        (points, None) => Detail::Points(points.unwrap_or(DEFAULT_POINTS)),
    };
    let range = SeriesRange {
        from: params.take("from", moment)?.unwrap_or(hour.from),
        to: params.take("to", moment)?.unwrap_or(hour.to),
        detail,
        tier: params.take("tier", |text| word(Tier::ALL, text))?,
        columns: params.take_list("columns", columns_of)?.unwrap_or(USUAL_COLUMNS.to_vec()),
    };
    let digits = params.take("digits", |text| limit(text, MAX_DIGITS))?;
    let fields = params.take_list("fields", |text| SERIES.choose(text))?;
    params.finish()?;
    let mut series = site.query.series(&name, &range, now).await?;
    if let Some(digits) = digits {
        series.round(digits);
    }
    chosen(&series, fields.as_ref())
}

/// `GET /api/v1/events?from&to&to_state&text&limit`.
pub(super) async fn fleet_events(
    State(site): State<Arc<Site>>,
    mut params: Params,
) -> Answer<FleetEventsPage> {
    let now = site.clock.now().wall;
    let moment = |text: &str| parse_moment(text, now);
    let filter = EventFilter {
        from: params.take("from", moment)?.unwrap_or(now.minus(EVENTS_SPAN)),
        to: params.take("to", moment)?.unwrap_or(WallMs(now.0.saturating_add(1))),
        to_state: params.take("to_state", |text| word(model::State::ALL, text))?,
        text: params.take("text", any_text)?,
        limit: params.take("limit", |text| limit(text, MAX_PAGE))?.unwrap_or(MAX_PAGE),
    };
    params.finish()?;
    Ok(Json(site.query.fleet_events(&filter).await?))
}

/// `GET /api/v1/inventory`.
pub(super) async fn inventory(
    State(site): State<Arc<Site>>,
    params: Params,
) -> Answer<LoadedShape> {
    params.finish()?;
    let loaded = site.query.loaded();
    loaded.map(Json).ok_or_else(|| Failure::unavailable("there is no live view".to_owned()))
}

/// `GET /api/v1/server`.
pub(super) async fn server(State(site): State<Arc<Site>>, params: Params) -> Answer<OwnShape> {
    params.finish()?;
    let polling = PollingShape {
        polls: site.metrics.polls_ended(),
        in_flight: site.metrics.in_flight.get(),
        missed_slots: site.metrics.missed_slots.get(),
        cpu_us: site.clock.cpu_us(),
        late_p50_us: None,
        late_p99_us: None,
    };
    let mut own = site.query.own(site.clock.now().wall, polling).await;
    own.readiness.warnings.extend(super::own::warnings(&site.metrics));
    Ok(Json(own))
}

/// `GET /api/v1/hosts/{name}/events?limit`.
pub(super) async fn events(
    State(site): State<Arc<Site>>,
    HostPath(name): HostPath,
    mut params: Params,
) -> Answer<EventsPage> {
    let most = params.take("limit", |text| limit(text, MAX_PAGE))?.unwrap_or(MAX_PAGE);
    params.finish()?;
    Ok(Json(site.query.events(&name, most).await?))
}

/// `GET /api/v1/hosts/{name}/why`.
pub(super) async fn why(
    State(site): State<Arc<Site>>,
    HostPath(name): HostPath,
    params: Params,
) -> Answer<WhyShape> {
    params.finish()?;
    Ok(Json(site.query.why(&name, &site.policy).await?))
}
