//! What is listened on, an address or a socket of this machine, and how a connection there becomes one that is
//! served: as it is, or by a TLS handshake.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr},
    os::unix::{
        fs::{FileTypeExt as _, PermissionsExt as _},
        net,
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use roundsman_pki::server::{Server, Setup, TlsStream};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};
use tokio_util::either::Either;

use super::{places::PeerNetwork, stall::StallTimeout};

/// The rights of a socket's file: whoever may write to it may connect.
const SOCKET_MODE: u32 = 0o660;

/// The first byte of whoever begins a TLS handshake (RFC 8446, 5.1).
const HANDSHAKE: u8 = 0x16;

/// What is told to somebody who speaks HTTP where HTTPS is spoken.
const SPEAKS_TLS: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n\
    This port speaks TLS: ask it with https://\n";

/// A connection as it came.
pub(super) type Socket = Either<TcpStream, UnixStream>;

/// A connection as it is served, plain or encrypted.
pub(super) type GreetedSocket = Either<StallTimeout, Box<TlsStream<StallTimeout>>>;

/// The address that a connection is from; a socket of this machine tells none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PeerAddress(Option<IpAddr>);

impl PeerAddress {
    /// The address.
    pub(super) fn ip(self) -> Option<IpAddr> {
        self.0
    }

    /// Who is on the other side: of the socket, this machine.
    pub(super) fn network(self) -> PeerNetwork {
        PeerNetwork::of(self.0.unwrap_or(Ipv4Addr::LOCALHOST.into()))
    }
}

/// Where connections come from.
#[derive(Debug)]
pub struct Listener {
    bound: Bound,
    tls: Option<Arc<Server>>,
}

#[derive(Debug)]
enum Bound {
    Tcp(TcpListener),
    Unix(UnixListener, Option<SocketFile>),
}

/// The file of a socket, removed when it is dropped.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self { bound: Bound::Tcp(listener), tls: None }
    }
}

/// A socket of this machine that was taken.
#[derive(Debug)]
pub struct BoundSocket(net::UnixListener, Option<SocketFile>);

impl BoundSocket {
    /// Takes it, in a file of mode 0660; one that nobody answers at is taken over.
    ///
    /// # Errors
    /// Somebody listens there, another file has that name, or its folder cannot be written.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let listener = match net::UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left(path) => {
                fs::remove_file(path)?;
                net::UnixListener::bind(path)?
            }
            bound => bound?,
        };
        let file = SocketFile(path.to_owned());
        listener.set_nonblocking(true)?;
        fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?;
        Ok(Self(listener, Some(file)))
    }

    /// The same socket once more; its file stays when this one is dropped.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn share(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?, None))
    }
}

impl Listener {
    /// A socket of this machine; within a runtime.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn open(BoundSocket(listener, file): BoundSocket) -> io::Result<Self> {
        Ok(Self { bound: Bound::Unix(UnixListener::from_std(listener)?, file), tls: None })
    }

    /// With TLS, if that is given.
    #[must_use]
    pub fn with_tls(self, tls: Option<Arc<Server>>) -> Self {
        Self { tls, ..self }
    }

    /// The handshake that is made here, if there is one.
    pub(super) fn tls(&self) -> Option<Arc<Server>> {
        self.tls.clone()
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> io::Result<(Socket, PeerAddress)> {
        match &self.bound {
            Bound::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // Small frames of a watch must not wait for one another.
                let _ = stream.set_nodelay(true);
                Ok((Either::Left(stream), PeerAddress(Some(address.ip()))))
            }
            Bound::Unix(listener, _file) => {
                let (stream, _unnamed) = listener.accept().await?;
                Ok((Either::Right(stream), PeerAddress(None)))
            }
        }
    }
}

/// Whether a socket was left by a process that is gone.
fn is_left(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|stat| stat.file_type().is_socket());
    let connected = net::UnixStream::connect(path);
    is_socket && connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// Waits until a peer speaks, and makes the handshake, if there is one to make; nothing when it fails, and
/// none of that is a fault of the server's.
pub(super) async fn greet(
    socket: Socket,
    tls: Option<Arc<Server>>,
    guarded: impl FnOnce(Socket) -> StallTimeout,
) -> Option<GreetedSocket> {
    let mut first = [0];
    match &socket {
        Either::Left(stream) if stream.peek(&mut first).await.ok()? == 0 => return None,
        Either::Left(_) => {}
        Either::Right(stream) => stream.readable().await.ok()?,
    }
    let Some(tls) = tls else { return Some(Either::Left(guarded(socket))) };
    let mut socket = guarded(socket);
    if first != [HANDSHAKE] {
        let _ = socket.write_all(SPEAKS_TLS).await;
        return None;
    }
    match setup(&tls).accept(socket, false).await {
        Ok(stream) => Some(Either::Right(Box::new(stream))),
        Err(error) => {
            tracing::debug!(%error, "a TLS handshake failed");
            None
        }
    }
}

/// TLS as its files are now: a certificate that was renewed counts from the next handshake on.
pub(crate) fn setup(tls: &Server) -> Arc<Setup> {
    let (setup, news) = tls.current();
    match news {
        None => {}
        Some(Ok(())) => tracing::info!(ends_s = setup.ends(), "read the changed certificates"),
        Some(Err(error)) => {
            tracing::warn!(%error, "cannot use the changed certificates; those before stay in use");
        }
    }
    setup
}
