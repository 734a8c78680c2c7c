//! The gate: each request shows who asks before anything of it is looked into, and each route wants a role.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    Site, access::judged, audit::AuditedChange, credential::Credential, denials::WRONG_AGAIN,
    ended::while_it_holds, failure::Failure, listener::PeerAddress, origin, places::PeerNetwork,
};
use crate::{
    access::Identity,
    model::{Role, Scope},
    oidc::CALLBACK,
    text::percent_encode,
};

/// What a request may be refused with before it is looked into.
pub(super) const REFUSALS: [StatusCode; 4] = [
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::MISDIRECTED_REQUEST,
    StatusCode::TOO_MANY_REQUESTS,
];

/// What is answered to everybody, whatever they call this server: that the process lives, and that it polls.
const TOLD_TO_ALL: [&str; 2] = ["/healthz", "/leader"];

/// What else is answered without a token: what one signs in with.
fn is_open(method: &Method, path: &str) -> bool {
    match path {
        LOGIN | SIGN_IN | CALLBACK => true,
        SESSION => method == Method::POST,
        _ => path.starts_with("/assets/"),
    }
}

const LOGIN: &str = "/login";
const SIGN_IN: &str = "/login/oidc";
const SESSION: &str = "/api/v1/session";

/// Lets a request through with who asks, or says what it lacks.
pub(super) async fn check(
    State(site): State<Arc<Site>>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if TOLD_TO_ALL.contains(&path) {
        return next.run(request).await;
    }
    let rules = site.access.rules();
    let names = rules.names(site.access.is_guarded());
    if let Err(failure) = origin::judge(request.method(), request.uri(), request.headers(), names) {
        return failure.into_response();
    }
    if is_open(request.method(), path) {
        return next.run(request).await;
    }
    match admit(&site, &request) {
        Ok((who, credential)) => {
            let who = Arc::new(who);
            request.extensions_mut().insert(Arc::clone(&who));
            let change = AuditedChange::of(&who, &request);
            let answer = next.run(request).await;
            if let Some(change) = change {
                change.note(&site, answer.status());
            }
            site.access.keep_sessions().await;
            while_it_holds(answer, site, who, credential)
        }
        Err(failure) if failure.is(StatusCode::UNAUTHORIZED) && wants_page(&request) => {
            to_login(&request)
        }
        Err(failure) => refuse(failure, is_of_browser(request.headers())),
    }
}

/// Who asks, and what shows it.
fn admit(site: &Site, request: &Request) -> Result<(Identity, Credential), Failure> {
    let access = &site.access;
    let now = site.clock.now().wall;
    let (peer, address) =
        (request.extensions().get::<PeerNetwork>(), request.extensions().get::<PeerAddress>());
    let headers = request.headers();
    let credential = access.credential(headers, site.base_path.as_str(), address.copied());
    let guesses = access.is_guarded() && matches!(credential, Credential::Token(_));
    let who = judged(site, peer.copied(), guesses, || access.shown(&credential, now))?;
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    // So it has to say that a page of ours asks for the change.
    if who.is_shown_by_browser() && !reads && !origin::is_own_page(headers) {
        let words = "a change with a session's cookie, or by a proxy that signs people in, comes from this \
                     server's own page: send Origin, or a token";
        return Err(Failure::refused(StatusCode::FORBIDDEN, words.to_owned()));
    }
    Ok((who, credential))
}

/// Whether a browser wants to show a page: it is led to where one signs in.
fn wants_page(request: &Request) -> bool {
    let headers = request.headers();
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    request.method() == Method::GET
        && !headers.contains_key(header::AUTHORIZATION)
        && accepts.is_some_and(|accepts| accepts.contains("text/html"))
}

/// Every browser says which languages its user reads, and programs do not; what is more, browsers say which
/// page they ask for.
fn is_of_browser(request: &HeaderMap) -> bool {
    request.contains_key(header::ACCEPT_LANGUAGE) || request.contains_key("sec-fetch-site")
}

/// To where one signs in, relative to the address: a proxy may have it all below a path.
fn to_login(request: &Request) -> Response {
    let path = request.uri().path();
    let up = "../".repeat(path.matches('/').count().saturating_sub(1));
    let asked = request.uri().path_and_query().map_or(path, |asked| asked.as_str());
    let place = format!("{up}.{LOGIN}?to={}", percent_encode(asked));
    let Ok(place) = HeaderValue::try_from(place) else {
        return Failure::bad_request("the address cannot be read".to_owned()).into_response();
    };
    let fields =
        [(header::LOCATION, place), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (StatusCode::SEE_OTHER, fields).into_response()
}

/// `Basic` makes a browser ask for a password in a window of its own, for which the page has its own place.
fn refuse(failure: Failure, is_of_browser: bool) -> Response {
    let mut answer = failure.into_response();
    match answer.status() {
        StatusCode::UNAUTHORIZED => {
            let basic = "Basic realm=\"Roundsman\", charset=\"UTF-8\"";
            let all = [basic, "Bearer realm=\"Roundsman\""];
            for challenge in all.into_iter().skip(usize::from(is_of_browser)) {
                let challenge = HeaderValue::from_static(challenge);
                answer.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
            }
        }
        StatusCode::TOO_MANY_REQUESTS => {
            let wait = HeaderValue::from(WRONG_AGAIN.as_secs());
            answer.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        _ => {}
    }
    answer
}

/// What every answer tells a browser, unless it says otherwise itself: to keep no copy; to take it for nothing
/// else than it is; to show it to no page of another site, in no frame of one and with no window of one; and to
/// give it no camera, no place, nothing.
const SHIELD: [(HeaderName, &str); 8] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
    ),
];

/// An answer with its shield.
pub(super) async fn shield(mut answer: Response) -> Response {
    for (name, value) in SHIELD {
        answer.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    answer
}

/// What a route wants of who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Needs {
    /// At least this role.
    pub(super) role: Role,
    /// It is about the server as a whole: for nobody who may see some groups alone.
    pub(super) is_whole: bool,
}

/// Lets a request through whose sender has what its route wants.
pub(super) async fn require(State(needs): State<Needs>, request: Request, next: Next) -> Response {
    let Some(who) = request.extensions().get::<Arc<Identity>>() else {
        return Failure::internal("nobody asks".to_owned()).into_response();
    };
    let words = match &who.scope {
        _ if who.role < needs.role => {
            format!(
                "this needs the role {}, and {} has the role {}",
                needs.role, who.name, who.role
            )
        }
        Scope::Groups(_) if needs.is_whole => format!(
            "this is about the server as a whole, and {} sees the hosts of some groups alone",
            who.name
        ),
        _ => return next.run(request).await,
    };
    Failure::refused(StatusCode::FORBIDDEN, words).into_response()
}
