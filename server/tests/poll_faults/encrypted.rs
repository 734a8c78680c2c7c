//! Attacks on the connection to a probe, each with its outcome, and the polls beside it.

use std::{fs, path::PathBuf, sync::Arc};

use roundsman::{clock::Clock as _, inventory::LinkTls, model::Family};
use roundsman_pki::{
    authority::{Authority, SERVER},
    client::ClientFiles,
    server::{Server, ServerFiles},
};
use roundsman_probe::{
    collect::Collector,
    root::Root,
    service::{self, Access, Limits},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use super::*;

/// An authority with the certificates of `web-1`, `web-2` and the server.
struct Pki(TempDir);

impl Pki {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut authority = Authority::init(dir.path(), 90, now()).unwrap();
        for host in ["web-1", "web-2"] {
            authority.issue(host, 90, now()).unwrap();
        }
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn revoke(&self, name: &str) {
        Authority::open(self.0.path()).unwrap().revoke(name, now()).unwrap();
    }

    fn probe(&self, host: &str) -> ServerFiles {
        let file = |name: &str| self.path(&format!("hosts/{host}/{name}"));
        ServerFiles {
            certificate: file("probe.pem"),
            key: file("probe.key"),
            client_ca: Some(file("ca.pem")),
            client_crl: Some(file("crl.pem")),
        }
    }

    fn server(&self) -> ClientFiles {
        let file = |name: &str| self.path(&format!("server/{name}"));
        ClientFiles {
            ca: file("ca.pem"),
            crl: Some(file("crl.pem")),
            identity: Some((file("server.pem"), file("server.key"))),
        }
    }
}

fn now() -> i64 {
    SystemClock::new().now().wall.0 / 1_000
}

/// A probe of this machine.
struct Probe {
    socket: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Probe {
    async fn start(access: Access) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), access)
    }

    fn on(listener: TcpListener, access: Access) -> Self {
        Self::within(Limits::default(), listener, access)
    }

    fn within(limits: Limits, listener: TcpListener, access: Access) -> Self {
        let socket = listener.local_addr().unwrap();
        let collector = Arc::new(Collector::new(Root::new("/proc", "/")));
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move { drop(stopped.await) };
        let serving = service::serve_to(access, listener, collector, limits, shutdown);
        let served = tokio::spawn(async move { serving.await.unwrap() });
        Self { socket, stop, served }
    }

    async fn encrypted(files: ServerFiles) -> Self {
        Self::start(Access::new(Vec::new(), Some(Server::load(files).unwrap()))).await
    }

    /// A job for the host `web-1`, which is this probe.
    fn job(&self, files: Option<ClientFiles>, server_name: Option<&str>) -> Job {
        let tls = files.map(|files| LinkTls { files, server_name: server_name.map(Into::into) });
        let link = Link::encrypted(vec![at(self.socket)], tls.map(Arc::new), Some("web-1"));
        load_of(link)
    }

    async fn end(self) {
        drop(self.stop);
        self.served.await.unwrap();
    }
}

/// One family, which every machine has.
fn load_of(link: Arc<Link>) -> Job {
    let selection = Selection { families: [Family::Load].into(), ..Selection::default() };
    Job { link, selection: Arc::new(selection), ..job(Vec::new(), LONG) }
}

/// That a poll had this outcome, and that its error says this.
#[track_caller]
fn ended(attempt: &Attempt, outcome: Outcome, words: &str) {
    let said = attempt.error.as_deref().unwrap_or_default();
    assert_eq!(attempt.outcome, outcome, "{attempt:?}");
    assert!(said.contains(words), "{said}");
}

#[tokio::test]
async fn an_encrypted_connection_is_kept_and_the_answer_says_when_its_certificate_ends() {
    let pki = Pki::new();
    let probe = Probe::encrypted(pki.probe("web-1")).await;
    let (poller, job) = (poller(limits()), probe.job(Some(pki.server()), None));
    for _ in 0..3 {
        let attempt = poll(&poller, &job).await;
        assert_eq!(attempt.outcome, Outcome::Ok, "{attempt:?}");
        let ends = attempt.snapshot.unwrap().certificate_ends.unwrap();
        assert!((89..=90).contains(&((ends.0 / 1_000 - now()) / 86_400)), "{ends:?}");
    }
    assert_eq!(job.link.opened(), 1);
    probe.end().await;
}

#[tokio::test]
async fn each_disagreement_has_its_words() {
    let (own, other, gone) = (Pki::new(), Pki::new(), Pki::new());
    gone.revoke(SERVER);
    gone.revoke("web-1");
    let probe = Probe::encrypted(own.probe("web-1")).await;
    let strange = Probe::encrypted(other.probe("web-1")).await;
    let revoked = Probe::encrypted(gone.probe("web-1")).await;
    let plain = Probe::start(Access::default()).await;
    let unasked =
        Probe::encrypted(ServerFiles { client_ca: None, client_crl: None, ..own.probe("web-1") })
            .await;
    let asks = || Some(own.server());
    let without = |files: ClientFiles| Some(ClientFiles { identity: None, ..files });
    let unlisted = Some(ClientFiles { crl: None, ..gone.server() });
    let as_probe = {
        let host = own.probe("web-2");
        Some(ClientFiles { identity: Some((host.certificate, host.key)), ..own.server() })
    };
    let missing = Some(ClientFiles { ca: own.path("none.pem"), ..own.server() });
    let table = [
        ("not encrypted", probe.job(None, None), Outcome::Tls, "wants an encrypted connection"),
        ("a plain probe", plain.job(asks(), None), Outcome::Tls, "TLS: "),
        ("another CA", strange.job(asks(), None), Outcome::Tls, "unknown CA"),
        ("another name", probe.job(asks(), Some("db-1")), Outcome::Tls, "wrong name"),
        (
            "no certificate",
            probe.job(without(own.server()), None),
            Outcome::Unauthenticated,
            "no certificate sent",
        ),
        ("none asked", unasked.job(asks(), None), Outcome::Tls, "no certificate asked"),
        ("a probe that asks none", unasked.job(without(own.server()), None), Outcome::Ok, ""),
        ("a revoked probe", revoked.job(Some(gone.server()), None), Outcome::Tls, "revoked"),
        (
            "a revoked server",
            revoked.job(unlisted, None),
            Outcome::Tls,
            "our certificate is revoked",
        ),
        ("a probe as server", probe.job(as_probe, None), Outcome::Tls, "wrong role"),
        ("no file", probe.job(missing, None), Outcome::Local, "none.pem: "),
    ];
    let poller = poller(limits());
    for (attack, job, outcome, words) in table {
        let attempt = poll(&poller, &job).await;
        assert_eq!(attempt.outcome, outcome, "{attack}: {attempt:?}");
        let said = attempt.error.as_deref().unwrap_or_default();
        assert!(said.contains(words), "{attack}: {said}");
    }
    let beside = poll(&poller, &probe.job(asks(), None)).await;
    assert_eq!(beside.outcome, Outcome::Ok, "{beside:?}");
    for probe in [probe, strange, revoked, plain, unasked] {
        probe.end().await;
    }
}

#[tokio::test]
async fn a_peer_that_is_mute_in_the_handshake_is_silent_and_delays_nobody() {
    let pki = Pki::new();
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let probe = Probe::encrypted(pki.probe("web-1")).await;
    let tls = Some(Arc::new(LinkTls { files: pki.server(), server_name: None }));
    let link = Link::encrypted(vec![at(mute.local_addr().unwrap())], tls, Some("web-1"));
    let waits = load_of(link);
    // One place for both.
    let poller = poller(PollLimits {
        in_flight: 1,
        in_flight_for: Duration::from_millis(1),
        connect_timeout: SHORT,
        ..limits()
    });
    let beside = probe.job(Some(pki.server()), None);
    let (silent, well) = tokio::join!(poll(&poller, &waits), poll(&poller, &beside));
    ended(&silent, Outcome::Tls, "silent");
    assert_eq!(well.outcome, Outcome::Ok, "{well:?}");
    probe.end().await;
}

#[tokio::test]
async fn half_open_handshakes_beyond_the_places_keep_no_server_out() {
    let pki = Pki::new();
    let probe = Probe::encrypted(pki.probe("web-1")).await;
    let mut open = Vec::new();
    for _ in 0..service::MAX_CONNECTIONS + 8 {
        let mut stream = TcpStream::connect(probe.socket).await.unwrap();
        // The head of a record whose rest never comes.
        stream.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
        open.push(stream);
    }
    let attempt = poll(&poller(limits()), &probe.job(Some(pki.server()), None)).await;
    assert_eq!(attempt.outcome, Outcome::Ok, "{attempt:?}");
    drop(open);
    probe.end().await;
}

#[tokio::test]
async fn a_server_that_is_revoked_while_it_is_connected_is_told_so_and_then_kept_out() {
    let pki = Pki::new();
    let probe = Probe::encrypted(pki.probe("web-1")).await;
    let (poller, job) = (poller(limits()), probe.job(Some(pki.server()), None));
    assert_eq!(poll(&poller, &job).await.outcome, Outcome::Ok);
    pki.revoke(SERVER);
    let told = poll(&poller, &job).await;
    ended(&told, Outcome::Unauthenticated, "revoked");
    let kept_out = poll(&poller, &job).await;
    ended(&kept_out, Outcome::Tls, "revoked");
    probe.end().await;
}

#[tokio::test]
async fn a_probe_that_was_started_anew_costs_no_poll() {
    let pki = Pki::new();
    let probe = Probe::encrypted(pki.probe("web-1")).await;
    let (poller, job) = (poller(limits()), probe.job(Some(pki.server()), None));
    assert_eq!(poll(&poller, &job).await.outcome, Outcome::Ok);
    let socket = probe.socket;
    probe.end().await;
    let listener = TcpListener::bind(socket).await.unwrap();
    let access = Access::new(Vec::new(), Some(Server::load(pki.probe("web-1")).unwrap()));
    let again = Probe::on(listener, access);
    let attempt = poll(&poller, &job).await;
    assert_eq!(attempt.outcome, Outcome::Ok, "{attempt:?}");
    assert_eq!(job.link.opened(), 2);
    again.end().await;
}

#[tokio::test]
async fn a_certificate_that_is_renewed_counts_at_once_and_no_connection_ends() {
    let pki = Pki::new();
    let probe = Probe::encrypted(pki.probe("web-1")).await;
    let (poller, job) = (poller(limits()), probe.job(Some(pki.server()), None));
    let first = poll(&poller, &job).await.snapshot.unwrap().certificate_ends;
    Authority::open(pki.0.path()).unwrap().renew("web-1", 30, now()).unwrap();
    let second = poll(&poller, &job).await.snapshot.unwrap().certificate_ends;
    assert!(second < first, "{second:?} {first:?}");
    // One that cannot be used changes nothing.
    let file = pki.probe("web-1").certificate;
    fs::write(&file, "no certificate").unwrap();
    assert_eq!(poll(&poller, &job).await.snapshot.unwrap().certificate_ends, second);
    assert_eq!(job.link.opened(), 1);
    probe.end().await;
}

/// While a fleet moves to TLS; `--open` beside a certificate.
#[tokio::test]
async fn a_probe_that_is_open_beside_tls_answers_both_and_waits_for_no_mute_peer() {
    let (pki, other) = (Pki::new(), Pki::new());
    let access = Access::new(Vec::new(), Some(Server::load(pki.probe("web-1")).unwrap()));
    let limits = Limits { preface: SHORT, ..Limits::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let probe = Probe::within(limits, listener, access.or_plain());
    let poller = poller(super::limits());
    for job in [probe.job(None, None), probe.job(Some(pki.server()), None)] {
        let attempt = poll(&poller, &job).await;
        assert_eq!(attempt.outcome, Outcome::Ok, "{attempt:?}");
        let snapshot = attempt.snapshot.unwrap();
        assert!(snapshot.certificate_ends.is_some(), "its end is told over either");
    }
    let strange = poll(&poller, &probe.job(Some(other.server()), None)).await;
    ended(&strange, Outcome::Tls, "unknown CA");
    let mut mute = TcpStream::connect(probe.socket).await.unwrap();
    let closed = mute.read(&mut [0]).await;
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    probe.end().await;
}

/// As a discovered name is looked at: which host it is shows in the answer.
#[tokio::test]
async fn where_no_host_is_known_the_certificate_bears_the_server_name() {
    let pki = Pki::new();
    let probe = Probe::encrypted(pki.probe("web-1")).await;
    let poller = poller(limits());
    for (name, outcome, words) in [
        (None, Outcome::Ok, ""),
        (Some("web-1"), Outcome::Ok, ""),
        (Some("db-1"), Outcome::Tls, "wrong name"),
    ] {
        let tls = LinkTls { files: pki.server(), server_name: name.map(Into::into) };
        let link = Link::encrypted(vec![at(probe.socket)], Some(Arc::new(tls)), None);
        ended(&poll(&poller, &load_of(link)).await, outcome, words);
    }
    probe.end().await;
}
