//! The command line from outside: help texts, messages, exit codes.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking too")]

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    net::TcpListener,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

/// The binary in an environment without settings of ours.
fn probe(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roundsman-probe"));
    command.args(arguments).env_remove("COLUMNS");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ROUNDSMAN_")) {
        command.env_remove(name);
    }
    command
}

fn run(arguments: &[&str]) -> Output {
    probe(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A probe on a free port; ended when dropped.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = probe(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let address = said.trim().rsplit(' ').next().unwrap().to_owned();
        Self { child, address }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn completions_are_put_where_the_shell_looks() {
    let home = tempfile::tempdir().unwrap();
    let install = || {
        let mut command = probe(&["completions", "install"]);
        for name in ["XDG_DATA_HOME", "BASH_COMPLETION_USER_DIR"] {
            command.env_remove(name);
        }
        command.env("SHELL", "/bin/bash").env("HOME", home.path()).output().unwrap()
    };
    let file = home.path().join(".local/share/bash-completion/completions/roundsman-probe");
    for _ in 0..2 {
        let done = install();
        assert!(done.status.success(), "{}", stderr(&done));
        assert!(stdout(&done).starts_with(&format!("Wrote {}.\n", file.display())));
    }
    let script = format!("source {} && complete -p roundsman-probe", file.display());
    let bash = Command::new("bash").args(["--norc", "-c", &script]).output().unwrap();
    assert!(stdout(&bash).contains(" -F _roundsman__probe "), "{}", stderr(&bash));
    fs::write(&file, "somebody's").unwrap();
    let refused = install();
    assert_eq!((refused.status.code(), stdout(&refused)), (Some(1), String::new()));
    assert!(stderr(&refused).contains("was not written by `roundsman-probe completions install`"));
}

#[test]
fn help_of_every_command() {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = String::new();
    for command in ["", "serve", "show", "doctor", "health", "capture"] {
        let arguments: Vec<&str> =
            [command, "--help"].into_iter().filter(|a| !a.is_empty()).collect();
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(stderr(&output), "");
        text += &format!("$ roundsman-probe {}\n{}\n", arguments.join(" "), stdout(&output));
    }
    insta::assert_snapshot!(text);
    assert_eq!(stdout(&run(&["--version"])), format!("roundsman-probe {version}\n"));
}

/// Every wrong use: exit code 2 and one line.
#[test]
fn wrong_usage() {
    let mut text = String::new();
    for arguments in [
        &["--bogus"][..],
        &["bogus"],
        &["show", "--listen", "127.0.0.1:0"],
        &["serve", "--listen", "localhost"],
        &["serve", "--listen", "127.0.0.1:99999"],
        &["serve", "--max-collect", "2"],
        &["serve", "--max-collect", "0s"],
        &["serve", "--drain"],
        &["serve", "--max-connections", "many"],
        &["serve", "--max-connections", "0"],
        &["--log", "a=b=c"],
        &["show", "--interval", "soon"],
        &["health", "--timeout", "-1s"],
        &["capture"],
        &["capture", "a", "b"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
        text += &format!("$ {}\n{}", arguments.join(" "), stderr(&output));
    }
    insta::assert_snapshot!(text);
}

/// What a caller goes by is the exit code, also where nobody reads the words.
#[test]
fn wrong_usage_that_nobody_reads_ends_with_2_all_the_same() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let status = probe(&["--bogus"]).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(2));
}

/// Fails with exit code 1 and this one line.
#[track_caller]
fn fails_with(output: &Output, line: &str) {
    assert_eq!(stderr(output), format!("roundsman-probe: {line}\n"));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(output), "");
}

#[test]
fn a_port_in_use_is_said_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fails_with(
        &run(&["serve", "--listen", &address]),
        &format!(
            "cannot listen on {address}: address in use; another probe may be running, choose \
             another with --listen"
        ),
    );
}

#[test]
fn an_address_of_another_host_is_said() {
    fails_with(
        &run(&["--open", "--listen", "192.0.2.1:50051"]),
        "cannot listen on 192.0.2.1:50051: this host does not have that address, choose another \
         with --listen",
    );
}

#[test]
fn a_root_that_is_no_directory_is_said() {
    for command in ["serve", "show", "doctor"] {
        fails_with(
            &run(&[command, "--proc", "/nosuch/proc"]),
            "--proc /nosuch/proc is no directory; give the host's as the probe sees it",
        );
    }
}

#[test]
fn health_of_a_dead_port_fails_in_one_line() {
    // Bound and dropped: nothing listens there.
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    fails_with(
        &run(&["health", "--address", &dead]),
        &format!("cannot reach {dead}: connection refused; is a probe listening there?"),
    );
}

#[test]
fn health_of_a_mute_port_ends_at_the_timeout() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = mute.local_addr().unwrap().to_string();
    fails_with(
        &run(&["health", "--address", &address, "--timeout", "50ms"]),
        &format!("no answer from {address} within 50ms; is a probe listening there?"),
    );
}

#[test]
fn health_of_a_running_probe_is_its_exit_code() {
    let host = tempfile::tempdir().unwrap();
    fs::write(host.path().join("loadavg"), "0.25 0.10 0.05 2/312 4242\n").unwrap();
    let proc = host.path().to_str().unwrap();
    let running = Running::start(&["--listen", "127.0.0.1:0", "--proc", proc]);
    let ask = |service: &str| run(&["health", "--address", &running.address, "--service", service]);
    for (service, said, code) in [
        ("", "SERVING\n", 0),
        ("roundsman.v1.Probe", "SERVING\n", 0),
        ("roundsman.v1.Probe/load", "SERVING\n", 0),
        ("roundsman.v1.Probe/memory", "NOT_SERVING\n", 1),
    ] {
        let output = ask(service);
        assert_eq!(
            (stdout(&output).as_str(), output.status.code()),
            (said, Some(code)),
            "{service}"
        );
    }
    fails_with(
        &ask("nosuch"),
        &format!("{} knows no service \"nosuch\"; see health --help", running.address),
    );
}

#[test]
fn the_environment_sets_what_flags_do_not() {
    let mut child = probe(&[])
        .env("ROUNDSMAN_PROBE_LISTEN", "127.0.0.1:0,127.0.0.2:0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said: Vec<String> =
        BufReader::new(child.stdout.take().unwrap()).lines().take(2).map(Result::unwrap).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said[0].contains(" listens on 127.0.0.1:"), "{said:?}");
    assert!(said[1].contains(" listens on 127.0.0.2:"), "{said:?}");
}

#[test]
fn show_prints_json_with_rates() {
    let output = run(&["show", "--json", "--interval", "20ms"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document["elapsed_s"].as_f64().unwrap() >= 0.02);
    assert!(document["rates"]["cpu"]["total"]["user_per_s"].is_f64(), "{document}");
    assert!(document["rates"]["system"]["context_switches_per_s"].is_f64());
    assert!(document["values"]["memory"]["total_kib"].as_u64().unwrap() > 0);
}

#[test]
fn show_prints_a_table_per_family() {
    let output = run(&["show", "--interval", "20ms"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    for family in ["cpu", "load", "memory", "softirq", "network", "filesystem", "system", "vmstat"]
    {
        assert!(text.contains(&format!("\n{family}: ok, ")), "{family} in:\n{text}");
    }
}

#[test]
fn doctor_fails_where_nothing_can_be_read() {
    let empty = tempfile::tempdir().unwrap();
    let output = run(&["doctor", "--proc", empty.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(text.contains("MISSING  memory"), "{text}");
    assert!(text.contains("-v /proc:/host/proc:ro -v /:/host:ro,rslave"), "{text}");
}

#[test]
fn capture_copies_into_an_empty_directory_only() {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    let output = run(&["capture", tree.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(fs::read(tree.join("proc/stat")).unwrap().starts_with(b"cpu "));
    // Replayed, the tree answers like a host.
    let replay = ["--proc", "proc", "--rootfs", "rootfs", "show", "--json", "--interval", "1ms"];
    let output = probe(&replay).current_dir(&tree).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document["values"]["memory"]["total_kib"].as_u64().unwrap() > 0, "{document}");
    let again = run(&["capture", tree.to_str().unwrap()]);
    assert_eq!((again.status.code(), stdout(&again).as_str()), (Some(1), ""));
    assert_eq!(stderr(&again).lines().count(), 1, "{}", stderr(&again));
}
