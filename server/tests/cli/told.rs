//! What a running server is told from outside, by signals, by its files and by who does not read its
//! log any more.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use rustix::process::Signal;

use super::{
    probes::LocalProbe,
    program::{Desk, Running},
    serve::{addresses, get, get_until, line_after},
};

/// Hosts at which nobody answers.
fn hosts(count: usize) -> String {
    let host =
        |number| format!("[[host]]\nname = \"h-{number}\"\naddresses = [\"127.1.0.{number}:1\"]\n");
    (1..=count).map(host).collect()
}

/// The value of a metric.
fn metric(http: &str, name: &str) -> u64 {
    let all = get(http, "/metrics");
    let mut values = all.lines().filter_map(|line| line.strip_prefix(name));
    let value = values.find_map(|rest| rest.trim().parse().ok());
    value.unwrap_or_else(|| panic!("{name}: {all}"))
}

/// A server whose log nobody reads, until lines of it are dropped. It is asked for problems of a file
/// with a long path, which it repeats in each line.
fn unread(desk: &Desk) -> (Running, String) {
    let probe = LocalProbe::start();
    let folder = vec!["x".repeat(200); 15].join("/");
    fs::create_dir_all(desk.path().join(&folder)).unwrap();
    let file = format!("{folder}/inventory.toml");
    let address = probe.address;
    let good =
        format!("[[host]]\nname = \"here\"\naddresses = [\"{address}\"]\ninterval = \"200ms\"\n");
    desk.file(&file, &good);
    let arguments = ["serve", "--http", "127.0.0.1:0", "--data", "d", "--inventory", &file];
    let mut server = desk.spawn(&arguments);
    let (http, _) = addresses(&mut server);
    for time in 1.. {
        let bad: String = (0..100).map(|_| format!("[[hots{time}]]\n[[host]]\n")).collect();
        desk.file(&file, &bad);
        get_until(&http, "/metrics", &format!("roundsman_inventory_errors_total {time}\n"));
        if metric(&http, "roundsman_log_lines_dropped_total") > 0 {
            break;
        }
    }
    let polls = || metric(&http, "roundsman_poll_call_seconds_count");
    let before = polls();
    assert!((0..1_000_000).any(|_| polls() > before + 3), "polling has stopped");
    (server, http)
}

#[test]
fn a_server_whose_log_nobody_reads_polls_on_and_ends_when_it_is_told_to() {
    let desk = Desk::new();
    let (mut server, _) = unread(&desk);
    server.signal(Signal::TERM);
    assert_eq!(server.end_unread(), Some(0));
}

#[test]
fn who_reads_the_log_again_is_told_how_many_lines_are_missing() {
    let desk = Desk::new();
    let (mut server, http) = unread(&desk);
    // While it is read again some may be missing still, of which another line tells.
    let mut told = 0;
    let lines = BufReader::new(server.child().stderr.as_mut().unwrap()).lines();
    let all = lines.map(Result::unwrap).any(|line| {
        let Some((_, lines)) = line.split_once("nothing read standard error lines=") else {
            return false;
        };
        told += lines.parse::<u64>().unwrap();
        told >= metric(&http, "roundsman_log_lines_dropped_total")
    });
    assert!(all, "{told}");
    assert_eq!(told, metric(&http, "roundsman_log_lines_dropped_total"));
}

#[test]
fn signals_that_other_programs_send_end_nothing_and_sighup_looks_at_the_files() {
    let desk = Desk::new();
    desk.file("inventory.toml", &hosts(1));
    let settings = |token: &str, level: &str, fall: u32| {
        desk.file("token", token);
        let text = format!(
            "[http]\ntoken_file = \"token\"\n[log]\nlevel = \"{level}\"\n[health]\nfall = {fall}\n"
        );
        desk.file("roundsman.toml", &text);
    };
    settings("one\n", "info", 3);
    let mut server = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
    let (http, _) = addresses(&mut server);
    let status = |token: &str| {
        let path = "/api/v1/server HTTP/1.1\r\nAuthorization: Bearer ";
        get(&http, &format!("{path}{token}\r\nX: ")).split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(status("one"), "200");
    server.signal(Signal::USR1);
    server.signal(Signal::USR2);

    settings("two\n", "info", 4);
    server.signal(Signal::HUP);
    assert_eq!(line_after(&mut server, "SIGHUP: now in force: "), "http.token");
    assert_eq!((status("one").as_str(), status("two").as_str()), ("401", "200"));

    // One that is refused changes nothing.
    settings("three\n", "loud", 3);
    server.signal(Signal::HUP);
    let refused = line_after(&mut server, "the settings in force stay as they are: ");
    assert!(refused.contains("log.level: expected"), "{refused}");
    assert_eq!(status("two"), "200");

    settings("two\n", "warn", 4);
    server.signal(Signal::HUP);
    assert_eq!(line_after(&mut server, "SIGHUP: these need a restart: "), "health.fall");
    server.signal(Signal::TERM);
    let ended = server.end(desk.path());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.err.contains("stopping"), "log.level is warn by now: {}", ended.err);
}

/// A file that is cut short is valid, and has hosts fewer.
#[test]
fn hosts_that_are_gone_from_many_are_there_until_it_is_said_to_be_right() {
    let desk = Desk::new();
    desk.file("inventory.toml", &hosts(20));
    let mut server = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
    let (http, _) = addresses(&mut server);
    let reload = |more: &[&str]| desk.run(&[&["reload", "--http", http.as_str()], more].concat());
    let good = reload(&[]);
    assert_eq!(
        (good.code, good.out.as_str()),
        (Some(0), "in force is what the file says: 20 hosts\n")
    );

    // The pieces of a file that is being written.
    for count in [0, 1, 10] {
        desk.file("inventory.toml", &hosts(count));
        let waits = reload(&[]);
        assert_eq!(waits.code, Some(1), "{waits:?}");
        let words = format!("not in force: inventory.toml: takes out {} of 20 hosts", 20 - count);
        assert!(waits.err.contains(&words), "{}", waits.err);
        assert!(waits.err.contains("`roundsman reload --now`"), "{}", waits.err);
    }
    for path in ["/api/v1/inventory", "/readyz", "/api/v1/fleet"] {
        assert!(get(&http, path).contains("takes out 10 of 20 hosts"), "{path}");
    }
    // A restart meanwhile takes out none either.
    server.signal(Signal::TERM);
    server.end(desk.path());
    desk.file("inventory.toml", &hosts(10));
    let mut server = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
    let (http, _) = addresses(&mut server);
    get_until(&http, "/readyz", "takes out 10 of 20 hosts");
    let retired = || desk.run(&["hosts", "--data", "d", "--json", "--state", "retired"]).json();
    assert_eq!(retired()["total"], 0);

    let told = desk.run(&["reload", "--now", "--http", &http, "--json"]).json();
    let well =
        serde_json::json!({ "hosts": 10, "waiting": null, "error": null, "alerts_error": null });
    assert_eq!(told, well);
    get_until(&http, "/readyz", "HTTP/1.1 200 OK");
    let kept = desk.run(&["hosts", "--data", "d", "--json"]).json();
    assert_eq!((&kept["total"], &retired()["total"]), (&10.into(), &10.into()));
    // Few are taken out at once.
    desk.file("inventory.toml", &hosts(8));
    let few = desk.run(&["reload", "--http", &http]);
    assert_eq!(
        (few.code, few.out.as_str()),
        (Some(0), "in force is what the file says: 8 hosts\n")
    );
    server.signal(Signal::TERM);
    assert_eq!(server.end(desk.path()).code, Some(0));
}

#[test]
fn a_file_that_takes_out_many_hosts_is_in_force_once_it_has_rested() {
    let desk = Desk::new();
    desk.file("inventory.toml", &hosts(5));
    let mut server = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
    let (http, _) = addresses(&mut server);
    desk.file("inventory.toml", &hosts(1));
    get_until(&http, "/api/v1/inventory", "takes out 4 of 5 hosts");
    let line = line_after(&mut server, " inventory in force hosts=");
    assert!(line.starts_with("1 left=4 "), "{line}");
    get_until(&http, "/api/v1/inventory", "\"waiting\":null");
    server.signal(Signal::TERM);
    assert_eq!(server.end(desk.path()).code, Some(0));
}

/// Opening a pipe waits for its writer; a device may have no end.
#[test]
fn files_that_are_none_are_refused_at_once() {
    let desk = Desk::new();
    let fifo = desk.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).unwrap();
    std::os::unix::fs::symlink("/dev/zero", desk.path().join("zero")).unwrap();
    desk.file("inventory.toml", &hosts(1));
    for (file, found) in [("pipe", "a pipe"), ("zero", "a device"), (".", "a directory")] {
        for setting in
            ["[http]\ntoken_file", "[store]\npassword_file", "[hook]\ntoken_file", "inventory"]
        {
            desk.file("roundsman.toml", &format!("{setting} = \"{file}\"\n"));
            let ended = desk.run(&["check"]);
            assert_eq!(ended.code, Some(1), "{setting} {file}: {ended:?}");
            let words = format!("expected a regular file, found {found}");
            assert!(ended.err.contains(&words), "{setting} {file}: {}", ended.err);
        }
        let ended = desk.run(&["check", "--config", file]);
        assert!(
            ended.err.contains("the configuration file cannot be read: expected a regular"),
            "{ended:?}"
        );
    }
}

#[test]
fn a_secret_that_everybody_may_read_is_warned_of() {
    let desk = Desk::new();
    desk.file("inventory.toml", &hosts(1));
    let token = desk.file("token", "s3cret\n");
    desk.file("roundsman.toml", "[http]\ntoken_file = \"token\"\n");
    let allow = |mode: u32| fs::set_permissions(&token, fs::Permissions::from_mode(mode)).unwrap();
    let warns = |path: &Path| {
        let mut server = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
        let lines = BufReader::new(server.child().stderr.as_mut().unwrap()).lines();
        let said = lines.map(Result::unwrap).take_while(|line| !line.contains(" serving http="));
        said.filter(|line| line.contains(&path.display().to_string())).collect::<String>()
    };
    allow(0o640);
    assert_eq!(warns(Path::new("token: ")), "");
    allow(0o644);
    let words = warns(Path::new("token: "));
    assert!(
        words.contains("http.token_file: token: everybody on this machine may read"),
        "{words}"
    );
    let checked = desk.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.err.contains("everybody on this machine may read"), "{checked:?}");
}

#[test]
fn files_over_their_limit_are_refused() {
    let desk = Desk::new();
    let large = "#".repeat((1 << 20) + 1);
    desk.file("large.toml", &large);
    let ended = desk.run(&["check", "--config", "large.toml"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let words =
        "the configuration file cannot be read: expected at most 1048576 bytes, found 1048577";
    assert!(ended.err.contains(words), "{}", ended.err);
    let store =
        "[store]\nurl = \"mysql://a@127.0.0.1:1/b\"\ntls = \"required\"\ntls_ca = \"large.toml\"\n";
    desk.file("roundsman.toml", store);
    let ended = desk.run(&["hosts"]);
    assert!(ended.err.contains("large.toml: expected at most 1048576 bytes"), "{}", ended.err);
}
