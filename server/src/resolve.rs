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
    path::Path,
    pin::pin,
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
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::op::ResponseCode,
    system_conf::parse_resolv_conf,
};
use roundsman_os::file;
use tokio::{net::TcpStream, task::spawn_blocking, time::timeout};

use crate::model::unfit;

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

/// How long the addresses of one family wait for those of the other. RFC 8305 section 3 says 50 ms;
/// name servers across a slow link get as much again. Some middle boxes never answer for AAAA.
pub const SECOND_FAMILY: Duration = Duration::from_millis(100);

/// Where the name servers stand, resolv.conf(5).
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// The largest resolv.conf that is read, bytes.
pub const MAX_RESOLV_CONF_BYTES: u64 = 64 << 10;

/// Names that need no server, hosts(5).
const HOSTS: &str = "/etc/hosts";

/// Turns a name into socket addresses. [`HostResolver`] is the one that asks the network.
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
pub struct HostResolver {
    kept: Arc<ResolverCache>,
}

impl fmt::Debug for HostResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").field("servers", &self.kept.servers).finish_non_exhaustive()
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

/// One resolver per family: one of both gives nothing until both have answered.
#[derive(Clone)]
struct Families {
    v4: TokioResolver,
    v6: TokioResolver,
    /// No name server is named anywhere: that of this machine is asked, if it has one.
    is_assumed: bool,
}

struct ResolverCache {
    servers: Vec<SocketAddr>,
    made: Mutex<Option<(Stamps, Families)>>,
}

impl ResolverCache {
    /// The resolvers, made anew when one of the files has changed. Blocks on the file system.
    fn families(&self) -> io::Result<Families> {
        let stamps = [stamp(RESOLV_CONF), stamp(HOSTS)];
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, families)) = made.as_ref()
            && *of == stamps
        {
            return Ok(families.clone());
        }
        let text = match read_conf(Path::new(RESOLV_CONF)) {
            // Other servers are asked: what it says of search domains is missed, no more.
            Err(_) if !self.servers.is_empty() => Vec::new(),
            read => read?,
        };
        let one = |family| build(&text, &self.servers, family);
        let families = Families {
            v4: one(LookupIpStrategy::Ipv4Only)?,
            v6: one(LookupIpStrategy::Ipv6Only)?,
            is_assumed: self.servers.is_empty() && parse_resolv_conf(&text).is_err(),
        };
        *made = Some((stamps, families.clone()));
        Ok(families)
    }
}

/// The text of a resolv.conf; one that is not there names nothing.
fn read_conf(path: &Path) -> io::Result<Vec<u8>> {
    match file::read(path, MAX_RESOLV_CONF_BYTES) {
        Ok((text, _)) => Ok(text),
        Err(error) if error.is_missing() => Ok(Vec::new()),
        // Where no name server can be asked: this machine's own trouble, not a host's.
        Err(error) => {
            let words = format!("{}: {error}", path.display());
            Err(io::Error::new(io::ErrorKind::NotConnected, words))
        }
    }
}

impl HostResolver {
    /// Asks these name servers, or those of `/etc/resolv.conf` when there are none. Reads nothing
    /// yet: both files are read when a name is asked for, and anew when they have changed.
    #[must_use]
    pub fn new(servers: Vec<SocketAddr>) -> Arc<Self> {
        Arc::new(Self { kept: Arc::new(ResolverCache { servers, made: Mutex::new(None) }) })
    }
}

#[async_trait]
impl Resolve for HostResolver {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let kept = Arc::clone(&self.kept);
        let families =
            spawn_blocking(move || kept.families()).await.map_err(io::Error::other)??;
        let asked = both(addresses(&families.v4, host), addresses(&families.v6, host));
        let found = match families.is_assumed && nobody_is_asked().await {
            // Only /etc/hosts can tell, which it does at once.
            true => {
                let found = timeout(SECOND_FAMILY, asked).await;
                found.ok().and_then(Result::ok).ok_or_else(none_named)?
            }
            false => asked.await?,
        };
        let fit = fit(found)?;
        Ok(fit.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }
}

/// Whether this machine, which is asked where no name server is named, has none of its own: nothing
/// listens on the port on which every name server must (RFC 7766 section 5).
async fn nobody_is_asked() -> bool {
    let tried = TcpStream::connect((Ipv4Addr::LOCALHOST, 53)).await;
    tried.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

fn none_named() -> io::Error {
    let words = "no name server is named in /etc/resolv.conf or `resolve.servers`, and this machine has \
                 none of its own";
    io::Error::new(io::ErrorKind::NotConnected, words)
}

/// The addresses of one family.
async fn addresses(resolver: &TokioResolver, host: &str) -> io::Result<Vec<IpAddr>> {
    let found = resolver.lookup_ip(host).await;
    let found = found.map_err(told)?;
    Ok(found.iter().collect())
}

/// What both families bring, IPv4 first. Once one has brought addresses, the other has
/// [`SECOND_FAMILY`] to bring its own.
///
/// # Errors
/// What was said of IPv4, when neither brings any.
async fn both(
    v4: impl Future<Output = io::Result<Vec<IpAddr>>>,
    v6: impl Future<Output = io::Result<Vec<IpAddr>>>,
) -> io::Result<Vec<IpAddr>> {
    let (mut v4, mut v6) = (pin!(v4), pin!(v6));
    let is_some = |found: &io::Result<Vec<IpAddr>>| found.as_ref().is_ok_and(|all| !all.is_empty());
    let (first, second) = tokio::select! {
        biased;
        found = &mut v4 => match is_some(&found) {
            true => (found, timeout(SECOND_FAMILY, v6).await.unwrap_or(Ok(Vec::new()))),
            false => (found, v6.await),
        },
        found = &mut v6 => match is_some(&found) {
            true => (timeout(SECOND_FAMILY, v4).await.unwrap_or(Ok(Vec::new())), found),
            false => (v4.await, found),
        },
    };
    match (first, second) {
        (Ok(mut all), Ok(more)) => {
            all.extend(more);
            Ok(all)
        }
        (Ok(all), Err(_)) | (Err(_), Ok(all)) if !all.is_empty() => Ok(all),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// Those at which a host can be; a blocking name server says 0.0.0.0, and this machine would answer.
fn fit(found: Vec<IpAddr>) -> io::Result<Vec<IpAddr>> {
    let why = found.iter().find_map(|ip| unfit(*ip));
    let fit: Vec<IpAddr> = found.into_iter().filter(|ip| unfit(*ip).is_none()).collect();
    match why {
        Some(why) if fit.is_empty() => Err(io::Error::new(io::ErrorKind::AddrNotAvailable, why)),
        _ => Ok(fit),
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
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            let name = none.query.name().to_ascii();
            let name = name.trim_end_matches('.');
            io::Error::new(
                io::ErrorKind::NotFound,
                match none.response_code {
                    ResponseCode::NXDomain => format!("DNS knows no name {name}"),
                    ResponseCode::NoError => format!("DNS has no address for {name}"),
                    code => format!("a name server cannot tell the address of {name}: {code}"),
                },
            )
        }
        _ => io::Error::other(error.to_string()),
    }
}

/// A resolver by the text of a resolv.conf, with other servers than it names when there are some.
fn build(
    text: &[u8],
    servers: &[SocketAddr],
    family: LookupIpStrategy,
) -> io::Result<TokioResolver> {
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
    *builder.options_mut() = bounded(given, family);
    builder.build().map_err(|error| io::Error::other(error.to_string()))
}

fn options() -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.timeout = TIMEOUT;
    options
}

/// What is ours to say, over what resolv.conf says.
fn bounded(mut options: ResolverOpts, family: LookupIpStrategy) -> ResolverOpts {
    options.ip_strategy = family;
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

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use hickory_resolver::{
        net::NoRecords,
        proto::{op::Query, rr::RecordType},
    };

    use super::*;

    fn ips(all: &[&str]) -> Vec<IpAddr> {
        all.iter().map(|ip| ip.parse().unwrap()).collect()
    }

    fn unknown(words: &str) -> io::Result<Vec<IpAddr>> {
        Err(io::Error::other(words.to_owned()))
    }

    #[tokio::test(start_paused = true)]
    #[expect(clippy::disallowed_methods, reason = "the test's own paused clock")]
    async fn a_family_that_never_answers_does_not_cost_the_other() {
        let begun = tokio::time::Instant::now();
        let (v4, v6) = (ips(&["10.0.0.1"]), ips(&["fd00::1"]));
        assert_eq!(both(ready(Ok(v4.clone())), pending()).await.unwrap(), v4);
        assert_eq!(both(pending(), ready(Ok(v6.clone()))).await.unwrap(), v6);
        assert_eq!(begun.elapsed(), SECOND_FAMILY * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn both_families_are_given_ipv4_first() {
        let late = |found: io::Result<Vec<IpAddr>>, ms| async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            found
        };
        let (v4, v6) = (|| Ok(ips(&["10.0.0.1"])), || Ok(ips(&["fd00::1"])));
        let all = ips(&["10.0.0.1", "fd00::1"]);
        assert_eq!(both(late(v4(), 60), late(v6(), 0)).await.unwrap(), all);
        assert_eq!(both(late(v4(), 0), late(v6(), 60)).await.unwrap(), all);
        // What is said of a family that has none does not start the wait.
        assert_eq!(both(late(unknown("v4"), 0), late(v6(), 900)).await.unwrap(), ips(&["fd00::1"]));
        assert_eq!(
            both(late(Ok(Vec::new()), 0), late(v6(), 900)).await.unwrap(),
            ips(&["fd00::1"])
        );
        let neither = both(late(unknown("v4"), 9), late(unknown("v6"), 0)).await.unwrap_err();
        assert_eq!(neither.to_string(), "v4");
        let neither = both(late(unknown("v4"), 0), late(Ok(Vec::new()), 9)).await.unwrap_err();
        assert_eq!(neither.to_string(), "v4");
    }

    #[test]
    fn a_resolv_conf_is_read_up_to_its_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("resolv.conf");
        assert_eq!(read_conf(&path).unwrap(), b"", "none is there");
        let most = usize::try_from(MAX_RESOLV_CONF_BYTES).unwrap();
        fs::write(&path, "#".repeat(most)).unwrap();
        assert_eq!(read_conf(&path).unwrap().len(), most);
        fs::write(&path, "#".repeat(most + 1)).unwrap();
        let error = read_conf(&path).unwrap_err().to_string();
        assert!(error.contains("resolv.conf"), "{error}");
    }

    #[test]
    fn a_name_that_dns_does_not_have_is_said_in_words() {
        let query = Query::query("nosuchhost.example.".parse().unwrap(), RecordType::A);
        for (code, expected) in [
            (ResponseCode::NXDomain, "DNS knows no name nosuchhost.example"),
            (ResponseCode::NoError, "DNS has no address for nosuchhost.example"),
            (ResponseCode::ServFail, "a name server cannot tell the address of nosuchhost.example"),
        ] {
            let none = NoRecords::new(Box::new(query.clone()), code);
            let said = told(NetError::Dns(DnsError::NoRecordsFound(none))).to_string();
            assert!(said.starts_with(expected), "{said}");
            assert!(!said.contains("Query"), "{said}");
        }
    }

    #[test]
    fn a_host_is_at_none_of_the_addresses_of_a_blocking_name_server() {
        let sunk = fit(ips(&["0.0.0.0", "::"])).unwrap_err().to_string();
        assert!(sunk.starts_with("0.0.0.0 is no address of a host"), "{sunk}");
        assert_eq!(fit(ips(&["0.0.0.0", "10.0.0.1", "fe80::1"])).unwrap(), ips(&["10.0.0.1"]));
        assert_eq!(fit(Vec::new()).unwrap(), ips(&[]));
    }
}
