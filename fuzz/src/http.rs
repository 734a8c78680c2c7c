//! What anybody who reaches the port of page and API may send: the head of a request, what one signs in with,
//! cookies, tokens. A whole server takes it, over a socket.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU16, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

use roundsman::{
    app,
    config::{Config, Flag, Sources},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    runtime::{Builder, Runtime},
    sync::oneshot,
};

/// What nobody learns who does not know the token: the token itself, and the name of a host.
const SECRETS: [&str; 2] = ["t0ken-of-this-server", "host-behind-the-gate"];

/// Comes after each input on its connection, so that what is whole is answered before its end is seen.
const LAST: &[u8] =
    b"\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// A server that goes on until it is told to stop.
struct Running {
    address: SocketAddr,
    folder: PathBuf,
    stop: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

static SERVER: OnceLock<Running> = OnceLock::new();

/// Sends it from an address of its own, for one that was wrong too often is not heard; what comes back is no
/// fault of the server's, and tells nothing.
pub fn http(bytes: &[u8]) {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    static PEER: AtomicU16 = AtomicU16::new(0);
    let server = SERVER.get_or_init(serve).address;
    let [high, low] = PEER.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let answer = RUNTIME.get_or_init(runtime).block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 9, high, low], 0))).unwrap();
        let mut stream = socket.connect(server).await.unwrap();
        let mut answer = Vec::new();
        // Where it is refused the connection may be reset.
        let _ = stream.write_all(&[bytes, LAST].concat()).await;
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut answer).await;
        answer
    });
    let text = String::from_utf8_lossy(&answer);
    for secret in SECRETS {
        assert!(!text.contains(secret), "{text}");
    }
    if let Some(rest) = text.strip_prefix("HTTP/1.1 ") {
        assert!(!rest.starts_with("500 "), "{text}");
    }
}

/// Ends the server of [`http`], and leaves nothing behind. Not done where inputs come without end.
pub fn stop_http() {
    let Some(server) = SERVER.get() else { return };
    if let Some((stop, ended)) = server.stop.lock().unwrap().take() {
        drop(stop);
        ended.join().unwrap();
        fs::remove_dir_all(&server.folder).unwrap();
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn serve() -> Running {
    let folder = std::env::temp_dir().join(format!("roundsman-fuzz-{}", process::id()));
    fs::create_dir_all(&folder).unwrap();
    let [_, name] = SECRETS;
    let host =
        format!("[[host]]\nname = \"{name}\"\naddresses = [\"127.0.0.1:1\"]\npaused = true\n");
    fs::write(folder.join("inventory.toml"), host).unwrap();
    let flag = |key, value: String| Flag { key, name: "fuzz", value };
    let flags = vec![
        flag("inventory", folder.join("inventory.toml").display().to_string()),
        flag("data", folder.display().to_string()),
        flag("http.listen", "127.0.0.1:0".to_owned()),
        flag("http.token", SECRETS[0].to_owned()),
        flag("grpc.listen", String::new()),
    ];
    let config = Config::load(Sources { flags, ..Sources::default() }).unwrap().config;
    let (tell, told) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = thread::spawn(move || {
        runtime().block_on(async {
            let app = app::start(config).await.unwrap();
            tell.send(app.http_addr().unwrap()).unwrap();
            let _ = stopped.await;
            app.stop().await;
        });
    });
    Running { address: told.recv().unwrap(), folder, stop: Mutex::new(Some((stop, ended))) }
}
