//! Messages as far as they are used: of remote_write, both versions, to make one of the other for a receiver that
//! takes the older alone; of OTLP, what a receiver answers. What is sent is written by hand (`encode.rs`, `otlp.rs`),
//! series by series.

use prost::Message as _;

/// remote_write 1.0: `prometheus.WriteRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) timeseries: Vec<LabelSeries>,
}

/// `prometheus.TimeSeries`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LabelSeries {
    #[prost(message, repeated, tag = "1")]
    pub(super) labels: Vec<WireLabel>,
    #[prost(message, repeated, tag = "2")]
    pub(super) samples: Vec<WireSample>,
}

/// `prometheus.Label`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WireLabel {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

/// `prometheus.Sample`, which is that of both versions.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct WireSample {
    #[prost(double, tag = "1")]
    pub(super) value: f64,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "2")]
    pub(super) timestamp: i64,
}

/// remote_write 2.0: `io.prometheus.write.v2.Request`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SymbolRequest {
    /// Every text once; the first is empty.
    #[prost(string, repeated, tag = "4")]
    pub(super) symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    pub(super) timeseries: Vec<SymbolSeries>,
}

/// `io.prometheus.write.v2.TimeSeries`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SymbolSeries {
    /// Names and values in turn, as places among the symbols.
    #[prost(uint32, repeated, tag = "1")]
    pub(super) labels_refs: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    pub(super) samples: Vec<WireSample>,
    #[prost(message, optional, tag = "5")]
    pub(super) metadata: Option<SeriesMetadata>,
}

/// `io.prometheus.write.v2.Metadata`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct SeriesMetadata {
    #[prost(int32, tag = "1")]
    pub(super) kind: i32,
    #[prost(uint32, tag = "3")]
    pub(super) help_ref: u32,
}

/// `opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct MetricsResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) partial_success: Option<PartialSuccess>,
}

/// `ExportMetricsPartialSuccess`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PartialSuccess {
    #[prost(int64, tag = "1")]
    pub(super) rejected_data_points: i64,
    /// Where nothing was rejected, a warning.
    #[prost(string, tag = "2")]
    pub(super) error_message: String,
}

/// `google.rpc.Status`, which says why nothing was taken.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Refusal {
    #[prost(string, tag = "2")]
    pub(super) message: String,
}

/// A packed request of 2.0 as one of 1.0; none where it is no such request.
pub(super) fn as_first(packed: &[u8]) -> Option<Vec<u8>> {
    let bytes = snap::raw::Decoder::new().decompress_vec(packed).ok()?;
    let SymbolRequest { symbols, timeseries } = SymbolRequest::decode(bytes.as_slice()).ok()?;
    let text = |place: u32| symbols.get(usize::try_from(place).ok()?).cloned();
    let series = |series: SymbolSeries| {
        let pairs = series.labels_refs.chunks_exact(2);
        let labels =
            pairs.map(|pair| Some(WireLabel { name: text(pair[0])?, value: text(pair[1])? }));
        Some(LabelSeries { labels: labels.collect::<Option<_>>()?, samples: series.samples })
    };
    let timeseries = timeseries.into_iter().map(series).collect::<Option<_>>()?;
    snap::raw::Encoder::new().compress_vec(&WriteRequest { timeseries }.encode_to_vec()).ok()
}
