//! Who asks over gRPC: the same people, by the tokens that they have.

use std::sync::Arc;

use axum::http::{Extensions, HeaderMap, StatusCode};

use super::{Site, access::judged, credential::Credential, ended::ended, places::PeerNetwork};
use crate::{access::Identity, model::Scope};

/// Somebody who asks over gRPC.
#[derive(Clone)]
pub(crate) struct Guest {
    who: Arc<Identity>,
    shown: Option<(Arc<Site>, Credential)>,
}

/// Why somebody is not answered, and what they are told.
pub(crate) enum Unwelcome {
    /// They show no token that is good.
    Unknown(String),
    /// They were wrong too often.
    TooOften(String),
}

impl Guest {
    /// Whoever asks a server that wants to know nobody.
    pub(crate) fn anybody() -> Self {
        Self { who: Arc::new(Identity::open()), shown: None }
    }

    /// Who shows a token. Nobody has to where there is no access file, for clients of this protocol were there
    /// before it was, nor from this machine itself, unless `local_is_asked`.
    ///
    /// # Errors
    /// [`Unwelcome`]
    pub(crate) fn of(
        site: &Arc<Site>,
        headers: &HeaderMap,
        extensions: &Extensions,
        local_is_asked: bool,
    ) -> Result<Self, Unwelcome> {
        let peer = extensions.get::<PeerNetwork>().copied();
        let credential = Credential::token(headers);
        let is_local = peer.is_some_and(PeerNetwork::is_local) && !local_is_asked;
        if credential == Credential::Nothing && (is_local || !site.access.has_people()) {
            return Ok(Self::anybody());
        }
        let guesses = credential != Credential::Nothing;
        let now = site.clock.now().wall;
        match judged(site, peer, guesses, || site.access.shown(&credential, now)) {
            Ok(who) => Ok(Self { who: Arc::new(who), shown: Some((Arc::clone(site), credential)) }),
            Err(failure) if failure.is(StatusCode::TOO_MANY_REQUESTS) => {
                Err(Unwelcome::TooOften(failure.into_words()))
            }
            Err(failure) => Err(Unwelcome::Unknown(failure.into_words())),
        }
    }

    /// What they may see.
    pub(crate) fn scope(&self) -> &Scope {
        &self.who.scope
    }

    /// Ends when what they showed holds no longer.
    pub(crate) async fn ended(self) {
        match &self.shown {
            None => std::future::pending().await,
            Some((site, credential)) => ended(site, credential, &self.who).await,
        }
    }
}
