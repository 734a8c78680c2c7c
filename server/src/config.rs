//! The server's settings: from defaults, `roundsman.toml`, `ROUNDSMAN_*` variables and flags, later
//! ones over earlier ones, into types that cannot be wrong.
//!
//! It reads one file, and those that hold secrets, and is handed the environment; it must not know what the settings do. The
//! inventory is another file (`crate::inventory`); its `[defaults]` are not here.
//!
//! figment does the layering and remembers which layer each value came from. What it does not do is
//! done here, because each has bitten others: it stops at the first error (here: all are reported),
//! it has no positions (here: file:line:column), it types variables by their looks, so that a
//! password of digits is no string (here: a variable is text until its setting says otherwise), it
//! takes a file that is missing for an empty one, and its messages speak of profiles.

mod base_path;
mod hook_url;
mod layer;
mod read;
mod secret;
mod setting;
mod shape;
mod list;
mod source;
mod url;

pub use base_path::{BasePath, MAX_BASE_PATH_BYTES};
pub use hook_url::{HookUrl, MAX_HOOK_URL_BYTES};
pub use layer::{Flag, IGNORED_PREFIXES, IGNORED_VARIABLES, Place};
pub use read::Origin;
pub use secret::{MAX_SECRET_BYTES, Secret, SecretError};
pub use setting::{SETTINGS, SettingInfo};
pub use shape::{ByteSize, LogFormat, LogLevel, MAX_CA_BYTES, TlsMode};
pub use source::{ConfigError, Loaded, MAX_CONFIG_BYTES, Problem, Sources};
pub use url::{MysqlAddress, MysqlUrl, StoreUrl};

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::model::State;

/// All settings, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The inventory file.
    pub inventory: PathBuf,
    /// The directory for everything the server writes.
    pub data: PathBuf,
    /// The HTTP API.
    pub http: Http,
    /// The fleet's health over gRPC.
    pub grpc: Grpc,
    /// Where polls are kept.
    pub store: Store,
    /// How rows get there.
    pub writer: Writer,
    /// Where they wait while the store is away.
    pub spool: Spool,
    /// How hosts are asked.
    pub poll: Poll,
    /// How names are looked up.
    pub resolve: Resolve,
    /// What becomes of discovered hosts.
    pub discover: Discover,
    /// When a host counts as up or down.
    pub health: Health,
    /// Who is told of changes of state.
    pub hook: Hook,
    /// How long rows are kept.
    pub retention: Retention,
    /// `[seal]`: when polls are packed.
    pub seal: Seal,
    /// What is logged.
    pub log: Log,
}

/// `[http]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// Address of the HTTP API; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What who asks has to know.
    pub token: Option<Secret>,
    /// Whether other machines may ask without it.
    pub open: bool,
    /// Names that it is asked by where there is none, in small letters and without a point at the end.
    pub hosts: Vec<String>,
    /// The path that a proxy has it below and passes on.
    pub base_path: BasePath,
}

impl Http {
    /// Whether any machine could ask, and nobody said that it may.
    #[must_use]
    pub fn is_unguarded(&self) -> bool {
        self.token.is_none() && !self.open && !self.listen.ip().to_canonical().is_loopback()
    }
}

/// `[grpc]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grpc {
    /// Address of the fleet's health; port 0 takes a free one, none turns it off.
    pub listen: Option<SocketAddr>,
    /// Most services in an answer of `List`.
    pub list_max: u32,
}

/// `[hook]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Where changes of state are posted to.
    pub url: Option<HookUrl>,
    /// A change that enters or leaves one of these is told.
    pub states: Vec<State>,
    /// Longest time for one POST.
    pub timeout: Duration,
    /// The authorities that an https receiver's certificate is checked against; none: the public ones.
    pub ca_file: Option<PathBuf>,
    /// Sent as `Authorization: Bearer`.
    pub token: Option<Secret>,
}

/// `[store]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The database. A relative path has been resolved under `data`.
    pub url: StoreUrl,
    /// The password of the user in `url`; none where none is needed.
    pub password: Option<Secret>,
    /// Whether the connection is encrypted; of no effect on SQLite.
    pub tls: TlsMode,
    /// What the server's certificate is checked against; none: the public authorities.
    pub tls_ca: Option<PathBuf>,
    /// Where the server's name is looked up: `[resolve] servers`.
    pub name_servers: Vec<SocketAddr>,
}

/// `[writer]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writer {
    /// Most rows in one transaction.
    pub batch_rows: u32,
    /// Longest time a row waits for its batch to fill.
    pub batch_wait: Duration,
    /// Most rows waiting for the store; at least `batch_rows`.
    pub queue_rows: u32,
}

/// `[spool]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spool {
    /// The file: `spool.db` under `data`.
    pub path: PathBuf,
    /// Most bytes of rows in it; 0: there is no spool.
    pub max: ByteSize,
}

/// `[poll]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Poll {
    /// Most polls in flight at once.
    pub in_flight: u32,
    /// How long a poll counts to these: after that it only waits for its host.
    pub in_flight_for: Duration,
    /// The same for hosts whose last poll failed, beside those of the others.
    pub in_flight_unwell: u32,
    /// Time for TCP and TLS of a new connection, within the poll's own deadline.
    pub connect_timeout: Duration,
    /// Largest answer that is read.
    pub answer_max: ByteSize,
    /// How long a connection may be idle before it is pinged.
    pub keep_alive: Duration,
    /// Most name look-ups at once.
    pub resolve_in_flight: u32,
}

/// `[resolve]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolve {
    /// Name servers that are asked; none: those of `/etc/resolv.conf`.
    pub servers: Vec<SocketAddr>,
}

/// `[discover]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discover {
    /// How long a host that is down is kept once its address is gone from DNS; zero: for ever.
    pub forget: Duration,
}

/// `[health]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Good polls in a row that bring a host back.
    pub rise: u32,
    /// Failed polls in a row that make a host down; at least 2.
    pub fall: u32,
    /// How far a probe's wall clock may be off.
    pub clock_skew: Duration,
    /// Longest time that a host which is down is left alone between two attempts.
    pub backoff_cap: Duration,
}

/// `[retention]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How long polls are kept.
    pub polls: Duration,
    /// How long changes of state are kept.
    pub events: Duration,
    /// How long hours in short (least, mean and most of each value) are kept.
    pub rollups: Duration,
}

/// `[seal]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// How old an hour of polls is when it is sealed.
    pub after: Duration,
}

/// `[log]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// The least important level that is written.
    pub level: LogLevel,
    /// Lines for people or JSON for machines.
    pub format: LogFormat,
}

impl Config {
    /// Reads all sources and checks all values.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`], or [`ConfigError::Invalid`] with every problem found. A file
    /// that is not TOML is reported alone: what it would have said is not known.
    pub fn load(sources: Sources) -> Result<Loaded, ConfigError> {
        let (file, text) = match sources.file {
            Some(path) => match source::read(&path, sources.explicit)? {
                Some(text) => (Some(path), text),
                None => (None, String::new()),
            },
            None => (None, String::new()),
        };
        let mut problems = Vec::new();
        let mut layers = vec![layer::defaults(&sources.env)];
        if let Some(path) = &file {
            layers.push(layer::file(path, &text, &mut problems).map_err(ConfigError::Invalid)?);
        }
        layers.push(layer::environment(&sources.env, &mut problems));
        layers.push(layer::flags(sources.flags, &mut problems));

        let base = file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let mut reader = read::Reader::new(layers, base, problems);
        let config = config(&mut reader);
        let (origins, warnings) = reader.finish().map_err(ConfigError::Invalid)?;
        Ok(Loaded { config, origins, file, warnings })
    }
}

/// Reads every setting. A value that is wrong is noted by the reader and stands in as its default,
/// so that all are looked at; the reader then refuses to finish.
fn config(read: &mut read::Reader<'_>) -> Config {
    use setting::{
        DATA, DISCOVER_FORGET, GRPC_LIST_MAX, GRPC_LISTEN, HEALTH_BACKOFF_CAP, HEALTH_CLOCK_SKEW,
        HEALTH_FALL, HEALTH_RISE, INVENTORY, LOG_FORMAT, LOG_LEVEL, POLL_ANSWER_MAX,
        POLL_CONNECT_TIMEOUT, POLL_IN_FLIGHT, POLL_IN_FLIGHT_FOR, POLL_IN_FLIGHT_UNWELL,
        POLL_KEEP_ALIVE, POLL_RESOLVE_IN_FLIGHT, RESOLVE_SERVERS, RETENTION_EVENTS,
        RETENTION_POLLS, RETENTION_ROLLUPS, SEAL_AFTER, SPOOL_MAX, WRITER_BATCH_ROWS,
        WRITER_BATCH_WAIT, WRITER_QUEUE_ROWS,
    };
    let inventory = read.path(&INVENTORY);
    let data = read.path(&DATA);
    let mut store = store(read, &data);
    let writer = Writer {
        batch_rows: read.get(&WRITER_BATCH_ROWS),
        batch_wait: read.get(&WRITER_BATCH_WAIT),
        queue_rows: read.get(&WRITER_QUEUE_ROWS),
    };
    if writer.queue_rows < writer.batch_rows {
        read.refuse(
            &WRITER_QUEUE_ROWS,
            format!(
                "expected at least writer.batch_rows ({}), or no batch ever fills; found {}",
                writer.batch_rows, writer.queue_rows
            ),
        );
    }
    let resolve = Resolve { servers: read.get(&RESOLVE_SERVERS) };
    store.name_servers.clone_from(&resolve.servers);
    let spool = Spool { path: data.join("spool.db"), max: read.get(&SPOOL_MAX) };
    Config {
        inventory,
        data,
        http: http(read),
        grpc: Grpc { listen: read.get(&GRPC_LISTEN), list_max: read.get(&GRPC_LIST_MAX) },
        store,
        writer,
        spool,
        poll: Poll {
            in_flight: read.get(&POLL_IN_FLIGHT),
            in_flight_for: read.get(&POLL_IN_FLIGHT_FOR),
            in_flight_unwell: read.get(&POLL_IN_FLIGHT_UNWELL),
            connect_timeout: read.get(&POLL_CONNECT_TIMEOUT),
            answer_max: read.get(&POLL_ANSWER_MAX),
            keep_alive: read.get(&POLL_KEEP_ALIVE),
            resolve_in_flight: read.get(&POLL_RESOLVE_IN_FLIGHT),
        },
        resolve,
        discover: Discover { forget: read.get(&DISCOVER_FORGET) },
        health: Health {
            rise: read.get(&HEALTH_RISE),
            fall: read.get(&HEALTH_FALL),
            clock_skew: read.get(&HEALTH_CLOCK_SKEW),
            backoff_cap: read.get(&HEALTH_BACKOFF_CAP),
        },
        hook: hook(read),
        retention: Retention {
            polls: read.get(&RETENTION_POLLS),
            events: read.get(&RETENTION_EVENTS),
            rollups: read.get(&RETENTION_ROLLUPS),
        },
        seal: Seal { after: read.get(&SEAL_AFTER) },
        log: Log { level: read.get(&LOG_LEVEL), format: read.get(&LOG_FORMAT) },
    }
}

fn hook(read: &mut read::Reader<'_>) -> Hook {
    use setting::{HOOK_CA_FILE, HOOK_STATES, HOOK_TIMEOUT, HOOK_TOKEN, HOOK_TOKEN_FILE, HOOK_URL};
    let hook = Hook {
        url: read.get(&HOOK_URL),
        states: read.get(&HOOK_STATES),
        timeout: read.get(&HOOK_TIMEOUT),
        ca_file: read.optional_path(&HOOK_CA_FILE),
        token: read.secret(&HOOK_TOKEN, &HOOK_TOKEN_FILE),
    };
    check_token(read, &HOOK_TOKEN, hook.token.as_ref());
    if hook.ca_file.is_some() && !hook.url.as_ref().is_some_and(HookUrl::is_https) {
        read.refuse(&HOOK_CA_FILE, "is of no use unless hook.url is https://".to_owned());
    }
    hook
}

fn http(read: &mut read::Reader<'_>) -> Http {
    use setting::{
        HTTP_BASE_PATH, HTTP_HOSTS, HTTP_LISTEN, HTTP_OPEN, HTTP_TOKEN, HTTP_TOKEN_FILE,
    };
    let token = read.secret(&HTTP_TOKEN, &HTTP_TOKEN_FILE);
    check_token(read, &HTTP_TOKEN, token.as_ref());
    let open = read.get(&HTTP_OPEN);
    let hosts = read.get(&HTTP_HOSTS).into_iter().map(|name| name.0).collect();
    let base_path = read.get(&HTTP_BASE_PATH);
    Http { listen: read.get(&HTTP_LISTEN), token, open, hosts, base_path }
}

/// A token goes into a header as it is.
fn check_token(
    read: &mut read::Reader<'_>,
    setting: &setting::Setting<Option<Secret>>,
    token: Option<&Secret>,
) {
    let fits = |token: &Secret| token.expose().bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    if token.is_some_and(|token| !fits(token)) {
        read.refuse(setting, "expected visible ASCII characters without spaces".to_owned());
    }
}

fn store(read: &mut read::Reader<'_>, data: &Path) -> Store {
    use setting::{STORE_PASSWORD, STORE_PASSWORD_FILE, STORE_TLS, STORE_TLS_CA, STORE_URL};
    let url = read.get(&STORE_URL).under(data);
    let password = read.secret(&STORE_PASSWORD, &STORE_PASSWORD_FILE);
    let tls = read.get(&STORE_TLS);
    let tls_ca = read.optional_path(&STORE_TLS_CA);
    if tls_ca.is_some() && tls == TlsMode::Off {
        read.refuse(&STORE_TLS_CA, "is of no use while store.tls is \"off\"".to_owned());
    }
    Store { url, password, tls, tls_ca, name_servers: Vec::new() }
}

#[cfg(test)]
mod tests;
