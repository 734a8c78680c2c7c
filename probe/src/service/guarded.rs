//! A connection that has to prove early that it speaks HTTP/2, and to take what it is sent.
//!
//! hyper pings a silent peer, but only once it has the client's preface (RFC 9113, 3.4): a peer that
//! connects and says nothing would hold its place for ever. Here its first read fails in time. So does
//! a write that the peer's socket has no room for: the answers to its pings, which no window bounds.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// Bytes of the client's preface: `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`.
const PREFACE_BYTES: usize = 24;

/// A stream whose reads fail unless [`PREFACE_BYTES`] arrive in time; transparent from then on.
#[derive(Debug)]
pub(super) struct Guarded<S> {
    stream: S,
    /// Present until the preface is complete.
    deadline: Option<Pin<Box<Sleep>>>,
    missing: usize,
    taken_within: Duration,
    /// Present while the peer takes nothing of what is written.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Guarded<S> {
    pub(super) fn new(stream: S, preface_within: Duration, taken_within: Duration) -> Self {
        let deadline = Some(Box::pin(sleep(preface_within)));
        Self { stream, deadline, missing: PREFACE_BYTES, taken_within, stalled: None }
    }

    /// Until the peer has taken nothing for too long.
    fn taken_within(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let within = self.taken_within;
        self.stalled.get_or_insert_with(|| Box::pin(sleep(within))).as_mut().poll(context)
    }
}

fn not_taken() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the peer takes nothing of what it is sent")
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some(deadline) = &mut self.deadline else { return read };
        if read.is_pending() && deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "no HTTP/2 preface in time",
            )));
        }
        self.missing = self.missing.saturating_sub(buffer.filled().len() - before);
        if self.missing == 0 {
            self.deadline = None;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        ready!(self.taken_within(context));
        Poll::Ready(Err(not_taken()))
    }

    /// What is encrypted waits in memory, and is written by this.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() {
            self.stalled = None;
            return flushed;
        }
        ready!(self.taken_within(context));
        Poll::Ready(Err(not_taken()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    /// Without writev(2) h2 copies more into one write: see `pieces`.
    fn is_write_vectored(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const WITHIN: Duration = Duration::from_secs(5);
    const TAKEN: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_mute_or_dribbling_peer_is_cut_off() {
        let (mut peer, ours) = duplex(64);
        peer.write_all(b"PRI * HTTP/2").await.unwrap();
        let mut guarded = Guarded::new(ours, WITHIN, TAKEN);
        let mut bytes = [0; PREFACE_BYTES];
        let error = guarded.read_exact(&mut bytes).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_preface_silence_is_allowed() {
        let (mut peer, ours) = duplex(64);
        peer.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut guarded = Guarded::new(ours, WITHIN, TAKEN);
        let mut bytes = [0; PREFACE_BYTES];
        guarded.read_exact(&mut bytes).await.unwrap();
        let quiet = tokio::time::timeout(WITHIN * 100, guarded.read_u8()).await;
        assert!(quiet.is_err(), "the read must still be waiting: {quiet:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_for_too_long_is_cut_off_and_who_is_slow_is_not() {
        let (mut peer, ours) = duplex(8);
        let mut guarded = Guarded::new(ours, WITHIN, TAKEN);
        let slow = async {
            for _ in 0..4 {
                tokio::time::sleep(TAKEN / 2).await;
                peer.read_exact(&mut [0; 8]).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(guarded.write_all(&[0; 32]), slow);
        written.unwrap();
        let cut_off = tokio::time::timeout(TAKEN * 2, guarded.write_all(&[0; 32])).await;
        assert_eq!(cut_off.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    /// A stream that takes everything and passes on nothing, as one that encrypts into memory.
    struct Kept;

    impl AsyncWrite for Kept {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_in_memory_for_a_peer_is_not_taken_either() {
        let mut guarded = Guarded::new(Kept, WITHIN, TAKEN);
        guarded.write_all(&[0; 32]).await.unwrap();
        let cut_off = tokio::time::timeout(TAKEN * 2, guarded.flush()).await;
        assert_eq!(cut_off.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
