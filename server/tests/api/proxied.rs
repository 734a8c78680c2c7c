//! The word of a proxy for who asks: taken from its own address, for users that have an entry, and from nobody else.

use std::{future, sync::Arc};

use roundsman::{
    access::{self, Keyring},
    config::{Config, Flag, Sources},
    web::{self, Access, BoundSocket, Listener},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

use super::site::{Reply, Served, soon};

const ENTRIES: &str = "[[token]]\nname = \"ci\"\nrole = \"viewer\"\nsha256 = \"SUM\"\n\
    [[user]]\nname = \"ann\"\nrole = \"operator\"\ngroups = [\"web\"]\n\
    [[user]]\nname = \"old\"\nrole = \"admin\"\nexpires = \"2026-03-01\"\n";

fn entries(text: &str) -> access::Entries {
    let sum = access::Digest::of(b"rm_ci").to_string();
    access::parse("access.toml", &text.replace("SUM", &sum)).unwrap()
}

/// A server that takes the word of who asks from there.
async fn site(from: &str) -> (Served, Keyring) {
    let flag = |(key, value): (_, &str)| Flag { key, name: "test", value: value.to_owned() };
    let flags = [
        ("http.proxy_from", from),
        ("http.proxy_user_header", "X-Forwarded-User"),
        ("http.access_file", "access.toml"),
    ];
    let flags = flags.map(flag).to_vec();
    let http = Config::load(Sources { flags, ..Sources::default() }).unwrap().config.http;
    let keyring = Keyring::default();
    keyring.change(entries(ENTRIES));
    let access = Access::default().with_keyring(keyring.clone());
    let access = access.with_proxy(&http.proxy_from, &http.proxy_user_header);
    (Served::start_for_people(access).await, keyring)
}

const ANN: &str = "X-Forwarded-User: ann\r\n";

#[tokio::test]
async fn a_proxy_at_its_address_says_who_asks_and_who_has_no_entry_has_no_access() {
    let (site, keyring) = site("127.0.0.0/8").await;
    let who = site.ask("GET", "/api/v1/session", ANN).await;
    let who: Value = serde_json::from_str(&who.body).unwrap();
    let ann = json!({ "name": "ann", "role": "operator", "groups": ["web"], "how": "proxy" });
    assert_eq!(who, ann);
    for (attack, more, status) in [
        ("somebody without an entry", "X-Forwarded-User: bob\r\n", 403),
        ("an entry that has expired", "X-Forwarded-User: old\r\n", 403),
        ("the name of a token", "X-Forwarded-User: ci\r\n", 403),
        ("nobody", "X-Forwarded-User:\r\n", 403),
        ("two names", "X-Forwarded-User: ann\r\nX-Forwarded-User: old\r\n", 403),
        ("another spelling", "X-Forwarded-User: Ann\r\n", 403),
        ("no name at all", "", 401),
        ("another field", "X-Remote-User: ann\r\nX-Forwarded-For: 127.0.0.1\r\n", 401),
        ("a wrong token beside it", "X-Forwarded-User: ann\r\nAuthorization: Bearer x\r\n", 401),
        (
            "a right token beside it",
            "X-Forwarded-User: bob\r\nAuthorization: Bearer rm_ci\r\n",
            200,
        ),
    ] {
        assert_eq!(site.ask("GET", "/api/v1/session", more).await.status, status, "{attack}");
    }
    // The proxy adds the name to whatever a browser sends: a change comes from the page.
    let body = "Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close";
    for (from, status) in [
        ("", 403),
        ("Sec-Fetch-Site: cross-site\r\n", 403),
        ("Sec-Fetch-Site: same-origin\r\n", 200),
    ] {
        let head = "POST /api/v1/hosts/web-1/pause HTTP/1.1\r\nHost: localhost\r\n";
        let reply = site.exchange(&format!("{head}{body}\r\n{ANN}{from}\r\n{{}}")).await;
        assert_eq!(reply.status, status, "{from}: {}", reply.body);
    }
    let reload = "POST /api/v1/inventory/reload HTTP/1.1\r\nHost: localhost\r\n";
    let own = "Sec-Fetch-Site: same-origin\r\n";
    assert_eq!(site.exchange(&format!("{reload}{body}\r\n{ANN}{own}\r\n{{}}")).await.status, 403);
    keyring.change(entries(&ENTRIES.replace("\"ann\"", "\"eve\"")));
    assert_eq!(site.ask("GET", "/api/v1/session", ANN).await.status, 403, "the entry is gone");
}

#[tokio::test]
async fn from_any_other_address_the_word_of_a_proxy_counts_for_nothing() {
    for from in ["10.0.0.0/8", "127.0.0.2", "unix", "::1"] {
        let (site, _) = site(from).await;
        for more in [ANN, "X-Forwarded-User: ann\r\nX-Forwarded-For: 127.0.0.2, 10.0.0.1\r\n"] {
            assert_eq!(site.ask("GET", "/api/v1/session", more).await.status, 401, "{from}");
        }
        let own = format!("{ANN}Authorization: Bearer rm_ci\r\n");
        let who = site.ask("GET", "/api/v1/session", &own).await;
        assert!(who.body.contains("\"name\":\"ci\""), "{}", who.body);
    }
}

#[tokio::test]
async fn a_proxy_at_the_socket_of_this_machine_is_known_by_that_and_by_no_address() {
    for (from, status) in [("unix", 200), ("127.0.0.1", 401), ("0.0.0.0/0", 401)] {
        let (site, _) = site(from).await;
        let path = site.dir.path().join("http.sock");
        let listener = Listener::open(BoundSocket::bind(&path).unwrap()).unwrap();
        let served = web::serve(vec![listener], Arc::clone(&site.site), future::pending());
        let serving = tokio::spawn(served);
        let mut stream = UnixStream::connect(&path).await.unwrap();
        let head = "GET /api/v1/session HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
        stream.write_all(format!("{head}{ANN}\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon(stream.read_to_string(&mut answer)).await.unwrap();
        assert_eq!(Reply::parse(&answer).status, status, "{from}: {answer}");
        serving.abort();
    }
}
