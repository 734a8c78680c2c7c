//! A provider of OpenID Connect, at which people sign in: authorization code with PKCE (OpenID Connect Core 1.0,
//! section 3.1; RFC 7636, S256). What it says is believed once its ID token has passed every check.
//!
//! It must know neither cookies nor what anybody may do. What it is told is kept nowhere: the secret of a sign-in
//! that is under way is in the cookie of its browser, and `state`, `nonce` and verifier follow from it.

mod fetched;
mod id_token;
mod keys;

use std::{fmt, sync::Arc, time::Duration};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{HeaderValue, Request, header};
use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use crate::{
    access::Digest,
    clock::Clock,
    config::{self, HookUrl, IssuerUrl, PublicUrl, Secret},
    outgoing::{Client, SetupError, Trust},
    resolve::HostResolver,
    text::{one_line, percent_encode},
    units::{Mono, WallMs},
};
use fetched::Fetched;
use id_token::Expected;
pub use id_token::{MAX_CLOCK_SKEW, MAX_TOKEN_AGE, Person, TokenFault};
use keys::KeySet;

/// How long one call of the provider may take, connecting included.
pub const MAX_PROVIDER_WAIT: Duration = Duration::from_secs(10);

/// The largest answer of the provider that is read, bytes.
pub const MAX_PROVIDER_BYTES: usize = 256 * 1024;

/// How many sign-ins ask the provider at once; more are told to try again.
pub const MAX_SIGN_INS: usize = 8;

/// What of an error of the provider's is repeated in the log, bytes.
const SAID_BYTES: usize = 200;

/// Where the provider sends people back to, below `http.url`.
pub const CALLBACK: &str = "/login/oidc/callback";

/// Why nobody was signed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// The provider does not answer, or not as it has to.
    #[error("{0}")]
    Provider(String),
    /// It does not take what a browser brought.
    #[error("{0}")]
    Refused(String),
    /// What it says of somebody is not to be believed.
    #[error("the ID token is refused: {0}")]
    Token(#[from] TokenFault),
    /// Others sign in.
    #[error("{MAX_SIGN_INS} sign-ins are under way already")]
    Busy,
}

/// What a provider says of itself (OpenID Connect Discovery 1.0, section 3).
#[derive(Debug, Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    scopes_supported: Vec<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

/// What a provider answers to a code.
#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
}

/// What it answers instead (RFC 6749, section 5.2).
#[derive(Deserialize)]
struct TokenRefusal {
    error: String,
}

/// The scopes that are asked for, where the provider has them; the first always.
const SCOPES: [&str; 4] = ["openid", "profile", "email", "groups"];

/// The provider of the settings.
pub struct Provider {
    issuer: IssuerUrl,
    client_id: String,
    secret: Option<Secret>,
    claim: String,
    redirect: String,
    trust: Trust,
    names: Arc<HostResolver>,
    clock: Arc<dyn Clock>,
    discovery: Fetched<Discovery>,
    keys: Fetched<KeySet>,
    places: Semaphore,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Provider {
    /// The provider of these settings; none where they name none. Nothing is asked yet.
    ///
    /// # Errors
    /// [`SetupError`]: it could never be asked.
    pub fn new(
        settings: &config::Oidc,
        url: Option<&PublicUrl>,
        names: Arc<HostResolver>,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Self>, SetupError> {
        let (Some(issuer), Some(client_id), Some(url)) =
            (settings.issuer.clone(), &settings.client_id, url)
        else {
            return Ok(None);
        };
        let trust = Trust {
            authorities: settings.ca_file.clone(),
            identity: None,
            setting: "oidc.ca_file",
        };
        Client::new(issuer.url().clone(), MAX_PROVIDER_WAIT, Arc::clone(&names), &trust)?;
        Ok(Some(Self {
            issuer,
            client_id: client_id.as_str().to_owned(),
            secret: settings.client_secret.clone(),
            claim: settings.claim.as_str().to_owned(),
            redirect: url.page(CALLBACK),
            trust,
            names,
            clock,
            discovery: Fetched::default(),
            keys: Fetched::default(),
            places: Semaphore::new(MAX_SIGN_INS),
        }))
    }

    /// What it is called on the page: the name of its host.
    #[must_use]
    pub fn name(&self) -> &str {
        self.issuer.url().host()
    }

    /// What sessions are known by that follow from its word.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(format!("{:?} {:?}", self.issuer.as_str(), self.client_id).as_bytes())
    }

    /// Whether an answer that names its issuer (RFC 9207) names this one.
    #[must_use]
    pub fn is_issuer(&self, issuer: &str) -> bool {
        issuer == self.issuer.as_str()
    }

    /// Where a browser goes to sign in, with what follows from `secret`.
    ///
    /// # Errors
    /// [`OidcError::Provider`]
    pub async fn begin(&self, secret: &str) -> Result<String, OidcError> {
        let discovery = self.discovery().await?;
        let scopes = SCOPES.into_iter().filter(|scope| {
            *scope == SCOPES[0] || discovery.scopes_supported.iter().any(|known| known == scope)
        });
        let scopes: Vec<&str> = scopes.collect();
        let asked = form(&[
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect),
            ("scope", &scopes.join(" ")),
            ("state", &state(secret)),
            ("nonce", &nonce(secret)),
            ("code_challenge_method", "S256"),
            ("code_challenge", &URL_SAFE_NO_PAD.encode(Sha256::digest(verifier(secret)))),
        ]);
        let endpoint = &discovery.authorization_endpoint;
        let and = if endpoint.contains('?') { '&' } else { '?' };
        Ok(format!("{endpoint}{and}{asked}"))
    }

    /// Who a code stands for, that the provider gave to the browser with `secret`.
    ///
    /// # Errors
    /// [`OidcError`]
    pub async fn sign_in(&self, secret: &str, code: &str) -> Result<Person, OidcError> {
        let _place = self.places.try_acquire().map_err(|_full| OidcError::Busy)?;
        let discovery = self.discovery().await?;
        let token = self.exchange(&discovery, secret, code).await?;
        let expected = Expected {
            issuer: self.issuer.as_str(),
            client_id: &self.client_id,
            nonce: &nonce(secret),
            claim: &self.claim,
        };
        let signed = id_token::parse(&token)?;
        let keys = self.keys(&discovery.jwks_uri, |keys| keys.has(&signed.key)).await?;
        Ok(signed.verify(&keys, &expected, self.now().1)?)
    }

    fn now(&self) -> (Mono, WallMs) {
        let now = self.clock.now();
        (now.mono, now.wall)
    }

    async fn discovery(&self) -> Result<Arc<Discovery>, OidcError> {
        let ask = async || {
            let base = self.issuer.as_str().trim_end_matches('/');
            let url = self.endpoint(&format!("{base}/.well-known/openid-configuration"))?;
            let found: Discovery = self.get(url).await?;
            if found.issuer != self.issuer.as_str() {
                let said = one_line(&found.issuer, SAID_BYTES);
                let words = format!(
                    "the provider calls itself {said:?}, not {:?} (oidc.issuer)",
                    self.issuer.as_str()
                );
                return Err(OidcError::Provider(words));
            }
            for url in [&found.authorization_endpoint, &found.token_endpoint, &found.jwks_uri] {
                self.endpoint(url)?;
            }
            Ok(found)
        };
        self.discovery.get(|| self.now().0, |_| true, ask).await
    }

    /// Its keys; asked for again when none of them `will_do`.
    async fn keys(
        &self,
        url: &str,
        will_do: impl Fn(&KeySet) -> bool,
    ) -> Result<Arc<KeySet>, OidcError> {
        let ask = async || self.get(self.endpoint(url)?).await;
        self.keys.get(|| self.now().0, will_do, ask).await
    }

    /// An address that the provider names.
    fn endpoint(&self, text: &str) -> Result<HookUrl, OidcError> {
        self.issuer.endpoint(text).ok_or_else(|| {
            let said = one_line(text, SAID_BYTES);
            OidcError::Provider(format!("the provider names {said:?}: expected https://"))
        })
    }

    /// The ID token for a code.
    async fn exchange(
        &self,
        discovery: &Discovery,
        secret: &str,
        code: &str,
    ) -> Result<String, OidcError> {
        let verifier = verifier(secret);
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &*self.redirect),
            ("client_id", &*self.client_id),
            ("code_verifier", &*verifier),
        ];
        let methods = &discovery.token_endpoint_auth_methods_supported;
        // Without a word of it a provider takes Basic (RFC 8414, section 2).
        let posts = !methods.is_empty() && !methods.iter().any(|one| one == "client_secret_basic");
        let mut basic = None;
        match self.secret.as_ref().map(Secret::expose) {
            Some(secret) if posts => fields.push(("client_secret", secret)),
            Some(secret) => {
                let (id, secret) = (percent_encode(&self.client_id), percent_encode(secret));
                basic = Some(format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))));
            }
            None => {}
        }
        let url = self.endpoint(&discovery.token_endpoint)?;
        let mut request = Request::post(url.path())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(mut basic) = basic.and_then(|basic| HeaderValue::try_from(basic).ok()) {
            basic.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, basic);
        }
        let answer: TokenAnswer = self.call(url, request, form(&fields)).await?;
        Ok(answer.id_token)
    }

    async fn get<T: DeserializeOwned>(&self, url: HookUrl) -> Result<T, OidcError> {
        let request = Request::get(url.path());
        self.call(url, request, String::new()).await
    }

    /// A document of the provider's.
    async fn call<T: DeserializeOwned>(
        &self,
        url: HookUrl,
        request: http::request::Builder,
        body: String,
    ) -> Result<T, OidcError> {
        let broken = |why: &dyn fmt::Display| OidcError::Provider(why.to_string());
        let request = request
            .header(header::ACCEPT, "application/json")
            .body(body)
            .map_err(|error| broken(&error))?;
        let to = url.authority();
        let client = Client::new(url, MAX_PROVIDER_WAIT, Arc::clone(&self.names), &self.trust);
        let client = client.map_err(|error| broken(&error))?;
        let answer =
            client.call(request, MAX_PROVIDER_BYTES).await.map_err(|error| broken(&error))?;
        if !answer.is_whole {
            let words = format!(
                "{to} answered with more than {MAX_PROVIDER_BYTES} bytes, or not to the end"
            );
            return Err(OidcError::Provider(words));
        }
        if !answer.status.is_success() {
            let said = serde_json::from_slice(&answer.body).map(|TokenRefusal { error }| error);
            let said = said.map(|said| format!(": {}", one_line(&said, SAID_BYTES)));
            let status = answer.status;
            let words = format!("{to} answered {status}{}", said.unwrap_or_default());
            return Err(match status.is_client_error() {
                true => OidcError::Refused(words),
                false => OidcError::Provider(words),
            });
        }
        // What serde says of a value may repeat it.
        serde_json::from_slice(&answer.body).map_err(|error| {
            let (line, kind) = (error.line(), error.classify());
            OidcError::Provider(format!(
                "{to} answered with another document ({kind:?}, line {line})"
            ))
        })
    }
}

/// A form as it is sent (WHATWG URL, application/x-www-form-urlencoded).
fn form(fields: &[(&str, &str)]) -> String {
    let field = |(name, value): &(&str, &str)| format!("{name}={}", percent_encode(value));
    fields.iter().map(field).collect::<Vec<_>>().join("&")
}

/// What comes back with the answer and belongs to this browser.
#[must_use]
pub fn state(secret: &str) -> String {
    derived("state", secret)
}

/// What the ID token has to hold.
fn nonce(secret: &str) -> String {
    derived("nonce", secret)
}

/// What shows that the code was given to whoever asked for it.
fn verifier(secret: &str) -> String {
    derived("verifier", secret)
}

/// Of a secret of 256 random bits; none tells it, nor another of them.
fn derived(what: &str, secret: &str) -> String {
    Digest::of(format!("{what} {secret}").as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::{
        clock::SystemClock,
        config::{Config, Flag, Sources},
    };

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_keeps_silent_is_waited_for_no_longer_than_the_limit() {
        let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", mute.local_addr().unwrap());
        let settings = [
            ("oidc.issuer", &*issuer),
            ("oidc.client_id", "x"),
            ("http.access_file", "x"),
            ("http.url", "http://localhost"),
        ];
        let flag = |(key, value): (_, &str)| Flag { key, name: "test", value: value.to_owned() };
        let flags = settings.map(flag).to_vec();
        let config = Config::load(Sources { flags, ..Sources::default() }).unwrap().config;
        let (names, clock) = (HostResolver::new(Vec::new()), Arc::new(SystemClock::new()));
        let provider = Provider::new(&config.oidc, config.http.url.as_ref(), names, clock);
        let provider = provider.unwrap().unwrap();
        let told = provider.begin("x").await.unwrap_err().to_string();
        assert!(told.contains("did not answer within 10s"), "{told}");
    }
}
