//! `roundsman health [SERVICE]`: asks a running server over gRPC, for HEALTHCHECK in an image without
//! a shell.

use std::{
    error::Error,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use http::Uri;
use hyper_util::rt::TokioIo;
use roundsman_pki::client::Setup;
use roundsman_proto::health::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tokio::net::TcpStream;
use tonic::{Code, Request, metadata::AsciiMetadataValue, transport::Endpoint};
use tower::service_fn;

use super::{CliError, Runtime, parse};
use crate::config::Secret;

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman health                   the server itself
  roundsman health store             does it keep rows?
  roundsman health host/web-01       is that host well?
  roundsman health group/web --address monitor:50052";

/// Flags of `health`.
#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    /// What to ask about: store, inventory, scheduler, host/<name>, group/<name> [default: the server
    /// itself]
    #[arg(value_name = "SERVICE", default_value = "", hide_default_value = true)]
    service: String,
    /// The server to ask [default: where grpc.listen says]
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<String>,
    /// The certificate that the server must show, PEM: its own [default: http.tls_cert, where grpc.tls is true]
    #[arg(long, value_name = "FILE", requires = "address")]
    tls_cert: Option<PathBuf>,
    /// Longest wait for the answer, connecting included: 500ms, 3s
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = parse::timeout)]
    timeout: Duration,
}

/// Prints the status; anything but SERVING is a failure.
pub(super) fn run(args: &HealthArgs, runtime: &Runtime) -> Result<(), CliError> {
    let (address, tls, token) = match &args.address {
        // What is wrong with settings is no reason not to ask another server.
        Some(address) => {
            let token = runtime.start(Vec::new(), true).ok().and_then(|config| config.http.token);
            let tls = pinned(args.tls_cert.as_deref())?;
            let token = token.filter(|_| tls.is_some() || is_loopback(address));
            (address.clone(), tls, token)
        }
        None => own(runtime)?,
    };
    let status = runtime.block_on(async {
        let asking = ask(&address, tls, token.as_ref(), &args.service);
        tokio::time::timeout(args.timeout, asking).await.unwrap_or_else(|_elapsed| {
            Err(CliError::Failed(format!(
                "no answer from {address} within {}; is a server listening there?",
                humantime::format_duration(args.timeout)
            )))
        })
    })?;
    runtime.output.print(&format!("{}\n", status.as_str_name()))?;
    if status == ServingStatus::Serving { Ok(()) } else { Err(CliError::Shown) }
}

/// Where a server with these settings is found from the same machine, which certificate it shows, and its token.
fn own(runtime: &Runtime) -> Result<(String, Option<Setup>, Option<Secret>), CliError> {
    let config = runtime.start(Vec::new(), true)?;
    let certificate = config.http.tls_cert.as_deref().filter(|_| config.grpc.tls);
    let tls = pinned(certificate)?;
    match config.grpc.listen {
        Some(listen) if listen.port() != 0 => {
            Ok((reachable(listen).to_string(), tls, config.http.token))
        }
        Some(_) => Err(CliError::Usage(
            "grpc.listen takes any free port, which the server logs; give it with --address"
                .to_owned(),
        )),
        None => {
            Err(CliError::Failed("grpc.listen is \"\": a server serves no health here".to_owned()))
        }
    }
}

fn pinned(certificate: Option<&Path>) -> Result<Option<Setup>, CliError> {
    let setup = certificate.map(Setup::pinned).transpose();
    setup.map_err(|unfit| CliError::Failed(format!("cannot set up TLS: {unfit}")))
}

/// Whether what is sent to `HOST:PORT` stays on this machine. To others a token goes over TLS alone: whoever is on
/// the way could read it, and whoever answers there could keep it.
fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _port)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
}

/// The loopback address stands in for all addresses, which cannot be connected to.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(
    address: &str,
    tls: Option<Setup>,
    token: Option<&Secret>,
    service: &str,
) -> Result<ServingStatus, CliError> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|_| {
        CliError::Usage(format!("{address:?} is no address; give HOST:PORT with --address"))
    })?;
    let connected = match tls.map(Arc::new) {
        None => endpoint.connect().await,
        Some(setup) => {
            let address = address.to_owned();
            let connect = move |_: Uri| {
                let (setup, address) = (Arc::clone(&setup), address.clone());
                async move {
                    let stream = TcpStream::connect(address).await.map_err(io::Error::other)?;
                    let stream = setup.connect(stream, None).await.map_err(io::Error::other)?;
                    Ok::<_, io::Error>(TokioIo::new(stream))
                }
            };
            endpoint.connect_with_connector(service_fn(connect)).await
        }
    };
    let channel = connected.map_err(|error| {
        let why = last_cause(&error);
        CliError::Failed(format!(
            "cannot reach {address}: {why}; is a server listening there? see --address"
        ))
    })?;
    let mut request = Request::new(HealthCheckRequest { service: service.to_owned() });
    let bearer = token.map(|token| format!("Bearer {}", token.expose()));
    if let Some(mut bearer) = bearer.and_then(|bearer| AsciiMetadataValue::try_from(bearer).ok()) {
        bearer.set_sensitive(true);
        request.metadata_mut().insert("authorization", bearer);
    }
    match HealthClient::new(channel).check(request).await {
        Ok(answer) => Ok(answer.into_inner().status()),
        Err(status) if status.code() == Code::NotFound => {
            Err(CliError::Failed(format!("{address}: {}", status.message())))
        }
        Err(status) if status.code() == Code::Unauthenticated => Err(CliError::Failed(format!(
            "{address}: {}; set http.token_file here; to another machine it is sent over TLS alone (--tls-cert)",
            status.message()
        ))),
        Err(status) if status.code() == Code::Unimplemented => Err(CliError::Failed(format!(
            "{address} speaks gRPC but has no health service; is it a server?"
        ))),
        Err(status) => {
            Err(CliError::Failed(format!("{address} failed the check: {}", last_cause(&status))))
        }
    }
}

/// The last cause, which says most, without the operating system's number for it.
fn last_cause(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    let text = last.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_in_plain_text_to_this_machine_alone() {
        for (address, stays) in [
            ("127.0.0.1:50052", true),
            ("127.9.9.9:1", true),
            ("[::1]:50052", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("localhost:50052", true),
            ("10.0.0.1:50052", false),
            ("[2001:db8::1]:50052", false),
            ("server:50052", false),
            ("localhost.example.org:1", false),
            ("127.0.0.1.example.org:1", false),
            ("", false),
        ] {
            assert_eq!(is_loopback(address), stays, "{address}");
        }
    }

    #[test]
    fn a_server_on_all_addresses_is_asked_on_loopback() {
        for (listen, expected) in [
            ("0.0.0.0:50052", "127.0.0.1:50052"),
            ("[::]:1", "[::1]:1"),
            ("10.0.0.1:50052", "10.0.0.1:50052"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), expected);
        }
    }
}
