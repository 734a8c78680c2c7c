use super::{
    super::{MAX_RULES, Missing, Over, Wait},
    *,
};
use crate::{
    inventory,
    model::{GroupName, HostName, Labels, Severity},
};

fn read(text: &str) -> Rules {
    parse("alerts.toml", text).unwrap_or_else(|e| panic!("{e}"))
}

fn one(keys: &str) -> Arc<Rule> {
    read(&format!("[[alert]]\nname = 'r'\n{keys}")).list[0].clone()
}

#[test]
fn a_rule_says_what_its_keys_say() {
    let rule = one(r#"
over = "filesystem"
when = "used_pct > 90 and full_in < 24h"
clear = "used_pct < 85"
critical = "used_pct > 95"
for = "3 polls"
clear_for = "5m"
severity = "warning"
groups = ["db"]
labels = { env = "prod" }
hosts = ["db-*"]
except = { mount_point = ["^/mnt/scratch"] }
missing = "clear"
hold_for = "2h"
runbook = "https://wiki/disk"
summary = "{host}: {mount_point} {used_pct} % full, full in {full_in}"
"#);
    assert_eq!((rule.over, rule.line), (Over::Filesystem, 1));
    assert_eq!(rule.terms.fire, Wait::Polls(3));
    assert_eq!(rule.terms.clear, Wait::Time(std::time::Duration::from_secs(300)));
    assert_eq!((rule.terms.severity, rule.terms.missing), (Severity::Warning, Missing::Clear));
    assert_eq!(rule.terms.hold_for.as_secs(), 7_200);
    assert_eq!(rule.windows.len(), 1, "the condition and the summary share one");
    assert!(rule.clear.is_some() && rule.critical.is_some());
    let label = |text: &str| [Arc::<str>::from(text)];
    assert!(rule.leaves_out(&label("/mnt/scratch/a")) && !rule.leaves_out(&label("/srv")));
    let name = |text| HostName::new(text).unwrap();
    let group = GroupName::new("db").unwrap();
    let prod: Labels = [("env".to_owned(), "prod".to_owned())].into();
    assert!(rule.hosts.matches(&name("db-1"), Some(&group), &prod));
    assert!(!rule.hosts.matches(&name("web-1"), Some(&group), &prod));
    assert!(!rule.hosts.matches(&name("db-1"), None, &prod));
    assert!(!rule.hosts.matches(&name("db-1"), Some(&group), &Labels::new()));
    let least = one("when = 'state == \"down\"'");
    assert_eq!(least.over, Over::Host);
    assert_eq!((least.terms.fire, least.terms.clear), (Wait::Polls(1), Wait::Polls(1)));
    assert_eq!(least.terms.missing, Missing::Hold);
    assert_eq!(
        one("when = 'load_1 > 3'\nof = '3 of 5 polls'").terms.fire,
        Wait::Of { needed: 3, last: 5 }
    );
}

#[test]
fn another_hash_is_another_rule() {
    let hash = |keys: &str| one(keys).hash;
    let base = hash("when = 'load_1 > 3'\nfor = '3 polls'");
    for same in [
        "when = ' load_1   >3 '\nfor = '3 polls'\nseverity = 'critical'\nsummary = 'x'",
        "when = \"\"\"\nload_1 > 3\"\"\"\nfor = '3 polls'\ngroups = ['a']\nrunbook = 'https://x'",
    ] {
        assert_eq!(hash(same), base, "{same}");
    }
    for other in [
        "when = 'load_1 > 4'\nfor = '3 polls'",
        "when = 'load_1 > 3'\nfor = '4 polls'",
        "when = 'load_1 > 3'\nfor = '3 polls'\nclear = 'load_1 < 2'",
        "when = 'load_1 > 3'\nfor = '3 polls'\nmissing = 'fire'",
        "when = 'load_1 > 3'\nfor = '3 polls'\nover = 'disk'",
    ] {
        assert_ne!(hash(other), base, "{other}");
    }
}

#[test]
fn a_rule_that_is_switched_off_is_checked_and_not_judged() {
    let rules = read("[[alert]]\nname = 'a'\nwhen = 'load_1 > 3'\nenabled = false");
    assert!(rules.list.is_empty());
    assert_eq!(rules.disabled, [Arc::from("a")]);
    let bad = parse("f", "[[alert]]\nname = 'a'\nwhen = 'load > 3'\nenabled = false").unwrap_err();
    assert_eq!(bad.len(), 1);
}

#[test]
fn a_file_at_its_limits_is_taken_and_beyond_refused() {
    let rules = |count: usize| -> String {
        (0..count).map(|n| format!("[[alert]]\nname = 'r{n}'\nwhen = 'load_1 > 1'\n")).collect()
    };
    assert_eq!(read(&rules(MAX_RULES)).list.len(), MAX_RULES);
    let problems = parse("f", &rules(MAX_RULES + 1)).unwrap_err().to_string();
    assert_eq!(problems, "f:1501:1: a file has at most 500 rules, this one has 501");
    let long = "#".repeat(MAX_FILE_BYTES + 1);
    assert!(parse("f", &long).unwrap_err().to_string().contains("at most 1048576 bytes"));

    let terms = |count: usize| vec!["load_1 > 1"; count].join(" or ");
    let deep = |depth: usize| format!("{}load_1 > 1{}", "(".repeat(depth), ")".repeat(depth));
    let windows = |count: u32| {
        (1..=count).map(|n| format!("avg(load_1, {n} polls) > 1")).collect::<Vec<_>>().join(" or ")
    };
    let long = |bytes: usize| format!("load_1 > 1{}", " ".repeat(bytes - 10));
    let sum = |terms: usize| format!("{} > 1", vec!["load_1"; terms].join(" + "));
    let name = |bytes: usize| format!("name = '{}'\nwhen = 'load_1 > 1'", "a".repeat(bytes));
    let key =
        |key: &str, value: String| format!("name = 'r'\nwhen = 'load_1 > 1'\n{key} = {value}");
    let when = |text: String| format!("name = 'r'\nwhen = '{text}'");
    let list = |count: usize, entry: &str| format!("[{}]", vec![entry; count].join(","));
    for (within, beyond) in [
        (when(terms(64)), when(terms(65))),
        (when(deep(32)), when(deep(33))),
        (when(sum(30)), when(sum(33))),
        (when(windows(8)), when(windows(9))),
        (when(long(4_096)), when(long(4_097))),
        (
            when("avg(load_1, 120 polls) > 1".to_owned()),
            when("avg(load_1, 121 polls) > 1".to_owned()),
        ),
        (when("avg(load_1, 24 h) > 1".to_owned()), when("avg(load_1, 25 h) > 1".to_owned())),
        (name(64), name(65)),
        (key("for", "'1000 polls'".to_owned()), key("for", "'1001 polls'".to_owned())),
        (key("for", "'7d'".to_owned()), key("for", "'8d'".to_owned())),
        (key("of", "'1 of 32 polls'".to_owned()), key("of", "'1 of 33 polls'".to_owned())),
        (key("hold_for", "'30d'".to_owned()), key("hold_for", "'31d'".to_owned())),
        (
            key("summary", format!("'{}'", "a".repeat(512))),
            key("summary", format!("'{}'", "a".repeat(513))),
        ),
        (
            key("runbook", format!("'https://{}'", "a".repeat(504))),
            key("runbook", format!("'https://{}'", "a".repeat(505))),
        ),
        (key("hosts", list(64, "'a*'")), key("hosts", list(65, "'a*'"))),
        (
            key("over = 'disk'\nexcept", format!("{{ device = {} }}", list(64, "'a'"))),
            key("over = 'disk'\nexcept", format!("{{ device = {} }}", list(65, "'a'"))),
        ),
        (
            key("over = 'disk'\nexcept", "{ device = ['a{900}'] }".to_owned()),
            key("over = 'disk'\nexcept", "{ device = ['(\\w{90}){90}'] }".to_owned()),
        ),
    ] {
        read(&format!("[[alert]]\n{within}"));
        let refused = parse("f", &format!("[[alert]]\n{beyond}"));
        assert!(refused.is_err(), "{beyond}");
    }
}

#[test]
fn rules_for_nobody_are_told() {
    let watched = inventory::parse(
        "i",
        "[[group]]\nname = 'db'\nhosts = ['db-[1-3]']\nlabels = { env = 'prod' }\n",
    )
    .unwrap();
    let rules = read(
        "[[alert]]\nname = 'all'\nwhen = 'load_1 > 1'\n\
         [[alert]]\nname = 'own'\nover = 'server'\nwhen = 'rows_lost > 0'\n\
         [[alert]]\nname = 'names'\nwhen = 'load_1 > 1'\nhosts = ['web-*']\n\
         [[alert]]\nname = 'group'\nwhen = 'load_1 > 1'\ngroups = ['web']\n\
         [[alert]]\nname = 'label'\nwhen = 'load_1 > 1'\nlabels = { env = 'test' }\n",
    );
    assert_eq!(
        rules.remarks(&watched),
        [
            "rule `names` (line 8) matches no host of the inventory",
            "rule `group` (line 12) matches no host of the inventory",
            "rule `label` (line 16) matches no host of the inventory",
        ]
    );
}

/// Conditions that are refused, each of a rule over hosts unless it says otherwise.
const BAD_CONDITIONS: &[&str] = &[
    "",
    "   ",
    "load_1",
    "5",
    "state",
    "5 > 3",
    "load_1 >",
    "> 5",
    "load_1 > > 5",
    "load_1 = 5",
    "load_1 > 5 && load_5 > 5",
    "load_1 > 5 || load_5 > 5",
    "!load_1 > 5",
    "load_1 > 5 and",
    "load_1 > 5 load_5 > 5",
    "1 < load_1 < 5",
    "(load_1 > 5",
    "load_1 > 5)",
    "load_1 > 5 and (load_5 > 5 or load_15 > 5",
    "load1 > 5",
    "cpu > 90",
    "used_pct > 90",
    "nothing_of_this_name > 5",
    "full_in < 24 h",
    "mem_used_pct > 90 GiB",
    "mem_used_pct > 5 m",
    "mem_available_bytes < 10 %",
    "mem_available_bytes < 512 Mib",
    "mem_available_bytes < 512 foo",
    "net_rx_bytes_per_s > 10 MiB",
    "load_1 > 90 %",
    "load_1 > mem_total_bytes",
    "mem_total_bytes + load_1 > 5",
    "mem_total_bytes * mem_total_bytes > 5",
    "mem_used_pct / mem_total_bytes > 5",
    "load_1 / 0 > 5",
    "load_1 > 1.2.3",
    "load_1 > 5 polls",
    "avg(load_1) > 5",
    "avg(load_1, 5) > 5",
    "avg(load_1, 5 %) > 5",
    "avg(load_1, 0 polls) > 5",
    "avg(load_1, 0.5 polls) > 5",
    "avg(avg(load_1, 2 polls), 5 polls) > 5",
    "median(load_1, 5 polls) > 5",
    "agv(load_1, 5 polls) > 5",
    "abs(load_1, load_5) > 5",
    "state == 'dwon'",
    "state == down",
    "state > 'up'",
    "'down' == state",
    "state == 'down",
    "outcome == 'tiemout'",
    "reboot > 0",
    "reboot == 'yes'",
    "load_1 > 'five'",
    "load_1 > state",
    "load_1 > (load_5 > 3)",
    "probe_version < 1.4",
    "probe_version < 'newest'",
    "load_1 > 5 # much",
    "load_1 > \u{201c}5\u{201d}",
    "rows_lost > 0",
    "not",
];

/// Files that are refused.
const BAD_FILES: &[&str] = &[
    "this is not TOML",
    "[[alerts]]\nname = 'a'",
    "[alert]\nname = 'a'",
    "alert = 5",
    "[[alert]]",
    "[[alert]]\nname = 'A b'\nwhen = 'load_1 > 5'",
    "[[alert]]\nname = ''\nwhen = 5",
    "[[alert]]\nname = 'a'\nwhen = 'load_1 > 5'\nsevrity = 'info'\ncolour = 'red'",
    "[[alert]]\nname = 'a'\nwhen = 'load_1 > 5'\n\n[[alert]]\nname = 'a'\nwhen = 'load_5 > 5'",
    "[[alert]]\nname = 'a'\nover = 'filesystems'\nwhen = 'used_pct > 5'",
    "[[alert]]\nname = 'a'\nover = 'volume'\nwhen = 'used_pct > 5'",
    "[[alert]]\nname = 'a'\nwhen = 'load_1 > 5'\nseverity = 'crit'\nmissing = 'ignore'",
    "[[alert]]\nname = 'a'\nwhen = 'load_1 > 5'\nfor = 3\nclear_for = 'soon'\nof = '3/5'",
    "[[alert]]\nname = 'a'\nwhen = 'load_1 > 5'\nfor = '0 polls'\nof = '5 of 3 polls'",
    "[[alert]]\nname = 'a'\nwhen = 'load_1 > 5'\nhold_for = '0s'\nrunbook = 'wiki'",
    "[[alert]]\nname = 'a'\nwhen = 'load_1 > 5'\nclear = 'load_1 > 7'",
    "[[alert]]\nname = 'a'\nwhen = 'load_1 > 5'\nclear = 'load_1 > 5'",
    "[[alert]]\nname = 'a'\nwhen = 'load_1 > 5'\ncritical = 'load_1 > 4'",
    "[[alert]]\nname = 'a'\nwhen = 'load_1 > 5'\ncritical = 'load_1 > 9'\nseverity = 'critical'",
    "[[alert]]\nname = 'a'\nwhen = 'load_1 > 5'\nsummary = '{hsot} {load_1'",
    "[[alert]]\nname = 'a'\nwhen = 'load_1 > 5'\nsummary = '{hsot}'",
    "[[alert]]\nname = 'a'\nwhen = 'load_1 > 5'\nsummary = 'much }'",
    "[[alert]]\nname = 'a'\nwhen = 'load_1 > 5'\nsummary = '{}'",
    "[[alert]]\nname = 'a'\nwhen = 'load_1 > 5'\ngroups = 'db'\nhosts = ['web 1']\nlabels = ['x']",
    "[[alert]]\nname = 'a'\nwhen = 'load_1 > 5'\nexcept = { device = ['a'] }",
    "[[alert]]\nname = 'a'\nover = 'disk'\nwhen = 'busy_pct > 5'\nexcept = { device = ['('], name = ['a'] }",
    "[[alert]]\nname = 'a'\nover = 'server'\nwhen = 'load_1 > 5'\ngroups = ['db']",
    "[[alert]]\nname = 'a'\nwhen = 'load_1 > 5'\nenabled = 'no'",
    // Each problem at its own place, in a string of several lines with escapes too.
    "[[alert]]\nname = 'a'\nwhen = \"\"\"\n  load_1 > 5\n  and state == \\\"dwon\\\"\n\"\"\"\nclear = 'load_1 < five'",
    "# ä\n[[alert]]\nname = 'a'\nwhen = \"state == \\\"up\\\" and lod_1 > 5\"",
];

#[test]
fn everything_bad_is_refused_with_its_place() {
    let mut table = String::new();
    for text in BAD_CONDITIONS {
        let file = format!("[[alert]]\nname = 'a'\nwhen = '''{text}'''");
        let problems = parse("a", &file).expect_err(text);
        assert_eq!(problems.len(), 1, "{problems}");
        let problem = problems.iter().next().unwrap();
        assert_eq!(problem.line, 3, "{problem}");
        let column = problem.column.checked_sub("when = '''".len() + 1).unwrap();
        assert!(column <= text.chars().count(), "{problem}");
        table.push_str(&format!("{text}\n{}^ {}\n\n", " ".repeat(column), problem.message));
    }
    for text in BAD_FILES {
        let problems = parse("alerts.toml", text).expect_err(text);
        table.push_str(&format!("{text}\n{problems}\n\n"));
    }
    insta::assert_snapshot!(table);
}
