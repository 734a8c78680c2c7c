//! What the probe can and cannot see here, and how to mend it.
//!
//! [`examine`] is pure: it judges an answer and the probe's surroundings. [`Surroundings::read`]
//! reads the few files about the probe itself that no answer needs.

use std::{fmt, path::Path};

use roundsman_os::file;
use roundsman_proto::v1;

use crate::{collect::view::Evidence, health::word, root::Root};

/// What gives a containerised probe the host's view.
const MOUNTS: &str = "start the container with -v /proc:/host/proc:ro -v /:/host:ro,rslave and the \
                      probe with --proc /host/proc --rootfs /host";

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Fine,
    /// The probe works without it.
    Note,
    /// Needed and missing.
    Missing,
}

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at: `view`, `machine_id`, a family.
    pub subject: String,
    /// How it stands.
    pub verdict: Verdict,
    /// What was seen, with the path.
    pub seen: String,
    /// What to do about it.
    pub mend: Option<String>,
}

/// All findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// In the order they are told.
    pub findings: Vec<Finding>,
}

impl Examination {
    /// Whether nothing needed is missing.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.findings.iter().all(|finding| finding.verdict != Verdict::Missing)
    }
}

/// One line per finding, and the remedy below it.
impl fmt::Display for Examination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let verdict = match finding.verdict {
                Verdict::Fine => "ok",
                Verdict::Note => "note",
                Verdict::Missing => "MISSING",
            };
            writeln!(f, "{verdict:7}  {:10}  {}", finding.subject, finding.seen)?;
            if let Some(mend) = &finding.mend {
                writeln!(f, "{:7}  {:10}  -> {mend}", "", "")?;
            }
        }
        Ok(())
    }
}

/// The most that is read of one of the probe's own files, bytes; beyond it, as if it could not be read.
const MAX_OWN_BYTES: u64 = 16 * 1024 * 1024;

/// What surrounds the probe's own process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The probe's own `/proc/self/mountinfo`; empty when it cannot be read.
    pub mountinfo: String,
    /// The probe's own `/proc/self/attr/current`: its AppArmor or SELinux confinement.
    pub confinement: Option<String>,
}

/// One of the probe's own files; none when it cannot be read or has no end in sight.
fn own(path: &Path) -> Option<String> {
    file::read_text(path, MAX_OWN_BYTES).ok()
}

impl Surroundings {
    /// Reads both. What cannot be read is left out: the findings do without.
    #[must_use]
    pub fn read() -> Self {
        let confinement = own("/proc/self/attr/current".as_ref());
        Self {
            mountinfo: own("/proc/self/mountinfo".as_ref()).unwrap_or_default(),
            confinement: confinement
                .map(|text| text.trim_end_matches(['\n', '\0']).to_owned())
                .filter(|text| !text.is_empty() && text != "unconfined"),
        }
    }

    /// What the mount at `proc` does not show.
    fn hiding(&self, proc: &Path) -> Hiding<'_> {
        if self.mountinfo.is_empty() {
            return Hiding::default();
        }
        let Some(mount) = mount(&self.mountinfo, proc) else {
            return Hiding { everything: true, ..Hiding::default() };
        };
        let options = || mount.split_whitespace().last().unwrap_or_default().split(',');
        let processes = options().find_map(|option| option.strip_prefix("hidepid="));
        Hiding {
            everything: false,
            processes: processes.filter(|value| !matches!(*value, "0" | "off")),
            machine: options().any(|option| option == "subset=pid"),
        }
    }

    /// Whether mounts made later on the host appear below `rootfs` (rslave: a `master:` tag).
    fn follows_mounts(&self, rootfs: &Path) -> Option<bool> {
        let line = mount(&self.mountinfo, rootfs)?;
        let tags = line.split(" - ").next()?;
        Some(tags.split_whitespace().skip(6).any(|tag| tag.starts_with("master:")))
    }
}

/// What a procfs keeps from the probe (proc(5)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Hiding<'a> {
    /// No procfs is mounted there.
    everything: bool,
    /// The value of hidepid, unless it hides nothing.
    processes: Option<&'a str>,
    /// Whether there are processes alone, and no file of the machine.
    machine: bool,
}

/// The last line of `mountinfo` (proc(5)) whose mount point is `path`: the mount on top. Paths with
/// blanks, which the kernel escapes, are not found.
fn mount<'a>(mountinfo: &'a str, path: &Path) -> Option<&'a str> {
    mountinfo
        .lines()
        .rfind(|line| line.split(' ').nth(4).is_some_and(|point| Path::new(point) == path))
}

/// What the collector can say of the roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Whose `/proc` it is, and why.
    pub view: Evidence,
    /// Whether `--rootfs` is the filesystem that the host has at `/`.
    pub rootfs_is_hosts: bool,
}

/// Judges one answer to a request for every family.
#[must_use]
pub fn examine(
    root: &Root,
    proof: &Proof,
    surroundings: &Surroundings,
    snapshot: &v1::Snapshot,
) -> Examination {
    let confinement = surroundings.confinement.as_deref();
    let proc = root.proc_dir();
    let hiding = surroundings.hiding(proc);
    let mut findings = vec![view(&proof.view, proc, hiding, confinement)];
    findings.extend(rootfs(root.rootfs_dir(), proof, surroundings));
    findings.extend(identity(root, snapshot.identity.as_ref()));
    findings.extend(snapshot.reports.iter().map(|report| family(report, hiding, confinement)));
    findings.extend(snapshot.containers.as_ref().and_then(names));
    Examination { findings }
}

fn view(
    evidence: &Evidence,
    proc: &Path,
    hiding: Hiding<'_>,
    confinement: Option<&str>,
) -> Finding {
    let (verdict, word, mend) = match evidence.view {
        v1::View::Host => (Verdict::Fine, "host", None),
        v1::View::Container => (Verdict::Missing, "container", Some(MOUNTS.to_owned())),
        v1::View::Unknown | v1::View::Unspecified => {
            (Verdict::Note, "unknown", Some(permission(hiding, confinement)))
        }
    };
    let seen = format!("{word}: {}: {}", proc.display(), evidence.because);
    Finding { subject: "view".to_owned(), verdict, seen, mend }
}

/// What most likely denied access, and the way round it.
fn permission(hiding: Hiding<'_>, confinement: Option<&str>) -> String {
    if hiding.everything {
        return MOUNTS.to_owned();
    }
    let processes = hiding.processes.map(|value| {
        format!(
            "/proc is mounted with hidepid={value}: run the probe in the group named by the mount's \
             gid= option or as root, and without ProtectProc= in its unit"
        )
    });
    let machine = hiding.machine.then(|| {
        "/proc is mounted with subset=pid: run the probe without ProcSubset= in its unit".to_owned()
    });
    match (processes, machine, confinement) {
        (Some(processes), Some(machine), _) => format!("{processes}; {machine}"),
        (Some(mend), None, _) | (None, Some(mend), _) => mend,
        (None, None, Some(profile)) => format!(
            "the probe is confined by {profile:?}: in Docker start it with --security-opt \
             apparmor=unconfined, or allow reading /proc/1/**"
        ),
        (None, None, None) => "run the probe as root, or as the user that owns the file".to_owned(),
    }
}

fn rootfs(rootfs: &Path, proof: &Proof, surroundings: &Surroundings) -> Option<Finding> {
    let path = rootfs.display();
    let (verdict, seen) = if !proof.rootfs_is_hosts {
        (
            Verdict::Missing,
            format!("{path} is not the host's /: no machine_id, no name, no filesystems"),
        )
    } else if rootfs != Path::new("/") && surroundings.follows_mounts(rootfs) == Some(false) {
        (
            Verdict::Note,
            format!("{path} does not follow the host: filesystems mounted later stay unseen"),
        )
    } else {
        return None;
    };
    let mend = "mount it with -v /:/host:ro,rslave and give --rootfs /host".to_owned();
    Some(Finding { subject: "rootfs".to_owned(), verdict, seen, mend: Some(mend) })
}

fn identity(root: &Root, identity: Option<&v1::Identity>) -> [Finding; 2] {
    let known = |subject: &str, value: &str| Finding {
        subject: subject.to_owned(),
        verdict: Verdict::Fine,
        seen: value.to_owned(),
        mend: None,
    };
    let machine = identity.and_then(|identity| identity.machine_id.as_deref());
    let boot = identity.and_then(|identity| identity.boot_id.as_deref());
    [
        machine.map_or_else(
            || Finding {
                subject: "machine_id".to_owned(),
                verdict: Verdict::Note,
                seen: format!(
                    "{} cannot be read: the server cannot tell this machine from another at its \
                     address",
                    root.host("/etc/machine-id").display()
                ),
                mend: Some(
                    "mount the host's / as --rootfs; on a host without one run \
                     systemd-machine-id-setup or dbus-uuidgen --ensure=/etc/machine-id"
                        .to_owned(),
                ),
            },
            |id| known("machine_id", id),
        ),
        boot.map_or_else(
            || Finding {
                subject: "boot_id".to_owned(),
                verdict: Verdict::Missing,
                seen: format!(
                    "{} cannot be read: a reboot cannot be told",
                    root.proc("sys/kernel/random/boot_id").display()
                ),
                mend: Some(MOUNTS.to_owned()),
            },
            |id| known("boot_id", id),
        ),
    ]
}

fn family(report: &v1::FamilyReport, hiding: Hiding<'_>, confinement: Option<&str>) -> Finding {
    use v1::Status::{Absent, Denied, Hung, Malformed, Ok, Partial, Timeout, Unspecified};
    let status = report.status();
    let (verdict, mend) = match status {
        Ok => (Verdict::Fine, None),
        Partial => (Verdict::Note, None),
        Absent if report.family() == v1::Family::Pressure => (
            Verdict::Note,
            Some("needs Linux 4.20 with CONFIG_PSI; some distributions want psi=1 at boot".into()),
        ),
        Absent if report.family() == v1::Family::Containers => (
            Verdict::Note,
            Some("needs cgroup version 2; older distributions want systemd.unified_cgroup_hierarchy=1 at boot".into()),
        ),
        Absent => (Verdict::Missing, Some(MOUNTS.to_owned())),
        Denied => (Verdict::Missing, Some(permission(hiding, confinement))),
        Hung => (
            Verdict::Note,
            Some("the server behind that mount is away; umount -l on the host lets it go".into()),
        ),
        Timeout => (Verdict::Missing, Some("try again; see the load of this host".into())),
        Malformed | Unspecified => (
            Verdict::Missing,
            Some("please report it with what `roundsman-probe capture DIR` collects".into()),
        ),
    };
    let state = status.as_str_name().trim_start_matches("STATUS_").to_ascii_lowercase();
    let error = if report.error.is_empty() { String::new() } else { format!(": {}", report.error) };
    Finding {
        subject: word(report.family()),
        verdict,
        seen: format!("{state} in {} µs{error}", report.spent_us),
        mend,
    }
}

/// Whether containers go by their ids, for their engine keeps their names where root alone may look.
fn names(containers: &v1::Containers) -> Option<Finding> {
    let all = containers.top.iter().filter(|container| container.engine != "lxc");
    let nameless = all.clone().filter(|container| container.name.is_none()).count();
    (nameless > 0).then(|| Finding {
        subject: "names".to_owned(),
        verdict: Verdict::Note,
        seen: format!("{nameless} of {} containers go by their ids", all.count()),
        mend: Some(
            "their engine keeps names where root alone may read: see \"Containers\" in docs/security.md"
                .to_owned(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IN_A_CONTAINER: &str = "\
        700 600 0:50 / / rw,relatime - overlay overlay rw\n\
        701 700 0:51 / /proc rw,nosuid - proc proc rw\n\
        702 700 0:24 / /host/proc ro,nosuid - proc proc rw,hidepid=2,gid=27\n\
        703 700 8:1 / /host ro,relatime - ext4 /dev/sda1 rw\n";

    fn surroundings(mountinfo: &str, confinement: Option<&str>) -> Surroundings {
        Surroundings {
            mountinfo: mountinfo.to_owned(),
            confinement: confinement.map(ToOwned::to_owned),
        }
    }

    fn proof(view: v1::View) -> Proof {
        Proof { view: Evidence { view, because: "the reason".into() }, rootfs_is_hosts: true }
    }

    fn snapshot(reports: &[(v1::Family, v1::Status, &str)]) -> v1::Snapshot {
        let report = |(family, status, error): &(v1::Family, v1::Status, &str)| v1::FamilyReport {
            family: (*family).into(),
            status: (*status).into(),
            spent_us: 10,
            error: (*error).to_owned(),
        };
        v1::Snapshot {
            reports: reports.iter().map(report).collect(),
            identity: Some(v1::Identity {
                machine_id: Some("0123456789abcdef0123456789abcdef".into()),
                boot_id: Some("c4d4ff52-4f9b-4c5c-9c7e-3a64cf6c9d55".into()),
                ..v1::Identity::default()
            }),
            ..v1::Snapshot::default()
        }
    }

    #[test]
    fn a_file_of_the_probes_own_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mountinfo");
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(MAX_OWN_BYTES).unwrap();
        assert!(own(&path).is_some());
        file.set_len(MAX_OWN_BYTES + 1).unwrap();
        assert_eq!(own(&path), None);
    }

    #[test]
    fn a_healthy_host() {
        let snapshot = snapshot(&[
            (v1::Family::Cpu, v1::Status::Ok, ""),
            (v1::Family::Pressure, v1::Status::Absent, "/proc/pressure: not there"),
        ]);
        let examination =
            examine(&Root::default(), &proof(v1::View::Host), &Surroundings::default(), &snapshot);
        assert!(examination.passed());
        insta::assert_snapshot!(examination);
    }

    #[test]
    fn a_container_with_everything_wrong() {
        let mut snapshot = snapshot(&[
            (v1::Family::Network, v1::Status::Denied, "/host/proc/1/net/dev: denied"),
            (v1::Family::Disk, v1::Status::Absent, "/host/proc/diskstats: not there"),
            (v1::Family::Filesystem, v1::Status::Hung, "/mnt/nas does not answer"),
            (v1::Family::Memory, v1::Status::Malformed, "/host/proc/meminfo: no line"),
        ]);
        snapshot.identity = None;
        let root = Root::new("/host/proc", "/host");
        let examination = examine(
            &root,
            &proof(v1::View::Container),
            &surroundings(IN_A_CONTAINER, None),
            &snapshot,
        );
        assert!(!examination.passed());
        insta::assert_snapshot!(examination);
    }

    #[test]
    fn confinement_is_named_when_nothing_hides_pids() {
        let snapshot = snapshot(&[]);
        let confined = surroundings("", Some("docker-default (enforce)"));
        let examination =
            examine(&Root::default(), &proof(v1::View::Unknown), &confined, &snapshot);
        insta::assert_snapshot!(examination);
    }

    #[test]
    fn a_unit_that_hides_proc_is_told_how_to_show_it() {
        let snapshot = snapshot(&[
            (v1::Family::Memory, v1::Status::Denied, "/proc/meminfo: hidden"),
            (v1::Family::Network, v1::Status::Denied, "/proc/1/net/dev: hidden"),
        ]);
        let seen = |options: &str| {
            let line = format!("9 1 0:51 / /proc rw - proc proc rw,{options}\n");
            let surroundings = surroundings(&line, None);
            let proof = proof(v1::View::Unknown);
            let examination = examine(&Root::default(), &proof, &surroundings, &snapshot);
            assert!(!examination.passed());
            format!("{options}\n{examination}")
        };
        insta::assert_snapshot!(
            seen("hidepid=invisible") + &seen("subset=pid") + &seen("hidepid=2,subset=pid")
        );
    }

    #[test]
    fn a_rootfs_of_the_image_is_told_from_the_hosts() {
        let proof = Proof { rootfs_is_hosts: false, ..proof(v1::View::Host) };
        let snapshot = snapshot(&[]);
        let root = Root::default();
        let examination = examine(&root, &proof, &Surroundings::default(), &snapshot);
        assert!(!examination.passed());
        insta::assert_snapshot!(examination);
    }

    #[test]
    fn mount_options_are_read_from_the_mount_on_top() {
        let here = surroundings(IN_A_CONTAINER, None);
        let hiding = |proc: &str| here.hiding(Path::new(proc));
        assert_eq!(hiding("/host/proc/"), Hiding { processes: Some("2"), ..Hiding::default() });
        assert_eq!(hiding("/proc"), Hiding::default());
        assert_eq!(hiding("/elsewhere"), Hiding { everything: true, ..Hiding::default() });
        let unit =
            surroundings("9 1 0:51 / /proc rw - proc proc rw,hidepid=off,subset=pid\n", None);
        let pids_only = Hiding { machine: true, ..Hiding::default() };
        assert_eq!(unit.hiding(Path::new("/proc")), pids_only);
        assert_eq!(here.follows_mounts(Path::new("/host")), Some(false));
        let slave = surroundings("703 700 8:1 / /host ro master:1 - ext4 /dev/sda1 rw\n", None);
        assert_eq!(slave.follows_mounts(Path::new("/host")), Some(true));
        assert_eq!(here.follows_mounts(Path::new("/elsewhere")), None);
    }
}
