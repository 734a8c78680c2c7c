//! The handlers of what is asked of several hosts together: one value over time, and who has most of it.

use axum::{
    Json,
    http::header::CONTENT_TYPE,
    response::{IntoResponse as _, Response},
};
use chrono_tz::Tz;

use super::{
    api::resolution,
    asked::{AvailabilityAsked, CompareAsked, TopAsked},
    failure::Failure,
    kinds::TableFormat,
    params::RequestParams,
    who::Scoped,
};
use crate::query::{
    AvailabilityRange, Calendar, CalendarPeriod, CompareRange, CompareShape, HostsOf, PollRange,
    SortOrder, TopRange, TopShape,
};

/// Which hosts are meant.
pub(super) fn hosts_of(
    hosts: Option<Vec<String>>,
    group: Option<String>,
    label: Option<String>,
) -> Result<HostsOf, Failure> {
    match (hosts, group, label) {
        (Some(names), None, None) => Ok(HostsOf::Named(names)),
        (None, Some(group), None) => Ok(HostsOf::Group(group)),
        (None, None, Some(label)) => match label.split_once('=') {
            Some((name, value)) => Ok(HostsOf::Label(name.to_owned(), value.to_owned())),
            None => {
                let message =
                    format!("\"label\" is {label:?}: expected name=value, such as rack=a1");
                Err(Failure::bad_request(message))
            }
        },
        (None, None, None) => Ok(HostsOf::Inventory),
        _ => {
            let message = "\"hosts\", \"group\" and \"label\" exclude each other: give one of them";
            Err(Failure::bad_request(message.to_owned()))
        }
    }
}

/// `GET /api/v1/series`.
pub(super) async fn compare(
    Scoped(query): Scoped,
    RequestParams(asked, now): RequestParams<CompareAsked>,
) -> Result<Json<CompareShape>, Failure> {
    let hour = PollRange::last_hour(now);
    let is_said = asked.points.is_some() || asked.step.is_some();
    let detail = is_said.then(|| resolution(asked.points, asked.step)).transpose()?;
    let range = CompareRange {
        column: asked.column,
        of: hosts_of(asked.hosts, asked.group, asked.label)?,
        from: asked.from.unwrap_or(hour.from),
        to: asked.to.unwrap_or(hour.to),
        detail,
        tier: asked.tier,
    };
    let _place = query.place().await?;
    let mut shape = query.compare(&range, now).await?;
    if let Some(digits) = asked.digits {
        shape.round(digits);
    }
    Ok(Json(shape))
}

/// `GET /api/v1/top`.
pub(super) async fn top(
    Scoped(query): Scoped,
    RequestParams(asked, now): RequestParams<TopAsked>,
) -> Result<Json<TopShape>, Failure> {
    let hour = PollRange::last_hour(now);
    let range = TopRange {
        column: asked.column,
        of: hosts_of(asked.hosts, asked.group, asked.label)?,
        from: asked.from.unwrap_or(hour.from),
        to: asked.to.unwrap_or(hour.to),
        limit: asked.n,
        order: asked.order.unwrap_or(SortOrder::Desc),
    };
    let _place = query.place().await?;
    Ok(Json(query.top(&range, now).await?))
}

/// `GET /api/v1/availability`.
pub(super) async fn availability(
    Scoped(query): Scoped,
    RequestParams(asked, now): RequestParams<AvailabilityAsked>,
) -> Result<Response, Failure> {
    let calendar = Calendar {
        by: asked.by.unwrap_or(CalendarPeriod::Month),
        zone: asked.zone.unwrap_or(Tz::UTC),
        start_day: asked.start_day.and_then(|day| day.try_into().ok()).unwrap_or(1),
    };
    let range = AvailabilityRange {
        of: hosts_of(asked.hosts, asked.group, asked.label)?,
        from: asked.from.unwrap_or_else(|| calendar.month_before(now)),
        to: asked.to.unwrap_or(now),
        calendar,
        target: asked.target,
    };
    let _place = query.place().await?;
    let shape = query.availability(&range, now).await?;
    Ok(match asked.format.unwrap_or(TableFormat::Json) {
        TableFormat::Json => Json(shape).into_response(),
        TableFormat::Csv => {
            ([(CONTENT_TYPE, "text/csv; charset=utf-8")], shape.csv()).into_response()
        }
    })
}
