//! The web hook against real receivers that take, fail, hang, redirect and talk nonsense; over a real
//! store and a real spool, and restarts between.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod network;
mod site;
#[path = "../support/mod.rs"]
mod support;

use std::{sync::atomic::Ordering, time::Duration};

use roundsman::{
    config::{self, Secret},
    hook::{self, DOCUMENT_VERSION, Notification, Stats},
    inventory,
    model::State,
    outgoing::MAX_ANSWER_HEAD_BYTES,
};
use rusqlite::Connection;
use site::{Desk, at, change, down, isolated, of_host, settings, told, up};
use support::{Does, FAILS, PATIENCE, Receiver, TAKES};
use tokio::{net::TcpListener, time::timeout};

#[tokio::test]
async fn the_document_and_its_request() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let token = Some(Secret::new("hunter2"));
    let desk = Desk::new();
    let running = desk.start(&config::Hook { token, ..settings(receiver.address) }).await;
    running.push(&down(0));
    let request = receiver.next().await.replace(&receiver.address.to_string(), "ADDRESS");
    insta::assert_snapshot!("request", request.replace("\r\n", "\n"));
    assert!(request.contains(&format!("\"version\":{DOCUMENT_VERSION},")));
    running.push(&isolated());
    insta::assert_json_snapshot!("isolated", receiver.document().await);
    running.until(|stats| stats.told == 2).await;
    assert_eq!(running.end().await, told(2));
    assert_eq!(desk.states(), ["delivered"; 2]);
}

#[tokio::test]
async fn what_is_to_be_told_waits_for_no_batch_to_fill() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let desk = Desk::new();
    let nobody = config::Resolve { servers: Vec::new() };
    let hour = Duration::from_secs(3_600);
    let settings = settings(receiver.address);
    let running = desk.start_filling(&settings, &nobody, hook::MAX_PENDING, hour).await;
    running.push(&down(0));
    assert_eq!(at(&receiver.document().await), 0);
    running.kill().await;
}

#[tokio::test]
async fn a_server_from_which_another_one_has_taken_over_tells_nobody_and_that_one_does() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let mut desk = Desk::new();
    desk.standing.lost("process 2 on two");
    let running = desk.start(&settings(receiver.address)).await;
    running.push(&down(0));
    running.until(|stats| stats.pending == 1).await;
    assert_eq!(running.end().await.told, 0);
    assert!(receiver.has_heard_nothing());
    assert_eq!(desk.states(), ["pending"]);

    desk.standing = std::sync::Arc::default();
    let running = desk.start(&settings(receiver.address)).await;
    assert_eq!(at(&receiver.document().await), 0);
    running.until(|stats| stats.told == 1).await;
    running.end().await;
}

/// Whatever a probe or an inventory says, the document is JSON and the request has one head.
#[tokio::test]
async fn any_text_is_a_document() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    let reason = "\u{0}\r\n\r\n\"}\\ \u{2028}\u{202e}\u{1f4bf}\u{7f}";
    let mut change = down(0);
    change.row.reason = reason.into();
    let inventory = inventory::parse("test", "[[host]]\nname = \"db-1\"\n").unwrap();
    change.notification =
        Notification::of_host(&change.row, inventory.hosts.values().next().unwrap());
    running.push(&change);
    assert_eq!(receiver.document().await["reason"], reason);
    running.end().await;
}

#[tokio::test]
async fn only_what_enters_or_leaves_a_wanted_state_is_told() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    running.push(&change(0, State::Up, State::Suspect));
    running.push(&change(1, State::Suspect, State::Down));
    running.push(&change(2, State::Pending, State::Up));
    running.push(&change(3, State::Down, State::Up));
    assert_eq!(at(&receiver.document().await), 1);
    assert_eq!(at(&receiver.document().await), 3);
    running.until(|stats| stats.told == 2).await;
    assert_eq!(running.end().await, told(2));
    let events = Connection::open(desk.path("store.db")).unwrap();
    let kept: i64 = events.query_row("SELECT count(*) FROM event", [], |row| row.get(0)).unwrap();
    assert_eq!((kept, desk.states().len()), (4, 2));
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_again_with_the_same_id_and_order_is_kept() {
    let mut receiver = Receiver::start(&[FAILS, Does::Closes, TAKES]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    running.push(&down(0));
    running.push(&up(1));
    let (first, second, third) =
        (receiver.document().await, receiver.document().await, receiver.document().await);
    assert_eq!((&first, &first), (&second, &third), "the same, id included");
    assert_eq!(first["id"], "12/1774747799900/down", "known by the poll's slot");
    assert_eq!(at(&receiver.document().await), 1, "what came later waits for it");
    running.until(|stats| stats.told == 2).await;
    assert_eq!(running.end().await, Stats { failed: 2, ..told(2) });
    let tries: Vec<u32> = desk.notices().into_iter().map(|(_, _, tries)| tries).collect();
    assert_eq!(tries, [3, 1]);
}

#[tokio::test]
async fn a_notice_that_is_refused_holds_up_no_other_and_no_redirect_is_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = elsewhere.local_addr().unwrap();
    let moved = format!("HTTP/1.1 307 Moved\r\nLocation: http://{target}/\r\n\r\n");
    let moved: &'static str = moved.leak();
    let bad = Does::Says("HTTP/1.1 400 Bad Request\r\nContent-Length: 9999\r\n\r\nnever all");
    let mut receiver = Receiver::start(&[Does::Says(moved), bad, TAKES]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    for number in 0..3 {
        running.push(&down(number));
    }
    for number in 0..3 {
        assert_eq!(at(&receiver.document().await), number, "each once");
    }
    running.until(|stats| stats.told == 1).await;
    let stats = running.end().await;
    assert_eq!((stats.told, stats.failed, stats.given_up), (1, 2, 2));
    assert_eq!(desk.states(), ["given_up", "given_up", "delivered"]);
    let followed = elsewhere.into_std().unwrap().accept().is_ok();
    assert!(!followed, "nobody was sent on");
}

#[tokio::test]
async fn a_recovery_is_not_told_of_an_outage_that_was_not() {
    let bad = Does::Says("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let mut receiver = Receiver::start(&[bad, TAKES]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    running.push(&down(0));
    running.push(&up(1));
    // Of another host, which was down before anybody was told anything.
    running.push(&of_host(13, 2, State::Down, State::Up));
    running.push(&down(3));
    running.push(&up(4));
    let all: [i64; 3] = [
        at(&receiver.document().await),
        at(&receiver.document().await),
        at(&receiver.document().await),
    ];
    assert_eq!(all, [0, 3, 4]);
    running.until(|stats| stats.told == 2).await;
    assert_eq!(running.end().await.pending, 0);
    assert_eq!(desk.states(), ["given_up", "folded", "folded", "delivered", "delivered"]);
}

#[tokio::test]
async fn one_host_that_is_not_taken_holds_up_no_other() {
    // Every try but those of host 13 fails.
    let mut receiver = Receiver::start(&[FAILS, TAKES, FAILS, FAILS, TAKES]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    running.push(&down(0));
    running.push(&of_host(13, 1, State::Suspect, State::Down));
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(at(&receiver.document().await));
    }
    assert_eq!(seen, [0, 1, 0, 0, 0]);
    running.until(|stats| stats.told == 2).await;
    running.end().await;
}

#[tokio::test]
async fn what_is_not_taken_for_a_day_is_given_up_and_what_follows_from_it() {
    let mut receiver = Receiver::start(&[Does::Hangs, TAKES]).await;
    let desk = Desk::new();
    let timeout = Duration::from_millis(500);
    let running = desk.start(&config::Hook { timeout, ..settings(receiver.address) }).await;
    let day = i64::try_from(hook::GIVE_UP_AFTER.as_millis()).unwrap();
    running.push(&down(-day));
    assert_eq!(at(&receiver.document().await), -day, "being told, and hangs");
    // Not tried, and as old: nothing was taken for a day.
    running.push(&of_host(13, -day - 1, State::Suspect, State::Down));
    let stats = running.until(|stats| stats.given_up == 2).await;
    assert_eq!(stats.failed, 1);
    running.push(&up(1 - day));
    running.push(&down(2));
    assert_eq!(at(&receiver.document().await), 2);
    running.until(|stats| stats.told == 1).await;
    running.end().await;
    assert_eq!(desk.states(), ["given_up", "given_up", "folded", "delivered"]);
}

/// A clock that is wrong for a moment says of every notice that it has waited for more than a day.
#[tokio::test]
async fn by_a_clock_in_doubt_no_notice_is_given_up() {
    let mut receiver = Receiver::start(&[FAILS, TAKES]).await;
    let desk = Desk::new();
    let day = i64::try_from(hook::GIVE_UP_AFTER.as_millis()).unwrap();
    desk.is_clock_doubted.store(true, Ordering::Relaxed);
    let running = desk.start(&settings(receiver.address)).await;
    running.push(&down(-day));
    running.push(&of_host(13, -day - 1, State::Suspect, State::Down));
    for _ in 0..3 {
        receiver.document().await;
    }
    running.until(|stats| stats.told == 2).await;
    assert_eq!(running.end().await, Stats { failed: 1, ..told(2) });
    assert_eq!(desk.states(), ["delivered"; 2]);
}

#[tokio::test]
async fn the_next_server_goes_on_with_what_waits_and_tells_nothing_twice() {
    let mut receiver = Receiver::start(&[TAKES, Does::Hangs]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    running.push(&of_host(11, 0, State::Suspect, State::Down));
    assert_eq!(at(&receiver.document().await), 0);
    running.until(|stats| stats.told == 1).await;
    running.push(&down(1));
    running.push(&up(2));
    let cut_off = receiver.document().await;
    assert_eq!(at(&cut_off), 1, "it got this, and never said so");
    running.kill().await;

    let mut other = Receiver::start(&[TAKES]).await;
    let running = desk.start(&settings(other.address)).await;
    assert_eq!(other.document().await, cut_off, "at least once, with the same id");
    assert_eq!(at(&other.document().await), 2);
    // What the first server told of host 11 is known to the second.
    running.push(&of_host(11, 3, State::Down, State::Up));
    assert_eq!(at(&other.document().await), 3);
    running.until(|stats| stats.told == 3).await;
    assert_eq!(running.end().await, told(3));
    assert_eq!(desk.states(), ["delivered"; 4]);
    let running = desk.start(&settings(other.address)).await;
    running.push(&down(9));
    assert_eq!(at(&other.document().await), 9, "nothing was left to tell");
    running.end().await;
}

/// The store is locked by somebody else: notices are told from the spool, and once it is replayed the
/// store knows that they were.
#[tokio::test]
async fn while_the_store_is_away_it_is_told_from_the_spool() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    let locked = Connection::open(desk.path("store.db")).unwrap();
    locked.execute_batch("BEGIN IMMEDIATE").unwrap();
    running.push(&down(0));
    running.push(&up(1));
    assert_eq!(at(&receiver.document().await), 0);
    assert_eq!(at(&receiver.document().await), 1);
    running.until(|stats| stats.told == 2).await;
    running.kill().await;
    drop(locked);

    // The spool has both, and how far they have come.
    let running = desk.start(&settings(receiver.address)).await;
    running.push(&down(2));
    assert_eq!(at(&receiver.document().await), 2, "and nothing before it again");
    running.until(|stats| stats.told == 1).await;
    let handle = running.handle.clone();
    let drained = async {
        while handle.stats().spool.is_none_or(|spool| spool.rows() > 0) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, drained).await.unwrap();
    running.end().await;
    assert_eq!(desk.states(), ["delivered"; 3]);
}

#[tokio::test]
async fn a_receiver_that_hangs_or_talks_nonsense_costs_its_own_time_only() {
    let nonsense = Does::Says("SSH-2.0-OpenSSH_9.6\r\n");
    let mut receiver = Receiver::start(&[Does::Hangs, nonsense, TAKES]).await;
    let timeout = Duration::from_millis(50);
    let desk = Desk::new();
    let running = desk.start(&config::Hook { timeout, ..settings(receiver.address) }).await;
    running.push(&down(0));
    for _ in 0..3 {
        assert_eq!(at(&receiver.document().await), 0);
    }
    running.until(|stats| stats.told == 1).await;
    assert_eq!(running.end().await, Stats { failed: 2, ..told(1) });
}

#[tokio::test]
async fn a_head_without_end_is_not_read_for_ever() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(2 * MAX_ANSWER_HEAD_BYTES));
    let mut receiver = Receiver::start(&[Does::Says(long.leak()), TAKES]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    running.push(&down(0));
    // The answer would be endless, and the timeout is long: only its length ends it.
    assert_eq!(at(&receiver.document().await), 0);
    assert_eq!(at(&receiver.document().await), 0);
    running.until(|stats| stats.told == 1).await;
    assert_eq!(running.end().await, Stats { failed: 1, ..told(1) });
}

#[tokio::test]
async fn what_waits_is_bounded_and_the_oldest_is_given_up() {
    let mut receiver = Receiver::start(&[Does::Hangs, TAKES]).await;
    let desk = Desk::new();
    let timeout = Duration::from_millis(500);
    let settings = config::Hook { timeout, ..settings(receiver.address) };
    let nobody = config::Resolve { servers: Vec::new() };
    let running = desk.start_with(&settings, &nobody, 2).await;
    running.push(&of_host(1, 0, State::Suspect, State::Down));
    assert_eq!(at(&receiver.document().await), 0, "being told, and hangs");
    for number in 1..=5 {
        running.push(&of_host(1 + number, number, State::Suspect, State::Down));
    }
    running.until(|stats| stats.given_up == 4).await;
    assert_eq!(at(&receiver.document().await), 4);
    assert_eq!(at(&receiver.document().await), 5);
    running.until(|stats| stats.told == 2).await;
    assert_eq!(running.end().await.given_up, 4);
    let states = desk.states();
    assert_eq!(states, [["given_up"; 4].as_slice(), &["delivered"; 2]].concat());
}

#[tokio::test]
async fn a_receiver_that_hangs_does_not_hold_up_the_end() {
    let mut receiver = Receiver::start(&[Does::Hangs]).await;
    let desk = Desk::new();
    let running = desk.start(&settings(receiver.address)).await;
    for number in 0..5 {
        running.push(&down(number));
    }
    assert_eq!(at(&receiver.document().await), 0);
    running.until(|stats| stats.pending == 5).await;
    assert_eq!(running.end().await.pending, 5);
    assert_eq!(desk.states(), ["pending"; 5]);
}

#[tokio::test]
async fn without_a_url_there_is_no_hook() {
    let settings = config::Hook { url: None, ..settings(([127, 0, 0, 1], 1).into()) };
    let resolve = config::Resolve { servers: Vec::new() };
    let clock = Desk::new().clock;
    assert!(hook::hook(&settings, &resolve, clock).unwrap().is_none());
}
