//! Differences per second between two readings in the document's form. Pure.

use serde_json::{Map, Value, json};

/// Single values: where they stand in the document, and which of them are counters.
const SINGLE: [(&str, Counters); 12] = [
    ("/cpu/total", Counters::All),
    ("/system", Counters::These(&["context_switches", "interrupts", "forks", "softirqs"])),
    ("/pressure/cpu_some", PRESSURE),
    ("/pressure/cpu_full", PRESSURE),
    ("/pressure/memory_some", PRESSURE),
    ("/pressure/memory_full", PRESSURE),
    ("/pressure/io_some", PRESSURE),
    ("/pressure/io_full", PRESSURE),
    ("/pressure/irq_full", PRESSURE),
    ("/vmstat", Counters::All),
    (
        "/sockets",
        Counters::But(&[
            "used",
            "tcp_in_use",
            "tcp_orphan",
            "tcp_time_wait",
            "tcp_allocated",
            "tcp_memory_pages",
            "udp_in_use",
            "udp_memory_pages",
            "tcp6_in_use",
            "udp6_in_use",
            "tcp_established",
        ]),
    ),
    ("/load", Counters::These(&[])),
];

const PRESSURE: Counters = Counters::These(&["total_us"]);

/// Tables by column: where, the key column, and which columns are counters.
const TABLES: [(&str, &str, Counters); 4] = [
    ("/cpu/cores", "core", Counters::All),
    ("/softirq", "core", Counters::All),
    ("/network", "interface", Counters::But(&["layer"])),
    ("/disk", "device", Counters::But(&["major", "minor", "in_flight", "layer"])),
];

/// Which members of an object are counters.
#[derive(Clone, Copy)]
enum Counters {
    All,
    These(&'static [&'static str]),
    But(&'static [&'static str]),
}

impl Counters {
    fn hold(self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.contains(&name),
            Self::But(names) => !names.contains(&name),
        }
    }
}

/// Rates of every family in `after`, `null` where `before` gives none.
pub(super) fn between(before: &Value, after: &Value, elapsed_s: Option<f64>) -> Value {
    let mut rates = json!({});
    for (path, counters) in SINGLE {
        if let Some(now) = after.pointer(path).and_then(Value::as_object) {
            let was = before.pointer(path);
            put(&mut rates, path, single(was, now, counters, elapsed_s));
        }
    }
    for (path, key, counters) in TABLES {
        if let Some(now) = after.pointer(path).and_then(Value::as_object) {
            let was = before.pointer(path).and_then(Value::as_object);
            put(&mut rates, path, rows(was, now, key, counters, elapsed_s));
        }
    }
    rates
}

/// Sets what stands at `/family` or `/family/part`.
fn put(rates: &mut Value, path: &str, value: Value) {
    if value.as_object().is_some_and(Map::is_empty) {
        return;
    }
    let mut place = rates;
    for step in path.trim_start_matches('/').split('/') {
        place = &mut place[step];
    }
    *place = value;
}

fn single(
    was: Option<&Value>,
    now: &Map<String, Value>,
    counters: Counters,
    elapsed_s: Option<f64>,
) -> Value {
    now.iter()
        .filter(|(name, value)| counters.hold(name) && !value.is_null())
        .map(|(name, now)| {
            let was = was.and_then(|was| was.get(name));
            (format!("{name}_per_s"), json!(per_s(was, now, elapsed_s)))
        })
        .collect()
}

fn rows(
    was: Option<&Map<String, Value>>,
    now: &Map<String, Value>,
    key: &str,
    counters: Counters,
    elapsed_s: Option<f64>,
) -> Value {
    let keys = now.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let row = |(index, name): (usize, &Value)| {
        let before = was.and_then(|was| {
            let known = was.get(key)?.as_array()?;
            // Mostly it is where it was, and no other place has to be looked at.
            let same = (known.get(index) == Some(name)).then_some(index);
            let place = same.or_else(|| known.iter().position(|known| known == name))?;
            Some((was, place))
        });
        let rates = now
            .iter()
            .filter(|(column, _)| *column != key && counters.hold(column))
            .filter_map(|(column, values)| Some((column, values.get(index)?)))
            .map(|(column, now)| {
                let was = before.and_then(|(was, place)| was.get(column)?.get(place));
                (format!("{column}_per_s"), json!(per_s(was, now, elapsed_s)))
            });
        std::iter::once((key.to_owned(), name.clone())).chain(rates).collect::<Value>()
    };
    keys.iter().enumerate().map(row).collect()
}

/// The counter's growth per second; none when it went back or was not there.
fn per_s(was: Option<&Value>, now: &Value, elapsed_s: Option<f64>) -> Option<f64> {
    let grown = now.as_u64()?.checked_sub(was?.as_u64()?)?;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let grown = grown as f64;
    Some(grown / elapsed_s?)
}
