//! Names to addresses, in Rust alone: by `/etc/hosts` and the name servers of `/etc/resolv.conf`, as
//! resolv.conf(5) and hosts(5) describe them, or by name servers of one's own.
//!
//! getaddrinfo(3) loads NSS libraries while the program runs, and a static binary in an empty root
//! has none: there it knows no name at all. What getaddrinfo(3) knows beside the two files (LDAP,
//! mDNS, systemd's own names) is not known here.
//!
//! It must not know who asks: polling, discovery and the store look up their names here.

use std::{
    fmt, fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::fs::MetadataExt as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use hickory_resolver::{
    Resolver, TokioResolver,
    config::{
        ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
        ResolverOpts,
    },
    net::{NetError, runtime::TokioRuntimeProvider},
    system_conf::parse_resolv_conf,
};

/// The longest that an answer is kept, whatever its TTL: Docker says 600 s of the tasks of a service,
/// and they move within seconds.
pub const MAX_KEPT: Duration = Duration::from_secs(2);

/// The longest that it is kept that a name does not exist: the name of a service that is just being
/// started comes any moment.
pub const MAX_KEPT_ABSENCE: Duration = Duration::from_secs(1);

/// Answers that are kept at most.
const KEPT: u64 = 1024;

/// How long one name server may take to answer, where resolv.conf does not say.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Where the name servers stand, resolv.conf(5).
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Names that need no server, hosts(5).
const HOSTS: &str = "/etc/hosts";

/// Turns a name into socket addresses. [`Names`] is the one that asks the network.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// The socket addresses of `host`, in the order in which they are to be tried.
    ///
    /// # Errors
    /// What the resolver says, when it knows none.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The resolver of this machine, or of name servers of one's own. One per runtime: its sockets
/// belong to the runtime that asked first.
pub struct Names {
    servers: Vec<SocketAddr>,
    made: Mutex<Option<(Stamps, TokioResolver)>>,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").field("servers", &self.servers).finish_non_exhaustive()
    }
}

/// What tells that a file has changed: where it is, how long, and when it was written.
type Stamp = Option<(u64, u64, i64, i64)>;

/// Of resolv.conf and of hosts.
type Stamps = [Stamp; 2];

fn stamp(path: &str) -> Stamp {
    let meta = fs::metadata(path).ok()?;
    Some((meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()))
}

impl Names {
    /// Asks these name servers, or those of `/etc/resolv.conf` when there are none. Reads nothing
    /// yet: both files are read when a name is asked for, and anew when they have changed.
    #[must_use]
    pub fn new(servers: Vec<SocketAddr>) -> Arc<Self> {
        Arc::new(Self { servers, made: Mutex::new(None) })
    }

    /// The resolver, made anew when one of the files has changed.
    fn resolver(&self) -> io::Result<TokioResolver> {
        let stamps = [stamp(RESOLV_CONF), stamp(HOSTS)];
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, resolver)) = made.as_ref()
            && *of == stamps
        {
            return Ok(resolver.clone());
        }
        let text = fs::read(RESOLV_CONF).unwrap_or_default();
        let resolver = build(&text, &self.servers)?;
        *made = Some((stamps, resolver.clone()));
        Ok(resolver)
    }
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let found = self.resolver()?.lookup_ip(host).await;
        let found = found.map_err(told)?;
        Ok(found.iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }
}

/// What the resolver says. Where it could not even ask a name server, that is the kernel's own error, or
/// `NotConnected` where hickory does not hand that on.
fn told(error: NetError) -> io::Error {
    match &error {
        NetError::Io(source) => match source.raw_os_error() {
            Some(errno) => io::Error::from_raw_os_error(errno),
            None => io::Error::other(error.to_string()),
        },
        NetError::NoConnections => {
            let words = "no name server can be asked, see resolv.conf(5) or `resolve.servers`";
            io::Error::new(io::ErrorKind::NotConnected, words)
        }
        _ => io::Error::other(error.to_string()),
    }
}

/// A resolver by the text of a resolv.conf, with other servers than it names when there are some.
fn build(text: &[u8], servers: &[SocketAddr]) -> io::Result<TokioResolver> {
    // Without a name server in the file that is the one of this machine, resolv.conf(5).
    let (config, given) = parse_resolv_conf(text).unwrap_or_else(|_none| {
        let own = NameServerConfig::udp_and_tcp(Ipv4Addr::LOCALHOST.into());
        (ResolverConfig::from_name_servers(vec![own]), options())
    });
    let (domain, search, named) = config.into_parts();
    let asked =
        if servers.is_empty() { named } else { servers.iter().copied().map(server).collect() };
    let config = ResolverConfig::from_parts(domain, search, asked);
    let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = bounded(given);
    builder.build().map_err(|error| io::Error::other(error.to_string()))
}

fn options() -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.timeout = TIMEOUT;
    options
}

/// What is ours to say, over what resolv.conf says.
fn bounded(mut options: ResolverOpts) -> ResolverOpts {
    // Both kinds of address, whole: every one of them may be a host.
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.use_hosts_file = ResolveHosts::Always;
    options.cache_size = KEPT;
    options.positive_max_ttl = Some(MAX_KEPT);
    options.negative_max_ttl = Some(MAX_KEPT_ABSENCE);
    // A name of many addresses does not fit into the 512 bytes of an answer without it.
    options.edns0 = true;
    options
}

fn server(socket: SocketAddr) -> NameServerConfig {
    let on_port = |mut connection: ConnectionConfig| {
        connection.port = socket.port();
        connection
    };
    let ways = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(on_port);
    NameServerConfig::new(socket.ip(), true, ways.into())
}
