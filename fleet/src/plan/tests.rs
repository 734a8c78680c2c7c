use super::*;

fn plan(text: &str) -> Plan {
    Plan::parse(text).unwrap()
}

#[test]
fn selectors_go_both_ways() {
    for text in ["all", "web-7", "web-*", "#1-500", "10%", "0.05%", "100%"] {
        assert_eq!(text.parse::<Selector>().unwrap().to_string(), text);
    }
    for text in ["", "*", "#", "#5-1", "#x", "101%", "%", "1.234%", "a b", "1e3%"] {
        assert!(text.parse::<Selector>().is_err(), "{text}");
    }
}

#[test]
fn every_probe_has_an_address_and_a_name_of_its_own() {
    let probes = plan("hosts = 600\naddress = \"127.1.0.200\"").probes().unwrap();
    assert_eq!(probes[0].socket.to_string(), "127.1.0.200:50051");
    assert_eq!(probes[599].socket.to_string(), "127.1.3.31:50051");
    assert_eq!((probes[0].name.as_str(), probes[7].name.as_str()), ("web-1", "db-8"));
    let names: std::collections::HashSet<_> = probes.iter().map(|probe| &probe.name).collect();
    assert_eq!(names.len(), 600);

    let probes = plan("hosts = 3\nfirst = 10\nports = true\nport = 7000").probes().unwrap();
    let sockets: Vec<_> = probes.iter().map(|probe| probe.socket.to_string()).collect();
    assert_eq!(sockets, ["127.1.0.1:7000", "127.1.0.1:7001", "127.1.0.1:7002"]);
    assert_eq!(probes[0].name, "build-10");
}

#[test]
fn shares_are_exact_follow_upon_each_other_and_stay_the_same() {
    let text = "hosts = 200\n\
        behave = [{ hosts = \"10%\", personality = \"refuse\" },\n\
                  { hosts = \"25%\", personality = \"slow=1s\" },\n\
                  { hosts = \"web-1\", personality = \"huge\" }]";
    let probes = plan(text).probes().unwrap();
    let count = |name: &str| {
        let personality: Personality = name.parse().unwrap();
        // The one that a later rule takes away is not counted.
        probes[1..].iter().filter(|probe| probe.personality == personality).count()
    };
    assert_eq!(probes[0].personality, Personality::Huge);
    assert_eq!(count("huge"), 0);
    let (refuse, slow) = (count("refuse"), count("slow=1s"));
    assert!((19..=20).contains(&refuse) && (49..=50).contains(&slow), "{refuse} {slow}");
    assert_eq!(plan(text).probes().unwrap(), probes);
    assert_ne!(plan(&format!("seed = 2\n{text}")).probes().unwrap(), probes);
}

#[test]
fn what_is_wrong_is_said() {
    for (text, words) in [
        ("hosts = 0", "expected 1 to 100000"),
        ("address = \"10.0.0.1\"", "not all in 127.0.0.0/8"),
        ("address = \"127.255.255.250\"", "not all in 127.0.0.0/8"),
        ("ports = true\nport = 65500", "more than there are"),
        ("first = 4294967295", "too many to number"),
        (
            "behave = [{ hosts = \"nobody\", personality = \"huge\" }]",
            "nobody is none of the hosts",
        ),
    ] {
        let error = plan(text).probes().unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
    for (text, words) in [
        ("hots = 1", "unknown field `hots`"),
        ("behave = [{ hosts = \"all\", personality = \"sleepy\" }]", "is no personality"),
        ("behave = [{ hosts = \"a b\", personality = \"huge\" }]", "expected all, a name"),
    ] {
        let error = Plan::parse(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn an_inventory_names_every_probe() {
    let probes = plan("hosts = 2").probes().unwrap();
    let all = probes.iter().map(|probe| (probe.name.as_str(), probe.role, probe.socket));
    insta::assert_snapshot!(inventory(all, Some("1s")));
}
