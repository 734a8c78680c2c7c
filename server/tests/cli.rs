//! The commands as people and scripts meet them: the real binary, its exit codes, its words.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "cli/demo.rs"]
mod demo;
#[path = "cli/kept.rs"]
mod kept;
#[path = "cli/program.rs"]
mod program;
#[path = "cli/probes.rs"]
mod probes;

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    process::Command,
};

use program::{Desk, Ended, Running};
use rustix::process::Signal;

const COMMANDS: [&str; 17] = [
    "demo",
    "serve",
    "check",
    "plan",
    "poll",
    "hosts",
    "history",
    "export",
    "why",
    "top",
    "accept",
    "doctor",
    "health",
    "pause",
    "resume",
    "completions",
    "man",
];

#[test]
fn every_command_explains_itself() {
    let desk = Desk::new();
    let whole = desk.run(&["--help"]);
    assert_eq!((whole.code, whole.err.as_str()), (Some(0), ""));
    insta::assert_snapshot!("help", whole.out);
    for command in COMMANDS {
        let help = desk.run(&[command, "--help"]);
        assert_eq!((help.code, help.err.as_str()), (Some(0), ""), "{command}");
        insta::assert_snapshot!(format!("help_{command}"), help.out);
        assert!(help.out.contains("\nExamples:\n"), "{command} has no examples");
    }
    let version = desk.run(&["--version"]);
    assert_eq!(version.out, format!("roundsman {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_listing_has_json() {
    let desk = Desk::new();
    // An export has its own: --format jsonl. What `top` shows, `hosts --json` prints.
    let others = ["serve", "health", "export", "top", "completions", "man"];
    for command in COMMANDS.into_iter().filter(|command| !others.contains(command)) {
        assert!(desk.run(&[command, "--help"]).out.contains("--json"), "{command}");
    }
}

/// A wrong call ends with 2, a failure with 1, and each says in one line what, where, what to do.
#[test]
fn what_is_wrong_is_said_in_one_line() {
    let desk = Desk::new();
    desk.file("bad.toml", "intervall = 3\n[http]\nlisten = \"nowhere\"\n");
    desk.file("file", "not a directory");
    desk.file("text.db", "this is no database, and long enough not to be taken for an empty file");
    desk.file("wrong.toml", "[[host]]\nname = \"a\"\nintervall = \"1s\"\n");
    desk.file("hosts.toml", "[[group]]\nname = \"web\"\nhosts = [\"web-[01-03]\"]\n");
    let cases: &[(&[&str], i32)] = &[
        (&["--colour"], 2),
        (&["hosts", "--jsn"], 2),
        (&["watch"], 2),
        (&["histroy", "web-01"], 2),
        (&["history"], 2),
        (&["history", "a", "--from", "yesterday"], 2),
        (&["history", "a", "--from", "2026-03-29T02:00:00Z", "--to", "2026-03-29T01:00:00Z"], 2),
        (&["history", "a", "--limit", "0"], 2),
        (&["history", "a", "--columns", "cpu_bussy_pct"], 2),
        (&["history", "a", "--every", "often"], 2),
        (&["history", "a", "--every", "1s", "--from", "-1d"], 1),
        (&["export"], 2),
        (&["export", "a", "--format", "xml"], 2),
        (&["export", "a", "--table", "net", "--tier", "hour"], 2),
        (&["export", "a", "--from", "2026-03-29T02:00:00Z", "--to", "2026-03-29T01:00:00Z"], 2),
        (&["hosts", "--state", "upp"], 2),
        (&["hosts", "--log", "loud"], 2),
        (&["demo", "--polls", "0"], 2),
        (&["demo", "--interval", "2"], 2),
        (&["demo", "--interval", "1ms"], 2),
        (&["demo", "--inventory", "hosts.toml"], 2),
        (&["top", "--http", "8080"], 2),
        (&["top"], 1),
        (&["completions", "csh"], 2),
        (&["man", "file"], 1),
        (&["serve", "--http", "8080"], 2),
        (&["health", "--address", "no address"], 2),
        (&["health", "--timeout", "1h"], 2),
        (&["poll"], 2),
        (&["poll", "a:1", "--timeout", "1h"], 2),
        (&["poll", "a:1", "--times", "0"], 2),
        (&["hosts"], 1),
        (&["hosts", "--data", "file"], 1),
        (&["hosts", "--config", "absent.toml"], 1),
        (&["hosts", "--config", "bad.toml"], 1),
        (&["serve", "--http", "127.0.0.1:0"], 1),
        (&["serve", "--http", "127.0.0.1:0", "--inventory", "wrong.toml"], 1),
        (&["serve", "--http", "127.0.0.1:0", "--inventory", "hosts.toml", "--data", "file/x"], 1),
        (&["demo", "--data", "file/x"], 1),
        (&["poll", "web-04", "--inventory", "hosts.toml"], 1),
        (&["poll", "balancer", "--inventory", "hosts.toml"], 1),
        (&["poll", "web-01"], 1),
        (&["poll", "web-01", "--inventory", "wrong.toml"], 1),
    ];
    let mut table = String::new();
    for (arguments, code) in cases {
        let Ended { code: found, out, err } = desk.run(arguments);
        writeln!(table, "$ roundsman {}\n{found:?} {}", arguments.join(" "), err.trim_end())
            .unwrap();
        assert_eq!(found, Some(*code), "{arguments:?}: {err}");
        assert_eq!(out, "", "{arguments:?}");
        assert_eq!(err.lines().count(), 1, "{arguments:?} must say it in one line:\n{err}");
    }
    insta::assert_snapshot!("wrong", table);
}

/// What bash offers after the words of a line, by the completions that the program prints.
fn offered(file: &str, words: &str) -> Vec<String> {
    let script = format!(
        "source {file}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
         COMP_LINE='{words}'; COMP_POINT=${{#COMP_LINE}}; \
         _roundsman roundsman \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let bash = Command::new("bash").args(["--norc", "-c", &script]).output().unwrap();
    assert!(bash.status.success(), "{}", String::from_utf8_lossy(&bash.stderr));
    String::from_utf8(bash.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_flags_and_other_shells_have_their_own() {
    let desk = Desk::new();
    let text = desk.run(&["completions", "bash"]).out;
    let file = desk.file("completions", &text).display().to_string();
    assert!(Command::new("bash").args(["-n", &file]).status().unwrap().success());
    assert_eq!(offered(&file, "roundsman hist"), ["history"]);
    assert_eq!(offered(&file, "roundsman history --col"), ["--columns"]);
    assert_eq!(offered(&file, "roundsman hosts --state dow"), ["down"]);
    assert!(desk.run(&["completions", "zsh"]).out.starts_with("#compdef roundsman"));
    assert!(desk.run(&["completions", "fish"]).out.contains("complete -c roundsman"));
}

#[test]
fn every_command_has_a_manual_page_that_man_shows() {
    let desk = Desk::new();
    let ended = desk.run(&["man", "pages"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let shown = |page: &str| {
        let page = desk.path().join(format!("pages/{page}.1"));
        let man = Command::new("man").arg("-l").arg(&page).env("MANWIDTH", "100").output().unwrap();
        assert!(man.status.success(), "{}: {man:?}", page.display());
        assert_eq!(String::from_utf8_lossy(&man.stderr), "", "{}", page.display());
        String::from_utf8(man.stdout).unwrap()
    };
    let whole = shown("roundsman");
    for command in COMMANDS {
        assert!(whole.contains(&format!("roundsman-{command}(1)")), "{command}:\n{whole}");
        let page = shown(&format!("roundsman-{command}"));
        assert!(page.contains("Examples:"), "{command}:\n{page}");
    }
    assert!(shown("roundsman-history").contains("--columns"));
}

#[test]
fn no_command_at_all_shows_the_help_and_ends_with_2() {
    let ended = Desk::new().run(&[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("Usage: roundsman"), "{}", ended.err);
}

#[test]
fn a_taken_port_is_named_with_the_flag_that_changes_it() {
    let desk = Desk::new();
    desk.file("inventory.toml", "");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for command in ["serve", "demo"] {
        let ended = desk.run(&[command, "--http", &address]);
        assert_eq!(ended.code, Some(1), "{}", ended.err);
        assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
        let expected = format!("cannot listen on {address} for HTTP: Address already in use");
        assert!(ended.err.contains(&expected), "{}", ended.err);
        assert!(ended.err.contains("choose another address with --http"), "{}", ended.err);
    }
}

#[test]
fn a_store_of_a_newer_program_or_of_another_one_is_refused() {
    let desk = Desk::new();
    assert_eq!(
        desk.run(&["demo", "--polls", "1", "--interval", "200ms", "--data", "d"]).code,
        Some(0)
    );
    let file = desk.path().join("d/roundsman.db");
    let database = rusqlite::Connection::open(&file).unwrap();
    database
        .execute(
            "INSERT INTO schema_version (number, name, checksum, applied_at_ms)
             VALUES (99, 'later', 'x', 0)",
            [],
        )
        .unwrap();
    drop(database);
    for arguments in [&["hosts", "--data", "d"][..], &["demo", "--data", "d"]] {
        let ended = desk.run(arguments);
        assert_eq!((ended.code, ended.err.lines().count()), (Some(1), 1), "{}", ended.err);
        assert!(ended.err.contains("has schema version 99"), "{}", ended.err);
        assert!(ended.err.contains("run the newer Roundsman"), "{}", ended.err);
    }
    std::fs::write(&file, "no database at all; only text that is long enough to look like one")
        .unwrap();
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(desk.path().join(format!("d/roundsman.db{suffix}")));
    }
    let ended = desk.run(&["hosts", "--data", "d"]);
    assert_eq!((ended.code, ended.err.lines().count()), (Some(1), 1), "{}", ended.err);
    assert!(ended.err.contains("is not a Roundsman database"), "{}", ended.err);
}

#[test]
fn check_shows_where_every_setting_comes_from() {
    let desk = Desk::new();
    desk.file("roundsman.toml", "[health]\nfall = 5\n");
    desk.file("inventory.toml", "[[group]]\nname = \"web\"\nhosts = [\"web-[01-03]\"]\n");
    let mut command = desk.command(&["check", "--data", "d"]);
    let output = command.env("ROUNDSMAN_POLL__IN_FLIGHT", "9").output().unwrap();
    let ended = Ended::new(output, desk.path());
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    insta::assert_snapshot!("check", ended.out);
    let json = desk.run(&["check", "--json"]).json();
    assert_eq!(json["ok"], true);
    assert_eq!(json["inventory"]["hosts"], 3);
    assert_eq!(json["problems"], serde_json::json!([]));
}

#[test]
fn check_reports_every_problem_and_fails() {
    let desk = Desk::new();
    desk.file("inventory.toml", "[[host]]\nname = \"a\"\nintervall = \"1s\"\ntimeout = \"x\"\n");
    let ended = desk.run(&["check"]);
    assert_eq!(ended.code, Some(1));
    insta::assert_snapshot!("check_inventory", ended.err);
    let ended = desk.run(&["check", "--json"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), ""));
    let json: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(json["ok"], false);
    assert!(json["problems"].as_array().unwrap().len() > 1, "{json}");

    desk.file("roundsman.toml", "intervall = 3\n[http]\nlisten = \"nowhere\"\n");
    let ended = desk.run(&["check"]);
    assert_eq!(ended.code, Some(1));
    insta::assert_snapshot!("check_settings", ended.err);
}

/// The first line on standard error that holds `text`, without what stands before and the text.
fn line_after(running: &mut Running, text: &str) -> String {
    let lines = BufReader::new(running.child().stderr.as_mut().unwrap()).lines();
    for line in lines {
        let line = line.unwrap();
        if let Some((_, rest)) = line.split_once(text) {
            return rest.to_owned();
        }
    }
    panic!("the program ended without saying {text:?}");
}

/// Where a server that has started says that it serves HTTP and gRPC.
fn addresses(server: &mut Running) -> (String, String) {
    let line = line_after(server, " serving http=");
    let (http, grpc) = line.split_once(" grpc=").unwrap();
    (http.to_owned(), grpc.to_owned())
}

fn get(address: &str, path: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Asks until the answer holds `text`: the server polls while it is asked.
fn get_until(address: &str, path: &str, text: &str) -> String {
    const TRIES: usize = 100_000;
    (0..TRIES)
        .map(|_| get(address, path))
        .find(|answer| answer.contains(text))
        .unwrap_or_else(|| panic!("{path} never said {text}: {}", get(address, path)))
}

#[test]
fn the_server_serves_until_it_is_told_to_stop() {
    let desk = Desk::new();
    let probe = probes::LocalProbe::start();
    let address = probe.address;
    desk.file(
        "inventory.toml",
        &format!("[[host]]\nname = \"here\"\naddresses = [\"{address}\"]\ninterval = \"200ms\"\n"),
    );
    for stop in [Signal::TERM, Signal::INT] {
        let mut server = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
        let (http, grpc) = addresses(&mut server);
        get_until(&http, "/api/v1/hosts?state=up", "\"name\":\"here\"");
        for (service, code, said) in
            [("", 0, "SERVING\n"), ("store", 0, "SERVING\n"), ("host/here", 0, "SERVING\n")]
        {
            let asked = desk.run(&["health", service, "--address", &grpc]);
            assert_eq!((asked.code, asked.out.as_str()), (Some(code), said), "{asked:?}");
        }
        let unknown = desk.run(&["health", "host/there", "--address", &grpc]);
        assert_eq!(unknown.code, Some(1), "{unknown:?}");
        assert!(unknown.err.contains("no service is called \"host/there\""), "{}", unknown.err);
        get_until(&http, "/readyz", "HTTP/1.1 200 OK");
        // A command reads the file while the server writes it.
        let kept = |_| desk.run(&["hosts", "--data", "d", "--state", "up", "--json"]).json();
        assert!((0..1_000).map(kept).any(|hosts| hosts["total"] == 1), "never in the file");
        server.signal(stop);
        let ended = server.end(desk.path());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(std::net::TcpStream::connect(&http).is_err(), "nobody listens any more");
        let gone = desk.run(&["health", "--address", &grpc]);
        assert_eq!(gone.code, Some(1), "{gone:?}");
        assert!(gone.err.contains("connection refused; is a server listening"), "{}", gone.err);
    }
}

/// No address is taken: it is refused before.
#[test]
fn a_server_that_everybody_could_ask_does_not_start() {
    let desk = Desk::new();
    desk.file("inventory.toml", "[[host]]\nname = \"here\"\naddresses = [\"127.0.0.1\"]\n");
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let ended = desk.run(&["serve", "--http", address, "--data", "d"]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let words =
            format!("http.listen = {address} is open to other machines: set http.token_file");
        assert!(ended.err.contains(&words), "{}", ended.err);
        assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    }
    desk.file("roundsman.toml", "[http]\nlisten = \"0.0.0.0:0\"\n");
    let ended = desk.run(&["check"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("is open to other machines"), "{}", ended.err);
    desk.file("roundsman.toml", "[http]\nlisten = \"0.0.0.0:0\"\nopen = true\n");
    assert_eq!(desk.run(&["check"]).code, Some(0));
}

#[test]
fn a_command_shows_the_server_its_token_and_nobody_else() {
    let desk = Desk::new();
    let host = "[[host]]\nname = \"here\"\naddresses = [\"127.0.0.1:1\"]\n";
    desk.file("inventory.toml", host);
    desk.file("token", "s3cret\n");
    desk.file("roundsman.toml", "[http]\ntoken_file = \"token\"\n");
    desk.file("none.toml", "");
    let mut server = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
    let (http, _) = addresses(&mut server);
    assert!(get(&http, "/api/v1/hosts").starts_with("HTTP/1.1 401 "));
    assert!(get(&http, "/healthz").starts_with("HTTP/1.1 200 "));
    for command in ["pause", "resume", "accept"] {
        let good = desk.run(&[command, "here", "--http", &http]);
        assert_eq!((good.code, good.err.as_str()), (Some(0), ""), "{command}: {good:?}");
        let bad = desk.run(&[command, "here", "--http", &http, "--config", "none.toml"]);
        assert_eq!(bad.code, Some(1), "{bad:?}");
        assert!(bad.err.contains("wants its token: set http.token_file"), "{}", bad.err);
    }
    let unknown = desk.run(&["pause", "there", "--http", &http]);
    assert!(unknown.err.contains("no host is called \"there\""), "{}", unknown.err);
    server.signal(Signal::TERM);
    let ended = server.end(desk.path());
    assert!(!format!("{ended:?}").contains("s3cret"), "{ended:?}");
}

#[test]
fn poll_shows_each_step_of_a_probe_that_answers() {
    let desk = Desk::new();
    let probe = probes::LocalProbe::start();
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
    let probe = probes::LocalProbe::start();
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
