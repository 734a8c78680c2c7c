//! What is said of certificates before and after their end. The clocks of server and probe are moved by
//! libfaketime, which `scripts/test.sh` installs.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use roundsman_pki::server::{Server, ServerFiles};
use roundsman_probe::{
    collect::Collector,
    root::Root,
    service::{Access, Limits, serve_to},
};

use super::{
    program::{Desk, Running},
    serve::{addresses, get, get_until},
};

/// Set where this test is the probe: the folder with its certificate.
const FOLDER: &str = "ROUNDSMAN_TEST_FOLDER";
/// What a probe says before its address.
const LISTENING: &str = "the probe listens at ";

/// A command whose clock is so many days ahead.
fn days_ahead(command: &mut Command, days: u32) {
    let folders = fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let library = |folder: PathBuf| folder.join("faketime/libfaketimeMT.so.1");
    let found = folders.map(library).find(|path| path.exists());
    let library =
        found.unwrap_or_else(|| panic!("no libfaketime: install Debian's package faketime"));
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME", format!("+{days}d"))
        // Waiting is no matter of what time it is.
        .env("DONT_FAKE_MONOTONIC", "1");
}

fn be_the_probe(folder: &Path) -> ! {
    let file = |name: &str| folder.join(name);
    let files = ServerFiles {
        certificate: file("probe.pem"),
        key: file("probe.key"),
        client_ca: Some(file("ca.pem")),
        client_crl: Some(file("crl.pem")),
    };
    let access = Access::new(Vec::new(), Some(Server::load(files).unwrap()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{LISTENING}{}", listener.local_addr().unwrap());
        let collector = Arc::new(Collector::new(Root::new("/proc", "/")));
        let end = std::future::pending();
        serve_to(access, listener, collector, Limits::default(), end).await.unwrap();
    });
    unreachable!("a probe ends when it is killed")
}

/// A probe in a process of its own, whose clock is so many days ahead, and where it listens.
fn probe(folder: &Path, days: u32) -> (Running, String) {
    let name = "expiry::before_and_after_the_end_of_certificates_the_words_say_what_to_run";
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture"]).env(FOLDER, folder).stdout(Stdio::piped());
    days_ahead(&mut command, days);
    let mut child: Child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let address = lines.find_map(|line| Some(line.split_once(LISTENING)?.1.to_owned())).unwrap();
    (Running::of(child), address)
}

#[test]
fn before_and_after_the_end_of_certificates_the_words_say_what_to_run() {
    if let Some(folder) = env::var_os(FOLDER) {
        be_the_probe(Path::new(&folder));
    }
    let desk = Desk::new();
    assert_eq!(desk.run(&["ca", "init"]).code, Some(0));
    assert_eq!(desk.run(&["ca", "issue", "web-01"]).code, Some(0));
    let folder = desk.path().join("ca/hosts/web-01");
    let (ends, over) = (
        "its probe's certificate ends in 12 days; roundsman ca renew issues another",
        "the peer's certificate is no longer valid",
    );
    for (days, state, words, rules) in [
        (0, "up", "", [].as_slice()),
        (77, "degraded", ends, &["certificate-ends", "server-certificate-ends"]),
        (91, "down", over, &["host-down", "server-certificate-ends"]),
    ] {
        let (_probe, address) = probe(&folder, days);
        let data = format!("d{days}");
        desk.file(
            "inventory.toml",
            &format!(
                "[[host]]\nname = \"web-01\"\naddresses = [\"{address}\"]\ninterval = \"1s\"\n\
                 families = [\"load\"]\ntls = \"mtls\"\nca = \"ca/ca.pem\"\ncrl = \"ca/crl.pem\"\n\
                 cert = \"ca/server/server.pem\"\nkey = \"ca/server/server.key\"\n"
            ),
        );
        let mut command = desk.command(&["serve", "--http", "127.0.0.1:0", "--data", &data]);
        days_ahead(&mut command, days);
        let mut server = Running::of(command.spawn().unwrap());
        let (http, _) = addresses(&mut server);
        get_until(&http, "/api/v1/hosts/web-01", &format!("\"state\":\"{state}\""));
        let why = get(&http, "/api/v1/hosts/web-01/why");
        assert!(why.contains(words), "{days}: {why}");
        assert!(words.is_empty() || why.contains("roundsman ca renew"), "{days}: {why}");
        if days == 91 {
            assert!(why.contains("TLS: expired"), "{why}");
        }
        for rule in rules {
            get_until(&http, "/api/v1/alerts", &format!("\"rule\":\"{rule}\""));
        }
        if rules.is_empty() {
            let alerts = get(&http, "/api/v1/alerts");
            assert!(!alerts.contains("certificate"), "{alerts}");
        }
    }
}
