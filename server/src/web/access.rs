//! Who asks: everybody, or who shows a token, the cookie of a session, or comes by a proxy whose word is taken.
//!
//! It never logs what was sent. `/healthz` is open: it says that the process lives, and no more; so are the
//! files of the page and where one signs in.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::{
    Site, audit, cookie, credential::Credential, denials::Denials, failure::Failure,
    kept_sessions::KeptSessions, listener::PeerAddress, origin::OwnNames, places::PeerNetwork,
};
use crate::{
    access::{Digest, How, Identity, Keyring, Member, RANDOM_BYTES, SessionOwner, secret},
    config::{FieldName, ProxyAddress, Secret, SiteName},
    oidc::{Person, Provider},
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
    proxy: Option<Arc<TrustedProxy>>,
    provider: Option<Arc<Provider>>,
}

/// Whose word is taken for who asks.
struct TrustedProxy {
    from: Vec<ProxyAddress>,
    field: FieldName,
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

    /// The same, and for whom a proxy at one of these addresses names in this header field.
    #[must_use]
    pub fn with_proxy(self, from: &[ProxyAddress], field: &FieldName) -> Self {
        let proxy = TrustedProxy { from: from.to_vec(), field: field.clone() };
        Self { proxy: Some(Arc::new(proxy)), ..self }
    }

    /// The same, and for who signs in at this provider.
    #[must_use]
    pub fn with_provider(self, provider: Option<Provider>) -> Self {
        Self { provider: provider.map(Arc::new), ..self }
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

    /// Whether each has a token of their own, and not all the same one.
    pub(super) fn has_people(&self) -> bool {
        self.keyring.entries().is_some()
    }

    /// Has what is new of the sessions kept.
    pub(super) async fn keep_sessions(&self) {
        self.sessions.keep().await;
    }

    /// Who has a token.
    pub(super) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Who was wrong.
    pub(super) fn denials(&self) -> &Denials {
        &self.denials
    }

    /// Where people sign in, where that is set.
    pub(super) fn provider(&self) -> Option<&Arc<Provider>> {
        self.provider.as_ref()
    }

    /// Whose a token is. `is_used`: it is shown, and not only looked at again.
    fn owner(&self, digest: &Digest, how: How, now: WallMs, is_used: bool) -> Shown {
        if self.rules().shared.is_some_and(|shared| shared.is(digest)) {
            return Shown::Right(Identity::shared(how));
        }
        let entries = self.keyring.entries().unwrap_or_default();
        match entries.find(digest) {
            None => Shown::Wrong,
            Some(entry) if entry.is_expired(now) => Shown::Expired(Arc::clone(&entry.name)),
            Some(entry) => {
                if is_used {
                    self.keyring.used(entry.digest, now);
                }
                Shown::Right(Identity::of_entry(entry, how))
            }
        }
    }

    /// Whose a session is.
    fn session(&self, id: &Digest, now: WallMs, is_used: bool) -> Shown {
        let owner = {
            let mut table = self.sessions.table();
            if is_used { table.owner(id, now) } else { table.peek(id, now).cloned() }
        };
        let shown = match owner {
            None => return Shown::Nothing,
            Some(SessionOwner { entry, member: None }) => {
                self.owner(&entry, How::Session, now, is_used)
            }
            Some(SessionOwner { entry, member: Some(Member { name, provider }) }) => {
                let is_ours =
                    self.provider.as_ref().is_some_and(|ours| ours.digest().is(&provider));
                let entries = self.keyring.entries().unwrap_or_default();
                let member = entries.same_member(&entry).filter(|_| is_ours);
                member
                    .map_or(Shown::Nothing, |entry| Shown::Right(Identity::of_member(entry, &name)))
            }
        };
        // Its token was revoked: whoever had it knew the token, and did not guess.
        if shown == Shown::Wrong { Shown::Nothing } else { shown }
    }

    /// Whom a proxy names.
    fn user(&self, name: Option<&str>, now: WallMs) -> Shown {
        let entries = self.keyring.entries().unwrap_or_default();
        let user = name.and_then(|name| entries.user(name)).filter(|user| !user.is_expired(now));
        user.map_or(Shown::Stranger, |user| Shown::Right(Identity::of_user(user)))
    }

    /// What a request from this address shows.
    pub(super) fn credential(
        &self,
        request: &HeaderMap,
        base_path: &str,
        peer: Option<PeerAddress>,
    ) -> Credential {
        let proxy = self.proxy.as_deref().filter(|proxy| {
            peer.is_some_and(|peer| proxy.from.iter().any(|from| from.has(peer.ip())))
        });
        Credential::of(request, base_path, proxy.map(|proxy| proxy.field.as_str()))
    }

    /// Who shows that.
    pub(super) fn shown(&self, credential: &Credential, now: WallMs) -> Shown {
        self.look(credential, now, true)
    }

    /// Whether what was shown still shows the same.
    pub(super) fn holds(&self, credential: &Credential, who: &Identity, now: WallMs) -> bool {
        matches!(self.look(credential, now, false), Shown::Right(same) if same == *who)
    }

    fn look(&self, credential: &Credential, now: WallMs, is_used: bool) -> Shown {
        if !self.is_guarded() {
            return Shown::Right(Identity::open());
        }
        match credential {
            Credential::Nothing => Shown::Nothing,
            Credential::Token(None) => Shown::Wrong,
            Credential::Token(Some(digest)) => {
                match self.owner(digest, How::Token, now, is_used) {
                    // The token that everybody has is no one's.
                    Shown::Right(who) if !who.is_person => {
                        Shown::Right(Identity::shared(How::Shared))
                    }
                    other => other,
                }
            }
            Credential::Proxied(name) => self.user(name.as_deref(), now),
            Credential::Session(id) => self.session(id, now, is_used),
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
        let who = judged(site, peer, true, || self.owner(&owner, How::Session, now, true))?;
        let cookie = self.begin_session(site, request, owner.into()).await?;
        Ok((who, cookie))
    }

    /// The same for who signed in at the provider; none where no group of theirs has an entry.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(super) async fn sign_in_person(
        &self,
        site: &Site,
        request: &HeaderMap,
        person: &Person,
    ) -> Result<Option<(Identity, Option<HeaderValue>)>, Failure> {
        let Some(provider) = &self.provider else { return Ok(None) };
        let entries = self.keyring.entries().unwrap_or_default();
        let Some(entry) = entries.member(&person.groups) else { return Ok(None) };
        let member = Member { name: Arc::clone(&person.name), provider: provider.digest() };
        let owner = SessionOwner { entry: entry.digest(), member: Some(member) };
        let cookie = self.begin_session(site, request, owner).await?;
        Ok(Some((Identity::of_member(entry, &person.name), cookie)))
    }

    /// Begins a session in the place of the one that the browser had; its cookie.
    async fn begin_session(
        &self,
        site: &Site,
        request: &HeaderMap,
        owner: SessionOwner,
    ) -> Result<Option<HeaderValue>, Failure> {
        // An id that the browser came with is never used again: somebody else may have put it there.
        let id = random_secret()?;
        let base_path = site.base_path.as_str();
        let before = session_shown(request, base_path);
        {
            let mut table = self.sessions.table();
            before.inspect(|before| table.end(before));
            table.begin(Digest::of(id.as_bytes()), owner, site.clock.now().wall);
        }
        self.sessions.keep().await;
        Ok(cookie::SESSION.given(request, base_path, Some(&id)))
    }

    /// Ends the session of a browser; what takes the cookie away.
    pub(super) async fn sign_out(
        &self,
        request: &HeaderMap,
        base_path: &str,
    ) -> Option<HeaderValue> {
        let id = session_shown(request, base_path)?;
        self.sessions.table().end(&id);
        self.sessions.keep().await;
        cookie::SESSION.given(request, base_path, None)
    }
}

/// A secret that nobody knows yet.
pub(super) fn random_secret() -> Result<String, Failure> {
    let mut random = [0; RANDOM_BYTES];
    SystemRandom::new().fill(&mut random).map_err(|_unspecified| {
        Failure::internal("the system gives no random numbers".to_owned())
    })?;
    Ok(secret(&random))
}

fn session_shown(request: &HeaderMap, base_path: &str) -> Option<Digest> {
    cookie::SESSION.shown(request, base_path).map(|id| Digest::of(id.as_bytes()))
}

/// What a request shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Right(Identity),
    Nothing,
    Wrong,
    /// A token that was right.
    Expired(Arc<str>),
    /// Somebody whom a proxy names, and who has no entry.
    Stranger,
}

impl AccessRules {
    pub(super) fn names(&self, is_guarded: bool) -> OwnNames<'_> {
        if is_guarded { OwnNames::Any } else { OwnNames::These(&self.hosts) }
    }
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
        Shown::Stranger => {
            site.metrics.http_denied.inc();
            let words = "whom the proxy names has no entry [[user]] in http.access_file, or one that has expired: \
                         an administrator adds one";
            return Err(Failure::refused(StatusCode::FORBIDDEN, words.to_owned()));
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
    use axum::http::header;
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;

    fn shown(authorization: Option<&str>) -> Shown {
        let mut headers = HeaderMap::new();
        if let Some(text) = authorization {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(text).unwrap());
        }
        let access = Access::new(Some(&Secret::new("a:b c")), &[]);
        access.shown(&access.credential(&headers, "", None), WallMs(0))
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
        let open = Access::default().shown(&Credential::Nothing, WallMs(0));
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
