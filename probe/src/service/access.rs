//! Who may ask a probe: from where, and with which certificate.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use roundsman_pki::server::{Server, Setup, Standing, TlsStream};
use roundsman_proto::health::health_server::SERVICE_NAME as HEALTH;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_util::either::Either;
use tonic::Status;
use tracing::{debug, info, warn};

use super::allow::Network;
use crate::clock::{self, Clocks};

/// The first byte of whoever begins a TLS handshake (RFC 8446, 5.1). HTTP/2 begins with another.
const HANDSHAKE: u8 = 0x16;

/// Who may ask. By default everybody who can connect.
#[derive(Debug, Clone, Default)]
pub struct Access {
    allowed: Vec<Network>,
    tls: Option<Arc<Server>>,
    /// Beside TLS, everybody is answered in plain text.
    is_open: bool,
}

impl Access {
    /// Those in the networks `allowed`, none for everywhere, and the host itself; over TLS, if that is given.
    #[must_use]
    pub fn new(allowed: Vec<Network>, tls: Option<Server>) -> Self {
        Self { allowed, tls: tls.map(Arc::new), is_open: false }
    }

    /// Who does not begin with TLS is answered, too, in plain text: for the time in which a fleet moves from
    /// the one to the other.
    #[must_use]
    pub fn or_plain(self) -> Self {
        Self { is_open: true, ..self }
    }

    /// Whether who connects from there is let in. The host itself is: its container asks for its health.
    pub(super) fn admits(&self, address: IpAddr) -> bool {
        let is_allowed = |network: &Network| network.contains(address);
        self.allowed.is_empty()
            || address.to_canonical().is_loopback()
            || self.allowed.iter().any(is_allowed)
    }

    /// TLS as its files are now; none without TLS. They are looked at whenever it matters: a certificate
    /// that was renewed counts from the next handshake on, one that was revoked from the next call on.
    pub(super) fn tls(&self) -> Option<Arc<Setup>> {
        let (setup, news) = self.tls.as_ref()?.current();
        match news {
            None => {}
            Some(Ok(())) => info!(ends_s = setup.ends(), "read the changed certificates"),
            Some(Err(error)) => {
                warn!(%error, "cannot use the changed certificates; those before stay in use");
            }
        }
        Some(setup)
    }

    /// Looks at the files of TLS now; whether there are any.
    #[must_use]
    pub fn look(&self) -> bool {
        self.tls().is_some()
    }

    /// The last second of the probe's certificate, seconds since 1970; none without TLS.
    pub(super) fn ends(&self) -> Option<i64> {
        self.tls().map(|setup| setup.ends())
    }

    /// Makes the handshake, if there is one to make, within a time; nothing when it fails.
    pub(super) async fn handshake(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        within: Duration,
    ) -> Option<(Wire, Caller)> {
        let until = Instant::from_std(clock::now()) + within;
        let Some(setup) = self.tls() else { return Some((Wire::Left(stream), Caller::default())) };
        let mut first = [0];
        if self.is_open && !matches!(timeout_at(until, stream.peek(&mut first)).await, Ok(Ok(1))) {
            debug!(%peer, ?within, "closed: no first byte in time");
            return None;
        }
        if self.is_open && first != [HANDSHAKE] {
            return Some((Wire::Left(stream), Caller::default()));
        }
        let is_of_the_host = peer.ip().to_canonical().is_loopback();
        let stream = match timeout_at(until, setup.accept(stream, is_of_the_host)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                debug!(%peer, %error, "handshake failed");
                return None;
            }
            Err(_over) => {
                debug!(%peer, ?within, "closed: no whole handshake in time");
                return None;
            }
        };
        let known = Known { standing: Standing::new(&stream, setup), access: self.clone() };
        Some((Wire::Right(Box::new(stream)), Caller(Some(Arc::new(known)))))
    }
}

/// Who is at the other end of a connection; anybody without TLS.
#[derive(Debug, Clone, Default)]
pub(super) struct Caller(Option<Arc<Known>>);

#[derive(Debug)]
struct Known {
    standing: Standing,
    access: Access,
}

impl Caller {
    /// Whether it may call `service` now: UNAUTHENTICATED if not. Without a certificate the host itself may
    /// ask for the probe's health.
    pub(super) fn may_call(&self, service: Option<&str>) -> Result<(), Status> {
        const NS_PER_S: i64 = 1_000_000_000;
        let Some(known) = &self.0 else { return Ok(()) };
        let Some(setup) = known.access.tls() else { return Ok(()) };
        if !known.standing.is_known() && service == Some(HEALTH) {
            return Ok(());
        }
        let now = Clocks::now().wall_ns / NS_PER_S;
        known.standing.may_ask(&setup, now).map_err(|error| {
            let words = format!("{error}; over loopback, {HEALTH} needs no certificate");
            Status::unauthenticated(words)
        })
    }
}

/// A connection, plain or encrypted: one type, so that what serves it stands in the program once.
pub(super) type Wire = Either<TcpStream, Box<TlsStream<TcpStream>>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_no_allowed_network_is_not_let_in_and_the_host_itself_is() {
        let allowed = |networks: &[&str]| {
            Access::new(networks.iter().map(|text| text.parse().unwrap()).collect(), None)
        };
        let admits = |access: &Access, from: &str| access.admits(from.parse().unwrap());
        let some = allowed(&["10.0.0.0/8", "2001:db8::/32"]);
        for from in ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1", "127.0.0.1", "::1"] {
            assert!(admits(&some, from), "{from}");
        }
        for from in ["192.0.2.1", "::ffff:192.0.2.1", "2001:db9::1"] {
            assert!(!admits(&some, from), "{from}");
            assert!(admits(&allowed(&[]), from), "{from}");
        }
    }
}
