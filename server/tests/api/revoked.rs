//! What lasts ends with what it was asked with: the stream of the page, and watches over gRPC.

use std::{sync::Arc, time::Duration};

use roundsman::{
    access::{self, Keyring},
    config::Secret,
    grpc::{self, Board, GrpcLimits},
    live::HostView,
    metrics::Metrics,
    model::{GroupName, State},
    web::Access,
};
use roundsman_proto::health::{
    HealthCheckRequest, HealthListRequest, health_check_response::ServingStatus,
    health_client::HealthClient,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use tonic::{Code, Request, metadata::MetadataValue, transport::Endpoint};

use super::site::{Served, name, soon};

const ENTRIES: &str = "[[token]]\nname = \"all\"\nrole = \"operator\"\nsha256 = \"rm_all\"\n\
    [[token]]\nname = \"web\"\nrole = \"viewer\"\ngroups = [\"web\"]\nsha256 = \"rm_web\"\n\
    [[token]]\nname = \"short\"\nrole = \"viewer\"\nexpires = \"2026-03-29T01:31:00Z\"\nsha256 = \"rm_short\"\n";

fn entries(text: &str) -> access::Entries {
    let known = ["rm_all", "rm_web", "rm_short"].iter().fold(text.to_owned(), |text, token| {
        text.replace(token, &access::Digest::of(token.as_bytes()).to_string())
    });
    access::parse("access.toml", &known).unwrap()
}

async fn site() -> (Served, Keyring) {
    let keyring = Keyring::default();
    keyring.change(entries(ENTRIES));
    let site = Served::start_for_people(Access::default().with_keyring(keyring.clone())).await;
    (site, keyring)
}

/// A page that is sent the fleet, and what changes.
async fn look(site: &Served, more: &str) -> TcpStream {
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    let request = format!("GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains("event: fleet") {
        assert!(soon(stream.read_buf(&mut text)).await.unwrap() > 0, "it ended");
    }
    stream
}

/// Reads on until the stream ends, with the last of its pieces.
async fn ends(stream: &mut TcpStream) {
    let mut text = Vec::new();
    while !text.ends_with(b"0\r\n\r\n") {
        assert!(soon(stream.read_buf(&mut text)).await.unwrap() > 0, "it broke");
    }
}

#[tokio::test]
async fn a_stream_ends_when_what_it_was_asked_with_is_revoked_expired_or_signed_out() {
    let (site, keyring) = site().await;
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let sign_in = async || {
        let body = "{\"token\":\"rm_all\"}";
        let reply = site.post("/api/v1/session", "application/json", body).await;
        let cookie = reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        format!("Cookie: {cookie}\r\n")
    };
    let (signed_out, goes_on) = (sign_in().await, sign_in().await);
    let mut out = look(&site, &signed_out).await;
    let mut on = look(&site, &goes_on).await;
    let mut web = look(&site, &bearer("rm_web")).await;
    let mut short = look(&site, &bearer("rm_short")).await;
    let body =
        "Content-Type: application/json\r\nContent-Length: 2\r\nSec-Fetch-Site: same-origin\r\n";
    let head = "POST /api/v1/session/end HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let ended = site.exchange(&format!("{head}{body}{signed_out}\r\n{{}}")).await;
    assert_eq!(ended.status, 204);
    ends(&mut out).await;
    // A minute later.
    site.clock.advance(Duration::from_secs(60));
    ends(&mut short).await;
    // It sees another group now: what it sees next has to be asked for anew.
    keyring.change(entries(&ENTRIES.replace("[\"web\"]", "[\"db\"]")));
    ends(&mut web).await;
    // All that time the other one went on.
    site.live.publish(super::site::host_view("web-9", State::Suspect, None));
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains("web-9") {
        assert!(soon(on.read_buf(&mut text)).await.unwrap() > 0, "it ended");
    }
    keyring.change(entries(&ENTRIES.replace("\"all\"", "\"all-2\"")));
    ends(&mut on).await;
}

/// The same people over gRPC.
struct Health {
    site: Served,
    keyring: Keyring,
    address: std::net::SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Health {
    async fn start(local_is_asked: bool) -> Self {
        let (site, keyring) = site().await;
        Self::of(site, keyring, local_is_asked).await
    }

    async fn of(site: Served, keyring: Keyring, local_is_asked: bool) -> Self {
        for (host, group) in [("web-1", "web"), ("db-1", "db")] {
            let view = site.live.host(host).unwrap();
            let group = Some(GroupName::new(group).unwrap());
            site.live.publish(HostView { name: name(host), group, ..HostView::clone(&view) });
        }
        let board =
            Board::new(Arc::clone(&site.live), Arc::clone(&site.clock) as _, Box::new(|| true));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let limits = GrpcLimits { local_is_asked, ..GrpcLimits::listing(100) };
        let people = Some(Arc::clone(&site.site));
        let metrics = Arc::new(Metrics::new());
        let stopped = async { drop(stopped.await) };
        tokio::spawn(grpc::serve(
            listener.into(),
            Arc::new(board),
            limits,
            metrics,
            people,
            stopped,
        ));
        Self { site, keyring, address, _stop: stop }
    }

    async fn client(&self) -> HealthClient<tonic::transport::Channel> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        HealthClient::new(soon(endpoint.connect()).await.unwrap())
    }

    async fn check(&self, token: &str, service: &str) -> Result<ServingStatus, Code> {
        let request = with(token, HealthCheckRequest { service: service.to_owned() });
        let answer = soon(self.client().await.check(request)).await;
        answer.map(|answer| answer.into_inner().status()).map_err(|status| status.code())
    }

    async fn list(&self, token: &str) -> Vec<String> {
        let answer = soon(self.client().await.list(with(token, HealthListRequest {}))).await;
        let mut names: Vec<String> = answer.unwrap().into_inner().statuses.into_keys().collect();
        names.sort();
        names
    }
}

fn with<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if !token.is_empty() {
        let bearer = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
        request.metadata_mut().insert("authorization", bearer);
    }
    request
}

#[tokio::test]
async fn health_is_told_to_who_shows_a_token_and_of_its_groups_alone() {
    let health = Health::start(true).await;
    for token in ["", "rm_guess"] {
        assert_eq!(health.check(token, "").await, Err(Code::Unauthenticated), "{token:?}");
    }
    for (token, service, expected) in [
        ("rm_all", "host/db-1", Ok(ServingStatus::NotServing)),
        ("rm_all", "group/db", Ok(ServingStatus::NotServing)),
        ("rm_all", "store", Ok(ServingStatus::Serving)),
        ("rm_web", "host/web-1", Ok(ServingStatus::Serving)),
        ("rm_web", "group/web", Ok(ServingStatus::Serving)),
        ("rm_web", "host/db-1", Err(Code::NotFound)),
        ("rm_web", "group/db", Err(Code::NotFound)),
        ("rm_web", "store", Err(Code::NotFound)),
        ("rm_short", "host/db-1", Ok(ServingStatus::NotServing)),
    ] {
        assert_eq!(health.check(token, service).await, expected, "{token} {service}");
    }
    assert!(health.check("rm_web", "").await.is_ok(), "whether it works at all");
    let all = health.list("rm_all").await;
    assert!(
        all.contains(&"host/db-1".to_owned()) && all.contains(&"scheduler".to_owned()),
        "{all:?}"
    );
    assert_eq!(health.list("rm_web").await, ["", "group/web", "host/web-1", "host/web-2"]);
    health.site.clock.advance(Duration::from_secs(60));
    assert_eq!(health.check("rm_short", "").await, Err(Code::Unauthenticated), "expired");
    // Who guesses is not heard for a while, as over HTTP.
    let health = Health::start(true).await;
    let mut told = Vec::new();
    for number in 0..25 {
        told.push(health.check(&format!("rm_{number}"), "").await.unwrap_err());
    }
    assert_eq!(told.last(), Some(&Code::ResourceExhausted), "{told:?}");
}

#[tokio::test]
async fn where_all_have_one_token_health_is_asked_without_it_as_it_always_was() {
    let access = Access::new(Some(&Secret::new("shared")), &[]);
    let site = Served::start_for_people(access).await;
    let health = Health::of(site, Keyring::default(), true).await;
    assert_eq!(health.check("", "host/db-1").await, Ok(ServingStatus::NotServing));
    assert_eq!(health.check("shared", "").await, Ok(ServingStatus::Serving));
    assert_eq!(health.check("rm_guess", "").await, Err(Code::Unauthenticated));
}

#[tokio::test]
async fn from_this_machine_itself_health_is_asked_without_a_token() {
    let health = Health::start(false).await;
    assert_eq!(health.check("", "host/db-1").await, Ok(ServingStatus::NotServing));
    assert_eq!(
        health.check("rm_web", "host/db-1").await,
        Err(Code::NotFound),
        "who shows one is seen as that"
    );
    assert_eq!(health.check("rm_guess", "").await, Err(Code::Unauthenticated));
}

#[tokio::test]
async fn a_watch_is_of_its_groups_and_ends_with_its_token() {
    let health = Health::start(true).await;
    let mut client = health.client().await;
    let mut watch = async |token: &str, service: &str| {
        let request = with(token, HealthCheckRequest { service: service.to_owned() });
        soon(client.watch(request)).await.unwrap().into_inner()
    };
    let mut of_all = watch("rm_all", "host/db-1").await;
    let mut of_web = watch("rm_web", "host/db-1").await;
    let mut of_group = watch("rm_web", "group/db").await;
    let mut own = watch("rm_web", "host/web-1").await;
    let next = async |watch: &mut tonic::Streaming<_>| {
        let message: Option<roundsman_proto::health::HealthCheckResponse> =
            soon(watch.message()).await.map_err(|status| status.code())?;
        Ok(message.unwrap().status())
    };
    assert_eq!(next(&mut of_all).await, Ok(ServingStatus::NotServing));
    assert_eq!(next(&mut of_web).await, Ok(ServingStatus::ServiceUnknown));
    assert_eq!(next(&mut of_group).await, Ok(ServingStatus::ServiceUnknown));
    assert_eq!(next(&mut own).await, Ok(ServingStatus::Serving));
    // The host comes up, and web-1 goes to a group that the token does not see.
    for (host, group, state) in [("db-1", "db", State::Up), ("web-1", "db", State::Up)] {
        let view = health.site.live.host(host).unwrap();
        let group = Some(GroupName::new(group).unwrap());
        health.site.live.publish(HostView { group, state, ..HostView::clone(&view) });
    }
    assert_eq!(next(&mut of_all).await, Ok(ServingStatus::Serving));
    assert_eq!(next(&mut own).await, Ok(ServingStatus::ServiceUnknown));
    health.keyring.change(entries(&ENTRIES.replace("\"web\"", "\"web-2\"")));
    // What comes next on those that saw nothing is their end.
    for watch in [&mut of_web, &mut of_group, &mut own] {
        assert_eq!(next(watch).await, Err(Code::Unauthenticated));
    }
    let view = health.site.live.host("db-1").unwrap();
    health.site.live.publish(HostView { state: State::Down, ..HostView::clone(&view) });
    assert_eq!(next(&mut of_all).await, Ok(ServingStatus::NotServing), "the other one goes on");
}
