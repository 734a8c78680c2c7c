//! A probe's own program over TLS: who may ask it what, and where it listens.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking too")]

use std::{
    io::{BufRead as _, BufReader},
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
use roundsman_probe::clock::Clocks;
use roundsman_proto::v1::{self, probe_client::ProbeClient};
use tokio::net::TcpStream;
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
    let server = |name: &str| pki.path().join("server").join(name);
    let files = ClientFiles {
        ca: server("ca.pem"),
        crl: Some(server("crl.pem")),
        identity: Some((server("server.pem"), server("server.key"))),
    };
    let (setup, _) = Client::load(files).unwrap().current();
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
