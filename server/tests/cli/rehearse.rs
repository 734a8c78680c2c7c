//! Who would be told of an alarm, and a test message to them.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

use crate::program::Desk;

const FILE: &str = r#"
[[alert]]
name = "disk-full"
over = "filesystem"
when = "used_pct > 90"
critical = "used_pct > 99"

[[alert]]
name = "late"
over = "server"
when = "late_ms > 10"

[[channel]]
name = "ops"
kind = "webhook"
url = "http://ADDRESS/"

[[channel]]
name = "phone"
kind = "webhook"
url = "http://127.0.0.1:9/"

[[route]]
name = "worst"
match = { severity = ["critical"] }
channels = ["phone"]
wait = "0s"
continue = true

[[route]]
name = "databases"
match = { groups = ["db"] }
channels = ["ops"]
steps = [{ after = "15m", channels = ["phone"] }]
"#;

/// Takes one request, and answers with what came.
fn receiver() -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heard = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        let mut some = [0; 4_096];
        while !String::from_utf8_lossy(&heard).contains("\"kind\":\"test\"") {
            let read = stream.read(&mut some).unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&heard));
            heard.extend_from_slice(&some[..read]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
        String::from_utf8_lossy(&heard).into_owned()
    });
    (address, heard)
}

fn desk(address: &str) -> Desk {
    let desk = Desk::new();
    desk.file("alerts.toml", &FILE.replace("ADDRESS", address));
    desk.file(
        "inventory.toml",
        "[[host]]\nname = \"db-1\"\ngroup = \"db\"\n[[host]]\nname = \"web-1\"\ngroup = \"web\"\n",
    );
    desk
}

#[test]
fn who_would_be_told_is_said_and_tried() {
    let (address, heard) = receiver();
    let desk = desk(&address);
    let run = |flags: &[&str]| desk.run(&[&["alerts", "test", "disk-full"], flags].concat());
    let ended = run(&["--host", "db-1", "--severity", "critical"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert_eq!(
        ended.out,
        "an alarm disk-full of db-1 (critical)\n  \
         route worst: tells phone at once, again every 4 h\n  \
         route databases: tells ops after 20 s, again every 4 h; without an acknowledgement for 15 min: \
         phone\n"
    );
    let ended = run(&["--host", "web-1"]);
    let nobody = "an alarm disk-full of web-1 (warning)\n  nobody is told: no route takes it\n";
    assert_eq!(ended.out, nobody);
    let ended = desk.run(&["alerts", "test", "late", "--severity", "critical"]);
    assert!(ended.out.starts_with("an alarm late of roundsman:server (critical)\n"), "{ended:?}");
    let ended = run(&["--host", "db-1", "--send"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.out.ends_with("channel ops took the test, 200: ok\n"), "{ended:?}");
    let heard = heard.join().unwrap();
    assert!(heard.contains("Roundsman tries who is told of disk-full of db-1"), "{heard}");
}

#[test]
fn what_cannot_be_tried_is_said() {
    let desk = desk("127.0.0.1:9");
    for (flags, code, expected) in [
        (&["disk-full"][..], 2, "--host is needed"),
        (&["disk-ful", "--host", "db-1"], 1, "did you mean `disk-full`?"),
        (&["disk-full", "--host", "db-2"], 1, "no host is called \"db-2\""),
        (&["disk-full", "--host", "db-1", "--send"], 1, "channel ops did not take the test"),
    ] {
        let ended = desk.run(&[&["alerts", "test"], flags].concat());
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.err.contains(expected), "{ended:?}");
    }
}
