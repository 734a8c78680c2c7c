//! Ways to log in, and what is said to those who are turned away.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;

async fn open(options: &Options) -> Result<Mysql, StoreError> {
    Mysql::open(options.clone(), Mode::ReadWrite, standing_clock()).await
}

#[tokio::test]
async fn a_user_logs_in_the_way_that_the_server_recommends() {
    let port = shared();
    let name = new_database(port).await;
    let how = if mariadbd::mysqld().is_some() {
        format!("IDENTIFIED WITH caching_sha2_password BY '{PASSWORD}'")
    } else {
        let mut root = conn(port, None).await;
        root.query_drop("INSTALL SONAME 'auth_ed25519'").await.unwrap();
        format!("IDENTIFIED VIA ed25519 USING PASSWORD('{PASSWORD}')")
    };
    let options = user(port, &name, "recommended", &how).await;
    let store = open(&options).await.unwrap();
    store.register(vec![sample::registration("web-1")], sample::START).await.unwrap();
    let wrong = Options { password: Some(Secret::new("another")), ..options };
    let refused = open(&wrong).await.unwrap_err();
    assert!(matches!(refused, StoreError::Denied { .. }), "{refused}");
}

/// Who is turned away, whether it is waited for, and a word of what is to be done.
#[tokio::test]
async fn those_who_are_turned_away_are_told_what_to_do() {
    let port = shared();
    let name = new_database(port).await;
    let mut root = conn(port, None).await;
    let mut cases = vec![
        ("expired", "PASSWORD EXPIRE", 1, false, "its password has expired"),
        ("locked", "ACCOUNT LOCK", 1, false, "ACCOUNT UNLOCK"),
        ("hourly", "WITH MAX_CONNECTIONS_PER_HOUR 1", 2, true, "MAX_CONNECTIONS_PER_HOUR"),
    ];
    if mariadbd::mysqld().is_some() {
        let how = "FAILED_LOGIN_ATTEMPTS 1 PASSWORD_LOCK_TIME 1";
        cases.push(("guessed", how, 2, true, "wrong passwords have locked"));
    }
    for (who, how, tries, is_waited_for, words) in cases {
        let options = user(port, &name, who, &format!("IDENTIFIED BY '{PASSWORD}'")).await;
        root.query_drop(format!("ALTER USER {who}@'127.0.0.1' {how}")).await.unwrap();
        let wrong = Options { password: Some(Secret::new("another")), ..options.clone() };
        for _ in 1..tries {
            open(&wrong).await.unwrap_err();
        }
        let refused = open(&options).await.unwrap_err();
        assert_eq!(refused.is_absence(), is_waited_for, "{who}: {}", refused.with_causes());
        assert!(refused.to_string().contains(words), "{who}: {}", refused.with_causes());
    }
}

/// What a server says first: its version, a caching_sha2_password challenge and what it can do (MySQL
/// Internals, `Protocol::HandshakeV10`).
fn greeting() -> Vec<u8> {
    // Protocol 4.1, secure connection and the database at the login; plugins, in the upper half.
    let can = (0x8000_u16 | 0x0200 | 0x0008 | 0x0001).to_le_bytes();
    [
        &[10][..],
        b"9.7.4\0",
        &7_u32.to_le_bytes(),
        b"01234567\0",
        &can,
        &[45, 2, 0],
        &8_u16.to_le_bytes(),
        &[21],
        &[0; 10],
        b"890123456789\0",
        b"caching_sha2_password\0",
    ]
    .concat()
}

async fn send(peer: &mut TcpStream, number: u8, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
    let packet = [&length[..3], &[number], payload].concat();
    peer.write_all(&packet).await.unwrap();
}

async fn receive(peer: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 4];
    peer.read_exact(&mut head).await.unwrap();
    let mut payload = vec![0; usize::from(head[0]) | usize::from(head[1]) << 8];
    peer.read_exact(&mut payload).await.unwrap();
    payload
}

/// The driver panics at a key that is none.
#[tokio::test]
async fn a_panic_of_the_driver_is_told_as_what_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let peer = async {
        let (mut peer, _) = listener.accept().await.unwrap();
        send(&mut peer, 0, &greeting()).await;
        receive(&mut peer).await;
        // The password in full, please; then the key for it.
        send(&mut peer, 2, &[1, 4]).await;
        assert_eq!(receive(&mut peer).await, [2]);
        send(&mut peer, 4, b"\x01no key").await;
        peer
    };
    let options = Options { password: Some(Secret::new(PASSWORD)), ..options(port, "fleet") };
    let (refused, _peer) = tokio::join!(open(&options), peer);
    let refused = refused.unwrap_err();
    assert!(matches!(refused, StoreError::Driver { .. }), "{refused}");
    assert!(refused.to_string().starts_with("a fault in the driver: "), "{refused}");
}

/// The driver gives a wrong answer to some challenges of a login by `ed25519`.
#[tokio::test]
async fn who_is_turned_away_tries_once_more_and_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tries = 0;
    let peer = async {
        loop {
            let (mut peer, _) = listener.accept().await.unwrap();
            send(&mut peer, 0, &greeting()).await;
            receive(&mut peer).await;
            tries += 1;
            send(&mut peer, 2, b"\xff\x15\x04#28000Access denied").await;
        }
    };
    let options = Options { password: Some(Secret::new(PASSWORD)), ..options(port, "fleet") };
    let refused = tokio::select! {
        refused = open(&options) => refused.unwrap_err(),
        () = peer => unreachable!(),
    };
    assert!(matches!(refused, StoreError::Denied { .. }), "{refused}");
    assert_eq!(tries, 2);
}
