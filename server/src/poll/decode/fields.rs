//! How many fields an answer has, counted before it is decoded: an empty message has two bytes on
//! the wire and forty in memory, so that 4 MiB of them would be 100 MB and hold up every other poll.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::{DecodeError, Limit};

/// Counts the fields of the answer and of the messages in it, as deep as what repeats stands, and
/// stops at one over the limit. What is no protobuf is left to the decoder to refuse.
pub(super) fn hold(answer: &[u8]) -> Result<(), DecodeError> {
    let mut found = 0;
    let mut rest = answer;
    while let Some(field) = next(&mut rest) {
        found += 1;
        // Strings and packed numbers look like messages; counting into them is harmless.
        let mut inner = field;
        while found <= Limit::Fields.max() && next(&mut inner).is_some() {
            found += 1;
        }
        if found > Limit::Fields.max() {
            return Err(DecodeError::TooManyFields);
        }
    }
    Ok(())
}

/// Takes the next field off, and gives its content when it may be a message; none at the end, or
/// where no field is.
fn next<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    if rest.is_empty() {
        return None;
    }
    let (tag, wire_type) = decode_key(rest).ok()?;
    if wire_type == WireType::LengthDelimited {
        let length = usize::try_from(decode_varint(rest).ok()?).ok()?;
        let (content, after) = rest.split_at_checked(length)?;
        *rest = after;
        return Some(content);
    }
    skip_field(wire_type, tag, rest, DecodeContext::default()).ok()?;
    Some(&[])
}
