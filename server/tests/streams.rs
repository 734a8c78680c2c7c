//! Pages that look: however many there are, the server looks and encodes once, and whoever stops
//! reading is let go.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(dead_code, reason = "the site is also that of the API's tests")]

#[path = "api/site.rs"]
mod site;

use std::{collections::BTreeSet, time::Duration};

use roundsman::{
    model::State,
    web::{ConnectionLimits, MAX_PAGES},
};
use site::{Served, host_view};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Long enough for anything that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Pages that are promised to cost nothing.
const PAGES: usize = 200;

/// A page that has asked for the stream.
async fn look(site: &Served) -> TcpStream {
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    let request = b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).await.unwrap();
    stream
}

/// Reads until `words` came; all that was read.
async fn read_until(stream: &mut TcpStream, words: &str) -> String {
    let mut read = Vec::new();
    let reading = async {
        loop {
            let text = String::from_utf8_lossy(&read);
            if text.contains(words) {
                return text.into_owned();
            }
            assert!(stream.read_buf(&mut read).await.unwrap() > 0, "it ended");
        }
    };
    timeout(PATIENCE, reading).await.unwrap()
}

#[tokio::test]
async fn two_hundred_pages_are_told_of_a_change_that_is_encoded_once() {
    let site = Served::start().await;
    let mut pages = Vec::new();
    for _ in 0..PAGES {
        let mut page = look(&site).await;
        let head = read_until(&mut page, "\n\n").await;
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        pages.push(page);
    }
    for page in &mut pages {
        // The fleet, then a first change.
        read_until(page, "event: change").await;
    }
    assert_eq!(site.site.looks.free(), MAX_PAGES - PAGES);
    site.live.publish(host_view("web-9", State::Suspect, None));
    let mut told = BTreeSet::new();
    for page in &mut pages {
        let text = read_until(page, "web-9").await;
        let data = text.rsplit("data: ").next().unwrap().to_owned();
        told.insert(data.split("\n").next().unwrap().contains("\"suspect\""));
    }
    assert_eq!(told.into_iter().collect::<Vec<_>>(), [true]);
    // At least three events for each page; a fleet and a change per look at most were encoded.
    let encoded = site.site.looks.encoded();
    assert!(encoded < u64::try_from(PAGES).unwrap(), "{encoded} for {} events", 3 * PAGES);
}

#[tokio::test]
async fn a_reader_that_stalls_is_dropped_and_its_place_is_free() {
    let limits = ConnectionLimits {
        connections: 1,
        stall: Duration::from_millis(100),
        life: 10 * PATIENCE,
        ..ConnectionLimits::default()
    };
    let site = Served::start_with(limits).await;
    // More than the kernel takes for a reader that does not read.
    let reason = "x".repeat(1 << 20);
    for number in 0..32 {
        let mut view = host_view(&format!("fat-{number}"), State::Up, None);
        view.labels = std::sync::Arc::new([("note".to_owned(), reason.clone())].into());
        site.live.publish(view);
    }
    let mut stalled = look(&site).await;
    read_until(&mut stalled, "event: fleet").await;
    // There is one connection at a time: another is answered once this one was ended.
    let answered = async { while site.bytes("GET", "/healthz", "").await.is_empty() {} };
    timeout(PATIENCE, answered).await.unwrap();
    assert_eq!(site.site.looks.free(), MAX_PAGES);
}
