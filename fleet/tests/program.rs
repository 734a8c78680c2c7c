//! The program as a user has it: its help, its inventory, its commands, its end.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixStream,
    process::{Child, Command, Stdio},
};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roundsman-fleet"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(arguments: &[&str]) -> (bool, String, String) {
    let out = command(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (out.status.success(), text(out.stdout), text(out.stderr))
}

/// A running fleet; it ends with its standard input.
struct Running {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn ask(&mut self, command: &str) -> String {
        writeln!(self.child.stdin.as_mut().unwrap(), "{command}").unwrap();
        self.line()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[test]
fn help_says_all_there_is() {
    let (good, help, _) = output(&["--help"]);
    assert!(good);
    insta::assert_snapshot!(help);
}

#[test]
fn an_inventory_is_printed_and_follows_from_the_arguments_alone() {
    let arguments = ["--hosts", "3", "--first", "8", "--interval", "5s", "--print-inventory"];
    let (good, first, _) = output(&arguments);
    assert!(good);
    assert_eq!(output(&arguments).1, first);
    insta::assert_snapshot!(first);
}

#[test]
fn a_plan_file_is_taken_and_flags_win_over_it() {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    let text = "hosts = 4\nport = 0\nbehave = [{ hosts = \"web-*\", personality = \"refuse\" }]\n";
    std::fs::write(&plan, text).unwrap();
    let plan = plan.to_str().unwrap();
    let mut fleet = Running::start(&["--plan", plan, "--hosts", "7", "--stdin"]);
    // Of seven five are web, two app.
    assert_eq!(fleet.line(), "ready: 7 probes; 2 healthy, 5 refuse");
}

#[test]
fn commands_are_obeyed_and_answered_on_both_ways_in() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control");
    let path = socket.to_str().unwrap();
    let mut fleet = Running::start(&["--hosts", "10", "--port", "0", "--stdin", "--control", path]);
    assert_eq!(fleet.line(), "ready: 10 probes; 10 healthy");
    assert_eq!(fleet.ask("set web-* slow=1s"), "ok 5 slow=1s");
    assert_eq!(fleet.ask("set nobody refuse"), "error: nobody is none of the hosts");
    assert!(fleet.ask("sing").starts_with("error: \"sing\": expected set"));
    assert_eq!(fleet.ask("stats"), "ok probes=10 accepted=0 open=0 handshakes=0 polls=0 checks=0");

    let mut other = UnixStream::connect(&socket).unwrap();
    other.write_all(b"set build-10 huge\nlist\nquit\n").unwrap();
    let mut answer = String::new();
    other.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("ok 1 huge\nweb-1 slow=1s\n"), "{answer}");
    assert!(answer.contains("build-10 huge\n\nok\n"), "{answer}");
    assert!(fleet.child.wait().unwrap().success());
    assert!(!socket.exists(), "the socket file is taken away");
}

#[test]
fn what_is_wrong_is_said_and_nothing_runs() {
    for (arguments, words) in [
        (&["--address", "10.0.0.1"][..], "not all in 127.0.0.0/8"),
        (&["--behave", "all=sleepy"], "is no personality"),
        (&["--plan", "/nowhere"], "cannot read /nowhere"),
        (&["--port", "0", "--print-inventory"], "give a --port above 0"),
    ] {
        let (good, out, error) = output(arguments);
        assert!(!good && out.is_empty() && error.contains(words), "{arguments:?}: {error}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (good, _, error) = output(&["--address", "127.0.0.1", "--port", &port]);
    assert!(!good && error.contains("cannot listen on 127.0.0.1:"), "{error}");
}
