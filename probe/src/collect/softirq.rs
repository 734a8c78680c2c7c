//! Soft interrupts: `<proc>/softirqs` (proc_softirqs(5), since 2.6.31). A column per possible CPU, a line per vector.

use std::collections::HashSet;

use roundsman_proto::v1::{self, Status};

use super::{
    reading::{Need, Reading},
    report::Report,
    scan::{lines, number, number32, split_once, words},
    source::Source,
};

/// Most cores in one answer; Linux itself is built for at most 8,192.
const MAX_CORES: usize = 8_192;

/// Reads the family.
pub fn collect(reading: &mut Reading<'_>, report: &mut Report) -> Option<v1::Softirq> {
    reading.parse(Source::Softirqs, Need::Required, report, parse)
}

/// The values in `<proc>/softirqs`.
pub fn parse(bytes: &[u8], report: &mut Report) -> Option<v1::Softirq> {
    let mut lines = lines(bytes);
    let header = lines.next()?;
    let places = cores(header, report);
    let core: Vec<u32> = places.iter().copied().flatten().collect();
    if core.is_empty() {
        return None;
    }
    let mut softirq = v1::Softirq { core, ..v1::Softirq::default() };
    let mut any = false;
    for line in lines {
        let Some((name, rest)) = split_once(line, b':') else { continue };
        let Some(column) = vector(&mut softirq, name.trim_ascii()) else { continue };
        let mut counts = Vec::with_capacity(places.len());
        counts.extend(words(rest).map_while(number));
        if counts.len() == places.len() {
            let mut place = places.iter();
            counts.retain(|_| place.next().is_some_and(Option::is_some));
            *column = counts;
            any = true;
        } else {
            report.malformed(line.trim_ascii());
        }
    }
    any.then_some(softirq)
}

/// The cores of the header "CPU0 CPU1", by their place in each line; none where a place is left out:
/// it is no core's, or the core has another, or it is past the limit.
fn cores(header: &[u8], report: &mut Report) -> Vec<Option<u32>> {
    let mut seen = HashSet::new();
    let mut cut = 0usize;
    let mut core = |word: &[u8]| {
        let Some(core) = word.strip_prefix(b"CPU").and_then(number32) else {
            report.malformed(word);
            return None;
        };
        if seen.len() == MAX_CORES {
            cut += 1;
            return None;
        }
        if !seen.insert(core) {
            report.note(Status::Malformed, format_args!("cores: {core} is there twice"));
            return None;
        }
        Some(core)
    };
    let cores = words(header).map(&mut core).collect();
    if cut > 0 {
        report.note(Status::Partial, format_args!("{cut} cores past the limit of {MAX_CORES}"));
    }
    cores
}

/// The column of a vector.
fn vector<'a>(softirq: &'a mut v1::Softirq, name: &[u8]) -> Option<&'a mut Vec<u64>> {
    Some(match name {
        b"HI" => &mut softirq.hi,
        b"TIMER" => &mut softirq.timer,
        b"NET_TX" => &mut softirq.net_tx,
        b"NET_RX" => &mut softirq.net_rx,
        b"BLOCK" => &mut softirq.block,
        // Renamed in 4.5.
        b"IRQ_POLL" | b"BLOCK_IOPOLL" => &mut softirq.irq_poll,
        b"TASKLET" => &mut softirq.tasklet,
        b"SCHED" => &mut softirq.sched,
        b"HRTIMER" => &mut softirq.hrtimer,
        b"RCU" => &mut softirq.rcu,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_name_of_irq_poll_is_known() {
        let text = b"                CPU0       CPU1\nBLOCK_IOPOLL:          3          4\n";
        let softirq = parse(text, &mut Report::default()).unwrap();
        assert_eq!((softirq.core, softirq.irq_poll), (vec![0, 1], vec![3, 4]));
        assert_eq!(softirq.rcu, Vec::<u64>::new());
    }

    #[test]
    fn a_line_with_a_number_too_few_costs_one_vector() {
        let mut report = Report::default();
        let text = b"CPU0 CPU1\nHI: 1 2\nTIMER: 1\nRCU: 1 x\nSCHED: 3 4\nNEW: 1 2\n";
        let softirq = parse(text, &mut report).unwrap();
        assert_eq!((softirq.hi, softirq.sched), (vec![1, 2], vec![3, 4]));
        assert_eq!((softirq.timer.len(), softirq.rcu.len()), (0, 0));
        let (status, error) = report.close(true);
        assert_eq!(status, Status::Partial);
        assert_eq!(error, "not understood: \"TIMER: 1\"; not understood: \"RCU: 1 x\"");
    }

    #[test]
    fn a_bad_word_of_the_heading_costs_one_core() {
        let mut report = Report::default();
        let text = b"CPU0 CPx CPU2 CPU0 CPU3\nHI: 1 2 3 4 5\n";
        let softirq = parse(text, &mut report).unwrap();
        assert_eq!((softirq.core, softirq.hi), (vec![0, 2, 3], vec![1, 3, 5]));
        let (status, error) = report.close(true);
        assert_eq!(status, Status::Partial);
        assert_eq!(error, "not understood: \"CPx\"; cores: 0 is there twice");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_give_whole_columns(bytes: Vec<u8>, cores in 1usize..5, text in "(HI: [0-9 ]{0,12}\n){0,3}") {
            parse(&bytes, &mut Report::default());
            let header: String = (0..cores).map(|core| format!(" CPU{core}")).collect();
            let text = format!("{header}\n{text}");
            if let Some(softirq) = parse(text.as_bytes(), &mut Report::default()) {
                assert_eq!(softirq.hi.len(), softirq.core.len());
            }
        }
    }
}
