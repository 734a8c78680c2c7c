//! Who asks: everybody, or who shows a token (RFC 6750), or has it as the password of whatever user
//! (RFC 7617), or the cookie of a session that was begun with one; and never a page of another site.
//!
//! It never logs what was sent. `/healthz` is open: it says that the process lives, and no more; so are the
//! files of the page and where one signs in.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::{
    Site, audit, cookie, denials::Denials, failure::Failure, kept_sessions::KeptSessions,
    origin::OwnNames, places::PeerNetwork,
};
use crate::{
    access::{Digest, How, Identity, Keyring, RANDOM_BYTES, secret},
    config::{Secret, SiteName},
    units::WallMs,
};

/// What a peer that guesses is told.
const TOO_OFTEN: &str = "too many wrong tokens from this address: try again in a second";

/// Who may ask. A clone is the same: what is changed holds for all.
#[derive(Clone, Default)]
pub struct Access {
    rules: Arc<RwLock<Arc<AccessRules>>>,
    denials: Arc<Denials>,
    keyring: Keyring,
    sessions: Arc<KeptSessions>,
}

#[derive(Default)]
pub(super) struct AccessRules {
    /// The token that everybody has.
    shared: Option<Digest>,
    /// Names that this server is known by, where no token is wanted.
    hosts: Vec<String>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("secret", &self.is_guarded()).finish()
    }
}

impl Access {
    /// For who knows `secret`; without one, for everybody who asks this server by an address,
    /// `localhost` or one of `hosts`.
    #[must_use]
    pub fn new(secret: Option<&Secret>, hosts: &[SiteName]) -> Self {
        let access = Self::default();
        access.change(secret, hosts);
        access
    }

    /// The same, and for who has a token of their own.
    #[must_use]
    pub fn with_keyring(self, keyring: Keyring) -> Self {
        Self { keyring, ..self }
    }

    /// The same; sessions of browsers are kept in this file.
    #[must_use]
    pub fn with_sessions(self, path: PathBuf, now: WallMs) -> Self {
        Self { sessions: Arc::new(KeptSessions::open(path, now)), ..self }
    }

    /// From now on for these.
    pub fn change(&self, secret: Option<&Secret>, hosts: &[SiteName]) {
        let shared = secret.map(|secret| Digest::of(secret.expose().as_bytes()));
        let hosts = hosts.iter().map(|name| name.as_str().to_owned()).collect();
        let rules = Arc::new(AccessRules { shared, hosts });
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    pub(super) fn rules(&self) -> Arc<AccessRules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether there is a token to know.
    pub(super) fn is_guarded(&self) -> bool {
        self.rules().shared.is_some() || self.keyring.entries().is_some()
    }

    /// Has what is new of the sessions kept.
    pub(super) async fn keep_sessions(&self) {
        self.sessions.keep().await;
    }

    /// Who has a token.
    pub(super) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Whose a token is.
    fn owner(&self, digest: &Digest, how: How, now: WallMs) -> Shown {
        if self.rules().shared.is_some_and(|shared| shared.is(digest)) {
            return Shown::Right(Identity::shared(how));
        }
        let entries = self.keyring.entries().unwrap_or_default();
        match entries.find(digest) {
            None => Shown::Wrong,
            Some(entry) if entry.is_expired(now) => Shown::Expired(Arc::clone(&entry.name)),
            Some(entry) => {
                self.keyring.used(entry.digest, now);
                Shown::Right(Identity::of_entry(entry, how))
            }
        }
    }

    /// What a request shows of a token or of a session.
    pub(super) fn shown(&self, request: &HeaderMap, base_path: &str, now: WallMs) -> Shown {
        if !self.is_guarded() {
            return Shown::Right(Identity::open());
        }
        if let Some(given) = request.get(header::AUTHORIZATION) {
            let password = given.to_str().ok().and_then(password);
            let owner = |password: Vec<u8>| self.owner(&Digest::of(&password), How::Token, now);
            let owner = password.map_or(Shown::Wrong, owner);
            // The token that everybody has is no one's.
            return match owner {
                Shown::Right(who) if !who.is_person => Shown::Right(Identity::shared(How::Shared)),
                other => other,
            };
        }
        let Some(id) = cookie::shown(request, base_path) else { return Shown::Nothing };
        let owner = self.sessions.table().owner(&id, now);
        match owner.map(|owner| self.owner(&owner, How::Session, now)) {
            // It is over, or its token was revoked: whoever had it knew the token, and did not guess.
            None | Some(Shown::Wrong) => Shown::Nothing,
            Some(shown) => shown,
        }
    }

    /// Begins the session of a browser with a token: who that is, and the cookie.
    ///
    /// # Errors
    /// The token is wrong or expired, or too many from this peer were wrong.
    pub(super) async fn sign_in(
        &self,
        site: &Site,
        peer: Option<PeerNetwork>,
        request: &HeaderMap,
        token: &str,
    ) -> Result<(Identity, Option<HeaderValue>), Failure> {
        let now = site.clock.now().wall;
        if !self.is_guarded() {
            return Ok((Identity::open(), None));
        }
        let owner = Digest::of(token.as_bytes());
        let who = judged(site, peer, true, || self.owner(&owner, How::Session, now))?;
        let mut random = [0; RANDOM_BYTES];
        SystemRandom::new().fill(&mut random).map_err(|_unspecified| {
            Failure::internal("the system gives no random numbers".to_owned())
        })?;
        // An id that the browser came with is never used again: somebody else may have put it there.
        let id = secret(&random);
        let base_path = site.base_path.as_str();
        let before = cookie::shown(request, base_path);
        {
            let mut table = self.sessions.table();
            before.inspect(|before| table.end(before));
            table.begin(Digest::of(id.as_bytes()), owner, now);
        }
        self.sessions.keep().await;
        Ok((who, cookie::given(request, base_path, Some(&id))))
    }

    /// Ends the session of a browser; what takes the cookie away.
    pub(super) async fn sign_out(
        &self,
        request: &HeaderMap,
        base_path: &str,
    ) -> Option<HeaderValue> {
        let id = cookie::shown(request, base_path)?;
        self.sessions.table().end(&id);
        self.sessions.keep().await;
        cookie::given(request, base_path, None)
    }
}

/// What a request shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Right(Identity),
    Nothing,
    Wrong,
    /// A token that was right.
    Expired(Arc<str>),
}

impl AccessRules {
    pub(super) fn names(&self, is_guarded: bool) -> OwnNames<'_> {
        if is_guarded { OwnNames::Any } else { OwnNames::These(&self.hosts) }
    }
}

/// The secret in an `Authorization`.
fn password(authorization: &str) -> Option<Vec<u8>> {
    let (scheme, rest) = authorization.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().as_bytes().to_vec());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = STANDARD.decode(rest.trim()).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

/// Who shows what is shown. A peer that is wrong again and again is not heard for a while: where it
/// `guesses`, what it sends is not even looked at.
pub(super) fn judged(
    site: &Site,
    peer: Option<PeerNetwork>,
    guesses: bool,
    shown: impl FnOnce() -> Shown,
) -> Result<Identity, Failure> {
    let denials = &site.access.denials;
    let now = site.clock.now().mono;
    if guesses && peer.is_some_and(|peer| !denials.hears(peer, now)) {
        site.metrics.http_denied.inc();
        return Err(Failure::refused(StatusCode::TOO_MANY_REQUESTS, TOO_OFTEN.to_owned()));
    }
    match shown() {
        Shown::Right(who) => {
            if let Some(peer) = peer.filter(|_| guesses) {
                denials.right(peer, now);
            }
            return Ok(who);
        }
        Shown::Nothing => {}
        Shown::Expired(name) => {
            site.metrics.http_denied.inc();
            let words = format!(
                "the token of {name} has expired: an administrator makes a new one (roundsman token new {name})"
            );
            return Err(Failure::unauthorized(&words));
        }
        Shown::Wrong => {
            site.metrics.http_denied.inc();
            if let Some(peer) = peer
                && let Some(requests) = denials.wrong(peer, now)
            {
                audit::refusals(site, requests, peer);
            }
        }
    }
    let words = "this server wants a token: \"Authorization: Bearer TOKEN\", or as the password of any user; a \
                 browser signs in at /login";
    Err(Failure::unauthorized(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(authorization: Option<&str>) -> Shown {
        let mut headers = HeaderMap::new();
        if let Some(text) = authorization {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(text).unwrap());
        }
        Access::new(Some(&Secret::new("a:b c")), &[]).shown(&headers, "", WallMs(0))
    }

    fn right() -> Shown {
        Shown::Right(Identity::shared(How::Shared))
    }

    #[test]
    fn the_secret_opens_as_a_token_and_as_a_password_and_nothing_else_does() {
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        for good in ["Bearer a:b c", "bearer  a:b c", &basic("me:a:b c"), &basic(":a:b c")] {
            assert_eq!(shown(Some(good)), right(), "{good}");
        }
        let bad = [
            "",
            "Bearer",
            "Bearer ",
            "Bearer a:b",
            "Bearer a:b cd",
            "Digest a:b c",
            "a:b c",
            "Basic a:b c",
            "Basic ====",
            &basic("a:b c:"),
            &basic("a:b"),
            &basic("no colon"),
        ];
        for bad in bad {
            assert_eq!(shown(Some(bad)), Shown::Wrong, "{bad}");
        }
        assert_eq!(shown(None), Shown::Nothing);
        let open = Access::default().shown(&HeaderMap::new(), "", WallMs(0));
        assert_eq!(open, Shown::Right(Identity::open()));
    }

    #[test]
    fn it_does_not_show_its_secret() {
        assert_eq!(
            format!("{:?}", Access::new(Some(&Secret::new("x")), &[])),
            "Access { secret: true }"
        );
    }
}
