//! Keys, and what the authority signs.

use std::{path::Path, time::Duration};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PublicKeyData as _, RevokedCertParams, SanType, SerialNumber,
    date_time_ymd,
};
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use super::{AuthorityError, DAY_S, Issued, SERVER, end, register::Register};
use crate::{names, pem};

/// How much earlier a certificate is valid than it was issued, seconds: clocks differ.
const EARLIER_S: i64 = 3_600;

/// The next list of what is revoked comes with the next that is; none has to come before, seconds.
const LIST_LASTS_S: i64 = 3_650 * DAY_S;

/// Bytes of a certificate's number, at random (RFC 5280 section 4.1.2.2 takes up to 20).
const SERIAL_BYTES: usize = 16;

/// The longest common name, bytes (RFC 5280, appendix A.1, `ub-common-name`).
const COMMON_NAME_BYTES: usize = 64;

/// Digits of the key's number in the authority's name.
const KEY_BYTES: usize = 8;

/// A moment as rcgen takes it; a macro, for its type has no name here.
macro_rules! moment {
    ($seconds:expr) => {
        date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from($seconds).unwrap_or(0))
    };
}

#[derive(Debug)]
pub(super) struct Signer {
    issuer: Issuer<'static, KeyPair>,
    /// The last second of the authority's own certificate.
    until: i64,
}

fn failed(error: &rcgen::Error) -> AuthorityError {
    AuthorityError(format!("cannot sign: {error}"))
}

/// A new key: ECDSA over P-256, which every client takes.
pub(super) fn new_key() -> Result<KeyPair, AuthorityError> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|error| failed(&error))
}

/// The key of a file.
pub(super) fn read_key(path: &Path) -> Result<KeyPair, AuthorityError> {
    let PrivateKeyDer::Pkcs8(key) = pem::private_key(path)? else {
        return Err(AuthorityError::at(path, "expected a key in PKCS #8 (BEGIN PRIVATE KEY)"));
    };
    KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_ECDSA_P256_SHA256).map_err(|_unfit| {
        AuthorityError::at(path, "expected a key of ECDSA over P-256, as `roundsman ca` makes them")
    })
}

/// The authority's parameters; its name follows from its key, so that no two of one name differ, and they can be
/// had again from the key alone.
fn parameters(key: &KeyPair) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    let id = parameters.key_identifier(key);
    let digits: String = id.iter().take(KEY_BYTES).map(|byte| format!("{byte:02x}")).collect();
    parameters.distinguished_name = name(&format!("Roundsman CA {digits}"));
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

fn serial() -> Result<Vec<u8>, AuthorityError> {
    let mut bytes = [0; SERIAL_BYTES];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_unspecified| AuthorityError("the kernel has no random bytes".to_owned()))?;
    // Positive, and as long as it is.
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(bytes.to_vec())
}

fn digits(serial: &[u8]) -> String {
    serial.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Signer {
    /// A new authority, and its certificate (PEM).
    pub(super) fn new(now: i64, until: i64) -> Result<(Self, String), AuthorityError> {
        let key = new_key()?;
        let mut parameters = parameters(&key);
        parameters.serial_number = Some(SerialNumber::from_slice(&serial()?));
        parameters.not_before = moment!(now - EARLIER_S);
        parameters.not_after = moment!(until);
        let certificate = parameters.self_signed(&key).map_err(|error| failed(&error))?;
        Ok((Self { issuer: Issuer::new(parameters, key), until }, certificate.pem()))
    }

    /// The authority of this key, whose certificate this is.
    pub(super) fn open(
        key: &Path,
        path: &Path,
        certificate: &CertificateDer<'_>,
    ) -> Result<Self, AuthorityError> {
        let own = read_key(key)?;
        let spki = own.subject_public_key_info();
        if !certificate.windows(spki.len()).any(|part| part == spki) {
            let why = format!("expected the certificate of {}", key.display());
            return Err(AuthorityError::at(path, why));
        }
        let until = end(path, certificate)?;
        Ok(Self { issuer: Issuer::new(parameters(&own), own), until })
    }

    pub(super) fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// A certificate (PEM) for a host, or the server.
    pub(super) fn leaf(
        &self,
        subject: &str,
        key: &KeyPair,
        days: u32,
        now: i64,
    ) -> Result<(Issued, String), AuthorityError> {
        if self.until <= now {
            let why =
                "the authority's own certificate is over; make another one in another directory";
            return Err(AuthorityError(why.to_owned()));
        }
        let until = (now + i64::from(days) * DAY_S).min(self.until);
        let serial = serial()?;
        let mut leaf = CertificateParams::default();
        leaf.serial_number = Some(SerialNumber::from_slice(&serial));
        leaf.not_before = moment!(now - EARLIER_S);
        leaf.not_after = moment!(until);
        let common = if subject.len() <= COMMON_NAME_BYTES { subject } else { "Roundsman host" };
        leaf.distinguished_name = name(common);
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.use_authority_key_identifier_extension = true;
        let uri = |text: &str| text.try_into().map(SanType::URI).map_err(|error| failed(&error));
        if subject == SERVER {
            leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            leaf.subject_alt_names = vec![uri(names::SERVER)?];
        } else {
            leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            leaf.subject_alt_names = vec![uri(&names::of_host(subject))?];
            match ServerName::try_from(subject) {
                Ok(ServerName::IpAddress(address)) => {
                    leaf.subject_alt_names.push(SanType::IpAddress(address.into()));
                }
                Ok(_dns) => {
                    let name = subject.try_into().map_err(|error| failed(&error))?;
                    leaf.subject_alt_names.push(SanType::DnsName(name));
                }
                // A name that no DNS knows: the URI is enough.
                Err(_) => {}
            }
        }
        let certificate = leaf.signed_by(key, &self.issuer).map_err(|error| failed(&error))?;
        let issued =
            Issued { name: subject.to_owned(), serial: digits(&serial), until, revoked: None };
        Ok((issued, certificate.pem()))
    }

    /// The list (PEM) of all that is revoked.
    pub(super) fn revocation_list(
        &self,
        register: &Register,
        now: i64,
    ) -> Result<String, AuthorityError> {
        let rows = register.rows();
        let revoked: Vec<RevokedCertParams> = rows
            .iter()
            .filter_map(|row| {
                let bytes = (0..row.serial.len()).step_by(2).map_while(|at| {
                    row.serial.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok())
                });
                Some(RevokedCertParams {
                    serial_number: SerialNumber::from_slice(&bytes.collect::<Vec<u8>>()),
                    revocation_time: moment!(row.revoked?),
                    reason_code: None,
                    invalidity_date: None,
                })
            })
            .collect();
        // Grows with every certificate and with every one that is revoked.
        let number = u64::try_from(rows.len() + revoked.len() + 1).unwrap_or(u64::MAX);
        let list = CertificateRevocationListParams {
            this_update: moment!(now - EARLIER_S),
            next_update: moment!(now + LIST_LASTS_S),
            crl_number: SerialNumber::from_slice(&number.to_be_bytes()),
            issuing_distribution_point: None,
            revoked_certs: revoked,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let signed = list.signed_by(&self.issuer).and_then(|list| list.pem());
        signed.map_err(|error| failed(&error))
    }
}
