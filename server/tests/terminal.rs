//! The commands in a real terminal: tmux, at 80x24 and 200x50, before a real server that polls fake
//! probes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;

use roundsman::{
    app::{self, App},
    clock::{Clock as _, SystemClock},
    config::{Config, Flag, Sources},
    model::State,
};
use roundsman_proto::v1;
use support::{Behaviour, FakeProbe};
use tempfile::TempDir;
use terminal::{PATIENCE, Terminal};

const ROUNDSMAN: &str = env!("CARGO_BIN_EXE_roundsman");

/// A server over three fakes: `db-1` can be ended.
struct Fleet {
    folder: TempDir,
    app: App,
    probes: Vec<FakeProbe>,
}

impl Fleet {
    async fn start(token: Option<&str>) -> Self {
        let mut probes = Vec::new();
        let mut inventory = String::from("[defaults]\ninterval = \"500ms\"\n");
        for (number, (name, group)) in
            (0..).zip([("db-1", "db"), ("web-1", "web"), ("web-2", "web")])
        {
            let clock = SystemClock::new();
            let answers = Behaviour::changed(move |snapshot: &mut v1::Snapshot| {
                if let Some(clocks) = &mut snapshot.clocks {
                    // A clock that is wrong would degrade the host.
                    clocks.wall_ns = clock.now().wall.0 * 1_000_000;
                }
                if let Some(identity) = &mut snapshot.identity {
                    // A kernel that is out to own the terminal.
                    identity.kernel = Some("6.1\u{1b}]0;owned\u{7}\u{202e}x".to_owned());
                }
                if let Some(load) = &mut snapshot.load {
                    load.load1_hundredths = Some(100 * (number + 1));
                }
            });
            let probe = FakeProbe::start(answers).await;
            let address = probe.address();
            inventory.push_str(&format!(
                "[[host]]\nname = \"{name}\"\ngroup = \"{group}\"\naddresses = [\"{address}\"]\n"
            ));
            probes.push(probe);
        }
        for group in ["db", "web"] {
            inventory.push_str(&format!("[[group]]\nname = \"{group}\"\n"));
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("inventory.toml"), inventory).unwrap();
        let flag = |key, value: String| Flag { key, name: "test", value };
        let mut flags = vec![
            flag("inventory", folder.path().join("inventory.toml").display().to_string()),
            flag("data", folder.path().display().to_string()),
            flag("http.listen", "127.0.0.1:0".to_owned()),
            flag("grpc.listen", "127.0.0.1:0".to_owned()),
        ];
        flags.extend(token.map(|token| flag("http.token", token.to_owned())));
        let config = Config::load(Sources { flags, ..Sources::default() }).unwrap().config;
        let app = app::start(config).await.unwrap();
        Self { folder, app, probes }
    }

    fn top(&self) -> String {
        format!("{ROUNDSMAN} top --http {}", self.app.http_addr().unwrap())
    }

    async fn until(&self, state: State, hosts: usize) {
        let mut updates = self.app.live().subscribe();
        let seen = async {
            while self.app.live().count_by_state().get(&state).copied().unwrap_or(0) < hosts {
                let _ = updates.recv().await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.expect("the fleet never got there");
    }
}

/// Whether something is green, of 8 colours or of 256 (ECMA-48 SGR 32, 38;5;2).
fn is_green(painted: &str) -> bool {
    ["\u{1b}[32m", "\u{1b}[38;5;2m"].iter().any(|green| painted.contains(green))
}

/// The names of hosts, from the top down.
fn order(screen: &str) -> Vec<String> {
    let names = screen.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| ["db-1", "web-1", "web-2"].contains(name)).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn top_is_sorted_filtered_drilled_into_resized_and_left_by_keys() {
    let mut fleet = Fleet::start(Some("terminal-secret")).await;
    fleet.until(State::Up, 3).await;
    for (columns, lines) in [(80, 24), (200, 50)] {
        let terminal =
            Terminal::open(columns, lines, &[("ROUNDSMAN_HTTP__TOKEN", "terminal-secret")]);
        terminal.enter("stty -g > before");
        terminal.enter(&fleet.top());
        let screen = terminal.sees("3 up");
        assert_eq!(order(&screen), ["db-1", "web-1", "web-2"], "{screen}");
        let rows: Vec<&str> = screen.lines().filter(|line| line.contains("● up  ")).collect();
        assert_eq!(rows.len(), 3, "a host is a line:\n{screen}");
        assert_eq!(screen.contains("GROUP"), columns == 200, "{screen}");

        // By load: the greatest first, then the other way round.
        terminal.until("an order by load", |screen| {
            let by_load = screen.contains("LOAD▼");
            if !by_load {
                terminal.press(&["s"]);
            }
            by_load && order(screen) == ["web-2", "web-1", "db-1"]
        });
        terminal.press(&["r"]);
        terminal.until("the reverse", |screen| order(screen) == ["db-1", "web-1", "web-2"]);

        terminal.press(&["/"]);
        terminal.press(&["w", "e", "b", "Enter"]);
        terminal.until("the filter", |screen| order(screen) == ["web-1", "web-2"]);
        terminal.press(&["Down", "Enter"]);
        // A terminal is looked at while it is drawn on: all of it is waited for.
        terminal.until("the story of web-2", |screen| {
            let parts = ["web-2  ● up for", "1 Overview", "LOAD 1"];
            parts.iter().all(|part| screen.contains(part))
        });
        terminal.press(&["w"]);
        terminal.until("why it is up", |screen| {
            let parts = ["web-2 is up since", " DUE       OUTCOME"];
            parts.iter().all(|part| screen.contains(part))
        });
        assert!(!terminal.tmux(&["display-message", "-p", "#{pane_title}"]).contains("owned"));

        let (other_columns, other_lines) = (280 - columns, 74 - lines);
        terminal.resize(other_columns, other_lines);
        terminal.until("as many lines", |screen| {
            let last = screen.lines().last().unwrap_or_default();
            last.contains("Esc back") && screen.lines().count() == usize::from(other_lines)
        });
        terminal.press(&["Escape"]);
        let screen = terminal.until("the list again", |screen| order(screen) == ["web-1", "web-2"]);
        assert_eq!(screen.contains("GROUP"), other_columns == 200, "{screen}");
        assert!(screen.lines().all(|line| line.chars().count() <= usize::from(other_columns)));

        terminal.press(&["q"]);
        terminal.until("the screen before", |screen| {
            screen.contains("ready$") && !screen.contains("web-2")
        });
        terminal.enter("stty -g > after; diff before after && echo sa''ne");
        terminal.sees("sane");
    }

    // A host that goes down shows, and the server's own end does, too.
    let terminal = Terminal::open(80, 24, &[("ROUNDSMAN_HTTP__TOKEN", "terminal-secret")]);
    terminal.enter(&fleet.top());
    terminal.sees("3 up");
    fleet.probes.remove(0).stop();
    terminal.until("db-1 down", |screen| screen.contains("1 down") && screen.contains("■ down"));
    let Fleet { app, folder: _folder, probes: _probes } = fleet;
    app.stop().await;
    let screen = terminal.sees("server away since");
    assert!(screen.contains("■ down"), "the last picture stays:\n{screen}");
    terminal.press(&["C-c"]);
    terminal.sees("ready$");
}

/// A click of the left button and its end, as a terminal tells them (xterm, SGR mouse mode 1006).
fn click(terminal: &Terminal, column: usize, line: usize) {
    for end in ['M', 'm'] {
        let told = format!("\u{1b}[<0;{};{}{end}", column + 1, line + 1);
        let bytes: Vec<String> = told.bytes().map(|byte| format!("{byte:02x}")).collect();
        let bytes: Vec<&str> = bytes.iter().map(String::as_str).collect();
        terminal.tmux(&[&["send-keys", "-H"], &bytes[..]].concat());
    }
}

/// Whether the program in it asked for clicks, and for their form.
fn takes_clicks(terminal: &Terminal) -> String {
    let flags = "#{mouse_standard_flag} #{mouse_sgr_flag} #{mouse_all_flag}";
    terminal.tmux(&["display-message", "-p", flags]).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_chosen_by_a_click_and_paused_and_resumed_from_top() {
    let fleet = Fleet::start(None).await;
    fleet.until(State::Up, 3).await;
    let terminal = Terminal::open(80, 24, &[("LOGNAME", "ann")]);
    terminal.enter(&fleet.top());
    let screen = terminal.sees("3 up");
    assert_eq!(takes_clicks(&terminal), "1 1 0", "clicks, not every move");
    let line_of = |name: &str| screen.lines().position(|line| line.starts_with(name)).unwrap();
    click(&terminal, 3, line_of("web-1"));
    terminal.press(&["P"]);
    let screen = terminal.sees("Pause web-1");
    assert!(screen.contains("It is polled as before"), "{screen}");
    let paused = fleet.app.live().count_by_state().get(&State::Paused).copied();
    assert_eq!(paused.unwrap_or(0), 0, "it was asked first");
    terminal.press(&["Enter"]);
    terminal.sees("web-1 is paused until");
    fleet.until(State::Paused, 1).await;
    // It has another place in the list now, and stays chosen.
    terminal.until("web-1 paused", |screen| screen.contains("‖ paused"));
    terminal.press(&["P"]);
    terminal.sees("Resume web-1");
    terminal.press(&["Enter"]);
    terminal.sees("web-1 is resumed");
    fleet.until(State::Up, 3).await;
    terminal.press(&["p"]);
    terminal.sees("web-1 polled: ok in");

    // A click on a title orders by it.
    let screen = terminal.screen();
    let titles = screen.lines().position(|line| line.starts_with("HOST")).unwrap();
    let load = screen.lines().nth(titles).unwrap().find("LOAD").unwrap();
    click(&terminal, load, titles);
    terminal.until("an order by load", |screen| {
        screen.contains("LOAD▼") && order(screen) == ["web-2", "web-1", "db-1"]
    });
    terminal.press(&["q"]);
    terminal.sees("ready$");
    assert_eq!(takes_clicks(&terminal), "0 0 0", "the terminal has its mouse back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_leaves_the_terminal_as_it_was_and_no_colours_are_forced() {
    let fleet = Fleet::start(None).await;
    fleet.until(State::Up, 3).await;
    let terminal = Terminal::open(80, 24, &[]);
    terminal.enter("stty -g > before");
    terminal.enter(&format!("{} & echo $! > pid; fg", fleet.top()));
    terminal.sees("3 up");
    assert!(is_green(&terminal.painted()), "up is green");
    let pid = fs::read_to_string(terminal.folder.path().join("pid")).unwrap();
    let pid = pid.trim().parse().ok().and_then(rustix::process::Pid::from_raw).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    terminal.sees("ready$");
    terminal.enter("stty -g > after; diff before after && echo sa''ne");
    terminal.sees("sane");

    for set in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let terminal = Terminal::open(80, 24, &[set]);
        terminal.enter(&fleet.top());
        terminal.sees("3 up");
        let painted = terminal.painted();
        assert!(!is_green(&painted) && !painted.contains("\u{1b}[38"), "{painted:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_not_folded_and_history_has_little_charts() {
    let fleet = Fleet::start(None).await;
    fleet.until(State::Up, 3).await;
    let data = fleet.folder.path().display().to_string();
    // What is kept is what is printed.
    let Fleet { app, folder: _folder, probes: _probes } = fleet;
    app.stop().await;
    for (columns, lines) in [(80, 24), (200, 50)] {
        let set = [("ROUNDSMAN_DATA", &*data), ("TZ", "Asia/Kolkata")];
        let terminal = Terminal::open(columns, lines, &set);
        let hosts = terminal.run(&format!("{ROUNDSMAN} hosts"));
        let rows = hosts.lines().filter(|line| line.contains("● up")).count();
        assert_eq!(rows, 3, "{hosts}");
        let title = hosts.lines().position(|line| line.contains("HOST")).unwrap();
        let after: Vec<&str> = hosts.lines().skip(title + 2).take(3).collect();
        assert_eq!(order(&after.join("\n")), ["db-1", "web-1", "web-2"], "a line each:\n{hosts}");

        let history = terminal.run(&format!("{ROUNDSMAN} history web-1 --limit 5"));
        let title = history.lines().position(|line| line.contains("SLOT ")).unwrap();
        // By the clock of sentences, with its zone.
        let is_poll = |line: &&str| line.contains("ok") && line.contains(" +05:30 ");
        let polls = history.lines().skip(title + 2).take_while(is_poll);
        assert!((1..=5).contains(&polls.count()), "{history}");
        let chart = history.lines().find(|line| line.starts_with(" LOAD 1 ")).unwrap();
        assert!(chart.contains('█') && chart.contains("2.00 to 2.00"), "{history}");
        assert_eq!(history.contains("no room for"), columns == 80, "{history}");
        assert!(history.contains("DISK WRITTEN"), "named where it has no room:\n{history}");
        let why = terminal.run(&format!("{ROUNDSMAN} why web-1"));
        let changed = why.lines().position(|line| line.contains("CHANGED")).expect(&why);
        let change = why.lines().nth(changed + 2).unwrap();
        assert!(change.contains(" +05:30 ") && !change.contains('Z'), "{why}");
        let other = terminal.run(&format!("{ROUNDSMAN} why web-1 | head -4"));
        assert!(other.contains("web-1 is"), "{other}");
        assert!(other.contains("Z "), "in a pipe as it is kept: {other}");
    }
}

/// A command tells how far it is, and takes that back when it is over.
fn tells_how_far(terminal: &Terminal, command: &str, words: &str) {
    let record = terminal.record();
    let screen = terminal.run(command);
    terminal.tmux(&["pipe-pane"]);
    assert!(!screen.contains(words), "it is taken back:\n{screen}");
    let kept = fs::read_to_string(&record).unwrap();
    let (_, after) = kept.split_once(words).unwrap_or_else(|| panic!("{words:?}: {kept}"));
    // To the beginning of the line, and clear it (ECMA-48 CR, EL).
    assert!(after.contains("\r\u{1b}[K"), "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_longer_than_a_second_tells_how_far_it_is_on_a_terminal_alone() {
    let fleet = Fleet::start(None).await;
    fleet.until(State::Up, 3).await;
    let data = fleet.folder.path().display().to_string();
    // Enough for an export that a pipe does not hold: it waits for its reader.
    let mut updates = fleet.app.live().subscribe();
    let polled = async {
        while fleet.app.writer().written < 90 {
            let _ = updates.recv().await;
        }
    };
    tokio::time::timeout(PATIENCE, polled).await.expect("so many polls");
    let Fleet { app, folder: _folder, probes: _probes } = fleet;
    app.stop().await;

    // What accepts and says nothing: the kernel takes connections that nobody looks at.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let url = format!("mysql://root@{address}/fleet");
    let terminal = Terminal::open(80, 24, &[("ROUNDSMAN_DATA", &data)]);
    let inventory = terminal.folder.path().join("silent.toml");
    let text = "[[host]]\nname = \"mute\"\ntimeout = \"2s\"\ninterval = \"5s\"\n";
    fs::write(&inventory, format!("{text}addresses = [\"{address}\"]\n")).unwrap();
    let inventory = inventory.display();
    let check = format!("{ROUNDSMAN} check --live --inventory {inventory}");
    tells_how_far(&terminal, &check, "0 of 1 host answered or failed");
    let doctor = format!("ROUNDSMAN_STORE__URL={url} {ROUNDSMAN} doctor | tail -3");
    tells_how_far(&terminal, &doctor, "looking at the store");
    let export = format!("{ROUNDSMAN} export db-1 --format jsonl | (sleep 2; wc -l)");
    tells_how_far(&terminal, &export, " polls written");

    // Into a file nothing of it goes.
    let quiet = terminal.run(&format!("{check} > said 2> wrong; wc -c < wrong"));
    let said = fs::read_to_string(terminal.folder.path().join("said")).unwrap();
    assert!(said.contains("mute"), "{quiet}\n{said}");
    let wrong = fs::read_to_string(terminal.folder.path().join("wrong")).unwrap();
    assert!(!wrong.contains("answered or failed") && !wrong.contains('\r'), "{wrong:?}");
}
