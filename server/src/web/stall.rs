//! A connection whose reader has stopped reading ends: what it does not take is not kept for it.
//!
//! Without this a stream to a browser that hangs would hold its place, and a frame, until the
//! connection's life is over. Over HTTP/2 a client can take all that the socket has and still nothing of
//! an answer: its window says how much (RFC 9113, 5.2). So there each answer tells what it waits for.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    time::{Sleep, sleep},
};
use tokio_util::either::Either;

/// The answers of one connection of which something waits for the client.
#[derive(Debug, Default)]
pub(super) struct Untaken(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    /// Of each answer when it was last offered.
    waiting: BTreeMap<u64, u64>,
    /// Numbers of answers, and of the moments at which they were offered.
    next: u64,
}

impl Table {
    fn count(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// What there is to take of one answer, until it is dropped.
#[derive(Debug)]
pub(super) struct Offer {
    untaken: Arc<Untaken>,
    number: u64,
}

impl Untaken {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer has begun.
    pub(super) fn offer(self: &Arc<Self>) -> Offer {
        let number = self.table().count();
        let offer = Offer { untaken: Arc::clone(self), number };
        offer.renew(true);
        offer
    }

    fn oldest(&self) -> Option<u64> {
        self.table().waiting.values().min().copied()
    }

    /// Ends when something was not taken for `most`. No timer runs while all is: this is looked at
    /// whenever the connection's task is woken, and writing the head of an answer wakes it.
    pub(super) async fn lasts(&self, most: Duration) {
        let mut timer: Option<(u64, Pin<Box<Sleep>>)> = None;
        poll_fn(|cx| {
            let oldest = self.oldest();
            timer = match (timer.take(), oldest) {
                (_, None) => None,
                (Some((of, timer)), Some(oldest)) if of == oldest => Some((of, timer)),
                (_, Some(oldest)) => Some((oldest, Box::pin(sleep(most)))),
            };
            timer.as_mut().map_or(Poll::Pending, |(_, timer)| timer.as_mut().poll(cx))
        })
        .await;
    }
}

impl Offer {
    /// The client has room for more: whether there is more by now.
    pub(super) fn renew(&self, is_more: bool) {
        let mut table = self.untaken.table();
        if is_more {
            let moment = table.count();
            table.waiting.insert(self.number, moment);
        } else {
            table.waiting.remove(&self.number);
        }
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        self.renew(false);
    }
}

/// A socket that breaks when nothing can be written to it for `patience`.
#[derive(Debug)]
pub(super) struct StallTimeout {
    stream: Either<TcpStream, UnixStream>,
    patience: Duration,
    /// Runs while the other side takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl StallTimeout {
    pub(super) fn new(stream: Either<TcpStream, UnixStream>, patience: Duration) -> Self {
        Self { stream, patience, stalled: None }
    }

    /// Passes on what a write came to, unless it has been waiting for too long.
    fn judge<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        stalled.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for StallTimeout {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for StallTimeout {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A socket's flush is always ready, and says nothing of the reader.
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
