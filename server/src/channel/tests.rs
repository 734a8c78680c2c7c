use std::collections::BTreeSet;

use http::StatusCode;
use proptest::prelude::*;
use serde_json::Value;

use super::{sample::*, *};
use crate::{
    config::{HookUrl, Secret},
    language::Language,
    model::Severity,
    units::WallMs,
};

/// A channel of this kind, with all that it needs and nothing else.
fn settings(kind: Kind) -> Settings {
    let lines = match kind {
        Kind::Webhook | Kind::Ntfy | Kind::Heartbeat => "url = \"https://a.test/x/topic\"",
        Kind::Email => {
            "server = \"mail.test\"\nfrom = \"r@a.test\"\nto = [\"ops@a.test\"]\ntls = \"off\""
        }
        Kind::Alertmanager => "urls = [\"http://a.test:9093\"]",
        Kind::Telegram => "token_file = \"t\"\nchat = \"-100\"",
        Kind::Gotify => "url = \"https://a.test\"\ntoken_file = \"t\"",
        Kind::Pagerduty => "token_file = \"t\"",
        _ => "url_file = \"u\"",
    };
    with(kind, lines)
}

fn with(kind: Kind, lines: &str) -> Settings {
    let text = format!("[[channel]]\nname = \"ops\"\nkind = \"{kind}\"\n{lines}\n");
    let channels = parse("alerts.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    channels.into_values().next().unwrap()
}

/// The bodies that are sent to a receiver of this kind.
fn bodies(settings: &Settings, message: &Message) -> Vec<String> {
    let requests = sent(settings, message);
    requests.into_iter().map(http::Request::into_body).collect()
}

fn sent(settings: &Settings, message: &Message) -> Vec<http::Request<String>> {
    let url = HookUrl::parse("https://a.test/x/topic").unwrap();
    let (token, secret) = (Secret::new("12:tok"), Secret::new("SECx"));
    let secrets = Secrets { url: &url, token: Some(&token), secret: Some(&secret) };
    requests(settings, secrets, message, NOW).unwrap()
}

/// The text that a person sees of a document, and its title.
fn seen(kind: Kind, body: &str) -> (Option<String>, String) {
    let json: Value = serde_json::from_str(body).unwrap();
    let text = |pointer: &str| json.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let (title, text) = match kind {
        Kind::Slack | Kind::Telegram => (None, text("/text")),
        Kind::Discord => (text("/embeds/0/title"), text("/embeds/0/description")),
        Kind::Teams => (None, text("/attachments/0/content/body/0/text")),
        Kind::Ntfy | Kind::Gotify => (text("/title"), text("/message")),
        Kind::Dingtalk | Kind::Wecom => (None, text("/text/content")),
        Kind::Feishu | Kind::Lark => (
            text("/content/post/en_us/title").or_else(|| text("/content/post/zh_cn/title")),
            text("/content/post/en_us/content/0/0/text")
                .or_else(|| text("/content/post/zh_cn/content/0/0/text")),
        ),
        _ => (None, None),
    };
    (title, text.unwrap_or_else(|| panic!("{kind}: {body}")))
}

const CHATS: [Kind; 10] = [
    Kind::Slack,
    Kind::Discord,
    Kind::Teams,
    Kind::Telegram,
    Kind::Ntfy,
    Kind::Gotify,
    Kind::Dingtalk,
    Kind::Feishu,
    Kind::Lark,
    Kind::Wecom,
];

/// How long a text is to its receiver, of whom the product's own count is not asked.
fn length(kind: Kind, text: &str) -> usize {
    match kind {
        Kind::Slack | Kind::Discord | Kind::Telegram => text.encode_utf16().count(),
        Kind::Teams | Kind::Dingtalk | Kind::Feishu | Kind::Lark => {
            serde_json::to_string(text).unwrap().len() - 2
        }
        _ => text.len(),
    }
}

/// What a receiver of this kind takes, by its own pages: length of a text, bytes of a request.
fn most(kind: Kind) -> (usize, usize) {
    match kind {
        Kind::Slack => (4_000, usize::MAX),
        Kind::Discord | Kind::Telegram | Kind::Ntfy => (4_096, usize::MAX),
        Kind::Teams => (usize::MAX, 28_000),
        Kind::Dingtalk | Kind::Feishu | Kind::Lark => (usize::MAX, 20_000),
        Kind::Wecom => (2_048, usize::MAX),
        Kind::Gotify => (16_384, usize::MAX),
        _ => (usize::MAX, 65_536),
    }
}

fn fits(kind: Kind, message: &Message) {
    if kind == Kind::Email {
        let letter = letter(&settings(kind), message);
        assert!(letter.subject.chars().count() <= 200 && !letter.subject.contains(['\r', '\n']));
        assert!(letter.body.len() <= 65_536, "{}", letter.body.len());
        return;
    }
    let bodies = bodies(&settings(kind), message);
    for body in &bodies {
        assert!(body.len() <= most(kind).1, "{kind}: {}", body.len());
        let _json: Value = serde_json::from_str(body).unwrap();
    }
    if CHATS.contains(&kind) {
        let (title, text) = seen(kind, &bodies[0]);
        assert!(length(kind, &text) <= most(kind).0, "{kind}: {}", length(kind, &text));
        assert!(title.is_none_or(|title| length(kind, &title) <= 200), "{kind}");
    }
}

/// 500 alarms are too many for every chat: what is not listed is counted, and the link is there.
#[test]
fn a_message_of_500_alarms_fits_every_receiver_and_all_are_counted() {
    let message = Message { more: 80, ..message(500) };
    for kind in Kind::ALL {
        fits(*kind, &message);
    }
    for kind in CHATS {
        let (_, text) = seen(kind, &bodies(&settings(kind), &message)[0]);
        let hidden: usize = text
            .rsplit_once("and ")
            .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok())
            .unwrap_or_else(|| panic!("{kind}: {text}"));
        let shown = text.matches("web-").count();
        assert_eq!(shown + hidden, 580, "{kind}");
        assert!(shown > 5, "{kind}: {shown}");
        assert!(text.contains("monitor.example.org"), "{kind}");
    }
    let document: Value =
        serde_json::from_str(&bodies(&settings(Kind::Webhook), &message)[0]).unwrap();
    let listed = document["items"].as_array().unwrap().len();
    assert_eq!(listed + usize::try_from(document["more"].as_u64().unwrap()).unwrap(), 580);
    assert_eq!(document["version"], CHANNEL_DOCUMENT_VERSION);
    let alerts: usize = bodies(&settings(Kind::Alertmanager), &message)
        .iter()
        .map(|body| serde_json::from_str::<Value>(body).unwrap().as_array().unwrap().len())
        .sum();
    assert_eq!(alerts, 500, "of those that are known by identity none is left out");
    let keys: BTreeSet<String> = bodies(&settings(Kind::Pagerduty), &message)
        .iter()
        .map(|body| serde_json::from_str::<Value>(body).unwrap()["dedup_key"].to_string())
        .collect();
    assert_eq!(keys.len(), 500);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_message_fits_every_receiver(message in any_message()) {
        for kind in Kind::ALL {
            fits(*kind, &message);
        }
    }

    /// In a template's JSON, too.
    #[test]
    fn any_message_fits_a_template(message in any_message()) {
        let lines = "url = \"https://a.test/x\"\nbody = '''{\"a\": {\"t\": \"{title}\"}, \
                     \"h\": \"{host} {row}\", \"x\": \"{text}\", \"l\": \"{link}\"}'''";
        let body = &bodies(&with(Kind::Webhook, lines), &message)[0];
        prop_assert!(body.len() <= 65_536);
        prop_assert!(serde_json::from_str::<Value>(body).is_ok(), "{body}");
        let lines = "url = \"https://a.test/x\"\ntitle = \"{host}: {summary}\"\nbody = \"{host} \
                     {link} {runbook} {summary}\\n{text}\"";
        let (title, text) = seen(Kind::Ntfy, &bodies(&with(Kind::Ntfy, lines), &message)[0]);
        prop_assert!(title.unwrap().len() <= 200 && text.len() <= 4_096);
    }

    #[test]
    fn what_a_name_means_to_a_receiver_is_escaped(name in "[<>&*_`\\[\\]()@|~#]{1,20}") {
        let mut message = message(1);
        message.items[0].host = name.clone().into();
        let text = |kind| seen(kind, &bodies(&settings(kind), &message)[0]).1;
        let telegram = text(Kind::Telegram);
        prop_assert!(!telegram.contains(['<', '>']));
        let back = telegram.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        prop_assert!(back.contains(&name), "{}", telegram);
        prop_assert!(!text(Kind::Slack).contains(['<', '>']));
        let discord = text(Kind::Discord);
        let mut rest = discord.chars();
        while let Some(c) = rest.next() {
            match c {
                '\\' => drop(rest.next()),
                // The link is not escaped: it has none of these.
                c => prop_assert!(!"*_`[]()<>~|#@".contains(c), "{}", discord),
            }
        }
    }
}

#[test]
fn each_receiver_gets_its_own_document() {
    let mut all = serde_json::Map::new();
    let lines = "url_file = \"u\"\nsecret_file = \"s\"";
    for kind in Kind::ALL {
        let settings = match kind {
            Kind::Dingtalk | Kind::Feishu | Kind::Lark => with(*kind, lines),
            Kind::Telegram => with(*kind, "token_file = \"t\"\nchat = \"-100\"\nthread = 7"),
            _ => settings(*kind),
        };
        let requests = sent(&settings, &message(1)).into_iter().map(|request| {
            let (head, body) = request.into_parts();
            let mut heads: Vec<String> = head
                .headers
                .iter()
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                .collect();
            heads.insert(0, format!("{} {}", head.method, head.uri));
            let body: Value = serde_json::from_str(&body).unwrap();
            serde_json::json!({ "head": heads, "body": body })
        });
        all.insert(kind.to_string(), requests.collect());
    }
    insta::assert_json_snapshot!("documents", all);
}

#[test]
fn a_message_says_what_holds_now_since_when_and_what_to_do() {
    let text = |message: &Message| {
        let letter = letter(&settings(Kind::Email), message);
        format!("{}\n---\n{}", letter.subject, letter.body)
    };
    let mut unknown = message(1);
    unknown.items[0].value = None;
    let mut test = message(0);
    (test.kind, test.title, test.link) = (MessageKind::Test, "from the command line".into(), None);
    let mut all = [message(2), resolved(1), unknown, test];
    let texts = |all: &[Message]| all.iter().map(text).collect::<Vec<_>>().join("\n=====\n");
    insta::assert_snapshot!("texts", texts(&all));
    // The words around what a rule says; that is translated where the message is made.
    all.iter_mut().for_each(|message| message.language = Language::Chinese);
    insta::assert_snapshot!("texts_in_chinese", texts(&all));
}

#[test]
fn what_is_over_is_told_as_over_to_those_that_know_alarms() {
    let alerts = &bodies(&settings(Kind::Alertmanager), &resolved(1))[0];
    let alerts: Value = serde_json::from_str(alerts).unwrap();
    assert_eq!(alerts[0]["endsAt"], NOW.to_string());
    assert_eq!(alerts[0]["annotations"]["value"], "41 %", "the value that is true now");
    let firing: Value =
        serde_json::from_str(&bodies(&settings(Kind::Alertmanager), &message(1))[0]).unwrap();
    assert_eq!(
        firing[0]["endsAt"],
        WallMs(NOW.0 + 240_000).to_string(),
        "by the moment of sending"
    );
    assert_eq!(firing[0]["labels"], alerts[0]["labels"], "the same alarm");
    let action = |message: &Message| {
        let event: Value =
            serde_json::from_str(&bodies(&settings(Kind::Pagerduty), message)[0]).unwrap();
        (event["event_action"].clone(), event["dedup_key"].clone())
    };
    let key = Value::from("roundsman/disk_full/1//var");
    assert_eq!(action(&message(1)), ("trigger".into(), key.clone()));
    assert_eq!(action(&resolved(1)), ("resolve".into(), key));
}

/// A backslash in an address would lead elsewhere.
#[test]
fn a_link_leads_where_it_should_in_every_chat() {
    let link = "https://monitor.test/a_b/alerts?group=web&rule=disk_full#x";
    let message = Message { link: Some(link.to_owned()), ..message(1) };
    for kind in CHATS {
        let (_, text) = seen(kind, &bodies(&settings(kind), &message)[0]);
        let text = match kind {
            Kind::Slack | Kind::Telegram => text.replace("&amp;", "&"),
            _ => text,
        };
        assert!(text.ends_with(link), "{kind}: {text}");
    }
}

#[test]
fn two_long_names_stay_two_alarms() {
    let mut message = message(2);
    for (item, end) in message.items.iter_mut().zip(["a", "b"]) {
        item.key.host = crate::model::HostId(1);
        item.key.row = format!("{}{end}", "x".repeat(400)).into();
    }
    let keys: Vec<String> = bodies(&settings(Kind::Pagerduty), &message)
        .iter()
        .map(|body| {
            let event: Value = serde_json::from_str(body).unwrap();
            event["dedup_key"].as_str().unwrap().to_owned()
        })
        .collect();
    assert!(keys[0] != keys[1] && keys.iter().all(|key| key.chars().count() <= 255), "{keys:?}");
}

#[test]
fn a_template_knows_its_placeholders_and_names_the_nearest() {
    let wrong = |text: &str| Template::parse(text).unwrap_err().join("; ");
    assert_eq!(wrong("{hots} {host}"), "unknown placeholder {hots}; did you mean `host`?");
    assert!(wrong("{zzzzzz}").contains("; known are id, kind, severity"));
    let long = "x".repeat(MAX_TEMPLATE_BYTES);
    Template::parse(&long).unwrap();
    assert!(wrong(&format!("{long}x")).contains("at most 2048 bytes"));
    let many = "{host}".repeat(MAX_PLACEHOLDERS);
    Template::parse(&many).unwrap();
    assert!(wrong(&format!("{many}{{rule}}")).contains("at most 32 placeholders, this one has 33"));
    let fill = |text: &str, items| {
        Template::parse(text).unwrap().fill(&message(items), &Kind::Webhook.limits())
    };
    assert_eq!(fill("{ {\"a\":1} {} {{host} {1}", 1), "{ {\"a\":1} {} {host} {1}");
    assert_eq!(fill("{host} {rule} {value} {count}", 2), "web-1, web-2 disk_full 97.3 % 2");
    assert_eq!(fill("{host}", 9), "web-1, web-2, web-3, …");
    assert_eq!(fill("{severity} {kind} {row}", 1), "critical firing /var");
    // What is filled in is not read again.
    let mut message = message(1);
    message.items[0].host = "{rule}".into();
    let filled = Template::parse("{host}").unwrap().fill(&message, &Kind::Webhook.limits());
    assert_eq!(filled, "{rule}");
}

#[test]
fn an_answer_is_taken_tried_again_or_refused() {
    let heard = |kind: Kind, status: u16, body: &str, retry_after: Option<&str>| {
        let status = StatusCode::from_u16(status).unwrap();
        let heard = Heard { status, retry_after, body: body.as_bytes(), is_whole: true };
        match judge(kind, "a.test:443", heard, NOW) {
            Ok(_) => "taken".to_owned(),
            Err(SendError::Transient { retry_after: None, .. }) => "later".to_owned(),
            Err(SendError::Transient { retry_after: Some(time), .. }) => {
                format!("in {}", humantime::format_duration(time))
            }
            Err(SendError::Refused { .. }) => "refused".to_owned(),
        }
    };
    for (status, expected) in [
        (200, "taken"),
        (204, "taken"),
        (301, "refused"),
        (400, "refused"),
        (404, "refused"),
        (408, "later"),
        (425, "later"),
        (429, "later"),
        (500, "later"),
        (503, "later"),
    ] {
        assert_eq!(heard(Kind::Webhook, status, "", None), expected, "{status}");
    }
    for (kind, body, expected) in [
        (Kind::Slack, "ok", "taken"),
        (Kind::Slack, "no_text", "refused"),
        (Kind::Slack, "", "later"),
        (Kind::Telegram, r#"{"ok":true,"result":{}}"#, "taken"),
        (Kind::Telegram, r#"{"ok":false,"error_code":400,"description":"chat"}"#, "refused"),
        (
            Kind::Telegram,
            r#"{"ok":false,"error_code":429,"parameters":{"retry_after":7}}"#,
            "in 7s",
        ),
        (Kind::Telegram, "<html>sign in</html>", "later"),
        (Kind::Dingtalk, r#"{"errcode":0,"errmsg":"ok"}"#, "taken"),
        (Kind::Dingtalk, r#"{"errcode":310000,"errmsg":"sign not match"}"#, "refused"),
        (Kind::Dingtalk, r#"{"errcode":130101,"errmsg":"send too fast"}"#, "later"),
        (Kind::Wecom, r#"{"errcode":0}"#, "taken"),
        (Kind::Wecom, r#"{"errcode":93000}"#, "refused"),
        (Kind::Wecom, r#"{"errcode":45009}"#, "later"),
        (Kind::Feishu, r#"{"code":0,"msg":"success"}"#, "taken"),
        (Kind::Feishu, r#"{"StatusCode":0,"StatusMessage":"success"}"#, "taken"),
        (Kind::Lark, r#"{"code":19021,"msg":"sign match fail"}"#, "refused"),
        (Kind::Lark, r#"{"code":11232,"msg":"frequency limited"}"#, "later"),
        (Kind::Feishu, "", "later"),
        (Kind::Teams, "1", "taken"),
        (Kind::Teams, "", "taken"),
        (Kind::Teams, "… returned HTTP error 429 with …", "later"),
        (Kind::Teams, "… returned HTTP error 404 with …", "refused"),
    ] {
        assert_eq!(heard(kind, 200, body, None), expected, "{kind} {body}");
    }
    assert_eq!(heard(Kind::Ntfy, 429, "", Some("12")), "in 12s");
    assert_eq!(heard(Kind::Ntfy, 503, "", Some("Sun, 29 Mar 2026 01:31:30 GMT")), "in 1m 30s");
    assert_eq!(heard(Kind::Ntfy, 503, "", Some("Sat, 28 Mar 2026 01:31:30 GMT")), "in 0s");
    assert_eq!(heard(Kind::Ntfy, 503, "", Some("soon")), "later");
    assert_eq!(heard(Kind::Discord, 429, r#"{"retry_after": 0.3}"#, None), "in 1s");
    let longest = humantime::format_duration(MAX_RETRY_AFTER).to_string();
    assert_eq!(heard(Kind::Ntfy, 429, "", Some("31536000")), format!("in {longest}"));
    assert_eq!(heard(Kind::Discord, 429, r#"{"retry_after": 1e300}"#, None), "later");
}

#[test]
fn an_answer_is_repeated_in_one_line_that_is_short() {
    let body = format!("no\r\n\u{1b}[31m{}", "x".repeat(2_000));
    let (status, body) = (StatusCode::BAD_REQUEST, body.as_bytes());
    let heard = Heard { status, retry_after: None, body, is_whole: false };
    let words = judge(Kind::Webhook, "a.test:443", heard, NOW).unwrap_err().to_string();
    assert!(
        words.starts_with("a.test:443 answered 400 Bad Request: no  \\u{1b}[31mxxx"),
        "{words}"
    );
    assert!(words.len() < 400 && words.ends_with('…'), "{words}");
    let cut = Heard { status: StatusCode::OK, is_whole: false, body: b"{\"errco", ..heard };
    let words = judge(Kind::Wecom, "a.test:443", cut, NOW).unwrap_err().to_string();
    assert!(words.contains("and the answer was cut"), "{words}");
}

mod pace {
    use std::time::Duration;

    use super::*;
    use crate::units::Mono;

    fn at(seconds: u64) -> Mono {
        Mono(Duration::from_secs(1_000 + seconds))
    }

    fn bucket(count: u32, seconds: u64) -> Bucket {
        Bucket::new(Rate { count, per: Duration::from_secs(seconds) })
    }

    #[test]
    fn a_bucket_gives_its_rate_and_no_more() {
        let mut bucket = bucket(3, 30);
        for left in [2, 1, 0] {
            bucket.take(at(0)).unwrap();
            assert_eq!(bucket.tokens(at(0)), left);
        }
        assert_eq!(bucket.take(at(0)), Err(at(10)));
        assert_eq!(bucket.take(at(9)), Err(at(10)));
        bucket.take(at(10)).unwrap();
        assert_eq!(bucket.take(at(10)), Err(at(20)));
        assert_eq!(bucket.tokens(at(10_000)), 3, "never more than it holds");
    }

    #[test]
    fn over_the_rate_messages_are_merged_and_no_alarm_is_lost() {
        let mut bucket = bucket(2, 60);
        let message = |id: i64| {
            let mut message = message(1);
            message.id = format!("m{id}").into();
            message.items = vec![item(&format!("web-{id}"), id)];
            message
        };
        let [first, second, third] = [1, 2, 3].map(message);
        let Turn::Send(sent, 1) = bucket.turn(&[&first, &second], at(0)) else { panic!() };
        assert_eq!(*sent, first, "within the rate each is sent on its own");
        let mut over = resolved(1);
        (over.id, over.severity) = ("m4".into(), Severity::Warning);
        let waiting = [&second, &third, &over];
        let Turn::Send(merged, 3) = bucket.turn(&waiting, at(0)) else { panic!() };
        let hosts: Vec<&str> = merged.items.iter().map(|item| &*item.host).collect();
        assert_eq!(hosts, ["web-2", "web-3", "web-1"], "what fires comes first");
        assert!(merged.items[2].is_over(), "of each alarm what was said last");
        assert_eq!((merged.kind, merged.severity), (MessageKind::Digest, Severity::Critical));
        assert_eq!(bucket.turn(&waiting, at(0)), Turn::Wait(at(30)));
        let Turn::Send(again, 3) = bucket.turn(&waiting, at(30)) else { panic!() };
        assert_eq!(again.id, merged.id, "the same in every try");
        assert_eq!(bucket.turn(&[], at(30)), Turn::Nothing);
    }

    #[test]
    fn of_an_alarm_that_began_and_ended_the_end_is_told() {
        let mut bucket = bucket(1, 60);
        let (began, over) = (message(1), resolved(1));
        let Turn::Send(merged, 2) = bucket.turn(&[&began, &over], at(0)) else { panic!() };
        assert_eq!(merged.items.len(), 1);
        assert!(merged.items[0].is_over());
    }

    proptest! {
        #[test]
        fn whatever_waits_nothing_is_lost(counts in prop::collection::vec(0_usize..20, 1..20)) {
            let mut id = 0;
            let messages: Vec<Message> = counts.iter().map(|count| {
                let mut message = message(0);
                for _ in 0..*count {
                    id += 1;
                    message.items.push(item("a", id));
                }
                message
            }).collect();
            let mut bucket = bucket(2, 60);
            let (mut waiting, mut told, mut now) = (messages.iter().collect::<Vec<_>>(), 0, at(0));
            loop {
                match bucket.turn(&waiting, now) {
                    Turn::Nothing => break,
                    Turn::Wait(until) => now = until,
                    Turn::Send(message, count) => {
                        told += message.items.len();
                        waiting.drain(..count);
                    }
                }
            }
            prop_assert_eq!(told, usize::try_from(id).unwrap());
        }
    }
}

mod file {
    use super::*;

    #[test]
    fn every_kind_is_read() {
        for kind in Kind::ALL {
            assert_eq!(settings(*kind).kind, *kind);
        }
        let lines =
            "urls = [\"http://a:9093\", \"http://b:9093/am\"]\nrate = \"5/s\"\ntimeout = \"3s\"";
        let channel = with(Kind::Alertmanager, lines);
        assert_eq!(channel.urls.len(), 2);
        assert_eq!((channel.rate.count, channel.rate.per.as_secs()), (5, 1));
        assert_eq!(channel.timeout.as_secs(), 3);
        let mail = settings(Kind::Email);
        assert_eq!((mail.timeout, mail.mail.unwrap().port), (DEFAULT_MAIL_TIMEOUT, 25));
        assert_eq!(settings(Kind::Heartbeat).every, DEFAULT_EVERY);
    }

    /// All at once, each with its place, and no secret in any of them.
    #[test]
    fn what_is_wrong_is_said_all_at_once() {
        let text = include_str!("tests/bad.toml");
        let problems = parse("alerts.toml", text).unwrap_err().to_string();
        insta::assert_snapshot!("problems", problems);
        assert!(!problems.contains("hunter2"), "{problems}");
    }

    #[test]
    fn each_limit_is_one() {
        let channels = |count: usize| {
            let one = |number| {
                format!("[[channel]]\nname = \"c{number}\"\nkind = \"slack\"\nurl_env = \"U\"\n")
            };
            (0..count).map(one).collect::<String>()
        };
        let problems =
            |text: &str| parse("a.toml", text).err().map(|problems| problems.to_string());
        assert_eq!(problems(&channels(MAX_CHANNELS)), None);
        assert!(problems(&channels(MAX_CHANNELS + 1)).unwrap().contains("limit of 100 channels"));
        let name = |bytes: usize| {
            let name = "x".repeat(bytes);
            problems(&format!(
                "[[channel]]\nname = \"{name}\"\nkind = \"slack\"\nurl_env = \"U\"\n"
            ))
        };
        assert_eq!(name(MAX_CHANNEL_NAME_BYTES), None);
        assert!(name(MAX_CHANNEL_NAME_BYTES + 1).unwrap().contains("at most 64"));
        let mail = |count: usize, address: &str| {
            let to = vec![format!("{address:?}"); count].join(", ");
            problems(&format!(
                "[[channel]]\nname = \"m\"\nkind = \"email\"\nserver = \"m\"\nfrom = \"r@a\"\nto = [{to}]\n"
            ))
        };
        assert_eq!(mail(MAX_RECIPIENTS, "o@a"), None);
        assert!(mail(MAX_RECIPIENTS + 1, "o@a").unwrap().contains("1 to 50 recipients"));
        let address = |bytes: usize| format!("o@{}", "a".repeat(bytes - 2));
        assert_eq!(mail(1, &address(MAX_ADDRESS_BYTES)), None);
        assert!(mail(1, &address(MAX_ADDRESS_BYTES + 1)).unwrap().contains("mail address"));
        let managers = |count: usize| {
            let urls = vec!["\"http://a\""; count].join(", ");
            problems(&format!(
                "[[channel]]\nname = \"a\"\nkind = \"alertmanager\"\nurls = [{urls}]\n"
            ))
        };
        assert_eq!(managers(MAX_ALERTMANAGERS), None);
        assert!(managers(MAX_ALERTMANAGERS + 1).unwrap().contains("1 to 8 Alertmanagers"));
        let timeout = |text: &str| {
            problems(&format!(
                "[[channel]]\nname = \"a\"\nkind = \"slack\"\nurl_env = \"U\"\ntimeout = \"{text}\"\n"
            ))
        };
        assert_eq!(timeout("60s"), None);
        assert!(timeout("61s").unwrap().contains("100ms to 1m"));
    }
}
