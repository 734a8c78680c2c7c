//! An answer's body in pieces that HTTP/2 writes together with what is around them.
//!
//! h2 copies DATA frames shorter than its threshold into the buffer in which the headers are, and
//! the trailers after them: one write(2), one packet, one wake-up of whoever waits. A longer frame is
//! not copied, and the trailers behind it need a second write, which costs more than copying a few
//! kilobytes. What is too long for h2's buffer goes on as it is.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;
use hyper::body::{Bytes, Frame, SizeHint};
use tonic::{Status, body::Body};

use super::call::Call;

/// Longest piece, bytes: one less than what h2 no longer copies when it writes without writev(2)
/// (`CHAIN_THRESHOLD_WITHOUT_VECTORED_IO`).
const PIECE_BYTES: usize = 1_023;
/// Longest chunk that is taken apart, bytes: h2's buffer has 16 KiB, for headers, trailers and the
/// heads of frames too.
const MAX_CHUNK_BYTES: usize = 15 * 1_024;

/// What a service of tonic answers with.
pub(super) type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// A body in pieces.
#[derive(Debug)]
pub(super) struct Pieces {
    body: Body,
    /// What is left of a chunk.
    rest: Bytes,
    /// Until its body is sent, or given up.
    call: Option<Call>,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.rest.is_empty() {
            // This is asked for only once the peer has room for it.
            let frame = match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(none_or_error) => return Poll::Ready(none_or_error),
                Poll::Pending => {
                    self.call.iter_mut().for_each(Call::is_taken);
                    return Poll::Pending;
                }
            };
            self.call.iter_mut().for_each(Call::offers);
            match frame.into_data() {
                Ok(chunk) if (PIECE_BYTES + 1..=MAX_CHUNK_BYTES).contains(&chunk.len()) => {
                    self.rest = chunk;
                }
                Ok(chunk) => return Poll::Ready(Some(Ok(Frame::data(chunk)))),
                Err(frame) => return Poll::Ready(Some(Ok(frame))),
            }
        }
        let length = self.rest.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.rest.is_empty() { self.body.size_hint() } else { SizeHint::default() }
    }
}

/// An answer whose body will be in pieces.
pub(super) struct InPieces {
    pub(super) answer: Answer,
    pub(super) call: Option<Call>,
}

impl Future for InPieces {
    type Output = Result<Response<Pieces>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.answer.as_mut().poll(context));
        let mut call = self.call.take();
        call.iter_mut().for_each(Call::offers);
        let pieces = |body| Pieces { body, rest: Bytes::new(), call };
        Poll::Ready(answer.map(|answer| answer.map(pieces)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use hyper::body::Body as _;

    use super::*;

    /// A body of given chunks and a trailer.
    struct Chunks(VecDeque<Frame<Bytes>>);

    impl hyper::body::Body for Chunks {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            Poll::Ready(self.0.pop_front().map(Ok))
        }

        fn is_end_stream(&self) -> bool {
            self.0.is_empty()
        }
    }

    /// Lengths of the data frames, their bytes, and whether the trailers came last.
    async fn sent(chunks: &[Vec<u8>]) -> (Vec<usize>, Vec<u8>, bool) {
        let mut frames: VecDeque<_> =
            chunks.iter().map(|chunk| Frame::data(Bytes::from(chunk.clone()))).collect();
        frames.push_back(Frame::trailers(http::HeaderMap::new()));
        let mut pieces = Pieces { body: Body::new(Chunks(frames)), rest: Bytes::new(), call: None };
        let (mut lengths, mut bytes, mut ended) = (Vec::new(), Vec::new(), false);
        while let Some(frame) =
            std::future::poll_fn(|context| Pin::new(&mut pieces).poll_frame(context)).await
        {
            assert!(!ended, "nothing may follow the trailers");
            match frame.unwrap().into_data() {
                Ok(data) => {
                    lengths.push(data.len());
                    bytes.extend_from_slice(&data);
                    assert!(!pieces.is_end_stream());
                }
                Err(_) => ended = true,
            }
        }
        assert!(pieces.is_end_stream());
        (lengths, bytes, ended)
    }

    fn chunk(length: usize) -> Vec<u8> {
        (0..=u8::MAX).cycle().take(length).collect()
    }

    #[tokio::test]
    async fn a_chunk_is_taken_apart_and_keeps_its_bytes() {
        for (length, pieces) in [
            (1, vec![1]),
            (PIECE_BYTES, vec![PIECE_BYTES]),
            (PIECE_BYTES + 1, vec![PIECE_BYTES, 1]),
            (3 * PIECE_BYTES, vec![PIECE_BYTES; 3]),
            (MAX_CHUNK_BYTES + 1, vec![MAX_CHUNK_BYTES + 1]),
        ] {
            assert_eq!(sent(&[chunk(length)]).await, (pieces, chunk(length), true), "{length}");
        }
        let (lengths, bytes, _) = sent(&[chunk(1_500), chunk(5)]).await;
        assert_eq!(lengths, [PIECE_BYTES, 477, 5]);
        assert_eq!(bytes, [chunk(1_500), chunk(5)].concat());
    }
}
