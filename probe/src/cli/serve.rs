//! `serve`: listen, say where, answer until told to stop.

use std::{
    io,
    io::Write as _,
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Args;
use roundsman_probe::{
    clock,
    collect::Collector,
    root::Root,
    service::{self, Limits},
};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time,
};
use tracing::{info, warn};

use super::secure::Secure;

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Where to listen, ADDRESS:PORT; may be given several times; port 0 takes a free one and says
    /// which [default: 0.0.0.0:50051 with TLS or --open, else 127.0.0.1:50051]
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        env = "ROUNDSMAN_PROBE_LISTEN",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = address
    )]
    listen: Vec<SocketAddr>,
    /// Longest time to collect one answer, whatever the caller's deadline: 500ms, 2s
    #[arg(
        long,
        value_name = "TIME",
        env = "ROUNDSMAN_PROBE_MAX_COLLECT",
        hide_env_values = true,
        default_value = "2s",
        value_parser = super::time
    )]
    max_collect: Duration,
    /// Time that calls in flight get to finish after SIGTERM or SIGINT: 500ms, 5s
    #[arg(
        long,
        value_name = "TIME",
        env = "ROUNDSMAN_PROBE_DRAIN",
        hide_env_values = true,
        default_value = "5s",
        value_parser = super::time_or_none
    )]
    drain: Duration,
    /// Time that it goes on answering after SIGTERM or SIGINT, before it drains: for those who have yet to
    /// learn that another probe takes its place. A second signal ends it at once
    #[arg(
        long,
        value_name = "TIME",
        env = "ROUNDSMAN_PROBE_LINGER",
        hide_env_values = true,
        default_value = "0s",
        value_parser = super::time_or_none
    )]
    linger: Duration,
    /// Most connections at one time, a quarter of them from one address; beyond, those without a
    /// call under way give way to new ones
    #[arg(
        long,
        value_name = "COUNT",
        env = "ROUNDSMAN_PROBE_MAX_CONNECTIONS",
        hide_env_values = true,
        default_value_t = service::MAX_CONNECTIONS,
        value_parser = super::count
    )]
    max_connections: usize,
    #[command(flatten)]
    secure: Secure,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "expected an IP address and a port, such as 0.0.0.0:50051 or [::]:50051".into()
    })
}

impl Serve {
    pub(super) fn run(self, root: Root) -> anyhow::Result<ExitCode> {
        super::runtime()?.block_on(self.serve(root))
    }

    async fn serve(self, root: Root) -> anyhow::Result<ExitCode> {
        let limits = Limits {
            collect: self.max_collect,
            drain: self.drain,
            connections: self.max_connections,
            ..Limits::default()
        };
        let addresses = self.secure.addresses(&self.listen)?;
        let news = self.secure.news(&self.listen);
        let access = self.secure.access()?;
        // Before listening: a signal that comes early must not kill.
        let mut signals = Signals::new()?;
        let collector = Arc::new(Collector::new(root));
        let (stop, stopping) = watch::channel(());
        let mut listeners = JoinSet::new();
        for wanted in addresses {
            let listener = listen(wanted).await?;
            announce(&listener)?;
            let mut stopping = stopping.clone();
            let stopped = async move { drop(stopping.changed().await) };
            let (access, collector) = (access.clone(), Arc::clone(&collector));
            listeners.spawn(service::serve_to(access, listener, collector, limits, stopped));
        }
        if let Some(news) = news {
            info!("{news}");
        }
        let mut stop = Some(stop);
        let mut lingering = None;
        loop {
            let until = lingering.as_ref().map(|(until, _)| *until);
            tokio::select! {
                () = moment(until) => {
                    // Dropped: it stops.
                    lingering = None;
                }
                asked = signals.next() => match (asked, stop.take()) {
                    (Asked::Nothing(signal), going_on) => {
                        match access.look() {
                            true => info!(signal, "looked at the certificates"),
                            false => info!(signal, "nothing to reload: a probe keeps no configuration"),
                        }
                        stop = going_on;
                    }
                    (Asked::Stop(signal), Some(stop)) => {
                        info!(signal, linger = ?self.linger, "stopping");
                        lingering = Some((clock::now() + self.linger, stop));
                    }
                    (Asked::Stop(signal), None) => {
                        warn!(signal, "stopping at once");
                        return Ok(ExitCode::FAILURE);
                    }
                },
                ended = listeners.join_next() => match ended {
                    Some(ended) => ended.context("the service ended in a fault of the probe")??,
                    None => return Ok(ExitCode::SUCCESS),
                },
            }
        }
    }
}

/// Until a moment; for ever, when there is none.
async fn moment(until: Option<Instant>) {
    match until {
        Some(until) => time::sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
}

async fn listen(wanted: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(wanted).await.with_context(|| format!("cannot listen on {wanted}")).or_else(
        |error| {
            let hint = match error.root_cause().downcast_ref::<io::Error>().map(io::Error::kind) {
                Some(io::ErrorKind::AddrInUse) => {
                    "address in use; another probe may be running, choose another with --listen"
                }
                Some(io::ErrorKind::AddrNotAvailable) => {
                    "this host does not have that address, choose another with --listen"
                }
                Some(io::ErrorKind::PermissionDenied) => {
                    "permission denied; ports below 1024 are for root, choose another with --listen"
                }
                _ => return Err(error),
            };
            anyhow::bail!("cannot listen on {wanted}: {hint}")
        },
    )
}

/// Says on stdout where the probe listens, for whoever started it with port 0.
fn announce(listener: &TcpListener) -> anyhow::Result<()> {
    let address = listener.local_addr().context("cannot tell the address listened on")?;
    // Nobody has to read it: a closed stdout does not stop a probe.
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "roundsman-probe {} listens on {address}", env!("CARGO_PKG_VERSION"))
        .and_then(|()| stdout.flush());
    Ok(())
}

/// What a signal asks of a service.
enum Asked {
    /// To stop.
    Stop(&'static str),
    /// To read something again: a probe has certificates at most, no configuration and no log files. By
    /// default each of these would end it, and they are sent by logrotate, by a terminal that
    /// closes, by whoever takes the probe for another daemon.
    Nothing(&'static str),
}

/// The signals that are answered to.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    user_1: Signal,
    user_2: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let watch = |kind| signal(kind).context("cannot watch for signals");
        Ok(Self {
            terminate: watch(SignalKind::terminate())?,
            interrupt: watch(SignalKind::interrupt())?,
            hangup: watch(SignalKind::hangup())?,
            user_1: watch(SignalKind::user_defined1())?,
            user_2: watch(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Asked::Stop("SIGINT"),
            _ = self.hangup.recv() => Asked::Nothing("SIGHUP"),
            _ = self.user_1.recv() => Asked::Nothing("SIGUSR1"),
            _ = self.user_2.recv() => Asked::Nothing("SIGUSR2"),
        }
    }
}
