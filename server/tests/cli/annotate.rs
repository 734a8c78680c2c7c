//! `annotate`: what is said of a moment reaches the running server, is listed, and is taken back.

use super::{
    program::Desk,
    serve::{addresses, get_until},
};

#[test]
fn a_deployment_is_annotated_at_the_running_server() {
    let desk = Desk::new();
    desk.file("inventory.toml", "[[host]]\nname = \"here\"\naddresses = [\"127.0.0.1:1\"]\n");
    let mut server = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
    let (http, _) = addresses(&mut server);
    let of = |more: &[&str]| {
        let mut all = vec!["annotate", "web 2.4", "--who", "ci", "--http", &http];
        all.extend(more);
        desk.run(&all)
    };
    let told = of(&["--kind", "deploy", "--host", "he*", "--at", "-10m", "--for", "5m"]);
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""), "{told:?}");
    assert!(told.out.starts_with("deploy ") && told.out.ends_with(": web 2.4\n"), "{}", told.out);
    let json = of(&["--label", "team=db", "--json"]).json();
    assert_eq!((&json["kind"], &json["labels"]["team"]), (&"note".into(), &"db".into()));
    get_until(&http, "/api/v1/annotations?hosts=here", "\"web 2.4\"");
    let refused = of(&["--for", "31d"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("an annotation spans at most 30 days"), "{}", refused.err);
    let wrong = of(&["--kind", "party"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.err.contains("expected deploy or note"), "{}", wrong.err);
}

#[test]
fn an_annotation_is_listed_with_its_id_and_removed_by_it() {
    let desk = Desk::new();
    desk.file("inventory.toml", "[[host]]\nname = \"here\"\naddresses = [\"127.0.0.1:1\"]\n");
    let mut server = desk.spawn(&["serve", "--http", "127.0.0.1:0", "--data", "d"]);
    let (http, _) = addresses(&mut server);
    let of = |more: &[&str]| {
        let mut all = vec!["annotate", "--http", &http];
        all.extend(more);
        desk.run(&all)
    };
    let none = of(&[]);
    assert_eq!((none.code, none.out.as_str()), (Some(0), ""), "{none:?}");
    assert!(none.err.contains("no annotations in the last 30 days"), "{}", none.err);
    let said = |more: &[&str]| {
        let told = of(&[&["--who", "ann"], more].concat());
        assert_eq!((told.code, told.err.as_str()), (Some(0), ""), "{told:?}");
        told.out.split(' ').nth(1).unwrap().to_owned()
    };
    let right = said(&["right", "--host", "here", "--at", "-29d"]);
    let wrong = said(&["wrong", "--kind", "deploy"]);
    let listed = of(&[]);
    let rows: Vec<Vec<&str>> =
        listed.out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 3, "{}", listed.out);
    for (row, id, words) in [
        (&rows[1], &wrong, "deploy ann all hosts wrong"),
        (&rows[2], &right, "note ann host here right"),
    ] {
        assert_eq!(row[0], id, "newest first: {}", listed.out);
        assert!(row.join(" ").ends_with(words), "{}", listed.out);
    }

    let gone = of(&["--remove", &wrong]);
    assert_eq!((gone.code, gone.err.as_str()), (Some(0), ""), "{gone:?}");
    let words = format!("deploy {wrong} of ann at ");
    assert!(gone.out.starts_with(&words) && gone.out.ends_with(" is removed: wrong\n"), "{gone:?}");
    let left = of(&["--json"]).json();
    assert_eq!(left["annotations"].as_array().unwrap().len(), 1, "{left}");
    assert_eq!(left["annotations"][0]["id"], right.as_str());
    let again = of(&["--remove", &wrong]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.err.contains("it was removed, or never was"), "{}", again.err);
    // What is half said is not taken for a question.
    for half in [["--kind", "deploy"], ["--host", "here"], ["--for", "5m"], ["--at", "-1h"]] {
        let half = of(&half);
        assert_eq!(half.code, Some(2), "{half:?}");
        assert!(half.err.contains("<TEXT>"), "{}", half.err);
    }
    assert_eq!(of(&["text", "--remove", &right]).code, Some(2));
}
