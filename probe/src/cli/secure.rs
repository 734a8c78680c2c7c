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
    /// Answer everybody who can connect, in plain text; without it and without TLS a probe listens on
    /// loopback alone
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
        let Self { tls_cert, tls_key, client_ca, client_crl, allow, .. } = self;
        let (Some(certificate), Some(key)) = (tls_cert, tls_key) else {
            return Ok(Access::new(allow, None));
        };
        let files = ServerFiles { certificate, key, client_ca, client_crl };
        let server = Server::load(files).context("cannot set up TLS")?;
        Ok(Access::new(allow, Some(server)))
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}
