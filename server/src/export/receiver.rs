//! The receiver: one request to it, and what its answer means. The specifications: remote_write 1.0 and 2.0 at
//! prometheus.io/docs/specs.

use std::time::Duration;

use axum::body::Bytes;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER},
};

use super::{ExportError, encode::WriteVersion};
use crate::{
    channel::{MAX_ANSWER_BYTES, retry_after},
    config::{self, HeaderField},
    outgoing::{Answer, CallError, Client, SetupError, Trust, may_pass},
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

/// How a request ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RequestEnd {
    /// The receiver has it: so many samples.
    Taken(u32),
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
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
        Ok(Some(Self { client, headers }))
    }

    /// `host:port`.
    pub(super) fn authority(&self) -> String {
        self.client.url().authority()
    }

    /// Sends one request of so many samples.
    pub(super) async fn send(
        &self,
        version: WriteVersion,
        body: Bytes,
        samples: u32,
        now: WallMs,
    ) -> RequestEnd {
        let (kind, number) = match version {
            WriteVersion::First => ("application/x-protobuf", "0.1.0"),
            WriteVersion::Second => {
                ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0")
            }
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
        headers.insert(VERSION, HeaderValue::from_static(number));
        let answered = self.client.call(request, MAX_ANSWER_BYTES).await;
        self.meaning(version, samples, answered, now)
    }

    fn meaning(
        &self,
        version: WriteVersion,
        samples: u32,
        answered: Result<Answer, CallError>,
        now: WallMs,
    ) -> RequestEnd {
        let answer = match answered {
            Ok(answer) => answer,
            Err(error) => return RequestEnd::Later(None, error.to_string()),
        };
        let text = |name: &HeaderName| answer.headers.get(name)?.to_str().ok();
        let written = text(&WRITTEN).and_then(|text| text.trim().parse::<u32>().ok());
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
        let said = one_line(&String::from_utf8_lossy(&answer.body), SHOWN);
        let said = if said.is_empty() { said } else { format!(": {said}") };
        let why = match status.is_redirection() {
            true => ", and redirects are not followed",
            false => "",
        };
        let words = format!("{} answered {status}{why}{said}", self.authority());
        if may_pass(status) {
            RequestEnd::Later(text(&RETRY_AFTER).and_then(|text| retry_after(text, now)), words)
        } else {
            RequestEnd::Refused(written.unwrap_or(0).min(samples), words)
        }
    }
}
