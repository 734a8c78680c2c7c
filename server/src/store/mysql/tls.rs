//! Encryption: what the server's certificate is checked against, and what there is to mend when the
//! two sides do not agree. Knows nothing of SQL.

use std::io::ErrorKind;

use mysql_async::{DriverError, Error, IoError, SslOpts};
use roundsman_os::file;

use super::options::Options;
use crate::{
    config::{MAX_CA_BYTES, TlsMode},
    store::StoreError,
};

/// The server takes encrypted connections alone (`require_secure_transport`). MariaDB 10.11 says only
/// that access is denied.
const SECURE_ALONE: u16 = 3159;

/// How a certificate begins in a PEM file (RFC 7468).
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// The name that a certificate is compared with where its name does not count. The driver's switch for that
/// passes over the error of a certificate whose name is another one, and knows it by finding this word in
/// its text; rustls has put it as "certificate not valid for name "…"; …", so the word is found
/// nowhere but in the name that was asked for. rustls compares names last, when the chain, the dates and
/// the purpose are good (`WebPkiServerVerifier::verify_server_cert`), and the handshake proves the key all
/// the same. Should either crate change its words, each certificate without this name is refused, and
/// should the driver look at the error's kind, it goes on working.
const ANY_NAME: &str = "NotValidForName";

const FILE: &str = "store.tls_ca must be a readable file of certificates (PEM)";

/// How a connection is encrypted; none: not at all. The file of authorities is read once, here.
///
/// # Errors
/// [`StoreError::Tls`] when that file cannot be read or holds no certificate.
pub(super) fn opts(options: &Options) -> Result<Option<SslOpts>, StoreError> {
    let path = match (options.tls, &options.tls_ca) {
        (TlsMode::Off, _) => return Ok(None),
        // Public authorities sign for everybody, so what they signed counts with its name alone.
        (TlsMode::Required | TlsMode::VerifyCa, None) => return Ok(Some(SslOpts::default())),
        (TlsMode::Required | TlsMode::VerifyCa, Some(path)) => path,
    };
    let unfit = |why: String| StoreError::Tls {
        location: options.url.to_string(),
        mend: FILE,
        cause: format!("{}: {why}", path.display()).into(),
    };
    let (found, _) = file::read(path, MAX_CA_BYTES).map_err(|error| unfit(error.to_string()))?;
    if !found.windows(CERTIFICATE.len()).any(|part| part == CERTIFICATE) {
        return Err(unfit("there is no certificate in it".to_owned()));
    }
    let own = SslOpts::default().with_root_certs(vec![found.into()]);
    let own = own.with_disable_built_in_roots(true);
    Ok(Some(match options.tls {
        TlsMode::VerifyCa => own
            .with_danger_tls_hostname_override(Some(ANY_NAME))
            .with_danger_skip_domain_validation(true),
        TlsMode::Off | TlsMode::Required => own,
    }))
}

/// What there is to mend when connecting failed for want of agreement on encryption; none when it
/// failed for another reason.
pub(super) fn mend(error: &Error, mode: TlsMode) -> Option<&'static str> {
    match (error, mode) {
        (Error::Io(IoError::Tls(_)), _) => Some(FILE),
        // What rustls refuses comes wrapped as this.
        (Error::Io(IoError::Io(error)), TlsMode::Required)
            if error.kind() == ErrorKind::InvalidData =>
        {
            Some(
                "its certificate must be signed by an authority in store.tls_ca (without it: a public \
                 one), be valid today and bear the host's name of store.url; for one that bears no \
                 name, as MySQL makes them, set store.tls to \"verify-ca\"",
            )
        }
        (Error::Io(IoError::Io(error)), TlsMode::VerifyCa)
            if error.kind() == ErrorKind::InvalidData =>
        {
            Some(
                "its certificate must be signed by an authority in store.tls_ca and be valid today; one \
                 that signed itself must stand there itself, and be no authority's (CA:FALSE)",
            )
        }
        (Error::Driver(DriverError::NoClientSslFlagFromServer), _) => Some(
            "the server has no TLS: give it a certificate (ssl_cert, ssl_key), or set store.tls to \
             \"off\"",
        ),
        (Error::Server(error), TlsMode::Off) if error.code == SECURE_ALONE => Some(
            "the server takes encrypted connections alone: set store.tls to \"required\", and \
             store.tls_ca unless a public authority signed its certificate; or to \"verify-ca\", with \
             the ca.pem of MySQL's data directory as store.tls_ca",
        ),
        _ => None,
    }
}
