//! A host dies while the database is away, and the server is killed before anybody was told: the
//! receiver hears of the whole outage all the same, in order, and the database knows that it did.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use serde_json::Value;

use crate::{
    PATIENCE,
    site::{Site, healthy},
    support::FakeProbe,
};

/// Takes what is posted to it, once it is told to; until then it reads and keeps silent.
pub(crate) struct Receiver {
    address: SocketAddr,
    takes: Arc<AtomicBool>,
    heard: mpsc::Receiver<Value>,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let takes = Arc::new(AtomicBool::new(false));
        let (tell, heard) = mpsc::channel();
        let now = Arc::clone(&takes);
        thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (mut text, mut bytes) = (String::new(), [0; 4096]);
                let document = loop {
                    let body = text.split_once("\r\n\r\n").map(|(_, body)| body);
                    match body.and_then(|body| serde_json::from_str(body).ok()) {
                        Some(document) => break document,
                        None => {
                            let length = stream.read(&mut bytes).unwrap();
                            text += &String::from_utf8_lossy(&bytes[..length]);
                        }
                    }
                };
                if now.load(Ordering::SeqCst) {
                    let _gone = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
                } else {
                    held.push(stream);
                }
                if tell.send(document).is_err() {
                    return;
                }
            }
        });
        Self { address, takes, heard }
    }

    /// From now on it takes what it reads.
    pub(crate) fn takes(&self) {
        self.takes.store(true, Ordering::SeqCst);
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn next(&self) -> Value {
        self.heard.recv_timeout(PATIENCE).unwrap()
    }

    /// Whether nothing more was heard.
    pub(crate) fn is_silent(&self) -> bool {
        self.heard.try_recv().is_err()
    }
}

pub(crate) fn words(document: &Value) -> [&str; 3] {
    ["host", "from", "to"].map(|key| document[key].as_str().unwrap())
}

#[tokio::test]
async fn an_outage_is_told_though_the_database_is_away_and_the_server_killed() {
    let receiver = Receiver::start();
    let more = format!("[hook]\nurl = \"http://{}/\"\ntimeout = \"1m\"\n", receiver.address());
    let mut site = Site::new(&more).await;
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.polls_go_on();
    site.server.freeze();
    let address = site.probes.remove(0).stop();
    // The database answers nothing: the row is in the spool, and is told from there.
    let first = receiver.next();
    assert_eq!(words(&first), ["web-0", "suspect", "down"]);
    served.kill();

    // Killed before the receiver had said that it took it, and begun again without the database.
    receiver.takes();
    let served = site.serve();
    assert_eq!(receiver.next(), first, "the same, id included");
    served.until_metric("roundsman_hook_told_total", |told| told == 1);
    let back = FakeProbe::start_at(address, healthy()).await;
    let second = receiver.next();
    assert_eq!(words(&second), ["web-0", "down", "up"]);
    site.server.thaw();
    served.is_well();
    let kept = "SELECT COUNT(*) FROM fleet.notice WHERE state = 'delivered'";
    served.until("/readyz", |_, _| site.sql(kept).trim() == "2");
    // One row per change of state, however often it was written.
    let changes =
        "SELECT from_state, to_state FROM fleet.event e JOIN fleet.host h ON h.id = e.host_id
        WHERE h.name = 'web-0' AND cause <> 'resumed' ORDER BY e.ts, e.id";
    let told = "pending\tup\nup\tsuspect\nsuspect\tdown\ndown\tup\n";
    assert_eq!(site.sql(changes), told);
    assert!(receiver.is_silent(), "nothing is told twice");
    drop(back);
    served.end(site.desk.path());
}
