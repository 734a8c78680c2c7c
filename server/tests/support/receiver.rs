//! Receivers of HTTP that do as they are told, and tell what they were sent.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::mpsc,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

/// Long enough for anything that is going to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Requests that no test has looked at yet.
pub const REQUESTS: usize = 64;

/// What a receiver does with one request.
#[derive(Clone, Copy)]
pub enum Does {
    /// Answers this.
    Says(&'static str),
    /// Answers this, and does not end it.
    Begins(&'static str),
    /// Reads and never answers.
    Hangs,
    /// Reads and closes.
    Closes,
}

const TOOK: &str = "HTTP/1.1 204 No Content\r\n\r\n";
pub const TAKES: Does = Does::Says(TOOK);
pub const FAILS: Does = Does::Says("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");

/// A connection, in the clear or not.
trait Stream: AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Stream for T {}

/// A receiver that does as its script says, the last of it for ever, and tells what it was sent.
pub struct Receiver {
    pub address: SocketAddr,
    requests: mpsc::Receiver<(String, bool)>,
}

impl Receiver {
    pub async fn start(script: &[Does]) -> Self {
        Self::start_with(script, None).await
    }

    /// The same behind TLS; who does not get through it is not counted.
    pub async fn start_with(script: &[Does], tls: Option<TlsAcceptor>) -> Self {
        let (script, mut number) = (script.to_vec(), 0);
        let does = move |_: &str| {
            number += 1;
            *script.get(number - 1).or(script.last()).unwrap()
        };
        Self::start_by(does, tls).await
    }

    /// One that does with each request what it says then. Who goes away within a request sent none.
    pub async fn start_by(
        mut says: impl FnMut(&str) -> Does + Send + 'static,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, requests) = mpsc::channel(REQUESTS);
        tokio::spawn(async move {
            let mut held = Vec::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let mut stream: Box<dyn Stream> = match &tls {
                    None => Box::new(stream),
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => Box::new(stream),
                        Err(_) => continue,
                    },
                };
                let Some(request) = read_request(&mut stream).await else { continue };
                let does = says(&request);
                let is_taken = matches!(does, Does::Says(answer) if answer == TOOK);
                let _ = tell.send((request, is_taken)).await;
                match does {
                    Does::Says(answer) => {
                        // Whoever asked may have gone; of TLS: that this is all.
                        let _gone = stream.write_all(answer.as_bytes()).await;
                        let _gone = stream.shutdown().await;
                    }
                    Does::Begins(answer) => {
                        // Whoever has read enough is gone.
                        let _gone = stream.write_all(answer.as_bytes()).await;
                        held.push(stream);
                    }
                    Does::Hangs => held.push(stream),
                    Does::Closes => {}
                }
            }
        });
        Self { address, requests }
    }

    /// The next request, head and body.
    pub async fn next(&mut self) -> String {
        timeout(PATIENCE, self.requests.recv()).await.unwrap().unwrap().0
    }

    /// A request that came and was not looked at, and whether it was answered as taken.
    pub fn heard(&mut self) -> Option<(String, bool)> {
        self.requests.try_recv().ok()
    }

    /// Whether no request came that was not looked at.
    pub fn has_heard_nothing(&mut self) -> bool {
        self.requests.try_recv().is_err()
    }

    /// The document of the next request.
    pub async fn document(&mut self) -> Value {
        let request = self.next().await;
        serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

/// None of one that is cut off.
async fn read_request(stream: &mut Box<dyn Stream>) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let field = |line: &str| line.strip_prefix("content-length: ").map(str::to_owned);
            // A request without a body has none.
            let length = head.lines().find_map(field).unwrap_or_else(|| "0".to_owned());
            let length: usize = length.parse().unwrap();
            if body.len() >= length {
                return Some(text);
            }
        }
        if !matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {
            return None;
        }
    }
}
