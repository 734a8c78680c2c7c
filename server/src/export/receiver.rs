//! The receiver: one request to it, and what its answer means. The specifications: remote_write 1.0 and 2.0 at
//! prometheus.io/docs/specs, OTLP/HTTP in `docs/specification.md` of open-telemetry/opentelemetry-proto.

use std::time::Duration;

use axum::body::Bytes;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER},
};
use prost::Message as _;

use super::{
    ExportError,
    message::{MetricsResponse, PartialSuccess, Refusal},
    request::{RequestForm, WriteVersion},
};
use crate::{
    channel::{MAX_ANSWER_BYTES, retry_after},
    config::{self, HeaderField},
    outgoing::{Answer, Client, SetupError, Trust, may_pass},
    resolve::HostResolver,
    text::one_line,
    units::WallMs,
};

/// What of a receiver's words is logged, bytes.
const SHOWN: usize = 300;

/// Which version a request is of.
const VERSION: HeaderName = HeaderName::from_static("x-prometheus-remote-write-version");

/// How many samples of a request a receiver of 2.0 has kept.
const WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-samples-written");

/// The statuses after which OTLP has a request sent again; any other one is a refusal.
const MAY_PASS: [StatusCode; 4] = [
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::BAD_GATEWAY,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

const PROTOBUF: &str = "application/x-protobuf";

/// How a request ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RequestEnd {
    /// The receiver has it: so many samples.
    Taken(u32),
    /// The same, and it has something to say of them.
    Remarked(u32, String),
    /// It would be refused again. So many samples the receiver has kept all the same.
    Refused(u32, String),
    /// Another try may end better, not before this has passed.
    Later(Option<Duration>, String),
    /// The receiver knows 1.0 alone.
    FirstAlone,
}

/// Where requests go.
#[derive(Debug)]
pub(super) struct Receiver {
    client: Client,
    headers: HeaderMap,
}

impl Receiver {
    /// The receiver of these settings; none where they name none.
    ///
    /// # Errors
    /// [`ExportError`].
    pub(super) fn new(
        settings: &config::Export,
        resolve: &config::Resolve,
    ) -> Result<Option<Self>, ExportError> {
        let Some(url) = settings.url.clone() else { return Ok(None) };
        let trust = Trust {
            authorities: settings.ca_file.clone(),
            identity: None,
            setting: "export.ca_file",
        };
        let names = HostResolver::new(resolve.servers.clone());
        let client =
            Client::new(url, settings.timeout, names, &trust).map_err(|error| match error {
                SetupError::Authorities { path, why } => ExportError::Authorities { path, why },
                other => ExportError::Tls(other),
            })?;
        let mut headers: HeaderMap =
            settings.headers.iter().filter_map(HeaderField::pair).collect();
        if let Some(token) = &settings.token {
            let shown = match &settings.user {
                Some(user) => {
                    let both = format!("{}:{}", user.as_str(), token.expose());
                    format!("Basic {}", STANDARD.encode(both))
                }
                None => format!("Bearer {}", token.expose()),
            };
            let mut shown = HeaderValue::try_from(shown).map_err(|_unfit| ExportError::Token)?;
            shown.set_sensitive(true);
            headers.insert(AUTHORIZATION, shown);
        }
        Ok(Some(Self { client, headers }))
    }

    /// `host:port`.
    pub(super) fn authority(&self) -> String {
        self.client.url().authority()
    }

    /// Sends one request of so many samples.
    pub(super) async fn send(
        &self,
        form: RequestForm,
        body: Bytes,
        samples: u32,
        now: WallMs,
    ) -> RequestEnd {
        let (kind, packing, version) = match form {
            RequestForm::Write(WriteVersion::First) => (PROTOBUF, "snappy", Some("0.1.0")),
            RequestForm::Write(WriteVersion::Second) => {
                let kind = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
                (kind, "snappy", Some("2.0.0"))
            }
            RequestForm::Otlp => (PROTOBUF, "gzip", None),
        };
        let mut request = Request::new(body);
        *request.method_mut() = http::Method::POST;
        let Ok(path) = self.client.url().path().parse() else {
            return RequestEnd::Refused(0, "export.url has a path that cannot be asked for".into());
        };
        *request.uri_mut() = path;
        let headers = request.headers_mut();
        headers.extend(self.headers.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(packing));
        if let Some(version) = version {
            headers.insert(VERSION, HeaderValue::from_static(version));
        }
        match self.client.call(request, MAX_ANSWER_BYTES).await {
            Ok(answer) => match form {
                RequestForm::Write(version) => self.of_write(version, samples, &answer, now),
                RequestForm::Otlp => self.of_otlp(samples, &answer, now),
            },
            Err(error) => RequestEnd::Later(None, error.to_string()),
        }
    }

    fn of_write(
        &self,
        version: WriteVersion,
        samples: u32,
        answer: &Answer,
        now: WallMs,
    ) -> RequestEnd {
        let written = text(answer, &WRITTEN).and_then(|text| text.trim().parse::<u32>().ok());
        let status = answer.status;
        match version {
            WriteVersion::First if status.is_success() => return RequestEnd::Taken(samples),
            // Who says nothing of what it has kept read it as 1.0, of which nothing is in it.
            WriteVersion::Second if status.is_success() => match written {
                Some(written) if written >= samples => return RequestEnd::Taken(samples),
                Some(written) => {
                    let words = format!(
                        "{} answered {status}, and kept {written} of {samples} samples",
                        self.authority()
                    );
                    return RequestEnd::Refused(written, words);
                }
                None => return RequestEnd::FirstAlone,
            },
            WriteVersion::Second if status == StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                return RequestEnd::FirstAlone;
            }
            WriteVersion::First | WriteVersion::Second => {}
        }
        let said = String::from_utf8_lossy(&answer.body);
        self.not_taken(answer, may_pass(status), written.unwrap_or(0).min(samples), &said, now)
    }

    fn of_otlp(&self, samples: u32, answer: &Answer, now: WallMs) -> RequestEnd {
        let status = answer.status;
        if status.is_success() {
            // An answer that cannot be read rejects nothing.
            let read = MetricsResponse::decode(answer.body.as_slice()).unwrap_or_default();
            let Some(PartialSuccess { rejected_data_points, error_message }) = read.partial_success
            else {
                return RequestEnd::Taken(samples);
            };
            let rejected = u32::try_from(rejected_data_points.max(0)).unwrap_or(u32::MAX);
            let kept = samples.saturating_sub(rejected);
            let said = shown(&error_message);
            let words = format!(
                "{} answered {status}, and kept {kept} of {samples} samples{said}",
                self.authority()
            );
            return match rejected {
                0 if error_message.is_empty() => RequestEnd::Taken(samples),
                0 => RequestEnd::Remarked(samples, words),
                _ => RequestEnd::Refused(kept, words),
            };
        }
        let is_protobuf =
            text(answer, &CONTENT_TYPE).is_some_and(|kind| kind.starts_with(PROTOBUF));
        let said = match Refusal::decode(answer.body.as_slice()) {
            Ok(refusal) if is_protobuf => refusal.message,
            _ => String::from_utf8_lossy(&answer.body).into_owned(),
        };
        self.not_taken(answer, MAY_PASS.contains(&status), 0, &said, now)
    }

    /// Of an answer that is no success.
    fn not_taken(
        &self,
        answer: &Answer,
        may_pass: bool,
        kept: u32,
        said: &str,
        now: WallMs,
    ) -> RequestEnd {
        let status = answer.status;
        let why = match status.is_redirection() {
            true => ", and redirects are not followed",
            false => "",
        };
        let words = format!("{} answered {status}{why}{}", self.authority(), shown(said));
        if may_pass {
            let after = text(answer, &RETRY_AFTER).and_then(|text| retry_after(text, now));
            RequestEnd::Later(after, words)
        } else {
            RequestEnd::Refused(kept, words)
        }
    }
}

fn text<'a>(answer: &'a Answer, name: &HeaderName) -> Option<&'a str> {
    answer.headers.get(name)?.to_str().ok()
}

/// A receiver's own words, behind ours.
fn shown(said: &str) -> String {
    let said = one_line(said, SHOWN);
    if said.is_empty() { said } else { format!(": {said}") }
}
