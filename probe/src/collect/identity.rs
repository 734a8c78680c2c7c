//! Which machine this is. What cannot be read is absent; what is another machine's is not sent.
//!
//! The name: the kernel's nodename is the living truth (etc/hostname may be stale, and is missing
//! where DHCP names the host), but belongs to the reader's UTS namespace. So it is taken when that
//! is the initial one, and `<rootfs>/etc/hostname` otherwise.
//!
//! In a container that was started with `--proc /host/proc` but without the host's `/`, `<rootfs>`
//! is the container's image: its machine-id, name and distribution would be a lie. They are taken
//! only when the filesystem at `<rootfs>` is the one mounted at `/` in `<proc>/1/mountinfo`.

use std::path::PathBuf;

use roundsman_proto::v1::{self, View};

use super::{
    cpu, filesystem, mounts,
    reading::Reading,
    scan::{lines, text},
    source::Source,
    statvfs::StatVfs,
    view,
};

/// Longest name, release or distribution that is sent, bytes as they are sent.
const MAX_WORD_BYTES: usize = 256;
/// Digits of a machine-id (machine-id(5)).
const MACHINE_ID_DIGITS: usize = 32;

/// Reads what says which machine this is.
#[must_use]
pub fn collect(reading: &mut Reading<'_>, seen: View, statvfs: &dyn StatVfs) -> v1::Identity {
    let host = reading.host();
    let rootfs = rootfs_is_hosts(reading, statvfs);
    let machine_id = if rootfs { word(reading, Source::MachineId) } else { None };
    let os = if rootfs { os(reading) } else { None };
    let hostname = match (view::has_hosts_nodename(reading, seen), rootfs) {
        (true, _) => word(reading, Source::Nodename),
        (false, true) => hostname(reading),
        (false, false) => None,
    };
    v1::Identity {
        machine_id: machine_id.filter(|id| is_machine_id(id)),
        boot_id: word(reading, Source::BootId),
        hostname,
        kernel: word(reading, Source::Osrelease),
        os,
        architecture: Some(host.architecture()),
        probe_version: env!("CARGO_PKG_VERSION").to_owned(),
        cpus: reading.stat().ok().and_then(cpu::online),
        page_size_bytes: host.page_size_bytes(),
        ticks_per_second: host.ticks_per_second(),
        // Of the service, not of the host.
        certificate_ends_s: None,
    }
}

/// Whether the probe's rootfs is the filesystem that process 1 has at `/`. Where the mount table
/// cannot be read or `/` may not answer, it is taken at its word.
#[must_use]
pub fn rootfs_is_hosts(reading: &Reading<'_>, statvfs: &dyn StatVfs) -> bool {
    let Ok(bytes) = reading.mountinfo() else { return true };
    let Some(top) = mounts::at_root(bytes) else { return true };
    if !top.is_of(mounts::ANSWER_FROM_MEMORY) {
        return true;
    }
    let question = filesystem::question(reading.host().root(), PathBuf::from("/"));
    match reading.top(|| statvfs.statvfs(&question)) {
        Ok(space) => filesystem::is_same(&top.fs_type, top.device, &space),
        Err(_) => false,
    }
}

/// A file of one short line.
fn word(reading: &mut Reading<'_>, source: Source) -> Option<String> {
    fact(reading.bytes(source).ok()?.trim_ascii())
}

/// What is neither empty nor too long.
fn fact(bytes: &[u8]) -> Option<String> {
    Some(text(bytes)).filter(|fact| !fact.is_empty() && fact.len() <= MAX_WORD_BYTES)
}

/// hostname(5): comments, then the name.
fn hostname(reading: &mut Reading<'_>) -> Option<String> {
    lines(reading.bytes(Source::EtcHostname).ok()?)
        .map(<[u8]>::trim_ascii)
        .find(|line| !line.is_empty() && !line.starts_with(b"#"))
        .and_then(fact)
}

fn is_machine_id(id: &str) -> bool {
    id.len() == MACHINE_ID_DIGITS
        && id.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit))
}

fn os(reading: &mut Reading<'_>) -> Option<String> {
    [Source::OsRelease, Source::VendorOsRelease]
        .into_iter()
        .find_map(|source| pretty_name(reading.bytes(source).ok()?))
}

/// PRETTY_NAME of os-release(5), an assignment of the shell: bare, or in quotes with backslashes.
fn pretty_name(bytes: &[u8]) -> Option<String> {
    let value = lines(bytes).find_map(|line| line.strip_prefix(b"PRETTY_NAME="))?.trim_ascii();
    let (inner, escapes) = match value {
        [b'"', inner @ .., b'"'] => (inner, true),
        [b'\'', inner @ .., b'\''] => (inner, false),
        bare => (bare, true),
    };
    let mut name = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if escapes => name.extend(bytes.next()),
            _ => name.push(*byte),
        }
    }
    fact(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_is_read_as_the_shell_would() {
        for (text, name) in [
            (
                "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
                "Debian GNU/Linux 12 (bookworm)",
            ),
            ("PRETTY_NAME='Arch \\Linux'\n", "Arch \\Linux"),
            ("PRETTY_NAME=Alpine\n", "Alpine"),
            ("PRETTY_NAME=\"A \\\"B\\\" \\$C\"", "A \"B\" $C"),
        ] {
            assert_eq!(pretty_name(text.as_bytes()).as_deref(), Some(name));
        }
        assert_eq!(pretty_name(b"PRETTY_NAME=\"\"\n"), None);
    }

    #[test]
    fn a_name_that_is_too_long_is_not_sent() {
        let named = |bytes| pretty_name(format!("PRETTY_NAME={}", "x".repeat(bytes)).as_bytes());
        assert_eq!(named(MAX_WORD_BYTES), Some("x".repeat(MAX_WORD_BYTES)));
        assert_eq!(named(MAX_WORD_BYTES + 1), None);
        // As it is sent: four bytes for each that is not UTF-8.
        let latin = |bytes| pretty_name(&[&b"PRETTY_NAME="[..], &vec![0xE4; bytes]].concat());
        assert_eq!(latin(MAX_WORD_BYTES / 4), Some("\\xE4".repeat(MAX_WORD_BYTES / 4)));
        assert_eq!(latin(MAX_WORD_BYTES / 4 + 1), None);
    }

    #[test]
    fn only_a_machine_id_is_a_machine_id() {
        assert!(is_machine_id("8f2c4b1e09d74a6fb35e7c90a1d2e3f4"));
        for bad in ["", "uninitialized", "8F2C4B1E09D74A6FB35E7C90A1D2E3F4", "8f2c4b1e"] {
            assert!(!is_machine_id(bad), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>, value in "[\"'\\\\a]{0,5}") {
            pretty_name(&bytes);
            pretty_name(format!("PRETTY_NAME={value}").as_bytes());
        }
    }
}
