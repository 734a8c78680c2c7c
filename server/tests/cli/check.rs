//! `check`: the settings and where they come from, and every problem at once.

use super::program::{Desk, Ended};

#[test]
fn check_shows_where_every_setting_comes_from() {
    let desk = Desk::new();
    desk.file("roundsman.toml", "[health]\nfall = 5\n");
    desk.file("inventory.toml", "[[group]]\nname = \"web\"\nhosts = [\"web-[01-03]\"]\n");
    let mut command = desk.command(&["check", "--data", "d"]);
    let output = command.env("ROUNDSMAN_POLL__IN_FLIGHT", "9").output().unwrap();
    let ended = Ended::new(output, desk.path());
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    insta::assert_snapshot!("check", ended.out);
    let json = desk.run(&["check", "--json"]).json();
    assert_eq!(json["ok"], true);
    assert_eq!(json["inventory"]["hosts"], 3);
    assert_eq!(json["problems"], serde_json::json!([]));
}

#[test]
fn check_reports_every_problem_and_fails() {
    let desk = Desk::new();
    desk.file("inventory.toml", "[[host]]\nname = \"a\"\nintervall = \"1s\"\ntimeout = \"x\"\n");
    let ended = desk.run(&["check"]);
    assert_eq!(ended.code, Some(1));
    insta::assert_snapshot!("check_inventory", ended.err);
    let ended = desk.run(&["check", "--json"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), ""));
    let json: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(json["ok"], false);
    assert!(json["problems"].as_array().unwrap().len() > 1, "{json}");

    desk.file("roundsman.toml", "intervall = 3\n[http]\nlisten = \"nowhere\"\n");
    let ended = desk.run(&["check"]);
    assert_eq!(ended.code, Some(1));
    insta::assert_snapshot!("check_settings", ended.err);
}
