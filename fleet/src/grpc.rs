//! HTTP/2 and gRPC by hand: two methods, a frame that is ready to send, trailers that never change.
//!
//! tonic's server would do, but costs more than making the answer does, and the machine is shared
//! with the server that is being tested.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderValue, Request, Response, header::CONTENT_TYPE};
use hyper::body::{Body as _, Bytes, Frame, Incoming, SizeHint};
use prost::Message as _;
use roundsman_proto::health::{HealthCheckResponse, health_check_response::ServingStatus};

/// The methods that are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// `roundsman.v1.Probe/GetMetrics`.
    GetMetrics,
    /// `grpc.health.v1.Health/Check`.
    Check,
    /// Anything else.
    Unknown,
}

impl Method {
    pub(crate) fn of(path: &str) -> Self {
        match path {
            "/roundsman.v1.Probe/GetMetrics" => Self::GetMetrics,
            "/grpc.health.v1.Health/Check" => Self::Check,
            _ => Self::Unknown,
        }
    }
}

/// gRPC status codes that the fleet uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    Ok,
    Unimplemented,
    Unavailable,
}

impl Code {
    fn digits(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Ok => "0",
            Self::Unimplemented => "12",
            Self::Unavailable => "14",
        })
    }
}

/// A request may bring this much; more is left unread.
const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// Longest data frame, bytes: one less than what h2 would not copy next to the headers and trailers,
/// so that an answer is one write (`CHAIN_THRESHOLD_WITHOUT_VECTORED_IO`).
const PIECE_BYTES: usize = 1_023;
/// Longest message that is sent in such pieces: h2's buffer has 16 KiB.
const MAX_IN_PIECES: usize = 15 * 1024;

/// Reads a request to its end, so that the stream ends cleanly. What it says is not looked at: a fake
/// probe has one answer.
pub(crate) async fn drain(body: Incoming) {
    let mut body = pin!(body);
    let mut bytes = 0;
    while bytes <= MAX_REQUEST_BYTES {
        match std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, Bytes::len),
            Some(Err(_)) | None => return,
        }
    }
}

/// What is done after the last byte of a body.
#[derive(Debug)]
enum End {
    /// The trailers of a good answer.
    Good,
    /// Somebody is told to tear the connection down; nothing more comes.
    Cut(std::sync::Arc<tokio::sync::Notify>),
    /// Nothing.
    Done,
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    rest: Bytes,
    piece: usize,
    end: End,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.rest.is_empty() {
            let length = self.rest.len().min(self.piece);
            return Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))));
        }
        match std::mem::replace(&mut self.end, End::Done) {
            End::Good => {
                let mut trailers = HeaderMap::with_capacity(1);
                trailers.insert("grpc-status", Code::Ok.digits());
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            End::Cut(cut) => {
                cut.notify_one();
                self.end = End::Cut(cut);
                Poll::Pending
            }
            End::Done => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && matches!(self.end, End::Done)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

fn head(body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// A good answer: one frame, head included.
pub(crate) fn answer(frame: Bytes) -> Response<Answer> {
    let piece = if frame.len() <= MAX_IN_PIECES { PIECE_BYTES } else { usize::MAX };
    head(Answer { rest: frame, piece, end: End::Good })
}

/// The first half of a frame, then `cut` is told and nothing more comes.
pub(crate) fn half(mut frame: Bytes, cut: std::sync::Arc<tokio::sync::Notify>) -> Response<Answer> {
    frame.truncate(frame.len() / 2);
    head(Answer { rest: frame, piece: usize::MAX, end: End::Cut(cut) })
}

/// A call that failed: no message, the status in the head.
pub(crate) fn failed(code: Code, words: &'static str) -> Response<Answer> {
    let mut response = head(Answer { rest: Bytes::new(), piece: 1, end: End::Done });
    response.headers_mut().insert("grpc-status", code.digits());
    response.headers_mut().insert("grpc-message", HeaderValue::from_static(words));
    response
}

/// The answer of the health service.
pub(crate) fn health(serving: bool) -> Response<Answer> {
    let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
    let message = HealthCheckResponse { status: status.into() }.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap_or(0).to_be_bytes();
    answer([&[0], &length[..], &message].concat().into())
}

/// The path and the body of a request.
pub(crate) fn parts(request: Request<Incoming>) -> (Method, Incoming) {
    let method = Method::of(request.uri().path());
    (method, request.into_body())
}
