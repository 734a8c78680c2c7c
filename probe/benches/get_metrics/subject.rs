//! The probe under measurement: its process, the calls to it, what it uses.

use std::{
    error::Error,
    fs,
    io::{self, BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use http::Uri;
use hyper_util::rt::TokioIo;
use roundsman_pki::client::Setup;
use roundsman_proto::health::{HealthCheckRequest, health_client::HealthClient};
use roundsman_proto::v1::{self, probe_client::ProbeClient};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};

use crate::{encrypted, met};

/// A probe in its own process, and one channel to it.
pub(crate) struct Subject {
    child: Child,
    probe: ProbeClient<Channel>,
    health: HealthClient<Channel>,
}

/// What a row of calls cost the probe.
pub(crate) struct Calls {
    pub(crate) cpu_us: f64,
    pub(crate) collect_us: f64,
    pub(crate) latencies_us: Vec<f64>,
}

/// A probe's process, and where it listens.
fn spawn(binary: &str, flags: &[String]) -> Result<(Child, String), Box<dyn Error>> {
    let mut child = Command::new(binary)
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(flags)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = String::new();
    BufReader::new(child.stdout.take().ok_or("no stdout")?).read_line(&mut said)?;
    let address = said.trim().rsplit(' ').next().unwrap_or_default();
    Ok((child, address.to_owned()))
}

/// User and system time that an answer reports, microseconds.
#[expect(clippy::cast_precision_loss, reason = "microseconds of one run")]
pub(crate) fn cpu_us(answer: &v1::Snapshot) -> f64 {
    answer.cost.map_or(f64::NAN, |cost| (cost.cpu_user_us + cost.cpu_system_us) as f64)
}

impl Subject {
    pub(crate) async fn start(binary: &str) -> Result<Self, Box<dyn Error>> {
        let (child, address) = spawn(binary, &[])?;
        let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
        Ok(Self::over(child, channel))
    }

    /// A probe with the files of this folder, asked over TLS.
    pub(crate) async fn encrypted(
        binary: &str,
        folder: &Path,
        setup: Arc<Setup>,
    ) -> Result<Self, Box<dyn Error>> {
        let (child, address) = spawn(binary, &encrypted::flags(folder)?)?;
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
        let connect = tower::service_fn(move |_: Uri| {
            let (setup, address) = (Arc::clone(&setup), address.clone());
            async move {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                let stream = setup.connect(stream, None).await.map_err(io::Error::other)?;
                Ok::<_, io::Error>(TokioIo::new(stream))
            }
        });
        Ok(Self::over(child, endpoint.connect_with_connector(connect).await?))
    }

    fn over(child: Child, channel: Channel) -> Self {
        let health = HealthClient::new(channel.clone());
        Self { child, probe: ProbeClient::new(channel), health }
    }

    /// Calls one after the other; the cost is between the first answer and the last.
    #[expect(clippy::disallowed_methods, reason = "a latency is measured")]
    pub(crate) async fn calls(
        &mut self,
        calls: u32,
    ) -> Result<(v1::Snapshot, Calls), Box<dyn Error>> {
        let mut last = self.probe.get_metrics(request()).await?.into_inner();
        let before = cpu_us(&last);
        let mut collect_us = 0.0;
        let mut latencies_us = Vec::with_capacity(calls.try_into()?);
        for _ in 0..calls {
            let start = Instant::now();
            last = self.probe.get_metrics(request()).await?.into_inner();
            latencies_us.push(start.elapsed().as_secs_f64() * 1e6);
            collect_us += last.cost.map_or(f64::NAN, |cost| f64::from(cost.collect_us));
        }
        let cpu_us = cpu_us(&last) - before;
        Ok((last, Calls { cpu_us, collect_us, latencies_us }))
    }

    /// Health checks one after the other: what a call costs that reads nothing. Microseconds.
    pub(crate) async fn checks(
        &mut self,
        checks: u32,
        request: &HealthCheckRequest,
    ) -> Result<f64, Box<dyn Error>> {
        let before = cpu_us(&self.probe.get_metrics(request_nothing()).await?.into_inner());
        for _ in 0..checks {
            self.health.check(request.clone()).await?;
        }
        Ok(cpu_us(&self.probe.get_metrics(request_nothing()).await?.into_inner()) - before)
    }

    pub(crate) fn memory(&self) -> Result<Memory, Box<dyn Error>> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = |name: &str| -> Result<u64, Box<dyn Error>> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no field")?;
            Ok(line.split_whitespace().next().ok_or("no value")?.parse()?)
        };
        Ok(Memory {
            rss_kib: field("VmRSS:")?,
            peak_kib: field("VmHWM:")?,
            anonymous_kib: field("RssAnon:")?,
            threads: field("Threads:")?,
        })
    }

    pub(crate) fn on_cpu(&self) -> Result<OnCpu, Box<dyn Error>> {
        let id = self.child.id();
        let schedstat = fs::read_to_string(format!("/proc/{id}/schedstat"))?;
        let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
        let mut fields = stat.rsplit(") ").next().ok_or("no stat")?.split(' ').skip(11);
        let mut tick =
            || -> Result<u64, Box<dyn Error>> { Ok(fields.next().ok_or("a short stat")?.parse()?) };
        Ok(OnCpu {
            ran_ns: schedstat.split(' ').next().ok_or("no schedstat")?.parse()?,
            ticks: tick()? + tick()?,
        })
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As a server with no filters asks.
fn request() -> v1::GetMetricsRequest {
    v1::GetMetricsRequest::default()
}

/// The cheapest answer that carries the cost.
fn request_nothing() -> v1::GetMetricsRequest {
    let families = vec![v1::Family::Load.into()];
    v1::GetMetricsRequest { families, ..v1::GetMetricsRequest::default() }
}

/// `/proc/<pid>/status`.
pub(crate) struct Memory {
    rss_kib: u64,
    peak_kib: u64,
    anonymous_kib: u64,
    threads: u64,
}

impl Memory {
    pub(crate) fn print(&self, most_kib: u64) -> bool {
        let Self { rss_kib, peak_kib, anonymous_kib, threads } = self;
        println!("\nmemory after these calls (/proc/<pid>/status):");
        println!(
            "  resident {rss_kib} KiB (peak {peak_kib}), of it anonymous {anonymous_kib} KiB; \
             {threads} thread(s)"
        );
        met(*rss_kib <= most_kib, &format!("{rss_kib} KiB of at most {most_kib} KiB"))
    }
}

/// CPU use so far.
#[derive(Clone, Copy)]
pub(crate) struct OnCpu {
    ran_ns: u64,
    ticks: u64,
}

impl OnCpu {
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { ran_ns: self.ran_ns - earlier.ran_ns, ticks: self.ticks - earlier.ticks }
    }

    pub(crate) fn print(&self, window: Duration) -> bool {
        println!("\nidle for {} s with the channel open:", window.as_secs());
        let text =
            format!("{} ns on the CPU (schedstat), {} ticks (stat)", self.ran_ns, self.ticks);
        met(self.ran_ns == 0 && self.ticks == 0, &text)
    }
}
