//! The flags that say who may ask a probe, and where it listens for them.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use anyhow::Context as _;
use clap::Args;
use roundsman_pki::server::{Server, ServerFiles};
use roundsman_probe::service::{Access, Network};

/// The port of a probe.
const PORT: u16 = 50051;

#[derive(Debug, Args)]
#[command(next_help_heading = "Who may ask")]
pub(super) struct Secure {
    /// The probe's certificate with its chain, PEM; read again when it changes
    #[arg(
        long,
        value_name = "FILE",
        env = "ROUNDSMAN_PROBE_TLS_CERT",
        hide_env_values = true,
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,
    /// The key of that certificate, PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "ROUNDSMAN_PROBE_TLS_KEY",
        hide_env_values = true,
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,
    /// Authorities, PEM: only who shows a server's certificate (URI roundsman://server) of one of
    /// them may ask
    #[arg(
        long,
        value_name = "FILE",
        env = "ROUNDSMAN_PROBE_CLIENT_CA",
        hide_env_values = true,
        requires = "tls_cert"
    )]
    client_ca: Option<PathBuf>,
    /// What these authorities revoked, PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "ROUNDSMAN_PROBE_CLIENT_CRL",
        hide_env_values = true,
        requires = "client_ca"
    )]
    client_crl: Option<PathBuf>,
    /// A network or an address that may connect, such as 10.0.0.0/8; may be given several times
    /// [default: every one]
    #[arg(
        long,
        value_name = "CIDR",
        env = "ROUNDSMAN_PROBE_ALLOW",
        hide_env_values = true,
        value_delimiter = ','
    )]
    allow: Vec<Network>,
    /// Answer everybody who can connect, in plain text, also beside TLS; without it and without TLS a probe
    /// listens on loopback alone
    #[arg(long, env = "ROUNDSMAN_PROBE_OPEN", hide_env_values = true)]
    open: bool,
}

impl Secure {
    /// Where to listen, given what was asked for.
    pub(super) fn addresses(&self, asked: &[SocketAddr]) -> anyhow::Result<Vec<SocketAddr>> {
        let is_guarded = self.open || self.tls_cert.is_some();
        if asked.is_empty() {
            let all = if is_guarded { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
            return Ok(vec![SocketAddr::new(all.into(), PORT)]);
        }
        let reaches_others = |address: &&SocketAddr| !is_loopback(address.ip());
        if let (false, Some(address)) = (is_guarded, asked.iter().find(reaches_others)) {
            anyhow::bail!(
                "--listen {address}: others could ask this probe there, in plain text; give it a \
                 certificate with --tls-cert, --tls-key and --client-ca, or say --open"
            );
        }
        Ok(asked.to_vec())
    }

    /// Who may ask; reads the files.
    pub(super) fn access(self) -> anyhow::Result<Access> {
        let Self { tls_cert, tls_key, client_ca, client_crl, allow, open } = self;
        let (Some(certificate), Some(key)) = (tls_cert, tls_key) else {
            return Ok(Access::new(allow, None));
        };
        let files = ServerFiles { certificate, key, client_ca, client_crl };
        let access = Access::new(allow, Some(Server::load(files).context("cannot set up TLS")?));
        Ok(if open { access.or_plain() } else { access })
    }

    /// What whoever upgrades from a version without certificates has to know of where it listens now.
    pub(super) fn news(&self, asked: &[SocketAddr]) -> Option<&'static str> {
        match (self.open, self.tls_cert.is_some()) {
            (true, true) => Some(
                "--open: everybody is answered in plain text beside TLS; leave it out once every server \
                 asks over TLS",
            ),
            (true, false) => Some(
                "--open: everybody who can connect is answered in plain text. New: certificates on both \
                 sides, made by `roundsman ca`; docs/security.md",
            ),
            (false, false) if asked.is_empty() => Some(
                "without a certificate this probe listens on loopback alone. New: others may ask it over \
                 TLS (`roundsman ca`, docs/security.md), or in plain text with --open",
            ),
            (false, _) => None,
        }
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Probe {
        #[command(flatten)]
        secure: Secure,
    }

    #[test]
    fn one_that_is_started_as_before_listens_on_loopback_and_says_so() {
        let secure = Probe::parse_from(["probe"]).secure;
        let addresses = secure.addresses(&[]).unwrap();
        assert_eq!(addresses, ["127.0.0.1:50051".parse().unwrap()]);
        assert!(secure.news(&[]).unwrap().contains("listens on loopback alone. New: "));
        assert_eq!(secure.news(&addresses), None, "who says where knows");
    }
}
