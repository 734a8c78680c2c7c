//! What is not taken, or not as it came: answers against the contract, too much, text that is not safe.

use super::*;

fn refused(change: impl FnOnce(&mut v1::Snapshot)) -> String {
    let mut wire = full();
    change(&mut wire);
    let error = decode(&wire).unwrap_err();
    format!("{}: {error}", error.outcome())
}

#[test]
fn an_answer_against_the_contract_is_refused_with_its_reason() {
    let long = || "x".repeat(257);
    let refusals = [
        refused(|s| s.protocol = 2),
        refused(|s| s.protocol = 0),
        refused(|s| s.identity = None),
        refused(|s| s.identity.as_mut().unwrap().ticks_per_second = 0),
        refused(|s| s.clocks = None),
        refused(|s| s.clocks.as_mut().unwrap().boottime_ns = 0),
        refused(|s| s.cpu.as_mut().unwrap().cores.as_mut().unwrap().idle.push(1)),
        refused(|s| s.softirq.as_mut().unwrap().rcu.truncate(1)),
        refused(|s| s.network.as_mut().unwrap().interface.truncate(1)),
        refused(|s| s.disk.as_mut().unwrap().flush_ms.push(1)),
        refused(|s| s.filesystem.as_mut().unwrap().read_only.truncate(2)),
        refused(|s| s.cpu.as_mut().unwrap().cores.as_mut().unwrap().core = vec![0; 8193]),
        refused(|s| s.network.as_mut().unwrap().interface = vec![String::new(); 4097]),
        refused(|s| s.disk.as_mut().unwrap().device = vec![String::new(); 4097]),
        refused(|s| s.filesystem.as_mut().unwrap().mount_point = vec![String::new(); 4097]),
        refused(|s| s.processes.as_mut().unwrap().top = vec![v1::Process::default(); 201]),
        refused(|s| s.reports = vec![v1::FamilyReport::default(); 65]),
        refused(|s| s.network.as_mut().unwrap().interface = vec![String::new(); 100_000]),
        refused(|s| s.reports = vec![v1::FamilyReport::default(); 2_000_000]),
        refused(|s| s.network.as_mut().unwrap().interface[0] = long()),
        refused(|s| s.disk.as_mut().unwrap().device[1] = long()),
        refused(|s| s.filesystem.as_mut().unwrap().mount_point[1] = "x".repeat(4097)),
        refused(|s| s.filesystem.as_mut().unwrap().device[1] = "x".repeat(4097)),
        refused(|s| s.filesystem.as_mut().unwrap().fs_type[1] = long()),
        refused(|s| s.processes.as_mut().unwrap().top[0].comm = long()),
    ];
    insta::assert_snapshot!(refusals.join("\n"));
    assert!(matches!(snapshot(&[0xff_u8; 9][..]), Err(DecodeError::Protobuf(_))));
}

#[test]
fn an_answer_at_every_limit_is_taken() {
    let names = |n: usize| (0..n).map(|i| format!("{i:0>256}")).collect::<Vec<_>>();
    let mut wire = full();
    wire.network = Some(v1::Network { interface: names(4096), ..v1::Network::default() });
    wire.disk = Some(v1::Disk { device: names(4096), ..v1::Disk::default() });
    wire.filesystem = Some(v1::Filesystem {
        mount_point: names(4096),
        device: names(4096),
        fs_type: names(4096),
        ..v1::Filesystem::default()
    });
    let decoded = decode(&wire).unwrap();
    let found = [decoded.interfaces.keys().len(), decoded.disks.keys().len(), decoded.mounts.len()];
    assert_eq!(found, [4096; 3]);
}

#[test]
fn text_from_a_probe_is_made_safe() {
    let mut wire = full();
    let identity = wire.identity.as_mut().unwrap();
    identity.hostname = Some("evil\u{1b}[2Jhost\n".to_owned());
    identity.os = Some("x".repeat(1000));
    identity.kernel = Some("\n".to_owned());
    wire.reports[1].error = "e".repeat(1000);
    wire.network.as_mut().unwrap().interface[0] = "et\nh0".to_owned();
    let decoded = decode(&wire).unwrap();
    assert_eq!(decoded.facts.hostname.as_deref(), Some("evil [2Jhost"));
    assert_eq!(decoded.facts.os.map(|os| os.len()), Some(MAX_FACT_BYTES));
    assert_eq!(decoded.facts.kernel, None);
    assert_eq!(decoded.reports[1].error.len(), MAX_REPORT_BYTES);
    assert_eq!(decoded.interfaces.keys()[0].as_ref(), "et\u{fffd}h0");
}
