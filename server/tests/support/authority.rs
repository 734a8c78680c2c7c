//! Authorities, certificates by them, and what presents these.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    },
};

/// An authority of this name.
pub fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for this name, valid until the end of this year, and its key.
pub fn certificate(
    by: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
    until: i32,
) -> (Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(until, 12, 31);
    (params.signed_by(&key, by).unwrap(), key)
}

/// What presents a certificate for this name, valid until the end of this year.
pub fn acceptor(by: &CertifiedIssuer<'static, KeyPair>, name: &str, until: i32) -> TlsAcceptor {
    accepting(by, name, until, None)
}

/// The same, and wants one of whoever connects, by this authority.
pub fn mutual(by: &CertifiedIssuer<'static, KeyPair>, name: &str) -> TlsAcceptor {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(by.der().to_vec())).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    accepting(by, name, 2999, Some(verifier.build().unwrap()))
}

fn accepting(
    by: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
    until: i32,
    clients: Option<Arc<dyn ClientCertVerifier>>,
) -> TlsAcceptor {
    let (certificate, key) = certificate(by, name, until);
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = match clients {
        Some(verifier) => config.with_client_cert_verifier(verifier),
        None => config.with_no_client_auth(),
    };
    TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()))
}
