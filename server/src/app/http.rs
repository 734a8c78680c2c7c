//! What faces outwards, on a thread of its own with a small runtime of its own: the HTTP API, the
//! fleet's health over gRPC, the web hook, the channels. A slow reader of a large listing never delays a poll.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use roundsman_pki::server::Server;
use tokio::{
    sync::{oneshot, watch},
    time::interval,
};

use super::{AppError, thread::OwnThread};
use crate::{
    access::Keyring,
    clock::Clock,
    config::Config,
    grpc::{self, Board},
    hook,
    live::Live,
    oidc::Provider,
    outbox::OutboxWorker,
    resolve::HostResolver,
    store::writer::WriterHandle,
    web::{self, BoundSocket, Listener, Site},
};

/// How often the certificate that is shown is looked at; it is whenever somebody connects, too.
const LOOK_AT_CERTIFICATE: Duration = Duration::from_secs(10);

/// What is listened on.
pub(super) struct Listening {
    /// The HTTP API.
    pub(super) http: std::net::TcpListener,
    /// The fleet's health over gRPC, when it is wanted.
    pub(super) grpc: Option<std::net::TcpListener>,
    /// A socket of this machine for the HTTP API, when it is wanted.
    pub(super) socket: Option<BoundSocket>,
    /// How what is said there is encrypted.
    pub(super) tls: Tls,
}

impl Listening {
    /// Takes the addresses, so that a taken one is said before anything else is begun.
    pub(super) fn of(config: &Config) -> Result<Self, AppError> {
        if config.http.is_unguarded() {
            return Err(AppError::Unguarded(config.http.listen));
        }
        let refuse = |address, error| AppError::Http { address, error };
        let http = listen(config.http.listen, refuse)?;
        let refuse = |address, error| AppError::Grpc { address, error };
        let grpc = config.grpc.listen.map(|address| listen(address, refuse)).transpose()?;
        let socket = config.http.socket.as_deref().map(|path| {
            let refuse = |error| AppError::Socket { path: path.display().to_string(), error };
            BoundSocket::bind(path).map_err(refuse)
        });
        Ok(Self { http, grpc, socket: socket.transpose()?, tls: Tls::of(config)? })
    }

    /// The same sockets once more.
    ///
    /// # Errors
    /// [`AppError::Thread`]: out of descriptors.
    pub(super) fn share(&self) -> Result<Self, AppError> {
        let shared = || {
            Ok(Self {
                http: self.http.try_clone()?,
                grpc: self.grpc.as_ref().map(std::net::TcpListener::try_clone).transpose()?,
                socket: self.socket.as_ref().map(BoundSocket::share).transpose()?,
                tls: self.tls.clone(),
            })
        };
        shared().map_err(AppError::Thread)
    }
}

/// TLS of each that is listened on, where it is wanted.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) http: Option<Arc<Server>>,
    pub(super) grpc: Option<Arc<Server>>,
}

impl Tls {
    /// Reads the certificate and the key.
    ///
    /// # Errors
    /// [`AppError::Tls`]: one of them is of no use.
    pub(super) fn of(config: &Config) -> Result<Self, AppError> {
        let files = config.http.tls();
        let http = files.clone().map(Server::for_browsers).transpose()?.map(Arc::new);
        let grpc = files.filter(|_| config.grpc.tls);
        Ok(Self { http, grpc: grpc.map(Server::load).transpose()?.map(Arc::new) })
    }
}

/// What is served, and who is told.
pub(super) struct Served {
    pub(super) listening: Listening,
    pub(super) live: Arc<Live>,
    /// What is answered over HTTP.
    pub(super) site: Site,
    /// What is answered over gRPC.
    pub(super) board: (Arc<Board>, grpc::GrpcLimits),
    /// Tells of changes of state, when somebody wants to know.
    pub(super) hook: Option<hook::HookWorker>,
    /// Tells of alarms by routes.
    pub(super) outbox: Option<OutboxWorker>,
}

impl Served {
    /// Serves until `stop` is dropped or true, and tells until that or until `hook` is.
    async fn run(self, stop: watch::Receiver<bool>, hook: HookEnd) -> io::Result<()> {
        let stopped = || {
            let mut stop = stop.clone();
            async move { drop(stop.wait_for(|stop| *stop).await) }
        };
        let Listening { http, grpc, socket, tls } = self.listening;
        let listener = |listener, tls| -> io::Result<Listener> {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            Ok(Listener::from(listener).with_tls(tls))
        };
        let shown = tls.http.clone();
        let mut http = vec![listener(http, tls.http)?];
        http.extend(socket.map(Listener::open).transpose()?);
        let metrics = Arc::clone(&self.site.metrics);
        let live = Arc::clone(&self.live);
        let site = Arc::new(self.site);
        let http = web::serve(http, Arc::clone(&site), stopped());
        let grpc = match grpc {
            Some(grpc) => {
                let (board, limits) = self.board;
                let listener = listener(grpc, tls.grpc)?;
                Some(grpc::serve(listener, board, limits, metrics, Some(site), stopped()))
            }
            None => None,
        };
        let telling = async {
            let HookEnd { mut stop, ended } = hook;
            let mut also = stop.clone();
            let asked = async move { drop(stop.wait_for(|stop| *stop).await) };
            let also = async move { drop(also.wait_for(|stop| *stop).await) };
            tokio::join!(
                maybe(self.hook.map(|worker| worker.run(asked))),
                maybe(self.outbox.map(|worker| worker.run(also)))
            );
            drop(ended);
        };
        let watching = async {
            tokio::select! {
                () = stopped() => {}
                () = watch_certificate(shown, &live) => {}
            }
        };
        tokio::join!(http, maybe(grpc), telling, watching);
        Ok(())
    }
}

/// Says in the live view how long the certificate is valid that is shown, if one is.
async fn watch_certificate(shown: Option<Arc<Server>>, live: &Live) {
    let mut ticks = interval(LOOK_AT_CERTIFICATE);
    loop {
        ticks.tick().await;
        let ends = shown.as_deref().map(|tls| web::tls_now(tls).ends());
        if live.server().certificate_ends_s != ends {
            live.update_server(|server| server.certificate_ends_s = ends);
        }
    }
}

async fn maybe(work: Option<impl Future<Output = ()>>) {
    if let Some(work) = work {
        work.await;
    }
}

/// How the hook and the channels are asked to end, and say that they have.
struct HookEnd {
    stop: watch::Receiver<bool>,
    ended: oneshot::Sender<()>,
}

/// The running thread.
#[derive(Debug)]
pub(super) struct HttpThread {
    address: SocketAddr,
    grpc: Option<SocketAddr>,
    thread: OwnThread,
    hook: (watch::Sender<bool>, oneshot::Receiver<()>),
}

/// Takes an address, so that a taken one is said before anything else is begun.
fn listen(
    address: SocketAddr,
    refuse: impl Fn(SocketAddr, io::Error) -> AppError,
) -> Result<std::net::TcpListener, AppError> {
    let refuse = |error| refuse(address, error);
    let listener = std::net::TcpListener::bind(address).map_err(refuse)?;
    listener.set_nonblocking(true).map_err(refuse)?;
    Ok(listener)
}

/// The file of the sessions of browsers, beside the store.
const SESSIONS: &str = "sessions.json";

/// Who may ask.
///
/// # Errors
/// [`AppError::Oidc`]: the provider could never be asked.
pub(super) fn access(
    config: &Config,
    keyring: Keyring,
    clock: &Arc<dyn Clock>,
) -> Result<web::Access, AppError> {
    let Config { http, oidc, .. } = config;
    let names = HostResolver::new(config.resolve.servers.clone());
    let provider = Provider::new(oidc, http.url.as_ref(), names, Arc::clone(clock))?;
    Ok(web::Access::new(http.token.as_ref(), &http.hosts)
        .with_keyring(keyring)
        .with_proxy(&http.proxy_from, &http.proxy_user_header)
        .with_provider(provider)
        .with_sessions(config.data.join(SESSIONS), clock.now().wall))
}

/// The health of the fleet, for whoever asks over gRPC.
pub(super) fn board(live: &Arc<Live>, clock: &Arc<dyn Clock>, writer: WriterHandle) -> Arc<Board> {
    let takes_rows = Box::new(move || writer.stats().failing_since.is_none());
    Arc::new(Board::new(Arc::clone(live), Arc::clone(clock), takes_rows))
}

impl HttpThread {
    /// Starts the thread.
    pub(super) fn start(faces: Served) -> Result<Self, AppError> {
        let address = faces.listening.http.local_addr().map_err(AppError::Thread)?;
        let grpc = faces.listening.grpc.as_ref().map(std::net::TcpListener::local_addr);
        let grpc = grpc.transpose().map_err(AppError::Thread)?;
        let (stop_hook, stop) = watch::channel(false);
        let (ended, hook_ended) = oneshot::channel();
        let serve = async move |stopped| {
            if let Err(error) = faces.run(stopped, HookEnd { stop, ended }).await {
                tracing::error!(%error, "HTTP is not served");
            }
        };
        let thread = OwnThread::start("http", serve).map_err(AppError::Thread)?;
        Ok(Self { address, grpc, thread, hook: (stop_hook, hook_ended) })
    }

    /// Where HTTP listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the fleet's health is asked for over gRPC.
    pub(super) fn grpc(&self) -> Option<SocketAddr> {
        self.grpc
    }

    /// Lets what is being told end; from then on nothing is told.
    pub(super) async fn stop_hook(&mut self) {
        let (stop, ended) = &mut self.hook;
        let _ = stop.send(true);
        let _ = ended.await;
    }

    /// Lets answers under way end, then ends.
    pub(super) async fn stop(self) {
        self.thread.stop().await;
    }
}
