//! What makes a certificate a host's, and what makes it the server's: names of its subject (SAN).

use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use webpki::EndEntityCert;

/// The name (URI) of the certificate that a server asks probes with.
pub const SERVER: &str = "roundsman://server";

/// How the name (URI) of a host's certificate begins; its name follows, percent-encoded (RFC 3986).
const HOST: &str = "roundsman://host/";

/// The name (URI) of a host's certificate.
#[must_use]
pub fn of_host(name: &str) -> String {
    format!("{HOST}{}", encoded(name))
}

/// A name as it stands in a URI and names a folder: not `.` or `..`, without a slash.
pub(crate) fn encoded(name: &str) -> String {
    let mut text = String::new();
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'.' if at == 0 => text.push_str("%2E"),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                text.push(byte.into());
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

/// Whether a certificate is that of a server which may ask probes.
#[must_use]
pub fn is_server(certificate: &CertificateDer<'_>) -> bool {
    EndEntityCert::try_from(certificate)
        .is_ok_and(|parsed| parsed.valid_uri_names().any(|uri| uri == SERVER))
}

/// Whether a certificate is that of the host `name`: it bears this DNS name or IP address, or the
/// host's URI.
#[must_use]
pub fn is_host(certificate: &CertificateDer<'_>, name: &str) -> bool {
    let Ok(parsed) = EndEntityCert::try_from(certificate) else { return false };
    let uri = of_host(name);
    parsed.valid_uri_names().any(|found| found == uri)
        || ServerName::try_from(name)
            .is_ok_and(|name| parsed.verify_is_valid_for_subject_name(&name).is_ok())
}

/// The names that a certificate bears, for errors; `no name` for none.
#[must_use]
pub fn all(certificate: &CertificateDer<'_>) -> String {
    const MOST: usize = 4;
    let Ok(parsed) = EndEntityCert::try_from(certificate) else { return "no name".to_owned() };
    let mut names: Vec<&str> =
        parsed.valid_dns_names().chain(parsed.valid_uri_names()).take(MOST + 1).collect();
    if names.len() > MOST {
        names[MOST] = "…";
    }
    if names.is_empty() { "no name".to_owned() } else { names.join(", ") }
}
