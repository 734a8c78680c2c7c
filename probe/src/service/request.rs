//! A request's body that has to be whole in time.
//!
//! HTTP/2 lets a peer begin a call and never end its request. Such a call is nobody's work: until the
//! end has come it keeps no place for its connection (see `call`), and it fails once its time is over.
//! A reflection stream is such a request, too: its client opens another one.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Sleep, sleep_until};
use tonic::Status;

use super::call::Shared;

/// What a request is awaited with.
#[derive(Debug)]
pub(super) struct Arriving {
    call: Shared,
    until: Instant,
}

impl Arriving {
    /// The request of this call, which has until then to be whole.
    pub(super) fn new(call: Shared, until: Instant) -> Self {
        Self { call, until }
    }

    /// Its body.
    pub(super) fn with<B: Body>(self, body: B) -> Timed<B> {
        if body.is_end_stream() {
            self.call.is_whole();
        }
        Timed { body, arriving: self, deadline: None }
    }
}

/// A body that fails when its end is late.
#[derive(Debug)]
pub(super) struct Timed<B> {
    body: B,
    arriving: Arriving,
    /// Made only where something has to be waited for.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<B: Body<Data = Bytes, Error = hyper::Error> + Unpin> Body for Timed<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(None) => {
                self.arriving.call.is_whole();
                Poll::Ready(None)
            }
            Poll::Ready(Some(frame)) => {
                Poll::Ready(Some(frame.map_err(|error| Status::from_error(error.into()))))
            }
            Poll::Pending => {
                let until = self.arriving.until;
                let late = || Box::pin(sleep_until(until.into()));
                let deadline = self.deadline.get_or_insert_with(late);
                if deadline.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                let late = Status::deadline_exceeded("the request did not end in time");
                Poll::Ready(Some(Err(late)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
