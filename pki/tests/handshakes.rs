//! Attacks on the connection between server and probe, each with its result on both sides.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use roundsman_pki::{
    authority::{Authority, DAY_S, SERVER},
    cause::{Cause, TlsError},
    client::{Client, ClientFiles, Setup},
    names,
    server::{Server, ServerFiles, Standing},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, HandshakeKind, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
    },
};

/// An authority with the certificates of two hosts and of the server.
struct Pki {
    dir: tempfile::TempDir,
}

fn now() -> i64 {
    i64::try_from(UnixTime::now().as_secs()).unwrap()
}

impl Pki {
    fn new() -> Self {
        Self::at(now(), 90)
    }

    /// Whose certificates were issued at `moment`.
    fn at(moment: i64, days: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut authority = Authority::init(dir.path(), days, moment).unwrap();
        for host in ["web-01", "db-01"] {
            authority.issue(host, days, moment).unwrap();
        }
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn authority(&self) -> Authority {
        Authority::open(self.dir.path()).unwrap()
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
        ClientFiles {
            ca: self.path("ca.pem"),
            crl: Some(self.path("crl.pem")),
            identity: Some((self.path("server/server.pem"), self.path("server/server.key"))),
        }
    }
}

type Ends = (Result<(), Cause>, Result<(), Cause>);

/// Both sides' results: of the client until it has read a byte, of the server's handshake.
async fn meet(probe: &ServerFiles, server: &ClientFiles, name: Option<&str>) -> Ends {
    let (probe, _) = Server::load(probe.clone()).unwrap().current();
    let (server, _) = Client::load(server.clone()).unwrap().current();
    let (near, far) = duplex(64 * 1024);
    let asks = async {
        let mut stream = server.connect(near, name).await?;
        let read = stream.read_u8().await;
        read.map(drop).map_err(|error| TlsError::of_handshake(&error))
    };
    let answers = async {
        let mut stream = probe.accept(far, false).await?;
        // Who left at once shows in its own result.
        let _gone = stream.write_all(b"x").await;
        let _gone = stream.flush().await;
        Ok::<_, TlsError>(())
    };
    let (asked, answered) = tokio::join!(asks, answers);
    (asked.map_err(|error| error.cause), answered.map_err(|error| error.cause))
}

#[tokio::test]
async fn only_the_hosts_own_probe_and_only_the_server_of_the_authority() {
    let (own, other) = (Pki::new(), Pki::new());
    let (good, asks) = (own.probe("web-01"), own.server());
    let named = Some("web-01");
    assert_eq!(meet(&good, &asks, named).await, (Ok(()), Ok(())));
    // Wherever it is, for discovery.
    assert_eq!(meet(&good, &asks, None).await, (Ok(()), Ok(())));

    let past = Pki::at(now() - 10 * DAY_S, 1);
    let revoked = Pki::new();
    revoked.authority().revoke(SERVER, now()).unwrap();
    let gone = Pki::new();
    gone.authority().revoke("web-01", now()).unwrap();
    let without_list = |files: &ServerFiles| ServerFiles { client_crl: None, ..files.clone() };
    let as_client = |files: &ClientFiles, of: &ServerFiles| ClientFiles {
        identity: Some((of.certificate.clone(), of.key.clone())),
        ..files.clone()
    };
    let as_probe = |files: &ServerFiles, of: &ClientFiles| {
        let (certificate, key) = of.identity.clone().unwrap();
        ServerFiles { certificate, key, ..files.clone() }
    };
    let role = Err(Cause::WrongRole);
    let unknown = Err(Cause::UnknownAuthority);
    let table = [
        ("the probe's certificate is another CA's", other.probe("web-01"), asks.clone(), unknown),
        ("it is another host's", own.probe("db-01"), asks.clone(), Err(Cause::WrongName)),
        ("it has expired", past.probe("web-01"), past.server(), Err(Cause::Expired)),
        ("it is revoked", gone.probe("web-01"), gone.server(), Err(Cause::Revoked)),
        ("it is a server's", as_probe(&good, &asks), asks.clone(), role),
        (
            "the probe asks for none",
            ServerFiles { client_ca: None, client_crl: None, ..good.clone() },
            asks.clone(),
            Err(Cause::NotAsked),
        ),
        (
            "the server's is another CA's",
            good.clone(),
            ClientFiles { ca: own.path("ca.pem"), crl: None, ..other.server() },
            unknown,
        ),
        (
            "the server shows none",
            good.clone(),
            ClientFiles { identity: None, ..asks.clone() },
            Err(Cause::NotSent),
        ),
        ("the server's is revoked", revoked.probe("web-01"), revoked.server(), Err(Cause::Revoked)),
        ("the server shows a probe's", good.clone(), as_client(&asks, &own.probe("db-01")), role),
        (
            "a list of another CA revokes nothing and lets nobody in",
            ServerFiles { client_crl: Some(other.path("crl.pem")), ..good.clone() },
            asks.clone(),
            unknown,
        ),
        (
            "revoked, but the probe has no list",
            without_list(&revoked.probe("web-01")),
            revoked.server(),
            Ok(()),
        ),
    ];
    for (attack, probe, server, expected) in table {
        let (asked, answered) = meet(&probe, &server, named).await;
        let on_either = match asked {
            Err(Cause::Closed) => answered,
            other => other,
        };
        assert_eq!(on_either, expected, "{attack}: {asked:?}, {answered:?}");
        // A client that left is seen by its alert or its end; nobody is let in that must not be.
        let is_the_clients = attack.starts_with("the server");
        assert!(!is_the_clients || answered == expected, "{attack}: {answered:?}");
    }
}

/// PEM files of an authority that is not ours.
struct Foreign {
    dir: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Foreign {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        fs::write(dir.path().join("ca.pem"), ca.self_signed(&key).unwrap().pem()).unwrap();
        Self { dir, issuer: Issuer::new(ca, key) }
    }

    fn leaf(
        &self,
        file: &str,
        name: SanType,
        role: ExtendedKeyUsagePurpose,
        starts: i64,
    ) -> (PathBuf, PathBuf) {
        let mut leaf = CertificateParams::default();
        leaf.subject_alt_names = vec![name];
        leaf.extended_key_usages = vec![role];
        leaf.not_before = rcgen::date_time_ymd(1970, 1, 1)
            + std::time::Duration::from_secs(u64::try_from(starts).unwrap());
        let key = KeyPair::generate().unwrap();
        let path = |ending: &str| self.dir.path().join(format!("{file}.{ending}"));
        fs::write(path("pem"), leaf.signed_by(&key, &self.issuer).unwrap().pem()).unwrap();
        write_secret(&path("key"), &key.serialize_pem());
        (path("pem"), path("key"))
    }
}

fn write_secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn an_operators_own_authority_will_do_and_a_client_of_it_without_the_role_does_not() {
    let pki = Foreign::new();
    let dns = |text: &str| SanType::DnsName(text.try_into().unwrap());
    let uri = |text: &str| SanType::URI(text.try_into().unwrap());
    let (asks, answers) =
        (ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth);
    let ca = pki.dir.path().join("ca.pem");
    let probe = |(certificate, key)| ServerFiles {
        certificate,
        key,
        client_ca: Some(ca.clone()),
        client_crl: None,
    };
    let server = |identity| ClientFiles { ca: ca.clone(), crl: None, identity: Some(identity) };
    let by_name = probe(pki.leaf("a", dns("web-01.example"), answers.clone(), 0));
    let by_address =
        probe(pki.leaf("b", SanType::IpAddress([10, 0, 0, 7].into()), answers.clone(), 0));
    let by_uri = probe(pki.leaf("c", uri("roundsman://host/rack%201"), answers.clone(), 0));
    let future = probe(pki.leaf("d", dns("web-01.example"), answers, now() + DAY_S));
    let with_role = server(pki.leaf("e", uri(names::SERVER), asks.clone(), 0));
    let without = server(pki.leaf("f", dns("monitor.example"), asks.clone(), 0));
    let early = server(pki.leaf("g", uri(names::SERVER), asks, now() + DAY_S));
    let good = (Ok(()), Ok(()));
    assert_eq!(meet(&by_name, &with_role, Some("web-01.example")).await, good);
    assert_eq!(meet(&by_address, &with_role, Some("10.0.0.7")).await, good);
    assert_eq!(meet(&by_uri, &with_role, Some("rack 1")).await, good);
    let (_, answered) = meet(&by_name, &without, Some("web-01.example")).await;
    assert_eq!(answered, Err(Cause::WrongRole));
    let (_, answered) = meet(&by_name, &early, Some("web-01.example")).await;
    assert_eq!(answered, Err(Cause::NotYetValid));
    let (asked, _) = meet(&future, &with_role, Some("web-01.example")).await;
    assert_eq!(asked, Err(Cause::NotYetValid));
}

/// What a probe makes of bytes that are no handshake of ours.
async fn raw(bytes: &[u8]) -> Cause {
    let pki = Pki::new();
    let (probe, _) = Server::load(pki.probe("web-01")).unwrap().current();
    let (mut near, far) = duplex(256 * 1024);
    near.write_all(bytes).await.unwrap();
    let answered =
        tokio::time::timeout(std::time::Duration::from_secs(60), probe.accept(far, false));
    answered.await.unwrap().unwrap_err().cause
}

/// A ClientHello with this version as its newest, and this many bytes of padding.
fn hello(version: [u8; 2], padding: usize) -> Vec<u8> {
    let mut body = version.to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend([0, 2, 0xc0, 0x2b, 1, 0]);
    body.extend(u16::try_from(padding.min(60_000) + 4).unwrap().to_be_bytes());
    body.extend([0, 21]);
    body.extend(u16::try_from(padding.min(60_000)).unwrap().to_be_bytes());
    body.extend(vec![0; padding]);
    let mut message = vec![1];
    message.extend(&u32::try_from(body.len()).unwrap().to_be_bytes()[1..]);
    message.extend(body);
    let records = message.chunks(16_384).map(|part| {
        let length = u16::try_from(part.len()).unwrap().to_be_bytes();
        [&[22, 3, 1, length[0], length[1]], part].concat()
    });
    records.collect::<Vec<_>>().concat()
}

#[tokio::test]
async fn who_does_not_speak_tls_or_too_old_or_too_much_is_refused_at_once() {
    assert_eq!(raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await, Cause::PlainPeer);
    assert_eq!(raw(b"GET / HTTP/1.1\r\n\r\n").await, Cause::PlainPeer);
    assert_eq!(raw(&hello([3, 2], 16)).await, Cause::Protocol);
    assert_eq!(raw(&hello([3, 3], 150_000)).await, Cause::Protocol);
}

#[tokio::test]
async fn a_server_that_meets_a_plain_peer_says_so() {
    let pki = Pki::new();
    let (server, _) = Client::load(pki.server()).unwrap().current();
    let (near, mut far) = duplex(64 * 1024);
    // SETTINGS, as an HTTP/2 server begins.
    far.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    let refused = server.connect(near, Some("web-01")).await.map(drop).unwrap_err();
    assert_eq!(refused.cause, Cause::PlainPeer, "{refused}");
}

fn resuming(pki: &Pki, identity: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(
        CertificateDer::pem_file_iter(pki.path("ca.pem")).unwrap().map(Result::unwrap),
    );
    let path = |ending: &str| pki.path(&format!("{identity}.{ending}"));
    let chain = CertificateDer::pem_file_iter(path("pem")).unwrap().map(Result::unwrap).collect();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(path("key")).unwrap())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// A client that keeps what it may of a session gets nothing that outlives a revocation, or another name.
#[tokio::test]
async fn no_session_is_resumed() {
    let pki = Pki::new();
    let server = Server::load(pki.probe("web-01")).unwrap();
    let config = Arc::new(resuming(&pki, "server/server"));
    let kind = || async {
        let (near, far) = duplex(64 * 1024);
        let (probe, _) = server.current();
        let asks = async {
            let name = ServerName::try_from("web-01").unwrap();
            let mut stream: tokio_rustls::client::TlsStream<DuplexStream> =
                TlsConnector::from(Arc::clone(&config)).connect(name, near).await.unwrap();
            stream.read_u8().await.map(|_| stream.get_ref().1.handshake_kind().unwrap())
        };
        let answers = async {
            if let Ok(mut stream) = probe.accept(far, false).await {
                stream.write_all(b"x").await.unwrap();
                stream.flush().await.unwrap();
            }
        };
        tokio::join!(asks, answers).0
    };
    for _ in 0..2 {
        assert_eq!(kind().await.unwrap(), HandshakeKind::Full);
    }
    pki.authority().revoke(SERVER, now()).unwrap();
    let refused = kind().await.unwrap_err();
    assert_eq!(TlsError::of_handshake(&refused).cause, Cause::Revoked);
}

#[tokio::test]
async fn files_that_change_are_read_again_and_unfit_ones_leave_what_was() {
    let pki = Pki::new();
    let files = pki.probe("web-01");
    let server = Server::load(files.clone()).unwrap();
    let (first, news) = server.current();
    assert_eq!(news, None);
    pki.authority().renew("web-01", 30, now()).unwrap();
    let (second, news) = server.current();
    assert_eq!(news, Some(Ok(())));
    assert!(second.ends() < first.ends(), "{} {}", second.ends(), first.ends());
    // Who is there already is asked again by the new list, and at the end of its certificate.
    let (client, _) = Client::load(pki.server()).unwrap().current();
    let (near, far) = duplex(64 * 1024);
    let (asked, answered) =
        tokio::join!(client.connect(near, Some("web-01")), second.accept(far, false));
    let _open = asked.unwrap();
    let standing = Standing::new(&answered.unwrap(), Arc::clone(&second));
    standing.may_ask(&second, now()).unwrap();
    let late = standing.may_ask(&second, now() + 91 * DAY_S).unwrap_err();
    assert_eq!(late.cause, Cause::Expired);
    pki.authority().revoke(SERVER, now()).unwrap();
    let (third, _) = server.current();
    assert_eq!(standing.may_ask(&third, now()).unwrap_err().cause, Cause::Revoked);
    // The key of another one: said once, and what was stays.
    fs::copy(pki.path("hosts/db-01/probe.pem"), &files.certificate).unwrap();
    let (fourth, news) = server.current();
    let unfit = news.unwrap().unwrap_err().to_string();
    assert!(unfit.contains("expected the key of"), "{unfit}");
    assert!(Arc::ptr_eq(&third, &fourth));
    assert_eq!(server.current().1, None);
}

#[test]
fn files_that_cannot_be_used_say_which_and_why() {
    let pki = Pki::new();
    let good = pki.probe("web-01");
    let why = |files: ServerFiles| Server::load(files).map(drop).unwrap_err().to_string();
    let leaf = ServerFiles { client_ca: Some(good.certificate.clone()), ..good.clone() };
    assert!(
        why(leaf)
            .ends_with("expected the certificates of authorities (CA:TRUE), found another one")
    );
    let no_key = ServerFiles { key: good.certificate.clone(), ..good.clone() };
    // Certificates may be read by everybody.
    assert!(why(no_key).contains("every user may read this key (mode 644)"));
    let missing = ServerFiles { client_crl: Some(pki.path("none")), ..good.clone() };
    assert!(why(missing).contains("none: "));
    let large = pki.path("large");
    fs::File::create(&large).unwrap().set_len(roundsman_pki::pem::MAX_PEM_BYTES + 1).unwrap();
    let large = ServerFiles { certificate: large, ..good };
    assert!(why(large).contains("expected at most 1048576 bytes"));
}

#[tokio::test]
async fn the_hosts_own_check_trusts_one_certificate_and_needs_none() {
    let pki = Pki::new();
    let (probe, _) = Server::load(pki.probe("web-01")).unwrap().current();
    let meets = |certificate: &str| {
        let setup = Setup::pinned(&pki.path(certificate)).unwrap();
        let probe = Arc::clone(&probe);
        async move {
            let (near, far) = duplex(64 * 1024);
            let answers = async {
                let stream = probe.accept(far, true).await;
                stream.map(|stream| stream.get_ref().1.peer_certificates().is_some())
            };
            let (asked, answered) = tokio::join!(setup.connect(near, None), answers);
            (asked.map(drop).map_err(|error| error.cause), answered.ok())
        }
    };
    assert_eq!(meets("hosts/web-01/probe.pem").await, (Ok(()), Some(false)));
    assert_eq!(meets("hosts/db-01/probe.pem").await, (Err(Cause::WrongRole), None));
}

#[test]
fn the_document_names_every_cause() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/security.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, end) = text.split_once("its error names one of: ").unwrap();
    let (end, _) = end.split_once("\n\n").unwrap_or((end, ""));
    let words = end.split_whitespace().collect::<Vec<_>>().join(" ");
    let named: Vec<&str> = words.trim_end_matches('.').split(", ").collect();
    let known: Vec<&str> = Cause::ALL.iter().map(|cause| cause.as_str()).collect();
    assert_eq!(named, known);
}
