//! What is wrong with this machine, not with the host: errors of connect(2) that no packet can cause,
//! and the descriptors that polls leave to the rest of the server.
//!
//! Pure but for [`Descriptors::now`] and [`has_route`], which read what the kernel says of this process.

use std::{io, net::SocketAddr, os::fd::AsRawFd, path::Path};

use roundsman_os::file;
use rustix::{
    io::Errno,
    process::{Resource, getrlimit},
};

/// The most descriptors that polls leave to HTTP, gRPC, the store and files.
pub const MAX_RESERVED_DESCRIPTORS: u64 = 64;

/// Of a small limit of descriptors, one part of so many is left to them.
pub const RESERVED_DESCRIPTORS_PART: u64 = 8;

/// Whether an error of connecting to `to` is this machine's own.
///
/// A peer and the network between can cause only what a packet, or its absence, can say: what the
/// kernel makes of a reset and of ICMP (`icmp_err_convert` in `net/ipv4/icmp.c`, `tab_unreach` in
/// `net/ipv6/icmp.c`), and of no answer. EINVAL is the address's fault: a link-local one without its
/// interface. Everything else (EMFILE, ENOMEM, EADDRNOTAVAIL, EPERM of a firewall here ...) was decided
/// before a packet left. ENETUNREACH can be both, so it counts as ours only without any route.
pub(super) fn is_own(error: &io::Error, to: SocketAddr, has_route: impl FnOnce() -> bool) -> bool {
    let Some(errno) = Errno::from_io_error(error) else { return false };
    match errno {
        Errno::NETUNREACH => !has_route(),
        // ICMPv6 says so of a policy on the way; ICMP has no such word.
        Errno::ACCESS => to.is_ipv4(),
        Errno::CONNREFUSED
        | Errno::CONNRESET
        | Errno::CONNABORTED
        | Errno::PIPE
        | Errno::TIMEDOUT
        | Errno::HOSTUNREACH
        | Errno::HOSTDOWN
        | Errno::NONET
        | Errno::NOPROTOOPT
        | Errno::OPNOTSUPP
        | Errno::PROTO
        | Errno::MSGSIZE
        | Errno::INVAL => false,
        _ => true,
    }
}

/// Whether an error of a look-up is this machine's own: no name server could even be asked.
pub(super) fn is_own_look_up(error: &io::Error) -> bool {
    let any = [SocketAddr::from(([0; 4], 0)), SocketAddr::from(([0_u16; 8], 0))];
    error.kind() == io::ErrorKind::NotConnected
        || is_own(error, any[0], || any.into_iter().any(has_route))
}

/// The most that is read of a table of routes, bytes; a longer one has a route that leads off.
const MAX_ROUTES_BYTES: u64 = 256 * 1024;

/// Whether this machine has a route of the address's kind that leads off it: proc(5), `net/route` and
/// `net/ipv6_route`. Unreadable counts as yes: then nothing is excused.
pub(super) fn has_route(to: SocketAddr) -> bool {
    match to {
        SocketAddr::V4(_) => any_line(Path::new("/proc/self/net/route"), leads_off_v4),
        SocketAddr::V6(_) => any_line(Path::new("/proc/self/net/ipv6_route"), leads_off_v6),
    }
}

/// Whether it is so of a line; also where the file cannot be read, or is longer than is read of it.
fn any_line(of: &Path, is_so: fn(&str) -> bool) -> bool {
    file::read_text(of, MAX_ROUTES_BYTES).map_or(true, |text| text.lines().any(is_so))
}

/// A line of `net/route`: interface, destination ...; the first is a heading.
fn leads_off_v4(line: &str) -> bool {
    let interface = line.split_ascii_whitespace().next();
    interface.is_some_and(|name| name != "Iface" && name != "lo")
}

/// A line of `net/ipv6_route`: destination first, interface last. Every interface that is up has
/// link-local and multicast routes, which lead nowhere beyond it.
fn leads_off_v6(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    let local = |to: &str| to.starts_with("fe80") || to.starts_with("ff");
    match (words.next(), words.next_back()) {
        (Some(to), Some(interface)) => interface != "lo" && !local(to),
        _ => false,
    }
}

/// How many descriptors this process may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Descriptors {
    /// The soft limit; none is without limit.
    limit: Option<u64>,
}

/// A descriptor that is left to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "file descriptors are used up: of {limit} the last {reserved} are kept for HTTP, gRPC and the \
     store; raise LimitNOFILE (systemd), --ulimit nofile (Docker) or `ulimit -Hn`"
)]
pub struct DescriptorsExhausted {
    limit: u64,
    reserved: u64,
}

impl Descriptors {
    /// As it is now: it can be changed from outside (prlimit(1)).
    pub(super) fn now() -> Self {
        Self { limit: getrlimit(Resource::Nofile).current }
    }

    /// Whether a poll may keep this descriptor. The kernel gives the lowest number that is free
    /// (open(2)), so one among the last says that all below are taken, whatever for.
    pub(super) fn admit(self, descriptor: &impl AsRawFd) -> Result<(), DescriptorsExhausted> {
        let Some(limit) = self.limit else { return Ok(()) };
        let reserved = (limit / RESERVED_DESCRIPTORS_PART).min(MAX_RESERVED_DESCRIPTORS);
        let number = u64::try_from(descriptor.as_raw_fd()).unwrap_or(0);
        if number < limit - reserved {
            Ok(())
        } else {
            Err(DescriptorsExhausted { limit, reserved })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of a router would be read at each poll that fails.
    #[test]
    fn a_table_of_routes_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("route");
        let lines = |bytes: u64| "lo\t00000000\n".repeat(usize::try_from(bytes / 12).unwrap());
        std::fs::write(&table, lines(MAX_ROUTES_BYTES)).unwrap();
        assert!(!any_line(&table, leads_off_v4));
        std::fs::write(&table, lines(MAX_ROUTES_BYTES + 12)).unwrap();
        assert!(any_line(&table, leads_off_v4));
        assert!(any_line(&folder.path().join("none"), leads_off_v4));
    }

    const V4: &str = "192.0.2.1:50051";
    const V6: &str = "[2001:db8::1]:50051";

    #[test]
    fn only_what_a_packet_can_say_is_the_hosts() {
        let own = |errno: Errno, to: &str, route| {
            let error = io::Error::from(errno);
            is_own(&error, to.parse().unwrap(), || route)
        };
        for (errno, v4, v6) in [
            (Errno::MFILE, true, true),
            (Errno::NFILE, true, true),
            (Errno::NOMEM, true, true),
            (Errno::NOBUFS, true, true),
            (Errno::ADDRNOTAVAIL, true, true),
            (Errno::ADDRINUSE, true, true),
            (Errno::AGAIN, true, true),
            (Errno::PERM, true, true),
            (Errno::NETDOWN, true, true),
            (Errno::AFNOSUPPORT, true, true),
            // A router's word over IPv6 alone.
            (Errno::ACCESS, true, false),
            (Errno::CONNREFUSED, false, false),
            (Errno::CONNRESET, false, false),
            (Errno::TIMEDOUT, false, false),
            (Errno::HOSTUNREACH, false, false),
            (Errno::HOSTDOWN, false, false),
            (Errno::NONET, false, false),
            (Errno::NOPROTOOPT, false, false),
            (Errno::OPNOTSUPP, false, false),
            (Errno::MSGSIZE, false, false),
            (Errno::INVAL, false, false),
        ] {
            assert_eq!((own(errno, V4, true), own(errno, V6, true)), (v4, v6), "{errno:?}");
        }
        assert!(!own(Errno::NETUNREACH, V4, true), "no way to this one alone");
        assert!(own(Errno::NETUNREACH, V4, false), "no way to anywhere");
        let unknown = io::Error::other("the resolver's words");
        assert!(!is_own(&unknown, V4.parse().unwrap(), || false));
    }

    #[test]
    fn routes_that_lead_off_the_machine_are_told_from_those_that_do_not() {
        const HEAD: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask";
        let v4 = |text: &str| text.lines().any(leads_off_v4);
        assert!(!v4(HEAD));
        assert!(!v4(&format!("{HEAD}\nlo\t0000007F\t00000000\t0001\t0\t0\t0\t000000FF")));
        assert!(v4(&format!("{HEAD}\neth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000")));
        let v6 = |to: &str, interface: &str| {
            let zero = "0".repeat(32);
            leads_off_v6(&format!("{to} 40 {zero} 00 {zero} 00000100 1 0 00000001 {interface}"))
        };
        let default = "0".repeat(32);
        assert!(v6(&default, "eth0"));
        assert!(!v6(&default, "lo"), "the kernel's own reject route");
        assert!(!v6("fe800000000000000000000000000000", "eth0"));
        assert!(!v6("ff000000000000000000000000000000", "eth0"));
        assert!(!leads_off_v6(""));
    }

    #[test]
    fn the_last_descriptors_are_left_to_others() {
        struct Numbered(i32);
        impl AsRawFd for Numbered {
            fn as_raw_fd(&self) -> i32 {
                self.0
            }
        }
        let admits = |limit, number| Descriptors { limit }.admit(&Numbered(number)).is_ok();
        // An eighth of a small limit, 64 of a large one.
        assert!(admits(Some(80), 69));
        assert!(!admits(Some(80), 70));
        assert!(admits(Some(1_024), 959));
        assert!(!admits(Some(1_024), 960));
        assert!(admits(Some(1_000_000), 999_935));
        assert!(!admits(Some(1_000_000), 999_936));
        assert!(admits(None, i32::MAX));
        let words = Descriptors { limit: Some(80) }.admit(&Numbered(75)).unwrap_err().to_string();
        assert!(words.starts_with("file descriptors are used up: of 80 the last 10"), "{words}");
    }
}
