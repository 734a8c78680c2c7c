use super::*;
use crate::{
    inventory::{self, MIN_REFRESH},
    model::GroupName,
};

const FILE: &str = "
    [[group]]
    name = \"nodes\"
    discover = { dns = \"tasks.probe\", refresh = \"5s\" }
    [group.labels]
    site = \"here\"
    [[host]]
    name = \"listed\"
    addresses = [\"10.0.0.99\"]
";

const NOW: WallMs = WallMs(1_000_000);

fn file() -> Arc<Inventory> {
    Arc::new(inventory::parse("hosts.toml", FILE).unwrap())
}

fn ip(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

/// A machine whose id begins with these digits.
fn machine(digits: &str) -> Arc<str> {
    format!("{digits:0<32}").into()
}

fn who(digits: &str, hostname: &str) -> ProbeIdentity {
    let hostname = (!hostname.is_empty()).then(|| hostname.into());
    ProbeIdentity { machine: Some(machine(digits)), hostname, boot: Some(digits.into()) }
}

/// At this address answers this machine.
fn at(last: u8, digits: &str, hostname: &str) -> ProbedAddress {
    ProbedAddress { address: ip(last), who: Some(who(digits, hostname)) }
}

fn silent(last: u8) -> ProbedAddress {
    ProbedAddress { address: ip(last), who: None }
}

/// Nothing is known of any host of the file, but that it has been polled.
fn unknown(_: &HostName) -> ListedHost {
    ListedHost { machine: None, polled: true, answers: false }
}

#[derive(Default)]
struct Fleet(DiscoveredHosts);

impl Fleet {
    fn learn(&mut self, seen: &[ProbedAddress]) -> (bool, Vec<DiscoveryWarning>) {
        self.learn_with(seen, &unknown)
    }

    fn learn_with(
        &mut self,
        seen: &[ProbedAddress],
        known: &dyn Fn(&HostName) -> ListedHost,
    ) -> (bool, Vec<DiscoveryWarning>) {
        let file = file();
        self.0.learn(&file.discoveries[0], seen, &file, known, NOW)
    }

    /// Discovered hosts and the last number of their addresses.
    fn hosts(&self) -> Vec<String> {
        let hosts = &self.0.with(&file()).hosts;
        let found = hosts.values().filter(|host| host.labels.contains_key(DISCOVERED));
        let short = |address: &Address| address.host.rsplit('.').next().unwrap_or("").to_owned();
        found.map(|host| format!("{}@{}", host.name, short(&host.addresses[0]))).collect()
    }
}

#[test]
fn one_host_per_address_named_by_what_its_probe_says() {
    let mut fleet = Fleet::default();
    let (changed, notices) =
        fleet.learn(&[at(1, "aa", "node-1"), at(2, "bb", "node 2.x"), at(3, "cc", ""), silent(4)]);
    assert!(changed && notices.is_empty(), "{notices:?}");
    assert_eq!(fleet.hosts(), ["machine-cc000000@3", "node-1@1", "node-2.x@2"]);
    let whole = fleet.0.with(&file());
    let host = &whole.hosts["node-1"];
    assert_eq!(host.group.as_ref().map(GroupName::as_str), Some("nodes"));
    assert_eq!(host.labels["site"], "here");
    assert_eq!(host.labels[DISCOVERED], "tasks.probe");
    assert_eq!(host.addresses[0].port, 50051);
    assert_eq!(whole.hash, file().hash);
    assert!(!fleet.learn(&[at(1, "aa", "node-1"), silent(2), silent(3)]).0, "nothing is new");
}

#[test]
fn a_machine_that_moves_is_the_same_host_and_takes_nobodys_place() {
    let mut fleet = Fleet::default();
    fleet.learn(&[at(1, "aa", "a"), at(2, "bb", "b")]);
    // Both tasks were started anew, and the addresses are swapped.
    assert!(fleet.learn(&[at(1, "bb", "b"), at(2, "aa", "a")]).0);
    assert_eq!(fleet.hosts(), ["a@2", "b@1"]);
    // The hostname changed: the machine is known by its id.
    assert!(!fleet.learn(&[at(1, "bb", "renamed"), at(2, "aa", "a")]).0);
    assert_eq!(fleet.hosts(), ["a@2", "b@1"]);
}

#[test]
fn an_empty_or_smaller_answer_removes_nobody() {
    let mut fleet = Fleet::default();
    fleet.learn(&[at(1, "aa", "a"), at(2, "bb", "b")]);
    assert!(!fleet.learn(&[]).0);
    assert!(!fleet.learn(&[silent(2)]).0);
    assert_eq!(fleet.hosts(), ["a@1", "b@2"]);
}

#[test]
fn of_two_addresses_of_one_machine_the_newest_that_answers_is_polled() {
    let mut fleet = Fleet::default();
    fleet.learn(&[at(2, "aa", "a")]);
    // The new task is there, the old one not gone yet; it is lower, and answers, too.
    let (changed, notices) = fleet.learn(&[at(2, "aa", "a"), at(1, "aa", "a")]);
    assert!(changed);
    assert_eq!(fleet.hosts(), ["a@1"]);
    let also = |notice: &DiscoveryWarning| match notice {
        DiscoveryWarning::SeveralAddresses { polled, also, copied, .. } => {
            Some((*polled, also.clone(), *copied))
        }
        _ => None,
    };
    assert_eq!(notices.iter().find_map(also), Some((ip(1), vec![ip(2)], false)));
    assert!(!fleet.learn(&[at(1, "aa", "a"), at(2, "aa", "a")]).0, "and stays");
    // A new task that does not answer yet is not moved to.
    assert!(!fleet.learn(&[at(1, "aa", "a"), silent(9)]).0);
    assert_eq!(fleet.hosts(), ["a@1"]);
    // Another boot under the same id: no move of one machine, but two.
    let copy = ProbedAddress {
        who: Some(ProbeIdentity { boot: Some("other".into()), ..who("aa", "a") }),
        ..silent(3)
    };
    let (_, notices) = fleet.learn(&[at(1, "aa", "a"), copy]);
    assert!(notices.iter().find_map(also).unwrap().2, "{notices:?}");
}

#[test]
fn two_machines_of_one_hostname_are_two_hosts_whatever_the_order() {
    let seen = [at(1, "bbbb1", "node"), at(2, "aaaa", "node"), at(3, "bbbb2", "node")];
    let mut fleet = Fleet::default();
    let (_, notices) = fleet.learn(&seen);
    assert_eq!(fleet.hosts(), ["node@2", "node-bbbb@1", "node-bbbb2@3"]);
    assert_eq!(notices.len(), 2, "{notices:?}");
    // A restart: the store knows the names; the first to be met now is another one.
    let whole = fleet.0.with(&file());
    let kept = |name: &str, digits: &str| {
        let host = &whole.hosts[name];
        StoredHost {
            name: host.name.clone(),
            labels: Labels::clone(&host.labels),
            address: host.addresses[0].to_string(),
            who: who(digits, "node"),
        }
    };
    let mut again = Fleet::default();
    again.0.restore(
        &file(),
        [kept("node-bbbb", "bbbb1"), kept("node", "aaaa"), kept("listed", "dddd")],
    );
    assert_eq!(again.hosts(), ["node@2", "node-bbbb@1"], "the host of the file is none of these");
    again.learn(&[at(7, "bbbb1", "node"), at(8, "aaaa", "node")]);
    assert_eq!(again.hosts(), ["node@8", "node-bbbb@7"]);
}

#[test]
fn the_file_wins_over_what_is_discovered() {
    let mut fleet = Fleet::default();
    let known =
        |_: &HostName| ListedHost { machine: Some(machine("cc")), polled: true, answers: false };
    // By its machine, by its address.
    let (_, notices) = fleet.learn_with(&[at(1, "cc", "node"), at(99, "ee", "other")], &known);
    assert_eq!(fleet.hosts(), <[&str; 0]>::default());
    assert_eq!(notices.len(), 2);
    assert!(notices[0].to_string().contains("host listed of the inventory file"), "{notices:?}");
    // By its name, as long as nothing else is known of the one in the file.
    fleet.learn_with(&[at(1, "cc", "listed")], &|_| ListedHost::default());
    assert_eq!(fleet.hosts(), <[&str; 0]>::default());
    // Then it is known to be another one.
    let other =
        |_: &HostName| ListedHost { machine: Some(machine("dd")), polled: true, answers: false };
    fleet.learn_with(&[at(1, "cc", "listed")], &other);
    assert_eq!(fleet.hosts(), ["listed-cc00@1"]);
    // And when it turns out that it is not: the file applies.
    assert!(fleet.learn_with(&[silent(1)], &known).0);
    assert_eq!(fleet.hosts(), <[&str; 0]>::default());
}

/// As in a rolling update: the address of the last task leaves DNS after the next one's has come.
#[test]
fn a_host_that_was_found_at_its_next_address_does_not_go_back_to_the_one_before() {
    let mut fleet = Fleet::default();
    let well = |name: &HostName| ListedHost { answers: true, ..unknown(name) };
    fleet.learn(&[at(1, "aa", "a")]);
    // Nobody is asked where the host answers.
    fleet.learn_with(&[silent(1), at(2, "aa", "a")], &well);
    assert_eq!(fleet.hosts(), ["a@2"]);
    let (changed, notices) = fleet.learn_with(&[at(1, "aa", "a"), silent(2)], &well);
    assert_eq!((changed, notices.len(), fleet.hosts()), (false, 0, vec!["a@2".to_owned()]));
    // One that does not answer there any more does.
    fleet.learn(&[at(1, "aa", "a"), silent(2)]);
    assert_eq!(fleet.hosts(), ["a@1"]);
}

#[test]
fn hosts_go_with_the_name_that_found_them() {
    let mut fleet = Fleet::default();
    fleet.learn(&[at(1, "aa", "a")]);
    let without = inventory::parse("hosts.toml", &FILE.replace("tasks.probe", "tasks.other"));
    let without = Arc::new(without.unwrap());
    assert_eq!(fleet.0.with(&without).hosts.len(), 1);
    fleet.0.keep_to(&without);
    assert!(fleet.0.is_empty());
}

#[test]
fn only_who_is_down_and_gone_for_long_is_forgotten_and_only_when_asked_for() {
    let mut fleet = Fleet::default();
    fleet.learn(&[at(1, "aa", "a"), at(2, "bb", "b"), at(3, "cc", "c")]);
    fleet.learn(&[silent(3)]);
    let later = NOW.plus(MIN_REFRESH);
    let all = |_: &HostName| true;
    assert_eq!(fleet.0.forget(Duration::ZERO, all, later), []);
    assert_eq!(fleet.0.forget(MIN_REFRESH * 2, all, later), []);
    let only_a = |name: &HostName| name.as_str() == "a";
    let gone = fleet.0.forget(MIN_REFRESH, only_a, later);
    assert_eq!(gone.len(), 1);
    assert_eq!(fleet.hosts(), ["b@2", "c@3"], "b answers, c is in DNS");
    // It is back in DNS before its time: counted anew.
    fleet.learn(&[silent(2), silent(3)]);
    assert_eq!(fleet.0.forget(MIN_REFRESH, all, later), []);
}

#[test]
fn an_accepted_host_is_whoever_answers_there() {
    let mut fleet = Fleet::default();
    fleet.learn(&[at(1, "aa", "node")]);
    // Installed anew: another machine at the same address, under the same hostname.
    fleet.learn(&[at(1, "bbbb", "node")]);
    assert_eq!(fleet.hosts(), ["node@1", "node-bbbb@1"]);
    fleet.0.accept(&HostName::new("node").unwrap());
    assert_eq!(fleet.hosts(), ["node@1"]);
    fleet.learn(&[at(5, "bbbb", "node")]);
    assert_eq!(fleet.hosts(), ["node@5"]);
}

#[test]
fn a_probe_that_says_nothing_of_itself_is_no_host() {
    let mut fleet = Fleet::default();
    let nobody = ProbeIdentity { machine: None, hostname: None, boot: None };
    let (changed, notices) = fleet.learn(&[ProbedAddress { who: Some(nobody), ..silent(1) }]);
    assert!(!changed);
    assert_eq!(notices, [DiscoveryWarning::Nameless { address: ip(1) }]);
    // A hostname alone is enough.
    let named = ProbeIdentity { machine: None, hostname: Some("n".into()), boot: None };
    fleet.learn(&[ProbedAddress { who: Some(named), ..silent(1) }]);
    assert_eq!(fleet.hosts(), ["n@1"]);
}
