//! How the connection to a host's probe is encrypted: `tls`, `server_name`, and the files that it takes. A
//! relative path is beside the inventory, as that of any file which a file names.

use std::{path::PathBuf, sync::Arc};

use roundsman_pki::client::ClientFiles;

use crate::document::{Findings, Located, Section, quoted};

/// The keys of this.
pub(super) const KEYS: [&str; 6] = ["tls", "ca", "crl", "cert", "key", "server_name"];

/// Encryption of the connection to a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkTls {
    /// Whom the server trusts, and what it shows.
    pub files: ClientFiles,
    /// The name that the probe's certificate bears, where that is not the host's.
    pub server_name: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    Off,
    /// The probe shows a certificate.
    Tls,
    /// Both do.
    Mtls,
}

/// One layer of this, or several merged.
#[derive(Debug, Clone, Default)]
pub(super) struct TlsSettings {
    mode: Option<Located<Encryption>>,
    ca: Option<PathBuf>,
    crl: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    server_name: Option<Arc<str>>,
}

impl TlsSettings {
    pub(super) fn read(section: &Section<'_>, findings: &mut Findings<'_>) -> Self {
        const MODES: &str = "\"off\", \"tls\" or \"mtls\"";
        let mode = section.text("tls", MODES, findings).and_then(|given| {
            let value = match given.value {
                "off" => Encryption::Off,
                "tls" => Encryption::Tls,
                "mtls" => Encryption::Mtls,
                other => {
                    let found = quoted(other);
                    findings.add(given.at, format!("`tls` is {MODES}, not {found}"));
                    return None;
                }
            };
            Some(Located { value, at: given.at })
        });
        let folder = findings.folder().to_owned();
        let mut text = |key: &str, expected: &str| {
            let given = section.text(key, expected, findings)?;
            if given.value.is_empty() {
                findings.add(given.at, format!("`{key}` is empty: expected {expected}"));
                return None;
            }
            Some(given.value.to_owned())
        };
        let mut file =
            |key: &str| text(key, "the name of a PEM file").map(|name| folder.join(name));
        let (ca, crl, cert, key) = (file("ca"), file("crl"), file("cert"), file("key"));
        let server_name = text("server_name", "the name in the probe's certificate");
        Self { mode, ca, crl, cert, key, server_name: server_name.map(Arc::from) }
    }

    /// These, and those of `base` where these say nothing.
    pub(super) fn over(&self, base: &Self) -> Self {
        Self {
            mode: self.mode.or(base.mode),
            ca: self.ca.as_ref().or(base.ca.as_ref()).cloned(),
            crl: self.crl.as_ref().or(base.crl.as_ref()).cloned(),
            cert: self.cert.as_ref().or(base.cert.as_ref()).cloned(),
            key: self.key.as_ref().or(base.key.as_ref()).cloned(),
            server_name: self.server_name.as_ref().or(base.server_name.as_ref()).cloned(),
        }
    }

    /// What follows from the merged layers; `at` is the section that they apply to.
    pub(super) fn link(&self, at: usize, findings: &mut Findings<'_>) -> Option<Arc<LinkTls>> {
        let mode = self.mode.map_or(Encryption::Off, |mode| mode.value);
        let identity = match mode {
            Encryption::Off => return None,
            Encryption::Tls => None,
            Encryption::Mtls => self.cert.clone().zip(self.key.clone()),
        };
        let (Some(ca), true) = (&self.ca, mode != Encryption::Mtls || identity.is_some()) else {
            let needs = match mode {
                Encryption::Mtls => "tls = \"mtls\" needs `ca`, `cert` and `key`",
                Encryption::Off | Encryption::Tls => "tls = \"tls\" needs `ca`",
            };
            findings.add(
                at,
                format!(
                    "{needs}, here, in its group or in [defaults]; `roundsman ca init` makes them"
                ),
            );
            return None;
        };
        let files = ClientFiles { ca: ca.clone(), crl: self.crl.clone(), identity };
        Some(Arc::new(LinkTls { files, server_name: self.server_name.clone() }))
    }
}
