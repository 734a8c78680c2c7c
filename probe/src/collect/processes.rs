//! Processes: `<proc>/<pid>/stat` of all (proc_pid_stat(5)), counted by state, and the largest by
//! name. Off by default: 12 us per process. Never the arguments, which may hold secrets.

use std::time::Instant;

use procfs::{FromRead, process::Stat};
use roundsman_proto::v1::{self, Status};
use rustix::io::Errno;

use super::{
    host::{status, words},
    reading::Reading,
    report::Report,
    scan::{number32, split_once, text},
};
use crate::{clock, root::Place};

/// Most processes that are read.
const MAX_PROCESSES: usize = 65_536;
/// What everybody may read of process 1, unless processes of others are hidden.
const FIRST_STAT: Place = Place::Proc("1/stat");
/// How many processes are read between two looks at the clock.
const CLOCK_EVERY: usize = 32;
/// The command name's length in the kernel, without its end (TASK_COMM_LEN), bytes. What `stat` shows
/// of a kernel's worker is longer.
const COMM_BYTES: usize = 15;

/// Reads the family; what is left at `until` is not read.
pub fn collect(
    reading: &Reading<'_>,
    top: usize,
    until: Instant,
    report: &mut Report,
) -> Option<v1::Processes> {
    let host = reading.host();
    // Those of one user would pass for all.
    if let Err(fault) = host.shows_processes() {
        report.note(fault.status, fault.text);
        return None;
    }
    // In order, so that what is noted first is the same each time.
    let mut pids: Vec<u32> = match host.processes() {
        Ok(pids) => pids.take(MAX_PROCESSES + 1).collect(),
        Err(errno) => {
            let dir = host.root().proc_dir().display();
            report.note(status(errno), format_args!("{dir}: {}", words(errno)));
            return None;
        }
    };
    pids.sort_unstable();
    let mut processes = v1::Processes::default();
    let mut largest = Largest::new(top);
    let mut buffer = Vec::new();
    let path = |pid| host.root().process(pid).display().to_string();
    let (mut read, mut understood) = (0, 0);
    for pid in pids {
        if read == MAX_PROCESSES {
            report.note(Status::Partial, format_args!("more than {MAX_PROCESSES} processes"));
            break;
        }
        if read % CLOCK_EVERY == 0 && clock::now() >= until {
            // Counts of some of the processes would pass for counts of all.
            report.note(Status::Timeout, format_args!("not ready in time: {read} processes read"));
            return None;
        }
        read += 1;
        match host.read_process(pid, &mut buffer) {
            Ok(()) => match parse(&buffer) {
                Some(stat) => {
                    add(&mut processes, &mut largest, &stat);
                    understood += 1;
                }
                None => {
                    report.note(Status::Malformed, format_args!("{}: not understood", path(pid)));
                }
            },
            // It has ended since the directory was listed.
            Err(Errno::NOENT | Errno::SRCH) => {}
            // With hidepid=1 all are listed, and those of others cannot be read.
            Err(errno) if pid == 1 && status(errno) == Status::Denied => {
                let fault = host.fault(FIRST_STAT, errno);
                report.note(fault.status, fault.text);
                return None;
            }
            Err(errno) => {
                report.note(status(errno), format_args!("{}: {}", path(pid), words(errno)));
            }
        }
    }
    processes.top = largest.finish();
    if understood == 0 {
        let dir = host.root().proc_dir().display();
        report.note(Status::Absent, format_args!("{dir}: no process to be seen"));
        return None;
    }
    Some(processes)
}

/// One process. The procfs crate panics on lines that are cut off before or inside the name, so
/// their form is checked first.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Stat> {
    let (pid, rest) = split_once(bytes, b'(')?;
    number32(pid.strip_suffix(b" ")?)?;
    let end = rest.iter().rposition(|byte| *byte == b')')?;
    match &rest[end + 1..] {
        [b' ', state, after @ ..] if state.is_ascii_alphabetic() && after.is_ascii() => {
            let mut stat = Stat::from_read(bytes).ok()?;
            stat.comm = text(&rest[..end.min(COMM_BYTES)]);
            Some(stat)
        }
        _ => None,
    }
}

fn add(processes: &mut v1::Processes, largest: &mut Largest, stat: &Stat) {
    let count = match stat.state {
        'R' => &mut processes.running,
        'S' => &mut processes.sleeping,
        'D' => &mut processes.uninterruptible,
        'Z' => &mut processes.zombie,
        'T' | 't' => &mut processes.stopped,
        'I' => &mut processes.idle,
        _ => &mut processes.other,
    };
    *count = count.saturating_add(1);
    let threads = u32::try_from(stat.num_threads).unwrap_or(0);
    processes.threads = processes.threads.saturating_add(threads);
    largest.offer(stat, threads);
}

/// The largest by each of two measures, in bounded memory.
#[derive(Debug)]
struct Largest {
    keep: usize,
    by_cpu: Vec<v1::Process>,
    by_memory: Vec<v1::Process>,
}

fn cpu(process: &v1::Process) -> u64 {
    process.user_ticks.saturating_add(process.system_ticks)
}

fn memory(process: &v1::Process) -> u64 {
    process.rss_pages
}

impl Largest {
    fn new(keep: usize) -> Self {
        Self { keep, by_cpu: Vec::new(), by_memory: Vec::new() }
    }

    fn offer(&mut self, stat: &Stat, threads: u32) {
        if self.keep == 0 {
            return;
        }
        let process = v1::Process {
            pid: u32::try_from(stat.pid).unwrap_or(0),
            comm: stat.comm.clone(),
            state: stat.state.to_string(),
            user_ticks: stat.utime,
            system_ticks: stat.stime,
            rss_pages: stat.rss,
            start_ticks: stat.starttime,
            threads,
        };
        Self::put(&mut self.by_memory, self.keep, process.clone(), memory);
        Self::put(&mut self.by_cpu, self.keep, process, cpu);
    }

    fn put(
        list: &mut Vec<v1::Process>,
        keep: usize,
        process: v1::Process,
        by: fn(&v1::Process) -> u64,
    ) {
        list.push(process);
        if list.len() >= 2 * keep {
            Self::trim(list, keep, by);
        }
    }

    /// The largest first; of equals the lower pid.
    fn trim(list: &mut Vec<v1::Process>, keep: usize, by: fn(&v1::Process) -> u64) {
        list.sort_unstable_by_key(|process| (std::cmp::Reverse(by(process)), process.pid));
        list.truncate(keep);
    }

    /// By CPU, then by memory, no process twice.
    fn finish(mut self) -> Vec<v1::Process> {
        Self::trim(&mut self.by_cpu, self.keep, cpu);
        Self::trim(&mut self.by_memory, self.keep, memory);
        let mut top = self.by_cpu;
        for process in self.by_memory {
            if top.iter().all(|known| known.pid != process.pid) {
                top.push(process);
            }
        }
        top
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(pid: u32, comm: &str, state: char, ticks: u64, rss: u64) -> String {
        format!(
            "{pid} ({comm}) {state} 1 1 1 0 -1 4194560 0 0 0 0 {ticks} 0 0 0 20 0 3 0 24 0 {rss} \
             18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0\n"
        )
    }

    #[test]
    fn a_name_with_brackets_and_spaces_is_one_name() {
        let stat = parse(line(42, "a) S (b c", 'D', 7, 9).as_bytes()).unwrap();
        assert_eq!((stat.pid, stat.comm.as_str(), stat.state), (42, "a) S (b c", 'D'));
        assert_eq!((stat.utime, stat.rss, stat.num_threads), (7, 9, 3));
    }

    #[test]
    fn a_name_of_any_bytes_is_sent_within_its_limit() {
        let named = |name: &[u8]| {
            let line = line(42, "NAME", 'S', 1, 1).into_bytes();
            let at = line.iter().position(|byte| *byte == b'N').unwrap();
            parse(&[&line[..at], name, &line[at + 4..]].concat()).unwrap().comm
        };
        assert_eq!(named(b"\xE4\\)"), "\\xE4\\\\)");
        assert_eq!(named(b"kworker/u16:3+events_unbound"), "kworker/u16:3+e");
        assert_eq!(named(&[0xFF; 64]), "\\xFF".repeat(COMM_BYTES));
    }

    #[test]
    fn a_line_that_is_cut_off_is_refused() {
        let whole = line(42, "sh", 'S', 1, 1);
        // What stands behind the resident memory is not needed.
        let needed = whole.find("18446744073709551615").unwrap();
        for end in 0..whole.len() {
            let cut = parse(&whole.as_bytes()[..end]);
            assert!(cut.is_none() || end >= needed, "{end}: {cut:?}");
        }
    }

    #[test]
    fn the_largest_by_cpu_then_by_memory_and_none_twice() {
        let mut processes = v1::Processes::default();
        let mut largest = Largest::new(2);
        for pid in 1..=50u32 {
            let (ticks, rss) = (u64::from(pid % 7), u64::from(pid));
            let stat = parse(line(pid, "p", 'S', ticks, rss).as_bytes()).unwrap();
            add(&mut processes, &mut largest, &stat);
        }
        let pids: Vec<u32> = largest.finish().iter().map(|process| process.pid).collect();
        assert_eq!(pids, [6, 13, 50, 49]);
        assert_eq!((processes.sleeping, processes.threads), (50, 150));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(
            bytes: Vec<u8>,
            head in "[0-9 ]{0,3}",
            name: Vec<u8>,
            tail in "[) ]{0,3}[A-Z]? ?[0-9 -]{0,200}",
        ) {
            let _ = parse(&bytes);
            let _ = parse(&[head.as_bytes(), b"(", &name[..], tail.as_bytes()].concat());
        }
    }
}
