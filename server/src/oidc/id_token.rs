//! ID tokens: signed JSON that says who somebody is, and every check that it has to pass (OpenID Connect Core 1.0,
//! section 3.1.3.7; RFC 8725). Pure: it is told the keys and the time.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::keys::{Algorithm, KeyName, KeySet};
use crate::{
    access::{Digest, token_name},
    text::one_line,
    units::WallMs,
};

/// How far the provider's clock may be off.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);

/// How old a token may be: it is made when it is asked for.
pub const MAX_TOKEN_AGE: Duration = Duration::from_secs(600);

/// The longest `sub` (OpenID Connect Core 1.0, section 2), bytes.
const MAX_SUB_BYTES: usize = 255;

/// What of a wrong value is repeated, bytes.
const SAID_BYTES: usize = 100;

/// What is wrong with a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// It is no signed JSON.
    #[error("it is not three parts of base64url with JSON in two of them")]
    Form,
    /// Signed in another way, or not at all.
    #[error("its `alg` is {0:?}, and RS256 and ES256 alone are taken")]
    Algorithm(String),
    /// Its head wants something to be heeded that is not known.
    #[error("its head has `crit`, of which nothing is known")]
    Critical,
    /// No key of the provider's has its name and its algorithm.
    #[error("the provider has no key {0:?} for its `alg`")]
    Key(String),
    /// Somebody else signed it, or it was changed.
    #[error("its signature is not the provider's")]
    Signature,
    /// What it says is not for here and now.
    #[error("its `{claim}` is {found}")]
    Claim {
        /// The claim.
        claim: &'static str,
        /// What it is.
        found: String,
    },
}

/// Somebody, as a provider knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// What they are called, fit for an entry of the audit.
    pub name: Arc<str>,
    /// What the provider knows them by, for ever.
    pub sub: String,
    /// Their groups.
    pub groups: Vec<String>,
}

/// What a token has to say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    /// The claim that lists groups.
    pub(super) claim: &'a str,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// A token whose signature is not looked at yet.
pub(super) struct SignedToken<'t> {
    pub(super) key: KeyName,
    message: &'t str,
    claims: &'t str,
    signature: Vec<u8>,
}

fn decoded(part: &str) -> Result<Vec<u8>, TokenFault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_bad| TokenFault::Form)
}

fn json<T: DeserializeOwned>(part: &str) -> Result<T, TokenFault> {
    serde_json::from_slice(&decoded(part)?).map_err(|_bad| TokenFault::Form)
}

/// Takes a token apart (RFC 7515, section 7.1).
pub(super) fn parse(token: &str) -> Result<SignedToken<'_>, TokenFault> {
    let (message, signature) = token.rsplit_once('.').ok_or(TokenFault::Form)?;
    let (head, claims) = message.split_once('.').ok_or(TokenFault::Form)?;
    let head: Head = json(head)?;
    if head.crit.is_some() {
        return Err(TokenFault::Critical);
    }
    let algorithm = Algorithm::parse(&head.alg)
        .ok_or_else(|| TokenFault::Algorithm(one_line(&head.alg, SAID_BYTES)))?;
    let key = KeyName { algorithm, id: head.kid };
    Ok(SignedToken { key, message, claims, signature: decoded(signature)? })
}

impl SignedToken<'_> {
    /// Who that is, once everything is as it has to be.
    pub(super) fn verify(
        &self,
        keys: &KeySet,
        expected: &Expected<'_>,
        now: WallMs,
    ) -> Result<Person, TokenFault> {
        if !keys.has(&self.key) {
            let id = self.key.id.as_deref().unwrap_or_default();
            return Err(TokenFault::Key(one_line(id, SAID_BYTES)));
        }
        if !keys.signed(&self.key, self.message.as_bytes(), &self.signature) {
            return Err(TokenFault::Signature);
        }
        let claims: Claims = json(self.claims)?;
        claims.check(expected, now)?;
        Ok(claims.person(expected.claim))
    }
}

impl Claims {
    fn check(&self, expected: &Expected<'_>, now: WallMs) -> Result<(), TokenFault> {
        let wrong = |claim, found: &str| {
            Err(TokenFault::Claim { claim, found: format!("{:?}", one_line(found, SAID_BYTES)) })
        };
        if self.iss != expected.issuer {
            return wrong("iss", &self.iss);
        }
        let ours = expected.client_id;
        match (&self.aud, self.azp.as_deref()) {
            (_, Some(azp)) if azp != ours => return wrong("azp", azp),
            (Audience::One(one), _) if one != ours => return wrong("aud", one),
            (Audience::Several(all), azp) => {
                // For several, one of them has to be who asked.
                let is_alone = all.iter().all(|one| one == ours);
                if !all.iter().any(|one| one == ours) || !(is_alone || azp.is_some()) {
                    return wrong("aud", &all.join(" "));
                }
            }
            (Audience::One(_), _) => {}
        }
        if self.nonce.as_deref() != Some(expected.nonce) {
            return wrong("nonce", "another sign-in's");
        }
        if self.sub.is_empty() || self.sub.len() > MAX_SUB_BYTES {
            return wrong("sub", &self.sub);
        }
        self.check_times(now)
    }

    fn check_times(&self, now: WallMs) -> Result<(), TokenFault> {
        #[expect(clippy::cast_precision_loss, reason = "53 bits of milliseconds are 285,000 years")]
        let now = now.0 as f64 / 1_000.0;
        let (skew, age) = (MAX_CLOCK_SKEW.as_secs_f64(), MAX_TOKEN_AGE.as_secs_f64());
        let wrong = |claim, found: &str| {
            let found = format!("{found}; are the clocks of this machine and the provider right?");
            Err(TokenFault::Claim { claim, found })
        };
        if self.exp <= now - skew {
            return wrong("exp", "over");
        }
        if self.iat > now + skew {
            return wrong("iat", "to come");
        }
        if self.iat < now - age {
            return wrong("iat", "long ago");
        }
        if self.nbf.is_some_and(|nbf| nbf > now + skew) {
            return wrong("nbf", "to come");
        }
        Ok(())
    }

    fn person(self, claim: &str) -> Person {
        let text = |claim: &str| self.others.get(claim).and_then(Value::as_str);
        let groups = match self.others.get(claim) {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(all)) => {
                all.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        let is_mail_known = self.others.get("email_verified") != Some(&Value::Bool(false));
        let mail = text("email").filter(|_| is_mail_known);
        let names = [text("preferred_username"), mail, Some(&*self.sub)];
        let fit = names.into_iter().flatten().find(|name| token_name(name).is_ok());
        let name = match fit {
            Some(name) => name.into(),
            None => {
                let digest = Digest::of(self.sub.as_bytes()).to_string();
                format!("oidc-{}", digest.get(..16).unwrap_or(&digest)).into()
            }
        };
        Person { name, sub: self.sub.clone(), groups }
    }
}
