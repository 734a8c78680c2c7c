//! TLS as real probes have it, by the folders that `roundsman ca` makes. A fake probe answers plain text beside
//! it, as a real one with `--open`: so a fleet can be moved from the one to the other.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use roundsman_pki::server::{Server, ServerFiles, Setup, TlsStream};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// The first byte of whoever begins a TLS handshake (RFC 8446, 5.1).
const HANDSHAKE: u8 = 0x16;

/// One probe's certificate.
#[derive(Debug)]
pub(crate) struct Secure {
    folder: PathBuf,
    /// Read by the first handshake: it may be issued while the fleet runs.
    server: Mutex<Option<Arc<Server>>>,
}

impl Secure {
    /// Of the probe `name`, whose folder is in `hosts/` of the authority's.
    pub(crate) fn new(authority: &Path, name: &str) -> Self {
        Self { folder: authority.join("hosts").join(name), server: Mutex::default() }
    }

    /// Whether who connected begins with TLS. Waits until it begins at all.
    pub(crate) async fn is_wanted(stream: &TcpStream) -> bool {
        let mut first = [0];
        matches!(stream.peek(&mut first).await, Ok(1)) && first == [HANDSHAKE]
    }

    /// Makes the handshake; nothing when it fails, or there is no certificate yet.
    pub(crate) async fn accept<S>(&self, socket: S) -> Option<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.current()?.accept(socket, false).await.ok()
    }

    /// What the files say now.
    fn current(&self) -> Option<Arc<Setup>> {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if server.is_none() {
            let file = |name: &str| self.folder.join(name);
            let files = ServerFiles {
                certificate: file("probe.pem"),
                key: file("probe.key"),
                client_ca: Some(file("ca.pem")),
                client_crl: Some(file("crl.pem")),
            };
            *server = Server::load(files).ok().map(Arc::new);
        }
        Some(server.as_ref()?.current().0)
    }
}
