//! `GET /api/v1/hosts/{name}/polls`: a page of polls, written out poll by poll while it is sent.

use std::collections::VecDeque;

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    asked::PollsAsked,
    failure::Failure,
    params::{HostPath, RequestParams},
    who::Scoped,
};
use crate::query::{Chosen, Fields, PollRange, PollShape, PollsPage};

/// `GET /api/v1/hosts/{name}/polls`.
pub(super) async fn polls(
    Scoped(query): Scoped,
    HostPath(name): HostPath,
    RequestParams(asked, now): RequestParams<PollsAsked>,
) -> Result<Response, Failure> {
    let usual = PollRange::last_hour(now);
    let range = PollRange {
        from: asked.from.unwrap_or(usual.from),
        to: asked.to.unwrap_or(usual.to),
        limit: asked.limit,
        order: asked.order.unwrap_or(usual.order),
    };
    let fields = asked.fields;
    let detail = asked.detail && fields.as_ref().is_none_or(|fields| fields.wants("detail"));
    range.check().map_err(|error| Failure::bad_request(error.to_string()))?;
    let place = query.place().await?;
    let mut page = query.polls(&name, &range, detail).await?;
    if let (Some(next), Some(fields)) = (&mut page.next, &fields) {
        next.push_str(&format!("&fields={fields}"));
    }
    let sheet =
        Sheet::new(page, fields, place).map_err(|error| Failure::internal(error.to_string()))?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], sheet.body()).into_response())
}

/// What of a page is not sent yet.
struct Sheet {
    head: Option<String>,
    polls: VecDeque<PollShape>,
    fields: Option<Fields>,
    tail: Option<String>,
    /// Until all is sent, or nobody wants it any more.
    _place: OwnedSemaphorePermit,
}

impl Sheet {
    fn new(
        mut page: PollsPage,
        fields: Option<Fields>,
        place: OwnedSemaphorePermit,
    ) -> Result<Self, serde_json::Error> {
        /// How a page without polls ends its list of them.
        const LIST: &str = "\"polls\":[";
        let polls = std::mem::take(&mut page.polls).into();
        let mut head = serde_json::to_string(&page)?;
        // The only text before it is the host's name, which holds no quotation mark.
        let end = head.find(LIST).map_or(head.len(), |at| at + LIST.len());
        let tail = head.split_off(end);
        Ok(Self { head: Some(head), polls, fields, tail: Some(tail), _place: place })
    }

    fn next(&mut self) -> Option<Result<Bytes, serde_json::Error>> {
        if let Some(head) = self.head.take() {
            return Some(Ok(head.into()));
        }
        let Some(poll) = self.polls.pop_front() else {
            return self.tail.take().map(|tail| Ok(tail.into()));
        };
        let mut text = match &self.fields {
            Some(fields) => serde_json::to_string(&Chosen(&poll, fields)),
            None => serde_json::to_string(&poll),
        };
        if let (Ok(text), false) = (&mut text, self.polls.is_empty()) {
            text.push(',');
        }
        Some(text.map(Bytes::from))
    }

    /// May be asked on after its end, as compression does.
    fn body(mut self) -> Body {
        Body::from_stream(stream::iter(std::iter::from_fn(move || self.next())))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::to_bytes;
    use futures_util::StreamExt as _;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::{
        model::HostId,
        query::{QueryError, Rfc3339},
        store::sample,
        units::WallMs,
    };

    fn page(polls: i64) -> PollsPage {
        let name = sample::name("web-1");
        let poll = |slot| Arc::new(sample::good(HostId(1), &name, WallMs(slot)));
        PollsPage {
            host: "web-1".into(),
            from: Rfc3339(WallMs(0)),
            to: Rfc3339(WallMs(9)),
            polls: (0..polls).map(|slot| PollShape::new(poll(slot), true)).collect(),
            next: Some("from=1&to=2".to_owned()),
        }
    }

    #[tokio::test]
    async fn what_is_sent_poll_by_poll_is_the_page() {
        let pages = Arc::new(Semaphore::new(1));
        for polls in 0..3 {
            let place = Arc::clone(&pages).acquire_owned().await.unwrap();
            let whole = serde_json::to_string(&page(polls)).unwrap();
            let sent =
                to_bytes(Sheet::new(page(polls), None, place).unwrap().body(), 1 << 20).await;
            assert_eq!(sent.unwrap(), whole);
        }
    }

    /// What packs an answer asks again after its end.
    #[tokio::test]
    async fn a_page_that_was_sent_has_nothing_more() {
        let place = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let mut body = Sheet::new(page(1), None, place).unwrap().body().into_data_stream();
        while body.next().await.is_some() {}
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn a_place_is_taken_until_the_page_is_sent_or_nobody_wants_it() {
        let pages = Arc::new(Semaphore::new(1));
        let place = || Arc::clone(&pages).try_acquire_owned();
        let mut body =
            Sheet::new(page(2), None, place().unwrap()).unwrap().body().into_data_stream();
        for _ in 0..3 {
            assert!(body.next().await.unwrap().is_ok());
            assert!(place().is_err(), "the place is free before the page is sent");
        }
        drop(body);
        let sent = Sheet::new(page(2), None, place().unwrap()).unwrap().body();
        to_bytes(sent, 1 << 20).await.unwrap();
        assert!(place().is_ok());
        let busy = Failure::from(QueryError::Busy).into_response();
        assert_eq!(busy.status().as_u16(), 503);
    }
}
