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
use http::{HeaderValue, Request, Response, Version, header};
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};
use tower::ServiceExt as _;

use super::{
    listener::PeerAddress,
    places::{Answering, ConnectionPermit},
    stall::{Offer, Untaken},
};

/// What a browser that was here once is to do for a year: come over TLS alone (RFC 6797).
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// A request as it came.
pub(super) struct Asked {
    pub(super) request: Request<Incoming>,
    /// Where it came from.
    pub(super) peer: PeerAddress,
    /// It came over TLS.
    pub(super) is_encrypted: bool,
    /// How long its body may take.
    pub(super) body_wait: Duration,
}

/// Answers a request; the connection counts as answered until the last of it is sent.
pub(super) async fn answer(
    place: Arc<ConnectionPermit>,
    untaken: Arc<Untaken>,
    router: Router,
    Asked { request, peer, is_encrypted, body_wait }: Asked,
) -> Result<Response<Body>, std::convert::Infallible> {
    let answering = place.answer();
    let (mut parts, body) = request.into_parts();
    // Of HTTP/1.1 the socket tells whether an answer is taken.
    let has_window = parts.version == Version::HTTP_2;
    parts.extensions.insert(peer);
    parts.extensions.insert(place.peer());
    parts.extensions.insert(place);
    if is_encrypted {
        // As a proxy says it that ends TLS; what the client says of it does not count.
        parts.headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
    }
    let body = Body::new(InTime { body, late: Box::pin(sleep(body_wait)) });
    let mut answer = router.oneshot(Request::from_parts(parts, body)).await?;
    if is_encrypted {
        answer.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    let offer = has_window.then(|| untaken.offer());
    Ok(answer.map(|body| Body::new(Answer { body, offer, _answering: answering })))
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
    offer: Option<Offer>,
    _answering: Answering,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // This is asked for only once the client has room for it.
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Some(offer) = &self.offer {
            offer.renew(frame.is_ready());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
