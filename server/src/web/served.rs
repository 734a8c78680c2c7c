//! One connection as it is served: its requests are counted as long as they are answered, their
//! bodies have to come in time, and each knows who asks.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body};
use http::{Request, Response};
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};
use tower::ServiceExt as _;

use super::places::{Answering, Place};

/// Answers a request; the connection counts as answered until the last of it is sent.
pub(super) async fn answer(
    place: Arc<Place>,
    router: Router,
    request: Request<Incoming>,
    body_wait: Duration,
) -> Result<Response<Body>, std::convert::Infallible> {
    let answering = place.answer();
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(place.peer());
    let body = Body::new(InTime { body, late: Box::pin(sleep(body_wait)) });
    let answer = router.oneshot(Request::from_parts(parts, body)).await?;
    Ok(answer.map(|body| Body::new(Answer { body, _answering: answering })))
}

/// The body of a request, which ends in an error when it does not come in time.
struct InTime {
    body: Incoming,
    late: Pin<Box<Sleep>>,
}

impl HttpBody for InTime {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)));
        }
        let late = || Some(Err(axum::Error::new(io::Error::from(io::ErrorKind::TimedOut))));
        self.late.as_mut().poll(cx).map(|()| late())
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer.
struct Answer {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
