//! HTTP on a thread of its own with a small runtime of its own: a slow reader of a large listing
//! never delays a poll.

use std::{io, net::SocketAddr, sync::Arc, thread};

use tokio::sync::oneshot;

use super::AppError;
use crate::web::{self, Site};

/// The running thread.
#[derive(Debug)]
pub(super) struct HttpThread {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

/// Takes the address, so that a taken one is said before anything else is begun.
pub(super) fn listen(address: SocketAddr) -> Result<std::net::TcpListener, AppError> {
    let refuse = |error| AppError::Http { address, error };
    let listener = std::net::TcpListener::bind(address).map_err(refuse)?;
    listener.set_nonblocking(true).map_err(refuse)?;
    Ok(listener)
}

impl HttpThread {
    /// Starts the thread.
    pub(super) fn start(listener: std::net::TcpListener, site: Site) -> Result<Self, AppError> {
        let address = listener.local_addr().map_err(AppError::Thread)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (ending, ended) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(AppError::Thread)?;
        let serve = move || {
            let served = runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                web::serve(listener, Arc::new(site), async {
                    let _ = stopped.await;
                })
                .await;
                Ok::<(), io::Error>(())
            });
            if let Err(error) = served {
                tracing::error!(%error, "HTTP is not served");
            }
            let _ = ending.send(());
        };
        thread::Builder::new().name("http".to_owned()).spawn(serve).map_err(AppError::Thread)?;
        Ok(Self { address, stop, ended })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets answers under way end, then ends.
    pub(super) async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.ended.await;
    }
}
