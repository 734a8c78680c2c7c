//! Where a probe listens, as text: `db-1`, `db-1:50061`, `10.0.1.7:50061`, `[fd00::7]:50061`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{Address, split_zone, unfit};

/// The longest DNS name, bytes (RFC 1035 section 2.3.4).
const MAX_DNS_BYTES: usize = 253;
/// The longest label of a DNS name, bytes (the same).
const MAX_DNS_LABEL_BYTES: usize = 63;

/// Why a text is not an address. The text stands alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AddressError {
    #[error("an address must not be empty")]
    Empty,
    #[error("{0:?} is a URL: expected an address such as \"db-1:50051\"")]
    Url(String),
    #[error("the port of {0:?} must be between 1 and 65535")]
    Port(String),
    #[error("{0:?} is not an IPv6 address: expected \"[fd00::7]\" or \"[fd00::7]:50051\"")]
    Ipv6(String),
    #[error("{0}")]
    Unfit(String),
    #[error("{0:?}: only a link-local address (fe80::...) is on an interface; take off \"%{1}\"")]
    Zone(String, String),
    #[error("{0:?} is not an IPv4 address: expected four numbers up to 255")]
    Ipv4(String),
    #[error("{0:?} is not a DNS name: expected letters, digits, '-', '_' and '.'")]
    Dns(String),
}

/// Reads an address; `port` is for those that name none.
pub(super) fn parse(text: &str, port: u16) -> Result<Address, AddressError> {
    if text.is_empty() {
        return Err(AddressError::Empty);
    }
    if text.contains("://") || text.contains('/') {
        return Err(AddressError::Url(text.to_owned()));
    }
    let address = |host: String, port: u16| Address { host: host.into(), port };
    if let Some(inner) = text.strip_prefix('[') {
        let bad = || AddressError::Ipv6(text.to_owned());
        let (host, rest) = inner.split_once(']').ok_or_else(bad)?;
        let host = read_ipv6(host, text)?;
        let port = match rest.strip_prefix(':') {
            Some(digits) => parse_port(digits, text)?,
            None if rest.is_empty() => port,
            None => return Err(bad()),
        };
        return Ok(address(host, port));
    }
    if text.matches(':').count() > 1 {
        return Ok(address(read_ipv6(text, text)?, port));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, digits)) => (host, parse_port(digits, text)?),
        None => (text, port),
    };
    check_host(host)?;
    Ok(address(host.to_ascii_lowercase(), port))
}

/// Reads an IPv6 address; the interface of a link-local one stays with it.
fn read_ipv6(host: &str, text: &str) -> Result<String, AddressError> {
    let (ip, zone) = match split_zone(host) {
        Some((ip, zone)) => (ip, Some(zone)),
        None => (host, None),
    };
    let ip: Ipv6Addr = ip.parse().map_err(|_| AddressError::Ipv6(text.to_owned()))?;
    match zone {
        Some(zone) if ip.is_unicast_link_local() => Ok(format!("{ip}%{zone}")),
        Some(zone) => {
            fit(ip.into())?;
            Err(AddressError::Zone(text.to_owned(), zone.to_owned()))
        }
        None => fit(ip.into()).map(|()| ip.to_string()),
    }
}

fn fit(ip: IpAddr) -> Result<(), AddressError> {
    unfit(ip).map_or(Ok(()), |why| Err(AddressError::Unfit(why)))
}

fn parse_port(digits: &str, text: &str) -> Result<u16, AddressError> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    let port = plain.then(|| digits.parse().ok()).flatten().filter(|port| *port != 0);
    port.ok_or_else(|| AddressError::Port(text.to_owned()))
}

/// Checks a DNS name or an IPv4 address.
fn check_host(host: &str) -> Result<(), AddressError> {
    if host.is_empty() {
        return Err(AddressError::Empty);
    }
    // An address with a number out of range would be asked of DNS, in vain.
    if host.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        let parsed = host.parse::<Ipv4Addr>();
        let parsed = parsed.map_err(|_| AddressError::Ipv4(host.to_owned()))?;
        return fit(parsed.into());
    }
    check_dns(host)
}

/// Checks a DNS name that is not an address.
pub(super) fn check_dns(name: &str) -> Result<(), AddressError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let label = |label: &str| {
        (1..=MAX_DNS_LABEL_BYTES).contains(&label.len())
            && label.chars().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let absolute = name.strip_suffix('.').unwrap_or(name);
    let good = name.len() <= MAX_DNS_BYTES
        && absolute.split('.').all(label)
        && name.parse::<IpAddr>().is_err();
    if good { Ok(()) } else { Err(AddressError::Dns(name.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (text, expected) in [
            ("db-1", "db-1:7"),
            ("DB-1.Example.:9", "db-1.example:9"),
            ("fe80::1%eth0", "[fe80::1%eth0]:7"),
            ("[FE80::1%Eth0]:9", "[fe80::1%Eth0]:9"),
            ("fe80::1%3", "[fe80::1%3]:7"),
            ("10.0.1.7:50061", "10.0.1.7:50061"),
            ("[fd00::7]", "[fd00::7]:7"),
            ("[FD00:0::7]:65535", "[fd00::7]:65535"),
            ("fd00::7", "[fd00::7]:7"),
            ("tasks_probe", "tasks_probe:7"),
        ] {
            assert_eq!(parse(text, 7).map(|a| a.to_string()), Ok(expected.to_owned()));
        }
    }

    #[test]
    fn an_address_says_why_no_host_is_there() {
        for (text, words) in [
            ("0.0.0.0", "0.0.0.0 is no address of a host: it stands for any address of one's own"),
            ("[::]:50051", ":: is no address of a host: it stands for any address of one's own"),
            (
                "::ffff:0.0.0.0",
                "::ffff:0.0.0.0 is no address of a host: it stands for any address of one's own",
            ),
            (
                "255.255.255.255:1",
                "255.255.255.255 is no address of a host: it is the broadcast address",
            ),
            ("ff02::1%eth0", "ff02::1 is no address of a host: it is a multicast address"),
            ("224.0.0.1", "224.0.0.1 is no address of a host: it is a multicast address"),
            (
                "fe80::1",
                "fe80::1 is a link-local address, which needs its interface: \"fe80::1%eth0\"",
            ),
            (
                "fd00::7%eth0",
                "\"fd00::7%eth0\": only a link-local address (fe80::...) is on an \
             interface; take off \"%eth0\"",
            ),
        ] {
            assert_eq!(parse(text, 7).unwrap_err().to_string(), words, "{text}");
        }
    }

    #[test]
    fn bad_addresses_are_refused() {
        for text in [
            "",
            ":1",
            "a:",
            "a:0",
            "a:65536",
            "a:+5",
            "a:b",
            "10.0.1.300",
            "10.0.1",
            "[fd00::7",
            "[fd00::7]x",
            "[web]:1",
            "a b",
            "-a",
            "a-",
            "a..b",
            "http://a",
            "a/b",
            "fd00::g",
            "é",
            &"a".repeat(64),
            &["abc"; 80].join("."),
        ] {
            assert!(parse(text, 7).is_err(), "{text}");
        }
    }
}
