//! What receivers heard, and what must hold of it.

use std::collections::BTreeMap;

use serde_json::Value;

/// A request.
pub(crate) struct Heard {
    pub(crate) body: String,
    pub(crate) is_taken: bool,
    /// Which server it came from, counted.
    pub(crate) life: usize,
}

/// Rule and host.
pub(crate) type Key = (String, String);

/// What a receiver said of an alarm.
#[derive(Debug, Clone, PartialEq)]
struct Said {
    key: Key,
    is_over: bool,
    since: String,
    is_late: bool,
    flaps: bool,
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The alarms of a document of either kind.
fn items(body: &str) -> Vec<Said> {
    let document: Value = serde_json::from_str(body).expect(body);
    let said = |rule: &Value, host: &Value, state: &Value, since: &Value, summary: &Value| Said {
        key: (text(rule), text(host)),
        is_over: state == "ok",
        since: text(since),
        is_late: text(summary).contains("told late"),
        flaps: text(summary).contains("comes and goes"),
    };
    let alert = |of: &Value| {
        let (labels, words) = (&of["labels"], &of["annotations"]);
        let (state, summary) = (&words["state"], &words["summary"]);
        said(&labels["alertname"], &labels["host"], state, &of["startsAt"], summary)
    };
    let item = |of: &Value| {
        let since = &of["since_ms"];
        said(&of["rule"], &of["host"], &of["state"], since, &of["summary"])
    };
    match document.as_array() {
        Some(alerts) => alerts.iter().map(alert).collect(),
        None => document["items"].as_array().unwrap().iter().map(item).collect(),
    }
}

/// The alarms that fire as far as the receiver knows, and whether each comes and goes: then it may be over.
pub(crate) fn believed(log: &[Heard]) -> BTreeMap<Key, bool> {
    let mut fires = BTreeMap::new();
    for said in log.iter().filter(|heard| heard.is_taken).flat_map(|heard| items(&heard.body)) {
        match said.is_over {
            true => fires.remove(&said.key),
            false => fires.insert(said.key, said.flaps),
        };
    }
    fires
}

/// Of each alarm: begins and ends in order, and no end of what was never told to fire. `knows_all`: every
/// alarm of a message is listed. How many ends were told.
pub(crate) fn ends_in_order(log: &[Heard], knows_all: bool) -> usize {
    // What was said last, in which life, and whether the receiver may know that it fires.
    let mut last: BTreeMap<Key, (Said, usize, bool)> = BTreeMap::new();
    let mut ends = 0;
    for Heard { body, is_taken, life } in log {
        for said in items(body) {
            let before = last.get(&said.key);
            let may_fire = before.is_some_and(|(.., may_fire)| *may_fire);
            if !is_taken {
                // Read, though not answered: a receiver may know.
                if !said.is_over {
                    let key = said.key.clone();
                    let before =
                        before.map_or((said, *life), |(said, life, _)| (said.clone(), *life));
                    last.insert(key, (before.0, before.1, true));
                }
                continue;
            }
            if let Some((before, ..)) = before {
                assert!(before.since <= said.since, "out of order: {before:?}, then {said:?}");
            }
            if said.is_over {
                ends += 1;
                // That an end was taken, a server that is gone has not learned: it is sent again.
                let again = before.is_some_and(|(before, then, _)| {
                    before.is_over && before.since == said.since && then < life
                });
                let known = may_fire || said.is_late || again || !knows_all;
                assert!(known, "the end of what was not told: {said:?} after {before:?}");
            }
            let fires = !said.is_over;
            last.insert(said.key.clone(), (said, *life, fires));
        }
    }
    ends
}

/// No message is taken twice from one server. How many were taken again after a kill.
pub(crate) fn ids(log: &[Heard]) -> (usize, usize) {
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let mut again = 0;
    for Heard { body, life, .. } in log.iter().filter(|heard| heard.is_taken) {
        let document: Value = serde_json::from_str(body).unwrap();
        let id = text(&document["id"]);
        if let Some(before) = taken.insert(id, *life) {
            assert!(before < *life, "told twice by one server: {body}");
            again += 1;
        }
    }
    (taken.len(), again)
}
