//! The dashboards for Grafana: each of their queries is run with the macros put in as Grafana's data source for
//! MySQL does it (`pkg/tsdb/mysql/macros.go`), over a short span and over one that is read from hours.

use std::{collections::BTreeSet, fs, path::Path};

use regex::Regex;
use serde_json::Value;

use super::{FLAGS, Mariadbd, NOW, ask, fill};

const HOUR_S: i64 = 3_600;

/// What stands in a query in place of Grafana's macros and variables.
fn expanded(sql: &str, span_s: i64) -> String {
    let (from, to) = (NOW.0 / 1_000 - span_s, NOW.0 / 1_000);
    let macros = [
        (
            r"\$__timeGroup\(([^,]+), \$__interval\)",
            "cast(cast(UNIX_TIMESTAMP($1)/(60) as signed)*60 as signed)".to_owned(),
        ),
        (
            r"\$__timeFilter\(([^)]+)\)",
            format!("$1 BETWEEN FROM_UNIXTIME({from}) AND FROM_UNIXTIME({to})"),
        ),
        (r"\$__timeFrom\(\)", format!("FROM_UNIXTIME({from})")),
        (r"\$__timeTo\(\)", format!("FROM_UNIXTIME({to})")),
        (r"\$__unixEpochFrom\(\)", from.to_string()),
        (r"\$__unixEpochTo\(\)", to.to_string()),
        (r"\$\{host:sqlstring\}", "'web-1'".to_owned()),
        (r"\$\{group:sqlstring\}", "'web','(none)'".to_owned()),
    ];
    let sql = macros.iter().fold(sql.to_owned(), |sql, (pattern, by)| {
        Regex::new(pattern).unwrap().replace_all(&sql, by).into_owned()
    });
    assert!(!sql.contains('$'), "a macro that is not known: {sql}");
    sql
}

/// All dashboards, by the names of their files.
fn dashboards() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/grafana/mysql");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = files
        .map(|path| {
            let document = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            (path.file_name().unwrap().to_str().unwrap().to_owned(), document)
        })
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(all.len() >= 5, "{} dashboards", all.len());
    all
}

fn list<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of[name].as_array().map_or(&[], Vec::as_slice)
}

#[tokio::test]
async fn every_query_of_the_dashboards_is_answered() {
    let server = Mariadbd::start(&FLAGS);
    let port = server.port().to_string();
    ask(&port, "CREATE DATABASE fleet CHARACTER SET utf8mb4");
    fill(&format!("mysql://root@127.0.0.1:{port}/fleet")).await;
    let run = |sql: &str| {
        let strict = "SET sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES'";
        let at = format!("SET time_zone = '+00:00'; SET timestamp = {}", NOW.0 / 1_000);
        let answer = ask(&port, &format!("USE fleet; {strict}; {at}; {sql}"));
        answer.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut told = String::new();
    for (file, dashboard) in dashboards() {
        told += &format!("# {file}\n");
        for variable in list(&dashboard["templating"], "list") {
            if variable["type"] == "query" {
                let values = run(variable["query"].as_str().unwrap());
                assert!(values.len() > 1, "{file}: {variable}");
            }
        }
        for annotations in list(&dashboard["annotations"], "list") {
            run(&expanded(annotations["rawQuery"].as_str().unwrap(), HOUR_S));
        }
        for panel in list(&dashboard, "panels") {
            for target in list(panel, "targets") {
                let sql = target["rawSql"].as_str().unwrap();
                let [day, year] = [24, 400 * 24].map(|hours| run(&expanded(sql, hours * HOUR_S)));
                for rows in [&day, &year] {
                    let is_series = target["format"] == "time_series";
                    let names = rows.first().map_or("", String::as_str);
                    assert!(!is_series || names.is_empty() || names.starts_with("time\t"), "{sql}");
                }
                let rows = [&day, &year].map(|rows| rows.len().saturating_sub(1));
                let names = day.first().or(year.first()).map_or("", String::as_str);
                told += &format!("{}: {rows:?} {}\n", panel["title"], names.replace('\t', ", "));
            }
        }
    }
    insta::assert_snapshot!(told);
}

/// What Grafana does not say when it loads a file, but shows as a heap of panels.
#[test]
fn the_panels_of_a_dashboard_lie_beside_each_other() {
    let mut names = BTreeSet::new();
    for (file, dashboard) in dashboards() {
        for name in ["uid", "title"] {
            let name = dashboard[name].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{file}: {name} twice");
        }
        let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
        for panel in list(&dashboard, "panels") {
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{file}: {}", panel["title"]);
            let [x, y, width, height] =
                ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_u64().unwrap());
            assert!(width > 0 && x + width <= 24, "{file}: {}", panel["title"]);
            for column in x..x + width {
                for line in y..y + height {
                    assert!(taken.insert((column, line)), "{file}: {}", panel["title"]);
                }
            }
            for target in list(panel, "targets") {
                assert_eq!(target["datasource"], panel["datasource"], "{file}");
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{file}");
            }
        }
    }
}
