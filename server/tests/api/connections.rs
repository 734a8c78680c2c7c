//! What a connection may cost the server: time, room, places.

use std::time::Duration;

use roundsman::web::{ConnectionLimits, Looks};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::site::Served;

#[tokio::test]
async fn a_client_that_does_not_finish_its_header_is_cut_off() {
    let limits =
        ConnectionLimits { header_wait: Duration::from_millis(50), ..ConnectionLimits::default() };
    let site = Served::start_with(limits).await;
    let mut slow = TcpStream::connect(site.address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    let mut answer = Vec::new();
    // Ends only because the server closes.
    slow.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn a_connection_does_not_last_for_ever() {
    let limits =
        ConnectionLimits { life: Duration::from_millis(50), ..ConnectionLimits::default() };
    let site = Served::start_with(limits).await;
    let mut idle = TcpStream::connect(site.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    idle.read_to_end(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer).ends_with("ok\n"), "answered, and closed later");
}

#[tokio::test]
async fn connections_over_the_limit_wait_and_are_served() {
    let limits = ConnectionLimits { connections: 1, ..ConnectionLimits::default() };
    let site = Served::start_with(limits).await;
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut held = TcpStream::connect(site.address).await.unwrap();
    let mut buffer = [0; 1024];
    held.write_all(request).await.unwrap();
    assert!(held.read(&mut buffer).await.unwrap() > 0);

    let mut waiting = TcpStream::connect(site.address).await.unwrap();
    waiting.write_all(request).await.unwrap();
    // The one that holds the only place is served again and again; the other is not.
    for _ in 0..20 {
        held.write_all(request).await.unwrap();
        assert!(held.read(&mut buffer).await.unwrap() > 0);
    }
    assert!(waiting.try_read(&mut buffer).is_err(), "served over the limit");
    drop(held);
    assert!(waiting.read(&mut buffer).await.unwrap() > 0, "served once there is a place");
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
    let changes = first.body.matches("event: change").count();
    assert!((1..=4).contains(&changes), "{changes} changes in three seconds");
    assert_eq!(site.get("/api/v1/stream").await.status, 200, "its place is free again");
}

#[tokio::test]
async fn stopping_lets_an_idle_connection_go() {
    let mut site = Served::start().await;
    let mut idle = TcpStream::connect(site.address).await.unwrap();
    let mut buffer = [0; 1024];
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(idle.read(&mut buffer).await.unwrap() > 0);
    site.stop().await;
    assert_eq!(idle.read(&mut buffer).await.unwrap(), 0, "closed by the server");
    assert!(TcpStream::connect(site.address).await.is_err(), "nobody listens any more");
}
