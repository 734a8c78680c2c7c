//! The encoder of a protocol: what makes requests needs not know which.

use std::sync::Arc;

use super::{
    encode::{RequestEncoder, STALE},
    otlp::OtlpEncoder,
    plan::LabelPlan,
    request::{PackedRequest, RequestForm, WriteVersion},
};
use crate::{
    exposition::{FoundSample, HostSamples, NamesOf, SampleKind},
    rates::Total,
    units::WallMs,
};

/// A request that is being written.
pub(super) enum AnyEncoder {
    /// Of remote_write.
    Write(Box<RequestEncoder>),
    /// Of OTLP.
    Otlp(Box<OtlpEncoder>),
}

impl AnyEncoder {
    /// An empty one, for samples of these kinds.
    pub(super) fn new(form: RequestForm, names: NamesOf, kinds: &[SampleKind]) -> Self {
        match form {
            RequestForm::Write(version) => {
                let plan = |kind: &SampleKind| LabelPlan::new(*kind, names.host_label());
                let plans: Arc<[LabelPlan]> = kinds.iter().map(plan).collect();
                Self::Write(Box::new(RequestEncoder::new(version, plans)))
            }
            RequestForm::Otlp => Self::Otlp(Box::new(OtlpEncoder::new(kinds))),
        }
    }

    /// How many samples are in it.
    pub(super) fn samples(&self) -> u32 {
        match self {
            Self::Write(encoder) => encoder.samples(),
            Self::Otlp(encoder) => encoder.samples(),
        }
    }

    /// Its bytes so far, before they are packed.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Write(encoder) => encoder.len(),
            Self::Otlp(encoder) => encoder.len(),
        }
    }

    /// The samples that follow are of this host. Answers what stands for all that names it: where that is another,
    /// all its series are others.
    pub(super) fn begin(&mut self, host: &HostSamples) -> u64 {
        match self {
            Self::Write(encoder) => encoder.begin(host),
            Self::Otlp(encoder) => encoder.begin(host),
        }
    }

    /// Adds a sample of the kind at this place; without a value, the end of its series.
    pub(super) fn add(
        &mut self,
        kind: usize,
        found: FoundSample<'_>,
        value: Option<Total>,
        at: WallMs,
    ) {
        match self {
            Self::Write(encoder) => {
                let bits = value.map_or(STALE, |value| value.number().to_bits());
                encoder.add(kind, found, bits, at);
            }
            Self::Otlp(encoder) => encoder.add(kind, found, value, at),
        }
    }

    /// What was added, packed; none where that is nothing. The next request is of this form.
    pub(super) fn finish(&mut self, next: RequestForm) -> Option<PackedRequest> {
        match self {
            Self::Write(encoder) => {
                let next = match next {
                    RequestForm::Write(version) => version,
                    RequestForm::Otlp => WriteVersion::First,
                };
                encoder.finish(next)
            }
            Self::Otlp(encoder) => encoder.finish(),
        }
    }
}
