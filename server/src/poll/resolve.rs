//! Names to socket addresses, a bounded number of them at a time.

use std::{io, net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use tokio::sync::Semaphore;

/// Turns a name into socket addresses. [`SystemResolver`] asks the machine's.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// The socket addresses of `host`, in the order in which they are to be tried.
    ///
    /// # Errors
    /// What the resolver says, when it knows none.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// getaddrinfo(3), as the machine is configured.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

/// A resolver with a limit. getaddrinfo(3) cannot be cancelled: it holds its thread until it
/// returns. So a look-up runs in a task of its own that holds its slot just as long, and a dead
/// resolver parks at most that many threads, however many polls gave up waiting.
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
