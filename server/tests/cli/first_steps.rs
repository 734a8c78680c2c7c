//! The way from another monitor, or from nothing, to a probe that is asked.

use super::program::Desk;

#[test]
fn the_commands_of_a_probe_follow_the_inventory() {
    let desk = Desk::new();
    let mutual = "tls = \"mtls\"\nca = \"ca.pem\"\ncert = \"s.pem\"\nkey = \"s.key\"\n";
    desk.file(
        "inventory.toml",
        &format!(
            "[[host]]\nname = \"web-1\"\naddresses = [\"10.0.0.7:6000\"]\n\n[[host]]\nname = \"db-1\"\n{mutual}\n\
             [[host]]\nname = \"edge\"\ntls = \"tls\"\nca = \"ca.pem\"\n\n[[host]]\nname = \"here\"\n\
             addresses = [\"127.0.0.1\"]\n"
        ),
    );
    let mut told = String::new();
    for arguments in [
        &["probe-command", "web-1"][..],
        &["probe-command", "db-1"],
        &["probe-command", "edge", "--as", "package"],
        &["probe-command", "edge", "--as", "binary"],
        &["probe-command", "here", "--as", "package"],
        &["probe-command", "web-1", "--as", "swarm"],
        &["probe-command", "db-1", "--as", "swarm"],
        &["probe-command", "web-2"],
        &["probe-command", "a b"],
    ] {
        let ended = desk.run(arguments);
        told +=
            &format!("$ {}\n{}{}[{:?}]\n\n", arguments.join(" "), ended.out, ended.err, ended.code);
    }
    insta::assert_snapshot!("probe_command", told);
}

/// What is printed is a file of an inventory; what is left out is said beside it.
#[test]
fn the_hosts_of_prometheus_are_printed_as_a_file_of_the_inventory() {
    let desk = Desk::new();
    desk.file(
        "prometheus.yml",
        "scrape_configs:\n  - job_name: node\n    static_configs:\n      - targets: ['web-1:9100', 'web-2:9100', \
         'web-1:9104']\n        labels: {env: prod}\n",
    );
    desk.file("targets.json", "[{\"targets\": [\"db-1:9200\"], \"labels\": {\"job\": \"db\"}}]");
    desk.file("inventory.toml", "");
    std::fs::create_dir(desk.path().join("inventory.d")).unwrap();
    let ended = desk.run(&["import", "prometheus", "prometheus.yml", "targets.json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines =
        "[[group]]\nname = \"node\"\nlabels = { env = \"prod\" }\nhosts = [\"web-1\", \"web-2\"]\n";
    assert_eq!(ended.out, lines);
    let said = "web-1:9104: not taken, for port 9104 is not node_exporter's (9100); --port 9104 takes it\n\
                db-1:9200: not taken, for port 9200 is not node_exporter's (9100); --port 9200 takes it\n";
    assert_eq!(ended.err, said);
    desk.file("inventory.d/new.toml", &ended.out);
    assert_eq!(desk.run(&["check", "--json"]).json()["inventory"]["hosts"], 2);
    let other = desk.run(&["import", "prometheus", "targets.json", "--port", "9200"]);
    assert!(other.out.starts_with("[[group]]\nname = \"db\"\n"), "{other:?}");
    for (name, words) in [
        ("targets.json", "roundsman: these files name no host of node_exporter\n"),
        ("inventory.d", "roundsman: inventory.d: expected a regular file, found a directory\n"),
    ] {
        let refused = desk.run(&["import", "prometheus", name]);
        assert!(refused.code == Some(1) && refused.err.ends_with(words), "{refused:?}");
        assert_eq!(refused.out, "");
    }
}
