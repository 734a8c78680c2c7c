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
    look_after(site, None).await
}

/// A page whose stream ended with the event `last`.
async fn look_after(site: &Served, last: Option<&str>) -> TcpStream {
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
    let request = format!("GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n{last}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// The names and numbers of the events in a text that say something, and the hosts that each speaks of.
fn events(text: &str) -> Vec<(String, Option<String>, String)> {
    let part = |event: &str, name: &str| {
        event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned)
    };
    // What is not whole yet is none.
    let whole = text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    let events = whole.split("\n\n").filter_map(|event| {
        let hosts: serde_json::Value = serde_json::from_str(&part(event, "data: ")?).unwrap();
        let names = hosts["hosts"].as_array().into_iter().flatten().map(|row| row[0].as_str());
        let names = names.map(Option::unwrap).collect::<Vec<_>>().join(" ");
        Some((part(event, "event: ")?, part(event, "id: "), names))
    });
    events.filter(|(name, ..)| name != "beat").collect()
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
        let head = read_until(&mut page, "event: fleet").await;
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        for line in ["x-accel-buffering: no\r\n", "cache-control: no-cache, no-transform\r\n"] {
            assert!(head.contains(line), "a proxy holds it back: {head}");
        }
        pages.push(page);
    }
    for page in &mut pages {
        // Nothing changes, and they are told so.
        let text = read_until(page, "event: beat").await;
        assert!(!text.contains("event: change"), "{text}");
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

#[tokio::test]
async fn a_stream_that_broke_goes_on_where_it_was_and_what_was_missed_comes_once() {
    let site = Served::start().await;
    let mut page = look(&site).await;
    let text = read_until(&mut page, "event: beat").await;
    assert!(!text.contains("event: change"), "the fleet, then nothing: {text}");
    let id = events(&text)[0].1.clone().unwrap();
    drop(page);
    // It is looked at while nobody reads: each of these is a change of its own, which nobody hears.
    let encoded = || site.site.looks.encoded();
    for name in ["web-7", "web-8"] {
        let before = encoded();
        site.live.publish(host_view(name, State::Suspect, None));
        let looked = async {
            while encoded() == before {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, looked).await.unwrap();
    }
    let mut page = look_after(&site, Some(&id)).await;
    let text = read_until(&mut page, "event: beat").await;
    let missed: Vec<_> = events(&text).into_iter().map(|(name, _, hosts)| (name, hosts)).collect();
    let told = |hosts: &str| ("change".to_owned(), hosts.to_owned());
    assert_eq!(missed, [told("web-7"), told("web-8")]);
    let last = events(&text)[1].1.clone().unwrap();
    // Who has it all is sent nothing of it again.
    let mut page = look_after(&site, Some(&last)).await;
    let text = read_until(&mut page, "event: beat").await;
    assert_eq!(events(&text), []);
    // What nobody gave out, and what another run of the server did, is no place to go on from.
    let other = Served::start().await;
    let mut page = look(&other).await;
    let foreign = events(&read_until(&mut page, "event: beat").await)[0].1.clone().unwrap();
    assert_ne!(foreign.split('-').next(), id.split('-').next());
    for id in [foreign.as_str(), "1", "garbage", "\u{e4}"] {
        let mut page = look_after(&site, Some(id)).await;
        let text = read_until(&mut page, "event: beat").await;
        assert_eq!(events(&text)[0].0, "fleet", "{id}");
    }
}
