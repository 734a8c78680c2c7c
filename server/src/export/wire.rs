//! How fields of protobuf are written.

use prost::encoding::{encode_varint, encoded_len_varint};

use crate::units::WallMs;

pub(super) fn put_varint(out: &mut Vec<u8>, value: u64) {
    // Most are of one byte, for which this is several times as fast.
    match u8::try_from(value) {
        Ok(byte @ ..0x80) => out.push(byte),
        _ => encode_varint(value, out),
    }
}

pub(super) fn put_len(out: &mut Vec<u8>, length: usize) {
    put_varint(out, u64::try_from(length).unwrap_or(u64::MAX));
}

pub(super) fn varint_len(value: usize) -> usize {
    encoded_len_varint(u64::try_from(value).unwrap_or(u64::MAX))
}

pub(super) fn put_text(out: &mut Vec<u8>, tag: u8, text: &str) {
    out.push(tag);
    put_len(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// A label of 1.0. An empty one is none.
pub(super) fn put_label(out: &mut Vec<u8>, name: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    out.push(0x0a);
    put_len(out, 2 + varint_len(name.len()) + name.len() + varint_len(value.len()) + value.len());
    put_text(out, 0x0a, name);
    put_text(out, 0x12, value);
}

/// A sample as a field of its series, which has the same number in both versions. What is 0 is left out, as
/// proto3 wants it.
pub(super) fn put_sample(out: &mut [u8; 24], bits: u64, at: WallMs) -> &[u8] {
    let mut end = 2;
    if bits != 0 {
        out[end] = 0x09;
        out[end + 1..end + 9].copy_from_slice(&bits.to_le_bytes());
        end += 9;
    }
    if at.0 != 0 {
        out[end] = 0x10;
        end += 1;
        let mut rest = at.0.cast_unsigned();
        while rest >= 0x80 {
            out[end] = rest.to_le_bytes()[0] | 0x80;
            rest >>= 7;
            end += 1;
        }
        out[end] = rest.to_le_bytes()[0];
        end += 1;
    }
    out[0] = 0x12;
    out[1] = (end - 2).to_le_bytes()[0];
    &out[..end]
}
