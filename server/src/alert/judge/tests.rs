use std::{collections::BTreeMap, time::Duration};

use super::{
    super::{ExplainedTerm, MAX_ALARMS, MAX_ALARMS_IN_ALL, OVERFLOW_ROW, parse},
    *,
};
use crate::model::{
    AlarmEvent, AlarmState, Cause, Column, ColumnSet, ContainerColumn, Detail, FilesystemColumn,
    Labels, Row, Timings, Values, VersionId,
};

/// A poll of a host, to be filled in.
pub(crate) fn record(slot_s: i64) -> Record {
    Record {
        host: HostId(1),
        name: HostName::new("db-1").unwrap(),
        slot: WallMs(slot_s * 1_000),
        started: WallMs(slot_s * 1_000),
        inventory: VersionId(1),
        outcome: Outcome::Ok,
        state: State::Up,
        timings: Timings::default(),
        answer_bytes: None,
        address: None,
        error: None,
        boot_id: Some("boot".into()),
        clock_skew_ms: Some(0),
        elapsed_ns: None,
        values: Some(Values::default()),
        detail: Some(Detail::default()),
    }
}

/// One that was not answered.
pub(crate) fn failed(slot_s: i64, state: State) -> Record {
    Record {
        outcome: Outcome::Deadline,
        state,
        boot_id: None,
        clock_skew_ms: None,
        elapsed_ns: None,
        values: None,
        detail: None,
        ..record(slot_s)
    }
}

/// A row of a table with some of its values.
pub(crate) fn row<C: ColumnSet>(labels: &[&str], values: &[(C, f64)]) -> Row<C> {
    let mut of = Values::default();
    values.iter().for_each(|(column, value)| of.set(*column, *value));
    Row { labels: labels.iter().map(|label| Arc::from(*label)).collect(), values: of }
}

/// One host under one file of rules, polled every ten seconds.
pub(crate) struct Bench {
    pub(crate) judge: Judge,
    pub(crate) budget: Budget,
    name: HostName,
    labels: Labels,
    pub(crate) flapping: bool,
    pub(crate) certificate_left_s: Option<f64>,
    pub(crate) cause: Option<Cause>,
    pub(crate) probe_version: &'static str,
    pub(crate) frozen: bool,
}

impl Bench {
    pub(crate) fn new(host: HostId, rules: &str) -> Self {
        let mut bench = Self {
            judge: Judge::new(host, Vec::new(), None),
            budget: Budget::default(),
            name: HostName::new(if host == HostId::SERVER { "server" } else { "db-1" }).unwrap(),
            labels: Labels::new(),
            flapping: false,
            certificate_left_s: None,
            cause: None,
            probe_version: "1.0.0",
            frozen: false,
        };
        assert_eq!(bench.install(rules), Judged::default());
        bench
    }

    fn with<T>(&mut self, run: impl FnOnce(&mut Judge, &Subject<'_>, &mut Budget) -> T) -> T {
        let subject = Subject {
            name: &self.name,
            group: None,
            labels: &self.labels,
            interval: Duration::from_secs(10),
            cause: self.cause,
            is_flapping: self.flapping,
            certificate_left_s: self.certificate_left_s,
            probe_version: Some(self.probe_version),
            server_version: "1.0.0",
            is_frozen: self.frozen,
        };
        run(&mut self.judge, &subject, &mut self.budget)
    }

    pub(crate) fn install(&mut self, rules: &str) -> Judged {
        let rules = parse("alerts.toml", rules).unwrap_or_else(|e| panic!("{e}"));
        let mut rules = RuleSets::new(rules.list);
        self.with(|judge, subject, budget| judge.install(&mut rules, subject, WallMs(77), budget))
    }

    pub(crate) fn poll(&mut self, record: &Record) -> Judged {
        let judged =
            self.with(|judge, subject, budget| judge.judge(record, subject, WallMs(5), budget));
        assert_eq!(self.budget.alive, self.judge.alarms().len(), "the budget counts what there is");
        judged
    }

    pub(crate) fn server(&mut self, slot_s: i64, cells: &ServerCells) -> Judged {
        self.with(|judge, subject, budget| {
            judge.judge_server(cells, subject, WallMs(slot_s * 1_000), budget)
        })
    }
}

const DISK: &str = "[[alert]]\nname = 'disk'\nover = 'filesystem'\nwhen = 'used_pct > 90'\n\
    clear = 'used_pct < 85'\ncritical = 'used_pct > 97'\nfor = '2 polls'\n\
    summary = '{host}: {mount_point} {used_pct} % of {size_bytes}, {load_1}'\n";

fn filesystems(slot_s: i64, used: &[(&str, f64)]) -> Record {
    let size = (FilesystemColumn::SizeBytes, 5_368_709_120.0);
    let rows = used.iter().map(|(mount, used)| {
        let labels = [mount, "/dev/sda", "ext4", "ok"];
        row(&labels, &[(FilesystemColumn::UsedPct, *used), size])
    });
    let detail = Detail { filesystems: rows.collect(), ..Detail::default() };
    Record { detail: Some(detail), ..record(slot_s) }
}

fn told(judged: &Judged) -> Vec<String> {
    let spoken = |event: &AlarmEvent| {
        format!("{} {}>{} {} {}", event.key.row, event.from, event.to, event.cause, event.severity)
    };
    judged.events.iter().map(spoken).collect()
}

/// Of a job that comes and goes under one name, one alarm.
#[test]
fn a_container_has_an_alarm_by_its_name() {
    const FULL: &str = "[[alert]]\nname = 'full'\nover = 'container'\nwhen = 'memory_used_pct > 90 and \
        engine == \"docker\"'\nfor = '2 polls'\nsummary = '{host}: {name} {memory_used_pct} %'\n";
    let mut bench = Bench::new(HostId(1), FULL);
    let of = |slot_s: i64, id: &str| {
        let labels = ["job-*", id, "job:1", "docker"];
        let rows = vec![row(&labels, &[(ContainerColumn::MemoryUsedPct, 95.0)])];
        Record { detail: Some(Detail { containers: rows, ..Detail::default() }), ..record(slot_s) }
    };
    assert_eq!(bench.poll(&of(10, "0123456789ab")).events, []);
    let judged = bench.poll(&of(20, "ba9876543210"));
    assert_eq!(told(&judged), ["job-* pending>firing values warning"]);
    assert_eq!(judged.events[0].summary.as_ref(), "db-1: job-* 95 %");
}

#[test]
fn each_row_has_its_own_alarm_and_says_what_is_true_then() {
    let mut bench = Bench::new(HostId(1), DISK);
    assert_eq!(bench.poll(&filesystems(10, &[("/", 50.0), ("/srv", 91.0)])).events, []);
    let judged = bench.poll(&filesystems(20, &[("/", 91.0), ("/srv", 92.25)]));
    assert_eq!(told(&judged), ["/srv pending>firing values warning"]);
    let event = &judged.events[0];
    assert_eq!(event.summary.as_ref(), "db-1: /srv 92.2 % of 5.0 GiB, ?");
    assert_eq!((event.value, event.slot, event.at), (Some(92.25), WallMs(20_000), WallMs(5)));
    let rows: BTreeMap<&str, AlarmState> =
        judged.rows.iter().map(|alarm| (alarm.key.row.as_ref(), alarm.state)).collect();
    assert_eq!(rows, [("/", AlarmState::Pending), ("/srv", AlarmState::Firing)].into());
    let judged = bench.poll(&filesystems(30, &[("/", 91.0), ("/srv", 98.0)]));
    assert_eq!(
        told(&judged),
        ["/ pending>firing values warning", "/srv firing>firing values critical"]
    );
    // A hung mount changes the row's status, not what it is known by.
    let hung = row(&["/srv", "/dev/sda", "ext4", "hung"], &[]);
    let detail = Detail { filesystems: vec![hung], ..Detail::default() };
    let judged = bench.poll(&Record { detail: Some(detail), ..record(40) });
    assert_eq!(judged.events, []);
    let judged = bench.poll(&filesystems(50, &[("/", 80.0), ("/srv", 80.0)]));
    assert_eq!(told(&judged), ["/ firing>ok values warning", "/srv firing>ok values critical"]);
    assert_eq!(judged.events[0].summary.as_ref(), "db-1: / 80 % of 5.0 GiB, ?", "the value now");
    assert!(judged.rows.iter().all(|alarm| alarm.state == AlarmState::Ok));
    assert_eq!(bench.judge.alarms(), []);
    assert_eq!(bench.poll(&filesystems(60, &[("/", 80.0)])), Judged::default());
}

#[test]
fn what_only_goes_on_is_written_once_a_minute() {
    let mut bench = Bench::new(HostId(1), DISK);
    let written: Vec<usize> =
        (1..=15).map(|n| bench.poll(&filesystems(n * 10, &[("/", 95.0)])).rows.len()).collect();
    assert_eq!(written, [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]);
}

#[test]
fn a_row_that_is_gone_ends_its_alarm_after_a_while() {
    let hold = format!("{DISK}hold_for = '60s'\n");
    let mut bench = Bench::new(HostId(1), &hold);
    let both = [("/", 50.0), ("/srv", 95.0)];
    bench.poll(&filesystems(10, &both));
    assert_eq!(bench.poll(&filesystems(20, &both)).events.len(), 1);
    for slot in [30, 40, 50, 60, 70, 80] {
        assert_eq!(bench.poll(&filesystems(slot, &both[..1])).events, [], "{slot}");
    }
    let judged = bench.poll(&filesystems(90, &both[..1]));
    assert_eq!(told(&judged), ["/srv firing>ok row_gone warning"]);
    assert_eq!(judged.events[0].summary.as_ref(), "db-1: /srv: disk: it is no longer there");
    let mut bench = Bench::new(HostId(1), &format!("{DISK}missing = 'clear'\n"));
    bench.poll(&filesystems(10, &both));
    bench.poll(&filesystems(20, &both));
    assert_eq!(
        told(&bench.poll(&filesystems(30, &both[..1]))),
        ["/srv firing>ok row_gone warning"]
    );
}

#[test]
fn values_that_are_missing_make_it_unknown_once_and_never_ok() {
    let mut bench = Bench::new(HostId(1), &format!("{DISK}hold_for = '60s'\n"));
    bench.poll(&filesystems(10, &[("/", 95.0)]));
    bench.poll(&filesystems(20, &[("/", 95.0)]));
    let mut all = Vec::new();
    for slot in 3..12 {
        // A poll that failed, and one whose family was not read.
        let missing =
            if slot % 2 == 0 { failed(slot * 10, State::Suspect) } else { record(slot * 10) };
        all.extend(told(&bench.poll(&missing)));
    }
    assert_eq!(all, ["/ firing>unknown missing warning"]);
    assert_eq!(
        told(&bench.poll(&filesystems(120, &[("/", 95.0)]))),
        ["/ unknown>firing values warning"]
    );
}

#[test]
fn a_certificate_that_ends_soon_is_a_number_of_each_host_and_unknown_without_one() {
    let rule = "[[alert]]\nname = 'ends'\nwhen = 'certificate_left_s < 7 d'\n";
    let mut bench = Bench::new(HostId(1), rule);
    for (slot, left_s, expected) in [
        (10, None, &[][..]),
        (20, Some(8.0 * 86_400.0), &[][..]),
        (30, Some(6.0 * 86_400.0), &[" ok>firing values warning"][..]),
        (40, None, &[][..]),
        (50, Some(90.0 * 86_400.0), &[" firing>ok values warning"][..]),
    ] {
        bench.certificate_left_s = left_s;
        assert_eq!(told(&bench.poll(&record(slot))), expected, "{slot}");
    }
}

#[test]
fn a_host_that_is_down_or_left_alone_has_no_new_alarms_of_values() {
    let rules = format!("{DISK}[[alert]]\nname = 'down'\nwhen = 'state == \"down\"'\n");
    let mut bench = Bench::new(
        HostId(1),
        &format!(
            "{rules}[[alert]]\nname = 'm'\nwhen = 'load_1 > 3'\nmissing = 'fire'\n\
             [[alert]]\nname = 'both'\nwhen = 'load_1 > 3 or state == \"down\"'\n"
        ),
    );
    bench.poll(&filesystems(10, &[("/", 95.0)]));
    bench.poll(&filesystems(20, &[("/", 95.0)]));
    let mut all = Vec::new();
    for slot in 3..3_000 {
        all.extend(told(&bench.poll(&failed(slot * 10, State::Down))));
    }
    // What is known of a host that is down is judged: one alarm of each rule that names its state.
    assert_eq!(all, [" ok>firing values warning", " ok>firing values warning"]);
    let judged = bench.poll(&filesystems(30_000, &[("/", 95.0)]));
    assert_eq!(
        told(&judged),
        [" firing>ok values warning"],
        "of the rule with `or` nothing is known"
    );
    bench.frozen = true;
    assert_eq!(bench.poll(&filesystems(30_010, &[("/", 5.0)])), Judged::default());
    bench.frozen = false;
    assert_eq!(
        told(&bench.poll(&filesystems(30_020, &[("/", 5.0)]))),
        ["/ firing>ok values warning"]
    );
}

#[test]
fn a_rule_that_says_something_else_or_is_gone_ends_its_alarms_and_no_other() {
    let other = "[[alert]]\nname = 'load'\nwhen = 'load_1 > 3'\n";
    let mut bench = Bench::new(HostId(1), &format!("{DISK}{other}"));
    let mut values = Values::default();
    values.set(Column::Load1, 5.0);
    let poll = |slot| Record { values: Some(values.clone()), ..filesystems(slot, &[("/", 95.0)]) };
    bench.poll(&poll(10));
    bench.poll(&poll(20));
    assert_eq!(bench.judge.alarms().len(), 2);
    // The same in other words, with another severity: it goes on, and the severity is told.
    let words = DISK.replace("used_pct > 90", "used_pct   >  90 %").replace("90 %", "90");
    let judged = bench.install(&format!("{words}severity = 'info'\n{other}"));
    assert_eq!(judged, Judged::default());
    let judged = bench.poll(&poll(30));
    assert_eq!(told(&judged), ["/ firing>firing values info"]);
    let judged =
        bench.install(&format!("{}{other}", DISK.replace("> 90", "> 80").replace("< 85", "< 75")));
    assert_eq!(told(&judged), ["/ firing>ok rule_changed info"]);
    assert_eq!((judged.events[0].slot, judged.rows.len()), (WallMs(77), 1));
    assert_eq!(bench.poll(&poll(40)).rows.len(), 1, "it is judged again from the beginning");
    let judged = bench.install(DISK);
    // What was pending was never told.
    assert_eq!(told(&judged), [" firing>ok rule_removed warning"]);
    assert_eq!(judged.rows.len(), 2);
    assert_eq!(bench.budget.alive, 0);
    bench.poll(&poll(50));
    bench.poll(&poll(60));
    let (name, mut budget) = (HostName::new("db-1").unwrap(), bench.budget);
    let judged = bench.judge.retire(&name, WallMs(99), &mut budget);
    assert_eq!(told(&judged), ["/ firing>ok host_retired warning"]);
    assert_eq!((budget.alive, bench.judge.alarms()), (0, Vec::new()));
}

#[test]
fn a_restart_goes_on_where_it_was() {
    let mut bench = Bench::new(HostId(1), DISK);
    bench.poll(&filesystems(10, &[("/", 95.0), ("/srv", 99.0)]));
    bench.poll(&filesystems(20, &[("/", 95.0)]));
    let kept = bench.judge.alarms();
    let restart = |alarms: Vec<Alarm>, rules: &str| {
        let mut fresh = Bench::new(HostId(1), "");
        fresh.budget.alive = alarms.len();
        fresh.judge = Judge::new(HostId(1), alarms, Some("boot".into()));
        let judged = fresh.install(rules);
        (fresh, judged)
    };
    let (mut again, judged) = restart(kept.clone(), DISK);
    assert_eq!(judged, Judged::default());
    assert_eq!(again.judge.alarms(), kept);
    for slot in [30, 40, 50] {
        let poll = filesystems(slot, &[("/", 95.0), ("/srv", 99.0)]);
        assert_eq!(again.poll(&poll).events, bench.poll(&poll).events, "{slot}");
    }
    let (_, judged) = restart(kept.clone(), &DISK.replace("> 90", "> 91"));
    assert_eq!(told(&judged), ["/ firing>ok rule_changed warning"]);
    let (_, judged) = restart(kept, "");
    assert_eq!(told(&judged), ["/ firing>ok rule_removed warning"]);
}

#[test]
fn more_alarms_than_a_rule_may_have_are_one_alarm_more() {
    let mut bench = Bench::new(HostId(1), &DISK.replace("2 polls", "1 poll"));
    let mounts: Vec<String> = (0..=MAX_ALARMS).map(|n| format!("/m{n}")).collect();
    let all = |used| mounts.iter().map(|mount| (mount.as_str(), used)).collect::<Vec<_>>();
    let judged = bench.poll(&filesystems(10, &all(95.0)));
    assert_eq!(judged.events.len(), MAX_ALARMS + 1);
    let last = judged.events.last().unwrap();
    assert_eq!((last.key.row.as_ref(), last.cause), (OVERFLOW_ROW, AlarmCause::Overflow));
    assert_eq!(bench.poll(&filesystems(20, &all(95.0))).events, [], "told once");
    let judged = bench.poll(&filesystems(30, &all(80.0)));
    assert_eq!(judged.events.len(), MAX_ALARMS + 1);
    assert_eq!(told(&judged).last().unwrap(), "* firing>ok overflow warning");
    // Of all hosts together.
    bench.budget.alive = MAX_ALARMS_IN_ALL;
    let poll = filesystems(40, &[("/", 95.0)]);
    let judged =
        bench.with(|judge, subject, budget| judge.judge(&poll, subject, WallMs(5), budget));
    assert_eq!((judged, bench.budget.refused), (Judged::default(), 1));
    assert_eq!(bench.budget.alive, MAX_ALARMS_IN_ALL);
}

#[test]
fn a_late_poll_changes_nothing_and_a_clock_that_was_set_back_goes_on() {
    let mut bench = Bench::new(HostId(1), DISK);
    bench.poll(&filesystems(10_000, &[("/", 95.0)]));
    bench.poll(&filesystems(10_010, &[("/", 95.0)]));
    for late in [10_010, 10_005] {
        assert_eq!(bench.poll(&filesystems(late, &[("/", 5.0)])), Judged::default());
    }
    assert_eq!(bench.poll(&filesystems(10_020, &[("/", 95.0)])).events, []);
    // An hour back: the third poll in a row is judged.
    let judged: Vec<usize> = (0..3)
        .map(|n| bench.poll(&filesystems(6_400 + n * 10, &[("/", 5.0)])).events.len())
        .collect();
    assert_eq!(judged, [0, 0, 1]);
    assert_eq!(bench.judge.alarms(), []);
}

#[test]
fn windows_look_back_and_a_reboot_is_seen_once() {
    let rules = "[[alert]]\nname = 'load'\nwhen = 'avg(load_1, 4 polls) > 3'\n\
        [[alert]]\nname = 'boot'\nwhen = 'reboot'\nsummary = '{host} booted: {reboot}'\n";
    let mut bench = Bench::new(HostId(1), rules);
    let mut all = Vec::new();
    for (index, load) in [9.0, 9.0, 0.0, 0.0, 0.0, 0.0].into_iter().enumerate() {
        let slot = i64::try_from(index).unwrap() * 10 + 10;
        let mut poll = record(slot);
        poll.boot_id = Some(if index < 4 { "one" } else { "two" }.into());
        poll.values.as_mut().unwrap().set(Column::Load1, load);
        let judged = bench.poll(&poll);
        all.extend(judged.events.iter().map(|e| format!("{slot} {} {}", e.key.rule, e.to)));
    }
    assert_eq!(all, ["20 load firing", "50 load ok", "50 boot firing", "60 boot ok"]);
    // One during maintenance is none that anybody waits for.
    bench.frozen = true;
    bench.poll(&Record { boot_id: Some("three".into()), ..record(70) });
    bench.frozen = false;
    let judged = bench.poll(&Record { boot_id: Some("three".into()), ..record(80) });
    assert_eq!(judged.events, []);
}

#[test]
fn each_term_is_explained_with_its_value() {
    let rules = "[[alert]]\nname = 'r'\nover = 'filesystem'\nclear = 'used_pct < 80'\n\
        when = '(used_pct > 90 or not  (load_1 / 2 > 3)) and status == \"ok\"'\n\
        except = { mount_point = ['^/mnt'] }\n";
    let mut bench = Bench::new(HostId(1), rules);
    let poll = filesystems(10, &[("/", 95.0), ("/mnt", 50.0)]);
    bench.poll(&poll);
    let explained = bench.with(|judge, subject, _| judge.explain("r", &poll, subject));
    let terms = |of: &Explained| -> Vec<String> {
        let term = |term: &ExplainedTerm| {
            format!("{} {} {:?} {:?}", term.key, term.text, term.value, term.holds)
        };
        of.terms.iter().map(term).collect()
    };
    assert_eq!(
        terms(&explained[0]),
        [
            "when used_pct > 90 Some(95.0) Some(true)",
            "when load_1 / 2 > 3 None None",
            "when status == \"ok\" None Some(true)",
            "clear used_pct < 80 Some(95.0) Some(false)",
        ]
    );
    assert_eq!((explained[0].when, explained[0].clear), (Some(true), Some(false)));
    assert_eq!(explained[0].stand.map(|stand| stand.state), Some(AlarmState::Firing));
    assert_eq!(
        (explained[1].when, explained[1].stand, explained[1].is_left_out),
        (None, None, true)
    );
    assert_eq!(bench.with(|judge, subject, _| judge.explain("other", &poll, subject)), []);
}
