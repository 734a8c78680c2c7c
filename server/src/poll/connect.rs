//! Connecting: the kept connection if there is one, else a new one to the first address that
//! accepts. Knows addresses and sockets, not what is said over them.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use roundsman_pki::cause::{Cause, TlsError};
use rustix::net::{AddressFamily, SocketType, netdevice::name_to_index, socket};
use tokio::{net::TcpStream, time::timeout};

use super::{
    PollContext,
    classify::Fault,
    connection::Connection,
    dial::{DialError, DialErrors},
    job::{Answered, Job, PollRequest},
    link::{Destination, Encrypted, Link, LinkConnection},
    own::{self, Descriptors},
    trace::{PollStep, Trace},
    wire::Wire,
};
use crate::{
    model::{Address, split_zone},
    units::{Micros, Mono},
};

/// The most socket addresses of one name that are tried.
pub const MAX_SOCKET_ADDRESSES: usize = 8;

/// The layer under the retry: hands the request on with a connection.
#[derive(Clone)]
pub(super) struct Connect<S> {
    pub(super) shared: Arc<PollContext>,
    pub(super) inner: S,
}

impl<S> tower::Service<PollRequest> for Connect<S>
where
    S: tower::Service<Connected, Response = Answered, Error = Fault> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Answered;
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Answered, Fault>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: PollRequest) -> Self::Future {
        // The clone stays; the one that said it is ready goes.
        let standby = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, standby);
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let PollRequest { job, trace, until, check_first: _ } = request;
            let line = shared.reach(&job.link, trace, until).await?;
            inner.call(Connected { job, line }).await
        })
    }
}

/// A job that has its connection.
pub(super) struct Connected {
    pub(super) job: Job,
    pub(super) line: PollConnection,
}

/// A connection in use by one poll.
pub(super) struct PollConnection {
    pub(super) link: Arc<Link>,
    pub(super) kept: LinkConnection,
    pub(super) trace: Arc<Trace>,
    pub(super) until: Mono,
}

impl PollContext {
    /// The link's kept connection, or a new one.
    pub(super) async fn reach(
        &self,
        link: &Arc<Link>,
        trace: Arc<Trace>,
        until: Mono,
    ) -> Result<PollConnection, Fault> {
        let (kept, was_kept) = match link.kept() {
            Some(kept) => (kept, true),
            None => (self.open(link, &trace, until).await?, false),
        };
        trace.connected(&kept, was_kept);
        Ok(PollConnection { link: Arc::clone(link), kept, trace, until })
    }

    /// Opens a connection to the first of the host's addresses that accepts one.
    async fn open(&self, link: &Link, trace: &Trace, until: Mono) -> Result<LinkConnection, Fault> {
        let destinations = link.destinations();
        let mut failed = Vec::new();
        for (tried, (index, to)) in destinations.iter().enumerate() {
            trace.read().address = Some(Arc::clone(&to.text));
            let now = self.clock.now().mono;
            let left = until.since(now) / count(destinations.len() - tried);
            match self.dial(link, to, trace, now.plus(left)).await {
                Ok(connection) => {
                    return Ok(link.keep(connection, *index, Arc::clone(&to.text)));
                }
                Err(error) => failed.push(error),
            }
        }
        Err(Fault::Dial(DialErrors(failed)))
    }

    /// Resolves and connects to one address before `until`. Each step has a share of what is left,
    /// so that one dead address does not eat the time of the next.
    async fn dial(
        &self,
        link: &Link,
        to: &Destination,
        trace: &Trace,
        until: Mono,
    ) -> Result<Connection, DialError> {
        let text = || Arc::clone(&to.text);
        let origin = origin(to).ok_or_else(|| DialError::NotAnAddress { address: text() })?;
        let sockets = self.sockets(to, trace, until).await?;
        let mut failed = DialError::Resolve {
            address: text(),
            source: io::Error::new(io::ErrorKind::NotFound, "the name has no address"),
        };
        for (tried, socket) in sockets.iter().enumerate() {
            let now = self.clock.now().mono;
            trace.enter(PollStep::Connect, now);
            let share = until.since(now) / count(sockets.len() - tried);
            let after = share.min(self.limits.connect_timeout);
            failed = match timeout(after, self.connect(to, *socket)).await {
                Ok(Ok(tcp)) => {
                    match self.start(link, to, *socket, tcp, origin.clone(), after).await {
                        Ok(connection) => return Ok(connection),
                        Err(error) => error,
                    }
                }
                Ok(Err(error)) => error,
                Err(_) => {
                    DialError::NoAnswer { address: text(), socket: *socket, after: after.into() }
                }
            };
        }
        Err(failed)
    }

    /// The socket addresses of a destination: at once when it is an IP address, else the resolver's.
    async fn sockets(
        &self,
        to: &Destination,
        trace: &Trace,
        until: Mono,
    ) -> Result<Vec<SocketAddr>, DialError> {
        let (host, port) = (&to.address.host, to.address.port);
        let unknown = |source| DialError::Resolve { address: Arc::clone(&to.text), source };
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        if let Some((ip, zone)) = split_zone(host) {
            return Ok(vec![on_interface(ip, zone, port).map_err(unknown)?]);
        }
        let now = self.clock.now().mono;
        trace.enter(PollStep::Resolve, now);
        let after = until.since(now).min(self.limits.connect_timeout);
        let mut sockets = match timeout(after, self.resolver.resolve(Arc::clone(host), port)).await
        {
            Ok(Ok(sockets)) => sockets,
            Ok(Err(source)) if own::is_own_look_up(&source) => {
                return Err(DialError::OwnResolve { address: Arc::clone(&to.text), source });
            }
            Ok(Err(source)) => return Err(unknown(source)),
            Err(_) => {
                let address = Arc::clone(&to.text);
                return Err(DialError::ResolveTimeout { address, after: after.into() });
            }
        };
        sockets.truncate(MAX_SOCKET_ADDRESSES);
        Ok(sockets)
    }

    async fn connect(&self, to: &Destination, socket: SocketAddr) -> Result<TcpStream, DialError> {
        let tcp = TcpStream::connect(socket)
            .await
            .map_err(|source| DialError::connect(to, socket, source))?;
        Descriptors::now().admit(&tcp).map_err(|used_up| DialError::Own {
            address: Arc::clone(&to.text),
            socket,
            source: io::Error::other(used_up),
        })?;
        // A poll is one small request and one answer: nothing to gather. Fails only on a socket
        // that is dead already, which HTTP/2 then finds out.
        let _dead = tcp.set_nodelay(true);
        Ok(tcp)
    }

    /// Makes a connection of a socket: encrypts it, where the link is, within `after`.
    async fn start(
        &self,
        link: &Link,
        to: &Destination,
        socket: SocketAddr,
        tcp: TcpStream,
        origin: Uri,
        after: Duration,
    ) -> Result<Connection, DialError> {
        let text = || Arc::clone(&to.text);
        let wire = match link.encryption() {
            None => Wire::Left(tcp),
            Some(encrypted) => self.encrypt(encrypted, to, socket, tcp, after).await?,
        };
        Connection::start(wire, origin, self.limits.keep_alive).await.map_err(|peer| {
            match peer.refused() {
                Some(source) => DialError::Tls { address: text(), socket, source },
                None => DialError::Closed { address: text(), socket },
            }
        })
    }

    async fn encrypt(
        &self,
        encrypted: &Encrypted,
        to: &Destination,
        socket: SocketAddr,
        tcp: TcpStream,
        after: Duration,
    ) -> Result<Wire, DialError> {
        let text = || Arc::clone(&to.text);
        let trust = encrypted.trust.get_or_init(|| self.trusts.of(&encrypted.tls.files));
        let setup = trust.setup(self.clock.now().mono).await;
        let setup = setup.map_err(|source| DialError::Certificates { address: text(), source })?;
        let handshake = setup.connect(tcp, encrypted.name.as_deref());
        let ended = timeout(after, handshake).await.unwrap_or_else(|_over| {
            let words =
                format!("the peer did not finish the handshake within {}", Micros::from(after));
            Err(TlsError::new(Cause::Silent, words))
        });
        let stream = ended.map_err(|source| DialError::Tls { address: text(), socket, source })?;
        Ok(Wire::Right(Box::new(stream)))
    }
}

/// Who is asked, in every call's `:authority`. An interface is this machine's own name for it, and
/// stays out (RFC 6874 section 4).
fn origin(to: &Destination) -> Option<Uri> {
    let Some((ip, _)) = split_zone(&to.address.host) else {
        return Uri::try_from(format!("http://{}", to.text)).ok();
    };
    let bare = Address { host: ip.into(), port: to.address.port };
    Uri::try_from(format!("http://{bare}")).ok()
}

/// An address on one of this machine's interfaces, by its name or number (RFC 4007 section 11.2).
/// Looked up each time: an interface that went and came has another number.
fn on_interface(ip: &str, zone: &str, port: u16) -> io::Result<SocketAddr> {
    let ip: Ipv6Addr = ip.parse().map_err(io::Error::other)?;
    let index = match zone.parse() {
        Ok(number) => number,
        // ioctl_iface(7) wants a socket, of whatever kind.
        Err(_) => socket(AddressFamily::UNIX, SocketType::DGRAM, None)
            .and_then(|any| name_to_index(any, zone))
            .map_err(|error| {
                io::Error::other(format!("this machine has no interface {zone} ({error})"))
            })?,
    };
    Ok(SocketAddrV6::new(ip, port, 0, index).into())
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX).max(1)
}
