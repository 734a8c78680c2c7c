//! The side that answers: a probe, and the server where it is asked.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite};
pub use tokio_rustls::server::TlsStream;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        Error, ServerConfig,
        crypto::{CryptoProvider, ring},
        pki_types::{CertificateDer, UnixTime},
        server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
        sign::CertifiedKey,
    },
};

use crate::{
    cause::TlsError,
    chain::{ServersAlone, Trust},
    client::{ALPN, certified},
    dates,
    pem::{self, UnfitFile},
    reloaded::Reloaded,
};

/// Which files it is set up with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFiles {
    /// Its certificate, with its chain.
    pub certificate: PathBuf,
    /// The key of that.
    pub key: PathBuf,
    /// The authorities whose servers may ask a probe; none lets everybody ask.
    pub client_ca: Option<PathBuf>,
    /// What of theirs is revoked.
    pub client_crl: Option<PathBuf>,
}

/// What is spoken over TLS (ALPN, RFC 7301), what is preferred first.
type Protocols = &'static [&'static [u8]];

/// Answers with TLS; reads its files again when they change.
#[derive(Debug)]
pub struct Server {
    files: ServerFiles,
    protocols: Protocols,
    made: Reloaded<Setup>,
}

/// What the files of a [`Server`] say at one time.
#[derive(Debug)]
pub struct Setup {
    acceptor: Arc<ServerConfig>,
    /// For loopback: who shows no certificate is let in, and may do less.
    of_the_host: Arc<ServerConfig>,
    check: Option<Arc<ServersAlone>>,
    ends: i64,
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

impl Server {
    /// Reads the files of one that is asked over gRPC.
    ///
    /// # Errors
    /// [`UnfitFile`]: the first that is of no use.
    pub fn load(files: ServerFiles) -> Result<Self, UnfitFile> {
        Self::speaking(&[ALPN], files)
    }

    /// Reads the files of one that browsers ask, too: over HTTP/2 or HTTP/1.1.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn for_browsers(files: ServerFiles) -> Result<Self, UnfitFile> {
        Self::speaking(&[ALPN, b"http/1.1"], files)
    }

    fn speaking(protocols: Protocols, files: ServerFiles) -> Result<Self, UnfitFile> {
        let mut paths = vec![files.certificate.clone(), files.key.clone()];
        paths.extend(files.client_ca.clone());
        paths.extend(files.client_crl.clone());
        let made = Reloaded::new(paths, || setup(&files, protocols))?;
        Ok(Self { files, protocols, made })
    }

    /// The files as they are now, and what came of reading them when they changed. Waits for the disk.
    pub fn current(&self) -> (Arc<Setup>, Option<Result<(), UnfitFile>>) {
        self.made.get(|| setup(&self.files, self.protocols))
    }
}

impl Setup {
    /// Makes a handshake with who connected; `is_of_the_host` when that came over loopback.
    ///
    /// # Errors
    /// [`TlsError`]: why there is no connection.
    pub async fn accept<S>(&self, socket: S, is_of_the_host: bool) -> Result<TlsStream<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let config = if is_of_the_host { &self.of_the_host } else { &self.acceptor };
        let accepting = TlsAcceptor::from(Arc::clone(config)).accept(socket);
        accepting.await.map_err(|error| TlsError::of_handshake(&error))
    }

    /// Whether only who shows a certificate may ask.
    #[must_use]
    pub fn wants_certificates(&self) -> bool {
        self.check.is_some()
    }

    /// The last second at which the probe's certificate is valid, seconds since 1970.
    #[must_use]
    pub fn ends(&self) -> i64 {
        self.ends
    }
}

/// Who is at the other end of a connection, and whether it may still ask: a connection is kept for long, and a
/// certificate is revoked or over meanwhile.
#[derive(Debug)]
pub struct Standing {
    /// What was shown; empty for nothing.
    chain: Vec<CertificateDer<'static>>,
    /// The last second of the first of them.
    until: i64,
    /// By which files it was checked last.
    checked: Mutex<Arc<Setup>>,
}

impl Standing {
    /// Of a connection that was accepted by `setup`.
    pub fn new<S>(stream: &TlsStream<S>, setup: Arc<Setup>) -> Self {
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default().to_vec();
        let facts = chain.first().and_then(|first| dates::facts(first));
        let until = facts.map_or(i64::MIN, |facts| facts.not_after);
        Self { chain, until, checked: Mutex::new(setup) }
    }

    /// Whether a certificate was shown, or none is wanted.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.chain.is_empty() || self.checked().check.is_none()
    }

    fn checked(&self) -> Arc<Setup> {
        Arc::clone(&self.checked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it may ask by the files as they are now, at `now` seconds since 1970.
    ///
    /// # Errors
    /// [`TlsError`]: why not.
    pub fn may_ask(&self, setup: &Arc<Setup>, now: i64) -> Result<(), TlsError> {
        let Some(check) = &setup.check else { return Ok(()) };
        let Some((first, between)) = self.chain.split_first() else {
            return Err(TlsError::of(&Error::NoCertificatesPresented));
        };
        let is_checked = Arc::ptr_eq(&self.checked(), setup);
        if is_checked && now <= self.until {
            return Ok(());
        }
        let moment = UnixTime::since_unix_epoch(Duration::from_secs(now.unsigned_abs()));
        check.check(first, between, moment).map_err(|error| TlsError::of(&error))?;
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(setup);
        Ok(())
    }
}

fn setup(files: &ServerFiles, protocols: Protocols) -> Result<Setup, UnfitFile> {
    let provider = Arc::new(ring::default_provider());
    let identity = certified(&files.certificate, &files.key, &provider)?;
    let facts = identity.cert.first().and_then(|certificate| dates::facts(certificate));
    let facts = facts.ok_or_else(|| UnfitFile::new(&files.certificate, "no X.509 certificate"))?;
    let check = |is_mandatory| -> Result<Option<Arc<ServersAlone>>, UnfitFile> {
        let Some(ca) = &files.client_ca else { return Ok(None) };
        let roots = Arc::new(pem::authorities(ca)?);
        let revoked = files.client_crl.as_deref().map(pem::revocation_lists).transpose()?;
        let trust =
            Trust { roots, revoked: revoked.unwrap_or_default(), provider: Arc::clone(&provider) };
        let hints = trust.roots.subjects();
        Ok(Some(Arc::new(ServersAlone { trust, is_mandatory, hints })))
    };
    let strict = check(true)?;
    Ok(Setup {
        acceptor: config(files, &identity, &provider, strict.clone(), protocols)?,
        of_the_host: config(files, &identity, &provider, check(false)?, protocols)?,
        check: strict,
        ends: facts.not_after,
    })
}

fn config(
    files: &ServerFiles,
    identity: &Arc<CertifiedKey>,
    provider: &Arc<CryptoProvider>,
    check: Option<Arc<ServersAlone>>,
    protocols: Protocols,
) -> Result<Arc<ServerConfig>, UnfitFile> {
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| UnfitFile::new(&files.certificate, error))?;
    let builder = match check {
        Some(check) => builder.with_client_cert_verifier(check),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(Always(Arc::clone(identity))));
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    // Who resumes a session shows no certificate again: one that is revoked, or has expired, would go on.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}
