//! `notify test` against a receiver.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

use super::program::Desk;

/// Answers two requests, the second as refused; what it was sent.
fn receiver() -> (String, thread::JoinHandle<Vec<serde_json::Value>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heard = thread::spawn(move || {
        let answer = |status: &str| {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut text, mut bytes) = (String::new(), [0; 4096]);
            loop {
                let body = text.split_once("\r\n\r\n").map(|(_, body)| body);
                if let Some(Ok(document)) = body.map(serde_json::from_str) {
                    let head = format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\nheard");
                    stream.write_all(head.as_bytes()).unwrap();
                    return document;
                }
                let length = stream.read(&mut bytes).unwrap();
                text += std::str::from_utf8(&bytes[..length]).unwrap();
            }
        };
        ["200 OK", "403 Forbidden"].map(answer).to_vec()
    });
    (address, heard)
}

#[test]
fn a_channel_is_tried_with_a_marked_message_and_its_answer_is_printed() {
    let (address, heard) = receiver();
    let desk = Desk::new();
    let file = format!(
        "[[channel]]\nname = \"ops-chat\"\nkind = \"webhook\"\nurl = \"http://{address}/\"\n"
    );
    desk.file("alerts.toml", &file);
    let took = desk.run(&["notify", "test", "ops-chat"]);
    assert_eq!(took.code, Some(0), "{took:?}");
    assert_eq!(took.out, "channel ops-chat took the test, 200: heard\n");
    let refused = desk.run(&["notify", "test", "ops-chat"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let words = "channel ops-chat did not take the test: ";
    assert!(refused.err.contains(words) && refused.err.contains("403"), "{}", refused.err);
    for document in heard.join().unwrap() {
        assert_eq!((&document["kind"], &document["count"]), (&"test".into(), &0.into()));
    }
    let unknown = desk.run(&["notify", "test", "ops-chta"]);
    assert!(unknown.err.contains("did you mean `ops-chat`"), "{}", unknown.err);
}
