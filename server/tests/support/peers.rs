//! Peers that are not gRPC servers at all.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

/// What a peer does with every connection that it accepts.
#[derive(Debug, Clone, Copy)]
pub enum Peer {
    /// Never says a word.
    Hangs,
    /// Closes at once.
    Closes,
    /// Resets at once (SO_LINGER 0).
    Resets,
    /// Says this and then nothing, without closing.
    Says(&'static [u8]),
    /// Reads something, says this and closes.
    AnswersAndCloses(&'static [u8]),
}

/// Accepts for ever.
pub async fn serve(peer: Peer, listener: TcpListener, mut accepted: impl FnMut()) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        accepted();
        tokio::spawn(meet(peer, stream));
    }
}

async fn meet(peer: Peer, mut stream: TcpStream) {
    match peer {
        Peer::Hangs => hold(stream).await,
        Peer::Closes => {}
        Peer::Resets => stream.set_zero_linger().unwrap(),
        Peer::Says(words) => {
            stream.write_all(words).await.unwrap();
            hold(stream).await;
        }
        Peer::AnswersAndCloses(words) => {
            let _some = stream.read(&mut [0; 1024]).await.unwrap();
            stream.write_all(words).await.unwrap();
            stream.shutdown().await.unwrap();
            hold(stream).await;
        }
    }
}

/// Reads whatever comes and answers nothing, until the other side goes away.
async fn hold(mut stream: TcpStream) {
    while !matches!(stream.read(&mut [0; 1024]).await, Ok(0) | Err(_)) {}
}

/// An address whose SYNs are not answered: a listener whose backlog is full, so that the kernel
/// drops further attempts, as a host that is switched off does.
pub struct Unanswered {
    listener: TcpListener,
    _backlog: Vec<TcpStream>,
}

impl Unanswered {
    pub async fn start() -> Self {
        /// Long enough for loopback to connect, if it is going to.
        const FULL: Duration = Duration::from_millis(300);
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut backlog = Vec::new();
        while let Ok(stream) = timeout(FULL, TcpStream::connect(address)).await {
            backlog.push(stream.unwrap());
        }
        Self { listener, _backlog: backlog }
    }

    pub fn socket(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }
}
