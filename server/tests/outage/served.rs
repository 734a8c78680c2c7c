//! A running server, asked from outside: its answers, its metrics, what it logs.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::Duration,
};

use roundsman::clock::{Clock as _, SystemClock};
use rustix::process::Signal;

use crate::{HOSTS, LOOK, PATIENCE, program::Running};

/// What a server said of itself before it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Slots that it skipped because it was late by more than an interval.
    pub(crate) missed: i64,
    /// How long the thread that polls waited for a processor (proc(5), `schedstat`).
    pub(crate) starved: Duration,
    /// All that it logged.
    #[allow(dead_code, reason = "shown when a test fails")]
    pub(crate) log: String,
}

/// A running server, what it logs, and where it answers.
pub(crate) struct Served {
    pub(crate) running: Running,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Served {
    pub(crate) fn begin(mut command: Command) -> Self {
        command.stderr(Stdio::piped()).stdout(Stdio::null());
        let mut running = Running::of(command.spawn().unwrap());
        let mut log = BufReader::new(running.child().stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "it ended: {said}");
            said += &line;
            if let Some((_, address)) = line.split_once("http=") {
                break address.split_whitespace().next().unwrap().parse().unwrap();
            }
        };
        // Read to its end, or the server blocks once the pipe is full.
        let all = Arc::new(Mutex::new(said));
        let its = Arc::clone(&all);
        let reader = thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                its.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Self { running, address, log: all, reader }
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.ask(&format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n"))
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> (u16, String) {
        let length = body.len();
        self.ask(&format!(
            "POST {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        ))
    }

    fn ask(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// Waits until an answer is as wanted.
    pub(crate) fn until(&self, path: &str, wanted: impl Fn(u16, &str) -> bool) -> String {
        let mut last = String::new();
        for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
            let (status, body) = self.get(path);
            if wanted(status, &body) {
                return body;
            }
            last = format!("{status} {body}");
            thread::park_timeout(LOOK);
        }
        panic!("{path} never became so: {last}");
    }

    pub(crate) fn metric(&self, name: &str) -> i64 {
        let (_, text) = self.get("/metrics");
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
        // What has a label is not there before it was first counted.
        let Some(line) = line else { return 0 };
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    pub(crate) fn until_metric(&self, name: &str, wanted: impl Fn(i64) -> bool) {
        self.until("/metrics", |_, _| wanted(self.metric(name)));
    }

    /// Waits until polling has gone on for some rounds, with every host up.
    pub(crate) fn polls_go_on(&self) {
        let polls = "roundsman_polls_total{outcome=\"ok\"}";
        let before = self.metric(polls);
        let more = i64::try_from(3 * HOSTS).unwrap();
        self.until_metric(polls, |now| now >= before + more);
        assert_eq!(self.metric("roundsman_hosts{state=\"up\"}"), i64::try_from(HOSTS).unwrap());
    }

    pub(crate) fn is_well(&self) {
        self.until("/readyz", |status, _| status == 200);
        self.until_metric("roundsman_spool_rows", |rows| rows == 0);
        assert_eq!(self.metric("roundsman_rows_dropped_total"), 0);
    }

    /// All that it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Ends it at once; when that was, by the clock that slots are told by.
    pub(crate) fn kill(mut self) -> i64 {
        self.running.signal(Signal::KILL);
        let killed = SystemClock::new().now().wall.0;
        assert_ne!(self.running.end(Path::new("/")).code, Some(0));
        killed
    }

    /// Stops it in order.
    pub(crate) fn end(mut self, desk: &Path) -> Ended {
        let missed = self.metric("roundsman_slots_missed_total");
        let schedstat = format!("/proc/{}/schedstat", self.running.child().id());
        let schedstat = fs::read_to_string(schedstat).unwrap();
        let waited = schedstat.split(' ').nth(1).unwrap().parse().unwrap();
        self.running.signal(Signal::TERM);
        assert_eq!(self.running.end(desk).code, Some(0));
        self.reader.join().unwrap();
        let log = self.log.lock().unwrap().clone();
        Ended { missed, starved: Duration::from_nanos(waited), log }
    }
}
