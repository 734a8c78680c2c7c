//! The limits of `docs/limits.md` are those of the code, each has a test that exceeds it, and none
//! is missing; and an inventory is taken at each of its limits and refused beyond.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use prost::Message as _;
use roundsman::{
    config::{SETTINGS, SettingInfo},
    inventory,
    poll::Limit,
};
use roundsman_proto::v1;

/// Where every `MAX_` must be listed: what faces outwards.
const FACING: [&str; 31] = [
    "os/src",
    "pki/src",
    "probe/src",
    "server/src/poll",
    "server/src/discover",
    "server/src/schedule",
    "server/src/health",
    "server/src/alert",
    "server/src/document",
    "server/src/inventory",
    "server/src/route",
    "server/src/model",
    "server/src/board",
    "server/src/board_folder",
    "server/src/newcomers",
    "server/src/store/detail",
    "server/src/access",
    "server/src/web",
    "server/src/query",
    "server/src/exposition",
    "server/src/grpc",
    "server/src/hook",
    "server/src/export",
    "server/src/outgoing",
    "server/src/oidc",
    "server/src/channel",
    "server/src/notify",
    "server/src/outbox",
    "server/src/cli/ask",
    "server/src/cli/top",
    "server/src/cli/demo/fleet",
];

/// Limits of what server and probe do themselves, not of what they are given.
const OWN: [&str; 5] =
    ["MAX_ROUND_SILENCE", "MAX_DOUBLINGS", "MAX_GAPS", "MAX_KEPT_BYTES", "MAX_CHUNK_BYTES"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources(place: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(place).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
    let file = place.with_extension("rs");
    all.extend(file.is_file().then_some(file));
    all
}

/// One row of the table.
struct Row {
    limit: String,
    value: String,
    test: String,
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join("docs/limits.md")).unwrap();
    let cells = |line: &str| line.split('|').map(|c| c.trim().to_owned()).collect::<Vec<_>>();
    let rows = text.lines().filter(|line| line.starts_with("| `")).map(cells);
    rows.map(|cells| {
        assert_eq!(cells.len(), 6, "{cells:?}");
        Row { limit: cells[1].clone(), value: cells[2].clone(), test: cells[4].clone() }
    })
    .collect()
}

/// The value of a constant's expression: `8 << 20`, `20_000`, `Duration::from_secs(24 * 3600)`.
fn value(expression: &str) -> Option<String> {
    if let Some(seconds) = expression.strip_prefix("Duration::from_secs(") {
        return Some(format!("{} s", value(seconds.strip_suffix(')')?)?));
    }
    if let Some(millis) = expression.strip_prefix("Duration::from_millis(") {
        return Some(format!("{} ms", value(millis.strip_suffix(')')?)?));
    }
    let number = |text: &str| text.trim().replace('_', "").parse::<u64>().ok();
    if let Some((left, right)) = expression.split_once("<<") {
        return Some((number(left)? << number(right)?).to_string());
    }
    let product: Option<u64> = expression.split('*').map(number).product();
    product.map(|product| product.to_string())
}

/// The value of a constant in a file.
fn constant(file: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.contains(&format!("const {name}: ")))?;
    value(line.split_once(" = ")?.1.strip_suffix(';')?)
}

fn of_probes(name: &str) -> Option<usize> {
    let all = [
        ("Fields", Limit::Fields),
        ("Cores", Limit::Cores),
        ("Interfaces", Limit::Interfaces),
        ("Disks", Limit::Disks),
        ("Mounts", Limit::Mounts),
        ("Processes", Limit::Processes),
        ("Containers", Limit::Containers),
        ("OtherContainers", Limit::OtherContainers),
        ("NameBytes", Limit::NameBytes),
        ("PathBytes", Limit::PathBytes),
    ];
    all.iter().find(|(other, _)| *other == name).map(|(_, limit)| limit.max())
}

#[test]
fn every_limit_has_the_value_that_is_written_down() {
    for Row { limit, value, .. } in rows() {
        let words: Vec<&str> = limit.split('`').filter(|word| !word.trim().is_empty()).collect();
        let found = match words[..] {
            [file, name] => constant(&root().join(file), name),
            [name] => match name.strip_prefix("Limit::") {
                Some(of_probe) => of_probes(of_probe).map(|limit| limit.to_string()),
                None => SETTINGS.iter().find(|s| s.key == name).map(SettingInfo::default),
            },
            _ => None,
        };
        assert_eq!(found.as_deref(), Some(value.as_str()), "{limit}");
    }
}

#[test]
fn every_limit_is_exceeded_by_a_test_that_is_there() {
    let mut tests = BTreeSet::new();
    for place in
        ["os/src", "pki/src", "pki/tests", "server/src", "server/tests", "probe/src", "probe/tests"]
    {
        for file in sources(&root().join(place)) {
            let text = fs::read_to_string(file).unwrap();
            let names = text.split("fn ").skip(1).filter_map(|rest| rest.split('(').next());
            tests.extend(names.map(str::to_owned));
        }
    }
    for Row { limit, test, .. } in rows() {
        let file = root().join("server/tests/inventory/bad").join(&test).with_extension("toml");
        assert!(tests.contains(&test) || file.is_file(), "{limit}: no test is called {test:?}");
    }
}

#[test]
fn no_limit_is_left_out() {
    let rows = rows();
    let mut missing = String::new();
    for file in FACING.iter().flat_map(|place| sources(&root().join(place))) {
        let text = fs::read_to_string(&file).unwrap();
        let names = text.lines().filter_map(|line| {
            let (before, rest) = line.split_once("const MAX_")?;
            let is_code = !before.contains("//") && !before.contains("fn ");
            is_code.then(|| format!("MAX_{}", rest.split(':').next().unwrap()))
        });
        for name in names.filter(|name| !OWN.contains(&name.as_str())) {
            let file = file.strip_prefix(root()).unwrap().display().to_string();
            let limit = format!("`{file}` `{name}`");
            if !rows.iter().any(|row| row.limit == limit) {
                writeln!(missing, "{limit}").unwrap();
            }
        }
    }
    assert_eq!(missing, "", "docs/limits.md leaves out");
}

/// A host with these further lines.
fn host(lines: &str) -> String {
    format!("[[host]]\nname = \"a\"\n{lines}\n")
}

fn group(name: &str) -> String {
    format!("[[group]]\nname = \"g\"\nhosts = [\"{name}\"]\n")
}

fn discover(refresh: &str) -> String {
    format!("[[group]]\nname = \"g\"\ndiscover = {{ dns = \"x\", refresh = \"{refresh}\" }}\n")
}

/// An inventory that is within a limit, one that is not, and a word of what is said of it.
fn at_the_limits() -> Vec<(String, String, &'static str)> {
    let x = |count: usize| "x".repeat(count);
    let list = |count: usize, item: &dyn Fn(usize) -> String| {
        (0..count).map(item).collect::<Vec<_>>().join(", ")
    };
    let addresses =
        |count| host(&format!("addresses = [{}]", list(count, &|i| format!("\"10.0.0.{i}:1\""))));
    let labels =
        |count| host(&format!("labels = {{ {} }}", list(count, &|i| format!("l{i} = \"v\""))));
    let label = |name: String, value: String| host(&format!("labels = {{ {name} = \"{value}\" }}"));
    let patterns =
        |count| host(&format!("exclude.disk = [{}]", list(count, &|i| format!("\"d{i}\""))));
    let pattern = |text: &str| host(&format!("exclude.disk = [\"{text}\"]"));
    let commented = |bytes: usize| format!("(?x)a{}", " ".repeat(bytes - 5));
    let name = |text: String| format!("[[host]]\nname = \"{text}\"\naddresses = [\"10.0.0.1\"]\n");
    let dns = |labels: usize, last: usize| {
        host(&format!("addresses = [\"{}{}\"]", format!("{}.", x(62)).repeat(labels), x(last)))
    };
    let cron = |bytes: usize| {
        let tail = " 0 0 * * *";
        let list = format!("{}0", "0,".repeat((bytes - tail.len()) / 2));
        host(&format!("schedule = \"{list}{tail}\""))
    };
    let window = |duration: &str| {
        let window = "[[maintenance]]\nname = \"w\"\nhosts = [\"a\"]\nschedule = \"0 0 4 1 * *\"";
        host(&format!("{window}\nduration = \"{duration}\""))
    };
    let slow = |timeout: &str| host(&format!("interval = \"1h\"\ntimeout = \"{timeout}\""));
    vec![
        (addresses(8), addresses(9), "1 to 8 addresses"),
        (labels(32), labels(33), "at most 32 labels"),
        (label(x(64), x(1)), label(x(65), x(1)), "at most 64"),
        (label(x(1), x(256)), label(x(1), x(257)), "256 bytes"),
        (host("top_processes = 100"), host("top_processes = 101"), "100"),
        (slow("300s"), slow("301s"), "5m"),
        (discover("1day"), discover("86401s"), "1day"),
        (host("interval = \"1day\""), host("interval = \"86401s\""), "at most 1day"),
        (window("14days"), window("337h"), "14days"),
        (group("a[1]b[1]c[1]d[1]"), group("a[1]b[1]c[1]d[1]e[1]"), "at most 4 ranges"),
        (group("a[1-2]"), group(&format!("a[1-2]{}", x(1019))), "at most 1024 bytes"),
        (group("a[999999999]"), group("a[1000000000]"), "more than 9 digits"),
        (patterns(64), patterns(65), "more than the limit of 64"),
        (pattern(&commented(2_400)), pattern(&commented(2_401)), "at most 2400 are taken"),
        (pattern("a{1000}"), pattern("(a{1000}){1000}"), "larger than 163840 bytes"),
        (
            pattern("[a-z]{1600}"),
            pattern("[a-z]{1600}\", \"[a-z]{1600}"),
            "together compile to more than 163840 bytes",
        ),
        (pattern("(ä|ö)"), pattern("[äö]"), "byte by byte"),
        (dns(3, 63), dns(3, 64), "DNS name"),
        (dns(4, 1), dns(4, 2), "DNS name"),
        (name(x(253)), name(x(254)), "253"),
        (cron(255), cron(259), "at most 256 bytes"),
    ]
}

#[test]
fn an_inventory_at_each_limit_is_taken_and_beyond_it_refused() {
    for (within, beyond, words) in at_the_limits() {
        if let Err(problems) = inventory::parse("within.toml", &within) {
            panic!("{words}: {problems}\n{within}");
        }
        let problems = inventory::parse("beyond.toml", &beyond).unwrap_err().to_string();
        assert!(problems.contains(words), "{words}: {problems}");
    }
}

#[test]
fn messages_repeat_only_so_much_of_the_file() {
    let name = |i: usize| format!("h{}", i % 20);
    let ring = (0..20).map(|i| {
        let (name, next) = (name(i), name(i + 1));
        format!("[[host]]\nname = \"{name}\"\nparent = \"{next}\"\n")
    });
    let problems = inventory::parse("ring.toml", &ring.collect::<String>()).unwrap_err();
    let said = problems.to_string();
    assert!(said.contains("form a ring: h") && said.contains(" -> ... -> "), "{said}");
    assert_eq!(said.matches(" -> ").count(), 9, "{said}");

    let long = format!("[[host]]\nname = \"a\"\n\"{}\" = 1\n", "k".repeat(1_000));
    let said = inventory::parse("long.toml", &long).unwrap_err().to_string();
    assert!(said.contains("kkk") && said.len() < 500, "{said}");
}

/// Patterns that the server lets through and the probe refuses would fail every poll.
#[test]
fn the_probe_takes_every_list_of_patterns_that_the_server_does() {
    let of = |file: &str, name: &str| -> u64 {
        constant(&root().join(file), name).unwrap().parse().unwrap()
    };
    for name in ["MAX_PATTERNS", "MAX_LIST_BYTES", "MAX_COMPILED_BYTES"] {
        let server = of("server/src/inventory/filter.rs", name);
        let probe = of("probe/src/collect/wanted.rs", name);
        assert_eq!(server, probe, "{name}");
    }
    // At the limit of text and of patterns in all six lists: they fit one request.
    let bytes = usize::try_from(of("server/src/inventory/filter.rs", "MAX_LIST_BYTES")).unwrap();
    let longest = format!("(?x)a{}", " ".repeat(bytes - 63 - 5));
    let list = || {
        let mut list = vec!["a".to_owned(); 63];
        list.push(longest.clone());
        list
    };
    let filter = || Some(v1::Filter { include: list(), exclude: list() });
    let (devices, mounts, interfaces) = (filter(), filter(), filter());
    let families = (1..=13).collect();
    let request = v1::GetMetricsRequest {
        families,
        devices,
        mounts,
        interfaces,
        top_processes: 100,
        tcp_ext: true,
    };
    assert!(request.encoded_len() <= roundsman_probe::service::MAX_REQUEST_BYTES);
    roundsman_probe::collect::Wanted::new(&request).unwrap();
    let text = list().join("\", \"");
    inventory::parse("within.toml", &host(&format!("exclude.disk = [\"{text}\"]"))).unwrap();
}
