//! Encryption: what the receiver's certificate is checked against, and what is said when it does not
//! pass. Knows no HTTP.

use std::{io, path::Path, sync::Arc};

use roundsman_os::file;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        self, CertificateError, ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use super::{SetupError, Trust};
use crate::config::{MAX_CA_BYTES, MAX_SECRET_BYTES};

/// Connects with TLS, see [`Trust`].
///
/// # Errors
/// [`SetupError::Authorities`], [`SetupError::Identity`], [`SetupError::Tls`].
pub(super) fn connector(trust: &Trust) -> Result<TlsConnector, SetupError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = &trust.authorities {
        roots = read(path)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| SetupError::Tls(error.to_string()))?
        .with_root_certificates(roots);
    let config = match &trust.identity {
        Some((certificate, key)) => {
            let (chain, key_der) = identity(certificate, key)?;
            let path = certificate.display().to_string();
            config.with_client_auth_cert(chain, key_der).map_err(|error| {
                let why = format!("is not the certificate of {}: {error}", key.display());
                SetupError::Identity { path, why }
            })?
        }
        None => config.with_no_client_auth(),
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The certificates of a file of authorities, each one that can be an authority.
///
/// # Errors
/// [`SetupError::Authorities`]: the file cannot be read, or holds no certificate.
pub fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let unfit = |why: String| SetupError::Authorities { path: path.display().to_string(), why };
    let (text, _) = file::read(path, MAX_CA_BYTES).map_err(|error| unfit(error.to_string()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| unfit(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in &found {
        roots.add(certificate.clone()).map_err(|error| unfit(error.to_string()))?;
    }
    match found.is_empty() {
        true => Err(unfit("there is no certificate in it".to_owned())),
        false => Ok(found),
    }
}

fn read(path: &Path) -> Result<RootCertStore, SetupError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities(path)?);
    Ok(roots)
}

/// A certificate with its chain, and its key.
fn identity(
    certificate: &Path,
    key: &Path,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), SetupError> {
    let unfit =
        |path: &Path, why: String| SetupError::Identity { path: path.display().to_string(), why };
    let text = |path: &Path| {
        file::read(path, MAX_SECRET_BYTES)
            .map(|(text, _)| text)
            .map_err(|error| unfit(path, error.to_string()))
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text(certificate)?).collect();
    let chain = chain.map_err(|error| unfit(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(unfit(certificate, "there is no certificate in it".to_owned()));
    }
    // What is wrong is said without the text: that is the key.
    let key_der = PrivateKeyDer::from_pem_slice(&text(key)?)
        .map_err(|_unfit| unfit(key, "there is no private key (PEM) in it".to_owned()))?;
    Ok((chain, key_der))
}

/// What went wrong in a handshake, and what there is to mend.
pub(super) fn words(error: &io::Error, setting: &str) -> String {
    use CertificateError as Bad;
    let found = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match found {
        Some(rustls::Error::InvalidCertificate(bad)) => match bad {
            // Of an authority with the name of a known one and another key, too.
            Bad::UnknownIssuer | Bad::BadSignature => {
                format!(
                    "its certificate is signed by no authority that is known here; name the one \
                     that did in {setting}"
                )
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
            Err(SetupError::Authorities { why, .. }) => why,
            other => panic!("{other:?}"),
        };
        assert!(why(&large).contains("1048576"), "{}", why(&large));
        // It is never read to its end: that has none.
        assert!(!why(Path::new("/dev/zero")).is_empty());
    }
}
