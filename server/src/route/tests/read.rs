//! Routes as they stand in the file.

use super::*;

#[test]
fn everything_that_a_route_may_say_is_read() {
    let text = r#"
[[route]]
name = "nights"
match = { groups = ["db"], labels = { env = "prod" }, severity = ["critical"], rules = ["disk-*"], hosts = ["db-?"], rows = ["/var"] }
channels = ["chat"]
group_by = ["host", "label.rack"]
wait = "5s"
every = "2m"
repeat = "2h"
steps = [{ after = "15m", channels = ["phone"] }, { after = "1h", channels = ["mail"] }]
quiet = { schedule = "0 0 22 * * *", duration = "8h", timezone = "Europe/Berlin", hold_recoveries = false }
continue = true

[[route]]
channels = []
repeat = "never"
"#;
    insta::assert_debug_snapshot!(routes(text));
}

#[test]
fn without_a_route_every_channel_is_told_of_everything() {
    let routes = routes("");
    let default = routes.iter().next().unwrap();
    assert_eq!((&*default.name, default.channels.len(), routes.iter().count()), ("default", 3, 1));
    assert_eq!(default.pace, Pace::default());
}

/// All problems of a file at once, with the words that its author reads.
#[test]
fn every_way_in_which_routes_can_be_wrong_is_told() {
    let text = r#"
[[route]]
nmae = "x"
match = { group = ["db"], severity = ["criticl", "loud"], hosts = [], groups = ["a b"], labels = { "1" = "" } }
channels = ["mial", "sms", "mail", "mail"]
group_by = ["grup", "colour", "host", "host", "label."]
wait = "2h"
every = "10m"
repeat = "5m"
steps = [{ after = "15m", channels = ["mail"] }, { after = "10m", channels = ["phone"] }, { channel = ["chat"] }]
quiet = { schedule = "0 0 25 * * *", duration = "8h", timezone = "Europe/Berln", hold = true }
continue = "yes"

[[route]]
name = "a b"

[[route]]
name = "twice"
channels = "mail"
quiet = { schedule = "0 0 * * * *", duration = "2h" }
repeat = "often"

[[route]]
name = "twice"
channels = []
every = "5h"
match = "all"
steps = [{ after = "8days", channels = ["phone"] }]

[rout]
"#;
    insta::assert_snapshot!(parse("alerts.toml", text, &names()).unwrap_err().to_string());
}

#[test]
fn routes_are_taken_at_each_limit_and_refused_beyond() {
    let route = |lines: &str| format!("[[route]]\nchannels = []\n{lines}\n");
    let many = |count: usize| "[[route]]\nchannels = []\n".repeat(count);
    let steps = |count: usize| {
        let step = |n| format!("[[route.steps]]\nafter = \"{n}m\"\nchannels = []\n");
        route(&(1..=count).map(step).collect::<String>())
    };
    let terms = |count: usize| {
        let list = (0..count).map(|n| format!("\"r{n}\"")).collect::<Vec<_>>().join(", ");
        route(&format!("match = {{ rules = [{list}] }}"))
    };
    let name = |bytes: usize| route(&format!("name = \"{}\"", "x".repeat(bytes)));
    let after = |time: &str| route(&format!("[[route.steps]]\nafter = \"{time}\"\nchannels = []"));
    for (within, beyond, words) in [
        (many(MAX_ROUTES), many(MAX_ROUTES + 1), "at most 100 routes"),
        (steps(MAX_STEPS), steps(MAX_STEPS + 1), "at most 10 steps"),
        (terms(256), terms(257), "at most 256 names and patterns"),
        (name(64), name(65), "1 to 64 letters"),
        (route("wait = \"1h\""), route("wait = \"61m\""), "`wait` is between 0s and 1h"),
        (
            route("every = \"1day\"\nrepeat = \"1day\""),
            route("every = \"25h\"\nrepeat = \"2days\""),
            "`every` is between 1s and 1day",
        ),
        (after("7days"), after("169h"), "`after` is between 1s and 7days"),
        (
            route("repeat = \"30days\""),
            route("repeat = \"31days\""),
            "`repeat` is between 1m and 30days",
        ),
    ] {
        parse("within.toml", &within, &names()).unwrap_or_else(|e| panic!("{words}: {e}"));
        let problems = parse("beyond.toml", &beyond, &names()).unwrap_err().to_string();
        assert!(problems.contains(words), "{words}: {problems}");
    }
    let channels: Vec<Arc<str>> = (0..=MAX_CHANNELS).map(|n| format!("c{n}").into()).collect();
    let to = |count: usize| {
        let list =
            channels[..count].iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ");
        format!("[[route]]\nchannels = [{list}]\n")
    };
    parse("within.toml", &to(MAX_CHANNELS), &channels).unwrap();
    let problems = parse("beyond.toml", &to(MAX_CHANNELS + 1), &channels).unwrap_err().to_string();
    assert!(problems.contains("at most 20 channels are told at one time"), "{problems}");
}

#[test]
fn a_route_that_is_about_nobody_is_warned_of() {
    let text = "[[route]]\nname = \"lost\"\nmatch = { groups = [\"mail\"] }\nchannels = [\"mail\"]\n\
        [[route]]\nname = \"typo\"\nmatch = { rules = [\"dsk-*\"] }\nchannels = [\"mail\"]\n\
        [[route]]\nname = \"fine\"\nmatch = { groups = [\"web\"], rules = [\"disk-*\"] }\nchannels = [\"mail\"]\n\
        [[route]]\nname = \"all\"\nchannels = [\"mail\"]\n\
        [[route]]\nname = \"behind\"\nmatch = { groups = [\"web\"] }\nchannels = [\"mail\"]\n";
    let said = routes(text).warnings(&[facts("web-1"), facts("db-1")], &["disk-full", "load"]);
    assert_eq!(
        said,
        [
            "route lost is about no host of the inventory",
            "route typo is about no rule",
            "route behind is never reached: route all before it takes every alarm; set `continue = true` in all, or put behind before it",
        ]
    );
}
