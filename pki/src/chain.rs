//! Whether a certificate leads to an authority that is trusted, is valid now, for this purpose, and not
//! revoked. One way for both sides; rustls's own verifiers are not used, for the one compares names that an
//! address does not have, and neither knows a role.

use std::{fmt, sync::Arc};

use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore,
    SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{self, CryptoProvider},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, RevocationCheckDepth,
    RevocationOptionsBuilder,
};

use crate::names;

/// Who is trusted, and what of theirs is revoked.
pub(crate) struct Trust {
    pub(crate) roots: Arc<RootCertStore>,
    pub(crate) revoked: Vec<CertRevocationList<'static>>,
    pub(crate) provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("roots", &self.roots.len()).finish_non_exhaustive()
    }
}

impl Trust {
    /// # Errors
    /// What is wrong with the certificate.
    fn check(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
        usage: KeyUsage,
    ) -> Result<(), Error> {
        let parsed = EndEntityCert::try_from(certificate).map_err(|error| words(&error))?;
        let lists: Vec<&CertRevocationList<'_>> = self.revoked.iter().collect();
        // A list that nobody renews does not lock a fleet out: what it revokes stays revoked.
        let revocation = RevocationOptionsBuilder::new(&lists).ok().map(|options| {
            options
                .with_depth(RevocationCheckDepth::EndEntity)
                .with_expiration_policy(ExpirationPolicy::Ignore)
                .build()
        });
        parsed
            .verify_for_usage(
                self.provider.signature_verification_algorithms.all,
                &self.roots.roots,
                between,
                now,
                usage,
                revocation,
                None,
            )
            .map_err(|error| words(&error))?;
        Ok(())
    }
}

fn words(error: &webpki::Error) -> Error {
    use webpki::Error as Bad;
    let found = match error {
        Bad::CertExpired { time, not_after } => {
            CertificateError::ExpiredContext { time: *time, not_after: *not_after }
        }
        Bad::CertNotValidYet { time, not_before } => {
            CertificateError::NotValidYetContext { time: *time, not_before: *not_before }
        }
        Bad::UnknownIssuer => CertificateError::UnknownIssuer,
        Bad::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        Bad::CertRevoked => CertificateError::Revoked,
        // A list of another authority, or of one of the same name with another key.
        Bad::UnknownRevocationStatus | Bad::InvalidCrlSignatureForPublicKey => {
            CertificateError::UnknownRevocationStatus
        }
        Bad::RequiredEkuNotFoundContext(_) | Bad::CaUsedAsEndEntity => {
            CertificateError::InvalidPurpose
        }
        other => CertificateError::Other(OtherError(Arc::new(other.clone()))),
    };
    Error::InvalidCertificate(found)
}

/// What a probe asks of who asks it: a server's certificate.
#[derive(Debug)]
pub(crate) struct ServersAlone {
    pub(crate) trust: Trust,
    /// Without a certificate there is no connection.
    pub(crate) is_mandatory: bool,
    pub(crate) hints: Vec<DistinguishedName>,
}

impl ServersAlone {
    /// # Errors
    /// What is wrong with the certificate.
    pub(crate) fn check(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        self.trust.check(certificate, between, now, KeyUsage::client_auth())?;
        match names::is_server(certificate) {
            true => Ok(()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }
}

impl ClientCertVerifier for ServersAlone {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity, intermediates, now)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.trust.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, cert, dss, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.trust.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, cert, dss, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Which certificate a probe must have.
#[derive(Debug)]
pub(crate) enum Expected {
    /// One of these authorities'. Its name is compared once the connection is there, for all hosts of
    /// a fleet share this.
    Signed(Trust),
    /// This very one.
    Same(CertificateDer<'static>, Arc<CryptoProvider>),
}

impl Expected {
    fn provider(&self) -> &CryptoProvider {
        match self {
            Self::Signed(trust) => &trust.provider,
            Self::Same(_, provider) => provider,
        }
    }
}

impl ServerCertVerifier for Expected {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self {
            Self::Signed(trust) => {
                trust.check(end_entity, intermediates, now, KeyUsage::server_auth())?;
            }
            Self::Same(known, _) if known == end_entity => {}
            Self::Same(..) => return Err(CertificateError::ApplicationVerificationFailure.into()),
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider().signature_verification_algorithms;
        crypto::verify_tls12_signature(message, cert, dss, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider().signature_verification_algorithms;
        crypto::verify_tls13_signature(message, cert, dss, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider().signature_verification_algorithms.supported_schemes()
    }
}
