use super::*;
use crate::inventory::parse;

fn import(text: &str) -> FromPrometheus {
    from_prometheus(&[("p.yml".to_owned(), text.to_owned())], 9100).unwrap()
}

fn refused(text: &str) -> String {
    from_prometheus(&[("p.yml".to_owned(), text.to_owned())], 9100).unwrap_err()
}

const CONFIG: &str = r#"
global:
  scrape_interval: 15s
scrape_configs:
  - job_name: prometheus
    static_configs:
      - targets: ['localhost:9090']
  - job_name: "my nodes"
    scrape_interval: 1m
    relabel_configs: [{source_labels: [__address__]}]
    static_configs:
      - targets: [ "web-1:9100", 'web-2:9100', web-3, "10.0.0.9:9100", "[fd00::7]:9100" ]
        labels: &prod
          env: prod
          rack: 12
          __scheme__: https
      - targets: ["db-1:9100", "web-1:9100", "http://a/b", "db-1:9104", "a_b-:9100"]
        labels:
          env: prod
          role: "db\u00e4"
  - job_name: other
    scrape_interval: often
    file_sd_configs: [{files: ["a/*.json", "b.yml"]}]
    kubernetes_sd_configs: [{role: node}]
    static_configs:
      - targets: ["edge-1"]
        labels: *prod
"#;

#[test]
fn a_configuration_of_prometheus_becomes_groups_and_hosts() {
    let imported = import(CONFIG);
    insta::assert_snapshot!(format!("{}\n----\n{}", imported.text, imported.remarks.join("\n")));
    let inventory = parse("new.toml", &imported.text).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((inventory.hosts.len(), imported.hosts), (7, 7));
    let of = |name: &str| inventory.hosts.get(name).unwrap();
    assert_eq!(of("web-1").addresses[0].to_string(), "web-1:50051", "the probe's port");
    assert_eq!(of("fd00::7").addresses[0].to_string(), "[fd00::7]:50051");
    assert_eq!(of("db-1").labels["role"], "dbä");
    assert_eq!(of("web-2").labels["rack"], "12");
}

#[test]
fn lists_of_file_sd_are_read_as_json_and_as_yaml() {
    let json = r#"[{"targets": ["a:9100", "b:9100"], "labels": {"job": "node", "env": "\ud83d\ude00"}},
                   {"targets": ["c"], "labels": {}}]"#;
    let yaml = "- targets: ['a:9100', 'b:9100']\n  labels: {job: node, env: 😀}\n- targets: [c]\n";
    let expected = "[[group]]\nname = \"node\"\nlabels = { env = \"😀\" }\nhosts = [\"a\", \"b\"]\n\n\
                    [[host]]\nname = \"c\"\n";
    for text in [json, yaml] {
        let imported = import(text);
        assert_eq!((imported.text.as_str(), imported.remarks.len()), (expected, 0));
    }
}

#[test]
fn a_long_list_has_a_line_for_each_host() {
    let imported = import("- targets: [a, b, c, d, e]\n  labels: {job: n}\n");
    let lines = "hosts = [\n  \"a\",\n  \"b\",\n  \"c\",\n  \"d\",\n  \"e\",\n]\n";
    assert!(imported.text.ends_with(lines), "{}", imported.text);
}

#[test]
fn what_is_no_file_of_prometheus_is_refused_with_its_place() {
    assert_eq!(
        refused("groups: []\n"),
        "p.yml: expected a prometheus.yml with scrape_configs, or a list of targets as file_sd reads it"
    );
    let said = refused("- targets: [a\n- b: }\n");
    assert!(said.starts_with("p.yml:2:") && said.contains("not YAML: "), "{said}");
    assert!(refused("? [a]\n: b\n").ends_with("a key of a map is a text"));
}

/// A few lines that stand for billions of values, or lie deeper than any stack, cost nothing.
#[test]
fn a_file_that_grows_without_end_is_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb += &format!("a{level}: &a{level} [{inner}]\n");
    }
    let said = refused(&bomb);
    assert!(said.ends_with("a file has at most 1000000 values"), "{said}");
    let deep = "[".repeat(MAX_YAML_DEPTH + 1);
    let expected = "lists and maps lie at most 64 deep within each other";
    assert!(refused(&format!("- {deep}")).ends_with(expected));
    let half = format!("{}x{}", "[".repeat(40), "]".repeat(40));
    let said = refused(&format!("a: &a {half}\nb: {}*a{}\n", "[".repeat(40), "]".repeat(40)));
    assert!(said.ends_with(expected), "{said}");
    assert_eq!(import(&format!("- {}x{}\n", "[".repeat(60), "]".repeat(60))).hosts, 0);
}
