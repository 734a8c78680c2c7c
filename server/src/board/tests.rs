use super::*;

const WHOLE: &str = r#"
title = "Web tier"
span = "6h"

[[chart]]
column = "cpu_busy_pct"
group = "web"

[[chart]]
title = "Fullest"
column = "mem_used_pct"
labels = { rack = "a1" }
top = 10
order = "desc"

[[chart]]
host = "db-1"
table = "filesystem"
column = "used_pct"
row = "/srv"

[[chart]]
host = "db-1"
column = "load_1"

[[chart]]
hosts = ["web-1", "web-2"]
column = "net_rx_bytes_per_s"
"#;

fn problems(text: &str) -> String {
    parse("b.toml", text.as_bytes())
        .map_or_else(|problems| problems.to_string(), |b| format!("{b:?}"))
}

#[test]
fn every_kind_of_chart_is_read() {
    let board = parse("b.toml", WHOLE.as_bytes()).unwrap();
    assert_eq!((board.title.as_str(), board.span.as_deref()), ("Web tier", Some("6h")));
    let columns: Vec<_> = board.charts.iter().map(|chart| chart.column.as_str()).collect();
    let expected = ["cpu_busy_pct", "mem_used_pct", "used_pct", "load_1", "net_rx_bytes_per_s"];
    assert_eq!(columns, expected);
    assert_eq!(board.charts[1].labels["rack"], "a1");
    assert_eq!(board.charts[1].top, Some(10));
    assert_eq!(board.charts[2].row.as_deref(), Some("/srv"));
    assert_eq!(board.charts[4].hosts, ["web-1", "web-2"]);
}

#[test]
fn all_problems_are_told_at_once_each_with_its_place() {
    let text = "span = \"2h\"\ntile = \"x\"\n\
        [[chart]]\ncolumn = \"cpu_bsy_pct\"\nhost = \"a\"\ngroup = \"g\"\n\
        [[chart]]\nhosts = [\"a b\"]\nrow = \"x\"\norder = \"up\"\n\
        [[chart]]\ntable = \"disc\"\ncolumn = \"x\"\ntop = 101\n\
        [[chart]]\nhost = \"a\"\ntable = \"disk\"\ncolumn = \"load_1\"\ntop = 3\n\
        [[chart]]\nhosts = []\nlabels = { a = 1 }\ncolumn = \"load_1\"\ntitle = \"a\\nb\"\n";
    insta::assert_snapshot!("problems", problems(text));
    assert_eq!(
        problems("title = "),
        "b.toml:1:9: not TOML: string values must be quoted, expected literal string"
    );
    let bytes = parse("b.toml", b"title = \"\xff\"").unwrap_err().to_string();
    assert_eq!(bytes, "b.toml:1:10: a board is UTF-8 text, byte 0xff is not");
}

#[test]
fn a_board_has_limits() {
    let chart = "[[chart]]\ncolumn = \"load_1\"\n";
    let of = |count| format!("title = \"x\"\n{}", chart.repeat(count));
    assert_eq!(parse("b.toml", of(MAX_CHARTS).as_bytes()).unwrap().charts.len(), MAX_CHARTS);
    let words = format!("a board has at most {MAX_CHARTS} charts, this one has {}", MAX_CHARTS + 1);
    assert_eq!(problems(&of(MAX_CHARTS + 1)), format!("b.toml:{}:1: {words}", 2 + MAX_CHARTS * 2));

    let large = format!("title = \"x\"\n#{}", "x".repeat(MAX_BOARD_BYTES));
    let words =
        format!("a board has at most {MAX_BOARD_BYTES} bytes, this one has {}", large.len());
    assert_eq!(problems(&large), format!("b.toml:1:1: {words}"));

    let hosts = |count| {
        format!(
            "title = \"x\"\n[[chart]]\ncolumn = \"load_1\"\nhosts = [{}]\n",
            "\"a\",".repeat(count)
        )
    };
    assert!(parse("b.toml", hosts(MAX_CHART_HOSTS).as_bytes()).is_ok());
    let words =
        format!("a chart names 1 to {MAX_CHART_HOSTS} hosts, this one {}", MAX_CHART_HOSTS + 1);
    assert_eq!(problems(&hosts(MAX_CHART_HOSTS + 1)), format!("b.toml:4:9: {words}"));

    let title = |length| format!("title = \"{}\"\n", "x".repeat(length));
    assert!(parse("b.toml", title(MAX_TITLE_BYTES).as_bytes()).is_ok());
    assert!(problems(&title(MAX_TITLE_BYTES + 1)).contains("`title` has 1 to 200 bytes"));
    let top =
        format!("title = \"x\"\n[[chart]]\ncolumn = \"load_1\"\ntop = {}\n", MAX_CHART_TOP + 1);
    assert!(problems(&top).contains("a whole number from 1 to 100"), "{}", problems(&top));
}

#[test]
fn the_name_of_a_board_leads_nowhere() {
    for good in ["web", "Web-tier_2", "7", &"x".repeat(MAX_NAME_BYTES)] {
        assert!(is_name(good), "{good}");
    }
    let long = "x".repeat(MAX_NAME_BYTES + 1);
    for bad in ["", ".", "..", "../x", "a/b", "a.b", "-a", "_a", "ä", "a b", "a\0", &long] {
        assert!(!is_name(bad), "{bad:?}");
    }
}
