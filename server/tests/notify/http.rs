//! Channels over HTTP.

use std::time::Duration;

use roundsman::{
    channel::{SIGNATURE_HEADER, SendError},
    notify::Progress,
};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::{
    site::{Desk, NAME, SECRET, later, message, now, once, refused},
    support::{Does, FAILS, Receiver, TAKES, acceptor, authority, certificate, mutual},
};

const OK: Does = Does::Says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

fn body(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn each_kind_reaches_its_receiver() {
    let desk = Desk::new().await;
    let says = |body: &str| {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        Does::Says(answer.leak())
    };
    for (kind, lines, answer, path) in [
        ("webhook", "url = \"URL/in?team=ops\"", TAKES, "/in?team=ops"),
        ("slack", "url_file = \"url\"", OK, "/services/x"),
        ("discord", "url_file = \"url\"", TAKES, "/services/x"),
        ("teams", "url_file = \"url\"", says(""), "/services/x"),
        (
            "telegram",
            "url = \"URL\"\ntoken_file = \"secret\"\nchat = \"-100\"",
            says("{\"ok\":true}"),
            "/bothunter2-hunter2/sendMessage",
        ),
        ("ntfy", "url = \"URL/ops\"", says("{\"id\":\"x\"}"), "/"),
        ("gotify", "url = \"URL\"\ntoken_file = \"secret\"", says("{\"id\":1}"), "/message"),
        (
            "pagerduty",
            "url = \"URL\"\ntoken_env = \"ROUNDSMAN_TEST_SECRET\"",
            Does::Says("HTTP/1.1 202 Accepted\r\n\r\n"),
            "/v2/enqueue",
        ),
        ("dingtalk", "url_file = \"url\"", says("{\"errcode\":0}"), "/services/x"),
        ("feishu", "url_file = \"url\"", says("{\"code\":0}"), "/services/x"),
        ("lark", "url_file = \"url\"", says("{\"code\":0}"), "/services/x"),
        ("wecom", "url_file = \"url\"", says("{\"errcode\":0}"), "/services/x"),
        ("alertmanager", "urls = [\"URL/am\"]", says(""), "/am/api/v2/alerts"),
    ] {
        let mut receiver = Receiver::start(&[answer]).await;
        let url = format!("http://{}", receiver.address);
        desk.file("url", &format!("{url}/services/x\n"));
        let channel = desk.channel(kind, &lines.replace("URL", &url));
        let receipt = once(&channel, &message(1)).await.unwrap_or_else(|e| panic!("{kind}: {e}"));
        assert!((200..300).contains(&receipt.status), "{kind}");
        let request = receiver.next().await;
        assert!(request.starts_with(&format!("POST {path} HTTP/1.1\r\n")), "{kind}: {request}");
        assert!(request.contains("web-1"), "{kind}");
        drop(body(&request));
    }
}

#[tokio::test]
async fn a_web_hook_is_signed_and_has_its_token() {
    let desk = Desk::new().await;
    let mut receiver = Receiver::start(&[TAKES]).await;
    let lines = format!(
        "url = \"http://{}/in\"\ntoken_file = \"secret\"\nsecret_env = \"ROUNDSMAN_TEST_SECRET\"",
        receiver.address
    );
    once(&desk.channel("webhook", &lines), &message(1)).await.unwrap();
    let request = receiver.next().await;
    assert!(request.contains(&format!("authorization: Bearer {SECRET}\r\n")), "{request}");
    assert!(request.contains(&format!("{SIGNATURE_HEADER}: t=")), "{request}");
    assert_eq!(body(&request)["items"][0]["value"], 97.3);
}

#[tokio::test]
async fn each_fault_is_tried_again_or_refused() {
    let desk = Desk::new().await;
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = elsewhere.local_addr().unwrap();
    let moved = format!("HTTP/1.1 307 Moved\r\nLocation: http://{target}/\r\n\r\n");
    let long = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(100_000));
    for (does, words, is_refused) in [
        (Does::Hangs, "did not answer within 300ms", false),
        (Does::Closes, "did not answer", false),
        (FAILS, "answered 503 Service Unavailable", false),
        (Does::Says("SSH-2.0-OpenSSH_9.6\r\n"), "did not answer", false),
        (Does::Says(long.leak()), "did not answer", false),
        (
            Does::Says("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"ok\":tr"),
            "answered 200 OK, and the answer was cut",
            false,
        ),
        (Does::Says(moved.leak()), "and redirects are not followed", true),
        (Does::Says("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone"), ": gone", true),
    ] {
        let receiver = Receiver::start(&[does]).await;
        let lines = format!(
            "url = \"http://{}\"\ntoken_file = \"secret\"\nchat = \"1\"\ntimeout = \"300ms\"",
            receiver.address
        );
        let ended = once(&desk.channel("telegram", &lines), &message(1)).await;
        let said = if is_refused { refused(ended) } else { later(ended) };
        assert!(said.contains(words), "{said}");
        assert!(!said.contains(SECRET), "{said}");
    }
    assert!(elsewhere.into_std().unwrap().accept().is_err(), "nobody was sent on");
}

#[tokio::test]
async fn a_receiver_that_asks_for_a_pause_gets_it() {
    let desk = Desk::new().await;
    let busy = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n";
    let receiver = Receiver::start(&[Does::Says(busy)]).await;
    let lines = format!("url = \"http://{}/ops\"", receiver.address);
    let ended = once(&desk.channel("ntfy", &lines), &message(1)).await;
    let Err(SendError::Transient { retry_after, .. }) = ended else { panic!("{ended:?}") };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
}

/// A receiver that says everything that it was sent is not believed to be discreet.
#[tokio::test]
async fn no_secret_is_in_what_is_said_of_a_channel() {
    let desk = Desk::new().await;
    let echo = format!(
        "HTTP/1.1 400 Bad Request\r\n\r\nPOST /services/{SECRET} with Bearer {SECRET} is not known"
    );
    let receiver = Receiver::start(&[Does::Says(echo.leak())]).await;
    desk.file("url", &format!("http://{}/services/{SECRET}", receiver.address));
    let channel = desk.channel("slack", "url_file = \"url\"");
    let said = refused(once(&channel, &message(1)).await);
    assert!(said.contains("POST *** with Bearer *** is not known"), "{said}");
    let said = format!("{channel:?}");
    assert!(!said.contains(SECRET), "{said}");
    let lines = format!("url = \"http://{}/in\"\ntoken_file = \"secret\"", receiver.address);
    let channel = desk.channel("webhook", &lines);
    let said = refused(once(&channel, &message(1)).await);
    assert!(said.contains("Bearer ***") && !said.contains(SECRET), "{said}");
}

#[tokio::test]
async fn an_answer_without_end_is_read_to_its_limit() {
    let desk = Desk::new().await;
    let endless =
        format!("HTTP/1.1 500 No\r\nContent-Length: 99999999\r\n\r\n{}", "x".repeat(1 << 20));
    let receiver = Receiver::start(&[Does::Begins(endless.leak())]).await;
    // The timeout is long: only the length ends it.
    let lines = format!("url = \"http://{}/in\"\ntimeout = \"60s\"", receiver.address);
    let said = later(once(&desk.channel("webhook", &lines), &message(1)).await);
    assert!(said.contains("answered 500") && said.len() < 400, "{said}");
}

#[tokio::test]
async fn what_an_https_receiver_presents_is_checked() {
    let desk = Desk::new().await;
    let ours = authority("ours");
    desk.file("ca.pem", &ours.pem());
    let (own, key) = certificate(&ours, "roundsman.test", 2999);
    desk.file("own.pem", &own.pem());
    desk.file("own.key", &key.serialize_pem());
    let says = |line: &str, port| format!("url = \"https://{NAME}:{port}/in\"\n{line}");
    let trusting = "ca_file = \"ca.pem\"";
    let shows = "ca_file = \"ca.pem\"\ncert_file = \"own.pem\"\nkey_file = \"own.key\"";
    for (acceptor, lines, words) in [
        (acceptor(&ours, NAME, 2999), trusting, None),
        (acceptor(&ours, NAME, 2999), "", Some("name the one that did in its `ca_file`")),
        (acceptor(&ours, "other.test", 2999), trusting, Some("is another host's")),
        (acceptor(&ours, NAME, 2020), trusting, Some("is no longer valid")),
        (mutual(&ours, NAME), shows, None),
    ] {
        let mut receiver = Receiver::start_with(&[TAKES], Some(acceptor)).await;
        let channel = desk.channel("webhook", &says(lines, receiver.address.port()));
        let ended = once(&channel, &message(1)).await;
        match words {
            None => assert_eq!(ended.unwrap().status, 204),
            Some(words) => {
                let said = later(ended);
                assert!(said.contains(words), "{said}");
                assert!(receiver.has_heard_nothing());
            }
        }
    }
    // Without a certificate of its own it is not let in.
    let mut receiver = Receiver::start_with(&[TAKES], Some(mutual(&ours, NAME))).await;
    let channel = desk.channel("webhook", &says(trusting, receiver.address.port()));
    later(once(&channel, &message(1)).await);
    assert!(receiver.has_heard_nothing());
}

#[tokio::test]
async fn a_later_try_goes_on_behind_what_was_taken() {
    let desk = Desk::new().await;
    let taken = Does::Says("HTTP/1.1 202 Accepted\r\n\r\n");
    let bad = Does::Says("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let mut receiver = Receiver::start(&[taken, FAILS, taken]).await;
    let lines = |receiver: &Receiver| {
        format!("url = \"http://{}\"\ntoken_file = \"secret\"", receiver.address)
    };
    let channel = desk.channel("pagerduty", &lines(&receiver));
    let mut progress = Progress::default();
    later(channel.send(&message(3), &mut progress, now()).await);
    channel.send(&message(3), &mut progress, now()).await.unwrap();
    let mut keys = Vec::new();
    for _ in 0..4 {
        keys.push(body(&receiver.next().await)["dedup_key"].as_str().unwrap().to_owned());
    }
    let key = |id| format!("roundsman/disk_full/{id}//var");
    assert_eq!(keys, [key(1), key(2), key(2), key(3)]);
    assert!(receiver.has_heard_nothing());
    // One that is refused holds up no other.
    let receiver = Receiver::start(&[bad, taken]).await;
    let channel = desk.channel("pagerduty", &lines(&receiver));
    let said = refused(once(&channel, &message(3)).await);
    assert!(said.starts_with("1 of 3 were refused, the first: "), "{said}");
}

#[tokio::test]
async fn all_of_a_message_has_one_limit_of_time() {
    let desk = Desk::new().await;
    let taken = Does::Says("HTTP/1.1 202 Accepted\r\n\r\n");
    let receiver = Receiver::start(&[taken, Does::Hangs]).await;
    let lines = format!("url = \"http://{}\"\ntoken_file = \"secret\"", receiver.address);
    let channel = desk.channel("pagerduty", &lines).within(Duration::from_millis(300));
    let said = later(once(&channel, &message(3)).await);
    assert_eq!(said, "not all of it was taken within 300ms");
}

#[tokio::test]
async fn one_alertmanager_of_several_is_enough() {
    let desk = Desk::new().await;
    let mut receiver = Receiver::start(&[Does::Says("HTTP/1.1 200 OK\r\n\r\n")]).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let both = format!("urls = [\"http://{closed}\", \"http://{}\"]", receiver.address);
    let receipt = once(&desk.channel("alertmanager", &both), &message(1)).await.unwrap();
    assert!(receipt.answer.contains("but not all: cannot connect to"), "{receipt:?}");
    receiver.next().await;
    let channel = desk.channel("alertmanager", &format!("urls = [\"http://{closed}\"]"));
    assert!(later(once(&channel, &message(1)).await).contains("cannot connect to"));
}

#[tokio::test]
async fn a_heartbeat_is_a_get_and_takes_no_messages() {
    let desk = Desk::new().await;
    let mut receiver = Receiver::start(&[OK]).await;
    let channel =
        desk.channel("heartbeat", &format!("url = \"http://{}/ping/1\"", receiver.address));
    assert_eq!(channel.beat(now()).await.unwrap().answer, "ok");
    assert!(receiver.next().await.starts_with("GET /ping/1 HTTP/1.1\r\n"));
    refused(once(&channel, &message(1)).await);
    assert!(receiver.has_heard_nothing());
}

/// All at once, with their places; what is secret is not in it.
#[tokio::test]
async fn a_secret_or_a_certificate_that_is_of_no_use_is_said_with_its_place() {
    let desk = Desk::new().await;
    desk.file("empty", "\n");
    desk.file("two-lines", &format!("{SECRET}\n{SECRET}"));
    desk.file("no-url", SECRET);
    desk.file("no-topic", "https://ntfy.sh/");
    desk.file("none.pem", "nothing");
    let one = |name: &str, kind: &str, lines: &str| {
        format!("[[channel]]\nname = \"{name}\"\nkind = \"{kind}\"\n{lines}\n")
    };
    let text = [
        one("a", "slack", "url_file = \"missing\""),
        one("b", "slack", "url_env = \"ROUNDSMAN_TEST_NOTHING\""),
        one("c", "slack", "url_file = \"no-url\""),
        one("d", "gotify", "url = \"https://a.test\"\ntoken_file = \"empty\""),
        one("e", "gotify", "url = \"https://a.test\"\ntoken_file = \"two-lines\""),
        one("f", "ntfy", "url_file = \"no-topic\""),
        one("g", "webhook", "url = \"https://a.test\"\nca_file = \"none.pem\""),
        one("h", "webhook", "url = \"https://al..erts/in\""),
    ]
    .concat();
    let said = desk.try_open(&text).unwrap_err().replace(&desk.path(""), "FOLDER/");
    assert!(!said.contains(SECRET), "{said}");
    insta::assert_snapshot!("unusable", said);
}
