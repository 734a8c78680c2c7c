use std::collections::{BTreeMap, HashSet};

use super::*;
use crate::{
    model::{
        Counter, CounterTable, Facts, GroupName, HostId, HostName, Mount, Outcome, Space, State,
        Status, Timings, VersionId,
    },
    rates::{machine::snapshot, rates},
};

pub(crate) const NOW: WallMs = WallMs(1_774_747_800_000);

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn table<const N: usize>(keys: &[&str], scale: u64) -> CounterTable<N> {
    let rows = keys.len() as u64;
    let columns: [Vec<u64>; N] = std::array::from_fn(|column| {
        (0..rows).map(|row| scale * (column as u64 + 1) + row).collect()
    });
    let keys = keys.iter().map(|key| Arc::from(*key)).collect();
    CounterTable::new(keys, columns.each_ref().map(Vec::as_slice)).unwrap()
}

/// What a machine with one of everything says.
fn answer() -> Snapshot {
    let mut answer = snapshot("a", 5_000);
    answer.facts.hostname = Some("web-1.example".into());
    answer.facts.kernel = Some("6.12.9-amd64".into());
    answer.facts.os = Some("Debian \"13\"".into());
    answer.facts.architecture = Some("x86_64".into());
    answer.clocks.wall_ns = 1_774_747_795_123_456_789;
    for (column, value) in [
        (Column::Load1, 0.25),
        (Column::MemTotalBytes, 8_589_934_592.0),
        (Column::MemAvailableBytes, 2_147_483_648.0),
        (Column::HugePagesTotal, 4.0),
        (Column::BootTimeS, 1_774_742_795.0),
        (Column::PressureCpuSomeAvg10Pct, 1.25),
        (Column::TcpInUse, 30.0),
        (Column::Tcp6InUse, 12.0),
        (Column::TcpEstablished, 9.0),
        (Column::ProcessesRunning, 3.0),
        (Column::ProbeCollectUs, 850.0),
    ] {
        answer.gauges.set(column, value);
    }
    for (column, raw) in [
        (Column::ContextSwitchesPerS, 1_234_567),
        (Column::PressureIoSomePct, 159_886_802),
        (Column::PagedInBytesPerS, 7_344_136),
        (Column::UdpInDatagramsPerS, 88_542),
        (Column::ProbeCpuPct, 2_500_000),
    ] {
        answer.counters.set(Counter::place(column, false), Some(raw));
    }
    answer.counters.set(Counter::place(Column::UdpInDatagramsPerS, true), Some(58));
    answer.cpu = std::array::from_fn(|state| Some(1_001 * (state as u64 + 1)));
    answer.cores = table(&["0", "3"], 500);
    answer.softirqs = table(&["0"], 70);
    answer.interfaces = table(&["eth0"], 1_000_000_007);
    answer.disks = table(&["sda"], 40_000);
    let mount = |path: &str, space| Mount {
        mount_point: path.into(),
        device: "/dev/sda1".into(),
        fs_type: "ext4".into(),
        status: if space { Status::Ok } else { Status::Hung },
        read_only: false,
        superblock_read_only: Some(false),
        space: space.then_some(Space {
            size_bytes: 1_000_000,
            free_bytes: 400_000,
            available_bytes: 300_000,
            inodes: Some((100, 25)),
        }),
    };
    answer.mounts = vec![mount("/", true), mount("/mnt/a\\b \"c\"", false)];
    answer
}

/// A host whose last poll was due so many seconds ago.
pub(crate) fn host(name: &str, outcome: Outcome, ago: u64) -> HostView {
    let name = HostName::new(name).unwrap();
    let answer = answer();
    let worth = rates(None, &answer);
    let has_values = outcome.has_values();
    let slot = NOW.minus(seconds(ago));
    let poll = Arc::new(Record {
        host: HostId(1),
        name: name.clone(),
        slot,
        started: slot.plus(Duration::from_millis(7)),
        inventory: VersionId(1),
        outcome,
        state: State::Up,
        timings: Timings::default(),
        answer_bytes: None,
        address: None,
        error: None,
        boot_id: None,
        clock_skew_ms: None,
        elapsed_ns: None,
        values: has_values.then_some(worth.values),
        detail: has_values.then_some(worth.detail),
    });
    HostView {
        group: Some(GroupName::new("web").unwrap()),
        labels: Arc::new([("rack".to_owned(), "a\"1".to_owned())].into()),
        state: if has_values { State::Up } else { State::Down },
        last_good: has_values.then(|| Arc::clone(&poll)),
        last: Some(poll),
        facts: Arc::new(if has_values { answer.facts.clone() } else { Facts::default() }),
        answer: has_values.then(|| Arc::new(answer)),
        ..HostView::listed(HostId(1), name)
    }
}

fn wanted(names: NamesOf, format: TextFormat) -> Wanted {
    Wanted {
        names,
        format,
        families: BTreeSet::new(),
        says_host: true,
        created: false,
        timestamps: false,
    }
}

fn text(hosts: Vec<HostView>, wanted: Wanted) -> String {
    let hosts = hosts.into_iter().map(Arc::new).collect();
    let exposition = Exposition::new(hosts, wanted, NOW);
    let most = exposition.samples();
    let pieces: Vec<Vec<u8>> = exposition.collect();
    let text = String::from_utf8(pieces.concat()).unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    assert!(samples <= most, "{samples} samples, counted as {most}");
    text
}

/// Holds a text to what both formats want: a family announced once and all of it together, no series twice.
fn hold(text: &str) -> BTreeMap<String, String> {
    let (mut series, mut announced) = (BTreeMap::new(), HashSet::new());
    let mut family = "";
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(type_of) = line.strip_prefix("# TYPE ") {
            family = type_of.split_once(' ').unwrap().0;
            assert!(announced.insert(family), "{family} is announced twice");
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().unwrap();
            let end = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} is of {family}"));
            assert!(["", "_total", "_created", "_info"].contains(&end), "{line} is of {family}");
            let (left, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(series.insert(left.to_owned(), value.to_owned()).is_none(), "{line}");
        }
    }
    series
}

fn both() -> Vec<HostView> {
    vec![host("web-1", Outcome::Ok, 10), host("web-2", Outcome::Refused, 10)]
}

#[test]
fn values_have_roundsmans_names() {
    let text = text(both(), wanted(NamesOf::Roundsman, TextFormat::OpenMetrics));
    hold(&text);
    insta::assert_snapshot!("roundsman", text);
}

#[test]
fn values_have_node_exporters_names() {
    let text = text(both(), wanted(NamesOf::Node, TextFormat::Prometheus));
    hold(&text);
    insta::assert_snapshot!("node", text);
}

/// What is counted in both families, what is in KiB, what has a unit of its own.
#[test]
fn node_exporters_values_are_as_it_counts_them() {
    let series = hold(&text(both(), wanted(NamesOf::Node, TextFormat::Prometheus)));
    let value = |series_of: &str| series.get(series_of).map(String::as_str);
    for (name, expected) in [
        ("node_sockstat_TCP_inuse{instance=\"web-1\"}", "18"),
        ("node_sockstat_TCP6_inuse{instance=\"web-1\"}", "12"),
        ("node_netstat_Udp_InDatagrams{instance=\"web-1\"}", "88542"),
        ("node_netstat_Udp6_InDatagrams{instance=\"web-1\"}", "58"),
        ("node_vmstat_pgpgin{instance=\"web-1\"}", "7344136"),
        ("node_pressure_io_waiting_seconds_total{instance=\"web-1\"}", "159.886802"),
        ("node_cpu_seconds_total{instance=\"web-1\",mode=\"user\",cpu=\"3\"}", "5.01"),
        ("node_disk_discarded_sectors_total{instance=\"web-1\",device=\"sda\"}", "560000"),
        ("node_disk_read_bytes_total{instance=\"web-1\",device=\"sda\"}", "61440000"),
        ("node_disk_io_time_seconds_total{instance=\"web-1\",device=\"sda\"}", "400"),
        ("node_time_seconds{instance=\"web-1\"}", "1774747795.123456"),
        ("up{instance=\"web-1\"}", "1"),
        ("up{instance=\"web-2\"}", "0"),
    ] {
        assert_eq!(value(name), Some(expected), "{name}");
    }
}

#[test]
fn a_host_without_fresh_values_has_none_but_says_so() {
    let view = |ago, outcome| HostView { interval: seconds(10), ..host("a", outcome, ago) };
    let of = |view| hold(&text(vec![view], wanted(NamesOf::Roundsman, TextFormat::Prometheus)));
    for (ago, fresh) in [(0, true), (10, true), (20, true), (21, false), (3_600, false)] {
        let series = of(view(ago, Outcome::Ok));
        let up = &series["roundsman_host_up{host=\"a\",group=\"web\"}"];
        assert_eq!(up, if fresh { "1" } else { "0" }, "{ago} s ago");
        let has = series.keys().any(|name| name.starts_with("roundsman_host_load_1"));
        assert_eq!(has, fresh, "{ago} s ago");
        assert!(series.keys().any(|name| name.contains("good_poll_timestamp")));
    }
    // Polled every second, it may take its time.
    let often = HostView { interval: seconds(1), ..host("a", Outcome::Ok, 5) };
    assert_eq!(of(often)["roundsman_host_up{host=\"a\",group=\"web\"}"], "1");
    let failed = of(view(5, Outcome::Refused));
    assert_eq!(failed["roundsman_host_outcome{host=\"a\",group=\"web\",outcome=\"refused\"}"], "1");
    assert_eq!(failed.len(), 4 + State::ALL.len() - 1, "{failed:?}");
    // A poll that failed while the one before is fresh.
    let mut missed = view(12, Outcome::Ok);
    missed.last = host("a", Outcome::Deadline, 2).last;
    let series = of(missed);
    assert_eq!(series["roundsman_host_up{host=\"a\",group=\"web\"}"], "1");
    assert_eq!(
        series["roundsman_host_outcome{host=\"a\",group=\"web\",outcome=\"deadline\"}"],
        "1"
    );
}

#[test]
fn a_host_that_is_a_target_of_its_own_is_not_named() {
    let of_one = Wanted { says_host: false, ..wanted(NamesOf::Node, TextFormat::Prometheus) };
    let series = hold(&text(vec![host("web-1", Outcome::Ok, 0)], of_one));
    // It would be the same series as the one that Prometheus makes of the scrape.
    assert!(!series.contains_key("up") && series.contains_key("roundsman_host_up"));
    assert_eq!(series["node_load1"], "0.25");
    assert_eq!(series["node_network_receive_bytes_total{device=\"eth0\"}"], "1000000007");
    let info = "roundsman_host_info{group=\"web\",hostname=\"web-1.example\",kernel=\"6.12.9-amd64\",\
                os=\"Debian \\\"13\\\"\",architecture=\"x86_64\",label_rack=\"a\\\"1\"}";
    assert_eq!(series[info], "1", "{series:?}");
}

#[test]
fn values_say_their_moment_and_counters_their_begin_when_they_are_asked_to() {
    let mut all = wanted(NamesOf::Roundsman, TextFormat::OpenMetrics);
    (all.created, all.timestamps, all.says_host) = (true, true, false);
    let open = text(vec![host("a", Outcome::Ok, 10)], all.clone());
    let lines: HashSet<&str> = open.lines().collect();
    for line in [
        "roundsman_host_load_1 0.25 1774747790.007",
        "roundsman_host_context_switches_total 1234567 1774747790.007",
        "roundsman_host_context_switches_created 1774742795 1774747790.007",
        "roundsman_core_idle_seconds_created{core=\"3\"} 1774742795 1774747790.007",
        // What is of now.
        "roundsman_host_up 1",
        // The probe's own began with the probe, a device's with the device.
        "roundsman_host_probe_cpu_seconds_total 2.5 1774747790.007",
    ] {
        assert!(lines.contains(line), "{line} is not in\n{open}");
    }
    assert!(!open.contains("probe_cpu_seconds_created") && !open.contains("rx_bytes_created"));
    all.format = TextFormat::Prometheus;
    let plain = text(vec![host("a", Outcome::Ok, 10)], all);
    assert!(plain.contains("roundsman_host_load_1 0.25 1774747790007\n"), "{plain}");
    assert!(!plain.contains("_created") && !plain.contains("# EOF"), "{plain}");
}

#[test]
fn only_families_that_are_wanted_are_written() {
    let mut few = wanted(NamesOf::Roundsman, TextFormat::Prometheus);
    few.families = [Family::Load, Family::Disk].into();
    let all = Exposition::new(
        vec![Arc::new(both().remove(0))],
        wanted(NamesOf::Roundsman, few.format),
        NOW,
    );
    let of_few = Exposition::new(vec![Arc::new(both().remove(0))], few.clone(), NOW);
    assert!(of_few.samples() < all.samples() / 3, "{} of {}", of_few.samples(), all.samples());
    let series = hold(&text(both(), few));
    let names: BTreeSet<&str> = series
        .keys()
        .map(|name| name.split('{').next().unwrap())
        .filter(|name| !name.starts_with("roundsman_host_") || name.contains("load"))
        .collect();
    assert!(names.contains("roundsman_host_load_1"), "{names:?}");
    let of_few = |name: &&str| name.contains("load") || name.starts_with("roundsman_disk_");
    assert!(names.iter().all(of_few), "{names:?}");
    assert!(series.contains_key("roundsman_host_up{host=\"web-1\",group=\"web\"}"));
}

#[test]
fn many_hosts_are_written_in_pieces_and_each_family_once() {
    let view = host("web-1", Outcome::Ok, 0);
    let named = |n: usize| HostView {
        name: HostName::new(&format!("web-{n}")).unwrap(),
        ..HostView::clone(&view)
    };
    let hosts: Vec<Arc<HostView>> = (0..2_000).map(|n| Arc::new(named(n))).collect();
    let wanted = wanted(NamesOf::Roundsman, TextFormat::OpenMetrics);
    let pieces: Vec<Vec<u8>> = Exposition::new(hosts, wanted, NOW).collect();
    assert!(pieces.len() > 100, "{}", pieces.len());
    let (last, all) = pieces.split_last().unwrap();
    for piece in all {
        assert!((PIECE_BYTES..2 * PIECE_BYTES).contains(&piece.len()), "{}", piece.len());
    }
    assert!(last.ends_with(b"# EOF\n"));
    let text = String::from_utf8(pieces.concat()).unwrap();
    let series = hold(&text);
    let ups = series.keys().filter(|name| name.starts_with("roundsman_host_up{")).count();
    assert_eq!(ups, 2_000);
    assert_eq!(series.len() % 2_000, 0);
}

#[test]
fn nothing_but_an_end_is_written_of_no_hosts() {
    assert_eq!(text(Vec::new(), wanted(NamesOf::Node, TextFormat::Prometheus)), "");
    assert_eq!(text(Vec::new(), wanted(NamesOf::Node, TextFormat::OpenMetrics)), "# EOF\n");
}
