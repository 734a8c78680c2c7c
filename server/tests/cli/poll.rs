//! `poll`, and `check --live`: a probe is asked at once, and a host that fails fails the command.

use std::net::TcpListener;

use super::{probes::LocalProbe, program::Desk};

#[test]
fn poll_shows_each_step_of_a_probe_that_answers() {
    let desk = Desk::new();
    let probe = LocalProbe::start();
    let address = probe.address.to_string();
    let json = desk.run(&["poll", &address, "--times", "2", "--json"]).json();
    let polls = json["polls"].as_array().unwrap();
    assert_eq!(polls.len(), 2);
    assert!(polls[0]["connect_us"].as_u64().unwrap() > 0, "{}", polls[0]);
    assert_eq!(polls[1]["connect_us"], serde_json::Value::Null, "the open connection is used");
    for poll in polls {
        assert_eq!(poll["outcome"], "ok", "{poll}");
        assert_eq!(poll["address"], address.as_str());
        assert!(
            poll["call_us"].as_u64().unwrap() > 0 && poll["answer_bytes"].as_u64().unwrap() > 0
        );
        let families = poll["answer"]["families"].as_array().unwrap();
        assert!(families.iter().any(|family| family["family"] == "cpu"), "{families:?}");
    }
    let shown = desk.run(&["poll", &address]);
    assert_eq!((shown.code, shown.err.as_str()), (Some(0), ""), "{shown:?}");
    for word in ["queue", "resolve", "connect", "call", "answer", "FAMILY", "filesystem"] {
        assert!(shown.out.contains(word), "{word} is missing in\n{}", shown.out);
    }
}

#[test]
fn poll_and_check_fail_when_a_host_does() {
    let desk = Desk::new();
    let probe = LocalProbe::start();
    let good = probe.address.to_string();
    // A port that was free a moment ago: nobody listens there.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let ended = desk.run(&["poll", &good, &closed, "--json"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), ""), "{ended:?}");
    let json: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(json["polls"][0]["outcome"], "ok");
    assert_eq!(json["polls"][1]["outcome"], "refused");
    assert_eq!(json["polls"][1]["answer"], serde_json::Value::Null);

    let inventory =
        |address: &str| format!("[[host]]\nname = \"here\"\naddresses = [\"{address}\"]\n");
    desk.file("inventory.toml", &inventory(&good));
    let ended = desk.run(&["check", "--live", "--json"]);
    assert_eq!(ended.json()["live"][0]["answer"], "serving");
    desk.file("inventory.toml", &inventory(&closed));
    let ended = desk.run(&["check", "--live"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.starts_with("here: refused: "), "{}", ended.err);
}
