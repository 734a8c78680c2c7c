//! A fleet that has never answered, told as one thing: nearly always one mistake made for all hosts. Pure.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    live::HostView,
    model::{Outcome, State},
};

/// What is said while none of the hosts has answered since the server started, and none was well before:
/// how most of them fail, at which port, and what that usually is.
pub(super) fn unanswered(hosts: &[Arc<HostView>]) -> Option<String> {
    let mut ends: BTreeMap<(Outcome, Option<&str>), usize> = BTreeMap::new();
    let mut asked = 0_usize;
    let mut listed = 0_usize;
    for host in hosts {
        match host.state {
            State::Up | State::Degraded | State::Suspect => return None,
            State::Paused | State::Retired => continue,
            State::Pending | State::Down => listed += 1,
        }
        if host.last_good.is_some() {
            return None;
        }
        let Some(last) = host.last.as_ref().filter(|last| last.outcome.was_asked()) else {
            continue;
        };
        asked += 1;
        let address = last.address.as_deref().or(host.addresses.first().map(|first| &**first));
        let port = address.and_then(|address| address.rsplit_once(':')).map(|(_, port)| port);
        *ends.entry((last.outcome, port)).or_default() += 1;
    }
    let ((outcome, port), most) = ends.into_iter().max_by_key(|(_, count)| *count)?;
    let who = match asked < listed {
        true => format!("none of the {asked} hosts polled so far, of {listed},"),
        false => format!("none of your {listed} hosts"),
    };
    let all = if most == asked { String::new() } else { format!(" {most} of them") };
    let port = port.map(|port| format!(" on port {port}")).unwrap_or_default();
    Some(format!("{who} has answered:{all} {outcome}{port}{}", usual(outcome)))
}

/// What an outcome usually is when it is everybody's.
fn usual(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Refused => "; is `roundsman-probe serve` running there?",
        Outcome::Unreachable | Outcome::Deadline => {
            "; are the addresses right, and does a firewall let the port through?"
        }
        Outcome::Resolve => "; does this machine's name server know the names?",
        Outcome::Malformed | Outcome::Unimplemented => "; is it the port of the probe?",
        Outcome::Tls
        | Outcome::Unauthenticated
        | Outcome::TooLarge
        | Outcome::WrongHost
        | Outcome::ProbeError
        | Outcome::Ok
        | Outcome::Partial
        | Outcome::Overrun
        | Outcome::Local => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{HostId, HostName, Record},
        store::sample,
        units::WallMs,
    };

    fn record(outcome: Outcome, address: &str) -> Arc<Record> {
        let name = HostName::new("a").unwrap();
        let failed = sample::failed(HostId(1), &name, WallMs(1), "no");
        Arc::new(Record { outcome, address: Some(address.into()), ..failed })
    }

    fn host(state: State, last: Option<(Outcome, &str)>) -> Arc<HostView> {
        Arc::new(HostView {
            state,
            last: last.map(|(outcome, address)| record(outcome, address)),
            ..HostView::listed(HostId(1), HostName::new("a").unwrap())
        })
    }

    #[test]
    fn a_fleet_that_never_answered_is_told_as_one_thing() {
        use Outcome::{Local, Ok, Refused, Unreachable};
        use State::{Down, Paused, Pending, Up};
        let refused = || host(Pending, Some((Refused, "10.0.0.1:50051")));
        let down = host(Down, Some((Refused, "10.0.0.2:50051")));
        assert_eq!(
            unanswered(&[refused(), down.clone()]).as_deref(),
            Some(
                "none of your 2 hosts has answered: refused on port 50051; is `roundsman-probe \
                 serve` running there?"
            )
        );
        let silent = host(Down, Some((Unreachable, "10.0.0.3:7")));
        let words = unanswered(&[refused(), down.clone(), silent, host(Pending, None)]).unwrap();
        assert!(
            words.starts_with("none of the 3 hosts polled so far, of 4, has answered:"),
            "{words}"
        );
        assert!(words.contains(" 2 of them refused on port 50051;"), "{words}");
        // One that is left alone is not among them.
        let paused = host(Paused, None);
        assert!(unanswered(&[refused(), paused]).unwrap().starts_with("none of your 1 hosts"));
        for other in [
            vec![],
            vec![host(Pending, None)],
            vec![host(Pending, Some((Local, "10.0.0.1:50051")))],
            vec![refused(), host(Up, Some((Ok, "10.0.0.1:50051")))],
            vec![refused(), host(Up, None)],
        ] {
            assert_eq!(unanswered(&other), None);
        }
        let mut once = HostView::clone(&down);
        once.last_good = Some(record(Ok, "10.0.0.2:50051"));
        assert_eq!(unanswered(&[refused(), Arc::new(once)]), None);
    }
}
