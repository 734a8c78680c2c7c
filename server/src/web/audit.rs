//! Who asked for which change, and who was refused: each is a line of the log and a row of the store, which
//! nobody waits for.

use std::sync::Arc;

use axum::{
    Json,
    extract::Request,
    http::{Method, StatusCode},
};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::{
    Site, api::EVENTS_SPAN, asked::AuditAsked, failure::Failure, params::RequestParams,
    places::PeerNetwork, who::Scoped,
};
use crate::{
    access::{Digest, Identity, RANDOM_BYTES},
    model::AuditEntry,
    oidc::Person,
    query::AuditPage,
    store::{Span, writer::QueuedRow},
    text::one_line,
    units::WallMs,
};

/// The most bytes of a path that are kept; of a longer one the beginning.
const MAX_WHAT_BYTES: usize = 512;

/// How wrong tokens are called.
const REFUSED: &str = "refused";

/// A change that somebody asks for.
pub(super) struct AuditedChange {
    who: Arc<Identity>,
    peer: Option<PeerNetwork>,
    what: String,
}

impl AuditedChange {
    /// None where something is only read.
    pub(super) fn of(who: &Arc<Identity>, request: &Request) -> Option<Self> {
        let method = request.method();
        if matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let peer = request.extensions().get::<PeerNetwork>().copied();
        Some(Self { who: Arc::clone(who), peer, what: format!("{method} {path}") })
    }

    /// Somebody signs in.
    pub(super) fn sign_in(who: Identity, peer: Option<PeerNetwork>, what: String) -> Self {
        Self { who: Arc::new(who), peer, what }
    }

    /// Notes that somebody whom the provider knows was not let in.
    pub(super) fn refused_person(
        site: &Site,
        peer: Option<PeerNetwork>,
        provider: &str,
        person: &Person,
    ) {
        let what = format!("sign in at {provider} as sub {}: no group has an entry", person.sub);
        let what = one_line(&what, MAX_WHAT_BYTES);
        let (name, from) = (&*person.name, peer.map(tracing::field::display));
        tracing::warn!(who = name, from, "refused over HTTP: {what}");
        keep(
            site,
            AuditEntry {
                id: id(),
                at: site.clock.now().wall,
                who: Some(Arc::clone(&person.name)),
                how: REFUSED.into(),
                peer: peer.map(|peer| peer.to_string().into()),
                what: what.into(),
                status: StatusCode::FORBIDDEN.as_u16(),
                times: 1,
            },
        );
    }

    /// Notes how it was answered.
    pub(super) fn note(self, site: &Site, status: StatusCode) {
        let Self { who, peer, what } = self;
        let what = one_line(&what, MAX_WHAT_BYTES);
        let (name, how, from) = (&*who.name, who.how.as_str(), peer.map(tracing::field::display));
        tracing::info!(who = name, how, from, status = status.as_u16(), "asked over HTTP: {what}");
        keep(
            site,
            AuditEntry {
                id: id(),
                at: site.clock.now().wall,
                who: who.person().cloned(),
                how: how.into(),
                peer: peer.map(|peer| peer.to_string().into()),
                what: what.into(),
                status: status.as_u16(),
                times: 1,
            },
        );
    }
}

/// Notes that wrong tokens came, so many since that was noted last; `last` sent the last of them.
pub(super) fn refusals(site: &Site, times: u64, last: PeerNetwork) {
    tracing::warn!(requests = times, %last, "requests over HTTP with a wrong token or password");
    keep(
        site,
        AuditEntry {
            id: id(),
            at: site.clock.now().wall,
            who: None,
            how: REFUSED.into(),
            peer: Some(last.to_string().into()),
            what: "wrong token".into(),
            status: StatusCode::UNAUTHORIZED.as_u16(),
            times,
        },
    );
}

/// What a row is known by.
fn id() -> Arc<str> {
    let mut random = [0; RANDOM_BYTES];
    // Without random numbers nobody signs in; the row is then known by what it has, once.
    let _ = SystemRandom::new().fill(&mut random);
    Digest::of(&random).to_string().into()
}

fn keep(site: &Site, entry: AuditEntry) {
    site.control.note(QueuedRow::Audit(Arc::new(entry)));
}

/// `GET /api/v1/audit`; the last day when nothing is said.
pub(super) async fn audit(
    Scoped(query): Scoped,
    RequestParams(AuditAsked { from, to, limit }, now): RequestParams<AuditAsked>,
) -> Result<Json<AuditPage>, Failure> {
    let from = from.unwrap_or(now.minus(EVENTS_SPAN));
    let to = to.unwrap_or(WallMs(now.0.saturating_add(1)));
    if from >= to {
        return Err(Failure::bad_request("\"from\" must be before \"to\"".to_owned()));
    }
    Ok(Json(query.audit(Span { from, to }, limit).await?))
}
