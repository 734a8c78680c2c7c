//! What is asked about, and what a state is worth to a health client. Pure.

use roundsman_proto::health::health_check_response::ServingStatus;

use crate::model::State;

/// The longest name of a service, bytes: the longest host name and its prefix.
pub const MAX_SERVICE_BYTES: usize = 260;

/// Something whose health can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service<'a> {
    /// The server itself.
    Server,
    /// Whether rows are kept.
    Store,
    /// Whether the inventory file is in force.
    Inventory,
    /// Whether the cron scheduler opens rounds.
    Scheduler,
    /// A host.
    Host(&'a str),
    /// A group of hosts.
    Group(&'a str),
}

impl<'a> Service<'a> {
    /// Those that every server has, with their names on the wire.
    pub const OWN: [(&'static str, Service<'static>); 4] = [
        ("", Service::Server),
        ("store", Service::Store),
        ("inventory", Service::Inventory),
        ("scheduler", Service::Scheduler),
    ];

    /// What a name on the wire means; none when it is no name of ours.
    #[must_use]
    pub fn parse(name: &'a str) -> Option<Self> {
        if name.len() > MAX_SERVICE_BYTES {
            return None;
        }
        if let Some((_, own)) = Self::OWN.iter().find(|(own, _)| *own == name) {
            return Some(*own);
        }
        match name.split_once('/')? {
            ("host", host) => Some(Self::Host(host)),
            ("group", group) => Some(Self::Group(group)),
            _ => None,
        }
    }
}

/// SERVING, or NOT_SERVING.
pub(super) fn serving(well: bool) -> ServingStatus {
    if well { ServingStatus::Serving } else { ServingStatus::NotServing }
}

/// What a host's state is worth.
pub(super) fn of_host(state: State) -> ServingStatus {
    match state {
        State::Up | State::Degraded | State::Suspect => ServingStatus::Serving,
        State::Down | State::Paused | State::Retired => ServingStatus::NotServing,
        State::Pending => ServingStatus::Unknown,
    }
}

/// What the states of a group's hosts are worth together; none when there is no host. One host that
/// is down is enough; a paused one counts only when there is no other.
pub(super) fn of_group(states: impl IntoIterator<Item = State>) -> Option<ServingStatus> {
    let mut known = None;
    let (mut pending, mut serves) = (false, false);
    for state in states {
        known = Some(());
        match state {
            State::Down => return Some(ServingStatus::NotServing),
            State::Up | State::Degraded | State::Suspect => serves = true,
            State::Pending => pending = true,
            State::Paused | State::Retired => {}
        }
    }
    known.map(|()| match (serves, pending) {
        (true, _) => ServingStatus::Serving,
        (false, true) => ServingStatus::Unknown,
        (false, false) => ServingStatus::NotServing,
    })
}

#[cfg(test)]
mod tests {
    use ServingStatus::{NotServing, Serving, Unknown};
    use State::{Degraded, Down, Paused, Pending, Suspect, Up};

    use super::*;

    #[test]
    fn names() {
        assert_eq!(Service::parse(""), Some(Service::Server));
        assert_eq!(Service::parse("store"), Some(Service::Store));
        assert_eq!(Service::parse("host/web-1:50051"), Some(Service::Host("web-1:50051")));
        assert_eq!(Service::parse("group/a/b"), Some(Service::Group("a/b")));
        for unknown in ["web-1", "hosts/web-1", "Store", "roundsman.v1.Probe"] {
            assert_eq!(Service::parse(unknown), None, "{unknown}");
        }
        let longest = format!("host/{}", "x".repeat(MAX_SERVICE_BYTES - 5));
        assert!(Service::parse(&longest).is_some());
        assert_eq!(Service::parse(&format!("{longest}x")), None);
    }

    #[test]
    fn every_state_has_its_word() {
        let words = State::ALL.iter().map(|state| (*state, of_host(*state))).collect::<Vec<_>>();
        assert_eq!(
            words,
            [
                (Pending, Unknown),
                (Up, Serving),
                (Degraded, Serving),
                (Suspect, Serving),
                (Down, NotServing),
                (Paused, NotServing),
                (State::Retired, NotServing),
            ]
        );
    }

    #[test]
    fn one_host_that_is_down_is_enough_for_its_group() {
        for (states, expected) in [
            (vec![], None),
            (vec![Up, Degraded, Suspect], Some(Serving)),
            (vec![Up, Up, Down], Some(NotServing)),
            (vec![Pending, Down], Some(NotServing)),
            (vec![Up, Paused], Some(Serving)),
            (vec![Up, Pending], Some(Serving)),
            (vec![Pending, Paused], Some(Unknown)),
            (vec![Paused, Paused], Some(NotServing)),
        ] {
            assert_eq!(of_group(states.iter().copied()), expected, "{states:?}");
        }
    }
}
