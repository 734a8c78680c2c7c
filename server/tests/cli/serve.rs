//! `serve` and what speaks to it: from its start to its stop, and when it does not start.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use rustix::process::Signal;

use super::{
    probes::LocalProbe,
    program::{Desk, Ended, Running},
};

/// The first line on standard error that holds `text`, without what stands before and the text.
pub(crate) fn line_after(running: &mut Running, text: &str) -> String {
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
pub(crate) fn addresses(server: &mut Running) -> (String, String) {
    let line = line_after(server, " serving http=");
    let (http, grpc) = line.split_once(" grpc=").unwrap();
    (http.to_owned(), grpc.to_owned())
}

pub(crate) fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Asks until the answer holds `text`: the server polls while it is asked.
pub(crate) fn get_until(address: &str, path: &str, text: &str) -> String {
    const TRIES: usize = 100_000;
    (0..TRIES)
        .map(|_| get(address, path))
        .find(|answer| answer.contains(text))
        .unwrap_or_else(|| panic!("{path} never said {text}: {}", get(address, path)))
}

#[test]
fn the_server_serves_until_it_is_told_to_stop() {
    let desk = Desk::new();
    let probe = LocalProbe::start();
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
        assert!(TcpStream::connect(&http).is_err(), "nobody listens any more");
        let gone = desk.run(&["health", "--address", &grpc]);
        assert_eq!(gone.code, Some(1), "{gone:?}");
        assert!(gone.err.contains("connection refused; is a server listening"), "{}", gone.err);
    }
}

/// A database server that takes connections and says nothing.
#[test]
fn a_server_that_is_told_to_stop_during_its_start_ends_and_says_how_far_it_was() {
    let desk = Desk::new();
    desk.file("inventory.toml", "[[host]]\nname = \"here\"\naddresses = [\"127.0.0.1\"]\n");
    for stop in [Signal::TERM, Signal::INT] {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("mysql://root@{}/fleet", silent.local_addr().unwrap());
        desk.file("roundsman.toml", &format!("[store]\nurl = \"{url}\"\n"));
        let mut server = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
        let (asked, waits) = std::sync::mpsc::channel();
        let accepting = std::thread::spawn(move || {
            let connection = silent.accept();
            asked.send(()).unwrap();
            connection
        });
        waits.recv_timeout(super::program::HANGS).unwrap();
        let connection = accepting.join().unwrap();
        server.signal(stop);
        let ended = server.end(desk.path());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let words = format!("stopped during its start, while opening the store {url}");
        assert!(ended.err.contains(&words), "{}", ended.err);
        assert!(!ended.err.contains(" serving "), "{}", ended.err);
        drop(connection);
    }
}

/// The server is ahead of its file by up to a second.
#[test]
fn hosts_are_listed_as_the_running_server_sees_them() {
    let desk = Desk::new();
    let host = |name: &str, port: u16| {
        format!(
            "[[host]]\nname = \"{name}\"\ngroup = \"web\"\naddresses = [\"127.0.0.1:{port}\"]\n"
        )
    };
    desk.file("inventory.toml", &(host("here", 1) + &host("there", 2)));
    let names = |arguments: &[&str]| {
        let listed = desk.run(&[&["hosts", "--data", "d"], arguments].concat());
        assert_eq!(listed.code, Some(0), "{listed:?}");
        let first = |line: &str| line.split_whitespace().next().unwrap().to_owned();
        listed.out.lines().skip(1).map(first).collect::<Vec<_>>()
    };
    let mut server = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
    let (http, _) = addresses(&mut server);
    // What is kept has it, too, as soon as the order is answered.
    let is = |state: &str| {
        let told = desk.run(&["why", "here", "--data", "d"]);
        assert!(told.out.starts_with(&format!("here is {state} since ")), "{told:?}");
    };
    for _ in 0..3 {
        assert_eq!(desk.run(&["pause", "here", "--http", &http]).code, Some(0));
        is("paused");
        assert_eq!(names(&["--state", "paused"]), ["here"]);
        assert_eq!(desk.run(&["resume", "here", "--http", &http]).code, Some(0));
        is("pending");
        assert_eq!(names(&["--state", "paused"]), [""; 0]);
    }
    let json = desk.run(&["hosts", "--data", "d", "--json", "--limit", "1"]).json();
    assert_eq!((&json["total"], &json["hosts"][0]["name"]), (&2.into(), &"here".into()));
    let slip = desk.run(&["hosts", "--data", "d", "--group", "wbe"]);
    assert_eq!(slip.err, "no group is called wbe; did you mean `web`?\n");
    // Another server's hosts are not these, wherever it listens.
    let mut other = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "other"]);
    let (elsewhere, _) = addresses(&mut other);
    assert_eq!(desk.run(&["pause", "there", "--http", &elsewhere]).code, Some(0));
    let lock = desk.path().join("d/server.lock");
    let text = std::fs::read_to_string(&lock).unwrap();
    assert!(text.contains(&http), "{text}");
    std::fs::write(&lock, text.replace(&http, &elsewhere)).unwrap();
    assert!(!names(&["--state", "paused"]).contains(&"there".to_owned()));
    server.signal(Signal::TERM);
    assert_eq!(server.end(desk.path()).code, Some(0));
    // Without a server the file answers.
    assert_eq!(names(&[]), ["here", "there"]);
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

/// From nothing to a page: the first steps, as they are told.
#[test]
fn a_first_inventory_is_written_once_and_served() {
    let desk = Desk::new();
    let made = desk.run(&["init"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let check = |dir: &str| {
        let mut command = desk.command(&["check"]);
        let checked =
            Ended::new(command.current_dir(desk.path().join(dir)).output().unwrap(), desk.path());
        assert_eq!(checked.code, Some(0), "{checked:?}");
        assert!(checked.out.contains("configuration: roundsman.toml\n"), "{checked:?}");
    };
    check(".");

    desk.file("inventory.toml", "# mine\n");
    desk.file("roundsman.toml", "# mine, too\n");
    let again = desk.run(&["init"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    let in_a_folder = desk.run(&["init", "new/folder"]);
    assert_eq!(in_a_folder.code, Some(0), "{in_a_folder:?}");
    check("new/folder");
    insta::assert_snapshot!(
        "init",
        [&made.out, &again.out, &in_a_folder.out].map(String::as_str).join("\n")
    );
    let kept = |name: &str| std::fs::read_to_string(desk.path().join(name)).unwrap();
    assert_eq!(kept("inventory.toml") + &kept("roundsman.toml"), "# mine\n# mine, too\n");
    let elsewhere = desk.run(&["init", "--inventory", "no/such/hosts.toml"]);
    assert!(elsewhere.err.contains("cannot write no/such/hosts.toml"), "{elsewhere:?}");

    // An inventory without hosts is served, and says how one is added.
    let mut server = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
    let said = line_after(&mut server, "no hosts yet: add one to ");
    assert!(said.starts_with("inventory.toml, such as [[host]]"), "{said}");
}

/// The page of a server without hosts opens; the first host is taken up, and the last one given up only once
/// it is said to be right.
#[test]
fn a_server_without_hosts_answers_and_takes_the_first_one() {
    let desk = Desk::new();
    desk.file("inventory.toml", "");
    let mut server = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
    let (http, _) = addresses(&mut server);
    assert!(get(&http, "/").starts_with("HTTP/1.1 200"));
    get_until(&http, "/readyz", "\"ready\":true");
    assert!(get(&http, "/api/v1/hosts").contains("\"total\":0"));
    let reload = |more: &[&str]| desk.run(&[&["reload", "--http", http.as_str()], more].concat());
    desk.file("inventory.toml", "[[host]]\nname = \"one\"\naddresses = [\"127.0.0.1:1\"]\n");
    assert_eq!(reload(&[]).out, "in force is what the file says: 1 host\n");
    desk.file("inventory.toml", "");
    let waits = reload(&[]);
    assert!(waits.err.contains("takes out 1 of 1 hosts"), "{waits:?}");
    assert_eq!(reload(&["--now"]).out, "in force is what the file says: 0 hosts\n");
}
