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
fn check_shows_every_setting_on_request_alone() {
    let desk = Desk::new();
    desk.file("roundsman.toml", "[health]\nfall = 5\n");
    desk.file("inventory.toml", "[[host]]\nname = \"a\"\n");
    let settings = |arguments: &[&str]| -> Vec<String> {
        let ended = desk.run(arguments);
        let rows = ended.out.lines().filter(|line| line.contains("ROUNDSMAN_"));
        rows.map(|row| row.split_whitespace().next().unwrap().to_owned()).collect()
    };
    assert_eq!(settings(&["check"]), ["health.fall"]);
    let all = settings(&["check", "--all"]);
    assert!(all.len() > 40 && all.contains(&"poll.in_flight".to_owned()), "{all:?}");
}

/// What a cron expression says and what it means are two things.
#[test]
fn check_refuses_a_step_beyond_its_field_and_explains_days_and_weekdays() {
    let desk = Desk::new();
    let host = |schedule: &str| {
        format!("[[host]]\nname = \"a\"\nschedule = \"{schedule}\"\ntimeout = \"500ms\"\n")
    };
    desk.file("inventory.toml", &host("*/2 */90 * * * *"));
    let ended = desk.run(&["check"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("inventory.toml:3:12: bad cron expression"), "{ended:?}");
    assert!(ended.err.contains("use interval = \"90m\""), "{ended:?}");
    let window = "[[maintenance]]\nname = \"first-sunday\"\nhosts = [\"a\"]\n\
                  schedule = \"0 0 4 1-7 * SUN\"\nduration = \"2h\"\n";
    desk.file("inventory.toml", &(host("*/2 * * 1-7 * SAT") + window));
    let ended = desk.run(&["check"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for words in [
        "warning: schedule `*/2 * * 1-7 * SAT UTC`: day 1-7 or weekday SAT: either is enough",
        "warning: maintenance `first-sunday`: day 1-7 or weekday SUN: either is enough",
        "SUN#1 is the first Sunday of a month",
    ] {
        assert!(ended.err.contains(words), "{words}: {ended:?}");
    }
    let line = |begin: &str| ended.out.lines().find(|line| line.starts_with(begin)).unwrap();
    assert_eq!(line("  */2 * * 1-7").matches(" UTC").count(), 1 + 3, "{ended:?}");
    assert!(line("  first-sunday").contains("04:00:00 UTC"), "{ended:?}");
    let json = desk.run(&["check", "--json"]).json();
    assert_eq!(json["times"]["windows"][0]["next_ms"].as_array().unwrap().len(), 3);
}

#[test]
fn check_and_plan_read_the_files_beside_the_inventory() {
    let desk = Desk::new();
    desk.file("inventory.toml", "[[host]]\nname = \"a\"\n");
    std::fs::create_dir(desk.path().join("inventory.d")).unwrap();
    desk.file("inventory.d/b.toml", "[[host]]\nname = \"b\"\n");
    let ended = desk.run(&["check"]);
    let line = "inventory: inventory.toml and 1 file of inventory.d: 2 hosts (0 paused)";
    assert!(ended.code == Some(0) && ended.out.contains(line), "{ended:?}");
    let json = desk.run(&["plan", "--json"]).json();
    assert_eq!(json["added"], serde_json::json!(["a", "b"]));
    desk.file("inventory.d/c.toml", "\n[[host]]\nname = \"a\"\n");
    let ended = desk.run(&["check"]);
    let words = "inventory.d/c.toml:3:8: host `a` is already defined at line 2 of inventory.toml\n";
    assert!(ended.code == Some(1) && ended.err.starts_with(words), "{ended:?}");
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
    // Not that there is no file.
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    insta::assert_snapshot!("check_settings", ended.err);
}

/// What is right and hardly meant.
#[test]
fn check_warns_of_rules_and_routes_that_are_of_no_use() {
    let desk = Desk::new();
    desk.file("inventory.toml", "[[group]]\nname = \"web\"\nhosts = [\"web-[01-03]\"]\n");
    desk.file(
        "alerts.toml",
        "[[alert]]\nname = \"busy\"\ngroups = [\"db\"]\nwhen = \"cpu_busy_pct > 90\"\n\
         [[channel]]\nname = \"ops\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:9/\"\n\
         [[route]]\nname = \"lost\"\nmatch = { groups = [\"db\"] }\nchannels = [\"ops\"]\n\
         [[route]]\nname = \"all\"\nchannels = [\"ops\"]\n\
         [[route]]\nname = \"behind\"\nchannels = [\"ops\"]\n",
    );
    let warnings = [
        "rule `busy` (line 1) matches no host of the inventory",
        "route lost is about no host of the inventory",
        "route behind is never reached: route all before it takes every alarm",
    ];
    for arguments in [&["check", "--data", "d"][..], &["alerts", "check", "alerts.toml"]] {
        let ended = desk.run(arguments);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        for warning in warnings {
            assert!(ended.err.contains(&format!("warning: {warning}")), "{warning}: {ended:?}");
        }
    }
    let json = desk.run(&["check", "--json"]).json();
    assert_eq!(json["warnings"].as_array().unwrap().len(), warnings.len(), "{json}");
    // Without an inventory nobody knows which hosts there are.
    std::fs::remove_file(desk.path().join("inventory.toml")).unwrap();
    let ended = desk.run(&["alerts", "check", "alerts.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.err.lines().count(), 1, "{ended:?}");
}

#[test]
fn check_reports_the_boards_and_all_their_problems() {
    let desk = Desk::new();
    desk.file("inventory.toml", "[[host]]\nname = \"a\"\n");
    assert!(!desk.run(&["check"]).out.contains("boards"), "there are none");
    std::fs::create_dir(desk.path().join("boards")).unwrap();
    desk.file("boards/web.toml", "title = \"Web\"\n[[chart]]\ncolumn = \"load_1\"\n");
    let good = desk.run(&["check"]);
    assert_eq!(good.code, Some(0), "{good:?}");
    assert!(good.out.contains("boards: boards: 1 board\n"), "{}", good.out);
    desk.file("boards/bad.toml", "titel = \"Web\"\n[[chart]]\ncolumn = \"load\"\n");
    desk.file("boards/a b.toml", "title = \"x\"\n");
    let bad = desk.run(&["check"]);
    assert_eq!(bad.code, Some(1), "{bad:?}");
    for words in [
        "boards: \"a b\" is no name of a board",
        "boards/bad.toml:1:1: a board needs a `title`",
        "boards/bad.toml:3:10: no value is called \"load\"",
    ] {
        assert!(bad.err.contains(words), "{words}: {}", bad.err);
    }
}

#[test]
fn what_is_no_file_is_refused_and_not_read_without_end() {
    let desk = Desk::new();
    desk.file("inventory.toml", "");
    desk.file("roundsman.toml", "alerts = \"/dev/zero\"\n[http]\naccess_file = \"/dev/zero\"\n");
    let checked = desk.run(&["check"]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let words = "expected a regular file, found a device";
    assert_eq!(checked.err.matches(words).count(), 2, "{checked:?}");
    for command in [&["token", "list"][..], &["alerts", "check", "/dev/zero"]] {
        let refused = desk.run(command);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.err.contains(words), "{refused:?}");
    }
}
