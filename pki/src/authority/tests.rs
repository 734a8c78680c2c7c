use std::os::unix::fs::PermissionsExt as _;

use super::*;

const NOW: i64 = 1_800_000_000;

fn made() -> (tempfile::TempDir, Authority) {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::init(&folder.path().join("ca"), DAYS, NOW).unwrap();
    (folder, authority)
}

fn names(dir: &Path) -> Vec<String> {
    let all = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn one_folder_has_all_that_a_probe_is_started_with_and_keys_are_their_owners_alone() {
    let (folder, mut authority) = made();
    authority.issue("web-01", DAYS, NOW).unwrap();
    let ca = folder.path().join("ca");
    assert_eq!(
        names(&ca),
        ["ca.key", "ca.pem", "crl.pem", "hosts", "issued.jsonl", "lock", "server"]
    );
    let host = authority.folder("web-01");
    assert_eq!(names(&host), ["ca.pem", "crl.pem", "probe.key", "probe.pem"]);
    assert_eq!(names(&authority.folder(SERVER)), ["ca.pem", "crl.pem", "server.key", "server.pem"]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&host.join("probe.key")), 0o600);
    assert_eq!(mode(&ca.join("ca.key")), 0o600);
    assert_eq!(mode(&host), 0o700);
}

#[test]
fn what_is_there_is_not_overwritten() {
    let (folder, mut authority) = made();
    let first = authority.issue("web-01", DAYS, NOW).unwrap();
    let Done::Issued(first) = first else { panic!("{first:?}") };
    let key = fs::read(authority.folder("web-01").join("probe.key")).unwrap();
    assert_eq!(authority.issue("web-01", DAYS, NOW).unwrap(), Done::Kept(first));
    assert_eq!(fs::read(authority.folder("web-01").join("probe.key")).unwrap(), key);
    // Nor at the same time by another one.
    let dir = folder.path().join("ca");
    let busy = Authority::open(&dir).unwrap_err().to_string();
    assert!(busy.contains("at work here"), "{busy}");
    drop(authority);
    let again = Authority::init(&dir, DAYS, NOW).unwrap_err().to_string();
    assert!(again.contains("there is an authority already"), "{again}");
    Authority::open(&dir).unwrap();
}

#[test]
fn renewing_keeps_the_key_and_revoking_ends_that() {
    let (folder, mut authority) = made();
    authority.issue("web-01", 1, NOW).unwrap();
    let file = |authority: &Authority, name: &str| {
        fs::read(authority.folder("web-01").join(name)).unwrap()
    };
    let (key, certificate) = (file(&authority, "probe.key"), file(&authority, "probe.pem"));
    let renewed = authority.renew("web-01", DAYS, NOW).unwrap();
    assert_eq!(renewed.until, NOW + i64::from(DAYS) * DAY_S);
    assert_eq!(file(&authority, "probe.key"), key);
    assert_ne!(file(&authority, "probe.pem"), certificate);
    // Both that were issued, and what another process opens says so.
    let list = file(&authority, "crl.pem");
    assert_eq!(authority.revoke("web-01", NOW).unwrap(), 2);
    assert_ne!(file(&authority, "crl.pem"), list);
    drop(authority);
    let mut authority = Authority::open(&folder.path().join("ca")).unwrap();
    assert_eq!(authority.list()["web-01"].revoked, Some(NOW));
    let refused = authority.renew("web-01", DAYS, NOW).unwrap_err().to_string();
    assert!(refused.contains("a revoked key is not renewed"), "{refused}");
    let nothing = authority.revoke("web-01", NOW).unwrap_err().to_string();
    assert!(nothing.contains("no certificate that could be revoked"), "{nothing}");
    let Done::Issued(_) = authority.issue("web-01", DAYS, NOW).unwrap() else { panic!() };
    assert_ne!(file(&authority, "probe.key"), key);
}

#[test]
fn any_name_of_a_host_has_a_folder_of_its_own_within_the_directory() {
    let (_folder, mut authority) = made();
    let hosts = authority.folder("x").parent().unwrap().to_owned();
    for name in ["..", ".", "a/../../b", "web-01:50052", "fe80::1%eth0", "Zürich"] {
        authority.issue(name, DAYS, NOW).unwrap();
        assert_eq!(authority.folder(name).parent(), Some(&*hosts), "{name}");
    }
    assert_eq!(names(&hosts).len(), 6, "{:?}", names(&hosts));
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let (folder, authority) = made();
    drop(authority);
    let (other, second) = made();
    drop(second);
    let dir = folder.path().join("ca");
    fs::copy(other.path().join("ca/ca.pem"), dir.join("ca.pem")).unwrap();
    let refused = Authority::open(&dir).unwrap_err().to_string();
    assert!(refused.contains("expected the certificate of"), "{refused}");
    fs::set_permissions(dir.join("ca.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let refused = Authority::open(&dir).unwrap_err().to_string();
    assert!(refused.contains("every user may read this key (mode 644)"), "{refused}");
    let nowhere = Authority::open(other.path()).unwrap_err().to_string();
    assert!(nowhere.contains("`roundsman ca init`"), "{nowhere}");
}

#[test]
fn nothing_outlives_the_authority() {
    let (_folder, mut authority) = made();
    let late = NOW + (CA_DAYS - 1) * DAY_S;
    let Done::Issued(issued) = authority.issue("a", DAYS, late).unwrap() else { panic!() };
    assert_eq!(issued.until, NOW + CA_DAYS * DAY_S);
    let over = authority.issue("b", DAYS, late + 2 * DAY_S).unwrap_err().to_string();
    assert!(over.contains("certificate is over"), "{over}");
}

#[test]
fn a_register_beyond_its_limit_is_not_read() {
    let (folder, authority) = made();
    drop(authority);
    let dir = folder.path().join("ca");
    let register = File::options().write(true).open(dir.join("issued.jsonl")).unwrap();
    register.set_len(register::MAX_REGISTER_BYTES + 1).unwrap();
    let refused = Authority::open(&dir).unwrap_err().to_string();
    assert!(refused.contains("expected at most 67108864 bytes"), "{refused}");
    register.set_len(7).unwrap();
    let refused = Authority::open(&dir).unwrap_err().to_string();
    assert!(refused.contains("line 1 cannot be read"), "{refused}");
}
