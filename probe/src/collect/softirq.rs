//! Soft interrupts: `<proc>/softirqs` (proc_softirqs(5), since 2.6.31). A column per possible CPU, a line per vector.

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
    let Some(mut core) = cores(header) else {
        report.malformed(header);
        return None;
    };
    let columns = core.len();
    if columns > MAX_CORES {
        let cut = columns - MAX_CORES;
        report.note(Status::Partial, format_args!("{cut} cores past the limit of {MAX_CORES}"));
        core.truncate(MAX_CORES);
    }
    let mut softirq = v1::Softirq { core, ..v1::Softirq::default() };
    let mut any = false;
    for line in lines {
        let Some((name, rest)) = split_once(line, b':') else { continue };
        let Some(column) = vector(&mut softirq, name.trim_ascii()) else { continue };
        let mut counts = Vec::with_capacity(columns);
        counts.extend(words(rest).map_while(number));
        if counts.len() == columns {
            counts.truncate(MAX_CORES);
            *column = counts;
            any = true;
        } else {
            report.malformed(line.trim_ascii());
        }
    }
    any.then_some(softirq)
}

/// Numbers of the header "CPU0 CPU1".
fn cores(header: &[u8]) -> Option<Vec<u32>> {
    let cores: Option<Vec<u32>> =
        words(header).map(|word| word.strip_prefix(b"CPU").and_then(number32)).collect();
    cores.filter(|cores| !cores.is_empty())
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
