//! A real probe of this machine on loopback, for as long as a test needs it.

use std::{net::SocketAddr, sync::Arc, thread};

use roundsman_probe::{
    collect::Collector,
    root::Root,
    service::{self, Limits},
};
use tokio::{net::TcpListener, sync::oneshot};

pub(crate) struct LocalProbe {
    pub(crate) address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl LocalProbe {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = oneshot::channel::<()>();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                let collector = Arc::new(Collector::new(Root::default()));
                let shutdown = async { drop(stopping.await) };
                service::serve(listener, collector, Limits::default(), shutdown).await.unwrap();
            });
        });
        Self { address, _stop: stop }
    }
}
