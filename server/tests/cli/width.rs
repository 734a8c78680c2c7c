//! No line is wider than the terminal, which would fold it in the middle of a word or a cell.

use unicode_width::UnicodeWidthStr as _;

use super::{
    program::{Desk, Running},
    pty::Pty,
};

/// The lines that stand on a terminal of so many columns after a command, without their colours.
fn lines(desk: &Desk, columns: u16, arguments: &[&str]) -> Vec<String> {
    let pty = Pty::open(columns, 24);
    let mut command = desk.command(arguments);
    pty.before_all_of(&mut command);
    let code = Running::of(command.spawn().unwrap()).end_unread();
    // It holds the ends of the terminal that it gave away.
    drop(command);
    assert!(matches!(code, Some(0 | 1)), "{arguments:?}: {code:?}");
    let mut plain = String::new();
    for (at, part) in pty.read_to_end().split('\x1b').enumerate() {
        let part = if at == 0 { part } else { part.split_once('m').unwrap().1 };
        plain.push_str(part);
    }
    plain.lines().map(str::to_owned).collect()
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let desk = Desk::new();
    desk.file(
        "inventory.toml",
        "[[host]]\nname = \"here\"\naddresses = [\"127.0.0.1\"]\nschedule = \"0 0 4 1-7 * SUN\"\n",
    );
    let demo = desk.run(&["demo", "--polls", "2", "--interval", "100ms", "--data", "d"]);
    assert_eq!(demo.code, Some(0), "{demo:?}");
    let hosts = desk.run(&["hosts", "--data", "d", "--json"]).json();
    let name = hosts["hosts"][0]["name"].as_str().unwrap();
    for columns in [40, 80] {
        for arguments in [
            &["hosts"][..],
            &["hosts", "--group", "a-group-with-a-long-name", "--state", "down"],
            &["check"],
            &["check", "--all"],
            &["history", name],
            &["history", name, "--every", "1h", "--from", "-1d"],
            &["history", "a-host-that-is-not-there"],
            &["why", name],
            &["doctor"],
            &["plan"],
        ] {
            let lines = lines(&desk, columns, &[arguments, &["--data", "d"]].concat());
            assert!(!lines.is_empty(), "{arguments:?}");
            for line in &lines {
                assert!(line.width() <= usize::from(columns), "{columns} {arguments:?}: {line:?}");
            }
        }
    }
}
