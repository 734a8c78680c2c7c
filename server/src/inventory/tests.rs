use proptest::prelude::*;

use super::*;
use crate::document::MAX_PROBLEMS;

fn read(text: &str) -> Inventory {
    parse("inventory.toml", text).unwrap_or_else(|e| panic!("{e}"))
}

fn name(text: &str) -> HostName {
    HostName::new(text).unwrap()
}

const FLEET: &str = r#"
[defaults]
labels = { site = "fra" }

[[group]]
name = "web"
hosts = ["web-[1-3]"]

[[host]]
name = "db-1"
addresses = ["10.0.0.1"]
"#;

#[test]
fn files_of_certificates_are_beside_the_inventory_wherever_the_server_runs() {
    let text = "[defaults]\ntls = \"mtls\"\nca = \"ca/ca.pem\"\ncert = \"../server.pem\"\n\
                key = \"/run/secrets/server.key\"\n[[host]]\nname = \"a\"\n";
    let inventory = parse("/etc/roundsman/inventory.toml", text).unwrap_or_else(|e| panic!("{e}"));
    let host = inventory.hosts.values().next().unwrap();
    let files = &host.tls.as_ref().unwrap().files;
    let (cert, key) = files.identity.clone().unwrap();
    assert_eq!(
        [&files.ca, &cert, &key].map(|path| path.display().to_string()),
        ["/etc/roundsman/ca/ca.pem", "/etc/roundsman/../server.pem", "/run/secrets/server.key"]
    );
}

#[test]
fn the_same_text_changes_nothing() {
    let diff = diff(&read(FLEET), &read(&format!("{FLEET}\n# a remark")));
    assert!(diff.is_empty());
    assert_eq!(diff.unchanged, 4);
}

#[test]
fn added_and_retired_hosts_leave_the_others_alone() {
    let diff = diff(&read(FLEET), &read(&FLEET.replace("web-[1-3]", "web-[2-5]")));
    assert_eq!(diff.added, [name("web-4"), name("web-5")]);
    assert_eq!(diff.retired, [name("web-1")]);
    assert_eq!(diff.unchanged, 3);
    assert!(diff.changed.is_empty() && diff.renamed.is_empty());
}

#[test]
fn every_setting_of_a_host_is_seen_to_change() {
    let old = read(FLEET);
    for (line, expected) in [
        ("group = \"db\"", HostChange::Group),
        ("labels = { site = \"ber\" }", HostChange::Labels),
        ("port = 7", HostChange::Addresses),
        ("interval = \"9s\"", HostChange::Schedule),
        ("timeout = \"2s\"", HostChange::Timeout),
        ("parent = \"web-1\"", HostChange::Parent),
        ("paused = true", HostChange::Paused),
        ("tcp_ext = true", HostChange::Selection),
        ("exclude.disk = []", HostChange::Selection),
        ("top_processes = 3", HostChange::Selection),
    ] {
        let diff = diff(&old, &read(&format!("{FLEET}{line}\n")));
        let only = BTreeMap::from([(name("db-1"), BTreeSet::from([expected]))]);
        assert_eq!(diff.changed, only, "{line}");
        assert_eq!((diff.unchanged, diff.added.len(), diff.retired.len()), (3, 0, 0));
    }
}

#[test]
fn a_group_setting_changes_its_hosts_alone() {
    let new = FLEET.replace("name = \"web\"", "name = \"web\"\ninterval = \"20s\"\npaused = true");
    let diff = diff(&read(FLEET), &read(&new));
    let hosts: Vec<&str> = diff.changed.keys().map(HostName::as_str).collect();
    assert_eq!(hosts, ["web-1", "web-2", "web-3"]);
    for what in diff.changed.values() {
        assert_eq!(*what, BTreeSet::from([HostChange::Schedule, HostChange::Paused]));
    }
}

#[test]
fn a_renamed_host_is_neither_added_nor_retired() {
    let new = FLEET.replace("name = \"db-1\"", "name = \"db-a\"\nrenamed_from = \"db-1\"");
    let (old, new) = (read(FLEET), read(&new));
    let once = diff(&old, &new);
    assert_eq!(once.renamed, [(name("db-1"), name("db-a"))]);
    assert_eq!(once.unchanged, 3);
    assert!(once.added.is_empty() && once.retired.is_empty() && once.changed.is_empty());
    // The line may stay: later it means nothing.
    assert!(diff(&new, &new).is_empty());
    // Renamed and changed in one edit.
    let both = read(
        &FLEET.replace("name = \"db-1\"", "name = \"db-a\"\nrenamed_from = \"db-1\"\nport = 7"),
    );
    let both = diff(&old, &both);
    assert_eq!(both.renamed.len(), 1);
    assert_eq!(both.changed[&name("db-a")], BTreeSet::from([HostChange::Addresses]));
    // Nothing of that name to rename: the host is new.
    let new = read(&FLEET.replace("name = \"db-1\"", "name = \"db-a\"\nrenamed_from = \"db-9\""));
    let fresh = diff(&old, &new);
    assert_eq!((fresh.added, fresh.retired), (vec![name("db-a")], vec![name("db-1")]));
}

#[test]
fn a_group_need_not_be_declared() {
    let text = "[[host]]\nname = \"a\"\ngroup = \"db\"\n[[host]]\nname = \"b\"\ngroup = \"dbs\"\n";
    let groups: Vec<(String, usize)> = read(text)
        .groups
        .iter()
        .map(|(name, group)| (name.to_string(), group.hosts.len()))
        .collect();
    assert_eq!(groups, [("db".to_owned(), 1), ("dbs".to_owned(), 1)]);
}

#[test]
fn the_hash_is_that_of_the_bytes() {
    assert_eq!(
        ContentHash::of(b"").as_str(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(read(FLEET).hash, ContentHash::of(FLEET.as_bytes()));
    assert_ne!(read(FLEET).hash, read(&format!("{FLEET} ")).hash);
}

#[test]
fn hosts_that_are_asked_the_same_share_their_selection() {
    let inventory = read(FLEET);
    let all: Vec<&Arc<Selection>> = inventory.hosts.values().map(|host| &host.selection).collect();
    assert!(all.iter().all(|selection| Arc::ptr_eq(selection, all[0])));
}

#[test]
fn the_built_in_patterns_take_what_they_say() {
    let matches = |patterns: &[&str], name: &str| {
        patterns.iter().any(|pattern| regex::Regex::new(pattern).unwrap().is_match(name))
    };
    for name in ["loop0", "ram15", "zram0", "sr0", "fd0"] {
        assert!(matches(EXCLUDED_DEVICES, name), "{name}");
    }
    for name in ["sda", "sda1", "nvme0n1p2", "dm-0", "md0", "vda"] {
        assert!(!matches(EXCLUDED_DEVICES, name), "{name}");
    }
    for name in [
        "/proc",
        "/sys/fs/cgroup",
        "/dev",
        "/dev/shm",
        "/run/user/1000",
        "/run/docker/netns/x",
        "/var/lib/docker/overlay2/abc/merged",
        "/var/lib/kubelet/pods/x",
        "/snap/core/1",
        "/var/lib/snapd/snap/core/1",
    ] {
        assert!(matches(EXCLUDED_MOUNTS, name), "{name}");
    }
    for name in
        ["/", "/home", "/var", "/var/lib/docker", "/run", "/devel", "/mnt/snap", "/data/proc"]
    {
        assert!(!matches(EXCLUDED_MOUNTS, name), "{name}");
    }
    for name in ["veth12ab", "br-0123456789ab", "cali1234", "vx-001001-abcde"] {
        assert!(matches(EXCLUDED_INTERFACES, name), "{name}");
    }
    for name in ["lo", "eth0", "enp3s0", "br0", "br-lan", "docker0", "wlan0", "bond0", "lxcbr0"] {
        assert!(!matches(EXCLUDED_INTERFACES, name), "{name}");
    }
}

#[test]
fn more_problems_than_are_listed_are_counted() {
    let text: String = (0..130).map(|n| format!("[[host]]\nname = \"h{n}\"\nport = 0\n")).collect();
    let problems = parse("inventory.toml", &text).unwrap_err();
    assert_eq!((problems.iter().count(), problems.len()), (MAX_PROBLEMS, 130));
    assert!(problems.to_string().ends_with("\nand 30 more"));
}

#[test]
fn twenty_thousand_hosts_are_an_inventory() {
    let text: String = (0..MAX_HOSTS)
        .map(|n| format!("[[host]]\nname = \"h{n}\"\ngroup = \"g{}\"\n", n % 9))
        .collect();
    let inventory = read(&text);
    assert_eq!((inventory.hosts.len(), inventory.groups.len()), (MAX_HOSTS, 9));
}

#[test]
fn depth_is_bounded() {
    for open in ["x = [", "{ a = ", "[", "x.", "[[a]]\n[a.b]\n"] {
        assert!(parse("inventory.toml", &open.repeat(20_000)).is_err());
        assert!(parse("inventory.toml", &format!("x = {}", open.repeat(20_000))).is_err());
    }
}

/// Pieces that make a text near enough to an inventory to reach every check.
fn piece() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "interval",
        "schedule",
        "timezone",
        "timeout",
        "port",
        "labels",
        "families",
        "include",
        "exclude",
        "exclude.disk",
        "top_processes",
        "tcp_ext",
        "name",
        "hosts",
        "discover",
        "parent",
        "paused",
        "addresses",
        "group",
        "renamed_from",
        "dns",
        "refresh",
        "\"\"",
        "ü",
    ]);
    let value = prop_oneof![
        prop::sample::select(vec![
            "\"10s\"",
            "\"a\"",
            "\"b\"",
            "\"web-[1-3]\"",
            "[\"web-[01-99]\", \"a\"]",
            "[\"a:0\"]",
            "\"* * * * * *\"",
            "\"0 0 0 30 2 *\"",
            "\"Europe/Berlin\"",
            "1",
            "-1",
            "0x1F",
            "1e9",
            "true",
            "[]",
            "{}",
            "{ dns = \"x\", refresh = \"1s\" }",
            "{ disk = [\"(\"] }",
            "[\"[1-20000][1-20000]\"]",
            "\"\"",
            "1979-05-27",
            "nan",
            "[[1]]",
            "[\"cpu\", \"x\"]",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,12}".prop_map(|text| format!("{text:?}")),
        "[a-z0-9\\[\\]:,-]{0,16}".prop_map(|text| format!("[\"{text}\"]")),
    ];
    prop_oneof![
        3 => prop::sample::select(vec!["[defaults]\n", "[[group]]\n", "[[host]]\n", "[[host]]\nname = \"a\"\n"])
            .prop_map(str::to_owned),
        8 => (key, value).prop_map(|(key, value)| format!("{key} = {value}\n")),
        1 => "\\PC{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic_and_every_problem_has_its_place(
        pieces in prop::collection::vec(piece(), 0..24),
    ) {
        let text = pieces.concat();
        match parse("inventory.toml", &text) {
            Ok(inventory) => prop_assert!(inventory.hosts.len() <= MAX_HOSTS),
            Err(problems) => {
                prop_assert!(problems.len() > 0);
                for problem in problems.iter() {
                    let line = text.split('\n').nth(problem.line - 1);
                    prop_assert!(line.is_some(), "{problem}");
                    let most = line.unwrap_or_default().chars().count() + 1;
                    prop_assert!((1..=most).contains(&problem.column), "{problem}");
                    prop_assert!(!problem.message.contains('\n'), "{problem:?}");
                }
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        at in 0_usize..10_000, length in 0_usize..20, with in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let mut bytes = include_bytes!("../../tests/inventory/good/layers.toml").to_vec();
        let start = at % bytes.len();
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, with);
        let parsed = parse_bytes("inventory.toml", &bytes);
        let same = bytes == include_bytes!("../../tests/inventory/good/layers.toml");
        prop_assert!(!same || parsed.is_ok());
    }

    #[test]
    fn a_diff_accounts_for_every_host(old in "[a-h]{1,8}", new in "[a-h]{1,8}", seconds in 5_u8..7) {
        let text = |letters: &str, seconds: u8| -> String {
            let names: BTreeSet<char> = letters.chars().collect();
            names.iter().map(|n| format!("[[host]]\nname = \"{n}\"\ninterval = \"{seconds}s\"\n")).collect()
        };
        let (old, new) = (read(&text(&old, 5)), read(&text(&new, seconds)));
        let diff = diff(&old, &new);
        let stay = diff.changed.len() + diff.unchanged;
        prop_assert_eq!(diff.added.len() + stay, new.hosts.len());
        prop_assert_eq!(diff.retired.len() + stay, old.hosts.len());
    }
}
