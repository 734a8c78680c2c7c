//! Requests of remote_write as bytes, series by series. By hand, for a poll has hundreds of series of which all but
//! a few bytes are known before.

use std::{collections::HashMap, sync::Arc};

use xxhash_rust::xxh3::xxh3_64;

use super::{
    plan::{GROUP, LabelOf, LabelPlan},
    request::{PackedRequest, RequestForm, WriteVersion},
    wire::{put_label, put_len, put_sample, put_text, put_varint, varint_len},
};
use crate::{
    exposition::{FoundSample, HostSamples},
    units::WallMs,
};

/// The value that says that a series has ended (Prometheus, `model/value`: `StaleNaN`), as its bits: it is one NaN
/// of many.
pub(super) const STALE: u64 = 0x7ff0_0000_0000_0002;

/// The texts of a request of 2.0.
#[derive(Debug, Default)]
struct Symbols {
    places: HashMap<Box<str>, u32>,
    /// As they are written, the empty one too.
    written: Vec<u8>,
    /// Texts of the host's rows, each at a place that follows from where it is in memory: every value of a row has
    /// the same ones.
    of_rows: Vec<Option<(Arc<str>, u32)>>,
}

/// How many texts of rows are found at once.
const ROW_TEXTS: usize = 256;

impl Symbols {
    fn clear(&mut self) {
        self.places.clear();
        self.written.clear();
        self.of_rows.clear();
        self.of_rows.resize(ROW_TEXTS, None);
        self.place("");
    }

    /// The place of a text of a row.
    fn row_place(&mut self, text: &Arc<str>) -> u32 {
        let slot = text.as_ptr().addr() / size_of::<Arc<str>>() % ROW_TEXTS;
        match &self.of_rows[slot] {
            Some((known, place)) if Arc::ptr_eq(known, text) => *place,
            _ => {
                let place = self.place(text);
                self.of_rows[slot] = Some((Arc::clone(text), place));
                place
            }
        }
    }

    fn place(&mut self, text: &str) -> u32 {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let place = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.places.insert(text.into(), place);
        put_text(&mut self.written, 0x22, text);
        place
    }
}

/// What of a kind is among the symbols of the request.
#[derive(Debug, Clone)]
struct KindPlaces {
    fixed: Vec<[u32; 2]>,
    row: Vec<u32>,
    help: u32,
}

/// The host that samples are of, as each version has it.
#[derive(Debug, Default)]
struct HostLabels {
    host: (&'static str, String),
    group: Option<String>,
    host_written: Vec<u8>,
    group_written: Vec<u8>,
    host_places: [u32; 2],
    group_places: [u32; 2],
}

/// A request that is being written.
#[derive(Debug)]
pub(super) struct RequestEncoder {
    version: WriteVersion,
    plans: Arc<[LabelPlan]>,
    series: Vec<u8>,
    symbols: Symbols,
    places: Vec<Option<KindPlaces>>,
    host: HostLabels,
    samples: u32,
    /// One series' labels.
    labels: Vec<u8>,
    /// What 2.0 says of its kind.
    metadata: Vec<u8>,
    packer: snap::raw::Encoder,
    /// Symbols and series of 2.0 in one piece.
    whole: Vec<u8>,
    /// What the packer writes into.
    packed: Vec<u8>,
}

impl RequestEncoder {
    /// An empty one, for series of these kinds.
    pub(super) fn new(version: WriteVersion, plans: Arc<[LabelPlan]>) -> Self {
        let mut encoder = Self {
            version,
            places: vec![None; plans.len()],
            plans,
            series: Vec::new(),
            symbols: Symbols::default(),
            host: HostLabels::default(),
            samples: 0,
            labels: Vec::new(),
            metadata: Vec::new(),
            packer: snap::raw::Encoder::new(),
            whole: Vec::new(),
            packed: Vec::new(),
        };
        encoder.symbols.clear();
        encoder
    }

    /// How many samples are in it.
    pub(super) fn samples(&self) -> u32 {
        self.samples
    }

    /// Its bytes so far, before they are packed.
    pub(super) fn len(&self) -> usize {
        self.series.len() + self.symbols.written.len()
    }

    /// The samples that follow are of this host. Answers what stands for all that names it beside its name.
    pub(super) fn begin(&mut self, host: &HostSamples) -> u64 {
        let (name, value) = host.host();
        let of = &mut self.host;
        of.host = (name, value.to_owned());
        of.group = host.group().map(str::to_owned);
        let group = of.group.as_deref().unwrap_or_default();
        match self.version {
            WriteVersion::First => {
                of.host_written.clear();
                put_label(&mut of.host_written, name, value);
                of.group_written.clear();
                put_label(&mut of.group_written, GROUP, group);
            }
            WriteVersion::Second => {
                of.host_places = [name, value].map(|text| self.symbols.place(text));
                of.group_places = [GROUP, group].map(|text| self.symbols.place(text));
            }
        }
        xxh3_64(group.as_bytes())
    }

    /// Adds a sample of the kind at this place; `bits` are those of its value.
    pub(super) fn add(&mut self, kind: usize, found: FoundSample<'_>, bits: u64, at: WallMs) {
        self.labels.clear();
        match (self.version, found.more) {
            (WriteVersion::First, []) => self.labels_of_first(kind, found.row),
            (WriteVersion::Second, []) => self.labels_of_second(kind, found.row),
            (_, more) => self.labels_of_any(kind, found.row, more),
        }
        let mut sample = [0; 24];
        let sample = put_sample(&mut sample, bits, at);
        if self.version == WriteVersion::Second {
            self.metadata(kind);
        }
        let out = &mut self.series;
        let labels = match self.version {
            WriteVersion::First => self.labels.len(),
            WriteVersion::Second => 1 + varint_len(self.labels.len()) + self.labels.len(),
        };
        match self.version {
            WriteVersion::First => {
                out.push(0x0a);
                put_len(out, labels + sample.len());
                out.extend_from_slice(&self.labels);
            }
            WriteVersion::Second => {
                out.push(0x2a);
                put_len(out, labels + sample.len() + self.metadata.len());
                out.push(0x0a);
                put_len(out, self.labels.len());
                out.extend_from_slice(&self.labels);
            }
        }
        out.extend_from_slice(sample);
        out.extend_from_slice(&self.metadata);
        self.samples += 1;
    }

    fn labels_of_first(&mut self, kind: usize, row: &[Arc<str>]) {
        let plan = &self.plans[kind];
        for of in &plan.order {
            match of {
                LabelOf::Kind(at) => self.labels.extend_from_slice(&plan.fixed[*at].2),
                LabelOf::Host => self.labels.extend_from_slice(&self.host.host_written),
                LabelOf::Group => self.labels.extend_from_slice(&self.host.group_written),
                LabelOf::Row(at) => {
                    let value = row.get(*at).map_or("", |value| value);
                    put_label(&mut self.labels, plan.kind.row_labels()[*at], value);
                }
            }
        }
    }

    fn labels_of_second(&mut self, kind: usize, row: &[Arc<str>]) {
        let plan = &self.plans[kind];
        let known = known(&mut self.places[kind], plan, &mut self.symbols);
        let mut put = |[name, value]: [u32; 2]| {
            // An empty value is the same as none.
            if value != 0 {
                put_varint(&mut self.labels, name.into());
                put_varint(&mut self.labels, value.into());
            }
        };
        for of in &plan.order {
            match of {
                LabelOf::Kind(at) => put(known.fixed[*at]),
                LabelOf::Host => put(self.host.host_places),
                LabelOf::Group => put(self.host.group_places),
                LabelOf::Row(at) => {
                    let value = row.get(*at).map_or(0, |value| self.symbols.row_place(value));
                    put([known.row[*at], value]);
                }
            }
        }
    }

    /// Where a sample has labels of its own.
    fn labels_of_any(&mut self, kind: usize, row: &[Arc<str>], more: &[(&str, &str)]) {
        let plans = Arc::clone(&self.plans);
        let plan = &plans[kind];
        let mut all: Vec<(&str, &str)> = more.to_vec();
        for of in &plan.order {
            all.push(match of {
                LabelOf::Kind(at) => (plan.fixed[*at].0, plan.fixed[*at].1),
                LabelOf::Host => (self.host.host.0, &self.host.host.1),
                LabelOf::Group => (GROUP, self.host.group.as_deref().unwrap_or_default()),
                LabelOf::Row(at) => {
                    (plan.kind.row_labels()[*at], row.get(*at).map_or("", |value| value))
                }
            });
        }
        all.sort_unstable();
        for (name, value) in all.into_iter().filter(|(_, value)| !value.is_empty()) {
            match self.version {
                WriteVersion::First => put_label(&mut self.labels, name, value),
                WriteVersion::Second => {
                    for text in [name, value] {
                        put_varint(&mut self.labels, self.symbols.place(text).into());
                    }
                }
            }
        }
    }

    fn metadata(&mut self, kind: usize) {
        let plan = &self.plans[kind];
        let help = known(&mut self.places[kind], plan, &mut self.symbols).help;
        let out = &mut self.metadata;
        out.clear();
        out.extend([0x2a, 0]);
        if plan.kind.type_number() > 0 {
            out.extend([0x08, plan.kind.type_number()]);
        }
        out.push(0x18);
        put_varint(out, help.into());
        out[1] = (out.len() - 2).to_le_bytes()[0];
    }

    /// What was added, packed; none where that is nothing. The next request is of this version.
    pub(super) fn finish(&mut self, next: WriteVersion) -> Option<PackedRequest> {
        let (version, samples) = (self.version, std::mem::take(&mut self.samples));
        self.version = next;
        self.metadata.clear();
        if samples == 0 {
            return None;
        }
        let bytes = match version {
            WriteVersion::First => &self.series,
            WriteVersion::Second => {
                self.whole.clear();
                self.whole.extend_from_slice(&self.symbols.written);
                self.whole.extend_from_slice(&self.series);
                &self.whole
            }
        };
        let most = snap::raw::max_compress_len(bytes.len());
        self.packed.resize(self.packed.len().max(most), 0);
        // Fails of 4 GiB and more alone, which no request has.
        let packed = self.packer.compress(bytes, &mut self.packed).ok();
        let body = packed.map(|length| self.packed[..length].to_vec());
        self.series.clear();
        self.symbols.clear();
        self.places.fill(None);
        Some(PackedRequest { form: RequestForm::Write(version), body: body?, samples })
    }
}

fn known<'k>(
    places: &'k mut Option<KindPlaces>,
    plan: &LabelPlan,
    symbols: &mut Symbols,
) -> &'k KindPlaces {
    places.get_or_insert_with(|| KindPlaces {
        fixed: plan
            .fixed
            .iter()
            .map(|(name, value, _)| [name, value].map(|text| symbols.place(text)))
            .collect(),
        row: plan.kind.row_labels().iter().map(|name| symbols.place(name)).collect(),
        help: symbols.place(plan.kind.help()),
    })
}

#[cfg(test)]
mod tests;
