//! The side that asks: the server towards its probes, and the probe's own health check.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, SignatureScheme,
        client::{ResolvesClientCert, Resumption},
        crypto::{CryptoProvider, ring},
        pki_types::ServerName,
        sign::CertifiedKey,
    },
};

pub use tokio_rustls::client::TlsStream;

use crate::{
    cause::{Cause, TlsError},
    chain::{Expected, Trust},
    dates, names,
    pem::{self, UnfitFile},
    reloaded::Reloaded,
};

/// What is spoken above TLS (RFC 7301).
pub(crate) const ALPN: &[u8] = b"h2";

/// Which files it is set up with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientFiles {
    /// The authorities that sign the certificates of probes.
    pub ca: PathBuf,
    /// What of theirs is revoked.
    pub crl: Option<PathBuf>,
    /// The certificate and the key that are shown to a probe; none shows none.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Connects with TLS; reads its files again when they change.
#[derive(Debug)]
pub struct Client {
    files: ClientFiles,
    made: Reloaded<Setup>,
}

/// What the files of a [`Client`] say at one time.
#[derive(Debug)]
pub struct Setup {
    config: ClientConfig,
    /// What is shown to a probe that asks for it.
    identity: Option<Arc<CertifiedKey>>,
}

/// Says whether the peer asked for a certificate.
#[derive(Debug)]
struct Asked {
    identity: Option<Arc<CertifiedKey>>,
    was_asked: AtomicBool,
}

impl ResolvesClientCert for Asked {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.was_asked.store(true, Ordering::Relaxed);
        self.identity.clone()
    }

    fn has_certs(&self) -> bool {
        // Also without one it has to be known whether one was asked for.
        true
    }
}

impl Client {
    /// Reads the files.
    ///
    /// # Errors
    /// [`UnfitFile`]: the first that is of no use.
    pub fn load(files: ClientFiles) -> Result<Self, UnfitFile> {
        let mut paths = vec![files.ca.clone()];
        paths.extend(files.crl.clone());
        paths.extend(files.identity.iter().flat_map(|(cert, key)| [cert.clone(), key.clone()]));
        let made = Reloaded::new(paths, || setup(&files))?;
        Ok(Self { files, made })
    }

    /// The files as they are now, and what came of reading them when they changed. Waits for the disk.
    pub fn current(&self) -> (Arc<Setup>, Option<Result<(), UnfitFile>>) {
        self.made.get(|| setup(&self.files))
    }
}

impl Setup {
    /// Trusts one certificate alone, that of this file, and shows none: for a probe's own health check.
    ///
    /// # Errors
    /// [`UnfitFile`].
    pub fn pinned(certificate: &Path) -> Result<Self, UnfitFile> {
        let mut chain = pem::certificates(certificate)?;
        let provider = Arc::new(ring::default_provider());
        let same = Expected::Same(chain.swap_remove(0), Arc::clone(&provider));
        let config = config(certificate, provider, same)?;
        Ok(Self { config, identity: None })
    }

    /// The last second of the certificate that is shown, seconds since 1970; none without one.
    #[must_use]
    pub fn ends(&self) -> Option<i64> {
        let shown = self.identity.as_ref()?.cert.first()?;
        dates::facts(shown).map(|facts| facts.not_after)
    }

    /// Makes a handshake over `socket`, whose peer must be the host `name`; none takes any that an
    /// authority signed.
    ///
    /// # Errors
    /// [`TlsError`]: why there is no connection. With an identity a peer that does not ask for it is
    /// refused, for it asks nobody.
    pub async fn connect<S>(&self, socket: S, name: Option<&str>) -> Result<TlsStream<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let asked =
            Arc::new(Asked { identity: self.identity.clone(), was_asked: AtomicBool::new(false) });
        let mut config = self.config.clone();
        config.client_auth_cert_resolver = Arc::clone(&asked) as Arc<dyn ResolvesClientCert>;
        // A name that no certificate can bear is not sent; an address never is (RFC 6066 section 3).
        let unsent = || ServerName::from(std::net::IpAddr::from([0, 0, 0, 0]));
        let sent = name.and_then(|name| ServerName::try_from(name.to_owned()).ok());
        let connecting = TlsConnector::from(Arc::new(config));
        let stream = connecting.connect(sent.unwrap_or_else(unsent), socket).await;
        let stream = stream.map_err(|error| TlsError::of_handshake(&error))?;
        let session = stream.get_ref().1;
        if session.alpn_protocol() != Some(ALPN) {
            return Err(TlsError::new(Cause::Protocol, "the peer does not offer HTTP/2 over TLS"));
        }
        let shown = session.peer_certificates().and_then(<[_]>::first);
        if let (Some(name), Some(shown)) = (name, shown)
            && !names::is_host(shown, name)
        {
            let bears = names::all(shown);
            let words = format!(
                "the peer's certificate is not that of {name}, it bears {bears}; issue one for this \
                 host, or say server_name"
            );
            return Err(TlsError::new(Cause::WrongName, words));
        }
        if self.identity.is_some() && !asked.was_asked.load(Ordering::Relaxed) {
            let words = "the peer asks for no certificate, so everybody may ask it; start it with \
                         --client-ca, or set tls = \"tls\"";
            return Err(TlsError::new(Cause::NotAsked, words));
        }
        Ok(stream)
    }
}

fn setup(files: &ClientFiles) -> Result<Setup, UnfitFile> {
    let provider = Arc::new(ring::default_provider());
    let revoked = files.crl.as_deref().map(pem::revocation_lists).transpose()?;
    let trust = Trust {
        roots: Arc::new(pem::authorities(&files.ca)?),
        revoked: revoked.unwrap_or_default(),
        provider: Arc::clone(&provider),
    };
    let identity = files
        .identity
        .as_ref()
        .map(|(certificate, key)| certified(certificate, key, &provider))
        .transpose()?;
    let config = config(&files.ca, provider, Expected::Signed(trust))?;
    Ok(Setup { config, identity })
}

/// A certificate with its chain and its key.
pub(crate) fn certified(
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, UnfitFile> {
    let chain = pem::certificates(certificate)?;
    let pair = CertifiedKey::from_der(chain, pem::private_key(key)?, provider);
    pair.map(Arc::new).map_err(|error| {
        let why = format!("expected the key of {}: {error}", certificate.display());
        UnfitFile::new(key, why)
    })
}

fn config(
    about: &Path,
    provider: Arc<CryptoProvider>,
    expected: Expected,
) -> Result<ClientConfig, UnfitFile> {
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| UnfitFile::new(about, error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(expected))
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session would show a certificate that was checked some time ago. Probes give out none.
    config.resumption = Resumption::disabled();
    Ok(config)
}
