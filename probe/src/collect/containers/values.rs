//! The files of a group into the fields of a container. Knows no path: bytes come in. A parser says
//! whether it understood every line; what it did not is absent.

use std::collections::HashMap;

use roundsman_proto::v1::Container;

use super::super::{
    pressure,
    report::Report,
    scan::{lines, number, number32, split_once, words},
};

/// `name number` in each line.
fn pairs(bytes: &[u8], mut take: impl FnMut(&[u8], u64)) -> bool {
    let mut understood = !bytes.is_empty();
    for line in lines(bytes) {
        match split_once(line, b' ').and_then(|(name, value)| Some((name, number(value)?))) {
            Some((name, value)) => take(name, value),
            None => understood = false,
        }
    }
    understood
}

/// `cpu.stat`.
pub fn cpu(bytes: &[u8], of: &mut Container) -> bool {
    pairs(bytes, |name, value| {
        let field = match name {
            b"usage_usec" => &mut of.cpu_usage_us,
            b"user_usec" => &mut of.cpu_user_us,
            b"system_usec" => &mut of.cpu_system_us,
            b"throttled_usec" => &mut of.throttled_us,
            b"nr_throttled" => &mut of.throttles,
            _ => return,
        };
        *field = Some(value);
    })
}

/// `memory.stat`, beside what `memory.current` said a moment before. The two are not of one moment:
/// what was given back between them must not make the rest less than nothing.
pub fn memory(bytes: &[u8], of: &mut Container) -> bool {
    let mut inactive_file = None;
    let understood = pairs(bytes, |name, value| match name {
        b"anon" => of.anon_bytes = Some(value),
        b"inactive_file" => inactive_file = Some(value),
        _ => {}
    });
    let rest = of.memory_bytes.zip(inactive_file);
    of.working_set_bytes = rest.map(|(current, inactive)| current.saturating_sub(inactive));
    understood
}

/// `memory.events`.
pub fn events(bytes: &[u8], of: &mut Container) -> bool {
    pairs(bytes, |name, value| {
        let field = match name {
            b"high" => &mut of.memory_high,
            b"max" => &mut of.memory_max,
            b"oom" => &mut of.ooms,
            b"oom_kill" => &mut of.oom_kills,
            _ => return,
        };
        *field = Some(value);
    })
}

/// One number.
pub fn single(bytes: &[u8], field: &mut Option<u64>) -> bool {
    *field = number(bytes.trim_ascii());
    field.is_some()
}

/// One number, or `max`, which is no limit.
pub fn limit(bytes: &[u8], field: &mut Option<u64>) -> bool {
    bytes.trim_ascii() == b"max" || single(bytes, field)
}

/// Which devices carry what others of them count already, asked once for each.
#[derive(Debug, Default)]
pub struct Carried(HashMap<(u32, u32), bool>);

impl Carried {
    /// Whether device `number` is one; `ask` says it of one that was not asked about yet.
    fn is(&mut self, number: (u32, u32), ask: impl FnOnce((u32, u32)) -> bool) -> bool {
        *self.0.entry(number).or_insert_with(|| ask(number))
    }
}

/// `io.stat`: `8:0 rbytes=1 wbytes=2 rios=3 wios=4 …` in each line. What is written to a mapped disk is
/// written to the disk below it, too, and the kernel counts both; `is_carried` says which are left out.
/// A container that did nothing has an empty file.
pub fn io(
    bytes: &[u8],
    of: &mut Container,
    carried: &mut Carried,
    mut is_carried: impl FnMut((u32, u32)) -> bool,
) -> bool {
    let mut sums = [0u64; 4];
    let mut understood = true;
    for line in lines(bytes) {
        let Some((device, figures)) = device(line) else {
            understood = false;
            continue;
        };
        // Devices that are gone have their number alone, or nothing but zeros.
        if figures == [0; 4] || carried.is(device, &mut is_carried) {
            continue;
        }
        for (sum, figure) in sums.iter_mut().zip(figures) {
            *sum = sum.saturating_add(figure);
        }
    }
    let [read_bytes, written_bytes, reads, writes] = sums.map(Some);
    if understood {
        (of.read_bytes, of.written_bytes) = (read_bytes, written_bytes);
        (of.reads, of.writes) = (reads, writes);
    }
    understood
}

fn device(line: &[u8]) -> Option<((u32, u32), [u64; 4])> {
    let mut words = words(line);
    let (major, minor) = split_once(words.next()?, b':')?;
    let mut figures = [0; 4];
    for word in words {
        let (name, value) = split_once(word, b'=')?;
        let place = match name {
            b"rbytes" => 0,
            b"wbytes" => 1,
            b"rios" => 2,
            b"wios" => 3,
            _ => continue,
        };
        figures[place] = number(value)?;
    }
    Some(((number32(major)?, number32(minor)?), figures))
}

/// A pressure file: how long some and all tasks were stalled.
pub fn stalls(bytes: &[u8], some: &mut Option<u64>, full: &mut Option<u64>) -> bool {
    let mut report = Report::default();
    let Some(stalls) = pressure::parse(bytes, &mut report) else { return false };
    (*some, *full) = stalls.totals_us();
    report.is_clean()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IO: &[u8] = b"8:0 rbytes=4096 wbytes=1024 rios=2 wios=1 dbytes=0 dios=0\n\
                        253:0 rbytes=4096 wbytes=512 rios=1 wios=1 dbytes=0 dios=0\n\
                        259:0 \n";

    #[test]
    fn memory_that_was_given_back_meanwhile_leaves_nothing_not_less() {
        let mut of = Container { memory_bytes: Some(100), ..Container::default() };
        assert!(memory(b"anon 40\nfile 60\ninactive_file 30\n", &mut of));
        assert_eq!((of.working_set_bytes, of.anon_bytes), (Some(70), Some(40)));
        assert!(memory(b"anon 40\ninactive_file 130\n", &mut of));
        assert_eq!(of.working_set_bytes, Some(0));
        assert!(memory(b"anon 40\n", &mut of));
        assert_eq!(of.working_set_bytes, None);
    }

    #[test]
    fn what_lies_on_another_disk_counts_once() {
        let mut of = Container::default();
        assert!(io(IO, &mut of, &mut Carried::default(), |device| device == (253, 0)));
        assert_eq!((of.read_bytes, of.written_bytes), (Some(4096), Some(1024)));
        assert_eq!((of.reads, of.writes), (Some(2), Some(1)));
        let mut carried = Carried::default();
        let mut asked = 0;
        for _ in 0..3 {
            io(IO, &mut of, &mut carried, |_| {
                asked += 1;
                false
            });
        }
        assert_eq!((asked, of.read_bytes), (2, Some(8192)));
    }

    #[test]
    fn a_sum_with_a_part_that_is_not_understood_is_unknown() {
        for bad in ["8:0 rbytes=x wios=1\n", "8 rbytes=1\n", "8:0 rbytes\n", "\u{fffd}\n"] {
            let mut of = Container::default();
            assert!(!io(bad.as_bytes(), &mut of, &mut Carried::default(), |_| false), "{bad}");
            assert_eq!(of.read_bytes, None);
        }
        let mut of = Container::default();
        assert!(io(b"", &mut of, &mut Carried::default(), |_| false));
        assert_eq!(of.read_bytes, Some(0));
    }

    #[test]
    fn no_limit_is_none_and_no_number_is_told() {
        let mut field = None;
        assert!(limit(b"max\n", &mut field) && field.is_none());
        assert!(limit(b"536870912\n", &mut field) && field == Some(536_870_912));
        for bad in [&b""[..], b"-1\n", b"18446744073709551616\n", b"maximum\n"] {
            assert!(!limit(bad, &mut field), "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>, text in "[a-z_ :=0-9\n.]{0,200}") {
            for bytes in [&bytes[..], text.as_bytes()] {
                let mut of = Container { memory_bytes: Some(7), ..Container::default() };
                let _ = (cpu(bytes, &mut of), memory(bytes, &mut of), events(bytes, &mut of));
                let _ = io(bytes, &mut of, &mut Carried::default(), |_| false);
                let (mut some, mut full) = (None, None);
                let _ = (stalls(bytes, &mut some, &mut full), limit(bytes, &mut some));
                assert!(of.working_set_bytes.is_none_or(|bytes| bytes <= 7));
            }
        }
    }
}
