//! A connected socket, encrypted or not: one type, so that what is said over it stands in the program once.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use roundsman_pki::{cause::TlsError, client::TlsStream};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::socket::Ends;

#[derive(Debug)]
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Ends for Wire {
    fn end(&self, was_heard: bool) -> Option<io::ErrorKind> {
        match self {
            Self::Plain(stream) => stream.end(was_heard),
            // One that has just been opened: what the probe thinks of our certificate has to be read.
            Self::Tls(_) if !was_heard => None,
            // Its last words, close_notify, are there to be read and hide the end behind them. Nothing that
            // it may have said else is of use to who is about to ask.
            Self::Tls(stream) => {
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
        let Self::Tls(stream) = self.get_mut() else { return None };
        let mut byte = [0];
        match Pin::new(stream).poll_read(cx, &mut ReadBuf::new(&mut byte)) {
            Poll::Ready(Err(error)) => TlsError::of_stream(&error),
            Poll::Ready(Ok(())) | Poll::Pending => None,
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
