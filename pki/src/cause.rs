//! Why two sides do not agree on a connection: a closed list, and one line for a person.

use std::{fmt, io};

use tokio_rustls::rustls::{self, AlertDescription, CertificateError, InvalidMessage};

/// What kind of disagreement it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A certificate is no longer valid.
    Expired,
    /// A certificate is not valid yet, or a clock is wrong.
    NotYetValid,
    /// No authority that is trusted signed it.
    UnknownAuthority,
    /// It is another host's.
    WrongName,
    /// It is not one for this purpose.
    WrongRole,
    /// The probe asks for no certificate: it answers everybody.
    NotAsked,
    /// The probe wants a certificate and got none.
    NotSent,
    /// An authority revoked it.
    Revoked,
    /// No common version, or a message that breaks the rules.
    Protocol,
    /// The peer does not speak TLS.
    PlainPeer,
    /// The peer ended the connection in the handshake.
    Closed,
    /// The peer did not go on with the handshake in time.
    Silent,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 12] = [
        Self::Expired,
        Self::NotYetValid,
        Self::UnknownAuthority,
        Self::WrongName,
        Self::WrongRole,
        Self::NotAsked,
        Self::NotSent,
        Self::Revoked,
        Self::Protocol,
        Self::PlainPeer,
        Self::Closed,
        Self::Silent,
    ];

    /// The words for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotYetValid => "not yet valid",
            Self::UnknownAuthority => "unknown CA",
            Self::WrongName => "wrong name",
            Self::WrongRole => "wrong role",
            Self::NotAsked => "no certificate asked",
            Self::NotSent => "no certificate sent",
            Self::Revoked => "revoked",
            Self::Protocol => "protocol",
            Self::PlainPeer => "plain peer",
            Self::Closed => "closed",
            Self::Silent => "silent",
        }
    }
}

/// One disagreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError {
    /// Its kind.
    pub cause: Cause,
    /// What happened, and what to do.
    pub words: String,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS: {}: {}", self.cause.as_str(), self.words)
    }
}

impl std::error::Error for TlsError {}

impl TlsError {
    /// Of this kind.
    pub fn new(cause: Cause, words: impl Into<String>) -> Self {
        Self { cause, words: words.into() }
    }

    /// What rustls says of a handshake or a connection, as an error of its stream; none when the
    /// error is the socket's own.
    #[must_use]
    pub fn of_stream(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref::<rustls::Error>().map(Self::of)
    }

    /// An error of a handshake.
    #[must_use]
    pub fn of_handshake(error: &io::Error) -> Self {
        Self::of_stream(error).unwrap_or_else(|| {
            let words = format!(
                "the peer ended the connection in the handshake ({error}); does it speak TLS on this \
                 port, and may this machine ask it?"
            );
            Self::new(Cause::Closed, words)
        })
    }

    /// What rustls says.
    #[must_use]
    pub fn of(error: &rustls::Error) -> Self {
        use rustls::Error;
        match error {
            Error::InvalidCertificate(bad) => of_certificate(bad),
            Error::AlertReceived(alert) => of_alert(*alert),
            Error::InvalidMessage(InvalidMessage::InvalidContentType) => Self::new(
                Cause::PlainPeer,
                "the peer does not speak TLS on this port; start it with --tls-cert, or set tls = \"off\"",
            ),
            Error::NoCertificatesPresented => {
                Self::new(Cause::NotSent, "the peer sent no certificate")
            }
            other => Self::new(Cause::Protocol, other.to_string()),
        }
    }
}

fn of_certificate(bad: &CertificateError) -> TlsError {
    use CertificateError as Bad;
    let (cause, words) = match bad {
        Bad::Expired | Bad::ExpiredContext { .. } => (
            Cause::Expired,
            format!(
                "the peer's certificate is no longer valid ({bad}); renew it: roundsman ca renew"
            ),
        ),
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => (
            Cause::NotYetValid,
            format!(
                "the peer's certificate is not valid yet ({bad}); is this machine's clock right?"
            ),
        ),
        // Of an authority with the name of a known one and another key, too.
        Bad::UnknownIssuer | Bad::BadSignature | Bad::UnknownRevocationStatus => (
            Cause::UnknownAuthority,
            format!("no authority that is trusted here signed the peer's certificate ({bad})"),
        ),
        Bad::Revoked => {
            (Cause::Revoked, "the peer's certificate is revoked; issue another one".to_owned())
        }
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
            (Cause::WrongName, format!("the peer's certificate is another host's ({bad})"))
        }
        Bad::InvalidPurpose
        | Bad::InvalidPurposeContext { .. }
        | Bad::ApplicationVerificationFailure => {
            let why = format!("the peer's certificate is not one for this purpose ({bad})");
            (Cause::WrongRole, why)
        }
        other => (Cause::Protocol, format!("the peer's certificate cannot be used: {other}")),
    };
    TlsError { cause, words }
}

/// What a peer says of the certificate that it was sent, or of the connection (RFC 8446 section 6).
fn of_alert(alert: AlertDescription) -> TlsError {
    use AlertDescription as Alert;
    let (cause, words) = match alert {
        Alert::CertificateRequired => {
            (Cause::NotSent, "the peer wants a certificate; set tls = \"mtls\", cert and key")
        }
        // rustls says the same of one that is not valid yet.
        Alert::CertificateExpired => (
            Cause::Expired,
            "the peer says that our certificate is not valid at this time; renew it (roundsman ca \
             renew), or mend the peer's clock",
        ),
        Alert::CertificateRevoked => {
            (Cause::Revoked, "the peer says that our certificate is revoked; issue another one")
        }
        // DecryptError is said of a signature by another authority of the same name.
        Alert::UnknownCA | Alert::DecryptError => {
            (Cause::UnknownAuthority, "the peer does not trust the authority of our certificate")
        }
        Alert::AccessDenied
        | Alert::BadCertificate
        | Alert::CertificateUnknown
        | Alert::UnsupportedCertificate => (
            Cause::WrongRole,
            "the peer takes our certificate for none of a server; it needs the URI roundsman://server \
             and may be used by clients",
        ),
        other => {
            let words = format!("the peer refused the connection ({other:?})");
            return TlsError { cause: Cause::Protocol, words };
        }
    };
    TlsError::new(cause, words)
}
