//! What people say of alarms: silences and acknowledgements. Kept on the disk before it is answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{Json, extract::State, http::StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::timeout;

use super::{
    Site,
    asked::{AlarmAsked, NothingAsked},
    body::{Body, Nothing, read},
    control::{ORDER_PATIENCE, REASON_PATTERN},
    failure::Failure,
    params::{HostPath, RequestParams},
    who::{Scoped, Who},
};
use crate::{
    access::Identity,
    model::{GroupName, Labels, Severity},
    outbox::{Outbox, PeopleError},
    query::{
        AckShape, LENGTH_PATTERN, MOMENT_PATTERN, Query, SilenceShape, SilencesPage, parse_length,
        parse_moment,
    },
    route::{MAX_REASON_BYTES, MAX_SILENCE, Matcher, Silence, SilenceError},
    text::{Glob, one_line},
    units::WallMs,
};

/// What the body of a silence must be, in words.
const EXPECTED_SILENCE: &str = "a JSON object (content-type application/json) with \"who\", \"why\", \"for\" (a length such as \
     \"2h\") or \"until\" (RFC 3339) or \"until_clear\" (a boolean), and at least one of \"groups\", \"rules\", \"hosts\", \
     \"rows\", \"severity\" (lists) and \"labels\" (an object)";

/// What the body of an acknowledgement must be, in words.
const EXPECTED_ACK: &str =
    "a JSON object (content-type application/json) with \"who\" and, optional, \"note\"";

/// The body of a silence: which alarms, until when, by whom and why. All that is given must hold; what is
/// left out or empty holds for every alarm.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SilenceAsked {
    /// Alarms of hosts of one of these groups.
    #[serde(default)]
    groups: Vec<String>,
    /// Alarms of hosts with all of these labels.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// Alarms of one of these severities.
    #[serde(default)]
    severity: Vec<Severity>,
    /// Alarms of rules whose name fits one of these; `*` is any text, `?` one character.
    #[serde(default)]
    rules: Vec<String>,
    /// Alarms of hosts whose name fits one of these.
    #[serde(default)]
    hosts: Vec<String>,
    /// Alarms of one of these rows.
    #[serde(default)]
    rows: Vec<String>,
    /// How long, at most 30 days; not with `until`. With neither, `until_clear` is true.
    #[schemars(regex(pattern = LENGTH_PATTERN))]
    r#for: Option<String>,
    /// When it ends: a moment to come.
    #[schemars(regex(pattern = MOMENT_PATTERN))]
    until: Option<String>,
    /// It ends by itself when the last alarm that it is about is over, also before `until`; false when
    /// it is left out.
    until_clear: Option<bool>,
    /// By whom: one line of at most 1024 bytes. Whoever asks under a name of their own may leave it out, and
    /// may not say another.
    #[schemars(length(min = 1, max = MAX_REASON_BYTES), regex(pattern = REASON_PATTERN))]
    who: Option<String>,
    /// Why: one line of at most 1024 bytes.
    #[schemars(length(min = 1, max = MAX_REASON_BYTES), regex(pattern = REASON_PATTERN))]
    why: String,
}

/// The body of an acknowledgement.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AckAsked {
    /// By whom: one line of at most 1024 bytes. Whoever asks under a name of their own may leave it out, and
    /// may not say another.
    #[schemars(length(min = 1, max = MAX_REASON_BYTES), regex(pattern = REASON_PATTERN))]
    who: Option<String>,
    /// What there is to say: one line of at most 1024 bytes; may be left out.
    #[schemars(length(max = MAX_REASON_BYTES), regex(pattern = REASON_PATTERN))]
    note: Option<String>,
}

/// What somebody wrote, as logs and terminals may repeat it.
pub(super) fn line(name: &str, text: &str, may_be_empty: bool) -> Result<Arc<str>, String> {
    let is_empty = text.trim().is_empty() && !may_be_empty;
    if is_empty || text.len() > MAX_REASON_BYTES || text.chars().any(char::is_control) {
        let least = if may_be_empty { "at most" } else { "1 to" };
        return Err(format!(
            "{name:?} is one line of {least} {MAX_REASON_BYTES} bytes, without control characters"
        ));
    }
    Ok(one_line(text, MAX_REASON_BYTES).into())
}

/// The groups that somebody says something of; of who sees some, these alone: what they may not see is none of
/// theirs.
pub(super) fn own_groups(
    asking: &Identity,
    mut groups: BTreeSet<GroupName>,
) -> Result<BTreeSet<GroupName>, String> {
    if let Some(own) = asking.scope.groups() {
        if let Some(other) = groups.iter().find(|group| !own.contains(*group)) {
            return Err(format!("\"groups\": no group is called {:?}", other.as_str()));
        }
        if groups.is_empty() {
            groups.clone_from(own);
        }
    }
    Ok(groups)
}

/// Who says it: whoever asks under a name of their own, or whom the body names.
pub(super) fn by(asking: &Identity, said: Option<&str>) -> Result<Arc<str>, String> {
    match (asking.person(), said) {
        (Some(name), Some(said)) if *said != **name => {
            Err(format!("\"who\" is {name:?}, as whom you ask, or left out"))
        }
        (Some(name), _) => Ok(Arc::clone(name)),
        (None, said) => line("who", said.unwrap_or_default(), false),
    }
}

impl SilenceAsked {
    fn silence(self, asking: &Identity, now: WallMs) -> Result<Silence, String> {
        let until_clear = self.until_clear.unwrap_or(false);
        let until = match (&self.r#for, &self.until) {
            (Some(_), Some(_)) => {
                return Err("\"for\" and \"until\" exclude each other: give one".to_owned());
            }
            (None, None) if until_clear => now.plus(MAX_SILENCE),
            (None, None) => {
                return Err("a silence has an end: give \"for\", \"until\" or \
                     \"until_clear\": true"
                    .to_owned());
            }
            (Some(length), None) => match parse_length(length) {
                Ok(length) => now.plus(length),
                Err(error) => return Err(format!("\"for\": {length:?}: {error}")),
            },
            (None, Some(moment)) => {
                parse_moment(moment, now).map_err(|error| format!("\"until\": {error}"))?
            }
        };
        let group = |text: &String| {
            GroupName::new(text).map_err(|error| format!("\"groups\": {text:?}: {error}"))
        };
        let globs = |texts: &[String]| texts.iter().map(|text| Glob::new(text)).collect();
        let groups = self.groups.iter().map(group).collect::<Result<_, _>>()?;
        let matcher = Matcher {
            groups: own_groups(asking, groups)?,
            labels: Labels::from_iter(self.labels),
            severity: self.severity.into_iter().collect(),
            rules: globs(&self.rules),
            hosts: globs(&self.hosts),
            rows: self.rows.into_iter().collect(),
        };
        Ok(Silence {
            // It is given one with its turn.
            id: "".into(),
            matcher,
            until,
            until_clear,
            who: by(asking, self.who.as_deref())?,
            why: line("why", &self.why, false)?,
        })
    }
}

impl From<PeopleError> for Failure {
    fn from(error: PeopleError) -> Self {
        let words = error.to_string();
        match error {
            PeopleError::Silence(SilenceError::TooMany) | PeopleError::NotFiring { .. } => {
                Self::conflict(words)
            }
            PeopleError::Silence(_) => Self::bad_request(words),
            PeopleError::UnknownSilence(_) => Self::missing(words),
            PeopleError::NotKept | PeopleError::Busy => Self::unavailable(words),
        }
    }
}

/// Waits until what people said before the start is known.
pub(super) async fn known(query: &Query) -> Result<(), Failure> {
    let Some(outbox) = query.outbox() else { return Ok(()) };
    let late = |_| Failure::unavailable("what people said is not read yet: try again".to_owned());
    timeout(ORDER_PATIENCE, outbox.read()).await.map_err(late)
}

fn outbox(query: &Query) -> Result<&Outbox, Failure> {
    let none = || Failure::unavailable("no alarms are followed here".to_owned());
    query.outbox().ok_or_else(none)
}

/// What came of an order, if that is known in time.
async fn done<T>(order: impl Future<Output = Result<T, PeopleError>>) -> Result<T, Failure> {
    let late = |_| {
        Failure::unavailable(format!(
            "not done within {} s: the server is starting, or its disk does not answer; it is done \
             once that does: look at /api/v1/silences or /api/v1/alerts before you ask again",
            ORDER_PATIENCE.as_secs()
        ))
    };
    Ok(timeout(ORDER_PATIENCE, order).await.map_err(late)??)
}

/// `GET /api/v1/silences`.
pub(super) async fn silences(
    Scoped(query): Scoped,
    _: RequestParams<NothingAsked>,
) -> Result<Json<SilencesPage>, Failure> {
    known(&query).await?;
    let page = query.silences();
    page.map(Json).ok_or_else(|| Failure::unavailable("there is no live view".to_owned()))
}

/// `POST /api/v1/silences`.
pub(super) async fn silence(
    Who(asking): Who,
    Scoped(query): Scoped,
    RequestParams(NothingAsked {}, now): RequestParams<NothingAsked>,
    body: Body<SilenceAsked>,
) -> Result<(StatusCode, Json<SilenceShape>), Failure> {
    let asked: SilenceAsked = read(body, EXPECTED_SILENCE)?;
    let silence = asked.silence(&asking, now).map_err(Failure::bad_request)?;
    silence.check(now).map_err(PeopleError::from)?;
    let silence = done(outbox(&query)?.silence(silence, now)).await?;
    // A short one may be over by now.
    let shape = query.silence(&silence.id).unwrap_or_else(|| SilenceShape::new(&silence, 0));
    Ok((StatusCode::CREATED, Json(shape)))
}

/// `POST /api/v1/silences/{id}/end`.
pub(super) async fn end_silence(
    Scoped(query): Scoped,
    HostPath(id): HostPath,
    _: Nothing,
) -> Result<Json<SilenceShape>, Failure> {
    known(&query).await?;
    let over = || PeopleError::UnknownSilence(id.as_str().into());
    let silence = query.silence(&id).ok_or_else(over)?;
    done(outbox(&query)?.end_silence(&id)).await?;
    Ok(Json(silence))
}

/// `POST /api/v1/hosts/{name}/alert/ack`.
pub(super) async fn ack(
    State(site): State<Arc<Site>>,
    (Who(asking), Scoped(query)): (Who, Scoped),
    HostPath(host): HostPath,
    RequestParams(AlarmAsked { rule, row }, _): RequestParams<AlarmAsked>,
    body: Body<AckAsked>,
) -> Result<Json<AckShape>, Failure> {
    let AckAsked { who, note } = read(body, EXPECTED_ACK)?;
    let who = by(&asking, who.as_deref()).map_err(Failure::bad_request)?;
    let note = line("note", &note.unwrap_or_default(), true).map_err(Failure::bad_request)?;
    let key = query.alarm_key(&host, &rule, &row.unwrap_or_default()).await?;
    // An alarm that a crash forgets takes its acknowledgement with it.
    site.control.settle().await;
    done(outbox(&query)?.ack(key.clone(), &who, &note)).await?;
    Ok(Json(query.ack(&host, &key)))
}

/// `POST /api/v1/hosts/{name}/alert/unack`.
pub(super) async fn unack(
    Scoped(query): Scoped,
    HostPath(host): HostPath,
    RequestParams(AlarmAsked { rule, row }, _): RequestParams<AlarmAsked>,
    body: Body<Nothing>,
) -> Result<Json<AckShape>, Failure> {
    let Nothing {} = read(body, "an empty JSON object, {} (content-type application/json)")?;
    let key = query.alarm_key(&host, &rule, &row.unwrap_or_default()).await?;
    done(outbox(&query)?.end_ack(key.clone())).await?;
    Ok(Json(query.ack(&host, &key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        access::How,
        model::{Role, Scope},
    };

    const NOW: WallMs = WallMs(1_774_747_800_000);

    fn alice(scope: Scope) -> Identity {
        let (name, role, how) = ("alice".into(), Role::Operator, How::Session);
        Identity { name, role, scope, how, is_person: true }
    }

    fn silence(asking: &Identity, body: serde_json::Value) -> Result<Silence, String> {
        let asked: SilenceAsked = serde_json::from_value(body).unwrap();
        asked.silence(asking, NOW)
    }

    #[test]
    fn whoever_has_a_name_says_it_under_that_and_under_no_other() {
        let shared = Identity::shared(How::Shared);
        let said =
            |asking: &Identity, who: Option<&str>| by(asking, who).map(|who| who.to_string());
        assert_eq!(said(&alice(Scope::All), None).unwrap(), "alice");
        assert_eq!(said(&alice(Scope::All), Some("alice")).unwrap(), "alice");
        let other = said(&alice(Scope::All), Some("bob")).unwrap_err();
        assert_eq!(other, "\"who\" is \"alice\", as whom you ask, or left out");
        assert_eq!(said(&shared, Some("bob")).unwrap(), "bob");
        assert!(said(&shared, None).unwrap_err().contains("1 to 1024 bytes"));
        assert!(said(&Identity::open(), None).is_err());
    }

    #[test]
    fn a_silence_of_somebody_who_sees_some_groups_is_for_these_and_for_no_other() {
        let [web, db] = ["web", "db"].map(|name| GroupName::new(name).unwrap());
        let limited = alice(Scope::Groups(Arc::new([web.clone()].into())));
        let body = |groups: &[&str]| serde_json::json!({"why": "x", "for": "1h", "hosts": ["*"], "groups": groups});
        let groups = |asking: &Identity, names: &[&str]| {
            silence(asking, body(names)).map(|silence| silence.matcher.groups)
        };
        assert_eq!(groups(&limited, &[]).unwrap(), [web.clone()].into());
        assert_eq!(groups(&limited, &["web"]).unwrap(), [web.clone()].into());
        let other = groups(&limited, &["web", "db"]).unwrap_err();
        assert_eq!(other, "\"groups\": no group is called \"db\"");
        let all = alice(Scope::All);
        assert_eq!(groups(&all, &["web", "db"]).unwrap(), [web, db].into());
        assert_eq!(groups(&all, &[]).unwrap().len(), 0);
    }
}
