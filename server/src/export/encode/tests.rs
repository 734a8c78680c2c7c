use prost::Message as _;

use super::*;
use crate::{
    export::message::{SymbolRequest, WriteRequest, as_first},
    exposition::{
        NamesOf, SampleKind,
        tests::{NOW, host},
    },
    model::Outcome,
};

/// A request with one sample of a name: whether the host `a` of the group `web` has values, which is so.
fn one(version: WriteVersion) -> PackedRequest {
    let kinds = SampleKind::all(NamesOf::Roundsman, [].into());
    let kind = kinds.into_iter().find(|kind| kind.name() == "roundsman_host_up").unwrap();
    let plans = Arc::new([LabelPlan::new(kind, NamesOf::Roundsman.host_label())]);
    let mut encoder = RequestEncoder::new(version, plans);
    let host = HostSamples::new(Arc::new(host("a", Outcome::Ok, 0)), NamesOf::Roundsman, NOW);
    encoder.begin(&host);
    host.each(&kind, |found| encoder.add(0, found, 1_f64.to_bits(), NOW));
    encoder.finish(version).unwrap()
}

fn unpacked(request: &PackedRequest) -> Vec<u8> {
    snap::raw::Decoder::new().decompress_vec(&request.body).unwrap()
}

/// By the protos of Prometheus (`prompb/remote.proto`, `types.proto`), field by field.
#[test]
fn a_request_of_1_0_is_these_bytes() {
    let mut expected: Vec<u8> = vec![0x0a, 79];
    expected.extend(b"\x0a\x1d\x0a\x08__name__\x12\x11roundsman_host_up");
    expected.extend(b"\x0a\x0c\x0a\x05group\x12\x03web");
    expected.extend(b"\x0a\x09\x0a\x04host\x12\x01a");
    // 1.0 at 1774747800000.
    expected.extend(b"\x12\x10\x09\0\0\0\0\0\0\xf0\x3f\x10\xc0\xa3\xd9\xb9\xd3\x33");
    expected[1] = u8::try_from(expected.len() - 2).unwrap();
    let request = one(WriteVersion::First);
    assert_eq!(unpacked(&request), expected);
    assert_eq!(request.samples, 1);
    // Snappy's raw form begins with the length, and here is one literal or copies, never a frame's "sNaPpY".
    assert_eq!(usize::from(request.body[0]), expected.len());
}

/// By `prompb/io/prometheus/write/v2/types.proto`.
#[test]
fn a_request_of_2_0_is_these_bytes() {
    let help = SampleKind::all(NamesOf::Roundsman, [].into())[0].help();
    let mut expected: Vec<u8> = b"\x22\x00\x22\x04host\x22\x01a\x22\x05group\x22\x03web".to_vec();
    expected.extend(b"\x22\x08__name__\x22\x11roundsman_host_up\x22");
    put_len(&mut expected, help.len());
    expected.extend(help.as_bytes());
    expected.extend(b"\x2a\x20\x0a\x06\x05\x06\x03\x04\x01\x02");
    expected.extend(b"\x12\x10\x09\0\0\0\0\0\0\xf0\x3f\x10\xc0\xa3\xd9\xb9\xd3\x33");
    expected.extend(b"\x2a\x04\x08\x02\x18\x07");
    assert_eq!(unpacked(&one(WriteVersion::Second)), expected);
}

#[test]
fn a_request_of_2_0_can_be_made_one_of_1_0() {
    let second = one(WriteVersion::Second);
    let first = as_first(&second.body).unwrap();
    assert_eq!(first, one(WriteVersion::First).body);
    assert_eq!(as_first(b"nonsense"), None);
    let read = SymbolRequest::decode(unpacked(&second).as_slice()).unwrap();
    assert_eq!((read.symbols[0].as_str(), read.timeseries.len()), ("", 1));
    let read = WriteRequest::decode(unpacked(&one(WriteVersion::First)).as_slice()).unwrap();
    assert_eq!(read.timeseries[0].samples[0].timestamp, NOW.0);
}

#[test]
fn numbers_and_moments_are_those_of_the_wire() {
    for (bits, at) in [(0, 0), (STALE, 1), (1.5_f64.to_bits(), 127), (7, 128), (9, i64::MAX)] {
        let mut out = [0; 24];
        let written = put_sample(&mut out, bits, WallMs(at));
        assert_eq!((written[0], usize::from(written[1])), (0x12, written.len() - 2));
        let read = crate::export::message::WireSample::decode(&written[2..]).unwrap();
        assert_eq!((read.value.to_bits(), read.timestamp), (bits, at));
    }
}
