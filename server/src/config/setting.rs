//! Every setting, once: key, type, default, limits, meaning. The documented example
//! (`docker/roundsman.toml`) is held to this table by a test.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::{
    secret::Secret,
    shape::{ByteSize, Found, LogFormat, LogLevel, Shape, TlsMode},
    url::StoreUrl,
};

/// A setting with its type.
pub(super) struct Setting<T> {
    /// `section.key` as in the file.
    pub(super) key: &'static str,
    /// What it is where no source sets it.
    pub(super) default: fn() -> T,
    /// Smallest and largest value.
    pub(super) limits: Option<(T, T)>,
}

impl<T: Shape> Setting<T> {
    /// What a value must be, in words.
    pub(super) fn expected(&self) -> String {
        match &self.limits {
            Some((least, most)) => {
                format!("{} from {} to {}", T::EXPECTED, least.show(), most.show())
            }
            None => T::EXPECTED.to_owned(),
        }
    }
}

/// What there is to know about a setting.
#[derive(Debug, Clone, Copy)]
pub struct SettingInfo {
    /// `section.key` as in the file.
    pub key: &'static str,
    /// What it means.
    pub doc: &'static str,
    expected: fn() -> String,
    default: fn() -> Found,
}

impl SettingInfo {
    /// What a value must be, in words: the type and its limits.
    #[must_use]
    pub fn expected(&self) -> String {
        (self.expected)()
    }

    /// The default as it would stand in the file: `"2s"`, `256`.
    #[must_use]
    pub fn default(&self) -> String {
        self.default_found().to_string()
    }

    /// The default as a source would give it.
    pub(super) fn default_found(&self) -> Found {
        (self.default)()
    }

    /// The variable that sets it: `ROUNDSMAN_POLL__IN_FLIGHT` for `poll.in_flight`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.key.replace('.', "__").to_uppercase())
    }
}

/// What the names of our variables begin with.
pub(super) const VARIABLE_PREFIX: &str = "ROUNDSMAN_";

macro_rules! settings {
    ($( $NAME:ident: $Type:ty = $key:literal, $default:expr, $limits:expr, $doc:literal; )*) => {
        $(
            #[doc = $doc]
            pub(super) const $NAME: Setting<$Type> =
                Setting { key: $key, default: || $default, limits: $limits };
        )*
        /// Every setting, in the order of the file.
        pub const SETTINGS: &[SettingInfo] = &[$( SettingInfo {
            key: $key,
            doc: $doc,
            expected: || $NAME.expected(),
            default: || ($NAME.default)().found(),
        }, )*];
    };
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const DAY: u64 = 86_400;

settings! {
    INVENTORY: PathBuf = "inventory", "inventory.toml".into(), None,
        "The file of groups and hosts; a relative path is beside this file";
    DATA: PathBuf = "data", "/var/lib/roundsman".into(), None,
        "Directory for what the server writes; by default $XDG_DATA_HOME/roundsman or ~/.local/share/roundsman, and this one where there is no home";
    HTTP_LISTEN: SocketAddr = "http.listen", SocketAddr::from(([127, 0, 0, 1], 8080)), None,
        "Address and port of the HTTP API; port 0 takes a free one";
    STORE_URL: StoreUrl = "store.url", StoreUrl::Sqlite("roundsman.db".into()), None,
        "The database; a relative path is under `data`";
    STORE_PASSWORD: Option<Secret> = "store.password", None, None,
        "Password of the user in store.url; better in a file";
    STORE_PASSWORD_FILE: Option<PathBuf> = "store.password_file", None, None,
        "File that holds the password; a relative path is beside this file";
    STORE_TLS: TlsMode = "store.tls", TlsMode::Off, None,
        "Whether the connection to MySQL is encrypted and its certificate checked";
    STORE_TLS_CA: Option<PathBuf> = "store.tls_ca", None, None,
        "Certificates (PEM) that MySQL's is checked against; none: the public authorities";
    WRITER_BATCH_ROWS: u32 = "writer.batch_rows", 500, Some((1, 10_000)),
        "Most rows in one transaction";
    WRITER_BATCH_WAIT: Duration = "writer.batch_wait", secs(1), Some((millis(10), secs(1))),
        "Longest time a row waits for its batch to fill: what a crash can lose";
    WRITER_QUEUE_ROWS: u32 = "writer.queue_rows", 100_000, Some((1, 10_000_000)),
        "Most rows waiting for the store; more are counted and lost";
    POLL_IN_FLIGHT: u32 = "poll.in_flight", 256, Some((1, 65_536)),
        "Most polls in flight at once";
    POLL_CONNECT_TIMEOUT: Duration = "poll.connect_timeout", secs(2), Some((millis(10), secs(60))),
        "Time for TCP and TLS of a new connection, within the poll's timeout";
    POLL_ANSWER_MAX: ByteSize = "poll.answer_max", ByteSize(4 << 20), Some((ByteSize(64 << 10), ByteSize(256 << 20))),
        "Largest answer that is read; a larger one is the outcome too_large";
    POLL_KEEP_ALIVE: Duration = "poll.keep_alive", secs(60), Some((secs(1), secs(600))),
        "How long a connection may be idle before it is pinged; Docker's virtual addresses forget it after 900 s";
    POLL_RESOLVE_IN_FLIGHT: u32 = "poll.resolve_in_flight", 32, Some((1, 256)),
        "Most name look-ups at once: a dead resolver keeps a thread each";
    HEALTH_RISE: u32 = "health.rise", 2, Some((1, 100)),
        "Good polls in a row that bring a host back";
    HEALTH_FALL: u32 = "health.fall", 3, Some((2, 100)),
        "Failed polls in a row that make a host down; the first makes it suspect";
    HEALTH_CLOCK_SKEW: Duration = "health.clock_skew", secs(5), Some((millis(100), secs(DAY))),
        "How far a probe's clock may be off before its host is degraded";
    RETENTION_POLLS: Duration = "retention.polls", secs(30 * DAY), Some((secs(3600), secs(3650 * DAY))),
        "How long polls are kept";
    RETENTION_EVENTS: Duration = "retention.events", secs(400 * DAY), Some((secs(3600), secs(3650 * DAY))),
        "How long changes of state are kept";
    SEAL_AFTER: Duration = "seal.after", secs(48 * 3600), Some((secs(3600), secs(3650 * DAY))),
        "How old an hour of polls is when MySQL keeps it packed; SQLite never does";
    LOG_LEVEL: LogLevel = "log.level", LogLevel::Info, None,
        "The least important level that is written";
    LOG_FORMAT: LogFormat = "log.format", LogFormat::Text, None,
        "Lines for people, or JSON for machines";
}
