//! Sockets and TCP/UDP: `<proc>/1/net/{sockstat,sockstat6,snmp,snmp6,netstat}` (proc_net(5), RFC
//! 4022, RFC 4113), and the connections that netfilter tracks
//! (Documentation/networking/nf_conntrack-sysctl.rst). The kernel counts TCP of both families in one place, UDP of each in its own. Never `net/tcp`, whose cost grows with the connections.

use roundsman_proto::v1;

use super::{
    reading::{Need, Reading},
    report::Report,
    scan::{lines, number, split_once, words},
    source::Source,
    wanted::Wanted,
};

/// Reads the family.
pub fn collect(
    reading: &mut Reading<'_>,
    wanted: &Wanted,
    report: &mut Report,
) -> Option<v1::Sockets> {
    let mut sockets = v1::Sockets::default();
    let mut any = false;
    let mut read = |source, need, parser: Parser| {
        let parse = |bytes: &[u8], report: &mut Report| parser(bytes, &mut sockets, report);
        any |= reading.parse(source, need, report, parse).is_some();
    };
    read(Source::Sockstat, Need::Required, parse_sockstat);
    // A kernel without IPv6 has neither of the second ones.
    read(Source::Sockstat6, Need::IfThere, parse_sockstat);
    read(Source::Snmp, Need::Required, parse_snmp);
    read(Source::Snmp6, Need::IfThere, parse_snmp6);
    if wanted.tcp_ext {
        read(Source::Netstat, Need::Required, parse_netstat);
    }
    // Not every host has the module.
    read(Source::Conntrack, Need::IfThere, parse_conntrack);
    // The limit is the machine's: there also where all of the above is hidden, and of no use alone.
    if sockets.conntrack_entries.is_some() {
        let parse = |bytes: &[u8], report: &mut Report| {
            sockets.conntrack_limit = Some(parse_conntrack_max(bytes, report)?);
            Some(())
        };
        reading.parse(Source::ConntrackMax, Need::IfThere, report, parse);
    }
    any.then_some(sockets)
}

type Parser = fn(&[u8], &mut v1::Sockets, &mut Report) -> Option<()>;

/// Lines "TCP: inuse 1 orphan 0": names and numbers in turn, in both sockstat files.
pub fn parse_sockstat(bytes: &[u8], sockets: &mut v1::Sockets, report: &mut Report) -> Option<()> {
    let mut any = false;
    for line in lines(bytes) {
        let Some((protocol, rest)) = split_once(line, b':') else {
            report.malformed(line);
            continue;
        };
        let mut words = words(rest);
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            if let Some(field) = sockstat_field(sockets, protocol, name) {
                any |= put(field, value, line, report);
            }
        }
    }
    any.then_some(())
}

fn sockstat_field<'a>(
    sockets: &'a mut v1::Sockets,
    protocol: &[u8],
    name: &[u8],
) -> Option<&'a mut Option<u64>> {
    Some(match (protocol, name) {
        (b"sockets", b"used") => &mut sockets.used,
        (b"TCP", b"inuse") => &mut sockets.tcp_in_use,
        (b"TCP", b"orphan") => &mut sockets.tcp_orphan,
        (b"TCP", b"tw") => &mut sockets.tcp_time_wait,
        (b"TCP", b"alloc") => &mut sockets.tcp_allocated,
        (b"TCP", b"mem") => &mut sockets.tcp_memory_pages,
        (b"UDP", b"inuse") => &mut sockets.udp_in_use,
        (b"UDP", b"mem") => &mut sockets.udp_memory_pages,
        (b"TCP6", b"inuse") => &mut sockets.tcp6_in_use,
        (b"UDP6", b"inuse") => &mut sockets.udp6_in_use,
        _ => return None,
    })
}

/// `snmp`: "Tcp:" and "Udp:".
pub fn parse_snmp(bytes: &[u8], sockets: &mut v1::Sockets, report: &mut Report) -> Option<()> {
    let tcp = pairs(bytes, b"Tcp", sockets, tcp_field, report);
    let udp = pairs(bytes, b"Udp", sockets, udp_field, report);
    if tcp.is_some() && udp.is_none() {
        report.missing("\"Udp:\" lines");
    }
    if tcp.is_none() && udp.is_some() {
        report.missing("\"Tcp:\" lines");
    }
    tcp.or(udp)
}

/// `snmp6`: a name and a number per line.
pub fn parse_snmp6(bytes: &[u8], sockets: &mut v1::Sockets, report: &mut Report) -> Option<()> {
    let (mut any, mut known) = (false, false);
    for line in lines(bytes) {
        let mut words = words(line);
        let Some(field) = words.next().and_then(|name| udp6_field(sockets, name)) else { continue };
        known = true;
        any |= put(field, words.next().unwrap_or_default(), line, report);
    }
    if !known {
        report.missing("\"Udp6\" lines");
    }
    any.then_some(())
}

/// `netstat`: "TcpExt:".
pub fn parse_netstat(bytes: &[u8], sockets: &mut v1::Sockets, report: &mut Report) -> Option<()> {
    pairs(bytes, b"TcpExt", sockets, tcp_ext_field, report)
}

/// `stat/nf_conntrack`: a line of names, then one of hexadecimal numbers for each CPU, of which the
/// entries are those of all.
pub fn parse_conntrack(bytes: &[u8], sockets: &mut v1::Sockets, report: &mut Report) -> Option<()> {
    let mut lines = lines(bytes);
    let place = words(lines.next()?).position(|name| name == b"entries")?;
    let line = lines.next()?;
    sockets.conntrack_entries = words(line).nth(place).and_then(hexadecimal);
    if sockets.conntrack_entries.is_none() {
        report.malformed(line);
    }
    sockets.conntrack_entries.map(drop)
}

fn hexadecimal(word: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(word).ok().filter(|word| !word.starts_with('+'))?;
    u64::from_str_radix(digits, 16).ok()
}

fn parse_conntrack_max(bytes: &[u8], _: &mut Report) -> Option<u64> {
    number(bytes.trim_ascii())
}

type Field = for<'a> fn(&'a mut v1::Sockets, &[u8]) -> Option<&'a mut Option<u64>>;

fn tcp_field<'a>(sockets: &'a mut v1::Sockets, name: &[u8]) -> Option<&'a mut Option<u64>> {
    Some(match name {
        b"CurrEstab" => &mut sockets.tcp_established,
        b"ActiveOpens" => &mut sockets.tcp_active_opens,
        b"PassiveOpens" => &mut sockets.tcp_passive_opens,
        b"AttemptFails" => &mut sockets.tcp_attempt_fails,
        b"EstabResets" => &mut sockets.tcp_established_resets,
        b"InSegs" => &mut sockets.tcp_in_segments,
        b"OutSegs" => &mut sockets.tcp_out_segments,
        b"RetransSegs" => &mut sockets.tcp_retransmitted_segments,
        b"InErrs" => &mut sockets.tcp_in_errors,
        b"OutRsts" => &mut sockets.tcp_out_resets,
        _ => return None,
    })
}

fn udp_field<'a>(sockets: &'a mut v1::Sockets, name: &[u8]) -> Option<&'a mut Option<u64>> {
    Some(match name {
        b"InDatagrams" => &mut sockets.udp_in_datagrams,
        b"OutDatagrams" => &mut sockets.udp_out_datagrams,
        b"NoPorts" => &mut sockets.udp_no_ports,
        b"InErrors" => &mut sockets.udp_in_errors,
        b"RcvbufErrors" => &mut sockets.udp_receive_buffer_errors,
        b"SndbufErrors" => &mut sockets.udp_send_buffer_errors,
        _ => return None,
    })
}

fn udp6_field<'a>(sockets: &'a mut v1::Sockets, name: &[u8]) -> Option<&'a mut Option<u64>> {
    Some(match name {
        b"Udp6InDatagrams" => &mut sockets.udp6_in_datagrams,
        b"Udp6OutDatagrams" => &mut sockets.udp6_out_datagrams,
        b"Udp6NoPorts" => &mut sockets.udp6_no_ports,
        b"Udp6InErrors" => &mut sockets.udp6_in_errors,
        b"Udp6RcvbufErrors" => &mut sockets.udp6_receive_buffer_errors,
        b"Udp6SndbufErrors" => &mut sockets.udp6_send_buffer_errors,
        _ => return None,
    })
}

fn tcp_ext_field<'a>(sockets: &'a mut v1::Sockets, name: &[u8]) -> Option<&'a mut Option<u64>> {
    Some(match name {
        b"ListenOverflows" => &mut sockets.tcp_listen_overflows,
        b"ListenDrops" => &mut sockets.tcp_listen_drops,
        b"TCPTimeouts" => &mut sockets.tcp_timeouts,
        b"TCPSynRetrans" => &mut sockets.tcp_syn_retransmits,
        _ => return None,
    })
}

/// A line of names and a line of numbers, both beginning with `protocol` and a colon. Kernels
/// differ in how many there are: each number is known by its name.
fn pairs(
    bytes: &[u8],
    protocol: &[u8],
    sockets: &mut v1::Sockets,
    field: Field,
    report: &mut Report,
) -> Option<()> {
    let mut of_protocol = lines(bytes)
        .filter_map(|line| line.strip_prefix(protocol).and_then(|rest| rest.strip_prefix(b":")));
    let (names, values) = (of_protocol.next()?, of_protocol.next()?);
    let mut values = words(values);
    let mut any = false;
    for name in words(names) {
        let Some(value) = values.next() else {
            report.note(
                v1::Status::Malformed,
                format_args!("fewer numbers than names for \"{}:\"", super::scan::text(protocol)),
            );
            break;
        };
        if let Some(field) = field(sockets, name) {
            any |= put(field, value, name, report);
        }
    }
    any.then_some(())
}

/// Whether the value is a number.
fn put(field: &mut Option<u64>, value: &[u8], line: &[u8], report: &mut Report) -> bool {
    *field = number(value);
    if field.is_none() {
        report.malformed(line);
    }
    field.is_some()
}

#[cfg(test)]
mod tests {
    use procfs::FromBufRead;
    use roundsman_proto::v1::Status;

    use super::*;

    fn read(parser: Parser, text: &str) -> (v1::Sockets, Option<()>, (Status, String)) {
        let (mut sockets, mut report) = (v1::Sockets::default(), Report::default());
        let any = parser(text.as_bytes(), &mut sockets, &mut report);
        (sockets, any, report.close(any.is_some()))
    }

    #[test]
    fn a_short_snmp_of_an_old_kernel_is_whole() {
        let text = "Tcp: ActiveOpens InSegs CurrEstab\nTcp: 5 7 2\nUdp: InDatagrams NoPorts\nUdp: 3 4\n\
                    UdpLite: InDatagrams\nUdpLite: 99\n";
        let (sockets, _, (status, error)) = read(parse_snmp, text);
        assert_eq!((status, error.as_str()), (Status::Ok, ""));
        assert_eq!((sockets.tcp_active_opens, sockets.tcp_established), (Some(5), Some(2)));
        assert_eq!((sockets.udp_in_datagrams, sockets.udp_no_ports), (Some(3), Some(4)));
        assert_eq!((sockets.tcp_out_resets, sockets.udp_receive_buffer_errors), (None, None));
    }

    #[test]
    fn a_bad_number_or_a_missing_one_costs_itself_only() {
        let text = "Tcp: MaxConn ActiveOpens InSegs InErrs\nTcp: -1 -5 7\nUdp: InDatagrams\n";
        let (sockets, _, (status, error)) = read(parse_snmp, text);
        assert_eq!((sockets.tcp_active_opens, sockets.tcp_in_segments), (None, Some(7)));
        assert_eq!(sockets.tcp_in_errors, None);
        assert_eq!(status, Status::Partial);
        for part in
            ["\"ActiveOpens\"", "fewer numbers than names for \"Tcp:\"", "no \"Udp:\" lines"]
        {
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(read(parse_snmp, "rubbish\n").1, None);
    }

    #[test]
    fn both_sockstat_files_have_one_form() {
        let text =
            "sockets: used 11\nTCP: inuse 1 orphan 2 tw 3 alloc 4 mem 150\nUDP: inuse 6 mem 7\n";
        let (sockets, ..) = read(parse_sockstat, text);
        assert_eq!((sockets.used, sockets.tcp_memory_pages), (Some(11), Some(150)));
        assert_eq!((sockets.udp_in_use, sockets.udp_memory_pages), (Some(6), Some(7)));
        let (sockets, ..) = read(parse_sockstat, "TCP6: inuse 8\nUDP6: inuse x\nFRAG6: inuse 0\n");
        assert_eq!((sockets.tcp6_in_use, sockets.udp6_in_use), (Some(8), None));
    }

    #[test]
    fn udp_over_ipv6_is_known_by_its_lines() {
        let text = "Ip6InReceives\t\t9\nUdp6InDatagrams                 \t5000\nUdp6NoPorts\t2\n\
                    UdpLite6InDatagrams\t7\n";
        let (sockets, _, (status, error)) = read(parse_snmp6, text);
        assert_eq!((status, error.as_str()), (Status::Ok, ""));
        assert_eq!((sockets.udp6_in_datagrams, sockets.udp6_no_ports), (Some(5_000), Some(2)));
        assert_eq!((sockets.udp6_receive_buffer_errors, sockets.udp_in_datagrams), (None, None));

        let (sockets, _, (status, error)) =
            read(parse_snmp6, "Udp6InDatagrams\nUdp6InErrors 3\nUdp6OutDatagrams -1\n");
        assert_eq!((sockets.udp6_in_datagrams, sockets.udp6_in_errors), (None, Some(3)));
        assert_eq!(status, Status::Partial);
        assert!(error.contains("Udp6InDatagrams") && error.contains("-1"), "{error}");
        let (_, any, (_, error)) = read(parse_snmp6, "Ip6InReceives 1\n");
        assert_eq!((any, error.as_str()), (None, "no \"Udp6\" lines"));
    }

    #[test]
    fn tracked_connections_are_those_of_the_first_line() {
        let text =
            "entries  clashres found new\n000001a3  00000000 00000007 00000000\n000001a3  0 9 0\n";
        let (sockets, _, (status, error)) = read(parse_conntrack, text);
        assert_eq!((status, error.as_str()), (Status::Ok, ""));
        assert_eq!(sockets.conntrack_entries, Some(419));
        for bad in [
            "",
            "entries found\n",
            "found\n01\n",
            "found entries\n01\n",
            "entries\n+1\n",
            "entries\nxy\n",
        ] {
            assert_eq!(read(parse_conntrack, bad).0, v1::Sockets::default(), "{bad}");
        }
        assert_eq!(parse_conntrack_max(b"262144\n", &mut Report::default()), Some(262_144));
    }

    #[test]
    fn agrees_with_procfs_on_this_machine() {
        let bytes = std::fs::read("/proc/1/net/snmp").unwrap();
        let theirs = procfs::net::Snmp::from_buf_read(&bytes[..]).unwrap();
        let (ours, _, (status, _)) = read(parse_snmp, std::str::from_utf8(&bytes).unwrap());
        assert_eq!(status, Status::Ok);
        assert_eq!(ours.tcp_active_opens, Some(theirs.tcp_active_opens));
        assert_eq!(ours.tcp_in_segments, Some(theirs.tcp_in_segs));
        assert_eq!(ours.tcp_out_resets, Some(theirs.tcp_out_rsts));
        assert_eq!(ours.udp_in_datagrams, Some(theirs.udp_in_datagrams));
        assert_eq!(ours.udp_send_buffer_errors, Some(theirs.udp_sndbuf_errors));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>, text in "(Tcp:( InSegs){0,2}\n){0,2}Tcp: [0-9 ]{0,9}\n") {
            let parsers = [
                parse_sockstat as Parser,
                parse_snmp,
                parse_snmp6,
                parse_netstat,
                parse_conntrack,
            ];
            for parser in parsers {
                let mut sockets = v1::Sockets::default();
                parser(&bytes, &mut sockets, &mut Report::default());
                parser(text.as_bytes(), &mut sockets, &mut Report::default());
            }
        }
    }
}
