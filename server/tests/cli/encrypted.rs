//! HTTPS, gRPC over TLS and the socket of this machine, of the real server: what is let in, and what comes of
//! those who speak otherwise.

use std::{
    collections::VecDeque,
    fs,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use rcgen::{CertificateParams, CertifiedKey, KeyPair, date_time_ymd, generate_simple_self_signed};
use roundsman::web::MAX_CONNECTIONS;
use roundsman_probe::clock::Clocks;
use rustix::process::Signal;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    version,
};

use super::{
    program::{Desk, Running},
    serve::{addresses, line_after},
};

/// A desk with a server's certificate and key, and settings that name them.
fn desk(more: &str) -> Desk {
    let desk = Desk::new();
    desk.file("inventory.toml", "");
    certify(&desk);
    desk.file(
        "roundsman.toml",
        &format!("[http]\ntls_cert = \"web.pem\"\ntls_key = \"web.key\"\n{more}"),
    );
    desk
}

/// A new certificate and key; the file that is read is never half of one.
fn certify(desk: &Desk) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    write(desk, &signing_key.serialize_pem(), &cert.pem());
}

fn write(desk: &Desk, key: &str, certificate: &str) {
    for (name, text) in [("web.key", key), ("web.pem", certificate)] {
        let new = desk.file("new", text);
        fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(new, desk.path().join(name)).unwrap();
    }
}

fn start(desk: &Desk) -> (Running, String, String) {
    let mut server = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
    let (http, grpc) = addresses(&mut server);
    (server, http, grpc)
}

type Encrypted = StreamOwned<ClientConnection, TcpStream>;

/// Connects as one that knows the certificate, and speaks these protocols.
fn connect(desk: &Desk, address: &str, protocols: &[&str]) -> Result<Encrypted, std::io::Error> {
    let mut roots = RootCertStore::empty();
    let file = desk.path().join("web.pem");
    roots.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    while session.is_handshaking() {
        session.complete_io(&mut socket)?;
    }
    Ok(StreamOwned::new(session, socket))
}

fn ask(stream: &mut (impl std::io::Read + std::io::Write), path: &str) -> String {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    // An end without close_notify is none of this test's.
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn the_api_and_the_health_are_asked_over_tls_and_by_the_commands_too() {
    let desk = desk("[grpc]\ntls = true\n");
    let (_server, http, grpc) = start(&desk);

    let mut stream = connect(&desk, &http, &["http/1.1"]).unwrap();
    let answer = ask(&mut stream, "/healthz");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age=31536000\r\n"), "{answer}");
    // What is preferred, and what is spoken by one that says nothing.
    let chosen = |offered: &[&str]| {
        let stream = connect(&desk, &http, offered).unwrap();
        stream.conn.alpn_protocol().map(|name| String::from_utf8(name.to_vec()).unwrap())
    };
    assert_eq!(chosen(&["http/1.1", "h2"]).as_deref(), Some("h2"));
    assert!(ask(&mut connect(&desk, &http, &[]).unwrap(), "/healthz").contains(" 200 OK"));

    // Over HTTP/2, as the commands ask.
    let asked = desk.run(&["reload", "--http", &http]);
    assert_eq!((asked.code, asked.err.as_str()), (Some(0), ""), "{asked:?}");
    let health = desk.run(&["health", "store", "--address", &grpc, "--tls-cert", "web.pem"]);
    assert_eq!((health.code, health.out.as_str()), (Some(0), "SERVING\n"), "{health:?}");
    let plain = desk.run(&["health", "store", "--address", &grpc]);
    assert_eq!(plain.code, Some(1), "{plain:?}");

    // A server that shows another certificate than the settings name is not asked.
    let other = self::desk("");
    let asked = other.run(&["reload", "--http", &http]);
    assert_eq!(asked.code, Some(1), "{asked:?}");
    assert!(asked.err.contains("certificate"), "{asked:?}");
}

#[test]
fn who_speaks_no_tls_or_an_old_one_or_nonsense_is_refused_and_others_go_on() {
    let desk = desk("");
    let (_server, http, _) = start(&desk);
    let said = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(&http).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // What is not read any more may end in a reset.
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut answer);
        answer
    };
    let plain = said(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let plain = String::from_utf8(plain).unwrap();
    assert!(plain.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{plain}");
    assert!(plain.contains("ask it with https://"), "{plain}");

    // A ClientHello of TLS 1.0 (RFC 2246) with one cipher suite of its time: a fatal alert (RFC 8446, 6).
    let mut hello = vec![0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    let old = said(&hello);
    assert_eq!((old.len(), old.first(), old.get(5)), (7, Some(&0x15), Some(&2)), "{old:?}");
    // A hello that says it is larger than any record may be, and bytes that are none.
    for nonsense in [&[0x16, 3, 1, 0xff, 0xff, 1, 0][..], &[0x16; 4096][..]] {
        let answer = said(nonsense);
        assert!(answer.len() <= 7, "an alert at most: {answer:?}");
    }
    // With none of the protocols that are spoken.
    assert!(connect(&desk, &http, &["spdy/3"]).is_err());

    // More handshakes that stand still than there are places: who comes after them is served.
    let _mute: Vec<TcpStream> = (0..600)
        .filter_map(|_| {
            let mut stream = TcpStream::connect(&http).ok()?;
            stream.write_all(&[0x16]).ok()?;
            Some(stream)
        })
        .collect();
    let answer = ask(&mut connect(&desk, &http, &[]).unwrap(), "/healthz");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[test]
fn a_renewed_certificate_counts_from_the_next_handshake_and_a_bad_one_never() {
    let desk = desk("");
    let (mut server, http, _) = start(&desk);
    let mut before = connect(&desk, &http, &[]).unwrap();
    certify(&desk);
    // The client knows the new one alone.
    assert!(ask(&mut connect(&desk, &http, &[]).unwrap(), "/healthz").contains(" 200 OK"));
    line_after(&mut server, "read the changed certificates");
    assert!(ask(&mut before, "/healthz").contains(" 200 OK"), "what was open goes on");

    let client = Desk::new();
    fs::copy(desk.path().join("web.pem"), client.path().join("web.pem")).unwrap();
    desk.file("web.pem", "no certificate");
    assert!(connect(&client, &http, &[]).is_ok());
    line_after(&mut server, "cannot use the changed certificates; those before stay in use");
}

#[test]
fn a_certificate_of_the_server_that_ends_soon_is_an_alarm() {
    let desk = desk("");
    let days = |days: u64| {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let now = u64::try_from(Clocks::now().wall_ns / 1_000_000_000).unwrap();
        params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(now + days * 86_400);
        let key = KeyPair::generate().unwrap();
        write(&desk, &key.serialize_pem(), &params.self_signed(&key).unwrap().pem());
    };
    days(13);
    let (_server, http, _) = start(&desk);
    let asked = |text: &str, holds: bool| {
        let tries = 0..10_000;
        let ask = |_| ask(&mut connect(&desk, &http, &["http/1.1"]).unwrap(), "/api/v1/alerts");
        tries.map(ask).find(|answer| answer.contains(text) == holds).unwrap()
    };
    let firing = asked("server-certificate-ends", true);
    assert!(firing.contains("Roundsman: a certificate that it shows ends in 12days"), "{firing}");
    days(90);
    asked("server-certificate-ends", false);
}

#[test]
fn files_that_are_of_no_use_are_said_at_the_start_and_by_check() {
    let key = |desk: &Desk| desk.path().join("web.key");
    type Spoil = fn(&Desk, PathBuf);
    let cases: [(Spoil, &str); 3] = [
        (
            |_, key| fs::set_permissions(key, fs::Permissions::from_mode(0o644)).unwrap(),
            "every user may read this key (mode 644); run chmod 600 on it",
        ),
        (|_, key| fs::remove_file(key).unwrap(), "No such file"),
        (
            |desk, key| {
                let kept = fs::read(&key).unwrap();
                certify(desk);
                fs::write(key, kept).unwrap();
            },
            "expected the key of web.pem",
        ),
    ];
    for (spoil, words) in cases {
        let desk = desk("");
        spoil(&desk, key(&desk));
        for command in [&["check"][..], &["serve", "--http", "127.0.0.1:0", "--data", "d"]] {
            let ended = desk.run(command);
            assert_eq!(ended.code, Some(1), "{ended:?}");
            assert!(ended.err.contains("http.tls_cert and http.tls_key: web.key: "), "{ended:?}");
            assert!(ended.err.contains(words), "{words}: {ended:?}");
        }
    }
    let half = Desk::new();
    half.file("roundsman.toml", "[http]\ntls_key = \"web.key\"\n[grpc]\ntls = true\n");
    let ended = half.run(&["check"]);
    assert!(ended.err.contains("http.tls_key: is of no use without http.tls_cert"), "{ended:?}");
    assert!(ended.err.contains("grpc.tls: needs a certificate"), "{ended:?}");
}

#[test]
fn a_socket_of_this_machine_serves_the_same_and_is_taken_over_from_one_that_was_killed() {
    let desk = desk("socket = \"web.sock\"\n");
    let path = desk.path().join("web.sock");
    let asked = || ask(&mut UnixStream::connect(&path).unwrap(), "/healthz");
    let (server, ..) = start(&desk);
    assert!(asked().starts_with("HTTP/1.1 200 OK\r\n"), "in clear text");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);

    // Somebody listens there.
    let second = desk.run(&["serve", "--http", "127.0.0.1:0", "--data", "e"]);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.err.contains("cannot listen at web.sock for HTTP"), "{second:?}");
    assert!(asked().contains(" 200 OK"), "the first goes on");

    // Killed: its file is left.
    drop(server);
    assert!(path.exists());
    let (mut server, ..) = start(&desk);
    assert!(asked().contains(" 200 OK"));
    server.signal(Signal::TERM);
    assert_eq!(server.end(desk.path()).code, Some(0));
    assert!(!path.exists(), "removed at its end");

    // Another file is nobody's socket.
    desk.file("web.sock", "notes");
    let refused = desk.run(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "notes");
}

/// Half-open handshakes on each port, and how many of them their sender keeps open.
const HALF_OPEN: usize = 10_000;
const KEPT_OPEN: usize = 700;

/// Memory that a server may take meanwhile, KiB: less than two for each.
const MAY_GROW_KIB: u64 = 16 * 1024;

fn descriptors(server: &mut Running) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.child().id())).unwrap().count()
}

fn resident_kib(server: &mut Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.child().id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn ten_thousand_half_open_handshakes_take_bounded_means_and_keep_nobody_out() {
    let desk = desk("[grpc]\ntls = true\n");
    let (mut server, http, grpc) = start(&desk);
    let asked = || {
        let answer = ask(&mut connect(&desk, &http, &[]).unwrap(), "/healthz");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        let health = desk.run(&["health", "", "--address", &grpc, "--tls-cert", "web.pem"]);
        assert_eq!(health.code, Some(0), "{health:?}");
    };
    asked();
    let idle = descriptors(&mut server);
    for address in [&http, &grpc] {
        let mut open = VecDeque::new();
        let mut resident = 0;
        for number in 0..HALF_OPEN {
            let mut stream = TcpStream::connect(address).unwrap();
            // The head of a record, and of a ClientHello; it may have been closed by now.
            let _ = stream.write_all(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]);
            open.push_back(stream);
            if open.len() > KEPT_OPEN {
                open.pop_front();
            }
            if number % (HALF_OPEN / 4) == HALF_OPEN / 4 - 1 {
                asked();
                let used = descriptors(&mut server);
                assert!(used <= idle + 2 * MAX_CONNECTIONS, "{used} descriptors");
                let now = resident_kib(&mut server);
                resident = if resident == 0 { now } else { resident };
                assert!(now <= resident + MAY_GROW_KIB, "{resident} KiB, then {now}");
            }
        }
    }
}

/// TLS 1.2 allows it, and who shows a certificate only then would have asked before.
#[test]
fn who_asks_to_renegotiate_is_refused() {
    let desk = desk("");
    let (_server, http, _) = start(&desk);
    let mut client = Command::new("openssl")
        .args(["s_client", "-connect", &http, "-tls1_2", "-alpn", "http/1.1"])
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
