//! A name server of one's own, over UDP and TCP on one port of 127.0.0.1 (RFC 1035). Its answers can
//! be changed at any time. Says a TTL of 600 s, as Docker's does.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::watch,
    task::JoinHandle,
};

/// The largest answer over UDP that every client takes, bytes.
const MAX_UDP: usize = 512;

/// What a name is answered with.
#[derive(Debug, Clone)]
pub enum Says {
    /// These addresses; none is a name without addresses.
    Addresses(Vec<IpAddr>),
    /// These addresses when IPv4 is asked for, and nothing at all when IPv6 is.
    Ipv4Alone(Vec<IpAddr>),
    /// No such name.
    NoSuchName,
    /// The server is broken.
    Fails,
    /// Nothing at all.
    Nothing,
}

type Table = Arc<Mutex<BTreeMap<String, Says>>>;

/// Runs until it is dropped.
pub struct NameServer {
    socket: SocketAddr,
    table: Table,
    asked: watch::Sender<u64>,
    tasks: Vec<JoinHandle<()>>,
}

impl NameServer {
    /// Starts; a name that it was not told of is no name.
    pub async fn start() -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            // Somebody else may have the same port over TCP.
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let socket = udp.local_addr().unwrap();
        let table = Table::default();
        let asked = watch::Sender::new(0);
        let tasks = vec![
            tokio::spawn(serve_udp(udp, Arc::clone(&table), asked.clone())),
            tokio::spawn(serve_tcp(tcp, Arc::clone(&table))),
        ];
        Self { socket, table, asked, tasks }
    }

    pub fn socket(&self) -> SocketAddr {
        self.socket
    }

    /// What `name` is answered with from now on.
    pub fn say(&self, name: &str, says: Says) {
        self.table.lock().unwrap().insert(format!("{name}."), says);
    }

    /// The same, addresses as text.
    pub fn addresses(&self, name: &str, addresses: &[&str]) {
        self.say(name, Says::Addresses(addresses.iter().map(|ip| ip.parse().unwrap()).collect()));
    }

    /// Waits until it has been asked so many more times.
    pub async fn asked(&self, more: u64) {
        let mut asked = self.asked.subscribe();
        let until = *asked.borrow() + more;
        asked.wait_for(|count| *count >= until).await.unwrap();
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn serve_udp(socket: UdpSocket, table: Table, asked: watch::Sender<u64>) {
    let mut question = [0; MAX_UDP];
    loop {
        let (length, from) = socket.recv_from(&mut question).await.unwrap();
        asked.send_modify(|count| *count += 1);
        if let Some(answer) = answer(&question[..length], &table, MAX_UDP) {
            let _gone = socket.send_to(&answer, from).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, table: Table) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(talk(stream, Arc::clone(&table)));
    }
}

async fn talk(mut stream: TcpStream, table: Table) {
    while let Ok(length) = stream.read_u16().await {
        let mut question = vec![0; length.into()];
        if stream.read_exact(&mut question).await.is_err() {
            return;
        }
        let Some(answer) = answer(&question, &table, usize::from(u16::MAX)) else { continue };
        stream.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
        stream.write_all(&answer).await.unwrap();
    }
}

/// RFC 1035 section 4: the head, the question repeated, an A or AAAA record per address.
fn answer(question: &[u8], table: &Table, most: usize) -> Option<Vec<u8>> {
    const HEAD: usize = 12;
    let mut name = String::new();
    let mut at = HEAD;
    while question[at] != 0 {
        let label = &question[at + 1..=at + usize::from(question[at])];
        name += &String::from_utf8_lossy(label).to_lowercase();
        name.push('.');
        at += label.len() + 1;
    }
    let kind = u16::from_be_bytes([question[at + 1], question[at + 2]]);
    let asked = &question[HEAD..at + 5];
    let says = table.lock().unwrap().get(&name).cloned().unwrap_or(Says::NoSuchName);
    let (code, addresses) = match says {
        Says::Addresses(addresses) => (0, addresses),
        Says::Ipv4Alone(addresses) if kind == 1 => (0, addresses),
        Says::Ipv4Alone(_) | Says::Nothing => return None,
        Says::NoSuchName => (3, Vec::new()),
        Says::Fails => (2, Vec::new()),
    };
    let records: Vec<Vec<u8>> = addresses
        .iter()
        .filter_map(|ip| match (ip, kind) {
            (IpAddr::V4(ip), 1) => Some(ip.octets().to_vec()),
            (IpAddr::V6(ip), 28) => Some(ip.octets().to_vec()),
            _ => None,
        })
        .collect();
    let whole = HEAD + asked.len() + records.iter().map(|data| 12 + data.len()).sum::<usize>();
    let cut = whole > most;
    let records = if cut { Vec::new() } else { records };
    let mut answer = question[..2].to_vec();
    answer.extend([0x84 | if cut { 2 } else { 0 } | (question[2] & 1), 0x80 | code, 0, 1]);
    answer.extend(u16::try_from(records.len()).unwrap().to_be_bytes());
    answer.extend([0; 4]);
    answer.extend(asked);
    for data in records {
        answer.extend([0xc0, 0x0c]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1]);
        answer.extend(600_u32.to_be_bytes());
        answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        answer.extend(data);
    }
    Some(answer)
}
