//! The binary as a service manager sees it: started, asked to stop, its exit code.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking too")]

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
};

use roundsman_proto::health::{HealthCheckRequest, health_client::HealthClient};
use roundsman_proto::v1;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Response, Status,
    transport::{Channel, Endpoint},
};

/// A probe of this host in its own process.
struct Probe {
    child: Child,
    log: BufReader<ChildStderr>,
    address: String,
}

impl Probe {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_roundsman-probe"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "info"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let address = said.trim().rsplit(' ').next().unwrap().to_owned();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self { child, log, address }
    }

    async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Reads the log until it says `text`.
    fn wait_for_log(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(self.log.read_line(&mut line).unwrap(), 0, "the log ended before {text:?}");
        }
    }

    fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

/// A call whose headers the probe has, and whose message it waits for.
async fn start_call(
    channel: Channel,
) -> (
    mpsc::Sender<v1::GetMetricsRequest>,
    tokio::task::JoinHandle<Result<Response<v1::Snapshot>, Status>>,
) {
    let (message, messages) = mpsc::channel(1);
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let answer = tokio::spawn(async move {
        let path = "/roundsman.v1.Probe/GetMetrics".parse().unwrap();
        let codec = tonic_prost::ProstCodec::default();
        client.client_streaming(Request::new(ReceiverStream::new(messages)), path, codec).await
    });
    tokio::task::yield_now().await;
    // Answered after the headers of the first, which were sent before.
    HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap();
    (message, answer)
}

#[tokio::test]
async fn sigterm_lets_the_call_in_flight_finish() {
    let mut probe = Probe::start(&["--drain", "10m"]);
    let (message, answer) = start_call(probe.channel().await).await;
    probe.signal(Signal::TERM);
    probe.wait_for_log("finishing calls in flight");
    message.send(v1::GetMetricsRequest::default()).await.unwrap();
    drop(message);
    assert_eq!(answer.await.unwrap().unwrap().into_inner().protocol, 1);
    assert_eq!(probe.wait().code(), Some(0));
}

#[test]
fn sigint_ends_an_idle_probe_with_success() {
    let probe = Probe::start(&[]);
    probe.signal(Signal::INT);
    assert_eq!(probe.wait().code(), Some(0));
}

#[tokio::test]
async fn signals_that_ask_for_nothing_stop_nothing() {
    let mut probe = Probe::start(&["--drain", "10m"]);
    for signal in [Signal::HUP, Signal::USR1, Signal::USR2] {
        probe.signal(signal);
        probe.wait_for_log("nothing to reload");
    }
    HealthClient::new(probe.channel().await).check(HealthCheckRequest::default()).await.unwrap();
    let (message, answer) = start_call(probe.channel().await).await;
    probe.signal(Signal::TERM);
    probe.wait_for_log("finishing calls in flight");
    // Nor while it stops.
    probe.signal(Signal::HUP);
    probe.wait_for_log("nothing to reload");
    message.send(v1::GetMetricsRequest::default()).await.unwrap();
    drop(message);
    assert_eq!(answer.await.unwrap().unwrap().into_inner().protocol, 1);
    assert_eq!(probe.wait().code(), Some(0));
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_the_probe() {
    let mut probe = Probe::start(&["--drain", "10m"]);
    let channel = probe.channel().await;
    HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await.unwrap();
    probe.signal(Signal::TERM);
    // Waited for elsewhere, so that the client goes on answering its peer.
    let ended = tokio::task::spawn_blocking(move || {
        probe.wait_for_log("stopping");
        probe.wait()
    });
    assert_eq!(ended.await.unwrap().code(), Some(0));
    drop(channel);
}

#[tokio::test]
async fn the_drain_limit_cuts_a_call_that_never_ends() {
    let mut probe = Probe::start(&["--drain", "50ms"]);
    let (_message, answer) = start_call(probe.channel().await).await;
    probe.signal(Signal::TERM);
    probe.wait_for_log("cut off");
    assert!(answer.await.unwrap().is_err());
    assert_eq!(probe.wait().code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_stops_at_once() {
    let mut probe = Probe::start(&["--drain", "10m"]);
    let (_message, _answer) = start_call(probe.channel().await).await;
    probe.signal(Signal::TERM);
    probe.wait_for_log("finishing calls in flight");
    probe.signal(Signal::TERM);
    probe.wait_for_log("at once");
    assert_eq!(probe.wait().code(), Some(1));
}

/// The next probe of the host is up already, and not everybody knows where.
#[tokio::test]
async fn one_that_lingers_answers_new_peers_after_sigterm_and_a_second_signal_ends_it() {
    let mut probe = Probe::start(&["--linger", "10m"]);
    probe.signal(Signal::TERM);
    probe.wait_for_log("linger=600s");
    HealthClient::new(probe.channel().await).check(HealthCheckRequest::default()).await.unwrap();
    probe.signal(Signal::TERM);
    probe.wait_for_log("at once");
    assert_eq!(probe.wait().code(), Some(1));
    let mut short = Probe::start(&["--linger", "1ms"]);
    short.signal(Signal::TERM);
    short.wait_for_log("finishing calls in flight");
    assert_eq!(short.wait().code(), Some(0));
}
