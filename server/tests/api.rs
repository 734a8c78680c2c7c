//! The HTTP API over real sockets: a live view filled by hand, a real store in a temporary
//! directory. Answers are pinned as snapshots; a change of them is a change of a promise.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "api/annotations.rs"]
mod annotations;
#[path = "api/boards.rs"]
mod boards;
#[path = "api/connections.rs"]
mod connections;
#[path = "api/contract.rs"]
mod contract;
#[path = "api/history.rs"]
mod history;
#[path = "api/hosts.rs"]
mod hosts;
#[path = "api/issuer.rs"]
mod issuer;
#[path = "api/oidc.rs"]
mod oidc;
#[path = "api/orders.rs"]
mod orders;
#[path = "api/people.rs"]
mod people;
#[path = "api/prometheus.rs"]
mod prometheus;
#[path = "api/several.rs"]
mod several;
#[path = "api/proxied.rs"]
mod proxied;
#[path = "api/revoked.rs"]
mod revoked;
#[path = "api/server.rs"]
mod server;
#[path = "api/site.rs"]
mod site;
#[path = "api/words.rs"]
mod words;

use serde_json::Value;
use site::{Reply, Served};

/// The answer with most of the columns that are null left out: what is filled, and that the rest
/// is there, is what a reader of the snapshot wants to see. `columns` pins every name.
fn known_only(mut json: Value) -> Value {
    fn thin(value: &mut Value) {
        match value {
            Value::Object(map) => {
                if let Some(Value::Object(values)) = map.get_mut("values") {
                    let all = values.len();
                    values.retain(|_, value| !value.is_null());
                    let unknown = all - values.len();
                    values.insert("(columns that are null)".to_owned(), unknown.into());
                }
                map.values_mut().for_each(thin);
            }
            Value::Array(list) => list.iter_mut().for_each(thin),
            _ => {}
        }
    }
    thin(&mut json);
    json
}

const ASKED_WRONGLY: &[&str] = &[
    "/api/v1/hosts/wbe-1",
    "/api/v1/hosts/nothing-like-it",
    "/api/v1/hosts/a%20b",
    "/api/v1/hosts/wbe-1/polls",
    "/api/v1/hosts/wbe-1/events",
    "/api/v1/hosts/wbe-1/why",
    "/api/v1/hosts?state=upp",
    "/api/v1/hosts?limit=0",
    "/api/v1/hosts?limit=1001",
    "/api/v1/hosts?stat=up",
    "/api/v1/hosts?fields=name,stat",
    "/api/v1/hosts/web-1?fields=",
    "/api/v1/hosts/web-1/polls?fields=values.cpu_bussy_pct",
    "/api/v1/hosts/web-1/polls?fields=outcome.first",
    "/api/v1/hosts/web-1/series?fields=colums",
    "/api/v1/hosts/web-1/series?digits=18",
    "/api/v1/hosts?colour=red",
    "/api/v1/hosts?state=up&state=down",
    "/api/v1/hosts/web-1?x=1",
    "/api/v1/hosts/web-1/polls?from=yesterday",
    "/api/v1/hosts/web-1/polls?from=now&to=-1h",
    "/api/v1/hosts/web-1/polls?limit=many",
    "/api/v1/hosts/web-1/polls?order=up",
    "/api/v1/hosts/web-1/polls?detail=yes",
    "/api/v1/hosts/web-1/events?limit=-1",
    "/api/v1/hosts/wbe-1/series",
    "/api/v1/hosts/web-1/series?columns=cpu_bussy_pct",
    "/api/v1/hosts/web-1/series?columns=",
    "/api/v1/hosts/web-1/series?points=2001",
    "/api/v1/hosts/web-1/series?points=10&step=1m",
    "/api/v1/hosts/web-1/series?step=1ms",
    "/api/v1/hosts/web-1/series?step=1s&from=-1d",
    "/api/v1/hosts/web-1/series?step=90m&tier=hour&from=-1d",
    "/api/v1/hosts/web-1/series?tier=day",
    "/api/v1/hosts/web-1/series?from=now&to=-1h",
    "/api/v1/hosts/web-1/series/dsik?columns=busy_pct",
    "/api/v1/hosts/web-1/series/disk",
    "/api/v1/hosts/web-1/series/disk?columns=used_pct",
    "/api/v1/hosts/web-1/series/disk?columns=busy_pct&rows=101",
    "/api/v1/hosts/web-1/series/disk?columns=busy_pct&rows=100&points=2000",
    "/api/v1/hosts/web-1/series/disk?columns=busy_pct&from=now&to=-1h",
    "/api/v1/hosts/wbe-1/series/disk?columns=busy_pct",
    "/api/v1/series",
    "/api/v1/series?column=cpu_bussy_pct",
    "/api/v1/series?column=load_1&hosts=web-1&group=web",
    "/api/v1/series?column=load_1&hosts=web-1,wbe-2",
    "/api/v1/series?column=load_1&group=wbe",
    "/api/v1/series?column=load_1&from=now&to=-1h",
    "/api/v1/top?column=load_1&n=101",
    "/api/v1/top?column=load_1&from=now&to=-1h",
    "/api/v1/hosts/web-1/changes?from=-2d",
    "/api/v1/hosts/web-1/changes?from=now&to=-1h",
    "/api/v1/hosts/web-1/changes?limit=101",
    "/api/v1/columns?x",
    "/api/v2/hosts",
    "/healthz?x=1",
];

#[tokio::test]
async fn what_is_asked_wrongly_is_answered_with_what_is_expected() {
    let site = Served::start().await;
    let mut table = String::new();
    for path in ASKED_WRONGLY {
        let Reply { status, body, .. } = site.get(path).await;
        table.push_str(&format!("GET {path}\n    {status} {}\n", body.trim_end()));
    }
    let columns = vec!["load_1"; 21].join(",");
    let Reply { status, body, .. } =
        site.get(&format!("/api/v1/hosts/web-1/series?columns={columns}")).await;
    table.push_str(&format!("GET … 21 columns\n    {status} {}\n", body.trim_end()));
    for (method, path) in [("POST", "/api/v1/hosts"), ("DELETE", "/api/v1/hosts/web-1")] {
        let Reply { status, body, .. } = site.request(method, path).await;
        table.push_str(&format!("{method} {path}\n    {status} {}\n", body.trim_end()));
    }
    insta::assert_snapshot!("errors", table);
}
