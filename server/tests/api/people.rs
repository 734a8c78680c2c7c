//! Who may ask, for what, and what of the fleet they see: every route as nobody and as every role, two groups
//! that see nothing of each other, and the attacks on sessions of browsers, each a row with what comes of it.

use std::{path::Path, sync::Arc};

use roundsman::{
    access::{self, Keyring},
    config::Secret,
    live::HostView,
    model::{GroupName, Role, State},
    store::Registration,
    web::Access,
};
use serde_json::Value;

use super::site::{NOW, Reply, Served, good, name};

/// What of each method is not what that method usually needs: the role, and whether it is about the server as a
/// whole. What is not here a viewer may read and an operator change.
const NOT_USUAL: &[(&str, &str, Role, bool)] = &[
    ("get", "/api/v1/audit", Role::Admin, true),
    ("get", "/api/v1/boards", Role::Viewer, true),
    ("get", "/api/v1/boards/{name}", Role::Viewer, true),
    ("put", "/api/v1/boards/{name}", Role::Operator, true),
    ("post", "/api/v1/boards/{name}/remove", Role::Operator, true),
    ("get", "/api/v1/inventory", Role::Viewer, true),
    ("post", "/api/v1/inventory/reload", Role::Admin, true),
    ("get", "/api/v1/losses", Role::Viewer, true),
    ("get", "/api/v1/server", Role::Viewer, true),
    ("get", "/api/v1/server/events", Role::Viewer, true),
    ("post", "/api/v1/session/end", Role::Viewer, false),
    ("get", "/api/v1/tokens", Role::Admin, true),
    ("get", "/metrics", Role::Viewer, true),
    ("get", "/readyz", Role::Viewer, true),
];

/// What everybody is answered.
const OPEN: &[(&str, &str)] = &[
    ("get", "/healthz"),
    ("get", "/leader"),
    ("get", "/login"),
    ("get", "/login/oidc"),
    ("get", "/login/oidc/callback"),
    ("get", "/assets/{name}"),
    ("post", "/api/v1/session"),
];

const TOKENS: [&str; 5] = ["viewer", "operator", "admin", "limited", "expired"];

fn file(without: &str) -> String {
    let entries = TOKENS.iter().filter(|name| **name != without).map(|name| {
        let role = if *name == "limited" || *name == "expired" { "operator" } else { name };
        let more = match *name {
            "limited" => "groups = [\"web\"]\n",
            "expired" => "expires = \"2026-03-01\"\n",
            _ => "",
        };
        let digest = access::Digest::of(format!("rm_{name}").as_bytes());
        format!("[[token]]\nname = \"{name}\"\nrole = \"{role}\"\n{more}sha256 = \"{digest}\"\n")
    });
    entries.collect()
}

fn keyring() -> Keyring {
    let keyring = Keyring::default();
    keyring.change(access::parse("access.toml", &file("")).unwrap());
    keyring
}

async fn site() -> Served {
    Served::start_for_people(Access::default().with_keyring(keyring())).await
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer rm_{token}\r\n")
}

async fn post(site: &Served, path: &str, more: &str, body: &str) -> Reply {
    send(site, "POST", path, more, body).await
}

async fn send(site: &Served, method: &str, path: &str, more: &str, body: &str) -> Reply {
    let length = body.len();
    let head = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n{more}");
    site.exchange(&format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}\r\n{body}"
    ))
    .await
}

/// The path of an operation, about a host.
fn filled(path: &str, host: &str) -> String {
    let of = if path.starts_with("/assets") { "main.js" } else { host };
    let path = path.replace("{name}", of).replace("{table}", "disk").replace("{id}", "none");
    match path.as_str() {
        "/api/v1/series" => format!("{path}?column=cpu_busy_pct"),
        "/api/v1/top" => format!("{path}?column=cpu_busy_pct"),
        one if one.ends_with("/alert") => format!("{path}?rule=x"),
        one if one.ends_with("/series/disk") => format!("{path}?columns=read_bytes_per_s"),
        _ => path,
    }
}

/// Every operation of the document: method, path, and what stands beside.
async fn operations(site: &Served) -> Vec<(String, String, Value)> {
    let document = site.ask("GET", "/api/v1/openapi.json", &bearer("viewer")).await;
    assert_eq!(document.status, 200, "{}", document.body);
    let document: Value = serde_json::from_str(&document.body).unwrap();
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            all.push((method.clone(), path.clone(), operation.clone()));
        }
    }
    assert!(all.len() > 40, "{}", all.len());
    all
}

async fn asked(site: &Served, method: &str, path: &str, more: &str) -> Reply {
    match method {
        "get" => site.ask("HEAD", path, more).await,
        _ => send(site, &method.to_uppercase(), path, more, "{}").await,
    }
}

#[tokio::test]
async fn every_route_is_for_its_roles_and_for_nobody_else() {
    let site = site().await;
    for (method, path, operation) in operations(&site).await {
        let is_open = OPEN.contains(&(&*method, &*path));
        let usual = if method == "get" { Role::Viewer } else { Role::Operator };
        let mut known = NOT_USUAL.iter().filter(|(of, at, ..)| (*of, *at) == (&*method, &*path));
        let (role, is_whole) =
            known.next().map_or((usual, false), |(_, _, role, is_whole)| (*role, *is_whole));
        let said = (operation["x-role"].as_str(), operation["x-whole-fleet"].as_bool());
        let expected = (!is_open).then(|| (role.as_str(), is_whole)).unzip();
        assert_eq!(said, expected, "{method} {path}");
        let target = filled(&path, "web-1");
        for who in ["", "nobody", "viewer", "operator", "admin", "limited", "expired"] {
            // Who is wrong all the time is not heard.
            site.clock.advance(std::time::Duration::from_secs(1));
            let more = if who.is_empty() { String::new() } else { bearer(who) };
            let status = asked(&site, &method, &target, &more).await.status;
            let what = format!("{method} {path} as {who:?}: {status}");
            let own = match who {
                "viewer" => Some(Role::Viewer),
                "operator" | "limited" => Some(Role::Operator),
                "admin" => Some(Role::Admin),
                _ => None,
            };
            match own {
                _ if is_open => assert!(status != 403, "{what}"),
                None => assert_eq!(status, 401, "{what}"),
                Some(own) if own < role || (is_whole && who == "limited") => {
                    assert_eq!(status, 403, "{what}");
                }
                Some(_) => assert!(![401, 403].contains(&status), "{what}"),
            }
        }
    }
}

#[tokio::test]
async fn prometheus_is_told_of_the_groups_of_its_token_alone() {
    super::prometheus::a_limited_token_sees_its_own(&site().await, "rm_limited").await;
}

/// A fleet of two groups. What stands in `OTHERS` is of the other one, or of no group.
const OTHERS: [&str; 6] = ["db-1", "old-1", "10.0.0.3", "10.0.0.4", "secret-rack", "dbgroup"];

async fn two_groups() -> Served {
    let site = site().await;
    let group = GroupName::new("dbgroup").unwrap();
    let registration = Registration {
        name: name("db-1"),
        group: Some(group.clone()),
        labels: [("rack".to_owned(), "secret-rack".to_owned())].into(),
        addresses: vec!["10.0.0.3:50051".to_owned()],
        renamed_from: None,
    };
    let web = Registration {
        name: name("web-1"),
        group: Some(GroupName::new("web").unwrap()),
        labels: [].into(),
        addresses: vec!["10.0.0.1:50051".to_owned()],
        renamed_from: None,
    };
    site.store.register(vec![registration, web], NOW).await.unwrap();
    let db = site.live.host("db-1").unwrap();
    site.live.publish(HostView {
        group: Some(group),
        labels: Arc::new([("rack".to_owned(), "secret-rack".to_owned())].into()),
        addresses: ["10.0.0.3:50051".into()].into(),
        ..HostView::clone(&db)
    });
    let web = site.live.host("web-1").unwrap();
    let mut last = good("web-1", web.id, NOW);
    last.error = Some("it answers as db-1".into());
    site.live.publish(HostView {
        parent: Some(name("db-1")),
        unreachable_because: Some(name("db-1")),
        reason: "down. Its parent db-1 is down, which explains it.".into(),
        cause: Some("the machine is that of \"db-1\"".into()),
        last: Some(Arc::new(last)),
        ..HostView::clone(&web)
    });
    site
}

fn leaked(text: &str) -> Vec<&'static str> {
    OTHERS.into_iter().filter(|other| text.contains(other)).collect()
}

#[tokio::test]
async fn a_limited_token_sees_its_groups_and_no_byte_of_others() {
    let site = two_groups().await;
    let mut answered = 0;
    for (method, path, _) in operations(&site).await {
        if method != "get" || path == "/api/v1/stream" {
            continue;
        }
        let path = filled(&path, "web-1");
        let whole = site.ask("GET", &path, &bearer("admin")).await;
        let reply = site.ask("GET", &path, &bearer("limited")).await;
        assert_eq!(leaked(&reply.body), Vec::<&str>::new(), "{path}: {}", reply.body);
        answered += usize::from(reply.status == 200 && !leaked(&whole.body).is_empty());
    }
    assert!(answered >= 4, "{answered} answers have something to hide");
    let json = async |path: &str| -> Value {
        let reply = site.ask("GET", path, &bearer("limited")).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        serde_json::from_str(&reply.body).unwrap()
    };
    let fleet = json("/api/v1/fleet").await;
    let counted: u64 =
        fleet["counts"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!((counted, fleet["hosts"].as_array().unwrap().len()), (2, 2));
    assert_eq!(json("/api/v1/hosts").await["total"], 2);
    assert_eq!(json("/api/v1/hosts?text=secret").await["total"], 0);
    assert_eq!(json("/api/v1/hosts?state=retired").await["total"], 0);
    assert_eq!(json("/api/v1/hosts?group=dbgroup").await["total"], 0);
    assert_eq!(json("/api/v1/top?column=cpu_busy_pct").await["hosts"], 2);
    assert_eq!(json("/api/v1/events?from=0").await["events"].as_array().unwrap().len(), 0);
    let why = json("/api/v1/hosts/web-1/why").await.to_string();
    assert!(why.contains("Its parent (another host) is down"), "{why}");
}

/// As one that does not exist, to the byte but for its name.
#[tokio::test]
async fn a_host_of_another_group_is_not_there() {
    let site = two_groups().await;
    for (method, path, _) in operations(&site).await {
        if !path.contains("/hosts/{name}") || !path.starts_with("/api") {
            continue;
        }
        let reply = |host: &'static str, who: &'static str| {
            let (site, method, path) = (&site, method.clone(), filled(&path, host));
            async move {
                let more = bearer(who);
                match &*method {
                    "get" => site.ask("GET", &path, &more).await,
                    _ => post(site, &path, &more, "{}").await,
                }
            }
        };
        for host in ["db-1", "old-1"] {
            let there = reply(host, "limited").await;
            let nowhere = reply("no-1", "limited").await;
            let as_nowhere = nowhere.body.replace("no-1", host);
            assert_eq!((there.status, there.body), (nowhere.status, as_nowhere), "{method} {path}");
            assert!(nowhere.status >= 400, "{method} {path}");
        }
    }
    for path in ["/api/v1/series?column=load_1&hosts=db-1", "/api/v1/top?column=load_1&hosts=db-1"]
    {
        assert_eq!(site.ask("GET", path, &bearer("limited")).await.status, 404, "{path}");
        assert_eq!(site.ask("GET", path, &bearer("admin")).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_limited_token_removes_the_annotations_alone_that_it_could_have_written() {
    let site = two_groups().await;
    let path = "/api/v1/annotations";
    for (about, status) in [
        ("", 404),
        (", \"hosts\": [\"web-1\"]", 404),
        (", \"groups\": [\"dbgroup\"]", 404),
        (", \"groups\": [\"dbgroup\", \"web\"]", 404),
        (", \"groups\": [\"web\"]", 200),
    ] {
        let body = format!("{{\"text\": \"as db-1 was\"{about}}}");
        let said = post(&site, path, &bearer("admin"), &body).await;
        assert_eq!(said.status, 201, "{}", said.body);
        let said: Value = serde_json::from_str(&said.body).unwrap();
        let remove = format!("{path}/{}/remove", said["id"].as_str().unwrap());
        let gone = post(&site, &remove, &bearer("limited"), "{}").await;
        assert_eq!(gone.status, status, "{about}: {}", gone.body);
        assert_eq!(leaked(&gone.body), Vec::<&str>::new(), "{}", gone.body);
        if status == 404 {
            assert!(gone.body.contains("is about more than your groups"), "{}", gone.body);
            let kept = post(&site, &remove, &bearer("operator"), "{}").await;
            assert_eq!(kept.status, 200, "{}", kept.body);
        }
    }
}

#[tokio::test]
async fn a_limited_stream_has_its_groups_alone() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let site = two_groups().await;
    let mut texts = Vec::new();
    for who in ["limited", "admin"] {
        let mut stream = tokio::net::TcpStream::connect(site.address).await.unwrap();
        let request =
            format!("GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n{}\r\n", bearer(who));
        stream.write_all(request.as_bytes()).await.unwrap();
        texts.push((stream, String::new()));
    }
    let read = async |(stream, text): &mut (tokio::net::TcpStream, String), until: &str| {
        let mut some = [0; 4096];
        while !text.contains(until) {
            let bytes = super::site::soon(stream.read(&mut some)).await.unwrap();
            assert_ne!(bytes, 0, "the stream ended: {text}");
            text.push_str(&String::from_utf8_lossy(&some[..bytes]));
        }
    };
    for one in &mut texts {
        read(one, "event: fleet").await;
    }
    // Both change: the one sees one of them.
    for host in ["db-1", "web-2"] {
        let view = site.live.host(host).unwrap();
        site.live.publish(HostView { state: State::Degraded, ..HostView::clone(&view) });
    }
    for one in &mut texts {
        read(one, "event: change").await;
        read(one, "\"degraded\"").await;
    }
    assert_eq!(leaked(&texts[0].1), Vec::<&str>::new(), "{}", texts[0].1);
    assert!(texts[1].1.contains("db-1"));
}

/// The cookie of a browser that signs in, as it sends it back; and how it was given.
async fn sign_in(site: &Served, token: &str, more: &str) -> (String, String) {
    let reply = post(site, "/api/v1/session", more, &format!("{{\"token\":\"rm_{token}\"}}")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let given = reply.header("set-cookie").unwrap().to_owned();
    let pair = given.split(';').next().unwrap();
    (format!("Cookie: {pair}\r\n"), given)
}

const OWN_PAGE: &str = "Sec-Fetch-Site: same-origin\r\n";

#[tokio::test]
async fn a_browser_signs_in_with_a_token_and_out_again() {
    let site = site().await;
    let (cookie, given) = sign_in(&site, "operator", OWN_PAGE).await;
    assert!(given.starts_with("roundsman=rm_"), "{given}");
    assert!(given.ends_with("; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict"), "{given}");
    let who = site.ask("GET", "/api/v1/session", &cookie).await;
    let who: Value = serde_json::from_str(&who.body).unwrap();
    assert_eq!(
        who,
        serde_json::json!({"name": "operator", "role": "operator", "groups": null, "how": "session"})
    );
    let own = format!("{cookie}{OWN_PAGE}");
    let pause = "/api/v1/hosts/web-1/pause";
    assert_eq!(post(&site, pause, &own, "{}").await.status, 200);
    assert_eq!(post(&site, "/api/v1/inventory/reload", &own, "{}").await.status, 403);
    let ended = post(&site, "/api/v1/session/end", &own, "{}").await;
    assert_eq!(ended.status, 204);
    assert!(ended.header("set-cookie").unwrap().starts_with("roundsman=; Path=/; Max-Age=0"));
    assert_eq!(site.ask("GET", "/api/v1/session", &cookie).await.status, 401, "replayed");
}

#[tokio::test]
async fn a_browser_without_a_session_is_led_to_where_one_signs_in_and_back() {
    let site = site().await;
    let html = "Accept: text/html,*/*\r\nAccept-Language: en\r\n";
    for (path, place) in [
        ("/", "./login?to=%2F"),
        ("/alerts?rule=x%20y", "./login?to=%2Falerts%3Frule%3Dx%2520y"),
        ("/hosts/web-1", ".././login?to=%2Fhosts%2Fweb-1"),
        ("//evil.example/x", "../.././login?to=%2F%2Fevil.example%2Fx"),
        ("/%0d%0aSet-Cookie:x=y", "./login?to=%2F%250d%250aSet-Cookie%3Ax%3Dy"),
    ] {
        let reply = site.ask("GET", path, html).await;
        assert_eq!((reply.status, reply.header("location")), (303, Some(place)), "{path}");
        assert_eq!(reply.header("set-cookie"), None);
    }
    // A script of the page gets no window in which the browser asks; a program gets to know both ways.
    let page = site.ask("GET", "/api/v1/fleet", "Accept-Language: en\r\n").await;
    assert_eq!(
        (page.status, page.header("www-authenticate")),
        (401, Some("Bearer realm=\"Roundsman\""))
    );
    let program = site.get("/api/v1/fleet").await;
    assert!(program.header("www-authenticate").unwrap().starts_with("Basic"));
    assert_eq!(site.ask("GET", "/login", html).await.status, 200);
    let expired = site.ask("GET", "/api/v1/fleet", &bearer("expired")).await;
    assert!(expired.body.contains("the token of expired has expired"), "{}", expired.body);
}

const PAUSE: &str = "/api/v1/hosts/web-1/pause";

/// Attacks with the cookie of somebody who has signed in: what is sent, and the status that comes of it.
const ATTACKS: [(&str, &str, &str, &str, &str, u16); 11] = [
    (
        "a form of another site",
        "POST",
        PAUSE,
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n",
        "text/plain",
        403,
    ),
    ("a form of a sibling", "POST", PAUSE, "Sec-Fetch-Site: same-site\r\n", "text/plain", 403),
    ("a form without a word of where it is from", "POST", PAUSE, "", "text/plain", 403),
    ("JSON without a word of where it is from", "POST", PAUSE, "", "application/json", 403),
    (
        "another origin, from an old browser",
        "POST",
        PAUSE,
        "Origin: http://evil.example\r\n",
        "application/json",
        403,
    ),
    ("a form of our own origin", "POST", PAUSE, OWN_PAGE, "text/plain", 415),
    (
        "signing in from another site",
        "POST",
        "/api/v1/session",
        "Sec-Fetch-Site: cross-site\r\n",
        "application/json",
        403,
    ),
    (
        "signing out from another site",
        "POST",
        "/api/v1/session/end",
        "Sec-Fetch-Site: cross-site\r\n",
        "application/json",
        403,
    ),
    (
        "reading as another site",
        "GET",
        "/api/v1/fleet",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\n",
        "",
        403,
    ),
    (
        "a role that somebody gives themselves",
        "POST",
        "/api/v1/inventory/reload",
        "X-Forwarded-User: root\r\nX-Role: admin\r\nSec-Fetch-Site: same-origin\r\n",
        "application/json",
        403,
    ),
    (
        "a wrong token beside the cookie",
        "GET",
        "/api/v1/fleet",
        "Authorization: Bearer x\r\n",
        "",
        401,
    ),
];

/// Each attack is a row with what comes of it.
#[tokio::test]
async fn attacks_on_sessions_and_tokens_come_to_nothing() {
    let site = site().await;
    let (cookie, _) = sign_in(&site, "operator", OWN_PAGE).await;
    let forged = "Cookie: roundsman=rm_chosen\r\n";
    let two = format!("{}; roundsman=rm_chosen\r\n", cookie.trim_end());
    for (attack, method, path, more, kind, status) in ATTACKS {
        let more = format!("{cookie}{more}");
        let reply = match method {
            "GET" => site.ask("GET", path, &more).await,
            _ => {
                let head = format!("Content-Type: {kind}\r\nContent-Length: 2\r\n{more}");
                let head = format!(
                    "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}"
                );
                site.exchange(&format!("{head}\r\n{{}}")).await
            }
        };
        assert_eq!(reply.status, status, "{attack}: {}", reply.body);
    }
    // Fixation: the id that a browser came with is never one that is good afterwards.
    let (fresh, _) = sign_in(&site, "viewer", &format!("{forged}{OWN_PAGE}")).await;
    for (attack, cookie, status) in [
        ("an id that somebody chose", forged, 401),
        ("two cookies, of which one was put there", &*two, 401),
        ("the session that was given", &*fresh, 200),
        ("the token as the cookie", "Cookie: roundsman=rm_operator\r\n", 401),
    ] {
        assert_eq!(site.ask("GET", "/api/v1/session", cookie).await.status, status, "{attack}");
    }
    // Whoever signs in again ends the session before.
    let (again, _) = sign_in(&site, "operator", &format!("{cookie}{OWN_PAGE}")).await;
    assert_eq!(site.ask("GET", "/api/v1/session", &cookie).await.status, 401, "the one before");
    assert_eq!(site.ask("GET", "/api/v1/session", &again).await.status, 200);
}

#[tokio::test]
async fn a_revoked_token_ends_its_sessions_at_once() {
    let keyring = keyring();
    let site = Served::start_for_people(Access::default().with_keyring(keyring.clone())).await;
    let (cookie, _) = sign_in(&site, "operator", OWN_PAGE).await;
    keyring.change(access::parse("access.toml", &file("operator")).unwrap());
    assert_eq!(site.ask("GET", "/api/v1/session", &cookie).await.status, 401);
    // Nor does it come back for another token of the same name.
    let other = file("operator")
        + &format!(
            "[[token]]\nname = \"operator\"\nrole = \"admin\"\nsha256 = \"{}\"\n",
            access::Digest::of(b"another")
        );
    keyring.change(access::parse("access.toml", &other).unwrap());
    assert_eq!(site.ask("GET", "/api/v1/session", &cookie).await.status, 401);
}

fn kept_in(folder: &Path) -> Access {
    Access::new(Some(&Secret::new("shared")), &[])
        .with_keyring(keyring())
        .with_sessions(folder.join("sessions.json"), NOW)
}

#[tokio::test]
async fn a_session_outlives_a_restart_and_its_file_holds_nothing_to_sign_in_with() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let site = Served::start_for_people(kept_in(folder.path())).await;
    let (cookie, _) = sign_in(&site, "operator", OWN_PAGE).await;
    drop(site);
    let path = folder.path().join("sessions.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let id = cookie.trim().split('=').nth(1).unwrap();
    assert!(text.len() > 100 && !text.contains(id) && !text.contains("rm_"), "{text}");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let site = Served::start_for_people(kept_in(folder.path())).await;
    assert_eq!(site.ask("GET", "/api/v1/session", &cookie).await.status, 200);
    let own = format!("{cookie}{OWN_PAGE}");
    assert_eq!(post(&site, "/api/v1/session/end", &own, "{}").await.status, 204);
    let site = Served::start_for_people(kept_in(folder.path())).await;
    assert_eq!(site.ask("GET", "/api/v1/session", &cookie).await.status, 401);
}

#[tokio::test]
async fn who_guesses_tokens_where_one_signs_in_is_not_heard_for_a_while() {
    let site = site().await;
    let mut statuses = Vec::new();
    for number in 0..25 {
        let guess = format!("{{\"token\":\"rm_{number}\"}}");
        statuses.push(post(&site, "/api/v1/session", OWN_PAGE, &guess).await.status);
    }
    assert_eq!(statuses[..20], [401; 20]);
    assert_eq!(statuses[20..], [429; 5]);
    let right = "{\"token\":\"rm_viewer\"}";
    assert_eq!(post(&site, "/api/v1/session", OWN_PAGE, right).await.status, 429);
    site.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(post(&site, "/api/v1/session", OWN_PAGE, right).await.status, 200);
}

#[tokio::test]
async fn every_answer_is_for_this_site_alone_and_what_it_says_of_the_fleet_is_not_kept() {
    let site = site().await;
    let more = bearer("admin");
    for path in ["/api/v1/fleet", "/", "/login", "/nothing", "/assets/main.js", "/metrics"] {
        let reply = site.ask("GET", path, &more).await;
        for (field, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(reply.header(field), Some(value), "{path}");
        }
        assert!(reply.header("permissions-policy").is_some_and(|all| all.contains("camera=()")));
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    }
    assert_eq!(
        site.ask("GET", "/api/v1/fleet", &more).await.header("cache-control"),
        Some("no-store")
    );
    assert_eq!(
        site.get("/api/v1/fleet").await.header("cache-control"),
        Some("no-store"),
        "refused"
    );
}

#[tokio::test]
async fn each_change_and_each_sign_in_is_kept_with_who_asked_and_wrong_tokens_are_summed() {
    let site = site().await;
    let (cookie, _) = sign_in(&site, "operator", OWN_PAGE).await;
    let own = format!("{cookie}{OWN_PAGE}");
    post(&site, "/api/v1/hosts/web-1/pause", &own, "{}").await;
    post(&site, "/api/v1/inventory/reload", &bearer("viewer"), "{}").await;
    send(&site, "PUT", "/api/v1/boards/web", &bearer("operator"), "{}").await;
    site.ask("GET", "/api/v1/fleet", &bearer("admin")).await;
    for number in 0..9 {
        site.ask("GET", "/api/v1/fleet", &bearer(&format!("guess{number}"))).await;
    }
    let long = format!("/api/v1/hosts/{}/resume", "x".repeat(600));
    post(&site, &long, &bearer("operator"), "{}").await;
    super::site::soon(site.writer.settle(std::time::Duration::from_secs(60))).await;
    let page = site.ask("GET", "/api/v1/audit?from=0", &bearer("admin")).await;
    let page: Value = serde_json::from_str(&page.body).unwrap();
    let line = |entry: &Value| {
        let text = |key: &str| entry[key].as_str().unwrap_or("-").to_owned();
        let what = text("what").chars().take(40).collect::<String>();
        assert!(text("what").len() <= 512, "cut");
        format!("{} {} {} {} {what}", text("who"), text("how"), entry["status"], entry["times"])
    };
    let mut lines: Vec<String> = page["entries"].as_array().unwrap().iter().map(line).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            // The first of a minute is said at once, the others with the next minute's.
            "- refused 401 1 wrong token",
            "operator session 200 1 POST /api/v1/hosts/web-1/pause",
            "operator session 200 1 POST /api/v1/session",
            "operator token 400 1 PUT /api/v1/boards/web",
            "operator token 404 1 POST /api/v1/hosts/xxxxxxxxxxxxxxxxxxxxx",
            "viewer token 403 1 POST /api/v1/inventory/reload",
        ]
    );
    assert!(!page.to_string().contains("rm_"), "{page}");
    site.clock.advance(std::time::Duration::from_secs(60));
    site.ask("GET", "/api/v1/fleet", &bearer("guess")).await;
    super::site::soon(site.writer.settle(std::time::Duration::from_secs(60))).await;
    let all = site.store.audit(roundsman::store::Span::ALL, 99).await.unwrap();
    let mut times: Vec<u64> =
        all.iter().filter(|entry| &*entry.how == "refused").map(|entry| entry.times).collect();
    times.sort_unstable();
    assert_eq!(times, [1, 9]);
}
