//! A connected socket, encrypted or not: one type, so that what is said over it stands in the program once.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use roundsman_pki::{cause::TlsError, client::TlsStream};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::{
    io::{AsyncRead as _, ReadBuf},
    net::TcpStream,
};
use tokio_util::either::Either;

use super::socket::Ends;

/// A connection to a probe, plain or encrypted.
pub(super) type Wire = Either<TcpStream, Box<TlsStream<TcpStream>>>;

impl Ends for Wire {
    fn end(&self, was_heard: bool) -> Option<io::ErrorKind> {
        match self {
            Self::Left(stream) => stream.end(was_heard),
            // One that has just been opened: what the probe thinks of our certificate has to be read.
            Self::Right(_) if !was_heard => None,
            // Its last words, close_notify, are there to be read and hide the end behind them. Nothing that
            // it may have said else is of use to who is about to ask.
            Self::Right(stream) => {
                let socket = stream.get_ref().0;
                let mut asked = [PollFd::new(socket, PollFlags::RDHUP)];
                let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
                let answered = poll(&mut asked, Some(&at_once));
                let has_ended = answered.is_ok_and(|count| count > 0);
                has_ended.then_some(io::ErrorKind::UnexpectedEof)
            }
        }
    }

    fn last_words(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Option<TlsError> {
        let Self::Right(stream) = self.get_mut() else { return None };
        let mut byte = [0];
        match Pin::new(stream).poll_read(cx, &mut ReadBuf::new(&mut byte)) {
            Poll::Ready(Err(error)) => TlsError::of_stream(&error),
            Poll::Ready(Ok(())) | Poll::Pending => None,
        }
    }
}
