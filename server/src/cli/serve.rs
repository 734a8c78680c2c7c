//! `roundsman serve`: the server, until SIGTERM or Ctrl-C; and what SIGHUP has it look at.

use std::net::SocketAddr;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind};

use super::{
    CliError, Runtime,
    failure::in_one_line,
    parse,
    runtime::{SetFilter, grpc_flag, http_flag, listen, start_logging, stop_signal},
};
use crate::{
    app::{self, App, AppError},
    config::{Flag, Loaded},
};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman serve --inventory hosts.toml --data /var/lib/roundsman
  ROUNDSMAN_HTTP__TOKEN_FILE=token roundsman serve --http 0.0.0.0:8080

SIGHUP makes it read the inventory, http.token, http.hosts and log.level again.";

/// Settings that come into force while the server runs. Others have parts built on them.
const LIVE: [&str; 4] = ["http.token", "http.token_file", "http.hosts", "log.level"];

/// Flags of `serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Address and port of the HTTP API; port 0 takes a free one [default: 127.0.0.1:8080]
    /// [env: ROUNDSMAN_HTTP__LISTEN]
    #[arg(long, value_name = "ADDR", value_parser = parse::listen)]
    http: Option<SocketAddr>,
    /// Address and port of the fleet's health over gRPC; port 0 takes a free one [default:
    /// 127.0.0.1:50052] [env: ROUNDSMAN_GRPC__LISTEN]
    #[arg(long, value_name = "ADDR", value_parser = parse::listen)]
    grpc: Option<SocketAddr>,
}

impl ServeArgs {
    fn flags(&self) -> Vec<Flag> {
        http_flag(self.http).into_iter().chain(grpc_flag(self.grpc)).collect()
    }
}

/// Serves until told to stop.
pub(super) fn run(args: &ServeArgs, runtime: &Runtime) -> Result<(), CliError> {
    let loaded = runtime.settings(args.flags())?;
    let set_filter = start_logging(&loaded, false)?;
    runtime.block_on(async {
        let config = loaded.config.clone();
        let mut reloading = Reloading::new(args, runtime, loaded, set_filter)?;
        let serving = app::run(config, stop_signal()?, async |app| reloading.next(app).await);
        Ok(serving.await?)
    })
}

/// What SIGHUP does.
struct Reloading<'a> {
    args: &'a ServeArgs,
    runtime: &'a Runtime,
    hangup: Signal,
    /// Meant for other programs, and no reason to end: their handlers do nothing.
    _ignored: [Signal; 2],
    /// The settings of the start, and those that were read last.
    started: Loaded,
    loaded: Loaded,
    set_filter: SetFilter,
}

impl<'a> Reloading<'a> {
    fn new(
        args: &'a ServeArgs,
        runtime: &'a Runtime,
        loaded: Loaded,
        set_filter: SetFilter,
    ) -> Result<Self, CliError> {
        warn(&loaded);
        let hangup = listen(SignalKind::hangup())?;
        let ignored = [listen(SignalKind::user_defined1())?, listen(SignalKind::user_defined2())?];
        let started = loaded.clone();
        Ok(Self { args, runtime, hangup, _ignored: ignored, started, loaded, set_filter })
    }

    /// Waits for the next SIGHUP and does what it asks for.
    async fn next(&mut self, app: &App) {
        if self.hangup.recv().await.is_none() {
            return std::future::pending().await;
        }
        tracing::info!(
            "SIGHUP: looking at settings and inventory (the log goes to standard error: there is no \
             file to reopen)"
        );
        self.settings(app);
        // What is wrong with it, or why it waits, it has said itself.
        if let Some(told) = app.reload_inventory().await
            && told.error.is_none()
            && told.waiting.is_none()
        {
            tracing::info!(hosts = told.hosts, "SIGHUP: in force is what the inventory file says");
        }
    }

    /// Reads the settings again and puts in force what can be.
    fn settings(&mut self, app: &App) {
        let refuse = |words: &str| {
            tracing::error!("SIGHUP: the settings in force stay as they are: {words}");
        };
        let loaded = match self.runtime.settings(self.args.flags()) {
            Ok(loaded) => loaded,
            Err(error) => return refuse(&in_one_line(&error)),
        };
        let http = &loaded.config.http;
        if http.is_unguarded() {
            return refuse(&AppError::Unguarded(http.listen).to_string());
        }
        warn(&loaded);
        let is_live = |key: &&str| LIVE.contains(key);
        let mut now = loaded.changed_since(&self.loaded);
        now.retain(is_live);
        let mut later = loaded.changed_since(&self.started);
        later.retain(|key| !is_live(key));
        app.let_in(http);
        if let Err(error) = (self.set_filter)(&loaded) {
            tracing::error!(%error, "SIGHUP: log.level stays as it is");
        }
        if !now.is_empty() {
            tracing::info!("SIGHUP: now in force: {}", now.join(", "));
        }
        if !later.is_empty() {
            tracing::warn!("SIGHUP: these need a restart: {}", later.join(", "));
        }
        self.loaded = loaded;
    }
}

fn warn(loaded: &Loaded) {
    for words in &loaded.warnings {
        tracing::warn!("{words}");
    }
}
