//! Load: `<proc>/loadavg` (proc_loadavg(5)), one line that is one statement: read by the procfs
//! crate, all of it or nothing.

use procfs::{FromRead, LoadAverage};
use roundsman_proto::v1::{self, Status};

use super::{
    reading::{Need, Reading},
    report::Report,
    source::Source,
};

/// Reads the family.
pub fn collect(reading: &mut Reading<'_>, report: &mut Report) -> Option<v1::Load> {
    reading.parse(Source::Loadavg, Need::Required, report, parse)
}

/// The values in `<proc>/loadavg`.
pub fn parse(bytes: &[u8], report: &mut Report) -> Option<v1::Load> {
    let Ok(load) = LoadAverage::from_read(bytes) else {
        report.malformed(bytes.trim_ascii());
        return None;
    };
    let [load1, load5, load15] = [load.one, load.five, load.fifteen].map(hundredths);
    if load1.is_none() || load5.is_none() || load15.is_none() {
        report.note(Status::Malformed, "a load that is no number");
    }
    Some(v1::Load {
        load1_hundredths: load1,
        load5_hundredths: load5,
        load15_hundredths: load15,
        runnable_tasks: Some(load.cur),
        total_tasks: Some(load.max),
    })
}

/// The crate reads the two decimals into an `f32`, which is exact to a hundredth up to 131,072.
fn hundredths(load: f32) -> Option<u32> {
    let hundredths = (f64::from(load) * 100.0).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the guard keeps it within u32"
    )]
    (0.0..=f64::from(u32::MAX)).contains(&hundredths).then_some(hundredths as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::scan;

    #[test]
    fn two_decimals_are_kept_exactly() {
        let load = parse(b"0.29 12.07 99999.99 3/456 7890\n", &mut Report::default()).unwrap();
        assert_eq!(
            [load.load1_hundredths, load.load5_hundredths, load.load15_hundredths],
            [Some(29), Some(1207), Some(9_999_999)]
        );
        assert_eq!((load.runnable_tasks, load.total_tasks), (Some(3), Some(456)));
    }

    #[test]
    fn what_is_no_load_is_not_sent() {
        for bad in ["", "0.1", "a b c 1/2 3", "0.1 0.2 0.3 12 4", "0.1 0.2 0.3 1/-2 4"] {
            assert_eq!(parse(bad.as_bytes(), &mut Report::default()), None, "{bad}");
        }
        let load = parse(b"nan inf -1 1/2 3", &mut Report::default()).unwrap();
        assert_eq!((load.load1_hundredths, load.load5_hundredths), (None, None));
        assert_eq!(load.load15_hundredths, None);
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_whole_numbers(cents in 0u32..10_000_000, bytes: Vec<u8>) {
            let text = format!("{}.{:02}", cents / 100, cents % 100);
            let line = format!("{text} {text} {text} 1/2 3\n");
            let load = parse(line.as_bytes(), &mut Report::default()).unwrap();
            assert_eq!(load.load1_hundredths, scan::hundredths(text.as_bytes()));
            parse(&bytes, &mut Report::default());
        }
    }
}
