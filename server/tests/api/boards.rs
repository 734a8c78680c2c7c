//! Boards over the API: written, read, refused, removed; files that somebody else changes.

use std::fs;

use roundsman::web::MAX_BOARD_BODY_BYTES;
use serde_json::{Value, json};

use crate::site::{Reply, Served};

const JSON: &str = "application/json";
const TEXT: &str = "title = \"Web tier\"\nspan = \"6h\"\n\n[[chart]]\ncolumn = \"cpu_busy_pct\"\ngroup = \"web\"\n";

async fn put(site: &Served, name: &str, body: &Value) -> Reply {
    site.send_body("PUT", &format!("/api/v1/boards/{name}"), JSON, &body.to_string()).await
}

fn detail(reply: &Reply, status: u16) -> String {
    assert_eq!(reply.status, status, "{}", reply.body);
    let json: Value = serde_json::from_str(&reply.body).unwrap();
    json["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_board_is_written_read_changed_and_removed() {
    let site = Served::start().await;
    let none = site.json("/api/v1/boards").await;
    assert_eq!((&none["boards"], &none["writable"]), (&json!([]), &json!(true)));
    let reply = put(&site, "web", &json!({ "text": TEXT })).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let file = site.dir.path().join("boards/web.toml");
    assert_eq!(fs::read_to_string(&file).unwrap(), TEXT, "the very text");

    let board = site.json("/api/v1/boards/web").await;
    assert_eq!(board["board"]["title"], "Web tier");
    assert_eq!(board["board"]["charts"][0]["group"], "web");
    assert_eq!(board["text"], TEXT);
    let list = site.json("/api/v1/boards").await;
    assert_eq!(list["boards"][0]["title"], "Web tier");

    // A file that somebody else changes is in force when it is asked for, and a bad one is shown as it was.
    fs::write(&file, TEXT.replace("Web tier", "Theirs")).unwrap();
    let text = TEXT.replace("Web tier", "Mine");
    let mine = json!({ "text": text, "version": board["version"] });
    let late = detail(&put(&site, "web", &mine).await, 409);
    assert_eq!(
        late,
        "board \"web\" stays as it is: it was changed since it was read; read it again"
    );
    fs::write(&file, TEXT.replace("cpu_busy_pct", "cpu_bsy_pct")).unwrap();
    let bad = site.json("/api/v1/boards/web").await;
    assert_eq!(bad["board"]["title"], "Theirs");
    let problem = bad["problems"][0].as_str().unwrap();
    assert!(problem.contains("web.toml:5:10: no value is called \"cpu_bsy_pct\""), "{problem}");
    assert_eq!(site.json("/api/v1/boards").await["boards"][0]["problems"][0], problem);

    let path = "/api/v1/boards/web/remove";
    let reply = site.post(path, JSON, &json!({ "version": board["version"] }).to_string()).await;
    assert!(detail(&reply, 409).contains("it was changed since it was read"));
    let reply = site.post(path, JSON, &json!({ "version": bad["version"] }).to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert!(!file.exists());
    assert_eq!(site.get("/api/v1/boards/web").await.status, 404);
}

#[tokio::test]
async fn a_board_that_is_none_is_refused_with_all_its_problems_and_changes_nothing() {
    let site = Served::start().await;
    let bad = json!({ "text": "titel = \"x\"\n[[chart]]\ncolumn = \"load\"\n" });
    let words = detail(&put(&site, "web", &bad).await, 400);
    let lines: Vec<&str> = words.lines().collect();
    assert_eq!(lines.len(), 3, "{words}");
    assert!(lines[2].starts_with("web.toml:3:10: "), "{words}");
    for (name, status) in [("..%2fx", 400), ("a%20b", 400), ("%2e%2e", 400), ("a.b", 400)] {
        let reply = put(&site, name, &json!({ "text": TEXT })).await;
        assert_eq!(reply.status, status, "{name}: {}", reply.body);
    }
    let reply = put(&site, "web", &json!({ "text": TEXT, "version": "00" })).await;
    assert!(detail(&reply, 409).contains("it was removed since it was read"));
    let reply = site.send_body("PUT", "/api/v1/boards/web", "text/plain", "{}").await;
    assert_eq!(reply.status, 415, "{}", reply.body);
    assert_eq!(site.get("/api/v1/boards/web").await.status, 404);
    assert!(!site.dir.path().join("boards").exists());
}

#[tokio::test]
async fn a_board_may_be_as_large_as_its_limit_and_no_larger() {
    let site = Served::start().await;
    let of = |length: usize| json!({ "text": format!("{TEXT}#{}", "\\".repeat(length)) });
    let fits = 65_536 - TEXT.len() - 1;
    let reply = put(&site, "web", &of(fits)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert!(detail(&put(&site, "web2", &of(fits + 1)).await, 400).contains("at most 65536 bytes"));
    let body = json!({ "text": "x".repeat(MAX_BOARD_BODY_BYTES) });
    assert_eq!(put(&site, "web2", &body).await.status, 413);
    // Other routes stay at the limit of theirs.
    let body = json!({ "version": "x".repeat(10_000) }).to_string();
    assert_eq!(site.post("/api/v1/boards/web/remove", JSON, &body).await.status, 413);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_said_with_what_to_do() {
    let site = Served::start().await;
    fs::write(site.dir.path().join("boards"), "").unwrap();
    let page = site.json("/api/v1/boards").await;
    assert!(page["problems"][0].as_str().unwrap().contains("cannot be read"), "{page}");
    let words = detail(&put(&site, "web", &json!({ "text": TEXT })).await, 503);
    assert!(words.contains("cannot be written") && words.contains("put the file there by hand"));
}
