//! CPU: `<proc>/stat`, lines "cpu" and "cpuN" (proc_stat(5)). A CPU that is offline has no line, so
//! cores are known by their number, never by their position.

use roundsman_proto::v1;

use super::{
    reading::Reading,
    report::Report,
    scan::{lines, number32, numbers, split_once},
    table::{Rows, form},
};

/// Most cores in one answer; Linux itself is built for at most 8,192.
const MAX_CORES: usize = 8_192;
/// States in a line of a kernel since 2.6.33: user to guest_nice.
const STATES: usize = 10;
/// How many states kernels print: to idle, and since 2.5.41 iowait, 2.6.0 softirq, 2.6.11 steal,
/// 2.6.24 guest, 2.6.33 guest_nice.
const FORMS: [usize; 6] = [4, 5, 7, 8, 9, STATES];

/// Reads the family.
pub fn collect(reading: &mut Reading<'_>, report: &mut Report) -> Option<v1::Cpu> {
    reading.parse_stat(report, parse)
}

/// CPUs that are online: lines "cpuN".
#[must_use]
pub fn online(bytes: &[u8]) -> Option<u32> {
    let cores = cpu_lines(bytes).filter(|(name, _)| number32(name).is_some()).count();
    u32::try_from(cores).ok().filter(|cores| *cores > 0)
}

/// The values in `<proc>/stat`.
pub fn parse(bytes: &[u8], report: &mut Report) -> Option<v1::Cpu> {
    let mut total = None;
    let mut cores = Rows::new(MAX_CORES);
    for (name, values) in cpu_lines(bytes) {
        let mut cells = [0; STATES];
        let width = numbers(values, &mut cells).and_then(|width| form(width, &FORMS));
        match (width, number32(name)) {
            (Some(width), _) if name.is_empty() => total = Some(times(cells, width)),
            (Some(width), Some(core)) => cores.push(core, cells, width),
            _ => report.malformed(&[b"cpu", name, b" ", values].concat()),
        }
    }
    if total.is_none() && cores.is_empty() {
        return None;
    }
    if total.is_none() {
        report.missing("\"cpu\" line");
    }
    Some(v1::Cpu { total, cores: Some(columns(cores, report)) })
}

/// What follows "cpu" in its lines, and the rest. They stand at the beginning of the file.
fn cpu_lines(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines(bytes)
        .take_while(|line| !line.starts_with(b"intr"))
        .filter_map(|line| split_once(line.strip_prefix(b"cpu")?, b' '))
}

fn times(cells: [u64; STATES], width: usize) -> v1::CpuTimes {
    let state = |index: usize| (index < width).then(|| cells[index]);
    v1::CpuTimes {
        user: state(0),
        nice: state(1),
        system: state(2),
        idle: state(3),
        iowait: state(4),
        irq: state(5),
        softirq: state(6),
        steal: state(7),
        guest: state(8),
        guest_nice: state(9),
    }
}

fn columns(rows: Rows<u32, STATES>, report: &mut Report) -> v1::Cores {
    let (core, columns) = rows.settle("cores", report);
    let [user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice] = columns;
    v1::Cores { core, user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice }
}

#[cfg(test)]
mod tests {
    use procfs::FromBufReadSI;
    use roundsman_proto::v1::Status;

    use super::*;

    fn read(text: &str) -> (Option<v1::Cpu>, (Status, String)) {
        let mut report = Report::default();
        let cpu = parse(text.as_bytes(), &mut report);
        let any = cpu.is_some();
        (cpu, report.close(any))
    }

    #[test]
    fn an_offline_cpu_leaves_a_gap_and_moves_nobody() {
        let text = "cpu  9 0 0 9\ncpu0 1 0 0 1\ncpu2 8 0 0 8\nintr 5 0 0\n";
        let cores = read(text).0.unwrap().cores.unwrap();
        assert_eq!((cores.core, cores.user), (vec![0, 2], vec![1, 8]));
        assert_eq!(online(text.as_bytes()), Some(2));
    }

    #[test]
    fn states_that_an_old_kernel_lacks_are_absent() {
        let (cpu, (status, error)) = read("cpu  1 2 3 4 5 6 7 8\ncpu0 1 2 3 4 5 6 7 8\n");
        let cpu = cpu.unwrap();
        assert_eq!((status, error.as_str()), (Status::Ok, ""));
        assert_eq!((cpu.total.unwrap().steal, cpu.total.unwrap().guest), (Some(8), None));
        let cores = cpu.cores.unwrap();
        assert_eq!((cores.steal, cores.guest), (vec![8], vec![]));
    }

    #[test]
    fn a_bad_core_loses_no_other() {
        let (cpu, (status, error)) = read("cpu 9 9 9 9\ncpu0 1 x 1 1\ncpu1 2 2\ncpu2 3 3 3 3\n");
        assert_eq!(cpu.unwrap().cores.unwrap().core, [2]);
        assert_eq!(status, Status::Partial);
        assert_eq!(error, "not understood: \"cpu0 1 x 1 1\"; not understood: \"cpu1 2 2\"");
    }

    #[test]
    fn a_core_with_a_state_more_loses_no_other() {
        let (cpu, (status, error)) = read(
            "cpu 9 9 9 9 9 9 9\ncpu0 1 1 1 1 1 1 1\ncpu1 2 2 2 2 2 2 2 2\ncpu2 3 3 3 3 3 3 3\n\
             cpu2 4 4 4 4 4 4 4\n",
        );
        let cores = cpu.unwrap().cores.unwrap();
        assert_eq!(
            (cores.core, cores.softirq, cores.steal),
            (vec![0, 1, 2], vec![1, 2, 3], vec![])
        );
        assert_eq!(status, Status::Partial);
        assert_eq!(error, "cores: 1 has more numbers than most; cores: 2 is there twice");
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
        let mut report = Report::default();
        let ours = parse(&bytes, &mut report).unwrap();
        assert!(report.is_clean());
        let total = ours.total.unwrap();
        assert_eq!(
            (total.user, total.idle, total.steal, total.guest_nice),
            (
                Some(theirs.total.user),
                Some(theirs.total.idle),
                theirs.total.steal,
                theirs.total.guest_nice
            )
        );
        let cores = ours.cores.unwrap();
        let system: Vec<u64> = theirs.cpu_time.iter().map(|core| core.system).collect();
        assert_eq!(cores.system, system);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_give_whole_columns(bytes: Vec<u8>, tail in "(cpu[0-9]? [0-9 a]{0,30}\n){0,8}") {
            let mut all = tail.into_bytes();
            all.extend(bytes);
            if let Some(cores) = parse(&all, &mut Report::default()).and_then(|cpu| cpu.cores) {
                for column in [&cores.user, &cores.idle, &cores.steal, &cores.guest_nice] {
                    assert!(column.is_empty() || column.len() == cores.core.len());
                }
            }
        }
    }
}
