//! The way from plain text to mutual TLS as docs/security.md tells it, on two machines that are two folders; and
//! those who do not go it.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::process::Signal;

use super::{
    probes::LocalProbe,
    program::{Desk, Running},
    serve::{addresses, get, get_until},
};

/// The section of the document, up to the next heading.
const HEADING: &str = "### From plain text to mutual TLS in five commands\n";

/// What stands between fences of a section: the language and the lines, without what is said of them.
fn fenced(section: &str) -> Vec<(&str, Vec<&str>)> {
    let blocks = section.split("```").skip(1).step_by(2);
    blocks
        .map(|block| {
            let (language, text) = block.split_once('\n').unwrap();
            (
                language,
                text.lines().map(|line| line.split("  #").next().unwrap().trim_end()).collect(),
            )
        })
        .collect()
}

/// The probe's program: beside the server's, where the whole workspace was built; else it is built there.
fn probe_program() -> PathBuf {
    let server = Path::new(env!("CARGO_BIN_EXE_roundsman"));
    let probe = server.with_file_name("roundsman-probe");
    if !probe.exists() {
        let target = server.parent().and_then(Path::parent).unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--locked", "-p", "roundsman-probe", "--target-dir"]).arg(target);
        assert!(cargo.status().unwrap().success());
    }
    probe
}

/// A folder with all programs that the document names, for PATH. Another machine is a folder in `machines`:
/// scp(1) copies to there.
fn programs(desk: &Desk) -> String {
    let bin = desk.path().join("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_roundsman"), bin.join("roundsman")).unwrap();
    std::os::unix::fs::symlink(probe_program(), bin.join("roundsman-probe")).unwrap();
    let scp = "#!/bin/sh\nset -eu\n[ \"$1\" = -p ]\nshift\nfor last; do :; done\n\
               to=$MACHINES/${last%%:*}${last#*:}\nmkdir -p \"$to\"\n\
               while [ $# -gt 1 ]; do cp -p \"$1\" \"$to\"; shift; done\n";
    let file = bin.join("scp");
    fs::write(&file, scp).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", bin.display(), env::var("PATH").unwrap())
}

/// A shell that types `line` on the server's machine, or on the host that is this folder. The line itself is as
/// it stands: on the host its own directories are meant, and the shell becomes the probe, so that whoever ends
/// the one ends the other.
fn shell(desk: &Desk, path: &str, host: Option<&Path>, line: &str) -> Command {
    let mut shell = Command::new("bash");
    let around = "cd() { command cd \"${HOST_ROOT-}$1\"; }\n\
                  roundsman-probe() { exec roundsman-probe \"$@\"; }\n";
    shell
        .args(["-ec", &format!("{around}{line}")])
        .current_dir(desk.path())
        .env_clear()
        .env("PATH", path)
        .env("HOME", desk.path())
        .env("MACHINES", desk.path().join("machines"))
        .env("ROUNDSMAN_PROBE_LISTEN", "127.0.0.1:0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if let Some(host) = host {
        shell.env("HOST_ROOT", host);
    }
    shell
}

/// A probe that such a line starts, and where it listens. The shell becomes it.
fn start_probe(mut command: Command) -> (Running, String) {
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().rsplit(' ').next().unwrap().to_owned();
    (Running::of(child), address)
}

#[test]
fn the_way_to_mutual_tls_in_the_guide_is_five_commands_and_leads_there() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/security.md");
    let guide = fs::read_to_string(guide).unwrap();
    let section = guide.split_once(HEADING).unwrap().1.split("\n##").next().unwrap();
    let blocks = fenced(section);
    let typed = |language| blocks.iter().filter(move |block| block.0 == language);
    let commands: Vec<&str> = typed("sh").flat_map(|block| block.1.iter().copied()).collect();
    let settings: String = typed("toml").map(|block| block.1.join("\n") + "\n").collect();
    let [init, issue, copy, probe, check] = commands[..] else {
        panic!("five commands: {commands:?}");
    };

    let desk = Desk::new();
    let path = programs(&desk);
    let host = desk.path().join("machines/web-01");
    let inventory = |defaults: &str, address: &str| {
        let host = format!("[[host]]\nname = \"web-01\"\naddresses = [\"{address}\"]\n");
        desk.file("inventory.toml", &format!("{defaults}interval = \"1s\"\n{host}"));
    };
    // Before: in plain text.
    let (plain, address) = start_probe(shell(&desk, &path, None, "roundsman-probe serve"));
    inventory("[defaults]\n", &address);
    let mut server = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
    let (http, _) = addresses(&mut server);
    get_until(&http, "/api/v1/hosts/web-01", "\"state\":\"up\"");

    for line in [init, issue, copy] {
        let ended = shell(&desk, &path, None, line).output().unwrap();
        assert!(ended.status.success(), "{line}: {ended:?}");
    }
    drop(plain);
    let (_probe, address) = start_probe(shell(&desk, &path, Some(&host), probe));
    inventory(&settings, &address);
    let checked = shell(&desk, &path, None, check).output().unwrap();
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.status.success() && said.contains("encrypted: every host\n"), "{said}");
    // The server that runs goes along, and is answered over nothing else.
    get_until(&http, "/api/v1/hosts/web-01", &format!("\"address\":\"{address}\""));
    get_until(&http, "/api/v1/hosts/web-01", "\"state\":\"up\"");
    inventory("[defaults]\n", &address);
    let refused = desk.run(&["poll", "web-01"]);
    assert!(refused.out.contains("wants an encrypted connection"), "{refused:?}");
}

/// What was set up before there was encryption goes on: a server with hosts in plain text, on loopback or where
/// the probe is `--open`.
#[test]
fn a_fleet_in_plain_text_goes_on_and_its_server_says_once_what_is_new() {
    let desk = Desk::new();
    let probe = LocalProbe::start();
    let host = format!("[[host]]\nname = \"here\"\naddresses = [\"{}\"]\n", probe.address);
    desk.file("inventory.toml", &format!("{host}interval = \"200ms\"\n"));
    let mut server = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
    let stderr = server.child().stderr.take().unwrap();
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    let mut said = Vec::new();
    let http = loop {
        let line = lines.next().unwrap();
        let serving = line.split_once(" serving http=").map(|(_, rest)| rest.to_owned());
        said.push(line);
        if let Some(rest) = serving {
            break rest.split_once(" grpc=").unwrap().0.to_owned();
        }
    };
    get_until(&http, "/api/v1/hosts/here", "\"state\":\"up\"");
    // Another inventory, of the same kind: it is not said again.
    desk.file("inventory.toml", &format!("{host}interval = \"300ms\"\n"));
    assert_eq!(desk.run(&["reload", "--http", &http]).code, Some(0));
    assert!(get(&http, "/api/v1/hosts/here").contains("\"state\":\"up\""));
    server.signal(Signal::TERM);
    said.extend(lines);
    let news: Vec<_> = said.iter().filter(|line| line.contains("New: ")).collect();
    assert_eq!(news.len(), 1, "{said:#?}");
    assert!(
        news[0].contains("probes are asked in plain text, as before. New: certificates"),
        "{news:?}"
    );
    let troubled = |line: &&String| line.contains(" WARN ") || line.contains(" ERROR ");
    assert_eq!(said.iter().find(troubled), None);
}
