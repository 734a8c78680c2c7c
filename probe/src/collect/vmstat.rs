//! Paging and reclaim: `<proc>/vmstat`. The names of its counters changed with the kernels: before
//! 4.8 reclaim was counted per zone, since 4.10 allocation stalls are.

use roundsman_proto::v1;

use super::{
    reading::{Need, Reading},
    report::Report,
    scan::{lines, number, split_once},
    source::Source,
};

/// Names of memory zones that end a counter's name: `pgscan_kswapd_normal`, `allocstall_movable`.
/// Other endings (`pgscan_direct_throttle`) are other counters.
const ZONES: &[&[u8]] = &[b"dma", b"dma32", b"normal", b"high", b"highmem", b"movable", b"device"];

/// Reads the family.
pub fn collect(reading: &mut Reading<'_>, report: &mut Report) -> Option<v1::Vmstat> {
    reading.parse(Source::Vmstat, Need::Required, report, parse)
}

/// The values in `<proc>/vmstat`.
pub fn parse(bytes: &[u8], report: &mut Report) -> Option<v1::Vmstat> {
    let mut vmstat = v1::Vmstat::default();
    // Sums over zones, used where there is no counter of the whole.
    let mut zoned = v1::Vmstat::default();
    for line in lines(bytes) {
        // The first letter rules out most of the some 200 lines.
        if !matches!(line[0], b'p' | b'a' | b'c' | b'o' | b'w') {
            continue;
        }
        let Some((key, word)) = split_once(line, b' ') else { continue };
        let (field, sum) = match field(&mut vmstat, key) {
            Some(field) => (field, false),
            None => match zone_field(&mut zoned, key) {
                Some(field) => (field, true),
                None => continue,
            },
        };
        match number(word.trim_ascii()) {
            Some(value) if sum => *field = Some(field.unwrap_or(0).wrapping_add(value)),
            Some(value) => *field = Some(value),
            None => report.malformed(line),
        }
    }
    for (whole, sum) in [
        (&mut vmstat.scanned_kswapd_pages, zoned.scanned_kswapd_pages),
        (&mut vmstat.scanned_direct_pages, zoned.scanned_direct_pages),
        (&mut vmstat.stolen_kswapd_pages, zoned.stolen_kswapd_pages),
        (&mut vmstat.stolen_direct_pages, zoned.stolen_direct_pages),
        (&mut vmstat.allocation_stalls, zoned.allocation_stalls),
    ] {
        *whole = whole.or(sum);
    }
    (vmstat != v1::Vmstat::default()).then_some(vmstat)
}

/// Where a counter goes.
#[rustfmt::skip]
fn field<'a>(vmstat: &'a mut v1::Vmstat, key: &[u8]) -> Option<&'a mut Option<u64>> {
    Some(match key {
        b"pgfault" => &mut vmstat.page_faults,
        b"pgmajfault" => &mut vmstat.major_page_faults,
        b"pgpgin" => &mut vmstat.paged_in_kib,
        b"pgpgout" => &mut vmstat.paged_out_kib,
        b"pswpin" => &mut vmstat.swapped_in_pages,
        b"pswpout" => &mut vmstat.swapped_out_pages,
        b"pgscan_kswapd" => &mut vmstat.scanned_kswapd_pages,
        b"pgscan_direct" => &mut vmstat.scanned_direct_pages,
        b"pgsteal_kswapd" => &mut vmstat.stolen_kswapd_pages,
        b"pgsteal_direct" => &mut vmstat.stolen_direct_pages,
        b"allocstall" => &mut vmstat.allocation_stalls,
        b"compact_stall" => &mut vmstat.compaction_stalls,
        b"oom_kill" => &mut vmstat.oom_kills,
        b"workingset_refault_anon" => &mut vmstat.refaults_anon_pages,
        b"workingset_refault_file" => &mut vmstat.refaults_file_pages,
        // Before 5.9 there was one counter, of file pages.
        b"workingset_refault" => &mut vmstat.refaults_file_pages,
        _ => return None,
    })
}

/// Where a counter of one zone is added.
fn zone_field<'a>(zoned: &'a mut v1::Vmstat, key: &[u8]) -> Option<&'a mut Option<u64>> {
    if !matches!(key.get(..6), Some(b"pgscan" | b"pgstea" | b"allocs")) {
        return None;
    }
    let at = key.iter().rposition(|byte| *byte == b'_')?;
    let (whole, zone) = (&key[..at], &key[at + 1..]);
    if !ZONES.contains(&zone) {
        return None;
    }
    Some(match whole {
        b"pgscan_kswapd" => &mut zoned.scanned_kswapd_pages,
        b"pgscan_direct" => &mut zoned.scanned_direct_pages,
        b"pgsteal_kswapd" => &mut zoned.stolen_kswapd_pages,
        b"pgsteal_direct" => &mut zoned.stolen_direct_pages,
        b"allocstall" => &mut zoned.allocation_stalls,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use procfs::FromBufRead;
    use roundsman_proto::v1::Status;

    use super::*;

    fn read(text: &str) -> v1::Vmstat {
        parse(text.as_bytes(), &mut Report::default()).unwrap()
    }

    #[test]
    fn before_4_8_zones_are_summed() {
        let vmstat = read(
            "pgscan_kswapd_dma 1\npgscan_kswapd_dma32 20\npgscan_kswapd_normal 300\n\
             pgscan_direct_normal 7\npgscan_direct_throttle 1000\npgsteal_kswapd_movable 4\n\
             pgsteal_dma 5\nallocstall 9\n",
        );
        assert_eq!(vmstat.scanned_kswapd_pages, Some(321));
        assert_eq!(vmstat.scanned_direct_pages, Some(7));
        assert_eq!((vmstat.stolen_kswapd_pages, vmstat.stolen_direct_pages), (Some(4), None));
        assert_eq!(vmstat.allocation_stalls, Some(9));
    }

    #[test]
    fn since_4_10_stalls_are_summed_and_the_whole_wins() {
        let vmstat =
            read("pgscan_kswapd 5\npgscan_kswapd_dma 1\nallocstall_dma 1\nallocstall_normal 2\n");
        assert_eq!((vmstat.scanned_kswapd_pages, vmstat.allocation_stalls), (Some(5), Some(3)));
        assert_eq!(read("workingset_refault 3\n").refaults_file_pages, Some(3));
    }

    #[test]
    fn a_bad_line_costs_one_value() {
        let mut report = Report::default();
        let vmstat = parse(b"pgfault x\npgmajfault 2\noom_kill\n", &mut report).unwrap();
        assert_eq!((vmstat.page_faults, vmstat.major_page_faults), (None, Some(2)));
        assert_eq!(report.close(true).0, Status::Partial);
    }

    #[test]
    fn agrees_with_procfs_on_this_machine() {
        let bytes = std::fs::read("/proc/vmstat").unwrap();
        let theirs = procfs::VmStat::from_buf_read(&bytes[..]).unwrap().0;
        let mut report = Report::default();
        let mut ours = parse(&bytes, &mut report).unwrap();
        assert!(report.is_clean());
        let mut compared = 0;
        for (key, value) in &theirs {
            if let Some(field) = field(&mut ours, key.as_bytes()) {
                assert_eq!(field.map(|ours| i64::try_from(ours).unwrap()), Some(*value), "{key}");
                compared += 1;
            }
        }
        assert!(compared >= 10, "only {compared} counters compared");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>, text in "(pgscan_kswapd|allocstall)_[a-z]{0,5} [0-9]{0,22}\n") {
            parse(&bytes, &mut Report::default());
            parse(text.as_bytes(), &mut Report::default());
        }
    }
}
