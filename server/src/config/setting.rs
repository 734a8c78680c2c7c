//! Every setting, once: key, type, default, limits, meaning. The documented example
//! (`docker/roundsman.toml`) is held to this table by a test.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::{
    base_path::BasePath,
    hook_url::HookUrl,
    list::SiteName,
    secret::Secret,
    shape::{ByteSize, Found, LogFormat, LogLevel, Shape, TlsMode},
    url::StoreUrl,
};
use crate::model::State;

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
            None if T::LIST => {
                format!("a list of {}, or one text with commas between them", T::EXPECTED)
            }
            None => T::EXPECTED.to_owned(),
        }
    }

    /// The first entry of an array that could not stand in it, and where, from 0.
    pub(super) fn wrong_entry<'a>(&self, found: &'a Found) -> Option<(usize, &'a Found)> {
        let Found::List(entries) = found else { return None };
        let wrong = |entry: &&Found| T::read(&Found::List(vec![(*entry).clone()])).is_none();
        entries.iter().enumerate().find(|(_, entry)| T::LIST && wrong(entry))
    }
}

/// What there is to know about a setting.
#[derive(Debug, Clone, Copy)]
pub struct SettingInfo {
    /// `section.key` as in the file.
    pub key: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// Whether it takes several values: an array, or one text with commas.
    pub list: bool,
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
            list: <$Type as Shape>::LIST,
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
    HTTP_TOKEN: Option<Secret> = "http.token", None, None,
        "What who asks over HTTP has to know, as a bearer token or as any user's password; better in a file";
    HTTP_TOKEN_FILE: Option<PathBuf> = "http.token_file", None, None,
        "File that holds the token; a relative path is beside this file";
    HTTP_OPEN: bool = "http.open", false, None,
        "Whether everybody who reaches a listen address other than loopback may ask without a token";
    HTTP_HOSTS: Vec<SiteName> = "http.hosts", Vec::new(), None,
        "Names that the HTTP API is asked by, where there is no token; addresses and localhost always are";
    HTTP_BASE_PATH: BasePath = "http.base_path", BasePath::default(), None,
        "Path that a proxy has the HTTP API and the page below and passes on; none when it takes it off";
    GRPC_LISTEN: Option<SocketAddr> = "grpc.listen", Some(SocketAddr::from(([127, 0, 0, 1], 50052))), None,
        "Address and port of the fleet's health over gRPC; port 0 takes a free one, none turns it off";
    GRPC_LIST_MAX: u32 = "grpc.list_max", 100, Some((4, 100_000)),
        "Most services in an answer of List; 100 is the protocol's own limit";
    STORE_URL: StoreUrl = "store.url", StoreUrl::Sqlite("roundsman.db".into()), None,
        "The database; a relative path is under `data`";
    STORE_PASSWORD: Option<Secret> = "store.password", None, None,
        "Password of the user in store.url; better in a file";
    STORE_PASSWORD_FILE: Option<PathBuf> = "store.password_file", None, None,
        "File that holds the password; a relative path is beside this file";
    STORE_TLS: TlsMode = "store.tls", TlsMode::Off, None,
        "Whether the connection to MySQL is encrypted and its certificate checked, with its name or without";
    STORE_TLS_CA: Option<PathBuf> = "store.tls_ca", None, None,
        "Certificates (PEM) that MySQL's is checked against; none: the public authorities";
    WRITER_BATCH_ROWS: u32 = "writer.batch_rows", 500, Some((1, 10_000)),
        "Most rows in one transaction";
    WRITER_BATCH_WAIT: Duration = "writer.batch_wait", secs(1), Some((millis(10), secs(1))),
        "Longest time a row waits for its batch to fill: what a crash can lose";
    WRITER_QUEUE_ROWS: u32 = "writer.queue_rows", 100_000, Some((1, 10_000_000)),
        "Most rows waiting for the store; more are counted and lost";
    SPOOL_MAX: ByteSize = "spool.max", ByteSize(1 << 30), Some((ByteSize(0), ByteSize(1 << 40))),
        "Most bytes of rows that wait on disk (`data`/spool.db) while the store is away; 0: none do";
    POLL_IN_FLIGHT: u32 = "poll.in_flight", 256, Some((1, 65_536)),
        "Most polls in flight at once";
    POLL_IN_FLIGHT_FOR: Duration = "poll.in_flight_for", millis(250), Some((millis(10), secs(300))),
        "How long a poll counts as in flight: after that it only waits for its host";
    POLL_IN_FLIGHT_UNWELL: u32 = "poll.in_flight_unwell", 64, Some((1, 65_536)),
        "Most polls in flight at once of hosts whose last poll failed, beside those of the others";
    POLL_CONNECT_TIMEOUT: Duration = "poll.connect_timeout", secs(2), Some((millis(10), secs(60))),
        "Time for TCP and TLS of a new connection, within the poll's timeout";
    POLL_ANSWER_MAX: ByteSize = "poll.answer_max", ByteSize(4 << 20), Some((ByteSize(64 << 10), ByteSize(256 << 20))),
        "Largest answer that is read; a larger one is the outcome too_large";
    POLL_KEEP_ALIVE: Duration = "poll.keep_alive", secs(60), Some((secs(1), secs(600))),
        "How long a connection may be idle before it is pinged; Docker's virtual addresses forget it after 900 s";
    POLL_RESOLVE_IN_FLIGHT: u32 = "poll.resolve_in_flight", 32, Some((1, 256)),
        "Most name look-ups at once";
    RESOLVE_SERVERS: Vec<SocketAddr> = "resolve.servers", Vec::new(), None,
        "Name servers that are asked instead of those of /etc/resolv.conf";
    DISCOVER_FORGET: Duration = "discover.forget", Duration::ZERO, Some((Duration::ZERO, secs(3650 * DAY))),
        "How long a discovered host that is down is kept once its address is gone from DNS; 0s: for ever";
    HEALTH_RISE: u32 = "health.rise", 2, Some((1, 100)),
        "Good polls in a row that bring a host back";
    HEALTH_FALL: u32 = "health.fall", 3, Some((2, 100)),
        "Failed polls in a row that make a host down; the first makes it suspect";
    HEALTH_CLOCK_SKEW: Duration = "health.clock_skew", secs(5), Some((millis(100), secs(DAY))),
        "How far a probe's clock may be off before its host is degraded";
    HEALTH_BACKOFF_CAP: Duration = "health.backoff_cap", secs(60), Some((secs(1), secs(3600))),
        "Longest time that a host which is down is left alone between two attempts";
    HOOK_URL: Option<HookUrl> = "hook.url", None, None,
        "Where changes of state are posted to; none: nowhere";
    HOOK_STATES: Vec<State> = "hook.states", vec![State::Down], None,
        "A change that enters or leaves one of these states is told";
    HOOK_TIMEOUT: Duration = "hook.timeout", secs(5), Some((millis(10), secs(60))),
        "Longest time for one POST, connecting included";
    HOOK_CA_FILE: Option<PathBuf> = "hook.ca_file", None, None,
        "Certificates (PEM) that the one of an https receiver is checked against; none: the public authorities";
    HOOK_TOKEN: Option<Secret> = "hook.token", None, None,
        "Sent as `Authorization: Bearer`; better in a file";
    HOOK_TOKEN_FILE: Option<PathBuf> = "hook.token_file", None, None,
        "File that holds the token; a relative path is beside this file";
    RETENTION_POLLS: Duration = "retention.polls", secs(30 * DAY), Some((secs(3600), secs(3650 * DAY))),
        "How long polls are kept";
    RETENTION_EVENTS: Duration = "retention.events", secs(400 * DAY), Some((secs(3600), secs(3650 * DAY))),
        "How long changes of state are kept";
    RETENTION_ROLLUPS: Duration = "retention.rollups", secs(730 * DAY), Some((secs(3600), secs(3650 * DAY))),
        "How long hours in short are kept";
    SEAL_AFTER: Duration = "seal.after", secs(48 * 3600), Some((secs(3600), secs(3650 * DAY))),
        "How old an hour of polls is when MySQL keeps it packed; SQLite never does";
    LOG_LEVEL: LogLevel = "log.level", LogLevel::Info, None,
        "The least important level that is written";
    LOG_FORMAT: LogFormat = "log.format", LogFormat::Text, None,
        "Lines for people, or JSON for machines";
}
