//! Block devices: `<proc>/diskstats` (Documentation/admin-guide/iostats.rst). 14 columns, 18 since
//! 4.18 (discards), 20 since 5.5 (flushes); a machine without block devices has an empty file.

use std::{fmt::Display, hash::Hash};

use roundsman_proto::v1;

use super::{
    layer,
    reading::{Need, Reading},
    report::Report,
    scan::{lines, number, number32, text, words},
    source::Source,
    table::{Key, Rows, form},
    wanted::{Names, Wanted},
};

/// Most devices in one answer.
const MAX_DEVICES: usize = 4_096;
/// Numbers after the name, since 5.5.
const COUNTERS: usize = 17;
/// How many numbers kernels print after the name: since 2.6.25, 4.18 (discards), 5.5 (flushes).
const FORMS: [usize; 3] = [11, 15, COUNTERS];

/// Reads the family.
pub fn collect(
    reading: &mut Reading<'_>,
    wanted: &Wanted,
    report: &mut Report,
) -> Option<v1::Disk> {
    let parsed = reading.parse(Source::Diskstats, Need::Required, report, |bytes, report| {
        parse(bytes, &wanted.devices, report)
    });
    parsed.map(|mut disk| {
        disk.layer = layer::of_disks(reading, &disk);
        disk
    })
}

struct Device {
    name: String,
    major: u32,
    minor: u32,
}

impl Key for Device {
    fn id(&self) -> impl Hash + Eq + Display {
        self.name.as_str()
    }

    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }
}

/// The values in `<proc>/diskstats`.
pub fn parse(bytes: &[u8], wanted: &Names, report: &mut Report) -> Option<v1::Disk> {
    let mut rows = Rows::<Device, COUNTERS>::new(MAX_DEVICES);
    let mut understood = bytes.is_empty();
    for line in lines(bytes) {
        let mut words = words(line);
        let (major, minor, name) = (words.next(), words.next(), words.next());
        let (Some(major), Some(minor), Some(name)) =
            (major.and_then(number32), minor.and_then(number32), name.map(text))
        else {
            report.malformed(line);
            continue;
        };
        if !wanted.take(&name) {
            understood = true;
            continue;
        }
        let mut cells = [0; COUNTERS];
        let mut width = 0;
        for (cell, value) in cells.iter_mut().zip(words.map_while(number)) {
            *cell = value;
            width += 1;
        }
        let Some(width) = form(width, &FORMS) else {
            report.malformed(line.trim_ascii());
            continue;
        };
        understood = true;
        rows.push(Device { name, major, minor }, cells, width);
    }
    understood.then(|| columns(rows, report))
}

fn columns(rows: Rows<Device, COUNTERS>, report: &mut Report) -> v1::Disk {
    let (devices, columns) = rows.settle("devices", report);
    let major = devices.iter().map(|device| device.major).collect();
    let minor = devices.iter().map(|device| device.minor).collect();
    let device = devices.into_iter().map(|device| device.name).collect();
    let [
        reads,
        reads_merged,
        read_sectors,
        read_ms,
        writes,
        writes_merged,
        written_sectors,
        write_ms,
        in_flight,
        io_ms,
        weighted_io_ms,
        discards,
        discards_merged,
        discarded_sectors,
        discard_ms,
        flushes,
        flush_ms,
    ] = columns;
    v1::Disk {
        device,
        major,
        minor,
        reads,
        reads_merged,
        read_sectors,
        read_ms,
        writes,
        writes_merged,
        written_sectors,
        write_ms,
        in_flight,
        io_ms,
        weighted_io_ms,
        discards,
        discards_merged,
        discarded_sectors,
        discard_ms,
        flushes,
        flush_ms,
        layer: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use procfs::FromBufRead;
    use roundsman_proto::v1::Status;

    use super::*;

    fn read(text: &str) -> (v1::Disk, (Status, String)) {
        let mut report = Report::default();
        let disk = parse(text.as_bytes(), &Names::default(), &mut report).unwrap();
        (disk, report.close(true))
    }

    #[test]
    fn fourteen_eighteen_and_twenty_columns() {
        let numbers: Vec<String> = (1..=17).map(|number| number.to_string()).collect();
        // Between two forms a line was cut off, or has what no kernel prints.
        for (width, discards, flushes) in
            [(11, 0, 0), (14, 0, 0), (15, 1, 0), (16, 1, 0), (17, 1, 1)]
        {
            let text = format!("   8       0 sda {}\n", numbers[..width].join(" "));
            let (disk, (status, _)) = read(&text);
            assert_eq!(status, Status::Ok);
            assert_eq!((disk.major[0], disk.minor[0], disk.device[0].as_str()), (8, 0, "sda"));
            assert_eq!((disk.reads[0], disk.weighted_io_ms[0]), (1, 11));
            assert_eq!((disk.discards.len(), disk.flushes.len()), (discards, flushes));
        }
    }

    #[test]
    fn a_bad_line_costs_one_device() {
        let (disk, (status, error)) =
            read("8 0 sda 1 2 3\n8 16 sdb 1 2 3 4 5 6 7 8 9 10 11\nx y sdc 1\n");
        assert_eq!(disk.device, ["sdb"]);
        assert_eq!(status, Status::Partial);
        assert!(error.contains("8 0 sda 1 2 3") && error.contains("x y sdc 1"), "{error}");
    }

    /// A driver that prints one more column, and kernels before 2.6.25, whose partitions have four.
    #[test]
    fn a_line_of_another_width_costs_no_other_device() {
        let numbers: Vec<String> = (1..=17).map(|number| number.to_string()).collect();
        let line =
            |name: &str, width: usize| format!("8 0 {name} {}\n", numbers[..width].join(" "));
        let text = line("sda", 11) + &line("sdb", 15) + &line("sdc", 12) + &line("sdc1", 4);
        let (disk, (status, error)) = read(&text);
        assert_eq!(disk.device, ["sda", "sdb", "sdc"]);
        assert_eq!((disk.weighted_io_ms, disk.discards), (vec![11, 11, 11], vec![]));
        assert_eq!(status, Status::Partial);
        for part in ["devices: sdb has more numbers than most", "8 0 sdc1 1 2 3 4"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_machine_without_disks_is_no_fault_and_rubbish_is() {
        assert_eq!(read("").1.0, Status::Ok);
        assert_eq!(parse(b"rubbish\n", &Names::default(), &mut Report::default()), None);
    }

    #[test]
    fn agrees_with_procfs_on_this_machine() {
        let bytes = std::fs::read("/proc/diskstats").unwrap();
        let theirs = procfs::DiskStats::from_buf_read(&bytes[..]).unwrap().0;
        let mut report = Report::default();
        let ours = parse(&bytes, &Names::default(), &mut report).unwrap();
        assert!(report.is_clean());
        assert_eq!(ours.device.len(), theirs.len());
        for (row, their) in theirs.iter().enumerate() {
            assert_eq!(ours.device[row], their.name);
            assert_eq!(ours.read_sectors[row], their.sectors_read);
            assert_eq!(ours.written_sectors[row], their.sectors_written);
            assert_eq!(ours.weighted_io_ms[row], their.weighted_time_in_progress);
            assert_eq!(ours.flush_ms.get(row).copied(), their.time_flushing);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_give_whole_columns(bytes: Vec<u8>, text in "(8 [0-9]{1,2} sd[a-z] [0-9 ]{0,50}\n){0,6}") {
            parse(&bytes, &Names::default(), &mut Report::default());
            if let Some(disk) = parse(text.as_bytes(), &Names::default(), &mut Report::default()) {
                for column in [&disk.reads, &disk.io_ms, &disk.discards, &disk.flush_ms] {
                    assert!(column.is_empty() || column.len() == disk.device.len());
                }
            }
        }
    }
}
