//! A probe of this machine inside this process, on a thread and a port of its own: its work is not
//! in the way of the polling, so the times that are shown are those of a probe elsewhere.

use std::{net::SocketAddr, sync::Arc, thread};

use roundsman_probe::{
    collect::Collector,
    root::Root,
    service::{self, Limits},
};
use tokio::{net::TcpListener, sync::oneshot};

use super::super::CliError;
use crate::model::HostName;

/// A running probe. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub(super) struct LocalProbe {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

impl LocalProbe {
    /// Starts a probe on a free port of loopback.
    pub(super) fn start() -> Result<Self, CliError> {
        let failed = |error: std::io::Error| {
            CliError::Failed(format!("cannot start a probe on 127.0.0.1: {error}"))
        };
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (stop, stopping) = oneshot::channel();
        let (ended, stopped) = oneshot::channel();
        let work = move || {
            runtime.block_on(async move {
                let collector = Arc::new(Collector::new(Root::default()));
                let shutdown = async { drop(stopping.await) };
                let served = match TcpListener::from_std(listener) {
                    Ok(listener) => {
                        service::serve(listener, collector, Limits::default(), shutdown).await
                    }
                    Err(error) => Err(service::ServeError::Accept(error)),
                };
                if let Err(error) = served {
                    tracing::error!(%error, "the demo's probe has stopped");
                }
            });
            drop(ended);
        };
        thread::Builder::new().name("probe".to_owned()).spawn(work).map_err(failed)?;
        Ok(Self { address, stop, stopped })
    }

    /// Where it answers.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it and waits until it has.
    pub(super) async fn stop(self) {
        drop(self.stop);
        // Nothing is ever sent: the other end is dropped when the thread is done.
        let _ = self.stopped.await;
    }
}

/// What this machine calls itself (uname(2)), as a name of the inventory.
pub(super) fn host_name() -> Result<HostName, CliError> {
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let clean: String = node
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' })
        .collect();
    HostName::new(&clean)
        .or_else(|_| HostName::new("localhost"))
        .map_err(|error| CliError::Failed(format!("this machine has no name: {error}")))
}
