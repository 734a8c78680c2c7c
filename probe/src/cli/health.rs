//! `health`: asks a running probe, for HEALTHCHECK in an image without a shell.

use std::{
    error::Error,
    path::PathBuf,
    pin::Pin,
    process::ExitCode,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use http::Uri;
use hyper_util::rt::TokioIo;
use roundsman_pki::client::{Setup, TlsStream};
use roundsman_proto::health::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tokio::{net::TcpStream, time};
use tonic::{Code, codegen::Service, transport::Endpoint};

#[derive(Debug, Args)]
pub(super) struct Health {
    /// The probe to ask, HOST:PORT
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "ROUNDSMAN_PROBE_ADDRESS",
        hide_env_values = true,
        default_value = "127.0.0.1:50051"
    )]
    address: String,
    /// What to ask about: empty for the whole probe, roundsman.v1.Probe for reading the host, or
    /// one family, such as roundsman.v1.Probe/cpu
    #[arg(
        long,
        value_name = "NAME",
        env = "ROUNDSMAN_PROBE_SERVICE",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    service: String,
    /// Longest wait for the answer, connecting included: 500ms, 3s
    #[arg(
        long,
        value_name = "TIME",
        env = "ROUNDSMAN_PROBE_TIMEOUT",
        hide_env_values = true,
        default_value = "3s",
        value_parser = super::time
    )]
    timeout: Duration,
    /// The certificate that the probe must show, PEM: its own, for the host's own check over TLS
    #[arg(long, value_name = "FILE", env = "ROUNDSMAN_PROBE_TLS_CERT", hide_env_values = true)]
    tls_cert: Option<PathBuf>,
}

/// Connects to a probe that shows one certificate.
struct Pinned(Arc<Setup>);

impl Service<Uri> for Pinned {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let setup = Arc::clone(&self.0);
        Box::pin(async move {
            let address = uri.authority().map(ToString::to_string).unwrap_or_default();
            let stream = TcpStream::connect(address).await?;
            Ok(TokioIo::new(setup.connect(stream, None).await?))
        })
    }
}

impl Health {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let status = super::runtime()?.block_on(async {
            time::timeout(self.timeout, self.ask()).await.unwrap_or_else(|_elapsed| {
                Err(anyhow::anyhow!(
                    "no answer from {} within {}; is a probe listening there?",
                    self.address,
                    humantime::format_duration(self.timeout)
                ))
            })
        })?;
        super::print(&format!("{}\n", status.as_str_name()))?;
        Ok(if status == ServingStatus::Serving { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn ask(&self) -> anyhow::Result<ServingStatus> {
        let address = &self.address;
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .with_context(|| format!("{address:?} is no address; give HOST:PORT with --address"))?;
        let connected = match &self.tls_cert {
            None => endpoint.connect().await,
            Some(certificate) => {
                let setup = Setup::pinned(certificate).context("cannot set up TLS")?;
                endpoint.connect_with_connector(Pinned(Arc::new(setup))).await
            }
        };
        let channel = connected.map_err(|error| {
            anyhow::anyhow!("cannot reach {address}: {}; is a probe listening there?", why(&error))
        })?;
        let request = HealthCheckRequest { service: self.service.clone() };
        match HealthClient::new(channel).check(request).await {
            Ok(answer) => Ok(answer.into_inner().status()),
            Err(status) if status.code() == Code::NotFound => {
                anyhow::bail!("{address} knows no service {:?}; see health --help", self.service)
            }
            Err(status) if status.code() == Code::Unimplemented => {
                anyhow::bail!("{address} speaks gRPC but has no health service; is it a probe?")
            }
            Err(status) => anyhow::bail!("{address} failed the check: {}", why(&status)),
        }
    }
}

/// The last cause, which says most, without the operating system's number for it.
fn why(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    let text = last.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
