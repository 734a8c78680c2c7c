//! Requests of OTLP as bytes, point by point: one `ResourceMetrics` of each host, as the protos of OpenTelemetry have
//! it (`opentelemetry/proto/collector/metrics/v1`, `metrics/v1`, `common/v1`). By hand, as those of remote_write are.

use libdeflater::{CompressionLvl, Compressor};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    request::{PackedRequest, RequestForm},
    wire::{put_len, put_text, put_varint, varint_len},
};
use crate::{
    exposition::{FoundSample, HostSamples, OWN_PREFIX, SCHEMA_URL, SampleKind, WHOLE_ATTRIBUTES},
    rates::Total,
    units::WallMs,
};

/// How hard gzip tries, of 12. What more would save is not worth its time.
const LEVEL: i32 = 1;

/// A gauge, as a field of its metric.
const GAUGE: u8 = 0x2a;

/// A sum, likewise.
const SUM: u8 = 0x3a;

/// What stands behind the points of a sum: cumulative, and whether it only grows.
const GROWS: &[u8] = &[0x10, 2, 0x18, 1];
const GOES_UP_AND_DOWN: &[u8] = &[0x10, 2];

/// A metric without its points.
#[derive(Debug)]
struct MetricForm {
    name: Vec<u8>,
    help: Vec<u8>,
    unit: Vec<u8>,
    /// What its points are.
    tag: u8,
    /// What stands behind its points.
    tail: &'static [u8],
}

/// What of a kind's points is known before.
#[derive(Debug)]
struct PointForm {
    metric: usize,
    attributes: Vec<u8>,
    row: &'static [&'static str],
    grows: bool,
}

/// A request that is being written.
pub(super) struct OtlpEncoder {
    metrics: Vec<MetricForm>,
    kinds: Vec<PointForm>,
    /// What scope all metrics are of.
    scope: Vec<u8>,
    body: Vec<u8>,
    /// The host whose metrics are being written.
    resource: Vec<u8>,
    /// Its metrics so far.
    of_resource: Vec<u8>,
    /// The metric whose points are being written.
    open: Option<usize>,
    points: Vec<u8>,
    /// Metrics of which the request says what they mean: it says so once.
    is_described: Vec<bool>,
    samples: u32,
    /// One point, or what names a host.
    one: Vec<u8>,
    packer: Compressor,
    /// What the packer writes into.
    packed: Vec<u8>,
}

impl std::fmt::Debug for OtlpEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtlpEncoder").field("samples", &self.samples).finish_non_exhaustive()
    }
}

/// An attribute as a field; an empty one is none. Its name is in two parts.
fn put_attribute(out: &mut Vec<u8>, tag: u8, name: [&str; 2], value: &str) {
    if value.is_empty() {
        return;
    }
    let whole = if WHOLE_ATTRIBUTES.contains(&name[1]) { value.parse::<u32>().ok() } else { None };
    let value_len = match whole {
        Some(whole) => 1 + prost::encoding::encoded_len_varint(whole.into()),
        None => 1 + varint_len(value.len()) + value.len(),
    };
    let name_len = name[0].len() + name[1].len();
    out.push(tag);
    put_len(out, 1 + varint_len(name_len) + name_len + 1 + varint_len(value_len) + value_len);
    out.push(0x0a);
    put_len(out, name_len);
    out.extend_from_slice(name[0].as_bytes());
    out.extend_from_slice(name[1].as_bytes());
    out.push(0x12);
    put_len(out, value_len);
    match whole {
        Some(whole) => {
            out.push(0x18);
            put_varint(out, whole.into());
        }
        None => put_text(out, 0x0a, value),
    }
}

fn put_bytes(out: &mut Vec<u8>, tag: u8, parts: &[&[u8]]) {
    out.push(tag);
    put_len(out, parts.iter().map(|part| part.len()).sum());
    for part in parts {
        out.extend_from_slice(part);
    }
}

fn put_fixed(out: &mut Vec<u8>, tag: u8, bits: u64) {
    out.push(tag);
    out.extend_from_slice(&bits.to_le_bytes());
}

fn nanoseconds(at: WallMs) -> u64 {
    u64::try_from(at.0).unwrap_or_default().saturating_mul(1_000_000)
}

impl MetricForm {
    fn new(kind: &SampleKind) -> Self {
        let (mut name, mut help, mut unit) = (Vec::new(), Vec::new(), Vec::new());
        put_text(&mut name, 0x0a, kind.name());
        put_text(&mut help, 0x12, kind.help());
        if !kind.unit().is_empty() {
            put_text(&mut unit, 0x1a, kind.unit());
        }
        let (tag, tail) = match kind.grows() {
            Some(true) => (SUM, GROWS),
            Some(false) => (SUM, GOES_UP_AND_DOWN),
            None => (GAUGE, &[][..]),
        };
        Self { name, help, unit, tag, tail }
    }
}

impl OtlpEncoder {
    /// An empty one, for points of these kinds, those of one metric one after the other.
    pub(super) fn new(kinds: &[SampleKind]) -> Self {
        let (mut metrics, mut last) = (Vec::new(), None);
        let of_kind = |kind: &SampleKind| {
            if last != Some(kind.name()) {
                metrics.push(MetricForm::new(kind));
                last = Some(kind.name());
            }
            let mut attributes = Vec::new();
            for (name, value) in kind.labels() {
                put_attribute(&mut attributes, 0x3a, ["", name], value);
            }
            let (row, grows) = (kind.row_labels(), kind.grows() == Some(true));
            PointForm { metric: metrics.len() - 1, attributes, row, grows }
        };
        let kinds = kinds.iter().map(of_kind).collect();
        let (mut of_scope, mut scope) = (Vec::new(), Vec::new());
        // Without a version: a store that makes a label of it would begin other series with each release.
        put_text(&mut of_scope, 0x0a, env!("CARGO_PKG_NAME"));
        put_bytes(&mut scope, 0x0a, &[&of_scope]);
        Self {
            is_described: vec![false; metrics.len()],
            metrics,
            kinds,
            scope,
            body: Vec::new(),
            resource: Vec::new(),
            of_resource: Vec::new(),
            open: None,
            points: Vec::new(),
            samples: 0,
            one: Vec::new(),
            packer: Compressor::new(CompressionLvl::new(LEVEL).unwrap_or_default()),
            packed: Vec::new(),
        }
    }

    /// How many points are in it.
    pub(super) fn samples(&self) -> u32 {
        self.samples
    }

    /// Its bytes so far, before they are packed.
    pub(super) fn len(&self) -> usize {
        self.body.len() + self.of_resource.len() + self.points.len()
    }

    /// The points that follow are of this host. Answers what stands for all that names it.
    pub(super) fn begin(&mut self, host: &HostSamples) -> u64 {
        let mut one = std::mem::take(&mut self.one);
        one.clear();
        host.resource(|first, name, value| put_attribute(&mut one, 0x0a, [first, name], value));
        if one != self.resource {
            self.end_resource();
            std::mem::swap(&mut one, &mut self.resource);
        }
        self.one = one;
        xxh3_64(&self.resource)
    }

    /// Adds a point of the kind at this place; without a value, which ends its series.
    pub(super) fn add(
        &mut self,
        kind: usize,
        found: FoundSample<'_>,
        value: Option<Total>,
        at: WallMs,
    ) {
        let metric = self.kinds[kind].metric;
        if self.open != Some(metric) {
            self.end_metric();
            self.open = Some(metric);
        }
        let (form, point) = (&self.kinds[kind], &mut self.one);
        point.clear();
        // A clock that is wrong is no start.
        if let Some(began) = found.began().filter(|began| form.grows && *began < at) {
            put_fixed(point, 0x11, nanoseconds(began));
        }
        put_fixed(point, 0x19, nanoseconds(at));
        if let Some(value) = value {
            match i64::try_from(value.digits) {
                Ok(whole) if value.decimals == 0 => put_fixed(point, 0x31, whole.cast_unsigned()),
                _ => put_fixed(point, 0x21, value.number().to_bits()),
            }
        }
        point.extend_from_slice(&form.attributes);
        for (name, value) in form.row.iter().zip(found.row) {
            put_attribute(point, 0x3a, ["", name], value);
        }
        for (name, value) in found.more {
            put_attribute(point, 0x3a, [OWN_PREFIX, name], value);
        }
        if value.is_none() {
            // DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
            point.extend_from_slice(&[0x40, 1]);
        }
        put_bytes(&mut self.points, 0x0a, &[point]);
        self.samples += 1;
    }

    fn end_metric(&mut self) {
        let Some(open) = self.open.take().filter(|_| !self.points.is_empty()) else { return };
        let form = &self.metrics[open];
        let is_described = std::mem::replace(&mut self.is_described[open], true);
        let help = if is_described { &[][..] } else { &form.help };
        let data_len = self.points.len() + form.tail.len();
        let out = &mut self.of_resource;
        out.push(0x12);
        let head_len = form.name.len() + help.len() + form.unit.len();
        put_len(out, head_len + 1 + varint_len(data_len) + data_len);
        for part in [&form.name, help, &form.unit] {
            out.extend_from_slice(part);
        }
        put_bytes(out, form.tag, &[&self.points, form.tail]);
        self.points.clear();
    }

    fn end_resource(&mut self) {
        self.end_metric();
        if self.of_resource.is_empty() {
            return;
        }
        let schema_len = 1 + varint_len(SCHEMA_URL.len()) + SCHEMA_URL.len();
        let scope_len = self.scope.len() + self.of_resource.len() + schema_len;
        let resource_len = self.resource.len();
        let out = &mut self.body;
        out.push(0x0a);
        put_len(
            out,
            1 + varint_len(resource_len)
                + resource_len
                + 1
                + varint_len(scope_len)
                + scope_len
                + schema_len,
        );
        put_bytes(out, 0x0a, &[&self.resource]);
        out.push(0x12);
        put_len(out, scope_len);
        out.extend_from_slice(&self.scope);
        out.extend_from_slice(&self.of_resource);
        put_text(out, 0x1a, SCHEMA_URL);
        put_text(out, 0x1a, SCHEMA_URL);
        self.of_resource.clear();
    }

    /// What was added, packed; none where that is nothing.
    pub(super) fn finish(&mut self) -> Option<PackedRequest> {
        self.end_resource();
        self.resource.clear();
        self.is_described.fill(false);
        let samples = std::mem::take(&mut self.samples);
        if samples == 0 {
            return None;
        }
        let most = self.packer.gzip_compress_bound(self.body.len());
        self.packed.resize(self.packed.len().max(most), 0);
        // Fails for want of room alone, and there is enough.
        let packed = self.packer.gzip_compress(&self.body, &mut self.packed).ok();
        self.body.clear();
        let body = self.packed[..packed?].to_vec();
        Some(PackedRequest { form: RequestForm::Otlp, body, samples })
    }
}

#[cfg(test)]
pub(super) mod tests;
