//! A terminal that takes nothing, a reader that goes away: the program ends all the same, and leaves
//! things as they were.

use std::process::Stdio;

use rustix::process::Signal;

use super::{
    probes::LocalProbe,
    program::{Desk, HANGS, Running},
    pty::Pty,
    serve::{addresses, get_until, line_after},
};

/// A terminal before `arguments`, and its log in a pipe.
fn on(pty: &Pty, desk: &Desk, arguments: &[&str]) -> Running {
    let mut command = desk.command(arguments);
    pty.before(&mut command);
    Running::of(command.stderr(Stdio::piped()).spawn().unwrap())
}

#[test]
fn a_demo_on_a_stopped_terminal_polls_on_and_ends_when_it_is_told_to() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let desk = Desk::new();
        let pty = Pty::open(80, 24);
        pty.stop();
        let mut demo = on(&pty, &desk, &["demo", "--data", "d", "--interval", "100ms"]);
        let http = line_after(&mut demo, "Page: http://");
        let http = http.split('/').next().unwrap().to_owned();
        // The table cannot be drawn, and there are polls all the same.
        let polls = "\"polls\":2";
        get_until(&http, "/api/v1/server", polls);
        demo.signal(signal);
        let ended = demo.end(desk.path());
        assert_eq!(ended.code, Some(0), "{signal:?}: {ended:?}");
        assert!(ended.err.contains("kept "), "{}", ended.err);
    }
}

#[test]
fn top_on_a_terminal_that_is_stuck_ends_and_puts_it_back() {
    let desk = Desk::new();
    let probe = LocalProbe::start();
    let address = probe.address;
    desk.file(
        "inventory.toml",
        &format!("[[host]]\nname = \"here\"\naddresses = [\"{address}\"]\ninterval = \"200ms\"\n"),
    );
    let mut server = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
    let (http, _) = addresses(&mut server);
    let seconds = i64::try_from(HANGS.as_secs()).unwrap();
    for (is_stopped, end) in [
        (false, Some(Signal::TERM)),
        (false, Some(Signal::HUP)),
        (false, None),
        (true, Some(Signal::TERM)),
    ] {
        // One picture of it is more than a terminal holds that nobody reads.
        let mut pty = Pty::open(400, 400);
        let before = pty.modes();
        let mut top = on(&pty, &desk, &["top", "--http", &http]);
        assert!(pty.is_written_to(seconds), "it never drew");
        assert_ne!(format!("{:?}", pty.modes()), format!("{before:?}"), "keys as they are pressed");
        if is_stopped {
            pty.stop();
        }
        match end {
            Some(signal) => top.signal(signal),
            // Ctrl-C is a key there.
            None => pty.press(b"\x03"),
        }
        let ended = top.end(desk.path());
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{end:?}");
        assert_eq!(format!("{:?}", pty.modes()), format!("{before:?}"), "{end:?}");
        let written = pty.read_to_end();
        assert!(written.ends_with("\u{1b}[?1049l\u{1b}[?25h"), "{end:?}: {written:?}");
    }
    server.signal(Signal::TERM);
    assert_eq!(server.end(desk.path()).code, Some(0));
}

/// As `ls | head -1` ends: 128 and SIGPIPE for a shell, and no word.
#[test]
fn a_reader_that_goes_away_ends_a_command_without_a_word() {
    let desk = Desk::new();
    desk.file("inventory.toml", "[[host]]\nname = \"here\"\naddresses = [\"127.0.0.1\"]\n");
    assert_eq!(
        desk.run(&["demo", "--polls", "1", "--interval", "100ms", "--data", "d"]).code,
        Some(0)
    );
    for arguments in [
        &["hosts", "--data", "d"][..],
        &["hosts", "--data", "d", "--json"],
        &["hosts", "--data", "d", "--text", "nowhere"],
        &["check", "--all"],
        &["completions", "bash"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        // What is said beside it goes the same way.
        let mut command = desk.command(arguments);
        command.stdout(writer.try_clone().unwrap()).stderr(Stdio::piped());
        let ended = Running::of(command.spawn().unwrap()).end(desk.path());
        assert_eq!((ended.code, ended.err.as_str()), (Some(141), ""), "{arguments:?}");
        command.stderr(writer);
        let ended = Running::of(command.spawn().unwrap()).end(desk.path());
        assert_eq!(ended.code, Some(141), "{arguments:?} 2>&1");
    }
}
