//! Every setting, once: its key, type, default, limits and meaning. The types of the configuration, what
//! is read, `roundsman check` and the documented example (`docker/roundsman.toml`) follow from it.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::{
    base_path::BasePath,
    declare::SettingInfo,
    hook_url::HookUrl,
    issuer::IssuerUrl,
    list::{HeaderField, ProxyAddress, SiteName},
    name::{FieldName, VisibleText},
    public_url::PublicUrl,
    read::Reader,
    secret::Secret,
    setting_type::{ByteSize, SettingType},
    typed::Setting,
    url::StoreUrl,
    words::{ExportNames, ExportProtocol, LogFormat, LogLevel, TlsMode},
};
use crate::model::{Family, Severity, State};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const DAY: u64 = 86_400;

configuration! {
    /// All settings, checked.
    Config {
        /// The file of groups and hosts; a relative path is beside this file.
        inventory: PathBuf = "inventory.toml".into();
        /// The file of alert rules; a relative path is beside this file. Default: alerts.toml beside the
        /// inventory, where there is one, and else the rules that `roundsman alerts defaults` shows.
        alerts: Option<PathBuf> = None;
        /// Directory for what the server writes: the SQLite file and the spool. Where there is a home, the
        /// default is $XDG_DATA_HOME/roundsman or ~/.local/share/roundsman instead.
        data: PathBuf = "/var/lib/roundsman".into();
    }

    /// `[http]`: the HTTP API and the page.
    http "http.": Http {
        /// Address and port of the HTTP API; port 0 takes a free one. In a container: "0.0.0.0:8080".
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080));
        /// One token that everybody has who asks over HTTP: "Authorization: Bearer ...", the password of any
        /// user, or what a browser signs in with. It may do everything. Better in a file, as Docker and
        /// Kubernetes mount secrets.
        token: Option<Secret> = None;
        /// File that holds the token; a relative path is beside this file.
        token_file: Option<PathBuf> = None;
        /// File of tokens that people and programs have each for themselves, with a role, groups and an
        /// expiry: `roundsman token new` writes it. It is read again when it changes; a relative path is beside
        /// this file.
        access_file: Option<PathBuf> = None;
        /// Without a token the server listens on loopback alone; true: on any address all the same, where a
        /// firewall or a proxy decides who may ask.
        open: bool = false;
        /// Without a token, names that the API may be asked by, with commas between them: behind a proxy that
        /// passes on its own name, or for "http://monitor.example.org:8080". An IP address and localhost always
        /// may; other names are refused, since a page that a browser shows could lead them here.
        hosts: Vec<SiteName> = Vec::new();
        /// The path that a proxy has the API and the page below, "/mon", when it passes it on as it is; what is
        /// asked without it is answered, too. A proxy that takes its path off needs nothing set here.
        base_path: BasePath = BasePath::default();
        /// Certificate (PEM, with its chain) for HTTPS, by HTTP/2 or HTTP/1.1; "": HTTP in clear text. It is read
        /// again when it changes. A relative path is beside this file.
        tls_cert: Option<PathBuf> = None;
        /// The key of that certificate (PEM), which only its owner may read.
        tls_key: Option<PathBuf> = None;
        /// A socket of this machine (a path) where the same is served in clear text beside `listen`, for a proxy.
        /// Who may write to its file, of mode 0660, may connect.
        socket: Option<PathBuf> = None;
        /// Where people find the page, "https://monitor.example.org": messages of alarms link to it. Without it
        /// they have no link.
        url: Option<PublicUrl> = None;
        /// Addresses whose word is taken for who asks, for a proxy that signs people in: networks such as
        /// "10.0.0.7" and "10.1.0.0/24", or "unix" for `socket`. Whoever can connect from there can be anybody
        /// who has an entry [[user]] in `access_file`.
        proxy_from: Vec<ProxyAddress> = Vec::new();
        /// The header field in which such a proxy names the user. From other addresses it counts for nothing.
        proxy_user_header: FieldName = FieldName::new("x-forwarded-user");
    }

    /// `[oidc]`: people sign in at a provider of OpenID Connect.
    oidc "oidc.": Oidc {
        /// The provider, exactly as it calls itself: "https://login.example.org/realms/main". What its groups
        /// may do stands in `http.access_file`, in entries [[oidc]]; who is in none of them has no access. It
        /// sends people back to `http.url` with /login/oidc/callback behind it: register that there.
        issuer: Option<IssuerUrl> = None;
        /// What the provider knows this server as.
        client_id: Option<VisibleText> = None;
        /// File that holds the secret that the provider gave this server; none for a public client. A relative
        /// path is beside this file.
        client_secret_file: Option<PathBuf> = None;
        /// The claim of the ID token that lists somebody's groups.
        claim: VisibleText = VisibleText::new("groups");
        /// Certificates (PEM) that the provider's is checked against; "": the public authorities. A relative
        /// path is beside this file.
        ca_file: Option<PathBuf> = None;
    } + {
        /// What stands in `client_secret_file`.
        client_secret: Option<Secret>;
    }

    /// `[grpc]`: the fleet's health over gRPC.
    #[derive(Copy)]
    grpc "grpc.": Grpc {
        /// Address and port of the fleet's health over gRPC (grpc.health.v1: "", store, inventory, scheduler,
        /// host/<name>, group/<name>); port 0 takes a free one, "" turns it off. Other machines show a token
        /// where there is an access file.
        listen: Option<SocketAddr> = Some(SocketAddr::from(([127, 0, 0, 1], 50052)));
        /// true: over TLS, with the certificate of HTTP.
        tls: bool = false;
        /// Most services in an answer of List; 100 is the protocol's own limit. 4 to 100000.
        list_max: u32 = 100, 4 => 100_000;
    }

    /// `[store]`: where polls are kept.
    store "store.": Store {
        /// The database: "sqlite:" and a file (a relative path is under `data`), or MySQL or MariaDB:
        /// "mysql://user@host:3306/database"; up to 9 servers of one database with commas between them,
        /// "mysql://user@a:3306,b:3306/database", of which the first that takes rows is used.
        url: StoreUrl = StoreUrl::Sqlite("roundsman.db".into());
        /// Password of the user in `url`. Better in a file, as Docker and Kubernetes mount secrets.
        password: Option<Secret> = None;
        /// File that holds the password; a relative path is beside this file.
        password_file: Option<PathBuf> = None;
        /// "required": the connection to MySQL is encrypted and its certificate checked, with its name;
        /// "verify-ca": checked without its name, as those that MySQL makes for itself need it, by `tls_ca` alone;
        /// or "off": what answers in the server's place can read the password. "" is "off" on this machine, and
        /// refused where a password would go to another one.
        tls: Option<TlsMode> = None;
        /// Certificates (PEM) that MySQL's is checked against; "": those of the public authorities.
        tls_ca: Option<PathBuf> = None;
    } + {
        /// Where the server's name is looked up: `[resolve] servers`.
        name_servers: Vec<SocketAddr>;
    }

    /// `[writer]`: how rows get there.
    #[derive(Copy)]
    writer "writer.": Writer {
        /// Most rows in one transaction; 1 to 10000.
        batch_rows: u32 = 500, 1 => 10_000;
        /// Longest time a row waits for its batch to fill: what a crash can lose; 10ms to 1s.
        batch_wait: Duration = secs(1), millis(10) => secs(1);
        /// Most rows waiting for the store, at least batch_rows; more are counted and lost. 1 to 10000000.
        queue_rows: u32 = 100_000, 1 => 10_000_000;
    }

    /// `[spool]`: where they wait while the store is away.
    spool "spool.": Spool {
        /// Most bytes of rows that wait on disk (spool.db under `data`) while the store is away: about a
        /// kilobyte per poll. Then the oldest polls are counted and lost. The file itself takes up to a tenth
        /// more. 0B to 1024GiB; with "0B" rows wait in memory alone.
        max: ByteSize = ByteSize(1 << 30), ByteSize(0) => ByteSize(1 << 40);
    } + {
        /// The file: `spool.db` under `data`.
        path: PathBuf;
    }

    /// `[poll]`: how hosts are asked.
    #[derive(Copy)]
    poll "poll.": Poll {
        /// Most polls in flight at once; 1 to 65536.
        in_flight: u32 = 256, 1 => 65_536;
        /// How long a poll counts as in flight: after that it only waits for its host, and others may begin.
        /// So many hosts that fall silent at once hold up nobody. 10ms to 5m.
        in_flight_for: Duration = millis(250), millis(10) => secs(300);
        /// Most polls in flight at once of hosts whose last poll failed: places of their own, so that silent
        /// hosts cannot crowd out those that answer; 1 to 65536.
        in_flight_unwell: u32 = 64, 1 => 65_536;
        /// Time for TCP and TLS of a new connection, within the poll's own timeout; 10ms to 1m.
        connect_timeout: Duration = secs(2), millis(10) => secs(60);
        /// Largest answer that is read; a larger one is the outcome `too_large`. 64KiB to 256MiB.
        answer_max: ByteSize = ByteSize(4 << 20), ByteSize(64 << 10) => ByteSize(256 << 20);
        /// How long a connection may be idle before it is pinged; 1s to 10m. Docker's virtual addresses
        /// forget a connection that is idle for 900 s.
        keep_alive: Duration = secs(60), secs(1) => secs(600);
        /// Most name look-ups at once; 1 to 256.
        resolve_in_flight: u32 = 32, 1 => 256;
    }

    /// `[resolve]`: how names are looked up.
    resolve "resolve.": Resolve {
        /// Name servers that are asked instead of those of /etc/resolv.conf, up to 8: ["10.0.0.2:53",
        /// "[fd00::2]:53"]. Names in /etc/hosts need no server. Nothing else is asked: no NSS, no mDNS.
        servers: Vec<SocketAddr> = Vec::new();
    }

    /// `[discover]`: what becomes of discovered hosts.
    #[derive(Copy)]
    discover "discover.": Discover {
        /// How long a discovered host that is down is kept once its address is gone from DNS; "0s": for ever,
        /// as a host that vanished is to be seen. 0s to 3650d.
        forget: Duration = Duration::ZERO, Duration::ZERO => secs(3650 * DAY);
    }

    /// `[health]`: when a host counts as up or down.
    #[derive(Copy)]
    health "health.": Health {
        /// Good polls in a row that bring a host back; 1 to 100.
        rise: u32 = 2, 1 => 100;
        /// Failed polls in a row that make a host down, the first of which makes it suspect; 2 to 100.
        fall: u32 = 3, 2 => 100;
        /// How far a probe's wall clock may be off before its host is degraded, beyond what the measure
        /// itself may be off (half of the call); 100ms to 1d.
        clock_skew: Duration = secs(5), millis(100) => secs(DAY);
        /// How long before the end of its probe's certificate a host is degraded, so that it is renewed in time;
        /// "0s": not before it has ended. 0s to 365d.
        certificate_warn: Duration = secs(14 * DAY), Duration::ZERO => secs(365 * DAY);
        /// Longest time that a host which is down is left alone between two attempts; 1s to 1h. It starts at
        /// the host's interval and doubles.
        backoff_cap: Duration = secs(60), secs(1) => secs(3600);
    }

    /// `[hook]`: what is told of changes of state, and where.
    hook "hook.": Hook {
        /// Where changes of state are posted to, a JSON document each: "https://host/path" or
        /// "http://host:port/path"; "": nowhere. What is not taken is tried again for a day.
        /// The path may hold a token and is never shown.
        url: Option<HookUrl> = None;
        /// A change that enters or leaves one of these states is told: ["down"] tells of failures and of their
        /// end, ["down", "degraded"] of more.
        states: Vec<State> = vec![State::Down];
        /// Alarms that matter at least so much are told: "info", "warning" or "critical"; "": none. Rules about
        /// a host's state alone are left out: `states` says what is told of that.
        alerts: Option<Severity> = Some(Severity::Warning);
        /// Longest time for one POST, connecting included; 10ms to 1m.
        timeout: Duration = secs(5), millis(10) => secs(60);
        /// Certificates (PEM) that the one of an https receiver is checked against; "": the public
        /// authorities. A relative path is beside this file.
        ca_file: Option<PathBuf> = None;
        /// Certificate (PEM, with its chain) that is shown to a receiver that wants one.
        cert_file: Option<PathBuf> = None;
        /// Its key (PEM), of mode 0600.
        key_file: Option<PathBuf> = None;
        /// Sent as "Authorization: Bearer ...". Better in a file, as Docker and Kubernetes mount secrets.
        token: Option<Secret> = None;
        /// File that holds the token; a relative path is beside this file.
        token_file: Option<PathBuf> = None;
    }

    /// `[export]`: where readings are sent as they are taken.
    export "export.": Export {
        /// Where each poll is sent to: "https://metrics.example.org/api/v1/write", by OTLP
        /// "http://collector:4318/v1/metrics"; "": nowhere. The path may hold a token and is never shown.
        url: Option<HookUrl> = None;
        /// "remote_write" (Prometheus' 1.0), which most receivers take; "remote_write_2" (2.0), which has types and
        /// fewer bytes: a receiver that does not take 2.0 is sent 1.0; or "otlp" (OpenTelemetry's, over HTTP).
        protocol: ExportProtocol = ExportProtocol::RemoteWrite;
        /// Whose names the metrics have, as in /metrics/hosts: "roundsman", or "node" for node_exporter's. By OTLP
        /// they are those of its conventions, and this is left out.
        names: ExportNames = ExportNames::Roundsman;
        /// Only values of these families: ["cpu", "memory"]; none named: of all. What is said of every host goes
        /// along.
        families: Vec<Family> = Vec::new();
        /// Header fields that each request has beside its own, up to 16: ["X-Scope-OrgID: fleet"]. Their values may
        /// be secrets and are never shown.
        headers: Vec<HeaderField> = Vec::new();
        /// The user of HTTP's Basic, whose password the token then is; "": the token is sent as "Bearer".
        user: Option<VisibleText> = None;
        /// Sent as "Authorization: ...". Better in a file, as Docker and Kubernetes mount secrets.
        token: Option<Secret> = None;
        /// File that holds the token; a relative path is beside this file.
        token_file: Option<PathBuf> = None;
        /// Certificates (PEM) that the one of an https receiver is checked against; "": the public
        /// authorities. A relative path is beside this file.
        ca_file: Option<PathBuf> = None;
        /// Longest time for one request, connecting included; 100ms to 5m.
        timeout: Duration = secs(30), millis(100) => secs(300);
        /// Most bytes of packed requests that wait on disk (the folder export under `data`) while the receiver is
        /// away; then the oldest are counted and lost. 0B to 1024GiB; with "0B" they wait in memory alone.
        queue: ByteSize = ByteSize(1 << 30), ByteSize(0) => ByteSize(1 << 40);
    }

    /// `[retention]`: how long rows are kept, and in how much room.
    #[derive(Copy)]
    retention "retention.": Retention {
        /// How long polls are kept; 1h to 3650d.
        polls: Duration = secs(30 * DAY), secs(3600) => secs(3650 * DAY);
        /// How long changes of state are kept; 1h to 3650d.
        events: Duration = secs(400 * DAY), secs(3600) => secs(3650 * DAY);
        /// How long points of five minutes are kept: least, mean and most of each value of the host, and of each
        /// core, disk, interface and mount; 1h to 3650d.
        summaries: Duration = secs(365 * DAY), secs(3600) => secs(3650 * DAY);
        /// How long hours in short are kept: least, mean and most of each value; 1h to 3650d.
        rollups: Duration = secs(730 * DAY), secs(3600) => secs(3650 * DAY);
        /// Most room that the history takes, "20GiB": beyond it the oldest polls go before their time, then the
        /// oldest hours in short. The spool and MySQL's binary log are not in it. "": as much as the above take;
        /// at least 64MiB.
        size: Option<ByteSize> = None;
    }

    /// `[seal]`: when polls are packed.
    #[derive(Copy)]
    seal "seal.": Seal {
        /// How old an hour of polls is when it is packed into one row per host, a fifth of the bytes; the views
        /// show it as before. A dashboard looks at younger ones mostly. What is never packed can be read in
        /// SQLite's file by any program: then name as long a time as polls are kept. 1h to 3650d.
        after: Duration = secs(6 * 3600), secs(3600) => secs(3650 * DAY);
    }

    /// `[log]`: what is logged.
    #[derive(Copy)]
    log "log.": Log {
        /// The least important level that is written: "error", "warn", "info", "debug" or "trace".
        level: LogLevel = LogLevel::Info;
        /// "text" for people, "json" for machines.
        format: LogFormat = LogFormat::Text;
    }
}
