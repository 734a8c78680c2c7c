//! Names to socket addresses, a bounded number of them at a time.

use std::{io, net::SocketAddr, sync::Arc};

use tokio::sync::Semaphore;

use crate::resolve::Resolve;

/// A resolver with a limit. A look-up runs in a task of its own that holds its slot until it ends, so
/// that one which a poll gave up waiting for serves the next, and a dead resolver keeps at most that
/// many look-ups alive.
pub(super) struct LimitedResolver {
    resolver: Arc<dyn Resolve>,
    slots: Arc<Semaphore>,
}

impl LimitedResolver {
    pub(super) fn new(resolver: Arc<dyn Resolve>, in_flight: usize) -> Self {
        Self { resolver, slots: Arc::new(Semaphore::new(in_flight)) }
    }

    pub(super) async fn resolve(&self, host: Arc<str>, port: u16) -> io::Result<Vec<SocketAddr>> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(io::Error::other)?;
        let resolver = Arc::clone(&self.resolver);
        let look_up = tokio::spawn(async move {
            let found = resolver.resolve(&host, port).await;
            drop(slot);
            found
        });
        look_up.await.map_err(io::Error::other)?
    }
}
