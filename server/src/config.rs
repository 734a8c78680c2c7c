//! The server's settings: from defaults, `roundsman.toml`, `ROUNDSMAN_*` variables and flags, later
//! ones over earlier ones, into types that cannot be wrong.
//!
//! It reads one file, and those that hold secrets, and is handed the environment; it must not know what the settings do. The
//! inventory is another file (`crate::inventory`); its `[defaults]` are not here.
//!
//! Each value of a source is a provider of figment, which merges them, knows for each key which one won
//! and where it stands, and hands it to serde as the type of its setting. What it does not do is done
//! here, because each has bitten others: its `extract` stops at the first error (here: every key by
//! itself, so that all are reported), its files have no positions (here: file:line:column), its
//! variables are typed by their looks, so that a password of digits is no string (here: by their
//! setting), it takes a file that is missing for an empty one, and its messages speak of profiles.

mod base_path;
#[macro_use]
mod declare;
mod hook_url;
mod issuer;
mod layer;
mod name;
mod place;
mod public_url;
mod read;
mod secret;
#[allow(
    rustdoc::bare_urls,
    rustdoc::broken_intra_doc_links,
    rustdoc::invalid_html_tags,
    reason = "the words of the example file"
)]
mod setting;
mod list;
mod setting_type;
mod source;
mod typed;
mod url;
mod words;

pub use base_path::{BasePath, MAX_BASE_PATH_BYTES};
pub use declare::SettingInfo;
pub use hook_url::{HookUrl, MAX_HOOK_URL_BYTES, authority};
pub use issuer::IssuerUrl;
pub use layer::{Flag, IGNORED_PREFIXES, IGNORED_VARIABLES};
pub use list::{HeaderField, ProxyAddress, SiteName};
pub use name::{FieldName, VisibleText};
pub use place::{SettingLocation, SettingProblem};
pub use public_url::{MAX_PUBLIC_URL_BYTES, PublicUrl};
pub use read::Origin;
pub use secret::{MAX_SECRET_BYTES, Secret, SecretError};
pub use setting::{
    Config, Discover, Export, Grpc, Health, Hook, Http, Log, Oidc, Poll, Resolve, Retention,
    SETTINGS, Seal, Spool, Store, Writer,
};
pub use setting_type::{ByteSize, MAX_CA_BYTES};
pub use source::{ConfigError, Loaded, MAX_CONFIG_BYTES, Sources};
pub use url::{MysqlAddress, MysqlUrl, StoreUrl};
pub use words::{ExportNames, ExportProtocol, LogFormat, LogLevel, TlsMode};

use read::Reader;
use roundsman_pki::server::ServerFiles;

/// The smallest `retention.size`, bytes: the last hours of a few hosts, which are never given up, fit.
pub const MIN_HISTORY_BYTES: u64 = 64 << 20;

impl Http {
    /// Whether any machine could ask, and nobody said that it may.
    #[must_use]
    pub fn is_unguarded(&self) -> bool {
        self.token.is_none()
            && self.access_file.is_none()
            && !self.open
            && !self.listen.ip().to_canonical().is_loopback()
    }

    /// The files of HTTPS, where it is wanted.
    #[must_use]
    pub fn tls(&self) -> Option<ServerFiles> {
        let (certificate, key) = (self.tls_cert.clone()?, self.tls_key.clone()?);
        Some(ServerFiles { certificate, key, client_ca: None, client_crl: None })
    }

    /// Holds settings against those that they depend on.
    fn hold_together(&self, read: &mut Reader<'_>) {
        let pair = [self.tls_cert.is_some(), self.tls_key.is_some()];
        read.hold_pair([Self::tls_cert().key, Self::tls_key().key], pair);
        if !self.proxy_from.is_empty() && self.access_file.is_none() {
            let lacks = Self::access_file().key;
            read.refuse(Self::proxy_from().key, &format!("is of no use without {lacks}"));
        }
    }
}

impl Oidc {
    /// Holds the settings against those that they depend on.
    fn hold_against(&self, http: &Http, read: &mut Reader<'_>) {
        let Some(issuer) = &self.issuer else {
            for (key, is_given) in [
                (Self::client_id().key, self.client_id.is_some()),
                (Self::client_secret_file().key, self.client_secret_file.is_some()),
                (Self::ca_file().key, self.ca_file.is_some()),
            ] {
                if is_given {
                    read.refuse(key, &format!("is of no use without {}", Self::issuer().key));
                }
            }
            return;
        };
        for (key, is_given) in [
            (Self::client_id().key, self.client_id.is_some()),
            (Http::access_file().key, http.access_file.is_some()),
            (Http::url().key, http.url.is_some()),
        ] {
            if !is_given {
                read.refuse(Self::issuer().key, &format!("needs {key}"));
            }
        }
        if self.ca_file.is_some() && !issuer.url().is_https() {
            read.refuse(Self::ca_file().key, "is of no use unless oidc.issuer is https://");
        }
    }
}

impl Export {
    /// Holds settings against those that they depend on.
    fn hold_together(&self, read: &mut Reader<'_>) {
        if self.ca_file.is_some() && !self.url.as_ref().is_some_and(HookUrl::is_https) {
            read.refuse(Self::ca_file().key, "is of no use unless export.url is https://");
        }
        if self.protocol == ExportProtocol::Otlp && self.names != ExportNames::Roundsman {
            let why = "is of no use while export.protocol is \"otlp\", whose conventions have names of their own";
            read.refuse(Self::names().key, why);
        }
        if self.user.is_some() && self.token.is_none() {
            read.refuse(Self::user().key, "needs its password: set export.token_file");
        }
        // RFC 7617, 2.
        if self.user.as_ref().is_some_and(|user| user.as_str().contains(':')) {
            read.refuse(Self::user().key, "a user of HTTP's Basic has no colon in it");
        }
    }
}

impl Store {
    /// The other machine that gets the password without TLS, if one does. A server of MySQL whose cache
    /// does not know the user has it sent under a key that it names itself; so can anybody who answers in
    /// its place, and the driver lets nobody forbid that.
    #[must_use]
    pub fn exposed_to(&self) -> Option<&MysqlAddress> {
        let has_password = self.password.is_some() || self.password_file.is_some();
        self.url.elsewhere().filter(|_| has_password && self.mode() == TlsMode::Off)
    }

    /// Whether connections are encrypted.
    #[must_use]
    pub fn mode(&self) -> TlsMode {
        self.tls.unwrap_or(TlsMode::Off)
    }
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
        let mut reader = Reader::new(file.as_deref());
        reader.defaults(&sources.env);
        if let Some(path) = &file {
            reader.file(path, &text).map_err(ConfigError::Invalid)?;
        }
        reader.environment(&sources.env);
        reader.flags(sources.flags);
        let mut config = Self::read(&mut reader);
        config.complete(&mut reader);
        let keys: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
        let (origins, warnings) = reader.finish(&keys).map_err(ConfigError::Invalid)?;
        Ok(Loaded { config, origins, file, warnings })
    }

    /// Fills in what follows from several settings, and holds those against each other that depend on
    /// others.
    fn complete(&mut self, read: &mut Reader<'_>) {
        let Self { http, oidc, grpc, hook, export, store, .. } = self;
        oidc.client_secret =
            read.secret("oidc.client_secret", None, oidc.client_secret_file.as_deref());
        oidc.hold_against(http, read);
        http.hold_together(read);
        for (key, secret, file) in [
            (Http::token().key, &mut http.token, &http.token_file),
            (Hook::token().key, &mut hook.token, &hook.token_file),
            (Export::token().key, &mut export.token, &export.token_file),
            (Store::password().key, &mut store.password, &store.password_file),
        ] {
            *secret = read.secret(key, secret.take(), file.as_deref());
        }
        for (key, token) in [
            (Http::token().key, &http.token),
            (Hook::token().key, &hook.token),
            (Export::token().key, &export.token),
        ] {
            if token.as_ref().is_some_and(|token| !fits_into_a_header(token)) {
                read.refuse(key, "expected visible ASCII characters without spaces");
            }
        }
        if grpc.tls && http.tls_cert.is_none() {
            read.refuse(Grpc::tls().key, "needs a certificate: set http.tls_cert and http.tls_key");
        }
        let files = [
            (Hook::ca_file().key, hook.ca_file.is_some()),
            (Hook::cert_file().key, hook.cert_file.is_some()),
        ];
        let is_https = hook.url.as_ref().is_some_and(HookUrl::is_https);
        for (key, _) in files.into_iter().filter(|(_, is_given)| *is_given && !is_https) {
            read.refuse(key, "is of no use unless hook.url is https://");
        }
        export.hold_together(read);
        let pair = [hook.cert_file.is_some(), hook.key_file.is_some()];
        read.hold_pair([Hook::cert_file().key, Hook::key_file().key], pair);
        if store.tls.is_none()
            && let Some(address) = store.exposed_to()
        {
            let wrong = format!(
                "the password would go to another machine ({address}) without TLS, and what answers there \
                 can read it: set store.tls to \"required\", or to \"verify-ca\" with a store.tls_ca; or to \
                 \"off\", where the network is private"
            );
            read.refuse(Store::url().key, &wrong);
        }
        if let Some(why) = store.mode().unfit(store.tls_ca.is_some()) {
            read.refuse(Store::tls_ca().key, why);
        }
        if let Some(size) = self.retention.size.filter(|size| size.0 < MIN_HISTORY_BYTES) {
            let least = ByteSize(MIN_HISTORY_BYTES);
            let wrong = format!("expected at least {least}, or \"\" for no limit; found {size}");
            read.refuse(Retention::size().key, &wrong);
        }
        store.url.under(&self.data);
        store.name_servers.clone_from(&self.resolve.servers);
        self.spool.path = self.data.join("spool.db");
        let Writer { batch_rows, queue_rows, .. } = self.writer;
        if queue_rows < batch_rows {
            let wrong = format!(
                "expected at least writer.batch_rows ({batch_rows}), or no batch ever fills; found \
                 {queue_rows}"
            );
            read.refuse(Writer::queue_rows().key, &wrong);
        }
    }
}

/// A token goes into a header as it is.
fn fits_into_a_header(token: &Secret) -> bool {
    token.expose().bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}

#[cfg(test)]
mod tests;
