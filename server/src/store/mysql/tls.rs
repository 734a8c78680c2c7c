//! Encryption: what the server's certificate is checked against, and what there is to mend when the
//! two sides do not agree. Knows nothing of SQL.

use std::io::ErrorKind;

use mysql_async::{DriverError, Error, IoError, SslOpts};
use roundsman_os::file;

use super::connect::Options;
use crate::{config::TlsMode, store::StoreError};

/// The server takes encrypted connections alone (`require_secure_transport`). MariaDB 10.11 says only
/// that access is denied.
const SECURE_ALONE: u16 = 3159;

/// How a certificate begins in a PEM file (RFC 7468).
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// The largest file of certificates that is read, bytes: all public authorities take a quarter of it.
const MAX_CA_BYTES: u64 = 1 << 20;

const FILE: &str = "store.tls_ca must be a readable file of certificates (PEM)";

/// How a connection is encrypted; none: not at all. The file of authorities is read once, here.
///
/// # Errors
/// [`StoreError::Tls`] when that file cannot be read or holds no certificate.
pub(super) fn opts(options: &Options) -> Result<Option<SslOpts>, StoreError> {
    let path = match (options.tls, &options.tls_ca) {
        (TlsMode::Off, _) => return Ok(None),
        (TlsMode::Required, None) => return Ok(Some(SslOpts::default())),
        (TlsMode::Required, Some(path)) => path,
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
    Ok(Some(own.with_disable_built_in_roots(true)))
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
                 one), be valid today and bear the host's name of store.url",
            )
        }
        (Error::Driver(DriverError::NoClientSslFlagFromServer), _) => Some(
            "the server has no TLS: give it a certificate (ssl_cert, ssl_key), or set store.tls to \
             \"off\"",
        ),
        (Error::Server(error), TlsMode::Off) if error.code == SECURE_ALONE => Some(
            "the server takes encrypted connections alone: set store.tls to \"required\", and \
             store.tls_ca unless a public authority signed its certificate",
        ),
        _ => None,
    }
}
