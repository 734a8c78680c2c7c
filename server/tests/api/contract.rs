//! The API keeps to its own document, asks for its token, packs, and does not send twice.

use std::time::Duration;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read as _,
    path::Path,
};

use roundsman::{model::State, query::FLEET_COLUMNS};
use serde_json::Value;

use super::site::{Reply, Served};

const DOCUMENT: &str = "/api/v1/openapi.json";

/// Method, path and description of every operation of the document.
async fn operations(site: &Served) -> Vec<(String, String, Value)> {
    let document = site.json(DOCUMENT).await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            all.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    all
}

/// A path with a host and a list, or a file, in it.
fn filled(path: &str) -> String {
    let name = if path.starts_with("/assets") { "main.js" } else { "web-1" };
    path.replace("{name}", name).replace("{table}", "disk")
}

fn problem(reply: &Reply, status: u16, what: &str) -> String {
    assert_eq!(reply.status, status, "{what}: {}", reply.body);
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{what}");
    let json: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(json["status"], status, "{what}");
    assert_eq!(json["type"], "about:blank", "{what}");
    assert!(!json["title"].as_str().unwrap().is_empty(), "{what}");
    json["detail"].as_str().unwrap().to_owned()
}

/// What is taken is what the refusal of an unknown parameter lists.
#[tokio::test]
async fn every_parameter_that_is_documented_is_taken_and_every_one_taken_is_documented() {
    const UNKNOWN: &str = "0";
    let site = Served::start().await;
    let mut seen = 0;
    for (method, path, operation) in operations(&site).await {
        let is_of_data = path.starts_with("/api/v1/") && path != DOCUMENT;
        if method != "GET" || !is_of_data {
            continue;
        }
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let documented: Vec<&str> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let reply = site.get(&format!("{}?{UNKNOWN}=1", filled(&path))).await;
        let refusal = problem(&reply, 400, &path);
        let taken = match documented[..] {
            [] => "this path takes none".to_owned(),
            _ => format!("expected one of: {}", documented.join(", ")),
        };
        assert_eq!(refusal, format!("unknown parameter {UNKNOWN:?}; {taken}"), "{path}");
        seen += documented.len();
    }
    assert!(seen >= 20, "{seen} parameters");
}

#[tokio::test]
async fn every_route_is_in_the_document_and_the_document_has_no_other() {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web");
    // The two that tell of the others.
    let mut written =
        BTreeSet::from([DOCUMENT, "/api"].map(|path| ("GET".to_owned(), path.to_owned())));
    let table: String =
        ["routes.rs", "said.rs"].map(|file| fs::read_to_string(web.join(file)).unwrap()).concat();
    for (word, method) in [(".get(\"", "GET"), (".post(\"", "POST"), (".put(\"", "PUT")] {
        let paths = table.split(word).skip(1).filter_map(|rest| rest.split('"').next());
        written.extend(paths.map(|path| (method.to_owned(), path.to_owned())));
    }
    // There is no way around the table.
    let mut folders = vec![web];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let found = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let (inner, own): (Vec<_>, Vec<_>) = found.partition(|path| path.is_dir());
        folders.extend(inner);
        files.extend(own);
    }
    assert!(files.len() > 40, "{files:?}");
    for file in files {
        let is_table = file.ends_with("openapi.rs");
        let text = fs::read_to_string(&file).unwrap();
        assert!(is_table || !text.contains(".route("), "{}: routes by itself", file.display());
    }
    let site = Served::start().await;
    let operations = operations(&site).await;
    let described: BTreeSet<_> =
        operations.iter().map(|(method, path, _)| (method.clone(), path.clone())).collect();
    assert_eq!(described, written);
    // So it is in the list for people: each once, with how it is asked, and nothing else.
    let list = site.get("/api").await.body;
    for (method, path) in &described {
        let lines = list.lines().filter(|line| {
            let is_asked_so = ["POST", "PUT"]
                .iter()
                .all(|verb| line.contains(&format!(" {verb}, JSON: ")) == (method == verb));
            line.split(' ').next() == Some(path) && is_asked_so
        });
        assert_eq!(lines.count(), 1, "{method} {path}: {list}");
    }
    assert_eq!(list.lines().filter(|line| line.starts_with('/')).count(), described.len());
    assert!(described.len() >= 25, "{described:?}");
    let names: BTreeSet<_> =
        operations.iter().map(|(.., operation)| operation["operationId"].to_string()).collect();
    assert_eq!(names.len(), operations.len(), "each has a name of its own");

    // A board of the name that paths are filled with.
    let boards = site.dir.path().join("boards");
    fs::create_dir(&boards).unwrap();
    fs::write(boards.join("web-1.toml"), "title = \"x\"\n").unwrap();
    for (method, path, operation) in &operations {
        // Without a body: a stream has no end.
        let method = if method == "GET" { "HEAD" } else { method };
        let reply = site.request(method, &filled(path)).await;
        assert!(![404, 405].contains(&reply.status), "{method} {path}: {}", reply.status);
        let status = reply.status.to_string();
        let described = operation["responses"].get(&status);
        assert!(described.is_some(), "{method} {path} answers {status}, which is not said");
    }
}

/// What generators of clients stumble over, wherever it stands.
fn stumbling(value: &Value, path: &str, found: &mut Vec<String>) {
    if let Value::Object(object) = value {
        let has = |key: &str| object.contains_key(key);
        if has("oneOf") || has("const") {
            found.push(format!("{path}: words that are not an enum"));
        }
        if object.get("type") == Some(&"array".into()) && !has("items") && !has("prefixItems") {
            found.push(format!("{path}: an array of nothing that is known"));
        }
        let content = object.get("content").and_then(Value::as_object);
        for kind in content.into_iter().flat_map(|content| content.keys()) {
            let is_read =
                kind.starts_with("text/") || kind.ends_with("json") || kind == "image/svg+xml";
            if !is_read {
                found.push(format!("{path}: no client reads {kind}"));
            }
        }
        for (key, inner) in object {
            stumbling(inner, &format!("{path}/{key}"), found);
        }
    } else if let Value::Array(list) = value {
        for (index, inner) in list.iter().enumerate() {
            stumbling(inner, &format!("{path}/{index}"), found);
        }
    }
}

#[tokio::test]
async fn a_client_can_be_made_of_the_document() {
    let site = Served::start().await;
    let document = site.json(DOCUMENT).await;
    let mut found = Vec::new();
    stumbling(&document, "", &mut found);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    // Two types of one name are told apart by a number.
    let is_plain = |name: &String| name.chars().all(|letter| letter.is_ascii_alphabetic());
    found.extend(schemas.keys().filter(|name| !is_plain(name)).cloned());
    assert_eq!(found, Vec::<String>::new());
    let states: Vec<&str> = State::ALL.iter().map(|state| state.as_str()).collect();
    let state = &schemas["State"];
    assert_eq!((&state["type"], &state["enum"]), (&"string".into(), &serde_json::json!(states)));
    let meanings = state["x-enum-descriptions"].as_array().unwrap();
    assert!(meanings.iter().all(|one| one.as_str().is_some_and(|text| !text.is_empty())));
    assert_eq!(meanings.len(), states.len());
    // A row has a cell for each column, each of a type of its own.
    let row = &schemas["FleetRow"];
    let cells = row["prefixItems"].as_array().unwrap().iter();
    let names: Vec<&str> = cells.map(|cell| cell["description"].as_str().unwrap()).collect();
    assert_eq!((names.as_slice(), row["minItems"].as_u64()), (FLEET_COLUMNS, Some(28)));
    assert_eq!(row["prefixItems"][3]["$ref"], "#/components/schemas/State");
    // What may be left out of a request is not asked for.
    for body in ["PauseAsked", "ReloadAsked"] {
        assert_eq!(schemas[body]["required"], Value::Null, "{body}");
    }
}

/// What a route says of its own parameters when it is given another.
#[tokio::test]
async fn the_parameters_of_the_document_are_those_of_the_routes() {
    let site = Served::start().await;
    let mut checked = BTreeMap::new();
    for (method, path, operation) in operations(&site).await {
        if operation["responses"].get("400").is_none() || path.starts_with("/assets") {
            continue;
        }
        let list = operation["parameters"].as_array().cloned().unwrap_or_default();
        let names = list.iter().filter(|param| param["in"] == "query").map(|param| &param["name"]);
        let names: Vec<_> = names.map(|name| name.as_str().unwrap().to_owned()).collect();
        let reply = site.request(&method, &format!("{}?qqqqqqqqqq=1", filled(&path))).await;
        let detail = problem(&reply, 400, &path);
        let known = match detail.split_once("; expected one of: ") {
            Some((_, known)) => known.split(", ").map(str::to_owned).collect(),
            None => Vec::new(),
        };
        let sorted = |mut names: Vec<String>| {
            names.sort();
            names
        };
        assert_eq!(sorted(names.clone()), sorted(known), "{method} {path}: {detail}");
        checked.insert(path, names.len());
    }
    assert!(checked.len() >= 15 && checked.values().sum::<usize>() >= 20, "{checked:?}");
}

#[tokio::test]
async fn whatever_goes_wrong_is_a_problem_that_says_what() {
    let site = Served::start().await;
    for (method, path, status, word) in [
        ("GET", "/nothing", 404, "nothing is served at /nothing"),
        ("GET", "/assets/nothing.js", 404, "no file"),
        ("GET", "/api/v1/hosts/nobody", 404, "nobody"),
        ("GET", "/api/v1/hosts/%ff", 400, "the path cannot be read"),
        ("GET", "/api/v1/hosts?limit=0", 400, "\"limit\""),
        ("GET", "/api/v1/hosts/web-1/alert", 400, "\"rule\" is missing"),
        ("POST", "/api/v1/hosts/web-1/accept", 415, "content-type application/json"),
        ("DELETE", "/api/v1/hosts", 405, "read with GET"),
        ("GET", "/api/v1/hosts/web-1/pause", 405, "done with POST"),
    ] {
        let reply = site.request(method, path).await;
        let detail = problem(&reply, status, path);
        assert!(detail.contains(word), "{path}: {detail}");
        assert_eq!(reply.header("allow").is_some(), status == 405, "{path}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_not_read() {
    let site = Served::start().await;
    let body = |bytes: usize| format!("{{\"reason\": \"{}\"}}", "x".repeat(bytes - 14));
    let path = "/api/v1/hosts/web-1/pause";
    let limit = roundsman::web::MAX_BODY_BYTES;
    let over = site.post(path, "application/json", &body(limit + 1)).await;
    problem(&over, 413, "over");
    // It is read, and then too long for a reason.
    let at = site.post(path, "application/json", &body(limit)).await;
    assert!(problem(&at, 400, "at").contains("\"reason\""));
}

#[tokio::test]
async fn without_the_token_nothing_but_health_is_answered() {
    let site = Served::start_guarded("s3cret").await;
    let bearer = "Authorization: Bearer s3cret\r\n";
    let document = site.ask("GET", DOCUMENT, bearer).await;
    let document: Value = serde_json::from_str(&document.body).unwrap();
    assert_eq!(document["security"][0], serde_json::json!({ "token": [] }));
    let mut paths: Vec<String> =
        document["paths"].as_object().unwrap().keys().map(|path| filled(path)).collect();
    paths.push("/nothing".to_owned());
    for path in &paths {
        let is_open = path == "/healthz"
            || path == "/leader"
            || path.starts_with("/login")
            || path.starts_with("/assets/");
        for (header, lets) in [
            ("", is_open),
            ("Authorization: Bearer s3cre\r\n", is_open),
            // me:wrong
            ("Authorization: Basic bWU6d3Jvbmc=\r\n", is_open),
            (bearer, true),
            // me:s3cret
            ("Authorization: Basic bWU6czNjcmV0\r\n", true),
        ] {
            // Who is wrong all the time is not heard.
            site.clock.advance(Duration::from_secs(1));
            let reply = site.ask("HEAD", path, header).await;
            assert_eq!(reply.status != 401, lets, "{path} {header}: {}", reply.status);
            let asks = reply.header("www-authenticate").unwrap_or_default();
            assert_eq!(asks.starts_with("Basic realm="), !lets, "a browser asks its user: {asks}");
        }
    }
    let refused = site.get("/api/v1/hosts").await;
    let detail = problem(&refused, 401, "no token");
    assert!(!detail.contains("s3cret") && !detail.contains("web-1"), "{detail}");
}

#[tokio::test]
async fn an_answer_is_packed_for_who_can_unpack_it() {
    let site = Served::start().await;
    for path in ["/api/v1/columns", "/api/v1/hosts", "/assets/main.js", "/"] {
        let plain = site.get(path).await;
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        let bytes = site.bytes("GET", path, "Accept-Encoding: gzip\r\n").await;
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        assert!(head.contains("content-encoding: gzip"), "{path}: {head}");
        assert!(head.contains("vary: accept-encoding"), "{path}: {head}");
        let packed = unchunked(&bytes[end + 4..], &head);
        assert!(packed.len() < plain.body.len(), "{path}");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, plain.body, "{path}");
    }
    for path in ["/healthz", "/api/v1/stream"] {
        let reply = site.ask("HEAD", path, "Accept-Encoding: gzip\r\n").await;
        assert_eq!((reply.status, reply.header("content-encoding")), (200, None), "{path}");
    }
}

/// The content of chunks (RFC 9112, 7.1).
fn unchunked(mut body: &[u8], head: &str) -> Vec<u8> {
    if !head.contains("transfer-encoding: chunked") {
        return body.to_vec();
    }
    let mut all = Vec::new();
    loop {
        let end = body.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = std::str::from_utf8(&body[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return all;
        }
        all.extend(&body[end + 2..end + 2 + size]);
        body = &body[end + 4 + size..];
    }
}

#[tokio::test]
async fn a_file_of_the_page_is_kept_by_the_address_that_the_page_has_for_it_alone() {
    let site = Served::start().await;
    let page = site.get("/").await;
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    let files: Vec<_> = page.body.split("=\"./assets/").skip(1).collect();
    assert_eq!(files.len(), 6, "{}", page.body);
    for file in files {
        let (file, _) = file.split_once('"').unwrap();
        let kept = site.get(&format!("/assets/{file}")).await;
        assert_eq!(kept.status, 200, "{file}");
        assert_eq!(kept.header("cache-control"), Some("max-age=31536000, immutable"), "{file}");
        let (name, _) = file.split_once('?').unwrap();
        for other in ["", "?", "?0123456789abcdef"] {
            let asked = site.get(&format!("/assets/{name}{other}")).await;
            assert_eq!(asked.header("cache-control"), Some("no-cache"), "{name}{other}");
            assert_eq!(asked.body, kept.body, "{name}{other}");
        }
    }
}

#[tokio::test]
async fn what_the_client_holds_is_not_sent_again() {
    let site = Served::start().await;
    for path in ["/api/v1/columns", DOCUMENT, "/assets/main.js"] {
        let first = site.get(path).await;
        let tag = first.header("etag").unwrap().to_owned();
        for held in [tag.clone(), format!("\"other\", {tag}"), "*".to_owned()] {
            let again = site.ask("GET", path, &format!("If-None-Match: {held}\r\n")).await;
            assert_eq!((again.status, again.body.as_str()), (304, ""), "{path} {held}");
            assert_eq!(again.header("etag"), Some(tag.as_str()));
        }
        let other = site.ask("GET", path, "If-None-Match: \"other\"\r\n").await;
        assert_eq!((other.status, other.body), (200, first.body), "{path}");
    }
}

/// Generators of clients take another integer for one of 32 bits, which no moment fits in.
#[tokio::test]
async fn every_number_of_the_document_has_a_format_that_holds_it() {
    let site = Served::start().await;
    let document = site.json(DOCUMENT).await;
    let (mut rest, mut numbers) = (vec![&document], 0);
    while let Some(value) = rest.pop() {
        match value {
            Value::Array(all) => rest.extend(all),
            Value::Object(all) => rest.extend(all.values()),
            _ => {}
        }
        let kinds = match &value["type"] {
            Value::Array(kinds) => kinds.clone(),
            kind => vec![kind.clone()],
        };
        let formats: &[&str] = match () {
            () if kinds.iter().any(|kind| kind == "integer") => &["int32", "int64"],
            () if kinds.iter().any(|kind| kind == "number") => &["double"],
            () => continue,
        };
        let format = value["format"].as_str().unwrap_or_default();
        assert!(formats.contains(&format), "{format:?} in {value}");
        numbers += 1;
    }
    assert!(numbers > 200, "{numbers}");
    let moment = &document["components"]["schemas"]["Poll"]["properties"]["slot_ms"];
    assert_eq!(moment["format"], "int64");
}
