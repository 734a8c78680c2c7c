//! Patterns that cost more than they weigh, sent to a probe in its own process.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking too")]

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use roundsman_proto::v1::{Family, Filter, GetMetricsRequest, probe_client::ProbeClient};
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};

/// What all of it may add to a probe's memory, KiB: half of what the container of `docker/stack.yml`
/// may have in all.
const MOST_MORE_KIB: u64 = 8 * 1_024;

struct Probe {
    child: Child,
    address: String,
}

impl Probe {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_roundsman-probe"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "off", "--max-collect", "1m"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let address = said.trim().rsplit(' ').next().unwrap().to_owned();
        Self { child, address }
    }

    async fn client(&self) -> ProbeClient<Channel> {
        let address = format!("http://{}", self.address);
        ProbeClient::new(Endpoint::from_shared(address).unwrap().connect().await.unwrap())
    }

    /// The most memory that it has ever had, KiB.
    fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// As many of one pattern as six lists take.
fn everywhere(pattern: &str) -> GetMetricsRequest {
    let list = || vec![pattern.to_owned(); 64];
    let filter = || Some(Filter { include: list(), exclude: list() });
    GetMetricsRequest {
        families: vec![Family::Load.into()],
        devices: filter(),
        mounts: filter(),
        interfaces: filter(),
        ..GetMetricsRequest::default()
    }
}

#[tokio::test]
async fn a_small_request_of_dear_patterns_is_refused_and_others_are_answered_meanwhile() {
    let probe = Probe::start();
    let mut polled = probe.client().await;
    let plain = || GetMetricsRequest::default();
    polled.get_metrics(plain()).await.unwrap();
    let before = probe.peak_kib();
    // Letters of Unicode; many states; both; and within the limits, so that all of it is kept.
    for (pattern, code) in [
        (r"\pL{9}", Some(Code::InvalidArgument)),
        (r"\w{99}", Some(Code::InvalidArgument)),
        (r"(?u)\pL{9}", Some(Code::InvalidArgument)),
        (r"a{9}", None),
        (r"\w{5}", None),
        (r"\d{9}", None),
    ] {
        let request = everywhere(pattern);
        assert!(prost::Message::encoded_len(&request) < 6_000);
        let mut hostile = probe.client().await;
        let calls = (0..8).map(|n| {
            let (mut hostile, mut request) = (hostile.clone(), request.clone());
            request.top_processes = n;
            tokio::spawn(async move { hostile.get_metrics(request).await })
        });
        let calls: Vec<_> = calls.collect();
        polled.get_metrics(plain()).await.unwrap();
        for call in calls {
            assert_eq!(call.await.unwrap().err().map(|status| status.code()), code, "{pattern}");
        }
        hostile.get_metrics(plain()).await.unwrap();
    }
    let after = probe.peak_kib();
    assert!(after - before < MOST_MORE_KIB, "{before} KiB, then {after} KiB");
}
