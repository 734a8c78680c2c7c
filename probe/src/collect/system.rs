//! The system as a whole: `<proc>/stat` (proc_stat(5)), open files and entropy.

use roundsman_proto::v1::{self, Status};

use super::{
    reading::{Need, Reading},
    report::Report,
    scan::{excerpt, lines, number, words},
    source::Source,
};

/// Reads the family.
pub fn collect(reading: &mut Reading<'_>, report: &mut Report) -> Option<v1::System> {
    let stat = reading.parse_stat(report, parse);
    let files = reading.parse(Source::FileNr, Need::Required, report, parse_file_nr);
    let entropy = reading.parse(Source::Entropy, Need::Required, report, parse_entropy);
    if stat.is_none() && files.is_none() && entropy.is_none() {
        return None;
    }
    Some(v1::System {
        file_handles: files.map(|(open, _)| open),
        file_handles_max: files.map(|(_, max)| max),
        entropy_bits: entropy,
        ..stat.unwrap_or_default()
    })
}

/// The system's values in `<proc>/stat`.
pub fn parse(bytes: &[u8], report: &mut Report) -> Option<v1::System> {
    let mut system = v1::System::default();
    for line in lines(bytes) {
        if line.starts_with(b"cpu") {
            continue;
        }
        // The lines of interrupts go on with thousands of numbers: only the first is the sum.
        let mut words = words(line);
        let field = match words.next() {
            Some(b"btime") => &mut system.boot_time_s,
            Some(b"ctxt") => &mut system.context_switches,
            Some(b"intr") => &mut system.interrupts,
            Some(b"processes") => &mut system.forks,
            Some(b"procs_running") => &mut system.procs_running,
            Some(b"procs_blocked") => &mut system.procs_blocked,
            Some(b"softirq") => &mut system.softirqs,
            _ => continue,
        };
        *field = words.next().and_then(number);
        if field.is_none() {
            report.malformed(line);
        }
    }
    if system == v1::System::default() {
        return None;
    }
    for (value, key) in [
        (system.boot_time_s, "btime"),
        (system.context_switches, "ctxt"),
        (system.forks, "processes"),
    ] {
        if value.is_none() {
            report.missing(key);
        }
    }
    Some(system)
}

/// File handles in use, and the most there may be.
fn parse_file_nr(bytes: &[u8], report: &mut Report) -> Option<(u64, u64)> {
    let line = bytes.trim_ascii();
    let mut numbers = words(line).map(number);
    let mut next = || numbers.next().flatten();
    let (allocated, free, max) = (next()?, next()?, next()?);
    let Some(open) = allocated.checked_sub(free) else {
        report.note(Status::Malformed, format_args!("more free than allocated: {}", excerpt(line)));
        return None;
    };
    Some((open, max))
}

fn parse_entropy(bytes: &[u8], _: &mut Report) -> Option<u64> {
    number(bytes.trim_ascii())
}

#[cfg(test)]
mod tests {
    use procfs::FromBufReadSI;

    use super::*;

    #[test]
    fn the_first_number_of_a_long_line_is_the_sum() {
        let text =
            b"cpu 1 2 3 4\nintr 170197 0 0 7\nctxt 5\nbtime 9\nprocesses 3\nsoftirq 116635 0 4\n";
        let mut report = Report::default();
        let system = parse(text, &mut report).unwrap();
        assert!(report.is_clean());
        assert_eq!((system.interrupts, system.softirqs), (Some(170_197), Some(116_635)));
        assert_eq!(system.procs_running, None);
    }

    #[test]
    fn a_bad_line_costs_one_value() {
        let mut report = Report::default();
        let system = parse(b"ctxt x\nbtime 9\nprocesses\nprocs_running 1\n", &mut report).unwrap();
        assert_eq!((system.boot_time_s, system.context_switches), (Some(9), None));
        let (status, error) = report.close(true);
        assert_eq!(status, Status::Partial);
        assert!(error.contains("\"ctxt x\"") && error.contains("no processes"), "{error}");
    }

    #[test]
    fn file_handles_are_allocated_less_free() {
        assert_eq!(
            parse_file_nr(b"384\t4\t2466170\n", &mut Report::default()),
            Some((380, 2_466_170))
        );
        for bad in [&b""[..], b"1 2", b"x 0 1", b"3 4 5"] {
            assert_eq!(parse_file_nr(bad, &mut Report::default()), None, "{bad:?}");
        }
    }

    #[test]
    fn agrees_with_procfs_on_this_machine() {
        let bytes = std::fs::read("/proc/stat").unwrap();
        let info = procfs::ExplicitSystemInfo {
            boot_time_secs: 0,
            ticks_per_second: 100,
            page_size: 4096,
            is_little_endian: true,
        };
        let theirs = procfs::KernelStats::from_buf_read(&bytes[..], &info).unwrap();
        let ours = parse(&bytes, &mut Report::default()).unwrap();
        assert_eq!(
            (ours.context_switches, ours.boot_time_s, ours.forks),
            (Some(theirs.ctxt), Some(theirs.btime), Some(theirs.processes))
        );
        assert_eq!(ours.procs_running, theirs.procs_running.map(u64::from));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            parse(&bytes, &mut Report::default());
            parse_file_nr(&bytes, &mut Report::default());
            parse_entropy(&bytes, &mut Report::default());
        }
    }
}
