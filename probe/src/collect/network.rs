//! Interfaces: `<proc>/1/net/dev` (proc_net(5)), in the network namespace of the host's first
//! process. `<proc>/net/dev` would be the probe's own namespace and is never read.

use roundsman_proto::v1;

use super::{
    layer,
    reading::{Need, Reading},
    report::Report,
    scan::{lines, numbers, text},
    source::Source,
    table::Rows,
    wanted::{Names, Wanted},
};

/// Most interfaces in one answer.
const MAX_INTERFACES: usize = 2_048;
/// Numbers per interface: eight received, eight sent.
const COUNTERS: usize = 16;
/// How its two lines of heading begin, so that another file is not taken for an empty list.
const HEADER: [&[u8]; 2] = [b"Inter-|", b"face |"];

/// Reads the family.
pub fn collect(
    reading: &mut Reading<'_>,
    wanted: &Wanted,
    report: &mut Report,
) -> Option<v1::Network> {
    let parsed = reading.parse(Source::NetDev, Need::Required, report, |bytes, report| {
        parse(bytes, &wanted.interfaces, report)
    });
    parsed.map(|mut network| {
        network.layer = layer::of_interfaces(reading, &network.interface);
        network
    })
}

/// The values in `<proc>/1/net/dev`.
pub fn parse(bytes: &[u8], wanted: &Names, report: &mut Report) -> Option<v1::Network> {
    let mut lines = lines(bytes);
    for start in HEADER {
        lines.next().filter(|line| line.trim_ascii_start().starts_with(start))?;
    }
    let mut rows = Rows::<String, COUNTERS>::new(MAX_INTERFACES);
    for line in lines {
        // The last colon: names of aliases hold one ("eth0:1"), and old kernels print no space
        // between it and the first number.
        let Some(at) = line.iter().rposition(|byte| *byte == b':') else {
            report.malformed(line);
            continue;
        };
        let name = text(line[..at].trim_ascii());
        if !wanted.take(&name) {
            continue;
        }
        let mut cells = [0; COUNTERS];
        match numbers(&line[at + 1..], &mut cells) {
            Some(COUNTERS) if !name.is_empty() => rows.push(name, cells, COUNTERS),
            _ => report.malformed(line.trim_ascii()),
        }
    }
    Some(columns(rows, report))
}

fn columns(rows: Rows<String, COUNTERS>, report: &mut Report) -> v1::Network {
    let (interface, columns) = rows.settle("interfaces", report);
    let [
        rx_bytes,
        rx_packets,
        rx_errors,
        rx_dropped,
        rx_fifo,
        rx_frame,
        rx_compressed,
        rx_multicast,
        tx_bytes,
        tx_packets,
        tx_errors,
        tx_dropped,
        tx_fifo,
        tx_collisions,
        tx_carrier,
        tx_compressed,
    ] = columns;
    v1::Network {
        interface,
        rx_bytes,
        rx_packets,
        rx_errors,
        rx_dropped,
        rx_fifo,
        rx_frame,
        rx_compressed,
        rx_multicast,
        tx_bytes,
        tx_packets,
        tx_errors,
        tx_dropped,
        tx_fifo,
        tx_collisions,
        tx_carrier,
        tx_compressed,
        layer: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use procfs::FromBufRead;
    use roundsman_proto::v1::Status;

    use super::*;

    const HEADING: &str = "Inter-| Receive | Transmit\n face |bytes |bytes\n";

    #[test]
    fn an_alias_and_a_missing_space_are_understood() {
        let text = format!("{HEADING}  eth0:1:12345 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n");
        let network = parse(text.as_bytes(), &Names::default(), &mut Report::default()).unwrap();
        assert_eq!(network.interface, ["eth0:1"]);
        assert_eq!((network.rx_bytes, network.tx_compressed), (vec![12345], vec![16]));
    }

    #[test]
    fn a_bad_line_costs_one_interface() {
        let mut report = Report::default();
        let text = format!("{HEADING}lo: 1 2 3\n eth0: 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7\nrubbish\n");
        let network = parse(text.as_bytes(), &Names::default(), &mut report).unwrap();
        assert_eq!(network.interface, ["eth0"]);
        let (status, error) = report.close(true);
        assert_eq!(status, Status::Partial);
        assert_eq!(error, "not understood: \"lo: 1 2 3\"; not understood: \"rubbish\"");
    }

    #[test]
    fn another_file_is_not_an_empty_list() {
        for bad in ["rubbish\n", "a|b\nc|d\n", "Inter-| Receive\n"] {
            assert_eq!(parse(bad.as_bytes(), &Names::default(), &mut Report::default()), None);
        }
    }

    #[test]
    fn agrees_with_procfs_on_this_machine() {
        let bytes = std::fs::read("/proc/1/net/dev").unwrap();
        let theirs = procfs::net::InterfaceDeviceStatus::from_buf_read(&bytes[..]).unwrap().0;
        let mut report = Report::default();
        let ours = parse(&bytes, &Names::default(), &mut report).unwrap();
        assert!(report.is_clean());
        assert_eq!(ours.interface.len(), theirs.len());
        for (row, name) in ours.interface.iter().enumerate() {
            let their = &theirs[name];
            assert_eq!(ours.rx_bytes[row], their.recv_bytes, "{name}");
            assert_eq!(ours.rx_multicast[row], their.recv_multicast, "{name}");
            assert_eq!(ours.tx_bytes[row], their.sent_bytes, "{name}");
            assert_eq!(ours.tx_carrier[row], their.sent_carrier, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>, line in "[a-z0:]{0,6}: ?[0-9 ]{0,60}\n") {
            parse(&bytes, &Names::default(), &mut Report::default());
            let text = format!("{HEADING}{line}");
            let network = parse(text.as_bytes(), &Names::default(), &mut Report::default()).unwrap();
            assert_eq!(network.interface.len(), network.tx_bytes.len());
        }
    }
}
