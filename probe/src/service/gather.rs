//! Everything a connection writes in one step goes out in one write.
//!
//! h2 flushes between an answer's message and its trailers, which makes two packets of each answer:
//! a second trip through the network stack here, and a second wake-up at the caller. Here writing
//! only gathers, flushing does nothing, and [`Outlet::poll_send`], called after each step of the
//! connection, sends what came together.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Gathered bytes from which on writing waits for the socket.
const MOST_GATHERED_BYTES: usize = 64 * 1024;

/// Buffer kept between answers, bytes: an answer of a middling host.
const KEPT_BYTES: usize = 4 * 1024;

/// A stream and what is still to be written to it.
#[derive(Debug)]
struct Gather<S> {
    stream: S,
    bytes: Vec<u8>,
}

/// The connection's side: reads pass through, writes are gathered.
#[derive(Debug)]
pub(super) struct Gathered<S>(Arc<Mutex<Gather<S>>>);

/// The other side: sends.
#[derive(Debug)]
pub(super) struct Outlet<S>(Arc<Mutex<Gather<S>>>);

/// Both sides of `stream`.
pub(super) fn gathered<S>(stream: S) -> (Gathered<S>, Outlet<S>) {
    let gather = Arc::new(Mutex::new(Gather { stream, bytes: Vec::new() }));
    (Gathered(Arc::clone(&gather)), Outlet(gather))
}

impl<S: AsyncWrite + Unpin> Outlet<S> {
    /// Writes what is gathered; pending while the socket takes no more.
    pub(super) fn poll_send(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(&self.0).poll_send(context)
    }
}

/// Both sides are of one task, so nobody ever waits here.
fn lock<S>(gather: &Mutex<Gather<S>>) -> MutexGuard<'_, Gather<S>> {
    gather.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: AsyncWrite + Unpin> Gather<S> {
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, bytes } = self;
        if bytes.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let mut sent = 0;
        let outcome = loop {
            match Pin::new(&mut *stream).poll_write(context, &bytes[sent..]) {
                Poll::Ready(Ok(0)) => break Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => sent += written,
                Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                Poll::Pending => break Poll::Pending,
            }
            if sent == bytes.len() {
                break Poll::Ready(Ok(()));
            }
        };
        bytes.drain(..sent);
        bytes.shrink_to(KEPT_BYTES);
        outcome
    }

    /// Takes all of `parts`, once there is room.
    fn poll_gather<'a>(
        &mut self,
        context: &mut Context<'_>,
        parts: impl Iterator<Item = &'a [u8]>,
    ) -> Poll<io::Result<usize>> {
        if self.bytes.len() >= MOST_GATHERED_BYTES {
            ready!(self.poll_send(context))?;
        }
        let before = self.bytes.len();
        parts.for_each(|part| self.bytes.extend_from_slice(part));
        Poll::Ready(Ok(self.bytes.len() - before))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut lock(&self.0).stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        lock(&self.0).poll_gather(context, std::iter::once(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        lock(&self.0).poll_gather(context, parts.iter().map(|part| &**part))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut gather = lock(&self.0);
        ready!(gather.poll_send(context))?;
        Pin::new(&mut gather.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn writes_wait_for_the_send_and_keep_their_order() {
        let (mut peer, ours) = duplex(1024);
        let (mut gathered, outlet) = gathered(ours);
        for part in [&b"message "[..], b"and ", b"trailers"] {
            gathered.write_all(part).await.unwrap();
            gathered.flush().await.unwrap();
        }
        let mut text = [0; 64];
        let nothing = poll_fn(|context| {
            let mut buffer = ReadBuf::new(&mut text);
            Poll::Ready(Pin::new(&mut peer).poll_read(context, &mut buffer).is_pending())
        });
        assert!(nothing.await);
        poll_fn(|context| outlet.poll_send(context)).await.unwrap();
        let read = peer.read(&mut text).await.unwrap();
        assert_eq!(&text[..read], b"message and trailers");
    }

    #[tokio::test]
    async fn a_full_socket_is_pending_and_gathering_stops_at_the_limit() {
        let (mut peer, ours) = duplex(1000);
        let (mut gathered, outlet) = gathered(ours);
        gathered.write_all(&vec![7; MOST_GATHERED_BYTES]).await.unwrap();
        let mut parts = poll_fn(|context| {
            Poll::Ready((
                outlet.poll_send(context).is_pending(),
                Pin::new(&mut gathered).poll_write(context, b"x").is_pending(),
            ))
        });
        // The first send made room, so one more write is taken; what is gathered stays bounded.
        assert_eq!((&mut parts).await, (true, false));
        let mut all = Vec::new();
        let shut = async { gathered.shutdown().await };
        let (shut, read) = tokio::join!(shut, peer.read_to_end(&mut all));
        shut.unwrap();
        read.unwrap();
        assert_eq!(all.len(), MOST_GATHERED_BYTES + 1);
    }
}
