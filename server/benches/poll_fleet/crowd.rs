//! Many pages that look at the fleet's live stream, in a process of their own: what reading costs is
//! not the server's. Told by lines on standard input, like the server; ends with it.

use std::{
    io::{BufRead as _, Write as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
};

/// Keeps `pages` streams of the server at `address` open, says when all have begun, and then how
/// many bytes came, whenever it is asked.
pub(crate) fn main(address: &str, pages: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let read = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&read);
    let address = address.to_owned();
    std::thread::spawn(move || {
        runtime.block_on(async {
            let (begun, mut all) = mpsc::channel(pages.max(1));
            for _ in 0..pages {
                tokio::spawn(page(address.clone(), Arc::clone(&counted), begun.clone()));
            }
            for _ in 0..pages {
                all.recv().await.unwrap();
            }
            say("ready");
            std::future::pending::<()>().await;
        });
    });
    for line in std::io::stdin().lock().lines() {
        assert_eq!(line.unwrap(), "bytes");
        say(&read.load(Ordering::Relaxed).to_string());
    }
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what}").and_then(|()| out.flush()).unwrap();
}

/// Reads the stream, and comes back when it ends, as a browser does.
async fn page(address: String, read: Arc<AtomicU64>, begun: mpsc::Sender<()>) {
    let mut begun = Some(begun);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        while let Ok(bytes @ 1..) = stream.read(&mut buffer).await {
            read.fetch_add(bytes as u64, Ordering::Relaxed);
            if let Some(begun) = begun.take() {
                begun.send(()).await.unwrap();
            }
        }
    }
}
