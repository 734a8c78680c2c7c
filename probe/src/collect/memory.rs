//! Memory: `<proc>/meminfo` (proc_meminfo(5)). Containers and odd kernels drop lines: each stands
//! for itself.

use roundsman_proto::v1;

use super::{
    reading::{Need, Reading},
    report::Report,
    scan::{lines, number, split_once, words},
    source::Source,
};

/// The unit of most lines: the kernel writes "kB" and means KiB.
const KIB: Option<&[u8]> = Some(b"kB");
/// Huge pages are counted, and have no unit.
const PAGES: Option<&[u8]> = None;

/// Reads the family.
pub fn collect(reading: &mut Reading<'_>, report: &mut Report) -> Option<v1::Memory> {
    reading.parse(Source::Meminfo, Need::Required, report, parse)
}

/// The values in `<proc>/meminfo`.
pub fn parse(bytes: &[u8], report: &mut Report) -> Option<v1::Memory> {
    let mut memory = v1::Memory::default();
    let mut any = false;
    for line in lines(bytes) {
        let Some((key, rest)) = split_once(line, b':') else { continue };
        let Some((field, unit)) = field(&mut memory, key) else { continue };
        let mut words = words(rest);
        let value = words.next().and_then(number);
        if value.is_some() && words.next() == unit {
            *field = value;
            any = true;
        } else {
            report.malformed(line);
        }
    }
    for (value, key) in [(memory.total_kib, "MemTotal"), (memory.free_kib, "MemFree")] {
        if any && value.is_none() {
            report.missing(key);
        }
    }
    any.then_some(memory)
}

/// Where the value of a line goes, and its unit.
#[rustfmt::skip]
fn field<'a>(
    memory: &'a mut v1::Memory,
    key: &[u8],
) -> Option<(&'a mut Option<u64>, Option<&'static [u8]>)> {
    Some(match key {
        b"MemTotal" => (&mut memory.total_kib, KIB),
        b"MemFree" => (&mut memory.free_kib, KIB),
        b"MemAvailable" => (&mut memory.available_kib, KIB),
        b"Buffers" => (&mut memory.buffers_kib, KIB),
        b"Cached" => (&mut memory.cached_kib, KIB),
        b"SwapCached" => (&mut memory.swap_cached_kib, KIB),
        b"Active" => (&mut memory.active_kib, KIB),
        b"Inactive" => (&mut memory.inactive_kib, KIB),
        b"Active(anon)" => (&mut memory.active_anon_kib, KIB),
        b"Inactive(anon)" => (&mut memory.inactive_anon_kib, KIB),
        b"Active(file)" => (&mut memory.active_file_kib, KIB),
        b"Inactive(file)" => (&mut memory.inactive_file_kib, KIB),
        b"Unevictable" => (&mut memory.unevictable_kib, KIB),
        b"Mlocked" => (&mut memory.mlocked_kib, KIB),
        b"SwapTotal" => (&mut memory.swap_total_kib, KIB),
        b"SwapFree" => (&mut memory.swap_free_kib, KIB),
        b"Dirty" => (&mut memory.dirty_kib, KIB),
        b"Writeback" => (&mut memory.writeback_kib, KIB),
        b"AnonPages" => (&mut memory.anon_pages_kib, KIB),
        b"Mapped" => (&mut memory.mapped_kib, KIB),
        b"Shmem" => (&mut memory.shmem_kib, KIB),
        b"KReclaimable" => (&mut memory.k_reclaimable_kib, KIB),
        b"Slab" => (&mut memory.slab_kib, KIB),
        b"SReclaimable" => (&mut memory.s_reclaimable_kib, KIB),
        b"SUnreclaim" => (&mut memory.s_unreclaim_kib, KIB),
        b"KernelStack" => (&mut memory.kernel_stack_kib, KIB),
        b"PageTables" => (&mut memory.page_tables_kib, KIB),
        b"CommitLimit" => (&mut memory.commit_limit_kib, KIB),
        b"Committed_AS" => (&mut memory.committed_as_kib, KIB),
        b"HardwareCorrupted" => (&mut memory.hardware_corrupted_kib, KIB),
        b"AnonHugePages" => (&mut memory.anon_huge_pages_kib, KIB),
        b"Hugepagesize" => (&mut memory.huge_page_size_kib, KIB),
        b"HugePages_Total" => (&mut memory.huge_pages_total, PAGES),
        b"HugePages_Free" => (&mut memory.huge_pages_free, PAGES),
        b"HugePages_Rsvd" => (&mut memory.huge_pages_reserved, PAGES),
        b"HugePages_Surp" => (&mut memory.huge_pages_surplus, PAGES),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use procfs::FromBufRead;
    use roundsman_proto::v1::Status;

    use super::*;

    fn read(text: &str) -> (Option<v1::Memory>, (Status, String)) {
        let mut report = Report::default();
        let memory = parse(text.as_bytes(), &mut report);
        let any = memory.is_some();
        (memory, report.close(any))
    }

    /// The procfs crate loses the file with any of these lines; each must cost its own value only.
    #[test]
    fn a_missing_line_costs_one_value() {
        let whole = std::fs::read_to_string("/proc/meminfo").unwrap();
        let (all, _) = read(&whole);
        for key in ["Slab", "Committed_AS", "VmallocTotal", "Mapped", "SwapCached", "Dirty"] {
            let start = format!("{key}:");
            let lines: Vec<&str> = whole.lines().filter(|line| !line.starts_with(&start)).collect();
            let cut = lines.join("\n");
            assert!(procfs::Meminfo::from_buf_read(cut.as_bytes()).is_err(), "{key}: no trap left");
            let (memory, (status, error)) = read(&cut);
            assert_eq!((status, error.as_str()), (Status::Ok, ""), "{key}");
            let mut expected = all.unwrap();
            if let Some((field, _)) = field(&mut expected, key.as_bytes()) {
                *field = None;
            }
            assert_eq!(memory.unwrap(), expected, "{key}");
        }
    }

    #[test]
    fn an_unknown_unit_is_said_and_costs_one_value() {
        let text = "MemTotal: 8 kB\nMemFree: 4 kB\nBuffers: 1 MB\nCached: 3\nDirty: x kB\n";
        let (memory, (status, error)) = read(text);
        let memory = memory.unwrap();
        assert_eq!(
            (memory.total_kib, memory.buffers_kib, memory.cached_kib),
            (Some(8), None, None)
        );
        assert_eq!(status, Status::Partial);
        assert!(error.contains("Buffers: 1 MB") && error.contains("Dirty: x kB"), "{error}");
    }

    #[test]
    fn what_an_old_kernel_lacks_is_absent_and_no_fault() {
        let (memory, (status, _)) = read("MemTotal: 8 kB\nMemFree: 4 kB\nActive: 2 kB\n");
        assert_eq!(status, Status::Ok);
        assert_eq!((memory.unwrap().available_kib, memory.unwrap().active_kib), (None, Some(2)));
        assert_eq!(read("MemFree: 4 kB\n").1, (Status::Partial, "no MemTotal".to_owned()));
    }

    #[test]
    fn agrees_with_procfs_on_this_machine() {
        let bytes = std::fs::read("/proc/meminfo").unwrap();
        let theirs = procfs::Meminfo::from_buf_read(&bytes[..]).unwrap();
        let mut report = Report::default();
        let ours = parse(&bytes, &mut report).unwrap();
        assert!(report.is_clean());
        let bytes = |kib: Option<u64>| kib.map(|kib| kib * 1024);
        assert_eq!(bytes(ours.total_kib), Some(theirs.mem_total));
        assert_eq!(bytes(ours.available_kib), theirs.mem_available);
        assert_eq!(bytes(ours.active_anon_kib), theirs.active_anon);
        assert_eq!(bytes(ours.inactive_file_kib), theirs.inactive_file);
        assert_eq!(bytes(ours.k_reclaimable_kib), theirs.k_reclaimable);
        assert_eq!(bytes(ours.s_unreclaim_kib), theirs.s_unreclaim);
        assert_eq!(bytes(ours.committed_as_kib), Some(theirs.committed_as));
        assert_eq!(ours.huge_pages_total, theirs.hugepages_total);
        assert_eq!(bytes(ours.huge_page_size_kib), theirs.hugepagesize);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>, text in "(MemFree|Active\\(anon\\)):[ 0-9]{0,30}( kB)?\n") {
            parse(&bytes, &mut Report::default());
            parse(text.as_bytes(), &mut Report::default());
        }
    }
}
