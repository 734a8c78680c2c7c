//! Pressure stall information: `<proc>/pressure/*` (Documentation/accounting/psi.rst, since 4.20).
//! Before 5.13 the file of the CPU has its "some" line only; kernels may be built or booted without.

use roundsman_proto::v1::{self, Status};

use super::{
    reading::{Need, Reading},
    report::Report,
    scan::{hundredths, lines, number, split_once, words},
    source::Source,
};

/// Reads the family.
pub fn collect(reading: &mut Reading<'_>, report: &mut Report) -> Option<v1::Pressure> {
    let mut read = |source| reading.parse(source, Need::IfThere, report, parse);
    let cpu = read(Source::PressureCpu);
    let memory = read(Source::PressureMemory);
    let io = read(Source::PressureIo);
    let irq = read(Source::PressureIrq);
    if cpu.is_none() && memory.is_none() && io.is_none() && irq.is_none() {
        if report.is_clean() {
            let path = reading.host().root().at(Source::PressureCpu.place());
            report.note(
                Status::Absent,
                format_args!("{}: no pressure stall information in this kernel", path.display()),
            );
        }
        return None;
    }
    let unsaid = report.is_clean();
    for (file, name) in [(&cpu, "cpu"), (&memory, "memory"), (&io, "io")] {
        if file.is_none() && unsaid {
            report.note(Status::Partial, format_args!("no pressure of {name}"));
        }
    }
    let (cpu, memory, io) =
        (cpu.unwrap_or_default(), memory.unwrap_or_default(), io.unwrap_or_default());
    Some(v1::Pressure {
        cpu_some: cpu.some,
        cpu_full: cpu.full,
        memory_some: memory.some,
        memory_full: memory.full,
        io_some: io.some,
        io_full: io.full,
        irq_full: irq.unwrap_or_default().full,
    })
}

/// One file: at least one of the two lines.
#[derive(Debug, Default, PartialEq)]
pub struct Stalls {
    some: Option<v1::PressureStall>,
    full: Option<v1::PressureStall>,
}

impl Stalls {
    /// How long some tasks, and all, were stalled, microseconds.
    #[must_use]
    pub fn totals_us(&self) -> (Option<u64>, Option<u64>) {
        let total = |stall: &Option<v1::PressureStall>| stall.as_ref().map(|stall| stall.total_us);
        (total(&self.some), total(&self.full))
    }
}

/// The values in one pressure file.
pub fn parse(bytes: &[u8], report: &mut Report) -> Option<Stalls> {
    let mut stalls = Stalls::default();
    for line in lines(bytes) {
        let Some((kind, rest)) = split_once(line, b' ') else {
            report.malformed(line);
            continue;
        };
        let field = match kind {
            b"some" => &mut stalls.some,
            b"full" => &mut stalls.full,
            _ => continue,
        };
        *field = stall(rest);
        if field.is_none() {
            report.malformed(line);
        }
    }
    (stalls != Stalls::default()).then_some(stalls)
}

/// All four numbers of a line, or nothing: a number that is not there cannot be 0 on the wire.
fn stall(rest: &[u8]) -> Option<v1::PressureStall> {
    let (mut avg10, mut avg60, mut avg300, mut total) = (None, None, None, None);
    for word in words(rest) {
        match split_once(word, b'=')? {
            (b"avg10", value) => avg10 = hundredths(value),
            (b"avg60", value) => avg60 = hundredths(value),
            (b"avg300", value) => avg300 = hundredths(value),
            (b"total", value) => total = number(value),
            _ => {}
        }
    }
    Some(v1::PressureStall {
        avg10_hundredths: avg10?,
        avg60_hundredths: avg60?,
        avg300_hundredths: avg300?,
        total_us: total?,
    })
}

#[cfg(test)]
mod tests {
    use procfs::FromBufRead;

    use super::*;

    const SOME: &str = "some avg10=1.53 avg60=0.87 avg300=0.73 total=8763829\n";

    /// The procfs crate loses the file of a kernel before 5.13.
    #[test]
    fn one_line_is_enough() {
        assert!(procfs::CpuPressure::from_buf_read(SOME.as_bytes()).is_err(), "no trap left");
        let mut report = Report::default();
        let stalls = parse(SOME.as_bytes(), &mut report).unwrap();
        assert!(report.is_clean());
        let some = stalls.some.unwrap();
        assert_eq!(
            (some.avg10_hundredths, some.avg60_hundredths, some.avg300_hundredths),
            (153, 87, 73)
        );
        assert_eq!((some.total_us, stalls.full), (8_763_829, None));
    }

    #[test]
    fn a_line_without_its_total_is_not_sent_with_zero() {
        let mut report = Report::default();
        let text = format!("full avg10=0.00 avg60=0.00 avg300=0.00\n{SOME}");
        let stalls = parse(text.as_bytes(), &mut report).unwrap();
        assert_eq!(stalls.full, None);
        assert!(stalls.some.is_some());
        assert_eq!(report.close(true).0, Status::Partial);
    }

    #[test]
    fn agrees_with_procfs_on_this_form() {
        let text = format!("{SOME}full avg10=0.25 avg60=99.99 avg300=100.00 total=5\n");
        let theirs = procfs::IoPressure::from_buf_read(text.as_bytes()).unwrap();
        let ours = parse(text.as_bytes(), &mut Report::default()).unwrap();
        for (ours, theirs) in [(ours.some.unwrap(), theirs.some), (ours.full.unwrap(), theirs.full)]
        {
            assert_eq!(ours.total_us, theirs.total);
            for (ours, theirs) in [
                (ours.avg10_hundredths, theirs.avg10),
                (ours.avg60_hundredths, theirs.avg60),
                (ours.avg300_hundredths, theirs.avg300),
            ] {
                assert!((f64::from(ours) / 100.0 - f64::from(theirs)).abs() < 1e-5);
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>, text in "(some|full) (avg10|total)=[0-9.]{0,12}( [a-z]{1,3}=?)?\n") {
            parse(&bytes, &mut Report::default());
            parse(text.as_bytes(), &mut Report::default());
        }
    }
}
