//! A socket that remembers what its peer did, so that a failed call can be told apart by facts: the
//! HTTP/2 library reports one and the same error for a peer that closes at once, one that speaks
//! HTTP/1.1 and one that talks garbage. Knows neither gRPC nor hosts.

use std::{
    fmt, io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use roundsman_pki::cause::TlsError;
use rustix::{
    io::Errno,
    net::{RecvFlags, recv},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// How many of the peer's first bytes are kept: one HTTP/2 frame head is 9.
const FIRST_BYTES: usize = 16;

/// What the peer's first bytes say it speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WireProtocol {
    /// Not a byte came.
    Silent,
    /// HTTP/2: a SETTINGS frame on stream 0 came first (RFC 9113 section 3.4).
    Http2,
    /// HTTP/1.
    Http1,
    /// A TLS record.
    Tls,
    /// Something else, which began with these bytes.
    Other(Vec<u8>),
}

impl WireProtocol {
    fn of(first: &[u8]) -> Self {
        const SETTINGS: u8 = 4;
        let settings = |at: usize, byte: &u8| match at {
            3 => *byte == SETTINGS,
            5..9 => *byte == 0,
            _ => true,
        };
        match first {
            [] => Self::Silent,
            [b'H', b'T', b'T', b'P', b'/', b'1', ..] => Self::Http1,
            [0x15 | 0x16, 3, ..] => Self::Tls,
            _ if first.len() >= 4 && first.iter().enumerate().all(|(i, b)| settings(i, b)) => {
                Self::Http2
            }
            _ => Self::Other(first.to_vec()),
        }
    }
}

/// `HTTP/1`, or the first bytes as text.
impl fmt::Display for WireProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("nothing"),
            Self::Http2 => f.write_str("HTTP/2"),
            Self::Http1 => f.write_str("HTTP/1"),
            Self::Tls => f.write_str("TLS"),
            Self::Other(first) => write!(f, "\"{}\"", first.escape_ascii()),
        }
    }
}

/// How far a peer has come on one connection: two that are equal say that it did nothing between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PeerProgress {
    read_bytes: u64,
    /// It closed or reset the connection.
    ended: bool,
}

/// What the peer has done so far on one connection, and what was sent to it.
#[derive(Debug, Default)]
pub(super) struct PeerActivity {
    read_bytes: AtomicU64,
    written_bytes: AtomicU64,
    no_pong: AtomicBool,
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    first: Vec<u8>,
    end: Option<io::ErrorKind>,
    refused: Option<TlsError>,
}

impl PeerActivity {
    /// What it speaks.
    pub(super) fn speech(&self) -> WireProtocol {
        WireProtocol::of(&self.said().first)
    }

    /// How it ended the connection: `UnexpectedEof` when it closed, the error of the socket
    /// otherwise; none while it is open.
    pub(super) fn end(&self) -> Option<io::ErrorKind> {
        self.said().end
    }

    /// Why it refused us, or we it, once TLS was there: a probe tells what it thinks of a certificate only
    /// after the handshake (RFC 8446 section 4.4.2.4).
    pub(super) fn refused(&self) -> Option<TlsError> {
        self.said().refused.clone()
    }

    /// How much it has sent.
    pub(super) fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    /// How much was handed to the kernel for it.
    pub(super) fn written_bytes(&self) -> u64 {
        self.written_bytes.load(Ordering::Relaxed)
    }

    /// How far it has come. That the kernel gave up on it (ETIMEDOUT, no route) is not its doing.
    pub(super) fn done(&self) -> PeerProgress {
        let by_peer = |end: io::ErrorKind| {
            matches!(
                end,
                io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::BrokenPipe
            )
        };
        PeerProgress { read_bytes: self.read_bytes(), ended: self.end().is_some_and(by_peer) }
    }

    /// Notes that it did not answer an HTTP/2 ping.
    pub(super) fn gives_no_pong(&self) {
        self.no_pong.store(true, Ordering::Relaxed);
    }

    /// Whether it left an HTTP/2 ping unanswered.
    pub(super) fn gave_no_pong(&self) -> bool {
        self.no_pong.load(Ordering::Relaxed)
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            self.ended(io::ErrorKind::UnexpectedEof);
            return;
        }
        let before = self.read_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if before < FIRST_BYTES as u64 {
            let mut said = self.said();
            let room = FIRST_BYTES - said.first.len();
            said.first.extend_from_slice(&bytes[..room.min(bytes.len())]);
        }
    }

    fn ended(&self, how: io::ErrorKind) {
        self.said().end.get_or_insert(how);
    }
}

/// A stream that can be asked whether its peer has ended it.
pub(super) trait Ends {
    /// How, when it has and nothing that it sent before is left to be read. Waits for nothing.
    fn end(&self, was_heard: bool) -> Option<io::ErrorKind>;

    /// What it said of us before it ended the stream, where nothing can be written any more.
    fn last_words(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Option<TlsError> {
        None
    }
}

impl Ends for TcpStream {
    fn end(&self, _was_heard: bool) -> Option<io::ErrorKind> {
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        match recv(self, &mut [0_u8; 1][..], flags) {
            Ok((_, 0)) => Some(io::ErrorKind::UnexpectedEof),
            Ok(_) | Err(Errno::WOULDBLOCK | Errno::INTR) => None,
            Err(error) => Some(io::Error::from(error).kind()),
        }
    }
}

/// A stream whose peer is watched.
#[derive(Debug)]
pub(super) struct Watched<T> {
    inner: T,
    peer: Arc<PeerActivity>,
}

impl<T> Watched<T> {
    /// Watches the peer of `inner`; what it does is seen through the second value.
    pub(super) fn new(inner: T) -> (Self, Arc<PeerActivity>) {
        let peer = Arc::new(PeerActivity::default());
        (Self { inner, peer: Arc::clone(&peer) }, peer)
    }

    /// An error when the peer has ended the stream already. The runtime may not have looked yet, and
    /// what is written to such a socket vanishes: then nobody could say whether the peer had it.
    fn must_go_on(&self) -> io::Result<()>
    where
        T: Ends,
    {
        let was_heard = self.peer.read_bytes() > 0;
        let Some(end) = self.inner.end(was_heard) else { return Ok(()) };
        self.peer.ended(end);
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn wrote(
        &mut self,
        outcome: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>>
    where
        T: Ends + Unpin,
    {
        if let Poll::Ready(Ok(bytes)) = &outcome {
            self.peer.written_bytes.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
        self.not_written(outcome, cx)
    }

    fn not_written<R>(
        &mut self,
        outcome: Poll<io::Result<R>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<R>>
    where
        T: Ends + Unpin,
    {
        if let Poll::Ready(Err(_)) = &outcome
            && let Some(refused) = Pin::new(&mut self.inner).last_words(cx)
        {
            self.peer.said().refused.get_or_insert(refused);
        }
        self.note(outcome)
    }

    fn note<R>(&self, outcome: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if let Poll::Ready(Err(error)) = &outcome {
            self.peer.ended(error.kind());
            if let Some(refused) = TlsError::of_stream(error) {
                self.peer.said().refused.get_or_insert(refused);
            }
        }
        outcome
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.inner).poll_read(cx, buf);
        if let Poll::Ready(Ok(())) = &outcome
            && buf.capacity() > before
        {
            self.peer.heard(&buf.filled()[before..]);
        }
        self.note(outcome)
    }
}

impl<T: AsyncWrite + Ends + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.must_go_on()?;
        let outcome = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.wrote(outcome, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.must_go_on()?;
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.wrote(outcome, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_flush(cx);
        self.not_written(outcome, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn first_bytes_tell_the_language() {
        assert_eq!(WireProtocol::of(b""), WireProtocol::Silent);
        assert_eq!(WireProtocol::of(b"HTTP/1.1 400 Bad"), WireProtocol::Http1);
        assert_eq!(WireProtocol::of(&[0x15, 3, 1, 0, 2, 2, 70]), WireProtocol::Tls);
        assert_eq!(WireProtocol::of(&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3]), WireProtocol::Http2);
        assert_eq!(WireProtocol::of(&[0, 0, 6, 4]), WireProtocol::Http2);
        // A frame of another kind, and SETTINGS on another stream than 0.
        assert!(matches!(WireProtocol::of(&[0, 0, 6, 1, 0, 0, 0, 0, 0]), WireProtocol::Other(_)));
        assert!(matches!(WireProtocol::of(&[0, 0, 6, 4, 0, 0, 0, 0, 1]), WireProtocol::Other(_)));
        assert_eq!(WireProtocol::of(b"SSH-2.0\r\n").to_string(), r#""SSH-2.0\r\n""#);
    }

    #[tokio::test]
    async fn nothing_is_written_to_a_peer_that_has_gone() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        let (mut near, peer) = Watched::new(near);
        near.write_all(b"there").await.unwrap();
        far.write_all(b"yes").await.unwrap();
        near.write_all(b"still").await.unwrap();
        assert_eq!(peer.written_bytes(), 10);
        far.read_exact(&mut [0; 10]).await.unwrap();
        drop(far);
        // Its last words are there to be read first.
        assert_eq!(peer.end(), None);
        near.read_exact(&mut [0; 3]).await.unwrap();
        let refused = near.write_all(b"gone").await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::BrokenPipe);
        assert_eq!((peer.written_bytes(), peer.end()), (10, Some(io::ErrorKind::UnexpectedEof)));
    }

    #[tokio::test]
    async fn the_end_is_remembered_and_only_the_first_bytes_are_kept() {
        let (mut far, near) = tokio::io::duplex(64);
        let (mut near, peer) = Watched::new(near);
        far.write_all(&[b'x'; 40]).await.unwrap();
        drop(far);
        assert_eq!(peer.end(), None);
        near.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!(peer.end(), Some(io::ErrorKind::UnexpectedEof));
        assert_eq!(peer.speech(), WireProtocol::Other(vec![b'x'; FIRST_BYTES]));
    }
}
