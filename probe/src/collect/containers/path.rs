//! Which groups are containers, by their paths: by how an engine writes its ids, not by a list of
//! engines.
//!
//! | engine | its group |
//! |---|---|
//! | Docker | `docker/<id>`, `system.slice/docker-<id>.scope` |
//! | containerd, CRI | `<namespace>/<id>`, `kubepods/…/pod<uid>/<id>`, `kubepods-….slice/cri-containerd-<id>.scope` |
//! | CRI-O | `kubepods-….slice/crio-<id>.scope` |
//! | Podman | `machine.slice/libpod-<id>.scope`, below `user@<n>.service` without root |
//! | LXC, Incus | `lxc.payload.<name>`, `lxc/<name>` |
//!
//! An id is 64 hex digits. A container's own groups are part of it, and are not looked at.

use super::super::scan::text;

/// Digits of an id.
const ID_DIGITS: usize = 64;
/// Units of systemd that hold no containers of others, but for those of a user's own manager.
const UNITS: [&[u8]; 9] = [
    b".service",
    b".scope",
    b".mount",
    b".socket",
    b".swap",
    b".device",
    b".automount",
    b".timer",
    b".path",
];
/// Where old LXC has its containers.
const LXC: &[u8] = b"lxc";
/// Where LXC and Incus have theirs.
const LXC_PAYLOAD: &[u8] = b"lxc.payload.";

/// What a path says of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The engine; empty where the path does not say.
    pub engine: &'static str,
    /// Its id, or the name that LXC knows.
    pub id: String,
}

/// What the group `name` in the group at `parent` is, if it is a container.
#[must_use]
pub fn container(parent: &[u8], name: &[u8]) -> Option<Named> {
    let above = last(parent);
    if let Some(name) = name.strip_prefix(LXC_PAYLOAD).or((above == LXC).then_some(name)) {
        return (!name.is_empty()).then(|| Named { engine: "lxc", id: text(name) });
    }
    let unit = name.strip_suffix(b".scope").unwrap_or(name);
    let (before, id) = unit.split_at_checked(unit.len().checked_sub(ID_DIGITS)?)?;
    if !id.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let engine = match before {
        b"" => of_folder(above),
        // `libpod-conmon-<id>` is what watches over the container; of `…:cri-containerd:<id>` the last counts.
        _ => of_prefix(before.strip_suffix(b"-").or(before.strip_suffix(b":"))?)?,
    };
    Some(Named { engine, id: text(id) })
}

fn of_prefix(prefix: &[u8]) -> Option<&'static str> {
    let prefix = prefix.rsplit(|byte| *byte == b':').next().unwrap_or_default();
    Some(match prefix {
        b"docker" => "docker",
        b"cri-containerd" => "containerd",
        b"nerdctl" => "nerdctl",
        b"crio" => "cri-o",
        b"libpod" | b"libpod-payload" => "podman",
        _ if prefix.ends_with(b"-conmon") => return None,
        _ => "",
    })
}

fn of_folder(folder: &[u8]) -> &'static str {
    match folder {
        b"docker" => "docker",
        b"libpod_parent" | b"libpod" => "podman",
        // Of a pod's folder every engine may be the maker; of another one it is containerd's namespace.
        _ if uid_of(folder).is_some() => "",
        _ => "containerd",
    }
}

/// Whether groups of containers may be in the group `name`.
#[must_use]
pub fn leads_on(name: &[u8]) -> bool {
    !UNITS.iter().any(|unit| name.ends_with(unit))
        || (name.starts_with(b"user@") && name.ends_with(b".service"))
}

/// The uid of the pod whose group is on the way to a container at `parent`.
#[must_use]
pub fn pod_uid(parent: &[u8]) -> Option<String> {
    parent.rsplit(|byte| *byte == b'/').find_map(uid_of)
}

/// `kubepods-burstable-pod<uid>.slice`, with `_` for the `-` of the uid, or `pod<uid>`.
fn uid_of(name: &[u8]) -> Option<String> {
    let name = name.strip_suffix(b".slice").unwrap_or(name);
    let at = name.windows(3).rposition(|part| part == b"pod")?;
    if !(at == 0 || name[at - 1] == b'-') {
        return None;
    }
    let uid: Vec<u8> =
        name[at + 3..].iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect();
    // Of a static pod it is a hash without dashes.
    let is_uid = uid.len() >= 32
        && uid.len() <= 36
        && uid.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    is_uid.then(|| text(&uid))
}

fn last(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4f2a1b3c5d6e7f8091a2b3c4d5e6f70812233445566778899aabbccddeeff001";
    const UID: &str = "1f4c3a5e-0b2d-4e6f-8a9b-0c1d2e3f4a5b";

    fn found(path: &str) -> Option<(&'static str, String)> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let named = container(parent.as_bytes(), name.as_bytes())?;
        Some((named.engine, named.id))
    }

    #[test]
    fn each_engine_is_known_by_its_paths() {
        let slice = format!(
            "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{}.slice",
            UID.replace('-', "_")
        );
        let user = "user.slice/user-1000.slice/user@1000.service/user.slice";
        for (path, engine) in [
            (format!("docker/{ID}"), "docker"),
            (format!("system.slice/docker-{ID}.scope"), "docker"),
            (format!("{user}/docker-{ID}.scope"), "docker"),
            (format!("k8s.io/{ID}"), "containerd"),
            (format!("default/{ID}"), "containerd"),
            (format!("system.slice/nerdctl-{ID}.scope"), "nerdctl"),
            (format!("{slice}/cri-containerd-{ID}.scope"), "containerd"),
            (format!("system.slice:cri-containerd:{ID}"), "containerd"),
            (format!("kubepods/burstable/pod{UID}/{ID}"), ""),
            (format!("{slice}/crio-{ID}.scope"), "cri-o"),
            (format!("machine.slice/libpod-{ID}.scope"), "podman"),
            (format!("{user}/libpod-{ID}.scope"), "podman"),
            (format!("libpod_parent/libpod-{ID}"), "podman"),
            (format!("system.slice/another-{ID}.scope"), ""),
        ] {
            assert_eq!(found(&path), Some((engine, ID.to_owned())), "{path}");
        }
        assert_eq!(found("lxc.payload.web"), Some(("lxc", "web".to_owned())));
        assert_eq!(found("lxc/101"), Some(("lxc", "101".to_owned())));
    }

    #[test]
    fn what_is_no_container_is_none() {
        for path in [
            format!("machine.slice/libpod-conmon-{ID}.scope"),
            format!("system.slice/crio-conmon-{ID}.scope"),
            format!("system.slice/docker-{}.scope", &ID[1..]),
            format!("system.slice/docker-{}.scope", ID.to_uppercase()),
            format!("docker/x{ID}"),
            "system.slice/docker.service".to_owned(),
            "lxc.monitor.web".to_owned(),
            "lxc.payload.".to_owned(),
            "docker/../../etc".to_owned(),
            String::new(),
        ] {
            assert_eq!(found(&path), None, "{path}");
        }
    }

    #[test]
    fn containers_are_looked_for_where_engines_make_them() {
        for name in ["system.slice", "docker", "kubepods", "k8s.io", "user@1000.service", "pod1"] {
            assert!(leads_on(name.as_bytes()), "{name}");
        }
        for name in ["ssh.service", "init.scope", "dev-hugepages.mount", "user@1000.scope"] {
            assert!(!leads_on(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_pod_is_known_by_its_uid() {
        let dashed = format!("kubepods-pod{}.slice", UID.replace('-', "_"));
        assert_eq!(pod_uid(format!("kubepods.slice/{dashed}").as_bytes()).as_deref(), Some(UID));
        assert_eq!(pod_uid(format!("kubepods/pod{UID}").as_bytes()).as_deref(), Some(UID));
        let hash = UID.replace('-', "");
        assert_eq!(pod_uid(format!("kubepods/pod{hash}").as_bytes()), Some(hash));
        for other in
            ["", "kubepods.slice", "kubepods/podman", "tripod1f4c3a5e0b2d4e6f8a9b0c1d2e3f4a5b"]
        {
            assert_eq!(pod_uid(other.as_bytes()), None, "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(parent: Vec<u8>, name: Vec<u8>, head in "[a-z:-]{0,9}", tail in "[.a-z]{0,6}") {
            let _ = (container(&parent, &name), leads_on(&name), pod_uid(&parent));
            if let Some(named) = container(&parent, format!("{head}{ID}{tail}").as_bytes()) {
                assert!(named.engine == "lxc" || named.id == ID);
            }
        }
    }
}
