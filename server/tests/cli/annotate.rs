//! `annotate`: what is said of a moment reaches the running server.

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
