//! How a receiver is reached: names by the project's own resolver, and TLS.

use std::{fs, net::SocketAddr, time::Duration};

use roundsman::{
    config::{self, HookUrl, Secret},
    hook,
    outgoing::MAX_TARGET_ADDRESSES,
};
use tokio::net::TcpListener;

use crate::{
    site::{Desk, at, down, settings, up},
    support::{
        NameServer, PATIENCE, Receiver, Says, TAKES, acceptor, authority, certificate, mutual,
    },
};

/// A name that nobody but the test's own name server knows.
const NAME: &str = "receiver.test";

/// What must be in no log, no row and no error.
const SECRET: &str = "hunter2";

fn url(scheme: &str, port: u16) -> Option<HookUrl> {
    HookUrl::parse(&format!("{scheme}://{NAME}:{port}/{SECRET}"))
}

async fn name_server() -> (NameServer, config::Resolve) {
    let names = NameServer::start().await;
    names.addresses(NAME, &["127.0.0.1"]);
    let servers = vec![names.socket()];
    (names, config::Resolve { servers })
}

#[tokio::test]
async fn a_receiver_is_found_by_the_name_servers_of_the_settings() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let (names, resolve) = name_server().await;
    names.say(NAME, Says::NoSuchName);
    let desk = Desk::new();
    let settings =
        config::Hook { url: url("http", receiver.address.port()), ..settings(receiver.address) };
    let running = desk.start_with(&settings, &resolve, hook::MAX_PENDING).await;
    running.push(&down(0));
    let stats = running.until(|stats| stats.failed > 0).await;
    let error = stats.last_error.unwrap();
    assert!(error.starts_with(&format!("the name of {NAME}:")), "{error}");
    assert!(error.contains("cannot be looked up"), "{error}");
    names.addresses(NAME, &["127.0.0.1"]);
    let request = receiver.next().await;
    assert!(request.contains(&format!("host: {NAME}:")), "{request}");
    running.until(|stats| stats.told == 1).await;
    assert_eq!(running.end().await.last_error, None);
}

#[tokio::test]
async fn of_a_receiver_with_many_addresses_only_the_first_few_are_tried() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let port = receiver.address.port();
    let (names, resolve) = name_server().await;
    // Nobody listens on these addresses' port.
    let addresses = |dead: usize| -> Vec<String> {
        let dead = (0..dead).map(|last| format!("127.9.9.{}", last + 1));
        dead.chain(["127.0.0.1".to_owned()]).collect()
    };
    let desk = Desk::new();
    let settings = config::Hook { url: url("http", port), ..settings(receiver.address) };
    let say = |dead| {
        let all = addresses(dead);
        names.addresses(NAME, &all.iter().map(String::as_str).collect::<Vec<_>>());
    };
    say(MAX_TARGET_ADDRESSES);
    let running = desk.start_with(&settings, &resolve, hook::MAX_PENDING).await;
    running.push(&down(0));
    let stats = running.until(|stats| stats.failed > 0).await;
    let error = stats.last_error.unwrap();
    assert!(error.contains("refused") && error.contains("127.9.9."), "{error}");
    say(MAX_TARGET_ADDRESSES - 1);
    assert_eq!(at(&receiver.document().await), 0);
    running.until(|stats| stats.told == 1).await;
    running.end().await;
}

#[tokio::test]
async fn an_https_receiver_is_told_when_its_authority_is_trusted() {
    let ours = authority("ours");
    let mut receiver = Receiver::start_with(&[TAKES], Some(acceptor(&ours, NAME, 2999))).await;
    let (_names, resolve) = name_server().await;
    let desk = Desk::new();
    let ca_file = desk.path("ca.pem");
    fs::write(&ca_file, ours.pem()).unwrap();
    let settings = config::Hook {
        url: url("https", receiver.address.port()),
        ca_file: Some(ca_file),
        token: Some(Secret::new(SECRET)),
        ..settings(receiver.address)
    };
    let running = desk.start_with(&settings, &resolve, hook::MAX_PENDING).await;
    running.push(&down(0));
    running.push(&up(1));
    let request = receiver.next().await;
    assert!(request.starts_with(&format!("POST /{SECRET} HTTP/1.1\r\n")), "{request}");
    assert_eq!(at(&receiver.document().await), 1);
    running.until(|stats| stats.told == 2).await;
    assert_eq!(running.end().await.failed, 0);
}

#[tokio::test]
async fn a_receiver_that_wants_a_certificate_is_shown_one() {
    let ours = authority("ours");
    let (_names, resolve) = name_server().await;
    let desk = Desk::new();
    let (own, key) = certificate(&ours, "roundsman.test", 2999);
    for (file, text) in
        [("ca.pem", ours.pem()), ("own.pem", own.pem()), ("own.key", key.serialize_pem())]
    {
        fs::write(desk.path(file), text).unwrap();
    }
    for is_shown in [false, true] {
        let mut receiver = Receiver::start_with(&[TAKES], Some(mutual(&ours, NAME))).await;
        let settings = config::Hook {
            url: url("https", receiver.address.port()),
            ca_file: Some(desk.path("ca.pem")),
            cert_file: is_shown.then(|| desk.path("own.pem")),
            key_file: is_shown.then(|| desk.path("own.key")),
            ..settings(receiver.address)
        };
        let running = desk.start_with(&settings, &resolve, hook::MAX_PENDING).await;
        running.push(&down(i64::from(is_shown)));
        running.until(|stats| stats.failed + stats.told > 0).await;
        let told = running.end().await.told;
        assert_eq!(told > 0, is_shown);
        assert_eq!(receiver.has_heard_nothing(), !is_shown);
    }
    let wrong = config::Hook {
        url: HookUrl::parse("https://alerts/in"),
        cert_file: Some(desk.path("own.key")),
        key_file: Some(desk.path("own.pem")),
        ..settings(SocketAddr::from(([127, 0, 0, 1], 1)))
    };
    let resolve = config::Resolve { servers: Vec::new() };
    let error = hook::hook(&wrong, &resolve, desk.clock.clone()).map(drop).unwrap_err();
    let must = "hook.cert_file and hook.key_file must be a certificate and its key (PEM); ";
    let why = "own.key: there is no certificate in it";
    assert!(error.to_string().starts_with(must) && error.to_string().ends_with(why), "{error}");
}

/// What is said of a receiver at this port to whom nothing can be told.
async fn refusal(port: u16, authorities: Option<String>) -> String {
    let (_names, resolve) = name_server().await;
    let desk = Desk::new();
    let ca_file = authorities.map(|pem| {
        fs::write(desk.path("ca.pem"), pem).unwrap();
        desk.path("ca.pem")
    });
    let settings = config::Hook {
        url: url("https", port),
        ca_file,
        token: Some(Secret::new(SECRET)),
        timeout: Duration::from_secs(10),
        ..settings(SocketAddr::from(([127, 0, 0, 1], port)))
    };
    let running = desk.start_with(&settings, &resolve, hook::MAX_PENDING).await;
    running.push(&down(0));
    let stats = running.until(|stats| stats.failed + stats.told + stats.given_up > 0).await;
    assert_eq!((stats.told, stats.given_up), (0, 0), "certificates are renewed within a day");
    running.end().await;
    let kept = desk.last_errors();
    assert!(kept.iter().all(|error| !error.contains(SECRET)), "{kept:?}");
    stats.last_error.unwrap().replace(&port.to_string(), "PORT")
}

#[tokio::test]
async fn a_certificate_that_is_not_good_is_said_in_words_and_nothing_is_sent() {
    let (ours, other) = (authority("ours"), authority("ours"));
    let mut said = Vec::new();
    for (by, name, until) in [
        (&ours, NAME, 2999),
        (&ours, "other.test", 2999),
        (&ours, NAME, 2020),
        (&other, NAME, 2999),
    ] {
        let mut receiver = Receiver::start_with(&[TAKES], Some(acceptor(by, name, until))).await;
        let port = receiver.address.port();
        // The first has a good certificate, but for those who trust public authorities.
        let trusted = (!said.is_empty()).then(|| ours.pem());
        said.push(refusal(port, trusted).await);
        assert!(receiver.has_heard_nothing(), "{said:?}");
    }
    let unknown = "no TLS with receiver.test:PORT: its certificate is signed by no authority that is \
                   known here; name the one that did in hook.ca_file";
    assert_eq!(said[0], unknown);
    let of_another = "no TLS with receiver.test:PORT: its certificate is another host's (";
    assert!(said[1].starts_with(of_another), "{}", said[1]);
    assert!(said[1].contains("other.test"), "{}", said[1]);
    let old = "no TLS with receiver.test:PORT: its certificate is no longer valid (";
    assert!(said[2].starts_with(old), "{}", said[2]);
    assert_eq!(said[3], unknown, "of an authority of the same name");
}

#[tokio::test]
async fn a_receiver_that_speaks_no_tls_is_said_to() {
    // Says what a web server says to what it does not understand.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
            let _gone = tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await;
        }
    });
    let said = refusal(port, None).await;
    serving.abort();
    assert_eq!(
        said,
        "no TLS with receiver.test:PORT: it speaks no TLS on this port; is it http:// there?"
    );
}

#[tokio::test]
async fn a_file_of_authorities_that_is_none_is_refused_at_the_start() {
    let desk = Desk::new();
    let file = desk.path("ca.pem");
    let start = |url: &str| {
        let settings = config::Hook {
            url: HookUrl::parse(url),
            ca_file: Some(file.clone()),
            timeout: PATIENCE,
            ..settings(SocketAddr::from(([127, 0, 0, 1], 1)))
        };
        let resolve = config::Resolve { servers: Vec::new() };
        hook::hook(&settings, &resolve, desk.clock.clone()).map(drop)
    };
    let refused = |url| start(url).unwrap_err().to_string().replace(file.to_str().unwrap(), "FILE");
    let must = "hook.ca_file must be a readable file of certificates (PEM); FILE: ";
    let said = refused("https://alerts/in");
    assert!(said.starts_with(must) && said.contains("No such file"), "{said}");
    for text in
        ["no certificate\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    {
        fs::write(&file, text).unwrap();
        let said = refused("https://alerts/in");
        assert!(said.starts_with(must), "{said}");
    }
    fs::write(&file, authority("ours").pem()).unwrap();
    start("https://alerts/in").unwrap();
    let said = refused("https://al..erts/in");
    assert!(said.contains("no certificate can bear the name \"al..erts\""), "{said}");
}
