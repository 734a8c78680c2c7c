//! Tokens of people: made, used, listed and revoked with the program, while its server runs.

use rustix::process::Signal;

use super::{
    program::{Desk, Ended},
    serve::{addresses, get_until},
};

/// How often it is asked whether something is kept.
const TRIES: usize = 1_000;

#[test]
fn a_token_is_good_while_it_is_in_the_file_and_a_bad_file_changes_nothing() {
    let desk = Desk::new();
    desk.file("inventory.toml", "[[host]]\nname = \"here\"\naddresses = [\"127.0.0.1:1\"]\n");
    let none = desk.run(&["token", "new", "alice"]);
    assert!(none.err.contains("set http.access_file = \"access.toml\""), "{none:?}");
    desk.file("roundsman.toml", "[http]\naccess_file = \"access.toml\"\n");
    // Without a file nobody knows who may ask.
    let early = desk.run(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
    assert_eq!(early.code, Some(1), "{early:?}");
    assert!(early.err.contains("name another file with http.access_file"), "{}", early.err);

    let alice = desk.run(&["token", "new", "alice", "--role", "operator"]);
    let ada = desk.run(&["token", "new", "ada", "--role", "admin", "--for", "1d"]);
    assert_eq!((alice.code, ada.code), (Some(0), Some(0)), "{alice:?} {ada:?}");
    for (name, token) in [("alice", &alice.out), ("ada", &ada.out)] {
        assert!(token.starts_with("rm_") && token.len() == 47, "{token}");
        desk.file(&format!("{name}.token"), token);
        desk.file(&format!("{name}.toml"), &format!("[http]\ntoken_file = \"{name}.token\"\n"));
    }
    let mut server = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
    let (http, _) = addresses(&mut server);
    let asks = |command: &str, who: &str| {
        let mut flags = vec![command, "--http", &*http, "--config", who];
        if command == "pause" || command == "resume" {
            flags.insert(1, "here");
        }
        desk.run(&flags)
    };
    let pauses = |who: &str| asks("pause", who);
    assert_eq!(pauses("alice.toml").code, Some(0));
    let refused = asks("reload", "alice.toml");
    assert!(refused.err.contains("this needs the role admin, and alice has"), "{refused:?}");
    // What was asked is kept a moment later: nobody waits for that.
    let kept = |audit: &Ended| audit.out.contains("403");
    let audit = (0..TRIES).map(|_| asks("audit", "ada.toml")).find(kept).unwrap();
    assert!(audit.out.contains("POST /api/v1/hosts/here/pause"), "{audit:?}");
    assert!(audit.out.contains("alice") && audit.out.contains("403"), "{audit:?}");

    // Whoever has a token of their own says it under that name, whoever is logged in here.
    for user in ["", "somebody"] {
        let flags = ["annotate", "web 2.4.1", "--http", &*http, "--config", "alice.toml", "--json"];
        let said = desk.command(&flags).env("USER", user).output().unwrap();
        let said = Ended::new(said, desk.path()).json();
        assert_eq!(said["who"], "alice", "{said}");
    }

    // What is wrong with the file is said, and those before stay.
    let path = desk.path().join("access.toml");
    let good = std::fs::read_to_string(&path).unwrap();
    desk.file("access.toml", &good.replace("operator", "operater"));
    let reloaded = asks("reload", "ada.toml");
    assert_eq!(reloaded.code, Some(0), "{reloaded:?}");
    assert_eq!(pauses("alice.toml").code, Some(0));
    let listed = desk.run(&["token", "list"]);
    assert!(listed.err.contains("access.toml:3:8: `role` must be"), "{listed:?}");
    let checked = desk.run(&["check"]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.err.contains("access.toml:3:8: `role` must be"), "{checked:?}");
    let limited =
        format!("{good}\n[[token]]\nname = \"x\"\nrole = \"viewer\"\ngroups = [\"wbe\"]\n");
    desk.file("access.toml", &format!("{limited}sha256 = \"{}\"\n", "0".repeat(64)));
    let checked = desk.run(&["check"]);
    assert!(
        checked.err.contains("the token of x is for group wbe, which has no host"),
        "{checked:?}"
    );
    desk.file("access.toml", &good);

    let listed = desk.run(&["token", "list"]);
    assert!(listed.out.contains("alice  operator  all hosts  never"), "{listed:?}");
    assert_eq!(desk.run(&["token", "revoke", "alice"]).code, Some(0));
    assert_eq!(asks("reload", "ada.toml").code, Some(0), "it is looked at");
    // A file that is being written is looked at once more.
    let is_gone = |said: &Ended| said.err.contains("the token is wrong");
    assert!((0..TRIES).map(|_| pauses("alice.toml")).any(|said| is_gone(&said)), "still known");
    get_until(&http, "/healthz", "ok");
    server.signal(Signal::TERM);
    let ended = server.end(desk.path());
    assert!(!ended.err.contains(alice.out.trim()), "{ended:?}");
}
