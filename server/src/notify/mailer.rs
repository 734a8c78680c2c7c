//! Mail: one message per recipient, so that one that is refused costs no other its mail.

use std::{
    fmt,
    path::Path,
    str::FromStr as _,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use lettre::{
    Message as Mail,
    address::Envelope,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        self,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, Certificate, CertificateStore, Identity, TlsParameters},
        extension::ClientId,
        response::Response,
    },
};
use roundsman_os::file;
use rustix::system::uname;
use tokio::time::timeout;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    channel::{self, Letter, Message, Receipt, SendError, Tls},
    config::{MAX_SECRET_BYTES, Secret, authority},
    error_report::error_chain,
    outgoing::{self, Trust},
    resolve::HostResolver,
    text::one_line,
};

/// The most of a reply that is kept and shown, bytes.
const SHOWN: usize = 300;

/// A mail server and those who get mail by it.
pub(super) struct Mailer {
    host: String,
    port: u16,
    tls: Tls,
    parameters: Option<TlsParameters>,
    from: Mailbox,
    to: Vec<Mailbox>,
    credentials: Option<Credentials>,
    hello: ClientId,
    names: Arc<HostResolver>,
}

/// Why a recipient got no mail.
pub(super) struct Failure {
    pub(super) error: SendError,
    /// The server said it of this recipient; another may get his.
    pub(super) is_of_recipient: bool,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Mailer {
    /// A mailer of these settings. Reads the files of `trust`.
    ///
    /// # Errors
    /// What is of no use, in words.
    pub(super) fn new(
        mail: &channel::Mail,
        password: Option<&Secret>,
        trust: &Trust,
        names: Arc<HostResolver>,
    ) -> Result<Self, String> {
        let address = |text: &String| {
            Mailbox::from_str(text).map_err(|error| format!("{text:?} is no mail address: {error}"))
        };
        let parameters = match mail.tls {
            Tls::Off => None,
            Tls::Starttls | Tls::Implicit => Some(parameters(&mail.host, trust)?),
        };
        let signs_in = mail.user.clone().zip(password);
        let own_name = || uname().nodename().to_string_lossy().into_owned();
        Ok(Self {
            host: mail.host.clone(),
            port: mail.port,
            tls: mail.tls,
            parameters,
            from: address(&mail.from)?,
            to: mail.to.iter().map(address).collect::<Result<_, _>>()?,
            credentials: signs_in
                .map(|(user, password)| Credentials::new(user, password.expose().to_owned())),
            hello: ClientId::Domain(mail.hello.clone().unwrap_or_else(own_name)),
            names,
        })
    }

    /// How many get each message.
    pub(super) fn recipients(&self) -> usize {
        self.to.len()
    }

    /// Sends a letter to one of them, within this time.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) async fn send(
        &self,
        number: usize,
        letter: &Letter,
        message: &Message,
        within: Duration,
    ) -> Result<Receipt, Failure> {
        let Some(to) = self.to.get(number) else {
            return Err(self.failed("has no such recipient", None));
        };
        let (envelope, mail) = self.write(to, letter, message)?;
        // lettre's own limit ends with the connection.
        match timeout(within, self.deliver(&envelope, &mail, within)).await {
            Ok(Ok(reply)) => {
                let said = reply.message().collect::<Vec<_>>().join(" ");
                Ok(Receipt { status: reply.code().into(), answer: one_line(&said, SHOWN) })
            }
            Ok(Err(failure)) => Err(failure),
            Err(_) => {
                let within = humantime::format_duration(within);
                Err(self.later(&format!("did not take the mail within {within}")))
            }
        }
    }

    /// The mail as it goes over the wire, and its envelope.
    fn write(
        &self,
        to: &Mailbox,
        letter: &Letter,
        message: &Message,
    ) -> Result<(Envelope, Vec<u8>), Failure> {
        let unfit = |error: &dyn std::error::Error| {
            self.failed(&format!("was sent nothing: {}", error_chain(error)), None)
        };
        let whose = format!("{}\n{}", message.id, to.email);
        // The same in every try: a mailbox that got it twice shows one.
        let (hash, domain) = (xxh3_64(whose.as_bytes()), self.from.email.domain());
        let id = format!("<roundsman.{hash:016x}@{domain}>");
        let at = Duration::from_millis(u64::try_from(message.at.0).unwrap_or(0));
        let mut mail = Mail::builder()
            .from(self.from.clone())
            .to(to.clone())
            .subject(&letter.subject)
            .date(UNIX_EPOCH + at)
            .message_id(Some(id))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.body.clone())
            .map_err(|error| unfit(&error))?;
        // RFC 3834: a program that answers mail does not answer this.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let value = "auto-generated".to_owned();
        mail.headers_mut().insert_raw(HeaderValue::new(automatic, value));
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![to.email.clone()]);
        Ok((envelope.map_err(|error| unfit(&error))?, mail.formatted()))
    }

    async fn deliver(
        &self,
        envelope: &Envelope,
        mail: &[u8],
        within: Duration,
    ) -> Result<Response, Failure> {
        let mut connection = self.connect(within).await?;
        // The connection ends with this function, whatever the server still wants to say.
        self.talk(&mut connection, envelope, mail).await
    }

    /// A connection that is greeted, to the first address that takes one.
    async fn connect(&self, within: Duration) -> Result<AsyncSmtpConnection, Failure> {
        let addresses = outgoing::addresses(&self.names, &self.host, self.port).await;
        let addresses = addresses.map_err(|error| said(error.to_string()))?;
        let share = within / u32::try_from(addresses.len().max(1)).unwrap_or(1);
        let first = self.parameters.clone().filter(|_| self.tls == Tls::Implicit);
        let mut last = self.later("has no address");
        for address in addresses {
            let (hello, first) = (&self.hello, first.clone());
            let connecting =
                AsyncSmtpConnection::connect_tokio1(address, Some(share), hello, first, None);
            last = match timeout(share, connecting).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) if error.status().is_some() || error.is_tls() => {
                    return Err(self.judged(&error, false));
                }
                Ok(Err(error)) => self.judged(&error, false),
                Err(_) => {
                    let share = humantime::format_duration(share);
                    self.later(&format!("did not greet within {share}"))
                }
            };
        }
        Err(last)
    }

    async fn talk(
        &self,
        connection: &mut AsyncSmtpConnection,
        envelope: &Envelope,
        mail: &[u8],
    ) -> Result<Response, Failure> {
        if let (Tls::Starttls, Some(parameters)) = (self.tls, &self.parameters) {
            if !connection.can_starttls() {
                let words = "does not offer STARTTLS: choose `tls = \"implicit\"`, or \
                             `tls = \"off\"` where the way there is safe";
                return Err(self.failed(words, None));
            }
            let upgraded = connection.starttls(parameters.clone(), &self.hello).await;
            upgraded.map_err(|error| self.judged(&error, false))?;
        }
        if let Some(credentials) = &self.credentials {
            let known = [Mechanism::Plain, Mechanism::Login];
            let signed_in = connection.auth(&known, credentials).await;
            signed_in.map_err(|error| self.judged(&error, false))?;
        }
        connection.send(envelope, mail).await.map_err(|error| self.judged(&error, true))
    }

    /// What an error of SMTP means.
    fn judged(&self, error: &smtp::Error, is_of_recipient: bool) -> Failure {
        let status = error.status().map(u16::from);
        let words = format!("did not take the mail: {}", one_line(&error.to_string(), SHOWN));
        if error.is_permanent() || error.is_client() {
            return self.failed(&words, status);
        }
        let is_of_recipient = is_of_recipient && status.is_some();
        Failure { is_of_recipient, ..self.later(&words) }
    }

    fn later(&self, words: &str) -> Failure {
        said(format!("{} {words}", authority(&self.host, self.port)))
    }

    fn failed(&self, words: &str, status: Option<u16>) -> Failure {
        let words = format!("{} {words}", authority(&self.host, self.port));
        Failure { error: SendError::Refused { status, words }, is_of_recipient: true }
    }
}

fn said(words: String) -> Failure {
    let error = SendError::Transient { retry_after: None, words };
    Failure { error, is_of_recipient: false }
}

/// What the server's certificate is checked against, and the one that is shown.
fn parameters(host: &str, trust: &Trust) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = &trust.authorities {
        builder = builder.certificate_store(CertificateStore::None);
        for certificate in outgoing::authorities(path).map_err(|error| error.to_string())? {
            let certificate = Certificate::from_der(certificate.to_vec());
            let unfit = |error: smtp::Error| format!("{}: {error}", path.display());
            builder = builder.add_root_certificate(certificate.map_err(unfit)?);
        }
    }
    if let Some((certificate, key)) = &trust.identity {
        let text = |path: &Path| {
            file::read(path, MAX_SECRET_BYTES)
                .map(|(text, _)| text)
                .map_err(|error| format!("{}: {error}", path.display()))
        };
        // What is wrong is said without the text: one of them is a key.
        let identity = Identity::from_pem(&text(certificate)?, &text(key)?).map_err(|_unfit| {
            format!(
                "{} and {} are no certificate and its key",
                certificate.display(),
                key.display()
            )
        })?;
        builder = builder.identify_with(identity);
    }
    builder.build().map_err(|error| error.to_string())
}
