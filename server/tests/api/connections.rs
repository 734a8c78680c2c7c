//! What a connection may cost the server: time, room, places.

use std::time::Duration;

use roundsman::web::{ConnectionLimits, Looks};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::site::{Served, soon};

#[tokio::test]
async fn a_client_that_does_not_finish_its_header_is_cut_off() {
    let limits =
        ConnectionLimits { header_wait: Duration::from_millis(50), ..ConnectionLimits::default() };
    let site = Served::start_with(limits).await;
    let mut slow = TcpStream::connect(site.address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n").await.unwrap();
    let mut answer = Vec::new();
    // Ends only because the server closes.
    soon(slow.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn a_connection_does_not_last_for_ever() {
    let limits =
        ConnectionLimits { life: Duration::from_millis(50), ..ConnectionLimits::default() };
    let site = Served::start_with(limits).await;
    let mut idle = TcpStream::connect(site.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    soon(idle.read_to_end(&mut answer)).await.unwrap();
    assert!(String::from_utf8_lossy(&answer).ends_with("ok\n"), "answered, and closed later");
}

/// Idle ones give way, oldest first; a page that is shown is not idle.
#[tokio::test]
async fn of_too_many_connections_the_one_that_is_idle_longest_gives_way() {
    let limits = ConnectionLimits { connections: 3, ..ConnectionLimits::default() };
    let site = Served::start_with(limits).await;
    let counted = site.site.metrics.connections("http");
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut buffer = [0; 16 << 10];
    let mut page = TcpStream::connect(site.address).await.unwrap();
    page.write_all(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    assert!(soon(page.read(&mut buffer)).await.unwrap() > 0);
    let mut silent = TcpStream::connect(site.address).await.unwrap();
    let mut asks = TcpStream::connect(site.address).await.unwrap();
    for _ in 0..10 {
        asks.write_all(request).await.unwrap();
        assert!(soon(asks.read(&mut buffer)).await.unwrap() > 0);
    }
    assert_eq!(counted.now.get(), 3);

    let mut comes = TcpStream::connect(site.address).await.unwrap();
    comes.write_all(request).await.unwrap();
    assert!(soon(comes.read(&mut buffer)).await.unwrap() > 0, "kept out");
    assert_eq!(soon(silent.read(&mut buffer)).await.unwrap(), 0, "it was idle longest");
    assert_eq!((counted.displaced.get(), counted.refused.get(), counted.now.get()), (1, 0, 3));
    let mut last = TcpStream::connect(site.address).await.unwrap();
    last.write_all(request).await.unwrap();
    assert!(soon(last.read(&mut buffer)).await.unwrap() > 0, "kept out");
    assert_eq!(soon(asks.read(&mut buffer)).await.unwrap(), 0, "it was idle longest");
    assert!(soon(page.read(&mut buffer)).await.unwrap() > 0, "news goes on");
    site.site
        .metrics
        .encode()
        .unwrap()
        .lines()
        .find(|line| *line == "roundsman_connections_displaced_total{face=\"http\"} 2")
        .expect("a metric tells");
}

#[tokio::test]
async fn connections_that_are_all_answered_leave_no_place_for_one_more() {
    let limits = ConnectionLimits { connections: 2, ..ConnectionLimits::default() };
    let site = Served::start_with(limits).await;
    let mut buffer = [0; 16 << 10];
    let mut pages = Vec::new();
    for _ in 0..2 {
        let mut page = TcpStream::connect(site.address).await.unwrap();
        page.write_all(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        assert!(soon(page.read(&mut buffer)).await.unwrap() > 0);
        pages.push(page);
    }
    let mut refused = TcpStream::connect(site.address).await.unwrap();
    // A reset is an end, too.
    assert_eq!(soon(refused.read(&mut buffer)).await.unwrap_or(0), 0);
    assert_eq!(site.site.metrics.connections("http").refused.get(), 1);
    pages.pop();
    for path in ["/readyz", "/api/v1/server"] {
        let told = site.get(path).await.body;
        assert!(told.contains("1 connections for HTTP were refused since the start"), "{told}");
    }
    for page in &mut pages {
        assert!(soon(page.read(&mut buffer)).await.unwrap() > 0, "news goes on");
    }
}

/// Whatever it sends: the beginning of a header is no request.
#[tokio::test]
async fn bytes_do_not_keep_a_connection_open_that_asks_nothing() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let idle = Duration::from_millis(50);
    // Nothing else ends it.
    let limits =
        ConnectionLimits { idle, header_wait: HOUR, life: HOUR, stall: HOUR, connections: 8 };
    let site = Served::start_with(limits).await;
    let (mut reader, mut writer) = TcpStream::connect(site.address).await.unwrap().into_split();
    let trickle = async {
        let mut pace = tokio::time::interval(Duration::from_millis(1));
        while writer.write_all(b"X").await.is_ok() {
            pace.tick().await;
        }
    };
    let mut answer = Vec::new();
    // Ends only because the server closes.
    tokio::select! {
        _ = soon(reader.read_to_end(&mut answer)) => {}
        () = trickle => {}
    }
    let answer = String::from_utf8_lossy(&answer);
    assert_eq!(answer, "", "it was closed for another reason");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let limits =
        ConnectionLimits { header_wait: Duration::from_millis(50), ..ConnectionLimits::default() };
    let site = Served::start_with(limits).await;
    let reply = site.ask(
        "POST",
        "/api/v1/hosts/web-1/pause",
        "Content-Type: application/json\r\nContent-Length: 9\r\n",
    );
    let reply = reply.await;
    assert_eq!(reply.status, 400, "{}", reply.body);
    assert!(reply.body.contains("the body cannot be read"), "{}", reply.body);
}

#[tokio::test]
async fn a_header_that_is_too_long_is_refused() {
    let site = Served::start().await;
    let reply = site.request("GET", &format!("/{}", "a".repeat(20_000))).await;
    assert!([414, 431].contains(&reply.status), "{}", reply.status);
}

#[tokio::test]
async fn pages_over_the_limit_are_refused_and_a_stream_does_not_last_for_ever() {
    let looks = Looks::with_limits(1, Duration::from_secs(3));
    let site = Served::start_looking(ConnectionLimits::default(), looks).await;
    let first = site.get("/api/v1/stream");
    let second = async {
        // The first has its place once somebody else is refused; one that is not looks to its end.
        for _ in 0..3 {
            let reply = site.get("/api/v1/stream").await;
            if reply.status != 200 {
                return reply;
            }
        }
        panic!("nobody was refused");
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(second.status, 503, "{}", second.body);
    assert!(second.body.contains("1 pages look already"), "{}", second.body);
    assert_eq!(first.status, 200);
    assert!(first.body.contains("event: fleet"), "{}", first.body);
    assert!(!first.body.contains("event: change"), "nothing changed: {}", first.body);
    assert_eq!(site.get("/api/v1/stream").await.status, 200, "its place is free again");
}

#[tokio::test]
async fn stopping_lets_an_idle_connection_go() {
    let mut site = Served::start().await;
    let mut idle = TcpStream::connect(site.address).await.unwrap();
    let mut buffer = [0; 1024];
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    assert!(soon(idle.read(&mut buffer)).await.unwrap() > 0);
    site.stop().await;
    assert_eq!(soon(idle.read(&mut buffer)).await.unwrap(), 0, "closed by the server");
    assert!(TcpStream::connect(site.address).await.is_err(), "nobody listens any more");
}

/// Raw requests, as a browser sends them for a page of another site.
#[tokio::test]
async fn a_page_of_another_site_reads_nothing_and_changes_nothing() {
    let site = Served::start().await;
    let ask = async |host: &str, more: &str| {
        let request = format!(
            "POST /api/v1/hosts/web-1/resume HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\
             Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        let reply = site.exchange(&request).await;
        (reply.status, reply.body)
    };
    assert_eq!(ask("localhost", "").await.0, 200);
    assert_eq!(ask("localhost", "Sec-Fetch-Site: same-origin\r\n").await.0, 200);
    // Its name leads here now: DNS rebinding.
    let (status, words) = ask("evil.example:8080", "").await;
    assert_eq!(status, 421, "{words}");
    assert!(words.contains("not known as \\\"evil.example:8080\\\""), "{words}");
    assert!(words.contains("http.hosts"), "{words}");
    for field in ["Sec-Fetch-Site: cross-site", "Origin: https://evil.example", "Origin: null"] {
        let (status, words) = ask("localhost", &format!("{field}\r\n")).await;
        assert_eq!(status, 403, "{field}: {words}");
    }
    let frame = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n";
    assert_eq!(site.ask("GET", "/api/v1/hosts", frame).await.status, 403);
    let link =
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    assert_eq!(site.ask("GET", "/", link).await.status, 200);
}

#[tokio::test]
async fn wrong_tokens_are_counted_and_slowed() {
    let site = Served::start_guarded("s3cret").await;
    let ask = async |token: &str| {
        let field = format!("Authorization: Bearer {token}\r\n");
        site.ask("GET", "/api/v1/hosts", &field).await
    };
    for _ in 0..20 {
        assert_eq!(ask("guess").await.status, 401);
    }
    let unheard = ask("s3cret").await;
    assert_eq!(unheard.status, 429, "{}", unheard.body);
    assert_eq!(unheard.header("retry-after"), Some("1"));
    assert_eq!(site.get("/healthz").await.status, 200);
    assert_eq!(site.get("/api/v1/hosts").await.status, 401, "no token is no guess");
    site.clock.advance(Duration::from_secs(1));
    assert_eq!(ask("s3cret").await.status, 200);
    assert_eq!(site.site.metrics.http_denied.get(), 21);
    // Who knows it is not locked out by who guesses from the same address.
    for _ in 0..30 {
        assert_eq!(ask("guess").await.status, 401);
    }
    assert_eq!(ask("s3cret").await.status, 200);
}
