//! One host: what is asked about it, what came back, and what keys do there. Pure.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::Value;

use super::{
    fleet::{BadEvent, clean},
    key::Key,
    rows::Rows,
};
use crate::model::{Column, ColumnSet as _, State};

/// How far back the charts go; `+` and `-` choose.
const SPANS: [(&str, &str); 5] =
    [("-15m", "15 min"), ("-1h", "1 h"), ("-6h", "6 h"), ("-1d", "1 d"), ("-7d", "7 d")];

/// Points of a chart: more than any line has room for are squeezed.
const POINTS: usize = 240;

/// How long the story of a host is taken for fresh.
const FRESH: Duration = Duration::from_secs(2);

/// What is drawn over time.
pub(super) const CHARTS: [Column; 8] = [
    Column::CpuBusyPct,
    Column::MemUsedPct,
    Column::Load1,
    Column::FsUsedMaxPct,
    Column::NetRxBytesPerS,
    Column::NetTxBytesPerS,
    Column::DiskReadBytesPerS,
    Column::DiskWrittenBytesPerS,
];

/// A host, looked at closely.
#[derive(Debug)]
pub(super) struct HostDetail {
    pub(super) name: Arc<str>,
    pub(super) story: Option<Story>,
    /// Why the story is not renewed.
    pub(super) trouble: Option<String>,
    /// How many of the newest attempts are above the list.
    pub(super) scrolled: usize,
    span: usize,
    /// When it was asked last, by a clock that only goes on, and for how long back.
    asked: Option<(Duration, usize)>,
    waiting: bool,
}

/// What is asked of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) name: Arc<str>,
    pub(super) why: String,
    pub(super) series: String,
    pub(super) rows: String,
}

/// What the server tells of a host.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) why: Why,
    pub(super) series: Series,
    pub(super) rows: Rows,
}

/// As of `/api/v1/hosts/{name}/why`.
#[derive(Debug, Deserialize)]
pub(super) struct Why {
    pub(super) sentence: String,
    pub(super) store_error: Option<String>,
    pub(super) host: HostInfo,
    pub(super) attempts: Vec<AttemptRow>,
    pub(super) events: Vec<TransitionRow>,
}

/// The host itself.
#[derive(Debug, Deserialize)]
pub(super) struct HostInfo {
    pub(super) group: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) addresses: Vec<String>,
    pub(super) schedule: Option<String>,
    pub(super) facts: BTreeMap<String, Value>,
    pub(super) last: Option<Last>,
}

/// Its last poll.
#[derive(Debug, Deserialize)]
pub(super) struct Last {
    pub(super) values: Option<BTreeMap<String, Option<f64>>>,
}

/// One attempt.
#[derive(Debug, Deserialize)]
pub(super) struct AttemptRow {
    pub(super) slot_ms: i64,
    pub(super) outcome: String,
    pub(super) state: State,
    pub(super) queue_us: Option<f64>,
    pub(super) connect_us: Option<f64>,
    pub(super) call_us: Option<f64>,
    pub(super) error: Option<String>,
}

/// One change of state.
#[derive(Debug, Deserialize)]
pub(super) struct TransitionRow {
    pub(super) at_ms: i64,
    pub(super) from: State,
    pub(super) to: State,
    pub(super) reason: String,
}

/// As of `/api/v1/hosts/{name}/series`.
#[derive(Debug, Deserialize)]
pub(super) struct Series {
    columns: Vec<SeriesColumn>,
}

#[derive(Debug, Deserialize)]
struct SeriesColumn {
    name: String,
    max: Vec<Option<f64>>,
}

impl Story {
    /// Reads the answers, and makes their texts safe.
    pub(super) fn read(mut why: Value, mut series: Value, rows: Value) -> Result<Self, BadEvent> {
        clean(&mut why);
        clean(&mut series);
        let (why, series) = (serde_json::from_value(why)?, serde_json::from_value(series)?);
        Ok(Self { why, series, rows: Rows::read(rows) })
    }

    /// A column over time: of each point the greatest, so that no peak is lost.
    pub(super) fn line(&self, column: Column) -> &[Option<f64>] {
        let name = column.spec().name;
        let line = self.series.columns.iter().find(|line| line.name == name);
        line.map_or(&[], |line| &line.max)
    }

    /// A column in the last poll.
    pub(super) fn value(&self, column: Column) -> Option<f64> {
        let values = self.why.host.last.as_ref()?.values.as_ref()?;
        values.get(column.spec().name).copied().flatten()
    }

    /// A fact in words.
    pub(super) fn fact(&self, name: &str) -> Option<String> {
        match self.why.host.facts.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

impl HostDetail {
    /// Nothing is known yet.
    pub(super) fn new(name: Arc<str>) -> Self {
        let (story, trouble, asked) = (None, None, None);
        Self { name, story, trouble, scrolled: 0, span: 1, asked, waiting: false }
    }

    /// How far back the charts go, in words.
    pub(super) fn span(&self) -> &'static str {
        SPANS[self.span].1
    }

    /// What is to be asked now, when it is time to; `now` is of a clock that only goes on.
    pub(super) fn ask(&mut self, now: Duration) -> Option<Ask> {
        let fresh = self.asked.is_some_and(|(at, span)| span == self.span && now < at + FRESH);
        if self.waiting || fresh {
            return None;
        }
        self.asked = Some((now, self.span));
        self.waiting = true;
        let columns: Vec<&str> = CHARTS.iter().map(|column| column.spec().name).collect();
        let (columns, from) = (columns.join(","), SPANS[self.span].0);
        Some(Ask {
            name: Arc::clone(&self.name),
            why: format!("/api/v1/hosts/{}/why", self.name),
            series: format!(
                "/api/v1/hosts/{}/series?columns={columns}&from={from}&points={POINTS}",
                self.name
            ),
            rows: format!("/api/v1/hosts/{}?fields=last.detail", self.name),
        })
    }

    /// What came of it.
    pub(super) fn apply(&mut self, told: Result<Story, String>) {
        self.waiting = false;
        match told {
            Ok(story) => {
                self.story = Some(story);
                self.trouble = None;
            }
            // The last story stays.
            Err(trouble) => self.trouble = Some(trouble),
        }
    }

    /// A key was pressed.
    pub(super) fn press(&mut self, key: Key) {
        let attempts = self.story.as_ref().map_or(0, |story| story.why.attempts.len());
        match key {
            Key::Up | Key::Char('k') => self.scrolled = self.scrolled.saturating_sub(1),
            Key::Down | Key::Char('j') => {
                self.scrolled = (self.scrolled + 1).min(attempts.saturating_sub(1));
            }
            Key::Char('+' | '=') => self.span = (self.span + 1).min(SPANS.len() - 1),
            Key::Char('-') => self.span = self.span.saturating_sub(1),
            _ => {}
        }
    }
}
