//! One host: what is asked about it, what came back, and what keys do there. Pure.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::Value;

use super::{
    fleet::{BadEvent, clean},
    key::Key,
    rows::{Rows, TABLES},
};
use crate::{
    cli::fit::wrap,
    model::{Column, ColumnSet as _, State},
};

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

/// What is looked at of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Overview,
    /// One of [`TABLES`].
    Table(usize),
    /// Its state in words, its attempts and its changes of state.
    Why,
}

impl Tab {
    /// From left to right; keys are their places, from 1.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let tables = (0..TABLES.len()).map(Self::Table);
        [Self::Overview].into_iter().chain(tables).chain([Self::Why])
    }

    fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Table(at) => TABLES[at].tab,
            Self::Why => "Why",
        }
    }
}

/// A host, looked at closely.
#[derive(Debug)]
pub(super) struct HostDetail {
    pub(super) name: Arc<str>,
    pub(super) story: Option<Story>,
    /// Why the story is not renewed.
    pub(super) trouble: Option<String>,
    pub(super) tab: Tab,
    /// Whether rows that do nothing are listed.
    pub(super) idle: bool,
    /// How many lines of the tab are above the screen.
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
    /// Nothing is known yet. What happened lately to one that `changed` is drawn over a shorter time.
    pub(super) fn new(name: Arc<str>, tab: Tab, changed: bool) -> Self {
        let (story, trouble, asked, span) = (None, None, None, usize::from(!changed));
        let (idle, scrolled, waiting) = (false, 0, false);
        Self { name, story, trouble, tab, idle, scrolled, span, asked, waiting }
    }

    /// What the tabs are called, with how many rows each has, and whether they are looked at. Where that is
    /// wider than the screen, the others have their keys alone.
    pub(super) fn tabs(&self, screen: usize) -> Vec<(String, bool)> {
        let rows = self.story.as_ref().map(|story| &story.rows.0);
        let named = |full: bool, counted: bool| -> Vec<(String, bool)> {
            let tab = |(nth, tab): (usize, Tab)| {
                let is_chosen = tab == self.tab;
                let name = if full || is_chosen { tab.name() } else { "" };
                let rows = match tab {
                    Tab::Table(at) if counted => rows.map(|rows| rows[at].len()),
                    _ => None,
                };
                let rows = rows.map(|rows| format!(" ({rows})")).unwrap_or_default();
                let space = if name.is_empty() { "" } else { " " };
                (format!(" {}{space}{name}{rows} ", nth + 1), is_chosen)
            };
            Tab::all().enumerate().map(tab).collect()
        };
        let wide = |tabs: &[(String, bool)]| tabs.iter().map(|(tab, _)| tab.len()).sum::<usize>();
        [named(true, true), named(true, false)]
            .into_iter()
            .find(|tabs| wide(tabs) <= screen)
            .unwrap_or_else(|| named(false, false))
    }

    /// The line of the tabs was clicked.
    pub(super) fn click(&mut self, column: usize, screen: usize) {
        let mut right = 0;
        for ((name, _), tab) in self.tabs(screen).iter().zip(Tab::all()) {
            right += name.len();
            if column < right {
                return self.look_at(tab);
            }
        }
    }

    /// What stands above the titles of a tab, in lines of a screen so wide.
    pub(super) fn head(&self, screen: usize) -> Vec<String> {
        match (&self.story, self.tab) {
            (Some(story), Tab::Why) => wrap(&story.why.sentence, screen.saturating_sub(2)),
            _ => Vec::new(),
        }
    }

    /// Looks at another tab.
    pub(super) fn look_at(&mut self, tab: Tab) {
        self.tab = tab;
        self.scrolled = 0;
    }

    fn look_beside(&mut self, step: usize) {
        let tabs: Vec<Tab> = Tab::all().collect();
        let at = tabs.iter().position(|tab| *tab == self.tab).unwrap_or(0);
        self.look_at(tabs[(at + step) % tabs.len()]);
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

    /// Lines of the tab, where it is one that scrolls.
    pub(super) fn lines(&self) -> usize {
        let Some(story) = &self.story else { return 0 };
        match self.tab {
            Tab::Overview => 0,
            Tab::Table(at) => {
                let (busy, idle) = story.rows.split(at);
                // Those that are not listed are told in a line.
                busy.len() + if self.idle { idle.len() } else { usize::from(!idle.is_empty()) }
            }
            // Between them are their titles.
            Tab::Why => story.why.attempts.len() + 1 + story.why.events.len(),
        }
    }

    /// Scrolls by so many lines; `room` is how many are seen.
    pub(super) fn scroll(&mut self, by: isize, room: usize) {
        let last = self.lines().saturating_sub(room);
        self.scrolled = self.scrolled.saturating_add_signed(by).min(last);
    }

    /// A key was pressed; `room` is how many lines are seen.
    pub(super) fn press(&mut self, key: Key, room: usize) {
        let page = isize::try_from(room).unwrap_or(isize::MAX);
        match key {
            Key::Up | Key::Char('k') => self.scroll(-1, room),
            Key::Down | Key::Char('j') => self.scroll(1, room),
            Key::PageUp => self.scroll(-page, room),
            Key::PageDown | Key::Char(' ') => self.scroll(page, room),
            Key::Home | Key::Char('g') => self.scrolled = 0,
            Key::End | Key::Char('G') => self.scroll(isize::MAX, room),
            Key::Tab | Key::Right => self.look_beside(1),
            Key::BackTab | Key::Left => self.look_beside(Tab::all().count() - 1),
            Key::Char('w') => self.look_at(Tab::Why),
            Key::Char('i') => {
                self.idle = !self.idle;
                self.scroll(0, room);
            }
            Key::Char('+' | '=') => self.span = (self.span + 1).min(SPANS.len() - 1),
            Key::Char('-') => self.span = self.span.saturating_sub(1),
            Key::Char(digit) => {
                let nth = digit.to_digit(10).and_then(|digit| usize::try_from(digit).ok());
                if let Some(tab) = nth.and_then(|nth| Tab::all().nth(nth.checked_sub(1)?)) {
                    self.look_at(tab);
                }
            }
            _ => {}
        }
    }
}
