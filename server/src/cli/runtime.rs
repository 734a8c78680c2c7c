//! What every command stands on: settings, logging, the clock, a small runtime, the store file.

use std::{
    error::Error,
    ffi::OsString,
    io::IsTerminal,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use roundsman_os::log;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::{EnvFilter, prelude::*, reload};

use super::{
    CliError, GlobalArgs,
    escape::{EscapingWriter, Form},
    output::Output,
};
use crate::{
    clock::{Clock, SystemClock},
    config::{Config, Flag, Loaded, LogFormat, LogLevel, SettingLocation, Sources},
    query::Query,
    store::{self, Mode, Store},
    units::WallMs,
};

/// The configuration file that is read when there is one and none is named.
const CONFIG_FILE: &str = "roundsman.toml";

/// What every command stands on.
pub(super) struct Runtime {
    global: GlobalArgs,
    runtime: tokio::runtime::Runtime,
    clock: Arc<dyn Clock>,
    /// Where answers go.
    pub(super) output: Output,
}

impl Runtime {
    /// Makes a runtime of one thread.
    pub(super) fn new(global: GlobalArgs, output: Output) -> Result<Self, CliError> {
        let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = built
            .map_err(|error| CliError::Failed(format!("cannot start the runtime: {error}")))?;
        Ok(Self { global, runtime, clock: Arc::new(SystemClock::new()), output })
    }

    /// Runs to the end.
    pub(super) fn block_on<F: Future>(&self, work: F) -> F::Output {
        self.runtime.block_on(work)
    }

    /// Ends with what is done: no thread is waited for that goes on with what was given up, such as a
    /// store that was being opened.
    pub(super) fn end(self) {
        self.runtime.shutdown_background();
    }

    /// The machine's clocks.
    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The wall clock now.
    pub(super) fn now(&self) -> WallMs {
        self.clock.now().wall
    }

    /// All settings: defaults, the file, the environment, the flags of every command and `flags`.
    pub(super) fn settings(&self, flags: Vec<Flag>) -> Result<Loaded, CliError> {
        let explicit = self.global.config.is_some();
        let file = self.global.config.clone().unwrap_or_else(|| CONFIG_FILE.into());
        self.load(Some(file), explicit, flags)
    }

    /// The same without the file `roundsman.toml`: the demo needs none and heeds none.
    pub(super) fn settings_without_file(&self, flags: Vec<Flag>) -> Result<Loaded, CliError> {
        self.load(self.global.config.clone(), true, flags)
    }

    fn load(
        &self,
        file: Option<PathBuf>,
        explicit: bool,
        flags: Vec<Flag>,
    ) -> Result<Loaded, CliError> {
        let mut all = Vec::new();
        let mut add = |key, name, value: Option<String>| {
            if let Some(value) = value {
                all.push(Flag { key, name, value });
            }
        };
        let text = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        add("inventory", "--inventory", text(&self.global.inventory));
        add("data", "--data", text(&self.global.data));
        add("log.level", "--log", self.global.log.clone());
        let env: Vec<(OsString, OsString)> = std::env::vars_os().collect();
        // What a command sets itself stands last, and so over what it was given.
        all.extend(flags);
        Ok(Config::load(Sources { file, explicit, env, flags: all })?)
    }

    /// Settings, and logging as they say; `quiet` logs warnings alone unless told otherwise.
    pub(super) fn start(&self, flags: Vec<Flag>, quiet: bool) -> Result<Config, CliError> {
        let loaded = self.settings(flags)?;
        let _ = start_logging(&loaded, quiet)?;
        Ok(loaded.config)
    }

    /// The store, for reading, while a server may be writing it.
    pub(super) fn kept(&self) -> Result<Query, CliError> {
        Ok(self.kept_and_settings()?.0)
    }

    /// The same, with the settings.
    pub(super) fn kept_and_settings(&self) -> Result<(Query, Config), CliError> {
        let (store, config) = self.store_and_settings()?;
        let given_up_to = self.block_on(store.room())?.given_up_to;
        let query = Query::of_store(store).keeping(config.retention).without(given_up_to);
        Ok((query, config))
    }

    /// The store, open for reading, with the settings.
    pub(super) fn store_and_settings(&self) -> Result<(Arc<dyn Store>, Config), CliError> {
        let config = self.start(Vec::new(), true)?;
        let opening = store::open(&config.store, Mode::ReadOnly, Arc::clone(&self.clock));
        Ok((self.block_on(opening)?, config))
    }

    /// The flag `--inventory`, when it was given.
    pub(super) fn inventory_flag(&self) -> Option<&Path> {
        self.global.inventory.as_deref()
    }

    /// The flag `--config`, or its variable, when it was given.
    pub(super) fn config_flag(&self) -> Option<&Path> {
        self.global.config.as_deref()
    }

    /// ` --data DIR` as it was given, to repeat in commands that are suggested.
    pub(super) fn data_flag(&self) -> String {
        self.global.data.as_deref().map(data_flag).unwrap_or_default()
    }
}

/// ` --data DIR`, quoted for a shell where that is needed.
pub(super) fn data_flag(data: &Path) -> String {
    let text = data.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        format!(" --data {text}")
    } else {
        format!(" --data '{}'", text.replace('\'', r"'\''"))
    }
}

/// The flag `--http` as a setting.
pub(super) fn http_flag(http: Option<SocketAddr>) -> Option<Flag> {
    http.map(|http| Flag { key: "http.listen", name: "--http", value: http.to_string() })
}

/// The setting that `--grpc` sets.
pub(super) fn grpc_flag(grpc: Option<SocketAddr>) -> Option<Flag> {
    grpc.map(|grpc| Flag { key: "grpc.listen", name: "--grpc", value: grpc.to_string() })
}

/// Sets what is logged from now on.
pub(super) type SetFilter = Box<dyn Fn(&Loaded) -> Result<(), Box<dyn Error>>>;

/// Logs to standard error, without waiting for its reader. The first caller decides; there is one log
/// per process. What is answered sets the level anew.
pub(super) fn start_logging(loaded: &Loaded, quiet: bool) -> Result<SetFilter, CliError> {
    let tell = |lines| {
        tracing::error!(lines, "log lines were dropped: nothing read standard error");
    };
    let log = log::standard(tell)
        .map_err(|error| CliError::Failed(format!("cannot start the log: {error}")))?;
    let (level, handle) = reload::Layer::new(filter(loaded, quiet));
    let form = match loaded.config.log.format {
        LogFormat::Text => Form::Text,
        LogFormat::Json => Form::Json,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || EscapingWriter::new(log.clone(), form))
        .with_ansi(std::io::stderr().is_terminal());
    let levels = tracing_subscriber::registry().with(level);
    // A second logger is refused, which is what is wanted.
    let _ = match loaded.config.log.format {
        LogFormat::Text => levels.with(lines).try_init(),
        LogFormat::Json => levels.with(lines.json()).try_init(),
    };
    Ok(Box::new(move |loaded| Ok(handle.reload(filter(loaded, quiet))?)))
}

fn filter(loaded: &Loaded, quiet: bool) -> EnvFilter {
    let chosen =
        loaded.origins.iter().any(|o| o.key == "log.level" && o.from != SettingLocation::Default);
    let level = match loaded.config.log.level {
        _ if quiet && !chosen => LogLevel::Warn,
        level => level,
    };
    // A target covers all whose names begin so: the probe of the demo too. Libraries say when something is wrong; at `info` some say what only they understand.
    let others = level.min(LogLevel::Warn).as_str();
    let ours = level.as_str();
    EnvFilter::new(format!("{others},roundsman={ours}"))
}

/// Listens for a signal from now on.
pub(super) fn listen(kind: SignalKind) -> Result<Signal, CliError> {
    signal(kind).map_err(|error| CliError::Failed(format!("cannot listen for signals: {error}")))
}

/// The same for what a person looks at: it ends with its terminal, too (SIGHUP).
pub(super) fn end_signal() -> Result<impl Future<Output = ()>, CliError> {
    let mut hangup = listen(SignalKind::hangup())?;
    let stop = stop_signal()?;
    Ok(async move {
        tokio::select! {
            () = stop => {}
            _ = hangup.recv() => {}
        }
    })
}

/// Ends on SIGINT (Ctrl-C) or SIGTERM.
pub(super) fn stop_signal() -> Result<impl Future<Output = ()>, CliError> {
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
