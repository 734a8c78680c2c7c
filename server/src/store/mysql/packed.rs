//! The form of MySQL's COMPRESS(): four bytes of length, little-endian, then a zlib stream (RFC
//! 1950), so that UNCOMPRESS() reads what is packed here. Packed here and not by the server: it is
//! a quarter of the bytes on the way, and the database has other things to do.

use std::io::{self, Read as _};

use flate2::{Compress, Compression, FlushCompress, Status, bufread::ZlibDecoder};

/// The largest text that is unpacked, bytes: 40 times that of a host with 1,024 cores.
const MAX_BYTES: u32 = 64 << 20;

/// COMPRESS() keeps lengths in 30 bits.
const LENGTH_BITS: u32 = 0x3fff_ffff;

/// How hard to pack, 1 to 9, what is written poll by poll: quickly. What the text of a poll is packed
/// to is a fifth of its row (benches/store_write.rs), so that little is to be won by more.
const LEVEL: u32 = 1;

/// The same for what is packed once and kept for weeks.
const HARD_LEVEL: u32 = 6;

/// Room that is made for packed bytes at a time.
const ROOM: usize = 1 << 10;

/// Packs texts, one after another with the same state: making it anew for each costs as much as
/// packing the text of a small host.
pub(super) struct Packer(Compress);

impl Packer {
    /// For what is written poll by poll.
    pub(super) fn quick() -> Self {
        Self(Compress::new(Compression::new(LEVEL), true))
    }

    /// For what is packed once and kept for weeks.
    pub(super) fn hard() -> Self {
        Self(Compress::new(Compression::new(HARD_LEVEL), true))
    }

    /// Packs a text.
    ///
    /// # Errors
    /// When it is larger than what is unpacked.
    pub(super) fn pack(&mut self, text: &str) -> io::Result<Vec<u8>> {
        let mut packed = Vec::with_capacity(text.len() / 2 + 64);
        self.append(text, &mut packed)?;
        Ok(packed)
    }

    /// Appends a text, packed.
    ///
    /// # Errors
    /// As [`Packer::pack`].
    pub(super) fn append(&mut self, text: &str, packed: &mut Vec<u8>) -> io::Result<()> {
        let length = u32::try_from(text.len()).ok().filter(|length| *length <= MAX_BYTES);
        let Some(length) = length else {
            return Err(io::Error::other(format!(
                "{} bytes of detail, more than {MAX_BYTES}",
                text.len()
            )));
        };
        packed.extend_from_slice(&length.to_le_bytes());
        self.0.reset();
        loop {
            packed.reserve(ROOM);
            let taken = usize::try_from(self.0.total_in()).map_err(io::Error::other)?;
            let rest = text.as_bytes().get(taken..).unwrap_or_default();
            let status = self.0.compress_vec(rest, packed, FlushCompress::Finish);
            if status.map_err(io::Error::other)? == Status::StreamEnd {
                return Ok(());
            }
        }
    }
}

/// Unpacks what a [`Packer`] or COMPRESS() made of a text.
///
/// # Errors
/// When it is no such thing, or is larger than the limit.
pub(super) fn unpack(packed: &[u8]) -> io::Result<String> {
    let Some((length, stream)) = packed.split_first_chunk::<4>() else {
        return Err(io::Error::other("too short for the form of COMPRESS()"));
    };
    let length = u32::from_le_bytes(*length) & LENGTH_BITS;
    if length > MAX_BYTES {
        return Err(io::Error::other(format!("{length} bytes unpacked, more than {MAX_BYTES}")));
    }
    let mut text = String::with_capacity(usize::try_from(length).unwrap_or(0));
    ZlibDecoder::new(stream).take(u64::from(length) + 1).read_to_string(&mut text)?;
    if u32::try_from(text.len()) != Ok(length) {
        return Err(io::Error::other("its length is not the one it says"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let text = "{\"core\":[[\"ü\",1.5,null]]}".repeat(1_000);
        for mut packer in [Packer::quick(), Packer::hard()] {
            // Nothing of one text is left in the next.
            let first = packer.pack(&text).unwrap();
            let noise: String = (0..9_000_u64).map(|n| format!("{:x}", n * n * 7_919)).collect();
            let packed = packer.pack(&noise).unwrap();
            assert_eq!(unpack(&packed).unwrap(), noise);
            assert_eq!(packer.pack(&text).unwrap(), first);
            assert!(first.len() < text.len() / 10);
            assert_eq!(unpack(&first).unwrap(), text);
            assert_eq!(unpack(&packer.pack("").unwrap()).unwrap(), "");
        }
    }

    #[test]
    fn damage_is_an_error() {
        let packed = Packer::quick().pack("{\"core\":[]}").unwrap();
        let mut longer = packed.clone();
        longer[0] += 1;
        let mut shorter = packed.clone();
        shorter[0] -= 1;
        let mut huge = packed.clone();
        huge[3] = 0x3f;
        for bad in [&[][..], &packed[..3], &packed[..8], &longer, &shorter, &huge] {
            assert!(unpack(bad).is_err(), "{bad:?}");
        }
    }
}
