//! Encryption: what the receiver's certificate is checked against, and what is said when it does not
//! pass. Knows no HTTP.

use std::{io, path::Path, sync::Arc};

use roundsman_os::file;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        self, CertificateError, ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, pem::PemObject as _},
    },
};

use super::HookError;
use crate::config::MAX_CA_BYTES;

/// Connects with TLS; certificates must be signed by an authority of the file, or, without one, by a
/// public one (Mozilla's list, as it was when this program was made).
///
/// # Errors
/// [`HookError::Authorities`], [`HookError::Tls`].
pub(super) fn connector(authorities: Option<&Path>) -> Result<TlsConnector, HookError> {
    let roots = match authorities {
        Some(path) => read(path)?,
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| HookError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn read(path: &Path) -> Result<RootCertStore, HookError> {
    let unfit = |why: String| HookError::Authorities { path: path.display().to_string(), why };
    let (text, _) = file::read(path, MAX_CA_BYTES).map_err(|error| unfit(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| unfit(error.to_string()))?;
        roots.add(certificate).map_err(|error| unfit(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unfit("there is no certificate in it".to_owned()));
    }
    Ok(roots)
}

/// What went wrong in a handshake, and what there is to mend.
pub(super) fn words(error: &io::Error) -> String {
    use CertificateError as Bad;
    let found = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match found {
        Some(rustls::Error::InvalidCertificate(bad)) => match bad {
            // Of an authority with the name of a known one and another key, too.
            Bad::UnknownIssuer | Bad::BadSignature => {
                "its certificate is signed by no authority that \
                is known here; name the one that did in hook.ca_file"
                    .to_owned()
            }
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                format!("its certificate is another host's ({bad})")
            }
            Bad::Expired | Bad::ExpiredContext { .. } => {
                format!("its certificate is no longer valid ({bad})")
            }
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                format!("its certificate is not valid yet ({bad}); is this machine's clock right?")
            }
            other => format!("its certificate is refused: {other}"),
        },
        Some(rustls::Error::InvalidMessage(_)) => {
            "it speaks no TLS on this port; is it http:// there?".to_owned()
        }
        Some(other) => other.to_string(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_authorities_is_regular_and_of_a_bounded_size() {
        let folder = tempfile::tempdir().unwrap();
        let large = folder.path().join("large.pem");
        std::fs::File::create(&large).unwrap().set_len(MAX_CA_BYTES + 1).unwrap();
        let why = |path: &Path| match read(path) {
            Err(HookError::Authorities { why, .. }) => why,
            other => panic!("{other:?}"),
        };
        assert!(why(&large).contains("1048576"), "{}", why(&large));
        // It is never read to its end: that has none.
        assert!(!why(Path::new("/dev/zero")).is_empty());
    }
}
