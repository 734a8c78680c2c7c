//! What a look at a discovered name shows: addresses, and who answers there.

use std::{net::IpAddr, sync::Arc};

/// Who a probe says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeIdentity {
    /// Its machine id.
    pub machine: Option<Arc<str>>,
    /// Its hostname.
    pub hostname: Option<Arc<str>>,
    /// Its boot: two at once are two machines, whatever they say.
    pub boot: Option<Arc<str>>,
}

impl ProbeIdentity {
    /// What the machine is known by; none when it says nothing of itself.
    pub(super) fn key(&self) -> Option<MachineKey> {
        let named = || self.hostname.as_ref().map(|name| by_name(name));
        self.machine.clone().or_else(named)
    }
}

/// A machine id, or [`BY_NAME`] and a hostname.
pub(super) type MachineKey = Arc<str>;
/// What the keys of machines without a known id begin with.
pub(super) const BY_NAME: &str = "name:";
pub(super) fn by_name(name: &str) -> MachineKey {
    format!("{BY_NAME}{name}").into()
}

/// One address of a name, and who answered there; none when nobody did, or nobody was asked because
/// the host that is polled there answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbedAddress {
    /// The address.
    pub address: IpAddr,
    /// Who answered.
    pub who: Option<ProbeIdentity>,
}
