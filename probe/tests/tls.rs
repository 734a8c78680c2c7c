//! A probe's own program over TLS: who may ask it what, and where it listens.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking too")]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::Arc,
};

use http::Uri;
use hyper_util::rt::TokioIo;
use roundsman_pki::{
    authority::Authority,
    client::{Client, ClientFiles, Setup},
};
use roundsman_probe::{clock::Clocks, service::MAX_CONNECTIONS};
use roundsman_proto::v1::{self, probe_client::ProbeClient};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tonic::{Code, transport::Endpoint};

fn probe(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roundsman-probe"));
    command.args(arguments);
    command
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// An authority with the certificates of `web-01`, `db-01` and the server.
fn pki() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let now = Clocks::now().wall_ns / 1_000_000_000;
    let mut authority = Authority::init(dir.path(), 90, now).unwrap();
    for host in ["web-01", "db-01"] {
        authority.issue(host, 90, now).unwrap();
    }
    dir
}

/// What its server asks with.
fn pki_server(pki: &tempfile::TempDir) -> ClientFiles {
    let server = |name: &str| pki.path().join("server").join(name);
    ClientFiles {
        ca: server("ca.pem"),
        crl: Some(server("crl.pem")),
        identity: Some((server("server.pem"), server("server.key"))),
    }
}

/// A probe in its own process, ended with this.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start(folder: &Path) -> Self {
        let file = |name: &str| folder.join(name).display().to_string();
        let mut child = probe(&["serve", "--listen", "127.0.0.1:0", "--log", "off"])
            .args(["--tls-cert", &file("probe.pem"), "--tls-key", &file("probe.key")])
            .args(["--client-ca", &file("ca.pem"), "--client-crl", &file("crl.pem")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().rsplit(' ').next().unwrap().to_owned() }
    }

    fn health(&self, certificate: Option<PathBuf>) -> Output {
        let mut command = probe(&["health", "--address", &self.address]);
        if let Some(file) = certificate {
            command.env("ROUNDSMAN_PROBE_TLS_CERT", file);
        }
        command.output().unwrap()
    }

    async fn ask(&self, setup: Arc<Setup>) -> Result<v1::Snapshot, tonic::Status> {
        let address = self.address.clone();
        let connect = tower::service_fn(move |_: Uri| {
            let (setup, address) = (Arc::clone(&setup), address.clone());
            async move {
                let stream = TcpStream::connect(address).await.unwrap();
                setup.connect(stream, None).await.map(TokioIo::new)
            }
        });
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        let channel = endpoint.connect_with_connector(connect).await.unwrap();
        let request = v1::GetMetricsRequest {
            families: vec![v1::Family::Load.into()],
            ..v1::GetMetricsRequest::default()
        };
        ProbeClient::new(channel).get_metrics(request).await.map(tonic::Response::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

#[tokio::test]
async fn the_server_may_ask_all_and_the_host_itself_for_its_health_alone() {
    let pki = pki();
    let host = pki.path().join("hosts/web-01");
    let running = Running::start(&host);
    let (setup, _) = Client::load(pki_server(&pki)).unwrap().current();
    let answer = running.ask(setup).await.unwrap();
    let days = answer.identity.unwrap().certificate_ends_s.unwrap() / 86_400
        - Clocks::now().wall_ns / 1_000_000_000 / 86_400;
    assert!((89..=90).contains(&days), "{days}");

    let healthy = running.health(Some(host.join("probe.pem")));
    assert_eq!(healthy.stdout, b"SERVING\n", "{}", said(&healthy));
    let other = running.health(Some(pki.path().join("hosts/db-01/probe.pem")));
    assert!(said(&other).contains("wrong role"), "{}", said(&other));
    let plain = running.health(None);
    assert_eq!(plain.status.code(), Some(1), "{}", said(&plain));

    // The same connection without a certificate may not ask for more.
    let unknown = Arc::new(Setup::pinned(&host.join("probe.pem")).unwrap());
    let refused = running.ask(unknown).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
    assert!(refused.message().contains("no certificate sent"), "{refused}");
}

#[test]
fn others_are_answered_over_tls_or_when_that_is_said() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:50051"] {
        let output = probe(&["serve", "--listen", address]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{address}");
        assert!(said(&output).contains("others could ask this probe there"), "{}", said(&output));
        assert!(said(&output).contains("--open"), "{}", said(&output));
    }
    let mut child = probe(&["serve", "--open", "--listen", "0.0.0.0:0", "--log", "off"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains("listens on 0.0.0.0:"), "{line}");
}

#[test]
fn half_of_what_tls_takes_is_refused() {
    let pki = pki();
    let file = |name: &str| pki.path().join("hosts/web-01").join(name).display().to_string();
    let (cert, key) = (file("probe.pem"), file("probe.key"));
    for (arguments, words) in [
        (vec!["--tls-cert", &cert], "--tls-key"),
        (vec!["--tls-key", &key], "--tls-cert"),
        (vec!["--client-ca", &cert], "--tls-cert"),
        (vec!["--allow", "10.0.0.1/8"], "bits beyond the first 8"),
    ] {
        let output = probe(&["serve"]).args(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(said(&output).contains(words), "{arguments:?}: {}", said(&output));
    }
    let other = pki.path().join("hosts/db-01/probe.key").display().to_string();
    let output = probe(&["serve", "--tls-cert", &cert, "--tls-key", &other]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("expected the key of"), "{}", said(&output));
}

/// As on an overlay before there were certificates.
#[test]
fn an_open_probe_goes_on_and_says_once_what_is_new() {
    let pki = pki();
    let file = |name: &str| pki.path().join("hosts/web-01").join(name).display().to_string();
    let (certificate, key) = (file("probe.pem"), file("probe.key"));
    let beside = ["--tls-cert", &certificate, "--tls-key", &key];
    for (more, words) in [
        (&[][..], "everybody who can connect is answered in plain text. New: certificates"),
        (&beside, "everybody is answered in plain text beside TLS; leave it out"),
    ] {
        let mut child = probe(&["serve", "--open", "--listen", "127.0.0.1:0"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap();
        let healthy = probe(&["health", "--address", address]).output().unwrap();
        assert_eq!(healthy.stdout, b"SERVING\n", "{}", said(&healthy));
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = said(&output);
        let news: Vec<_> = said.lines().filter(|line| line.contains("--open: ")).collect();
        assert_eq!(news.len(), 1, "{said}");
        assert!(news[0].contains(words), "{said}");
    }
}

fn of_process(id: u32, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/{id}/{file}")).unwrap()
}

/// More than there are places, by far: they take bounded means, and the server is answered meanwhile.
#[tokio::test]
async fn ten_thousand_half_open_handshakes_take_bounded_means_and_keep_no_server_out() {
    const HALF_OPEN: usize = 10_000;
    const KEPT_OPEN: usize = 200;
    const MAY_GROW_KIB: u64 = 4 * 1024;
    let pki = pki();
    let running = Running::start(&pki.path().join("hosts/web-01"));
    let id = running.child.id();
    let resident_kib = || -> u64 {
        let status = of_process(id, "status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let (setup, _) = Client::load(pki_server(&pki)).unwrap().current();
    running.ask(Arc::clone(&setup)).await.unwrap();
    let descriptors = || std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().count();
    let idle = descriptors();
    let mut open = std::collections::VecDeque::new();
    let mut resident = 0;
    for number in 1..=HALF_OPEN {
        let mut stream = TcpStream::connect(&running.address).await.unwrap();
        let _ = stream.write_all(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]).await;
        open.push_back(stream);
        if open.len() > KEPT_OPEN {
            open.pop_front();
        }
        if number % (HALF_OPEN / 4) == 0 {
            running.ask(Arc::clone(&setup)).await.unwrap();
            let used = descriptors();
            assert!(used <= idle + 2 * MAX_CONNECTIONS, "{used} descriptors");
            let now = resident_kib();
            resident = if resident == 0 { now } else { resident };
            assert!(now <= resident + MAY_GROW_KIB, "{resident} KiB, then {now}");
        }
    }
}

/// TLS 1.2 allows it, and who shows a certificate only then would have asked before.
#[test]
fn who_asks_to_renegotiate_is_refused() {
    let pki = pki();
    let running = Running::start(&pki.path().join("hosts/web-01"));
    let mut client = Command::new("openssl")
        .args(["s_client", "-connect", &running.address, "-tls1_2", "-alpn", "h2"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    client.stdin.as_mut().unwrap().write_all(b"R\n").unwrap();
    let output = client.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // After a second handshake the certificate would have been looked at again.
    let (_, after) = said.split_once("RENEGOTIATING").unwrap();
    assert!(after.contains("error:") && !after.contains("verify"), "{said}");
}
