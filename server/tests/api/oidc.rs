//! Signing in at a provider: there and back, and every way in which a provider, or who stands in its place, could be
//! wrong.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::http::StatusCode;
use roundsman::{
    access::{self, Keyring},
    clock::ManualClock,
    config::{Config, Flag, Sources},
    oidc::{MAX_SIGN_INS, Provider},
    resolve::HostResolver,
    store::Span,
    units::{Mono, Now},
    web::Access,
};
use serde_json::{Value, json};

use super::{
    issuer::{CLIENT, Fault, Issuer, SECRET},
    site::{NOW, Reply, Served, soon},
};

const ENTRIES: &str = "[[token]]\nname = \"admin\"\nrole = \"admin\"\nsha256 = \"SUM\"\n\
    [[oidc]]\nmember_of = \"boss\"\nrole = \"admin\"\n\
    [[oidc]]\nmember_of = \"sre\"\nrole = \"operator\"\ngroups = [\"web\"]\n\
    [[oidc]]\nmember_of = \"staff\"\nrole = \"viewer\"\n";

fn entries(text: &str) -> access::Entries {
    let sum = access::Digest::of(b"rm_admin").to_string();
    access::parse("access.toml", &text.replace("SUM", &sum)).unwrap()
}

/// A server and its provider.
struct Pair {
    site: Served,
    issuer: Issuer,
    keyring: Keyring,
    /// The provider's, as the server sees it.
    clock: Arc<ManualClock>,
    _secrets: tempfile::TempDir,
}

impl Pair {
    async fn start() -> Self {
        let issuer = Issuer::start().await;
        Self::of(issuer, &[]).await
    }

    async fn of(issuer: Issuer, more: &[(&'static str, &str)]) -> Self {
        let secrets = tempfile::tempdir().unwrap();
        let path = secrets.path().join("secret");
        std::fs::write(&path, SECRET).unwrap();
        let mut settings = vec![
            ("oidc.issuer", issuer.url()),
            ("oidc.client_id", CLIENT.to_owned()),
            ("http.access_file", "access.toml".to_owned()),
            ("http.url", "http://localhost".to_owned()),
        ];
        if issuer.conduct.lock().unwrap().confidential {
            settings.push(("oidc.client_secret_file", path.display().to_string()));
        }
        settings.extend(more.iter().map(|(key, value)| (*key, (*value).to_owned())));
        let flag = |(key, value)| Flag { key, name: "test", value };
        let flags = settings.into_iter().map(flag).collect();
        let config = Config::load(Sources { flags, ..Sources::default() }).unwrap().config;
        let clock = Arc::new(ManualClock::new(Now { wall: NOW, mono: Mono::default() }));
        let names = HostResolver::new(Vec::new());
        let url = config.http.url.as_ref();
        let provider = Provider::new(&config.oidc, url, names, Arc::clone(&clock) as Arc<_>);
        let keyring = Keyring::default();
        keyring.change(entries(ENTRIES));
        let access = Access::default().with_keyring(keyring.clone());
        let access = access.with_provider(provider.unwrap());
        Self {
            site: Served::start_for_people(access).await,
            issuer,
            keyring,
            clock,
            _secrets: secrets,
        }
    }

    /// Time passes, for all of them.
    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.site.clock.advance(Duration::from_secs(seconds));
        self.issuer.set(|conduct| conduct.now += i64::try_from(seconds).unwrap());
    }

    /// A browser that has come back from the provider; and what it was answered.
    async fn back(&self) -> (Browser, Reply) {
        let mut browser = Browser::default();
        let there = browser.get(&self.site, "/login/oidc?to=%2Falerts%3Fx%3D1").await;
        assert_eq!(there.status, 303, "{}", there.body);
        let path = self.issuer.signs_in(there.header("location").unwrap()).await;
        let reply = browser.get(&self.site, &path).await;
        (browser, reply)
    }

    /// A browser whose user has signed in.
    async fn signed_in(&self) -> Browser {
        let (browser, reply) = self.back().await;
        assert_eq!(location(&reply), "../../login?to=%2Falerts%3Fx%3D1", "{}", reply.body);
        browser
    }

    /// What of the kept audit is about signing in.
    async fn audit(&self) -> Vec<String> {
        soon(self.site.writer.settle(Duration::from_secs(60))).await;
        let all = self.site.store.audit(Span::ALL, 99).await.unwrap();
        let line = |entry: &roundsman::model::AuditEntry| {
            let who = entry.who.as_deref().unwrap_or("-");
            format!("{who} {} {} {}", entry.how, entry.status, entry.what)
        };
        all.iter().map(line).collect()
    }
}

/// What a browser keeps.
#[derive(Default, Clone)]
struct Browser(BTreeMap<String, String>);

impl Browser {
    fn field(&self) -> String {
        let pairs: Vec<String> =
            self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { String::new() } else { format!("Cookie: {}\r\n", pairs.join("; ")) }
    }

    async fn get(&mut self, site: &Served, path: &str) -> Reply {
        // A page of another site leads here.
        let from = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
        let reply = site.ask("GET", path, &format!("{}{from}", self.field())).await;
        for given in reply.headers("set-cookie") {
            let (pair, rest) = given.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if rest.contains("Max-Age=0") {
                self.0.remove(name);
            } else {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
        reply
    }

    /// Who that is, and the status.
    async fn who(&self, site: &Served) -> (u16, Value) {
        let reply = site.ask("GET", "/api/v1/session", &self.field()).await;
        (reply.status, serde_json::from_str(&reply.body).unwrap())
    }
}

fn location(reply: &Reply) -> &str {
    reply.header("location").unwrap_or("none")
}

/// Nobody is signed in by that, for this reason.
fn refused(reply: &Reply, wrong: &str, what: &str) {
    let place = location(reply);
    assert_eq!(reply.status, 303, "{what}: {}", reply.body);
    assert!(place.starts_with(&format!("../../login?wrong={wrong}&")), "{what}: {place}");
    assert!(!reply.headers("set-cookie").any(|one| one.starts_with("roundsman=")), "{what}");
}

#[tokio::test]
async fn who_is_in_a_group_of_the_provider_signs_in_there_and_out_again() {
    for (elliptic, confidential, posts) in
        [(false, true, false), (true, true, true), (true, false, false)]
    {
        let issuer = Issuer::start().await;
        issuer.set(|conduct| {
            (conduct.elliptic, conduct.confidential) = (elliptic, confidential);
            if posts {
                let methods = json!(["client_secret_post"]);
                conduct.described = json!({ "token_endpoint_auth_methods_supported": methods });
            }
        });
        let pair = Pair::of(issuer, &[]).await;
        let login = pair.site.get("/login").await;
        assert!(login.body.contains("href=\"./login/oidc\""), "{}", login.body);
        assert!(login.body.contains(">Sign in with 127.0.0.1</a>"), "{}", login.body);
        let (mut browser, reply) = pair.back().await;
        let given: Vec<&str> = reply.headers("set-cookie").collect();
        assert!(given[0].starts_with("roundsman-sign-in=; Path=/; Max-Age=0;"), "{given:?}");
        assert!(given[1].starts_with("roundsman=rm_"), "{given:?}");
        assert!(
            given[1].ends_with("; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict"),
            "{given:?}"
        );
        assert_eq!(
            reply.header("referrer-policy"),
            Some("no-referrer"),
            "the code is in the address"
        );
        // The first entry of the file counts.
        let who = json!({ "name": "ann", "role": "operator", "groups": ["web"], "how": "oidc" });
        assert_eq!(browser.who(&pair.site).await, (200, who));
        let session = browser.0["roundsman"].clone();
        // A change has to come from the page: the browser sends the cookie by itself.
        let pause = "/api/v1/hosts/web-1/pause";
        let body = "Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close";
        for (from, status) in [("", 403), ("Sec-Fetch-Site: same-origin\r\n", 200)] {
            let head = format!("POST {pause} HTTP/1.1\r\nHost: localhost\r\n{body}\r\n");
            let reply =
                pair.site.exchange(&format!("{head}{}{from}\r\n{{}}", browser.field())).await;
            assert_eq!(reply.status, status, "{}", reply.body);
        }
        // Who signs in again has another session, and the one before is over.
        let again = browser.get(&pair.site, "/login/oidc").await;
        let path = pair.issuer.signs_in(location(&again)).await;
        assert_eq!(location(&browser.get(&pair.site, &path).await), "../../login?to=");
        assert_ne!(browser.0["roundsman"], session);
        assert_eq!(
            Browser([("roundsman".to_owned(), session)].into()).who(&pair.site).await.0,
            401
        );
        let audit = pair.audit().await;
        let sign_in = "ann oidc 200 sign in at 127.0.0.1 as sub 0815".to_owned();
        assert_eq!(audit.iter().filter(|line| **line == sign_in).count(), 2, "{audit:?}");
        let own = format!("{}Sec-Fetch-Site: same-origin\r\n", browser.field());
        let head =
            format!("POST /api/v1/session/end HTTP/1.1\r\nHost: localhost\r\n{body}\r\n{own}");
        assert_eq!(pair.site.exchange(&format!("{head}\r\n{{}}")).await.status, 204);
        assert_eq!(browser.who(&pair.site).await.0, 401, "replayed");
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_an_id_token_signs_nobody_in() {
    let pair = Pair::start().await;
    let mut believed = Vec::new();
    for fault in [
        Fault::AlgNone,
        Fault::AlgNoneSigned,
        Fault::Hs256WithSecret,
        Fault::Hs256WithPublicKey,
        Fault::Rs384,
        Fault::Crit,
        Fault::ForeignKey,
        Fault::UnknownKid,
        Fault::NoKidOfTwoKeys,
        Fault::KeyOfOtherAlg,
        Fault::KeyToEncrypt,
        Fault::Tampered,
        Fault::CutSignature,
        Fault::TwoParts,
        Fault::Iss,
        Fault::IssWithSlash,
        Fault::Aud,
        Fault::AudOfSeveral,
        Fault::AudOfOthers,
        Fault::Azp,
        Fault::Nonce,
        Fault::NoNonce,
        Fault::Exp,
        Fault::NoExp,
        Fault::IatToCome,
        Fault::IatLongAgo,
        Fault::NoIat,
        Fault::NbfToCome,
        Fault::NoSub,
        Fault::EmptySub,
        Fault::LongSub,
        Fault::TokenRefused,
        Fault::TokenBroken,
        Fault::TokenOfHtml,
        Fault::TokenHuge,
        Fault::TokenRedirects,
        Fault::NoIdToken,
    ] {
        pair.issuer.set(|conduct| {
            conduct.fault = fault;
            // Whoever is let in by a fault is nobody less.
            conduct.claims["groups"] = json!(["boss"]);
        });
        // The keys are looked at anew, and who is wrong all the time is heard.
        pair.pass(3_600);
        let (browser, reply) = pair.back().await;
        let is_told = location(&reply).starts_with("../../login?wrong=provider&");
        if !is_told || browser.0.contains_key("roundsman") {
            believed.push(fault);
        }
    }
    assert_eq!(believed, []);
    pair.issuer.set(|conduct| conduct.fault = Fault::None);
    pair.pass(3_600);
    assert_eq!(pair.signed_in().await.who(&pair.site).await.1["role"], "admin", "and without one");
}

#[tokio::test]
async fn no_group_with_an_entry_is_no_access_and_nobody_is_an_administrator_for_being_first() {
    let pair = Pair::start().await;
    for groups in [
        json!([]),
        json!(null),
        json!(["SRE", "sre ", "", "boss-2"]),
        json!({ "boss": true }),
        json!([["boss"], { "x": "boss" }, 1]),
    ] {
        pair.issuer.set(|conduct| conduct.claims["groups"] = groups.clone());
        let (browser, reply) = pair.back().await;
        refused(&reply, "access", &groups.to_string());
        assert_eq!(browser.who(&pair.site).await.0, 401);
    }
    let audit = pair.audit().await;
    let line = "ann refused 403 sign in at 127.0.0.1 as sub 0815: no group has an entry".to_owned();
    assert_eq!(audit, vec![line; 5]);
    // Without any entry for groups, too.
    pair.keyring.change(entries(ENTRIES.split("[[oidc]]").next().unwrap()));
    pair.issuer.set(|conduct| conduct.claims["groups"] = json!(["boss", "admin"]));
    refused(&pair.back().await.1, "access", "no entries");
    // One group may be a text; a name that is not fit for one is not taken.
    pair.keyring.change(entries(ENTRIES));
    for (name, mail, taken) in [
        (json!("local"), json!("a@b.example"), "a@b.example"),
        (json!("a b"), json!(1), "0815"),
        (json!(null), json!("x".repeat(65)), "0815"),
    ] {
        pair.issuer.set(|conduct| {
            conduct.claims = json!({ "sub": "0815", "groups": "staff", "preferred_username": name, "email": mail });
        });
        let who = pair.signed_in().await.who(&pair.site).await.1;
        assert_eq!((&who["name"], &who["role"]), (&taken.into(), &"viewer".into()));
    }
    pair.issuer.set(|conduct| {
        conduct.claims = json!({ "sub": "auth0|\u{202e}", "groups": "staff",
            "email": "a@b.example", "email_verified": false });
    });
    let who = pair.signed_in().await.who(&pair.site).await.1;
    assert!(who["name"].as_str().unwrap().starts_with("oidc-"), "{who}");
}

#[tokio::test]
async fn a_session_of_the_provider_ends_with_its_entry_and_with_another_role() {
    let pair = Pair::start().await;
    for (said, other) in [
        ("member_of = \"sre\"", "member_of = \"sre-2\""),
        ("role = \"operator\"", "role = \"admin\""),
        ("groups = [\"web\"]", "groups = [\"web\", \"db\"]"),
        ("groups = [\"web\"]\n", ""),
    ] {
        let browser = pair.signed_in().await;
        assert_eq!(browser.who(&pair.site).await.0, 200);
        pair.keyring.change(entries(&ENTRIES.replacen(said, other, 1)));
        assert_eq!(browser.who(&pair.site).await.0, 401, "{said}");
        // What was frozen is in force again, not what came since.
        pair.keyring.change(entries(ENTRIES));
        assert_eq!(browser.who(&pair.site).await.1["role"], "operator");
    }
    // The entry itself is no token, whoever can work out what it is known by.
    let digest = entries(ENTRIES).members().next().unwrap().digest();
    let bearer = format!("Authorization: Bearer {digest}\r\n");
    assert_eq!(pair.site.ask("GET", "/api/v1/session", &bearer).await.status, 401);
    // Nor does a session outlive its provider.
    let browser = pair.signed_in().await;
    let other = Issuer::start().await;
    let flags = [
        ("oidc.issuer", other.url()),
        ("oidc.client_id", CLIENT.to_owned()),
        ("http.access_file", "access.toml".to_owned()),
        ("http.url", "http://localhost".to_owned()),
    ];
    let flags = flags.map(|(key, value)| Flag { key, name: "test", value }).to_vec();
    let config = Config::load(Sources { flags, ..Sources::default() }).unwrap().config;
    let names = HostResolver::new(Vec::new());
    let url = config.http.url.as_ref();
    let provider = Provider::new(&config.oidc, url, names, Arc::clone(&pair.clock) as Arc<_>);
    let access = pair.site.site.access.clone().with_provider(provider.unwrap());
    let moved = Served::start_for_people(access).await;
    assert_eq!(browser.who(&moved).await.0, 401);
    assert_eq!(browser.who(&pair.site).await.0, 200);
    pair.site.clock.advance(Duration::from_secs(43_200));
    assert_eq!(browser.who(&pair.site).await.0, 401, "idle");
}

#[tokio::test]
async fn a_callback_that_is_not_the_answer_to_this_browser_signs_nobody_in() {
    let pair = Pair::start().await;
    let begun = async || {
        let mut browser = Browser::default();
        let there = browser.get(&pair.site, "/login/oidc").await;
        let path = pair.issuer.signs_in(location(&there)).await;
        (browser, path)
    };
    let try_it = async |mut browser: Browser, path: &str, wrong: &str, what: &str| {
        pair.site.clock.advance(Duration::from_secs(1));
        refused(&browser.get(&pair.site, path).await, wrong, what);
    };
    let (browser, path) = begun().await;
    try_it(Browser::default(), &path, "again", "a link that somebody else made").await;
    let (victim, _) = begun().await;
    try_it(victim, &path, "again", "the code of another one, in a browser that signs in").await;
    for (said, other) in [("state=", "state=x"), ("state=", "stat="), ("?code=", "?state=x&code=")]
    {
        try_it(browser.clone(), &path.replace(said, other), "again", other).await;
    }
    let iss = format!("{path}&iss=http%3A%2F%2F127.0.0.1%3A1%2Fmain");
    try_it(browser.clone(), &iss, "provider", "the answer of another provider").await;
    let error = format!("{path}&error=access_denied");
    try_it(browser.clone(), &error, "provider", "the provider says no").await;
    try_it(browser.clone(), &path.replace("code=", "cod="), "provider", "no code").await;
    try_it(browser.clone(), &path.replace("code=", "code=x"), "provider", "another code").await;
    // Whoever has the code, and the cookie of a sign-in of their own, has not the verifier.
    let (other, others) = begun().await;
    let code =
        |path: &str| path.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let stolen = others.replace(&code(&others), &code(&path));
    try_it(other, &stolen, "provider", "a stolen code").await;
    let (mut browser, path) = begun().await;
    let iss = format!("{path}&iss={}", pair.issuer.url().replace(':', "%3A").replace('/', "%2F"));
    let cookie = browser.clone();
    assert_eq!(
        location(&browser.get(&pair.site, &iss).await),
        "../../login?to=",
        "and as it has to be"
    );
    try_it(browser, &path, "again", "the same once more").await;
    try_it(cookie, &path, "provider", "the same with a cookie that was kept").await;
    let (browser, path) = begun().await;
    pair.site.clock.advance(Duration::from_secs(601));
    try_it(browser, &path, "again", "later than ten minutes").await;
    let long = format!("/login/oidc?to={}", "x".repeat(1_025));
    let mut browser = Browser::default();
    let there = browser.get(&pair.site, &long).await;
    let path = pair.issuer.signs_in(location(&there)).await;
    assert_eq!(
        location(&browser.get(&pair.site, &path).await),
        "../../login?to=",
        "too long to keep"
    );
}

#[tokio::test]
async fn keys_are_asked_for_again_for_one_that_is_not_known_once_a_minute_at_most() {
    let pair = Pair::start().await;
    let asked = || pair.issuer.conduct.lock().unwrap().keys_asked;
    pair.signed_in().await;
    pair.signed_in().await;
    assert_eq!(asked(), 1);
    // The provider has new keys.
    pair.issuer.set(|conduct| conduct.kid = "two".to_owned());
    refused(&pair.back().await.1, "provider", "within the minute");
    assert_eq!(asked(), 1);
    pair.pass(60);
    pair.signed_in().await;
    assert_eq!(asked(), 2);
    pair.issuer.set(|conduct| conduct.fault = Fault::UnknownKid);
    for _ in 0..5 {
        refused(&pair.back().await.1, "provider", "a name that nobody has");
    }
    assert_eq!(asked(), 2);
}

#[tokio::test]
async fn a_provider_that_is_another_or_answers_nonsense_is_not_gone_to() {
    let issuer = Issuer::start().await;
    let elsewhere = format!("{}/", issuer.url());
    let pair = Pair::of(issuer, &[]).await;
    let huge = "x".repeat(roundsman::oidc::MAX_PROVIDER_BYTES);
    for described in [
        json!({ "issuer": elsewhere }),
        json!({ "issuer": "http://127.0.0.1:1/main" }),
        json!({ "issuer": null }),
        json!({ "token_endpoint": "http://login.example.org/token" }),
        json!({ "jwks_uri": "file:///etc/passwd" }),
        json!({ "authorization_endpoint": "javascript:alert(1)" }),
        json!({ "more": huge }),
    ] {
        pair.issuer.set(|conduct| conduct.described = described.clone());
        pair.pass(5);
        let reply = Browser::default().get(&pair.site, "/login/oidc").await;
        assert_eq!(location(&reply), "../login?wrong=provider&to=", "{}", reply.body);
        assert_eq!(reply.header("set-cookie"), None);
    }
    pair.issuer.set(|conduct| {
        (conduct.described, conduct.status) = (json!({}), StatusCode::SERVICE_UNAVAILABLE);
    });
    pair.pass(5);
    let reply = Browser::default().get(&pair.site, "/login/oidc").await;
    assert_eq!(location(&reply), "../login?wrong=provider&to=");
    // It is left alone for a moment, and then asked again.
    pair.issuer.set(|conduct| conduct.status = StatusCode::OK);
    let reply = Browser::default().get(&pair.site, "/login/oidc").await;
    assert_eq!(location(&reply), "../login?wrong=provider&to=");
    pair.pass(5);
    pair.signed_in().await;
}

#[tokio::test]
async fn who_is_wrong_again_and_again_and_who_comes_beside_many_is_told_to_wait() {
    let pair = Pair::start().await;
    pair.issuer.set(|conduct| conduct.fault = Fault::ForeignKey);
    for _ in 0..20 {
        refused(&pair.back().await.1, "provider", "a guess");
    }
    refused(&pair.back().await.1, "often", "one too many");
    let audit = pair.audit().await;
    assert_eq!(audit, ["- refused 401 wrong token"], "and the others with the next minute's");
    pair.issuer.set(|conduct| conduct.fault = Fault::None);
    pair.pass(1);
    pair.signed_in().await;
    // The provider does not answer for a while.
    let held = pair.issuer.pause.lock().await;
    let mut waiting = Vec::new();
    for _ in 0..MAX_SIGN_INS {
        let mut browser = Browser::default();
        let there = browser.get(&pair.site, "/login/oidc").await;
        let path = pair.issuer.signs_in(location(&there)).await;
        waiting.push((browser, path));
    }
    let all = waiting.iter_mut().map(|(browser, path)| browser.get(&pair.site, path));
    let all = futures_util::future::join_all(all);
    let beside = async {
        // Until they are all there the next one would be one of them.
        while pair.issuer.waiting() < MAX_SIGN_INS {
            tokio::task::yield_now().await;
        }
        refused(&pair.back().await.1, "often", "beside many");
        drop(held);
    };
    let (replies, ()) = soon(async { tokio::join!(all, beside) }).await;
    for reply in replies {
        assert_eq!(location(&reply), "../../login?to=");
    }
}

#[tokio::test]
async fn a_server_without_a_provider_has_no_way_to_one() {
    let access = Access::default().with_keyring(Keyring::default());
    let site = Served::start_for_people(access).await;
    assert!(!site.get("/login").await.body.contains("login/oidc"));
    assert_eq!(location(&site.get("/login/oidc?to=%2Fx").await), "../login?");
    refused(&site.get("/login/oidc/callback?code=x&state=y").await, "again", "no provider");
}
