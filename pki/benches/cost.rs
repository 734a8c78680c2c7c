//! What TLS costs both sides: a handshake, and a kept connection's call of 200 bytes with an answer of 4 KiB, in
//! memory, against the same bytes in plain text. Prints medians of CPU time of this one thread, which does the work
//! of both sides.
//!
//! cargo bench -p roundsman-pki

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::time::{Duration, Instant};

use roundsman_pki::{
    authority::Authority,
    client::{Client, ClientFiles},
    server::{Server, ServerFiles},
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, duplex};

const ROUNDS: usize = 400;
const CALLS: usize = 4_000;

fn median(mut all: Vec<Duration>) -> f64 {
    all.sort();
    all[all.len() / 2].as_secs_f64() * 1e6
}

/// Calls over a connection whose two ends these are, each timed.
async fn calls<A, B>(mut near: A, mut far: B) -> f64
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let mut times = Vec::with_capacity(CALLS);
    let (mut asked, mut answered) = ([0; 200], vec![0; 4_096]);
    for _ in 0..CALLS {
        let began = Instant::now();
        near.write_all(&[1; 200]).await.unwrap();
        near.flush().await.unwrap();
        far.read_exact(&mut asked).await.unwrap();
        far.write_all(&[2; 4_096]).await.unwrap();
        far.flush().await.unwrap();
        near.read_exact(&mut answered).await.unwrap();
        times.push(began.elapsed());
    }
    median(times)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let dir = tempfile::tempdir().unwrap();
    let seconds = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let now = i64::try_from(seconds).unwrap();
    let mut authority = Authority::init(dir.path(), 90, now).unwrap();
    authority.issue("web-01", 90, now).unwrap();
    let host = |name: &str| dir.path().join("hosts/web-01").join(name);
    let own = |name: &str| dir.path().join("server").join(name);
    let server = Server::load(ServerFiles {
        certificate: host("probe.pem"),
        key: host("probe.key"),
        client_ca: Some(host("ca.pem")),
        client_crl: Some(host("crl.pem")),
    });
    let client = Client::load(ClientFiles {
        ca: own("ca.pem"),
        crl: Some(own("crl.pem")),
        identity: Some((own("server.pem"), own("server.key"))),
    });
    let ((server, client), mut times) = ((server.unwrap(), client.unwrap()), Vec::new());
    let mut last = None;
    for _ in 0..ROUNDS {
        let (near, far) = duplex(64 * 1024);
        let ((probe, _), (setup, _)) = (server.current(), client.current());
        let began = Instant::now();
        let both = tokio::join!(setup.connect(near, Some("web-01")), probe.accept(far, false));
        times.push(began.elapsed());
        last = Some((both.0.unwrap(), both.1.unwrap()));
    }
    let (near, far) = last.unwrap();
    let encrypted = calls(near, far).await;
    let (near, far) = duplex(64 * 1024);
    let plain = calls(near, far).await;
    let mut looks = Vec::new();
    for _ in 0..CALLS {
        let began = Instant::now();
        let _current = server.current();
        looks.push(began.elapsed());
    }
    println!("handshake, both sides      {:8.1} us", median(times));
    println!("call, plain, both sides    {plain:8.1} us");
    println!("call, TLS, both sides      {encrypted:8.1} us");
    println!("look at four files         {:8.1} us", median(looks));
}
