//! What is tried a second time: a failure that proves that the peer did not process the call (RFC 9113
//! section 8.7), and no other.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    LONG, at, job, limits, poll, poller,
    support::{Behaviour, FakeProbe},
};
use roundsman::{
    model::Outcome,
    poll::{Link, Serving},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

/// Types of frames, RFC 9113 section 6.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

/// Codes of errors, RFC 9113 section 7.
const NO_ERROR: u32 = 0;
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;

/// What is done with the first call of a connection.
#[derive(Debug, Clone, Copy)]
enum Does {
    /// RST_STREAM with this code.
    Resets(u32),
    /// GOAWAY with this last stream; the connection stays open.
    GoesAway(u32),
    /// GOAWAY with this last stream, then the end.
    GoesAwayAndCloses(u32),
    /// The end, without a word.
    Closes,
}

fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, 0]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Reads until a call has come whole: its head, and its body, which leaves with it.
async fn a_call(stream: &mut TcpStream) -> u32 {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.unwrap();
    let mut called = None;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        let number = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        match head[3] {
            HEADERS => called = Some(number),
            // DATA.
            0 => return called.unwrap(),
            _ => {}
        }
    }
}

async fn fail(mut stream: TcpStream, does: Does) {
    stream.write_all(&frame(SETTINGS, 0, &[])).await.unwrap();
    let call = a_call(&mut stream).await;
    let goes_away = |last: u32| {
        let payload = [last.to_be_bytes(), NO_ERROR.to_be_bytes()].concat();
        frame(GOAWAY, 0, &payload)
    };
    match does {
        Does::Resets(code) => {
            stream.write_all(&frame(RST_STREAM, call, &code.to_be_bytes())).await.unwrap();
        }
        Does::GoesAway(last) => stream.write_all(&goes_away(last)).await.unwrap(),
        Does::GoesAwayAndCloses(last) => return stream.write_all(&goes_away(last)).await.unwrap(),
        Does::Closes => return,
    }
    // Until the other side has had enough.
    while !matches!(stream.read(&mut [0; 1024]).await, Ok(0) | Err(_)) {}
}

/// A peer that fails the calls of its first connections, and leads further ones to a probe.
struct Failing {
    socket: SocketAddr,
    accepted: Arc<AtomicU64>,
    task: AbortHandle,
}

impl Failing {
    async fn start(first: u64, does: Does, then: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&accepted);
        let serving = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                if counted.fetch_add(1, Ordering::Relaxed) < first {
                    tokio::spawn(fail(stream, does));
                    continue;
                }
                tokio::spawn(async move {
                    let mut probe = TcpStream::connect(then).await.unwrap();
                    let _ended = tokio::io::copy_bidirectional(&mut stream, &mut probe).await;
                });
            }
        });
        Self { socket, accepted, task: serving.abort_handle() }
    }

    fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn what_the_peer_did_not_process_is_tried_again_once_and_nothing_else() {
    let probe = FakeProbe::start(Behaviour::Healthy).await;
    let poller = poller(limits());
    let call = 1;
    for (first, does, outcome, accepted) in [
        (1, Does::Resets(REFUSED_STREAM), Outcome::Ok, 2),
        (1, Does::GoesAway(call - 1), Outcome::Ok, 2),
        (1, Does::GoesAwayAndCloses(call - 1), Outcome::Ok, 2),
        // Once: the second refusal is the poll's end.
        (2, Does::Resets(REFUSED_STREAM), Outcome::ProbeError, 2),
        (2, Does::GoesAway(call - 1), Outcome::Refused, 2),
        // It may have been processed.
        (1, Does::Resets(CANCEL), Outcome::ProbeError, 1),
        (1, Does::Resets(INTERNAL_ERROR), Outcome::ProbeError, 1),
        (1, Does::Resets(NO_ERROR), Outcome::ProbeError, 1),
        (1, Does::GoesAwayAndCloses(call), Outcome::Refused, 1),
        (1, Does::Closes, Outcome::Refused, 1),
    ] {
        let peer = Failing::start(first, does, probe.socket()).await;
        let job = job(vec![at(peer.socket)], LONG);
        let attempt = poll(&poller, &job).await;
        assert_eq!(attempt.outcome, outcome, "{does:?}: {attempt:?}");
        assert_eq!(peer.accepted(), accepted, "{does:?}");
        assert!(attempt.heard, "{does:?}: it was connected");
    }
}

#[tokio::test]
async fn the_question_of_health_is_asked_again_by_the_same_rule() {
    let probe = FakeProbe::start(Behaviour::Healthy).await;
    let poller = poller(limits());
    let refusing = Failing::start(1, Does::Resets(REFUSED_STREAM), probe.socket()).await;
    let said = poller.check(&Link::new(vec![at(refusing.socket)]), LONG).await;
    assert_eq!((said.unwrap(), refusing.accepted()), (Serving::Yes, 2));
    let cancelling = Failing::start(1, Does::Resets(CANCEL), probe.socket()).await;
    let said = poller.check(&Link::new(vec![at(cancelling.socket)]), LONG).await;
    assert_eq!((said.unwrap_err().outcome(), cancelling.accepted()), (Outcome::ProbeError, 1));
}
