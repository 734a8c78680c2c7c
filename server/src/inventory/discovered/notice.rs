//! What discovery tells the operator, each of it once.

use std::{fmt, net::IpAddr};

use crate::{inventory::MAX_HOSTS, model::HostName};

/// Something that the operator should know, once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiscoveryWarning {
    /// Two machines call themselves the same.
    SameHostname {
        /// What both are called.
        hostname: HostName,
        /// What the second is called here.
        name: HostName,
    },
    /// A discovered machine is in the file, too.
    Listed {
        /// The host of the file.
        name: HostName,
        /// Where it was found.
        address: IpAddr,
    },
    /// One machine answers at several addresses of a name.
    SeveralAddresses {
        /// Its name.
        name: HostName,
        /// Where it is polled.
        polled: IpAddr,
        /// Where it answers, too.
        also: Vec<IpAddr>,
        /// Whether these are several machines, of one image whose id was copied with it.
        copied: bool,
    },
    /// A probe that says neither a machine id nor a hostname.
    Nameless {
        /// Where.
        address: IpAddr,
    },
    /// There is no room for another host.
    Full {
        /// Where it would be polled.
        address: IpAddr,
    },
    /// A host is given up.
    Forgotten {
        /// Its name.
        name: HostName,
    },
}

impl fmt::Display for DiscoveryWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameHostname { hostname, name } => write!(
                f,
                "two machines call themselves {hostname}: the other one is {name} here; \
                 give them different hostnames"
            ),
            Self::Listed { name, address } => write!(
                f,
                "the machine at {address} is host {name} of the inventory file, which applies"
            ),
            Self::SeveralAddresses { name, polled, also, copied } => {
                write!(f, "{name} answers at several addresses; polled at {polled}, not at")?;
                also.iter().try_for_each(|address| write!(f, " {address}"))?;
                let words = if *copied {
                    "; these are different machines with one machine-id, copied with their image: \
                     make /etc/machine-id anew on each, or all but one are not watched"
                } else {
                    ""
                };
                f.write_str(words)
            }
            Self::Nameless { address } => write!(
                f,
                "the probe at {address} knows neither its machine id nor its hostname: no host; \
                 see `roundsman-probe doctor` there"
            ),
            Self::Full { address } => write!(
                f,
                "no room for the machine at {address}: an inventory has at most {MAX_HOSTS} hosts"
            ),
            Self::Forgotten { name } => {
                write!(f, "{name} is down and gone from DNS for longer than discover.forget")
            }
        }
    }
}
